/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in driver's own state. One struct nvt_driver per nvt_drive(). */
#ifndef NVT_CONTROLLER_DRIVER_DRIVER_INT_H
#define NVT_CONTROLLER_DRIVER_DRIVER_INT_H

#include <time.h>

#include "controller/driver/driver.h"
#include "controller/driver/histogram_int.h"
#include "nvme/nvme.h"

/* One outstanding command's place; its index is the command id. */
struct nvt_slot {
  struct nvt_sqe sqe; /* ready but for opcode and starting block */
  uint8_t *data;      /* bs bytes */
  uint64_t started;   /* ticks; 0: free */
  uint64_t unit;      /* which bs of the namespace */
  uint32_t generation;
  bool write;
  uint32_t buffer; /* of a host that rotates them */
} __attribute__((aligned(128)));

struct nvt_hostq {
  struct nvt_sqe *sq;
  struct nvt_cqe *cq;
  uint64_t sq_iova, cq_iova;
  uint32_t entries; /* of both */
  uint32_t tail, head;
  uint16_t phase; /* of the next new completion */
  uint16_t id, vector;
  bool made_cq, made_sq;
  bool signalled;          /* its vector fired and the queue wasn't looked at since */
  unsigned sqe_shift;      /* log2 of the bytes from one submission queue entry to the next */
  uint32_t unacknowledged; /* completions taken since the head doorbell */
  struct nvt_slot *slots;
  uint32_t depth;
  uint32_t outstanding;
  uint16_t *free; /* stack of free slots, depth - outstanding of them */
  /* The workload's part of this queue. */
  uint64_t left;   /* I/Os yet to be started */
  uint64_t next;   /* sequential: next unit */
  uint64_t random; /* state of the generator */
  uint64_t pick;   /* the next I/O's unit, when picked */
  bool picked, pick_write;
} __attribute__((aligned(64)));

#define NVT_ADMIN_ENTRIES 32u
/* The highest command id of the admin queue waits for an asynchronous event. */
#define NVT_ADMIN_EVENT_CID (NVT_ADMIN_ENTRIES - 2)

struct nvt_habits;
struct nvt_odd;

struct nvt_driver {
  struct nvt_transport *t;
  const struct nvt_workload *w; /* &own */
  struct nvt_workload own;
  const struct nvt_habits *habits; /* never NULL */
  struct nvt_odd *odd;             /* what the habits remember; NULL for the usual host */
  const volatile sig_atomic_t *stop;
  struct nvt_drive_result *result;

  /* memory: one memfd, one window */
  int fd;
  uint8_t *arena;
  size_t arena_size, arena_used;
  bool mapped;
  uint32_t page; /* bytes, as CC.MPS says */

  /* the device */
  uint64_t cap;
  uint32_t vs, cc;
  unsigned dstrd;
  double ready_seconds; /* how long CSTS.RDY may take */
  uint16_t command;     /* PCI command register */
  uint16_t msix;        /* offset of the capability; 0: none */
  uint16_t msix_control;
  uint32_t msix_bar;     /* of the table */
  uint32_t msix_table;   /* offset there */
  uint32_t vectors;      /* enabled; 0: polled */
  uint32_t msix_moves;   /* nvt_msix_move() was called so often */
  uint32_t max_transfer; /* bytes; 0: no limit */
  uint16_t oacs, oncs;   /* optional commands, of Identify */
  uint32_t oaes;         /* optional events */
  uint32_t sgls;         /* what it supports of SGLs */
  uint8_t sqes;          /* entry sizes: required 3:0, maximum 7:4 */
  uint64_t blocks;
  uint32_t block_size;

  struct nvt_hostq admin;
  uint8_t *admin_data; /* one page */
  uint64_t admin_data_iova;
  uint16_t admin_cid;
  bool admin_done;
  struct nvt_cqe admin_cqe;
  bool event_pending; /* event_cqe is to be looked at */
  struct nvt_cqe event_cqe;

  struct nvt_hostq *queues; /* w->queues of them */
  struct nvt_slot *slots;
  uint16_t *free_stacks;

  /* the clock: ticks are converted only when they are shown */
  uint64_t clock_ticks;
  struct timespec clock_time;
  double ns_per_tick;

  /* the workload */
  char note[256];           /* the first error of an I/O */
  uint64_t outstanding;     /* in all queues */
  uint64_t units;           /* of bs, in the namespace */
  uint32_t blocks_per_unit; /* NLB */
  uint32_t *generations;    /* verify: of each unit; NVT_UNIT_BUSY in the top bit */
  uint32_t generation;      /* last given */
  bool reading_back;        /* the final pass of verify */
  uint64_t read_back_unit;
  struct nvt_histogram latency;
};

#define NVT_UNIT_BUSY 0x80000000u

/* --- clock.c --- */
static inline uint64_t nvt_ticks(void) {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}

/* Set result->error, unless an earlier one is there; returns -error. */
int nvt_driver_fail(struct nvt_driver *, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- memory.c --- */
/* Make the arena with room for `size` bytes and show it to the device. */
int nvt_arena_create(struct nvt_driver *, size_t size);
void nvt_arena_destroy(struct nvt_driver *);
/* size bytes, zeroed, page-aligned; the arena was made large enough. */
void *nvt_arena_take(struct nvt_driver *, size_t size, uint64_t *iova);
size_t nvt_round_up(size_t size, size_t unit);
/* Pages of PRP lists that a transfer of `bytes` from a page's start needs. */
size_t nvt_prp_list_pages(size_t bytes, uint32_t page);
/* Set prp1, prp2 and fill the list pages for a transfer of page-aligned memory. */
void nvt_prp_make(struct nvt_sqe *, uint64_t data_iova, size_t bytes, uint64_t *lists,
                  uint64_t lists_iova, uint32_t page);

/* --- sgl.c --- */
#define NVT_DRIVE_SGL_LISTS 4096u /* bytes that a command's segments lie in, qword aligned */
/* Describe `bytes` of data, 512 at least, by an SGL of this shape: any number, some are alike.
 * discard: a read whose data nobody looks at: a bit bucket may take some. */
void nvt_sgl_make(struct nvt_sqe *, unsigned shape, uint64_t data_iova, uint32_t bytes,
                  bool discard, uint8_t *lists, uint64_t lists_iova);

/* --- pci.c --- */
int nvt_pci_read(struct nvt_driver *, uint32_t offset, void *out, size_t len);
int nvt_pci_write(struct nvt_driver *, uint32_t offset, uint64_t value, size_t len);
/* Look at the configuration space; enable memory and bus mastering. */
int nvt_pci_start(struct nvt_driver *);
/* Set up and enable `count` MSI-X vectors. */
int nvt_msix_start(struct nvt_driver *, uint32_t count);
/* Change the message of a vector in use, as when its interrupt moves to another processor. */
void nvt_msix_move(struct nvt_driver *, uint32_t vector);
void nvt_pci_stop(struct nvt_driver *);

/* --- controller registers: enable.c --- */
int nvt_reg_read32(struct nvt_driver *, uint32_t offset, uint32_t *out);
int nvt_reg_read64(struct nvt_driver *, uint32_t offset, uint64_t *out);
int nvt_reg_write32(struct nvt_driver *, uint32_t offset, uint32_t value);
int nvt_reg_write64(struct nvt_driver *, uint32_t offset, uint64_t value);
void nvt_doorbell(struct nvt_driver *, const struct nvt_hostq *, bool is_cq, uint32_t value);
/* Read CAP and VS and check them; disable the controller and wait. */
int nvt_controller_prepare(struct nvt_driver *);
/* Set the admin queue, enable, wait. */
int nvt_controller_start(struct nvt_driver *);
/* Shutdown notification, wait. */
int nvt_controller_shutdown(struct nvt_driver *);
/* CC.EN = 0, wait for CSTS.RDY = 0. */
int nvt_controller_disable(struct nvt_driver *);
/* CC.EN = 0. */
int nvt_controller_clear_enable(struct nvt_driver *);

/* --- driver.c --- */
/* Delete the queues and shut down; or, where it failed already, see to it that the device leaves
 * our memory alone. Then the arena is gone. What failed first. */
int nvt_take_down(struct nvt_driver *, int failed);

/* --- admin.c --- */
/* Bytes of the arena that the admin queue and its data take; and take them. */
size_t nvt_admin_memory(const struct nvt_driver *);
void nvt_admin_make(struct nvt_driver *);
/* Run one admin command; *dw0 may be NULL. `what` names it in messages. */
int nvt_admin(struct nvt_driver *, struct nvt_sqe *, const char *what, uint32_t *dw0);
/* The same, but a status other than success is no error of ours: in *status. */
int nvt_admin_try(struct nvt_driver *, struct nvt_sqe *, const char *what, uint32_t *dw0,
                  nvt_status *status);
/* Take what is in the admin completion queue. */
int nvt_admin_poll(struct nvt_driver *);
/* Log an event that came, and ask for the next. */
int nvt_admin_handle_event(struct nvt_driver *);
/* Identify the controller, number of queues, asynchronous events, namespace 1. */
int nvt_admin_start(struct nvt_driver *);
/* Of that, the controller and the number of queues. */
int nvt_admin_start_controller(struct nvt_driver *);
int nvt_admin_identify_controller(struct nvt_driver *);
int nvt_admin_make_queues(struct nvt_driver *);
int nvt_admin_delete_queues(struct nvt_driver *);

/* --- queues --- */
/* Has the vector fired? Then all queues that it serves are to be looked at. */
static inline bool nvt_take_interrupt(struct nvt_driver *d, uint16_t vector) {
  if (!d->t->irq_take(d->t, vector))
    return false;
  d->result->interrupts++;
  for (uint32_t i = 0; d->queues != NULL && i < d->w->queues; i++)
    if (d->queues[i].vector == vector)
      d->queues[i].signalled = true;
  return true;
}
/* The next completion, or NULL; read-only until nvt_hostq_next(). */
static inline const struct nvt_cqe *nvt_hostq_peek(const struct nvt_hostq *q) {
  const struct nvt_cqe *cqe = &q->cq[q->head];
  /* Acquire: nothing else of the entry may be read before its phase is seen. */
  uint16_t status = __atomic_load_n(&cqe->status, __ATOMIC_ACQUIRE);
  return NVT_CQE_PHASE(status) == q->phase ? cqe : NULL;
}
static inline void nvt_hostq_next(struct nvt_hostq *q) {
  if (++q->head == q->entries) {
    q->head = 0;
    q->phase ^= 1;
  }
}
static inline struct nvt_sqe *nvt_hostq_at(const struct nvt_hostq *q, uint32_t index) {
  return (struct nvt_sqe *)(void *)((uint8_t *)q->sq + ((size_t)index << q->sqe_shift));
}
/* Rings of so many entries, from the arena. */
void nvt_hostq_make(struct nvt_driver *, struct nvt_hostq *, uint16_t id, uint32_t entries);
static inline void nvt_hostq_push(struct nvt_hostq *q, const struct nvt_sqe *sqe) {
  *nvt_hostq_at(q, q->tail) = *sqe;
  if (++q->tail == q->entries)
    q->tail = 0;
}

/* --- pattern.c: what verify writes --- */
void nvt_pattern_fill(void *data, uint32_t blocks, uint32_t block_size, uint64_t lba,
                      uint32_t generation, uint64_t seed);
/* Does data hold what was written as `generation`? 0: not known; then blocks that
 * carry the pattern must be whole and in their place, others are not judged. On
 * false, why says what is wrong. */
bool nvt_pattern_check(const void *data, uint32_t blocks, uint32_t block_size, uint64_t lba,
                       uint32_t generation, uint64_t seed, char *why, size_t whylen);

void nvt_clock_start(struct nvt_driver *);
/* Set ns_per_tick, by a measurement of at least 10 ms. */
void nvt_clock_sample(struct nvt_driver *);
double nvt_clock_seconds(const struct nvt_driver *, uint64_t ticks);
/* Seconds that a command may take: fewer when we were asked to stop. */
double nvt_patience(const struct nvt_driver *);

/* --- run.c --- */
/* Once namespace 1 is known. */
int nvt_run(struct nvt_driver *);

#endif
