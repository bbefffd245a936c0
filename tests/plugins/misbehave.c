/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does what a plug-in must not do: misbehave.so,WHAT[,N[,TAP]], at the Nth callback (1) of
 * TAP (nvme:io:decode).
 *   segfault abort loop exit scribble stray close  what their names say
 *   wait:FILE  writes its process id there, and waits to be killed
 *   idle       dies by itself, a while after the Nth callback, in a thread of its own
 *   setup-segfault setup-loop setup-exit setup-refuse setup-tap teardown-loop teardown-segfault
 */
#include "plugin.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static DECL_NPLUGIN_IO_DECODE(decoded);
static DECL_NPLUGIN_IO_WRITEBACK(completed);
static DECL_NPLUGIN_IO_MEMORY(data);
static DECL_NPLUGIN_REGREAD(accessed);

static char what[256], tap[64] = "nvme:io:decode";
static unsigned long countdown = 1;
static volatile int *volatile nowhere;

/* The memory that is shared with the controller, as a wild pointer would find it. */
static void scribble(size_t bytes) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
    unsigned long from, to;
    if (strstr(line, "memfd:nvmetap-plugin") == NULL || sscanf(line, "%lx-%lx rw", &from, &to) != 2)
      continue;
    memset((void *)from, 0xa5, bytes == 0 || bytes > to - from ? to - from : bytes);
  }
}

static void *later(void *arg) {
  usleep(20000);
  *nowhere = 1;
  return arg;
}

static void wait_for_death(const char *file) {
  FILE *to = fopen(file, "w");
  if (to == NULL)
    return;
  fprintf(to, "%d\n", (int)getpid());
  fclose(to);
  for (;;)
    pause();
}

static void act(const char *how) {
  pthread_t thread;
  if (strcmp(how, "segfault") == 0)
    *nowhere = 1;
  else if (strcmp(how, "abort") == 0)
    abort();
  else if (strcmp(how, "loop") == 0)
    for (volatile unsigned i = 0;; i = i + 1)
      ;
  else if (strcmp(how, "exit") == 0)
    exit(3);
  else if (strcmp(how, "scribble") == 0)
    scribble(0);
  else if (strcmp(how, "stray") == 0)
    scribble(8);
  else if (strcmp(how, "close") == 0)
    for (int fd = 3; fd < 64; fd++)
      close(fd);
  else if (strcmp(how, "idle") == 0)
    pthread_create(&thread, NULL, later, NULL);
  else if (strncmp(how, "wait:", 5) == 0)
    wait_for_death(how + 5);
}

static void count(void) {
  if (countdown > 0 && --countdown == 0)
    act(what);
}

int setup(void) {
  char *rest = NULL;
  snprintf(what, sizeof(what), "%s", plugin_args());
  char *number = strchr(what, ',');
  if (number != NULL) {
    *number++ = '\0';
    countdown = strtoul(number, &rest, 10);
    if (*rest == ',')
      snprintf(tap, sizeof(tap), "%s", rest + 1);
  }
  if (strcmp(what, "setup-refuse") == 0)
    return 5;
  if (strcmp(what, "setup-tap") == 0)
    return plugin_tap_attach("nvme:nothing:decode", decoded);
  if (strncmp(what, "setup-", 6) == 0)
    act(what + 6);
  void *callback = decoded;
  if (strstr(tap, ":memory") != NULL)
    callback = data;
  else if (strstr(tap, ":regread:") != NULL)
    callback = accessed;
  else if (strstr(tap, ":writeback") != NULL)
    callback = completed;
  return plugin_tap_attach(tap, callback);
}

int teardown(void) {
  if (strncmp(what, "teardown-", 9) == 0)
    act(what + 9);
  return strcmp(what, "teardown-refuse") == 0 ? 6 : 0;
}

static int decoded(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                   uint32_t sqid) {
  (void)bdf;
  (void)cmd;
  (void)cmp;
  (void)sqid;
  count();
  return NPLUGIN_CONTINUE;
}

static int completed(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid) {
  (void)bdf;
  (void)cmp;
  (void)sqid;
  count();
  return NPLUGIN_CONTINUE;
}

static int data(uint32_t bdf, uint32_t sqid, uint16_t cid, uint32_t kind, uint32_t direction,
                uint64_t address, const void *bytes, size_t length) {
  (void)bdf;
  (void)sqid;
  (void)cid;
  (void)kind;
  (void)direction;
  (void)address;
  (void)bytes;
  (void)length;
  count();
  return NPLUGIN_CONTINUE;
}

static int accessed(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  (void)bdf;
  (void)offset;
  (void)size;
  (void)value;
  count();
  return NPLUGIN_CONTINUE;
}
