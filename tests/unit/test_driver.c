/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in driver on the controller model, in process. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/controller.h"
#include "controller/driver/driver.h"

struct bench {
  struct nvt_controller *controller;
  struct nvt_transport *transport;
};

static struct bench make(const struct nvt_controller_options *options, const char *ns) {
  struct bench b;
  char why[256] = "";
  assert_int_equal(nvt_controller_create(options, &b.controller), 0);
  if (ns != NULL && nvt_controller_add_namespace(b.controller, ns, NULL, why, sizeof(why)) != 0)
    fail_msg("%s", why);
  assert_int_equal(nvt_transport_local(b.controller, &b.transport), 0);
  return b;
}

static void unmake(struct bench *b) {
  b->transport->close(b->transport);
  nvt_controller_destroy(b->controller);
}

static int drive(struct bench *b, const char *text, struct nvt_workload *w,
                 struct nvt_drive_result *r) {
  char why[256];
  if (!nvt_workload_parse(text, w, why, sizeof(why)))
    fail_msg("%s", why);
  return nvt_drive(b->transport, w, NULL, r);
}

/* Succeeds, and every I/O is accounted for. */
static void drive_well(struct bench *b, const char *text) {
  struct nvt_workload w;
  struct nvt_drive_result r;
  int failed = drive(b, text, &w, &r);
  if (failed || r.error[0] != '\0' || r.errors || r.verify_errors || r.lost_interrupts)
    fail_msg("%s: %d, %llu errors, %llu verify errors, %s", text, failed,
             (unsigned long long)r.errors, (unsigned long long)r.verify_errors, r.error);
  assert_int_equal(r.ios, w.count);
  assert_int_equal(r.bytes, w.count * w.bs);
  assert_int_equal(r.interrupts > 0, w.interrupts);
  assert_int_equal(nvt_controller_outstanding(b->controller), 0);
  if (w.verify && w.rw != NVT_RW_READ && w.rw != NVT_RW_RANDREAD)
    assert_true(r.verified > r.reads);
}

static void every_kind_size_and_backend(void **state) {
  (void)state;
  char path[] = "/tmp/nvmetap-drive-XXXXXX", file[64], file4k[80];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, 16 << 20), 0);
  snprintf(file, sizeof(file), "file:%s", path);
  snprintf(file4k, sizeof(file4k), "file:%s,block=4096", path);
  const char *const namespaces[] = {"ram:16M", "ram:16M,block=4096", file, file4k};
  static const char *const kinds[] = {"read", "write", "randread", "randwrite", "randrw"};
  static const unsigned sizes[] = {512, 1024, 4096, 8192, 12288, 131072, 524288};
  for (size_t n = 0; n < 4; n++) {
    struct bench b = make(&(struct nvt_controller_options){0}, namespaces[n]);
    for (size_t k = 0; k < 5; k++)
      for (size_t s = 0; s < 7; s++) {
        char text[128];
        if (n % 2 == 1 && sizes[s] < 4096)
          continue;
        snprintf(text, sizeof(text), "rw=%s,bs=%u,count=100,depth=%u,queues=%u,verify=%s", kinds[k],
                 sizes[s], 1 + (unsigned)(k * 7 + s), 1 + (unsigned)s % 3,
                 (k + s) % 3 == 0 ? "off" : "on");
        drive_well(&b, text);
      }
    unmake(&b);
  }
  close(fd);
  unlink(path);
}

static void a_megabyte_and_more_by_chained_lists(void **state) {
  (void)state;
  struct bench b = make(&(struct nvt_controller_options){.mdts = 11}, "ram:64M");
  drive_well(&b, "rw=randrw,bs=1M,count=64,depth=3,verify=on");
  drive_well(&b, "rw=randrw,bs=2056k,count=32,depth=2,verify=on"); /* a list page and one entry */
  drive_well(&b, "rw=randrw,bs=8M,count=16,depth=2,verify=on");
  unmake(&b);
}

static void transfers_over_the_limit_are_refused_here(void **state) {
  (void)state;
  struct bench b = make(&(struct nvt_controller_options){.mdts = 2}, "ram:16M");
  struct nvt_workload w;
  struct nvt_drive_result r;
  drive_well(&b, "rw=randrw,bs=15872,count=10,verify=on");
  drive_well(&b, "rw=randrw,bs=16k,count=10,verify=on");
  assert_int_equal(drive(&b, "bs=16896", &w, &r), -EINVAL);
  assert_non_null(strstr(r.error, "MDTS"));
  unmake(&b);
}

static void queues_of_2_to_1024_entries(void **state) {
  (void)state;
  struct bench b = make(&(struct nvt_controller_options){0}, "ram:16M");
  static const unsigned depths[] = {1, 2, 3, 31, 32, 33, 255, 256, 1022, 1023};
  for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++)
    for (unsigned interrupts = 0; interrupts < 2; interrupts++) {
      char text[128];
      snprintf(text, sizeof(text), "rw=randrw,depth=%u,count=%u,verify=on,interrupts=%s", depths[i],
               depths[i] * 3 + 1, interrupts ? "on" : "off");
      drive_well(&b, text);
    }
  drive_well(&b, "rw=randrw,queues=64,depth=15,count=5000,verify=on");
  unmake(&b);
  struct nvt_workload w;
  struct nvt_drive_result r;
  b = make(&(struct nvt_controller_options){.entries = 7, .io_queues = 2}, "ram:1M");
  drive_well(&b, "rw=randrw,queues=2,depth=7,count=500");
  assert_int_equal(drive(&b, "depth=8", &w, &r), -EINVAL);
  assert_int_equal(drive(&b, "queues=3,depth=4", &w, &r), -EINVAL);
  drive_well(&b, "rw=randrw,queues=1,depth=1,count=500");
  unmake(&b);
}

/* More queues than vectors: they share them. */
static void few_vectors(void **state) {
  (void)state;
  for (uint16_t vectors = 1; vectors <= 3; vectors++) {
    struct bench b = make(&(struct nvt_controller_options){.vectors = vectors}, "ram:1M");
    drive_well(&b, "rw=randrw,queues=5,depth=3,count=500,verify=on");
    drive_well(&b, "rw=randrw,queues=5,depth=3,count=500,verify=on,interrupts=off");
    if (vectors == 1) { /* the admin queue's look once a second takes no interrupt of theirs */
      struct nvt_workload w;
      struct nvt_drive_result r;
      assert_int_equal(drive(&b, "rw=randrw,seconds=2.2,depth=1", &w, &r), 0);
      assert_int_equal(r.lost_interrupts, 0);
      assert_int_equal(r.errors, 0);
    }
    unmake(&b);
  }
}

static void a_read_only_namespace_fails_writes(void **state) {
  (void)state;
  struct bench b = make(&(struct nvt_controller_options){0}, "ram:1M,readonly");
  struct nvt_workload w;
  struct nvt_drive_result r;
  drive_well(&b, "rw=read,count=100");
  assert_int_equal(drive(&b, "rw=write,count=100,verify=on", &w, &r), 0);
  assert_int_equal(r.errors, 100);
  assert_int_equal(r.verify_errors, 0);
  assert_int_equal(r.bytes, 0);
  assert_non_null(strstr(r.error, "Write of 8 blocks at block 0 (queue 1, command id 0) failed"));
  unmake(&b);
}

static void corruption_in_the_backend_is_found(void **state) {
  (void)state;
  char path[] = "/tmp/nvmetap-drive-XXXXXX", file[64];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, 1 << 20), 0);
  snprintf(file, sizeof(file), "file:%s", path);
  struct bench b = make(&(struct nvt_controller_options){0}, file);
  drive_well(&b, "rw=write,count=256,verify=on");
  drive_well(&b, "rw=read,count=256,verify=on"); /* a later run knows the pattern too */
  uint8_t byte;
  assert_int_equal(pread(fd, &byte, 1, 123 * 512 + 345), 1);
  byte ^= 0x20;
  assert_int_equal(pwrite(fd, &byte, 1, 123 * 512 + 345), 1);
  struct nvt_workload w;
  struct nvt_drive_result r;
  assert_int_equal(drive(&b, "rw=read,count=256,verify=on", &w, &r), 0);
  assert_int_equal(r.verify_errors, 1);
  assert_int_equal(r.verified, 256);
  assert_non_null(strstr(r.error, "block 123, byte 345 is"));
  /* The file cut: read errors, counted, named. */
  assert_int_equal(ftruncate(fd, 1 << 19), 0);
  assert_int_equal(drive(&b, "rw=read,count=256", &w, &r), 0);
  assert_int_equal(r.errors, 128);
  assert_non_null(strstr(r.error, "Unrecovered Read Error (status 2/81h)"));
  unmake(&b);
  close(fd);
  unlink(path);
}

static void no_namespace(void **state) {
  (void)state;
  struct bench b = make(&(struct nvt_controller_options){0}, NULL);
  struct nvt_workload w;
  struct nvt_drive_result r;
  assert_int_equal(drive(&b, "", &w, &r), -ENODEV);
  assert_non_null(strstr(r.error, "namespace"));
  unmake(&b);
}

static void one_after_another_on_one_controller(void **state) {
  (void)state;
  struct bench b = make(&(struct nvt_controller_options){0}, "ram:16M");
  for (unsigned i = 0; i < 20; i++) {
    drive_well(&b, i % 2 ? "rw=randrw,count=500,queues=3" : "rw=write,count=77,verify=on,depth=9");
    if (i == 10)
      assert_int_equal(b.transport->reset(b.transport), 0);
    if (i == 15) {
      b.transport->close(b.transport);
      assert_int_equal(nvt_transport_local(b.controller, &b.transport), 0);
    }
  }
  unmake(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_size_and_backend),
      cmocka_unit_test(a_megabyte_and_more_by_chained_lists),
      cmocka_unit_test(transfers_over_the_limit_are_refused_here),
      cmocka_unit_test(queues_of_2_to_1024_entries),
      cmocka_unit_test(few_vectors),
      cmocka_unit_test(a_read_only_namespace_fails_writes),
      cmocka_unit_test(corruption_in_the_backend_is_found),
      cmocka_unit_test(no_namespace),
      cmocka_unit_test(one_after_another_on_one_controller),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
