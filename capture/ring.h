/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of bytes from one producer to one consumer, in shared memory: a memfd, or a file that
 * outlives its process (capture/ring_file.h), with a header that describes it, then the data. The
 * data is mapped twice in a row, so that what is reserved or peeked at is always in one piece.
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
#define NVT_RING_VERSION 3
#define NVT_RING_HEADER 16384u /* bytes in front of the data */
#define NVT_RING_STARTS 64u
#define NVT_RING_LOSSES 64u
#define NVT_RING_BOUNDARIES 8u
#define NVT_RING_PATH 4096u            /* with its zero byte */
#define NVT_RING_SIZE_MIN (512u << 10) /* holds the longest record */
#define NVT_RING_SIZE_MAX (1ull << 36)

/* How the consumer's file and the ring's positions go together. */
enum nvt_ring_mode {
  NVT_RING_NO_FILE,    /* a pipe, or nothing yet: there is nothing to be continued */
  NVT_RING_STREAM,     /* a byte's offset in the file is its position in the ring */
  NVT_RING_APPEND,     /* whole records, one after another; consumed when they are in the file */
  NVT_RING_APPEND_ZSTD /* the same, in whole frames of zstd */
};

/* Where what is consumed goes. */
struct nvt_ring_output {
  uint64_t device, inode; /* of the file: another one under its name isn't it */
  uint64_t born_ns;       /* when it was made, 0 where that isn't known: inodes are used again */
  uint32_t mode;          /* enum nvt_ring_mode */
  uint32_t reserved;
  char path[NVT_RING_PATH]; /* absolute */
};

/* Records that a producer could not write, of one controller. */
struct nvt_ring_loss {
  uint64_t first_seq, first_ns, last_ns; /* as in a loss record (trace/record.def) */
  _Atomic uint64_t count;                /* stored last; 0: nothing was lost yet */
  uint32_t epoch, pci_address;
  uint16_t controller;
  uint16_t thread;
  uint32_t used; /* this slot is a controller's */
};

/* The header, zero-padded to NVT_RING_HEADER. Positions count bytes since the start and never
 * wrap; a position's place in the data is its value modulo `size`. */
struct nvt_ring_shared {
  uint32_t magic;
  uint32_t version;
  uint64_t data_offset;                 /* of the data in the file: NVT_RING_HEADER */
  uint64_t size;                        /* of the data, bytes, a power of two */
  _Alignas(64) _Atomic uint64_t head;   /* the producer's: bytes committed */
  _Alignas(64) _Atomic uint64_t tail;   /* the consumer's: bytes consumed */
  _Alignas(64) _Atomic uint32_t closed; /* the consumer will consume no more */
  /* Positions where a trace may begin: a preamble stands there. The latest ones, a ring of their
   * own; `starts` counts all that were marked. */
  _Alignas(64) _Atomic uint64_t starts;
  _Atomic uint64_t start[NVT_RING_STARTS];
  /* Positions where records begin, the latest ones, a quarter of the ring apart or more and never
   * much more than all of it: one stands before whatever isn't consumed. `boundaries` counts all.
   */
  _Alignas(64) _Atomic uint64_t boundaries;
  _Atomic uint64_t boundary[NVT_RING_BOUNDARIES];
  /* For who finds the ring without its process. */
  _Alignas(64) uint64_t session; /* rings with one file have the same */
  uint64_t created_ns;           /* since 1970-01-01 UTC */
  uint32_t pid;
  _Atomic uint32_t turn; /* output[turn % 2] is the file; 0: none yet */
  uint64_t resume;       /* whoever recovers it appends from this offset on; 0: nobody began */
  uint64_t done;         /* 1: it was recovered, all rings of the session were */
  struct nvt_ring_output output[2];
  struct nvt_ring_loss loss[NVT_RING_LOSSES];
};

/* Members are for the functions below only; visible so that they can be inline. */
struct nvt_ring {
  struct nvt_ring_shared *shared;
  uint8_t *data;
  uint64_t mask;
  int fd;
  char *path;  /* of a ring that has a name, else NULL */
  bool merged; /* with others, by time: the consumer says so before anything is produced */
  _Alignas(64) uint64_t head; /* producer's copies */
  _Atomic uint64_t writing;   /* as nvt_ring_begin() set it */
  uint64_t seen_tail;
  uint64_t waits;             /* times that the producer had to wait */
  _Alignas(64) uint64_t tail; /* consumer's copy */
};

/* Size is rounded up to a power of two. 0, -EINVAL (out of the range above), or -errno. */
int nvt_ring_create(uint64_t size, struct nvt_ring **out);
/* The same over a descriptor of a file of nvt_ring_file_size() zero bytes, which the ring takes
 * over, also when this fails. */
int nvt_ring_create_on(int fd, uint64_t size, struct nvt_ring **out);
uint64_t nvt_ring_file_size(uint64_t size); /* 0: out of the range */
/* Of one that has a name the file is removed: nobody is to recover it. NULL is fine. */
void nvt_ring_destroy(struct nvt_ring *);

/* --- producer --- */

/* Before the time stamp of what is reserved next is taken: who merges several rings by time sees
 * that this one may still bring a record that old. Followed by a commit, or by nvt_ring_retract().
 * A ring that is alone needn't tell: the CPU's counter isn't read before what stands before it is
 * done, and a load and a store there cost a fifth of a record. */
static inline void nvt_ring_begin(struct nvt_ring *ring) {
  if (__builtin_expect(!ring->merged, 1))
    return;
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

/* Tell whoever finds the ring what was lost and isn't in a loss record yet: the newest state of a
 * controller, with its count of at least 1. For the first NVT_RING_LOSSES controllers; of others it
 * would be unknown. Only stores to memory. */
void nvt_ring_note_loss(struct nvt_ring *, const struct nvt_ring_loss *);

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
/* From here on what is consumed is in the file `fd`, called `path`. To be called when all consumed
 * so far is in the file before, and the new one is open, but not yet cut or written to: so at every
 * moment a file and the rest in the ring are the whole. No-op for a ring without a name. */
void nvt_ring_set_output(struct nvt_ring *, const char *path, int fd, enum nvt_ring_mode);
/* Is `fd` a regular file, and which: all but path and mode. */
bool nvt_ring_identify(int fd, struct nvt_ring_output *out);
/* No more will be consumed: a waiting producer goes on, without its bytes. */
void nvt_ring_close(struct nvt_ring *);

#endif
