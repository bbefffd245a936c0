/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the tap host: shared by tap.c (firing) and plugin.c (loading). */
#ifndef NVT_CONTROLLER_TAP_INT_H
#define NVT_CONTROLLER_TAP_INT_H

#include "controller/tap.h"

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

struct nvt_plugin_host {
  uint32_t counts[NVT_TAP_COUNT];
  struct tap_list *lists[NVT_TAP_COUNT];
  unsigned depth; /* of nvt_tap_fire() */
  struct tap_list *dead_lists;
  struct nvt_attachment *dead_attachments;
  struct nvt_plugin *plugins; /* last loaded first */
};

/* The tap called so, NVT_TAP_COUNT when there is none. */
enum nvt_tap_id nvt_tap_find(const char *name);
void nvt_plugins_unload(struct nvt_plugin_host *);

#endif
