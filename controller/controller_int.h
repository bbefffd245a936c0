/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the controller model share.
 *
 * The path of a command: bar0_write or a shared doorbell (doorbell.c) moves a
 * tail; nvt_controller_poll() (run.c) fetches into a request from a pool; a row
 * of the dispatch tables (admin.c, io.c) executes it; nvt_finish() (complete.c)
 * posts. Nothing on that path allocates, locks or calls the system.
 */
#ifndef NVT_CONTROLLER_CONTROLLER_INT_H
#define NVT_CONTROLLER_CONTROLLER_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "controller/controller.h"
#include "controller/namespace.h"
#include "controller/tap.h"
#include "nvme/identify.h"
#include "nvme/logs.h"
#include "nvme/nvme.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define NVT_QUEUES_MAX 256u     /* the admin queue and 255 pairs */
#define NVT_VECTORS_MAX 128u    /* fills the 2 KiB half page that the table has */
#define NVT_NAMESPACES_MAX 256u /* NSIDs 1 to 256 */
#define NVT_IO_REQUESTS 4096u   /* commands outstanding on all I/O queues */
#define NVT_ADMIN_REQUESTS 64u
#define NVT_AERS 4u   /* AERL + 1 */
#define NVT_ABORTS 4u /* ACL + 1 */
#define NVT_INJECTED_EVENTS 16u
#define NVT_ASYNC_TYPES 8u
#define NVT_ERROR_ENTRIES 64u
#define NVT_MPS_MAX 4u /* CAP.MPSMAX: 64 KiB */
#define NVT_LIST_ENTRIES 1056u
#define NVT_DSM_RANGES 256u
#define NVT_IOV_SLACK 64u /* segments beyond one per page, for windows that split pages */

_Static_assert(sizeof(struct nvt_dsm_range) <= sizeof(struct iovec), "a range fits a segment");

/* Returned by a command's handler when nvt_finish() is called for it, now or later. */
#define NVT_PENDING ((nvt_status)0xffffu)

/* A command's handle: its place in the pool, the controller's among its host's
 * (NVT_HANDLE_SLOT), and which of all commands it is. */
#define HANDLE_SEQUENCE 20

/* Event numbers of trace/record.def. */
enum {
  EVENT_ATTACH = 1,
  EVENT_DETACH,
  EVENT_CONTROLLER_RESET,
  EVENT_FUNCTION_RESET,
  EVENT_SUBSYSTEM_RESET,
  EVENT_DEVICE_RESET,
  EVENT_DMA_MAP,
  EVENT_DMA_UNMAP,
  EVENT_SHUTDOWN = 11,
  EVENT_READY,
  EVENT_FATAL,
  EVENT_IRQ_SETUP,
  EVENT_NS_ADDED,
  EVENT_NS_REMOVED,
  EVENT_DMA_FAULT,
  EVENT_DOORBELL_FAULT,
  EVENT_NS_RESIZED,
  EVENT_REMOVED,
  EVENT_RETURNED,
};
/* `code` of EVENT_FATAL: why CSTS.CFS was set. */
enum fatal_reason {
  FATAL_CONFIGURATION = 1, /* CC or AQA can't be satisfied */
  FATAL_FETCH = 2,         /* a submission queue entry isn't readable */
  FATAL_POST = 3,          /* a completion queue entry isn't writable */
  FATAL_KEEP_ALIVE = 4,
  FATAL_INJECTED = 5,
};
enum { SPACE_CONFIG, SPACE_BAR0, SPACE_MSIX_TABLE, SPACE_MSIX_PBA };
enum { ACCESS_POLLED = 1, ACCESS_REFUSED = 2 };
enum { INTERRUPT_SENT, INTERRUPT_MASKED, INTERRUPT_DISABLED, INTERRUPT_DEASSERTED };
enum { MODE_MSIX, MODE_PIN };
enum { VERDICT_HELD = 2, VERDICT_RELEASED = 3, VERDICT_INJECTED = 6 };
enum { DATA_PAYLOAD, DATA_PRP_LIST, DATA_SGL_SEGMENT };

struct window {
  uint64_t first, last; /* both inclusive: a window may end at 2^64 - 1 */
  uint8_t *host;
  bool readable, writable;
};

struct cq {
  uint8_t *host; /* the ring when it lies in one window, 16-byte aligned; else NULL */
  uint64_t base;
  uint32_t size; /* entries */
  uint32_t head, tail;
  uint32_t room; /* slots neither posted and unacknowledged nor reserved by a fetched command */
  uint32_t seen; /* head last taken from the shared page */
  uint32_t sqs;  /* submission queues that complete here */
  uint16_t id, vector;
  bool interrupts, exists;
  bool phase; /* of the next entry */
  bool due;   /* posted since the last interrupt */
};

struct sq {
  const uint8_t *host;
  struct cq *cq;
  uint64_t base;
  uint32_t size;
  uint32_t head, tail;
  uint32_t seen, peeked;
  uint16_t id;
  uint8_t shift; /* log2 of the bytes from one entry to the next */
  bool exists;
  bool stalled; /* a fetch tap said not now, and that was told */
};

enum request_state {
  REQUEST_FREE,
  REQUEST_ACTIVE, /* executing, or in a backend */
  REQUEST_HELD_DECODE,
  REQUEST_HELD_EXECUTE,
  REQUEST_HELD_WRITEBACK,
  REQUEST_AER,
};

/* Guest memory that a command's data lies in, kept for the memory tap only. */
struct range {
  uint64_t address;
  uint32_t length;
  bool nowhere; /* of a bit bucket */
};

struct request {
  struct nvt_sqe sqe; /* the one copy of the entry */
  struct nvt_io io;
  struct iovec small[2];
  struct iovec *large; /* max_segments of them */
  struct range *ranges;
  uint32_t range_count;
  enum request_state state;
  bool released; /* held, and let go by a callback: goes on when that is done */
  bool answered; /* with a completion of its own */
  struct nvt_cqe cqe;
  struct nvt_controller *c;
  struct sq *sq; /* NULL once a reset has dropped the command */
  struct request *next;
  uint64_t handle;
  uint32_t index;
  const char *holder; /* the plug-in that holds it: its name's pointer */
  /* Where a memory tap may change data: it lies here between guest and medium. */
  uint8_t *bounce;
  size_t bounce_size;
  bool bounced, in_callback;
  uint32_t pieces; /* backend requests of a Dataset Management still to do */
};

struct pool {
  struct request *free;
  struct request *all;
  uint32_t count;
};

struct name_space {
  struct nvt_namespace *ns; /* NULL: inactive */
  uint64_t blocks;
  unsigned shift; /* log2 of the block size */
  bool asynchronous, readonly, forgets;
  bool formatting;         /* Format NVM is under way: no I/O */
  uint32_t error_recovery; /* feature 05h */
};

struct msix_entry {
  uint64_t address;
  uint32_t data;
  uint32_t control;
};

struct features {
  uint32_t arbitration, power, temperature_over, temperature_under, error_recovery, write_cache;
  uint32_t queues; /* as completion dword 0: NCQA 31:16, NSQA 15:0 */
  uint32_t coalescing, write_atomicity, async_events, keep_alive_ms;
  uint32_t vector_config[NVT_VECTORS_MAX];
  uint64_t timestamp;     /* as set, milliseconds */
  uint64_t timestamp_set; /* monotonic, milliseconds */
  uint8_t timestamp_origin;
};

/* Asynchronous events that can be pending: one bit each. */
enum async_event {
  ASYNC_DOORBELL_REGISTER, /* error: write to an invalid doorbell register */
  ASYNC_DOORBELL_VALUE,    /* error: invalid doorbell write value */
  ASYNC_TEMPERATURE,       /* SMART: temperature threshold */
  ASYNC_NS_CHANGED,        /* notice: attached namespace attribute changed */
  ASYNC_COUNT
};

struct nvt_controller {
  /* hot */
  const uint32_t *counts, *deciders; /* of each tap; deciders: that may change or decide */
  struct nvt_plugin_host *plugins;
  uint32_t pci_address, epoch; /* every event has these three */
  uint16_t id;
  volatile uint32_t *shared;
  struct pool io_pool, admin_pool;
  struct sq *sq_list[NVT_QUEUES_MAX]; /* those that exist */
  struct cq *cq_list[NVT_QUEUES_MAX];
  struct cq *due[NVT_QUEUES_MAX];
  unsigned sq_count, cq_count, due_count;
  unsigned next_sq; /* round robin */
  unsigned done;    /* things done in this poll */
  unsigned depth;   /* calls under way that send interrupts at their end */
  bool ready, fatal, manual, pin_asserted;
  bool removed;  /* surprise removal: nobody answers */
  bool releases; /* there may be a request that is released */
  unsigned page_shift;
  uint64_t max_transfer; /* bytes */
  unsigned outstanding;
  uint64_t sequence; /* makes handles unique */
  uint64_t bytes_read, bytes_written, reads, writes;

  struct window *windows;
  size_t window_count, window_capacity, window_hit;

  struct sq sqs[NVT_QUEUES_MAX];
  struct cq cqs[NVT_QUEUES_MAX];
  struct name_space ns[NVT_NAMESPACES_MAX];
  uint32_t nn; /* highest NSID ever given out */
  struct nvt_backend_loop *loop;
  struct request *requests;
  void *arena;
  size_t arena_size;
  uint32_t max_segments;

  struct nvt_port_ops port;
  unsigned slot; /* among the host's controllers */
  char serial[21], model[41], firmware[9], profile[64];
  uint8_t uuid[16];
  uint16_t io_queues, vectors;
  uint8_t mdts, sqe_shift;
  bool sgl;
  uint8_t *sgl_room; /* the segment being walked; NULL: no SGLs */
  uint8_t *sink;     /* what a bit bucket throws away; max_transfer bytes, everybody's */
  size_t sgl_size;

  uint64_t cap, asq, acq;
  uint32_t cc, csts, aqa, intms;

  uint8_t config[NVT_CONFIG_SIZE], config_mask[NVT_CONFIG_SIZE];
  struct msix_entry msix[NVT_VECTORS_MAX];
  bool msix_touched[NVT_VECTORS_MAX]; /* the host has written this entry's control */
  uint64_t pending[NVT_VECTORS_MAX / 64];
  uint16_t pending_cq[NVT_VECTORS_MAX];

  struct features features;
  uint64_t keep_alive_deadline; /* ms; 0: off */

  struct request *aers[NVT_AERS];
  unsigned aer_count;
  uint32_t async_pending, async_masked;         /* bits: enum async_event; event type */
  uint32_t async_injected[NVT_INJECTED_EVENTS]; /* as dword 0, oldest first */
  unsigned injected_count;
  uint8_t injected_log[NVT_ASYNC_TYPES];
  bool injected_log_set[NVT_ASYNC_TYPES];

  struct nvt_log_error errors[NVT_ERROR_ENTRIES];
  uint64_t error_count;
  uint32_t changed_ns[NVT_LOG_CHANGED_ENTRIES];
  uint32_t changed_count; /* over the list's length: too many to name */
  bool enabled_once;      /* since power on: a host knows the namespaces */
  uint64_t power_on_ms, power_cycles, unsafe_shutdowns, media_errors;

  uint64_t list[NVT_LIST_ENTRIES]; /* the PRP list page being walked */
  uint8_t scratch[NVT_IDENTIFY_SIZE];
};

/* A macro: which tap it is, an admin one or an I/O one, is found only where anybody listens. */
#define tap_on(c, id) (unlikely((c)->counts[NVT_TAP_COUNT] != 0) && (c)->counts[id] != 0)

static inline void nvt_tap_begin(struct nvt_controller *c, enum nvt_tap_id id,
                                 struct nvt_tap_event *event) {
  *event = (struct nvt_tap_event){.tap = id,
                                  .controller = c->id,
                                  .epoch = c->epoch,
                                  .pci_address = c->pci_address,
                                  .device = c};
}

/* The tap of a queue's kind. */
#define TAP_OF(sqid, stage) ((sqid) == 0 ? NVT_TAP_ADMIN_##stage : NVT_TAP_IO_##stage)

/* tap.c's side: events.c */
void nvt_event(struct nvt_controller *, uint16_t event, uint16_t qid, uint32_t code,
               uint64_t address, uint64_t size);
/* False: a plug-in has it dropped, a write isn't to be carried out. *value is what a plug-in
 * made of it. */
bool nvt_access_event(struct nvt_controller *, enum nvt_tap_id, uint8_t space, uint64_t offset,
                      unsigned size, uint64_t *value, uint8_t flags);
/* A plug-in did something to the controller by itself: in the trace, before what it caused. */
void nvt_injected(struct nvt_controller *, enum nvt_tap_id, uint16_t qid, uint16_t cid,
                  uint16_t status, const char *by);

/* dma.c. Pointer to [iova, iova + len), all of it or NULL. */
void *nvt_dma_whole(struct nvt_controller *, uint64_t iova, uint64_t len, bool write);
/* A contiguous piece from iova: its length in *len (in: what is wanted, at least 1). */
uint8_t *nvt_dma_piece(struct nvt_controller *, uint64_t iova, uint64_t *len, bool write);
void nvt_dma_fault(struct nvt_controller *, uint16_t qid, uint64_t address, uint64_t size);

/* prp.c and sgl.c. Describe the command's data buffer in io.iov. to_guest: the controller writes
 * it. */
nvt_status nvt_map_data(struct request *, uint64_t length, bool to_guest);
/* Copy a list of that kind at address out of guest memory, and show it: offset is that of the first
 * data byte that it describes. */
nvt_status nvt_list_read(struct request *, void *to, uint8_t kind, uint64_t address, uint32_t bytes,
                         uint64_t offset);
/* Copy to the mapped buffer; what it has beyond `len` is zeroed. */
void nvt_data_put(struct request *, const void *from, size_t len);
void nvt_data_get(struct request *, void *to, size_t len);
void nvt_data_taps(struct request *, enum nvt_direction);
/* The data that taps may have changed goes to the guest. */
nvt_status nvt_bounce_out(struct request *);
void nvt_bounce_free(struct request *);
/* nvt_map_data and nvt_data_put of `len` bytes into a buffer of `length`. */
nvt_status nvt_data_reply(struct request *, const void *from, size_t len, uint64_t length);

/* queue.c */
void nvt_sq_open(struct nvt_controller *, uint16_t id, struct cq *, uint64_t base, uint32_t size);
void nvt_cq_open(struct nvt_controller *, uint16_t id, uint64_t base, uint32_t size,
                 bool interrupts, uint16_t vector);
void nvt_sq_close(struct nvt_controller *, struct sq *);
void nvt_cq_close(struct nvt_controller *, struct cq *);
void nvt_queues_resolve(struct nvt_controller *); /* after guest memory changed */
void nvt_queues_clear(struct nvt_controller *);

/* doorbell.c */
/* Entries that the host hasn't acknowledged. */
uint32_t nvt_cq_posted(const struct cq *);
void nvt_doorbell_write(struct nvt_controller *, uint64_t offset, uint32_t value, uint8_t flags);
void nvt_doorbells_poll(struct nvt_controller *);
void nvt_doorbell_forget(struct nvt_controller *, uint16_t qid, bool is_cq);

/* run.c */
/* The execute tap, and what it leaves. */
void nvt_execute(struct request *);
void nvt_enter(struct nvt_controller *);
void nvt_leave(struct nvt_controller *); /* the last one out sends the interrupts */
void nvt_fatal(struct nvt_controller *, enum fatal_reason);
uint64_t nvt_now_ms(void);

/* complete.c */
/* Store an entry in the queue's next slot. */
void nvt_publish(struct nvt_controller *, struct cq *, const struct nvt_cqe *);
void nvt_writeback_event(struct nvt_controller *, struct cq *, struct nvt_sqe *, struct nvt_cqe *,
                         uint16_t sq_tail, struct nvt_tap_event *);
/* A command that is held, or in a callback now: by its handle; NULL. */
struct request *nvt_request_by_handle(struct nvt_controller *, uint64_t handle);
/* Complete: status without DNR and More; these are added here. */
void nvt_finish(struct request *, nvt_status);
/* As it is, without another look at it. */
void nvt_post(struct request *);
void nvt_request_free(struct request *);
void nvt_releases_run(struct nvt_controller *);
struct request *nvt_request_find(struct nvt_controller *, uint16_t sqid, uint16_t cid);

/* msix.c */
void nvt_msix_reset(struct nvt_controller *);
uint64_t nvt_msix_read(struct nvt_controller *, uint64_t offset, unsigned size);
void nvt_msix_write(struct nvt_controller *, uint64_t offset, unsigned size, uint64_t value);
void nvt_msix_control_changed(struct nvt_controller *);
bool nvt_msix_enabled(const struct nvt_controller *);
void nvt_interrupts_send(struct nvt_controller *);
/* Send this vector's message, or make it pending, and record it. */
void nvt_msix_send(struct nvt_controller *, uint16_t vector, uint16_t cqid);
void nvt_pin_update(struct nvt_controller *);
void nvt_interrupts_clear(struct nvt_controller *);

/* inject.c: all ones, and recorded so */
uint64_t nvt_removed_read(struct nvt_controller *, enum nvt_tap_id, uint8_t space, uint64_t offset,
                          unsigned size);

/* pci.c */
void nvt_pci_reset(struct nvt_controller *);

/* Version 1.4: what is claimed is all that it demands; 2.0 would want more log pages. */
#define NVT_VERSION 0x00010400u

/* admin.c, io.c: the dispatch tables. */
struct command_row {
  nvt_status (*execute)(struct request *); /* NULL: Invalid Opcode */
  uint32_t effects;
};
extern const struct command_row nvt_admin_commands[256];
extern const struct command_row nvt_io_commands[256];

nvt_status nvt_admin_create_cq(struct request *);
nvt_status nvt_admin_create_sq(struct request *);
nvt_status nvt_admin_delete_cq(struct request *);
nvt_status nvt_admin_delete_sq(struct request *);
nvt_status nvt_admin_identify(struct request *);
nvt_status nvt_admin_get_features(struct request *);
nvt_status nvt_admin_set_features(struct request *);
nvt_status nvt_admin_get_log(struct request *);
nvt_status nvt_admin_abort(struct request *);
nvt_status nvt_admin_async_event(struct request *);
nvt_status nvt_admin_keep_alive(struct request *);
nvt_status nvt_admin_format(struct request *); /* format.c */

/* io.c: called by backends */
void nvt_io_done(struct nvt_io *, nvt_status);

/* features.c */
void nvt_features_reset(struct nvt_controller *);
#define NVT_TEMPERATURE 308u /* kelvin; the model has no sensor */
bool nvt_temperature_warning(const struct nvt_controller *);

/* async.c */
void nvt_async_inject(struct nvt_controller *, uint32_t dw0);
void nvt_async_raise(struct nvt_controller *, enum async_event);
void nvt_async_deliver(struct nvt_controller *);
/* The log page that clears an event was read. */
void nvt_async_log_read(struct nvt_controller *, uint8_t lid);
void nvt_async_reset(struct nvt_controller *);

/* logs.c */
void nvt_error_log(struct nvt_controller *, uint16_t sqid, uint16_t cid, uint16_t status,
                   uint64_t lba, uint32_t nsid);
void nvt_changed_ns_add(struct nvt_controller *, uint32_t nsid);

/* The namespace of an NSID: NULL with the status to complete with in *status. */
struct name_space *nvt_ns_get(struct nvt_controller *, uint32_t nsid, nvt_status *status);

#endif
