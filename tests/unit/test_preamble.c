/* SPDX-License-Identifier: BSD-2-Clause */
/* A piece from the middle of a trace says what the whole says: from any record on, a session that
 * has seen the preamble only agrees with one that has seen everything. */
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
#include "trace/build.h"
#include "trace/preamble.h"
#include "trace/reader.h"

#define CUTS 40u     /* of each trace, at random places */
#define CLOSELY 400u /* records after a cut that are all looked at; then every SPARSELY-th */
#define SPARSELY 64u
#define NEVER UINT64_MAX

static uint64_t seed = 20261128;
static uint64_t random_below(uint64_t limit) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (seed >> 33) % limit;
}

struct piece {
  struct nvt_session *whole;
  struct nvt_session *piece;
  struct nvt_preamble *preamble;
  uint64_t cut;     /* the piece's first record */
  uint64_t written; /* records of its preamble */
  uint64_t last_ns; /* the time of the last of them */
  uint64_t commands;
  const char *name;
};

/* The whole's record number in the piece; 0: it isn't in there. */
static uint64_t mapped(const struct piece *p, uint64_t record) {
  return record >= p->cut ? record - p->cut + 1 + p->written : 0;
}

static int take_preamble(void *ctx, uint64_t time_ns, const void *bytes, size_t captured,
                         size_t length) {
  struct piece *p = ctx;
  struct nvt_record record = {.number = ++p->written, .time_ns = time_ns};
  struct nvt_view view;
  assert_int_equal(captured, length);
  assert_int_equal(nvt_record_parse(bytes, captured, &record), NVT_PARSE_OK);
  assert_true(time_ns >= p->last_ns);
  p->last_ns = time_ns;
  bool meta = record.header.type == NVT_REC_META;
  assert_int_equal(record.header.flags, meta ? 0 : NVT_V_header_flags_SNAPSHOT);
  p->commands += record.header.type == NVT_REC_COMMAND;
  assert_int_equal(nvt_session_record(p->piece, &record, &view), 0);
  assert_false(view.seq_gap);
  return 0;
}

static void must_agree(const struct piece *p, const struct nvt_record *record, const char *what,
                       bool agrees) {
  if (!agrees)
    fail_msg("%s cut at %llu: record %llu (%s): %s", p->name, (unsigned long long)p->cut,
             (unsigned long long)record->number, nvt_record_name(record->header.type), what);
}

#define AGREE(field) must_agree(p, record, #field, a->field == b->field)

static void compare_moment(const struct piece *p, const struct nvt_record *record, const char *what,
                           const struct nvt_moment *a, const struct nvt_moment *b) {
  must_agree(p, record, what, b->record == mapped(p, a->record));
  must_agree(p, record, what, b->record == 0 || a->time_ns == b->time_ns);
}

static void compare_exchange(const struct piece *p, const struct nvt_record *record,
                             const struct nvt_exchange *a, const struct nvt_exchange *b) {
  AGREE(epoch);
  AGREE(sqid);
  AGREE(cqid);
  AGREE(cid);
  AGREE(end);
  AGREE(set);
  compare_moment(p, record, "completion", &a->completion, &b->completion);
  compare_moment(p, record, "interrupt", &a->interrupt, &b->interrupt);
  must_agree(p, record, "cqe", memcmp(&a->cqe, &b->cqe, sizeof(a->cqe)) == 0);
  must_agree(p, record, "command known", (a->command.record != 0) == (b->command.record != 0));
  AGREE(command.time_ns);
  AGREE(page_shift);
  must_agree(p, record, "sqe", memcmp(&a->sqe, &b->sqe, sizeof(a->sqe)) == 0);
  if (a->command.record < p->cut)
    return; /* how it was fetched isn't in the piece */
  compare_moment(p, record, "command", &a->command, &b->command);
  compare_moment(p, record, "doorbell", &a->doorbell, &b->doorbell);
  AGREE(depth);
  AGREE(in_flight);
  AGREE(duplicate_cid);
  /* The meta-record tells block sizes anew, where the whole isn't sure after Format NVM. */
  if (!a->size_known)
    return;
  AGREE(size_known);
  AGREE(size);
}

static void compare_views(const struct piece *p, const struct nvt_record *record,
                          const struct nvt_view *a, const struct nvt_view *b) {
  AGREE(is_doorbell);
  AGREE(set);
  AGREE(seq_gap);
  AGREE(missing);
  must_agree(p, record, "exchange", (a->exchange != NULL) == (b->exchange != NULL));
  if (a->exchange != NULL)
    compare_exchange(p, record, a->exchange, b->exchange);
  must_agree(p, record, "signal", (a->signal != NULL) == (b->signal != NULL));
  if (a->signal == NULL)
    return;
  AGREE(signal->count);
  AGREE(signal->valid);
  AGREE(signal->previous);
  AGREE(signal->value);
}

static void compare_states(const struct piece *p, const struct nvt_record *record,
                           const struct nvt_view *a, const struct nvt_record *there,
                           const struct nvt_view *b) {
  static struct nvt_state whole, piece;
  assert_true(nvt_state_now(p->whole, record, a, &whole));
  assert_true(nvt_state_now(p->piece, there, b, &piece));
  for (uint32_t i = 0; i < whole.shown; i++) {
    bool inside = whole.commands[i].record >= p->cut;
    whole.commands[i].record =
        inside ? mapped(p, whole.commands[i].record) : piece.commands[i].record;
  }
  /* The meta-record tells them anew, where the whole has forgotten them when the host left. */
  for (unsigned row = NVT_ROW_CAP; row <= NVT_ROW_VS; row++)
    if (!whole.known[row]) {
      whole.known[row] = piece.known[row];
      whole.registers[row] = piece.registers[row];
    }
  const char *differs = state_differs(&whole, &piece);
  must_agree(p, record, differs, differs == NULL);
}

/* One reading, with one cut. The number of its records. */
static uint64_t cut_at(const char *path, uint64_t cut) {
  struct piece p = {.cut = cut, .name = path};
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record record;
  struct nvt_view a, b;
  uint64_t last_ns = 0;
  assert_true(nvt_reader_open(path, &reader, &why));
  assert_int_equal(nvt_session_create(NULL, &p.whole), 0);
  assert_int_equal(nvt_session_create(NULL, &p.piece), 0);
  assert_int_equal(nvt_preamble_create(p.whole, &p.preamble), 0);
  uint64_t count = 0;
  enum nvt_read read;
  while ((read = nvt_reader_next(reader, &record, &why)) != NVT_READ_END) {
    assert_int_equal(read, NVT_READ_OK);
    count = record.number;
    if (record.number == cut) {
      const struct nvt_preamble_out out = {.time_ns = last_ns, .put = take_preamble, .ctx = &p};
      assert_int_equal(nvt_preamble_write(p.preamble, &out), 0);
      assert_true(p.last_ns <= record.time_ns || p.written == 0);
    }
    last_ns = record.time_ns;
    assert_int_equal(nvt_session_record(p.whole, &record, &a), 0);
    if (record.number < cut) {
      assert_int_equal(nvt_preamble_record(p.preamble, &record, nvt_reader_bytes(reader)), 0);
      continue;
    }
    struct nvt_record there = record;
    there.number = mapped(&p, record.number);
    assert_int_equal(nvt_session_record(p.piece, &there, &b), 0);
    compare_views(&p, &record, &a, &b);
    if (record.number < cut + CLOSELY || record.number % SPARSELY == 0)
      compare_states(&p, &record, &a, &there, &b);
  }
  nvt_reader_close(reader);
  nvt_preamble_destroy(p.preamble);
  nvt_session_destroy(p.piece);
  nvt_session_destroy(p.whole);
  return count;
}

static void pieces_agree(void **state) {
  (void)state;
  static const char *const folders[] = {"samples", "samples/profiles"};
  unsigned traces = 0;
  for (unsigned i = 0; i < 2; i++) {
    DIR *folder = opendir(folders[i]);
    assert_non_null(folder);
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
      const char *end = strrchr(entry->d_name, '.');
      if (end == NULL || strcmp(end, ".pcap") != 0)
        continue;
      char path[512];
      snprintf(path, sizeof(path), "%s/%s", folders[i], entry->d_name);
      uint64_t count = cut_at(path, NEVER);
      for (unsigned n = 0; n < CUTS; n++)
        (void)cut_at(path, 1 + random_below(count));
      traces++;
    }
    closedir(folder);
  }
  assert_true(traces >= 40);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
