/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/recover_int.h"
#include "trace/writer.h"

enum { CONTROLLERS = 65536 };

int nvt_tails_open(struct nvt_tails *tails) {
  *tails = (struct nvt_tails){.index = calloc(CONTROLLERS, sizeof(*tails->index))};
  return tails->index == NULL ? -ENOMEM : 0;
}

void nvt_tails_close(struct nvt_tails *tails) {
  free(tails->index);
  free(tails->rows);
  *tails = (struct nvt_tails){0};
}

struct nvt_tail *nvt_tails_of(struct nvt_tails *tails, uint16_t controller) {
  uint32_t at = tails->index[controller];
  if (at != 0)
    return &tails->rows[at - 1];
  if (tails->count == tails->room) {
    size_t room = tails->room == 0 ? 4 : tails->room * 2;
    struct nvt_tail *rows = realloc(tails->rows, room * sizeof(*rows));
    if (rows == NULL)
      return NULL;
    tails->rows = rows;
    tails->room = room;
  }
  struct nvt_tail *tail = &tails->rows[tails->count++];
  *tail = (struct nvt_tail){.controller = controller};
  tails->index[controller] = (uint32_t)tails->count;
  return tail;
}

/* The first sequence number that a loss record accounts for; its own where it is none. */
static uint64_t accounted_from(const struct nvt_frame *frame) {
  struct nvt_rec_loss loss;
  size_t body = NVT_FRAME_HEADER_BYTES + (size_t)frame->header.header_length;
  if (frame->header.type != NVT_REC_LOSS || frame->length < body + sizeof(loss))
    return frame->header.seq;
  memcpy(&loss, frame->bytes + body, sizeof(loss));
  return loss.first_seq;
}

uint64_t nvt_tails_gap(const struct nvt_tails *tails, const struct nvt_frame *frame) {
  uint32_t at = tails->index[frame->header.controller];
  if (at == 0 || !tails->rows[at - 1].known)
    return 0;
  uint64_t next = tails->rows[at - 1].last_seq + 1, from = accounted_from(frame);
  if (frame->header.seq <= next || from <= next)
    return 0;
  return (from < frame->header.seq ? from : frame->header.seq) - next;
}

int nvt_tails_take(struct nvt_tails *tails, const struct nvt_frame *frame) {
  struct nvt_tail *tail = nvt_tails_of(tails, frame->header.controller);
  if (tail == NULL)
    return -ENOMEM;
  uint64_t gap = nvt_tails_gap(tails, frame);
  tails->missing += gap;
  if (tail->gap_count == 0) {
    tail->gap_first = tail->last_seq + 1;
    tail->gap_count = gap;
  }
  tail->thread = frame->header.thread;
  tail->epoch = frame->header.epoch;
  tail->pci_address = frame->header.pci_address;
  tail->last_seq = frame->header.seq;
  tail->known = true;
  if (frame->ns > tails->last_ns)
    tails->last_ns = frame->ns;
  return 0;
}

bool nvt_tails_has(const struct nvt_tails *tails, const struct nvt_frame *frame) {
  uint32_t at = tails->index[frame->header.controller];
  return at != 0 && tails->rows[at - 1].known && frame->header.seq <= tails->rows[at - 1].last_seq;
}
