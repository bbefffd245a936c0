/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };
_Static_assert(sizeof(struct nvt_ring_shared) <= PAGE, "described in one page");

/* The data twice in a row, over one reservation of address space. */
static uint8_t *map_twice(int fd, uint64_t size) {
  uint8_t *at = mmap(NULL, size * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == NULL || at == MAP_FAILED)
    return NULL;
  for (unsigned i = 0; i < 2; i++)
    if (mmap(at + i * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd,
             PAGE) == MAP_FAILED) {
      int error = errno;
      munmap(at, size * 2);
      errno = error;
      return NULL;
    }
  return at;
}

static int map(struct nvt_ring *ring, uint64_t size) {
  ring->fd = memfd_create("nvmetap-ring", MFD_CLOEXEC);
  if (ring->fd < 0 || ftruncate(ring->fd, (off_t)(PAGE + size)) != 0)
    return -errno;
  void *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
  if (shared == MAP_FAILED)
    return -errno;
  ring->shared = shared;
  ring->data = map_twice(ring->fd, size);
  return ring->data == NULL ? -errno : 0;
}

int nvt_ring_create(uint64_t wanted, struct nvt_ring **out) {
  *out = NULL;
  if (wanted < NVT_RING_SIZE_MIN || wanted > NVT_RING_SIZE_MAX)
    return -EINVAL;
  uint64_t size = NVT_RING_SIZE_MIN;
  while (size < wanted)
    size *= 2;
  struct nvt_ring *ring = aligned_alloc(64, sizeof(*ring));
  if (ring == NULL)
    return -ENOMEM;
  *ring = (struct nvt_ring){.fd = -1, .mask = size - 1, .writing = UINT64_MAX};
  int error = map(ring, size);
  if (error != 0) {
    nvt_ring_destroy(ring);
    return error;
  }
  ring->shared->data_offset = PAGE;
  ring->shared->size = size;
  ring->shared->version = NVT_RING_VERSION;
  ring->shared->magic = NVT_RING_MAGIC;
  *out = ring;
  return 0;
}

void nvt_ring_destroy(struct nvt_ring *ring) {
  if (ring == NULL)
    return;
  if (ring->data != NULL)
    munmap(ring->data, (ring->mask + 1) * 2);
  if (ring->shared != NULL)
    munmap(ring->shared, PAGE);
  if (ring->fd >= 0)
    close(ring->fd);
  free(ring);
}

bool nvt_ring_refresh(struct nvt_ring *ring, size_t length) {
  ring->seen_tail = atomic_load_explicit(&ring->shared->tail, memory_order_acquire);
  return length <= ring->mask + 1 && ring->head + length - ring->seen_tail <= ring->mask + 1;
}

void *nvt_ring_reserve_wait(struct nvt_ring *ring, size_t length) {
  if (length > ring->mask + 1)
    return NULL;
  bool waited = false;
  for (;;) {
    void *at = nvt_ring_reserve(ring, length);
    if (at != NULL)
      return at;
    if (nvt_ring_closed(ring))
      return NULL;
    if (!waited)
      __atomic_store_n(&ring->waits, ring->waits + 1, __ATOMIC_RELAXED);
    waited = true;
    /* Asleep, not spinning: with few cores it is the writer who needs this one. */
    nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
  }
}

bool nvt_ring_closed(const struct nvt_ring *ring) {
  return atomic_load_explicit(&ring->shared->closed, memory_order_acquire) != 0;
}

const void *nvt_ring_peek(struct nvt_ring *ring, size_t *length) {
  uint64_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
  *length = (size_t)(head - ring->tail);
  return ring->data + (ring->tail & ring->mask);
}

void nvt_ring_consume(struct nvt_ring *ring, size_t length) {
  ring->tail += length;
  atomic_store_explicit(&ring->shared->tail, ring->tail, memory_order_release);
}

void nvt_ring_close(struct nvt_ring *ring) {
  atomic_store_explicit(&ring->shared->closed, 1, memory_order_release);
}

void nvt_ring_mark_start(struct nvt_ring *ring) {
  uint64_t count = atomic_load_explicit(&ring->shared->starts, memory_order_relaxed);
  atomic_store_explicit(&ring->shared->start[count % NVT_RING_STARTS], ring->head,
                        memory_order_relaxed);
  atomic_store_explicit(&ring->shared->starts, count + 1, memory_order_release);
}

/* Of those remembered, the one nearest to a position on one side. The producer may overwrite the
 * oldest meanwhile: with a later position, which is a start as well. */
static bool nearest(const struct nvt_ring *ring, uint64_t position, bool after, uint64_t *start) {
  uint64_t count = atomic_load_explicit(&ring->shared->starts, memory_order_acquire);
  bool found = false;
  for (uint64_t i = count > NVT_RING_STARTS ? count - NVT_RING_STARTS : 0; i < count; i++) {
    uint64_t at =
        atomic_load_explicit(&ring->shared->start[i % NVT_RING_STARTS], memory_order_relaxed);
    if (at < ring->tail || (after ? at < position : at > position))
      continue;
    if (!found || (after ? at < *start : at > *start))
      *start = at;
    found = true;
  }
  return found;
}

bool nvt_ring_start_after(const struct nvt_ring *ring, uint64_t position, uint64_t *start) {
  return nearest(ring, position, true, start);
}

bool nvt_ring_start_before(const struct nvt_ring *ring, uint64_t position, uint64_t *start) {
  return nearest(ring, position, false, start);
}
