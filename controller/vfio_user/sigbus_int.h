/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a client whose file it may cut short at any time. A load from or
 * store to a page that is gone raises SIGBUS; within a guarded range the page is
 * replaced by zeroes instead, and the process goes on.
 *
 * The handler is the process's, hence the table too: any thread may fault.
 */
#ifndef NVT_CONTROLLER_VFIO_USER_SIGBUS_INT_H
#define NVT_CONTROLLER_VFIO_USER_SIGBUS_INT_H

#include <stddef.h>

/* `start` and `length` are multiples of `granule`, the page size of the mapping.
 * 0 or -ENOMEM. */
int nvt_sigbus_guard(void *start, size_t length, size_t granule);
void nvt_sigbus_unguard(void *start);
/* Pages replaced since the process began. */
unsigned nvt_sigbus_count(void);

#endif
