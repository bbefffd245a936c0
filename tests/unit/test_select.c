/* SPDX-License-Identifier: BSD-2-Clause */
/* A live trace's filter where more commands are under way than it tells apart. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "capture/select_int.h"

#define MOST 8192u /* docs/control.md, "Live traces" */

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(failures),
      cmocka_unit_test(data),
      cmocka_unit_test(identifiers_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
