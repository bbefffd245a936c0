/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the dwords of submission and completion queue entries mean: nvme/commands.def and
 * nvme/results.def. All functions are pure and safe from any thread (but for a table set
 * with nvt_vendor_use(), see there); strings are static, or that table's.
 */
#ifndef NVT_NVME_COMMANDS_H
#define NVT_NVME_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme.h"
#include "nvme/values.h"

enum nvt_format {
  NVT_FORMAT_DEC,
  NVT_FORMAT_HEX,
  NVT_FORMAT_FLAG,
  NVT_FORMAT_ZERO_BASED,
  NVT_FORMAT_SLBA,
  NVT_FORMAT_CNS,
  NVT_FORMAT_FEATURE,
  NVT_FORMAT_LOG_PAGE,
  NVT_FORMAT_FABRICS,
  NVT_FORMAT_BYTES_DW,
};

#define NVT_STATUS_ANY 0xffffu

/* A field of a command, or of a completion's result. */
struct nvt_command_field {
  enum nvt_opcode_set set;
  uint8_t opcode; /* FABRICS: the command type, FCTYPE */
  uint8_t dword;  /* of the entry: 1 to 3, 10 to 15; of a result: 0 or 1 */
  uint8_t lsb;
  uint8_t width; /* bits, 1 to 64 */
  /* Only there when `when_width` bits at this place have this value; 0: always. Of a result,
   * dwords 0 and 1 are the completion's, others the command's. */
  uint8_t when_dword;
  uint8_t when_lsb;
  uint8_t when_width;
  uint16_t when_value;
  uint16_t status; /* of a result: only with this nvt_status, or NVT_STATUS_ANY */
  enum nvt_format format;
  enum nvt_values values; /* what its values are called */
  const char *id;         /* "QSIZE" */
  const char *title;
  const struct nvt_value_row *names; /* of a person's own table, in place of `values` */
  size_t name_count;
};

/* --- which command it is --- */

/* The set that a command on this queue is in; `io`: its namespace's. */
enum nvt_opcode_set nvt_set_of(uint16_t sqid, uint8_t opcode, enum nvt_opcode_set io);
/* Its number in that set: the opcode, or of Fabrics commands the type (FCTYPE). */
uint8_t nvt_command_code(enum nvt_opcode_set, const struct nvt_sqe *);
/* Of a Command Set Identifier (Base 2.1, section 3.1.1): NVM for those without a table. */
enum nvt_opcode_set nvt_set_of_csi(uint8_t csi);

/* --- fields of a command --- */

/* All rows, in table order; *count is set. A person's own aren't among them. */
const struct nvt_command_field *nvt_command_fields(size_t *count);
/* Those of one command, a person's own too; *count is 0 when there are none. */
const struct nvt_command_field *nvt_command_fields_of(enum nvt_opcode_set, uint8_t code,
                                                      size_t *count);
/* Whether this command has the field, which is one of its command's. */
bool nvt_command_field_applies(const struct nvt_command_field *, const struct nvt_sqe *);
/* The field's raw value in sqe. */
uint64_t nvt_command_field_value(const struct nvt_command_field *, const struct nvt_sqe *);
/* What the value is called, by the field's format, list or own names; NULL: it has no name. */
const char *nvt_field_value_name(const struct nvt_command_field *, uint64_t value);

#define NVT_SQE_DWORDS 16
/* The bits that are set and that no row of the tables covers, by dword: of dword 0 the
 * reserved flags, of dwords 2, 3 and 10 to 15 (1 too of Fabrics commands) the rest. False,
 * and all zero: there are none; or it is a vendor's command, or an unknown one, whose bits
 * are its own. Neither data nor metadata pointers are looked at. */
bool nvt_command_reserved_bits(enum nvt_opcode_set, const struct nvt_sqe *,
                               uint32_t bits[static NVT_SQE_DWORDS]);
/* The entry's dword, 0 to 15. */
uint32_t nvt_sqe_dword(const struct nvt_sqe *, unsigned dword);

/* --- fields of a completion's dwords 0 and 1 --- */

const struct nvt_command_field *nvt_result_fields(size_t *count);
const struct nvt_command_field *nvt_result_fields_of(enum nvt_opcode_set, uint8_t code,
                                                     size_t *count);
/* sqe: NULL when the command isn't known; then fields that depend on it aren't there. */
bool nvt_result_field_applies(const struct nvt_command_field *, const struct nvt_sqe *sqe,
                              const struct nvt_cqe *);
uint64_t nvt_result_field_value(const struct nvt_command_field *, const struct nvt_cqe *);

#endif
