/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolated plug-ins: one that runs in a process of its own, over shared memory, so that
 * its crash, its endless loop or its wild pointer ends with that process. docs/isolation.md
 * says what this protects against, and what it costs.
 */
#ifndef NVT_CONTROLLER_ISOLATED_ISOLATED_H
#define NVT_CONTROLLER_ISOLATED_ISOLATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_plugin_host; /* controller/tap.h */

/* What becomes of the commands that it holds or is deciding when it dies. */
enum nvt_death_policy {
  NVT_DEATH_CONTINUE, /* they go on as if it hadn't been there */
  NVT_DEATH_FAIL,     /* Internal Error */
};

#define NVT_ISOLATION_TIMEOUT_MIN 1000000ull /* ns */
#define NVT_ISOLATION_TIMEOUT_MAX 3600000000000ull
#define NVT_ISOLATION_TIMEOUT 1000000000ull /* the default */

struct nvt_isolation_options {
  enum nvt_death_policy policy;
  /* ns that a callback may take, 0: NVT_ISOLATION_TIMEOUT; setup() and teardown() have ten
   * times that. Who takes longer is killed. */
  uint64_t timeout;
  /* What runs `nvt_isolated_child()` when it is started as `program __plugin-process 3`;
   * NULL: this program itself. Copied. */
  const char *program;
};

/* As nvt_plugin_load(), in a process of its own. options NULL: the defaults. Device thread,
 * outside of callbacks. It is unloaded, listed and so on as any other. */
int nvt_plugin_load_isolated(struct nvt_plugin_host *, const char *spec,
                             const struct nvt_isolation_options *, char *why, size_t whylen);

/* The other side: what a program does that was started as above, for as long as the plug-in
 * lives. Returns its exit status; 2 with a message when it was started by somebody else. */
int nvt_isolated_child(int argc, char **argv);
#define NVT_ISOLATED_COMMAND "__plugin-process"

#endif
