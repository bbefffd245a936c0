/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes of commands: fields by the tables of nvme/, identifiers, pointers and lists. */
#include <string.h>

#include "replay/mutate_change_int.h"

/* --- values --- */

static const struct nvt_meta_namespace *any_namespace(struct nvt_change *c) {
  const struct nvt_meta *m = &c->in->details;
  return m->namespace_count == 0 ? NULL : &m->namespaces[nvt_change_below(c, m->namespace_count)];
}

/* A limit of this controller, in the unit of some field. */
static uint64_t limit(struct nvt_change *c) {
  const struct nvt_meta *m = &c->in->details;
  const struct nvt_meta_namespace *ns = any_namespace(c);
  uint64_t cap = c->in->meta.meta.cap != 0 ? c->in->meta.meta.cap : m->cap;
  switch (nvt_change_below(c, 8)) {
  case 0:
    return ns != NULL ? ns->blocks : 0;
  case 1: /* blocks of the largest transfer */
    return ns != NULL && ns->block_size != 0 && m->mdts < 32
               ? (UINT64_C(4096) << m->mdts) / ns->block_size
               : 0;
  case 2:
    return (UINT64_C(1024) << (m->mdts < 32 ? m->mdts : 0)); /* its dwords */
  case 3:
    return NVT_GET(cap, CAP_MQES);
  case 4:
    return m->io_queues;
  case 5:
    return m->vectors;
  case 6:
    return UINT64_C(4096) / 4;
  default:
    return m->namespace_count;
  }
}

uint64_t nvt_change_value(struct nvt_change *c, uint64_t now, unsigned width) {
  uint64_t most = width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
  uint64_t value;
  switch (nvt_change_below(c, 8)) {
  case 0:
    value = nvt_change_below(c, 2);
    break;
  case 1:
    value = most - nvt_change_below(c, 2);
    break;
  case 2:
    value = (most >> 1) + nvt_change_below(c, 2);
    break;
  case 3:
    value = now + (nvt_change_one_in(c, 2) ? 1 : UINT64_MAX);
    break;
  case 4:
    value = now ^ UINT64_C(1) << nvt_change_below(c, width);
    break;
  case 5:
    value = nvt_change_next(c);
    break;
  default:
    value = limit(c) + nvt_change_below(c, 3) - 1;
    break;
  }
  return value & most;
}

/* --- commands --- */

static void set_field(struct nvt_sqe *sqe, const struct nvt_command_field *field, uint64_t value) {
  uint8_t *at = (uint8_t *)sqe + field->dword * 4u;
  size_t bytes = field->dword == NVT_SQE_DWORDS - 1 ? 4 : 8;
  uint64_t all = 0;
  uint64_t mask = (field->width >= 64 ? UINT64_MAX : (UINT64_C(1) << field->width) - 1)
                  << field->lsb;
  memcpy(&all, at, bytes);
  all = (all & ~mask) | (value << field->lsb & mask);
  memcpy(at, &all, bytes);
}

static void change_field(struct nvt_change *c, struct nvt_step *step) {
  struct nvt_sqe *sqe = &step->record.command.sqe;
  enum nvt_opcode_set set = nvt_set_of(step->record.command.sqid, sqe->opcode, NVT_SET_NVM);
  size_t count;
  const struct nvt_command_field *fields =
      nvt_command_fields_of(set, nvt_command_code(set, sqe), &count);
  if (count == 0)
    return;
  const struct nvt_command_field *field = &fields[nvt_change_below(c, count)];
  uint64_t was = nvt_command_field_value(field, sqe);
  uint64_t value = nvt_change_value(c, was, field->width);
  set_field(sqe, field, value);
  nvt_change_note(step, "%s 0x%llx, was 0x%llx", field->id, (unsigned long long)value,
                  (unsigned long long)was);
}

static void change_reserved(struct nvt_change *c, struct nvt_step *step) {
  static const uint8_t dwords[] = {0, 2, 3, 10, 11, 12, 13, 14, 15};
  unsigned dword = NVT_PICK(c, dwords);
  unsigned bit =
      dword == 0 ? 8 + (unsigned)nvt_change_below(c, 8) : (unsigned)nvt_change_below(c, 32);
  uint32_t *at = (uint32_t *)(void *)&step->record.command.sqe + dword;
  *at ^= 1u << bit;
  nvt_change_note(step, "bit %u of dword %u", bit, dword);
}

static void change_opcode(struct nvt_change *c, struct nvt_step *step) {
  struct nvt_sqe *sqe = &step->record.command.sqe;
  enum nvt_opcode_set set = nvt_set_of(step->record.command.sqid, sqe->opcode, NVT_SET_NVM);
  uint8_t was = sqe->opcode, opcode = (uint8_t)nvt_change_next(c);
  for (unsigned i = 0; i < 256 && !nvt_change_one_in(c, 16) && !nvt_opcode_standard(set, opcode);
       i++)
    opcode++;
  sqe->opcode = opcode;
  nvt_change_note(step, "opcode 0x%02x, was 0x%02x", opcode, was);
}

static void change_ids(struct nvt_change *c, struct nvt_step *step) {
  static const uint32_t nsids[] = {0, 1, 2, 3, UINT32_MAX, UINT32_MAX - 1, 0x80000000u, 1024, 1025};
  struct nvt_rec_command *command = &step->record.command;
  const struct nvt_step *other = nvt_change_pick(c, nvt_change_is_command);
  switch (nvt_change_below(c, 4)) {
  case 0:
    command->sqe.cid = nvt_change_one_in(c, 4) ? (uint16_t)0xffff : other->record.command.sqe.cid;
    nvt_change_note(step, "cid 0x%04x", command->sqe.cid);
    break;
  case 1: /* on another queue */
    command->sqid = other->record.command.sqid;
    nvt_change_note(step, "on SQ %u", command->sqid);
    break;
  default:
    command->sqe.nsid = nvt_change_one_in(c, 3)
                            ? c->in->details.namespace_count + (uint32_t)nvt_change_below(c, 2)
                            : NVT_PICK(c, nsids);
    nvt_change_note(step, "nsid 0x%08x", command->sqe.nsid);
    break;
  }
}

/* An address that isn't as it should be. */
static uint64_t wrong_address(struct nvt_change *c, uint64_t now, const struct nvt_sqe *sqe) {
  switch (nvt_change_below(c, 10)) {
  case 0:
    return 0;
  case 1: /* wraps */
    return UINT64_MAX - 0xfff + nvt_change_below(c, 2) * 0xffc;
  case 2: /* no memory there */
    return now ^ UINT64_C(1) << (40 + nvt_change_below(c, 23));
  case 3:
    return now + 1 + nvt_change_below(c, 3);
  case 4:
    return now + 4 * nvt_change_below(c, 1024);
  case 5:
    return now ^ UINT64_C(0x1000) << nvt_change_below(c, 16);
  case 6: /* the same page */
    return nvt_change_one_in(c, 2) ? sqe->prp1 : sqe->prp2;
  case 7: /* the queue itself */
    return now & ~UINT64_C(0xfff);
  case 8:
    return now - 0x1000;
  default:
    return nvt_change_next(c);
  }
}

static void change_pointer(struct nvt_change *c, struct nvt_step *step) {
  struct nvt_sqe *sqe = &step->record.command.sqe;
  unsigned what = (unsigned)nvt_change_below(c, 8);
  if (what == 0) {
    sqe->mptr = wrong_address(c, sqe->prp1, sqe);
    nvt_change_note(step, "MPTR 0x%llx", (unsigned long long)sqe->mptr);
  } else if (what == 1) {
    sqe->flags ^= (uint8_t)(nvt_change_one_in(c, 2) ? 0x40 : 0x80);
    nvt_change_note(step, "PSDT %u", NVT_SQE_PSDT(sqe->flags));
  } else if (what == 2) { /* what would be type and length of an SGL */
    sqe->prp2 = nvt_change_below(c, 256) << 56 | nvt_change_value(c, sqe->prp2, 32);
    nvt_change_note(step, "PRP2 0x%llx", (unsigned long long)sqe->prp2);
  } else if (what < 5) {
    sqe->prp1 = wrong_address(c, sqe->prp1, sqe);
    nvt_change_note(step, "PRP1 0x%llx", (unsigned long long)sqe->prp1);
  } else {
    sqe->prp2 = wrong_address(c, sqe->prp2, sqe);
    nvt_change_note(step, "PRP2 0x%llx", (unsigned long long)sqe->prp2);
  }
}

void nvt_change_command(struct nvt_change *c) {
  struct nvt_step *step = nvt_change_pick(c, nvt_change_is_command);
  if (step == NULL)
    return;
  switch (nvt_change_below(c, 12)) {
  case 0:
    change_reserved(c, step);
    break;
  case 1:
    change_opcode(c, step);
    break;
  case 2:
  case 3:
    change_ids(c, step);
    break;
  case 4:
  case 5:
  case 6:
    change_pointer(c, step);
    break;
  case 7:
    step->record.command.sqe.flags ^= (uint8_t)(1 + nvt_change_below(c, 3));
    nvt_change_note(step, "FUSE %u", NVT_SQE_FUSE(step->record.command.sqe.flags));
    break;
  default:
    change_field(c, step);
    break;
  }
}

static bool has_list(const struct nvt_input *in, const struct nvt_step *step) {
  (void)in;
  for (uint32_t i = 0; i < step->data_count; i++)
    if (step->data[i].data.kind == NVT_V_data_kind_PRP_LIST ||
        step->data[i].data.kind == NVT_V_data_kind_SGL_SEGMENT)
      return true;
  return false;
}

/* An entry of a PRP list, or bytes of an SGL segment. */
void nvt_change_list(struct nvt_change *c) {
  struct nvt_step *step = nvt_change_pick(c, has_list);
  if (step == NULL)
    return;
  uint32_t at = (uint32_t)nvt_change_below(c, step->data_count);
  while (step->data[at].data.kind == NVT_V_data_kind_PAYLOAD)
    at = (at + 1) % step->data_count;
  uint32_t length = step->data[at].data.captured_length;
  struct nvt_input_data *all = nvt_input_memory(c->in, step->data_count * sizeof(*all));
  uint8_t *bytes = nvt_input_memory(c->in, length);
  if (all == NULL || bytes == NULL || length < 8)
    return;
  memcpy(all, step->data, step->data_count * sizeof(*all));
  memcpy(bytes, all[at].bytes, length);
  uint32_t offset = 8 * (uint32_t)nvt_change_below(c, length / 8);
  uint64_t entry;
  memcpy(&entry, bytes + offset, sizeof(entry));
  entry = nvt_change_one_in(c, 6) ? all[at].data.address /* a loop */
                                  : wrong_address(c, entry, &step->record.command.sqe);
  memcpy(bytes + offset, &entry, sizeof(entry));
  all[at].bytes = bytes;
  step->data = all;
  nvt_change_note(step, "entry %u of its list 0x%llx", offset / 8, (unsigned long long)entry);
}
