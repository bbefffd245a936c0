/* SPDX-License-Identifier: BSD-2-Clause */
/* The history says of each record what nvt_state_now() said right after it: on samples, and on
 * random records that no controller would make. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/state_compare.h"
#include "trace/history.h"
#include "trace/reader.h"

struct taken {
  struct nvt_record record; /* its tail isn't kept */
  struct nvt_view view;
  struct nvt_state state;
};
struct trace {
  struct nvt_session *session;
  struct nvt_history *history;
  struct taken *taken;
  size_t count;
  size_t space;
};

static void start(struct trace *t) {
  struct nvt_session_options options = {.keep = true};
  *t = (struct trace){0};
  assert_int_equal(nvt_session_create(&options, &t->session), 0);
  assert_int_equal(nvt_history_create(t->session, &t->history), 0);
}

static void stop(struct trace *t) {
  nvt_history_destroy(t->history);
  nvt_session_destroy(t->session);
  free(t->taken);
}

static void must_be(struct trace *t, size_t i) {
  struct nvt_state then;
  struct taken *taken = &t->taken[i];
  assert_true(nvt_history_at(t->history, &taken->record, &taken->view, &then));
  const char *differs = state_differs(&taken->state, &then);
  if (differs != NULL)
    fail_msg("record %zu of type %u: %s", i + 1, taken->record.header.type, differs);
}

static void take(struct trace *t, const struct nvt_record *record) {
  if (t->count == t->space) {
    t->space = t->space < 64 ? 64 : t->space * 2;
    t->taken = realloc(t->taken, t->space * sizeof(*t->taken));
    assert_non_null(t->taken);
  }
  struct taken *taken = &t->taken[t->count++];
  taken->record = *record;
  assert_int_equal(nvt_session_record(t->session, record, &taken->view), 0);
  assert_true(nvt_state_now(t->session, record, &taken->view, &taken->state));
  assert_int_equal(nvt_history_record(t->history, record, &taken->view), 0);
  must_be(t, t->count - 1);
  if (t->count % 7 == 0) /* while the trace is read, as a window does */
    must_be(t, t->count / 2);
}

/* In an order that isn't theirs. */
static void compare_all(struct trace *t) {
  for (size_t i = 0, at = 0; i < t->count; i++, at = (at + 7919) % t->count)
    must_be(t, t->count % 7919 != 0 ? at : i);
  for (size_t i = 0; i < t->count; i++)
    must_be(t, t->count - 1 - i);
}

/* --- samples --- */

static void read_trace(struct trace *t, const char *path) {
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record record;
  assert_true(nvt_reader_open(path, &reader, &why));
  start(t);
  enum nvt_read read;
  while ((read = nvt_reader_next(reader, &record, &why)) != NVT_READ_END) {
    assert_true(read == NVT_READ_OK || read == NVT_READ_FOREIGN);
    if (read == NVT_READ_OK)
      take(t, &record);
  }
  nvt_reader_close(reader);
}

static void samples_agree(void **state) {
  (void)state;
  static const char *const folders[] = {"samples", "samples/profiles", "tests/golden"};
  unsigned traces = 0;
  for (unsigned i = 0; i < 3; i++) {
    DIR *folder = opendir(folders[i]);
    assert_non_null(folder);
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
      char path[512];
      const char *end = strrchr(entry->d_name, '.');
      if (end == NULL || strcmp(end, ".pcap") != 0)
        continue;
      snprintf(path, sizeof(path), "%s/%s", folders[i], entry->d_name);
      struct trace t;
      read_trace(&t, path);
      compare_all(&t);
      stop(&t);
      traces++;
    }
    closedir(folder);
  }
  assert_true(traces >= 20);
}

/* --- random records --- */

static uint64_t seed;
static uint32_t random_below(uint32_t limit) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((seed >> 33) % limit);
}

static void random_access(struct nvt_record *r) {
  static const uint64_t places[] = {0,     8,      0xc,    0x10,   0x14,   0x14,   0x14,   0x1a,
                                    0x1c,  0x1c,   0x24,   0x28,   0x30,   0x34,   0x68,   0xe04,
                                    0xe1c, 0x1000, 0x1004, 0x1008, 0x100c, 0x1010, 0xffff, ~0ull};
  r->access.space = 1;
  r->access.size = (uint8_t)(1u << random_below(5));
  r->access.offset = places[random_below(24)] + (random_below(8) == 0 ? random_below(4) : 0);
  r->access.value = random_below(3) == 0 ? random_below(UINT32_MAX) : random_below(16);
  r->access.access_flags = random_below(10) == 0 ? 2 : 0;
}

static void random_msix(struct nvt_record *r) {
  r->access.space = (uint8_t)(2 + random_below(2));
  r->access.size = (uint8_t)(1u << random_below(4));
  r->access.offset = r->access.space == 2 ? 4ull * random_below(200) : random_below(10);
  if (random_below(20) == 0)
    r->access.offset = 2047ull * 16 + 12 + random_below(8);
  if (random_below(20) == 0)
    r->access.offset = 255 + random_below(2);
  r->access.value = random_below(UINT32_MAX);
}

static void random_config(struct nvt_record *r) {
  static const struct {
    uint16_t offset;
    uint8_t size;
    uint32_t value;
  } reads[] = {{0x34, 1, 0x50}, {0x50, 4, 0x00070011}, {0x52, 2, 0x8007}, {0x52, 2, 0xc007},
               {0x53, 1, 0x40}, {0x50, 8, 0x80070011}, {0x50, 2, 0x11}};
  unsigned i = random_below(7);
  r->access = (struct nvt_rec_access){
      .offset = reads[i].offset, .size = reads[i].size, .value = reads[i].value};
}

static void random_record(struct nvt_record *r) {
  uint16_t qid = (uint16_t)random_below(4), other = (uint16_t)random_below(4);
  uint16_t slot = (uint16_t)random_below(8);
  static const uint8_t types[] = {
      NVT_REC_REG_WRITE, NVT_REC_REG_READ,        NVT_REC_COMMAND,     NVT_REC_COMMAND,
      NVT_REC_COMMAND,   NVT_REC_COMPLETION,      NVT_REC_COMPLETION,  NVT_REC_COMPLETION,
      NVT_REC_REG_WRITE, NVT_REC_SHADOW_DOORBELL, NVT_REC_INTERRUPT,   NVT_REC_QUEUE_STATE,
      NVT_REC_MSIX_READ, NVT_REC_MSIX_WRITE,      NVT_REC_CONFIG_READ, NVT_REC_CONFIG_WRITE,
      NVT_REC_DATA,      NVT_REC_VERDICT,         NVT_REC_META,        NVT_REC_EVENT,
      NVT_REC_LOSS,      NVT_REC_EVENT_INDEX,     NVT_REC_ANNOTATION};
  r->header.type = types[random_below(sizeof(types))];
  r->header.flags = random_below(12) == 0;
  switch (r->header.type) {
  case NVT_REC_REG_WRITE:
  case NVT_REC_REG_READ:
    random_access(r);
    break;
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    random_msix(r);
    break;
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
    random_config(r);
    break;
  case NVT_REC_COMMAND:
    r->command.sqid = qid;
    r->command.cqid = other;
    r->command.slot = slot;
    r->command.sqe.cid = (uint16_t)random_below(12);
    r->command.sqe.opcode = (uint8_t)random_below(8);
    r->command.sqe.cdw10 = other | random_below(16) << 16;
    r->command.sqe.cdw11 = random_below(4) << 16 | random_below(4);
    break;
  case NVT_REC_COMPLETION:
    r->completion.sqid = qid;
    r->completion.cqid = other;
    r->completion.slot = slot;
    r->completion.cqe.cid = (uint16_t)random_below(12);
    r->completion.cqe.status = random_below(4) == 0 ? 2 : 0;
    break;
  case NVT_REC_SHADOW_DOORBELL:
  case NVT_REC_EVENT_INDEX:
    r->shadow.qid = qid;
    r->shadow.is_cq = other & 1;
    r->shadow.value = slot;
    break;
  case NVT_REC_INTERRUPT:
    r->interrupt.cqid = qid;
    r->interrupt.vector = (uint16_t)(random_below(10) == 0 ? random_below(65536) : slot);
    r->interrupt.state = (uint8_t)random_below(5);
    r->interrupt.mode = random_below(5) == 0;
    break;
  case NVT_REC_QUEUE_STATE:
    r->queue.qid = qid;
    r->queue.is_cq = other & 1;
    r->queue.cqid = other;
    r->queue.queue_flags = (uint8_t)random_below(8);
    r->queue.entries = random_below(16);
    r->queue.base = random_below(5);
    r->queue.head = slot;
    break;
  case NVT_REC_DATA:
    r->data.sqid = qid;
    r->data.cid = slot;
    break;
  case NVT_REC_VERDICT:
    r->verdict.sqid = qid;
    r->verdict.cid = random_below(4) == 0 ? UINT16_MAX : slot;
    break;
  case NVT_REC_META:
    r->meta.cap = random_below(3);
    break;
  case NVT_REC_EVENT: /* those that end everything are rare, or nothing would come to be */
    r->event.event = (uint16_t)random_below(random_below(6) == 0 ? 24 : 2);
    r->event.event = r->event.event < 2 ? (uint16_t)(11 + random_below(4)) : r->event.event;
    break;
  default:
    break;
  }
}

static void random_traces_agree(void **state) {
  (void)state;
  for (unsigned round = 0; round < 12; round++) {
    struct trace t;
    uint32_t epochs[3] = {0};
    uint64_t seq = 0;
    seed = round + 1;
    start(&t);
    for (unsigned i = 0; i < 3000; i++) {
      struct nvt_record record = {.number = i + 1 + i / 100, .time_ns = 1000 + i};
      record.header.controller = (uint16_t)random_below(round % 2 == 0 ? 1 : 3);
      epochs[record.header.controller] += random_below(200) == 0;
      record.header.epoch = epochs[record.header.controller];
      record.header.seq = seq += random_below(100) == 0 ? 3 : 1;
      record.time_ns -= random_below(50) == 0 ? 500 : 0; /* a clock that goes back */
      random_record(&record);
      take(&t, &record);
    }
    compare_all(&t);
    stop(&t);
  }
}

/* --- bounds --- */

static void feed(struct trace *t, struct nvt_record *record, struct nvt_view *view) {
  record->number++;
  record->time_ns += 10;
  record->header.seq++;
  assert_int_equal(nvt_session_record(t->session, record, view), 0);
  assert_int_equal(nvt_history_record(t->history, record, view), 0);
}

/* As many queues and controllers as there are records, and no command ever completes: what the
 * history takes for each stays a small multiple of what the session takes for it. */
static void memory_is_bounded(void **state) {
  (void)state;
  struct trace t;
  struct nvt_view view;
  start(&t);
  struct nvt_record record = {.header = {.type = NVT_REC_COMMAND}};
  for (unsigned i = 0; i < 40000; i++) {
    record.header.controller = (uint16_t)i;
    record.command.sqid = (uint16_t)(i * 7);
    record.command.cqid = record.command.sqid;
    feed(&t, &record, &view);
  }
  size_t bytes = nvt_history_memory(t.history);
  print_message("a controller and a queue for each of 40000 records: %zu bytes each\n",
                bytes / 40000);
  assert_true(bytes / 40000 < 1400);
  stop(&t);
}

/* The oldest of 200000 commands that never end, and of 200000 of which a few never do. */
static void many_commands(void **state) {
  (void)state;
  for (unsigned every = 1; every <= 5000; every += 4999) {
    struct trace t;
    struct nvt_view view;
    struct nvt_state then;
    start(&t);
    struct nvt_record record = {.header = {.type = NVT_REC_COMMAND}};
    uint32_t outstanding = 0;
    size_t records = 0;
    for (unsigned i = 0; i < 200000; i++) {
      record.header.type = NVT_REC_COMMAND;
      record.command = (struct nvt_rec_command){.sqid = (uint16_t)(1 + i / 50000)};
      record.command.sqe.cid = (uint16_t)i;
      feed(&t, &record, &view);
      outstanding++;
      records++;
      if (i % every != 0) {
        record.header.type = NVT_REC_COMPLETION;
        record.completion = (struct nvt_rec_completion){.sqid = (uint16_t)(1 + i / 50000)};
        record.completion.cqe.cid = (uint16_t)i;
        feed(&t, &record, &view);
        outstanding--;
        records++;
      }
      if (i % 16 == 0) {
        assert_true(nvt_history_at(t.history, &record, &view, &then));
        assert_int_equal(then.outstanding, outstanding);
        assert_int_equal(then.shown, outstanding < 64 ? outstanding : 64);
        assert_int_equal(then.commands[0].record, 1);
        if (then.shown > 1)
          assert_int_equal(then.commands[then.shown - 1].record,
                           every == 1 ? then.shown : (then.shown - 1) * (2ull * every - 1) + 1);
      }
    }
    size_t bytes = nvt_history_memory(t.history);
    print_message("200000 commands, one of %u never ends: %zu bytes for each of %zu records\n",
                  every, bytes / records, records);
    assert_true(bytes / records <= 60);
    stop(&t);
  }
}

/* What a driver's ordinary trace takes. */
static void memory_of_a_driver(void **state) {
  (void)state;
  struct trace t;
  read_trace(&t, "samples/driver.pcap");
  size_t first = nvt_history_memory(t.history);
  struct nvt_record record;
  struct nvt_view view;
  uint64_t number = t.taken[t.count - 1].record.number;
  for (unsigned round = 0; round < 100; round++)
    for (size_t i = 81; i < t.count; i++) { /* from the first command of its I/O queue on */
      record = t.taken[i].record;
      record.number = ++number;
      assert_int_equal(nvt_session_record(t.session, &record, &view), 0);
      assert_int_equal(nvt_history_record(t.history, &record, &view), 0);
    }
  size_t records = 100 * (t.count - 81);
  size_t bytes = nvt_history_memory(t.history) - first;
  print_message("samples/driver.pcap %zu bytes, and a hundred times its I/O: %zu bytes for %zu "
                "records, %.1f each\n",
                first, bytes, records, (double)bytes / (double)records);
  assert_true(bytes <= 16 * records);
  stop(&t);
}

/* After a record that it doesn't take, it tells nothing rather than something else. */
static void number_too_large(void **state) {
  (void)state;
  struct trace t;
  struct nvt_view view;
  struct nvt_state then;
  start(&t);
  struct nvt_record record = {.number = UINT32_MAX - 1ull, .header = {.type = NVT_REC_COMMAND}};
  assert_int_equal(nvt_session_record(t.session, &record, &view), 0);
  assert_int_equal(nvt_history_record(t.history, &record, &view), 0);
  assert_true(nvt_history_at(t.history, &record, &view, &then));
  record.number++;
  assert_int_equal(nvt_session_record(t.session, &record, &view), 0);
  assert_int_not_equal(nvt_history_record(t.history, &record, &view), 0);
  assert_false(nvt_history_at(t.history, &record, &view, &then));
  record.number = 3;
  assert_false(nvt_history_at(t.history, &record, &view, &then)); /* before the first */
  stop(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(samples_agree),      cmocka_unit_test(random_traces_agree),
      cmocka_unit_test(memory_is_bounded),  cmocka_unit_test(many_commands),
      cmocka_unit_test(memory_of_a_driver), cmocka_unit_test(number_too_large),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
