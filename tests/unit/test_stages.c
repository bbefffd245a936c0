/* SPDX-License-Identifier: BSD-2-Clause */
/* What plug-ins may do at each stage, seen from the host's side: its memory and registers. */
#include "host.h"

#include "controller/inject.h"

/* A callback that does as it is told, for the tap that it is on. */
struct actor {
  enum nvt_verdict verdict;
  unsigned calls, skip; /* the first `skip` calls it lets pass */
  uint64_t offset;      /* accesses: only this one */
  bool change;
  uint64_t value;
  uint8_t byte; /* data: every byte becomes byte ^ its own */
  uint64_t handle;
  struct nvt_controller *release;
};

static enum nvt_verdict act(void *user, const struct nvt_tap_event *event) {
  struct actor *a = user;
  switch (event->tap) {
  case NVT_TAP_REGREAD:
  case NVT_TAP_REGWRITE:
  case NVT_TAP_PCI_REGREAD:
  case NVT_TAP_PCI_REGWRITE:
  case NVT_TAP_MSIXREAD:
  case NVT_TAP_MSIXWRITE:
    if (event->access.offset != a->offset)
      return NVT_VERDICT_CONTINUE;
    if (a->calls++ < a->skip)
      return NVT_VERDICT_CONTINUE;
    if (a->change && event->access.change != NULL)
      *event->access.change = a->value;
    return a->verdict;
  case NVT_TAP_ADMIN_MEMORY:
  case NVT_TAP_IO_MEMORY: {
    a->calls++;
    if (event->data.kind != 0) {
      assert_null(nvt_tap_writable(event));
      return a->verdict;
    }
    uint8_t *bytes = a->change ? nvt_tap_writable(event) : NULL;
    for (uint32_t i = 0; bytes != NULL && i < event->data.length; i++)
      bytes[i] ^= a->byte;
    return a->verdict;
  }
  default:
    a->handle = event->command.handle;
    return a->calls++ < a->skip ? NVT_VERDICT_CONTINUE : a->verdict;
  }
}

static struct nvt_attachment *on(struct host *h, const char *tap, struct actor *a) {
  struct nvt_attachment *attachment = NULL;
  assert_int_equal(nvt_tap_attach(h->plugins, tap, 0, act, a, "actor", &attachment), 0);
  return attachment;
}

static struct nvt_tap_event told[64];
static unsigned told_count;
static enum nvt_verdict tell(void *user, const struct nvt_tap_event *event) {
  (void)user;
  if (told_count < 64)
    told[told_count++] = *event;
  return NVT_VERDICT_CONTINUE;
}
static void listen_to(struct host *h, const char *tap, int32_t order) {
  assert_int_equal(nvt_tap_attach(h->plugins, tap, order, tell, NULL, "test", NULL), 0);
}

static void open_host(struct host *h) {
  host_open(h, "ram:1M");
  create_pair(h, 1, 16);
  told_count = 0;
  memset(told, 0, sizeof(told));
}

static void a_read_can_be_answered_otherwise(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct actor a = {.offset = NVT_REG_CSTS, .change = true, .value = UINT64_C(0x1234567800000000)};
  listen_to(&h, "plugin:verdict:notify", 0);
  listen_to(&h, "nvme:regread:writeback", NVT_TAP_LAST);
  struct nvt_attachment *at = on(&h, "nvme:regread:writeback", &a);
  /* Beyond the access' four bytes there is nothing to change. */
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  assert_int_equal(told_count, 2);
  assert_int_equal(told[0].tap, NVT_TAP_VERDICT);
  assert_int_equal(told[0].verdict.verdict, 0);
  assert_int_equal(told[0].verdict.tap, NVT_TAP_REGREAD);
  assert_int_equal(told[0].verdict.cid, 0xffff);
  assert_int_equal(told[1].access.value, 0); /* what the host gets is what is written down */
  a.value = 0xffffffff;
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0xffffffffu);
  nvt_tap_detach(h.plugins, at);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  struct actor b = {
      .offset = 0, .change = true, .value = 0xabcd1234, .verdict = NVT_VERDICT_COMPLETE};
  on(&h, "pci:regread:writeback", &b);
  assert_int_equal(config32(&h, 0), 0xabcd1234);
  struct actor m = {.offset = 8, .change = true, .value = 77};
  on(&h, "nvme:msixread:writeback", &m);
  assert_int_equal(reg32(&h, NVT_BAR0_MSIX_TABLE + 8), 77);
  host_close(&h);
}

static void a_write_can_be_dropped_or_changed(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  listen_to(&h, "plugin:verdict:notify", 0);
  struct actor a = {.offset = NVT_REG_CC, .verdict = NVT_VERDICT_DROP};
  struct nvt_attachment *at = on(&h, "nvme:regwrite:decode", &a);
  set32(&h, NVT_REG_CC, 0);
  assert_int_equal(reg32(&h, NVT_REG_CC), CC_ON);
  assert_int_equal(told[0].verdict.verdict, 4);
  /* Finished is dropped too: somebody else carried it out. */
  a.verdict = NVT_VERDICT_COMPLETE;
  set32(&h, NVT_REG_CC, 0);
  assert_int_equal(reg32(&h, NVT_REG_CC), CC_ON);
  /* Holding a write isn't there. */
  a.verdict = NVT_VERDICT_HOLD;
  a.change = true;
  a.value = CC_ON | 1u << 14;
  set32(&h, NVT_REG_CC, 0);
  assert_int_equal(reg32(&h, NVT_REG_CC), CC_ON | 1u << 14);
  nvt_tap_detach(h.plugins, at);
  struct actor p = {.offset = 4, .verdict = NVT_VERDICT_DROP};
  on(&h, "pci:regwrite:decode", &p);
  uint32_t before = config32(&h, 4);
  set_config32(&h, 4, before ^ 6);
  assert_int_equal(config32(&h, 4), before);
  struct actor m = {.offset = 12, .verdict = NVT_VERDICT_DROP};
  on(&h, "nvme:msixwrite:decode", &m);
  set32(&h, NVT_BAR0_MSIX_TABLE + 12, 0);
  assert_int_equal(reg32(&h, NVT_BAR0_MSIX_TABLE + 12), 1);
  host_close(&h);
}

static void a_doorbell_can_be_ignored_or_moved(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct actor a = {.offset = 0x1008, .verdict = NVT_VERDICT_DROP};
  struct nvt_attachment *at = on(&h, "nvme:regwrite:decode", &a);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_false(reap(&h, 1, &cqe));
  /* A value that was good becomes one beyond the queue: as if the host had written that. */
  a = (struct actor){.offset = 0x1008, .change = true, .value = 16};
  ring(&h, 1, false, 1);
  poll_idle(&h);
  assert_false(reap(&h, 1, &cqe));
  a.value = 15;
  nvt_tap_detach(h.plugins, at);
  ring(&h, 1, false, 1);
  poll_idle(&h);
  assert_true(reap(&h, 1, &cqe));
  /* A refused one is shown to plug-ins, and stays refused whatever they say. */
  a = (struct actor){.offset = 0x1008, .change = true, .value = 1};
  on(&h, "nvme:regwrite:decode", &a);
  ring(&h, 1, false, 16);
  assert_int_equal(a.calls, 1);
  poll_idle(&h);
  assert_false(reap(&h, 1, &cqe));
  host_close(&h);
}

static void data_can_be_changed_on_its_way(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  listen_to(&h, "plugin:verdict:notify", 0);
  uint64_t *list = guest(&h, LIST_AT);
  list[0] = DATA_AT + 0x5000;
  list[1] = DATA_AT + 0x9000;
  list[2] = DATA_AT + 0x7000;
  uint8_t *first = guest(&h, DATA_AT + 512); /* the last page is one of 3584 bytes, too */
  pattern(first, 3584, 1);
  pattern(guest(&h, list[0]), 4096, 2);
  pattern(guest(&h, list[1]), 4096, 3);
  pattern(guest(&h, list[2]), 4096, 4);
  static uint8_t was[4096], now[4096];
  memcpy(was, guest(&h, list[1]), 4096);
  struct actor a = {.change = true, .byte = 0x5a};
  struct nvt_attachment *at = on(&h, "nvme:io:memory", &a);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 31, DATA_AT + 512, LIST_AT), NVT_SC_SUCCESS);
  assert_memory_equal(guest(&h, list[1]), was, 4096); /* the host's own is as it was */
  nvt_tap_detach(h.plugins, at);
  assert_status(io(&h, NVT_NVM_READ, 15, 8, DATA_AT + 0x20000, 0), NVT_SC_SUCCESS);
  memcpy(now, guest(&h, DATA_AT + 0x20000), 4096);
  for (unsigned i = 0; i < 4096; i++)
    assert_int_equal(now[i], was[i] ^ 0x5a); /* the medium got the changed */
  at = on(&h, "nvme:io:memory", &a);
  assert_status(io(&h, NVT_NVM_READ, 15, 8, DATA_AT + 0x20000, 0), NVT_SC_SUCCESS);
  assert_memory_equal(guest(&h, DATA_AT + 0x20000), was, 4096); /* and so changed back */
  assert_true(told_count > 0);
  for (unsigned i = 0; i < told_count; i++) {
    assert_int_equal(told[i].verdict.tap, NVT_TAP_IO_MEMORY);
    assert_int_equal(told[i].verdict.verdict, 0);
    assert_int_equal(told[i].verdict.sqid, 1);
  }
  /* Nothing changed: nothing told; and the data is right. */
  told_count = 0;
  a.change = false;
  assert_status(io(&h, NVT_NVM_READ, 15, 8, DATA_AT + 0x20000, 0), NVT_SC_SUCCESS);
  for (unsigned i = 0; i < 4096; i++)
    assert_int_equal(((uint8_t *)guest(&h, DATA_AT + 0x20000))[i], was[i] ^ 0x5a);
  assert_int_equal(told_count, 0);
  nvt_tap_detach(h.plugins, at);
  host_close(&h);
}

static void identify_can_lie(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct actor a = {.change = true, .byte = 0xff};
  on(&h, "nvme:admin:memory", &a);
  uint8_t page[4096];
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, page), NVT_SC_SUCCESS);
  assert_int_equal(page[77], 0xff ^ 7); /* MDTS */
  host_close(&h);
}

/* A medium that leaves the host's buffer alone does so still: no memory of ours shows. */
static void a_changed_read_of_nothing_shows_nothing(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "null:1M");
  create_pair(&h, 1, 16);
  struct actor a = {.change = true, .byte = 0};
  on(&h, "nvme:io:memory", &a);
  pattern(guest(&h, DATA_AT), 4096, 9);
  uint8_t was[4096];
  memcpy(was, guest(&h, DATA_AT), 4096);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_memory_equal(guest(&h, DATA_AT), was, 4096);
  host_close(&h);
}

static void fetching_can_wait(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  listen_to(&h, "plugin:verdict:notify", 0);
  struct actor a = {.verdict = NVT_VERDICT_HOLD};
  on(&h, "nvme:io:fetch", &a);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  struct nvt_cqe cqe;
  assert_true(nvt_controller_poll(h.c, 0) > 0); /* doorbells */
  for (int i = 0; i < 5; i++)
    assert_int_equal(nvt_controller_poll(h.c, 0), 0); /* and rest, though it is asked */
  assert_true(a.calls >= 5);
  assert_false(reap(&h, 1, &cqe));
  assert_int_equal(told_count, 1); /* once, however often it was asked */
  assert_int_equal(told[0].verdict.verdict, 2);
  assert_int_equal(told[0].verdict.tap, NVT_TAP_IO_FETCH);
  assert_int_equal(told[0].verdict.sqid, 1);
  a.verdict = NVT_VERDICT_CONTINUE;
  poll_idle(&h);
  assert_true(reap(&h, 1, &cqe));
  assert_int_equal(told_count, 2);
  assert_int_equal(told[1].verdict.verdict, 3);
  host_close(&h);
}

static void execution_can_be_taken_over(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct actor a = {.verdict = NVT_VERDICT_HOLD};
  on(&h, "nvme:io:execute", &a);
  uint16_t cid = submit(&h, 1, io_sqe(NVT_NVM_WRITE, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_false(reap(&h, 1, &cqe));
  assert_int_equal(nvt_command_release(h.c, a.handle, NULL), 0);
  assert_int_equal(a.calls, 1); /* it isn't asked again about what it let go */
  poll_idle(&h);
  assert_true(reap(&h, 1, &cqe));
  assert_int_equal(cqe.cid, cid);
  assert_status(status_of(cqe), NVT_SC_SUCCESS);
  a.verdict = NVT_VERDICT_DROP;
  submit(&h, 1, io_sqe(NVT_NVM_WRITE, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  assert_false(reap(&h, 1, &cqe));
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  host_close(&h);
}

static void an_interrupt_can_get_lost(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct actor a = {.verdict = NVT_VERDICT_DROP};
  listen_to(&h, "pci:msix:writeback", 0);
  struct nvt_attachment *at = on(&h, "nvme:io:interrupt", &a);
  unsigned before = h.fired[1];
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(h.fired[1], before);
  assert_int_equal(told_count, 0);
  nvt_tap_detach(h.plugins, at);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(h.fired[1], before + 1);
  host_close(&h);
}

/* --- injected --- */

static void completions_can_be_made_up(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct nvt_cqe cqe = {.dw0 = 5, .sqid = 1, .sqhd = 9, .cid = 0x777, .status = 0x182 << 1};
  listen_to(&h, "nvme:io:writeback", NVT_TAP_LAST);
  struct actor nosy = {0};
  on(&h, "nvme:io:writeback", &nosy);
  assert_int_equal(nvt_inject_completion(h.c, 1, &cqe, NVT_NVM_READ, "test"), 0);
  struct nvt_cqe got;
  assert_true(reap(&h, 1, &got));
  assert_int_equal(got.cid, 0x777);
  assert_int_equal(got.sqhd, 9);
  assert_int_equal(got.dw0, 5);
  assert_status(status_of(got), 0x182);
  assert_int_equal(h.fired[1], 1);
  assert_int_equal(told_count, 1); /* written down */
  assert_int_equal(nosy.calls, 0); /* and no plug-in is asked about what a plug-in did */
  assert_int_equal(nvt_inject_completion(h.c, 2, &cqe, 0, "test"), -ENOENT);
  assert_int_equal(nvt_inject_completion(h.c, NVT_BAR0_SIZE, &cqe, 0, "test"), -ENOENT);
  /* A queue of 16 has room for 15. */
  for (unsigned i = 0; i < 15; i++)
    assert_int_equal(nvt_inject_completion(h.c, 1, &cqe, 0, "test"), 0);
  assert_int_equal(nvt_inject_completion(h.c, 1, &cqe, 0, "test"), -EAGAIN);
  for (unsigned i = 0; i < 15; i++)
    assert_true(reap(&h, 1, &got));
  assert_false(reap(&h, 1, &got));
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  set32(&h, NVT_REG_CC, 0);
  assert_int_equal(nvt_inject_completion(h.c, 0, &cqe, 0, "test"), -EIO);
  host_close(&h);
}

static void interrupts_can_be_made_up(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  assert_int_equal(nvt_inject_interrupt(h.c, 1, "test"), 0);
  assert_int_equal(h.fired[1], 1);
  assert_int_equal(nvt_inject_interrupt(h.c, 64, "test"), 0);
  assert_int_equal(h.fired[64], 1);
  assert_int_equal(nvt_inject_interrupt(h.c, 65, "test"), -EINVAL);
  host_close(&h);
}

static void a_controller_can_die_and_be_reset(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  assert_int_equal(nvt_inject_fatal(h.c, "test"), 0);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 3);
  assert_int_equal(nvt_inject_fatal(h.c, "test"), -EALREADY);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_false(reap(&h, 1, &cqe));
  set32(&h, NVT_REG_CC, 0);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  enable(&h);
  create_pair(&h, 1, 16);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

static void a_drive_can_be_pulled_and_come_back(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct actor a = {.verdict = NVT_VERDICT_HOLD};
  struct nvt_attachment *at = on(&h, "nvme:io:decode", &a);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  assert_int_equal(nvt_inject_return(h.c, "test"), -EALREADY);
  assert_int_equal(nvt_inject_removal(h.c, "test"), 0);
  assert_int_equal(nvt_inject_removal(h.c, "test"), -EALREADY);
  assert_int_equal(nvt_inject_fatal(h.c, "test"), -EALREADY);
  assert_int_equal(nvt_inject_interrupt(h.c, 1, "test"), -EINVAL);
  assert_int_equal(nvt_command_release(h.c, a.handle, NULL), -ENOENT);
  nvt_tap_detach(h.plugins, at);
  const uint64_t all[] = {0, NVT_REG_CSTS, NVT_BAR0_DOORBELLS, NVT_BAR0_MSIX_TABLE,
                          NVT_BAR0_MSIX_PBA};
  for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
    assert_int_equal(reg32(&h, all[i]), 0xffffffffu);
  assert_int_equal(reg64(&h, NVT_REG_CAP), UINT64_MAX);
  for (uint32_t at_ = 0; at_ < 256; at_ += 4)
    assert_int_equal(config32(&h, at_), 0xffffffffu);
  /* Nothing that the host writes arrives. */
  set32(&h, NVT_REG_CC, CC_ON);
  set_config32(&h, 4, 7);
  ring(&h, 1, false, 2);
  poll_idle(&h);
  assert_int_equal(nvt_inject_return(h.c, "test"), 0);
  assert_int_equal(reg32(&h, NVT_REG_CC), 0);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  assert_int_equal(config32(&h, 4) & 7, 0);
  msix_on(&h);
  enable(&h);
  create_pair(&h, 1, 16);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

static uint16_t await_event(struct host *h) {
  return submit(h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
}

static void events_can_be_made_up(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct nvt_cqe cqe;
  /* Before anybody asks: it waits. */
  assert_int_equal(nvt_inject_event(h.c, 1, 2, 2, "test"), 0);
  poll_idle(&h);
  assert_false(reap(&h, 0, &cqe));
  uint16_t cid = await_event(&h);
  poll_idle(&h);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.cid, cid);
  assert_int_equal(cqe.dw0, 0x020201);
  /* The next of its type waits for the log page to be read; other types don't. */
  await_event(&h);
  await_event(&h);
  assert_int_equal(nvt_inject_event(h.c, 1, 1, 2, "test"), 0);
  assert_int_equal(nvt_inject_event(h.c, 7, 0x33, 0xc0, "test"), 0);
  poll_idle(&h);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0xc03307);
  assert_false(reap(&h, 0, &cqe));
  submit(&h, 0,
         (struct nvt_sqe){.opcode = NVT_ADMIN_GET_LOG_PAGE,
                          .nsid = 0xffffffffu,
                          .prp1 = DATA_AT,
                          .cdw10 = 2 | 127u << 16});
  poll_idle(&h);
  bool seen = false;
  while (reap(&h, 0, &cqe))
    seen |= cqe.dw0 == 0x020101;
  assert_true(seen);
  assert_int_equal(nvt_inject_event(h.c, 8, 0, 0, "test"), -EINVAL);
  for (unsigned i = 0; i < 16; i++)
    assert_int_equal(nvt_inject_event(h.c, 6, (uint8_t)i, 0xc1, "test"), 0);
  assert_int_equal(nvt_inject_event(h.c, 6, 0, 0xc1, "test"), -EAGAIN);
  set32(&h, NVT_REG_CC, 0);
  assert_int_equal(nvt_inject_event(h.c, 6, 0, 0xc1, "test"), -EIO);
  host_close(&h);
}

/* --- the data of a command, from outside --- */

static void a_held_commands_data_is_in_reach(void **state) {
  (void)state;
  struct host h;
  open_host(&h);
  struct actor a = {.verdict = NVT_VERDICT_HOLD};
  on(&h, "nvme:io:decode", &a);
  /* 512 + 600 pages: the list's first page is full and names a second. */
  const uint32_t pages = 127;
  uint64_t list_at = LIST_AT + 4096 - 8 * 100;
  uint64_t *list = guest(&h, list_at);
  uint64_t *second = guest(&h, LIST_AT + 0x3000);
  uint8_t *expected = malloc((pages + 1) * 4096u);
  pattern(expected, (pages + 1) * 4096u, 7);
  memcpy(guest(&h, DATA_AT + 0x800), expected, 2048);
  for (uint32_t i = 0; i < pages; i++) {
    uint64_t page = DATA_AT + 0x2000 * (uint64_t)(i + 1);
    if (i < 99)
      list[i] = page;
    else
      second[i - 99] = page;
    memcpy(guest(&h, page), expected + 2048 + i * 4096u, 4096);
  }
  list[99] = LIST_AT + 0x3000;
  const uint32_t bytes = 2048 + pages * 4096;
  submit(&h, 1, io_sqe(NVT_NVM_WRITE, 0, bytes / 512, DATA_AT + 0x800, list_at));
  poll_idle(&h);
  uint8_t *got = calloc(1, bytes);
  assert_int_equal(nvt_command_data(h.c, a.handle, 0, got, bytes, false), 0);
  assert_memory_equal(got, expected, bytes);
  /* Pieces, at the edges of pages and lists. */
  const uint32_t at[] = {
      0, 1, 2047, 2048, 2049, 2048 + 98 * 4096, 2048 + 99 * 4096 - 1, 2048 + 99 * 4096, bytes - 1};
  for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
    for (uint32_t length = 1; length < 5000 && at[i] + length <= bytes; length += 4095) {
      memset(got, 0, length);
      assert_int_equal(nvt_command_data(h.c, a.handle, at[i], got, length, false), 0);
      assert_memory_equal(got, expected + at[i], length);
    }
  }
  assert_int_equal(nvt_command_data(h.c, a.handle, bytes, got, 1, false), -EINVAL);
  assert_int_equal(nvt_command_data(h.c, a.handle, bytes - 1, got, 2, false), -EINVAL);
  assert_int_equal(nvt_command_data(h.c, a.handle, UINT64_MAX, got, 1, false), -EINVAL);
  assert_int_equal(nvt_command_data(h.c, a.handle + 1, 0, got, 1, false), -ENOENT);
  uint8_t mark[3] = {1, 2, 3};
  assert_int_equal(nvt_command_data(h.c, a.handle, 2047, mark, 3, true), 0);
  assert_int_equal(((uint8_t *)guest(&h, DATA_AT + 0xfff))[0], 1);
  assert_memory_equal(guest(&h, list[0]), mark + 1, 2);
  list[5] = 0x10; /* not a page's start */
  assert_int_equal(nvt_command_data(h.c, a.handle, 0, got, bytes, false), -EINVAL);
  list[5] = 0xdeadbeef000; /* nobody's memory */
  assert_int_equal(nvt_command_data(h.c, a.handle, 0, got, bytes, false), -EFAULT);
  assert_int_equal(nvt_guest_memory(h.c, ARENA_IOVA + ARENA - 1, got, 1, false), 0);
  assert_int_equal(nvt_guest_memory(h.c, ARENA_IOVA + ARENA - 1, got, 2, false), -EFAULT);
  assert_int_equal(nvt_guest_memory(h.c, UINT64_MAX, got, 2, false), -EFAULT);
  free(got);
  free(expected);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_read_can_be_answered_otherwise),
      cmocka_unit_test(a_write_can_be_dropped_or_changed),
      cmocka_unit_test(a_doorbell_can_be_ignored_or_moved),
      cmocka_unit_test(data_can_be_changed_on_its_way),
      cmocka_unit_test(identify_can_lie),
      cmocka_unit_test(a_changed_read_of_nothing_shows_nothing),
      cmocka_unit_test(fetching_can_wait),
      cmocka_unit_test(execution_can_be_taken_over),
      cmocka_unit_test(an_interrupt_can_get_lost),
      cmocka_unit_test(completions_can_be_made_up),
      cmocka_unit_test(interrupts_can_be_made_up),
      cmocka_unit_test(a_controller_can_die_and_be_reset),
      cmocka_unit_test(a_drive_can_be_pulled_and_come_back),
      cmocka_unit_test(events_can_be_made_up),
      cmocka_unit_test(a_held_commands_data_is_in_reach),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
