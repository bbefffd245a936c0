/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap reduce's model of queues: a trace of which nothing is dropped is written byte by byte as
 * it was, and what is left of one is numbered as a controller would have. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reduce/reduce_int.h"

static struct nvt_choice everything(const struct nvt_trace *t) {
  struct nvt_choice c = {.end = t->item_count};
  c.keep = malloc(t->unit_count + 1u);
  c.cuts = malloc((t->item_count + 1u) * sizeof(*c.cuts));
  assert_non_null(c.keep);
  assert_non_null(c.cuts);
  memset(c.keep, 1, t->unit_count);
  for (uint32_t i = 0; i < t->item_count; i++)
    c.cuts[i] = NVT_CUT_NOTHING;
  return c;
}

static void clear(struct nvt_choice *c) {
  free(c->keep);
  free(c->cuts);
}

struct comparing {
  struct nvt_reader *reader;
  const char *path;
};

static int compare(void *ctx, uint64_t time_ns, const void *bytes, size_t captured,
                   size_t original) {
  struct comparing *c = ctx;
  struct nvt_record record;
  struct nvt_reason why;
  (void)original;
  assert_int_equal(nvt_reader_next(c->reader, &record, &why), NVT_READ_OK);
  if (record.time_ns != time_ns || record.captured != captured ||
      memcmp(nvt_reader_bytes(c->reader), bytes, captured) != 0)
    fail_msg("%s: record %llu is another", c->path, (unsigned long long)record.number);
  return 0;
}

static void same_bytes(const char *path) {
  struct nvt_trace t;
  struct nvt_reason why;
  struct comparing comparing = {.path = path};
  if (!nvt_reduce_load(path, &t, &why))
    fail_msg("%s", why.text);
  struct nvt_choice c = everything(&t);
  assert_true(nvt_reader_open(path, &comparing.reader, &why));
  assert_int_equal(nvt_reduce_write(&t, &c, compare, &comparing), 0);
  assert_int_equal(nvt_reduce_written(&t), t.item_count);
  nvt_reader_close(comparing.reader);
  clear(&c);
  nvt_reduce_unload(&t);
}

static void test_nothing_dropped(void **state) {
  (void)state;
  glob_t found;
  assert_int_equal(glob("samples/*.pcap", 0, NULL, &found), 0);
  (void)glob("samples/profiles/*.pcap", GLOB_APPEND, NULL, &found);
  assert_true(found.gl_pathc > 10);
  for (size_t i = 0; i < found.gl_pathc; i++)
    same_bytes(found.gl_pathv[i]);
  globfree(&found);
}

/* --- every second I/O command --- */

struct following {
  uint64_t seq;
  bool seen;
  uint32_t commands, completions;
  uint16_t tail[16], head[16], cq_tail[16], entries[16];
};

static void follow_create(struct following *f, const struct nvt_sqe *sqe) {
  uint16_t qid = sqe->cdw10 & 15;
  f->entries[qid] = (uint16_t)((sqe->cdw10 >> 16) + 1);
  f->tail[qid] = f->head[qid] = 0;
  if (sqe->opcode == NVT_ADMIN_CREATE_IO_CQ)
    f->cq_tail[qid] = 0;
}

/* Of I/O queues, written anew here: a command is announced, in the next slot, and its completion in
 * the next entry. */
static int follow(void *ctx, uint64_t time_ns, const void *bytes, size_t captured,
                  size_t original) {
  struct following *f = ctx;
  struct nvt_record r;
  (void)time_ns;
  (void)original;
  assert_int_equal(nvt_record_parse(bytes, captured, &r), NVT_PARSE_OK);
  if (f->seen)
    assert_int_equal(r.header.seq, f->seq + 1);
  f->seq = r.header.seq;
  f->seen = true;
  if (r.header.type == NVT_REC_REG_WRITE && r.access.offset > 0x1000 && r.access.offset % 8 == 0)
    f->tail[(r.access.offset - 0x1000) / 8 & 15] = (uint16_t)r.access.value;
  if (r.header.type == NVT_REC_COMMAND && r.command.sqid == 0 &&
      (r.command.sqe.opcode == NVT_ADMIN_CREATE_IO_SQ ||
       r.command.sqe.opcode == NVT_ADMIN_CREATE_IO_CQ))
    follow_create(f, &r.command.sqe);
  if (r.header.type == NVT_REC_COMMAND && r.command.sqid != 0) {
    uint16_t q = r.command.sqid & 15;
    assert_int_not_equal(f->head[q], f->tail[q]);
    assert_int_equal(r.command.slot, f->head[q]);
    f->head[q] = (uint16_t)((f->head[q] + 1) % f->entries[q]);
    assert_int_equal(r.command.head, f->head[q]);
    assert_int_equal(r.command.tail, f->tail[q]);
    f->commands++;
  }
  if (r.header.type == NVT_REC_COMPLETION && r.completion.sqid != 0) {
    uint16_t q = r.completion.sqid & 15;
    assert_int_equal(r.completion.slot, f->cq_tail[q]);
    f->cq_tail[q] = (uint16_t)((f->cq_tail[q] + 1) % f->entries[q]);
    assert_int_equal(r.completion.cqe.sqhd, f->head[q]);
    f->completions++;
  }
  return 0;
}

static void test_every_second(void **state) {
  (void)state;
  struct nvt_trace t;
  struct nvt_reason why;
  struct following f = {0};
  if (!nvt_reduce_load("samples/driver-queues.pcap", &t, &why))
    fail_msg("%s", why.text);
  struct nvt_choice c = everything(&t);
  uint32_t seen = 0, kept = 0;
  for (uint32_t i = 0; i < t.unit_count; i++)
    if (t.units[i].kind == NVT_UNIT_COMMAND && t.units[i].sqid != 0) {
      c.keep[i] = seen++ % 2 == 0;
      kept += c.keep[i];
    }
  assert_true(kept > 50);
  assert_int_equal(nvt_reduce_write(&t, &c, follow, &f), 0);
  assert_int_equal(f.commands, kept);
  assert_int_equal(f.completions, kept);
  clear(&c);
  nvt_reduce_unload(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_dropped),
                                     cmocka_unit_test(test_every_second)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
