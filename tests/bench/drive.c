/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drive PATH BACKEND DEPTH TRACED SECONDS: the built-in driver's IOPS, once.
 *   PATH     local | vfio_shared | vfio_trap
 *   BACKEND  null | ram
 *   TRACED   0, or a file to trace into
 * Prints the IOPS. Over vfio-user the device is a second process; where there are
 * two processors each gets its own.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/ring.h"
#include "capture/trace_tap.h"
#include "capture/writer.h"
#include "controller/controller.h"
#include "controller/driver/driver.h"
#include "controller/tap.h"
#include "controller/vfio_user/server.h"

static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

static void fail(const char *what, const char *why) {
  fprintf(stderr, "drive: %s: %s\n", what, why);
  exit(1);
}

static void pin(size_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

struct device {
  struct nvt_plugin_host *plugins;
  struct nvt_controller *controller;
  struct nvt_ring *ring;
  struct nvt_ring_writer *writer;
  struct nvt_trace_tap *tap;
};

static void make_device(struct device *d, const char *backend, const char *trace) {
  char why[256] = "";
  if (nvt_plugin_host_create(&d->plugins) != 0)
    fail("plug-in host", "out of memory");
  struct nvt_controller_options options = {.plugins = d->plugins};
  if (nvt_controller_create(&options, &d->controller) != 0)
    fail("controller", "can't be made");
  const char *description = strcmp(backend, "null") == 0 ? "null:1G" : "ram:256M";
  if (nvt_controller_add_namespace(d->controller, description, NULL, why, sizeof(why)) != 0)
    fail("namespace", why);
  if (strcmp(trace, "0") == 0)
    return;
  struct nvt_trace_options tap = {.block = true};
  if (nvt_ring_create(64u << 20, &d->ring) != 0)
    fail("ring", "out of memory");
  const struct nvt_ring_writer_options options_of_writer = {
      .path = trace, .rings = &d->ring, .count = 1};
  if (nvt_ring_writer_start(&options_of_writer, &d->writer, why, sizeof(why)) != 0)
    fail("trace", why);
  if (nvt_trace_tap_create(d->plugins, d->ring, &tap, &d->tap) != 0 ||
      nvt_trace_tap_meta(d->tap, d->controller) != 0)
    fail("trace tap", "out of memory");
}

static void end_device(struct device *d) {
  nvt_controller_destroy(d->controller);
  if (d->tap != NULL) {
    struct nvt_trace_counts counts;
    struct nvt_ring_writer_result result;
    char why[256] = "";
    nvt_trace_tap_destroy(d->tap, &counts);
    if (!nvt_ring_writer_finish(d->writer, &result, why, sizeof(why)))
      fail("trace", why);
    nvt_ring_destroy(d->ring);
    if (counts.lost != 0)
      fail("trace", "records were lost");
  }
  nvt_plugin_host_destroy(d->plugins);
}

static pid_t start_server(const char *path, bool shared, const char *backend, const char *trace) {
  int ready[2];
  if (pipe(ready) != 0)
    fail("pipe", strerror(errno));
  pid_t pid = fork();
  if (pid < 0)
    fail("fork", strerror(errno));
  if (pid > 0) {
    char byte;
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
      fail("server", "didn't start");
    close(ready[0]);
    return pid;
  }
  struct device device = {0};
  char why[256] = "";
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  make_device(&device, backend, trace);
  pin(0); /* after the writer thread was made: it may run anywhere */
  struct nvt_vfio_server_options options = {
      .path = path, .device = device.controller, .shared_doorbells = shared, .once = true};
  struct nvt_vfio_server *server;
  if (nvt_vfio_server_create(&options, &server, why, sizeof(why)) != 0)
    fail("server", why);
  if (write(ready[1], "r", 1) != 1)
    fail("pipe", strerror(errno));
  int err = nvt_vfio_server_run(server, &stop);
  nvt_vfio_server_destroy(server);
  end_device(&device);
  _exit(err == 0 ? 0 : 1);
}

static void work(struct nvt_transport *transport, const char *text,
                 struct nvt_drive_result *result) {
  struct nvt_workload workload;
  char why[256] = "";
  if (!nvt_workload_parse(text, &workload, why, sizeof(why)))
    fail("workload", why);
  *result = (struct nvt_drive_result){0};
  if (nvt_drive(transport, &workload, &stop, result) != 0 || result->errors != 0)
    fail("workload", result->error);
}

int main(int argc, char **argv) {
  if (argc != 7)
    fail("usage", "drive local|vfio_shared|vfio_trap null|ram DEPTH BATCH 0|TRACE SECONDS");
  const char *path = argv[1], *backend = argv[2], *trace = argv[5];
  bool local = strcmp(path, "local") == 0;
  struct device device = {0};
  struct nvt_transport *transport;
  char why[256] = "", socket[64], workload_text[128];
  struct nvt_drive_result result;
  pid_t server = 0;
  snprintf(workload_text, sizeof(workload_text),
           "rw=randread,bs=4k,depth=%s,batch=%s,seconds=%s,interrupts=off", argv[3], argv[4],
           argv[6]);
  if (local) {
    make_device(&device, backend, trace);
    if (nvt_transport_local(device.controller, &transport) != 0)
      fail("transport", "can't be made");
  } else {
    snprintf(socket, sizeof(socket), "/tmp/nvmetap-bench-%d", (int)getpid());
    server = start_server(socket, strcmp(path, "vfio_shared") == 0, backend, trace);
    pin(1);
    if (nvt_transport_vfio(socket, &transport, why, sizeof(why)) != 0)
      fail("transport", why);
  }
  /* Memory that was never written is one page of zeroes, and reading it costs nothing. */
  if (strcmp(backend, "ram") == 0)
    work(transport, "rw=write,bs=512k,depth=8,count=512,interrupts=off", &result);
  work(transport, workload_text, &result);
  transport->close(transport);
  if (local) {
    end_device(&device);
  } else {
    int status;
    if (waitpid(server, &status, 0) != server || status != 0)
      fail("server", "ended with an error");
  }
  printf("%.0f\n", (double)result.ios / result.seconds);
  return 0;
}
