/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of isolated plug-ins: the test program is what their processes run, so that the
 * sanitizers watch both sides; the plug-ins are those of tests/plugins/.
 */
#ifndef NVT_TESTS_UNIT_ISOLATED_H
#define NVT_TESTS_UNIT_ISOLATED_H

#include <dirent.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controller/driver/driver.h"
#include "controller/isolated/isolated.h"
#include "tests/unit/host.h"

/* First thing in main(): in a plug-in's process this doesn't return. */
static inline void isolated_main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], NVT_ISOLATED_COMMAND) == 0)
    exit(nvt_isolated_child(argc - 1, argv + 1));
  /* A crash is to be one, not a report of the sanitizer. */
  const char *options = getenv("ASAN_OPTIONS");
  char more[1024];
  (void)snprintf(more, sizeof(more), "%s:handle_segv=0:handle_abort=0:handle_sigbus=0",
                 options == NULL ? "" : options);
  setenv("ASAN_OPTIONS", more, 1);
}

/* FILE[,ARGS] of a plug-in of the tests; valid until the fourth call after this. */
static inline const char *test_plugin(const char *name, const char *args) {
  static char specs[4][600];
  static unsigned next;
  char *spec = specs[next++ % 4];
  const char *build = getenv("BUILD");
  (void)snprintf(spec, sizeof(specs[0]), "%s/tests/plugins/%s.so%s%s",
                 build == NULL ? "build" : build, name, *args == '\0' ? "" : ",", args);
  return spec;
}

static inline void load_isolated(struct nvt_plugin_host *host, const char *spec,
                                 const struct nvt_isolation_options *options) {
  char why[512] = "";
  if (nvt_plugin_load_isolated(host, spec, options, why, sizeof(why)) != 0)
    fail_msg("%s", why);
}

static inline unsigned open_descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  unsigned count = 0;
  assert_non_null(folder);
  while (readdir(folder) != NULL)
    count++;
  closedir(folder);
  return count;
}

/* The only child process; 0: there is none. */
static inline int child_process(void) {
  char path[64];
  int pid = 0;
  (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  if (fscanf(file, "%d", &pid) != 1)
    pid = 0;
  fclose(file);
  return pid;
}

static inline void nobody_is_left(void) {
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
  assert_int_equal(errno, ECHILD);
}

static inline double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A device with the built-in driver, as `nvmetap record` has. */
struct device {
  struct nvt_plugin_host *host;
  struct nvt_controller *controller;
  struct nvt_transport *transport;
};

static inline void device_open(struct device *d) {
  char why[256];
  assert_int_equal(nvt_plugin_host_create(&d->host), 0);
  const struct nvt_controller_options options = {.serial = "TEST", .plugins = d->host};
  assert_int_equal(nvt_controller_create(&options, &d->controller), 0);
  assert_int_equal(nvt_controller_add_namespace(d->controller, "ram:16M", NULL, why, sizeof(why)),
                   0);
  assert_int_equal(nvt_transport_local(d->controller, &d->transport), 0);
}

static inline struct nvt_drive_result device_drive(struct device *d, const char *text) {
  struct nvt_workload workload;
  struct nvt_drive_result result = {0};
  char why[256];
  assert_true(nvt_workload_parse(text, &workload, why, sizeof(why)));
  if (nvt_drive(d->transport, &workload, NULL, &result) != 0)
    fail_msg("%s", result.error);
  return result;
}

static inline void device_close(struct device *d) {
  d->transport->close(d->transport);
  nvt_controller_destroy(d->controller);
  nvt_plugin_host_destroy(d->host);
}

#endif
