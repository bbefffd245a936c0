/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the meta-record and Identify data say of a controller's limits, and how many bytes a
 * command transfers. The meta-record's JSON is searched, not parsed: two numbers are wanted, and
 * the Wireshark plug-in has no JSON library.
 */
#include <string.h>

#include "nvme/identify.h"
#include "trace/checks_int.h"

#define MDTS_AT offsetof(struct nvt_id_controller, mdts)
#define FLBAS_AT offsetof(struct nvt_id_namespace, flbas)
#define LBAF_AT offsetof(struct nvt_id_namespace, lbaf)

/* The number behind the next `"key":` from *at on; *at moves behind it. A number may stand as a
 * string. */
static bool next_number(const struct nvt_record *record, const char *key, size_t *at,
                        uint64_t *value) {
  const uint8_t *text = record->tail;
  size_t length = record->tail_length;
  size_t key_length = strlen(key);
  while (*at + key_length < length) {
    const uint8_t *found = memmem(text + *at, length - *at, key, key_length);
    if (found == NULL)
      return false;
    size_t i = (size_t)(found - text) + key_length;
    *at = i;
    if (found > text && found[-1] == '\\')
      continue; /* within a string */
    while (i < length && (text[i] == ' ' || text[i] == ':' || text[i] == '"'))
      i++;
    size_t start = i;
    for (*value = 0; i < length && i < start + 10 && text[i] >= '0' && text[i] <= '9'; i++)
      *value = *value * 10 + (text[i] - '0');
    if (i > start && i < length && text[i] != 'x')
      return true;
  }
  return false;
}

static void learn_block(struct nvt_check_controller *controller, uint64_t size, uint64_t metadata) {
  if (size < NVT_CHECK_BLOCK_MIN || size > UINT32_MAX / 2)
    return;
  if (controller->block_min == 0 || size < controller->block_min)
    controller->block_min = (uint32_t)size;
  if (size + metadata > controller->block_max)
    controller->block_max = (uint32_t)(size + metadata);
}

void nvt_check_forget_drive(struct nvt_check_controller *controller, bool limits) {
  controller->block_min = controller->block_max = 0;
  memset(controller->namespaces, 0, sizeof(controller->namespaces));
  if (limits)
    controller->limits.known = false;
}

static void learn_blocks(struct nvt_check_controller *controller, uint32_t nsid, uint64_t blocks) {
  struct nvt_check_namespace *free = NULL;
  for (unsigned i = 0; i < NVT_CHECK_NAMESPACES; i++) {
    struct nvt_check_namespace *here = &controller->namespaces[i];
    if (here->nsid == nsid) {
      here->blocks = blocks;
      return;
    }
    if (here->nsid == 0 && free == NULL)
      free = here;
  }
  if (free != NULL)
    *free = (struct nvt_check_namespace){.nsid = nsid, .blocks = blocks};
}

uint64_t nvt_check_namespace_blocks(const struct nvt_check_controller *controller, uint32_t nsid) {
  for (unsigned i = 0; nsid != 0 && i < NVT_CHECK_NAMESPACES; i++)
    if (controller->namespaces[i].nsid == nsid)
      return controller->namespaces[i].blocks;
  return 0;
}

/* "nsid" and "blocks" of one object. */
static void learn_meta_namespaces(struct nvt_check_controller *controller,
                                  const struct nvt_record *record) {
  uint64_t nsid, blocks;
  size_t at = 0;
  while (next_number(record, "\"nsid\"", &at, &nsid)) {
    const uint8_t *end = memchr(record->tail + at, '}', record->tail_length - at);
    size_t to = at;
    if (end != NULL && nsid != 0 && nsid < UINT32_MAX &&
        next_number(record, "\"blocks\"", &to, &blocks) && record->tail + to < end && blocks != 0)
      learn_blocks(controller, (uint32_t)nsid, blocks);
  }
}

void nvt_check_learn_meta(struct nvt_check_controller *controller,
                          const struct nvt_record *record) {
  uint64_t value;
  size_t at = 0;
  controller->cap = record->meta.cap;
  controller->cap_known = true;
  controller->vectors = record->meta.vectors;
  if (next_number(record, "\"mdts\"", &at, &value) && value <= UINT8_MAX) {
    controller->mdts = (uint8_t)value;
    controller->mdts_known = true;
  }
  nvt_check_forget_drive(controller, true);
  at = 0;
  while (next_number(record, "\"block_size\"", &at, &value))
    learn_block(controller, value, 0);
  learn_meta_namespaces(controller, record);
}

static void learn_namespace(struct nvt_check_controller *controller, const uint8_t *data) {
  static const uint8_t nothing[8];
  if (memcmp(data, nothing, sizeof(nothing)) == 0)
    return; /* NSZE 0: there is no such namespace */
  unsigned format = (data[FLBAS_AT] & 0xfu) | (data[FLBAS_AT] >> 5 & 3u) << 4;
  const uint8_t *row = data + LBAF_AT + (size_t)4 * format;
  if (row[2] < 32)
    learn_block(controller, UINT64_C(1) << row[2], row[0] | (uint64_t)row[1] << 8);
}

static void learn_limits(struct nvt_check_controller *controller, const struct nvt_record *record) {
  struct nvt_id_controller id;
  size_t needed = offsetof(struct nvt_id_controller, fuses);
  if (record->tail_length < needed)
    return;
  memcpy(&id, record->tail, needed);
  controller->limits = (struct nvt_check_limits){.known = true,
                                                 .acl = id.acl,
                                                 .aerl = id.aerl,
                                                 .sqes = id.sqes,
                                                 .cqes = id.cqes,
                                                 .oacs = id.oacs,
                                                 .oncs = id.oncs,
                                                 .nn = id.nn};
}

void nvt_check_learn_data(struct nvt_check_controller *controller, const struct nvt_record *record,
                          const struct nvt_exchange *exchange) {
  if (record->data.kind != NVT_V_data_kind_PAYLOAD || record->data.offset != 0 ||
      record->data.sqid != 0 || exchange->sqe.opcode != NVT_ADMIN_IDENTIFY)
    return;
  uint8_t cns = (uint8_t)exchange->sqe.cdw10;
  if (cns == NVT_CNS_CONTROLLER && record->tail_length > MDTS_AT) {
    controller->mdts = record->tail[MDTS_AT];
    controller->mdts_known = true;
    learn_limits(controller, record);
  } else if (cns == NVT_CNS_NAMESPACE) {
    uint64_t blocks;
    uint32_t nsid = exchange->sqe.nsid;
    if (nsid != 0 && nsid != UINT32_MAX && record->tail_length >= sizeof(blocks)) {
      memcpy(&blocks, record->tail, sizeof(blocks));
      learn_blocks(controller, nsid, blocks);
    }
    if (record->tail_length >= LBAF_AT + 64 * 4)
      learn_namespace(controller, record->tail);
  }
}

/* --- lengths --- */

static bool log_length(const struct nvt_sqe *sqe, uint64_t *length) {
  *length = (((uint64_t)(sqe->cdw11 & 0xffff) << 16 | sqe->cdw10 >> 16) + 1) * 4;
  return true;
}

static bool admin_length(const struct nvt_sqe *sqe, uint64_t *length) {
  switch (sqe->opcode) {
  case NVT_ADMIN_IDENTIFY:
    *length = NVT_IDENTIFY_SIZE;
    return true;
  case NVT_ADMIN_GET_LOG_PAGE:
    return log_length(sqe, length);
  case NVT_ADMIN_FIRMWARE_IMAGE_DOWNLOAD:
    *length = ((uint64_t)sqe->cdw10 + 1) * 4;
    return true;
  case NVT_ADMIN_SECURITY_SEND:
  case NVT_ADMIN_SECURITY_RECEIVE:
    *length = sqe->cdw11;
    return sqe->cdw11 != 0;
  default:
    return false;
  }
}

bool nvt_check_length(const struct nvt_check_controller *controller, enum nvt_opcode_set set,
                      const struct nvt_sqe *sqe, uint64_t *low, uint64_t *high) {
  if (set == NVT_SET_ADMIN) {
    bool known = admin_length(sqe, low);
    *high = *low;
    return known;
  }
  if (set != NVT_SET_NVM)
    return false;
  switch (sqe->opcode) {
  case NVT_NVM_READ:
  case NVT_NVM_WRITE:
  case NVT_NVM_COMPARE:
  case NVT_NVM_ZONE_APPEND: {
    uint64_t blocks = (sqe->cdw12 & 0xffffu) + 1u;
    *low = blocks * (controller->block_min != 0 ? controller->block_min : NVT_CHECK_BLOCK_MIN);
    *high = controller->block_max != 0 ? blocks * controller->block_max : UINT64_MAX;
    return true;
  }
  case NVT_NVM_DATASET_MANAGEMENT:
    *low = *high = ((sqe->cdw10 & 0xffu) + 1u) * 16u;
    return true;
  default:
    return false;
  }
}

bool nvt_check_blocks(enum nvt_opcode_set set, const struct nvt_sqe *sqe, uint64_t *first,
                      uint64_t *count) {
  if (set != NVT_SET_NVM)
    return false;
  switch (sqe->opcode) {
  case NVT_NVM_READ:
  case NVT_NVM_WRITE:
  case NVT_NVM_COMPARE:
  case NVT_NVM_VERIFY:
  case NVT_NVM_WRITE_ZEROES:
  case NVT_NVM_WRITE_UNCORRECTABLE:
    *first = sqe->cdw10 | (uint64_t)sqe->cdw11 << 32;
    *count = (sqe->cdw12 & 0xffffu) + 1u;
    return true;
  default:
    return false;
  }
}

unsigned nvt_check_min_page_shift(const struct nvt_check_controller *controller) {
  return 12 + (controller->cap_known ? (unsigned)NVT_GET(controller->cap, CAP_MPSMIN) : 0);
}

unsigned nvt_check_page_shift(const struct nvt_check_controller *controller) {
  return controller->registers.cc_known ? 12 + (unsigned)NVT_GET(controller->registers.cc, CC_MPS)
                                        : nvt_check_min_page_shift(controller);
}
