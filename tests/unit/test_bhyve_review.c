/* SPDX-License-Identifier: BSD-2-Clause */
/* What the reviewers of bhyve's NVMe emulation asked for, one test for each demand. */
#include "tests/unit/host.h"

#define ALL 0xffffffffu

static void unsupported_cns_is_invalid_field(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  const uint8_t supported[] = {0x00, 0x01, 0x02, 0x03, 0x06, 0x10, 0x13};
  for (unsigned cns = 0; cns < 256; cns++) {
    if (memchr(supported, (int)cns, sizeof(supported)) == NULL)
      assert_status(identify(&h, (uint8_t)cns, 1, NULL), NVT_SC_INVALID_FIELD);
  }
  host_close(&h);
}

static void identify_controller_or_namespace_of_all_namespaces_is_invalid(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(identify(&h, NVT_CNS_NAMESPACE, ALL, NULL), NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, ALL, NULL), NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  host_close(&h);
}

static void allocated_list_from_fffffffe_is_invalid(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(identify(&h, 0x10, ALL, NULL), NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(identify(&h, 0x10, ALL - 1, NULL), NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(identify(&h, 0x10, ALL - 2, NULL), NVT_SC_SUCCESS);
  host_close(&h);
}

static void supported_cns_with_a_bad_nsid_is_invalid_namespace(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 0, NULL), NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 1, NULL), NVT_SC_SUCCESS);
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 2, NULL), NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(identify(&h, NVT_CNS_ACTIVE_NS_LIST, ALL, NULL),
                NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(identify(&h, NVT_CNS_ACTIVE_NS_LIST, ALL - 1, NULL),
                NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(identify(&h, NVT_CNS_ACTIVE_NS_LIST, ALL - 2, NULL), NVT_SC_SUCCESS);
  assert_status(identify(&h, NVT_CNS_NS_ID_DESCRIPTORS, 0, NULL),
                NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(identify(&h, NVT_CNS_NS_ID_DESCRIPTORS, 2, NULL),
                NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  host_close(&h);
}

static void abort_not_performed_succeeds_with_bit_0(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_cqe cqe =
      run(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ABORT, .cdw10 = 0x7777u << 16 | 5});
  assert_status(status_of(cqe), NVT_SC_SUCCESS);
  assert_int_equal(cqe.dw0 & 1, 1);
  host_close(&h);
}

static void abort_performed_succeeds_with_0(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  uint16_t event = submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(&h);
  uint16_t abort_cid =
      submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ABORT, .cdw10 = (uint32_t)event << 16});
  poll_idle(&h);
  struct nvt_cqe first, second;
  assert_true(reap(&h, 0, &first));
  assert_true(reap(&h, 0, &second));
  assert_int_equal(first.cid, event);
  assert_status(status_of(first), NVT_SC_ABORTED_BY_REQUEST);
  assert_int_equal(second.cid, abort_cid);
  assert_status(status_of(second), NVT_SC_SUCCESS);
  assert_int_equal(second.dw0, 0);
  host_close(&h);
}

static void serial_is_configurable_and_space_padded(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.serial = "S 42"});
  enable(&h);
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_memory_equal(id.sn, "S 42                ", 20);
  assert_memory_equal(id.mn, "nvmetap NVMe controller                 ", 40);
  host_close(&h);
}

static void serial_lengths(void **state) {
  (void)state;
  struct nvt_controller *c = NULL;
  const struct {
    const char *serial;
    int error;
  } rows[] = {{"1234567890123456789", 0},
              {"12345678901234567890", 0},
              {"123456789012345678901", -EINVAL},
              {"tab\there", -EINVAL}};
  for (unsigned i = 0; i < 4; i++) {
    struct nvt_controller_options options = {.serial = rows[i].serial};
    assert_int_equal(nvt_controller_create(&options, &c), rows[i].error);
    if (rows[i].error == 0)
      nvt_controller_destroy(c);
  }
}

static void serials_made_for_two_controllers_differ(void **state) {
  (void)state;
  struct host a, b;
  host_open_with(&a, NULL, (struct nvt_controller_options){.id = 0});
  host_open_with(&b, NULL, (struct nvt_controller_options){.id = 1});
  struct nvt_controller_info first, second;
  nvt_controller_info(a.c, &first);
  nvt_controller_info(b.c, &second);
  assert_string_not_equal(first.serial, second.serial);
  host_close(&a);
  host_close(&b);
}

static void oui_is_the_documented_one(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_int_equal(id.ieee[2], 0x02); /* locally administered */
  assert_int_equal(id.ieee[1], 0x4e);
  assert_int_equal(id.ieee[0], 0x56);
  host_close(&h);
}

static void ver_equals_the_version_register(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_int_equal(id.ver, reg32(&h, NVT_REG_VS));
  assert_int_not_equal(id.ver, 0);
  host_close(&h);
}

static void warning_temperature_is_0157(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_int_equal(id.wctemp, 0x157);
  host_close(&h);
}

static void firmware_log_agrees_with_identify(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.firmware = "2.5"});
  enable(&h);
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_status(get_log(&h, NVT_LOG_FIRMWARE_SLOT, 0, 512), NVT_SC_SUCCESS);
  struct nvt_log_firmware log;
  memcpy(&log, guest(&h, DATA_AT), sizeof(log));
  assert_int_equal(log.afi & 7, 1);      /* slot 1 is active */
  assert_int_equal(log.afi >> 4 & 7, 0); /* and stays it */
  assert_memory_equal(log.frs[0], id.fr, 8);
  assert_memory_equal(id.fr, "2.5     ", 8);
  assert_int_equal(id.frmw >> 1 & 7, 1); /* one slot */
  for (unsigned i = 1; i < 7; i++) {
    const char none[8] = {0};
    assert_memory_equal(log.frs[i], none, 8);
  }
  host_close(&h);
}

static void get_features_returns_the_last_set(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  const struct {
    uint8_t fid;
    uint32_t set, get;
  } rows[] = {
      {NVT_FEATURE_ARBITRATION, 0x03020105, 0},
      {NVT_FEATURE_TEMPERATURE_THRESHOLD, 0x0150, 0},
      {NVT_FEATURE_TEMPERATURE_THRESHOLD, 0x00100100, 0x00100000},
      {NVT_FEATURE_ERROR_RECOVERY, 0x1234, 0},
      {NVT_FEATURE_VOLATILE_WRITE_CACHE, 0, 0},
      {NVT_FEATURE_NUMBER_OF_QUEUES, 0x00030007, 0},
      {NVT_FEATURE_INTERRUPT_COALESCING, 0x0a05, 0},
      {NVT_FEATURE_INTERRUPT_VECTOR_CONFIG, 0x10003, 3},
      {NVT_FEATURE_WRITE_ATOMICITY, 1, 0},
      {NVT_FEATURE_ASYNC_EVENT_CONFIG, 0x100, 0},
  };
  for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_status(status_of(set_feature(&h, rows[i].fid, 0, rows[i].set)), NVT_SC_SUCCESS);
    struct nvt_cqe cqe = get_feature(&h, rows[i].fid, 0, rows[i].get);
    assert_status(status_of(cqe), NVT_SC_SUCCESS);
    if (rows[i].fid == NVT_FEATURE_TEMPERATURE_THRESHOLD)
      assert_int_equal(cqe.dw0, rows[i].set & 0xffff);
    else
      assert_int_equal(cqe.dw0, rows[i].set);
  }
  host_close(&h);
}

static void reset_zeroes_all_queues(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  for (uint16_t q = 1; q <= 4; q++)
    create_pair(&h, q, 16);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  set32(&h, NVT_REG_CC, 0x00460000);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  enable(&h);
  /* Were one left, it couldn't be created again, and Delete would find it. */
  for (uint16_t q = 1; q <= 4; q++) {
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, q), NVT_SC_INVALID_QUEUE_ID);
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, q), NVT_SC_INVALID_QUEUE_ID);
  }
  for (uint16_t q = 1; q <= 4; q++)
    create_pair(&h, q, 16);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

static void submission_and_completion_counts_may_differ(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_cqe cqe = set_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0u << 16 | 3);
  assert_int_equal(cqe.dw0, 3); /* 4 submission queues, 1 completion queue */
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), 1), NVT_SC_SUCCESS);
  assert_status(create_cq_at(&h, 2, 16, CQ_AT(2), 1), NVT_SC_INVALID_QUEUE_ID);
  for (uint16_t q = 1; q <= 4; q++)
    assert_status(create_sq_at(&h, q, 8, SQ_AT(q), 1), NVT_SC_SUCCESS);
  assert_status(create_sq_at(&h, 5, 8, SQ_AT(5), 1), NVT_SC_INVALID_QUEUE_ID);
  host_queue_set(&h.cq[1], CQ_AT(1), 16);
  for (uint16_t q = 1; q <= 4; q++) {
    cqe = run_on(&h, q, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
    assert_status(status_of(cqe), NVT_SC_SUCCESS);
  }
  host_close(&h);
}

static void repeated_resizes_while_booting_survive(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  for (uint32_t round = 0; round < 50; round++) {
    uint32_t sqs = round * 7 % 64, cqs = round * 5 % 64;
    struct nvt_cqe cqe = set_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, cqs << 16 | sqs);
    assert_int_equal(cqe.dw0, cqs << 16 | sqs);
    create_pair(&h, 1, 2 + round);
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
    assert_status(status_of(set_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0)),
                  NVT_SC_COMMAND_SEQUENCE_ERROR);
    if (round % 2 == 0) {
      assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 1), NVT_SC_SUCCESS);
      assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
    } else {
      set32(&h, NVT_REG_CC, 0x00460000);
      enable(&h);
    }
  }
  host_close(&h);
}

static void admin_queue_is_reinitialised_only_by_a_reset(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  /* None of these may move the queue that works, or its head and phase. */
  set32(&h, NVT_REG_AQA, 0x00010001);
  set64(&h, NVT_REG_ASQ, DATA_AT);
  set64(&h, NVT_REG_ACQ, DATA_AT + 0x1000);
  set32(&h, NVT_REG_CC, CC_ON);
  for (int i = 0; i < 3 * ADMIN_ENTRIES; i++)
    assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  assert_int_equal(h.sq[0].tail, 1); /* three times round */
  set32(&h, NVT_REG_CC, 0x00460000);
  enable(&h);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  host_close(&h);
}

static void memory_of_deleted_queues_is_never_written(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  create_pair(&h, 2, 16);
  /* Fetched or not, what is outstanding at the deletion leaves no trace after it. */
  for (int i = 0; i < 5; i++)
    put(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 1), NVT_SC_SUCCESS);
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
  memset(guest(&h, CQ_AT(1)), 0xa5, 0x1000);
  ring(&h, 1, false, 5);
  poll_idle(&h);
  for (int i = 0; i < 40; i++) {
    struct nvt_cqe cqe = run(&h, 2, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
    assert_status(status_of(cqe), NVT_SC_SUCCESS);
  }
  set32(&h, NVT_REG_CC, 0x00460000);
  memset(guest(&h, CQ_AT(2)), 0xa5, 0x1000);
  memset(guest(&h, ACQ_AT), 0xa5, 0x1000);
  poll_idle(&h);
  const uint64_t cqs[] = {CQ_AT(1), CQ_AT(2), ACQ_AT};
  for (unsigned q = 0; q < 3; q++) {
    const uint8_t *bytes = guest(&h, cqs[q]);
    for (unsigned i = 0; i < 0x1000; i++)
      assert_int_equal(bytes[i], 0xa5);
  }
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unsupported_cns_is_invalid_field),
      cmocka_unit_test(identify_controller_or_namespace_of_all_namespaces_is_invalid),
      cmocka_unit_test(allocated_list_from_fffffffe_is_invalid),
      cmocka_unit_test(supported_cns_with_a_bad_nsid_is_invalid_namespace),
      cmocka_unit_test(abort_not_performed_succeeds_with_bit_0),
      cmocka_unit_test(abort_performed_succeeds_with_0),
      cmocka_unit_test(serial_is_configurable_and_space_padded),
      cmocka_unit_test(serial_lengths),
      cmocka_unit_test(serials_made_for_two_controllers_differ),
      cmocka_unit_test(oui_is_the_documented_one),
      cmocka_unit_test(ver_equals_the_version_register),
      cmocka_unit_test(warning_temperature_is_0157),
      cmocka_unit_test(firmware_log_agrees_with_identify),
      cmocka_unit_test(get_features_returns_the_last_set),
      cmocka_unit_test(reset_zeroes_all_queues),
      cmocka_unit_test(submission_and_completion_counts_may_differ),
      cmocka_unit_test(repeated_resizes_while_booting_survive),
      cmocka_unit_test(admin_queue_is_reinitialised_only_by_a_reset),
      cmocka_unit_test(memory_of_deleted_queues_is_never_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
