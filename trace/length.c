/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/length.h"

#include <string.h>

#include "nvme/identify.h"

#define DWORD 4u
#define DSM_RANGE 16u  /* NVM Command Set 1.1, section 3.3.3: a range's entry */
#define COPY_RANGE 32u /* section 3.3.2: a source range's entry, of all descriptor formats */

uint64_t nvt_command_blocks(enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  if (set != NVT_SET_NVM)
    return 0;
  switch (sqe->opcode) {
  case NVT_NVM_READ:
  case NVT_NVM_WRITE:
  case NVT_NVM_COMPARE:
  case NVT_NVM_ZONE_APPEND:
    return (sqe->cdw12 & 0xffffu) + 1u;
  default:
    return 0;
  }
}

/* By a field "Number of Dwords", where the command has one. */
static bool by_dwords(enum nvt_opcode_set set, const struct nvt_sqe *sqe, uint64_t *bytes) {
  size_t count;
  const struct nvt_command_field *rows =
      nvt_command_fields_of(set, nvt_command_code(set, sqe), &count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(rows[i].id, "NUMD") == 0 && nvt_command_field_applies(&rows[i], sqe)) {
      uint64_t value = nvt_command_field_value(&rows[i], sqe);
      *bytes = (rows[i].format == NVT_FORMAT_ZERO_BASED ? value + 1 : value) * DWORD;
      return *bytes != 0;
    }
  return false;
}

static bool admin_length(const struct nvt_sqe *sqe, uint64_t *bytes) {
  switch (sqe->opcode) {
  case NVT_ADMIN_IDENTIFY:
    *bytes = NVT_IDENTIFY_SIZE;
    return true;
  case NVT_ADMIN_GET_LOG_PAGE:
    *bytes = (((uint64_t)(sqe->cdw11 & 0xffff) << 16 | sqe->cdw10 >> 16) + 1) * DWORD;
    return true;
  case NVT_ADMIN_SECURITY_SEND:
  case NVT_ADMIN_SECURITY_RECEIVE:
    *bytes = sqe->cdw11;
    return sqe->cdw11 != 0;
  default:
    return by_dwords(NVT_SET_ADMIN, sqe, bytes);
  }
}

bool nvt_command_length(enum nvt_opcode_set set, const struct nvt_sqe *sqe, uint32_t block,
                        uint64_t *bytes) {
  uint64_t blocks = nvt_command_blocks(set, sqe);
  if (blocks != 0) {
    *bytes = blocks * block;
    return block != 0;
  }
  if (set == NVT_SET_ADMIN)
    return admin_length(sqe, bytes);
  if (set != NVT_SET_NVM)
    return false;
  switch (sqe->opcode) {
  case NVT_NVM_DATASET_MANAGEMENT:
    *bytes = ((sqe->cdw10 & 0xffu) + 1u) * DSM_RANGE;
    return true;
  case NVT_NVM_COPY:
    *bytes = ((sqe->cdw12 & 0xffu) + 1u) * COPY_RANGE;
    return true;
  default:
    return by_dwords(set, sqe, bytes);
  }
}
