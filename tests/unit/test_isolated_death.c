/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolated plug-ins that come to a bad end: the workload goes on, exactly the commands that
 * the policy says fail do, the end is told with its cause and command, nothing is left behind.
 */
#include "tests/unit/compile_plugin.h"
#include "tests/unit/isolated.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "trace/record.h"

/* What the verdict tap told last of an end. */
static struct {
  unsigned count;
  char plugin[32];
  uint16_t cause, sqid, cid;
  uint8_t tap;
} death;

static enum nvt_verdict told(void *user, const struct nvt_tap_event *event) {
  (void)user;
  if (event->verdict.verdict != NVT_V_verdict_verdict_DIED)
    return NVT_VERDICT_CONTINUE;
  death.count++;
  (void)snprintf(death.plugin, sizeof(death.plugin), "%s", event->verdict.plugin);
  death.cause = event->verdict.status;
  death.sqid = event->verdict.sqid;
  death.cid = event->verdict.cid;
  death.tap = event->verdict.tap;
  return NVT_VERDICT_CONTINUE;
}

static void watch(struct nvt_plugin_host *host) {
  memset(&death, 0, sizeof(death));
  assert_int_equal(
      nvt_tap_attach(host, "plugin:verdict:notify", NVT_TAP_FIRST, told, NULL, "test", NULL), 0);
}

enum { SIGNAL = 0x100, EXIT = 0x200, HANG = 0x300, SCRIBBLE = 0x400 };

static const struct {
  const char *args;
  uint16_t cause;
  uint8_t tap;
} ends[] = {
    {"segfault,700", SIGNAL + SIGSEGV, NVT_TAP_IO_DECODE},
    {"abort,700", SIGNAL + SIGABRT, NVT_TAP_IO_DECODE},
    {"exit,700", EXIT + 3, NVT_TAP_IO_DECODE},
    {"loop,700", HANG, NVT_TAP_IO_DECODE},
    {"scribble,700", SCRIBBLE, NVT_TAP_IO_DECODE},
    {"stray,700", SCRIBBLE, NVT_TAP_IO_DECODE},
    {"segfault,1", SIGNAL + SIGSEGV, NVT_TAP_IO_DECODE},
    {"segfault,700,nvme:io:writeback", SIGNAL + SIGSEGV, NVT_TAP_IO_WRITEBACK},
    {"exit,700,nvme:io:writeback", EXIT + 3, NVT_TAP_IO_WRITEBACK},
    {"scribble,700,nvme:io:writeback", SCRIBBLE, NVT_TAP_IO_WRITEBACK},
    {"segfault,700,nvme:io:memory", SIGNAL + SIGSEGV, NVT_TAP_IO_MEMORY},
    {"scribble,700,nvme:io:memory", SCRIBBLE, NVT_TAP_IO_MEMORY},
    {"segfault,2,nvme:regread:writeback", SIGNAL + SIGSEGV, NVT_TAP_REGREAD},
};

static void one_end(unsigned i, enum nvt_death_policy policy) {
  /* A short time where it is waited for alone: machines that run tests are busy. */
  const struct nvt_isolation_options options = {
      .policy = policy, .timeout = strstr(ends[i].args, "loop") != NULL ? 400000000 : 0};
  struct device d;
  print_message("misbehave.so,%s: %s\n", ends[i].args,
                policy == NVT_DEATH_FAIL ? "fail" : "continue");
  device_open(&d);
  watch(d.host);
  load_isolated(d.host, test_plugin("misbehave", ends[i].args), &options);
  struct nvt_drive_result result = device_drive(&d, "rw=randrw,count=2000,verify=on,depth=8");
  bool of_command = ends[i].tap == NVT_TAP_IO_DECODE || ends[i].tap == NVT_TAP_IO_WRITEBACK;
  assert_int_equal(result.ios, 2000);
  assert_int_equal(result.errors, policy == NVT_DEATH_FAIL && of_command ? 1 : 0);
  assert_int_equal(result.verify_errors, 0);
  assert_int_equal(death.count, 1);
  assert_string_equal(death.plugin, "misbehave");
  assert_int_equal(death.cause, ends[i].cause);
  assert_int_equal(death.tap, ends[i].tap);
  if (of_command || ends[i].tap == NVT_TAP_IO_MEMORY)
    assert_int_equal(death.sqid, 1);
  else
    assert_int_equal(death.cid, 0xffff);
  struct nvt_plugin_info info;
  assert_true(nvt_plugin_info(d.host, 0, &info));
  assert_true(info.dead);
  assert_string_equal(info.kind, "isolated");
  assert_int_equal(info.attachments, 0);
  nobody_is_left();
  device_close(&d);
}

static void ends_in_a_callback(void **state) {
  (void)state;
  unsigned before = 0;
  for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
    one_end(i, NVT_DEATH_CONTINUE);
    if (i == 0)
      before = open_descriptors();
    one_end(i, NVT_DEATH_FAIL);
  }
  assert_int_equal(open_descriptors(), before);
}

/* Poll without traffic, until it is known or five seconds have gone. */
static void await_death(struct nvt_controller *c) {
  for (double end = seconds_now() + 5; death.count == 0 && seconds_now() < end; usleep(1000))
    nvt_controller_poll(c, 0);
  assert_int_equal(death.count, 1);
}

static void killed_while_nothing_happens(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  watch(h.plugins);
  load_isolated(h.plugins, test_plugin("returns", ""), NULL);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  int pid = child_process();
  assert_true(pid > 0);
  struct pollfd wakes = {.fd = nvt_controller_event_fd(h.c), .events = POLLIN};
  for (unsigned i = 0; i < 1000 && poll(&wakes, 1, 0) != 0; i++, usleep(100))
    nvt_controller_poll(h.c, 0); /* it may have had to wake us */
  assert_int_equal(poll(&wakes, 1, 0), 0);
  assert_int_equal(kill(pid, SIGKILL), 0);
  /* Who sleeps until there is something to do wakes up. */
  assert_int_equal(poll(&wakes, 1, 5000), 1);
  await_death(h.c);
  assert_int_equal(death.cause, SIGNAL + SIGKILL);
  assert_int_equal(death.cid, 0xffff);
  nobody_is_left();
  assert_int_equal(nvt_tap_counts(h.plugins)[NVT_TAP_IO_DECODE], 0);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  /* Reloading is unloading and loading. */
  assert_int_equal(nvt_plugin_enable(h.plugins, "returns", true), -ESRCH);
  assert_int_equal(nvt_plugin_unload(h.plugins, "returns"), 0);
  load_isolated(h.plugins, test_plugin("returns", ""), NULL);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(nvt_tap_counts(h.plugins)[NVT_TAP_IO_DECODE], 1);
  host_close(&h);
  nobody_is_left();
}

static void a_thread_of_it_crashes(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  watch(h.plugins);
  load_isolated(h.plugins, test_plugin("misbehave", "idle,1"), NULL);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  await_death(h.c);
  assert_int_equal(death.cause, SIGNAL + SIGSEGV);
  host_close(&h);
  nobody_is_left();
}

/* It can't be told from one that will never complete what it holds. */
static void closes_its_descriptors(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  watch(h.plugins);
  load_isolated(h.plugins, test_plugin("misbehave", "close,1"), NULL);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  await_death(h.c);
  assert_int_equal(death.cause, SCRIBBLE);
  host_close(&h);
  nobody_is_left();
}

/* It holds ten, and is killed: they go on, or fail; none is lost, none comes twice. */
static void what_it_held(enum nvt_death_policy policy, nvt_status wanted) {
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  watch(h.plugins);
  const struct nvt_isolation_options options = {.policy = policy};
  load_isolated(h.plugins, test_plugin("holder", "never"), &options);
  for (unsigned i = 0; i < 10; i++)
    submit(&h, 1, io_sqe(NVT_NVM_READ, i, 1, DATA_AT, 0));
  struct nvt_cqe cqe;
  for (unsigned i = 0; i < 100; i++)
    nvt_controller_poll(h.c, 0);
  assert_false(reap(&h, 1, &cqe));
  assert_int_equal(kill(child_process(), SIGKILL), 0);
  await_death(h.c);
  unsigned seen = 0;
  for (unsigned i = 0; i < 100; i++)
    for (nvt_controller_poll(h.c, 0); reap(&h, 1, &cqe);) {
      assert_status(status_of(cqe), wanted);
      assert_int_equal(seen & 1u << (cqe.cid & 15), 0);
      seen |= 1u << (cqe.cid & 15);
    }
  assert_int_equal(__builtin_popcount(seen), 10);
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
  nobody_is_left();
}

static void what_it_held_goes_on_or_fails(void **state) {
  (void)state;
  what_it_held(NVT_DEATH_CONTINUE, NVT_SC_SUCCESS);
  what_it_held(NVT_DEATH_FAIL, NVT_SC_INTERNAL_DEVICE_ERROR);
}

static void teardown_that_goes_wrong(void **state) {
  (void)state;
  const struct nvt_isolation_options options = {.timeout = 200000000};
  static const char *const ways[] = {"teardown-loop", "teardown-segfault", "teardown-exit",
                                     "teardown-refuse"};
  for (unsigned i = 0; i < 4; i++) {
    struct nvt_plugin_host *host;
    assert_int_equal(nvt_plugin_host_create(&host), 0);
    load_isolated(host, test_plugin("misbehave", ways[i]), &options);
    double start = seconds_now();
    assert_int_equal(nvt_plugin_unload(host, "misbehave"), 0);
    if (i == 0) /* ten times a callback's time */
      assert_true(seconds_now() - start > 1.9 && seconds_now() - start < 20);
    nobody_is_left();
    nvt_plugin_host_destroy(host);
  }
}

/* --- what isn't loaded --- */

/* Refused, with the same words as a plug-in in this process. */
static void refused(const char *spec, const char *because, bool same) {
  struct nvt_plugin_host *host;
  char isolated[512] = "", local[512] = "";
  const struct nvt_isolation_options options = {.timeout =
                                                    strstr(spec, "loop") != NULL ? 50000000 : 0};
  assert_int_equal(nvt_plugin_host_create(&host), 0);
  int error = nvt_plugin_load_isolated(host, spec, &options, isolated, sizeof(isolated));
  if (strstr(isolated, because) == NULL)
    fail_msg("'%s' should say '%s'", isolated, because);
  assert_true(error < 0);
  if (same) {
    assert_int_equal(nvt_plugin_load(host, spec, local, sizeof(local)), error);
    assert_string_equal(isolated, local);
  }
  struct nvt_plugin_info info;
  assert_false(nvt_plugin_info(host, 0, &info));
  for (unsigned tap = 0; tap < NVT_TAP_COUNT; tap++)
    assert_int_equal(nvt_tap_counts(host)[tap], 0);
  nvt_plugin_host_destroy(host);
  nobody_is_left();
}

static void what_can_not_be_loaded(void **state) {
  (void)state;
  unsigned before = open_descriptors();
  refused("", "FILE", true);
  refused(",x", "FILE", true);
  refused("/nonexistent/x.so", "No such file", true);
  refused("/tmp", "not a file", true);
  refused("Makefile", "can't be loaded", true);
#define SETUP "int setup(void);\nint setup(void) { return 0; }\n"
#define TEARDOWN "int teardown(void);\nint teardown(void) { return 0; }\n"
  refused(compile("no_setup", TEARDOWN), "no function setup()", true);
  refused(compile("no_teardown", SETUP), "no function teardown()", true);
  refused(compile("version", SETUP TEARDOWN "const unsigned nplugin_version = 77;\n"), "version 77",
          true);
  refused(compile("missing", "int gone(void);\nint setup(void);\n" TEARDOWN
                             "int setup(void) { return gone(); }\n"),
          "gone", true);
  refused(test_plugin("misbehave", "setup-refuse"), "setup() failed (5)", true);
  refused(test_plugin("misbehave", "setup-tap"),
          "attaches to 'nvme:nothing:decode', which is no tap's name", true);
  refused(test_plugin("misbehave", "setup-segfault"), "in its setup() it ended by signal 11",
          false);
  refused(test_plugin("misbehave", "setup-exit"), "in its setup() it ended itself by exit(3)",
          false);
  refused(test_plugin("misbehave", "setup-loop"), "didn't return within 500 ms", false);
  char large[70000];
  memset(large, 'x', sizeof(large) - 1);
  large[sizeof(large) - 1] = '\0';
  memcpy(large, "Makefile,", 9);
  refused(large, "too long", false);
  assert_int_equal(open_descriptors(), before);
}

static void no_program_for_it(void **state) {
  (void)state;
  struct nvt_plugin_host *host;
  char why[512] = "";
  unsigned before = open_descriptors();
  static const char *const programs[] = {"/nonexistent/nvmetap", "/", "/bin/true", "/bin/sleep"};
  for (unsigned i = 0; i < 4; i++) {
    const struct nvt_isolation_options options = {.program = programs[i], .timeout = 50000000};
    assert_int_equal(nvt_plugin_host_create(&host), 0);
    assert_true(
        nvt_plugin_load_isolated(host, test_plugin("returns", ""), &options, why, sizeof(why)) < 0);
    if (i < 2)
      assert_non_null(strstr(why, "no process for it"));
    nvt_plugin_host_destroy(host);
    nobody_is_left();
  }
  assert_int_equal(open_descriptors(), before);
  /* And nobody starts the command by hand. */
  char name[] = NVT_ISOLATED_COMMAND, three[] = "3", four[] = "4";
  char *none[] = {name, NULL}, *some[] = {name, three, NULL}, *other[] = {name, four, NULL};
  assert_int_equal(nvt_isolated_child(1, none), 2);
  assert_int_equal(nvt_isolated_child(2, some), 2);
  assert_int_equal(nvt_isolated_child(2, other), 2);
}

int main(int argc, char **argv) {
  isolated_main(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ends_in_a_callback),
      cmocka_unit_test(killed_while_nothing_happens),
      cmocka_unit_test(a_thread_of_it_crashes),
      cmocka_unit_test(closes_its_descriptors),
      cmocka_unit_test(what_it_held_goes_on_or_fails),
      cmocka_unit_test(teardown_that_goes_wrong),
      cmocka_unit_test(what_can_not_be_loaded),
      cmocka_unit_test(no_program_for_it),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
