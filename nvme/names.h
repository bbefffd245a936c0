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

#include "nvme/nvme.h"
#include "nvme/values.h"

/* The specification's name, or NULL for what the tables don't have. */
const char *nvt_opcode_name(enum nvt_opcode_set set, uint8_t opcode);
const char *nvt_status_name(nvt_status status);
const char *nvt_status_type_name(unsigned sct);
const char *nvt_feature_name(uint8_t fid);
const char *nvt_log_page_name(uint8_t lid);
const char *nvt_cns_name(uint8_t cns);

/* From the table, or by Base 2.1, figure 91 (bits 1:0 of the opcode) for an
 * opcode that the tables don't have. */
enum nvt_direction nvt_opcode_direction(enum nvt_opcode_set set, uint8_t opcode);

struct nvt_register_info {
  uint32_t offset; /* bytes from the start of BAR0 */
  uint32_t size;   /* bytes: 4 or 8 */
  const char *name;
  const char *title;
};

/* The register that holds the byte at offset, or NULL. Doorbells are not here. */
const struct nvt_register_info *nvt_register_at(uint64_t offset);

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

enum nvt_format {
  NVT_FORMAT_DEC,
  NVT_FORMAT_HEX,
  NVT_FORMAT_FLAG,
  NVT_FORMAT_ZERO_BASED,
  NVT_FORMAT_SLBA,
  NVT_FORMAT_CNS,
  NVT_FORMAT_FEATURE,
  NVT_FORMAT_LOG_PAGE,
  NVT_FORMAT_BYTES_DW,
};

struct nvt_command_field {
  enum nvt_opcode_set set;
  uint8_t opcode;
  uint8_t dword; /* 10 to 15 */
  uint8_t lsb;
  uint8_t width; /* bits, 1 to 64 */
  enum nvt_format format;
  enum nvt_values values; /* what its values are called */
  const char *id;         /* "QSIZE" */
  const char *title;
};

/* All rows, in table order; *count is set. */
const struct nvt_command_field *nvt_command_fields(size_t *count);
/* The field's raw value in sqe. */
uint64_t nvt_command_field_value(const struct nvt_command_field *, const struct nvt_sqe *);

#endif
