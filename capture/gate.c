/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/gate.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/gate_int.h"
#include "capture/refuse_int.h"
#include "controller/thread.h"

enum {
  PAUSE_NS = 4 * 1000 * 1000, /* between rounds */
  SHORT_NS = 100 * 1000,      /* when much came */
  IDLE_NS = 20 * 1000 * 1000, /* when nothing came for a while */
};

/* --- requests --- */

void nvt_gate_answer(struct nvt_gate *gate, const struct gate_window *window) {
  pthread_mutex_lock(&gate->lock);
  if (gate->request.taken && !gate->request.done && gate->request.window == window) {
    gate->request.piece = window->piece;
    gate->request.error = -window->piece.error;
    gate->request.done = true;
    pthread_cond_broadcast(&gate->changed);
  }
  pthread_mutex_unlock(&gate->lock);
}

static void refuse(struct nvt_gate *gate, int error) {
  pthread_mutex_lock(&gate->lock);
  gate->request.error = error;
  gate->request.done = true;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->lock);
}

/* A dump's file is its own. */
static int own_output(const struct nvt_gate *gate, const char *path, struct nvt_output **out) {
  char why[512];
  const struct nvt_output_options options = {.path = path,
                                             .snaplen = gate->options.snaplen,
                                             .packer = gate->options.packer,
                                             .level = gate->options.level};
  return nvt_output_create(&options, out, why, sizeof(why));
}

static void take_request(struct nvt_gate *gate) {
  struct gate_request *request = &gate->request;
  pthread_mutex_lock(&gate->lock);
  bool closing = gate->closing;
  bool taken = request->wanted && !request->taken &&
               (closing || !request->dump || gate->slots[GATE_DUMP].state == GATE_IDLE);
  request->taken |= taken;
  pthread_mutex_unlock(&gate->lock);
  if (!taken)
    return;
  struct nvt_output *own = NULL;
  int error = closing                 ? -ESHUTDOWN
              : request->path != NULL ? own_output(gate, request->path, &own)
                                      : 0;
  uint64_t serial = gate->serial;
  struct gate_window *window =
      error != 0 ? NULL
                 : nvt_gate_fire_slot(gate, request->dump ? GATE_DUMP : GATE_HAND, 0, 0, own);
  if (window == NULL) {
    nvt_output_destroy(own);
    refuse(gate, error != 0 ? error : -EBUSY);
    return;
  }
  request->window = window;
  request->alone = request->dump && gate->serial != serial;
}

/* Who fired by hand has its answer when the piece has a name; a dump that goes into a piece that
 * was begun already, likewise. */
static void answer_begun(struct nvt_gate *gate) {
  const struct gate_request *request = &gate->request;
  pthread_mutex_lock(&gate->lock);
  bool closing = gate->closing; /* the device thread waits for who waits here */
  pthread_mutex_unlock(&gate->lock);
  if (request->taken && !request->done && request->window != NULL &&
      (closing || (!request->alone && request->window->begun)))
    nvt_gate_answer(gate, request->window);
}

static void take_signals(struct nvt_gate *gate) {
  if (gate->options.asked == NULL || *gate->options.asked == gate->signals ||
      gate->slots[GATE_DUMP].state != GATE_IDLE)
    return;
  gate->signals = *gate->options.asked;
  (void)nvt_gate_fire_slot(gate, GATE_DUMP, 0, 0, NULL);
}

/* All so far was looked at: is there a trigger record that nobody will write by himself? */
static void settle(struct nvt_gate *gate, uint64_t wanted, bool dump) {
  if (dump)
    (void)nvt_gate_fire_slot(gate, GATE_DUMP, 0, 0, NULL);
  const struct gate_slot *untold = NULL;
  for (unsigned i = 0; i < GATE_SLOTS && untold == NULL; i++) {
    const struct gate_slot *s = &gate->slots[i];
    if (s->state == GATE_FIRED && nvt_gate_marked_at(s) == 0 && !atomic_load(&s->unmarked))
      untold = s;
  }
  pthread_mutex_lock(&gate->lock);
  gate->untold = untold != NULL;
  if (untold != NULL)
    gate->untold_mark = untold->mark;
  gate->settle_done = wanted;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->lock);
}

/* --- the thread --- */

static unsigned armed(const struct nvt_gate *gate) {
  unsigned count = 0;
  for (unsigned i = 0; i < gate->options.count; i++)
    count += gate->slots[i].left != 0;
  return count;
}

static void publish(struct nvt_gate *gate, struct nvt_gate_status *out, uint64_t now_ns) {
  struct nvt_gate_status *status = &gate->status;
  status->armed = armed(gate);
  status->held = gate->scanned - gate->options.ring->tail;
  status->held_ns =
      gate->start_count > 0 && now_ns > gate->starts[0].ns ? now_ns - gate->starts[0].ns : 0;
  status->writing = false;
  for (unsigned i = 0; i < GATE_WINDOWS; i++)
    status->writing |= gate->windows[i].used;
  pthread_mutex_lock(&gate->lock);
  *out = *status;
  pthread_mutex_unlock(&gate->lock);
}

/* True: there is more to do at once. */
static bool round_of(struct nvt_gate *gate, bool finish) {
  take_request(gate);
  take_signals(gate);
  uint64_t now = nvt_gate_now_ns(); /* before the scan: what is older than this is looked at */
  bool all = nvt_gate_scan(gate);
  if (all)
    nvt_gate_tick(gate, now);
  bool more = nvt_gate_write(gate);
  answer_begun(gate);
  nvt_gate_keep(gate);
  if (!finish)
    nvt_gate_ask(gate, now);
  publish(gate, &gate->told, now);
  return more || !all;
}

static void end_windows(struct nvt_gate *gate) {
  for (unsigned i = 0; i < GATE_WINDOWS; i++)
    if (gate->windows[i].used && gate->windows[i].end == GATE_NOWHERE)
      gate->windows[i].end = gate->scanned;
  while (nvt_gate_write(gate) || gate->told.writing)
    publish(gate, &gate->told, nvt_gate_now_ns());
}

static void *run(void *user) {
  struct nvt_gate *gate = user;
  const uint64_t much = (gate->options.ring->mask + 1) / 16;
  unsigned idle = 0;
  for (;;) {
    pthread_mutex_lock(&gate->lock);
    bool finish = gate->finish, dump = gate->settle_dump;
    uint64_t settling = gate->settle_wanted;
    gate->settle_dump = false;
    pthread_mutex_unlock(&gate->lock);
    uint64_t from = gate->scanned;
    bool more = round_of(gate, finish);
    while (more && settling != gate->settle_done)
      more = round_of(gate, finish);
    if (settling != gate->settle_done)
      settle(gate, settling, dump);
    if (finish && !more)
      break;
    idle = gate->scanned > from ? 0 : idle + 1;
    if (!more && !finish)
      nanosleep(&(struct timespec){.tv_nsec = gate->scanned - from > much ? SHORT_NS
                                              : idle > 25                 ? IDLE_NS
                                                                          : PAUSE_NS},
                NULL);
  }
  end_windows(gate);
  return NULL;
}

/* --- other threads --- */

void nvt_gate_marked(struct nvt_gate *gate, const struct nvt_gate_mark *mark) {
  atomic_store(&gate->slots[mark->slot].marked,
               (gate->options.ring->head + 1) << 8 | (uint8_t)mark->fired);
}

void nvt_gate_unmarked(struct nvt_gate *gate, unsigned slot) {
  atomic_store(&gate->slots[slot].unmarked, true);
}

static int ask(struct nvt_gate *gate, bool dump, const char *path, struct nvt_gate_piece *piece) {
  struct gate_request *request = &gate->request;
  pthread_mutex_lock(&gate->lock);
  while (request->wanted)
    pthread_cond_wait(&gate->changed, &gate->lock);
  *request = (struct gate_request){.wanted = true, .dump = dump, .path = path};
  while (!request->done)
    pthread_cond_wait(&gate->changed, &gate->lock);
  int error = request->error;
  *piece = request->piece;
  *request = (struct gate_request){0};
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->lock);
  return error;
}

int nvt_gate_fire(struct nvt_gate *gate, struct nvt_gate_piece *piece) {
  return ask(gate, false, NULL, piece);
}

int nvt_gate_dump(struct nvt_gate *gate, const char *path, struct nvt_gate_piece *piece) {
  return ask(gate, true, path, piece);
}

void nvt_gate_status(struct nvt_gate *gate, struct nvt_gate_status *out) {
  pthread_mutex_lock(&gate->lock);
  *out = gate->told;
  pthread_mutex_unlock(&gate->lock);
}

bool nvt_gate_settle(struct nvt_gate *gate, bool dump, struct nvt_gate_mark *mark) {
  pthread_mutex_lock(&gate->lock);
  uint64_t wanted = ++gate->settle_wanted;
  gate->settle_dump = dump;
  gate->closing = true;
  while (gate->settle_done != wanted)
    pthread_cond_wait(&gate->changed, &gate->lock);
  bool untold = gate->untold;
  *mark = gate->untold_mark;
  pthread_mutex_unlock(&gate->lock);
  return untold;
}

/* --- life --- */

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

static struct nvt_span all_of(const struct nvt_span *keep, const struct nvt_trigger *triggers,
                              unsigned count) {
  struct nvt_span all = *keep;
  bool flight = keep->records != 0 || keep->bytes != 0 || keep->ns != 0;
  for (unsigned i = 0; i < count; i++) {
    if (flight && !triggers[i].before_given)
      continue;
    all.records = larger(all.records, triggers[i].before.records);
    all.bytes = larger(all.bytes, triggers[i].before.bytes);
    all.ns = larger(all.ns, triggers[i].before.ns);
  }
  return all;
}

uint64_t nvt_gate_ring_size(const struct nvt_span *keep, const struct nvt_trigger *triggers,
                            unsigned count, bool with_data) {
  const struct nvt_span all = all_of(keep, triggers, count);
  uint64_t bytes = larger(all.bytes, all.records * (with_data ? 4096 : 144));
  if (bytes == 0)
    return 0;
  /* Up to the start before that, as preambles come every eighth; a quarter is for what comes while
   * a piece is written. */
  return (bytes + bytes / 8 + (1u << 20)) / 3 * 4;
}

static void set_up_slots(struct nvt_gate *gate) {
  const struct nvt_gate_options *options = &gate->options;
  const struct nvt_span *keep = &options->keep;
  bool flight = keep->records != 0 || keep->bytes != 0 || keep->ns != 0;
  gate->keep = all_of(keep, options->triggers, options->count);
  gate->counts = gate->keep.records > 0;
  for (unsigned i = 0; i < options->count; i++) {
    const struct nvt_trigger *trigger = &options->triggers[i];
    gate->slots[i].before = flight && !trigger->before_given ? *keep : trigger->before;
    gate->slots[i].after = trigger->after;
    gate->slots[i].left = trigger->times == 0 ? UINT32_MAX : trigger->times;
  }
  for (unsigned i = GATE_HAND; i < GATE_SLOTS; i++) {
    gate->slots[i].before = gate->keep;
    gate->slots[i].left = UINT32_MAX;
  }
  gate->slots[GATE_HAND].after.records = NVT_SPAN_RECORDS;
}

static void release(struct nvt_gate *gate) {
  nvt_output_destroy(gate->output);
  nvt_match_destroy(gate->match);
  pthread_cond_destroy(&gate->changed);
  pthread_mutex_destroy(&gate->lock);
  free(gate->path);
  free(gate);
}

/* A set's first file comes with a trigger: whether it can is to be known now. */
static int look_at_directory(const char *path, char *why, size_t whylen) {
  char *copy = strdup(path);
  int error = copy == NULL ? -ENOMEM : access(dirname(copy), W_OK | X_OK) == 0 ? 0 : -errno;
  free(copy);
  return error == 0
             ? 0
             : nvt_capture_refuse(error, why, whylen, "%s: no piece can be created there: %s", path,
                                  strerror(-error));
}

static int open_output(struct nvt_gate *gate, char *why, size_t whylen) {
  const struct nvt_gate_options *o = &gate->options;
  const struct nvt_output_options output = {.path = gate->path,
                                            .set = !o->one,
                                            .keep = o->keep_files,
                                            .snaplen = o->snaplen,
                                            .packer = o->packer,
                                            .level = o->level};
  int error = o->one ? 0 : look_at_directory(gate->path, why, whylen);
  if (error == 0)
    error = nvt_output_create(&output, &gate->output, why, whylen);
  if (error == 0 && o->one)
    error = nvt_output_next(gate->output, why, whylen);
  if (error == 0 && o->one)
    nvt_gate_tell_ring(gate);
  return error;
}

int nvt_gate_start(const struct nvt_gate_options *options, struct nvt_gate **out, char *why,
                   size_t whylen) {
  *out = NULL;
  struct nvt_gate *gate = calloc(1, sizeof(*gate));
  if (gate == NULL)
    return nvt_capture_refuse(-ENOMEM, why, whylen, "%s: out of memory", options->path);
  gate->options = *options;
  pthread_mutex_init(&gate->lock, NULL);
  pthread_cond_init(&gate->changed, NULL);
  set_up_slots(gate);
  gate->path = strdup(options->path);
  int error = gate->path == NULL ? -ENOMEM : 0;
  if (error == 0 && options->count > 0)
    error = nvt_match_create(options->triggers, options->count, &gate->match);
  if (error != 0)
    nvt_capture_refuse(error, why, whylen, "%s: %s", options->path, strerror(-error));
  if (error == 0)
    error = open_output(gate, why, whylen);
  if (error == 0) {
    error = nvt_thread_start(&gate->thread, run, gate);
    if (error != 0)
      nvt_capture_refuse(error, why, whylen, "%s: no thread to write it: %s", options->path,
                         strerror(-error));
  }
  if (error != 0) {
    release(gate);
    return error;
  }
  *out = gate;
  return 0;
}

bool nvt_gate_finish(struct nvt_gate *gate, struct nvt_gate_status *status) {
  pthread_mutex_lock(&gate->lock);
  gate->finish = true;
  pthread_mutex_unlock(&gate->lock);
  pthread_join(gate->thread, NULL);
  if (gate->options.one && nvt_output_end(gate->output) != 0)
    gate->status.failed++;
  *status = gate->status;
  release(gate);
  return status->failed == 0;
}
