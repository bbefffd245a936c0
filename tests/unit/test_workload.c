/* SPDX-License-Identifier: BSD-2-Clause */
/* The workload's words, the histogram, PRP lists and the pattern of verify. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/habits_int.h"

static void defaults(void **state) {
  (void)state;
  char why[256];
  for (unsigned i = 0; i < 2; i++) {
    struct nvt_workload w;
    assert_true(nvt_workload_parse(i == 0 ? NULL : "", &w, why, sizeof(why)));
    assert_int_equal(w.rw, NVT_RW_RANDREAD);
    assert_int_equal(w.bs, 4096);
    assert_int_equal(w.depth, 32);
    assert_int_equal(w.queues, 1);
    assert_int_equal(w.count, 10000);
    assert_true(w.seconds == 0);
    assert_false(w.verify);
    assert_int_equal(w.seed, 1);
    assert_true(w.interrupts);
    assert_true(w.timeout == 30);
    assert_int_equal(w.sgl, NVT_SGL_OFF);
    assert_null(w.progress);
  }
}

static void every_word(void **state) {
  (void)state;
  char why[256];
  struct nvt_workload w;
  assert_true(nvt_workload_parse("rw=randrw,bs=128k,depth=1023,queues=64,count=2M,verify=on,"
                                 "seed=0,interrupts=off,timeout=0.5",
                                 &w, why, sizeof(why)));
  assert_int_equal(w.rw, NVT_RW_RANDRW);
  assert_int_equal(w.bs, 128 << 10);
  assert_int_equal(w.depth, 1023);
  assert_int_equal(w.queues, 64);
  assert_int_equal(w.count, 2 << 20);
  assert_true(w.verify);
  assert_int_equal(w.seed, 0);
  assert_false(w.interrupts);
  assert_true(w.timeout == 0.5);
  assert_true(nvt_workload_parse("seconds=1.5", &w, why, sizeof(why)));
  assert_int_equal(w.count, 0);
  assert_true(w.seconds == 1.5);
  static const char *const rw[] = {"read", "write", "randread", "randwrite", "randrw"};
  for (unsigned i = 0; i < 5; i++) {
    char text[32];
    snprintf(text, sizeof(text), "rw=%s", rw[i]);
    assert_true(nvt_workload_parse(text, &w, why, sizeof(why)));
    assert_int_equal(w.rw, i);
  }
}

static void hosts_and_troubles(void **state) {
  (void)state;
  char why[256], text[64];
  struct nvt_workload w;
  assert_true(nvt_workload_parse("", &w, why, sizeof(why)));
  assert_int_equal(w.host, NVT_HOST_USUAL);
  assert_null(w.trouble);
  assert_true(nvt_workload_parse("host=careful", &w, why, sizeof(why)));
  assert_int_equal(w.host, NVT_HOST_CAREFUL);
  assert_null(w.trouble); /* the caller's to set */
  unsigned count = 0;
  const char *name, *summary;
  for (; (name = nvt_trouble_name(count, &summary)) != NULL; count++) {
    assert_true(strlen(summary) > 0);
    snprintf(text, sizeof(text), "trouble=%s,host=naive", name);
    assert_true(nvt_workload_parse(text, &w, why, sizeof(why)));
    assert_int_equal(w.host, NVT_HOST_NAIVE);
    assert_string_equal(w.trouble, name);
    /* Each pair is a pair: two hosts that differ. */
    const struct nvt_habits *naive = nvt_habits_find(name, NVT_HOST_NAIVE);
    const struct nvt_habits *careful = nvt_habits_find(name, NVT_HOST_CAREFUL);
    assert_true(naive != NULL && careful != NULL);
    assert_true(memcmp(naive, careful, sizeof(*naive)) != 0);
  }
  assert_int_equal(count, 10);
  assert_null(nvt_habits_find("", NVT_HOST_NAIVE));
  assert_false(nvt_workload_parse("trouble=limits", &w, why, sizeof(why)));
  assert_non_null(strstr(why, "host="));
  static const char *const bad[] = {"host=",
                                    "host",
                                    "host=usual",
                                    "host=naive,trouble=",
                                    "host=naive,trouble=limit",
                                    "host=naive,trouble=limitss"};
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    assert_false(nvt_workload_parse(bad[i], &w, why, sizeof(why)));
}

static void limits(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool good;
  } cases[] = {
      {"batch=0", false},      {"batch=1", true},
      {"batch=1023", true},    {"batch=1024", false},
      {"sgl=on", true},        {"sgl=mixed", true},
      {"sgl=off", true},       {"sgl=", false},
      {"sgl=onn", false},      {"sgl=on,host=naive", false},
      {"bs=511", false},       {"bs=512", true},
      {"bs=513", false},       {"bs=32M", true},
      {"bs=33554944", false},  {"bs=0", false},
      {"depth=0", false},      {"depth=1", true},
      {"depth=2", true},       {"depth=1022", true},
      {"depth=1023", true},    {"depth=1024", false},
      {"queues=0", false},     {"queues=1", true},
      {"queues=63", true},     {"queues=64", true},
      {"queues=65", false},    {"count=0", false},
      {"count=1", true},       {"count=-1", false},
      {"seconds=0", false},    {"seconds=0.001", true},
      {"seconds=86400", true}, {"seconds=86400.1", false},
      {"seconds=inf", false},  {"seconds=nan", false},
      {"seconds=0x10", false}, {"seconds= 1", false},
      {"seconds=1e3", false},  {"seconds=.", false},
      {"timeout=0", false},    {"timeout=0.1", true},
      {"verify=yes", false},   {"verify=1", true},
      {"verify=", false},      {"interrupts=off", true},
      {"interrupts=x", false}, {"seed=18446744073709551615", false},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct nvt_workload w;
    char why[256] = "";
    if (nvt_workload_parse(cases[i].text, &w, why, sizeof(why)) != cases[i].good)
      fail_msg("'%s' was %s (%s)", cases[i].text, cases[i].good ? "refused" : "taken", why);
    char key[32];
    snprintf(key, sizeof(key), "%.*s", (int)strcspn(cases[i].text, "="), cases[i].text);
    if (!cases[i].good && strstr(why, key) == NULL)
      fail_msg("'%s': the message '%s' doesn't name it", cases[i].text, why);
  }
}

static void refusals_name_the_word(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"size=4k", "unknown word 'size'"},
      {"rw=read,blocksize=4k", "unknown word 'blocksize'"},
      {"rw=trim", "rw=trim: must be read, write"},
      {"depth", "depth needs a value"},
      {"depth=", "depth=: must be 1 to 1023"},
      {",", "unknown word ''"},
      {"rw=read,", "unknown word ''"},
      {"=5", "unknown word ''"},
      {"count=5,seconds=1", "exclude each other"},
      {"RW=read", "unknown word 'RW'"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct nvt_workload w = {.bs = 77};
    char why[256] = "";
    assert_false(nvt_workload_parse(cases[i].text, &w, why, sizeof(why)));
    if (strstr(why, cases[i].says) == NULL)
      fail_msg("'%s' gave '%s'", cases[i].text, why);
    assert_int_equal(w.bs, 77); /* untouched */
  }
}

static void percentiles(void **state) {
  (void)state;
  static struct nvt_histogram h;
  assert_int_equal(nvt_histogram_percentile(&h, 500), 0);
  for (uint64_t i = 1; i <= 1000; i++)
    nvt_histogram_add(&h, i);
  /* At most a 32nd too high, never too low. */
  assert_in_range(nvt_histogram_percentile(&h, 500), 500, 516);
  assert_in_range(nvt_histogram_percentile(&h, 990), 990, 1000);
  assert_int_equal(nvt_histogram_percentile(&h, 1000), 1000);
  assert_int_equal(nvt_histogram_percentile(&h, 10), 10);
  nvt_histogram_add(&h, 0);
  nvt_histogram_add(&h, UINT64_MAX);
  assert_true(nvt_histogram_percentile(&h, 1000) == UINT64_MAX);
  assert_in_range(nvt_histogram_percentile(&h, 999), 999, 1007);
  for (unsigned bit = 0; bit < 64; bit++) {
    static struct nvt_histogram one;
    memset(&one, 0, sizeof(one));
    uint64_t value = 1ULL << bit;
    nvt_histogram_add(&one, value);
    assert_true(nvt_histogram_percentile(&one, 999) == value);
  }
}

/* Walk the lists as a device does, and see every page once, in order. */
static void prp_lists_lead_to_every_page(void **state) {
  (void)state;
  for (uint32_t page = 4096; page <= 16384; page *= 2) {
    size_t per_page = page / 8;
    const size_t limit = 3 * per_page + 2;
    for (size_t pages = 1; pages < limit; pages += (pages > 3 && pages % 100 == 0) ? 57 : 1) {
      size_t lists = nvt_prp_list_pages(pages * page, page);
      uint64_t *memory = malloc(lists == 0 ? 1 : lists * page);
      memset(memory, 0xff, lists * page);
      uint64_t data = 0x10000000, at = 0x200000;
      struct nvt_sqe sqe = {0};
      nvt_prp_make(&sqe, data, pages * page, memory, at, page);
      assert_int_equal(sqe.prp1, data);
      if (pages <= 2) {
        assert_int_equal(sqe.prp2, pages == 2 ? data + page : 0);
        assert_int_equal(lists, 0);
        free(memory);
        continue;
      }
      assert_int_equal(sqe.prp2, at);
      uint64_t entry = at;
      size_t used = 1;
      for (size_t i = 1; i < pages; i++) {
        if ((entry - at) % page == (per_page - 1) * 8 && i + 1 < pages) {
          entry = memory[(entry - at) / 8];
          assert_int_equal(entry % page, 0);
          used++;
        }
        assert_true(entry >= at && entry < at + lists * page);
        assert_int_equal(memory[(entry - at) / 8], data + i * page);
        entry += 8;
      }
      assert_int_equal(used, lists);
      free(memory);
    }
  }
}

static void the_pattern_tells_what_is_wrong(void **state) {
  (void)state;
  static uint64_t data[4 * 512 / 8];
  uint8_t *bytes = (uint8_t *)data;
  char why[160] = "";
  nvt_pattern_fill(data, 4, 512, 100, 7, 1);
  assert_true(nvt_pattern_check(data, 4, 512, 100, 7, 1, why, sizeof(why)));
  assert_true(nvt_pattern_check(data, 4, 512, 100, 0, 99, why, sizeof(why)));
  assert_false(nvt_pattern_check(data, 4, 512, 101, 7, 1, why, sizeof(why)));
  assert_non_null(strstr(why, "block 101 holds the data of block 100"));
  assert_false(nvt_pattern_check(data, 4, 512, 101, 0, 1, why, sizeof(why)));
  assert_false(nvt_pattern_check(data, 4, 512, 100, 8, 1, why, sizeof(why)));
  assert_non_null(strstr(why, "write number 7, not of write number 8"));
  assert_false(nvt_pattern_check(data, 4, 512, 100, 7, 2, why, sizeof(why)));
  /* Every single byte counts. */
  for (size_t i = 0; i < sizeof(data); i++) {
    bytes[i] ^= 0x40;
    assert_false(nvt_pattern_check(data, 4, 512, 100, 7, 1, why, sizeof(why)));
    if (i == 3 * 512 + 77)
      assert_non_null(strstr(why, "block 103, byte 77 is"));
    bytes[i] ^= 0x40;
  }
  /* What this driver never wrote is not judged. */
  memset(data, 0, sizeof(data));
  assert_true(nvt_pattern_check(data, 4, 512, 100, 0, 1, why, sizeof(why)));
  assert_false(nvt_pattern_check(data, 4, 512, 100, 7, 1, why, sizeof(why)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults),
      cmocka_unit_test(every_word),
      cmocka_unit_test(hosts_and_troubles),
      cmocka_unit_test(limits),
      cmocka_unit_test(refusals_name_the_word),
      cmocka_unit_test(percentiles),
      cmocka_unit_test(prp_lists_lead_to_every_page),
      cmocka_unit_test(the_pattern_tells_what_is_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
