/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the tap host: shared by tap.c (firing), plugin.c (loading) and host.c (work). */
#ifndef NVT_CONTROLLER_TAP_INT_H
#define NVT_CONTROLLER_TAP_INT_H

#include <pthread.h>

#include "controller/tap.h"

#define NVT_HOST_CONTROLLERS 16u
#define NVT_HANDLE_SLOT 16 /* bit of a command's handle where its controller's number is */

/* Which member of its event's union a tap has: the column of taps.def. */
enum nvt_tap_member {
  NVT_MEMBER_access,
  NVT_MEMBER_interrupt,
  NVT_MEMBER_command,
  NVT_MEMBER_data,
  NVT_MEMBER_shadow,
  NVT_MEMBER_event,
  NVT_MEMBER_verdict,
  NVT_MEMBER_fetch
};
enum nvt_tap_member nvt_tap_member(enum nvt_tap_id);

struct nvt_attachment {
  nvt_tap_fn fn;
  void *user;
  const char *plugin;
  int32_t order;
  enum nvt_tap_id tap;
  bool dead; /* detached while callbacks run: not called any more, freed when they are done */
  struct nvt_attachment *next_dead;
};

/* Who is on one tap, in order. Never changed: replaced as a whole, so that a
 * callback may attach and detach while its own list is being walked. */
struct tap_list {
  uint32_t count;
  struct tap_list *next_dead;
  struct nvt_attachment *at[];
};

struct nvt_plugin;
struct nvt_host_job;
struct nvt_host_timer;
struct nvt_host_watch;

struct nvt_plugin_host {
  uint32_t counts[NVT_TAP_COUNT + 1]; /* and all together */
  uint32_t deciders[NVT_TAP_COUNT];   /* of counts, those that aren't observers */
  /* There is work for nvt_host_work(): jobs, or a timer is running. Any thread sets it. */
  bool busy;
  struct tap_list *lists[NVT_TAP_COUNT];
  unsigned depth; /* of nvt_tap_fire() */
  struct tap_list *dead_lists;
  struct nvt_attachment *dead_attachments;
  struct nvt_plugin *plugins; /* last loaded first */
  struct nvt_controller *controllers[NVT_HOST_CONTROLLERS];

  int epoll, wake, timerfd; /* wake: an eventfd */
  pthread_mutex_t lock;     /* of what stands between here and `timers` */
  pthread_cond_t ran;
  struct nvt_host_job *first, **last;
  bool closed, working;
  struct nvt_host_timer *timers; /* a heap, soonest first; the device thread's */
  uint32_t timer_count, timer_capacity;
  uint64_t timer_last, timer_armed; /* last id; what timerfd is set to, ns */
  struct nvt_host_watch *watches;
};

/* The tap called so, NVT_TAP_COUNT when there is none. */
enum nvt_tap_id nvt_tap_find(const char *name);
void nvt_plugins_unload(struct nvt_plugin_host *);
/* Fill in what a verdict is about: tap, queue, command, status. */
void nvt_tap_subject(const struct nvt_tap_event *about, struct nvt_tap_event *verdict);
/* Tell the VERDICT tap what `by` did about this event. */
void nvt_tap_announce(struct nvt_plugin_host *, const struct nvt_tap_event *, const char *by,
                      uint8_t verdict);

/* host.c */
int nvt_host_start(struct nvt_plugin_host *);
void nvt_host_stop(struct nvt_plugin_host *);
/* Device thread: what was handed over, and timers that are due. The number of things done. */
unsigned nvt_host_work(struct nvt_plugin_host *);
/* The host's descriptor is readable when this one is; until it is closed. */
int nvt_host_wakes(struct nvt_plugin_host *, int fd);
/* The controller's number, below NVT_HOST_CONTROLLERS; -ENOSPC. */
int nvt_host_add(struct nvt_plugin_host *, struct nvt_controller *);
void nvt_host_remove(struct nvt_plugin_host *, const struct nvt_controller *);

/* complete.c: what this plug-in (its name's pointer) holds goes on, or is completed with
 * `completion`. */
void nvt_release_holder(struct nvt_controller *, const char *holder,
                        const struct nvt_cqe *completion);

#endif
