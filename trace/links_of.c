/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/links_of.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct nvt_link_info infos[] = {
#define NVT_LINK(id, kind, key, abbreviation, title, blurb)                                        \
  [NVT_LINK_##id] = {NVT_LINK_KIND_##kind, #key, (abbreviation), (title),                          \
                     (blurb)[0] != '\0' ? (blurb) : NULL},
#include "trace/links.def"
};
_Static_assert(COUNT(infos) == NVT_LINK_COUNT, "a row for each");

const struct nvt_link_info *nvt_link_info(enum nvt_link link) {
  return &infos[link];
}

struct out {
  void (*put)(void *ctx, enum nvt_link, uint64_t value);
  void *ctx;
};

static void number(const struct out *out, enum nvt_link link, uint64_t value) {
  out->put(out->ctx, link, value);
}

static void record(const struct out *out, enum nvt_link link, uint64_t value) {
  if (value != 0)
    out->put(out->ctx, link, value);
}

/* Of the queue that a command created or deleted. */
static void of_made(const struct out *out, const struct nvt_queue_life *made, bool deletes) {
  if (deletes) {
    record(out, NVT_LINK_MADE_CREATED, made->created);
  } else {
    if (!made->is_cq)
      record(out, NVT_LINK_CQ_CREATED, made->cq_created);
    if (made->end == NVT_QUEUE_DELETED)
      record(out, NVT_LINK_MADE_DELETED, made->ended);
    else if (made->end == NVT_QUEUE_RESET)
      record(out, NVT_LINK_MADE_RESET, made->ended);
  }
  number(out, NVT_LINK_MADE_COUNT, made->count);
  record(out, NVT_LINK_MADE_FIRST, made->first);
  record(out, NVT_LINK_MADE_LAST, made->last);
}

static void of_queue(const struct out *out, const struct nvt_queue_life *queue) {
  if (queue->is_cq) {
    record(out, NVT_LINK_CQ_CREATED, queue->created);
    return;
  }
  record(out, NVT_LINK_QUEUE_CREATED, queue->created);
  record(out, NVT_LINK_CQ_CREATED, queue->cq_created);
}

static void of_command(const struct out *out, const struct nvt_exchange *exchange) {
  uint64_t value;
  if (nvt_exchange_size(exchange, &value))
    number(out, NVT_LINK_SIZE, value);
  if (exchange->has_previous)
    number(out, NVT_LINK_INTERARRIVAL, exchange->since_previous_ns);
  record(out, NVT_LINK_RANGE_FIRST, exchange->range_first);
  record(out, NVT_LINK_RANGE_PREVIOUS, exchange->range_previous);
  record(out, NVT_LINK_RETRY_OF, exchange->retry_of);
  record(out, NVT_LINK_RETRIED_IN, exchange->retried_in);
  record(out, NVT_LINK_ABORT_VICTIM, exchange->victim);
  record(out, NVT_LINK_ABORTED_BY, exchange->aborted_by);
}

static void of_completion(const struct out *out, const struct nvt_exchange *exchange) {
  uint64_t value;
  if (nvt_exchange_size(exchange, &value))
    number(out, NVT_LINK_SIZE, value);
  if (nvt_exchange_throughput(exchange, &value))
    number(out, NVT_LINK_THROUGHPUT, value);
  record(out, NVT_LINK_ABORT_VICTIM, exchange->victim);
  record(out, NVT_LINK_ABORTED_BY, exchange->aborted_by);
}

static void of_change(const struct out *out, const struct nvt_change *change, bool starts_here) {
  static const struct {
    enum nvt_link done, asked, time;
  } links[NVT_CHANGE_COUNT] = {
      [NVT_CHANGE_RESET] = {NVT_LINK_RESET_DONE, NVT_LINK_RESET_IN, NVT_LINK_TIME_TO_RESET},
      [NVT_CHANGE_ENABLE] = {NVT_LINK_READY_IN, NVT_LINK_ENABLED_IN, NVT_LINK_TIME_TO_READY},
      [NVT_CHANGE_SHUTDOWN] = {NVT_LINK_SHUT_DOWN_IN, NVT_LINK_SHUTDOWN_IN,
                               NVT_LINK_TIME_TO_SHUT_DOWN},
  };
  if (starts_here && change->kind == NVT_CHANGE_RESET) {
    number(out, NVT_LINK_RESET_COUNT, change->count);
    record(out, NVT_LINK_RESET_FIRST, change->first);
    record(out, NVT_LINK_RESET_LAST, change->last);
  }
  if (starts_here)
    record(out, links[change->kind].done, change->done.record);
  else
    record(out, links[change->kind].asked, change->at.record);
  if (change->done.record != 0 && change->done.time_ns >= change->at.time_ns)
    number(out, links[change->kind].time, change->done.time_ns - change->at.time_ns);
}

void nvt_links_of(const struct nvt_record *of, const struct nvt_view *view,
                  void (*put)(void *ctx, enum nvt_link, uint64_t value), void *ctx) {
  const struct out out = {put, ctx};
  const struct nvt_exchange *exchange = view->exchange;
  unsigned type = of->header.type;
  if (exchange != NULL && type == NVT_REC_COMMAND)
    of_command(&out, exchange);
  else if (exchange != NULL && type == NVT_REC_COMPLETION)
    of_completion(&out, exchange);
  bool entry = type == NVT_REC_COMMAND || type == NVT_REC_COMPLETION;
  if (view->made != NULL && exchange != NULL && entry)
    of_made(&out, view->made,
            exchange->sqe.opcode == NVT_ADMIN_DELETE_IO_SQ ||
                exchange->sqe.opcode == NVT_ADMIN_DELETE_IO_CQ);
  else if (view->queue != NULL && (entry || type == NVT_REC_INTERRUPT || view->is_doorbell))
    of_queue(&out, view->queue);
  if (view->change != NULL)
    of_change(&out, view->change, view->change->at.record == of->number);
}
