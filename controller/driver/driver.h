/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The built-in driver: a small, careful NVMe host driver with a described
 * workload. It reaches a controller through a transport: the model in the same
 * process, or any vfio-user NVMe device.
 */
#ifndef NVT_CONTROLLER_DRIVER_DRIVER_H
#define NVT_CONTROLLER_DRIVER_DRIVER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_controller;

enum nvt_workload_rw {
  NVT_RW_READ,
  NVT_RW_WRITE,
  NVT_RW_RANDREAD,
  NVT_RW_RANDWRITE,
  NVT_RW_RANDRW
};

/* How its I/O commands describe their data: by PRPs, by SGLs of several shapes, or some so and some
 * so. */
enum nvt_workload_sgl { NVT_SGL_OFF, NVT_SGL_ON, NVT_SGL_MIXED };

/* Whose habits the driver has, where hosts and drives are known to get into trouble. */
enum nvt_host {
  NVT_HOST_USUAL,   /* its own: careful, and no more than that */
  NVT_HOST_NAIVE,   /* the one that runs into `trouble` */
  NVT_HOST_CAREFUL, /* the one that knows the way around it */
};

struct nvt_workload {
  enum nvt_workload_rw rw; /* default randread */
  uint32_t bs;             /* bytes per I/O; default 4096 */
  uint32_t depth;          /* outstanding per queue, 1 to 1023; default 32 */
  uint32_t queues;         /* I/O queue pairs, 1 to 64; default 1 */
  uint64_t count;          /* I/Os in all; 0: by seconds; default 10000 when neither is given */
  double seconds;
  bool verify;   /* read back and compare what was written */
  uint64_t seed; /* default 1; same seed, same commands on each queue, in the same order */
  /* Completions are looked for when their MSI-X message came; off: queues are made
   * without interrupts and polled. Default on. */
  bool interrupts;
  enum nvt_workload_sgl sgl; /* default off; else the controller has to support SGLs */
  uint32_t batch; /* commands that one write of a tail doorbell tells of, 1 to 1023; 0 (default):
                     as many as there is room for */
  double timeout; /* seconds that a command may take, above 0 to 86400; default 30 */
  enum nvt_host host;  /* default usual */
  const char *trouble; /* naive and careful: one of nvt_trouble_name()'s; else NULL */
  /* About once a second, from the calling thread; NULL: not at all. */
  void (*progress)(void *user, uint64_t ios, double seconds);
  void *user;
};
/* "rw=randrw,bs=4k,depth=32,queues=1,count=N|seconds=S,verify=on|off,seed=N,
 * interrupts=on|off,sgl=off|on|mixed,batch=N,timeout=S,host=naive|careful,trouble=NAME"; NULL or ""
 * gives the defaults. False with a message in why. trouble may be missing beside host: then it is
 * NULL, and for the caller to set. */
bool nvt_workload_parse(const char *text, struct nvt_workload *out, char *why, size_t whylen);
/* The i-th trouble from 0 that hosts have habits for, and what it is in a few words (summary
 * may be NULL); NULL: there are no more. */
const char *nvt_trouble_name(unsigned i, const char **summary);

struct nvt_drive_result {
  uint64_t ios, errors, verify_errors, bytes;
  double seconds;                           /* of the workload alone */
  uint64_t p50_ns, p99_ns, p999_ns, max_ns; /* submission to reaping */
  char error[256];                          /* what failed first, for a person; empty: nothing */
  uint64_t reads, writes;                   /* of ios */
  uint64_t verified;                        /* I/Os whose data was compared, the final pass's too */
  uint64_t interrupts;                      /* taken; several completions may share one */
  uint64_t lost_interrupts;                 /* completions found a second late, without one */
  uint64_t events;                          /* asynchronous events */
  uint64_t formats;                         /* Format NVM, by a host that knows that it helps */
};

/* The host's side of a device. One thread at a time. */
struct nvt_transport {
  int (*read)(struct nvt_transport *, unsigned region, uint64_t offset, void *buf, size_t len);
  int (*write)(struct nvt_transport *, unsigned region, uint64_t offset, const void *buf,
               size_t len);
  /* Make [iova, iova + len) of the host's memory at `memory` (a memfd `fd`, at `fd_offset`)
   * known to the device. */
  int (*dma_map)(struct nvt_transport *, uint64_t iova, void *memory, size_t len, int fd,
                 uint64_t fd_offset);
  int (*dma_unmap)(struct nvt_transport *, uint64_t iova, size_t len);
  /* Ask for `count` vectors; eventfd[i] is signalled (NULL: transport in process
   * counts in `fired`). */
  int (*irq_enable)(struct nvt_transport *, unsigned count);
  /* True once for each time that the vector was signalled since the last call. */
  bool (*irq_take)(struct nvt_transport *, unsigned vector);
  int (*reset)(struct nvt_transport *);
  /* Let the device work: in process, polls the controller; otherwise nothing, or a pause. */
  void (*relax)(struct nvt_transport *);
  volatile uint32_t *doorbells; /* the mapped doorbell page, or NULL: write() is used */
  void (*close)(struct nvt_transport *);
};
/* Region numbers of vfio: BAR0 and the configuration space. */
#define NVT_REGION_BAR0 0u
#define NVT_REGION_CONFIG 7u

/* The model in this process; the calling thread is its device thread. */
int nvt_transport_local(struct nvt_controller *, struct nvt_transport **out);
/* A vfio-user device at a socket. */
int nvt_transport_vfio(const char *path, struct nvt_transport **out, char *why, size_t whylen);

/* The driver's memory, as the device sees it, is one window of this address on:
 * low, so that a device that wrongly fears low addresses is found. */
#define NVT_DRIVE_IOVA 0x100000u

/* Initialise the controller, run the workload on namespace 1, shut down. 0, or
 * -errno with result->error set; I/O errors are counted, not fatal. *stop ends early. */
int nvt_drive(struct nvt_transport *, const struct nvt_workload *,
              const volatile sig_atomic_t *stop, struct nvt_drive_result *result);

#endif
