/* SPDX-License-Identifier: BSD-2-Clause */
/* The plug-in as it runs. There is one in a copy of the library, and one thread calls it. */
#ifndef FAULT_FAULT_INT_H
#define FAULT_FAULT_INT_H

#include "plugin.h"
#include "plugins/fault/index.h"
#include "plugins/fault/marks.h"
#include "plugins/fault/rules.h"

#define FAULT_DEVICES 16u
#define FAULT_LOST_QUEUES 64u

/* What is wrong with one controller at the moment. */
struct fault_device {
  uint32_t bdf;
  bool used;
  bool stuck, stuck_at; /* CSTS.RDY */
  uint64_t stuck_timer;
  unsigned lost_count;
  uint32_t lost[FAULT_LOST_QUEUES]; /* completion queues whose next interrupt isn't sent */
};

struct fault_plugin {
  struct nplugin *self;
  struct fault_set set;
  struct fault_index index;
  struct fault_marks marks;
  struct fault_device devices[FAULT_DEVICES];
  bool acting, posting; /* what happens now is our own doing: on a controller, a completion */
};
extern struct fault_plugin fault;

/* NULL: there are FAULT_DEVICES others. */
struct fault_device *fault_device(uint32_t bdf);
/* A hit where it couldn't be done. */
void fault_failed(unsigned rule_number);

/* --- act.c: what NPLUGIN_… the callback returns --- */
int fault_act_early(struct fault_rule *, uint32_t bdf, struct nvme_command *,
                    struct nvme_completion *, uint32_t sqid);
int fault_act_late(struct fault_rule *, uint32_t bdf, struct nvme_completion *, uint32_t sqid);
/* A rule on registers or interrupts. */
int fault_act_elsewhere(struct fault_rule *, uint32_t bdf);

/* --- later.c: what is still to be done; gone with the plug-in --- */
/* Let the command go on in so many nanoseconds. at_completion: where it is held. */
int fault_later_continue(uint64_t handle, bool at_completion, uint64_t ns);
/* The command passes its completion once more, having been held there. */
bool fault_later_passes(uint64_t handle);
/* Post this, so many times, in so many nanoseconds; 0: as soon as the callback has ended. */
int fault_later_post(unsigned rule, uint32_t bdf, uint32_t cqid, const struct nvme_completion *,
                     uint32_t times, uint64_t ns);
int fault_later_return(unsigned rule, uint32_t bdf, uint64_t ns);
void fault_later_free(void);

/* --- taps.c --- */
/* Be on the taps that the rules need, and on no other. False: it couldn't. */
bool fault_taps_update(void);

#endif
