/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ram:SIZE: anonymous memory, taken when first written, given back when
 * deallocated; a terabyte is fine as long as little of it is written.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/namespace_int.h"

/* Below this, Write Zeroes is cheaper by memset than by faulting pages in again. */
#define ZERO_BY_MADVISE (1u << 20)

static int ram_open(struct nvt_namespace *ns, const char *argument, struct nvt_backend_loop **loop,
                    char *why, size_t whylen) {
  (void)loop;
  int failed = nvt_backend_size(ns, argument, why, whylen);
  if (failed)
    return failed;
  void *memory = mmap(NULL, ns->size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    failed = -errno;
    snprintf(why, whylen,
             "ram:%s: can't reserve that much address space (%s); take less, or file:PATH",
             argument, strerror(-failed));
    return failed;
  }
  ns->memory = memory;
  /* Where memory is plenty, fewer and larger pages: faults are what a first write costs. */
  uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
  if (ns->size <= machine / 8)
    (void)madvise(memory, ns->size, MADV_HUGEPAGE);
  return 0;
}

static void ram_close(struct nvt_namespace *ns) {
  if (ns->memory != NULL)
    munmap(ns->memory, ns->size);
}

static int ram_resize(struct nvt_namespace *ns, uint64_t bytes, char *why, size_t whylen) {
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  void *memory = mremap(ns->memory, ns->size, bytes, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) {
    int failed = errno == EINVAL ? -ENOMEM : -errno; /* more than there is at all */
    snprintf(why, whylen, "can't get address space for %" PRIu64 " bytes (%s); take less", bytes,
             strerror(-failed));
    return failed;
  }
  ns->memory = memory;
  /* The page where it ends stays: what is cut off of it must not come back when it grows. */
  if (bytes < ns->size && bytes % page != 0)
    memset(ns->memory + bytes, 0, page - bytes % page);
  return 0;
}

static void zero(struct nvt_namespace *ns, uint64_t offset, uint64_t length, bool give_back) {
  uint8_t *at = ns->memory + offset;
  if (give_back || length >= ZERO_BY_MADVISE) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)at, end = begin + length;
    uintptr_t first = (begin + page - 1) & ~(page - 1), last = end & ~(page - 1);
    if (first < last && madvise((uint8_t *)first, last - first, MADV_DONTNEED) == 0) {
      memset(at, 0, first - begin);
      memset((uint8_t *)last, 0, end - last);
      return;
    }
  }
  memset(at, 0, length);
}

static void ram_submit(struct nvt_namespace *ns, struct nvt_io *io) {
  uint8_t *at = ns->memory + io->offset;
  nvt_status status = NVT_SC_SUCCESS;
  switch (io->kind) {
  case NVT_IO_READ:
    for (unsigned i = 0; i < io->iovcnt; at += io->iov[i++].iov_len)
      memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
    break;
  case NVT_IO_WRITE:
    for (unsigned i = 0; i < io->iovcnt; at += io->iov[i++].iov_len)
      memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
    break;
  case NVT_IO_COMPARE:
    for (unsigned i = 0; i < io->iovcnt; at += io->iov[i++].iov_len)
      if (memcmp(at, io->iov[i].iov_base, io->iov[i].iov_len) != 0) {
        status = NVT_SC_COMPARE_FAILURE;
        break;
      }
    break;
  case NVT_IO_FLUSH:
    break;
  case NVT_IO_WRITE_ZEROES:
    zero(ns, io->offset, io->length, false);
    break;
  case NVT_IO_DEALLOCATE:
    zero(ns, io->offset, io->length, true);
    break;
  }
  io->done(io, status);
}

const struct nvt_backend nvt_backend_ram = {
    .kind = "ram",
    .open = ram_open,
    .close = ram_close,
    .submit = ram_submit,
    .resize = ram_resize,
};
