/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O commands: ranges and their ends, every command, several namespaces, files. */
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/host.h"

static void lba_ranges(void **state) {
  (void)state;
  const char *const namespaces[] = {"ram:1M", "ram:1M,block=4096"};
  for (unsigned n = 0; n < 2; n++) {
    struct host h;
    host_open(&h, namespaces[n]);
    create_pair(&h, 1, 16);
    uint64_t size = n == 0 ? 2048 : 256;
    const uint8_t opcodes[] = {NVT_NVM_READ, NVT_NVM_WRITE, NVT_NVM_COMPARE, NVT_NVM_WRITE_ZEROES};
    for (unsigned i = 0; i < 4; i++) {
      const struct {
        uint64_t slba;
        uint32_t blocks;
        bool good;
      } rows[] = {{0, 1, true},           {size - 1, 1, true},    {size, 1, false},
                  {size + 1, 1, false},   {size - 2, 2, true},    {size - 1, 2, false},
                  {UINT64_MAX, 1, false}, {UINT64_MAX, 2, false}, {UINT64_MAX - 1, 3, false},
                  {1ull << 55, 1, false}, {1ull << 52, 1, false}};
      for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        /* All zero on both sides, so that Compare agrees. */
        assert_status(io(&h, opcodes[i], rows[r].slba, rows[r].blocks, DATA_AT, DATA_AT + 0x1000),
                      rows[r].good ? NVT_SC_SUCCESS : NVT_SC_LBA_OUT_OF_RANGE);
      }
    }
    host_close(&h);
  }
}

static void transfers_at_mdts(void **state) {
  (void)state;
  for (uint8_t mdts = 1; mdts <= 3; mdts++) {
    struct host h;
    host_open_with(&h, "ram:1M", (struct nvt_controller_options){.mdts = mdts});
    enable(&h);
    create_pair(&h, 1, 16);
    struct nvt_id_controller id;
    assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
    assert_int_equal(id.mdts, mdts);
    uint64_t *list = guest(&h, LIST_AT);
    for (unsigned i = 0; i < 16; i++)
      list[i] = DATA_AT + 4096 * (i + 1);
    uint32_t most = 8u << mdts;
    for (uint32_t blocks = most - 1; blocks <= most + 1; blocks++) {
      nvt_status wanted = blocks <= most ? NVT_SC_SUCCESS : NVT_SC_INVALID_FIELD;
      uint64_t prp2 = blocks <= 16 ? DATA_AT + 4096 : LIST_AT;
      assert_status(io(&h, NVT_NVM_READ, 0, blocks, DATA_AT, prp2), wanted);
      assert_status(io(&h, NVT_NVM_WRITE, 0, blocks, DATA_AT, prp2), wanted);
      assert_status(io(&h, NVT_NVM_COMPARE, 0, blocks, DATA_AT, prp2), wanted);
      /* Write Zeroes transfers nothing: MDTS isn't its limit. */
      assert_status(io(&h, NVT_NVM_WRITE_ZEROES, 0, blocks, 0, 0), NVT_SC_SUCCESS);
    }
    host_close(&h);
  }
}

static void every_invalid_nsid(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  const uint8_t opcodes[] = {NVT_NVM_FLUSH,   NVT_NVM_WRITE,        NVT_NVM_READ,
                             NVT_NVM_COMPARE, NVT_NVM_WRITE_ZEROES, NVT_NVM_DATASET_MANAGEMENT};
  const uint32_t nsids[] = {0, 2, 256, 257, 0x80000001, 0xfffffffe, 0xffffffff};
  for (unsigned o = 0; o < sizeof(opcodes); o++) {
    for (unsigned i = 0; i < sizeof(nsids) / sizeof(nsids[0]); i++) {
      struct nvt_sqe sqe = io_sqe(opcodes[o], 0, 1, DATA_AT, 0);
      sqe.nsid = nsids[i];
      bool all = nsids[i] == 0xffffffff && opcodes[o] == NVT_NVM_FLUSH;
      struct nvt_cqe cqe = run(&h, 1, sqe);
      assert_status(status_of(cqe), all ? NVT_SC_SUCCESS : NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
      assert_int_equal(NVT_CQE_DNR(cqe.status), all ? 0 : 1);
    }
  }
  host_close(&h);
}

static void compare_sees_one_bit(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  pattern(guest(&h, DATA_AT), 4096, 9);
  assert_status(io(&h, NVT_NVM_WRITE, 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_COMPARE, 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  for (unsigned at = 0; at < 4096; at += 511) {
    *(uint8_t *)guest(&h, DATA_AT + at) ^= 0x10;
    assert_status(io(&h, NVT_NVM_COMPARE, 8, 8, DATA_AT, 0), NVT_SC_COMPARE_FAILURE);
    *(uint8_t *)guest(&h, DATA_AT + at) ^= 0x10;
  }
  host_close(&h);
}

static void dataset_management(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  struct nvt_sqe sqe = {
      .opcode = NVT_NVM_DATASET_MANAGEMENT, .nsid = 1, .prp1 = LIST_AT, .cdw10 = 2, .cdw11 = 4};
  memset(guest(&h, DATA_AT), 0x99, 4096);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  struct nvt_dsm_range *ranges = guest(&h, LIST_AT);
  ranges[0] = (struct nvt_dsm_range){.slba = 1, .nlb = 2};
  ranges[1] = (struct nvt_dsm_range){.slba = 2048, .nlb = 0};
  ranges[2] = (struct nvt_dsm_range){.slba = 6, .nlb = 1};
  assert_status(status_of(run(&h, 1, sqe)), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  const uint8_t *bytes = guest(&h, DATA_AT);
  for (unsigned i = 0; i < 4096; i++) {
    bool gone = (i / 512 >= 1 && i / 512 <= 2) || i / 512 == 6;
    assert_int_equal(bytes[i], gone ? 0 : 0x99);
  }
  /* Ranges at the end and beyond; nothing is done when one is bad. */
  const struct {
    uint64_t slba;
    uint32_t nlb;
    bool good;
  } rows[] = {{2047, 1, true},  {2048, 1, false}, {2047, 2, false},
              {2049, 0, false}, {0, 2048, true},  {UINT64_MAX, 2, false}};
  for (unsigned i = 0; i < 6; i++) {
    ranges[1] = (struct nvt_dsm_range){.slba = rows[i].slba, .nlb = rows[i].nlb};
    assert_status(status_of(run(&h, 1, sqe)),
                  rows[i].good ? NVT_SC_SUCCESS : NVT_SC_LBA_OUT_OF_RANGE);
  }
  /* All 256 ranges, over a page's end. */
  struct nvt_dsm_range all[256];
  for (uint32_t i = 0; i < 256; i++)
    all[i] = (struct nvt_dsm_range){.slba = 8 * i, .nlb = 8};
  memcpy(guest(&h, LIST_AT + 0x800), all, 0x800);
  memcpy(guest(&h, LIST_AT + 0x3000), &all[128], 0x800);
  sqe.prp1 = LIST_AT + 0x800;
  sqe.prp2 = LIST_AT + 0x3000;
  sqe.cdw10 = 255;
  assert_status(io(&h, NVT_NVM_WRITE, 2040, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(status_of(run(&h, 1, sqe)), NVT_SC_SUCCESS);
  memset(guest(&h, DATA_AT), 0x55, 4096);
  assert_status(io(&h, NVT_NVM_READ, 2040, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  for (unsigned i = 0; i < 4096; i++)
    assert_int_equal(bytes[i], 0);
  /* Without Deallocate they are hints. */
  sqe.cdw11 = 3;
  assert_status(status_of(run(&h, 1, sqe)), NVT_SC_SUCCESS);
  host_close(&h);
}

static void many_ranges_with_the_smallest_mdts(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.mdts = 1});
  enable(&h);
  create_pair(&h, 1, 16);
  struct nvt_dsm_range *ranges = guest(&h, LIST_AT);
  for (uint32_t i = 0; i < 256; i++)
    ranges[i] = (struct nvt_dsm_range){.slba = i, .nlb = 1};
  struct nvt_sqe sqe = {
      .opcode = NVT_NVM_DATASET_MANAGEMENT, .nsid = 1, .prp1 = LIST_AT, .cdw10 = 255, .cdw11 = 4};
  for (int i = 0; i < 14; i++)
    put(&h, 1, sqe);
  ring(&h, 1, false, 14);
  poll_idle(&h);
  struct nvt_cqe cqe;
  for (int i = 0; i < 14; i++) {
    assert_true(reap(&h, 1, &cqe));
    assert_status(status_of(cqe), NVT_SC_SUCCESS);
  }
  host_close(&h);
}

static void a_readonly_namespace(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M,readonly");
  create_pair(&h, 1, 16);
  struct nvt_id_namespace ns;
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 1, &ns), NVT_SC_SUCCESS);
  assert_int_equal(ns.nsattr & 1, 1);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 1, DATA_AT, 0), NVT_SC_NAMESPACE_WRITE_PROTECTED);
  assert_status(io(&h, NVT_NVM_WRITE_ZEROES, 0, 1, 0, 0), NVT_SC_NAMESPACE_WRITE_PROTECTED);
  struct nvt_sqe sqe = {
      .opcode = NVT_NVM_DATASET_MANAGEMENT, .nsid = 1, .prp1 = LIST_AT, .cdw11 = 4};
  assert_status(status_of(run(&h, 1, sqe)), NVT_SC_NAMESPACE_WRITE_PROTECTED);
  host_close(&h);
}

static void namespaces_are_separate(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  char why[64];
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:1M,block=4096", NULL, why, 64), 0);
  create_pair(&h, 1, 16);
  for (uint32_t nsid = 1; nsid <= 2; nsid++) {
    memset(guest(&h, DATA_AT), (int)(0x40 + nsid), 4096);
    struct nvt_sqe sqe = io_sqe(NVT_NVM_WRITE, 0, nsid == 1 ? 8 : 1, DATA_AT, 0);
    sqe.nsid = nsid;
    assert_status(status_of(run(&h, 1, sqe)), NVT_SC_SUCCESS);
  }
  for (uint32_t nsid = 1; nsid <= 2; nsid++) {
    struct nvt_sqe sqe = io_sqe(NVT_NVM_READ, 0, nsid == 1 ? 8 : 1, DATA_AT, 0);
    sqe.nsid = nsid;
    assert_status(status_of(run(&h, 1, sqe)), NVT_SC_SUCCESS);
    assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 4095), 0x40 + nsid);
  }
  host_close(&h);
}

static void namespaces_at_the_limit(void **state) {
  (void)state;
  struct host h;
  host_open(&h, NULL);
  char why[128];
  uint32_t nsid = 0;
  for (uint32_t i = 1; i <= 256; i++) {
    assert_int_equal(nvt_controller_add_namespace(h.c, "null:1M", &nsid, why, sizeof(why)), 0);
    assert_int_equal(nsid, i);
  }
  assert_int_equal(nvt_controller_add_namespace(h.c, "null:1M", &nsid, why, sizeof(why)), -ENOSPC);
  uint32_t list[1024];
  assert_status(identify(&h, NVT_CNS_ACTIVE_NS_LIST, 255, list), NVT_SC_SUCCESS);
  assert_int_equal(list[0], 256);
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 256, NULL), NVT_SC_SUCCESS);
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 257, NULL), NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_int_equal(nvt_controller_remove_namespace(h.c, 7), 0);
  assert_int_equal(nvt_controller_add_namespace(h.c, "null:1M", &nsid, why, sizeof(why)), 0);
  assert_int_equal(nsid, 7);
  assert_true(nvt_controller_add_namespace(h.c, "nonsense", &nsid, why, sizeof(why)) < 0);
  host_close(&h);
}

static void make_file(char *description, size_t len, char *path) {
  strcpy(path, "/tmp/nvt-test-XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, 4 << 20), 0);
  close(fd);
  snprintf(description, len, "file:%s", path);
}

static void a_file_completes_out_of_order_and_all(void **state) {
  (void)state;
  char description[64], path[32];
  make_file(description, sizeof(description), path);
  struct host h;
  host_open(&h, description);
  create_pair(&h, 1, 64);
  for (uint32_t i = 0; i < 60; i++) {
    pattern(guest(&h, DATA_AT + i * 4096), 4096, i);
    put(&h, 1, io_sqe(NVT_NVM_WRITE, i * 8, 8, DATA_AT + i * 4096, 0));
  }
  uint16_t first = (uint16_t)(h.cid - 60);
  ring(&h, 1, false, 60);
  bool seen[60] = {false};
  struct nvt_cqe cqe;
  for (unsigned got = 0, spins = 0; got < 60; spins++) {
    assert_true(spins < 10000000);
    nvt_controller_poll(h.c, 0);
    while (reap(&h, 1, &cqe)) {
      assert_status(status_of(cqe), NVT_SC_SUCCESS);
      assert_false(seen[cqe.cid - first]);
      seen[cqe.cid - first] = true;
      got++;
    }
  }
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
  struct nvt_sqe all = io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0);
  all.nsid = 0xffffffff;
  assert_status(status_of(run(&h, 1, all)), NVT_SC_SUCCESS);
  uint64_t to = DATA_AT + 0x200000;
  for (uint32_t i = 0; i < 60; i++) {
    assert_status(io(&h, NVT_NVM_READ, i * 8, 8, to, 0), NVT_SC_SUCCESS);
    assert_memory_equal(guest(&h, to), guest(&h, DATA_AT + i * 4096), 4096);
  }
  struct nvt_dsm_range *ranges = guest(&h, LIST_AT);
  ranges[0] = (struct nvt_dsm_range){.slba = 0, .nlb = 8};
  ranges[1] = (struct nvt_dsm_range){.slba = 16, .nlb = 8};
  struct nvt_sqe dsm = {
      .opcode = NVT_NVM_DATASET_MANAGEMENT, .nsid = 1, .prp1 = LIST_AT, .cdw10 = 1, .cdw11 = 4};
  assert_status(status_of(run(&h, 1, dsm)), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 16, 8, to, 0), NVT_SC_SUCCESS);
  assert_int_equal(*(uint8_t *)guest(&h, to), 0);
  host_close(&h);
  unlink(path);
}

/* Reset, deletion, unmapping and removal while a backend has commands. */
static void nothing_is_written_after_the_end(void **state) {
  (void)state;
  char description[64], path[32];
  make_file(description, sizeof(description), path);
  for (int kind = 0; kind < 5; kind++) {
    struct host h;
    host_open(&h, description);
    create_pair(&h, 1, 64);
    for (uint32_t i = 0; i < 50; i++)
      put(&h, 1, io_sqe(NVT_NVM_READ, i * 8, 8, DATA_AT + i * 4096, 0));
    ring(&h, 1, false, 50);
    /* A step doesn't ask the backend, so that all of them are still there. */
    for (int i = 0; i < 50; i++)
      assert_int_equal(nvt_controller_step(h.c, 1), 1);
    assert_int_equal(nvt_controller_outstanding(h.c), 50);
    assert_true(nvt_controller_event_fd(h.c) >= 0);
    switch (kind) {
    case 0:
      set32(&h, NVT_REG_CC, 0x00460000);
      break;
    case 1:
      nvt_controller_reset(h.c, NVT_RESET_DEVICE);
      break;
    case 2: {
      assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_SQ, 1), NVT_SC_SUCCESS);
      struct nvt_cqe cqe; /* "completed or aborted": each has had its completion */
      for (int i = 0; i < 50; i++)
        assert_true(reap(&h, 1, &cqe));
      assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
      break;
    }
    case 3:
      assert_int_equal(nvt_controller_dma_unmap(h.c, ARENA_IOVA, ARENA), 0);
      break;
    default:
      assert_int_equal(nvt_controller_remove_namespace(h.c, 1), 0);
      set32(&h, NVT_REG_CC, 0x00460000);
      break;
    }
    assert_int_equal(nvt_controller_outstanding(h.c), 0);
    memset(h.arena, 0xa5, ARENA);
    for (int i = 0; i < 1000; i++)
      nvt_controller_poll(h.c, 0);
    for (uint32_t i = 0; i < ARENA; i++) {
      if (h.arena[i] != 0xa5)
        fail_msg("kind %d: guest memory at %xh was written", kind, i);
    }
    host_close(&h);
  }
  unlink(path);
}

static void shutdown_waits_for_a_file(void **state) {
  (void)state;
  char description[64], path[32];
  make_file(description, sizeof(description), path);
  struct host h;
  host_open(&h, description);
  create_pair(&h, 1, 64);
  pattern(guest(&h, DATA_AT), 4096, 77);
  submit(&h, 1, io_sqe(NVT_NVM_WRITE, 0, 8, DATA_AT, 0));
  assert_int_equal(nvt_controller_step(h.c, 1), 1);
  set32(&h, NVT_REG_CC, CC_ON | 1u << 14);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 9);
  struct nvt_cqe cqe;
  assert_true(reap(&h, 1, &cqe));
  assert_status(status_of(cqe), NVT_SC_SUCCESS);
  uint8_t there[4096];
  int fd = open(path, O_RDONLY);
  assert_int_equal(pread(fd, there, 4096, 0), 4096);
  close(fd);
  assert_memory_equal(there, guest(&h, DATA_AT), 4096);
  host_close(&h);
  unlink(path);
}

static void reset_in_the_middle_of_many_ranges(void **state) {
  (void)state;
  char description[64], path[32];
  make_file(description, sizeof(description), path);
  struct host h;
  host_open(&h, description);
  create_pair(&h, 1, 64);
  struct nvt_dsm_range *ranges = guest(&h, LIST_AT);
  for (uint32_t i = 0; i < 256; i++)
    ranges[i] = (struct nvt_dsm_range){.slba = i * 8, .nlb = 8};
  struct nvt_sqe dsm = {
      .opcode = NVT_NVM_DATASET_MANAGEMENT, .nsid = 1, .prp1 = LIST_AT, .cdw10 = 255, .cdw11 = 4};
  struct nvt_sqe flush = {.opcode = NVT_NVM_FLUSH, .nsid = 0xffffffff};
  submit(&h, 1, dsm);
  submit(&h, 1, flush);
  assert_int_equal(nvt_controller_step(h.c, 1), 1);
  assert_int_equal(nvt_controller_step(h.c, 1), 1);
  set32(&h, NVT_REG_CC, 0x00460000);
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  enable(&h);
  create_pair(&h, 1, 64);
  for (int i = 0; i < 5; i++)
    assert_status(io(&h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lba_ranges),
      cmocka_unit_test(transfers_at_mdts),
      cmocka_unit_test(every_invalid_nsid),
      cmocka_unit_test(compare_sees_one_bit),
      cmocka_unit_test(dataset_management),
      cmocka_unit_test(many_ranges_with_the_smallest_mdts),
      cmocka_unit_test(a_readonly_namespace),
      cmocka_unit_test(namespaces_are_separate),
      cmocka_unit_test(namespaces_at_the_limit),
      cmocka_unit_test(a_file_completes_out_of_order_and_all),
      cmocka_unit_test(nothing_is_written_after_the_end),
      cmocka_unit_test(shutdown_waits_for_a_file),
      cmocka_unit_test(reset_in_the_middle_of_many_ranges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
