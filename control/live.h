/* SPDX-License-Identifier: BSD-2-Clause */
/* A live trace from the client's side: asked for, and waited for until it ends. */
#ifndef NVT_CONTROL_LIVE_H
#define NVT_CONTROL_LIVE_H

#include <stdbool.h>
#include <stdint.h>

struct nvt_client;

/* As the arguments of "trace open" in docs/control.md; NULL: the recorder's default. */
struct nvt_live_request {
  const char *data, *filter, *ring;
};

struct nvt_live_result {
  bool ok;         /* it ended as it should */
  bool refused;    /* it never began */
  char error[512]; /* where it didn't */
  char ended[32];  /* "closed", "reader", "recorder": docs/control.md */
  uint64_t records, lost, bytes;
};

/* Ask for a trace into `fd`, which is closed, and wait until it has ended: by itself, or by SIGINT,
 * SIGTERM or SIGHUP, which are blocked from here on. */
void nvt_live_run(struct nvt_client *, const struct nvt_live_request *, int fd,
                  struct nvt_live_result *);

#endif
