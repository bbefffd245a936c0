/* SPDX-License-Identifier: BSD-2-Clause */
/* What the taps see, in which order, and what verdicts do. */
#include "tests/unit/host.h"

#define SEEN 4096
struct recorder {
  struct nvt_tap_event events[SEEN];
  struct nvt_sqe sqes[SEEN];
  struct nvt_cqe cqes[SEEN];
  uint64_t sums[SEEN]; /* of data bytes */
  unsigned count;
  struct host *host;
  /* The completion queue slot's last dword in guest memory when the completion was shown. */
  bool unpublished;
};

static struct recorder rec;

static enum nvt_verdict record(void *user, const struct nvt_tap_event *event) {
  struct recorder *r = user;
  if (r->count == SEEN)
    return NVT_VERDICT_CONTINUE;
  r->events[r->count] = *event;
  switch (event->tap) {
  case NVT_TAP_ADMIN_WRITEBACK:
  case NVT_TAP_IO_WRITEBACK: {
    struct host_queue *q = &r->host->cq[event->command.cqid];
    struct nvt_cqe there;
    memcpy(&there, guest(r->host, q->base + event->command.slot * 16u), 16);
    if (NVT_CQE_PHASE(there.status) == NVT_CQE_PHASE(event->command.cqe->status))
      r->unpublished = false;
  } /* fall through */
  case NVT_TAP_ADMIN_DECODE:
  case NVT_TAP_IO_DECODE:
  case NVT_TAP_ADMIN_EXECUTE:
  case NVT_TAP_IO_EXECUTE:
    r->sqes[r->count] = *event->command.sqe;
    r->cqes[r->count] = *event->command.cqe;
    break;
  case NVT_TAP_ADMIN_MEMORY:
  case NVT_TAP_IO_MEMORY:
    for (uint32_t i = 0; i < event->data.length; i++)
      r->sums[r->count] += event->data.bytes[i];
    break;
  default:
    break;
  }
  r->count++;
  return NVT_VERDICT_CONTINUE;
}

static void attach_all(struct host *h) {
  memset(&rec, 0, sizeof(rec));
  rec.host = h;
  rec.unpublished = true;
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++) {
    bool writeback = id == NVT_TAP_ADMIN_WRITEBACK || id == NVT_TAP_IO_WRITEBACK;
    assert_int_equal(nvt_tap_attach(h->plugins, nvt_tap_name(id),
                                    writeback ? NVT_TAP_LAST : NVT_TAP_FIRST, record, &rec, "test",
                                    NULL),
                     0);
  }
}

static unsigned find(enum nvt_tap_id id, unsigned from) {
  while (from < rec.count && rec.events[from].tap != id)
    from++;
  return from;
}

static void the_order_of_one_command(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  attach_all(&h);
  assert_status(io(&h, NVT_NVM_WRITE, 3, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  enum { TAIL, FETCH, DECODE, EXECUTE, MEMORY, WRITEBACK, INTERRUPT, MSIX, HEAD, STAGES };
  const enum nvt_tap_id order[STAGES] = {
      [TAIL] = NVT_TAP_REGWRITE,          [FETCH] = NVT_TAP_IO_FETCH,
      [DECODE] = NVT_TAP_IO_DECODE,       [EXECUTE] = NVT_TAP_IO_EXECUTE,
      [MEMORY] = NVT_TAP_IO_MEMORY,       [WRITEBACK] = NVT_TAP_IO_WRITEBACK,
      [INTERRUPT] = NVT_TAP_IO_INTERRUPT, [MSIX] = NVT_TAP_PCI_MSIX,
      [HEAD] = NVT_TAP_REGWRITE,
  };
  assert_int_equal(rec.count, STAGES);
  for (unsigned i = 0; i < STAGES; i++)
    assert_int_equal(rec.events[i].tap, order[i]);
  assert_int_equal(rec.events[TAIL].access.offset, 0x1008);
  assert_int_equal(rec.events[TAIL].access.value, 1);
  assert_int_equal(rec.events[FETCH].fetch.sqid, 1);
  assert_int_equal(rec.events[FETCH].fetch.cqid, 1);
  assert_int_equal(rec.events[FETCH].fetch.head, 0);
  assert_int_equal(rec.events[FETCH].fetch.tail, 1);
  assert_int_equal(rec.events[FETCH].fetch.unacknowledged, 0);
  assert_int_equal(rec.events[DECODE].command.sqid, 1);
  assert_int_equal(rec.events[DECODE].command.slot, 0);
  assert_int_equal(rec.events[DECODE].command.head, 1);
  assert_int_equal(rec.events[DECODE].command.tail, 1);
  assert_int_equal(rec.sqes[DECODE].opcode, NVT_NVM_WRITE);
  assert_int_equal(rec.events[EXECUTE].command.sqid, 1);
  assert_int_equal(rec.events[EXECUTE].command.handle, rec.events[DECODE].command.handle);
  assert_int_equal(rec.events[MEMORY].data.direction, NVT_DIRECTION_OUT);
  assert_int_equal(rec.events[MEMORY].data.address, DATA_AT);
  assert_int_equal(rec.events[MEMORY].data.length, 512);
  assert_int_equal(rec.events[WRITEBACK].command.slot, 0);
  assert_int_equal(rec.events[WRITEBACK].command.head, 0);
  assert_int_equal(rec.cqes[WRITEBACK].sqhd, 1);
  assert_int_equal(NVT_CQE_PHASE(rec.cqes[WRITEBACK].status), 1);
  assert_int_equal(rec.events[INTERRUPT].interrupt.vector, 1);
  assert_int_equal(rec.events[INTERRUPT].interrupt.cqid, 1);
  assert_int_equal(rec.events[MSIX].interrupt.vector, 1);
  assert_int_equal(rec.events[MSIX].interrupt.cqid, 1);
  assert_int_equal(rec.events[MSIX].interrupt.state, 0);
  assert_true(rec.unpublished);
  host_close(&h);
}

static void completions_are_shown_before_they_are_published(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  attach_all(&h);
  for (int i = 0; i < 50; i++)
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_true(rec.unpublished);
  host_close(&h);
}

static void data_of_a_read_over_a_list(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  uint64_t *list = guest(&h, LIST_AT);
  list[0] = DATA_AT + 0x5000;
  list[1] = DATA_AT + 0x6000; /* contiguous with the one before */
  list[2] = DATA_AT + 0x9000;
  for (unsigned i = 0; i < 4; i++)
    memset(guest(&h, DATA_AT + 0x10000 + i * 4096), (int)i + 1, 4096);
  list[10] = DATA_AT + 0x11000;
  list[11] = DATA_AT + 0x12000;
  list[12] = DATA_AT + 0x13000;
  assert_status(io(&h, NVT_NVM_WRITE, 0, 32, DATA_AT + 0x10000, LIST_AT + 80), NVT_SC_SUCCESS);
  attach_all(&h);
  assert_status(io(&h, NVT_NVM_READ, 0, 32, DATA_AT, LIST_AT), NVT_SC_SUCCESS);
  unsigned i = find(NVT_TAP_IO_MEMORY, 0);
  assert_int_equal(rec.events[i].data.kind, 1); /* the list, as it was read */
  assert_int_equal(rec.events[i].data.address, LIST_AT);
  assert_int_equal(rec.events[i].data.length, 24);
  assert_int_equal(rec.events[i].data.offset, 4096); /* PRP1 has the first page */
  const struct {
    uint64_t address, offset, sum;
    uint32_t length;
  } pieces[] = {{DATA_AT, 0, 4096, 4096},
                {DATA_AT + 0x5000, 4096, 4096 * 5, 8192},
                {DATA_AT + 0x9000, 12288, 4096 * 4, 4096}};
  for (unsigned p = 0; p < 3; p++) {
    i = find(NVT_TAP_IO_MEMORY, i + 1);
    assert_int_equal(rec.events[i].data.kind, 0);
    assert_int_equal(rec.events[i].data.direction, NVT_DIRECTION_IN);
    assert_int_equal(rec.events[i].data.address, pieces[p].address);
    assert_int_equal(rec.events[i].data.offset, pieces[p].offset);
    assert_int_equal(rec.events[i].data.length, pieces[p].length);
    assert_int_equal(rec.sums[i], pieces[p].sum);
  }
  assert_int_equal(rec.events[i + 1].tap, NVT_TAP_IO_WRITEBACK);
  host_close(&h);
}

static void identify_shows_its_data(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  attach_all(&h);
  uint8_t page[4096];
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, page), NVT_SC_SUCCESS);
  unsigned i = find(NVT_TAP_ADMIN_MEMORY, 0);
  uint64_t sum = 0;
  for (unsigned b = 0; b < 4096; b++)
    sum += page[b];
  assert_int_equal(rec.events[i].data.length, 4096);
  assert_int_equal(rec.sums[i], sum);
  host_close(&h);
}

static void interrupts_follow_every_completion_of_their_batch(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 32);
  create_pair(&h, 2, 32);
  attach_all(&h);
  for (uint16_t q = 1; q <= 2; q++) {
    for (int i = 0; i < 20; i++)
      put(&h, q, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
    ring(&h, q, false, 20);
  }
  poll_idle(&h);
  unsigned messages = 0, completions = 0;
  for (unsigned i = 0; i < rec.count; i++) {
    if (rec.events[i].tap == NVT_TAP_PCI_MSIX) {
      assert_int_equal(completions, 40);
      messages++;
    }
    completions += rec.events[i].tap == NVT_TAP_IO_WRITEBACK;
  }
  assert_int_equal(messages, 2);
  host_close(&h);
}

static void resets_and_faults_are_events(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  attach_all(&h);
  ring(&h, 1, false, 99);
  unsigned i = find(NVT_TAP_REGWRITE, 0);
  assert_int_equal(rec.events[i].access.flags, 2); /* refused */
  i = find(NVT_TAP_DEVICE_EVENT, i);
  assert_int_equal(rec.events[i].event.event, 18);
  assert_int_equal(rec.events[i].event.qid, 1);
  assert_int_equal(rec.events[i].event.address, 0x1008);
  assert_int_equal(rec.events[i].event.size, 99);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, 0x1000, 0), NVT_SC_DATA_TRANSFER_ERROR);
  i = find(NVT_TAP_DEVICE_EVENT, i + 1);
  assert_int_equal(rec.events[i].event.event, 17);
  assert_int_equal(rec.events[i].event.address, 0x1000);
  uint32_t epoch = rec.events[i].epoch;
  set32(&h, NVT_REG_CC, 0x00460000);
  i = find(NVT_TAP_DEVICE_EVENT, i + 1);
  assert_int_equal(rec.events[i].event.event, 3);
  assert_int_equal(rec.events[i].epoch, epoch); /* the old epoch's last record */
  enable(&h);
  i = find(NVT_TAP_DEVICE_EVENT, i + 1);
  assert_int_equal(rec.events[i].event.event, 12);
  assert_int_equal(rec.events[i].epoch, epoch + 1);
  host_close(&h);
}

/* --- verdicts --- */

struct decider {
  enum nvt_verdict verdict;
  struct nvt_cqe cqe;
  uint64_t handle;
  unsigned calls;
};
static struct decider decider;

static enum nvt_verdict decide(void *user, const struct nvt_tap_event *event) {
  struct decider *d = user;
  d->calls++;
  d->handle = event->command.handle;
  if (d->verdict == NVT_VERDICT_COMPLETE) {
    event->command.cqe->dw0 = d->cqe.dw0;
    event->command.cqe->status = d->cqe.status;
  }
  return d->verdict;
}

static void with_verdict(struct host *h, const char *tap, enum nvt_verdict verdict) {
  host_open(h, "ram:1M");
  create_pair(h, 1, 16);
  decider = (struct decider){.verdict = verdict};
  assert_int_equal(nvt_tap_attach(h->plugins, tap, 0, decide, &decider, "test", NULL), 0);
}

static void complete_at_decode(void **state) {
  (void)state;
  struct host h;
  with_verdict(&h, "nvme:io:decode", NVT_VERDICT_COMPLETE);
  decider.cqe.dw0 = 0x1234;
  decider.cqe.status = (uint16_t)((NVT_SC_WRITE_TO_READ_ONLY_RANGE | NVT_STATUS_DNR) << 1);
  memset(guest(&h, DATA_AT), 0x66, 512);
  struct nvt_cqe cqe = run(&h, 1, io_sqe(NVT_NVM_WRITE, 0, 1, DATA_AT, 0));
  assert_status(status_of(cqe), NVT_SC_WRITE_TO_READ_ONLY_RANGE);
  assert_int_equal(NVT_CQE_DNR(cqe.status), 1);
  assert_int_equal(cqe.dw0, 0x1234);
  decider.verdict = NVT_VERDICT_CONTINUE;
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT), 0); /* nothing was written */
  host_close(&h);
}

static void drop_gives_the_slot_back(void **state) {
  (void)state;
  const char *const taps[] = {"nvme:io:decode", "nvme:io:writeback"};
  for (unsigned t = 0; t < 2; t++) {
    struct host h;
    with_verdict(&h, taps[t], NVT_VERDICT_DROP);
    struct nvt_cqe cqe;
    for (int i = 0; i < 100; i++) { /* far more than either queue has */
      submit(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
      poll_idle(&h);
      assert_false(peek(&h, 1, &cqe));
    }
    assert_int_equal(nvt_controller_outstanding(h.c), 0);
    decider.verdict = NVT_VERDICT_CONTINUE;
    assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
    host_close(&h);
  }
}

static void hold_at_decode_then_execute(void **state) {
  (void)state;
  struct host h;
  with_verdict(&h, "nvme:io:decode", NVT_VERDICT_HOLD);
  memset(guest(&h, DATA_AT), 0x31, 512);
  submit(&h, 1, io_sqe(NVT_NVM_WRITE, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_false(peek(&h, 1, &cqe));
  assert_int_equal(nvt_controller_outstanding(h.c), 1);
  uint64_t handle = decider.handle;
  assert_int_equal(nvt_command_release(h.c, handle + 0x10000, NULL), -ENOENT);
  assert_int_equal(nvt_command_release(h.c, handle, NULL), 0);
  assert_int_equal(h.fired[1], 1);
  assert_true(reap(&h, 1, &cqe));
  assert_status(status_of(cqe), NVT_SC_SUCCESS);
  assert_int_equal(nvt_command_release(h.c, handle, NULL), -ENOENT);
  decider.verdict = NVT_VERDICT_CONTINUE;
  memset(guest(&h, DATA_AT), 0, 512);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT), 0x31);
  host_close(&h);
}

static void hold_at_writeback_then_complete_otherwise(void **state) {
  (void)state;
  struct host h;
  with_verdict(&h, "nvme:io:writeback", NVT_VERDICT_HOLD);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_false(peek(&h, 1, &cqe));
  decider.verdict = NVT_VERDICT_CONTINUE; /* it passes the tap again */
  const struct nvt_cqe other = {.dw0 = 7, .status = NVT_SC_UNRECOVERED_READ_ERROR << 1};
  assert_int_equal(nvt_command_release(h.c, decider.handle, &other), 0);
  assert_true(reap(&h, 1, &cqe));
  assert_status(status_of(cqe), NVT_SC_UNRECOVERED_READ_ERROR);
  assert_int_equal(cqe.dw0, 7);
  assert_int_equal(decider.calls, 2);
  host_close(&h);
}

static void held_commands_end_with_abort_deletion_and_reset(void **state) {
  (void)state;
  struct host h;
  with_verdict(&h, "nvme:io:decode", NVT_VERDICT_HOLD);
  struct nvt_cqe cqe;
  uint16_t cid = submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  struct nvt_cqe aborted =
      run(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ABORT, .cdw10 = (uint32_t)cid << 16 | 1});
  assert_int_equal(aborted.dw0, 0);
  assert_true(reap(&h, 1, &cqe));
  assert_status(status_of(cqe), NVT_SC_ABORTED_BY_REQUEST);
  assert_int_equal(nvt_command_release(h.c, decider.handle, NULL), -ENOENT);

  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 1), NVT_SC_SUCCESS);
  assert_true(reap(&h, 1, &cqe));
  assert_status(status_of(cqe), NVT_SC_ABORTED_SQ_DELETION);
  assert_int_equal(nvt_command_release(h.c, decider.handle, NULL), -ENOENT);

  assert_status(create_sq_at(&h, 1, 16, SQ_AT(1), 1), NVT_SC_SUCCESS);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  set32(&h, NVT_REG_CC, 0x00460000);
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  assert_int_equal(nvt_command_release(h.c, decider.handle, NULL), -ENOENT);
  host_close(&h);
}

static void a_plugin_that_holds_everything_stops_only_the_fetch(void **state) {
  (void)state;
  struct host h;
  with_verdict(&h, "nvme:io:decode", NVT_VERDICT_HOLD);
  for (int i = 0; i < 15; i++)
    put(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  ring(&h, 1, false, 15);
  poll_idle(&h);
  assert_int_equal(nvt_controller_outstanding(h.c), 15);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  host_close(&h);
}

static void a_release_is_announced(void **state) {
  (void)state;
  struct host h;
  with_verdict(&h, "nvme:io:decode", NVT_VERDICT_HOLD);
  attach_all(&h);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  assert_int_equal(nvt_command_release(h.c, decider.handle, NULL), 0);
  unsigned held = find(NVT_TAP_VERDICT, 0), released = find(NVT_TAP_VERDICT, held + 1);
  assert_int_equal(rec.events[held].verdict.verdict, 2);
  assert_int_equal(rec.events[released].verdict.verdict, 3);
  assert_int_equal(rec.events[released].verdict.tap, NVT_TAP_IO_DECODE);
  assert_true(find(NVT_TAP_IO_WRITEBACK, 0) > released);
  host_close(&h);
}

static enum nvt_verdict hold_compares(void *user, const struct nvt_tap_event *event) {
  (void)user;
  if (event->command.sqe->opcode != NVT_NVM_COMPARE)
    return NVT_VERDICT_CONTINUE;
  decider.handle = event->command.handle;
  return NVT_VERDICT_HOLD;
}

static enum nvt_verdict let_go(void *user, const struct nvt_tap_event *event) {
  struct host *h = user;
  (void)event;
  if (nvt_command_release(h->c, decider.handle, NULL) == 0)
    assert_int_equal(nvt_command_release(h->c, decider.handle, NULL), -ENOENT);
  return NVT_VERDICT_CONTINUE;
}

/* A callback lets another command go: it neither overtakes the one that is being posted,
 * so that each is recorded with the slot that it has, nor comes between it and its data. */
static void a_callback_may_release_another_command(void **state) {
  (void)state;
  const char *const taps[] = {"nvme:io:writeback", "nvme:io:memory"};
  for (unsigned t = 0; t < 2; t++) {
    struct host h;
    host_open(&h, "ram:1M");
    create_pair(&h, 1, 16);
    attach_all(&h);
    decider = (struct decider){0};
    assert_int_equal(
        nvt_tap_attach(h.plugins, "nvme:io:decode", 0, hold_compares, NULL, "test", NULL), 0);
    /* Both have a list of pages: one for the data of the read, one that is elsewhere. */
    uint64_t lists[2][4];
    for (unsigned i = 0; i < 4; i++) {
      lists[0][i] = DATA_AT + 0x100000 + i * 0x1000;
      lists[1][i] = DATA_AT + 0x1000 + i * 0x1000;
    }
    memcpy(guest(&h, LIST_AT), lists, 32);
    memcpy(guest(&h, LIST_AT + 0x1000), lists[1], 32);
    memset(guest(&h, DATA_AT), 0x55, 0x5000);
    uint16_t held = submit(&h, 1, io_sqe(NVT_NVM_COMPARE, 0, 40, DATA_AT + 0x200000, LIST_AT));
    poll_idle(&h);
    assert_int_equal(nvt_tap_attach(h.plugins, taps[t], 0, let_go, &h, "test", NULL), 0);
    uint16_t cid = submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 40, DATA_AT, LIST_AT + 0x1000));
    poll_idle(&h);
    unsigned at = 0;
    const uint16_t order[] = {cid, held};
    for (uint16_t i = 0; i < 2; i++) {
      struct nvt_cqe cqe;
      assert_true(reap(&h, 1, &cqe));
      assert_int_equal(cqe.cid, order[i]);
      assert_status(status_of(cqe), NVT_SC_SUCCESS);
      at = find(NVT_TAP_IO_WRITEBACK, at);
      assert_int_equal(rec.cqes[at].cid, order[i]);
      assert_int_equal(rec.events[at++].command.slot, i);
    }
    for (unsigned i = 0; i < 0x5000; i++)
      assert_int_equal(((const uint8_t *)guest(&h, DATA_AT))[i], 0);
    assert_int_equal(nvt_controller_outstanding(h.c), 0);
    host_close(&h);
  }
}

/* More commands than there are requests for, all held: fetching stops, and goes on. */
static uint64_t handles[6000];
static unsigned handle_count;
static enum nvt_verdict hold_and_note(void *user, const struct nvt_tap_event *event) {
  (void)user;
  handles[handle_count++] = event->command.handle;
  return NVT_VERDICT_HOLD;
}

static void fetching_stops_when_requests_run_out(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  handle_count = 0;
  for (uint16_t q = 1; q <= 5; q++) {
    uint64_t at = DATA_AT + q * 0x20000u;
    assert_status(create_cq_at(&h, q, 1024, at, 1), NVT_SC_SUCCESS);
    assert_status(create_sq_at(&h, q, 1024, at + 0x8000, q), NVT_SC_SUCCESS);
  }
  assert_int_equal(
      nvt_tap_attach(h.plugins, "nvme:io:decode", 0, hold_and_note, NULL, "test", NULL), 0);
  for (uint16_t q = 1; q <= 5; q++) {
    for (int i = 0; i < 1023; i++)
      put(&h, q, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
    ring(&h, q, false, 1023);
  }
  poll_idle(&h);
  assert_int_equal(nvt_controller_outstanding(h.c), 4096);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  for (unsigned i = 0; i < handle_count; i++) {
    assert_int_equal(nvt_command_release(h.c, handles[i], NULL), 0);
    poll_idle(&h);
  }
  assert_int_equal(handle_count, 5 * 1023);
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  host_close(&h);
}

static enum nvt_verdict reset_it(void *user, const struct nvt_tap_event *event) {
  struct host *h = user;
  (void)event;
  nvt_controller_reset(h->c, NVT_RESET_CONTROLLER);
  return NVT_VERDICT_CONTINUE;
}

static void a_callback_may_reset_the_controller(void **state) {
  (void)state;
  const char *const taps[] = {"nvme:io:decode", "nvme:io:writeback", "nvme:io:memory"};
  for (unsigned t = 0; t < 3; t++) {
    struct host h;
    host_open(&h, "ram:1M");
    create_pair(&h, 1, 16);
    struct nvt_attachment *attachment;
    assert_int_equal(nvt_tap_attach(h.plugins, taps[t], 0, reset_it, &h, "test", &attachment), 0);
    for (int i = 0; i < 5; i++)
      put(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
    ring(&h, 1, false, 5);
    poll_idle(&h);
    assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
    assert_int_equal(nvt_controller_outstanding(h.c), 0);
    nvt_tap_detach(h.plugins, attachment);
    enable(&h);
    create_pair(&h, 1, 16);
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
    host_close(&h);
  }
}

/* Deleting a queue completes what a plug-in holds of it: a callback on the way, too. */
static void a_callback_may_reset_while_a_queue_is_deleted(void **state) {
  (void)state;
  struct host h;
  with_verdict(&h, "nvme:io:decode", NVT_VERDICT_HOLD);
  struct nvt_attachment *attachment;
  assert_int_equal(
      nvt_tap_attach(h.plugins, "nvme:io:writeback", 0, reset_it, &h, "test", &attachment), 0);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_DELETE_IO_SQ, .cdw10 = 1});
  poll_idle(&h);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  nvt_tap_detach(h.plugins, attachment);
  enable(&h);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  host_close(&h);
}

static enum nvt_verdict overwrite(void *user, const struct nvt_tap_event *event) {
  struct host *h = user;
  /* The guest writes its entry anew while it is being decoded. */
  struct nvt_sqe other = io_sqe(NVT_NVM_WRITE, 1 << 30, 9, 0, 0);
  memcpy(guest(h, h->sq[1].base + event->command.slot * 64u), &other, 64);
  return NVT_VERDICT_CONTINUE;
}

static void the_entry_is_read_once(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  assert_int_equal(nvt_tap_attach(h.plugins, "nvme:io:decode", 0, overwrite, &h, "test", NULL), 0);
  for (int i = 0; i < 40; i++)
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_order_of_one_command),
      cmocka_unit_test(completions_are_shown_before_they_are_published),
      cmocka_unit_test(data_of_a_read_over_a_list),
      cmocka_unit_test(identify_shows_its_data),
      cmocka_unit_test(interrupts_follow_every_completion_of_their_batch),
      cmocka_unit_test(resets_and_faults_are_events),
      cmocka_unit_test(complete_at_decode),
      cmocka_unit_test(drop_gives_the_slot_back),
      cmocka_unit_test(hold_at_decode_then_execute),
      cmocka_unit_test(hold_at_writeback_then_complete_otherwise),
      cmocka_unit_test(held_commands_end_with_abort_deletion_and_reset),
      cmocka_unit_test(a_plugin_that_holds_everything_stops_only_the_fetch),
      cmocka_unit_test(a_release_is_announced),
      cmocka_unit_test(a_callback_may_release_another_command),
      cmocka_unit_test(fetching_stops_when_requests_run_out),
      cmocka_unit_test(a_callback_may_reset_the_controller),
      cmocka_unit_test(a_callback_may_reset_while_a_queue_is_deleted),
      cmocka_unit_test(the_entry_is_read_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
