/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated NVMe controller.
 *
 * One controller belongs to one thread at a time (its device thread): every
 * function below but those marked otherwise is called from it. There is no
 * global state. Guest memory is read and written only through the windows given
 * with nvt_controller_dma_map(); the guest may change it at any time.
 */
#ifndef NVT_CONTROLLER_CONTROLLER_H
#define NVT_CONTROLLER_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme.h"

struct nvt_controller;  /* opaque */
struct nvt_plugin_host; /* controller/tap.h */

/* BAR0: registers at 0, doorbells at 1000h, MSI-X table at 2000h, pending bits at 3000h. */
#define NVT_BAR0_SIZE 0x4000u
#define NVT_BAR0_DOORBELLS 0x1000u /* one page; may be shared with the host */
#define NVT_BAR0_DOORBELLS_SIZE 0x1000u
#define NVT_BAR0_MSIX_TABLE 0x2000u
#define NVT_BAR0_MSIX_PBA 0x3000u
#define NVT_CONFIG_SIZE 4096u

/* How the port delivers interrupts. */
struct nvt_port_ops {
  /* Deliver MSI-X `vector` (below the controller's vectors). Where the virtual
   * machine monitor keeps the MSI-X table (vfio-user), only the port knows
   * whether a vector can be delivered. True: delivered; false: nobody listens,
   * the controller sets the pending bit. Called from the device thread. */
  bool (*interrupt)(void *ctx, uint16_t vector);
  /* Level of the INTx pin; NULL where there is none. */
  void (*pin)(void *ctx, bool asserted);
  void *ctx;
};

struct nvt_controller_options {
  uint16_t id;          /* controller number in the trace */
  uint32_t pci_address; /* domain 31:16, bus 15:8, device 7:3, function 2:0 */
  const char *serial;   /* at most 20 ASCII characters; NULL: made from id and process */
  const char *model;    /* at most 40; NULL: "nvmetap NVMe controller" */
  const char *firmware; /* at most 8; NULL: from the version */
  uint16_t io_queues;   /* I/O queue pairs, 1 to 255; 0: 64 */
  uint16_t entries;     /* largest queue, 2 to 65536 as value-1; 0: 1023 (MQES) */
  uint8_t mdts;         /* as Identify's MDTS, 1 to 11; 0: 7 (512 KiB) */
  uint16_t vectors;     /* MSI-X vectors, 1 to 128; 0: 65 */
  bool sgl;             /* I/O commands may have SGLs: Identify's SGLS says so */
  /* For profiles of drives that are so. */
  const char *profile; /* what it is, for the trace: at most 63 characters are kept; NULL: none */
  bool any_transfer;   /* MDTS 0: whatever a command can ask for; memory pages are of 4 KiB only */
  uint8_t sqe_shift;   /* log2 of the bytes between I/O submission queue entries: 6, or 7; 0: 6 */
  struct nvt_plugin_host *plugins; /* NULL: no tap ever fires; borrowed */
  const struct nvt_port_ops *port; /* NULL: no interrupts; copied. May be set later. */
};

/* 0, -EINVAL (an option out of range), -ENOMEM. All strings are copied. */
int nvt_controller_create(const struct nvt_controller_options *, struct nvt_controller **out);
/* Waits for outstanding backend I/O. NULL is fine. */
void nvt_controller_destroy(struct nvt_controller *);
void nvt_controller_set_port(struct nvt_controller *, const struct nvt_port_ops *);

/* Add a namespace from its description: ram:SIZE | file:PATH | null:SIZE, each
 * with [,block=512|4096][,readonly]. SIZE takes K, M, G, T. The next free NSID,
 * from 1, is taken and stored in *nsid (may be NULL). When a host is attached the
 * change is announced by an asynchronous event. 0 or -errno; on failure `why`
 * (whylen bytes) has a message for a person. */
int nvt_controller_add_namespace(struct nvt_controller *, const char *description, uint32_t *nsid,
                                 char *why, size_t whylen);
/* -ENOENT when there is none. */
int nvt_controller_remove_namespace(struct nvt_controller *, uint32_t nsid);
/* Give a namespace another size, in bytes: whole blocks, at least one. I/O in flight ends
 * first. What is within both sizes stays, what is new reads as zeroes; a file is made so long,
 * or so short. Announced as an addition is, where the size changes. 0, -ENOENT no such
 * namespace, -EINVAL, or -errno, with a message in why and nothing changed. */
int nvt_controller_resize_namespace(struct nvt_controller *, uint32_t nsid, uint64_t bytes,
                                    char *why, size_t whylen);

/* Replay: put bytes onto a namespace's medium as if they had always been there, read-only
 * or not. offset and len in bytes, any. -ENOENT no such namespace, -ERANGE beyond its end,
 * -ENOTSUP an asynchronous one, -EIO. */
int nvt_controller_preload(struct nvt_controller *, uint32_t nsid, uint64_t offset,
                           const void *bytes, size_t len);

/* PCI configuration space and BAR0. Any offset, size and value are safe. A range
 * beyond the space reads as all ones and writes nothing: -ERANGE. Accesses are
 * split into naturally aligned ones of at most 8 bytes, each recorded. */
int nvt_controller_config_read(struct nvt_controller *, uint64_t offset, void *buf, size_t len);
int nvt_controller_config_write(struct nvt_controller *, uint64_t offset, const void *buf,
                                size_t len);
int nvt_controller_bar0_read(struct nvt_controller *, uint64_t offset, void *buf, size_t len);
/* A doorbell write is recorded and remembered; nvt_controller_poll() acts on it. */
int nvt_controller_bar0_write(struct nvt_controller *, uint64_t offset, const void *buf,
                              size_t len);

/* Shared doorbells: from now on the page at `doorbells` (NVT_BAR0_DOORBELLS_SIZE
 * bytes, shared with the host, outliving the controller or the next call) is read
 * by poll; each change is recorded as a polled register write. NULL: trapped again. */
void nvt_controller_share_doorbells(struct nvt_controller *, volatile uint32_t *doorbells);

/* Do what there is to do: take doorbells, fetch, execute, complete, interrupt.
 * Bounded: fetches at most `budget` commands (0: a bound of its own). Returns the
 * number of things done; 0: idle until the next write, doorbell or completion event. */
unsigned nvt_controller_poll(struct nvt_controller *, unsigned budget);
/* Replay: fetch and start exactly one command of submission queue sqid, if there
 * is one. 1 fetched, 0 none to fetch, -ENOENT no such queue. */
int nvt_controller_step(struct nvt_controller *, uint16_t sqid);
/* Replay: while true, poll fetches nothing on its own; completions of backends still go
 * out. Interrupts wait for nvt_controller_flush_interrupts(), since a poll sends one for
 * all that it posted to a queue, which a single step can't know. */
void nvt_controller_set_manual(struct nvt_controller *, bool manual);
void nvt_controller_flush_interrupts(struct nvt_controller *);
/* Readable when backend I/O has completed and poll should be called; -1: never needed. */
int nvt_controller_event_fd(const struct nvt_controller *);
/* Commands fetched and not yet completed, asynchronous event requests left out. */
unsigned nvt_controller_outstanding(const struct nvt_controller *);

/* Guest memory: [iova, iova + len) is at host. Overlaps with a window that is
 * there: -EEXIST; wraps or empty: -EINVAL. Recorded as an event. */
int nvt_controller_dma_map(struct nvt_controller *, uint64_t iova, uint64_t len, void *host,
                           bool readable, bool writable);
/* Remove every window wholly inside [iova, iova + len); waits for I/O in flight
 * there. -EINVAL when the range would split a window, -ENOENT when it holds none. */
int nvt_controller_dma_unmap(struct nvt_controller *, uint64_t iova, uint64_t len);
void nvt_controller_dma_unmap_all(struct nvt_controller *);
/* A pointer to guest memory, and how much of len is contiguous from it (in *len);
 * NULL when the first byte isn't mapped so. */
void *nvt_controller_dma_pointer(struct nvt_controller *, uint64_t iova, size_t *len, bool write);

enum nvt_reset {
  NVT_RESET_CONTROLLER, /* CC.EN cleared */
  NVT_RESET_FUNCTION,   /* function level reset */
  NVT_RESET_SUBSYSTEM,  /* NSSR */
  NVT_RESET_DEVICE,     /* asked by the virtual machine monitor; as power on */
};
void nvt_controller_reset(struct nvt_controller *, enum nvt_reset);

/* The host came or went: recorded; a detach resets the device. */
void nvt_controller_attach(struct nvt_controller *);
void nvt_controller_detach(struct nvt_controller *);
/* The port changed which vectors can be delivered: recorded, and pending messages are retried. */
void nvt_controller_irq_setup(struct nvt_controller *, uint32_t flags, uint16_t start,
                              uint16_t count);

/* What a meta-record says; strings are borrowed until the controller is destroyed. */
struct nvt_namespace_info {
  uint32_t nsid;
  uint64_t blocks;
  uint32_t block_size; /* bytes */
  bool asynchronous;   /* completes out of order */
  bool readonly;
  const char *description; /* as given to add_namespace */
};
struct nvt_controller_info {
  uint16_t id;
  uint32_t pci_address;
  const char *serial, *model, *firmware;
  const char *profile; /* "" where there is none */
  uint64_t cap;
  uint32_t vs;
  uint16_t vectors;
  uint16_t io_queues;
  uint8_t mdts;
  bool sgl;
  bool shared_doorbells;
  uint32_t epoch;
};
void nvt_controller_info(const struct nvt_controller *, struct nvt_controller_info *);
/* The i-th active namespace from 0; false when there are no more. */
bool nvt_controller_namespace(const struct nvt_controller *, uint32_t i,
                              struct nvt_namespace_info *);

#endif
