/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What plug-ins did in the recording to accesses and interrupts, and what they caused, is done
 * again in the target: docs/replay.md. (What they did to commands: commands.c.)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nvme/nvme.h"
#include "replay/engine_int.h"

static bool is_read_tap(uint8_t tap) {
  return tap == NVT_V_verdict_tap_PCI_REGREAD || tap == NVT_V_verdict_tap_REGREAD ||
         tap == NVT_V_verdict_tap_MSIXREAD;
}

static bool is_write_tap(uint8_t tap) {
  return tap == NVT_V_verdict_tap_PCI_REGWRITE || tap == NVT_V_verdict_tap_REGWRITE ||
         tap == NVT_V_verdict_tap_MSIXWRITE;
}

static bool is_interrupt_tap(uint8_t tap) {
  return tap == NVT_V_verdict_tap_ADMIN_INTERRUPT || tap == NVT_V_verdict_tap_IO_INTERRUPT;
}

void nvt_engine_verdict(struct nvt_engine *e, const struct nvt_record *record) {
  const struct nvt_rec_verdict *verdict = &record->verdict;
  switch (verdict->verdict) {
  case NVT_V_verdict_verdict_CHANGED:
    if (is_read_tap(verdict->tap))
      e->answered_otherwise = true;
    break;
  case NVT_V_verdict_verdict_DROPPED:
    if (is_interrupt_tap(verdict->tap) && !e->blind) {
      e->ops->flush_interrupts(e->target);
      if (nvt_engine_lose_interrupt(e, verdict->sqid))
        nvt_engine_excuse(e, NVT_EXCEPTION_PLUGIN);
    }
    break;
  case NVT_V_verdict_verdict_INJECTED:
    e->injected = record->number;
    e->injected_at = verdict->tap;
    break;
  default:
    break;
  }
}

/* The verdict on a write stands right behind it. */
bool nvt_engine_write_dropped(struct nvt_engine *e) {
  const struct nvt_record *next = nvt_feed_peek(e->feed);
  if (next == NULL || next->header.type != NVT_REC_VERDICT || !is_write_tap(next->verdict.tap))
    return false;
  if (next->verdict.verdict == NVT_V_verdict_verdict_CHANGED)
    nvt_engine_blind(
        e, "verdict", "changed",
        "a plug-in changed what the host wrote here, and the trace doesn't say to what");
  return next->verdict.verdict == NVT_V_verdict_verdict_DROPPED;
}

void nvt_engine_inject(struct nvt_engine *e, uint8_t tap, const struct nvt_record *record) {
  if (e->injected == 0 || e->injected_at != tap)
    return;
  /* A message that was pending already has no record; an event waits for a request. */
  bool waits = record->header.type == NVT_REC_COMPLETION && tap == NVT_V_verdict_tap_DEVICE_EVENT;
  if (!waits && record->number != e->injected + 1)
    return;
  e->injected = 0;
  if (e->blind)
    return;
  nvt_engine_excuse(e, NVT_EXCEPTION_PLUGIN);
  int failed = e->ops->inject == NULL ? -ENOTSUP : e->ops->inject(e->target, tap, record);
  if (failed)
    nvt_findings_number(&e->totals->findings, e->record, "verdict", tap, 0, 0,
                        "what a plug-in caused here can't be done in this target: %s",
                        strerror(-failed));
}
