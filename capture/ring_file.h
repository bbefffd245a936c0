/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings that outlive their process: files in shared memory, PID-N.ring in a directory of the
 * user's own, which a clean end removes. The process that has one holds a record lock on it
 * (fcntl(2), F_SETLK): the kernel gives it up when the last of its threads is gone, children don't
 * inherit it, and it tells across PID namespaces. So what isn't locked has no owner any more.
 */
#ifndef NVT_CAPTURE_RING_FILE_H
#define NVT_CAPTURE_RING_FILE_H

#include <stddef.h>
#include <stdint.h>

struct nvt_ring;

#define NVT_RING_SUFFIX ".ring"
#define NVT_RING_DIRECTORY_PATH 512u

/* Open the directory: what the environment's NVMETAP_RINGS names, else /dev/shm/nvmetap-UID, made
 * when it isn't there. A descriptor, its path in `path`; or -errno with a reason in why, of a
 * directory that isn't this user's alone (mode 0700) too. */
int nvt_ring_directory(char path[NVT_RING_DIRECTORY_PATH], char *why, size_t whylen);

/* A ring there (capture/ring.h). Its memory is allocated now: nobody dies of SIGBUS later.
 * `session`: the same for all rings of one file, else random (nvt_ring_session()). 0; -EINVAL;
 * -ENOSPC: shared memory is too small for it; or another -errno: it can't be had here. Each but
 * -EINVAL with a reason in why.
 *
 * The lock would go if this process opened the file once more and closed it. */
int nvt_ring_create_named(uint64_t size, uint64_t session, struct nvt_ring **out, char *why,
                          size_t whylen);
uint64_t nvt_ring_session(void);

#endif
