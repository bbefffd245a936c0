/* SPDX-License-Identifier: BSD-2-Clause */
/* A controller put into the middle of a session: its queues, at their limits, and what is under
 * way. */
/* clang-format off */
#include "tests/unit/host.h"
/* clang-format on */

#include "controller/restore.h"
#include "controller/state.h"

static struct nvt_queue_info cq_info(void) {
  return (struct nvt_queue_info){.qid = 1,
                                 .cqid = 1,
                                 .vector = 1,
                                 .is_cq = true,
                                 .interrupts = true,
                                 .phase = false,
                                 .base = CQ_AT(1),
                                 .entries = 16,
                                 .head = 14,
                                 .tail = 15};
}

static struct nvt_queue_info sq_info(void) {
  return (struct nvt_queue_info){
      .qid = 1, .cqid = 1, .base = SQ_AT(1), .entries = 16, .head = 5, .tail = 5};
}

static void start(struct host *h) {
  memset(h, 0, sizeof(*h));
  host_open(h, "ram:1M");
}

static void stop(struct host *h) {
  host_close(h);
}

static int restore(struct host *h, struct nvt_queue_info info) {
  return nvt_controller_restore_queue(h->c, &info);
}

static void limits_of_queues(void **state) {
  (void)state;
  struct host h;
  start(&h);
  struct nvt_controller_info about;
  nvt_controller_info(h.c, &about);
  const uint32_t most = (uint32_t)NVT_GET(about.cap, CAP_MQES) + 1;
  const struct {
    uint32_t entries, head, tail;
    int expected;
  } sizes[] = {{0, 0, 0, -EINVAL},
               {1, 0, 0, -EINVAL},
               {2, 1, 0, 0},
               {2, 2, 0, -EINVAL},
               {2, 0, 2, -EINVAL},
               {most - 1, 0, most - 2, 0},
               {most, most - 1, most - 1, 0},
               {most + 1, 0, 0, -EINVAL},
               {16, 15, 15, 0},
               {16, 16, 0, -EINVAL},
               {16, 0, 16, -EINVAL},
               {UINT32_MAX, 0, 0, -EINVAL}};
  for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    struct nvt_queue_info info = cq_info();
    info.qid = info.cqid = (uint16_t)(10 + i);
    info.entries = sizes[i].entries;
    info.head = sizes[i].head;
    info.tail = sizes[i].tail;
    assert_int_equal(restore(&h, info), sizes[i].expected);
  }
  const struct {
    uint16_t qid;
    int expected;
  } ids[] = {{about.io_queues, 0},
             {(uint16_t)(about.io_queues + 1), -EINVAL},
             {255, -EINVAL},
             {256, -EINVAL},
             {UINT16_MAX, -EINVAL}};
  for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
    struct nvt_queue_info info = cq_info();
    info.qid = ids[i].qid;
    assert_int_equal(restore(&h, info), ids[i].expected);
  }
  struct nvt_queue_info info = cq_info();
  info.vector = about.vectors;
  assert_int_equal(restore(&h, info), -EINVAL);
  info.vector--;
  assert_int_equal(restore(&h, info), 0);
  assert_int_equal(restore(&h, info), -EEXIST);
  info = sq_info();
  info.cqid = 2; /* there is no such completion queue */
  assert_int_equal(restore(&h, info), -EINVAL);
  info.cqid = UINT16_MAX;
  assert_int_equal(restore(&h, info), -EINVAL);
  stop(&h);
}

static void the_admin_queue_is_there(void **state) {
  (void)state;
  struct host h;
  start(&h);
  struct nvt_queue_info info = {
      .is_cq = true, .base = ACQ_AT, .entries = ADMIN_ENTRIES, .head = 3, .tail = 4, .phase = true};
  assert_int_equal(restore(&h, info), 0);
  info.entries++;
  assert_int_equal(restore(&h, info), -EINVAL);
  set32(&h, NVT_REG_CC, 0);
  info.entries--;
  assert_int_equal(restore(&h, info), -EAGAIN);
  assert_int_equal(nvt_controller_restore_command(h.c, 0, 0), -ENOENT);
  stop(&h);
}

/* Queues wrap, and a command that was under way completes where the host expects it. */
static void a_command_goes_on(void **state) {
  (void)state;
  struct host h;
  start(&h);
  nvt_controller_set_manual(h.c, true);
  assert_int_equal(restore(&h, cq_info()), 0);
  assert_int_equal(restore(&h, sq_info()), 0);
  assert_int_equal(nvt_controller_restore_command(h.c, 2, 0), -ENOENT);
  assert_int_equal(nvt_controller_restore_command(h.c, 256, 0), -ENOENT);
  assert_int_equal(nvt_controller_restore_command(h.c, 1, 16), 0);
  struct nvt_sqe sqe = {.opcode = NVT_NVM_FLUSH, .cid = 0x77, .nsid = 1};
  memcpy((uint8_t *)guest(&h, SQ_AT(1)) + 15 * sizeof(sqe), &sqe, sizeof(sqe));
  assert_int_equal(nvt_controller_restore_command(h.c, 1, 15), 1);
  struct nvt_queue_info queue;
  struct nvt_cqe cqe;
  bool found = false;
  for (unsigned i = 0; nvt_controller_queue(h.c, i, &queue); i++)
    if (queue.qid == 1 && !queue.is_cq) {
      found = true;
      assert_int_equal(queue.head, 5);
      assert_int_equal(queue.tail, 5);
    } else if (queue.qid == 1) {
      assert_int_equal(queue.tail, 0);
      assert_true(queue.phase); /* turned with the wrap */
    }
  assert_true(found);
  memcpy(&cqe, (uint8_t *)guest(&h, CQ_AT(1)) + 15 * sizeof(cqe), sizeof(cqe));
  assert_int_equal(cqe.cid, 0x77);
  assert_int_equal(NVT_CQE_PHASE(cqe.status), 0);
  unsigned fired = h.fired[1];
  nvt_controller_flush_interrupts(h.c);
  assert_int_equal(h.fired[1], fired + 1);
  stop(&h);
}

/* No more completions than there is room for are taken on. */
static void room_for_completions(void **state) {
  (void)state;
  for (uint32_t free = 0; free < 3; free++) {
    struct host h;
    start(&h);
    nvt_controller_set_manual(h.c, true);
    struct nvt_queue_info info = cq_info();
    info.head = 0;
    info.tail = 15 - free; /* so many of 15 are left */
    assert_int_equal(restore(&h, info), 0);
    assert_int_equal(restore(&h, sq_info()), 0);
    for (uint32_t i = 0; i < 3; i++) {
      struct nvt_sqe sqe = {.opcode = NVT_NVM_FLUSH, .cid = (uint16_t)i, .nsid = 1};
      memcpy((uint8_t *)guest(&h, SQ_AT(1)) + i * sizeof(sqe), &sqe, sizeof(sqe));
      assert_int_equal(nvt_controller_restore_command(h.c, 1, (uint16_t)i), i < free);
    }
    stop(&h);
  }
}

static void interrupts_that_are_due(void **state) {
  (void)state;
  struct host h;
  start(&h);
  nvt_controller_set_manual(h.c, true);
  assert_int_equal(restore(&h, cq_info()), 0);
  unsigned fired = h.fired[1];
  nvt_controller_restore_due(h.c, 1);
  nvt_controller_restore_due(h.c, 1);
  nvt_controller_restore_due(h.c, 9); /* there is none */
  nvt_controller_restore_due(h.c, UINT16_MAX);
  nvt_controller_flush_interrupts(h.c);
  assert_int_equal(h.fired[1], fired + 1);
  nvt_controller_restore_due(h.c, 1);
  nvt_controller_restore_told(h.c, 2);
  nvt_controller_restore_told(h.c, 1);
  nvt_controller_flush_interrupts(h.c);
  assert_int_equal(h.fired[1], fired + 1);
  stop(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(limits_of_queues),        cmocka_unit_test(the_admin_queue_is_there),
      cmocka_unit_test(a_command_goes_on),       cmocka_unit_test(room_for_completions),
      cmocka_unit_test(interrupts_that_are_due),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
