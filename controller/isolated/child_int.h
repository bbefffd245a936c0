/* SPDX-License-Identifier: BSD-2-Clause */
/* The child's side: what child.c (asked by the parent) and child_calls.c (plugin.h) share. */
#ifndef NVT_CONTROLLER_ISOLATED_CHILD_INT_H
#define NVT_CONTROLLER_ISOLATED_CHILD_INT_H

#include "controller/isolated/shared_int.h"

/* Exit status when the shared memory holds nonsense. */
#define NVT_ISOLATED_NONSENSE 121

extern struct isolated_shared *nvt_child_shared;

/* Main thread: have the parent do this; its reply. Questions that come before it are
 * answered. */
struct isolated_down nvt_child_call(struct isolated_up *call);
/* Any thread. 0; -ESHUTDOWN: the parent has gone. */
int nvt_child_note(const struct isolated_note *);
/* From now on the functions of plugin.h that need a controller ask the parent. */
void nvt_child_calls_install(void);

#endif
