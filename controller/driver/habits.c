/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of troubles. A naive host does the one thing that its drive doesn't bear, a
 * careful one what is known to help: docs/profiles.md tells both. An empty row is the
 * driver as it is. Profiles (controller/profiles/) are the drives that go with them.
 */
#include <string.h>

#include "controller/driver/habits_int.h"

const struct nvt_habits nvt_habits_usual;

static const struct {
  const char *name, *summary;
  struct nvt_habits naive, careful;
} troubles[] = {
    {"gets-slower",
     "the drive gets slower with what is written, until Format NVM",
     {.completed = nvt_watch_latency, .ended = nvt_complain_when_slow},
     {.completed = nvt_watch_latency,
      .each_pass = nvt_format_when_slow,
      .ended = nvt_complain_when_still_slow}},
    {"status-first",
     "a completion's phase is there before the rest of it",
     {.believes = true},
     {.poisons = true}},
    {"limits",
     "controllers differ: MDTS, number and size of queues, optional commands",
     {.ignores_limits = true, .queues_made = nvt_hint_unasked},
     {.takes_less = true,
      .identified = nvt_stay_within_limits,
      .queues_made = nvt_hint_if_supported}},
    {"stalls-unacknowledged",
     "nothing is fetched while many completions are unacknowledged",
     {.acknowledges = nvt_acknowledge_late},
     {0}},
    {"reconnect",
     "the firmware had the controller before, and left it enabled",
     {.taken_over = nvt_take_over_in_a_hurry},
     {.taken_over = nvt_take_over_with_patience, .reads_back = true}},
    {"apple-like",
     "vendor commands, entries of 128 bytes and reserved flags are wanted",
     {.ignores_limits = true},
     {.wide_entries = true, .identified = nvt_take_entry_size, .flags = NVT_APPLE_FLAG}},
    {"buffer-reuse",
     "a data buffer that comes again too soon stalls the drive",
     {0},
     {.spare_buffers = 64}},
    {"doorbell-race",
     "of a pair's two doorbells, rung at once, the second is not seen",
     {0},
     {.before_doorbell = nvt_keep_doorbells_apart}},
    {"lost-interrupts",
     "the MSI-X table is taken up when it is read, and messages before that are lost",
     {.each_pass = nvt_move_interrupts, .unflushed = true},
     {.each_pass = nvt_move_interrupts}},
    {"no-queue-count",
     "I/O queues are made without asking for their number",
     {.no_queue_count = true},
     {0}},
};
#define TROUBLES (sizeof(troubles) / sizeof(troubles[0]))

const char *nvt_trouble_name(unsigned i, const char **summary) {
  if (i >= TROUBLES)
    return NULL;
  if (summary != NULL)
    *summary = troubles[i].summary;
  return troubles[i].name;
}

const struct nvt_habits *nvt_habits_find(const char *trouble, enum nvt_host host) {
  for (unsigned i = 0; i < TROUBLES; i++)
    if (strcmp(troubles[i].name, trouble) == 0)
      return host == NVT_HOST_NAIVE ? &troubles[i].naive : &troubles[i].careful;
  return NULL;
}
