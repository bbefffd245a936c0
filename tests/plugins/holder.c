/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Holds I/O commands at nvme:io:decode, and lets them go later, in any order:
 * holder.so,thread by a thread, holder.so,timer by timers of different length,
 * holder.so,post by posted work, holder.so,never not at all. Of every four one is completed with a
 * status of its own (Write Fault) when `fail` is in the arguments, the others go on.
 */
#include "plugin.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64 };

static DECL_NPLUGIN_IO_DECODE(decoded);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;
static struct nplugin *self;
static uint64_t held[MOST];
static unsigned count, total;
static bool by_thread, by_timer, never, fail, ended;

static void let_go(uint64_t handle) {
  struct nvme_completion bad = {0};
  NVME_STATUS_SET(bad.status, NVME_SCT_MEDIA_ERROR, NVME_SC_WRITE_FAULTS);
  if (fail && total++ % 4 == 0)
    plugin_cmd_complete(self, handle, &bad);
  else
    plugin_cmd_continue(self, handle);
}

/* One of those that wait, by chance. */
static bool let_one_go(void) {
  pthread_mutex_lock(&lock);
  uint64_t handle = 0;
  if (count > 0) {
    unsigned i = (unsigned)random() % count;
    handle = held[i];
    held[i] = held[--count];
    let_go(handle);
  }
  pthread_mutex_unlock(&lock);
  return handle != 0;
}

static void *work(void *arg) {
  while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE))
    if (!let_one_go())
      usleep(100);
  return arg;
}

static void later(void *arg) {
  (void)arg;
  let_one_go();
}

int setup(void) {
  const char *args = plugin_args();
  self = plugin_self();
  by_thread = strstr(args, "thread") != NULL;
  by_timer = strstr(args, "timer") != NULL;
  never = strstr(args, "never") != NULL;
  fail = strstr(args, "fail") != NULL;
  if (by_thread && pthread_create(&thread, NULL, work, NULL) != 0)
    return 1;
  return plugin_tap_attach("nvme:io:decode", decoded);
}

int teardown(void) {
  __atomic_store_n(&ended, true, __ATOMIC_RELEASE);
  if (by_thread)
    pthread_join(thread, NULL);
  return 0;
}

static int decoded(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                   uint32_t sqid) {
  (void)bdf;
  (void)cmd;
  (void)cmp;
  (void)sqid;
  pthread_mutex_lock(&lock);
  bool hold = count < MOST;
  if (hold)
    held[count++] = plugin_cmd_handle();
  pthread_mutex_unlock(&lock);
  if (!hold)
    return NPLUGIN_CONTINUE;
  if (by_timer)
    plugin_timer_start((uint64_t)(random() % 1000000), later, NULL, NULL);
  else if (!by_thread && !never)
    plugin_post(self, later, NULL);
  return NPLUGIN_HOLD;
}
