/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace of the units that are kept. What follows from what the host did is worked out anew, by
 * the same small model of queues as while loading: doorbells' values, slots, heads, phases, epochs,
 * sequence numbers. What the controller answered (status, dwords 0 and 1, data, values read) isn't
 * touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reduce/reduce_int.h"
#include "trace/writer.h"

struct numbers { /* a controller's */
  uint16_t id;
  bool seen, seen_written;
  uint64_t seq, written_seq;
  uint32_t epoch;     /* of the record before */
  uint32_t dropped;   /* resets */
  bool reset_dropped; /* the last one was */
  bool asserted;      /* the pin */
};

struct writing {
  struct nvt_trace *trace;
  const struct nvt_choice *choice;
  nvt_put put;
  void *ctx;
  struct numbers *numbers;
  uint32_t count;
  uint32_t making;
  uint8_t *buffer;
};

static bool kept(const struct writing *w, uint32_t item) {
  const struct nvt_item *it = &w->trace->items[item];
  return it->unit != NVT_REDUCE_NONE && w->choice->keep[it->unit] && item < w->choice->end;
}

static struct numbers *find(struct writing *w, uint16_t id) {
  for (uint32_t i = w->count; i-- > 0;)
    if (w->numbers[i].id == id)
      return &w->numbers[i];
  struct numbers *bigger = reallocarray(w->numbers, w->count + 1u, sizeof(*bigger));
  if (bigger == NULL)
    return NULL;
  w->numbers = bigger;
  w->numbers[w->count] = (struct numbers){.id = id};
  return &w->numbers[w->count++];
}

/* How many kept commands a doorbell announces, and completions an interrupt tells of. */
static void count_links(struct writing *w) {
  struct nvt_trace *t = w->trace;
  memset(t->scratch, 0, t->item_count * sizeof(*t->scratch));
  for (uint32_t i = 0; i < t->item_count && i < w->choice->end; i++) {
    const struct nvt_item *it = &t->items[i];
    if ((it->role == NVT_ROLE_COMMAND || it->role == NVT_ROLE_COMPLETION) && kept(w, i) &&
        it->link != NVT_REDUCE_NONE &&
        t->items[it->link].role ==
            (it->role == NVT_ROLE_COMMAND ? NVT_ROLE_TAIL : NVT_ROLE_INTERRUPT))
      t->scratch[it->link]++;
  }
}

static void make_queues(struct writing *w, uint32_t item) {
  struct nvt_trace *t = w->trace;
  for (; w->making < t->making_count && t->makings[w->making].item == item; w->making++) {
    const struct nvt_making *m = &t->makings[w->making];
    struct nvt_queue *q = &t->queues[m->queue];
    if (!kept(w, item))
      continue;
    q->entries = m->entries;
    q->head = m->head;
    q->tail = m->tail;
    q->posted = m->posted;
    q->acked = 0;
    q->phase = m->phase;
  }
}

static uint32_t step(uint32_t value, int32_t off, uint32_t entries) {
  int64_t sum = ((int64_t)value + off) % (int64_t)entries;
  return (uint32_t)(sum < 0 ? sum + entries : sum);
}

/* A position that the recording has where the model has `value`; nonsense stays nonsense. */
static uint16_t placed(uint32_t value, int32_t off, uint32_t entries) {
  bool beyond = off >= (int32_t)entries || -off >= (int32_t)entries;
  return beyond ? (uint16_t)((int32_t)value + off) : (uint16_t)step(value, off, entries);
}

static void write_command(struct writing *w, const struct nvt_item *it, struct nvt_record *r) {
  struct nvt_queue *q = &w->trace->queues[it->queue];
  if (q->entries == 0)
    return;
  r->command.slot = placed(q->head, it->off[0], q->entries);
  q->head = (q->head + 1) % q->entries;
  r->command.head = placed(q->head, it->off[1], q->entries);
  r->command.tail = placed(q->tail, it->off[2], q->entries);
}

static void write_completion(struct writing *w, uint32_t item, struct nvt_record *r) {
  struct nvt_trace *t = w->trace;
  const struct nvt_item *it = &t->items[item];
  struct nvt_queue *q = &t->queues[it->queue];
  const struct nvt_queue *sq = &t->queues[it->sq];
  struct nvt_rec_completion *c = &r->completion;
  if (q->entries == 0)
    return;
  c->slot = placed(q->tail, it->off[0], q->entries);
  c->head = placed(q->head, it->off[1], q->entries);
  if (sq->entries != 0)
    c->cqe.sqhd = placed(sq->head, it->off[2], sq->entries);
  c->cqe.status = (uint16_t)((c->cqe.status & ~1u) | (q->phase != it->off_phase));
  q->tail = (q->tail + 1) % q->entries;
  if (q->tail == 0)
    q->phase = !q->phase;
  t->scratch[item] = ++q->posted;
}

static void set_doorbell(struct nvt_record *r, uint32_t value) {
  if (r->header.type == NVT_REC_SHADOW_DOORBELL)
    r->shadow.value = value;
  else
    r->access.value = value;
}

/* False: there is nothing to announce any more. */
static bool write_tail(struct writing *w, uint32_t item, struct nvt_record *r) {
  struct nvt_trace *t = w->trace;
  const struct nvt_item *it = &t->items[item];
  struct nvt_queue *q = &t->queues[it->queue];
  uint32_t count = it->role == NVT_ROLE_TAIL ? t->scratch[item] : it->count;
  /* Where all that was fetched stays, so do those that never were. */
  if (it->role == NVT_ROLE_TAIL && count == it->fetched)
    count = it->count;
  if (count == 0 || q->entries == 0)
    return false;
  q->tail = (q->tail + count) % q->entries;
  set_doorbell(r, q->tail);
  return true;
}

static bool write_ack(struct writing *w, uint32_t item, struct nvt_record *r) {
  struct nvt_trace *t = w->trace;
  const struct nvt_item *it = &t->items[item];
  struct nvt_queue *q = &t->queues[it->queue];
  /* Those before the trace began are all there. */
  uint32_t upto = it->link != NVT_REDUCE_NONE ? t->scratch[it->link] : it->count;
  if (q->entries == 0 || upto <= q->acked)
    return false;
  q->head = (q->head + upto - q->acked) % q->entries;
  q->acked = upto;
  set_doorbell(r, q->head);
  t->scratch[item] = 1; /* for the pin */
  return true;
}

static bool write_interrupt(struct writing *w, uint32_t item, struct numbers *n,
                            struct nvt_record *r) {
  struct nvt_trace *t = w->trace;
  const struct nvt_item *it = &t->items[item];
  struct nvt_rec_interrupt *i = &r->interrupt;
  if (it->role == NVT_ROLE_INTERRUPT && t->scratch[item] == 0)
    return false;
  if (w->choice->no_msix && it->role == NVT_ROLE_DEASSERT)
    return false;
  if (w->choice->no_msix && (it->msix || it->role == NVT_ROLE_INTERRUPT)) {
    i->address = 0;
    i->data = 0;
    i->state = NVT_V_interrupt_state_DISABLED;
    i->mode = NVT_V_interrupt_mode_PIN;
    return true;
  }
  bool raises = i->mode == NVT_V_interrupt_mode_PIN && i->state == NVT_V_interrupt_state_SENT;
  if (raises && n->asserted && it->role == NVT_ROLE_INTERRUPT)
    return false;
  n->asserted |= raises;
  if (it->role != NVT_ROLE_DEASSERT)
    return true;
  if (!n->asserted || t->scratch[it->link] == 0)
    return false;
  n->asserted = false;
  return true;
}

/* Of a record that isn't written, what follows from it for those behind. */
static void pass_over(struct writing *w, uint32_t item) {
  struct nvt_trace *t = w->trace;
  const struct nvt_item *it = &t->items[item];
  if (it->role == NVT_ROLE_COMPLETION)
    t->scratch[item] = t->queues[it->queue].posted;
}

static bool rewrite(struct writing *w, uint32_t item, struct numbers *n, struct nvt_record *r) {
  const struct nvt_item *it = &w->trace->items[item];
  switch (it->role) {
  case NVT_ROLE_COMMAND:
    write_command(w, it, r);
    return true;
  case NVT_ROLE_COMPLETION:
    write_completion(w, item, r);
    return true;
  case NVT_ROLE_TAIL:
  case NVT_ROLE_FREE_TAIL:
    return write_tail(w, item, r);
  case NVT_ROLE_ACK:
    return write_ack(w, item, r);
  default:
    return r->header.type != NVT_REC_INTERRUPT || write_interrupt(w, item, n, r);
  }
}

static bool is_reset(const struct nvt_record *r) {
  return r->header.type == NVT_REC_EVENT && r->event.event >= NVT_V_event_event_CONTROLLER_RESET &&
         r->event.event <= NVT_V_event_event_DEVICE_RESET;
}

static void follow_epoch(struct numbers *n, const struct nvt_record *r, bool written) {
  if (n->seen && r->header.epoch > n->epoch && n->reset_dropped)
    n->dropped += r->header.epoch - n->epoch;
  n->epoch = r->header.epoch;
  if (is_reset(r))
    n->reset_dropped = !written;
}

static uint64_t next_seq(struct numbers *n, uint64_t recorded, uint64_t before, bool seen) {
  uint64_t by = seen ? recorded - before : 0;
  if (!n->seen_written)
    n->written_seq = recorded;
  else
    n->written_seq += by <= UINT32_MAX ? by : 1; /* a step back isn't one */
  n->seen_written = true;
  return n->written_seq;
}

/* The bytes of a data record, as many as are kept. */
static size_t cut_data(struct writing *w, uint32_t item, size_t captured, uint8_t *bytes) {
  uint32_t cut = w->choice->cuts[item];
  struct nvt_record r;
  if (cut == NVT_CUT_NOTHING || nvt_record_parse(bytes, captured, &r) != NVT_PARSE_OK ||
      r.header.type != NVT_REC_DATA || cut >= r.tail_length)
    return captured;
  size_t fixed = r.header.header_length + sizeof(r.data);
  size_t length = (fixed + cut + 7) & ~(size_t)7;
  if (length > captured)
    return captured;
  r.data.captured_length = cut;
  r.header.length = (uint32_t)length;
  memcpy(bytes, &r.header, sizeof(r.header));
  memcpy(bytes + r.header.header_length, &r.data, sizeof(r.data));
  memset(bytes + fixed + cut, 0, length - fixed - cut);
  return length;
}

static int write_item(struct writing *w, uint32_t item, const struct nvt_record *r) {
  struct nvt_trace *t = w->trace;
  const struct nvt_item *it = &t->items[item];
  size_t body = nvt_record_body_size(r->header.type), captured = it->captured;
  memcpy(w->buffer, t->blob + it->at, captured);
  memcpy(w->buffer, &r->header, sizeof(r->header));
  if (body != 0 && r->header.header_length + body <= captured)
    memcpy(w->buffer + r->header.header_length, &r->meta, body);
  size_t now = cut_data(w, item, captured, w->buffer);
  t->written[t->written_count++] = item;
  return w->put(w->ctx, it->time_ns, w->buffer, now, now != captured ? now : it->original);
}

static int take(struct writing *w, uint32_t item) {
  struct nvt_trace *t = w->trace;
  const struct nvt_item *it = &t->items[item];
  struct nvt_record r;
  nvt_reduce_record(t, item, &r);
  struct numbers *n = find(w, r.header.controller);
  if (n == NULL)
    return -ENOMEM;
  uint64_t before = n->seq;
  bool seen = n->seen;
  bool writes = item < w->choice->end && w->choice->cuts[item] != NVT_CUT_RECORD &&
                (it->unit == NVT_REDUCE_NONE || w->choice->keep[it->unit]) &&
                rewrite(w, item, n, &r);
  make_queues(w, item);
  follow_epoch(n, &r, writes);
  n->seen = true;
  n->seq = r.header.seq;
  if (!writes) {
    pass_over(w, item);
    return 0;
  }
  uint64_t recorded = r.header.seq;
  r.header.seq = next_seq(n, recorded, before, seen);
  r.header.epoch -= n->dropped;
  if (r.header.type == NVT_REC_LOSS)
    r.loss.first_seq += r.header.seq - recorded;
  return write_item(w, item, &r);
}

int nvt_reduce_write(struct nvt_trace *t, const struct nvt_choice *choice, nvt_put put, void *ctx) {
  struct writing w = {
      .trace = t, .choice = choice, .put = put, .ctx = ctx, .buffer = malloc(NVT_RECORD_MAX)};
  int error = w.buffer != NULL ? 0 : -ENOMEM;
  for (uint32_t i = 0; i < t->queue_count; i++)
    t->queues[i].entries = 0;
  t->written_count = 0;
  if (error == 0)
    count_links(&w);
  for (uint32_t i = 0; error == 0 && i < t->item_count && i < choice->end; i++)
    error = take(&w, i);
  free(w.numbers);
  free(w.buffer);
  return error;
}

uint32_t nvt_reduce_written(const struct nvt_trace *t) {
  return t->written_count;
}

/* --- a capture --- */

struct frame_header {
  uint32_t seconds, nanoseconds, captured, original;
};

static int put_frame(void *ctx, uint64_t time_ns, const void *bytes, size_t captured,
                     size_t original) {
  FILE *file = ctx;
  const struct frame_header header = {.seconds = (uint32_t)(time_ns / 1000000000u),
                                      .nanoseconds = (uint32_t)(time_ns % 1000000000u),
                                      .captured = (uint32_t)captured,
                                      .original = (uint32_t)original};
  _Static_assert(sizeof(header) == NVT_FRAME_HEADER_BYTES, "a frame's header is 16 bytes");
  return fwrite(&header, sizeof(header), 1, file) == 1 &&
                 fwrite(bytes, 1, captured, file) == captured
             ? 0
             : -EIO;
}

int nvt_reduce_write_stream(struct nvt_trace *t, const struct nvt_choice *choice, FILE *file) {
  uint8_t header[NVT_FILE_HEADER_BYTES];
  int error = nvt_writer_file_header(header);
  if (error == 0 && fwrite(header, sizeof(header), 1, file) != 1)
    error = -EIO;
  if (error == 0)
    error = nvt_reduce_write(t, choice, put_frame, file);
  return error == 0 && fflush(file) != 0 ? -errno : error;
}
