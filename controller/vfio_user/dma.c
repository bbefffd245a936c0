/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the guest. A window that comes without a descriptor (QEMU sends ROMs
 * so) is accepted, and never told to the device: there is no access to it, so a
 * command that names it fails with Data Transfer Error. DMA_READ and DMA_WRITE
 * messages aren't sent.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "controller/vfio_user/session_int.h"
#include "controller/vfio_user/sigbus_int.h"

#define PAGE 4096u

/* Index of the first window that ends above iova. */
static size_t find(const struct nvt_vfio_dma *d, uint64_t iova) {
  size_t low = 0, high = d->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct nvt_vfio_window *w = &d->windows[middle];
    if (w->iova + (w->length - 1) < iova)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Pages of huge files can be mapped only whole. */
static size_t page_of(int fd) {
  struct statfs fs;
  if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > (long)PAGE)
    return (size_t)fs.f_bsize;
  return PAGE;
}

static int map_file(struct nvt_vfio_window *w, int fd, uint64_t offset, bool writable) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return -errno;
  uint64_t end;
  if (__builtin_add_overflow(offset, w->length, &end) || end > INT64_MAX)
    return -EINVAL;
  /* The part behind the end of a file can't be touched. Devices (DAX) have no size. */
  if (S_ISREG(st.st_mode) ? st.st_size < 0 || end > (uint64_t)st.st_size : !S_ISCHR(st.st_mode))
    return -EINVAL;
  size_t page = page_of(fd);
  uint64_t from = offset - offset % page;
  uint64_t length = end - from;
  if (length > SIZE_MAX - page)
    return -EINVAL;
  w->map_length = (size_t)length + (page - (size_t)(length % page)) % page;
  w->map = mmap(NULL, w->map_length, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                MAP_SHARED | MAP_NORESERVE, fd, (off_t)from);
  if (w->map == MAP_FAILED)
    return -errno;
  w->host = (uint8_t *)w->map + (offset - from);
  int error = nvt_sigbus_guard(w->map, w->map_length, page);
  if (error)
    munmap(w->map, w->map_length);
  return error;
}

static void unmap_file(struct nvt_vfio_window *w) {
  if (!w->host)
    return;
  nvt_sigbus_unguard(w->map);
  munmap(w->map, w->map_length);
}

static int grow(struct nvt_vfio_dma *d) {
  if (d->count < d->capacity)
    return 0;
  size_t capacity = d->capacity ? 2 * d->capacity : 16;
  void *bigger = realloc(d->windows, capacity * sizeof *d->windows);
  if (!bigger)
    return -ENOMEM;
  d->windows = bigger;
  d->capacity = capacity;
  return 0;
}

int nvt_vfio_dma_map(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                     struct nvt_vfio_reply *r) {
  (void)r;
  struct nvt_vfio_dma_map map;
  memcpy(&map, m->data, sizeof map);
  struct nvt_vfio_dma *d = &s->dma;
  uint64_t end;
  if (map.argsz < sizeof map || !map.flags ||
      (map.flags & ~(NVT_VFIO_DMA_READABLE | NVT_VFIO_DMA_WRITABLE)) || !map.size ||
      map.size % PAGE || map.address % PAGE || map.offset % PAGE ||
      __builtin_add_overflow(map.address, map.size - 1, &end))
    return -EINVAL;
  size_t at = find(d, map.address);
  if (at < d->count && d->windows[at].iova <= end)
    return -EEXIST;
  if (d->count >= s->caps.max_dma_maps)
    return -ENOSPC;
  int error = grow(d);
  if (error)
    return error;
  struct nvt_vfio_window w = {.iova = map.address, .length = map.size};
  if (m->fd_count) {
    bool writable = map.flags & NVT_VFIO_DMA_WRITABLE;
    error = map_file(&w, m->fds[0], map.offset, writable);
    if (error)
      return error;
    error = nvt_controller_dma_map(s->device, w.iova, w.length, w.host,
                                   map.flags & NVT_VFIO_DMA_READABLE, writable);
    if (error) {
      unmap_file(&w);
      return error;
    }
  }
  memmove(d->windows + at + 1, d->windows + at, (d->count - at) * sizeof *d->windows);
  d->windows[at] = w;
  d->count++;
  return 0;
}

void nvt_vfio_dma_drop(struct nvt_vfio_session *s) {
  nvt_controller_dma_unmap_all(s->device);
  for (size_t i = 0; i < s->dma.count; i++)
    unmap_file(&s->dma.windows[i]);
  free(s->dma.windows);
  s->dma = (struct nvt_vfio_dma){0};
}

int nvt_vfio_dma_unmap(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                       struct nvt_vfio_reply *r) {
  struct nvt_vfio_dma_unmap unmap;
  memcpy(&unmap, m->data, sizeof unmap);
  struct nvt_vfio_dma *d = &s->dma;
  if (unmap.argsz < sizeof unmap || (unmap.flags & ~NVT_VFIO_UNMAP_ALL))
    return -EINVAL;
  if (unmap.flags & NVT_VFIO_UNMAP_ALL) {
    if (unmap.address || unmap.size)
      return -EINVAL;
    nvt_vfio_dma_drop(s);
  } else {
    size_t at = find(d, unmap.address);
    if (at == d->count || d->windows[at].iova != unmap.address ||
        d->windows[at].length != unmap.size)
      return -ENOENT;
    if (d->windows[at].host) {
      int error = nvt_controller_dma_unmap(s->device, unmap.address, unmap.size);
      if (error)
        return error;
    }
    unmap_file(&d->windows[at]);
    d->count--;
    memmove(d->windows + at, d->windows + at + 1, (d->count - at) * sizeof *d->windows);
  }
  s->unmapped = true;
  memcpy(r->data, &unmap, sizeof unmap);
  r->length = sizeof unmap;
  return 0;
}
