/* SPDX-License-Identifier: BSD-2-Clause */
/* What watches over the workload: time, troubles, and their names. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "controller/driver/run_int.h"
#include "nvme/names.h"

/* A completion without its interrupt is taken after this long, sooner where the patience is
 * short: it isn't to be taken for a command that was never completed. */
#define LOST_SECONDS 1.0

static double lost_after(const struct nvt_driver *d) {
  double patience = nvt_patience(d) / 4;
  return patience < LOST_SECONDS ? patience : LOST_SECONDS;
}

void nvt_note(struct nvt_driver *d, const char *format, ...) {
  if (d->note[0] != '\0')
    return;
  va_list args;
  va_start(args, format);
  vsnprintf(d->note, sizeof(d->note), format, args);
  va_end(args);
}

/* The oldest outstanding command, or NULL. */
static const struct nvt_slot *oldest(const struct nvt_driver *d) {
  const struct nvt_slot *found = NULL;
  for (uint32_t i = 0; i < d->w->queues * d->w->depth; i++) {
    const struct nvt_slot *slot = &d->slots[i];
    if (slot->started != 0 && (found == NULL || slot->started < found->started))
      found = slot;
  }
  return found;
}

/* "Read of 8 blocks at block 77 (queue 1, command id 5)" */
static void name_slot(const struct nvt_driver *d, const struct nvt_slot *slot, char *out,
                      size_t len) {
  if (slot == NULL) {
    snprintf(out, len, "nothing");
    return;
  }
  size_t queue = (size_t)(slot - d->slots) / d->w->depth;
  snprintf(out, len, "%s of %u blocks at block %" PRIu64 " (queue %u, command id %u)",
           slot->write ? "Write" : "Read", d->blocks_per_unit, nvt_lba_of(d, slot->unit),
           d->queues[queue].id, slot->sqe.cid);
}

void nvt_io_failed(struct nvt_driver *d, const struct nvt_slot *slot, nvt_status status) {
  const char *name = nvt_status_name(status);
  char what[128];
  d->result->errors++;
  name_slot(d, slot, what, sizeof(what));
  nvt_note(d, "%s failed: %s (status %x/%02xh)", what, name == NULL ? "unknown status" : name,
           status >> 8, status & 0xffu);
}

static int check_timeouts(struct nvt_run_state *r) {
  struct nvt_driver *d = r->d;
  const struct nvt_slot *slot = oldest(d);
  double limit = nvt_patience(d);
  if (slot == NULL || r->now < slot->started ||
      nvt_clock_seconds(d, r->now - slot->started) <= limit)
    return 0;
  uint32_t csts = 0;
  char what[128];
  (void)nvt_reg_read32(d, NVT_REG_CSTS, &csts);
  name_slot(d, slot, what, sizeof(what));
  return nvt_driver_fail(d, ETIMEDOUT, "%s was not completed in %g s (CSTS %08xh)", what, limit,
                         csts);
}

static void find_lost_interrupts(struct nvt_run_state *r) {
  struct nvt_driver *d = r->d;
  if (d->vectors == 0 || nvt_clock_seconds(d, r->now - r->progress) < lost_after(d))
    return;
  for (uint32_t i = 0; i < d->w->queues; i++) {
    struct nvt_hostq *q = &d->queues[i];
    if (nvt_hostq_peek(q) == NULL)
      continue;
    if (q->signalled || nvt_take_interrupt(d, q->vector))
      continue; /* it came just now */
    q->signalled = true;
    d->result->lost_interrupts++;
    nvt_note(d, "a completion on queue %u came without an interrupt on vector %u", q->id,
             q->vector);
  }
}

int nvt_take_events(struct nvt_driver *d) {
  if (d->vectors > 0)
    nvt_take_interrupt(d, 0);
  int failed = nvt_admin_poll(d);
  if (failed == 0 && d->event_pending)
    failed = nvt_admin_handle_event(d);
  return failed;
}

void nvt_stop_starting(struct nvt_run_state *r) {
  if (r->stopping)
    return;
  r->stopping = true;
  for (uint32_t i = 0; i < r->d->w->queues; i++) {
    r->d->queues[i].left = 0;
    r->d->queues[i].picked = false;
  }
  r->d->read_back_unit = r->d->units;
}

static int each_second(struct nvt_run_state *r) {
  struct nvt_driver *d = r->d;
  r->tick = r->now + r->second;
  if (d->w->progress != NULL)
    d->w->progress(d->w->user, d->result->ios, nvt_clock_seconds(d, r->now - r->started));
  int failed = nvt_take_events(d);
  return failed ? failed : check_timeouts(r);
}

/* The clock was looked at: what it asks for. */
int nvt_by_clock(struct nvt_run_state *r) {
  if (r->now >= r->deadline && !r->d->reading_back)
    nvt_stop_starting(r);
  return r->now >= r->tick ? each_second(r) : 0;
}

/* Nothing for a second: is the device still there? */
static int check_alive(struct nvt_run_state *r) {
  struct nvt_driver *d = r->d;
  uint32_t csts;
  r->alive = r->now;
  int failed = d->t->read(d->t, NVT_REGION_BAR0, NVT_REG_CSTS, &csts, sizeof(csts));
  char what[128];
  if (failed >= 0 && csts != UINT32_MAX && !NVT_GET(csts, CSTS_CFS))
    return 0;
  name_slot(d, oldest(d), what, sizeof(what));
  if (failed < 0)
    return nvt_driver_fail(d, -failed, "the device doesn't answer any more (%s); outstanding: %s",
                           strerror(-failed), what);
  if (csts == UINT32_MAX)
    return nvt_driver_fail(d, ENODEV, "the device is gone, CSTS reads all ones; outstanding: %s",
                           what);
  return nvt_driver_fail(
      d, EIO, "the controller reports fatal status (CSTS %08xh); outstanding: %s", csts, what);
}

int nvt_idle_look(struct nvt_run_state *r) {
  struct nvt_driver *d = r->d;
  r->idle = 0;
  r->now = nvt_ticks();
  find_lost_interrupts(r);
  if (r->now - r->progress > r->second && r->now - r->alive > r->second) {
    int failed = check_alive(r);
    if (failed)
      return failed;
  }
  if (nvt_hostq_peek(&d->admin) != NULL) {
    int failed = nvt_take_events(d);
    if (failed)
      return failed;
  }
  if (nvt_clock_seconds(d, r->now - r->progress) > nvt_patience(d)) {
    int failed = check_timeouts(r);
    if (failed)
      return failed;
  }
  return nvt_by_clock(r);
}
