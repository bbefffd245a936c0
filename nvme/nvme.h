/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NVMe on the wire: identifiers from the tables and the two queue entries.
 *
 * All structures are little-endian, as in guest memory; this project runs on
 * little-endian hosts only (asserted below), so that a structure can be used in
 * place.
 */
#ifndef NVT_NVME_NVME_H
#define NVT_NVME_NVME_H

#include <stddef.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "nvmetap needs a little-endian host"
#endif

/* Which table an opcode stands in. Zoned namespaces use NVM's, whose opcodes are free there.
 * Fabrics commands all have opcode 7Fh: there the table's number is the command type. */
enum nvt_opcode_set { NVT_SET_ADMIN, NVT_SET_NVM, NVT_SET_KV, NVT_SET_FABRICS, NVT_SET_COUNT };

enum nvt_direction {
  NVT_DIRECTION_NONE = 0,
  NVT_DIRECTION_OUT = 1, /* host to controller */
  NVT_DIRECTION_IN = 2,  /* controller to host */
  NVT_DIRECTION_BIDI = 3,
};

/* NVT_ADMIN_IDENTIFY, NVT_NVM_READ, … */
enum nvt_opcode {
#define NVT_OPCODE(set, value, id, name, dir) NVT_##set##_##id = (value),
#include "nvme/opcodes.def"
};

/* NVT_SCT_GENERIC, … : Status Code Type */
enum nvt_status_type {
#define NVT_STATUS_TYPE(value, id, name) NVT_SCT_##id = (value),
#include "nvme/status.def"
};

/* A status as SCT << 8 | SC: the Status field of a completion without CRD, M
 * and DNR (Base 2.1, section 4.2.3). */
typedef uint16_t nvt_status;

/* NVT_SC_SUCCESS, NVT_SC_INVALID_OPCODE, … as nvt_status */
enum nvt_status_code {
#define NVT_STATUS(type, code, id, name) NVT_SC_##id = (NVT_SCT_##type << 8) | (code),
#define NVT_STATUS_IN(set, type, code, id, name) NVT_SC_##id = (NVT_SCT_##type << 8) | (code),
#include "nvme/status.def"
};

#define NVT_STATUS_DNR 0x4000 /* Do Not Retry, above the 11 bits of nvt_status */
#define NVT_STATUS_MORE 0x2000

/* NVT_REG_CAP, … : offset in BAR0 */
/* "NVMe", which NSSR takes for a subsystem reset: Base 2.1, section 3.1.4.7. */
#define NVT_NSSR_RESET 0x4e564d65u
enum nvt_register {
#define NVT_REGISTER(offset, size, id, name, title) NVT_REG_##id = (offset),
#include "nvme/registers.def"
};

/* NVT_CC_EN_SHIFT, NVT_CC_EN_WIDTH, … */
enum nvt_register_field {
#define NVT_REGISTER_FIELD(reg, lsb, width, id, title)                                             \
  NVT_##reg##_##id##_SHIFT = (lsb), NVT_##reg##_##id##_WIDTH = (width),
#include "nvme/registers.def"
};

/* NVT_GET(cc, CC_EN): the field's value out of a register's value. */
#define NVT_GET(value, field)                                                                      \
  (((uint64_t)(value) >> NVT_##field##_SHIFT) & (~0ULL >> (64 - NVT_##field##_WIDTH)))
/* NVT_PUT(1, CC_EN): the value in the field's place; bits outside are dropped. */
#define NVT_PUT(value, field)                                                                      \
  (((uint64_t)(value) & (~0ULL >> (64 - NVT_##field##_WIDTH))) << NVT_##field##_SHIFT)

#define NVT_REG_DOORBELLS 0x1000u /* PCIe Transport 1.1, section 3.1.2 */

enum nvt_feature {
#define NVT_FEATURE(value, id, name) NVT_FEATURE_##id = (value),
#include "nvme/features.def"
};

enum nvt_log_page {
#define NVT_LOG_PAGE(value, id, name) NVT_LOG_##id = (value),
#include "nvme/logpages.def"
};

enum nvt_cns {
#define NVT_CNS(value, id, name) NVT_CNS_##id = (value),
#include "nvme/identify_cns.def"
};

/* Submission Queue Entry: Base 2.1, section 4.1, figure 92. */
struct nvt_sqe {
  uint8_t opcode;
  uint8_t flags; /* FUSE 1:0, PSDT 7:6 */
  uint16_t cid;
  uint32_t nsid;
  uint32_t cdw2;
  uint32_t cdw3;
  uint64_t mptr;
  uint64_t prp1; /* or the first half of SGL1 */
  uint64_t prp2;
  uint32_t cdw10;
  uint32_t cdw11;
  uint32_t cdw12;
  uint32_t cdw13;
  uint32_t cdw14;
  uint32_t cdw15;
};
_Static_assert(sizeof(struct nvt_sqe) == 64, "SQE is 64 bytes");

#define NVT_SQE_FUSE(flags) (3u & (flags))
#define NVT_SQE_PSDT(flags) ((flags) >> 6)

/* Completion Queue Entry: Base 2.1, section 4.2, figure 97. */
struct nvt_cqe {
  uint32_t dw0;
  uint32_t dw1;
  uint16_t sqhd;
  uint16_t sqid;
  uint16_t cid;
  uint16_t status; /* bit 0 phase, 15:1 Status field */
};
_Static_assert(sizeof(struct nvt_cqe) == 16, "CQE is 16 bytes");

#define NVT_CQE_PHASE(status) (1u & (status))
#define NVT_CQE_STATUS(status) ((nvt_status)(((status) >> 1) & 0x7ffu)) /* SCT << 8 | SC */
#define NVT_CQE_CRD(status) (((status) >> 12) & 3u)
#define NVT_CQE_MORE(status) (((status) >> 14) & 1u)
#define NVT_CQE_DNR(status) (((status) >> 15) & 1u)

#endif
