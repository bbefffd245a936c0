/* SPDX-License-Identifier: BSD-2-Clause */
/* Admin commands: features, log pages, asynchronous events, what is refused. */
#include <unistd.h>

#include "tests/unit/host.h"

#define ALL 0xffffffffu

static void what_has_no_row_is_invalid_opcode(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  assert_status(get_log(&h, NVT_LOG_COMMANDS_SUPPORTED, 0, 4096), NVT_SC_SUCCESS);
  struct nvt_log_effects log;
  memcpy(&log, guest(&h, DATA_AT), sizeof(log));
  unsigned supported = 0;
  for (unsigned opcode = 0; opcode < 256; opcode++) {
    if ((log.admin[opcode] & 1) != 0)
      supported++;
    else
      assert_status(admin(&h, (struct nvt_sqe){.opcode = (uint8_t)opcode}), NVT_SC_INVALID_OPCODE);
    if ((log.io[opcode] & 1) != 0)
      supported++;
    else
      assert_status(io(&h, (uint8_t)opcode, 0, 1, DATA_AT, 0), NVT_SC_INVALID_OPCODE);
  }
  assert_int_equal(supported, 12 + 6);
  assert_int_equal(log.io[NVT_NVM_WRITE] & 2, 2); /* changes content */
  assert_int_equal(log.io[NVT_NVM_READ] & 2, 0);
  host_close(&h);
}

static void fused_and_sgl_are_invalid_field(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  const uint8_t flags[] = {1, 2, 3, 0x40, 0x80, 0xc0};
  for (unsigned i = 0; i < sizeof(flags); i++) {
    struct nvt_sqe sqe = io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0);
    sqe.flags = flags[i];
    struct nvt_cqe cqe = run(&h, 1, sqe);
    assert_status(status_of(cqe), NVT_SC_INVALID_FIELD);
    assert_int_equal(NVT_CQE_DNR(cqe.status), 1);
    assert_status(
        admin(&h, (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY, .flags = flags[i], .cdw10 = 1}),
        NVT_SC_INVALID_FIELD);
  }
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_int_equal(id.sgls, 0);
  assert_int_equal(id.fuses, 0);
  host_close(&h);
}

static void select_of_get_features(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(status_of(set_feature(&h, NVT_FEATURE_VOLATILE_WRITE_CACHE, 0, 0)), NVT_SC_SUCCESS);
  const uint32_t wanted[] = {0, 1, 1, 4}; /* current, default, saved, capabilities */
  for (uint8_t select = 0; select < 4; select++) {
    struct nvt_cqe cqe = get_feature(&h, NVT_FEATURE_VOLATILE_WRITE_CACHE, select, 0);
    assert_status(status_of(cqe), NVT_SC_SUCCESS);
    assert_int_equal(cqe.dw0, wanted[select]);
  }
  assert_status(status_of(get_feature(&h, NVT_FEATURE_VOLATILE_WRITE_CACHE, 4, 0)),
                NVT_SC_INVALID_FIELD);
  host_close(&h);
}

static void features_that_are_refused(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.vectors = 4});
  enable(&h);
  const uint8_t absent[] = {0x00, 0x03, 0x0c, 0x0d, 0x10, 0x16, 0x7f, 0x81, 0xff};
  for (unsigned i = 0; i < sizeof(absent); i++) {
    assert_status(status_of(get_feature(&h, absent[i], 0, 0)), NVT_SC_INVALID_FIELD);
    assert_status(status_of(set_feature(&h, absent[i], 0, 0)), NVT_SC_INVALID_FIELD);
  }
  struct nvt_sqe save = {.opcode = NVT_ADMIN_SET_FEATURES,
                         .cdw10 = 1u << 31 | NVT_FEATURE_ARBITRATION};
  assert_status(admin(&h, save), NVT_SC_FEATURE_NOT_SAVEABLE);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_ARBITRATION, 1, 1)),
                NVT_SC_FEATURE_NOT_NS_SPECIFIC);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_ARBITRATION, 2, 1)),
                NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_POWER_MANAGEMENT, 0, 1)),
                NVT_SC_INVALID_FIELD);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0xffff)),
                NVT_SC_INVALID_FIELD);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0xffff0000)),
                NVT_SC_INVALID_FIELD);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0xfffefffe)),
                NVT_SC_SUCCESS);
  assert_int_equal(get_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0).dw0, 0x003f003f);
  for (uint32_t vector = 2; vector < 6; vector++) {
    nvt_status wanted = vector < 4 ? NVT_SC_SUCCESS : NVT_SC_INVALID_FIELD;
    assert_status(status_of(set_feature(&h, NVT_FEATURE_INTERRUPT_VECTOR_CONFIG, 0, vector)),
                  wanted);
    assert_status(status_of(get_feature(&h, NVT_FEATURE_INTERRUPT_VECTOR_CONFIG, 0, vector)),
                  wanted);
  }
  assert_status(status_of(set_feature(&h, NVT_FEATURE_TEMPERATURE_THRESHOLD, 0, 1u << 16)),
                NVT_SC_INVALID_FIELD);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_ERROR_RECOVERY, 1, 0x10000)),
                NVT_SC_INVALID_FIELD);
  host_close(&h);
}

static void number_of_queues_after_queues_is_a_sequence_error(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(create_cq_at(&h, 1, 16, CQ_AT(1), 1), NVT_SC_SUCCESS);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0x00030003)),
                NVT_SC_COMMAND_SEQUENCE_ERROR);
  assert_status(delete_queue(&h, NVT_ADMIN_DELETE_IO_CQ, 1), NVT_SC_SUCCESS);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_NUMBER_OF_QUEUES, 0, 0x00030003)),
                NVT_SC_SUCCESS);
  host_close(&h);
}

static void error_recovery_is_kept_for_each_namespace(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  char why[64];
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:1M", NULL, why, sizeof(why)), 0);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_ERROR_RECOVERY, ALL, 5)), NVT_SC_SUCCESS);
  assert_status(status_of(set_feature(&h, NVT_FEATURE_ERROR_RECOVERY, 2, 9)), NVT_SC_SUCCESS);
  for (uint32_t nsid = 1; nsid <= 2; nsid++) {
    struct nvt_cqe cqe =
        run(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_GET_FEATURES, .nsid = nsid, .cdw10 = 5});
    assert_int_equal(cqe.dw0, nsid == 1 ? 5 : 9);
  }
  host_close(&h);
}

static void timestamp_goes_on(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  const uint64_t set = 0x123456789a;
  memcpy(guest(&h, DATA_AT), &set, 8);
  struct nvt_sqe sqe = {
      .opcode = NVT_ADMIN_SET_FEATURES, .prp1 = DATA_AT, .cdw10 = NVT_FEATURE_TIMESTAMP};
  assert_status(admin(&h, sqe), NVT_SC_SUCCESS);
  usleep(2000);
  assert_status(status_of(get_feature(&h, NVT_FEATURE_TIMESTAMP, 0, 0)), NVT_SC_SUCCESS);
  uint64_t got;
  memcpy(&got, guest(&h, DATA_AT), 8);
  assert_in_range(got & 0xffffffffffff, set + 1, set + 60000);
  assert_int_equal(got >> 49 & 7, 1); /* set by the host */
  host_close(&h);
}

static void keep_alive_expires(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(status_of(set_feature(&h, NVT_FEATURE_KEEP_ALIVE_TIMER, 0, 150)), NVT_SC_SUCCESS);
  assert_int_equal(get_feature(&h, NVT_FEATURE_KEEP_ALIVE_TIMER, 0, 0).dw0, 200);
  for (int i = 0; i < 4; i++) {
    usleep(80000);
    assert_status(admin(&h, (struct nvt_sqe){.opcode = NVT_ADMIN_KEEP_ALIVE}), NVT_SC_SUCCESS);
  }
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  usleep(250000);
  nvt_controller_poll(h.c, 0);
  assert_int_equal(reg32(&h, NVT_REG_CSTS) & 2, 2);
  set32(&h, NVT_REG_CC, 0x00460000);
  enable(&h);
  host_close(&h);
}

static void log_pages_that_are_refused(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  for (unsigned lid = 0; lid < 256; lid++)
    assert_status(get_log(&h, (uint8_t)lid, 0, 4),
                  lid >= 1 && lid <= 5 ? NVT_SC_SUCCESS : NVT_SC_INVALID_LOG_PAGE);
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_GET_LOG_PAGE, .prp1 = DATA_AT, .cdw10 = 2};
  const struct {
    uint32_t nsid;
    nvt_status status;
  } rows[] = {{0, NVT_SC_SUCCESS},
              {ALL, NVT_SC_SUCCESS},
              {1, NVT_SC_INVALID_FIELD},
              {2, NVT_SC_INVALID_NAMESPACE_OR_FORMAT}};
  for (unsigned i = 0; i < 4; i++) {
    sqe.nsid = rows[i].nsid;
    assert_status(admin(&h, sqe), rows[i].status);
  }
  /* More than MDTS in one go. */
  sqe = (struct nvt_sqe){
      .opcode = NVT_ADMIN_GET_LOG_PAGE, .prp1 = DATA_AT, .cdw10 = 0xffff0005, .cdw11 = 0xffff};
  assert_status(admin(&h, sqe), NVT_SC_INVALID_FIELD);
  host_close(&h);
}

static uint64_t low64(const uint8_t *bytes) {
  uint64_t value;
  memcpy(&value, bytes, 8);
  return value;
}

static void smart_counts(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  for (int i = 0; i < 3; i++)
    assert_status(io(&h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 1 << 20, 8, DATA_AT, 0), NVT_SC_LBA_OUT_OF_RANGE);
  assert_status(get_log(&h, NVT_LOG_SMART, 0, 512), NVT_SC_SUCCESS);
  struct nvt_log_smart smart;
  memcpy(&smart, guest(&h, DATA_AT), sizeof(smart));
  assert_int_equal(low64(smart.host_reads), 3);
  assert_int_equal(low64(smart.host_writes), 1);
  assert_int_equal(low64(smart.data_units_read), 1);
  assert_int_equal(low64(smart.data_units_written), 1);
  assert_int_equal(low64(smart.error_entries), 1);
  assert_int_equal(smart.critical_warning, 0);
  assert_int_equal(smart.spare, 100);
  host_close(&h);
}

/* Figure 198: host reads and data units read are those of Compare and Read. */
static void smart_counts_a_compare_as_a_read(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:4M");
  create_pair(&h, 1, 16);
  for (uint64_t at = 0; at < 251; at++)
    assert_status(io(&h, NVT_NVM_COMPARE, at * 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(get_log(&h, NVT_LOG_SMART, 0, 512), NVT_SC_SUCCESS);
  struct nvt_log_smart smart;
  memcpy(&smart, guest(&h, DATA_AT), sizeof(smart));
  assert_int_equal(low64(smart.host_reads), 251);
  assert_int_equal(low64(smart.data_units_read), 3); /* 2008 blocks */
  assert_int_equal(low64(smart.host_writes), 0);
  assert_int_equal(low64(smart.data_units_written), 0);
  host_close(&h);
}

/* Figure 198: unsafe is a loss of power without a shutdown; no other reset is one. */
static void smart_counts_unsafe_shutdowns(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  const struct nvt_log_smart *smart = guest(&h, DATA_AT);
  const enum nvt_reset resets[] = {NVT_RESET_CONTROLLER, NVT_RESET_SUBSYSTEM, NVT_RESET_FUNCTION,
                                   NVT_RESET_DEVICE};
  for (unsigned i = 0; i < 4; i++) {
    nvt_controller_reset(h.c, resets[i]);
    set32(&h, NVT_REG_CSTS, 0x10); /* NSSRO */
    enable(&h);
    assert_status(get_log(&h, NVT_LOG_SMART, 0, 512), NVT_SC_SUCCESS);
    assert_int_equal(low64(smart->unsafe_shutdowns), resets[i] == NVT_RESET_DEVICE ? 1 : 0);
  }
  set32(&h, NVT_REG_CC, CC_ON | 1u << 14); /* a shutdown, then the power goes */
  nvt_controller_reset(h.c, NVT_RESET_DEVICE);
  enable(&h);
  assert_status(get_log(&h, NVT_LOG_SMART, 0, 512), NVT_SC_SUCCESS);
  assert_int_equal(low64(smart->unsafe_shutdowns), 1);
  host_close(&h);
}

static void errors_are_logged_newest_first(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  for (unsigned i = 0; i < 66; i++) {
    struct nvt_cqe cqe = run(&h, 1, io_sqe(NVT_NVM_READ, 5000 + i, 1, DATA_AT, 0));
    assert_status(status_of(cqe), NVT_SC_LBA_OUT_OF_RANGE);
    assert_int_equal(NVT_CQE_MORE(cqe.status), 1);
    assert_int_equal(NVT_CQE_DNR(cqe.status), 1);
  }
  assert_status(get_log(&h, NVT_LOG_ERROR_INFORMATION, 0, 4096), NVT_SC_SUCCESS);
  const struct nvt_log_error *log = guest(&h, DATA_AT);
  for (unsigned i = 0; i < 64; i++) {
    assert_int_equal(log[i].count, 66 - i);
    assert_int_equal(log[i].lba, 5000 + 65 - i);
    assert_int_equal(log[i].sqid, 1);
    assert_int_equal(log[i].nsid, 1);
    assert_int_equal(NVT_CQE_STATUS(log[i].status), NVT_SC_LBA_OUT_OF_RANGE);
  }
  host_close(&h);
}

static uint16_t ask_for_event(struct host *h) {
  uint16_t cid = submit(h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(h);
  return cid;
}

static void event_requests_are_limited(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_cqe cqe;
  for (int i = 0; i < 4; i++) {
    ask_for_event(&h);
    assert_false(reap(&h, 0, &cqe));
  }
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  uint16_t cid = ask_for_event(&h);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.cid, cid);
  assert_status(status_of(cqe), NVT_SC_AER_LIMIT_EXCEEDED);
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_int_equal(id.aerl, 3);
  host_close(&h);
}

static void a_bad_doorbell_is_an_error_event(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  struct nvt_cqe cqe;
  uint16_t cid = ask_for_event(&h);
  ask_for_event(&h);
  ring(&h, 1, false, 16);
  poll_idle(&h);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.cid, cid);
  assert_int_equal(cqe.dw0, 0x00010100); /* log page 1, invalid doorbell write value, error */
  /* No second one of this type until the log was read without "retain". */
  ring(&h, 9, false, 1);
  poll_idle(&h);
  assert_false(reap(&h, 0, &cqe));
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_GET_LOG_PAGE,
                        .prp1 = DATA_AT,
                        .cdw10 = 15u << 16 | 1u << 15 | NVT_LOG_ERROR_INFORMATION};
  assert_status(admin(&h, sqe), NVT_SC_SUCCESS);
  poll_idle(&h);
  assert_false(reap(&h, 0, &cqe));
  sqe.cdw10 &= ~(1u << 15);
  submit(&h, 0, sqe);
  poll_idle(&h);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0x00010000); /* the invalid doorbell register */
  assert_true(reap(&h, 0, &cqe));
  /* A completion queue head beyond what was posted. */
  ask_for_event(&h);
  assert_status(get_log(&h, NVT_LOG_ERROR_INFORMATION, 0, 64), NVT_SC_SUCCESS);
  set32(&h, 0x100c, 3);
  poll_idle(&h);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0x00010100);
  host_close(&h);
}

/* Announced, and the new size holds at once. */
static void a_namespace_changes_its_size(void **state) {
  (void)state;
  struct host h;
  struct nvt_cqe cqe;
  char why[256];
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  set_feature(&h, NVT_FEATURE_ASYNC_EVENT_CONFIG, 0, 0x100);
  ask_for_event(&h);
  /* The same size is no change. */
  assert_int_equal(nvt_controller_resize_namespace(h.c, 1, 1 << 20, why, sizeof(why)), 0);
  assert_false(reap(&h, 0, &cqe));
  assert_status(io(&h, NVT_NVM_READ, 2047, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 1, (1 << 20) - 512, why, sizeof(why)), 0);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0x00040002);
  assert_status(get_log(&h, NVT_LOG_CHANGED_ATTACHED_NS, 0, 4096), NVT_SC_SUCCESS);
  const uint32_t *list = guest(&h, DATA_AT);
  assert_int_equal(list[0], 1);
  assert_int_equal(list[1], 0);
  struct nvt_id_namespace ns;
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 1, &ns), NVT_SC_SUCCESS);
  assert_int_equal(ns.nsze, 2047);
  assert_int_equal(ns.ncap, 2047);
  assert_status(io(&h, NVT_NVM_READ, 2046, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 2047, 1, DATA_AT, 0), NVT_SC_LBA_OUT_OF_RANGE);
  assert_status(io(&h, NVT_NVM_READ, 2046, 2, DATA_AT, 0), NVT_SC_LBA_OUT_OF_RANGE);
  struct nvt_namespace_info info;
  assert_true(nvt_controller_namespace(h.c, 0, &info));
  assert_int_equal(info.blocks, 2047);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 1, 0, why, sizeof(why)), -EINVAL);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 1, 511, why, sizeof(why)), -EINVAL);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 1, 513, why, sizeof(why)), -EINVAL);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 0, 512, why, sizeof(why)), -ENOENT);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 2, 512, why, sizeof(why)), -ENOENT);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 256, 512, why, sizeof(why)), -ENOENT);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 257, 512, why, sizeof(why)), -ENOENT);
  assert_int_equal(nvt_controller_resize_namespace(h.c, UINT32_MAX, 512, why, sizeof(why)),
                   -ENOENT);
  assert_status(io(&h, NVT_NVM_READ, 2046, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

/* I/O that is in the backend ends before its blocks go. */
static void a_resize_waits_for_what_is_in_flight(void **state) {
  (void)state;
  struct host h;
  struct nvt_cqe cqe;
  char why[256], path[64] = "/tmp/nvmetap-resize-XXXXXX", description[128];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, 1 << 20), 0);
  snprintf(description, sizeof(description), "file:%s", path);
  host_open(&h, description);
  create_pair(&h, 1, 64);
  pattern(guest(&h, DATA_AT), 4096, 7);
  for (unsigned i = 0; i < 32; i++)
    put(&h, 1, io_sqe(NVT_NVM_WRITE, 1024 + 8 * i, 8, DATA_AT, 0));
  ring(&h, 1, false, h.sq[1].tail);
  assert_int_equal(nvt_controller_step(h.c, 1), 1);
  assert_int_equal(nvt_controller_step(h.c, 1), 1);
  assert_true(nvt_controller_outstanding(h.c) > 0);
  assert_int_equal(nvt_controller_resize_namespace(h.c, 1, 512 * 1024, why, sizeof(why)), 0);
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  poll_idle(&h);
  unsigned good = 0, beyond = 0;
  while (reap(&h, 1, &cqe)) {
    good += status_of(cqe) == NVT_SC_SUCCESS;
    beyond += status_of(cqe) == NVT_SC_LBA_OUT_OF_RANGE;
  }
  assert_int_equal(good, 2); /* those two had begun */
  assert_int_equal(beyond, 30);
  assert_int_equal(lseek(fd, 0, SEEK_END), 512 * 1024);
  host_close(&h);
  close(fd);
  unlink(path);
}

static void a_new_namespace_is_a_notice(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  char why[64];
  struct nvt_cqe cqe;
  uint32_t nsid = 0;
  ask_for_event(&h);
  /* Not asked for, not told. */
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:1M", &nsid, why, sizeof(why)), 0);
  poll_idle(&h);
  assert_false(reap(&h, 0, &cqe));
  assert_status(status_of(set_feature(&h, NVT_FEATURE_ASYNC_EVENT_CONFIG, 0, 0x100)),
                NVT_SC_SUCCESS);
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:2M", &nsid, why, sizeof(why)), 0);
  assert_int_equal(nsid, 3);
  unsigned fired = h.fired[0];
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0x00040002);
  assert_true(fired > 0);
  assert_status(get_log(&h, NVT_LOG_CHANGED_ATTACHED_NS, 0, 4096), NVT_SC_SUCCESS);
  const uint32_t *list = guest(&h, DATA_AT);
  assert_int_equal(list[0], 2); /* told or not; namespace 1 was there at power on */
  assert_int_equal(list[1], 3);
  assert_int_equal(list[2], 0);
  assert_status(get_log(&h, NVT_LOG_CHANGED_ATTACHED_NS, 0, 4096), NVT_SC_SUCCESS);
  assert_int_equal(list[0], 0);
  /* And it goes. */
  ask_for_event(&h);
  assert_int_equal(nvt_controller_remove_namespace(h.c, 2), 0);
  assert_int_equal(nvt_controller_remove_namespace(h.c, 2), -ENOENT);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0x00040002);
  struct nvt_id_namespace ns;
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 2, &ns), NVT_SC_SUCCESS);
  assert_int_equal(ns.nsze, 0); /* inactive */
  create_pair(&h, 1, 16);
  struct nvt_sqe sqe = io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0);
  sqe.nsid = 2;
  assert_status(status_of(run(&h, 1, sqe)), NVT_SC_INVALID_FIELD);
  sqe.nsid = 3;
  assert_status(status_of(run(&h, 1, sqe)), NVT_SC_SUCCESS);
  sqe.nsid = 4;
  assert_status(status_of(run(&h, 1, sqe)), NVT_SC_INVALID_NAMESPACE_OR_FORMAT);
  host_close(&h);
}

static void a_low_threshold_is_a_temperature_event(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_cqe cqe;
  assert_status(status_of(set_feature(&h, NVT_FEATURE_ASYNC_EVENT_CONFIG, 0, 2)), NVT_SC_SUCCESS);
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_SET_FEATURES, .cdw10 = 4, .cdw11 = 300});
  poll_idle(&h);
  assert_true(reap(&h, 0, &cqe));
  uint16_t cid = ask_for_event(&h);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.cid, cid);
  assert_int_equal(cqe.dw0, 0x00020101);
  assert_status(get_log(&h, NVT_LOG_SMART, 0, 512), NVT_SC_SUCCESS);
  assert_int_equal(((const struct nvt_log_smart *)guest(&h, DATA_AT))->critical_warning, 2);
  host_close(&h);
}

static void descriptors_name_a_namespace(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  char why[64];
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:1M", NULL, why, sizeof(why)), 0);
  struct nvt_ns_id_descriptor id[2];
  uint8_t page[4096];
  for (uint32_t nsid = 1; nsid <= 2; nsid++) {
    assert_status(identify(&h, NVT_CNS_NS_ID_DESCRIPTORS, nsid, page), NVT_SC_SUCCESS);
    memcpy(&id[nsid - 1], page, sizeof(id[0]));
    assert_int_equal(id[nsid - 1].nidt, NVT_NIDT_UUID);
    assert_int_equal(id[nsid - 1].nidl, 16);
    assert_int_equal(page[20 + 1], 0); /* the list ends */
  }
  assert_memory_not_equal(id[0].nid, id[1].nid, 16);
  host_close(&h);
}

static void identify_of_the_command_set_and_the_controllers(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.id = 3});
  enable(&h);
  uint8_t page[4096];
  uint16_t list[2048];
  assert_status(identify(&h, NVT_CNS_CS_CONTROLLER, 0, page), NVT_SC_SUCCESS);
  for (unsigned i = 0; i < 4096; i++)
    assert_int_equal(page[i], 0); /* no limit beyond MDTS */
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_IDENTIFY,
                        .prp1 = DATA_AT,
                        .cdw10 = NVT_CNS_CS_CONTROLLER,
                        .cdw11 = 2u << 24};
  assert_status(admin(&h, sqe), NVT_SC_INVALID_FIELD);
  for (uint16_t from = 2; from <= 4; from++) {
    sqe = (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY,
                           .prp1 = DATA_AT,
                           .cdw10 = (uint32_t)from << 16 | NVT_CNS_CONTROLLER_LIST};
    assert_status(admin(&h, sqe), NVT_SC_SUCCESS);
    memcpy(list, guest(&h, DATA_AT), sizeof(list));
    assert_int_equal(list[0], from <= 3 ? 1 : 0);
    assert_int_equal(list[1], from <= 3 ? 3 : 0);
  }
  host_close(&h);
}

static void changed_namespaces_are_each_listed_once(void **state) {
  (void)state;
  struct host h;
  host_open(&h, NULL);
  char why[64];
  uint32_t nsid;
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 5; i++)
      assert_int_equal(nvt_controller_add_namespace(h.c, "null:1M", &nsid, why, sizeof(why)), 0);
    for (uint32_t i = 5; i >= 1; i--)
      assert_int_equal(nvt_controller_remove_namespace(h.c, i), 0);
  }
  assert_status(get_log(&h, NVT_LOG_CHANGED_ATTACHED_NS, 0, 4096), NVT_SC_SUCCESS);
  const uint32_t *list = guest(&h, DATA_AT);
  for (uint32_t i = 0; i < 1024; i++)
    assert_int_equal(list[i], i < 5 ? i + 1 : 0);
  host_close(&h);
}

/* What was there when the host came has not changed under it. */
static void namespaces_at_power_on_have_not_changed(void **state) {
  (void)state;
  struct host h;
  char why[64];
  host_open(&h, "ram:1M");
  assert_status(get_log(&h, NVT_LOG_CHANGED_ATTACHED_NS, 0, 4096), NVT_SC_SUCCESS);
  const uint32_t *list = guest(&h, DATA_AT);
  assert_int_equal(list[0], 0);
  /* A change outlives a controller reset, and ends with the power. */
  set32(&h, NVT_REG_CC, 0x00460000);
  assert_int_equal(nvt_controller_add_namespace(h.c, "null:1M", NULL, why, sizeof(why)), 0);
  enable(&h);
  assert_status(get_log(&h, NVT_LOG_CHANGED_ATTACHED_NS, 0, 4096), NVT_SC_SUCCESS);
  assert_int_equal(list[0], 2);
  assert_int_equal(nvt_controller_remove_namespace(h.c, 2), 0);
  nvt_controller_reset(h.c, NVT_RESET_DEVICE);
  enable(&h);
  assert_status(get_log(&h, NVT_LOG_CHANGED_ATTACHED_NS, 0, 4096), NVT_SC_SUCCESS);
  assert_int_equal(list[0], 0);
  host_close(&h);
}

static void a_timestamp_outlives_a_reset(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  const uint64_t set = 0x7700000000;
  memcpy(guest(&h, DATA_AT), &set, 8);
  struct nvt_sqe sqe = {
      .opcode = NVT_ADMIN_SET_FEATURES, .prp1 = DATA_AT, .cdw10 = NVT_FEATURE_TIMESTAMP};
  assert_status(admin(&h, sqe), NVT_SC_SUCCESS);
  set32(&h, NVT_REG_CC, 0x00460000);
  enable(&h);
  assert_status(status_of(get_feature(&h, NVT_FEATURE_TIMESTAMP, 0, 0)), NVT_SC_SUCCESS);
  uint64_t got;
  memcpy(&got, guest(&h, DATA_AT), 8);
  assert_in_range(got & 0xffffffffffff, set, set + 60000);
  host_close(&h);
}

static enum nvt_verdict hold(void *user, const struct nvt_tap_event *event) {
  const unsigned *left = user;
  return event->command.sqe->opcode == NVT_ADMIN_ABORT && *left != 0 ? NVT_VERDICT_HOLD
                                                                     : NVT_VERDICT_CONTINUE;
}

static void aborts_are_limited(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  unsigned left = 1;
  assert_int_equal(nvt_tap_attach(h.plugins, "nvme:admin:decode", 0, hold, &left, "test", NULL), 0);
  for (unsigned i = 0; i < 4; i++)
    submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ABORT, .cdw10 = 1});
  poll_idle(&h);
  assert_int_equal(nvt_controller_outstanding(h.c), 4);
  left = 0;
  assert_status(admin(&h, (struct nvt_sqe){.opcode = NVT_ADMIN_ABORT, .cdw10 = 1}),
                NVT_SC_ABORT_LIMIT_EXCEEDED);
  host_close(&h);
}

static void only_what_keeps_blocks_promises_zeroes(void **state) {
  (void)state;
  struct nvt_id_namespace ns;
  struct host h;
  host_open(&h, "ram:1M");
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 1, &ns), NVT_SC_SUCCESS);
  assert_int_equal(ns.dlfeat & 7, 1);
  host_close(&h);
  host_open(&h, "null:1M");
  assert_status(identify(&h, NVT_CNS_NAMESPACE, 1, &ns), NVT_SC_SUCCESS);
  assert_int_equal(ns.dlfeat, 0);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_namespace_changes_its_size),
      cmocka_unit_test(a_resize_waits_for_what_is_in_flight),
      cmocka_unit_test(what_has_no_row_is_invalid_opcode),
      cmocka_unit_test(fused_and_sgl_are_invalid_field),
      cmocka_unit_test(select_of_get_features),
      cmocka_unit_test(features_that_are_refused),
      cmocka_unit_test(number_of_queues_after_queues_is_a_sequence_error),
      cmocka_unit_test(error_recovery_is_kept_for_each_namespace),
      cmocka_unit_test(timestamp_goes_on),
      cmocka_unit_test(keep_alive_expires),
      cmocka_unit_test(log_pages_that_are_refused),
      cmocka_unit_test(smart_counts),
      cmocka_unit_test(smart_counts_a_compare_as_a_read),
      cmocka_unit_test(smart_counts_unsafe_shutdowns),
      cmocka_unit_test(errors_are_logged_newest_first),
      cmocka_unit_test(event_requests_are_limited),
      cmocka_unit_test(a_bad_doorbell_is_an_error_event),
      cmocka_unit_test(a_new_namespace_is_a_notice),
      cmocka_unit_test(a_low_threshold_is_a_temperature_event),
      cmocka_unit_test(descriptors_name_a_namespace),
      cmocka_unit_test(identify_of_the_command_set_and_the_controllers),
      cmocka_unit_test(changed_namespaces_are_each_listed_once),
      cmocka_unit_test(namespaces_at_power_on_have_not_changed),
      cmocka_unit_test(a_timestamp_outlives_a_reset),
      cmocka_unit_test(aborts_are_limited),
      cmocka_unit_test(only_what_keeps_blocks_promises_zeroes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
