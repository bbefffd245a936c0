/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: windows and their ends, PRPs of every shape. */
#include "tests/unit/host.h"

static void windows(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  uint8_t *memory = aligned_alloc(4096, 0x10000);
  assert_non_null(memory);
  struct nvt_controller *c = h.c;
  const uint64_t at = 0x100000000;
  assert_int_equal(nvt_controller_dma_map(c, at, 0, memory, true, true), -EINVAL);
  assert_int_equal(nvt_controller_dma_map(c, UINT64_MAX - 0xfff, 0x1001, memory, true, true),
                   -EINVAL);
  assert_int_equal(nvt_controller_dma_map(c, at, 0x4000, memory, true, true), 0);
  /* Overlaps by one byte on either side, within, and around. */
  assert_int_equal(nvt_controller_dma_map(c, at - 0xfff, 0x1000, memory, true, true), -EEXIST);
  assert_int_equal(nvt_controller_dma_map(c, at + 0x3fff, 0x1000, memory, true, true), -EEXIST);
  assert_int_equal(nvt_controller_dma_map(c, at + 0x1000, 0x1000, memory, true, true), -EEXIST);
  assert_int_equal(nvt_controller_dma_map(c, at - 1, 0x4002, memory, true, true), -EEXIST);
  assert_int_equal(nvt_controller_dma_map(c, at - 0x1000, 0x1000, memory + 0x4000, true, true), 0);
  assert_int_equal(nvt_controller_dma_map(c, at + 0x4000, 0x1000, memory + 0x5000, true, true), 0);
  /* The very end of the address space. */
  assert_int_equal(
      nvt_controller_dma_map(c, UINT64_MAX - 0xfff, 0x1000, memory + 0x6000, true, true), 0);

  size_t len = 100;
  assert_ptr_equal(nvt_controller_dma_pointer(c, UINT64_MAX - 9, &len, false), memory + 0x6ff6);
  assert_int_equal(len, 10);
  len = 0x10000;
  assert_ptr_equal(nvt_controller_dma_pointer(c, at, &len, true), memory);
  assert_int_equal(len, 0x4000);
  len = 1;
  assert_ptr_equal(nvt_controller_dma_pointer(c, at + 0x4fff, &len, true), memory + 0x5fff);
  assert_null(nvt_controller_dma_pointer(c, at + 0x5000, &len, true));
  len = 1;
  assert_null(nvt_controller_dma_pointer(c, at - 0x1001, &len, true));

  assert_int_equal(nvt_controller_dma_unmap(c, at, 0x3fff), -EINVAL);
  assert_int_equal(nvt_controller_dma_unmap(c, at + 1, 0x3fff), -EINVAL);
  assert_int_equal(nvt_controller_dma_unmap(c, at + 0x5000, 0x1000), -ENOENT);
  assert_int_equal(nvt_controller_dma_unmap(c, at - 0x1000, 0x6000), 0); /* three at once */
  assert_int_equal(nvt_controller_dma_unmap(c, at, 0x4000), -ENOENT);
  assert_int_equal(nvt_controller_dma_unmap(c, at, 0), -EINVAL);
  assert_int_equal(nvt_controller_dma_unmap(c, UINT64_MAX, 2), -EINVAL);
  assert_int_equal(nvt_controller_dma_unmap(c, UINT64_MAX - 0xfff, 0x1000), 0);
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  nvt_controller_dma_unmap_all(c);
  len = 1;
  assert_null(nvt_controller_dma_pointer(c, ARENA_IOVA, &len, false));
  free(memory);
  host_close(&h);
}

static void transfers_at_a_window_end(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  uint64_t end = ARENA_IOVA + ARENA;
  for (int delta = -4; delta <= 4; delta += 4) {
    nvt_status wanted = delta <= 0 ? NVT_SC_SUCCESS : NVT_SC_DATA_TRANSFER_ERROR;
    uint64_t prp1 = end - 512 + (uint64_t)(int64_t)delta;
    /* A page that ends where the memory does has PRP2 for the rest of the block. */
    assert_status(io(&h, NVT_NVM_READ, 0, 1, prp1, end), wanted);
    assert_status(io(&h, NVT_NVM_WRITE, 0, 1, prp1, end), wanted);
  }
  host_close(&h);
}

static void read_only_memory_is_not_written(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  uint8_t *rom = aligned_alloc(4096, 4096), *sink = aligned_alloc(4096, 4096);
  assert_non_null(rom);
  assert_non_null(sink);
  memset(rom, 0x44, 4096);
  assert_int_equal(nvt_controller_dma_map(h.c, 1ull << 40, 4096, rom, true, false), 0);
  assert_int_equal(nvt_controller_dma_map(h.c, 2ull << 40, 4096, sink, false, true), 0);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 8, 1ull << 40, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_WRITE_ZEROES, 0, 8, 0, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, 1ull << 40, 0), NVT_SC_DATA_TRANSFER_ERROR);
  assert_int_equal(rom[0], 0x44);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, 2ull << 40, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 8, 2ull << 40, 0), NVT_SC_DATA_TRANSFER_ERROR);
  free(rom);
  free(sink);
  host_close(&h);
}

static void prp1_offsets(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  for (uint32_t offset = 0; offset < 9; offset++)
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT + offset, 0),
                  offset % 4 == 0 ? NVT_SC_SUCCESS : NVT_SC_INVALID_PRP_OFFSET);
  /* The last dword of a page, the rest in the page that PRP2 names. */
  pattern(guest(&h, DATA_AT), 512, 3);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT + 0x1ffc, DATA_AT + 0x5000), NVT_SC_SUCCESS);
  assert_memory_equal(guest(&h, DATA_AT + 0x1ffc), guest(&h, DATA_AT), 4);
  assert_memory_equal(guest(&h, DATA_AT + 0x5000), (uint8_t *)guest(&h, DATA_AT) + 4, 508);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT + 0x1ffc, DATA_AT + 0x5004),
                NVT_SC_INVALID_PRP_OFFSET);
  host_close(&h);
}

static void list_pointers_and_entries_must_be_aligned(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:4M");
  create_pair(&h, 1, 16);
  uint64_t *list = guest(&h, LIST_AT);
  for (unsigned i = 0; i < 16; i++)
    list[i] = DATA_AT + 4096 * (1 + i);
  assert_status(io(&h, NVT_NVM_READ, 0, 24, DATA_AT, LIST_AT), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 0, 24, DATA_AT, LIST_AT + 8), NVT_SC_SUCCESS);
  for (unsigned offset = 1; offset < 8; offset++)
    assert_status(io(&h, NVT_NVM_READ, 0, 24, DATA_AT, LIST_AT + offset),
                  NVT_SC_INVALID_PRP_OFFSET);
  list[1] += 4;
  assert_status(io(&h, NVT_NVM_READ, 0, 24, DATA_AT, LIST_AT), NVT_SC_INVALID_PRP_OFFSET);
  host_close(&h);
}

/* A list of `first` slots in its first page, and so on: everything arrives in order. */
static void chained_lists(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:16M", (struct nvt_controller_options){.mdts = 11});
  enable(&h);
  create_pair(&h, 1, 16);
  const uint32_t firsts[] = {1, 2, 3, 511, 512};
  const uint32_t pages = 1500; /* beyond PRP1; data pages are used over and over */
  const uint64_t frames = 1024;
  for (unsigned t = 0; t < 5; t++) {
    uint64_t at = LIST_AT + 4096 - 8ull * firsts[t], next = LIST_AT + 4096;
    uint64_t prp2 = at;
    uint32_t slots = firsts[t];
    for (uint32_t left = pages; left != 0;) {
      uint32_t fill = left > slots ? slots - 1 : left;
      uint64_t *list = guest(&h, at);
      for (uint32_t i = 0; i < fill; i++)
        list[i] = DATA_AT + (pages - left + i) % frames * 4096;
      left -= fill;
      if (left == 0)
        break;
      list[fill] = next;
      at = next;
      next += 4096;
      slots = 512;
    }
    for (uint64_t f = 0; f < frames; f++)
      pattern(guest(&h, DATA_AT + f * 4096), 4096, (uint32_t)f);
    uint32_t blocks = (pages + 1) * 8;
    assert_status(io(&h, NVT_NVM_WRITE, 8, blocks, DATA_AT, prp2), NVT_SC_SUCCESS);
    uint8_t wanted[4096];
    for (uint32_t p = 0; p < pages; p += 37) {
      uint64_t to = DATA_AT + 1030 * 4096;
      assert_status(io(&h, NVT_NVM_READ, 8 + (p + 1) * 8, 8, to, 0), NVT_SC_SUCCESS);
      pattern(wanted, 4096, (uint32_t)(p % frames));
      assert_memory_equal(guest(&h, to), wanted, 4096);
    }
    /* The same, cut short by a chain to a misaligned page. */
    if (firsts[t] < 512) {
      *(uint64_t *)guest(&h, LIST_AT + 4096 - 8) += 8;
      assert_status(io(&h, NVT_NVM_READ, 8, blocks, DATA_AT, prp2), NVT_SC_INVALID_PRP_OFFSET);
    }
  }
  host_close(&h);
}

#define LISTS_MAX 16u
struct lists {
  uint32_t count;
  struct {
    uint64_t address, offset;
    uint32_t length;
  } of[LISTS_MAX];
};

static enum nvt_verdict on_memory(void *user, const struct nvt_tap_event *event) {
  struct lists *lists = user;
  if (event->data.kind != 1)
    return NVT_VERDICT_CONTINUE;
  assert_true(lists->count < LISTS_MAX);
  lists->of[lists->count].address = event->data.address;
  lists->of[lists->count].offset = event->data.offset;
  lists->of[lists->count++].length = event->data.length;
  return NVT_VERDICT_CONTINUE;
}

/* The offset of each list's record is that of the first data byte that it describes. */
static void lists_are_recorded_with_their_offset(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:16M", (struct nvt_controller_options){.mdts = 11});
  enable(&h);
  create_pair(&h, 1, 16);
  const uint32_t pages =
      1024; /* PRP1's second half of a page, 2 of the first list, 511, 510 and a half */
  uint64_t *list = guest(&h, LIST_AT + 4096 - 24);
  for (uint32_t i = 0; i < 3 + 1024; i++)
    list[i] = DATA_AT;
  list[2] = LIST_AT + 4096;
  list[3 + 511] = LIST_AT + 8192;
  struct lists lists = {0};
  assert_int_equal(
      nvt_tap_attach(h.plugins, "nvme:io:memory", NVT_TAP_FIRST, on_memory, &lists, "test", NULL),
      0);
  assert_status(io(&h, NVT_NVM_WRITE, 0, pages * 8, DATA_AT + 2048, LIST_AT + 4096 - 24),
                NVT_SC_SUCCESS);
  assert_int_equal(lists.count, 3);
  const uint64_t address[] = {LIST_AT + 4096 - 24, LIST_AT + 4096, LIST_AT + 8192};
  const uint64_t offset[] = {2048, 2048 + 2 * 4096, 2048 + (2 + 511) * 4096};
  const uint32_t length[] = {24, 4096, 8 * 511};
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(lists.of[i].address, address[i]);
    assert_int_equal(lists.of[i].offset, offset[i]);
    assert_int_equal(lists.of[i].length, length[i]);
  }
  host_close(&h);
}

static void a_list_that_points_to_itself_ends(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:16M", (struct nvt_controller_options){.mdts = 11});
  enable(&h);
  create_pair(&h, 1, 16);
  uint64_t *list = guest(&h, LIST_AT);
  for (unsigned i = 0; i < 512; i++)
    list[i] = LIST_AT;
  assert_status(io(&h, NVT_NVM_WRITE, 0, 16384, DATA_AT, LIST_AT), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 16385, DATA_AT, LIST_AT), NVT_SC_INVALID_FIELD);
  /* A read overwrites the list while it walks it, which is the guest's problem. */
  (void)io(&h, NVT_NVM_READ, 0, 16384, DATA_AT, LIST_AT);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  host_close(&h);
}

static void unmapped_prps_are_data_transfer_errors(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:4M");
  create_pair(&h, 1, 16);
  const uint64_t nowhere[] = {0, 0x1000, 1ull << 45, 0xfffffffffffff000, ARENA_IOVA + ARENA};
  uint64_t *list = guest(&h, LIST_AT);
  for (unsigned i = 0; i < 5; i++) {
    assert_status(io(&h, NVT_NVM_READ, 0, 1, nowhere[i], 0), NVT_SC_DATA_TRANSFER_ERROR);
    assert_status(io(&h, NVT_NVM_READ, 0, 16, DATA_AT, nowhere[i]), NVT_SC_DATA_TRANSFER_ERROR);
    assert_status(io(&h, NVT_NVM_READ, 0, 24, DATA_AT, nowhere[i]), NVT_SC_DATA_TRANSFER_ERROR);
    list[0] = DATA_AT;
    list[1] = nowhere[i];
    assert_status(io(&h, NVT_NVM_READ, 0, 24, DATA_AT, LIST_AT), NVT_SC_DATA_TRANSFER_ERROR);
    assert_status(admin(&h, (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY,
                                             .prp1 = nowhere[i],
                                             .cdw10 = NVT_CNS_CONTROLLER}),
                  NVT_SC_DATA_TRANSFER_ERROR);
  }
  /* Its own registers aren't memory to it. */
  assert_status(io(&h, NVT_NVM_READ, 0, 1, 0xfebf0000, 0), NVT_SC_DATA_TRANSFER_ERROR);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

static void a_page_over_many_windows(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  uint8_t *memory = aligned_alloc(4096, 8192);
  assert_non_null(memory);
  /* 16 windows of 256 bytes, in reverse order in the host's memory. */
  const uint64_t at = 1ull << 33;
  for (unsigned i = 0; i < 16; i++)
    assert_int_equal(
        nvt_controller_dma_map(h.c, at + i * 256, 256, memory + (15 - i) * 256, true, true), 0);
  pattern(guest(&h, DATA_AT), 4096, 5);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, at, 0), NVT_SC_SUCCESS);
  for (unsigned i = 0; i < 16; i++)
    assert_memory_equal(memory + (15 - i) * 256, (uint8_t *)guest(&h, DATA_AT) + i * 256, 256);
  assert_int_equal(nvt_controller_dma_unmap(h.c, at + 15 * 256, 256), 0);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, at, 0), NVT_SC_DATA_TRANSFER_ERROR);
  free(memory);
  host_close(&h);
}

static void larger_memory_pages(void **state) {
  (void)state;
  for (unsigned mps = 0; mps <= 4; mps++) {
    struct host h;
    host_open_with(&h, "ram:4M", (struct nvt_controller_options){0});
    enable_with(&h, ADMIN_ENTRIES, ADMIN_ENTRIES, CC_ON | mps << 7);
    assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
    const uint64_t page = 4096ull << mps;
    uint64_t cq = ARENA_IOVA + 0x100000, sq = ARENA_IOVA + 0x120000, data = ARENA_IOVA + 0x200000;
    uint64_t list_at = ARENA_IOVA + 0x1f0000;
    if (mps != 0)
      assert_status(create_cq_at(&h, 1, 16, cq + page / 2, 1), NVT_SC_INVALID_PRP_OFFSET);
    assert_status(create_cq_at(&h, 1, 16, cq, 1), NVT_SC_SUCCESS);
    assert_status(create_sq_at(&h, 1, 16, sq, 1), NVT_SC_SUCCESS);
    uint64_t *list = guest(&h, list_at);
    list[0] = data + 3 * page;
    list[1] = data + 2 * page;
    pattern(guest(&h, data), 8 * page, mps);
    uint32_t blocks = (uint32_t)(page * 3 / 512);
    assert_status(io(&h, NVT_NVM_WRITE, 0, blocks, data, list_at), NVT_SC_SUCCESS);
    uint64_t to = data + 16 * page;
    list[0] = to + page;
    list[1] = to + 2 * page;
    assert_status(io(&h, NVT_NVM_READ, 0, blocks, to, list_at), NVT_SC_SUCCESS);
    assert_memory_equal(guest(&h, to), guest(&h, data), page);
    assert_memory_equal(guest(&h, to + page), guest(&h, data + 3 * page), page);
    assert_memory_equal(guest(&h, to + 2 * page), guest(&h, data + 2 * page), page);
    host_close(&h);
  }
  struct host h;
  host_open_with(&h, NULL, (struct nvt_controller_options){0});
  enable_with(&h, ADMIN_ENTRIES, ADMIN_ENTRIES, CC_ON | 5u << 7);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 2);
  host_close(&h);
}

static void queues_move_with_their_windows(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
  /* The virtual machine monitor maps the same memory in two pieces, one within a queue. */
  uint64_t split = SQ_AT(1) + 512 - ARENA_IOVA;
  assert_int_equal(nvt_controller_dma_unmap(h.c, ARENA_IOVA, ARENA), 0);
  assert_int_equal(nvt_controller_dma_map(h.c, ARENA_IOVA, split, h.arena, true, true), 0);
  assert_int_equal(
      nvt_controller_dma_map(h.c, ARENA_IOVA + split, ARENA - split, h.arena + split, true, true),
      0);
  for (int i = 0; i < 40; i++)
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

static void completion_queues_in_awkward_memory(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  uint8_t *memory = malloc(3 * 4096);
  assert_non_null(memory);
  const uint64_t at = 1ull << 34;
  /* In two windows, and at an odd place in the host's memory. */
  for (unsigned shift = 1; shift <= 16; shift += 3) {
    uint8_t *first = memory + shift, *second = memory + 4096 + 2 * shift;
    memset(memory, 0, 3 * 4096);
    assert_int_equal(nvt_controller_dma_map(h.c, at, 64, first, true, true), 0);
    assert_int_equal(nvt_controller_dma_map(h.c, at + 64, 4096 - 64, second, true, true), 0);
    assert_status(create_cq_at(&h, 2, 8, at, 1), NVT_SC_SUCCESS);
    assert_status(create_sq_at(&h, 2, 8, SQ_AT(2), 2), NVT_SC_SUCCESS);
    for (unsigned i = 0; i < 20; i++) {
      uint16_t cid = submit(&h, 2, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
      poll_idle(&h);
      struct nvt_cqe cqe;
      memcpy(&cqe, i % 8 < 4 ? first + i % 8 * 16 : second + (i % 8 - 4) * 16, 16);
      assert_int_equal(cqe.cid, cid);
      assert_int_equal(NVT_CQE_PHASE(cqe.status), i / 8 % 2 == 0);
      ring(&h, 2, true, (i + 1) % 8);
    }
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 2), NVT_SC_SUCCESS);
    assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 2), NVT_SC_SUCCESS);
    assert_int_equal(nvt_controller_dma_unmap(h.c, at, 4096), 0);
  }
  free(memory);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(windows),
      cmocka_unit_test(transfers_at_a_window_end),
      cmocka_unit_test(read_only_memory_is_not_written),
      cmocka_unit_test(prp1_offsets),
      cmocka_unit_test(list_pointers_and_entries_must_be_aligned),
      cmocka_unit_test(chained_lists),
      cmocka_unit_test(lists_are_recorded_with_their_offset),
      cmocka_unit_test(a_list_that_points_to_itself_ends),
      cmocka_unit_test(unmapped_prps_are_data_transfer_errors),
      cmocka_unit_test(a_page_over_many_windows),
      cmocka_unit_test(larger_memory_pages),
      cmocka_unit_test(queues_move_with_their_windows),
      cmocka_unit_test(completion_queues_in_awkward_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
