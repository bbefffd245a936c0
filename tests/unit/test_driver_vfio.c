/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in driver on the model behind the vfio-user server, in another process. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controller/controller.h"
#include "controller/driver/driver.h"
#include "controller/vfio_user/server.h"

struct served {
  char folder[32];
  char path[64];
  pid_t pid;
};

static volatile sig_atomic_t stop;

static void on_signal(int signal) {
  (void)signal;
  stop = 1;
}

/* The child: serves until SIGTERM; its exit status is 0 when all went well. */
static int serve(const char *path, const char *ns, bool shared, int ready) {
  struct nvt_controller *controller;
  struct nvt_vfio_server *server;
  char why[256];
  signal(SIGTERM, on_signal);
  if (nvt_controller_create(&(struct nvt_controller_options){0}, &controller) != 0 ||
      nvt_controller_add_namespace(controller, ns, NULL, why, sizeof(why)) != 0)
    return 10;
  struct nvt_vfio_server_options options = {
      .path = path, .device = controller, .shared_doorbells = shared};
  if (nvt_vfio_server_create(&options, &server, why, sizeof(why)) != 0)
    return 11;
  if (write(ready, "r", 1) != 1)
    return 12;
  int failed = nvt_vfio_server_run(server, &stop);
  nvt_vfio_server_destroy(server);
  nvt_controller_destroy(controller);
  return failed ? 13 : 0;
}

static struct served start(const char *ns, bool shared) {
  struct served s = {.folder = "/tmp/nvmetap-vfio-XXXXXX"};
  assert_non_null(mkdtemp(s.folder));
  snprintf(s.path, sizeof(s.path), "%s/socket", s.folder);
  int ready[2];
  assert_int_equal(pipe(ready), 0);
  s.pid = fork();
  assert_true(s.pid >= 0);
  if (s.pid == 0)
    _exit(serve(s.path, ns, shared, ready[1]));
  char byte;
  close(ready[1]);
  assert_int_equal(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  return s;
}

static void finish(struct served *s, int signal) {
  int status;
  assert_int_equal(kill(s->pid, signal), 0);
  assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
  if (signal == SIGTERM) {
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
  }
  unlink(s->path);
  rmdir(s->folder);
}

static struct nvt_transport *attach(const struct served *s) {
  struct nvt_transport *t;
  char why[256] = "";
  if (nvt_transport_vfio(s->path, &t, why, sizeof(why)) != 0)
    fail_msg("%s", why);
  return t;
}

static int drive(struct nvt_transport *t, const char *text, struct nvt_drive_result *r) {
  struct nvt_workload w;
  char why[256];
  assert_true(nvt_workload_parse(text, &w, why, sizeof(why)));
  return nvt_drive(t, &w, NULL, r);
}

static void workloads(bool shared) {
  static const char *const texts[] = {
      "rw=randrw,count=2000,verify=on",
      "rw=randrw,count=2000,verify=on,interrupts=off",
      "rw=write,count=300,bs=128k,depth=5,queues=4,verify=on",
      "rw=randrw,count=500,bs=512,depth=1,verify=on",
      "rw=randrw,count=3000,depth=1023,verify=on,interrupts=off",
      "rw=randrw,count=5000,queues=64,depth=4,verify=on",
      "rw=read,count=100,bs=512k,verify=on,depth=3",
  };
  for (unsigned big = 0; big < 2; big++) {
    struct served s = start(big ? "ram:16M,block=4096" : "ram:16M", shared);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
      if (big && strstr(texts[i], "bs=512,") != NULL)
        continue;
      struct nvt_transport *t = attach(&s);
      assert_int_equal(t->doorbells != NULL, shared);
      for (unsigned again = 0; again < 2; again++) { /* on one connection, and on a new one */
        struct nvt_drive_result r;
        int failed = drive(t, texts[i], &r);
        if (failed || r.error[0] != '\0' || r.errors || r.verify_errors || r.lost_interrupts)
          fail_msg("%s (%s doorbells): %d, %s", texts[i], shared ? "shared" : "trapped", failed,
                   r.error);
        assert_int_equal(r.interrupts > 0, strstr(texts[i], "interrupts=off") == NULL);
      }
      t->close(t);
    }
    finish(&s, SIGTERM);
  }
}

static void trapped_doorbells(void **state) {
  (void)state;
  workloads(false);
}

static void shared_doorbells(void **state) {
  (void)state;
  workloads(true);
}

static void a_second_client_is_refused(void **state) {
  (void)state;
  struct served s = start("ram:1M", false);
  struct nvt_transport *t = attach(&s), *second;
  char why[256] = "";
  struct nvt_drive_result r;
  assert_true(nvt_transport_vfio(s.path, &second, why, sizeof(why)) < 0);
  assert_non_null(strstr(why, "busy"));
  assert_int_equal(drive(t, "count=100", &r), 0);
  t->close(t);
  finish(&s, SIGTERM);
}

struct killer {
  pid_t pid;
  int signal;
};

static void *kill_soon(void *user) {
  const struct killer *k = user;
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
  kill(k->pid, k->signal);
  return NULL;
}

/* A device that dies, and one that hangs, are told within seconds. */
static void a_device_that_goes(void **state) {
  (void)state;
  for (unsigned i = 0; i < 3; i++) {
    struct served s = start("ram:1M", i > 0);
    struct nvt_transport *t = attach(&s);
    struct killer killer = {s.pid, i == 2 ? SIGSTOP : SIGKILL};
    struct nvt_drive_result r;
    pthread_t thread;
    time_t before = time(NULL);
    assert_int_equal(pthread_create(&thread, NULL, kill_soon, &killer), 0);
    assert_true(drive(t, "seconds=60,rw=randrw", &r) < 0);
    assert_true(time(NULL) - before < 20);
    if (strstr(r.error, "outstanding: ") == NULL || strstr(r.error, "(queue 1, command id") == NULL)
      fail_msg("%s", r.error);
    assert_int_equal(pthread_join(thread, NULL), 0);
    t->close(t);
    finish(&s, SIGKILL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(trapped_doorbells),
      cmocka_unit_test(shared_doorbells),
      cmocka_unit_test(a_second_client_is_refused),
      cmocka_unit_test(a_device_that_goes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
