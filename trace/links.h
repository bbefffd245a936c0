/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session knows of queues and of a controller's states beyond one command: a queue's life
 * from its Create to its Delete, and resets, enabling and shutdown with what came of them. Part of
 * session.h. Record numbers: 0 where there is none in the trace.
 */
#ifndef NVT_TRACE_LINKS_H
#define NVT_TRACE_LINKS_H

#include <stdbool.h>
#include <stdint.h>

/* A record seen: number 0 when there was none. */
struct nvt_moment {
  uint64_t record; /* number */
  uint64_t time_ns;
};

enum nvt_queue_end {
  NVT_QUEUE_THERE,
  NVT_QUEUE_DELETED, /* by its Delete command */
  NVT_QUEUE_RESET,   /* with its controller */
  NVT_QUEUE_UNTRACED /* it was created again, or tracing was stopped */
};

/* A queue from its creation on; fills in as the trace goes on. */
struct nvt_queue_life {
  uint64_t created;    /* its Create command, of admin queues the write of CC.EN = 1 */
  uint64_t cq_created; /* of a submission queue: its completion queue's */
  uint64_t ended;      /* the Delete command, the reset or whatever ended it */
  enum nvt_queue_end end;
  uint16_t qid;
  bool is_cq;
  uint64_t first; /* command fetched from it, or completion posted to it */
  uint64_t last;
  uint64_t count;
  /* Of a completion queue, in a session that keeps: submission queues that were created to use it,
   * in order. */
  struct nvt_queue_life *first_sq;
  struct nvt_queue_life *last_sq;
  struct nvt_queue_life *next_sq; /* of the same completion queue */
};

enum nvt_change_kind {
  NVT_CHANGE_RESET,    /* CC.EN 1 to 0, or another reset; done when CSTS.RDY = 0 was read */
  NVT_CHANGE_ENABLE,   /* CC.EN 0 to 1; done when the controller was ready */
  NVT_CHANGE_SHUTDOWN, /* CC.SHN; done when the shutdown was complete */
  NVT_CHANGE_COUNT
};

/* A change of the controller's state, and what came of it. */
struct nvt_change {
  enum nvt_change_kind kind;
  struct nvt_moment at;   /* the write that asked for it, or the event that it is */
  struct nvt_moment done; /* first told, by an event or in CSTS as the host read it */
  bool told;              /* by an event */
  bool read;              /* by CSTS */
  uint64_t count;         /* of a reset: commands that it ended without a completion */
  uint64_t first;         /* of them by their fetch */
  uint64_t last;
};

#endif
