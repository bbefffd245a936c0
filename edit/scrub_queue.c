/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edit/scrub_int.h"

#define WHOLE_MAX (1u << 20) /* bytes of a transfer that are looked at as a whole */

static int hand_out(struct nvt_scrub *s, uint64_t time_ns, const void *record, size_t length) {
  if (s->learning)
    return 0;
  s->report.written++;
  return s->put != NULL ? s->put(s->ctx, time_ns, record, length) : 0;
}

static struct scrub_piece piece_of(const struct gather *gather, uint64_t offset, uint8_t *bytes,
                                   size_t length) {
  return (struct scrub_piece){.structure = gather->layout.structure,
                              .from = gather->layout.offset + offset,
                              .sqe = &gather->sqe,
                              .controller = gather->controller,
                              .bytes = bytes,
                              .length = length};
}

/* Where the transfer's waiting bytes begin and end. */
static void extent(const struct gather *gather, uint64_t *from, uint64_t *to) {
  *from = UINT64_MAX;
  *to = 0;
  for (const struct waiting *w = gather->first; w != NULL; w = w->sibling) {
    *from = w->offset < *from ? w->offset : *from;
    *to = w->offset + w->count > *to ? w->offset + w->count : *to;
  }
}

/* Whether records in the order of the queue follow one another: then they make one piece. */
static bool joined(const struct gather *gather, uint64_t from) {
  for (const struct waiting *w = gather->first; w != NULL; w = w->sibling) {
    if (w->offset != from)
      return false;
    from += w->count;
  }
  return true;
}

static int each_alone(struct nvt_scrub *s, const struct gather *gather) {
  int error = 0;
  for (struct waiting *w = gather->first; w != NULL && error == 0; w = w->sibling) {
    struct scrub_piece piece = piece_of(gather, w->offset, w->bytes + w->at, w->count);
    error = nvt_scrub_structure(s, &piece);
  }
  return error;
}

static int as_a_whole(struct nvt_scrub *s, const struct gather *gather, uint64_t from,
                      size_t length) {
  uint8_t *whole = malloc(length);
  if (whole == NULL)
    return -ENOMEM;
  for (const struct waiting *w = gather->first; w != NULL; w = w->sibling)
    memcpy(whole + (w->offset - from), w->bytes + w->at, w->count);
  struct scrub_piece piece = piece_of(gather, from, whole, length);
  int error = nvt_scrub_structure(s, &piece);
  for (struct waiting *w = gather->first; w != NULL && error == 0; w = w->sibling)
    memcpy(w->bytes + w->at, whole + (w->offset - from), w->count);
  free(whole);
  return error;
}

static int settle(struct nvt_scrub *s, struct gather *gather) {
  uint64_t from, to;
  extent(gather, &from, &to);
  int error = 0;
  if (gather->first->sibling == NULL || !joined(gather, from) || to - from > WHOLE_MAX)
    error = each_alone(s, gather);
  else
    error = as_a_whole(s, gather, from, (size_t)(to - from));
  for (struct waiting *w = gather->first; w != NULL; w = w->sibling)
    w->gather = NULL;
  gather->exchange->user = NULL;
  free(gather);
  return error;
}

/* What is ready at the front goes. */
static int drain(struct nvt_scrub *s) {
  int error = 0;
  while (s->first != NULL && s->first->gather == NULL && error == 0) {
    struct waiting *w = s->first;
    s->first = w->next;
    if (s->first == NULL)
      s->last = &s->first;
    s->waiting_bytes -= w->length;
    error = hand_out(s, w->time_ns, w->bytes, w->length);
    free(w);
  }
  return error;
}

static struct waiting *append(struct nvt_scrub *s, uint64_t time_ns, const void *record,
                              size_t length) {
  struct waiting *w = malloc(sizeof(*w) + length);
  if (w == NULL)
    return NULL;
  *w = (struct waiting){.time_ns = time_ns, .length = length};
  memcpy(w->bytes, record, length);
  *s->last = w;
  s->last = &w->next;
  s->waiting_bytes += length;
  return w;
}

/* Not too much may wait: who waits longest is looked at with what it has. */
static int limit(struct nvt_scrub *s) {
  int error = 0;
  while (s->waiting_bytes > NVT_SCRUB_WAITING_MAX && s->first != NULL && error == 0) {
    if (s->first->gather != NULL)
      error = settle(s, s->first->gather);
    if (error == 0)
      error = drain(s);
  }
  return error;
}

int nvt_scrub_queue(struct nvt_scrub *s, uint64_t time_ns, const void *record, size_t length) {
  if (s->first == NULL)
    return hand_out(s, time_ns, record, length);
  if (append(s, time_ns, record, length) == NULL)
    return -ENOMEM;
  return limit(s);
}

int nvt_scrub_queue_data(struct nvt_scrub *s, const struct nvt_record *record,
                         struct nvt_exchange *exchange, struct nvt_layout layout, size_t at,
                         size_t length) {
  struct gather *gather = exchange->user;
  if (gather != NULL && gather->direction != record->data.direction) {
    int error = settle(s, gather);
    if (error != 0)
      return error;
    gather = NULL;
  }
  if (gather == NULL) {
    gather = calloc(1, sizeof(*gather));
    if (gather == NULL)
      return -ENOMEM;
    *gather = (struct gather){.last = &gather->first,
                              .exchange = exchange,
                              .layout = layout,
                              .sqe = exchange->sqe,
                              .controller = record->header.controller,
                              .direction = record->data.direction};
    exchange->user = gather;
  }
  struct waiting *w = append(s, nvt_scrub_time(s, record->time_ns), s->record, length);
  if (w == NULL)
    return -ENOMEM;
  w->gather = gather;
  w->offset = record->data.offset;
  w->at = (uint32_t)at;
  w->count = record->tail_length;
  *gather->last = w;
  gather->last = &w->sibling;
  return limit(s);
}

int nvt_scrub_complete(struct nvt_scrub *s, struct nvt_exchange *exchange) {
  if (exchange == NULL || exchange->user == NULL)
    return 0;
  int error = settle(s, exchange->user);
  return error != 0 ? error : drain(s);
}

int nvt_scrub_flush(struct nvt_scrub *s) {
  int error = 0;
  while (s->first != NULL && error == 0) {
    if (s->first->gather != NULL)
      error = settle(s, s->first->gather);
    if (error == 0)
      error = drain(s);
  }
  return error;
}

void nvt_scrub_forget(struct nvt_scrub *s) {
  while (s->first != NULL) {
    struct waiting *w = s->first;
    s->first = w->next;
    struct gather *gather = w->gather;
    if (gather != NULL) {
      for (struct waiting *of = gather->first; of != NULL; of = of->sibling)
        of->gather = NULL;
      gather->exchange->user = NULL;
      free(gather);
    }
    free(w);
  }
  s->last = &s->first;
  s->waiting_bytes = 0;
}
