/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live traces: further traces of a recorder that runs, each with a tap, a ring and a thread of its
 * own, written to a descriptor that a client has sent. A reader that is slow loses records, which
 * are counted in its trace; it never holds up the device.
 *
 * A trace ends when its reader has gone, its client hangs up, nvt_live_close() says so, or the
 * recorder ends: what is in the ring is written then, as long as the reader takes some of it every
 * two seconds.
 */
#ifndef NVT_CAPTURE_LIVE_H
#define NVT_CAPTURE_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/control.h"

#define NVT_LIVE_MAX 8u /* at a time */

struct nvt_plugin_host;
struct nvt_live; /* opaque */

/* 0, -ENOMEM. The host is borrowed. */
int nvt_live_create(struct nvt_plugin_host *, struct nvt_live **out);
/* Device thread, after nvt_host_close() and when nobody calls the functions below any more: ends
 * all of them. NULL is fine. */
void nvt_live_destroy(struct nvt_live *);

/* As the functions of struct nvt_control_target, with it as ctx. */
int nvt_live_open(void *live, const struct nvt_control_open *, uint32_t *id, char *why,
                  size_t whylen);
void nvt_live_begin(void *live, uint32_t id, int connection);
int nvt_live_close(void *live, uint32_t id);
bool nvt_live_info(void *live, unsigned i, struct nvt_control_live *);

#endif
