/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct window {
  uint64_t iova;
  uint64_t len;
  uint8_t *host;
  size_t mapped; /* bytes to unmap */
  int fd;        /* or -1 */
};

struct nvt_memory {
  struct window *windows; /* sorted by iova */
  size_t count;
  size_t room;
  uint64_t total;
  uint64_t touched; /* since pages were last given back */
  bool shared;
};

int nvt_memory_create(bool shared, struct nvt_memory **out) {
  *out = calloc(1, sizeof(**out));
  if (*out == NULL)
    return -ENOMEM;
  (*out)->shared = shared;
  return 0;
}

static void drop(const struct window *w) {
  munmap(w->host, w->mapped);
  if (w->fd >= 0)
    close(w->fd);
}

void nvt_memory_destroy(struct nvt_memory *memory) {
  if (memory == NULL)
    return;
  for (size_t i = 0; i < memory->count; i++)
    drop(&memory->windows[i]);
  free(memory->windows);
  free(memory);
}

/* Index of the first window that ends beyond iova. */
static size_t first_beyond(const struct nvt_memory *memory, uint64_t iova) {
  size_t low = 0, high = memory->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct window *w = &memory->windows[middle];
    if (w->len - 1 + w->iova < iova)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static struct window *find(const struct nvt_memory *memory, uint64_t iova) {
  size_t at = first_beyond(memory, iova);
  if (at == memory->count || memory->windows[at].iova > iova)
    return NULL;
  return &memory->windows[at];
}

/* 0 or -errno. */
static int make_window(const struct nvt_memory *memory, struct window *w) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  if (memory->shared) {
    flags = MAP_SHARED;
    w->fd = memfd_create("nvmetap-guest", MFD_CLOEXEC);
    if (w->fd < 0)
      return -errno;
    if (ftruncate(w->fd, (off_t)w->len) != 0) {
      int error = errno;
      close(w->fd);
      return -error;
    }
  }
  void *bytes = mmap(NULL, w->mapped, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, w->fd, 0);
  if (bytes == MAP_FAILED) {
    if (w->fd >= 0)
      close(w->fd);
    return -ENOMEM;
  }
  w->host = bytes;
  return 0;
}

int nvt_memory_map(struct nvt_memory *memory, uint64_t iova, uint64_t len,
                   struct nvt_memory_place *out) {
  uint64_t end;
  if (len == 0 || __builtin_add_overflow(iova, len - 1, &end))
    return -EINVAL;
  if (memory->count >= NVT_MEMORY_WINDOWS_MAX || len > NVT_MEMORY_TOTAL_MAX ||
      memory->total > NVT_MEMORY_TOTAL_MAX - len)
    return -E2BIG;
  size_t at = first_beyond(memory, iova);
  if (at < memory->count && memory->windows[at].iova <= end)
    return -EEXIST;
  if (memory->count == memory->room) {
    size_t room = memory->room != 0 ? memory->room * 2 : 16;
    struct window *bigger = reallocarray(memory->windows, room, sizeof(*bigger));
    if (bigger == NULL)
      return -ENOMEM;
    memory->windows = bigger;
    memory->room = room;
  }
  struct window made = {.iova = iova, .len = len, .mapped = (size_t)len, .fd = -1};
  int failed = make_window(memory, &made);
  if (failed)
    return failed;
  memmove(&memory->windows[at + 1], &memory->windows[at],
          (memory->count - at) * sizeof(*memory->windows));
  memory->windows[at] = made;
  memory->count++;
  memory->total += len;
  *out = (struct nvt_memory_place){.host = made.host, .fd = made.fd};
  return 0;
}

size_t nvt_memory_unmap(struct nvt_memory *memory, uint64_t iova, uint64_t len) {
  if (len == 0)
    return 0;
  uint64_t end = iova > UINT64_MAX - (len - 1) ? UINT64_MAX : iova + (len - 1);
  size_t kept = 0, gone = 0;
  for (size_t i = 0; i < memory->count; i++) {
    struct window w = memory->windows[i];
    if (w.iova >= iova && w.iova + (w.len - 1) <= end) {
      drop(&w);
      memory->total -= w.len;
      gone++;
    } else {
      memory->windows[kept++] = w;
    }
  }
  memory->count = kept;
  return gone;
}

bool nvt_memory_has(const struct nvt_memory *memory, uint64_t iova) {
  return find(memory, iova) != NULL;
}

bool nvt_memory_write(struct nvt_memory *memory, uint64_t iova, const void *bytes, size_t len) {
  const uint8_t *from = bytes;
  nvt_memory_touched(memory, len);
  while (len > 0) {
    struct window *w = find(memory, iova);
    if (w == NULL)
      return false;
    uint64_t offset = iova - w->iova;
    size_t here = w->len - offset < len ? (size_t)(w->len - offset) : len;
    memcpy(w->host + offset, from, here);
    from += here;
    len -= here;
    if (len > 0 && __builtin_add_overflow(iova, here, &iova))
      return false;
  }
  return true;
}

void nvt_memory_touched(struct nvt_memory *memory, uint64_t bytes) {
  memory->touched += bytes;
}

void nvt_memory_relax(struct nvt_memory *memory) {
  if (memory->touched < NVT_MEMORY_RESIDENT_MAX || memory->shared)
    return;
  memory->touched = 0;
  /* What fits below the limit stays: giving it back would only fault it in again. */
  if (memory->total <= NVT_MEMORY_RESIDENT_MAX)
    return;
  for (size_t i = 0; i < memory->count; i++)
    madvise(memory->windows[i].host, memory->windows[i].mapped, MADV_DONTNEED);
}
