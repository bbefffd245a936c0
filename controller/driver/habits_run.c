/* SPDX-License-Identifier: BSD-2-Clause */
/* What hosts with habits do while the workload runs. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/habits_int.h"

/* A drive has become slow when its median is so many times the first one, and so much more:
 * a busy machine alone doesn't make it so. */
#define SLOW_FACTOR 4u
#define SLOW_SECONDS 1e-3
/* Longer than any doorbell is on its way. */
#define APART_SECONDS 2e-4
#define MOVE_EACH 8u /* completions */

/* --- buffer-reuse --- */

void nvt_rotate_buffer(struct nvt_driver *d, struct nvt_hostq *q, struct nvt_slot *slot) {
  struct nvt_odd *odd = d->odd;
  struct nvt_buffer *buffers = &odd->buffers[(size_t)(q->id - 1u) * odd->buffers_each];
  uint32_t at = odd->next_buffer[q->id - 1u];
  /* There are more than commands: one is free. */
  while (buffers[at].busy)
    at = at + 1 == odd->buffers_each ? 0 : at + 1;
  odd->next_buffer[q->id - 1u] = at + 1 == odd->buffers_each ? 0 : at + 1;
  buffers[at].busy = true;
  if (slot->buffer != 0)
    buffers[slot->buffer - 1].busy = false; /* its last command is done */
  slot->buffer = at + 1;
  slot->data = buffers[at].data;
  slot->sqe.prp1 = buffers[at].prp1;
  slot->sqe.prp2 = buffers[at].prp2;
}

/* --- stalls-unacknowledged --- */

/* "One write of the doorbell for many completions is cheaper." */
bool nvt_acknowledge_late(const struct nvt_hostq *q) {
  return q->outstanding == 0 || q->unacknowledged > q->entries / 2;
}

/* --- doorbell-race --- */

void nvt_keep_doorbells_apart(struct nvt_driver *d) {
  while (nvt_clock_seconds(d, nvt_ticks() - d->odd->last_ring) < APART_SECONDS)
    continue;
  d->odd->last_ring = nvt_ticks();
}

/* --- gets-slower --- */

static int by_value(const void *a, const void *b) {
  uint64_t left, right;
  memcpy(&left, a, sizeof(left));
  memcpy(&right, b, sizeof(right));
  return left < right ? -1 : left > right;
}

void nvt_watch_latency(struct nvt_driver *d, uint64_t ticks) {
  struct nvt_odd *odd = d->odd;
  odd->window[odd->filled++] = ticks;
  if (odd->filled < NVT_ODD_WINDOW)
    return;
  qsort(odd->window, NVT_ODD_WINDOW, sizeof(odd->window[0]), by_value);
  odd->filled = 0;
  odd->median = odd->window[NVT_ODD_WINDOW / 2];
  /* The best so far: the first I/Os of a session are slow for other reasons. */
  if (odd->baseline == 0 || odd->median < odd->baseline)
    odd->baseline = odd->median;
  odd->slow = odd->median > SLOW_FACTOR * odd->baseline &&
              nvt_clock_seconds(d, odd->median - odd->baseline) > SLOW_SECONDS;
}

static double microseconds(const struct nvt_driver *d, uint64_t ticks) {
  return nvt_clock_seconds(d, ticks) * 1e6;
}

int nvt_complain_when_slow(struct nvt_driver *d) {
  const struct nvt_odd *odd = d->odd;
  if (!odd->slow)
    return 0;
  return nvt_driver_fail(
      d, ETIME,
      "the drive got slower: median latency of %u I/Os %.0f us at first, %.0f us "
      "at the end; Format NVM may heal it",
      NVT_ODD_WINDOW, microseconds(d, odd->baseline), microseconds(d, odd->median));
}

int nvt_complain_when_still_slow(struct nvt_driver *d) {
  const struct nvt_odd *odd = d->odd;
  if (!odd->slow || d->result->formats == 0)
    return nvt_complain_when_slow(d);
  return nvt_driver_fail(d, ETIME,
                         "the drive is slow again at the end, though it was formatted %" PRIu64
                         " times: median latency %.0f us, %.0f us at first",
                         d->result->formats, microseconds(d, odd->median),
                         microseconds(d, odd->baseline));
}

/* Everything on it is lost: this host keeps nothing there. What verify knew is forgotten. */
static int format(struct nvt_driver *d) {
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_FORMAT_NVM, .nsid = 1};
  int failed = nvt_admin(d, &sqe, "Format NVM", NULL);
  if (failed)
    return failed;
  d->result->formats++;
  if (d->generations != NULL)
    memset(d->generations, 0, d->units * sizeof(*d->generations));
  return 0;
}

int nvt_format_when_slow(struct nvt_run_state *r, int reaped) {
  struct nvt_driver *d = r->d;
  struct nvt_odd *odd = d->odd;
  (void)reaped;
  if (!odd->slow || (d->oacs & 2) == 0 || r->stopping || d->reading_back)
    return 0;
  odd->paused = true;
  if (d->outstanding > 0)
    return 0;
  int failed = format(d);
  odd->paused = odd->slow = false;
  odd->filled = 0;
  r->now = r->progress = nvt_ticks();
  return failed;
}

/* --- lost-interrupts --- */

/* As a daemon does that spreads interrupts over the processors. */
int nvt_move_interrupts(struct nvt_run_state *r, int reaped) {
  struct nvt_driver *d = r->d;
  struct nvt_odd *odd = d->odd;
  if (d->vectors == 0 || reaped == 0)
    return 0;
  odd->until_move += (uint64_t)reaped;
  if (odd->until_move < MOVE_EACH)
    return 0;
  odd->until_move = 0;
  for (uint32_t i = 0; i < d->w->queues; i++)
    nvt_msix_move(d, d->queues[i].vector);
  return 0;
}
