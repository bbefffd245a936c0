/* SPDX-License-Identifier: BSD-2-Clause */
/* Submission and completion queue entries, and accesses to registers. */
#include <errno.h>
#include <string.h>

#include "edit/scrub_int.h"
#include "nvme/pci.h"
#include "trace/config_space.h"

#define VENDOR_FEATURES 0xc0u /* Base 2.1, figure 385 */
#define DOORBELLS 0x1000u

/* The blocks that it names; false: none. */
static bool range_of(enum nvt_opcode_set set, const struct nvt_sqe *sqe, uint64_t *first,
                     uint64_t *count) {
  size_t fields;
  const struct nvt_command_field *field =
      nvt_command_fields_of(set, nvt_command_code(set, sqe), &fields);
  bool found = false;
  *count = 1;
  for (; fields > 0; fields--, field++) {
    if (!nvt_command_field_applies(field, sqe))
      continue;
    uint64_t value = nvt_command_field_value(field, sqe);
    if (field->format == NVT_FORMAT_SLBA && field->dword == 10 && field->width == 64) {
      *first = value;
      found = true;
    } else if (strcmp(field->id, "NLB") == 0) {
      *count = value + (field->format == NVT_FORMAT_ZERO_BASED);
    } else if (strcmp(field->id, "RL") == 0 && value != 0) {
      *count = value;
    }
  }
  return found;
}

static bool is_zoned(enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  return set == NVT_SET_NVM &&
         (sqe->opcode == NVT_NVM_ZONE_MANAGEMENT_SEND ||
          sqe->opcode == NVT_NVM_ZONE_MANAGEMENT_RECEIVE || sqe->opcode == NVT_NVM_ZONE_APPEND);
}

static int place(struct nvt_scrub *s, uint16_t controller, enum nvt_opcode_set set,
                 struct nvt_sqe *sqe) {
  uint64_t first, count, space = nvt_lba_space(controller, sqe->nsid);
  if (s->learning && is_zoned(set, sqe))
    return -EOPNOTSUPP;
  if (!range_of(set, sqe, &first, &count))
    return 0;
  if (s->learning)
    return nvt_lba_touch(s->lbas, space, first, count);
  uint64_t now = nvt_lba_look_up(s->lbas, space, first, count);
  sqe->cdw10 = (uint32_t)now;
  sqe->cdw11 = (uint32_t)(now >> 32);
  /* A reference tag is the block's number, if no other's: NVM Command Set 1.1, section 5.3.1.4. */
  if (set == NVT_SET_NVM) {
    if (sqe->cdw14 != 0)
      sqe->cdw14 = sqe->cdw14 == (uint32_t)first ? (uint32_t)now : 0;
    sqe->cdw2 = sqe->cdw3 = 0; /* its upper bits, or a storage tag */
  }
  nvt_scrub_add(s, NVT_SCRUB_LBA, 1);
  return 0;
}

static bool vendor_feature(enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  return set == NVT_SET_ADMIN &&
         (sqe->opcode == NVT_ADMIN_SET_FEATURES || sqe->opcode == NVT_ADMIN_GET_FEATURES) &&
         (sqe->cdw10 & 0xff) >= VENDOR_FEATURES;
}

static bool any_set(const struct nvt_sqe *sqe) {
  return (sqe->cdw2 | sqe->cdw3 | sqe->cdw10 | sqe->cdw11 | sqe->cdw12 | sqe->cdw13 | sqe->cdw14 |
          sqe->cdw15) != 0;
}

/* Keys of the Key Value Command Set stand in the entry: KV Command Set 1.1, section 3. */
static void key_value(struct nvt_scrub *s, struct nvt_sqe *sqe) {
  uint32_t key[4] = {sqe->cdw2, sqe->cdw3, sqe->cdw14, sqe->cdw15};
  if (!nvt_names_replace(s->names, NVT_PRIVACY_ID, 0, (uint8_t *)key, sizeof(key), true))
    return;
  sqe->cdw2 = key[0];
  sqe->cdw3 = key[1];
  sqe->cdw14 = key[2];
  sqe->cdw15 = key[3];
  nvt_scrub_add(s, NVT_SCRUB_ID, 1);
}

int nvt_scrub_sqe(struct nvt_scrub *s, uint16_t controller, enum nvt_opcode_set set,
                  struct nvt_sqe *sqe) {
  bool vendor = !nvt_opcode_standard(set, nvt_command_code(set, sqe));
  if ((s->options.keep & NVT_SCRUB_KEEP_VENDOR) != 0) {
    /* as they are */
  } else if (vendor && any_set(sqe)) {
    sqe->cdw2 = sqe->cdw3 = 0;
    sqe->cdw10 = sqe->cdw11 = sqe->cdw12 = sqe->cdw13 = sqe->cdw14 = sqe->cdw15 = 0;
    nvt_scrub_add(s, NVT_SCRUB_VENDOR, 1);
  } else if (vendor_feature(set, sqe)) {
    sqe->cdw11 = sqe->cdw12 = sqe->cdw13 = sqe->cdw15 = 0;
    nvt_scrub_add(s, NVT_SCRUB_VENDOR, 1);
  }
  if (set == NVT_SET_KV)
    key_value(s, sqe);
  return s->lbas != NULL && !vendor ? place(s, controller, set, sqe) : 0;
}

void nvt_scrub_cqe(struct nvt_scrub *s, enum nvt_opcode_set set,
                   const struct nvt_exchange *exchange, struct nvt_rec_completion *completion) {
  bool known = exchange != NULL && exchange->command.record != 0;
  bool vendor = known ? !nvt_opcode_standard(set, nvt_exchange_code(exchange)) ||
                            vendor_feature(set, &exchange->sqe)
                      : !nvt_opcode_standard(set, completion->opcode);
  if ((s->options.keep & NVT_SCRUB_KEEP_VENDOR) != 0 || !vendor ||
      (completion->cqe.dw0 | completion->cqe.dw1) == 0)
    return;
  completion->cqe.dw0 = completion->cqe.dw1 = 0;
  nvt_scrub_add(s, NVT_SCRUB_VENDOR, 1);
}

static void config(struct nvt_scrub *s, const struct nvt_config_space *space, uint16_t controller,
                   struct nvt_rec_access *access) {
  struct nvt_config_place at;
  if (!nvt_config_space_at(space, access->offset, &at) || at.reg == NULL ||
      !nvt_pci_register_private(at.reg) || access->size > sizeof(access->value))
    return;
  /* Of a piece of a register the piece that its stand-in has there isn't known: it is its own. */
  if (nvt_names_replace(s->names, NVT_PRIVACY_ID, controller, (uint8_t *)&access->value,
                        access->size, true))
    nvt_scrub_add(s, NVT_SCRUB_ID, 1);
}

void nvt_scrub_access(struct nvt_scrub *s, const struct nvt_view *view, uint16_t controller,
                      struct nvt_rec_access *access) {
  bool vendor = access->space == NVT_V_access_space_BAR0 && access->offset < DOORBELLS &&
                nvt_register_at(access->offset) == NULL;
  bool beyond = access->size < sizeof(access->value) &&
                access->value >> (8 * access->size) != 0; /* bytes that the access doesn't have */
  if (beyond)
    access->value &= (UINT64_C(1) << (8 * access->size)) - 1;
  if (access->space == NVT_V_access_space_CONFIG)
    config(s, view->config, controller, access);
  if (!vendor || access->value == 0 || (s->options.keep & NVT_SCRUB_KEEP_VENDOR) != 0)
    return;
  access->value = 0;
  nvt_scrub_add(s, NVT_SCRUB_VENDOR, 1);
}
