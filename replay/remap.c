/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/remap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/ranges.h"

#define PRELOAD_BYTES 65536u

struct nvt_sqe nvt_remap_command(const struct nvt_remap *remap, bool admin,
                                 const struct nvt_sqe *was, void *data, uint32_t length) {
  struct nvt_sqe sqe = *was;
  uint64_t first, count;
  for (uint32_t i = 0; i < remap->count; i++)
    if (remap->namespaces[i].from == was->nsid)
      sqe.nsid = remap->namespaces[i].to;
  if (admin || remap->lba_offset == 0)
    return sqe;
  if (nvt_command_range_of(NVT_SET_NVM, sqe.opcode) == NVT_RANGE_ENTRY) {
    nvt_command_range(&sqe, &first, &count);
    /* One beyond the end stays there. */
    if (__builtin_add_overflow(first, remap->lba_offset, &first))
      first = UINT64_MAX;
    sqe.cdw10 = (uint32_t)first;
    sqe.cdw11 = (uint32_t)(first >> 32);
  } else if (sqe.opcode == NVT_NVM_DATASET_MANAGEMENT) {
    for (uint8_t *at = data; length >= NVT_DSM_RANGE_SIZE;
         at += NVT_DSM_RANGE_SIZE, length -= NVT_DSM_RANGE_SIZE) {
      memcpy(&first, at + 8, sizeof(first));
      if (__builtin_add_overflow(first, remap->lba_offset, &first))
        first = UINT64_MAX;
      memcpy(at + 8, &first, sizeof(first));
    }
  }
  return sqe;
}

uint32_t nvt_block_size(const struct nvt_meta *details, uint32_t nsid) {
  for (uint32_t i = 0; i < details->namespace_count; i++)
    if (details->namespaces[i].nsid == nsid)
      return details->namespaces[i].block_size;
  return 0;
}

int nvt_preload_by_writes(struct nvt_target *t, nvt_pass_fn *pass, uint32_t nsid, uint32_t size,
                          uint64_t offset, const void *bytes, size_t len) {
  nvt_status status = NVT_SC_SUCCESS;
  uint32_t dw0;
  if (size == 0 || offset % size != 0 || len < size)
    return -EINVAL;
  uint64_t first = offset / size, count = len / size;
  const uint8_t *from = bytes;
  int failed = 0;
  /* No more at once than any drive takes. */
  uint64_t most = PRELOAD_BYTES / size > 0 ? PRELOAD_BYTES / size : 1;
  void *buffer = NULL;
  if (posix_memalign(&buffer, 4096, (size_t)most * size) != 0)
    return -ENOMEM;
  for (uint64_t at = 0; at < count && failed == 0 && status == NVT_SC_SUCCESS; at += most) {
    uint64_t n = count - at < most ? count - at : most;
    const struct nvt_sqe sqe = {.opcode = NVT_NVM_WRITE,
                                .nsid = nsid,
                                .cdw10 = (uint32_t)(first + at),
                                .cdw11 = (uint32_t)((first + at) >> 32),
                                .cdw12 = (uint32_t)(n - 1)};
    memcpy(buffer, from + at * size, (size_t)n * size);
    failed = pass(t, false, &sqe, buffer, (uint32_t)(n * size), &status, &dw0);
  }
  free(buffer);
  return failed != 0 ? failed : status != NVT_SC_SUCCESS ? -EIO : 0;
}
