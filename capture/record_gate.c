/* SPDX-License-Identifier: BSD-2-Clause */
/* record --flight and --trigger: the gate in place of the writer. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/record_int.h"
#include "capture/ring.h"
#include "cli/command.h"
#include "controller/host.h"

int nvt_record_flight_option(struct record_options *o, const char *text) {
  if (nvt_span_parse(text, &o->flight) && (o->flight.bytes > 0 || o->flight.ns > 0))
    return NVT_EXIT_OK;
  return nvt_usage_error(
      "record",
      "--flight '%s': how much of the past is kept: a size such as 256M, up to 8G, "
      "or a time such as 30s, up to a day",
      text);
}

int nvt_record_trigger_option(struct record_options *o, const char *text) {
  char why[512];
  if (o->trigger_count == NVT_TRIGGERS_MAX)
    return nvt_usage_error("record", "more than %u triggers", NVT_TRIGGERS_MAX);
  if (!nvt_trigger_parse(text, &o->triggers[o->trigger_count], why, sizeof(why)))
    return nvt_usage_error("record", "--trigger '%s': %s", text, why);
  o->trigger_count++;
  return NVT_EXIT_OK;
}

static bool flies(const struct record_options *o) {
  return o->flight.bytes > 0 || o->flight.ns > 0;
}

bool nvt_record_by_pieces(const struct record_options *o) {
  return flies(o) || o->trigger_count > 0;
}

/* A ring that isn't asked for is as large as it has to be, and leaves half of the memory. */
static int choose_ring(struct record_options *o) {
  uint64_t needed =
      nvt_gate_ring_size(&o->flight, o->triggers, o->trigger_count, o->data != NVT_TRACE_DATA_NONE);
  if (needed < NVT_GATE_RING_MIN)
    needed = NVT_GATE_RING_MIN;
  uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
  uint64_t ring = NVT_RING_SIZE_MIN;
  while (ring < needed)
    ring *= 2;
  if (o->ring_given && o->ring < needed)
    return nvt_usage_error("record",
                           "a --ring of %" PRIu64 "M doesn't hold so much of the past: %" PRIu64
                           "M would; or ask for less before",
                           o->ring >> 20, ring >> 20);
  if (o->ring_given || ring <= o->ring)
    return NVT_EXIT_OK;
  if (ring > memory / 2)
    return nvt_usage_error("record",
                           "so much of the past needs a ring of %" PRIu64
                           "M, more than half of this machine's memory of %" PRIu64
                           "M: ask for less before, or say --ring %" PRIu64 "M all the same",
                           ring >> 20, memory >> 20, ring >> 20);
  o->ring = ring;
  return NVT_EXIT_OK;
}

int nvt_record_gate_agree(struct record_options *o) {
  if (!nvt_record_by_pieces(o)) {
    if (o->at_end || o->into_given)
      return nvt_usage_error("record", "--flight-at-end and --trigger-into need --flight or "
                                       "--trigger");
    return NVT_EXIT_OK;
  }
  if (o->trace == NULL)
    return nvt_usage_error("record", "--flight and --trigger need --trace FILE");
  bool standard = strcmp(o->trace, "-") == 0;
  if (o->files.count > 0 && (standard || o->into_one))
    return nvt_usage_error("record", "-W is of a set of files, not of one");
  if (standard && o->into_given && !o->into_one)
    return nvt_usage_error("record", "--trigger-into files needs --trace FILE: standard output is "
                                     "one");
  o->into_one |= standard;
  return choose_ring(o);
}

/* --- at work --- */

static volatile sig_atomic_t asked;

static void on_signal(int signal) {
  (void)signal;
  asked = (sig_atomic_t)(((unsigned)asked + 1) & 0x7fff);
}

static void write_mark(struct record_gate *g, const struct nvt_gate_mark *mark) {
  nvt_gate_marked(g->gate, mark);
  if (g->tap == NULL ||
      !nvt_trace_tap_trigger(g->tap, mark->controller, mark->trigger, mark->seq, mark->fired))
    nvt_gate_unmarked(g->gate, mark->slot);
}

struct mark_job {
  struct record_gate *gate;
  struct nvt_gate_mark mark;
};

/* Device thread. */
static void run_mark(void *arg) {
  const struct mark_job *job = arg;
  write_mark(job->gate, &job->mark);
}

static void want_mark(void *ctx, const struct nvt_gate_mark *mark) {
  struct record_gate *g = ctx;
  const struct mark_job job = {.gate = g, .mark = *mark};
  /* When the host takes no more, nvt_record_gate_settle() does it. */
  if (nvt_host_post_copy(g->host, g, run_mark, &job, sizeof(job)) == -ENOMEM)
    nvt_gate_unmarked(g->gate, mark->slot);
}

static void want_preamble(void *ctx) {
  struct record_gate *g = ctx;
  g->want_preamble(g->ctx);
}

int nvt_record_gate_start(struct record_gate *g, const struct record_options *o,
                          struct nvt_ring *ring, void (*preamble)(void *ctx), void *ctx, char *why,
                          size_t whylen) {
  g->want_preamble = preamble;
  g->ctx = ctx;
  const struct nvt_gate_options options = {.path = o->trace,
                                           .one = o->into_one,
                                           .ring = ring,
                                           .keep = o->flight,
                                           .triggers = o->triggers,
                                           .count = o->trigger_count,
                                           .keep_files = o->files.count,
                                           .snaplen = o->files.snaplen,
                                           .packer = o->files.packer,
                                           .level = o->files.level,
                                           .asked = &asked,
                                           .want_preamble = want_preamble,
                                           .want_mark = want_mark,
                                           .ctx = g};
  asked = 0;
  int error = nvt_gate_start(&options, &g->gate, why, whylen);
  if (error != 0)
    return error;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  return 0;
}

void nvt_record_gate_settle(struct record_gate *g, const struct record_options *o, bool failed) {
  struct nvt_gate_mark mark;
  bool dump = o != NULL && g->tap != NULL && (o->at_end || (failed && flies(o)));
  if (g->gate == NULL)
    return;
  for (; nvt_gate_settle(g->gate, dump, &mark); dump = false)
    write_mark(g, &mark);
}

void nvt_record_gate_state(const struct record_gate *g, struct nvt_control_trace *out) {
  struct nvt_gate_status status;
  if (g->gate == NULL)
    return;
  nvt_gate_status(g->gate, &status);
  out->by_pieces = true;
  out->bytes = status.bytes;
  out->pieces = (struct nvt_control_pieces){.armed = status.armed,
                                            .fired = status.fired,
                                            .begun = status.pieces,
                                            .bytes = status.bytes,
                                            .held_bytes = status.held,
                                            .held_ns = status.held_ns,
                                            .clipped = status.clipped,
                                            .failed = status.failed,
                                            .writing = status.writing};
}

int nvt_record_gate_fire(struct record_gate *g, bool dump, const char *path,
                         struct nvt_control_piece *out) {
  if (g->gate == NULL)
    return -ENOTSUP;
  struct nvt_gate_piece piece;
  int error = dump ? nvt_gate_dump(g->gate, path, &piece) : nvt_gate_fire(g->gate, &piece);
  _Static_assert(sizeof(out->path) == sizeof(piece.path), "a path is a path");
  memcpy(out->path, piece.path, sizeof(out->path));
  out->bytes = piece.bytes;
  return error;
}

void nvt_record_gate_print(const struct nvt_gate_status *status) {
  fprintf(stderr,
          "pieces: %" PRIu64 " written, of %" PRIu64 " bytes; triggers fired %" PRIu64 " times\n",
          status->pieces - status->failed, status->bytes, status->fired);
  if (status->clipped > 0)
    fprintf(stderr,
            "note: %" PRIu64 " pieces have less of the past than was asked for: it wasn't in the "
            "ring any more; a larger --ring helps\n",
            status->clipped);
  if (status->failed > 0)
    fprintf(stderr, "warning: %" PRIu64 " pieces couldn't be written whole\n", status->failed);
}
