/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libnvmetap-capture: write nvmetap's traces from any NVMe device model.
 *
 *     #include <nvmetap/capture.h>          cc … $(pkg-config --cflags --libs nvmetap-capture)
 *
 * A recorder is a trace file that grows; a controller is one device in it. Where the device model
 * does something, it says so with one call, in the order in which it does it:
 *
 *     doorbell > command > data > completion > interrupt
 *
 * a doorbell before all that it causes, the command as it was fetched (a copy: the one that is
 * executed), data when it is valid, a completion *before* the store that publishes its phase bit.
 * docs/embedding.md shows each place. A call copies what it is given into a ring in memory and
 * returns: no lock, no allocation, no system call, some 20 ns; a thread of the library's writes the
 * ring to the file. So a trace can be read, and followed by Wireshark, while it grows.
 *
 * Returns     0, or a negative errno value, and nvmetap_error() says why in words. -ENOSPC: not
 *             recorded since there was no room, and counted: a record in the trace says so. A
 *             device model may ignore what calls return: nvmetap_close() tells the sum.
 * NULL        A controller or recorder of NULL is one that doesn't record: calls do nothing and
 *             return 0. Test the pointer before you gather what a call wants, and a device that
 *             isn't traced pays for one branch.
 * Threads     A controller belongs to a recording thread, by number. Calls for the controllers of
 *             one recording thread, nvmetap_add() among them, must not overlap, unless .locked is
 *             set; different recording threads don't meet. While a recorder is closed nothing else
 *             may happen to it. No call is for signal handlers. A child of fork() must not record.
 * Ownership   Everything passed is the caller's and is copied before the call returns. Handles are
 *             the library's; those of controllers end with their recorder.
 * Units       Bytes; nanoseconds. Numbers in the machine's byte order, SQEs and CQEs as they stand
 *             in queues (little-endian).
 * Standard error gets one line when the trace can't be written any further.
 *
 * docs/trace-format.md says what the fields of each record mean.
 */
#ifndef NVMETAP_CAPTURE_H
#define NVMETAP_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

struct nvmetap_recorder;   /* opaque */
struct nvmetap_controller; /* opaque */

/* --- recorders --- */

/* When the ring is full. */
enum { NVMETAP_BLOCK = 0, NVMETAP_DROP = 1 };
/* What is kept of payloads; their true length always is. CRC: of each block of Reads, Writes and
 * Compares its CRC-32C, of the rest all: a replay can verify without the data. */
enum { NVMETAP_DATA_NONE = 0, NVMETAP_DATA_HEAD = 1, NVMETAP_DATA_FULL = 2, NVMETAP_DATA_CRC = 3 };

#define NVMETAP_RING_MIN (UINT64_C(512) << 10)
#define NVMETAP_RING_MAX (UINT64_C(1) << 36)
#define NVMETAP_THREADS_MAX 64u
#define NVMETAP_DEDUP_MIN 32u
#define NVMETAP_DEDUP_MAX 16384u

/* Zeroes but for .size are good values. */
struct nvmetap_options {
  size_t size;         /* sizeof(struct nvmetap_options) */
  uint64_t ring_bytes; /* of each recording thread, rounded up to a power of two; 0: 16 MiB */
  unsigned threads;    /* recording threads, at most NVMETAP_THREADS_MAX; 0: one */
  unsigned on_full;    /* NVMETAP_BLOCK: wait for the writer; NVMETAP_DROP: lose, and count */
  unsigned data;       /* NVMETAP_DATA_… */
  uint32_t data_head;  /* bytes of each transfer, with HEAD */
  /* With FULL: pages that repeat one of the last so many of a controller aren't recorded again.
   * NVMETAP_DEDUP_MIN to _MAX, 4.1 KiB of memory each; 0: all are. */
  uint32_t dedup_pages;
  const char *recorder; /* your program's name and version, at most 63 bytes; NULL: the library's */
  bool locked;          /* calls may come from any thread at any time: each takes a lock */
  /* kill -9 of the process loses no record that a call returned from: rings are files in /dev/shm,
   * and 'nvmetap recover', or the next 'nvmetap record', completes the trace from them. */
  bool crash_safe;
  bool no_tsc; /* time stamps by clock_gettime(), where the CPU's counter can't be trusted */
};

/* Begin a trace; an existing file is replaced, "-" is standard output. options NULL: all as zero.
 * *out is NULL on failure. -EINVAL (an option out of its range), -ENOMEM, or why the file can't be
 * created. The first recorder of a process takes 20 ms, to measure the clock. */
int nvmetap_create(const char *path, const struct nvmetap_options *options,
                   struct nvmetap_recorder **out);

struct nvmetap_counts {
  uint64_t records; /* handed over, records of losses among them */
  uint64_t lost;    /* not recorded: the ring was full, or writing had failed */
  uint64_t unsaved; /* handed over, but not in the file since writing failed; known at the end */
  uint64_t bytes;   /* of the file; known at the end */
};

/* End the trace: all that was recorded is in the file, or the reason why not is returned. The
 * recorder and its controllers are gone in either case. counts may be NULL. */
int nvmetap_close(struct nvmetap_recorder *, struct nvmetap_counts *counts);

/* Wait until all that was recorded before this call is in the file (not: on the disk). Any thread.
 * 0, -EIO: writing has failed. */
int nvmetap_flush(struct nvmetap_recorder *);

/* True from when the file can't be written any further (disk full, …): all is lost from there on,
 * and the ring doesn't block. Any thread. */
bool nvmetap_failed(const struct nvmetap_recorder *);

/* Why the last call of this thread that failed did so. Valid until the next; never NULL. */
const char *nvmetap_error(void);

/* --- controllers --- */

struct nvmetap_namespace {
  uint32_t nsid;
  uint32_t block_size; /* bytes */
  uint64_t blocks;
  bool readonly;
  bool asynchronous;   /* commands may complete out of order */
  const char *backend; /* what holds the data, for people, at most 255 bytes; NULL: nothing said */
};

#define NVMETAP_NAMESPACES_MAX 1024u
#define NVMETAP_VECTORS_MAX 2048u

struct nvmetap_info {
  size_t size;          /* sizeof(struct nvmetap_info) */
  uint16_t id;          /* tells the controllers of a trace apart */
  uint16_t thread;      /* recording thread that its calls come from: 0 to .threads - 1 */
  uint32_t pci_address; /* domain 31:16, bus 15:8, device 7:3, function 2:0 */
  uint64_t cap;         /* the registers; doorbells are found by CAP.DSTRD */
  uint32_t vs;
  uint16_t io_queues; /* pairs that it offers */
  uint16_t vectors;   /* size of its MSI-X table, at most NVMETAP_VECTORS_MAX */
  /* As in Identify Controller: at most 20, 40 and 8 bytes are read, and padding is taken off; so
   * the fields of that structure can be passed as they are. NULL: not known. */
  const char *serial, *model, *firmware;
  uint8_t mdts;
  bool shared_doorbells;                      /* polled in shared memory; else each write is seen */
  const struct nvmetap_namespace *namespaces; /* active ones */
  uint32_t namespace_count;                   /* at most NVMETAP_NAMESPACES_MAX */
  /* A trace that begins while the controller is in use begins with its state. This is called once,
   * within nvmetap_add(), and says it by calls: nvmetap_access() for registers (CAP, VS, then AQA,
   * ASQ, ACQ before CC; CSTS) and MSI-X entries, nvmetap_queue() for each queue that exists, CQs
   * first, nvmetap_command() for each command that is outstanding. What is recorded in here is
   * marked as state. NULL: the controller is as after power-on. */
  void (*preamble)(struct nvmetap_controller *, void *ctx);
  void *ctx;
};

/* Record of this controller from now on. *out is NULL on failure. -EINVAL (out of range, or text
 * too long), -EEXIST (the id), -E2BIG (all namespaces together don't fit a record), -ENOMEM,
 * -ENOSPC. */
int nvmetap_add(struct nvmetap_recorder *, const struct nvmetap_info *,
                struct nvmetap_controller **out);

/* Namespaces, or the kind of doorbells, have changed: say anew what the controller is. .id,
 * .thread, .preamble and .ctx are ignored. Errors as of nvmetap_add(). */
int nvmetap_update(struct nvmetap_controller *, const struct nvmetap_info *);

/* --- records: each call is one, but for long data --- */

/* What is accessed, and how. */
enum {
  NVMETAP_CONFIG_READ = 2,
  NVMETAP_CONFIG_WRITE = 3,
  NVMETAP_REG_READ = 4, /* BAR0 */
  NVMETAP_REG_WRITE = 5,
  NVMETAP_MSIX_READ = 8, /* entry n of the table is at 16 n */
  NVMETAP_MSIX_WRITE = 9
};
enum {
  NVMETAP_POLLED = 1, /* seen by polling shared memory */
  NVMETAP_REFUSED = 2 /* had no effect */
};

/* A register access: value is what was written, or what the read is answered with. size: 1, 2, 4 or
 * 8 bytes; a longer access is several. A write comes before what it causes. */
int nvmetap_access(struct nvmetap_controller *, unsigned kind, uint64_t offset, unsigned size,
                   uint64_t value, unsigned flags);

/* A doorbell written: a submission queue's tail, or a completion queue's head. */
int nvmetap_doorbell(struct nvmetap_controller *, uint16_t qid, bool is_cq, uint32_t value,
                     unsigned flags);

/* A shadow doorbell seen in memory, or an EventIdx written there (Doorbell Buffer Config). */
int nvmetap_shadow(struct nvmetap_controller *, bool event_index, uint16_t qid, bool is_cq,
                   uint64_t address, uint32_t value);

/* A command fetched: 64 bytes at sqe, from `slot` of the submission queue, whose head is `head`
 * after this, and whose tail was `tail` as far as the controller knew. Queue 0: admin. */
int nvmetap_command(struct nvmetap_controller *, uint16_t sqid, uint16_t cqid, uint16_t slot,
                    uint16_t head, uint16_t tail, const void *sqe);

/* A completion about to be posted: 16 bytes at cqe, with its phase bit, to `slot` of the completion
 * queue, whose head the host last wrote as `head`. opcode: the command's. */
int nvmetap_completion(struct nvmetap_controller *, uint16_t cqid, uint16_t slot, uint16_t head,
                       uint8_t opcode, const void *cqe);

enum { NVMETAP_PAYLOAD = 0, NVMETAP_PRP_LIST = 1, NVMETAP_SGL_SEGMENT = 2, NVMETAP_METADATA = 3 };
enum { NVMETAP_TO_CONTROLLER = 1, NVMETAP_TO_HOST = 2 };

struct nvmetap_data {
  uint16_t sqid, cid; /* the command */
  uint8_t kind;       /* NVMETAP_PAYLOAD, … */
  uint8_t direction;  /* NVMETAP_TO_…; of lists: TO_CONTROLLER */
  uint64_t address;   /* in the guest, of the first byte */
  uint64_t offset;    /* of it in the command's transfer; of a list: of the first byte described */
  const void *bytes;  /* all of them: what isn't kept isn't read */
  uint32_t length;
};
/* Bytes that are moved, one piece of guest memory a call, in the order of their offset: between the
 * command's record and its completion's. Lists are recorded with any .data. */
int nvmetap_data(struct nvmetap_controller *, const struct nvmetap_data *);

enum {
  NVMETAP_IRQ_SENT = 0,
  NVMETAP_IRQ_MASKED = 1,     /* the pending bit was set */
  NVMETAP_IRQ_DISABLED = 2,   /* the host has interrupts off */
  NVMETAP_IRQ_DEASSERTED = 3, /* of a pin */
  NVMETAP_IRQ_PIN = 0x100     /* or'd to these: by pin, not MSI-X */
};
/* An interrupt for a completion queue. address and message: of the MSI-X entry, 0 where not known.
 */
int nvmetap_interrupt(struct nvmetap_controller *, uint16_t vector, uint16_t cqid, unsigned state,
                      uint64_t address, uint32_t message);

enum {
  NVMETAP_ATTACH = 1, /* a host, or a virtual machine monitor, took it */
  NVMETAP_DETACH = 2,
  NVMETAP_CONTROLLER_RESET = 3, /* CC.EN went to 0 */
  NVMETAP_FUNCTION_RESET = 4,
  NVMETAP_SUBSYSTEM_RESET = 5,
  NVMETAP_DEVICE_RESET = 6, /* by the virtual machine monitor */
  NVMETAP_DMA_MAP = 7,      /* address, size; code: 1 readable, 2 writable */
  NVMETAP_DMA_UNMAP = 8,
  NVMETAP_MIGRATE_OUT = 9,
  NVMETAP_MIGRATE_IN = 10,
  NVMETAP_SHUTDOWN = 11, /* complete: CSTS.SHST says so */
  NVMETAP_READY = 12,    /* CSTS.RDY went to 1 */
  NVMETAP_FATAL = 13,    /* CSTS.CFS; code: see docs/trace-format.md */
  NVMETAP_IRQ_SETUP = 14,
  NVMETAP_NS_ADDED = 15, /* code: the namespace; then nvmetap_update() */
  NVMETAP_NS_REMOVED = 16,
  NVMETAP_DMA_FAULT = 17,      /* qid, address */
  NVMETAP_DOORBELL_FAULT = 18, /* qid; address: offset in BAR0, size: the value */
  NVMETAP_NS_RESIZED = 19,
  NVMETAP_REMOVED = 20,
  NVMETAP_RETURNED = 21
};
/* What happens to the device. A reset ends the controller's epoch, all its queues and commands:
 * call when it begins, after the register write that caused it. */
int nvmetap_event(struct nvmetap_controller *, unsigned event, uint16_t qid, uint32_t code,
                  uint64_t address, uint64_t size);

/* Text for who reads the trace: UTF-8, at most NVMETAP_TEXT_MAX bytes. */
#define NVMETAP_TEXT_MAX 131072u
int nvmetap_annotate(struct nvmetap_controller *, const char *text);

struct nvmetap_queue {
  uint16_t qid;
  uint16_t cqid;   /* of a submission queue: where its completions go */
  uint16_t vector; /* of a completion queue with interrupts */
  bool is_cq;
  bool interrupts; /* enabled */
  bool phase;      /* of the next completion */
  bool contiguous;
  uint64_t base;    /* in the guest */
  uint32_t entries; /* 2 to 65536 */
  uint16_t head, tail;
};
/* A queue as it is: for .preamble. */
int nvmetap_queue(struct nvmetap_controller *, const struct nvmetap_queue *);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
