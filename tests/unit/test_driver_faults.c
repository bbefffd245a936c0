/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in driver against a device that misbehaves: found, named, never hung. */
#include "tests/unit/fake_nvme.h"

#include <stdio.h>

static int drive(struct fake *f, const char *text, struct nvt_drive_result *result) {
  struct nvt_workload w;
  char why[256];
  if (!nvt_workload_parse(text, &w, why, sizeof(why)))
    fail_msg("%s", why);
  return nvt_drive(&f->transport, &w, NULL, result);
}

static void a_good_device(void **state) {
  (void)state;
  struct nvt_drive_result r;
  static const char *const workloads[] = {
      "rw=read,count=1000",
      "rw=write,count=1000",
      "rw=randread,count=1000,interrupts=off",
      "rw=randwrite,count=1000,verify=on",
      "rw=randrw,count=1000,queues=64,depth=3,verify=on",
      "rw=randrw,count=1000,bs=512,depth=1,verify=on",
      "rw=randrw,count=1000,bs=8k,depth=1023,verify=on",
      "rw=write,count=100,bs=12k,depth=7,queues=2,verify=on,interrupts=off",
      "rw=randrw,count=64,bs=1M,depth=2,queues=2,verify=on",
      "rw=randrw,count=1,verify=on",
      "rw=read,count=300,verify=on",
  };
  for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
    for (unsigned big = 0; big < 2; big++) {
      struct fake *f = fake_create(FAKE_GOOD);
      if (big)
        f->block = 4096;
      if (big && strstr(workloads[i], "bs=512") != NULL) {
        assert_int_equal(drive(f, workloads[i], &r), -EINVAL);
        assert_non_null(strstr(r.error, "not a multiple of the namespace's block size 4096"));
        fake_destroy(f);
        continue;
      }
      int failed = drive(f, workloads[i], &r);
      if (failed || r.error[0] != '\0')
        fail_msg("%s: %d, %s", workloads[i], failed, r.error);
      struct nvt_workload w;
      char why[64];
      assert_true(nvt_workload_parse(workloads[i], &w, why, sizeof(why)));
      assert_int_equal(r.ios, w.count);
      assert_int_equal(r.bytes, w.count * w.bs);
      assert_int_equal(r.reads + r.writes, w.count);
      assert_int_equal(r.writes, f->writes);
      assert_int_equal(r.errors + r.verify_errors + r.lost_interrupts, 0);
      assert_true(r.p50_ns > 0 && r.p50_ns <= r.p99_ns && r.p99_ns <= r.p999_ns &&
                  r.p999_ns <= r.max_ns && (double)r.max_ns <= r.seconds * 1e9 * 1.1);
      if (w.verify) /* each unit that was written is read once more */
        assert_true(r.verified >= r.reads + (r.writes > 0));
      assert_int_equal(r.interrupts > 0, w.interrupts);
      assert_int_equal(f->csts >> 2, 2); /* shut down */
      assert_false(f->mastered);
      /* Doorbells by the batch, not by the command. */
      if (w.depth >= 32 && w.queues == 1)
        assert_true(f->tail_doorbells < w.count / 8 + 100 && f->head_doorbells < w.count / 8 + 100);
      fake_destroy(f);
    }
}

static void faults_are_named(void **state) {
  (void)state;
  static const struct {
    enum fake_fault fault;
    const char *workload;
    int result;
    const char *says;
  } cases[] = {
      {FAKE_NO_DEVICE, "", -ENODEV, "there is no device"},
      {FAKE_OTHER_CLASS, "", -ENODEV, "class code 010602h, not 010802h"},
      {FAKE_CAPABILITY_LOOP, "", -EPROTO, "list of PCI capabilities is broken"},
      {FAKE_NO_MSIX, "", -ENOTSUP, "run it with interrupts=off"},
      {FAKE_NO_MSIX, "interrupts=off", 0, NULL},
      {FAKE_TABLE_BAR4, "count=100", 0, NULL},
      {FAKE_TABLE_REFUSED, "count=100", 0, NULL},
      {FAKE_TABLE_NOWHERE, "", -EPROTO, "said to be in BAR 7"},
      {FAKE_GONE, "", -ENODEV, "all ones"},
      {FAKE_NEVER_READY, "", -ETIMEDOUT, "timed out after 0.5 s"},
      {FAKE_NEVER_DISABLED, "", -ETIMEDOUT, "waiting for CSTS.RDY = 0"},
      {FAKE_FATAL, "", -EIO, "fatal status"},
      {FAKE_NO_NAMESPACE, "", -ENODEV, "no namespace is active"},
      {FAKE_METADATA, "", -ENOTSUP, "8 bytes of metadata"},
      {FAKE_FEW_QUEUES, "queues=2", -EINVAL, "grants 1 submission and 1 completion"},
      {FAKE_FEW_QUEUES, "queues=1", 0, NULL},
      {FAKE_DEAF_ADMIN, "timeout=0.2", -ETIMEDOUT,
       "Create I/O Completion Queue 1 (admin queue, command id"},
      {FAKE_ADMIN_ERROR, "", -EIO,
       "Create I/O Submission Queue 1 failed: Invalid Queue Size (status 1/02h)"},
      {FAKE_LOSE_COMMAND, "timeout=0.2,rw=write", -ETIMEDOUT,
       "Write of 8 blocks at block 392 (queue 1, command id"},
      {FAKE_STRAY, "", -EPROTO, "queue 1 for command id 30583, which is not outstanding"},
      {FAKE_TWICE, "count=60", -EPROTO, "which is not outstanding"},
      {FAKE_IO_ERROR, "rw=read,count=100", 0, "failed: Unrecovered Read Error (status 2/81h)"},
      {FAKE_LOSE_INTERRUPTS, "count=100", 0, "without an interrupt on vector 1"},
      {FAKE_EVENT, "count=200", 0, NULL},
      {FAKE_FLIP, "rw=write,verify=on,count=100", 0, "verify: block 392, byte 0 is"},
      {FAKE_FLIP, "rw=write,count=100", 0, NULL},
      {FAKE_MISPLACE, "rw=write,verify=on,count=100", 0,
       "verify: block 384 holds the data of block 392"},
      {FAKE_FORGET, "rw=write,verify=on,count=100", 0,
       "verify: block 392 holds zeroes, not what was written"},
      {FAKE_FORGET, "rw=write,verify=on,count=400", 0, NULL /* written again */},
      {FAKE_NO_SHUTDOWN, "", -ETIMEDOUT, "CSTS.SHST"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct fake *f = fake_create(cases[i].fault);
    struct nvt_drive_result r;
    int result = drive(f, cases[i].workload, &r);
    bool named =
        cases[i].says == NULL ? r.error[0] == '\0' : strstr(r.error, cases[i].says) != NULL;
    if (result != cases[i].result || !named)
      fail_msg("fault %d, '%s': %d, '%s'", cases[i].fault, cases[i].workload, result, r.error);
    if (cases[i].fault == FAKE_IO_ERROR) {
      assert_int_equal(r.errors, 10);
      assert_int_equal(r.ios, 100);
      assert_int_equal(r.bytes, 90 * 4096);
    }
    if (cases[i].fault == FAKE_EVENT) {
      assert_int_equal(r.events, 1);
      assert_int_equal(f->log_reads, 1);
    }
    if (cases[i].fault == FAKE_LOSE_INTERRUPTS)
      assert_true(r.lost_interrupts > 0);
    if (cases[i].fault >= FAKE_FLIP && strstr(cases[i].workload, "verify") != NULL)
      assert_int_equal(r.verify_errors > 0, cases[i].says != NULL);
    fake_destroy(f);
  }
}

static void limits_of_the_device(void **state) {
  (void)state;
  struct nvt_drive_result r;
  for (unsigned depth = 62; depth <= 64; depth++) {
    struct fake *f = fake_create(FAKE_GOOD);
    char text[64];
    f->cap = (f->cap & ~0xffffULL) | 63; /* 64 entries: 63 outstanding */
    snprintf(text, sizeof(text), "depth=%u", depth);
    assert_int_equal(drive(f, text, &r), depth <= 63 ? 0 : -EINVAL);
    if (depth > 63)
      assert_non_null(strstr(r.error, "take depth=63"));
    fake_destroy(f);
  }
  for (unsigned blocks = 15; blocks <= 17; blocks++) {
    struct fake *f = fake_create(FAKE_GOOD);
    char text[64];
    f->mdts = 1; /* 8 KiB */
    snprintf(text, sizeof(text), "bs=%u", blocks * 512);
    assert_int_equal(drive(f, text, &r), blocks <= 16 ? 0 : -EINVAL);
    if (blocks > 16)
      assert_non_null(strstr(r.error, "MDTS 1"));
    fake_destroy(f);
  }
  for (unsigned blocks = 7; blocks <= 9; blocks++) {
    struct fake *f = fake_create(FAKE_GOOD);
    f->store_len = blocks * 512;
    assert_int_equal(drive(f, "bs=4k,rw=randrw,verify=on,count=100", &r),
                     blocks >= 8 ? 0 : -EINVAL);
    if (blocks < 8)
      assert_non_null(strstr(r.error, "smaller than bs=4096"));
    fake_destroy(f);
  }
}

static void same_seed_same_commands(void **state) {
  (void)state;
  uint8_t *first = NULL;
  for (unsigned seed = 1; seed <= 3; seed++) {
    struct fake *f = fake_create(FAKE_GOOD);
    struct nvt_drive_result r;
    char text[64];
    snprintf(text, sizeof(text), "rw=randwrite,count=200,queues=3,depth=4,seed=%u",
             seed == 3 ? 2u : 1u);
    assert_int_equal(drive(f, text, &r), 0);
    /* Which units were written, not with what. */
    for (uint64_t i = 0; i < f->store_len; i += 4096) {
      uint8_t any = 0;
      for (unsigned b = 0; b < 4096; b++)
        any |= f->store[i + b];
      f->store[i / 4096] = any != 0;
    }
    if (first == NULL) {
      first = malloc(f->store_len / 4096);
      memcpy(first, f->store, f->store_len / 4096);
    } else {
      assert_int_equal(memcmp(first, f->store, f->store_len / 4096) == 0, seed == 2);
    }
    fake_destroy(f);
  }
  free(first);
}

static void stop_ends_it_cleanly(void **state) {
  (void)state;
  struct fake *f = fake_create(FAKE_GOOD);
  struct nvt_workload w;
  char why[64];
  volatile sig_atomic_t stop = 1;
  struct nvt_drive_result r;
  assert_true(nvt_workload_parse("seconds=100,rw=randrw,verify=on", &w, why, sizeof(why)));
  assert_int_equal(nvt_drive(&f->transport, &w, &stop, &r), 0);
  assert_string_equal(r.error, "");
  assert_true(r.seconds < 10);
  assert_int_equal(f->csts >> 2, 2);
  fake_destroy(f);
}

static void by_seconds(void **state) {
  (void)state;
  struct fake *f = fake_create(FAKE_GOOD);
  struct nvt_drive_result r;
  assert_int_equal(drive(f, "seconds=0.2", &r), 0);
  assert_true(r.seconds > 0.15 && r.seconds < 2);
  assert_true(r.ios > 100);
  fake_destroy(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_good_device),        cmocka_unit_test(faults_are_named),
      cmocka_unit_test(limits_of_the_device), cmocka_unit_test(same_seed_same_commands),
      cmocka_unit_test(stop_ends_it_cleanly), cmocka_unit_test(by_seconds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
