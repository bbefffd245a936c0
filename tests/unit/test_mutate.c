/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutation finds what is planted on purpose: a target that is the model with a bug in it, which
 * nothing in the trace itself triggers. Each is found, saved, and shown again by what was saved;
 * the model without it does the same and nothing is found.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "replay/mutate.h"

#define SAMPLE "samples/driver.pcap"
#define RUNS 150

enum bug { CRASH, HANG, SANITIZER, MEMORY, TWICE, PHASE, HEAD, DEAD };
static enum bug bug;
static struct nvt_target_ops faulty; /* the model's, but for what is planted */
static const struct nvt_target_ops *sound;
static struct nvt_observer inner;
static uint8_t *guest_end; /* of the first window */
static bool armed;         /* the host did what sets the bug off */
static bool stopped;

static void set_off(void) {
  switch (bug) {
  case CRASH:
    abort();
  case HANG:
    for (;;)
      usleep(1000);
  case SANITIZER: { /* in a build without one, it is a crash */
#if defined(__SANITIZE_ADDRESS__)
    volatile size_t at = 16;
    uint8_t *bytes = calloc(1, 16);
    bytes[at] = 1;
    free(bytes);
#else
    signal(SIGSEGV, SIG_DFL); /* cmocka has its own */
    raise(SIGSEGV);
#endif
    break;
  }
  default:
    armed = true;
    break;
  }
}

/* A doorbell beyond any queue: no sound host rings so. */
static int bad_write(struct nvt_target *t, uint8_t space, uint64_t offset, uint8_t size,
                     uint64_t value, uint8_t *flags) {
  if (space == NVT_V_access_space_BAR0 && offset >= NVT_REG_DOORBELLS && value > 0x400)
    set_off();
  return sound->write(t, space, offset, size, value, flags);
}

static int bad_step(struct nvt_target *t, uint16_t sqid) {
  if (bug == MEMORY && armed && guest_end != NULL)
    guest_end[-1] ^= 0x5a;
  if (bug == DEAD && armed)
    stopped = true;
  return stopped ? 0 : sound->step(t, sqid);
}

static int bad_map(struct nvt_target *t, uint64_t iova, uint64_t len,
                   const struct nvt_memory_place *place, bool readable, bool writable) {
  guest_end = (uint8_t *)place->host + len;
  return sound->dma_map(t, iova, len, place, readable, writable);
}

static int bad_unmap(struct nvt_target *t, uint64_t iova, uint64_t len) {
  guest_end = NULL;
  return sound->dma_unmap(t, iova, len);
}

static void bad_posted(void *ctx, const struct nvt_rec_completion *completion) {
  struct nvt_rec_completion told = *completion;
  bool now = armed;
  armed = armed && bug != PHASE && bug != HEAD && bug != TWICE;
  if (now && bug == PHASE)
    told.cqe.status ^= 1;
  if (now && bug == HEAD)
    told.cqe.sqhd = (uint16_t)(told.cqe.sqhd + 1);
  inner.posted(ctx, &told);
  if (now && bug == TWICE)
    inner.posted(ctx, &told);
}

static bool bad_open(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                     size_t whylen) {
  struct nvt_target_setup changed = *setup;
  struct nvt_observer observer = *setup->observer;
  armed = stopped = false;
  inner = observer;
  observer.posted = bad_posted;
  changed.observer = &observer;
  return sound->open(&changed, out, why, whylen);
}

static void plant(enum bug which) {
  bug = which;
  sound = nvt_target_find("model", NULL);
  faulty = *sound;
  faulty.name = "planted";
  faulty.open = bad_open;
  faulty.write = bad_write;
  faulty.step = bad_step;
  faulty.dma_map = bad_map;
  faulty.dma_unmap = bad_unmap;
}

static size_t count_of(const struct nvt_mutate_result *result, const char *kind) {
  size_t count = 0;
  for (size_t i = 0; i < result->kept; i++)
    count += strcmp(result->findings[i].kind, kind) == 0;
  return count;
}

/* A campaign finds `kind`, and nothing in run 0; what is saved shows it again, and only there. */
static void finds(enum bug which, const char *kind) {
  char directory[] = "/tmp/nvmetap-mutate.XXXXXX";
  assert_non_null(mkdtemp(directory));
  plant(which);
  struct nvt_mutate_options options = {.path = SAMPLE,
                                       .target = &faulty,
                                       .seed = 5,
                                       .runs = RUNS,
                                       .save = directory,
                                       .patience_ms = which == HANG ? 400 : 0};
  struct nvt_mutate_result result, again;
  if (which == HANG)
    options.runs = 20;
  nvt_mutate(&options, &result);
  assert_false(result.failed);
  assert_int_equal(result.runs, options.runs);
  assert_true(count_of(&result, kind) > 0);
  for (size_t i = 0; i < result.kept; i++) {
    assert_true(result.findings[i].run > 0);
    if (result.findings[i].saved[0] == '\0')
      continue;
    options = (struct nvt_mutate_options){.path = result.findings[i].saved,
                                          .target = &faulty,
                                          .seed = 1,
                                          .verbatim = true,
                                          .patience_ms = which == HANG ? 400 : 0};
    nvt_mutate(&options, &again);
    assert_false(again.failed);
    assert_int_equal(again.runs, 1);
    assert_true(again.count > 0);
    assert_true(count_of(&again, result.findings[i].kind) > 0);
    nvt_mutate_clear(&again);
    options.target = sound;
    nvt_mutate(&options, &again);
    assert_int_equal(again.runs, 1);
    assert_int_equal(again.count, 0);
    nvt_mutate_clear(&again);
    unlink(result.findings[i].saved);
  }
  nvt_mutate_clear(&result);
  assert_int_equal(rmdir(directory), 0);
}

static void crash_is_found(void **state) {
  (void)state;
  finds(CRASH, "crash");
}
static void hang_is_found(void **state) {
  (void)state;
  finds(HANG, "hang");
}
static void report_of_a_sanitizer_is_found(void **state) {
  (void)state;
  finds(SANITIZER, "crash");
}
static void stray_write_is_found(void **state) {
  (void)state;
  finds(MEMORY, "memory");
}
static void second_completion_is_found(void **state) {
  (void)state;
  finds(TWICE, "completion-twice");
}
static void wrong_phase_is_found(void **state) {
  (void)state;
  finds(PHASE, "completion-phase");
}
static void wrong_head_is_found(void **state) {
  (void)state;
  finds(HEAD, "sq-head-back");
}
static void dead_controller_is_found(void **state) {
  (void)state;
  finds(DEAD, "dead");
}

/* The same seed finds the same; another one doesn't. */
static void seed_decides(void **state) {
  (void)state;
  struct nvt_mutate_result first, second, other;
  struct nvt_mutate_options options = {.path = SAMPLE, .target = &faulty, .seed = 5, .runs = 200};
  plant(PHASE);
  nvt_mutate(&options, &first);
  nvt_mutate(&options, &second);
  options.seed = 6;
  nvt_mutate(&options, &other);
  assert_int_equal(first.count, second.count);
  assert_int_equal(first.commands, second.commands);
  assert_memory_equal(first.findings, second.findings, first.kept * sizeof(*first.findings));
  assert_true(first.commands != other.commands || first.mutations != other.mutations);
  nvt_mutate_clear(&first);
  nvt_mutate_clear(&second);
  nvt_mutate_clear(&other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(crash_is_found),
      cmocka_unit_test(hang_is_found),
      cmocka_unit_test(report_of_a_sanitizer_is_found),
      cmocka_unit_test(stray_write_is_found),
      cmocka_unit_test(second_completion_is_found),
      cmocka_unit_test(wrong_phase_is_found),
      cmocka_unit_test(wrong_head_is_found),
      cmocka_unit_test(dead_controller_is_found),
      cmocka_unit_test(seed_decides),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
