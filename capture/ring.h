/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of bytes from one producer to one consumer, in shared memory: a memfd
 * with a page that describes it, then the data. The data is mapped twice in a
 * row, so that what is reserved or peeked at is always in one piece.
 *
 * Producer: reserve, fill, commit. Consumer: peek, use, consume. Neither locks,
 * allocates or makes a system call, but for nvt_ring_reserve_wait(). What is
 * reserved at once is committed as a whole or not at all; the consumer only sees
 * whole commits.
 */
#ifndef NVT_CAPTURE_RING_H
#define NVT_CAPTURE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVT_RING_MAGIC 0x474e5254u /* "TRNG" */
#define NVT_RING_VERSION 2
#define NVT_RING_STARTS 64u
#define NVT_RING_SIZE_MIN (512u << 10) /* holds the longest record */
#define NVT_RING_SIZE_MAX (1ull << 36)

/* The first page of the memfd. Positions count bytes since the start and never
 * wrap; a position's place in the data is its value modulo `size`. */
struct nvt_ring_shared {
  uint32_t magic;
  uint32_t version;
  uint64_t data_offset;                 /* of the data in the memfd, bytes */
  uint64_t size;                        /* of the data, bytes, a power of two */
  _Alignas(64) _Atomic uint64_t head;   /* the producer's: bytes committed */
  _Alignas(64) _Atomic uint64_t tail;   /* the consumer's: bytes consumed */
  _Alignas(64) _Atomic uint32_t closed; /* the consumer will consume no more */
  /* Positions where a trace may begin: a preamble stands there. The latest ones, a ring of their
   * own; `starts` counts all that were marked. */
  _Alignas(64) _Atomic uint64_t starts;
  _Atomic uint64_t start[NVT_RING_STARTS];
};

/* Members are for the functions below only; visible so that they can be inline. */
struct nvt_ring {
  struct nvt_ring_shared *shared;
  uint8_t *data;
  uint64_t mask;
  int fd;
  _Alignas(64) uint64_t head; /* producer's copies */
  _Atomic uint64_t writing;   /* as nvt_ring_begin() set it */
  uint64_t seen_tail;
  uint64_t waits;             /* times that the producer had to wait */
  _Alignas(64) uint64_t tail; /* consumer's copy */
};

/* Size is rounded up to a power of two. 0, -EINVAL (out of the range above), or -errno. */
int nvt_ring_create(uint64_t size, struct nvt_ring **out);
void nvt_ring_destroy(struct nvt_ring *); /* NULL is fine */

/* --- producer --- */

/* Before the time stamp of what is reserved next is taken: who merges several rings by time sees that
 * this one may still bring a record that old. Followed by a commit, or by nvt_ring_retract(). */
static inline void nvt_ring_begin(struct nvt_ring *ring) {
  atomic_store_explicit(&ring->writing, ring->head, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
}
static inline void nvt_ring_retract(struct nvt_ring *ring) {
  atomic_store_explicit(&ring->writing, UINT64_MAX, memory_order_relaxed);
}

/* Look again how far the consumer is: true when `length` bytes are free now. */
bool nvt_ring_refresh(struct nvt_ring *, size_t length);

/* `length` bytes to fill, NULL when that much isn't free. */
static inline void *nvt_ring_reserve(struct nvt_ring *ring, size_t length) {
  if (__builtin_expect(ring->head + length - ring->seen_tail > ring->mask + 1, 0) &&
      !nvt_ring_refresh(ring, length))
    return NULL;
  return ring->data + (ring->head & ring->mask);
}

/* The same, and waits until there is room. NULL when the ring was closed, or is
 * smaller than that. */
void *nvt_ring_reserve_wait(struct nvt_ring *, size_t length);

/* Hand the `length` bytes over. */
static inline void nvt_ring_commit(struct nvt_ring *ring, size_t length) {
  ring->head += length;
  atomic_store_explicit(&ring->shared->head, ring->head, memory_order_release);
}

/* What is committed next is a preamble: a trace may begin there. */
void nvt_ring_mark_start(struct nvt_ring *);

bool nvt_ring_closed(const struct nvt_ring *); /* any thread */

/* --- consumer --- */

/* All that is there, in one piece; *length 0 when nothing is. */
const void *nvt_ring_peek(struct nvt_ring *, size_t *length);
void nvt_ring_consume(struct nvt_ring *, size_t length);
/* The earliest start at or after a position, and the latest at or before it, of those that are
 * remembered and not consumed; false: there is none. */
bool nvt_ring_start_after(const struct nvt_ring *, uint64_t position, uint64_t *start);
bool nvt_ring_start_before(const struct nvt_ring *, uint64_t position, uint64_t *start);
/* Where the producer has begun last. Read before a peek that ends there: it hasn't committed that
 * yet. For this all producers' stores have to be seen (membarrier()). */
static inline uint64_t nvt_ring_writing(const struct nvt_ring *ring) {
  return atomic_load_explicit(&ring->writing, memory_order_relaxed);
}
/* No more will be consumed: a waiting producer goes on, without its bytes. */
void nvt_ring_close(struct nvt_ring *);

#endif
