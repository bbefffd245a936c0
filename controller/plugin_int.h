/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What plug-ins of every kind have in common: plugin.c keeps them; a kind (plugin_local.c:
 * in this process; isolated.c: in its own) starts, calls and ends them.
 */
#ifndef NVT_CONTROLLER_PLUGIN_INT_H
#define NVT_CONTROLLER_PLUGIN_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/tap.h"

/* The owner (controller/host.h) of a plug-in's timers and posts is the plug-in; of the
 * releases of its commands it is its name: unloading forgets the ones and does the others. */

#define NVT_HOOKS_MAX 64u /* attachments of one plug-in */

struct nvt_plugin;

struct nvt_plugin_kind {
  const char *name; /* for a person: "in process" */
  /* Open plugin->path, call its setup(). On failure -errno with a message in why; end() and
   * close() are called then, too. */
  int (*start)(struct nvt_plugin *, char *why, size_t whylen);
  /* Call teardown() if setup() succeeded: the last call into the plug-in. */
  void (*end)(struct nvt_plugin *);
  /* Give back what the kind holds. Nobody calls the plug-in's hooks, timers and posts now. */
  void (*close)(struct nvt_plugin *);
  /* As plugin.h's control(). -ENOTSUP: the plug-in has none. */
  int (*control)(struct nvt_plugin *, const char *text, char *answer, size_t length);
  /* The callback of all its attachments; user: the struct nvt_hook. */
  nvt_tap_fn called;
};

struct nvt_hook {
  struct nvt_plugin *plugin;
  void *callback;                    /* of the plug-in: its own matter */
  struct nvt_attachment *attachment; /* NULL: free, or detached while the plug-in is disabled */
  enum nvt_tap_id tap;
  int32_t order;
  bool used;
};

struct nvt_plugin {
  struct nvt_plugin_host *host;
  struct nvt_plugin *next;
  const struct nvt_plugin_kind *kind;
  void *state; /* the kind's */
  char *name;  /* file's name without folder and ".so"; verdict records have it */
  char *path;  /* absolute */
  char *args;
  bool disabled, dead;
  char unknown[48]; /* what it wanted to attach to, and isn't there; empty: nothing */
  struct nvt_hook hooks[NVT_HOOKS_MAX];
};

/* Attach to a tap, by name. -ENOENT no such tap (loading is refused for it), -EINVAL a bad
 * order, -ENOSPC, -ENOMEM. */
int nvt_plugin_hook(struct nvt_plugin *, const char *tap, int32_t order, void *callback);
/* Detach all that the plug-in has on the tap. -ENOENT: nothing. */
int nvt_plugin_unhook(struct nvt_plugin *, const char *tap);

/* Load `spec` as a plug-in of this kind. `state` becomes plugin->state before start(). */
int nvt_plugin_load_kind(struct nvt_plugin_host *, const char *spec, const struct nvt_plugin_kind *,
                         void *state, char *why, size_t whylen);
/* It came to its end by itself: detach it for good, end what it holds by `completion` (NULL:
 * it goes on), tell of it in the trace. The plug-in stays in the list, disabled, until it
 * is unloaded. `event`: what it was being asked about, or NULL. */
void nvt_plugin_died(struct nvt_plugin *, const struct nvt_tap_event *event,
                     const struct nvt_cqe *completion, uint16_t cause);
/* A message for a person in why; returns error. */
int nvt_plugin_refuse(int error, char *why, size_t whylen, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* `cause` of nvt_plugin_died(): the status field of the verdict record. */
#define NVT_DIED_SIGNAL(n) ((uint16_t)(0x100u | ((unsigned)(n)&0xffu)))
#define NVT_DIED_EXIT(n) ((uint16_t)(0x200u | ((unsigned)(n)&0xffu)))
#define NVT_DIED_HANG ((uint16_t)0x300u)
#define NVT_DIED_SCRIBBLE ((uint16_t)0x400u)

#endif
