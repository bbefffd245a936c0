/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate between a ring and its files. The test's thread is the device thread: it writes records,
 * preambles when they are wanted, and trigger records. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/emit.h"
#include "capture/gate.h"
#include "trace/reader.h"

struct rig {
  char directory[64], path[96];
  struct nvt_ring *ring;
  struct nvt_emit emit;
  struct nvt_gate *gate;
  struct nvt_trigger triggers[NVT_TRIGGERS_MAX];
  atomic_bool preamble;
  pthread_mutex_t lock;
  struct nvt_gate_mark marks[64];
  unsigned mark_count;
  bool lose_marks, late; /* marks aren't written; are when nvt_gate_settle() says so */
  volatile sig_atomic_t asked;
};
static const struct nvt_emit_who who = {.controller = 3, .pci_address = 0x28};

static void want_preamble(void *ctx) {
  atomic_store(&((struct rig *)ctx)->preamble, true);
}

static void want_mark(void *ctx, const struct nvt_gate_mark *mark) {
  struct rig *rig = ctx;
  pthread_mutex_lock(&rig->lock);
  assert_true(rig->mark_count < 64);
  rig->marks[rig->mark_count++] = *mark;
  pthread_mutex_unlock(&rig->lock);
}

static void put_register(struct rig *rig, bool state) {
  struct nvt_rec_access *body = nvt_emit_begin(&rig->emit, who, NVT_REC_REG_READ, sizeof(*body));
  assert_non_null(body);
  *body = (struct nvt_rec_access){.offset = 0x1c, .size = 4, .space = NVT_V_access_space_BAR0};
  if (state)
    nvt_emit_snapshot(body);
  nvt_emit_end(&rig->emit, NVT_REC_REG_READ, sizeof(*body));
}

static void put_completion(struct rig *rig, uint16_t status) {
  struct nvt_rec_completion *body =
      nvt_emit_begin(&rig->emit, who, NVT_REC_COMPLETION, sizeof(*body));
  assert_non_null(body);
  *body = (struct nvt_rec_completion){.sqid = 1, .opcode = 2};
  body->cqe.status = (uint16_t)(status << 1);
  nvt_emit_end(&rig->emit, NVT_REC_COMPLETION, sizeof(*body));
}

static void put_preamble(struct rig *rig) {
  nvt_ring_mark_start(rig->ring);
  struct nvt_rec_meta *body = nvt_emit_begin(&rig->emit, who, NVT_REC_META, sizeof(*body));
  assert_non_null(body);
  *body = (struct nvt_rec_meta){.vs = 0x10400};
  nvt_emit_end(&rig->emit, NVT_REC_META, sizeof(*body));
  for (unsigned i = 0; i < 10; i++)
    put_register(rig, true);
}

static void put_mark(struct rig *rig, const struct nvt_gate_mark *mark) {
  if (!rig->lose_marks)
    nvt_gate_marked(rig->gate, mark);
  if (rig->lose_marks) {
    nvt_gate_unmarked(rig->gate, mark->slot);
    return;
  }
  struct nvt_rec_event *body = nvt_emit_begin(&rig->emit, who, NVT_REC_EVENT, sizeof(*body));
  assert_non_null(body);
  *body = (struct nvt_rec_event){.event = NVT_V_event_event_TRIGGER,
                                 .code = mark->trigger,
                                 .address = mark->seq,
                                 .size = mark->fired};
  nvt_emit_end(&rig->emit, NVT_REC_EVENT, sizeof(*body));
}

/* What the device thread was asked for. */
static void serve(struct rig *rig) {
  if (atomic_exchange(&rig->preamble, false))
    put_preamble(rig);
  struct nvt_gate_mark mark;
  for (bool more = !rig->late; more;) {
    pthread_mutex_lock(&rig->lock);
    more = rig->mark_count > 0;
    if (more)
      mark = rig->marks[--rig->mark_count];
    pthread_mutex_unlock(&rig->lock);
    if (more)
      put_mark(rig, &mark);
  }
}

static void a_moment(void) {
  nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Until the gate has asked for so many marks in all, and they are written. */
static void wait_fired(struct rig *rig, uint64_t fired) {
  struct nvt_gate_status status;
  for (unsigned i = 0; i < 10000; i++) {
    nvt_gate_status(rig->gate, &status);
    serve(rig);
    if (status.fired >= fired)
      return;
    a_moment();
  }
  fail_msg("fired %llu times", (unsigned long long)status.fired);
}

static void wait_quiet(struct rig *rig) {
  struct nvt_gate_status status;
  for (unsigned i = 0; i < 10000; i++) {
    a_moment();
    serve(rig);
    nvt_gate_status(rig->gate, &status);
    if (!status.writing)
      return;
  }
  fail_msg("it still writes");
}

static void put_many(struct rig *rig, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    put_register(rig, false);
    if (i % 64 == 0)
      serve(rig);
    if (i % 1024 == 0)
      a_moment(); /* a device isn't as fast as this loop */
  }
}

/* The same while nothing fires, with the gate keeping up, however busy the machine is. */
static void put_paced(struct rig *rig, unsigned count) {
  struct nvt_gate_mark mark;
  for (unsigned i = 0; i < count; i += 2048) {
    for (unsigned n = 0; n < 2048; n++)
      put_register(rig, false);
    assert_false(nvt_gate_settle(rig->gate, false, &mark));
    serve(rig);
  }
}

static void start_in(struct rig *rig, const char *keep, unsigned count, const char *const *texts,
                     bool one) {
  char why[512] = "";
  *rig = (struct rig){.emit = {.block = true}};
  pthread_mutex_init(&rig->lock, NULL);
  strcpy(rig->directory, "/tmp/nvmetap-gate.XXXXXX");
  assert_non_null(mkdtemp(rig->directory));
  snprintf(rig->path, sizeof(rig->path), "%s/p.pcap", rig->directory);
  assert_int_equal(nvt_ring_create(4 << 20, &rig->ring), 0);
  rig->emit.ring = rig->ring;
  nvt_trace_clock_start_system(&rig->emit.clock);
  struct nvt_gate_options options = {.path = rig->path,
                                     .one = one,
                                     .ring = rig->ring,
                                     .triggers = rig->triggers,
                                     .count = count,
                                     .asked = &rig->asked,
                                     .want_preamble = want_preamble,
                                     .want_mark = want_mark,
                                     .ctx = rig};
  if (keep != NULL)
    assert_true(nvt_span_parse(keep, &options.keep));
  for (unsigned i = 0; i < count; i++)
    if (!nvt_trigger_parse(texts[i], &rig->triggers[i], why, sizeof(why)))
      fail_msg("%s", why);
  assert_int_equal(nvt_gate_start(&options, &rig->gate, why, sizeof(why)), 0);
  put_preamble(rig);
}

static void start(struct rig *rig, const char *trigger) {
  start_in(rig, NULL, 1, &trigger, false);
}

static struct nvt_gate_status end(struct rig *rig) {
  struct nvt_gate_mark mark;
  struct nvt_gate_status status;
  while (nvt_gate_settle(rig->gate, false, &mark))
    put_mark(rig, &mark);
  nvt_emit_end_all(&rig->emit);
  bool good = nvt_gate_finish(rig->gate, &status);
  assert_int_equal(good, status.failed == 0);
  nvt_ring_destroy(rig->ring);
  pthread_mutex_destroy(&rig->lock);
  return status;
}

/* --- what was written --- */

struct seen {
  unsigned records, marks;
  uint64_t before, after; /* the first mark's condition, the last mark; but preambles' records */
  uint64_t first, last;   /* sequence numbers */
  uint64_t left_out;
};

static void look(const char *path, struct seen *out) {
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record r;
  static uint64_t seqs[1 << 20]; /* but preambles' */
  unsigned count = 0;
  uint64_t condition = UINT64_MAX;
  *out = (struct seen){0};
  if (!nvt_reader_open(path, &reader, &why))
    fail_msg("%s", why.text);
  while (nvt_reader_next(reader, &r, &why) == NVT_READ_OK) {
    if (out->records++ == 0) {
      assert_int_equal(r.header.type, NVT_REC_META);
      out->first = r.header.seq;
    } else if (r.header.type == NVT_REC_LOSS) {
      assert_int_equal(r.loss.reason, NVT_V_loss_reason_LEFT_OUT);
      assert_int_equal(r.loss.first_seq, out->last + 1);
      assert_int_equal(r.header.seq, r.loss.first_seq + r.loss.count);
      assert_true(r.loss.first_ns <= r.loss.last_ns);
      out->left_out += r.loss.count + 1;
    } else {
      assert_int_equal(r.header.seq, out->last + 1);
    }
    out->last = r.header.seq;
    bool mark = r.header.type == NVT_REC_EVENT;
    if (mark && out->marks++ == 0)
      condition = r.event.address;
    if (mark)
      out->after = 0;
    else if (r.header.type != NVT_REC_META && r.header.flags == 0) {
      out->after++;
      assert_true(count < sizeof(seqs) / sizeof(seqs[0]));
      seqs[count++] = r.header.seq;
    }
  }
  nvt_reader_close(reader);
  for (unsigned i = 0; i < count; i++)
    out->before += seqs[i] < condition;
}

/* The pieces, in order, are looked at and removed; how many. */
static unsigned pieces(struct rig *rig, struct seen *out, unsigned most) {
  char pattern[128];
  glob_t found;
  snprintf(pattern, sizeof(pattern), "%s/*", rig->directory);
  unsigned count = glob(pattern, 0, NULL, &found) == 0 ? (unsigned)found.gl_pathc : 0;
  for (unsigned i = 0; i < count; i++) {
    assert_true(i < most);
    look(found.gl_pathv[i], &out[i]);
    unlink(found.gl_pathv[i]);
  }
  if (count > 0)
    globfree(&found);
  assert_int_equal(rmdir(rig->directory), 0);
  return count;
}

static void before_and_after_are_kept(void **state) {
  (void)state;
  static const struct {
    const char *text;
    unsigned before, after;
  } rows[] = {{"error,before=1000,after=1", 1000, 1},
              {"error,before=1000,after=500", 1000, 500},
              {"error,before=3000,after=0", 3000, 0},
              {"status=0/2+opcode=2+queue=1,before=0,after=2", 0, 2}};
  for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct rig rig;
    struct seen seen;
    start(&rig, rows[i].text);
    put_paced(&rig, 40000);
    put_completion(&rig, 0);
    put_completion(&rig, NVT_SC_INVALID_FIELD);
    wait_fired(&rig, 1);
    put_many(&rig, 20000);
    struct nvt_gate_status status = end(&rig);
    assert_int_equal(status.fired, 1);
    assert_int_equal(status.clipped, 0);
    assert_int_equal(pieces(&rig, &seen, 1), 1);
    assert_int_equal(seen.marks, 1);
    assert_int_equal(seen.after, rows[i].after);
    assert_true(seen.before >= rows[i].before);
    assert_true(seen.before < rows[i].before + 12000); /* to the start before that */
  }
}

static void at_the_ends_of_the_trace(void **state) {
  (void)state;
  struct rig rig;
  struct seen seen;
  /* The first record is the meta-record, and the trace has no more before it. */
  start(&rig, "record=1,before=1000,after=10");
  wait_fired(&rig, 1);
  put_many(&rig, 1000);
  struct nvt_gate_status status = end(&rig);
  assert_int_equal(status.clipped, 0);
  assert_int_equal(pieces(&rig, &seen, 1), 1);
  assert_int_equal(seen.first, 0);
  assert_int_equal(seen.after, 10);
  /* The last record: its trigger record comes when nothing is posted any more. */
  start(&rig, "error,before=100,after=1000");
  rig.late = true;
  put_many(&rig, 3000);
  put_completion(&rig, 1);
  status = end(&rig);
  assert_int_equal(status.fired, 1);
  assert_int_equal(pieces(&rig, &seen, 1), 1);
  assert_int_equal(seen.marks, 1);
  assert_int_equal(seen.after, 0);
  assert_true(seen.before >= 100);
}

static void nothing_fires_nothing_is_written(void **state) {
  (void)state;
  struct rig rig;
  start(&rig, "error");
  put_many(&rig, 100000); /* more than the ring */
  assert_int_equal(end(&rig).fired, 0);
  assert_int_equal(pieces(&rig, NULL, 0), 0);
}

static void windows_join_or_not(void **state) {
  (void)state;
  struct rig rig;
  struct seen seen[3];
  start(&rig, "error,before=100,after=5000,times=3");
  put_many(&rig, 9000);
  put_completion(&rig, 1);
  wait_fired(&rig, 1);
  put_many(&rig, 1000); /* in the window */
  put_completion(&rig, 1);
  wait_fired(&rig, 2);
  put_many(&rig, 5000);
  wait_quiet(&rig);
  put_many(&rig, 20000);
  put_completion(&rig, 1);
  wait_fired(&rig, 3);
  put_many(&rig, 6000);
  put_completion(&rig, 1); /* one too many */
  put_many(&rig, 20);
  struct nvt_gate_status status = end(&rig);
  assert_int_equal(status.fired, 3);
  assert_int_equal(status.armed, 0);
  assert_int_equal(pieces(&rig, seen, 3), 2);
  assert_int_equal(seen[0].marks, 2);
  assert_int_equal(seen[0].after, 5000);
  assert_int_equal(seen[1].marks, 1);
  assert_int_equal(seen[1].after, 5000);
}

/* What lies between is told, and is no loss. */
static void all_into_one_file(void **state) {
  (void)state;
  struct rig rig;
  struct seen seen;
  start_in(&rig, NULL, 1, (const char *const[]){"error,before=100,after=100"}, true);
  for (unsigned i = 0; i < 3; i++) {
    put_paced(&rig, 20000);
    put_completion(&rig, 1);
    wait_fired(&rig, i + 1);
    put_many(&rig, 10000);
    wait_quiet(&rig);
  }
  struct nvt_gate_status status = end(&rig);
  assert_int_equal(status.pieces, 3);
  assert_int_equal(pieces(&rig, &seen, 1), 1);
  assert_int_equal(seen.marks, 3);
  assert_int_equal(seen.after, 100);
  assert_true(seen.left_out > 2 * 15000);
}

static void the_past_is_bounded(void **state) {
  (void)state;
  struct rig rig;
  struct seen seen[3];
  start_in(&rig, "1M", 0, NULL, false);
  put_paced(&rig, 100000);
  struct nvt_gate_status status;
  a_moment();
  nvt_gate_status(rig.gate, &status);
  assert_in_range(status.held, 1u << 20, 2u << 20);
  assert_int_equal(status.bytes, 0);
  rig.asked++; /* SIGUSR1 */
  wait_fired(&rig, 1);
  wait_quiet(&rig);
  rig.asked++; /* and while nothing happens */
  wait_fired(&rig, 2);
  wait_quiet(&rig);
  status = end(&rig);
  assert_int_equal(status.pieces, 2);
  assert_int_equal(status.clipped, 0);
  assert_int_equal(pieces(&rig, seen, 2), 2);
  for (unsigned i = 0; i < 2; i++) {
    assert_int_equal(seen[i].marks, i + 1); /* the first one's is the second one's past */
    assert_int_equal(seen[i].after, 0);
    assert_in_range(seen[i].records, (1u << 20) / 72, (2u << 20) / 72);
  }
}

/* A device that is faster than the gate waits for it, and isn't waited for. */
static void a_flood_is_got_through(void **state) {
  (void)state;
  struct rig rig;
  struct seen seen[2];
  for (unsigned starts = 0; starts < 2; starts++) {
    start_in(&rig, NULL, 2,
             (const char *const[]){"error,before=100,after=100", "record=999999999,before=2M"},
             false);
    enum { LONGEST = NVT_RECORD_MAX - 32 };
    for (unsigned i = 0; i < 600; i++) {
      struct nvt_rec_data *body = nvt_emit_begin(&rig.emit, who, NVT_REC_DATA, LONGEST);
      assert_non_null(body);
      memset(body, 0, LONGEST);
      nvt_emit_end(&rig.emit, NVT_REC_DATA, LONGEST);
      if (i == 300)
        put_completion(&rig, 1);
      if (starts || i > 500)
        serve(&rig);
    }
    put_many(&rig, 200);
    wait_fired(&rig, 1);
    put_many(&rig, 200);
    struct nvt_gate_status status = end(&rig);
    assert_int_equal(status.fired, 1);
    assert_int_equal(pieces(&rig, seen, 2), 1);
    assert_int_equal(seen[0].marks, 1);
    assert_int_equal(seen[0].after, 100);
  }
}

/* Three quarters of the ring hold no so much: it is clipped, counted, and still a trace. */
static void more_than_the_ring_holds(void **state) {
  (void)state;
  struct rig rig;
  struct seen seen;
  start(&rig, "error,before=8M,after=10");
  put_paced(&rig, 100000);
  put_completion(&rig, 1);
  wait_fired(&rig, 1);
  put_many(&rig, 1000);
  struct nvt_gate_status status = end(&rig);
  assert_true(status.clipped > 0);
  assert_int_equal(pieces(&rig, &seen, 1), 1);
  assert_int_equal(seen.after, 10);
  assert_true(seen.before > 10000);
}

struct asker {
  struct rig *rig;
  const char *path;
  bool dump;
  int error;
  struct nvt_gate_piece piece;
  atomic_bool done;
};

static void *ask(void *arg) {
  struct asker *a = arg;
  a->error = a->dump ? nvt_gate_dump(a->rig->gate, a->path, &a->piece)
                     : nvt_gate_fire(a->rig->gate, &a->piece);
  atomic_store(&a->done, true);
  return NULL;
}

static void ask_for(struct asker *a, bool device) {
  pthread_t thread;
  a->done = false;
  assert_int_equal(pthread_create(&thread, NULL, ask, a), 0);
  while (!atomic_load(&a->done)) {
    a_moment();
    if (device)
      serve(a->rig);
  }
  pthread_join(thread, NULL);
}

static void by_hand(void **state) {
  (void)state;
  struct rig rig;
  struct seen seen[3];
  char path[128];
  start_in(&rig, "512K", 1, (const char *const[]){"record=99999999"}, false);
  snprintf(path, sizeof(path), "%s/own.pcap", rig.directory);
  put_many(&rig, 30000);
  struct asker a = {.rig = &rig, .path = path, .dump = true};
  ask_for(&a, true);
  assert_int_equal(a.error, 0);
  assert_string_equal(a.piece.path, path);
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_size, a.piece.bytes + 24);
  a = (struct asker){.rig = &rig, .path = "/no/such/place", .dump = true};
  ask_for(&a, true);
  assert_int_equal(a.error, -ENOENT);
  a = (struct asker){.rig = &rig};
  ask_for(&a, true);
  assert_int_equal(a.error, 0);
  assert_non_null(strstr(a.piece.path, "/p_00001_"));
  put_many(&rig, 20000);
  wait_quiet(&rig);
  assert_int_equal(end(&rig).failed, 0); /* who asked was told */
  assert_int_equal(pieces(&rig, seen, 2), 2);
  assert_int_equal(seen[0].after, 0); /* own.pcap */
  assert_int_equal(seen[1].after, NVT_SPAN_RECORDS);
}

/* It ends while somebody waits: he is answered. */
static void the_end_frees_who_waits(void **state) {
  (void)state;
  struct rig rig;
  start_in(&rig, "512K", 0, NULL, false);
  rig.late = true;
  put_many(&rig, 3000);
  struct asker a = {.rig = &rig, .dump = true};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, ask, &a), 0);
  wait_fired(&rig, 1);
  struct nvt_gate_mark mark;
  while (nvt_gate_settle(rig.gate, false, &mark))
    put_mark(&rig, &mark);
  pthread_join(thread, NULL);
  assert_int_equal(a.error, 0);
  a = (struct asker){.rig = &rig, .dump = true};
  ask_for(&a, false);
  assert_int_equal(a.error, -ESHUTDOWN);
  struct seen seen;
  (void)end(&rig);
  assert_int_equal(pieces(&rig, &seen, 1), 1);
}

/* Without its trigger record a window ends, too; and where nothing can be written the next is. */
static void marks_and_files_may_fail(void **state) {
  (void)state;
  struct rig rig;
  struct seen seen;
  start(&rig, "error,before=100,after=10");
  rig.lose_marks = true;
  put_many(&rig, 5000);
  put_completion(&rig, 1);
  wait_fired(&rig, 1);
  for (unsigned i = 0; i < 20; i++) { /* counted from when it is noticed */
    put_many(&rig, 100);
    a_moment();
  }
  wait_quiet(&rig);
  rig.lose_marks = false;
  assert_int_equal(pieces(&rig, &seen, 1), 1); /* the directory with it */
  assert_int_equal(seen.marks, 0);
  put_completion(&rig, 1);
  wait_fired(&rig, 2);
  put_many(&rig, 100);
  wait_quiet(&rig);
  assert_int_equal(mkdir(rig.directory, 0700), 0);
  put_completion(&rig, 1);
  wait_fired(&rig, 3);
  put_many(&rig, 100);
  struct nvt_gate_status status = end(&rig);
  assert_int_equal(status.failed, 1);
  assert_int_equal(pieces(&rig, &seen, 1), 1);
  assert_int_equal(seen.after, 10);
}

static void no_directory_is_refused(void **state) {
  (void)state;
  struct nvt_ring *ring;
  assert_int_equal(nvt_ring_create(4 << 20, &ring), 0);
  const struct nvt_gate_options options = {.path = "/no/such/place/x.pcap", .ring = ring};
  struct nvt_gate *gate;
  char why[512];
  assert_int_equal(nvt_gate_start(&options, &gate, why, sizeof(why)), -ENOENT);
  assert_null(gate);
  assert_non_null(strstr(why, "/no/such/place"));
  nvt_ring_destroy(ring);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(before_and_after_are_kept),
      cmocka_unit_test(at_the_ends_of_the_trace),
      cmocka_unit_test(nothing_fires_nothing_is_written),
      cmocka_unit_test(windows_join_or_not),
      cmocka_unit_test(all_into_one_file),
      cmocka_unit_test(the_past_is_bounded),
      cmocka_unit_test(a_flood_is_got_through),
      cmocka_unit_test(more_than_the_ring_holds),
      cmocka_unit_test(by_hand),
      cmocka_unit_test(the_end_frees_who_waits),
      cmocka_unit_test(marks_and_files_may_fail),
      cmocka_unit_test(no_directory_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
