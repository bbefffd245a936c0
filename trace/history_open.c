/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands outstanding at a record: those fetched until then whose end came later. Blocks of
 * commands that had all ended by then are passed over, so that looking for the oldest takes a
 * time that doesn't grow with the trace.
 */
#include <string.h>

#include "trace/history_int.h"

#define FANOUT_BITS 4u
_Static_assert(NVT_OPEN_FANOUT == 1u << FANOUT_BITS, "of all levels alike");

void nvt_open_free(struct nvt_open_commands *open) {
  nvt_series_free(&open->commands);
  nvt_series_free(&open->ends);
  for (unsigned i = 0; i < NVT_OPEN_LEVELS; i++)
    nvt_series_free(&open->levels[i]);
}

size_t nvt_open_memory(const struct nvt_open_commands *open) {
  size_t bytes =
      open->commands.space * sizeof(struct nvt_exchange *) + open->ends.space * sizeof(uint32_t);
  for (unsigned i = 0; i < NVT_OPEN_LEVELS; i++)
    bytes += open->levels[i].space * sizeof(uint32_t);
  return bytes;
}

static uint32_t ended(const struct nvt_open_commands *open) {
  return open->ends.count;
}

static int add_command(struct nvt_open_commands *open, const struct nvt_exchange *exchange) {
  int error = nvt_series_append(&open->commands, sizeof(exchange), &exchange);
  uint64_t span = NVT_OPEN_FANOUT;
  for (unsigned i = 0; error == 0 && i < NVT_OPEN_LEVELS && open->commands.count % span == 0; i++) {
    const uint32_t not_known = 0;
    error = nvt_series_append(&open->levels[i], sizeof(not_known), &not_known);
    span *= NVT_OPEN_FANOUT;
  }
  return error;
}

int nvt_open_record(struct nvt_open_commands *open, uint32_t record,
                    const struct nvt_exchange *fetched, uint32_t outstanding) {
  int error = fetched != NULL ? add_command(open, fetched) : 0;
  while (error == 0 && open->commands.count - ended(open) > outstanding)
    error = nvt_series_append(&open->ends, sizeof(record), &record);
  return error;
}

static const struct nvt_exchange *command_at(const struct nvt_open_commands *open, uint32_t at) {
  const struct nvt_exchange *exchange;
  memcpy(&exchange, open->commands.items + at * sizeof(exchange), sizeof(exchange));
  return exchange;
}

/* UINT32_MAX: it hasn't ended. */
static uint32_t end_of(const struct nvt_exchange *exchange) {
  const struct nvt_moment *end =
      exchange->completion.record != 0 ? &exchange->completion : &exchange->cancel;
  return end->record != 0 ? (uint32_t)end->record : UINT32_MAX;
}

static uint32_t fetched_until(const struct nvt_open_commands *open, uint64_t record) {
  uint32_t from = 0, to = open->commands.count;
  while (from < to) {
    uint32_t middle = from + (to - from) / 2;
    if (command_at(open, middle)->command.record <= record)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

/* The last end in a whole block; UINT32_MAX: one in it hasn't ended. */
static uint32_t last_end(struct nvt_open_commands *open, unsigned level, uint32_t block) {
  uint32_t *known = (uint32_t *)(void *)open->levels[level].items + block;
  if (*known != 0)
    return *known;
  uint32_t last = 0;
  for (uint32_t i = 0; i < NVT_OPEN_FANOUT && last != UINT32_MAX; i++) {
    uint32_t part = block * NVT_OPEN_FANOUT + i;
    uint32_t end = level == 0 ? end_of(command_at(open, part)) : last_end(open, level - 1, part);
    last = end > last ? end : last;
  }
  if (last != UINT32_MAX)
    *known = last;
  return last;
}

/* How many commands from this one on, a largest block, had all ended by the record; 0: none. */
static uint32_t to_pass_over(struct nvt_open_commands *open, uint32_t at, uint32_t record) {
  unsigned level = at != 0 ? (unsigned)__builtin_ctz(at) / FANOUT_BITS : NVT_OPEN_LEVELS;
  for (level = level < NVT_OPEN_LEVELS ? level : NVT_OPEN_LEVELS; level-- > 0;) {
    unsigned shift = FANOUT_BITS * (level + 1);
    if (at >> shift < open->levels[level].count && last_end(open, level, at >> shift) <= record)
      return UINT32_C(1) << shift;
  }
  return 0;
}

void nvt_open_at(struct nvt_open_commands *open, const struct nvt_record *record,
                 struct nvt_state *out) {
  uint32_t number = (uint32_t)record->number;
  uint32_t fetched = fetched_until(open, number);
  out->outstanding = fetched - nvt_series_until(&open->ends, sizeof(uint32_t), number);
  uint32_t wanted = out->outstanding < NVT_STATE_COMMANDS ? out->outstanding : NVT_STATE_COMMANDS;
  for (uint32_t at = 0; at < fetched && out->shown < wanted;) {
    uint32_t over = to_pass_over(open, at, number);
    const struct nvt_exchange *exchange = command_at(open, at);
    if (over == 0 && end_of(exchange) > number)
      out->commands[out->shown++] = nvt_state_command(exchange, record->time_ns);
    at += over != 0 ? over : 1;
  }
}
