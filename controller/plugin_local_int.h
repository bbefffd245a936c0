/* SPDX-License-Identifier: BSD-2-Clause */
/* What running a plug-in takes, in the controller's process or in its own. */
#ifndef NVT_CONTROLLER_PLUGIN_LOCAL_INT_H
#define NVT_CONTROLLER_PLUGIN_LOCAL_INT_H

#include "controller/plugin_int.h"

extern const struct nvt_plugin_kind nvt_plugin_local;

struct nvt_plugin_symbols {
  int (*setup)(void);
  int (*teardown)(void);
  int (*control)(const char *text, char *answer, size_t length); /* NULL: it has none */
};
/* Find what a plug-in exports, and see that it was built for this nvmetap. 0, or -ENOEXEC with
 * a message in why. */
int nvt_plugin_symbols(void *library, const char *path, struct nvt_plugin_symbols *, char *why,
                       size_t whylen);
/* Call `callback`, of the type of event->tap, with the event's fields; what it returned. */
int nvt_plugin_callback(void *callback, const struct nvt_tap_event *);
/* Call a timer's or posted function of the plug-in. */
void nvt_plugin_run(struct nvt_plugin *, void (*call)(void *arg), void *arg);

#endif
