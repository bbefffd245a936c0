/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a mutated run changes: where commands stand, what is in their fields (by the tables of
 * nvme/), their pointers, doorbells, registers, resets, MSI-X. Seed and run decide all of it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/mutate_change_int.h"

#define CHANGES_MAX 12u

/* --- chance --- */

/* splitmix64 */
uint64_t nvt_change_next(struct nvt_change *c) {
  uint64_t z = c->random += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

uint64_t nvt_change_below(struct nvt_change *c, uint64_t n) {
  return n == 0 ? 0 : nvt_change_next(c) % n;
}

bool nvt_change_one_in(struct nvt_change *c, uint64_t n) {
  return nvt_change_below(c, n) == 0;
}

void nvt_change_note(struct nvt_step *step, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(step->note, sizeof(step->note), format, args);
  va_end(args);
  step->raw = true;
}

/* --- where to --- */

struct nvt_step *nvt_change_pick(struct nvt_change *c,
                                 bool (*fits)(const struct nvt_input *, const struct nvt_step *)) {
  size_t from = nvt_change_below(c, c->in->count);
  for (size_t i = 0; i < c->in->count; i++) {
    struct nvt_step *step = &c->in->steps[(from + i) % c->in->count];
    if (fits(c->in, step))
      return step;
  }
  return NULL;
}

bool nvt_change_is_command(const struct nvt_input *in, const struct nvt_step *step) {
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
  return nvt_change_is_command(in, step) || is_register_write(in, step) ||
         step->record.header.type == NVT_REC_EVENT;
}

static struct nvt_step *insert_after(struct nvt_change *c, const struct nvt_step *step) {
  return nvt_input_insert(c->in, (size_t)(step - c->in->steps) + 1);
}

/* --- order --- */

static void reorder(struct nvt_change *c) {
  struct nvt_step *one = nvt_change_pick(c, is_movable), *other = nvt_change_pick(c, is_movable);
  if (one == NULL || one == other)
    return;
  struct nvt_step kept = *one;
  *one = *other;
  *other = kept;
  nvt_change_note(one, "swapped with the step %zu places on", (size_t)labs(other - one));
}

static void duplicate(struct nvt_change *c) {
  struct nvt_step *from = nvt_change_pick(c, is_movable);
  if (from == NULL)
    return;
  struct nvt_step copy = *from;
  size_t at = (size_t)(from - c->in->steps);
  at += nvt_change_one_in(c, 2) ? 1 : 1 + nvt_change_below(c, c->in->count - at);
  struct nvt_step *made = at <= c->in->count ? nvt_input_insert(c->in, at) : NULL;
  if (made == NULL)
    return;
  *made = copy;
  nvt_change_note(made, "done once more");
}

static void drop(struct nvt_change *c) {
  struct nvt_step *step = nvt_change_pick(c, is_movable);
  if (step == NULL)
    return;
  size_t at = (size_t)(step - c->in->steps);
  if (at + 1 == c->in->count)
    return;
  memmove(step, step + 1, (c->in->count - at - 1) * sizeof(*step));
  c->in->count--;
  snprintf(step->note, sizeof(step->note), "a step before this one was left out");
}

/* --- registers --- */

static void change_doorbell(struct nvt_change *c) {
  struct nvt_step *step = nvt_change_pick(c, is_doorbell);
  if (step == NULL)
    return;
  if (nvt_change_one_in(c, 2)) { /* one more of it */
    struct nvt_step copy = *step, *made = insert_after(c, step);
    if (made == NULL)
      return;
    *made = copy;
    step = made;
  }
  struct nvt_rec_access *access = &step->record.access;
  if (nvt_change_one_in(c, 4))
    access->offset =
        NVT_REG_DOORBELLS + 4 * nvt_change_below(c, nvt_change_one_in(c, 2) ? 16 : 1024);
  access->value = nvt_change_value(c, access->value, nvt_change_one_in(c, 4) ? 32 : 16);
  nvt_change_note(step, "doorbell 0x%llx = 0x%llx", (unsigned long long)access->offset,
                  (unsigned long long)access->value);
}

static void change_access(struct nvt_change *c) {
  static const uint8_t sizes[] = {1, 2, 4, 8};
  struct nvt_step *step = nvt_change_pick(c, is_register_write);
  if (step == NULL)
    return;
  struct nvt_rec_access *access = &step->record.access;
  if (nvt_change_one_in(c, 4)) {
    access->size = NVT_PICK(c, sizes);
    access->offset += nvt_change_below(c, 2) * access->size;
  }
  access->value = nvt_change_one_in(c, 3)
                      ? nvt_change_value(c, access->value, access->size * 8u)
                      : access->value ^ UINT64_C(1) << nvt_change_below(c, access->size * 8u);
  nvt_change_note(step, "%u bytes at 0x%llx = 0x%llx", access->size,
                  (unsigned long long)access->offset, (unsigned long long)access->value);
}

static struct nvt_step *insert_access(struct nvt_change *c, uint8_t type, uint8_t space) {
  struct nvt_step *step = nvt_input_insert(c->in, 1 + nvt_change_below(c, c->in->count));
  if (step == NULL)
    return NULL;
  step->record.header = c->in->meta.header;
  step->record.header.type = type;
  step->record.time_ns = c->in->meta.time_ns;
  step->record.access = (struct nvt_rec_access){.size = 4, .space = space};
  return step;
}

static void insert_register(struct nvt_change *c) {
  size_t count;
  const struct nvt_register_info *registers = nvt_registers(&count);
  const struct nvt_register_info *info = &registers[nvt_change_below(c, count)];
  struct nvt_step *step = insert_access(c, NVT_REC_REG_WRITE, NVT_V_access_space_BAR0);
  if (step == NULL)
    return;
  struct nvt_rec_access *access = &step->record.access;
  access->offset = info->offset;
  if (nvt_change_one_in(c, 8))
    access->size = (uint8_t)(1u << nvt_change_below(c, 4));
  else
    access->size = (uint8_t)(info->size == 8 && nvt_change_one_in(c, 2) ? 8 : 4);
  access->value =
      nvt_change_value(c, info->offset == NVT_REG_CC ? 0x00460001 : 0, access->size * 8u);
  nvt_change_note(step, "%s = 0x%llx, %u bytes", info->name, (unsigned long long)access->value,
                  access->size);
}

static void insert_msix(struct nvt_change *c) {
  uint64_t vectors = c->in->details.vectors != 0 ? c->in->details.vectors : 1;
  struct nvt_step *step = insert_access(c, NVT_REC_MSIX_WRITE, NVT_V_access_space_MSIX_TABLE);
  if (step == NULL)
    return;
  struct nvt_rec_access *access = &step->record.access;
  access->offset = 16 * nvt_change_below(c, vectors + 1) +
                   (nvt_change_one_in(c, 2) ? 12 : 4 * nvt_change_below(c, 4));
  access->value =
      access->offset % 16 == 12 ? nvt_change_below(c, 4) : nvt_change_value(c, 0xfee00000, 32);
  nvt_change_note(step, "MSI-X table 0x%llx = 0x%llx", (unsigned long long)access->offset,
                  (unsigned long long)access->value);
}

static void insert_reset(struct nvt_change *c) {
  static const uint16_t events[] = {
      NVT_V_event_event_CONTROLLER_RESET, NVT_V_event_event_FUNCTION_RESET,
      NVT_V_event_event_SUBSYSTEM_RESET,  NVT_V_event_event_DEVICE_RESET,
      NVT_V_event_event_DETACH,           NVT_V_event_event_ATTACH,
      NVT_V_event_event_DMA_UNMAP,        NVT_V_event_event_NS_REMOVED,
  };
  uint16_t what = NVT_PICK(c, events);
  struct nvt_step *step = insert_access(c, NVT_REC_EVENT, 0);
  if (step == NULL)
    return;
  step->record.event = (struct nvt_rec_event){.event = what};
  if (what == NVT_V_event_event_DMA_UNMAP)
    step->record.event.size = UINT64_MAX;
  if (what == NVT_V_event_event_NS_REMOVED)
    step->record.event.code = 1 + (uint32_t)nvt_change_below(c, c->in->details.namespace_count + 1);
  nvt_change_note(step, "%s", nvt_record_value_name("event", "event", what));
}

/* The controller is disabled, or shut down, and enabled again: what the host does goes on. */
static void insert_disable(struct nvt_change *c) {
  static const uint32_t values[] = {0, 0x00460000, 0x00464001, 0x00468001};
  struct nvt_step *step = insert_access(c, NVT_REC_REG_WRITE, NVT_V_access_space_BAR0);
  if (step == NULL)
    return;
  step->record.access.offset = NVT_REG_CC;
  step->record.access.value = NVT_PICK(c, values);
  nvt_change_note(step, "CC = 0x%llx", (unsigned long long)step->record.access.value);
  struct nvt_step copy = *step, *again = nvt_change_one_in(c, 2) ? insert_after(c, step) : NULL;
  if (again == NULL)
    return;
  *again = copy;
  again->record.access.value = 0x00460001;
  nvt_change_note(again, "CC = 0x00460001");
}

/* --- a run's --- */

static void change(struct nvt_change *c) {
  static void (*const kinds[])(struct nvt_change *) = {
      reorder,
      duplicate,
      drop,
      nvt_change_command,
      nvt_change_command,
      nvt_change_command,
      nvt_change_command,
      nvt_change_command,
      nvt_change_command,
      nvt_change_list,
      nvt_change_list,
      change_doorbell,
      change_doorbell,
      change_access,
      insert_register,
      insert_msix,
      insert_reset,
      insert_disable,
  };
  NVT_PICK(c, kinds)(c);
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
  struct nvt_change c = {.in = copy(origin), .random = seed};
  c.random = nvt_change_next(&c) ^ run;
  *changes = 0;
  if (c.in == NULL || run == 0)
    return c.in;
  unsigned count = 1;
  while (count < CHANGES_MAX && !nvt_change_one_in(&c, 3))
    count++;
  *changes = count;
  for (unsigned i = 0; i < count; i++)
    change(&c);
  return c.in;
}
