/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory of a replay: windows of anonymous memory that take room only where
 * they are touched, so that a guest of 100 GiB replays on a small machine.
 */
#ifndef NVT_REPLAY_MEMORY_H
#define NVT_REPLAY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVT_MEMORY_WINDOWS_MAX 8192u
#define NVT_MEMORY_TOTAL_MAX (UINT64_C(16) << 40) /* bytes of address space, all windows */
/* Bytes touched until pages are given back. */
#define NVT_MEMORY_RESIDENT_MAX (UINT64_C(24) << 20)

struct nvt_memory; /* one thread at a time */

/* Shared: each window is a memfd, which a target in another process can be given, and keeps what
 * is in it until it is unmapped. 0 or -ENOMEM. */
int nvt_memory_create(bool shared, struct nvt_memory **out);
void nvt_memory_destroy(struct nvt_memory *); /* NULL is fine */

/* Where a window is: in this process and, where memory is shared, at the start of a memfd. */
struct nvt_memory_place {
  void *host;
  int fd; /* borrowed; -1: not shared */
};
/* Make [iova, iova + len) and store where it is. -EEXIST: overlaps a window;
 * -EINVAL: empty or wraps; -E2BIG: beyond the limits above; -ENOMEM, -EMFILE. */
int nvt_memory_map(struct nvt_memory *, uint64_t iova, uint64_t len, struct nvt_memory_place *);
/* Remove every window wholly inside [iova, iova + len); how many there were. No
 * pointer into them may be used afterwards: tell the target first. */
size_t nvt_memory_unmap(struct nvt_memory *, uint64_t iova, uint64_t len);
/* Is the byte at iova in a window? */
bool nvt_memory_has(const struct nvt_memory *, uint64_t iova);
/* Copy into guest memory, over windows that adjoin. False when a byte isn't in
 * any; what came before it is written. */
bool nvt_memory_write(struct nvt_memory *, uint64_t iova, const void *bytes, size_t len);
/* `bytes` of guest memory were, or are about to be, touched by the target. */
void nvt_memory_touched(struct nvt_memory *, uint64_t bytes);
/* Between commands: give pages back once more than NVT_MEMORY_RESIDENT_MAX were
 * touched. All guest memory may then read as zeroes. */
void nvt_memory_relax(struct nvt_memory *);

#endif
