/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest made of bytes: register and configuration writes, queue entries, PRP
 * lists, SGLs, doorbells, windows that come and go; and a plug-in on every tap that changes,
 * finishes, holds and drops, and does from its callbacks what no driver asked for. The
 * sanitizers watch for what is outside guest memory; what must hold besides: a poll ends,
 * nothing is outstanding after a reset, and the controller then works as before.
 */
#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/inject.h"
#include "controller/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MEMORY (256u << 10)
#define BASE 0x4000ull

static struct nvt_controller *c;
static uint8_t *memory;
static uint32_t page[1024];
static uint8_t verdicts;
static uint64_t last_handle;

/* What a drive does unasked; from a callback too. */
static void inject(uint8_t what) {
  const struct nvt_cqe cqe = {.dw0 = what, .sqid = what & 3, .cid = what, .status = what};
  uint8_t bytes[300] = {what};
  switch (what & 7) {
  case 0:
    (void)nvt_inject_completion(c, what >> 3 & 3, &cqe, what, "fuzz");
    break;
  case 1:
    (void)nvt_inject_interrupt(c, what >> 3, "fuzz");
    break;
  case 2:
    (void)nvt_inject_event(c, what >> 3 & 7, what, what >> 5, "fuzz");
    break;
  case 3:
    (void)nvt_inject_fatal(c, "fuzz");
    break;
  case 4:
    (void)nvt_inject_removal(c, "fuzz");
    break;
  case 5:
    (void)nvt_inject_return(c, "fuzz");
    break;
  default:
    (void)nvt_command_data(c, last_handle, (uint64_t)(what >> 3) << 8, bytes, sizeof(bytes),
                           (what & 1) != 0);
    break;
  }
}

static enum nvt_verdict decide(void *user, const struct nvt_tap_event *event) {
  bool command = user != NULL;
  if (command)
    last_handle = event->command.handle;
  verdicts = (uint8_t)(verdicts >> 1 | verdicts << 7);
  if ((verdicts & 0x11) != 0x11)
    return NVT_VERDICT_CONTINUE;
  if ((verdicts & 0x0e) == 0x0a)
    inject((uint8_t)(verdicts >> 5 | event->tap << 3));
  if (event->tap == NVT_TAP_ADMIN_MEMORY || event->tap == NVT_TAP_IO_MEMORY) {
    uint8_t *data = nvt_tap_writable(event);
    if (data != NULL)
      data[event->data.length - 1] ^= verdicts;
  } else if (!command && event->tap != NVT_TAP_ADMIN_FETCH && event->tap != NVT_TAP_IO_FETCH &&
             event->tap != NVT_TAP_ADMIN_INTERRUPT && event->tap != NVT_TAP_IO_INTERRUPT &&
             event->access.change != NULL) {
    *event->access.change ^= verdicts >> 1;
  }
  return (enum nvt_verdict)(verdicts >> 5 & 3);
}

static bool interrupt(void *ctx, uint16_t vector) {
  (void)ctx;
  return vector % 3 != 0;
}
static void pin(void *ctx, bool asserted) {
  (void)ctx;
  (void)asserted;
}

static void once(void) {
  static const struct nvt_port_ops port = {.interrupt = interrupt, .pin = pin};
  struct nvt_plugin_host *host;
  char why[128];
  memory = aligned_alloc(4096, MEMORY);
  if (memory == NULL || nvt_plugin_host_create(&host) != 0)
    abort();
  const struct nvt_controller_options options = {.io_queues = 3,
                                                 .entries = 63,
                                                 .mdts = 5,
                                                 .vectors = 5,
                                                 .sgl = true,
                                                 .port = &port,
                                                 .plugins = host};
  if (nvt_controller_create(&options, &c) != 0 ||
      nvt_controller_add_namespace(c, "ram:64K", NULL, why, sizeof(why)) != 0 ||
      nvt_controller_add_namespace(c, "ram:64K,block=4096", NULL, why, sizeof(why)) != 0)
    abort();
  static char command; /* as user: the tap is about one */
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++) {
    const char *name = nvt_tap_name((enum nvt_tap_id)id);
    bool about_command = id == NVT_TAP_ADMIN_DECODE || id == NVT_TAP_ADMIN_EXECUTE ||
                         id == NVT_TAP_ADMIN_WRITEBACK || id == NVT_TAP_IO_DECODE ||
                         id == NVT_TAP_IO_EXECUTE || id == NVT_TAP_IO_WRITEBACK;
    /* These have no powers, and other members of the event. */
    if (id == NVT_TAP_PCI_MSIX || id == NVT_TAP_SHADOW || id == NVT_TAP_DEVICE_EVENT ||
        id == NVT_TAP_VERDICT)
      continue;
    if (nvt_tap_attach(host, name, 0, decide, about_command ? &command : NULL, "fuzz", NULL) != 0)
      abort();
  }
}

static void write32(uint64_t offset, uint32_t value) {
  (void)nvt_controller_bar0_write(c, offset, &value, 4);
}
static void write64(uint64_t offset, uint64_t value) {
  (void)nvt_controller_bar0_write(c, offset, &value, 8);
}

static void enable(void) {
  write32(NVT_REG_CC, 0);
  write32(NVT_REG_AQA, 0x000f000f);
  write64(NVT_REG_ASQ, BASE);
  write64(NVT_REG_ACQ, BASE + 0x1000);
  write32(NVT_REG_CC, 0x00460001);
}

static void map(void) {
  (void)nvt_controller_dma_map(c, BASE, MEMORY, memory, true, true);
}

static void poll(void) {
  for (int i = 0; nvt_controller_poll(c, 0) != 0; i++) {
    if (i > 100000)
      abort();
  }
}

struct input {
  const uint8_t *at;
  size_t left;
};
static uint64_t take(struct input *in, size_t n) {
  uint64_t value = 0;
  if (n > in->left)
    n = in->left;
  memcpy(&value, in->at, n);
  in->at += n;
  in->left -= n;
  return value;
}

/* An entry in place `slot` of the queue that starts at page `at`: opcode, ids and dwords
 * as given, addresses in or near guest memory. */
static void put_entry(struct input *in) {
  uint32_t where = (uint32_t)take(in, 1), slot = where & 15, at = where >> 4 & 3;
  struct nvt_sqe sqe = {.opcode = (uint8_t)take(in, 1), .cid = (uint16_t)take(in, 1)};
  uint8_t more = (uint8_t)take(in, 1);
  sqe.nsid = more & 3;
  if ((more & 4) != 0)
    sqe.nsid = (uint32_t)take(in, 4);
  if ((more & 8) != 0)
    sqe.flags = (uint8_t)take(in, 1);
  sqe.prp1 = BASE + (take(in, 1) << 12) + ((more & 16) != 0 ? take(in, 2) : 0);
  sqe.prp2 = BASE + (take(in, 1) << 12) + ((more & 32) != 0 ? take(in, 2) : 0);
  if (NVT_SQE_PSDT(sqe.flags) != 0) { /* length and type of SGL1 */
    sqe.prp2 = take(in, 2);
    sqe.prp2 |= take(in, 1) << 56;
  }
  sqe.cdw10 = (uint32_t)take(in, 4);
  sqe.cdw11 = (uint32_t)take(in, 4);
  if ((more & 64) != 0)
    sqe.cdw12 = (uint32_t)take(in, 4);
  memcpy(memory + at * 0x2000 + slot * sizeof(sqe), &sqe, sizeof(sqe));
}

/* SGL descriptors, from a page's start on. */
static void put_segment(struct input *in) {
  uint32_t at = (uint32_t)take(in, 1) % (MEMORY >> 12), count = (uint32_t)take(in, 1) + 1;
  for (uint32_t i = 0; i < count && in->left != 0; i++) {
    uint8_t type = (uint8_t)take(in, 1);
    uint64_t address = BASE + (take(in, 2) << 4) + (type & 8);
    uint32_t length = (uint32_t)take(in, (type & 4) != 0 ? 4 : 2);
    uint8_t *to = memory + at * 4096 + i * 16;
    memset(to, 0, 16);
    memcpy(to, &address, 8);
    memcpy(to + 8, &length, 4);
    to[15] = (uint8_t)(type & 0xf3); /* subtypes of 0 to 3 */
  }
}

static void step(struct input *in) {
  uint8_t op = (uint8_t)take(in, 1);
  switch (op & 15) {
  case 0: {
    uint64_t offset = take(in, 2), value = take(in, 8);
    (void)nvt_controller_bar0_write(c, offset, &value, op >> 4 & 7);
    break;
  }
  case 1: {
    uint64_t offset = take(in, 1), value = take(in, 8);
    (void)nvt_controller_config_write(c, offset, &value, op >> 4 & 7);
    break;
  }
  case 2: {
    uint8_t bytes[256];
    uint64_t offset = take(in, 2);
    (void)nvt_controller_bar0_read(c, offset, bytes, take(in, 1));
    break;
  }
  case 3:
  case 4:
    write32(NVT_BAR0_DOORBELLS + (op >> 4) * 4u, (uint32_t)take(in, 1) & 63);
    break;
  case 5:
    page[op >> 4] = (uint32_t)take(in, 1);
    break;
  case 6:
    enable();
    break;
  case 7: { /* a page of list entries */
    uint32_t at = (uint32_t)take(in, 1) % (MEMORY >> 12);
    uint64_t entry = BASE + (take(in, 1) << 12) + (op >> 4);
    for (uint32_t i = 0; i < 512; i++)
      memcpy(memory + at * 4096 + i * 8, &entry, 8);
    break;
  }
  case 8:
    if (nvt_controller_dma_unmap(c, BASE, MEMORY) == 0)
      break;
    map();
    break;
  case 9:
    nvt_controller_reset(c, (enum nvt_reset)(op >> 4 & 3));
    break;
  case 10:
    nvt_controller_share_doorbells(c, op >> 4 & 1 ? page : NULL);
    break;
  case 11:
    verdicts = (uint8_t)take(in, 1);
    break;
  case 12: {
    struct nvt_cqe cqe = {.dw0 = 1, .status = 2};
    (void)nvt_command_release(c, last_handle - (op >> 5), op >> 4 & 1 ? &cqe : NULL);
    break;
  }
  case 13:
    nvt_controller_irq_setup(c, 0, 0, op >> 4);
    (void)nvt_controller_step(c, op >> 4);
    break;
  case 14:
    if ((op & 0x80) != 0)
      put_segment(in);
    else
      inject((uint8_t)take(in, 1));
    break;
  default:
    put_entry(in);
    break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (c == NULL)
    once();
  memset(memory, 0, MEMORY);
  memset(page, 0, sizeof(page));
  verdicts = 0;
  map();
  enable();
  struct input in = {bytes, length};
  while (in.left != 0) {
    step(&in);
    poll();
  }
  verdicts = 0;
  (void)nvt_inject_return(c, "fuzz");
  nvt_controller_share_doorbells(c, NULL);
  nvt_controller_reset(c, NVT_RESET_DEVICE);
  if (nvt_controller_outstanding(c) != 0)
    abort();
  (void)nvt_controller_dma_unmap(c, BASE, MEMORY);
  map();
  memset(memory, 0, 0x2000);
  enable();
  struct nvt_sqe sqe = {
      .opcode = NVT_ADMIN_IDENTIFY, .cid = 0x77, .prp1 = BASE + 0x3000, .cdw10 = 1};
  memcpy(memory, &sqe, sizeof(sqe));
  write32(NVT_BAR0_DOORBELLS, 1);
  poll();
  struct nvt_cqe cqe;
  memcpy(&cqe, memory + 0x1000, sizeof(cqe));
  if (cqe.cid != 0x77 || cqe.status != 1)
    abort();
  nvt_controller_reset(c, NVT_RESET_DEVICE);
  return 0;
}
