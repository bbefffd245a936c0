/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct nvt_ring_shared) <= NVT_RING_HEADER, "the header has its room");
_Static_assert(sizeof(struct nvt_ring_loss) == 48, "no holes: others read it");

/* The data twice in a row, over one reservation of address space. */
static uint8_t *map_twice(int fd, uint64_t size) {
  uint8_t *at = mmap(NULL, size * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == NULL || at == MAP_FAILED)
    return NULL;
  for (unsigned i = 0; i < 2; i++)
    if (mmap(at + i * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd,
             NVT_RING_HEADER) == MAP_FAILED) {
      int error = errno;
      munmap(at, size * 2);
      errno = error;
      return NULL;
    }
  return at;
}

uint64_t nvt_ring_file_size(uint64_t wanted) {
  if (wanted < NVT_RING_SIZE_MIN || wanted > NVT_RING_SIZE_MAX)
    return 0;
  uint64_t size = NVT_RING_SIZE_MIN;
  while (size < wanted)
    size *= 2;
  return NVT_RING_HEADER + size;
}

static int map(struct nvt_ring *ring) {
  void *shared =
      mmap(NULL, NVT_RING_HEADER, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, 0);
  if (shared == MAP_FAILED)
    return -errno;
  ring->shared = shared;
  ring->data = map_twice(ring->fd, ring->mask + 1);
  return ring->data == NULL ? -errno : 0;
}

int nvt_ring_create_on(int fd, uint64_t wanted, struct nvt_ring **out) {
  *out = NULL;
  uint64_t size = nvt_ring_file_size(wanted);
  struct nvt_ring *ring = size == 0 ? NULL : aligned_alloc(64, sizeof(*ring));
  if (ring == NULL) {
    close(fd);
    return size == 0 ? -EINVAL : -ENOMEM;
  }
  size -= NVT_RING_HEADER;
  *ring = (struct nvt_ring){.fd = fd, .mask = size - 1, .writing = UINT64_MAX};
  int error = map(ring);
  if (error != 0) {
    nvt_ring_destroy(ring);
    return error;
  }
  ring->shared->data_offset = NVT_RING_HEADER;
  ring->shared->size = size;
  ring->shared->version = NVT_RING_VERSION;
  ring->shared->magic = NVT_RING_MAGIC;
  *out = ring;
  return 0;
}

int nvt_ring_create(uint64_t wanted, struct nvt_ring **out) {
  *out = NULL;
  uint64_t bytes = nvt_ring_file_size(wanted);
  if (bytes == 0)
    return -EINVAL;
  int fd = memfd_create("nvmetap-ring", MFD_CLOEXEC);
  if (fd < 0)
    return -errno;
  if (ftruncate(fd, (off_t)bytes) != 0) {
    int error = -errno;
    close(fd);
    return error;
  }
  return nvt_ring_create_on(fd, wanted, out);
}

void nvt_ring_destroy(struct nvt_ring *ring) {
  if (ring == NULL)
    return;
  if (ring->path != NULL)
    (void)unlink(ring->path);
  free(ring->path);
  if (ring->data != NULL)
    munmap(ring->data, (ring->mask + 1) * 2);
  if (ring->shared != NULL)
    munmap(ring->shared, NVT_RING_HEADER);
  if (ring->fd >= 0)
    close(ring->fd);
  free(ring);
}

/* Who asks for room is about to begin a record, and asks once a ring's length at least. */
static void note_boundary(struct nvt_ring *ring) {
  struct nvt_ring_shared *shared = ring->shared;
  uint64_t count = atomic_load_explicit(&shared->boundaries, memory_order_relaxed);
  uint64_t last = atomic_load_explicit(&shared->boundary[(count - 1) % NVT_RING_BOUNDARIES],
                                       memory_order_relaxed);
  if (count != 0 && ring->head - last < (ring->mask + 1) / 4)
    return;
  atomic_store_explicit(&shared->boundary[count % NVT_RING_BOUNDARIES], ring->head,
                        memory_order_relaxed);
  atomic_store_explicit(&shared->boundaries, count + 1, memory_order_release);
}

bool nvt_ring_refresh(struct nvt_ring *ring, size_t length) {
  note_boundary(ring);
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

/* The slot of a controller; a new one's is stored before it is told to be one. */
static struct nvt_ring_loss *loss_slot(struct nvt_ring *ring, uint16_t controller) {
  for (unsigned i = 0; i < NVT_RING_LOSSES; i++) {
    struct nvt_ring_loss *slot = &ring->shared->loss[i];
    if (slot->used != 0 && slot->controller != controller)
      continue;
    slot->controller = controller;
    slot->used = 1;
    return slot;
  }
  return NULL;
}

/* The process may be killed between any two stores: a count belongs to the first_seq beside it, or
 * it is 0. */
void nvt_ring_note_loss(struct nvt_ring *ring, const struct nvt_ring_loss *loss) {
  struct nvt_ring_loss *slot = loss_slot(ring, loss->controller);
  if (slot == NULL)
    return;
  if (slot->first_seq != loss->first_seq) {
    atomic_store_explicit(&slot->count, 0, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    slot->first_seq = loss->first_seq;
    slot->first_ns = loss->first_ns;
  }
  slot->last_ns = loss->last_ns;
  slot->epoch = loss->epoch;
  slot->pci_address = loss->pci_address;
  slot->thread = loss->thread;
  atomic_store_explicit(&slot->count, loss->count, memory_order_release);
}

bool nvt_ring_identify(int fd, struct nvt_ring_output *out) {
  struct statx status;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status) != 0 ||
      !S_ISREG(status.stx_mode))
    return false;
  out->device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
  out->inode = status.stx_ino;
  out->born_ns = 0;
  if ((status.stx_mask & STATX_BTIME) != 0)
    out->born_ns = (uint64_t)status.stx_btime.tv_sec * 1000000000u + status.stx_btime.tv_nsec;
  return true;
}

void nvt_ring_set_output(struct nvt_ring *ring, const char *path, int fd, enum nvt_ring_mode mode) {
  if (ring->path == NULL)
    return;
  uint32_t turn = atomic_load_explicit(&ring->shared->turn, memory_order_relaxed) + 1;
  struct nvt_ring_output *output = &ring->shared->output[turn % 2];
  char *absolute = realpath(path, NULL);
  *output = (struct nvt_ring_output){.mode = NVT_RING_NO_FILE};
  if (absolute != NULL && strlen(absolute) < NVT_RING_PATH && nvt_ring_identify(fd, output)) {
    memcpy(output->path, absolute, strlen(absolute) + 1);
    output->mode = mode;
  }
  free(absolute);
  atomic_store_explicit(&ring->shared->turn, turn, memory_order_release);
}
