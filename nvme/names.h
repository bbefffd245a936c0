/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Look-ups in the tables: what a number is called, and where it is. All
 * functions are pure and safe from any thread; strings are static.
 */
#ifndef NVT_NVME_NAMES_H
#define NVT_NVME_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/commands.h"
#include "nvme/nvme.h"
#include "nvme/values.h"

/* The specification's name, or a person's own table's; NULL for what neither has. `code` is
 * the opcode, or of Fabrics commands the type (nvt_command_code()). */
const char *nvt_opcode_name(enum nvt_opcode_set set, uint8_t code);
const char *nvt_status_name(nvt_status status);
/* Of a completion of that set: some codes mean something else there. */
const char *nvt_status_name_in(enum nvt_opcode_set set, nvt_status status);
const char *nvt_status_type_name(unsigned sct);
const char *nvt_feature_name(uint8_t fid);
const char *nvt_log_page_name(uint8_t lid);
const char *nvt_cns_name(uint8_t cns);

/* From the table, or by Base 2.1, figure 91 (bits 1:0 of the opcode) for an
 * opcode that the tables don't have. */
enum nvt_direction nvt_opcode_direction(enum nvt_opcode_set set, uint8_t code);
/* "READ": the ID of nvme/opcodes.def; NULL for what it doesn't have. */
const char *nvt_opcode_id(enum nvt_opcode_set set, uint8_t code);
/* Whether nvme/opcodes.def has it. */
bool nvt_opcode_standard(enum nvt_opcode_set set, uint8_t code);
/* Where its rows stand: those that all I/O command sets share are NVM's. */
enum nvt_opcode_set nvt_opcode_home(enum nvt_opcode_set set, uint8_t code);

struct nvt_register_info {
  uint32_t offset; /* bytes from the start of BAR0 */
  uint32_t size;   /* bytes: 4 or 8 */
  const char *name;
  const char *title;
};

/* The table's rows, in its order. */
const struct nvt_register_info *nvt_registers(size_t *count);
/* The register that holds the byte at offset, or NULL. Doorbells are not here. */
const struct nvt_register_info *nvt_register_at(uint64_t offset);

/* What the values of a register's field are called: the register's offset, the field's lowest bit.
 */
enum nvt_values nvt_register_values(uint32_t offset, unsigned lsb);

/* A doorbell's place: PCIe Transport 1.1, section 3.1.2. */
struct nvt_doorbell_id {
  uint16_t qid;
  bool is_cq; /* head doorbell of a completion queue, else tail of a submission queue */
};
/* False when offset isn't the first byte of a doorbell at this stride
 * (CAP.DSTRD, 0 to 15). */
bool nvt_doorbell_at(uint64_t offset, unsigned dstrd, struct nvt_doorbell_id *out);
/* BAR0 offset of a doorbell. */
uint64_t nvt_doorbell_offset(struct nvt_doorbell_id id, unsigned dstrd);

#endif
