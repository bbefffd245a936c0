/* SPDX-License-Identifier: BSD-2-Clause */
/* What a recovered trace ends with. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture/recover_int.h"
#include "trace/build.h"
#include "trace/writer.h"

struct ending {
  struct nvt_tails *tails;
  struct nvt_sink *sink;
  uint64_t ns;
};

/* One more record of a controller. */
static int put_record(struct ending *e, struct nvt_tail *tail, enum nvt_record_type type,
                      const void *body, const char *text) {
  uint8_t frame[NVT_FRAME_HEADER_BYTES + 512];
  const struct nvt_rec_header header = {.controller = tail->controller,
                                        .thread = tail->thread,
                                        .epoch = tail->epoch,
                                        .pci_address = tail->pci_address,
                                        .seq = tail->last_seq + 1};
  size_t length = nvt_build_record(frame + NVT_FRAME_HEADER_BYTES, 512, type, &header, body, text,
                                   text == NULL ? 0 : strlen(text));
  const uint32_t pcap[4] = {(uint32_t)(e->ns / 1000000000u), (uint32_t)(e->ns % 1000000000u),
                            (uint32_t)length, (uint32_t)length};
  if (length == 0)
    return -EINVAL;
  memcpy(frame, pcap, sizeof(pcap));
  tail->last_seq++;
  return nvt_sink_put(e->sink, frame, NVT_FRAME_HEADER_BYTES + length);
}

/* What the recorder counted and had no room to tell of: a loss that a record told of precedes that
 * record. The controller's sequence goes on behind it. */
static int tell_loss(struct nvt_recovery *r, struct ending *e, const struct nvt_ring_loss *loss) {
  uint64_t count = atomic_load(&loss->count);
  struct nvt_tail *tail = nvt_tails_of(e->tails, loss->controller);
  if (tail == NULL)
    return -ENOMEM;
  if (count > UINT64_MAX - 8 - loss->first_seq ||
      (tail->known && loss->first_seq <= tail->last_seq))
    return 0;
  if (tail->known && loss->first_seq > tail->last_seq + 1) {
    e->tails->missing += loss->first_seq - tail->last_seq - 1;
    if (tail->gap_count == 0) {
      tail->gap_first = tail->last_seq + 1;
      tail->gap_count = loss->first_seq - tail->last_seq - 1;
    }
  }
  tail->known = true;
  tail->thread = loss->thread;
  tail->epoch = loss->epoch;
  tail->pci_address = loss->pci_address;
  tail->last_seq = loss->first_seq + count - 1;
  r->lost += count;
  const struct nvt_rec_loss body = {.first_seq = loss->first_seq,
                                    .count = count,
                                    .first_ns = loss->first_ns,
                                    .last_ns = loss->last_ns,
                                    .reason = NVT_V_loss_reason_RING_FULL};
  return put_record(e, tail, NVT_REC_LOSS, &body, NULL);
}

static int tell_losses(struct nvt_recovery *r, struct ending *e, const struct nvt_orphan *ring) {
  int error = 0;
  for (unsigned i = 0; i < NVT_RING_LOSSES && error == 0; i++) {
    const struct nvt_ring_loss *loss = &ring->shared.loss[i];
    if (loss->used != 0 && atomic_load(&loss->count) != 0)
      error = tell_loss(r, e, loss);
  }
  return error;
}

static void ring_times(const struct nvt_orphan *ring, uint64_t *ns) {
  for (unsigned i = 0; i < NVT_RING_LOSSES; i++) {
    const struct nvt_ring_loss *loss = &ring->shared.loss[i];
    if (loss->used != 0 && atomic_load(&loss->count) != 0 && loss->last_ns > *ns)
      *ns = loss->last_ns;
  }
}

static int end_controller(const struct nvt_recovery *r, struct ending *e, struct nvt_tail *tail) {
  int error = 0;
  if (tail->gap_count != 0) {
    const struct nvt_rec_loss body = {.first_seq = tail->gap_first,
                                      .count = tail->gap_count,
                                      .first_ns = e->ns,
                                      .last_ns = e->ns,
                                      .reason = NVT_V_loss_reason_CRASH};
    error = put_record(e, tail, NVT_REC_LOSS, &body, NULL);
  }
  char text[192], when[32] = "";
  time_t now = time(NULL);
  struct tm utc;
  if (gmtime_r(&now, &utc) != NULL)
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
  snprintf(text, sizeof(text),
           "process %ld ended without finishing this trace; nvmetap recovered it on %s",
           (long)r->rings[0]->shared.pid, when);
  const struct nvt_rec_annotation note = {0};
  const struct nvt_rec_event event = {.event = NVT_V_event_event_RECOVERED};
  if (error == 0)
    error = put_record(e, tail, NVT_REC_ANNOTATION, &note, text);
  if (error == 0)
    error = put_record(e, tail, NVT_REC_EVENT, &event, NULL);
  return error;
}

int nvt_recover_epilogue(struct nvt_recovery *r, struct nvt_tails *tails, struct nvt_sink *sink) {
  struct ending e = {.tails = tails, .sink = sink, .ns = tails->last_ns};
  int error = 0;
  for (size_t i = 0; i < r->count; i++)
    ring_times(r->rings[i], &e.ns);
  const uint64_t last = UINT32_MAX * 1000000000ull + 999999999u; /* that the file can say */
  if (e.ns > last)
    e.ns = last;
  for (size_t i = 0; i < r->count && error == 0; i++)
    error = tell_losses(r, &e, r->rings[i]);
  for (size_t i = 0; i < tails->count && error == 0; i++)
    if (tails->rows[i].known)
      error = end_controller(r, &e, &tails->rows[i]);
  r->missing = tails->missing;
  return error;
}
