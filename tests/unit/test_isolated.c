/* SPDX-License-Identifier: BSD-2-Clause */
/* Isolated plug-ins that behave: everything of plugin.h does there what it does in process. */
#include "tests/unit/isolated.h"

#include <fcntl.h>
#include <limits.h>

#include "controller/host.h"

/* --- every function, with the same results as in the controller's process --- */

static void step(struct host *h, uint8_t opcode, uint32_t what, nvt_status wanted) {
  struct nvt_sqe sqe = io_sqe(opcode, 0, 1, DATA_AT, 0);
  sqe.cdw13 = what;
  assert_status(status_of(run(h, 1, sqe)), wanted);
}

/* Timers and posts come when they come: poll until there was time for them. */
static void rest(struct host *h) {
  for (double end = seconds_now() + 0.1; seconds_now() < end;)
    nvt_controller_poll(h->c, 0);
}

static void everything(struct host *h, bool isolated, char *results, size_t length) {
  char why[512] = "";
  host_open(h, "ram:1M");
  create_pair(h, 1, 16);
  const char *spec = test_plugin("everything", "of,it");
  int error = isolated ? nvt_plugin_load_isolated(h->plugins, spec, NULL, why, sizeof(why))
                       : nvt_plugin_load(h->plugins, spec, why, sizeof(why));
  if (error != 0)
    fail_msg("%s", why);
  pattern(guest(h, DATA_AT), 4096, 1);
  step(h, NVT_NVM_WRITE, 1, NVT_SC_SUCCESS);
  step(h, NVT_NVM_READ, 0, NVT_SC_SUCCESS);
  step(h, NVT_NVM_READ, 2, NVT_SC_SUCCESS);
  step(h, NVT_NVM_WRITE, 4, NVT_SC_SUCCESS);
  step(h, NVT_NVM_WRITE, 5, NVT_SC_WRITE_FAULT);
  step(h, NVT_NVM_READ, 7, NVT_SC_SUCCESS);
  step(h, NVT_NVM_WRITE, 8, NVT_SC_SUCCESS);
  step(h, NVT_NVM_READ, 9, NVT_SC_SUCCESS);
  assert_int_equal(reg32(h, 8), 0x34567890);
  step(h, NVT_NVM_READ, 3, NVT_SC_SUCCESS);
  rest(h);
  struct nvt_sqe dropped = io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0);
  dropped.cdw13 = 6;
  submit(h, 1, dropped);
  rest(h);
  struct nvt_cqe cqe;
  assert_false(reap(h, 1, &cqe));
  struct nvt_sqe last = io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0);
  last.cdw13 = 10; /* the drive is pulled out, and put in again */
  submit(h, 1, last);
  rest(h);
  assert_int_equal(nvt_plugin_control(h->plugins, "everything", "nonsense", results, length), -22);
  assert_int_equal(nvt_plugin_control(h->plugins, "everything", "results", results, length), 0);
}

/* Which of timer and post is first, and how often a timer is looked for, is chance. */
static void every_function(void **state) {
  (void)state;
  static char local[16384], isolated[16384];
  static uint8_t memory[ARENA];
  struct host h;
  everything(&h, false, local, sizeof(local));
  memcpy(memory, h.arena, ARENA);
  host_close(&h);
  everything(&h, true, isolated, sizeof(isolated));
  if (strcmp(local, isolated) != 0)
    fprintf(stderr, "in process:\n%s\nisolated:\n%s", local, isolated);
  assert_string_equal(local, isolated);
  assert_true(strlen(local) > 2000);
  assert_memory_equal(memory, h.arena, ARENA);
  host_close(&h);
  nobody_is_left();
}

/* --- commands held, and let go by threads, timers, posted work --- */

static void hold(const char *args, bool fails) {
  struct device d;
  print_message("holder.so,%s\n", args);
  device_open(&d);
  load_isolated(d.host, test_plugin("holder", args), NULL);
  struct nvt_drive_result result = device_drive(
      &d, fails ? "rw=randread,count=3000,depth=32" : "rw=randrw,count=3000,depth=32,verify=on");
  assert_int_equal(result.ios, 3000);
  assert_int_equal(result.verify_errors, 0);
  if (fails) /* a quarter, but for those that were let pass */
    assert_true(result.errors > 600 && result.errors <= 750);
  else
    assert_int_equal(result.errors, 0);
  assert_int_equal(nvt_controller_outstanding(d.controller), 0);
  struct nvt_plugin_info info;
  assert_true(nvt_plugin_info(d.host, 0, &info));
  assert_false(info.dead);
  device_close(&d);
  nobody_is_left();
}

static void held_and_let_go(void **state) {
  (void)state;
  hold("thread", false);
  hold("timer", false);
  hold("post", false);
  hold("thread,fail", true);
  hold("post,fail", true);
}

/* --- data that is larger than what is shared --- */

static void data_in_pieces(void **state) {
  (void)state;
  static const uint32_t sizes[] = {(8u << 20) - 1, 8u << 20, (8u << 20) + 1, 20u << 20};
  struct nvt_plugin_host *host;
  assert_int_equal(nvt_plugin_host_create(&host), 0);
  load_isolated(host, test_plugin("everything", ""), NULL);
  uint8_t *bytes = malloc(20u << 20);
  assert_non_null(bytes);
  for (unsigned i = 0; i < 4; i++) {
    memset(bytes, 0, sizes[i]);
    struct nvt_tap_event event = {
        .tap = NVT_TAP_IO_MEMORY,
        .data = {.sqid = 1, .bytes = bytes, .length = sizes[i], .writable = bytes}};
    assert_int_equal(nvt_tap_fire(host, &event), NVT_VERDICT_CONTINUE);
    /* It inverts the first byte of each piece. */
    unsigned ones = 0;
    for (uint32_t at = 0; at < sizes[i]; at++) {
      assert_int_equal(bytes[at], at % (8u << 20) == 0 ? 0xff : 0);
      ones += bytes[at] != 0;
    }
    assert_int_equal(ones, (sizes[i] + (8u << 20) - 1) / (8u << 20));
  }
  free(bytes);
  nvt_plugin_host_destroy(host);
}

/* --- loaded and unloaded under a workload --- */

struct churn {
  struct device *device;
  unsigned loads;
  bool loaded;
};

static void turn(void *arg) {
  struct churn *churn = arg;
  struct nvt_plugin_host *host = churn->device->host;
  if (churn->loaded) {
    assert_int_equal(nvt_plugin_unload(host, "holder"), 0);
  } else {
    load_isolated(host, test_plugin("holder", "thread"), NULL);
    churn->loads++;
  }
  churn->loaded = !churn->loaded;
  if (churn->loads < 50 || churn->loaded)
    assert_int_equal(nvt_host_timer_start(host, churn, 1000000, turn, churn, NULL), 0);
}

static void fifty_times_under_a_workload(void **state) {
  (void)state;
  struct device d;
  device_open(&d);
  unsigned before = open_descriptors();
  struct churn churn = {.device = &d};
  turn(&churn);
  unsigned rounds = 0;
  for (; churn.loads < 50 || churn.loaded; rounds++) {
    struct nvt_drive_result result =
        device_drive(&d, "rw=randrw,count=4000,depth=16,verify=on,queues=2");
    assert_int_equal(result.ios, 4000);
    assert_int_equal(result.errors + result.verify_errors + result.lost_interrupts, 0);
  }
  print_message("%u workloads\n", rounds);
  assert_int_equal(churn.loads, 50);
  assert_int_equal(open_descriptors(), before);
  nobody_is_left();
  device_close(&d);
}

/* --- what the process has --- */

static void it_has_only_its_own(void **state) {
  (void)state;
  struct nvt_plugin_host *host;
  int other = open("/dev/null", O_RDONLY); /* not close-on-exec, as a careless library's */
  char path[PATH_MAX], target[PATH_MAX];
  assert_int_equal(nvt_plugin_host_create(&host), 0);
  load_isolated(host, test_plugin("returns", ""), NULL);
  int pid = child_process();
  (void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
  DIR *folder = opendir(path);
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
    if (entry->d_name[0] != '.' && atoi(entry->d_name) > 2) {
      (void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, entry->d_name);
      ssize_t n = readlink(path, target, sizeof(target) - 1);
      assert_true(n > 0);
      target[n] = '\0';
      if (strncmp(target, "socket:", 7) != 0 || atoi(entry->d_name) != 3)
        fail_msg("descriptor %s is %s", entry->d_name, target);
    }
  closedir(folder);
  close(other);
  nvt_plugin_host_destroy(host);
}

int main(int argc, char **argv) {
  isolated_main(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_function),      cmocka_unit_test(held_and_let_go),
      cmocka_unit_test(data_in_pieces),      cmocka_unit_test(fifty_times_under_a_workload),
      cmocka_unit_test(it_has_only_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
