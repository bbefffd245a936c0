/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shuffle: holds I/O commands, and a thread of its own lets them go on in random order, up to
 * N together (default 64; --plugin shuffle.so,N). With "N,complete" it completes them itself,
 * with success: the medium never hears of them.
 */
#include <pthread.h>
#include <string.h>

#include "plugin.h"

#define MOST 4096

static DECL_NPLUGIN_IO_DECODE(hold);

static struct nplugin *self;
static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static uint64_t held[MOST];
static unsigned count, together = 64;
static bool answer, end;

static void let_go(uint64_t handle) {
  struct nvme_completion success = {0};
  if (answer)
    plugin_cmd_complete(self, handle, &success);
  else
    plugin_cmd_continue(self, handle);
}

static void *shuffle(void *unused) {
  uint64_t state = 1;
  (void)unused;
  pthread_mutex_lock(&lock);
  while (!end) {
    /* Wait for company, but not for long: the host may be waiting for this one. */
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 500000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!end && count < together && pthread_cond_timedwait(&more, &lock, &until) == 0)
      ;
    while (count > 0) {
      state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
      unsigned pick = (unsigned)(state >> 33) % count;
      uint64_t handle = held[pick];
      held[pick] = held[--count];
      let_go(handle);
    }
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

int setup(void) {
  char *rest = NULL;
  if (*plugin_args() != '\0') {
    unsigned long n = strtoul(plugin_args(), &rest, 10);
    if (n < 1 || n > MOST || (strcmp(rest, "") != 0 && strcmp(rest, ",complete") != 0)) {
      fprintf(stderr, "shuffle: '%s': 1 to %d is wanted, and ',complete' or nothing behind it\n",
              plugin_args(), MOST);
      return 1;
    }
    together = (unsigned)n;
    answer = *rest != '\0';
  }
  self = plugin_self();
  if (pthread_create(&thread, NULL, shuffle, NULL) != 0)
    return 1;
  return plugin_tap_attach("nvme:io:decode", hold);
}

int teardown(void) {
  pthread_mutex_lock(&lock);
  end = true;
  pthread_cond_signal(&more);
  pthread_mutex_unlock(&lock);
  return pthread_join(thread, NULL);
}

static int hold(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                uint32_t sqid) {
  int verdict = NPLUGIN_CONTINUE;
  (void)bdf;
  (void)cmd;
  (void)cmp;
  (void)sqid;
  pthread_mutex_lock(&lock);
  if (count < MOST) {
    held[count++] = plugin_cmd_handle();
    verdict = NPLUGIN_HOLD;
    pthread_cond_signal(&more);
  }
  pthread_mutex_unlock(&lock);
  return verdict;
}
