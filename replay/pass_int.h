/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay into a target that takes whole commands: pass.c goes through the trace, pass_command.c
 * makes what is sent and judges what came of it, pass_order.c sends many at a time in dependency
 * order, pass_fits.c asks the target whether it has what the trace works on.
 */
#ifndef NVT_REPLAY_PASS_INT_H
#define NVT_REPLAY_PASS_INT_H

#include "replay/engine_int.h"

#define NVT_PASS_BYTES_MAX (UINT32_C(64) << 20) /* of one command */

enum nvt_pass_kind {
  NVT_PASS_NONE,   /* isn't sent */
  NVT_PASS_READS,  /* changes nothing */
  NVT_PASS_WRITES, /* to the medium */
  NVT_PASS_SETS,   /* an admin command that changes what later commands meet */
};

/* What is sent of a command. */
struct nvt_pass {
  struct nvt_replay_command *command;
  struct nvt_sqe sqe;
  uint32_t size;  /* bytes of its data */
  bool instead;   /* a Read instead of a Write */
  bool muted;     /* what comes of it isn't compared */
  uint32_t order; /* pass_order.c's number of it */
};

/* pass_command.c */
enum nvt_pass_kind nvt_pass_kind_of(const struct nvt_engine *, const struct nvt_replay_command *);
/* False: it can't be sent. */
bool nvt_pass_make(struct nvt_engine *, struct nvt_replay_command *, enum nvt_pass_kind,
                   struct nvt_pass *out);
/* What the host sends, into `buffer`. False: it isn't in the trace. */
bool nvt_pass_fill(struct nvt_engine *, const struct nvt_pass *, uint8_t *buffer);
/* It was answered, or not (-errno in `failed`): compare. `buffer` has what came. */
void nvt_pass_conclude(struct nvt_engine *, struct nvt_pass *, int failed, nvt_status, uint32_t dw0,
                       const uint8_t *buffer);
/* It wasn't sent. */
void nvt_pass_unsent(struct nvt_engine *, struct nvt_replay_command *);
/* Send it and wait, in pieces where the target doesn't take it at once (`most` bytes, 0: any).
 * False: it wasn't sent. */
bool nvt_pass_send(struct nvt_engine *, struct nvt_pass *, uint32_t most);

/* pass_fits.c */
/* After a Format NVM (nsid UINT32_MAX: of all): are the blocks still such ones? */
void nvt_pass_formatted(struct nvt_engine *, uint32_t nsid);

/* pass_order.c */
struct nvt_pass_order; /* of one engine with a driven target */
struct nvt_pass_order *nvt_pass_order_create(struct nvt_engine *); /* NULL: out of memory */
void nvt_pass_order_destroy(struct nvt_pass_order *);
/* The next of the trace. It isn't sent at once. */
void nvt_pass_order_add(struct nvt_pass_order *, struct nvt_replay_command *, enum nvt_pass_kind);
/* Send all and wait for it. */
void nvt_pass_order_drain(struct nvt_pass_order *);

#endif
