/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile child of an isolated plug-in, without a process: what stands in the shared memory
 * and what comes over the socket are the input. Byte by byte it chooses what happens next: an
 * event that the plug-in is asked about, and, while it is asked, messages and notes. Half of
 * the messages are framed as they must be, so that what they say is looked at. The
 * sanitizers watch; what must hold besides: each question ends, and a child that broke the
 * rules is dead for the host.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/controller.h"
#include "controller/host.h"
#include "controller/isolated/isolated_int.h"
#include "controller/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MEMORY (64u << 10)
#define BASE 0x10000ull

static struct nvt_plugin_host *host;
static struct nvt_controller *controller;
static const uint8_t *at;
static size_t left;

static uint8_t byte(void) {
  if (left == 0)
    return 0;
  left--;
  return *at++;
}

static void bytes_to(void *to, size_t length) {
  size_t n = length < left ? length : left;
  memset(to, 0, length);
  memcpy(to, at, n);
  at += n;
  left -= n;
}

/* In place of the child: write the next message, or be dead when there are no more. */
static bool hostile(struct nvt_isolated *s) {
  uint8_t how = byte();
  if (left == 0) {
    nvt_isolated_end(s, NVT_DIED_EXIT(0));
    return false;
  }
  if ((how & 1) != 0) {
    struct isolated_note note;
    bytes_to(&note, sizeof(note));
    if (!nvt_isolated_note(s, &note, (how & 2) != 0 ? byte() : sizeof(note)))
      nvt_isolated_end(s, NVT_DIED_SCRIBBLE);
  }
  if (s->cause != 0)
    return false;
  struct isolated_up *up = &s->shared->to_parent;
  if ((how & 4) != 0)
    bytes_to(up, sizeof(*up));
  else
    memset(up, 0, sizeof(*up));
  if ((how & 8) != 0) {
    up->kind = (uint16_t)(ISOLATED_ANSWER + byte() % (ISOLATED_KINDS - ISOLATED_ANSWER));
    /* Addresses and handles that are of something, now and then. */
    up->arg[0] = (how & 16) != 0 ? 0x28 : up->arg[0];
    up->arg[1] = (how & 32) != 0 ? BASE + (up->arg[1] & (MEMORY - 1)) : up->arg[1];
    up->arg[2] &= (how & 64) != 0 ? 0x1ffff : UINT64_MAX;
  }
  if ((how & 128) != 0 && byte() == 0)
    s->shared->guard1[byte() & 7] ^= byte();
  if ((how & 12) != 4) { /* else the frame, too, is the input's */
    up->number = s->number;
    up->sum = nvt_isolated_sum(up);
  }
  atomic_store(&s->shared->up, s->number);
  return true;
}

static int start(struct nvt_plugin *plugin, char *why, size_t whylen) {
  struct nvt_isolated *s = plugin->state;
  int fd = -1;
  (void)why;
  (void)whylen;
  s->plugin = plugin;
  s->socket = s->pidfd = -1;
  s->wait = hostile;
  s->options.timeout = NVT_ISOLATION_TIMEOUT;
  if (nvt_isolated_memory(s, &fd) != 0)
    abort();
  close(fd);
  s->started = true;
  static const char *const taps[] = {"nvme:io:decode",          "nvme:io:writeback",
                                     "nvme:io:memory",          "nvme:regread:writeback",
                                     "nvme:regwrite:decode",    "plugin:verdict:notify",
                                     "device:event:notify",     "nvme:io:fetch",
                                     "nvme:msixread:writeback", "pci:msix:writeback"};
  for (unsigned i = 0; i < sizeof(taps) / sizeof(taps[0]); i++)
    if (nvt_plugin_hook(plugin, taps[i], 0, plugin) != 0)
      abort();
  return 0;
}

/* The kind itself, but for the process. */
static struct nvt_plugin_kind kind;

static void once(void) {
  char why[128];
  uint8_t *memory = aligned_alloc(4096, MEMORY);
  if (memory == NULL || nvt_plugin_host_create(&host) != 0)
    abort();
  memset(memory, 0, MEMORY);
  const struct nvt_controller_options options = {.pci_address = 0x28, .plugins = host};
  if (nvt_controller_create(&options, &controller) != 0 ||
      nvt_controller_add_namespace(controller, "ram:64K", NULL, why, sizeof(why)) != 0 ||
      nvt_controller_dma_map(controller, BASE, MEMORY, memory, true, true) != 0)
    abort();
  kind = nvt_plugin_isolated;
  kind.start = start;
}

static void ask(uint8_t what) {
  static uint8_t data[4096];
  struct nvt_sqe sqe = {.opcode = NVT_NVM_READ, .cid = 7};
  struct nvt_cqe cqe = {.sqid = 1, .cid = 7};
  struct nvt_tap_event event = {.pci_address = 0x28, .device = controller};
  uint64_t value = 0;
  switch (what & 7) {
  case 0:
  case 1:
    event.tap = (what & 1) != 0 ? NVT_TAP_IO_DECODE : NVT_TAP_IO_WRITEBACK;
    event.command.sqid = 1;
    event.command.sqe = &sqe;
    event.command.cqe = &cqe;
    event.command.handle = 0x10007;
    break;
  case 2:
    event.tap = NVT_TAP_IO_MEMORY;
    event.data.bytes = event.data.writable = data;
    event.data.length = (uint32_t)what * 16;
    break;
  case 3:
    (void)nvt_controller_bar0_read(controller, 8, &value, 4);
    return;
  case 4:
    value = what & 8;
    (void)nvt_controller_bar0_write(controller, NVT_REG_INTMS, &value, 4);
    return;
  case 5:
    (void)nvt_controller_poll(controller, 0);
    return;
  case 6:
    nvt_controller_reset(controller, NVT_RESET_DEVICE);
    return;
  default:
    event.tap = NVT_TAP_IO_FETCH;
    event.fetch.sqid = 1;
    break;
  }
  (void)nvt_tap_fire(host, &event);
  if (cqe.sqid != 1 || cqe.cid != 7 || sqe.cid != 7)
    abort(); /* which command it is isn't the plug-in's to say */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (host == NULL)
    once();
  struct nvt_isolated *s = calloc(1, sizeof(*s));
  char why[256] = "";
  at = bytes;
  left = length;
  /* A file is looked for before start() is called. */
  if (s == NULL || nvt_plugin_load_kind(host, "/proc/self/exe", &kind, s, why, sizeof(why)) != 0)
    abort();
  struct nvt_plugin_info info;
  while (left > 0 && nvt_plugin_info(host, 0, &info) && !info.dead)
    ask(byte());
  bool dead = s->cause != 0;
  if (nvt_plugin_info(host, 0, &info) && info.dead != dead)
    abort(); /* every end is known to the host */
  left = 0;
  nvt_isolated_end(s, NVT_DIED_EXIT(0));
  while (nvt_plugin_info(host, 0, &info))
    (void)nvt_plugin_unload(host, info.name);
  while (nvt_controller_poll(controller, 0) != 0)
    ;
  return 0;
}
