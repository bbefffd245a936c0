/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins none|plugin|isolated SPEC SECONDS: the built-in driver's IOPS, once, with nobody on
 * any tap, with the plug-in SPEC (FILE[,ARGS]) loaded, or with it in a process of its own.
 * 4 KiB random reads of a null namespace at depth 32, in process, not traced.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/driver/driver.h"
#include "controller/isolated/isolated.h"
#include "controller/tap.h"

static volatile sig_atomic_t stop;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "plugins: %s: %s\n", what, why);
  exit(1);
}

static void load(struct nvt_plugin_host *host, const char *how, const char *spec) {
  char why[512] = "";
  int error = 0;
  if (strcmp(how, "plugin") == 0)
    error = nvt_plugin_load(host, spec, why, sizeof(why));
  else if (strcmp(how, "isolated") == 0)
    error = nvt_plugin_load_isolated(host, spec, NULL, why, sizeof(why));
  else if (strcmp(how, "none") != 0)
    fail("usage", "plugins none|plugin|isolated SPEC SECONDS");
  if (error != 0)
    fail("plug-in", why);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], NVT_ISOLATED_COMMAND) == 0)
    return nvt_isolated_child(argc - 1, argv + 1);
  if (argc != 4)
    fail("usage", "plugins none|plugin|isolated SPEC SECONDS");
  struct nvt_plugin_host *host;
  struct nvt_controller *controller;
  struct nvt_transport *transport;
  char why[256] = "", text[128];
  if (nvt_plugin_host_create(&host) != 0)
    fail("plug-in host", "can't be made");
  const struct nvt_controller_options options = {.plugins = host};
  if (nvt_controller_create(&options, &controller) != 0)
    fail("controller", "can't be made");
  if (nvt_controller_add_namespace(controller, "null:1G", NULL, why, sizeof(why)) != 0)
    fail("namespace", why);
  load(host, argv[1], argv[2]);
  if (nvt_transport_local(controller, &transport) != 0)
    fail("transport", "can't be made");
  (void)snprintf(text, sizeof(text), "rw=randread,bs=4k,depth=32,seconds=%s,interrupts=off",
                 argv[3]);
  struct nvt_workload workload;
  struct nvt_drive_result result = {0};
  if (!nvt_workload_parse(text, &workload, why, sizeof(why)))
    fail("workload", why);
  if (nvt_drive(transport, &workload, &stop, &result) != 0 || result.errors != 0)
    fail("workload", result.error);
  transport->close(transport);
  struct nvt_plugin_info info;
  if (nvt_plugin_info(host, 0, &info) && info.dead)
    fail("plug-in", "it died");
  nvt_controller_destroy(controller);
  nvt_plugin_host_destroy(host);
  printf("%.0f\n", (double)result.ios / result.seconds);
  return 0;
}
