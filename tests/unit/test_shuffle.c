/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 10,000 commands of the built-in driver held by a plug-in and let go from a pthread_create()d
 * thread of its own, in random order: each is seen exactly once (the driver refuses a
 * completion for what isn't outstanding), and the data is right.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "controller/controller.h"
#include "controller/driver/driver.h"
#include "controller/tap.h"
#include "tests/unit/compile_plugin.h"

static uint64_t held, released, order_changes, last_released;

static enum nvt_verdict count(void *user, const struct nvt_tap_event *event) {
  (void)user;
  held += event->verdict.verdict == 2;
  released += event->verdict.verdict == 3;
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict watch_order(void *user, const struct nvt_tap_event *event) {
  (void)user;
  order_changes += event->command.handle < last_released;
  last_released = event->command.handle;
  return NVT_VERDICT_CONTINUE;
}

static void run(const char *args, const char *namespace, const char *words, bool verify) {
  char spec[200], why[256] = "";
  struct nvt_plugin_host *host;
  struct nvt_controller *c;
  assert_int_equal(nvt_plugin_host_create(&host), 0);
  const struct nvt_controller_options options = {.serial = "SHUFFLE", .plugins = host};
  assert_int_equal(nvt_controller_create(&options, &c), 0);
  assert_int_equal(nvt_controller_add_namespace(c, namespace, NULL, why, sizeof(why)), 0);
  snprintf(spec, sizeof(spec), "%s,%s",
           compile_file("shuffle", "samples/plugins/shuffle.c", "-g " COMPILE_SANITIZER), args);
  if (nvt_plugin_load(host, spec, why, sizeof(why)) != 0)
    fail_msg("%s", why);
  held = released = order_changes = last_released = 0;
  assert_int_equal(
      nvt_tap_attach(host, "plugin:verdict:notify", NVT_TAP_FIRST, count, NULL, "", NULL), 0);
  assert_int_equal(
      nvt_tap_attach(host, "nvme:io:writeback", NVT_TAP_FIRST, watch_order, NULL, "", NULL), 0);
  struct nvt_workload workload;
  struct nvt_drive_result result;
  struct nvt_transport *transport;
  if (!nvt_workload_parse(words, &workload, why, sizeof(why)))
    fail_msg("%s", why);
  assert_int_equal(nvt_transport_local(c, &transport), 0);
  int error = nvt_drive(transport, &workload, NULL, &result);
  transport->close(transport);
  if (error != 0 || result.error[0] != '\0')
    fail_msg("%s", result.error);
  assert_int_equal(result.ios, 10000);
  assert_int_equal(result.errors, 0);
  assert_int_equal(result.verify_errors, 0);
  if (!verify)
    assert_int_equal(held, 10000);
  assert_true(held >= 10000);
  assert_int_equal(held, released);
  assert_true(order_changes > 1000);
  nvt_controller_destroy(c);
  nvt_plugin_host_destroy(host);
}

static void let_go_in_any_order(void **state) {
  (void)state;
  run("64", "ram:8M", "rw=randrw,count=10000,depth=128,queues=2,verify=on", true);
}

static void completed_in_any_order(void **state) {
  (void)state;
  run("200,complete", "null:1G", "rw=randwrite,count=10000,depth=256,queues=4", false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(let_go_in_any_order),
      cmocka_unit_test(completed_in_any_order),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
