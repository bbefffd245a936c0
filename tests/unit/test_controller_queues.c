/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues: creation and its limits, small ones, several, shared doorbells. */
#include "tests/unit/host.h"

static void queue_ids_at_the_limit(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.io_queues = 8});
  enable(&h);
  assert_int_equal(get_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0).dw0, 0x00070007);
  const struct {
    uint16_t qid;
    nvt_status status;
  } rows[] = {{0, NVT_SC_INVALID_QUEUE_ID}, {7, NVT_SC_SUCCESS},
              {8, NVT_SC_SUCCESS},          {9, NVT_SC_INVALID_QUEUE_ID},
              {8, NVT_SC_INVALID_QUEUE_ID}, {0xffff, NVT_SC_INVALID_QUEUE_ID}};
  for (unsigned i = 0; i < 6; i++) {
    struct nvt_sqe sqe = {.opcode = NVT_ADMIN_CREATE_IO_CQ,
                          .prp1 = CQ_AT(1),
                          .cdw10 = 15u << 16 | rows[i].qid,
                          .cdw11 = 1};
    assert_status(admin(&h, sqe), rows[i].status);
    sqe.opcode = NVT_ADMIN_CREATE_IO_SQ;
    sqe.prp1 = SQ_AT(1);
    sqe.cdw11 = 8u << 16 | 1;
    /* The first good one has no completion queue 8 yet. */
    nvt_status wanted = i == 1 ? (nvt_status)NVT_SC_CQ_INVALID : rows[i].status;
    assert_status(admin(&h, sqe), wanted);
  }
  host_close(&h);
}

static void queue_sizes_at_the_limit(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.entries = 63});
  enable(&h);
  assert_int_equal(NVT_GET(reg64(&h, NVT_REG_CAP), CAP_MQES), 63);
  const uint32_t sizes[] = {1, 2, 3, 63, 64, 65};
  for (unsigned i = 0; i < 6; i++) {
    nvt_status wanted =
        sizes[i] >= 2 && sizes[i] <= 64 ? NVT_SC_SUCCESS : NVT_SC_INVALID_QUEUE_SIZE;
    assert_status(create_cq_at(&h, 2, 64, CQ_AT(2), 1), NVT_SC_SUCCESS);
    assert_status(create_cq_at(&h, 1, sizes[i], CQ_AT(1), 1), wanted);
    assert_status(create_sq_at(&h, 1, sizes[i], SQ_AT(1), 2), wanted);
    if (wanted == NVT_SC_SUCCESS) {
      assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 1), NVT_SC_SUCCESS);
      assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
    }
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 2), NVT_SC_SUCCESS);
  }
  host_close(&h);
}

static void what_create_and_delete_refuse(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), 0), NVT_SC_INVALID_FIELD); /* PC = 0, CQR */
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1) + 16, 1), NVT_SC_INVALID_PRP_OFFSET);
  assert_status(create_sq_at(&h, 1, 16, SQ_AT(1), 0), NVT_SC_CQ_INVALID);
  assert_status(create_sq_at(&h, 1, 16, SQ_AT(1), 1), NVT_SC_CQ_INVALID);
  assert_status(create_sq_at(&h, 1, 16, SQ_AT(1), 0xffff), NVT_SC_CQ_INVALID);
  create_pair(&h, 1, 16);
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_INVALID_QUEUE_DELETION);
  const uint16_t absent[] = {0, 2, 255, 256, 0xffff};
  for (unsigned i = 0; i < 5; i++) {
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, absent[i]), NVT_SC_INVALID_QUEUE_ID);
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, absent[i]), NVT_SC_INVALID_QUEUE_ID);
  }
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 1), NVT_SC_SUCCESS);
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_CREATE_IO_SQ, .prp1 = SQ_AT(1), .cdw10 = 15u << 16 | 1};
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), 1), NVT_SC_SUCCESS);
  sqe.cdw11 = 1u << 16;
  assert_status(admin(&h, sqe), NVT_SC_INVALID_FIELD);
  host_close(&h);
}

/* U-Boot has queues of two entries, SeaBIOS and OVMF no interrupts, none of them asks
 * for a number of queues. */
static void firmware_like_queues(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  enable_with(&h, 2, 2, CC_ON);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  assert_status(create_cq_at(&h, 1, 2, CQ_AT(1), 1), NVT_SC_SUCCESS);
  assert_status(create_sq_at(&h, 1, 2, SQ_AT(1), 1), NVT_SC_SUCCESS);
  for (uint32_t i = 0; i < 9; i++) {
    pattern(guest(&h, DATA_AT), 512, i);
    assert_status(io(&h, NVT_NVM_WRITE, i, 1, DATA_AT, 0), NVT_SC_SUCCESS);
    assert_status(io(&h, NVT_NVM_READ, i, 1, DATA_AT + 4096, 0), NVT_SC_SUCCESS);
    assert_memory_equal(guest(&h, DATA_AT), guest(&h, DATA_AT + 4096), 512);
  }
  assert_int_equal(h.fired[0] + h.fired[1], 0); /* MSI-X was never enabled */
  host_close(&h);
}

static void event_requests_do_not_block_a_queue_of_two(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  enable_with(&h, 8, 2, CC_ON);
  for (int i = 0; i < 3; i++)
    submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(&h);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  /* An event while the only slot is taken waits for it. */
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_KEEP_ALIVE});
  poll_idle(&h);
  set32(&h, 0x1ff8, 1);
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_true(reap(&h, 0, &cqe));
  assert_status(status_of(cqe), NVT_SC_SUCCESS);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0x00010000); /* error, invalid doorbell register, log page 1 */
  host_close(&h);
}

static void several_submission_queues_on_one_completion_queue(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(create_cq_at(&h, 1, 8, CQ_AT(1), 3), NVT_SC_SUCCESS);
  for (uint16_t q = 1; q <= 3; q++)
    assert_status(create_sq_at(&h, q, 16, SQ_AT(q), 1), NVT_SC_SUCCESS);
  for (uint16_t q = 1; q <= 3; q++) {
    for (int i = 0; i < 15; i++)
      put(&h, q, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
    ring(&h, q, false, 15);
  }
  unsigned got[4] = {0};
  struct nvt_cqe cqe;
  for (int i = 0; i < 45; i++) {
    poll_idle(&h);
    assert_true(reap(&h, 1, &cqe));
    assert_in_range(cqe.sqid, 1, 3);
    assert_int_equal(cqe.cid, h.cid - 45 + (cqe.sqid - 1) * 15 + (int)got[cqe.sqid]);
    got[cqe.sqid]++;
  }
  poll_idle(&h);
  assert_false(reap(&h, 1, &cqe));
  assert_int_equal(got[1], 15);
  assert_int_equal(got[2], 15);
  assert_int_equal(got[3], 15);
  host_close(&h);
}

static void arbitration_burst_is_kept(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(status_of(set_feature(&h, NVT_FEATURE_ARBITRATION, 0, 2)), NVT_SC_SUCCESS);
  assert_status(create_cq_at(&h, 1, 64, CQ_AT(1), 3), NVT_SC_SUCCESS);
  for (uint16_t q = 1; q <= 2; q++) {
    assert_status(create_sq_at(&h, q, 32, SQ_AT(q), 1), NVT_SC_SUCCESS);
    for (int i = 0; i < 12; i++)
      put(&h, q, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  }
  ring(&h, 1, false, 12);
  ring(&h, 2, false, 12);
  poll_idle(&h);
  struct nvt_cqe cqe;
  uint16_t first = 0;
  for (unsigned i = 0; i < 24; i++) {
    assert_true(reap(&h, 1, &cqe));
    if (i == 0)
      first = cqe.sqid;
    assert_int_equal(cqe.sqid, i / 4 % 2 == 0 ? first : 3 - first);
  }
  host_close(&h);
}

static void shared_doorbells_work(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  static uint32_t page[1024];
  memset(page, 0xee, sizeof(page)); /* of an earlier host */
  h.doorbells = page;
  nvt_controller_share_doorbells(h.c, page);
  enable(&h);
  create_pair(&h, 1, 16);
  for (int i = 0; i < 100; i++)
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

static void stale_shared_doorbells_are_not_taken(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  static uint32_t page[1024];
  h.doorbells = page;
  nvt_controller_share_doorbells(h.c, page);
  enable(&h);
  create_pair(&h, 1, 16);
  for (int i = 0; i < 5; i++)
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(page[2], 5);
  /* Deleted and made again: the old tail is still in the page when Create comes. */
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 1), NVT_SC_SUCCESS);
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
  page[2] = 5;
  page[3] = 5;
  memset(guest(&h, DATA_AT), 0x33, 512);
  create_pair(&h, 1, 16);
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_false(peek(&h, 1, &cqe));
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  /* And after a reset. */
  page[0] = 9;
  page[2] = 9;
  set32(&h, NVT_REG_CC, 0x00460000);
  page[0] = 9;
  enable(&h);
  poll_idle(&h);
  assert_false(peek(&h, 0, &cqe));
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  host_close(&h);
}

static void step_fetches_exactly_one(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  nvt_controller_set_manual(h.c, true);
  for (int i = 0; i < 3; i++)
    put(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  ring(&h, 1, false, 3);
  struct nvt_cqe cqe;
  poll_idle(&h);
  assert_false(peek(&h, 1, &cqe));
  for (int i = 0; i < 3; i++) {
    assert_int_equal(nvt_controller_step(h.c, 1), 1);
    assert_true(reap(&h, 1, &cqe));
    assert_false(peek(&h, 1, &cqe));
  }
  assert_int_equal(nvt_controller_step(h.c, 1), 0);
  assert_int_equal(nvt_controller_step(h.c, 2), -ENOENT);
  assert_int_equal(nvt_controller_step(h.c, 0xffff), -ENOENT);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(queue_ids_at_the_limit),
      cmocka_unit_test(queue_sizes_at_the_limit),
      cmocka_unit_test(what_create_and_delete_refuse),
      cmocka_unit_test(firmware_like_queues),
      cmocka_unit_test(event_requests_do_not_block_a_queue_of_two),
      cmocka_unit_test(several_submission_queues_on_one_completion_queue),
      cmocka_unit_test(arbitration_burst_is_kept),
      cmocka_unit_test(shared_doorbells_work),
      cmocka_unit_test(stale_shared_doorbells_are_not_taken),
      cmocka_unit_test(step_fetches_exactly_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
