/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "capture/ring.h"

enum { SIZE = NVT_RING_SIZE_MIN };

static struct nvt_ring *ring_new(void) {
  struct nvt_ring *ring = NULL;
  assert_int_equal(nvt_ring_create(SIZE, &ring), 0);
  return ring;
}

static void sizes(void **state) {
  (void)state;
  struct nvt_ring *ring = NULL;
  assert_int_equal(nvt_ring_create(SIZE - 1, &ring), -EINVAL);
  assert_null(ring);
  assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MAX + 1, &ring), -EINVAL);
  assert_int_equal(nvt_ring_create(SIZE + 1, &ring), 0);
  assert_int_equal(ring->shared->size, 2 * SIZE);
  nvt_ring_destroy(ring);
  nvt_ring_destroy(NULL);
}

/* Somebody else who maps the memfd finds his way by its first page. */
static void describes_itself(void **state) {
  (void)state;
  struct nvt_ring *ring = ring_new();
  memcpy(nvt_ring_reserve(ring, 8), "8 bytes!", 8);
  nvt_ring_commit(ring, 8);
  const struct nvt_ring_shared *seen = mmap(NULL, 4096 + SIZE, PROT_READ, MAP_SHARED, ring->fd, 0);
  assert_ptr_not_equal(seen, MAP_FAILED);
  assert_int_equal(seen->magic, NVT_RING_MAGIC);
  assert_int_equal(seen->version, NVT_RING_VERSION);
  assert_int_equal(seen->size, SIZE);
  assert_int_equal(seen->head, 8);
  assert_int_equal(seen->tail, 0);
  assert_memory_equal((const uint8_t *)seen + seen->data_offset, "8 bytes!", 8);
  munmap((void *)(uintptr_t)seen, 4096 + SIZE);
  nvt_ring_destroy(ring);
}

static void full_at_exactly_its_size(void **state) {
  (void)state;
  struct nvt_ring *ring = ring_new();
  assert_null(nvt_ring_reserve(ring, SIZE + 1));
  assert_non_null(nvt_ring_reserve(ring, SIZE));
  assert_non_null(nvt_ring_reserve(ring, SIZE - 8));
  nvt_ring_commit(ring, SIZE - 8);
  assert_null(nvt_ring_reserve(ring, 9));
  assert_non_null(nvt_ring_reserve(ring, 8));
  nvt_ring_commit(ring, 8);
  assert_null(nvt_ring_reserve(ring, 1));
  size_t length;
  nvt_ring_peek(ring, &length);
  assert_int_equal(length, SIZE);
  nvt_ring_consume(ring, 8);
  assert_null(nvt_ring_reserve(ring, 9));
  assert_non_null(nvt_ring_reserve(ring, 8));
  nvt_ring_destroy(ring);
}

/* What crosses the end of the data is in one piece for both sides. */
static void wraps_in_one_piece(void **state) {
  (void)state;
  struct nvt_ring *ring = ring_new();
  static uint8_t pattern[300000];
  for (size_t i = 0; i < sizeof(pattern); i++)
    pattern[i] = (uint8_t)(i * 7 + i / 251);
  for (int round = 0; round < 5; round++) {
    uint8_t *to = nvt_ring_reserve(ring, sizeof(pattern));
    assert_non_null(to);
    memcpy(to, pattern, sizeof(pattern));
    nvt_ring_commit(ring, sizeof(pattern));
    size_t length;
    const uint8_t *from = nvt_ring_peek(ring, &length);
    assert_int_equal(length, sizeof(pattern));
    assert_memory_equal(from, pattern, sizeof(pattern));
    nvt_ring_consume(ring, length);
    nvt_ring_peek(ring, &length);
    assert_int_equal(length, 0);
  }
  nvt_ring_destroy(ring);
}

enum { ITEMS = 200000 };

static void *produce(void *user) {
  struct nvt_ring *ring = user;
  for (uint64_t i = 0; i < ITEMS; i++) {
    size_t length = 16 + (i % 13) * 8;
    uint64_t *to = nvt_ring_reserve_wait(ring, length);
    if (to == NULL)
      return NULL;
    for (size_t k = 0; k < length / 8; k++)
      to[k] = i;
    to[0] = length;
    nvt_ring_commit(ring, length);
  }
  return user;
}

static void two_threads_lose_nothing(void **state) {
  (void)state;
  struct nvt_ring *ring = ring_new();
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
  uint64_t next = 0;
  while (next < ITEMS) {
    size_t length;
    const uint8_t *from = nvt_ring_peek(ring, &length);
    size_t used = 0;
    while (used < length) {
      const uint64_t *item = (const void *)(from + used);
      assert_true(item[0] <= length - used);
      assert_int_equal(item[0], 16 + (next % 13) * 8);
      assert_int_equal(item[item[0] / 8 - 1], next);
      used += item[0];
      next++;
    }
    nvt_ring_consume(ring, used);
  }
  void *result;
  pthread_join(thread, &result);
  assert_ptr_equal(result, ring);
  nvt_ring_destroy(ring);
}

static void *fill(void *user) {
  struct nvt_ring *ring = user;
  if (nvt_ring_reserve_wait(ring, SIZE) == NULL)
    return NULL;
  nvt_ring_commit(ring, SIZE);
  return nvt_ring_reserve_wait(ring, 8);
}

static void a_closed_ring_lets_its_producer_go(void **state) {
  (void)state;
  struct nvt_ring *ring = ring_new();
  assert_null(nvt_ring_reserve_wait(ring, SIZE + 1));
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, fill, ring), 0);
  for (int i = 0; i < 5000 && __atomic_load_n(&ring->waits, __ATOMIC_RELAXED) == 0; i++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  nvt_ring_close(ring);
  void *result = ring;
  pthread_join(thread, &result);
  assert_null(result);
  assert_true(nvt_ring_closed(ring));
  assert_int_equal(ring->waits, 1);
  nvt_ring_destroy(ring);
}

/* Whoever finds the ring starts to read there, and not at the start of the file. */
static void a_boundary_stands_before_what_is_not_consumed(void **state) {
  (void)state;
  struct nvt_ring *ring;
  assert_int_equal(nvt_ring_create(SIZE, &ring), 0);
  const size_t lengths[] = {24, 72, 136, 4176, 65536};
  for (unsigned i = 0; i < 20000; i++) {
    size_t length = lengths[i * 7 % 5];
    while (nvt_ring_reserve(ring, length) == NULL) /* most of the time it is full */
      nvt_ring_consume(ring, 512);
    nvt_ring_commit(ring, length);
    uint64_t count = ring->shared->boundaries, nearest = 0;
    for (uint64_t n = 0; n < count && n < NVT_RING_BOUNDARIES; n++) {
      uint64_t at = ring->shared->boundary[n];
      if (at <= ring->tail && at > nearest)
        nearest = at;
    }
    assert_true(nearest > 0 || ring->head <= 2 * SIZE);
    assert_true(ring->tail - nearest <= 2 * SIZE);
  }
  nvt_ring_destroy(ring);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes),
      cmocka_unit_test(describes_itself),
      cmocka_unit_test(full_at_exactly_its_size),
      cmocka_unit_test(wraps_in_one_piece),
      cmocka_unit_test(two_threads_lose_nothing),
      cmocka_unit_test(a_boundary_stands_before_what_is_not_consumed),
      cmocka_unit_test(a_closed_ring_lets_its_producer_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
