/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A replay's target: something that has an NVMe controller in it. The engine
 * re-issues what the host did through nvt_target_ops; the target tells what its
 * controller did through nvt_observer, in the order in which it happened, from
 * inside the calls of nvt_target_ops and at no other time. Bodies of trace records
 * are the common currency. A new target is one file and one row in target.c.
 */
#ifndef NVT_REPLAY_TARGET_H
#define NVT_REPLAY_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/memory.h"
#include "trace/meta.h"
#include "trace/record.h"

struct nvt_sender; /* controller/driver/sender.h */
struct nvt_sender_setup;
struct nvt_target; /* of each kind's own; one thread at a time */

/* What is to be done with a command that was fetched. */
enum nvt_fetch_wish {
  NVT_WISH_EXECUTE,
  NVT_WISH_COMPLETE, /* don't execute, complete with *cqe: a plug-in did so in the recording */
  NVT_WISH_DROP,     /* never complete */
};

struct nvt_observer {
  void *ctx;
  /* A command was fetched and isn't executed yet. *sqe may be changed: it is what
   * will be executed. `handle` names the command from now on. */
  enum nvt_fetch_wish (*fetched)(void *ctx, uint64_t handle, struct nvt_rec_command *,
                                 struct nvt_cqe *cqe);
  /* A command has been executed; true: keep its completion until release(). */
  bool (*finished)(void *ctx, uint64_t handle, const struct nvt_cqe *cqe);
  /* Bytes moved for a command; borrowed until it returns. */
  void (*moved)(void *ctx, const struct nvt_rec_data *, const uint8_t *bytes);
  /* A completion is about to be visible to the host, phase bit and all. */
  void (*posted)(void *ctx, const struct nvt_rec_completion *);
  void (*interrupt)(void *ctx, const struct nvt_rec_interrupt *);
  void (*event)(void *ctx, const struct nvt_rec_event *);
  /* Is the host listening to this vector? Asked where only the host's side knows. */
  bool (*listening)(void *ctx, uint16_t vector);
};

/* Where a drive has what the trace names otherwise. */
#define NVT_REMAP_NAMESPACES 64u
struct nvt_remap {
  struct {
    uint32_t from, to; /* namespace identifiers, of the trace and of the drive */
  } namespaces[NVT_REMAP_NAMESPACES];
  uint32_t count;
  uint64_t lba_offset; /* blocks, added to the trace's in each namespace */
};

/* How the target is to look; borrowed until open() returns. */
struct nvt_target_setup {
  uint16_t controller; /* number in the trace */
  uint32_t pci_address;
  const struct nvt_rec_meta *meta;
  const struct nvt_meta *details;
  const char *address;                   /* of the target, as given; NULL: none */
  const struct nvt_remap *remap;         /* of a target that takes whole commands; else NULL */
  const struct nvt_sender_setup *sender; /* of a driven one; else NULL */
  bool pin;                              /* the host's side took the INTx pin */
  const struct nvt_observer *observer;   /* copied */
};

/* Functions return 0 or -errno unless said otherwise. */
struct nvt_target_ops {
  const char *name;    /* for --target */
  const char *address; /* what follows the name and a colon, for people; NULL: nothing does */
  const char *summary; /* one line */
  /* Only what a host sees of it is seen: registers, its memory, interrupts. Its memory is to be
   * shared, and what else differs is excused (replay/exceptions.def, UNSEEN). */
  bool outside;
  bool plans;      /* nothing is executed: nvt_plan_make() (replay/plan.h) */
  bool own_medium; /* made for the replay, and gone with it: preloaded always, and as the trace's */
  bool own_config; /* its configuration space is another than the recorded one's */
  /* False with a message for a person in why. */
  bool (*open)(const struct nvt_target_setup *, struct nvt_target **out, char *why, size_t whylen);
  void (*close)(struct nvt_target *);
  /* One aligned access of 1, 2, 4 or 8 bytes; offset and space as in the record.
   * *flags: REFUSED as in the record. -ERANGE when the target doesn't have that place. */
  int (*read)(struct nvt_target *, uint8_t space, uint64_t offset, uint8_t size, uint64_t *value,
              uint8_t *flags);
  int (*write)(struct nvt_target *, uint8_t space, uint64_t offset, uint8_t size, uint64_t value,
               uint8_t *flags);
  int (*dma_map)(struct nvt_target *, uint64_t iova, uint64_t len, const struct nvt_memory_place *,
                 bool readable, bool writable);
  int (*dma_unmap)(struct nvt_target *, uint64_t iova, uint64_t len);
  /* Entries of its MSI-X table; 0: it has none. NULL: as the recorded one. */
  uint32_t (*vectors)(struct nvt_target *);
  /* Fetch and start the next command of a queue: 1, 0 when it has none, -ENOENT no such queue. */
  int (*step)(struct nvt_target *, uint16_t sqid);
  /* Let everything happen that can happen without a further fetch. */
  void (*settle)(struct nvt_target *);
  /* Interrupts that the target owes are sent now. */
  void (*flush_interrupts)(struct nvt_target *);
  /* Post a completion that `finished` kept. -ENOENT: a reset took it. */
  int (*release)(struct nvt_target *, uint64_t handle);
  /* Before the guest could have written there: these bytes are on the medium. */
  /* NULL: can't be. */
  int (*preload)(struct nvt_target *, uint32_t nsid, uint64_t offset, const void *bytes,
                 size_t len);
  /* What comes from outside the registers: attach, detach, resets, interrupt
   * set-up, a namespace removed. -ENOTSUP when the target can't. */
  int (*happen)(struct nvt_target *, const struct nvt_rec_event *);
  /* What a plug-in caused in the recording, as its record says: by the verdict's tap a
   * completion, an interrupt, a fatal status, a removal or return, or the asynchronous event
   * that a completion tells of. NULL, or -ENOTSUP: the target can't. */
  int (*inject)(struct nvt_target *, uint8_t tap, const struct nvt_record *);
  /* The controller is in the middle of a session, as a record with the flag SNAPSHOT says, after
   * registers and the MSI-X table were written: a queue state; a command that is under way, its
   * entry is in its slot, and `fetched` is told of it; a completion that no interrupt has told of
   * yet, and an interrupt that has told of those of its vector. NULL, or -ENOTSUP: the target
   * can't. */
  int (*restore)(struct nvt_target *, const struct nvt_record *);
  /* Of a target that takes whole commands: it has this, open, close and preload, and nothing else.
   * Send one and wait for its answer; `length` bytes to or from the host, page-aligned. -ENXIO: it
   * has no such namespace. */
  int (*pass)(struct nvt_target *, bool admin, const struct nvt_sqe *, void *data, uint32_t length,
              nvt_status *status, uint32_t *dw0);
  /* Of one that takes many of them at a time: who sends them, and lives as long as the target. */
  struct nvt_sender *(*sender)(struct nvt_target *);
  /* The same target with the built-in driver as its host: it has sender() and what goes with
   * pass(). NULL: it can't be had so. */
  const struct nvt_target_ops *driven;
  /* A namespace more; 0 too when it is there already. */
  int (*add_namespace)(struct nvt_target *, const struct nvt_meta_namespace *);
};

/* Does it take each step of a host's, and not whole commands or none? */
static inline bool nvt_target_takes_steps(const struct nvt_target_ops *ops) {
  return ops->pass == NULL && !ops->plans;
}

/* By "name" or "name:address"; *address, if not NULL, is set to the latter, or NULL. NULL when
 * there is none, or it wants an address and has none, or the other way round. */
const struct nvt_target_ops *nvt_target_find(const char *name, const char **address);
/* The index-th, or NULL. */
const struct nvt_target_ops *nvt_target_at(size_t index);

#endif
