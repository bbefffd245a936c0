/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plug-in host's part of the device thread: work that other threads hand over, and
 * timers. nvt_controller_poll() of any controller of the host runs what is due, outside
 * of all callbacks; nvt_controller_event_fd() becomes readable when there is some.
 */
#ifndef NVT_CONTROLLER_HOST_H
#define NVT_CONTROLLER_HOST_H

#include <stddef.h>
#include <stdint.h>

struct nvt_plugin_host; /* controller/tap.h */
struct nvt_controller;

/* Any thread: run call(arg) in the device thread, in the order of posting. `owner`: any
 * pointer, for nvt_host_forget(). -ENOMEM; -ESHUTDOWN after nvt_host_close(). */
int nvt_host_post(struct nvt_plugin_host *, const void *owner, void (*call)(void *arg), void *arg);
/* The same with a copy of arg, `size` bytes, that call() gets and doesn't free. */
int nvt_host_post_copy(struct nvt_plugin_host *, const void *owner, void (*call)(void *arg),
                       const void *arg, size_t size);
/* Any thread but the device thread: the same, and wait until it was run. 0; -ESHUTDOWN: it
 * was not run, and won't be. */
int nvt_host_call(struct nvt_plugin_host *, void (*call)(void *arg), void *arg);
/* From now on nothing is taken any more; who waits in nvt_host_call() is told. For the
 * device thread, when it stops polling. */
void nvt_host_close(struct nvt_plugin_host *);

/* Device thread: once, ns nanoseconds from now. *id (may be NULL) is never 0 and never used
 * twice. -ENOSPC over 65536 timers, -ENOMEM. */
int nvt_host_timer_start(struct nvt_plugin_host *, const void *owner, uint64_t ns,
                         void (*call)(void *arg), void *arg, uint64_t *id);
/* The same with a copy of arg, at most NVT_TIMER_COPY bytes, that call() gets. */
#define NVT_TIMER_COPY 32u
int nvt_host_timer_start_copy(struct nvt_plugin_host *, const void *owner, uint64_t ns,
                              void (*call)(void *arg), const void *arg, size_t size, uint64_t *id);
/* -ENOENT: it was called, stopped, or never was. */
int nvt_host_timer_stop(struct nvt_plugin_host *, uint64_t id);
/* Device thread: call ready(arg) whenever the descriptor is readable, level triggered, as
 * posts are run. Borrowed; to be taken out before it is closed. 0 or -errno. */
int nvt_host_watch(struct nvt_plugin_host *, const void *owner, int fd, void (*ready)(void *arg),
                   void *arg);
int nvt_host_unwatch(struct nvt_plugin_host *, int fd);
/* Device thread: run what one owner has posted, now. */
void nvt_host_run(struct nvt_plugin_host *, const void *owner);
/* Device thread: forget the posts, timers and descriptors of one owner. */
void nvt_host_forget(struct nvt_plugin_host *, const void *owner);

/* Device thread: the i-th controller of the host, from 0; NULL: there are no more. */
struct nvt_controller *nvt_host_controller(const struct nvt_plugin_host *, unsigned i);
/* The one that a command's handle is of, or NULL. */
struct nvt_controller *nvt_host_controller_of(const struct nvt_plugin_host *, uint64_t handle);
/* The one at a PCI address, or NULL. */
struct nvt_controller *nvt_host_controller_at(const struct nvt_plugin_host *, uint32_t pci_address);

#endif
