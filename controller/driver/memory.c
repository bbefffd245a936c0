/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's memory: one memfd, so that a device in another process can map it,
 * in one window that starts at NVT_DRIVE_IOVA. Queues first, then data.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/driver/driver_int.h"

size_t nvt_round_up(size_t size, size_t unit) {
  return (size + unit - 1) / unit * unit;
}

int nvt_arena_create(struct nvt_driver *d, size_t size) {
  size = nvt_round_up(size, 2u << 20);
  size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
  if (size > memory / 2)
    return nvt_driver_fail(d, ENOMEM,
                           "the workload needs %zu MiB of memory, more than half of this machine's;"
                           " take a smaller bs, depth or queues",
                           size >> 20);
  d->fd = memfd_create("nvmetap-driver", MFD_CLOEXEC);
  if (d->fd < 0 || ftruncate(d->fd, (off_t)size) != 0)
    return nvt_driver_fail(d, errno, "no memory for the driver: %s", strerror(errno));
  void *arena = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
  if (arena == MAP_FAILED)
    return nvt_driver_fail(d, errno, "no memory for the driver: %s", strerror(errno));
  d->arena = arena;
  d->arena_size = size;
  int failed = d->t->dma_map(d->t, NVT_DRIVE_IOVA, arena, size, d->fd, 0);
  if (failed)
    return nvt_driver_fail(d, -failed, "the device doesn't take the driver's memory: %s",
                           strerror(-failed));
  d->mapped = true;
  return 0;
}

void nvt_arena_destroy(struct nvt_driver *d) {
  if (d->mapped)
    (void)d->t->dma_unmap(d->t, NVT_DRIVE_IOVA, d->arena_size);
  if (d->arena != NULL)
    munmap(d->arena, d->arena_size);
  if (d->fd >= 0)
    close(d->fd);
  d->mapped = false;
  d->arena = NULL;
  d->fd = -1;
}

void *nvt_arena_take(struct nvt_driver *d, size_t size, uint64_t *iova) {
  void *memory = d->arena + d->arena_used;
  *iova = NVT_DRIVE_IOVA + d->arena_used;
  d->arena_used += nvt_round_up(size, d->page);
  return memory;
}

size_t nvt_prp_list_pages(size_t bytes, uint32_t page) {
  size_t pages = nvt_round_up(bytes, page) / page;
  if (pages <= 2)
    return 0;
  /* The last entry of each list page but the last leads to the next. */
  size_t entries = pages - 1, per_page = page / sizeof(uint64_t);
  return (entries - 1 + per_page - 2) / (per_page - 1);
}

void nvt_prp_make(struct nvt_sqe *sqe, uint64_t data_iova, size_t bytes, uint64_t *lists,
                  uint64_t lists_iova, uint32_t page) {
  size_t pages = nvt_round_up(bytes, page) / page, per_page = page / sizeof(uint64_t);
  sqe->prp1 = data_iova;
  sqe->prp2 = pages == 2 ? data_iova + page : 0;
  if (pages <= 2)
    return;
  sqe->prp2 = lists_iova;
  size_t at = 0;
  for (size_t i = 1; i < pages; i++) {
    bool last_place = at % per_page == per_page - 1;
    if (last_place && i + 1 < pages) {
      lists[at] = lists_iova + (at + 1) * sizeof(uint64_t);
      at++;
    }
    lists[at++] = data_iova + i * page;
  }
}
