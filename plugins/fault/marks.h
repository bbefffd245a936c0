/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands whose data is to be corrupted when it passes: from decode to the next command of
 * that queue and id. */
#ifndef FAULT_MARKS_H
#define FAULT_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/fault/rules.h"

#define FAULT_MARKS_MAX 65536u

struct fault_mark {
  struct fault_mark *next;
  uint32_t bdf, sqid;
  uint16_t cid;
  struct fault_action action;
  uint64_t passed[2]; /* bytes from and to the host */
};

struct fault_marks {
  struct fault_mark *buckets[256];
  size_t count;
};

/* False: no memory, or FAULT_MARKS_MAX are there. A command may have several. */
bool fault_mark_add(struct fault_marks *, uint32_t bdf, uint32_t sqid, uint16_t cid,
                    const struct fault_action *);
/* A new command of this queue and id: what marks there were are an older one's. */
void fault_mark_forget(struct fault_marks *, uint32_t bdf, uint32_t sqid, uint16_t cid);
/* length more bytes of the command's data pass. data() gives them, to be changed, and is
 * called only when there is something to change. direction: 1 from, 2 to the host. */
void fault_marks_apply(struct fault_marks *, uint32_t bdf, uint32_t sqid, uint16_t cid,
                       uint32_t direction, size_t length, void *(*data)(void));
void fault_marks_free(struct fault_marks *);

#endif
