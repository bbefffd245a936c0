/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the meta-record and Identify data say of a controller's limits, and how many bytes a
 * command transfers.
 */
#include <string.h>

#include "nvme/identify.h"
#include "nvme/ranges.h"
#include "trace/checks_int.h"
#include "trace/length.h"
#include "trace/meta_numbers.h"

#define MDTS_AT offsetof(struct nvt_id_controller, mdts)
#define FLBAS_AT offsetof(struct nvt_id_namespace, flbas)
#define LBAF_AT offsetof(struct nvt_id_namespace, lbaf)

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
  while (nvt_meta_number(record, "\"nsid\"", &at, &nsid)) {
    const uint8_t *end = memchr(record->tail + at, '}', record->tail_length - at);
    size_t to = at;
    if (end != NULL && nsid != 0 && nsid < UINT32_MAX &&
        nvt_meta_number(record, "\"blocks\"", &to, &blocks) && record->tail + to < end &&
        blocks != 0)
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
  if (nvt_meta_number(record, "\"mdts\"", &at, &value) && value <= UINT8_MAX) {
    controller->mdts = (uint8_t)value;
    controller->mdts_known = true;
  }
  controller->keeps_nothing =
      record->tail_length > 0 && memmem(record->tail, record->tail_length, "\"null:", 6) != NULL;
  nvt_check_forget_drive(controller, true);
  at = 0;
  while (nvt_meta_number(record, "\"block_size\"", &at, &value))
    learn_block(controller, value, 0);
  learn_meta_namespaces(controller, record);
}

static void learn_namespace(struct nvt_check_controller *controller, const uint8_t *data) {
  static const uint8_t nothing[8];
  if (memcmp(data, nothing, sizeof(nothing)) == 0)
    return; /* NSZE 0: there is no such namespace */
  unsigned format = nvt_flbas_format(data[FLBAS_AT]);
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

bool nvt_check_length(const struct nvt_check_controller *controller, enum nvt_opcode_set set,
                      const struct nvt_sqe *sqe, uint64_t *low, uint64_t *high) {
  uint32_t least = controller->block_min != 0 ? controller->block_min : NVT_CHECK_BLOCK_MIN;
  if (!nvt_command_length(set, sqe, least, low))
    return false;
  *high = *low;
  uint64_t blocks = nvt_command_blocks(set, sqe);
  if (blocks != 0)
    *high = controller->block_max != 0 ? blocks * controller->block_max : UINT64_MAX;
  return true;
}

bool nvt_check_blocks(enum nvt_opcode_set set, const struct nvt_sqe *sqe, uint64_t *first,
                      uint64_t *count) {
  if (nvt_command_range_of(set, sqe->opcode) != NVT_RANGE_ENTRY)
    return false;
  nvt_command_range(sqe, first, count);
  return true;
}

unsigned nvt_check_min_page_shift(const struct nvt_check_controller *controller) {
  return 12 + (controller->cap_known ? (unsigned)NVT_GET(controller->cap, CAP_MPSMIN) : 0);
}

unsigned nvt_check_page_shift(const struct nvt_check_controller *controller) {
  return controller->registers.cc_known ? 12 + (unsigned)NVT_GET(controller->registers.cc, CC_MPS)
                                        : nvt_check_min_page_shift(controller);
}
