/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process of an isolated plug-in. It does nothing by itself: its main thread sleeps
 * until the parent asks, calls the plug-in as it would be called in the controller's
 * process, and answers. Here nothing is checked for malice: the parent can be trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "controller/isolated/child_int.h"
#include "controller/isolated/isolated.h"
#include "controller/isolated/spin_int.h"
#include "controller/plugin_local_int.h"
#include "controller/tap_int.h"

struct isolated_shared *nvt_child_shared;
/* The one plug-in of an empty host. */
static struct nvt_plugin_host host;
static struct nvt_plugin plugin = {.host = &host, .kind = &nvt_plugin_local};
static uint32_t number; /* of the last message taken */
static bool spin, stopped;

static bool parent_has_gone(void) {
  struct pollfd end = {.fd = NVT_ISOLATED_SOCKET};
  return poll(&end, 1, 0) != 0;
}

static struct isolated_down take(void) {
  struct isolated_shared *shared = nvt_child_shared;
  for (unsigned i = 0; spin && i < NVT_ISOLATED_SPINS && atomic_load(&shared->down) == number; i++)
    nvt_isolated_turn(i);
  if (atomic_load(&shared->down) == number) {
    atomic_store(&shared->child_sleeps, 1);
    while (atomic_load(&shared->down) == number)
      syscall(SYS_futex, &shared->down, FUTEX_WAIT, number, NULL, NULL, 0);
    atomic_store(&shared->child_sleeps, 0);
  }
  struct isolated_down message = shared->to_child;
  number++;
  if (message.number != number || atomic_load(&shared->down) != number)
    _exit(NVT_ISOLATED_NONSENSE);
  return message;
}

static void give(struct isolated_up *message) {
  struct isolated_shared *shared = nvt_child_shared;
  message->number = number;
  message->sum = nvt_isolated_sum(message);
  shared->to_parent = *message;
  atomic_store_explicit(&shared->cpu, (uint32_t)sched_getcpu(), memory_order_relaxed);
  atomic_store(&shared->up, number);
  if (atomic_load(&shared->parent_sleeps) != 0)
    (void)nvt_child_note(&(struct isolated_note){.kind = ISOLATED_WAKE});
}

int nvt_child_note(const struct isolated_note *note) {
  ssize_t n;
  do
    n = send(NVT_ISOLATED_SOCKET, note, sizeof(*note), MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -ESHUTDOWN : 0;
}

/* Calls into the plug-in; the kind for plug-ins in their controller's process does it. */

static void event(struct isolated_down *m, struct isolated_up *up) {
  struct nvt_hook hook = {.plugin = &plugin, .callback = (void *)(uintptr_t)m->arg[0]};
  struct nvt_tap_event *e = &m->event;
  bool changed = false;
  const uint64_t *value = NULL;
  uint64_t before = 0;
  switch (e->tap) {
#define NVT_TAP(id, name, member, decl, powers, when)                                              \
  case NVT_TAP_##id:                                                                               \
    MEMBER_##member break;
#define MEMBER_access                                                                              \
  value = &e->access.value;                                                                        \
  before = *value;                                                                                 \
  e->access.change = m->writable != 0 ? &e->access.value : NULL;
#define MEMBER_command                                                                             \
  e->command.sqe = &m->sqe;                                                                        \
  e->command.cqe = &m->cqe;
#define MEMBER_data                                                                                \
  e->data.bytes = nvt_child_shared->data + m->data;                                                \
  e->data.writable = m->writable != 0 ? nvt_child_shared->data + m->data : NULL;                   \
  e->data.changed = &changed;
#define MEMBER_verdict e->verdict.plugin = m->plugin;
#define MEMBER_interrupt
#define MEMBER_fetch
#define MEMBER_shadow
#define MEMBER_event
#include "controller/taps.def"
  default:
    _exit(NVT_ISOLATED_NONSENSE);
  }
  up->result = nvt_plugin_local.called(&hook, e);
  up->sqe = m->sqe;
  up->cqe = m->cqe;
  if (changed)
    up->changed |= ISOLATED_CHANGED_DATA;
  if (value != NULL && *value != before) {
    up->value = *value;
    up->changed |= ISOLATED_CHANGED_VALUE;
  }
}

static char *next_text(char **at) {
  char *text = strdup(*at);
  *at += strlen(*at) + 1;
  if (text == NULL)
    _exit(NVT_ISOLATED_NONSENSE);
  return text;
}

static void start(struct isolated_up *up) {
  char *piece = (char *)nvt_child_shared->piece, *at = piece;
  plugin.path = next_text(&at);
  plugin.args = next_text(&at);
  plugin.name = next_text(&at);
  char why[512] = "";
  up->result = nvt_plugin_local.start(&plugin, why, sizeof(why));
  memcpy(piece, why, sizeof(why));
}

static void control_it(const struct isolated_down *m, struct isolated_up *up) {
  char *text = strdup((const char *)nvt_child_shared->piece), *answer = calloc(1, m->arg[0] + 1);
  up->result = text == NULL || answer == NULL
                   ? -ENOMEM
                   : nvt_plugin_local.control(&plugin, text, answer, m->arg[0]);
  if (answer != NULL)
    memcpy(nvt_child_shared->piece, answer, m->arg[0]);
  free(text);
  free(answer);
}

static void answer(struct isolated_down *m) {
  struct isolated_up up = {.kind = ISOLATED_ANSWER};
  switch (m->kind) {
  case ISOLATED_START:
    start(&up);
    break;
  case ISOLATED_STOP:
    nvt_plugin_local.end(&plugin);
    nvt_plugin_local.close(&plugin);
    stopped = true;
    break;
  case ISOLATED_EVENT:
    event(m, &up);
    break;
  case ISOLATED_RUN:
    nvt_plugin_run(&plugin, (void (*)(void *))(uintptr_t)m->arg[0], (void *)(uintptr_t)m->arg[1]);
    break;
  case ISOLATED_CONTROL:
    control_it(m, &up);
    break;
  default:
    _exit(NVT_ISOLATED_NONSENSE);
  }
  give(&up);
}

struct isolated_down nvt_child_call(struct isolated_up *call) {
  give(call);
  for (;;) {
    struct isolated_down m = take();
    if (m.kind == ISOLATED_REPLY)
      return m;
    answer(&m);
  }
}

static bool started_by_us(int argc, char **argv) {
  struct stat memory;
  int type = 0;
  socklen_t length = sizeof(type);
  return argc == 2 && strcmp(argv[1], "3") == 0 &&
         getsockopt(NVT_ISOLATED_SOCKET, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
         type == SOCK_SEQPACKET && fstat(NVT_ISOLATED_MEMORY, &memory) == 0 &&
         memory.st_size == (off_t)sizeof(*nvt_child_shared);
}

int nvt_isolated_child(int argc, char **argv) {
  if (!started_by_us(argc, argv)) {
    fprintf(stderr, "nvmetap %s: 'nvmetap record --plugin-isolated' starts this for itself\n",
            NVT_ISOLATED_COMMAND);
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "nvmetap-plugin");
  if (parent_has_gone()) /* before that took effect */
    return 0;
  void *memory = mmap(NULL, sizeof(*nvt_child_shared), PROT_READ | PROT_WRITE, MAP_SHARED,
                      NVT_ISOLATED_MEMORY, 0);
  if (memory == MAP_FAILED) {
    fprintf(stderr, "nvmetap %s: %s\n", NVT_ISOLATED_COMMAND, strerror(errno));
    return 2;
  }
  close(NVT_ISOLATED_MEMORY);
  fcntl(NVT_ISOLATED_SOCKET, F_SETFD, FD_CLOEXEC);
  /* What it prints isn't to be lost when it crashes. */
  setvbuf(stdout, NULL, _IOLBF, 0);
  nvt_child_shared = memory;
  spin = nvt_isolated_may_spin();
  nvt_child_calls_install();
  while (!stopped) {
    struct isolated_down m = take();
    answer(&m);
  }
  return 0;
}
