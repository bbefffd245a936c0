/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands under way, by controller, queue and identifier: a bounded table. Where more are under
 * way than it holds, the oldest is forgotten.
 */
#ifndef NVT_CAPTURE_COMMANDS_INT_H
#define NVT_CAPTURE_COMMANDS_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/record.h"

#define NVT_COMMANDS_MAX 16384u

struct nvt_kept_command {
  uint64_t ns; /* when it was fetched */
  struct nvt_rec_command body;
};

struct nvt_commands; /* opaque; one thread's */

struct nvt_commands *nvt_commands_create(void); /* NULL: no memory */
void nvt_commands_destroy(struct nvt_commands *);
/* The youngest from now on, in place of one with the same key. */
void nvt_commands_put(struct nvt_commands *, uint16_t controller, uint16_t sqid, uint16_t cid,
                      const struct nvt_kept_command *);
bool nvt_commands_has(struct nvt_commands *, uint16_t controller, uint16_t sqid, uint16_t cid);
/* Take it out. False: it isn't there. */
bool nvt_commands_take(struct nvt_commands *, uint16_t controller, uint16_t sqid, uint16_t cid,
                       struct nvt_kept_command *);

#endif
