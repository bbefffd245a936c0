/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <string.h>

#include "controller/tap.h"

struct seen {
  char order[64]; /* names of callbacks, in the order of their calls */
  struct nvt_tap_event verdicts[16];
  char plugins[16][16];
  unsigned verdict_count;
};

struct caller {
  struct seen *seen;
  char name;
  enum nvt_verdict answer;
  void (*also)(struct caller *, const struct nvt_tap_event *);
  struct nvt_plugin_host *host;
  struct nvt_attachment *attachment;
};

static enum nvt_verdict called(void *user, const struct nvt_tap_event *event) {
  struct caller *caller = user;
  size_t length = strlen(caller->seen->order);
  assert_true(length + 1 < sizeof(caller->seen->order));
  caller->seen->order[length] = caller->name;
  if (caller->also != NULL)
    caller->also(caller, event);
  return caller->answer;
}

static enum nvt_verdict noted(void *user, const struct nvt_tap_event *event) {
  struct seen *seen = user;
  assert_true(seen->verdict_count < 16);
  strncpy(seen->plugins[seen->verdict_count], event->verdict.plugin, 15);
  seen->verdicts[seen->verdict_count++] = *event;
  return NVT_VERDICT_CONTINUE;
}

static struct nvt_plugin_host *host_new(void) {
  struct nvt_plugin_host *host = NULL;
  assert_int_equal(nvt_plugin_host_create(&host), 0);
  return host;
}

static void attach(struct nvt_plugin_host *host, const char *tap, int32_t order,
                   struct caller *caller, const char *plugin) {
  caller->host = host;
  assert_int_equal(nvt_tap_attach(host, tap, order, called, caller, plugin, &caller->attachment),
                   0);
}

static struct nvt_sqe sqe;
static struct nvt_cqe cqe;

static enum nvt_verdict fire(struct nvt_plugin_host *host, enum nvt_tap_id tap) {
  sqe = (struct nvt_sqe){.opcode = NVT_NVM_WRITE, .cid = 7};
  cqe = (struct nvt_cqe){.sqid = 3, .cid = 7, .sqhd = 9, .status = 1};
  struct nvt_tap_event event = {.tap = tap, .controller = 2, .epoch = 5};
  event.command.sqid = 3;
  event.command.sqe = &sqe;
  event.command.cqe = &cqe;
  return nvt_tap_fire(host, &event);
}

static void names_and_counts(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  struct seen seen = {0};
  struct caller a = {.seen = &seen, .name = 'a'};
  assert_string_equal(nvt_tap_name(NVT_TAP_IO_DECODE), "nvme:io:decode");
  assert_string_equal(nvt_tap_name(NVT_TAP_PCI_REGREAD), "pci:regread:writeback");
  assert_null(nvt_tap_name(NVT_TAP_COUNT));
  assert_int_equal(nvt_tap_attach(host, "nvme:io:nothing", 0, called, &a, "x", &a.attachment),
                   -ENOENT);
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++) {
    assert_int_equal(nvt_tap_counts(host)[id], 0);
    attach(host, nvt_tap_name((enum nvt_tap_id)id), 0, &a, "x");
    assert_int_equal(nvt_tap_counts(host)[id], 1);
    nvt_tap_detach(host, a.attachment);
    assert_int_equal(nvt_tap_counts(host)[id], 0);
  }
  assert_int_equal(fire(host, NVT_TAP_IO_DECODE), NVT_VERDICT_CONTINUE);
  assert_string_equal(seen.order, "");
  nvt_plugin_host_destroy(host);
}

static void called_in_order_then_by_attachment(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  struct seen seen = {0};
  struct caller all[6];
  const int32_t orders[6] = {0, 5, NVT_TAP_LAST, 0, -3, NVT_TAP_FIRST};
  for (unsigned i = 0; i < 6; i++) {
    all[i] = (struct caller){.seen = &seen, .name = (char)('a' + i)};
    attach(host, "nvme:io:decode", orders[i], &all[i], "x");
  }
  assert_int_equal(fire(host, NVT_TAP_IO_DECODE), NVT_VERDICT_CONTINUE);
  assert_string_equal(seen.order, "feadbc");
  nvt_tap_detach(host, all[3].attachment);
  memset(&seen, 0, sizeof(seen));
  fire(host, NVT_TAP_IO_DECODE);
  assert_string_equal(seen.order, "feabc");
  nvt_plugin_host_destroy(host);
}

static void a_verdict_ends_the_run(void **state) {
  (void)state;
  static const struct {
    enum nvt_verdict answer;
    uint8_t recorded;
    const char *decode, *writeback;
  } rows[] = {
      {NVT_VERDICT_COMPLETE, 1, "fb", "fbl"},
      {NVT_VERDICT_HOLD, 2, "fb", "fb"},
      {NVT_VERDICT_DROP, 4, "fb", "fb"},
  };
  for (unsigned i = 0; i < 3; i++) {
    struct nvt_plugin_host *host = host_new();
    struct seen seen = {0};
    struct caller first = {.seen = &seen, .name = 'f'}, last = {.seen = &seen, .name = 'l'};
    struct caller b = {.seen = &seen, .name = 'b', .answer = rows[i].answer};
    struct caller c = {.seen = &seen, .name = 'c'};
    struct nvt_attachment *verdicts = NULL;
    assert_int_equal(
        nvt_tap_attach(host, "plugin:verdict:notify", 0, noted, &seen, "trace", &verdicts), 0);
    for (unsigned tap = 0; tap < 2; tap++) {
      const char *name = tap == 0 ? "nvme:io:decode" : "nvme:io:writeback";
      attach(host, name, NVT_TAP_FIRST, &first, "trace");
      attach(host, name, 0, &b, "mean");
      attach(host, name, 0, &c, "kind");
      attach(host, name, NVT_TAP_LAST, &last, "trace");
    }
    assert_int_equal(fire(host, NVT_TAP_IO_DECODE), rows[i].answer);
    assert_string_equal(seen.order, rows[i].decode);
    memset(seen.order, 0, sizeof(seen.order));
    assert_int_equal(fire(host, NVT_TAP_IO_WRITEBACK), rows[i].answer);
    assert_string_equal(seen.order, rows[i].writeback);
    assert_int_equal(seen.verdict_count, 2);
    assert_int_equal(seen.verdicts[0].verdict.verdict, rows[i].recorded);
    assert_int_equal(seen.verdicts[0].verdict.tap, NVT_TAP_IO_DECODE);
    assert_int_equal(seen.verdicts[1].verdict.tap, NVT_TAP_IO_WRITEBACK);
    assert_int_equal(seen.verdicts[0].verdict.sqid, 3);
    assert_int_equal(seen.verdicts[0].verdict.cid, 7);
    assert_int_equal(seen.verdicts[0].controller, 2);
    assert_int_equal(seen.verdicts[0].epoch, 5);
    assert_string_equal(seen.plugins[0], "mean");
    nvt_plugin_host_destroy(host);
  }
}

static void change_all(struct caller *caller, const struct nvt_tap_event *event) {
  (void)caller;
  memset(event->command.sqe, 0xff, sizeof(struct nvt_sqe));
  memset(event->command.cqe, 0xfe, sizeof(struct nvt_cqe));
}

static void changes_are_announced_and_identity_is_kept(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  struct seen seen = {0};
  struct caller a = {.seen = &seen, .name = 'a', .also = change_all};
  struct caller same = {.seen = &seen, .name = 's'};
  struct nvt_attachment *verdicts = NULL;
  assert_int_equal(
      nvt_tap_attach(host, "plugin:verdict:notify", 0, noted, &seen, "trace", &verdicts), 0);
  attach(host, "nvme:io:writeback", 0, &same, "same");
  attach(host, "nvme:io:writeback", 0, &a, "changer");
  assert_int_equal(fire(host, NVT_TAP_IO_WRITEBACK), NVT_VERDICT_CONTINUE);
  assert_int_equal(seen.verdict_count, 1);
  assert_int_equal(seen.verdicts[0].verdict.verdict, 0);
  assert_string_equal(seen.plugins[0], "changer");
  assert_int_equal(cqe.sqid, 3);
  assert_int_equal(cqe.cid, 7);
  assert_int_equal(cqe.sqhd, 9);
  assert_int_equal(cqe.status, 0xfeff); /* fefe, with the phase bit that was there */
  assert_int_equal(cqe.dw0, 0xfefefefe);
  assert_int_equal(sqe.cid, 7);
  assert_int_equal(sqe.opcode, 0xff);
  nvt_plugin_host_destroy(host);
}

static void observers_are_not_heeded(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  struct seen seen = {0};
  struct caller a = {.seen = &seen, .name = 'a', .answer = NVT_VERDICT_DROP};
  attach(host, "nvme:io:decode", NVT_TAP_FIRST, &a, "x");
  attach(host, "nvme:regread:writeback", 0, &a, "x");
  assert_int_equal(fire(host, NVT_TAP_IO_DECODE), NVT_VERDICT_CONTINUE);
  struct nvt_tap_event event = {.tap = NVT_TAP_REGREAD};
  assert_int_equal(nvt_tap_fire(host, &event), NVT_VERDICT_CONTINUE);
  assert_string_equal(seen.order, "aa");
  nvt_plugin_host_destroy(host);
}

static struct caller *other;

static void detach_both(struct caller *caller, const struct nvt_tap_event *event) {
  (void)event;
  nvt_tap_detach(caller->host, caller->attachment);
  nvt_tap_detach(caller->host, other->attachment);
}

static void attach_other(struct caller *caller, const struct nvt_tap_event *event) {
  (void)event;
  caller->also = NULL;
  attach(caller->host, "nvme:io:decode", -1, other, "late");
}

static void a_callback_may_attach_and_detach(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  struct seen seen = {0};
  struct caller a = {.seen = &seen, .name = 'a', .also = detach_both};
  struct caller b = {.seen = &seen, .name = 'b'}, c = {.seen = &seen, .name = 'c'};
  other = &b;
  attach(host, "nvme:io:decode", 0, &a, "x");
  attach(host, "nvme:io:decode", 0, &b, "x");
  attach(host, "nvme:io:decode", 0, &c, "x");
  fire(host, NVT_TAP_IO_DECODE);
  assert_string_equal(seen.order, "ac");
  fire(host, NVT_TAP_IO_DECODE);
  assert_string_equal(seen.order, "acc");
  c.also = attach_other;
  fire(host, NVT_TAP_IO_DECODE);
  assert_string_equal(seen.order, "accc");
  fire(host, NVT_TAP_IO_DECODE);
  assert_string_equal(seen.order, "acccbc");
  nvt_plugin_host_destroy(host);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_and_counts),
      cmocka_unit_test(called_in_order_then_by_attachment),
      cmocka_unit_test(a_verdict_ends_the_run),
      cmocka_unit_test(changes_are_announced_and_identity_is_kept),
      cmocka_unit_test(observers_are_not_heeded),
      cmocka_unit_test(a_callback_may_attach_and_detach),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
