/* SPDX-License-Identifier: BSD-2-Clause */
/* Bugs that bhyve's NVMe emulation had, one test for each: here they aren't. */
#include "tests/unit/host.h"

static void ram_copies_in_the_right_direction(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  uint8_t first[512], second[512];
  pattern(first, 512, 1);
  pattern(second, 512, 2);
  memcpy(guest(&h, DATA_AT), first, 512);
  assert_status(io(&h, NVT_NVM_WRITE, 7, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_memory_equal(guest(&h, DATA_AT), first, 512);
  memcpy(guest(&h, DATA_AT), second, 512);
  assert_status(io(&h, NVT_NVM_READ, 7, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_memory_equal(guest(&h, DATA_AT), first, 512);
  host_close(&h);
}

static void ram_io_over_8_kib(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:4M");
  create_pair(&h, 1, 16);
  for (uint32_t kib = 4; kib <= 512; kib += 4) {
    uint64_t *list = guest(&h, LIST_AT);
    uint32_t pages = kib / 4;
    for (uint32_t i = 1; i < pages; i++)
      list[i - 1] = DATA_AT + (uint64_t)i * 4096;
    uint64_t prp2 = pages == 1 ? 0 : pages == 2 ? list[0] : LIST_AT;
    pattern(guest(&h, DATA_AT), kib * 1024, kib);
    assert_status(io(&h, NVT_NVM_WRITE, 3, kib * 2, DATA_AT, prp2), NVT_SC_SUCCESS);
    uint8_t *wanted = malloc(kib * 1024);
    memcpy(wanted, guest(&h, DATA_AT), kib * 1024);
    memset(guest(&h, DATA_AT), 0, kib * 1024);
    assert_status(io(&h, NVT_NVM_READ, 3, kib * 2, DATA_AT, prp2), NVT_SC_SUCCESS);
    assert_memory_equal(guest(&h, DATA_AT), wanted, kib * 1024);
    free(wanted);
  }
  host_close(&h);
}

static void write_zeroes_writes_zeroes(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  memset(guest(&h, DATA_AT), 0xee, 4096);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_WRITE_ZEROES, 2, 3, 0, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  const uint8_t *bytes = guest(&h, DATA_AT);
  for (unsigned i = 0; i < 4096; i++)
    assert_int_equal(bytes[i], i / 512 >= 2 && i / 512 < 5 ? 0 : 0xee);
  host_close(&h);
}

static void identify_heeds_the_nsid(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  char why[128];
  uint32_t nsid;
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:2M,block=4096", &nsid, why, sizeof(why)),
                   0);
  assert_int_equal(nsid, 2);
  struct nvt_id_namespace ns;
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 1, &ns), NVT_SC_SUCCESS);
  assert_int_equal(ns.nsze, 2048);
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 2, &ns), NVT_SC_SUCCESS);
  assert_int_equal(ns.nsze, 512);
  assert_int_equal(ns.lbaf[0].lbads, 12);
  uint32_t list[1024];
  assert_status(identify(&h, NVT_CNS_ACTIVE_NS_LIST, 0, list), NVT_SC_SUCCESS);
  assert_int_equal(list[0], 1);
  assert_int_equal(list[1], 2);
  assert_int_equal(list[2], 0);
  assert_status(identify(&h, NVT_CNS_ACTIVE_NS_LIST, 1, list), NVT_SC_SUCCESS);
  assert_int_equal(list[0], 2);
  assert_int_equal(list[1], 0);
  assert_status(identify(&h, NVT_CNS_ACTIVE_NS_LIST, 2, list), NVT_SC_SUCCESS);
  assert_int_equal(list[0], 0);
  host_close(&h);
}

static void features_01_02_05_08_0a_are_changeable(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  const uint8_t fids[] = {0x01, 0x02, 0x05, 0x08, 0x0a};
  for (unsigned i = 0; i < sizeof(fids); i++) {
    uint32_t value = fids[i] == 0x02 ? 0 : 1;
    assert_status(status_of(set_feature(&h, fids[i], 0, value)), NVT_SC_SUCCESS);
    assert_int_equal(get_feature(&h, fids[i], 0, 0).dw0, value);
    assert_int_equal(get_feature(&h, fids[i], 3, 0).dw0 & 4, 4);
  }
  host_close(&h);
}

static void a_dirty_completion_queue_does_not_set_the_phase(void **state) {
  (void)state;
  for (unsigned dirt = 0; dirt < 256; dirt += 0xff) {
    struct host h;
    host_open(&h, "ram:1M");
    create_pair(&h, 1, 4);
    /* All zeroes is what a host should leave; the controller's phase mustn't depend on it. */
    memset(guest(&h, CQ_AT(1)), (int)dirt, 4 * 16);
    unsigned phase = 1;
    for (unsigned i = 0; i < 20; i++) {
      submit(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
      poll_idle(&h);
      struct nvt_cqe cqe;
      memcpy(&cqe, guest(&h, CQ_AT(1) + i % 4 * 16), 16);
      assert_int_equal(NVT_CQE_PHASE(cqe.status), phase);
      assert_int_equal(cqe.sqid, 1);
      memset(guest(&h, CQ_AT(1) + i % 4 * 16), (int)dirt, 16);
      ring(&h, 1, true, (i + 1) % 4);
      if (i % 4 == 3)
        phase ^= 1;
    }
    host_close(&h);
  }
}

static void a_full_completion_queue_is_respected(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(create_cq_at(&h, 1, 4, CQ_AT(1), 3), NVT_SC_SUCCESS);
  assert_status(create_sq_at(&h, 1, 32, SQ_AT(1), 1), NVT_SC_SUCCESS);
  for (int i = 0; i < 20; i++)
    put(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  ring(&h, 1, false, 20);
  uint16_t expected = h.cid;
  expected = (uint16_t)(expected - 20);
  struct nvt_cqe cqe;
  for (int lap = 0; lap < 7; lap++) {
    poll_idle(&h);
    /* Never more than size - 1 without an acknowledgement: the fourth slot stays as it was. */
    int got = 0;
    while (take(&h, 1, &cqe)) {
      assert_int_equal(cqe.cid, expected++);
      got++;
    }
    assert_int_equal(got, lap < 6 ? 3 : 2);
    ring(&h, 1, true, h.cq[1].head);
  }
  host_close(&h);
}

static void sq_head_is_fresh_in_every_completion_of_a_batch(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 64);
  for (int i = 0; i < 40; i++)
    put(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  ring(&h, 1, false, 40);
  poll_idle(&h);
  for (unsigned i = 0; i < 40; i++) {
    struct nvt_cqe cqe;
    assert_true(reap(&h, 1, &cqe));
    assert_int_equal(cqe.sqhd, i + 1);
  }
  host_close(&h);
}

static void a_failed_create_sq_does_not_block_delete_cq(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), 3), NVT_SC_SUCCESS);
  assert_status(create_sq_at(&h, 1, 1, SQ_AT(1), 1), NVT_SC_INVALID_QUEUE_SIZE);
  assert_status(create_sq_at(&h, 1, 16, SQ_AT(1) + 8, 1), NVT_SC_INVALID_PRP_OFFSET);
  assert_status(create_sq_at(&h, 200, 16, SQ_AT(1), 1), NVT_SC_INVALID_QUEUE_ID);
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
  host_close(&h);
}

static void the_tail_is_checked_against_the_capacity(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 8);
  for (int i = 0; i < 7; i++)
    put(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  struct nvt_cqe cqe;
  ring(&h, 1, false, 9); /* n + 1 */
  ring(&h, 1, false, 8); /* n */
  poll_idle(&h);
  assert_false(reap(&h, 1, &cqe));
  ring(&h, 1, false, 7); /* n - 1: a full queue */
  poll_idle(&h);
  for (int i = 0; i < 7; i++)
    assert_true(reap(&h, 1, &cqe));
  assert_false(reap(&h, 1, &cqe));
  host_close(&h);
}

static void the_interrupt_vector_is_the_one_asked_for(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.vectors = 5});
  msix_on(&h);
  enable(&h);
  for (uint16_t v = 0; v < 5; v++) {
    assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), (uint32_t)v << 16 | 3), NVT_SC_SUCCESS);
    assert_status(create_sq_at(&h, 1, 16, SQ_AT(1), 1), NVT_SC_SUCCESS);
    memset(guest(&h, CQ_AT(1)), 0, 16 * 16);
    memset(h.fired, 0, sizeof(h.fired));
    assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
    for (unsigned other = 0; other < 5; other++)
      assert_int_equal(h.fired[other], other == v ? 1 : 0);
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 1), NVT_SC_SUCCESS);
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
  }
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), 5u << 16 | 3), NVT_SC_INVALID_INTERRUPT_VECTOR);
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), 6u << 16 | 3), NVT_SC_INVALID_INTERRUPT_VECTOR);
  host_close(&h);
}

/* --- and what a hostile guest did to it --- */

static void a_bad_admin_queue_is_fatal_not_ready(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  const uint32_t aqas[] = {0, 0x00000007, 0x00070000};
  for (unsigned i = 0; i < 3; i++) {
    set32(&h, NVT_REG_AQA, aqas[i]);
    set64(&h, NVT_REG_ASQ, ASQ_AT);
    set64(&h, NVT_REG_ACQ, ACQ_AT);
    set32(&h, NVT_REG_CC, CC_ON);
    assert_int_equal(reg32(&h, NVT_REG_CSTS), 2); /* CFS, not RDY */
    set32(&h, NVT_REG_CC, 0x00460000);
    assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  }
  enable(&h);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  host_close(&h);
}

static void prp_0_is_not_concatenated(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  /* Guest memory at 0 too: page 0 is a page like any other. */
  uint8_t *low = aligned_alloc(4096, 8192);
  assert_non_null(low);
  memset(low, 0x11, 8192);
  assert_int_equal(nvt_controller_dma_map(h.c, 0, 8192, low, true, true), 0);
  enable(&h);
  create_pair(&h, 1, 16);
  memset(guest(&h, DATA_AT), 0x22, 8192);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 16, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 0, 16, DATA_AT + 0x4000, DATA_AT + 0x5000), NVT_SC_SUCCESS);
  const uint8_t *got = guest(&h, DATA_AT + 0x4000);
  for (unsigned i = 0; i < 8192; i++)
    assert_int_equal(got[i], i < 4096 ? 0x22 : 0x11);
  assert_int_equal(nvt_controller_dma_unmap(h.c, 0, 8192), 0);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 16, DATA_AT, 0), NVT_SC_DATA_TRANSFER_ERROR);
  free(low);
  host_close(&h);
}

static void identify_stays_within_its_prps(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  memset(guest(&h, DATA_AT), 0x5a, 0x4000);
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_IDENTIFY,
                        .prp1 = DATA_AT + 0x1000 - 64,
                        .prp2 = DATA_AT + 0x3000,
                        .cdw10 = NVT_CNS_CONTROLLER};
  assert_status(admin(&h, sqe), NVT_SC_SUCCESS);
  const uint8_t *bytes = guest(&h, DATA_AT);
  for (unsigned i = 0x1000; i < 0x3000; i++)
    assert_int_equal(bytes[i], 0x5a); /* behind PRP1's page is somebody else's */
  assert_int_equal(bytes[0x1000 - 65], 0x5a);
  assert_int_equal(bytes[0x3000 + 4096 - 64], 0x5a);
  assert_memory_equal(bytes + 0x1000 - 64 + 4, "TEST", 4);
  host_close(&h);
}

static void log_offsets_stay_within_the_page(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  const struct {
    uint8_t lid;
    uint32_t size;
  } logs[] = {{1, 4096}, {2, 512}, {3, 512}, {4, 4096}, {5, 4096}};
  for (unsigned i = 0; i < 5; i++) {
    uint32_t n = logs[i].size;
    assert_status(get_log(&h, logs[i].lid, n - 4, 4), NVT_SC_SUCCESS);
    assert_status(get_log(&h, logs[i].lid, n, 4), NVT_SC_SUCCESS);
    assert_int_equal(*(uint32_t *)guest(&h, DATA_AT), 0);
    assert_status(get_log(&h, logs[i].lid, n + 4, 4), NVT_SC_INVALID_FIELD);
    assert_status(get_log(&h, logs[i].lid, 2, 4), NVT_SC_INVALID_FIELD);
    assert_status(get_log(&h, logs[i].lid, ~3ull, 4), NVT_SC_INVALID_FIELD);
    /* A reader of more than there is gets zeroes behind it. */
    memset(guest(&h, DATA_AT), 0x77, 8192);
    assert_status(get_log(&h, logs[i].lid, n - 4, 4096), NVT_SC_SUCCESS);
    const uint8_t *bytes = guest(&h, DATA_AT);
    for (unsigned b = 4; b < 4096; b++)
      assert_int_equal(bytes[b], 0);
    assert_int_equal(bytes[4096], 0x77);
  }
  host_close(&h);
}

static void doorbells_before_ready_and_of_absent_queues(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  for (uint32_t at = 0x1000; at < 0x2000; at += 4)
    set32(&h, at, 1);
  poll_idle(&h);
  enable(&h);
  for (uint32_t at = 0x1008; at < 0x2000; at += 4)
    set32(&h, at, 1);
  poll_idle(&h);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  host_close(&h);
}

static void an_interrupt_is_never_missed(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  /* While nobody listens the message stays pending, and goes out once somebody does. */
  h.deaf = true;
  assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
  assert_int_equal(h.fired[1], 0);
  assert_int_equal(reg64(&h, NVT_BAR0_MSIX_PBA) >> 1 & 1, 1);
  h.deaf = false;
  nvt_controller_irq_setup(h.c, 0, 0, 2);
  assert_int_equal(h.fired[1], 1);
  assert_int_equal(reg64(&h, NVT_BAR0_MSIX_PBA) >> 1 & 1, 0);
  /* A completion posted between the host's look at the queue and its doorbell has one too. */
  submit(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_true(take(&h, 1, &cqe));
  submit(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  poll_idle(&h);
  ring(&h, 1, true, h.cq[1].head);
  poll_idle(&h);
  assert_int_equal(h.fired[1], 3);
  assert_true(reap(&h, 1, &cqe));
  host_close(&h);
}

static void every_queue_loop_ends(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 64);
  /* One call is bounded, whatever waits. */
  for (int i = 0; i < 60; i++)
    put(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  ring(&h, 1, false, 60);
  nvt_controller_poll(h.c, 10);
  struct nvt_cqe cqe;
  int got = 0;
  while (reap(&h, 1, &cqe))
    got++;
  assert_int_equal(got, 10);
  /* A tail behind the head means a lap of entries, not an endless one. */
  ring(&h, 1, false, 9);
  poll_idle(&h);
  while (reap(&h, 1, &cqe))
    got++;
  assert_int_equal(got, 10 + 63);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ram_copies_in_the_right_direction),
      cmocka_unit_test(ram_io_over_8_kib),
      cmocka_unit_test(write_zeroes_writes_zeroes),
      cmocka_unit_test(identify_heeds_the_nsid),
      cmocka_unit_test(features_01_02_05_08_0a_are_changeable),
      cmocka_unit_test(a_dirty_completion_queue_does_not_set_the_phase),
      cmocka_unit_test(a_full_completion_queue_is_respected),
      cmocka_unit_test(sq_head_is_fresh_in_every_completion_of_a_batch),
      cmocka_unit_test(a_failed_create_sq_does_not_block_delete_cq),
      cmocka_unit_test(the_tail_is_checked_against_the_capacity),
      cmocka_unit_test(the_interrupt_vector_is_the_one_asked_for),
      cmocka_unit_test(a_bad_admin_queue_is_fatal_not_ready),
      cmocka_unit_test(prp_0_is_not_concatenated),
      cmocka_unit_test(identify_stays_within_its_prps),
      cmocka_unit_test(log_offsets_stay_within_the_page),
      cmocka_unit_test(doorbells_before_ready_and_of_absent_queues),
      cmocka_unit_test(an_interrupt_is_never_missed),
      cmocka_unit_test(every_queue_loop_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
