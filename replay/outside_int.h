/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A controller seen from outside, by what a host sees: registers, its own memory, interrupts. What
 * is common to all targets of that kind; how its registers are reached is the transport's
 * (controller/driver/driver.h).
 *
 * The engine wants to step: so tail doorbells are only noted, and each step rings for one entry
 * more and waits for that command. What the controller answers is found in the completion queues.
 */
#ifndef NVT_REPLAY_OUTSIDE_INT_H
#define NVT_REPLAY_OUTSIDE_INT_H

#include "controller/driver/driver.h"
#include "nvme/names.h"
#include "replay/target.h"

#define OUTSIDE_QUEUES 65536u
#define OUTSIDE_VECTORS 2048u

struct outside_sq {
  uint64_t base;
  uint32_t entries; /* 0: there is none */
  unsigned shift;   /* log2 of the bytes between them */
  uint16_t cqid;
  uint32_t tail; /* as the host has it */
  uint32_t next; /* the controller was told of all before it */
};

struct outside_cq {
  uint64_t base;
  uint32_t entries; /* 0: there is none */
  uint32_t slot;    /* where the next completion will be */
  bool phase;       /* and its phase bit */
  uint32_t head;    /* as the host has it */
  uint32_t rung;    /* as the controller was told */
  uint32_t owed;    /* acknowledged by the host, and not seen yet */
  uint16_t vector;
  bool interrupts;
  /* As the engine is told: in the order in which it lets completions go. */
  uint32_t told_slot;
  bool told_phase;
};

struct outside_command {
  struct outside_command *next;
  uint64_t handle;
  struct nvt_rec_command command;
  uint32_t slot;
  bool done;       /* its completion was seen */
  bool superseded; /* another one has its identifiers */
  bool nothing;    /* the engine wants to hear no more of it */
  bool sqhd_fits;
  bool signalled; /* an interrupt came after it */
  struct nvt_cqe cqe;
};

struct outside_window {
  uint64_t iova, len;
  uint8_t *host;
};

struct nvt_target {
  struct nvt_transport *t;
  struct nvt_observer observer;
  unsigned dstrd;
  uint32_t vectors;
  uint16_t msix, express; /* offsets of capabilities; 0: none */
  unsigned table_region, pba_region;
  uint64_t table_offset, pba_offset;
  uint8_t registers[NVT_REG_ACQ + 8]; /* what the host last wrote */
  uint8_t table[OUTSIDE_VECTORS * 16];
  bool waiting[OUTSIDE_VECTORS]; /* a completion was told of, and no interrupt came yet */
  bool due[OUTSIDE_VECTORS];     /* one came, and the engine wasn't told */
  bool listens[OUTSIDE_VECTORS]; /* the recorded host, to this vector */
  bool always_sends;             /* messages, whether it listens or not */
  struct outside_sq *sqs;        /* by id */
  struct outside_cq *cqs;
  uint16_t last_cq; /* highest id in use */
  struct outside_command *commands;
  uint64_t handles;
  bool fatal;          /* it was told */
  unsigned futile;     /* settling brought nothing, so often in a row */
  unsigned impatience; /* commands that were waited for in vain, up to a limit */
  struct outside_window *windows;
  size_t window_count;
  struct {
    uint32_t nsid, block_size;
  } * spaces;
  uint32_t space_count;
};

/* The transport is taken over, on failure too. */
bool nvt_outside_open(struct nvt_transport *, const struct nvt_target_setup *,
                      struct nvt_target **out, char *why, size_t whylen);
/* The operations that all share; `open` is the target's own. */
#define NVT_OUTSIDE_OPS                                                                            \
  .outside = true, .close = nvt_outside_close, .read = nvt_outside_read,                           \
  .write = nvt_outside_write, .dma_map = nvt_outside_map, .dma_unmap = nvt_outside_unmap,          \
  .step = nvt_outside_step, .settle = nvt_outside_settle,                                          \
  .flush_interrupts = nvt_outside_interrupts, .release = nvt_outside_release,                      \
  .happen = nvt_outside_happen, .add_namespace = nvt_outside_add_namespace,                        \
  .vectors = nvt_outside_vectors

void nvt_outside_close(struct nvt_target *);
int nvt_outside_read(struct nvt_target *, uint8_t space, uint64_t offset, uint8_t size,
                     uint64_t *value, uint8_t *flags);
int nvt_outside_write(struct nvt_target *, uint8_t space, uint64_t offset, uint8_t size,
                      uint64_t value, uint8_t *flags);
int nvt_outside_map(struct nvt_target *, uint64_t iova, uint64_t len,
                    const struct nvt_memory_place *, bool readable, bool writable);
int nvt_outside_unmap(struct nvt_target *, uint64_t iova, uint64_t len);
int nvt_outside_step(struct nvt_target *, uint16_t sqid);
void nvt_outside_settle(struct nvt_target *);
void nvt_outside_interrupts(struct nvt_target *);
int nvt_outside_release(struct nvt_target *, uint64_t handle);
int nvt_outside_happen(struct nvt_target *, const struct nvt_rec_event *);
int nvt_outside_add_namespace(struct nvt_target *, const struct nvt_meta_namespace *);
uint32_t nvt_outside_vectors(struct nvt_target *);

/* outside_memory.c: host memory at an address, as far as one window has it; NULL: none. */
uint8_t *nvt_outside_at(struct nvt_target *, uint64_t iova, uint64_t *room);
bool nvt_outside_copy(struct nvt_target *, uint64_t iova, void *to, size_t len);
/* Tells the engine what a completed command has moved, page by page. */
void nvt_outside_moved(struct nvt_target *, const struct outside_command *);

/* outside_queues.c */
void nvt_outside_queues_emptied(struct nvt_target *); /* CC.EN is about to be set */
void nvt_outside_queues_enabled(struct nvt_target *); /* it was */
void nvt_outside_forget(struct nvt_target *);         /* queues and commands: it was reset */
int nvt_outside_doorbell(struct nvt_target *, struct nvt_doorbell_id, uint32_t value);
/* What has come into the completion queues; true: something has. */
bool nvt_outside_poll(struct nvt_target *);

/* outside_registers.c */
int nvt_outside_bar(struct nvt_target *, bool write, uint64_t offset, void *value, size_t size);
void nvt_outside_event(struct nvt_target *, uint16_t event, uint32_t code);
uint64_t nvt_outside_now_ms(void);
void nvt_outside_pause(struct nvt_target *, unsigned *spins);

#endif
