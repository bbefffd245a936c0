/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hot path of emission leaves to others: new controllers, full rings, the end. */
#include "capture/emit.h"

#include <stdlib.h>

enum { LOSS_BODY = sizeof(struct nvt_rec_loss) };
enum { LOSS_BYTES = sizeof(struct nvt_emit_frame) + sizeof(struct nvt_rec_header) + LOSS_BODY };

struct nvt_emit_stream *nvt_emit_find(struct nvt_emit *emit, uint16_t controller) {
  struct nvt_emit_stream **link = &emit->stream;
  while (*link != NULL && (*link)->who.controller != controller)
    link = &(*link)->next;
  struct nvt_emit_stream *stream = *link;
  if (stream == NULL) {
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
      return NULL;
    stream->who.controller = controller;
  } else {
    *link = stream->next;
  }
  stream->next = emit->stream;
  emit->stream = stream;
  return stream;
}

static void lose(struct nvt_emit_stream *stream, struct nvt_emit *emit, uint64_t ns) {
  if (stream->lost_count++ == 0) {
    stream->lost_first = stream->seq;
    stream->lost_first_ns = ns;
  }
  stream->lost_last_ns = ns;
  stream->seq++;
  emit->counts.lost++;
  nvt_ring_retract(emit->ring);
  nvt_ring_note_loss(emit->ring, &(struct nvt_ring_loss){.controller = stream->who.controller,
                                                         .thread = emit->thread,
                                                         .epoch = stream->who.epoch,
                                                         .pci_address = stream->who.pci_address,
                                                         .first_seq = stream->lost_first,
                                                         .count = stream->lost_count,
                                                         .first_ns = stream->lost_first_ns,
                                                         .last_ns = ns});
}

/* Tell of what was lost, now that there may be room. False: there isn't. */
static bool tell_loss(struct nvt_emit *emit, struct nvt_emit_stream *stream, uint64_t ns) {
  void *at = nvt_ring_reserve(emit->ring, LOSS_BYTES);
  if (at == NULL)
    return false;
  struct nvt_rec_loss *loss = nvt_emit_head(emit, stream, stream->who, at, NVT_REC_LOSS,
                                            sizeof(struct nvt_rec_header) + LOSS_BODY, ns);
  *loss = (struct nvt_rec_loss){.first_seq = stream->lost_first,
                                .count = stream->lost_count,
                                .first_ns = stream->lost_first_ns,
                                .last_ns = stream->lost_last_ns,
                                .reason = NVT_V_loss_reason_RING_FULL};
  stream->lost_count = 0;
  nvt_emit_end(emit, NVT_REC_LOSS, LOSS_BODY);
  return true;
}

void *nvt_emit_make_room(struct nvt_emit *emit, struct nvt_emit_stream *stream, size_t bytes,
                         uint64_t ns) {
  void *at = NULL;
  /* Few long gaps, where many short ones would leave no command whole. */
  bool too_soon = emit->calm && stream->lost_count != 0 &&
                  !nvt_ring_refresh(emit->ring, (size_t)((emit->ring->mask + 1) / 2));
  if (!too_soon && (stream->lost_count == 0 || tell_loss(emit, stream, ns)))
    at = emit->block ? nvt_ring_reserve_wait(emit->ring, bytes)
                     : nvt_ring_reserve(emit->ring, bytes);
  if (at == NULL)
    lose(stream, emit, ns);
  return at;
}

void nvt_emit_counts(const struct nvt_emit *emit, struct nvt_trace_counts *out) {
  *out = emit->counts;
  out->records = 0;
  for (unsigned type = 0; type < NVT_REC_COUNT; type++)
    out->records += out->kinds[type];
}

void nvt_emit_end_all(struct nvt_emit *emit) {
  while (emit->stream != NULL) {
    struct nvt_emit_stream *stream = emit->stream;
    if (stream->lost_count != 0 && nvt_ring_reserve_wait(emit->ring, LOSS_BYTES) != NULL)
      (void)tell_loss(emit, stream, nvt_emit_now(emit));
    emit->stream = stream->next;
    free(stream);
  }
}
