/* SPDX-License-Identifier: BSD-2-Clause */
/* Format NVM: what it refuses, what it takes away, and what it leaves alone. */
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/host.h"

#define ALL 0xffffffffu

static nvt_status format(struct host *h, uint32_t nsid, uint32_t cdw10) {
  return admin(h, (struct nvt_sqe){.opcode = NVT_ADMIN_FORMAT_NVM, .nsid = nsid, .cdw10 = cdw10});
}

static void fill(struct host *h, uint32_t nsid, uint64_t slba) {
  memset(guest(h, DATA_AT), 0x5a, 4096);
  struct nvt_sqe sqe = io_sqe(NVT_NVM_WRITE, slba, 8, DATA_AT, 0);
  sqe.nsid = nsid;
  assert_status(status_of(run(h, 1, sqe)), NVT_SC_SUCCESS);
}

/* The byte that all 4096 from a block on are; -1: they differ. */
static int content(struct host *h, uint32_t nsid, uint64_t slba) {
  const uint8_t *data = guest(h, DATA_AT);
  memset(guest(h, DATA_AT), 0xa5, 4096);
  struct nvt_sqe sqe = io_sqe(NVT_NVM_READ, slba, 8, DATA_AT, 0);
  sqe.nsid = nsid;
  assert_status(status_of(run(h, 1, sqe)), NVT_SC_SUCCESS);
  for (unsigned i = 1; i < 4096; i++)
    if (data[i] != data[0])
      return -1;
  return data[0];
}

static void it_is_claimed(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_int_equal(id.oacs & 2, 2);
  assert_int_equal(id.fna, 0);
  assert_status(get_log(&h, NVT_LOG_COMMANDS_SUPPORTED, 0, 4096), NVT_SC_SUCCESS);
  const struct nvt_log_effects *log = guest(&h, DATA_AT);
  assert_int_equal(log->admin[NVT_ADMIN_FORMAT_NVM],
                   NVT_EFFECT_SUPPORTED | NVT_EFFECT_CONTENT | NVT_EFFECT_EXCLUSIVE_NS);
  host_close(&h);
}

/* `medium` is made anew for each. */
static void erase_two_namespaces(const char *const medium[2]) {
  static const struct {
    uint32_t nsid, cdw10;
    bool first, second;
  } rows[] = {{1, 0, true, false},       {2, 0, false, true},       {ALL, 0, true, true},
              {1, 1u << 9, true, false}, {2, 1u << 9, false, true}, {ALL, 1u << 9, true, true}};
  for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct host h;
    char why[256] = "";
    host_open(&h, medium[0]);
    if (nvt_controller_add_namespace(h.c, medium[1], NULL, why, sizeof(why)) != 0)
      fail_msg("%s", why);
    create_pair(&h, 1, 16);
    for (uint32_t nsid = 1; nsid <= 2; nsid++) {
      fill(&h, nsid, 0);
      fill(&h, nsid, 2040); /* the last 4096 bytes */
      assert_int_equal(content(&h, nsid, 2040), 0x5a);
    }
    assert_status(format(&h, rows[i].nsid, rows[i].cdw10), NVT_SC_SUCCESS);
    for (uint32_t nsid = 1; nsid <= 2; nsid++) {
      bool gone = nsid == 1 ? rows[i].first : rows[i].second;
      assert_int_equal(content(&h, nsid, 0), gone ? 0 : 0x5a);
      assert_int_equal(content(&h, nsid, 2040), gone ? 0 : 0x5a);
      fill(&h, nsid, 8); /* it can be used as before */
      assert_int_equal(content(&h, nsid, 8), 0x5a);
    }
    host_close(&h);
  }
}

static void what_was_written_is_gone(void **state) {
  (void)state;
  erase_two_namespaces((const char *const[2]){"ram:1M", "ram:1M"});
}

static void and_from_files_too(void **state) {
  (void)state;
  char path[2][32] = {"/tmp/nvmetap-format-XXXXXX", "/tmp/nvmetap-format-XXXXXX"}, ns[2][72];
  for (unsigned i = 0; i < 2; i++) {
    int fd = mkstemp(path[i]);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    close(fd);
    snprintf(ns[i], sizeof(ns[i]), "file:%s", path[i]);
  }
  erase_two_namespaces((const char *const[2]){ns[0], ns[1]});
  for (unsigned i = 0; i < 2; i++)
    unlink(path[i]);
}

static void what_is_refused(void **state) {
  (void)state;
  static const struct {
    uint32_t nsid, cdw10;
    nvt_status status;
  } rows[] = {
      {0, 0, NVT_SC_INVALID_NAMESPACE_OR_FORMAT},
      {3, 0, NVT_SC_INVALID_NAMESPACE_OR_FORMAT},
      {ALL - 1, 0, NVT_SC_INVALID_NAMESPACE_OR_FORMAT},
      {2, 0, NVT_SC_INVALID_FIELD},  /* it was removed */
      {1, 1, NVT_SC_INVALID_FORMAT}, /* LBAFL: there is format 0 */
      {1, 15, NVT_SC_INVALID_FORMAT},
      {1, 1u << 12, NVT_SC_INVALID_FORMAT}, /* LBAFU */
      {1, 1u << 5, NVT_SC_INVALID_FORMAT},  /* protection without metadata */
      {1, 3u << 5, NVT_SC_INVALID_FORMAT},
      {1, 2u << 9, NVT_SC_INVALID_FIELD}, /* Cryptographic Erase: FNA bit 2 is 0 */
      {1, 3u << 9, NVT_SC_INVALID_FIELD},
      {1, 7u << 9, NVT_SC_INVALID_FIELD},
      {ALL, 1, NVT_SC_INVALID_FORMAT},
  };
  struct host h;
  char why[64];
  host_open(&h, "ram:1M");
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:1M", NULL, why, sizeof(why)), 0);
  assert_int_equal(nvt_controller_remove_namespace(h.c, 2), 0);
  create_pair(&h, 1, 16);
  fill(&h, 1, 0);
  for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_status(format(&h, rows[i].nsid, rows[i].cdw10), rows[i].status);
    assert_int_equal(content(&h, 1, 0), 0x5a);
  }
  /* Metadata Settings and the place of protection information say nothing without either. */
  assert_status(format(&h, 1, 1u << 4 | 1u << 8), NVT_SC_SUCCESS);
  assert_int_equal(content(&h, 1, 0), 0);
  host_close(&h);
}

static void a_write_protected_namespace_saves_all(void **state) {
  (void)state;
  struct host h;
  char why[64];
  host_open(&h, "ram:1M");
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:1M,readonly", NULL, why, sizeof(why)), 0);
  create_pair(&h, 1, 16);
  fill(&h, 1, 0);
  assert_status(format(&h, 2, 0), NVT_SC_NAMESPACE_WRITE_PROTECTED);
  assert_status(format(&h, ALL, 0), NVT_SC_NAMESPACE_WRITE_PROTECTED);
  assert_int_equal(content(&h, 1, 0), 0x5a);
  assert_status(format(&h, 1, 0), NVT_SC_SUCCESS);
  assert_int_equal(content(&h, 1, 0), 0);
  host_close(&h);
}

/* Writes and the Format come to the controller in one poll: those fetched before it are
 * done, and erased; those after it are refused until it is. */
static void commands_in_flight_end_before_it(void **state) {
  (void)state;
  char path[] = "/tmp/nvmetap-format-XXXXXX", ns[72];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, 1 << 20), 0);
  snprintf(ns, sizeof(ns), "file:%s", path);
  struct host h;
  host_open(&h, ns);
  create_pair(&h, 1, 16);
  memset(guest(&h, DATA_AT), 0x5a, 4096);
  for (unsigned i = 0; i < 8; i++)
    submit(&h, 1, io_sqe(NVT_NVM_WRITE, i * 8, 8, DATA_AT, 0));
  assert_int_equal(nvt_controller_step(h.c, 1), 1); /* the first is fetched */
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_FORMAT_NVM, .nsid = 1, .cdw10 = 1u << 9});
  assert_int_equal(nvt_controller_step(h.c, 0), 1);
  struct nvt_cqe cqe;
  assert_true(reap(&h, 1, &cqe)); /* drained, whether or not it would have been done by now */
  assert_status(status_of(cqe), NVT_SC_SUCCESS);
  unsigned refused = 0, done = 1;
  assert_int_equal(nvt_controller_step(h.c, 1), 1);
  bool formatted = false;
  for (int i = 0; i < 1000000 && (done < 8 || !formatted); i++) {
    while (reap(&h, 1, &cqe)) {
      done++;
      refused += status_of(cqe) == NVT_SC_FORMAT_IN_PROGRESS;
    }
    if (reap(&h, 0, &cqe)) {
      assert_status(status_of(cqe), NVT_SC_SUCCESS);
      formatted = true;
    }
    nvt_controller_poll(h.c, 0);
  }
  assert_int_equal(done, 8);
  assert_true(formatted);
  assert_true(refused >= 1); /* the one stepped into it at least */
  assert_int_equal(content(&h, 1, 0), 0);
  host_close(&h);
  close(fd);
  unlink(path);
}

static void a_reset_ends_it(void **state) {
  (void)state;
  char path[] = "/tmp/nvmetap-format-XXXXXX", ns[72];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, 1 << 20), 0);
  snprintf(ns, sizeof(ns), "file:%s", path);
  struct host h;
  host_open(&h, ns);
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_FORMAT_NVM, .nsid = 1});
  assert_int_equal(nvt_controller_step(h.c, 0), 1);
  set32(&h, NVT_REG_CC, 0);
  assert_int_equal(nvt_controller_outstanding(h.c), 0);
  enable(&h);
  create_pair(&h, 1, 16);
  fill(&h, 1, 0); /* not refused: nothing is being formatted any more */
  assert_int_equal(content(&h, 1, 0), 0x5a);
  host_close(&h);
  close(fd);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_claimed),
      cmocka_unit_test(what_was_written_is_gone),
      cmocka_unit_test(and_from_files_too),
      cmocka_unit_test(what_is_refused),
      cmocka_unit_test(a_write_protected_namespace_saves_all),
      cmocka_unit_test(commands_in_flight_end_before_it),
      cmocka_unit_test(a_reset_ends_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
