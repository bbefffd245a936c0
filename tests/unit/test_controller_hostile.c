/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that does all it shouldn't: the specified error, and the controller lives. */
#include "tests/unit/host.h"

static void recovers(struct host *h) {
  set32(h, NVT_REG_CC, 0x00460000);
  assert_int_equal(reg32(h, NVT_REG_CSTS), 0);
  enable(h);
  assert_status(identify(h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
}

static void admin_queues_at_unmapped_addresses(void **state) {
  (void)state;
  const uint64_t nowhere[] = {0, 0x1000, 1ull << 50, 0xfffffffffffff000};
  for (unsigned i = 0; i < 8; i++) {
    struct host h;
    host_open_with(&h, "ram:1M", (struct nvt_controller_options){0});
    host_queue_set(&h.sq[0], ASQ_AT, 16);
    set32(&h, NVT_REG_AQA, 0x000f000f);
    set64(&h, NVT_REG_ASQ, i < 4 ? nowhere[i] : ASQ_AT);
    set64(&h, NVT_REG_ACQ, i < 4 ? ACQ_AT : nowhere[i - 4]);
    set32(&h, NVT_REG_CC, CC_ON);
    submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_KEEP_ALIVE});
    poll_idle(&h);
    assert_int_equal(reg32(&h, NVT_REG_CSTS) & 2, 2);
    ring(&h, 0, false, 5); /* nothing moves while it is fatal */
    poll_idle(&h);
    recovers(&h);
    host_close(&h);
  }
}

static void io_queues_at_unmapped_addresses(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  for (int which = 0; which < 2; which++) {
    uint64_t cq = which == 0 ? CQ_AT(1) : 1ull << 50;
    uint64_t sq = which == 0 ? 1ull << 50 : SQ_AT(1);
    assert_status(create_cq_at(&h, 1, 16, cq, 1), NVT_SC_SUCCESS);
    assert_status(create_sq_at(&h, 1, 16, sq, 1), NVT_SC_SUCCESS);
    ring(&h, 1, false, 3);
    poll_idle(&h);
    assert_int_equal(reg32(&h, NVT_REG_CSTS) & 2, 2);
    recovers(&h);
  }
  host_close(&h);
}

static void memory_that_goes_while_queues_are_in_use(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(nvt_controller_dma_unmap(h.c, ARENA_IOVA, ARENA), 0);
  ring(&h, 1, false, 5);
  poll_idle(&h);
  assert_int_equal(reg32(&h, NVT_REG_CSTS) & 2, 2);
  assert_int_equal(nvt_controller_dma_map(h.c, ARENA_IOVA, ARENA, h.arena, true, true), 0);
  recovers(&h);
  host_close(&h);
}

static void every_doorbell_with_every_kind_of_value(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  const uint32_t values[] = {0, 1, 15, 16, 17, 0x7fff, 0xffff, 0x10000, 0x10001, 0xffffffff};
  for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
    for (uint32_t at = 0x1010; at < 0x2000; at += 4)
      set32(&h, at, values[v]);
    poll_idle(&h);
  }
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  /* Head doorbells that would free more than was posted. */
  for (uint32_t value = 2; value < 18; value++) {
    set32(&h, 0x100c, value);
    poll_idle(&h);
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
    value = value < h.cq[1].head ? h.cq[1].head : value;
  }
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  host_close(&h);
}

static uint64_t random_state = 88172645463325252ull;
static uint64_t roll(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* An address that is often good, at a page, near one, or nowhere. */
static uint64_t random_address(void) {
  switch (roll() % 6) {
  case 0:
    return roll();
  case 1:
    return DATA_AT + roll() % 0x10000;
  case 2:
    return ARENA_IOVA + ARENA - roll() % 8192;
  case 3:
    return LIST_AT + roll() % 4096 / 8 * 8;
  default:
    return DATA_AT + roll() % 64 * 4096;
  }
}

static struct nvt_sqe random_sqe(bool admin_queue) {
  struct nvt_sqe sqe;
  uint64_t raw[8];
  for (unsigned i = 0; i < 8; i++)
    raw[i] = roll();
  memcpy(&sqe, raw, sizeof(sqe));
  static const uint8_t admin_opcodes[] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 24};
  static const uint8_t io_opcodes[] = {0, 1, 2, 5, 8, 9};
  if (roll() % 16 != 0)
    sqe.opcode = admin_queue ? admin_opcodes[roll() % sizeof(admin_opcodes)]
                             : io_opcodes[roll() % sizeof(io_opcodes)];
  if (roll() % 8 != 0)
    sqe.flags = 0;
  if (roll() % 4 != 0)
    sqe.nsid = (uint32_t)(roll() % 4);
  sqe.prp1 = random_address();
  sqe.prp2 = random_address();
  if (roll() % 2 != 0)
    sqe.cdw10 &= 0x001f00ff;
  if (roll() % 2 != 0)
    sqe.cdw11 &= 0x000f000f;
  if (!admin_queue && roll() % 4 != 0) {
    sqe.cdw10 = (uint32_t)(roll() % 3000);
    sqe.cdw11 = 0;
  }
  return sqe;
}

/* Whatever is in the queues and written to the registers, under the sanitizers. */
static void a_random_guest(void **state) {
  (void)state;
  for (unsigned round = 0; round < 40; round++) {
    struct host h;
    static uint32_t page[1024];
    host_open_with(&h, "ram:1M",
                   (struct nvt_controller_options){.mdts = (uint8_t)(1 + round % 11),
                                                   .io_queues = (uint16_t)(1 + round % 9)});
    char why[64];
    assert_int_equal(nvt_controller_add_namespace(h.c, "ram:1M,block=4096", NULL, why, 64), 0);
    if (round % 3 == 0) {
      memset(page, 0, sizeof(page));
      nvt_controller_share_doorbells(h.c, page);
      h.doorbells = page;
    }
    uint64_t *list = guest(&h, LIST_AT);
    for (unsigned i = 0; i < 1024; i++)
      list[i] = roll() % 512 == 0 ? random_address() : DATA_AT + roll() % 1024 * 4096;
    for (unsigned step = 0; step < 400; step++) {
      if (NVT_GET(reg32(&h, NVT_REG_CSTS), CSTS_CFS) != 0 ||
          NVT_GET(reg32(&h, NVT_REG_CSTS), CSTS_RDY) == 0) {
        set32(&h, NVT_REG_CC, 0);
        enable_with(&h, 2 + (uint32_t)(roll() % 31), 2 + (uint32_t)(roll() % 31),
                    CC_ON | (uint32_t)(roll() % 16 == 0 ? roll() % 5 << 7 : 0));
        msix_on(&h);
      }
      switch (roll() % 12) {
      case 0: {
        uint64_t value = roll();
        size_t len = 1 + roll() % 8;
        (void)nvt_controller_bar0_write(h.c, roll() % (NVT_BAR0_SIZE + 8), &value, len);
        break;
      }
      case 1: {
        uint64_t value = roll();
        (void)nvt_controller_config_write(h.c, roll() % 0xa0, &value, 1 + roll() % 8);
        break;
      }
      case 2: {
        uint8_t bytes[64];
        (void)nvt_controller_bar0_read(h.c, roll() % (NVT_BAR0_SIZE + 8), bytes, roll() % 64);
        break;
      }
      case 3:
        if (roll() % 20 == 0)
          nvt_controller_reset(h.c, (enum nvt_reset)(roll() % 4));
        break;
      case 4:
        if (roll() % 20 == 0) {
          assert_int_equal(nvt_controller_dma_unmap(h.c, ARENA_IOVA, ARENA), 0);
          nvt_controller_poll(h.c, 0);
          assert_int_equal(nvt_controller_dma_map(h.c, ARENA_IOVA, ARENA, h.arena, true, true), 0);
        }
        break;
      case 5:
        ring(&h, (uint16_t)(roll() % 4), roll() % 2 != 0, (uint32_t)(roll() % 40));
        break;
      default: {
        uint16_t q = (uint16_t)(roll() % 3);
        struct nvt_sqe sqe = random_sqe(q == 0);
        if (q == 0 && (sqe.opcode == 1 || sqe.opcode == 5) && roll() % 4 != 0) {
          sqe.cdw10 = (uint32_t)(1 + roll() % 30) << 16 | (uint32_t)(1 + roll() % 2);
          sqe.cdw11 = 1u << 16 | 3;
          sqe.prp1 = sqe.opcode == 1 ? SQ_AT(sqe.cdw10 & 3) : CQ_AT(sqe.cdw10 & 3);
        }
        if (h.sq[q].size == 0)
          host_queue_set(&h.sq[q], SQ_AT(q), 31);
        submit(&h, q, sqe);
        break;
      }
      }
      nvt_controller_poll(h.c, 1 + (unsigned)(roll() % 8));
      /* Acknowledge what the admin queue has, so that it goes on. */
      struct nvt_cqe cqe;
      for (int i = 0; i < 40 && h.cq[0].size != 0 && take(&h, 0, &cqe); i++)
        ring(&h, 0, true, h.cq[0].head);
    }
    if (h.doorbells != NULL)
      nvt_controller_share_doorbells(h.c, NULL);
    h.doorbells = NULL;
    nvt_controller_reset(h.c, NVT_RESET_DEVICE);
    enable(&h);
    assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
    assert_int_equal(nvt_controller_outstanding(h.c), 0);
    create_pair(&h, 1, 16);
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
    host_close(&h);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(admin_queues_at_unmapped_addresses),
      cmocka_unit_test(io_queues_at_unmapped_addresses),
      cmocka_unit_test(memory_that_goes_while_queues_are_in_use),
      cmocka_unit_test(every_doorbell_with_every_kind_of_value),
      cmocka_unit_test(a_random_guest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
