/* SPDX-License-Identifier: BSD-2-Clause */
/* The main path: enable, identify, queues, data there and back, interrupts, shutdown. */
#include "tests/unit/host.h"

static void identify_after_enable(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_memory_equal(id.sn, "TEST                ", 20);
  assert_int_equal(id.nn, 1);
  struct nvt_id_namespace ns;
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 1, &ns), NVT_SC_SUCCESS);
  assert_int_equal(ns.nsze << ns.lbaf[0].lbads, 1 << 20);
  host_close(&h);
}

static void write_then_read(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:4M");
  create_pair(&h, 1, 64);
  pattern(guest(&h, DATA_AT), 8192, 1);
  assert_status(io(&h, NVT_NVM_WRITE, 100, 16, DATA_AT, DATA_AT + 4096), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 100, 16, DATA_AT + 0x10000, DATA_AT + 0x11000),
                NVT_SC_SUCCESS);
  assert_memory_equal(guest(&h, DATA_AT), guest(&h, DATA_AT + 0x10000), 8192);
  host_close(&h);
}

static void one_message_for_a_batch(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 64);
  for (int i = 0; i < 20; i++)
    put(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  ring(&h, 1, false, h.sq[1].tail);
  poll_idle(&h);
  assert_int_equal(h.fired[1], 1);
  struct nvt_cqe cqe;
  for (unsigned i = 0; i < 20; i++) {
    assert_true(reap(&h, 1, &cqe));
    assert_status(status_of(cqe), NVT_SC_SUCCESS);
  }
  assert_false(reap(&h, 1, &cqe));
  host_close(&h);
}

static void shutdown_is_reported_complete(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  set32(&h, NVT_REG_CC, CC_ON | 1u << 14);
  assert_int_equal(NVT_GET(reg32(&h, NVT_REG_CSTS), CSTS_SHST), 2);
  set32(&h, NVT_REG_CC, 0x00460000);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  enable(&h);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(identify_after_enable),
      cmocka_unit_test(write_then_read),
      cmocka_unit_test(one_message_for_a_batch),
      cmocka_unit_test(shutdown_is_reported_complete),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
