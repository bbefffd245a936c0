/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers, configuration space, interrupts, resets. */
#include "tests/unit/host.h"

static void capabilities_say_what_is(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  uint64_t cap = reg64(&h, NVT_REG_CAP);
  assert_int_equal(cap & 0xffffffff, reg32(&h, NVT_REG_CAP));
  assert_int_equal(cap >> 32, reg32(&h, NVT_REG_CAP + 4));
  assert_int_equal(NVT_GET(cap, CAP_MQES), 1023);
  assert_int_equal(NVT_GET(cap, CAP_CQR), 1);
  assert_int_equal(NVT_GET(cap, CAP_DSTRD), 0);
  assert_int_equal(NVT_GET(cap, CAP_NSSRS), 1);
  assert_int_equal(NVT_GET(cap, CAP_CSS), 1);
  assert_int_equal(NVT_GET(cap, CAP_MPSMIN), 0);
  assert_int_equal(NVT_GET(cap, CAP_CMBS), 0);
  assert_int_equal(reg32(&h, NVT_REG_VS), 0x00010400);
  struct nvt_controller_info info;
  nvt_controller_info(h.c, &info);
  assert_int_equal(info.cap, cap);
  host_close(&h);
}

static void what_is_read_only_stays(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  uint64_t cap = reg64(&h, NVT_REG_CAP);
  set64(&h, NVT_REG_CAP, 0);
  set32(&h, NVT_REG_VS, 0);
  set32(&h, NVT_REG_CSTS, 0xffffffff);
  assert_int_equal(reg64(&h, NVT_REG_CAP), cap);
  assert_int_equal(reg32(&h, NVT_REG_VS), 0x00010400);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  for (uint32_t at = 0x38; at < 0x1000; at += 4) {
    set32(&h, at, 0xffffffff);
    assert_int_equal(reg32(&h, at), 0);
  }
  host_close(&h);
}

static void access_sizes(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, NULL, (struct nvt_controller_options){0});
  set64(&h, NVT_REG_ASQ, 0x123456789abcdfff);
  assert_int_equal(reg64(&h, NVT_REG_ASQ), 0x123456789abcd000);
  set32(&h, NVT_REG_ASQ + 4, 0xdeadbeef);
  assert_int_equal(reg64(&h, NVT_REG_ASQ), 0xdeadbeef9abcd000);
  set32(&h, NVT_REG_ACQ, 0x1fff);
  assert_int_equal(reg64(&h, NVT_REG_ACQ), 0x1000);
  set32(&h, NVT_REG_AQA, 0xffffffff);
  assert_int_equal(reg32(&h, NVT_REG_AQA), 0x0fff0fff);
  uint8_t byte = 0xff;
  assert_int_equal(nvt_controller_bar0_write(h.c, NVT_REG_AQA, &byte, 1), 0);
  assert_int_equal(reg32(&h, NVT_REG_AQA), 0x0fff0fff);
  assert_int_equal(nvt_controller_bar0_read(h.c, NVT_REG_AQA + 1, &byte, 1), 0);
  assert_int_equal(byte, 0x0f);
  /* Across registers, unaligned, at and over the end. */
  uint8_t bytes[64];
  assert_int_equal(nvt_controller_bar0_read(h.c, 3, bytes, 61), 0);
  assert_int_equal(nvt_controller_bar0_read(h.c, NVT_BAR0_SIZE - 4, bytes, 4), 0);
  assert_int_equal(nvt_controller_bar0_read(h.c, NVT_BAR0_SIZE - 4, bytes, 5), -ERANGE);
  assert_int_equal(bytes[0], 0xff);
  assert_int_equal(bytes[4], 0xff);
  assert_int_equal(nvt_controller_bar0_write(h.c, NVT_BAR0_SIZE - 4, bytes, 5), -ERANGE);
  assert_int_equal(nvt_controller_bar0_read(h.c, UINT64_MAX, bytes, 4), -ERANGE);
  assert_int_equal(nvt_controller_config_read(h.c, NVT_CONFIG_SIZE, bytes, 1), -ERANGE);
  assert_int_equal(nvt_controller_config_write(h.c, UINT64_MAX - 1, bytes, 4), -ERANGE);
  assert_int_equal(nvt_controller_config_read(h.c, NVT_CONFIG_SIZE, bytes, 0), 0);
  host_close(&h);
}

static void settings_that_cannot_be_had_are_fatal(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, NULL, (struct nvt_controller_options){0});
  const uint32_t ccs[] = {
      CC_ON | 1u << 4,               /* CSS 1 */
      CC_ON | 7u << 4,               /* admin only */
      CC_ON | 5u << 7,               /* MPS over MPSMAX */
      CC_ON | 1u << 11,              /* weighted round robin */
      (CC_ON & ~0xf0000u) | 5 << 16, /* IOSQES 32 */
      (CC_ON & ~0xf00000u) | 5u << 20,
  };
  for (unsigned i = 0; i < sizeof(ccs) / sizeof(ccs[0]); i++) {
    enable_with(&h, 16, 16, ccs[i]);
    assert_int_equal(reg32(&h, NVT_REG_CSTS), 2);
    set32(&h, NVT_REG_CC, 0);
    assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  }
  enable(&h);
  host_close(&h);
}

static void entry_sizes_may_be_set_after_enable(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
  enable_with(&h, ADMIN_ENTRIES, ADMIN_ENTRIES, 1);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), 1), NVT_SC_INVALID_QUEUE_SIZE);
  set32(&h, NVT_REG_CC, CC_ON);
  create_pair(&h, 1, 16);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

static void admin_queue_sizes(void **state) {
  (void)state;
  const uint32_t sizes[] = {2, 3, 4095, 4096};
  for (unsigned i = 0; i < 4; i++) {
    struct host h;
    host_open_with(&h, "ram:1M", (struct nvt_controller_options){.entries = 7});
    set32(&h, NVT_REG_AQA, (sizes[i] - 1) << 16 | (sizes[i] - 1));
    set64(&h, NVT_REG_ASQ, DATA_AT + 0x100000);
    set64(&h, NVT_REG_ACQ, DATA_AT + 0x200000);
    host_queue_set(&h.sq[0], DATA_AT + 0x100000, sizes[i]);
    host_queue_set(&h.cq[0], DATA_AT + 0x200000, sizes[i]);
    set32(&h, NVT_REG_CC, CC_ON);
    assert_int_equal(reg32(&h, NVT_REG_CSTS), 1); /* MQES doesn't bound the admin queue */
    for (uint32_t n = 0; n < sizes[i] + 2; n++)
      assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
    host_close(&h);
  }
}

static void configuration_space(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, NULL, (struct nvt_controller_options){.vectors = 7});
  assert_int_equal(config32(&h, 0x08) >> 8, 0x010802);
  assert_int_equal(config32(&h, 0) & 0xffff, 0x4e56);
  /* BAR0: 64-bit, 16 KiB. */
  set_config32(&h, 0x10, 0xffffffff);
  set_config32(&h, 0x14, 0xffffffff);
  assert_int_equal(config32(&h, 0x10), 0xffffc004);
  assert_int_equal(config32(&h, 0x14), 0xffffffff);
  for (uint32_t at = 0x18; at < 0x28; at += 4) {
    set_config32(&h, at, 0xffffffff);
    assert_int_equal(config32(&h, at), 0);
  }
  set_config32(&h, 0x30, 0xfffff800); /* no ROM */
  assert_int_equal(config32(&h, 0x30), 0);
  set_config32(&h, 0x04, 0xffffffff);
  assert_int_equal(config32(&h, 0x04), 0x00100546);
  assert_int_not_equal(capability(&h, 0x01), 0);
  assert_int_not_equal(capability(&h, 0x10), 0);
  uint8_t msix = capability(&h, 0x11);
  assert_int_equal(config32(&h, msix) >> 16 & 0x7ff, 6);
  assert_int_equal(config32(&h, msix + 4u), NVT_BAR0_MSIX_TABLE);
  assert_int_equal(config32(&h, msix + 8u), NVT_BAR0_MSIX_PBA);
  assert_int_equal(config32(&h, capability(&h, 0x10) + 4u) >> 28 & 1, 1); /* FLR */
  assert_int_equal(config32(&h, 0x100), 0);                               /* nothing extended */
  /* Nothing else can be written. */
  uint8_t before[4096], after[4096], ones[4096];
  memset(ones, 0xff, sizeof(ones));
  assert_int_equal(nvt_controller_config_read(h.c, 0, before, 4096), 0);
  assert_int_equal(nvt_controller_config_write(h.c, 0x100, ones, 4096 - 0x100), 0);
  assert_int_equal(nvt_controller_config_read(h.c, 0, after, 4096), 0);
  assert_memory_equal(before, after, 4096);
  host_close(&h);
}

static void msix_table_and_masks(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.vectors = 3});
  msix_on(&h);
  enable(&h);
  create_pair(&h, 1, 16);
  uint64_t entry = NVT_BAR0_MSIX_TABLE + 16;
  assert_int_equal(reg32(&h, entry + 12), 1); /* masked out of reset */
  set64(&h, entry, 0xfee00000 | 3ull << 32 | 3);
  set32(&h, entry + 8, 0x4041);
  set32(&h, entry + 12, 0xffffffff);
  assert_int_equal(reg64(&h, entry), 0xfee00000 | 3ull << 32);
  assert_int_equal(reg32(&h, entry + 8), 0x4041);
  assert_int_equal(reg32(&h, entry + 12), 1);
  assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
  assert_int_equal(h.fired[1], 0);
  assert_int_equal(reg32(&h, NVT_BAR0_MSIX_PBA), 2);
  set32(&h, NVT_BAR0_MSIX_PBA, 0xffffffff); /* read only */
  assert_int_equal(reg32(&h, NVT_BAR0_MSIX_PBA), 2);
  set32(&h, entry + 12, 0); /* unmasked: what is pending goes out */
  assert_int_equal(h.fired[1], 1);
  assert_int_equal(reg32(&h, NVT_BAR0_MSIX_PBA), 0);
  /* Function mask. */
  uint8_t at = capability(&h, 0x11);
  set_config32(&h, at, 0xc0000000);
  assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
  assert_int_equal(h.fired[1], 1);
  set_config32(&h, at, 0x80000000);
  assert_int_equal(h.fired[1], 2);
  /* Beyond the last vector there is nothing. */
  set32(&h, NVT_BAR0_MSIX_TABLE + 3 * 16, 0xffffffff);
  assert_int_equal(reg32(&h, NVT_BAR0_MSIX_TABLE + 3 * 16), 0);
  host_close(&h);
}

static void pin_interrupts(void **state) {
  (void)state;
  struct host h;
  struct nvt_port_ops port = {.interrupt = host_interrupt, .pin = host_pin, .ctx = &h};
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.port = &port});
  assert_int_equal(config32(&h, 0x3c) >> 8 & 0xff, 1);
  enable(&h);
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_KEEP_ALIVE});
  poll_idle(&h);
  assert_true(h.pin);
  assert_int_equal(config32(&h, 4) >> 16 & 8, 8);
  set32(&h, NVT_REG_INTMS, 1);
  assert_int_equal(reg32(&h, NVT_REG_INTMS), 1);
  assert_int_equal(reg32(&h, NVT_REG_INTMC), 1);
  assert_false(h.pin);
  set32(&h, NVT_REG_INTMC, 1);
  assert_true(h.pin);
  set_config32(&h, 4, 0x0400); /* interrupt disable */
  assert_false(h.pin);
  set_config32(&h, 4, 0);
  assert_true(h.pin);
  struct nvt_cqe cqe;
  assert_true(reap(&h, 0, &cqe));
  assert_false(h.pin);
  /* Interrupt Status follows the queues also for a host that polls, with the pin disabled. */
  set_config32(&h, 4, 0x0400);
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_KEEP_ALIVE});
  poll_idle(&h);
  assert_int_equal(config32(&h, 4) >> 16 & 8, 8);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(config32(&h, 4) >> 16 & 8, 0);
  assert_false(h.pin);
  set_config32(&h, 4, 0);
  /* With MSI-X there is no pin, and INTMS is nothing. */
  msix_on(&h);
  unsigned changes = h.pin_changes;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  assert_int_equal(h.pin_changes, changes);
  assert_int_equal(h.fired[0], 1);
  set32(&h, NVT_REG_INTMS, 1);
  assert_int_equal(reg32(&h, NVT_REG_INTMS), 0);
  /* A reset lowers it. */
  uint8_t at = capability(&h, 0x11);
  set_config32(&h, at, 0);
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_KEEP_ALIVE});
  poll_idle(&h);
  assert_true(h.pin);
  set32(&h, NVT_REG_CC, 0);
  assert_false(h.pin);
  host_close(&h);
}

static uint32_t epoch(struct host *h) {
  struct nvt_controller_info info;
  nvt_controller_info(h->c, &info);
  return info.epoch;
}

static void prepare(struct host *h) {
  host_open(h, "ram:1M");
  set_config32(h, 0x10, 0xfe000000);
  set_config32(h, 0x04, 6);
  set32(h, NVT_BAR0_MSIX_TABLE + 12, 0);
  create_pair(h, 1, 16);
  assert_status(status_of(set_feature(h, NVT_FEATURE_WRITE_ATOMICITY, 0, 1)), NVT_SC_SUCCESS);
  assert_status(io(h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
}

static void works_again(struct host *h) {
  msix_on(h);
  enable(h);
  assert_int_equal(get_feature(h, NVT_FEATURE_WRITE_ATOMICITY, 0, 0).dw0, 0);
  create_pair(h, 1, 16);
  assert_status(io(h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
}

static void controller_reset(void **state) {
  (void)state;
  struct host h;
  prepare(&h);
  uint32_t before = epoch(&h);
  set32(&h, NVT_REG_CC, 0x00460000);
  assert_int_equal(epoch(&h), before + 1);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  assert_int_equal(reg32(&h, NVT_REG_CC), 0x00460000);
  assert_int_equal(reg64(&h, NVT_REG_ASQ), ASQ_AT); /* these three stay */
  assert_int_equal(reg64(&h, NVT_REG_ACQ), ACQ_AT);
  assert_int_equal(reg32(&h, NVT_REG_AQA), 0x001f001f);
  assert_int_equal(config32(&h, 0x10), 0xfe000004);
  assert_int_equal(reg32(&h, NVT_BAR0_MSIX_TABLE + 12), 0);
  works_again(&h);
  host_close(&h);
}

static void function_level_reset(void **state) {
  (void)state;
  struct host h;
  prepare(&h);
  uint32_t before = epoch(&h);
  uint8_t pcie = capability(&h, 0x10);
  uint32_t control = config32(&h, pcie + 8u);
  set_config32(&h, pcie + 8u, control | 0x8000);
  assert_int_equal(epoch(&h), before + 1);
  assert_int_equal(config32(&h, pcie + 8u), 0x2810); /* the bit reads as 0 */
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  assert_int_equal(reg32(&h, NVT_REG_CC), 0);
  assert_int_equal(reg32(&h, NVT_REG_AQA), 0);
  assert_int_equal(config32(&h, 0x10), 4);
  assert_int_equal(config32(&h, 0x04) & 0xffff, 0);
  assert_int_equal(config32(&h, capability(&h, 0x11)) >> 31, 0);
  assert_int_equal(reg32(&h, NVT_BAR0_MSIX_TABLE + 12), 1);
  works_again(&h);
  host_close(&h);
}

static void subsystem_reset(void **state) {
  (void)state;
  struct host h;
  prepare(&h);
  set32(&h, NVT_REG_NSSR, 0x4e564d64);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  set32(&h, NVT_REG_NSSR, 0x4e564d65);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0x10); /* NSSRO */
  assert_int_equal(reg32(&h, NVT_REG_NSSR), 0);
  assert_int_equal(reg32(&h, NVT_REG_AQA), 0);
  assert_int_equal(config32(&h, 0x10), 0xfe000004);
  set32(&h, NVT_REG_CSTS, 0x10);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  works_again(&h);
  host_close(&h);
}

static void device_reset_at_any_time(void **state) {
  (void)state;
  struct host h;
  prepare(&h);
  for (int i = 0; i < 10; i++)
    put(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  ring(&h, 1, false, h.sq[1].tail);
  nvt_controller_reset(h.c, NVT_RESET_DEVICE);
  assert_int_equal(reg32(&h, NVT_REG_CC), 0);
  assert_int_equal(config32(&h, 0x10), 4);
  assert_int_equal(nvt_controller_poll(h.c, 0), 0);
  nvt_controller_reset(h.c, NVT_RESET_DEVICE);
  works_again(&h);
  nvt_controller_detach(h.c);
  nvt_controller_attach(h.c);
  works_again(&h);
  host_close(&h);
}

static void shutdown_flushes_and_is_seen(void **state) {
  (void)state;
  struct host h;
  prepare(&h);
  set32(&h, NVT_REG_CC, CC_ON | 2u << 14);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 9); /* SHST 10b, still ready */
  set32(&h, NVT_REG_CC, CC_ON | 2u << 14);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 9);
  set32(&h, NVT_REG_CC, 0x00460000);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  works_again(&h);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(capabilities_say_what_is),
      cmocka_unit_test(what_is_read_only_stays),
      cmocka_unit_test(access_sizes),
      cmocka_unit_test(settings_that_cannot_be_had_are_fatal),
      cmocka_unit_test(entry_sizes_may_be_set_after_enable),
      cmocka_unit_test(admin_queue_sizes),
      cmocka_unit_test(configuration_space),
      cmocka_unit_test(msix_table_and_masks),
      cmocka_unit_test(pin_interrupts),
      cmocka_unit_test(controller_reset),
      cmocka_unit_test(function_level_reset),
      cmocka_unit_test(subsystem_reset),
      cmocka_unit_test(device_reset_at_any_time),
      cmocka_unit_test(shutdown_flushes_and_is_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
