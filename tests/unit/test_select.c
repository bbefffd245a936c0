/* SPDX-License-Identifier: BSD-2-Clause */
/* What a filter lets through, command by command, and where more commands are under way than it
 * tells apart. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "capture/select_int.h"

#define MOST 16384u /* docs/recording.md, "Filters" */

static struct nvt_select *open_filter(const char *text) {
  struct nvt_trace_filter filter;
  struct nvt_select *select;
  char why[256];
  assert_true(nvt_trace_filter_parse(text, &filter, why, sizeof(why)));
  assert_int_equal(nvt_select_create(&filter, &select), 0);
  return select;
}

/* Of the i-th command, on 8 queues, whose LBA is i. */
static enum nvt_selected tell(struct nvt_select *select, enum nvt_tap_id tap, unsigned i,
                              uint16_t status, const struct nvt_kept_command **kept) {
  struct nvt_sqe sqe = {.opcode = NVT_NVM_READ, .cid = (uint16_t)(i / 8), .nsid = 1, .cdw10 = i};
  struct nvt_cqe cqe = {.cid = sqe.cid, .status = (uint16_t)(status << 1)};
  struct nvt_tap_event event;
  memset(&event, 0, sizeof(event));
  event.tap = tap;
  if (tap == NVT_TAP_IO_MEMORY) {
    event.data.sqid = (uint16_t)(1 + i % 8);
    event.data.cid = sqe.cid;
  } else {
    event.command.sqid = (uint16_t)(1 + i % 8);
    event.command.sqe = &sqe;
    event.command.cqe = &cqe;
  }
  return nvt_select(select, &event, 1000 + i, kept);
}

/* How many failures come with their command; all come. */
static void failures(void **state) {
  (void)state;
  for (unsigned count = MOST - 1; count <= MOST + 1; count++) {
    struct nvt_select *select = open_filter("errors");
    const struct nvt_kept_command *kept;
    for (unsigned lap = 0; lap < 2; lap++) { /* what has ended makes room */
      for (unsigned i = 0; i < count; i++)
        assert_int_equal(tell(select, NVT_TAP_IO_DECODE, i, 0, &kept), NVT_SELECT_NO);
      for (unsigned i = 0; i < count; i++) {
        bool forgotten = count > MOST && i == 0;
        assert_int_equal(tell(select, NVT_TAP_IO_WRITEBACK, i, 2, &kept),
                         forgotten ? NVT_SELECT_YES : NVT_SELECT_BOTH);
        if (forgotten)
          continue;
        assert_int_equal(kept->body.sqe.cdw10, i);
        assert_int_equal(kept->body.sqid, 1 + i % 8);
        assert_int_equal(kept->ns, 1000 + i);
      }
    }
    nvt_select_destroy(select);
  }
}

static void data(void **state) {
  (void)state;
  for (unsigned count = MOST - 1; count <= MOST + 1; count++) {
    struct nvt_select *select = open_filter("opcode=read");
    const struct nvt_kept_command *kept;
    for (unsigned i = 0; i < count; i++)
      assert_int_equal(tell(select, NVT_TAP_IO_DECODE, i, 0, &kept), NVT_SELECT_YES);
    for (unsigned i = 0; i < count; i++)
      assert_int_equal(tell(select, NVT_TAP_IO_MEMORY, i, 0, &kept),
                       count > MOST && i == 0 ? NVT_SELECT_NO : NVT_SELECT_YES);
    for (unsigned i = 0; i < count; i++) /* a completion tells its opcode by itself */
      assert_int_equal(tell(select, NVT_TAP_IO_WRITEBACK, i, 0, &kept), NVT_SELECT_YES);
    for (unsigned i = 0; i < count; i++)
      assert_int_equal(tell(select, NVT_TAP_IO_MEMORY, i, 0, &kept), NVT_SELECT_NO);
    nvt_select_destroy(select);
  }
}

/* The same identifier again is the newer command's. */
static void identifiers_again(void **state) {
  (void)state;
  struct nvt_select *select = open_filter("errors");
  const struct nvt_kept_command *kept;
  for (unsigned i = 0; i < 3 * MOST; i++)
    assert_int_equal(tell(select, NVT_TAP_IO_DECODE, i % 4, 0, &kept), NVT_SELECT_NO);
  assert_int_equal(tell(select, NVT_TAP_IO_WRITEBACK, 3, 0, &kept), NVT_SELECT_NO);
  assert_int_equal(tell(select, NVT_TAP_IO_WRITEBACK, 3, 2, &kept), NVT_SELECT_YES);
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(tell(select, NVT_TAP_IO_WRITEBACK, i, 2, &kept), NVT_SELECT_BOTH);
  nvt_select_destroy(select);
  nvt_select_destroy(NULL);
}

/* One I/O command and its completion at `ns` after it. */
struct one {
  uint8_t opcode;
  uint16_t sqid, status;
  uint64_t slba, ns;
  uint32_t blocks;
  uint32_t nsid;
};

static enum nvt_selected judge(struct nvt_select *select, const struct one *one,
                               enum nvt_selected *first, enum nvt_selected *list) {
  struct nvt_sqe sqe = {.opcode = one->opcode,
                        .cid = 5,
                        .nsid = one->nsid,
                        .cdw10 = (uint32_t)one->slba,
                        .cdw11 = (uint32_t)(one->slba >> 32),
                        .cdw12 = one->blocks - 1};
  struct nvt_cqe cqe = {.cid = 5, .status = (uint16_t)(one->status << 1)};
  const struct nvt_kept_command *kept = NULL;
  struct nvt_tap_event event, data;
  memset(&event, 0, sizeof(event));
  memset(&data, 0, sizeof(data));
  event.command.sqid = one->sqid;
  event.command.sqe = &sqe;
  event.command.cqe = &cqe;
  event.tap = one->sqid == 0 ? NVT_TAP_ADMIN_DECODE : NVT_TAP_IO_DECODE;
  *first = nvt_select(select, &event, 1000, &kept);
  data.tap = one->sqid == 0 ? NVT_TAP_ADMIN_MEMORY : NVT_TAP_IO_MEMORY;
  data.data.sqid = one->sqid;
  data.data.cid = 5;
  data.data.kind = NVT_V_data_kind_PRP_LIST;
  *list = nvt_select(select, &data, 1000, &kept);
  event.tap = one->sqid == 0 ? NVT_TAP_ADMIN_WRITEBACK : NVT_TAP_IO_WRITEBACK;
  enum nvt_selected last = nvt_select(select, &event, 1000 + one->ns, &kept);
  if (last == NVT_SELECT_BOTH)
    assert_true(kept->ns == 1000 && kept->body.sqe.cid == 5 && kept->body.sqid == one->sqid);
  return last;
}

#define N NVT_SELECT_NO
#define Y NVT_SELECT_YES
#define B NVT_SELECT_BOTH

/* Each word at its limits: n - 1, n, n + 1. */
static void words(void **state) {
  (void)state;
  static const struct {
    const char *filter;
    struct one one;
    enum nvt_selected first, list, last;
  } cases[] = {
      {"lba=8-15", {NVT_NVM_READ, 1, 0, 0, 0, 8, 1}, N, N, N},
      {"lba=8-15", {NVT_NVM_READ, 1, 0, 0, 0, 9, 1}, Y, Y, Y},
      {"lba=8-15", {NVT_NVM_WRITE, 1, 0, 15, 0, 1, 1}, Y, Y, Y},
      {"lba=8-15", {NVT_NVM_WRITE, 1, 0, 16, 0, 1, 1}, N, N, N},
      {"lba=8-15", {NVT_NVM_COMPARE, 1, 0, 7, 0, 1, 1}, N, N, N},
      {"lba=8-15", {NVT_NVM_VERIFY, 1, 0, 8, 0, 1, 1}, Y, Y, Y},
      {"lba=8-15", {NVT_NVM_WRITE_ZEROES, 1, 0, 0, 0, 65536, 1}, Y, Y, Y},
      {"lba=8-15", {NVT_NVM_WRITE_UNCORRECTABLE, 1, 0, 9, 0, 1, 1}, Y, Y, Y},
      {"lba=8-15+100", {NVT_NVM_READ, 1, 0, 100, 0, 1, 1}, Y, Y, Y},
      {"lba=18446744073709551615", {NVT_NVM_READ, 1, 0, UINT64_MAX, 0, 1, 1}, Y, Y, Y},
      {"lba=18446744073709551615", {NVT_NVM_READ, 1, 0, UINT64_MAX - 1, 0, 1, 1}, N, N, N},
      {"lba=18446744073709551615", {NVT_NVM_READ, 1, 0, UINT64_MAX - 1, 0, 2, 1}, Y, Y, Y},
      {"lba=0-4", {NVT_NVM_READ, 1, 0, UINT64_MAX, 0, 2, 1}, N, N, N}, /* it doesn't wrap */
      {"lba=8-15", {NVT_NVM_FLUSH, 1, 0, 9, 0, 1, 1}, N, N, N},
      {"lba=8-15", {NVT_NVM_DATASET_MANAGEMENT, 1, 0, 0, 0, 1, 1}, Y, Y, Y},
      {"lba=8-15", {NVT_NVM_COPY, 1, 0, 0, 0, 1, 1}, Y, Y, Y},
      {"lba=8-15", {NVT_NVM_ZONE_APPEND, 1, 0, 0, 0, 1, 1}, Y, Y, Y},
      {"lba=8-15", {NVT_ADMIN_IDENTIFY, 0, 0, 9, 0, 1, 1}, N, N, N},
      {"lba=8-15", {NVT_ADMIN_CREATE_IO_CQ, 0, 0, 0, 0, 1, 0}, Y, N, Y},
      {"slower=500ns", {NVT_NVM_READ, 1, 0, 0, 499, 1, 1}, N, N, N},
      {"slower=500ns", {NVT_NVM_READ, 1, 0, 0, 500, 1, 1}, N, N, N},
      {"slower=500ns", {NVT_NVM_READ, 1, 0, 0, 501, 1, 1}, N, N, B},
      {"slower=500ns", {NVT_ADMIN_IDENTIFY, 0, 0, 0, 501, 1, 1}, N, N, B},
      {"slower=500ns", {NVT_ADMIN_ASYNC_EVENT_REQUEST, 0, 0, 0, 501, 1, 1}, N, N, N},
      {"slower=1us,nsid=2", {NVT_NVM_READ, 1, 0, 0, 1001, 1, 1}, N, N, N},
      {"slower=1us,nsid=2", {NVT_NVM_READ, 1, 0, 0, 1001, 1, 2}, N, N, B},
      {"slower=1us,errors", {NVT_NVM_READ, 1, 0, 0, 1001, 1, 2}, N, N, N},
      {"slower=1us,errors", {NVT_NVM_READ, 1, 2, 0, 1000, 1, 2}, N, N, N},
      {"slower=1us,errors", {NVT_NVM_READ, 1, 2, 0, 1001, 1, 2}, N, N, B},
      {"status=0x281+0", {NVT_NVM_READ, 1, 0, 0, 0, 1, 1}, N, N, B},
      {"status=0x281+0", {NVT_NVM_READ, 1, 0x281, 0, 0, 1, 1}, N, N, B},
      {"status=0x281+0", {NVT_NVM_READ, 1, 0x280, 0, 0, 1, 1}, N, N, N},
      {"metadata", {NVT_NVM_READ, 1, 0, 0, 0, 1, 1}, Y, N, Y},
      {"doorbells", {NVT_NVM_READ, 1, 0, 0, 0, 1, 1}, N, N, N},
      {"doorbells", {NVT_ADMIN_DELETE_IO_SQ, 0, 0, 0, 0, 1, 0}, Y, N, Y},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct nvt_select *select = open_filter(cases[i].filter);
    enum nvt_selected first, list, last = judge(select, &cases[i].one, &first, &list);
    if (first != cases[i].first || list != cases[i].list || last != cases[i].last)
      fail_msg("case %zu, '%s': %d %d %d", i, cases[i].filter, first, list, last);
    nvt_select_destroy(select);
  }
}

/* From before the start: it isn't known how long it took, but how it ended. */
static void unknown_start(void **state) {
  (void)state;
  const struct nvt_kept_command *kept;
  struct nvt_select *select = open_filter("slower=0ns");
  assert_int_equal(tell(select, NVT_TAP_IO_WRITEBACK, 1, 2, &kept), NVT_SELECT_NO);
  nvt_select_destroy(select);
  select = open_filter("status=2");
  assert_int_equal(tell(select, NVT_TAP_IO_WRITEBACK, 1, 2, &kept), NVT_SELECT_YES);
  nvt_select_destroy(select);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(failures),          cmocka_unit_test(data),
      cmocka_unit_test(identifiers_again), cmocka_unit_test(words),
      cmocka_unit_test(unknown_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
