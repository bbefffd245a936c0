/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a mutated run changes: where commands stand, what is in their fields (by the tables of
 * nvme/), their pointers, doorbells, registers, resets, MSI-X. Seed and run decide all of it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/mutate_int.h"

#define CHANGES_MAX 12u

struct change {
  struct nvt_input *in;
  uint64_t random;
};

/* splitmix64 */
static uint64_t next(struct change *c) {
  uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static uint64_t below(struct change *c, uint64_t n) {
  return n == 0 ? 0 : next(c) % n;
}

static bool one_in(struct change *c, uint64_t n) {
  return below(c, n) == 0;
}

/* One of an array. */
#define PICK(c, array) ((array)[below((c), sizeof(array) / sizeof((array)[0]))])

static void note(struct nvt_step *step, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void note(struct nvt_step *step, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(step->note, sizeof(step->note), format, args);
  va_end(args);
  step->raw = true;
}

/* --- where to --- */

static struct nvt_step *pick_step(struct change *c,
                                  bool (*fits)(const struct nvt_input *, const struct nvt_step *)) {
  size_t from = below(c, c->in->count);
  for (size_t i = 0; i < c->in->count; i++) {
    struct nvt_step *step = &c->in->steps[(from + i) % c->in->count];
    if (fits(c->in, step))
      return step;
  }
  return NULL;
}

static bool is_command(const struct nvt_input *in, const struct nvt_step *step) {
  (void)in;
  return step->record.header.type == NVT_REC_COMMAND;
}

static bool is_doorbell(const struct nvt_input *in, const struct nvt_step *step) {
  struct nvt_doorbell_id id;
  return nvt_step_is_doorbell(in, step, &id);
}

static bool is_register_write(const struct nvt_input *in, const struct nvt_step *step) {
  return (step->record.header.type == NVT_REC_REG_WRITE && !is_doorbell(in, step)) ||
         step->record.header.type == NVT_REC_CONFIG_WRITE ||
         step->record.header.type == NVT_REC_MSIX_WRITE;
}

static bool is_movable(const struct nvt_input *in, const struct nvt_step *step) {
  return is_command(in, step) || is_register_write(in, step) ||
         step->record.header.type == NVT_REC_EVENT;
}

static bool has_list(const struct nvt_input *in, const struct nvt_step *step) {
  (void)in;
  for (uint32_t i = 0; i < step->data_count; i++)
    if (step->data[i].data.kind == NVT_V_data_kind_PRP_LIST ||
        step->data[i].data.kind == NVT_V_data_kind_SGL_SEGMENT)
      return true;
  return false;
}

static struct nvt_step *insert_after(struct change *c, const struct nvt_step *step) {
  return nvt_input_insert(c->in, (size_t)(step - c->in->steps) + 1);
}

/* --- order --- */

static void reorder(struct change *c) {
  struct nvt_step *one = pick_step(c, is_movable), *other = pick_step(c, is_movable);
  if (one == NULL || one == other)
    return;
  struct nvt_step kept = *one;
  *one = *other;
  *other = kept;
  note(one, "swapped with the step %zu places on", (size_t)labs(other - one));
}

static void duplicate(struct change *c) {
  struct nvt_step *from = pick_step(c, is_movable);
  if (from == NULL)
    return;
  struct nvt_step copy = *from;
  size_t at = (size_t)(from - c->in->steps);
  at += one_in(c, 2) ? 1 : 1 + below(c, c->in->count - at);
  struct nvt_step *made = at <= c->in->count ? nvt_input_insert(c->in, at) : NULL;
  if (made == NULL)
    return;
  *made = copy;
  note(made, "done once more");
}

static void drop(struct change *c) {
  struct nvt_step *step = pick_step(c, is_movable);
  if (step == NULL)
    return;
  size_t at = (size_t)(step - c->in->steps);
  if (at + 1 == c->in->count)
    return;
  memmove(step, step + 1, (c->in->count - at - 1) * sizeof(*step));
  c->in->count--;
  snprintf(step->note, sizeof(step->note), "a step before this one was left out");
}

/* --- values --- */

static const struct nvt_meta_namespace *any_namespace(struct change *c) {
  const struct nvt_meta *m = &c->in->details;
  return m->namespace_count == 0 ? NULL : &m->namespaces[below(c, m->namespace_count)];
}

/* A limit of this controller, in the unit of some field. */
static uint64_t limit(struct change *c) {
  const struct nvt_meta *m = &c->in->details;
  const struct nvt_meta_namespace *ns = any_namespace(c);
  uint64_t cap = c->in->meta.meta.cap != 0 ? c->in->meta.meta.cap : m->cap;
  switch (below(c, 8)) {
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

static uint64_t interesting(struct change *c, uint64_t now, unsigned width) {
  uint64_t most = width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
  uint64_t value;
  switch (below(c, 8)) {
  case 0:
    value = below(c, 2);
    break;
  case 1:
    value = most - below(c, 2);
    break;
  case 2:
    value = (most >> 1) + below(c, 2);
    break;
  case 3:
    value = now + (one_in(c, 2) ? 1 : UINT64_MAX);
    break;
  case 4:
    value = now ^ UINT64_C(1) << below(c, width);
    break;
  case 5:
    value = next(c);
    break;
  default:
    value = limit(c) + below(c, 3) - 1;
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

static void change_field(struct change *c, struct nvt_step *step) {
  struct nvt_sqe *sqe = &step->record.command.sqe;
  enum nvt_opcode_set set = nvt_set_of(step->record.command.sqid, sqe->opcode, NVT_SET_NVM);
  size_t count;
  const struct nvt_command_field *fields =
      nvt_command_fields_of(set, nvt_command_code(set, sqe), &count);
  if (count == 0)
    return;
  const struct nvt_command_field *field = &fields[below(c, count)];
  uint64_t was = nvt_command_field_value(field, sqe);
  uint64_t value = interesting(c, was, field->width);
  set_field(sqe, field, value);
  note(step, "%s 0x%llx, was 0x%llx", field->id, (unsigned long long)value,
       (unsigned long long)was);
}

static void change_reserved(struct change *c, struct nvt_step *step) {
  static const uint8_t dwords[] = {0, 2, 3, 10, 11, 12, 13, 14, 15};
  unsigned dword = PICK(c, dwords);
  unsigned bit = dword == 0 ? 8 + (unsigned)below(c, 8) : (unsigned)below(c, 32);
  uint32_t *at = (uint32_t *)(void *)&step->record.command.sqe + dword;
  *at ^= 1u << bit;
  note(step, "bit %u of dword %u", bit, dword);
}

static void change_opcode(struct change *c, struct nvt_step *step) {
  struct nvt_sqe *sqe = &step->record.command.sqe;
  enum nvt_opcode_set set = nvt_set_of(step->record.command.sqid, sqe->opcode, NVT_SET_NVM);
  uint8_t was = sqe->opcode, opcode = (uint8_t)next(c);
  for (unsigned i = 0; i < 256 && !one_in(c, 16) && !nvt_opcode_standard(set, opcode); i++)
    opcode++;
  sqe->opcode = opcode;
  note(step, "opcode 0x%02x, was 0x%02x", opcode, was);
}

static void change_ids(struct change *c, struct nvt_step *step) {
  static const uint32_t nsids[] = {0, 1, 2, 3, UINT32_MAX, UINT32_MAX - 1, 0x80000000u, 1024, 1025};
  struct nvt_rec_command *command = &step->record.command;
  const struct nvt_step *other = pick_step(c, is_command);
  switch (below(c, 4)) {
  case 0:
    command->sqe.cid = one_in(c, 4) ? (uint16_t)0xffff : other->record.command.sqe.cid;
    note(step, "cid 0x%04x", command->sqe.cid);
    break;
  case 1: /* on another queue */
    command->sqid = other->record.command.sqid;
    note(step, "on SQ %u", command->sqid);
    break;
  default:
    command->sqe.nsid =
        one_in(c, 3) ? c->in->details.namespace_count + (uint32_t)below(c, 2) : PICK(c, nsids);
    note(step, "nsid 0x%08x", command->sqe.nsid);
    break;
  }
}

/* An address that isn't as it should be. */
static uint64_t wrong_address(struct change *c, uint64_t now, const struct nvt_sqe *sqe) {
  switch (below(c, 10)) {
  case 0:
    return 0;
  case 1: /* wraps */
    return UINT64_MAX - 0xfff + below(c, 2) * 0xffc;
  case 2: /* no memory there */
    return now ^ UINT64_C(1) << (40 + below(c, 23));
  case 3:
    return now + 1 + below(c, 3);
  case 4:
    return now + 4 * below(c, 1024);
  case 5:
    return now ^ UINT64_C(0x1000) << below(c, 16);
  case 6: /* the same page */
    return one_in(c, 2) ? sqe->prp1 : sqe->prp2;
  case 7: /* the queue itself */
    return now & ~UINT64_C(0xfff);
  case 8:
    return now - 0x1000;
  default:
    return next(c);
  }
}

static void change_pointer(struct change *c, struct nvt_step *step) {
  struct nvt_sqe *sqe = &step->record.command.sqe;
  unsigned what = (unsigned)below(c, 8);
  if (what == 0) {
    sqe->mptr = wrong_address(c, sqe->prp1, sqe);
    note(step, "MPTR 0x%llx", (unsigned long long)sqe->mptr);
  } else if (what == 1) {
    sqe->flags ^= (uint8_t)(one_in(c, 2) ? 0x40 : 0x80);
    note(step, "PSDT %u", NVT_SQE_PSDT(sqe->flags));
  } else if (what == 2) { /* what would be type and length of an SGL */
    sqe->prp2 = below(c, 256) << 56 | interesting(c, sqe->prp2, 32);
    note(step, "PRP2 0x%llx", (unsigned long long)sqe->prp2);
  } else if (what < 5) {
    sqe->prp1 = wrong_address(c, sqe->prp1, sqe);
    note(step, "PRP1 0x%llx", (unsigned long long)sqe->prp1);
  } else {
    sqe->prp2 = wrong_address(c, sqe->prp2, sqe);
    note(step, "PRP2 0x%llx", (unsigned long long)sqe->prp2);
  }
}

static void change_command(struct change *c) {
  struct nvt_step *step = pick_step(c, is_command);
  if (step == NULL)
    return;
  switch (below(c, 12)) {
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
    step->record.command.sqe.flags ^= (uint8_t)(1 + below(c, 3));
    note(step, "FUSE %u", NVT_SQE_FUSE(step->record.command.sqe.flags));
    break;
  default:
    change_field(c, step);
    break;
  }
}

/* An entry of a PRP list, or bytes of an SGL segment. */
static void change_list(struct change *c) {
  struct nvt_step *step = pick_step(c, has_list);
  if (step == NULL)
    return;
  uint32_t at = (uint32_t)below(c, step->data_count);
  while (step->data[at].data.kind == NVT_V_data_kind_PAYLOAD)
    at = (at + 1) % step->data_count;
  uint32_t length = step->data[at].data.captured_length;
  struct nvt_input_data *all = nvt_input_memory(c->in, step->data_count * sizeof(*all));
  uint8_t *bytes = nvt_input_memory(c->in, length);
  if (all == NULL || bytes == NULL || length < 8)
    return;
  memcpy(all, step->data, step->data_count * sizeof(*all));
  memcpy(bytes, all[at].bytes, length);
  uint32_t offset = 8 * (uint32_t)below(c, length / 8);
  uint64_t entry;
  memcpy(&entry, bytes + offset, sizeof(entry));
  entry = one_in(c, 6) ? all[at].data.address /* a loop */
                       : wrong_address(c, entry, &step->record.command.sqe);
  memcpy(bytes + offset, &entry, sizeof(entry));
  all[at].bytes = bytes;
  step->data = all;
  note(step, "entry %u of its list 0x%llx", offset / 8, (unsigned long long)entry);
}

/* --- registers --- */

static void change_doorbell(struct change *c) {
  struct nvt_step *step = pick_step(c, is_doorbell);
  if (step == NULL)
    return;
  if (one_in(c, 2)) { /* one more of it */
    struct nvt_step copy = *step, *made = insert_after(c, step);
    if (made == NULL)
      return;
    *made = copy;
    step = made;
  }
  struct nvt_rec_access *access = &step->record.access;
  if (one_in(c, 4))
    access->offset = NVT_REG_DOORBELLS + 4 * below(c, one_in(c, 2) ? 16 : 1024);
  access->value = interesting(c, access->value, one_in(c, 4) ? 32 : 16);
  note(step, "doorbell 0x%llx = 0x%llx", (unsigned long long)access->offset,
       (unsigned long long)access->value);
}

static void change_access(struct change *c) {
  static const uint8_t sizes[] = {1, 2, 4, 8};
  struct nvt_step *step = pick_step(c, is_register_write);
  if (step == NULL)
    return;
  struct nvt_rec_access *access = &step->record.access;
  if (one_in(c, 4)) {
    access->size = PICK(c, sizes);
    access->offset += below(c, 2) * access->size;
  }
  access->value = one_in(c, 3) ? interesting(c, access->value, access->size * 8u)
                               : access->value ^ UINT64_C(1) << below(c, access->size * 8u);
  note(step, "%u bytes at 0x%llx = 0x%llx", access->size, (unsigned long long)access->offset,
       (unsigned long long)access->value);
}

static struct nvt_step *insert_access(struct change *c, uint8_t type, uint8_t space) {
  struct nvt_step *step = nvt_input_insert(c->in, 1 + below(c, c->in->count));
  if (step == NULL)
    return NULL;
  step->record.header = c->in->meta.header;
  step->record.header.type = type;
  step->record.time_ns = c->in->meta.time_ns;
  step->record.access = (struct nvt_rec_access){.size = 4, .space = space};
  return step;
}

static void insert_register(struct change *c) {
  size_t count;
  const struct nvt_register_info *registers = nvt_registers(&count);
  const struct nvt_register_info *info = &registers[below(c, count)];
  struct nvt_step *step = insert_access(c, NVT_REC_REG_WRITE, NVT_V_access_space_BAR0);
  if (step == NULL)
    return;
  struct nvt_rec_access *access = &step->record.access;
  access->offset = info->offset;
  if (one_in(c, 8))
    access->size = (uint8_t)(1u << below(c, 4));
  else
    access->size = (uint8_t)(info->size == 8 && one_in(c, 2) ? 8 : 4);
  access->value = interesting(c, info->offset == NVT_REG_CC ? 0x00460001 : 0, access->size * 8u);
  note(step, "%s = 0x%llx, %u bytes", info->name, (unsigned long long)access->value, access->size);
}

static void insert_msix(struct change *c) {
  uint64_t vectors = c->in->details.vectors != 0 ? c->in->details.vectors : 1;
  struct nvt_step *step = insert_access(c, NVT_REC_MSIX_WRITE, NVT_V_access_space_MSIX_TABLE);
  if (step == NULL)
    return;
  struct nvt_rec_access *access = &step->record.access;
  access->offset = 16 * below(c, vectors + 1) + (one_in(c, 2) ? 12 : 4 * below(c, 4));
  access->value = access->offset % 16 == 12 ? below(c, 4) : interesting(c, 0xfee00000, 32);
  note(step, "MSI-X table 0x%llx = 0x%llx", (unsigned long long)access->offset,
       (unsigned long long)access->value);
}

static void insert_reset(struct change *c) {
  static const uint16_t events[] = {
      NVT_V_event_event_CONTROLLER_RESET, NVT_V_event_event_FUNCTION_RESET,
      NVT_V_event_event_SUBSYSTEM_RESET,  NVT_V_event_event_DEVICE_RESET,
      NVT_V_event_event_DETACH,           NVT_V_event_event_ATTACH,
      NVT_V_event_event_DMA_UNMAP,        NVT_V_event_event_NS_REMOVED,
  };
  uint16_t what = PICK(c, events);
  struct nvt_step *step = insert_access(c, NVT_REC_EVENT, 0);
  if (step == NULL)
    return;
  step->record.event = (struct nvt_rec_event){.event = what};
  if (what == NVT_V_event_event_DMA_UNMAP)
    step->record.event.size = UINT64_MAX;
  if (what == NVT_V_event_event_NS_REMOVED)
    step->record.event.code = 1 + (uint32_t)below(c, c->in->details.namespace_count + 1);
  note(step, "%s", nvt_record_value_name("event", "event", what));
}

/* The controller is disabled, or shut down, and enabled again: what the host does goes on. */
static void insert_disable(struct change *c) {
  static const uint32_t values[] = {0, 0x00460000, 0x00464001, 0x00468001};
  struct nvt_step *step = insert_access(c, NVT_REC_REG_WRITE, NVT_V_access_space_BAR0);
  if (step == NULL)
    return;
  step->record.access.offset = NVT_REG_CC;
  step->record.access.value = PICK(c, values);
  note(step, "CC = 0x%llx", (unsigned long long)step->record.access.value);
  struct nvt_step copy = *step, *again = one_in(c, 2) ? insert_after(c, step) : NULL;
  if (again == NULL)
    return;
  *again = copy;
  again->record.access.value = 0x00460001;
  note(again, "CC = 0x00460001");
}

/* --- a run's --- */

static void change(struct change *c) {
  static void (*const kinds[])(struct change *) = {
      reorder,         duplicate,      drop,
      change_command,  change_command, change_command,
      change_command,  change_command, change_command,
      change_list,     change_list,    change_doorbell,
      change_doorbell, change_access,  insert_register,
      insert_msix,     insert_reset,   insert_disable,
  };
  PICK(c, kinds)(c);
}

static struct nvt_input *copy(const struct nvt_input *origin) {
  struct nvt_input *in = calloc(1, sizeof(*in));
  if (in == NULL)
    return NULL;
  *in = *origin;
  in->blocks = NULL;
  in->room = origin->count + 2 * CHANGES_MAX;
  in->steps = reallocarray(NULL, in->room, sizeof(*in->steps));
  in->details = (struct nvt_meta){0};
  char why[64];
  if (in->steps != NULL &&
      nvt_meta_parse(in->meta.tail, in->meta.tail_length, &in->details, why, sizeof(why))) {
    memcpy(in->steps, origin->steps, origin->count * sizeof(*in->steps));
    return in;
  }
  nvt_input_destroy(in);
  return NULL;
}

struct nvt_input *nvt_input_mutate(const struct nvt_input *origin, uint64_t seed, uint64_t run,
                                   unsigned *changes) {
  struct change c = {.in = copy(origin), .random = seed};
  c.random = next(&c) ^ run;
  *changes = 0;
  if (c.in == NULL || run == 0)
    return c.in;
  unsigned count = 1;
  while (count < CHANGES_MAX && !one_in(&c, 3))
    count++;
  *changes = count;
  for (unsigned i = 0; i < count; i++)
    change(&c);
  return c.in;
}
