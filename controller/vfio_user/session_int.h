/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One attached client: what it negotiated, mapped and armed. All of it belongs
 * to the device thread.
 */
#ifndef NVT_CONTROLLER_VFIO_USER_SESSION_INT_H
#define NVT_CONTROLLER_VFIO_USER_SESSION_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/controller.h"
#include "controller/vfio_user/capabilities.h"
#include "controller/vfio_user/message.h"

#define NVT_VFIO_VECTORS 128u /* most that a controller has */

struct nvt_vfio_vector {
  int trigger;   /* eventfd, or -1 */
  bool blocking; /* a write to it could block: ask first */
  bool masked;
};
struct nvt_vfio_irqs {
  struct nvt_controller *device;
  uint32_t vectors; /* MSI-X */
  struct nvt_vfio_vector msix[NVT_VFIO_VECTORS];
  struct nvt_vfio_vector intx, err, req;
  bool level; /* of the INTx pin */
};

struct nvt_vfio_window {
  uint64_t iova, length;
  void *host; /* of iova; NULL: the client gave no memory, every access faults */
  void *map;  /* what mmap gave, a little more than the window where files ask for it */
  size_t map_length;
};
struct nvt_vfio_dma {
  struct nvt_vfio_window *windows; /* by iova */
  size_t count, capacity;
};

struct nvt_vfio_session {
  struct nvt_controller *device;
  int fd; /* owned */
  struct nvt_vfio_stream stream;
  struct nvt_vfio_capabilities caps;
  bool negotiated;
  bool unmapped; /* the last message took memory away: its replacement may follow */
  struct nvt_vfio_irqs irqs;
  struct nvt_vfio_dma dma;
  int doorbell_fd; /* file whose page 1 is the doorbells; -1: trapped */
  uint32_t *doorbells;
  char why[200]; /* the session ended */
};

/* Reply of a handler: data goes out behind the header. */
struct nvt_vfio_reply {
  size_t length;
  int fd; /* borrowed, or -1 */
  uint8_t data[sizeof(struct nvt_vfio_access) + NVT_BAR0_SIZE];
};
/* 0, or -errno for an error reply. */
typedef int nvt_vfio_handler(struct nvt_vfio_session *, struct nvt_vfio_message *,
                             struct nvt_vfio_reply *);

/* Once for a device: becomes its port, and shares its doorbells where wanted. 0 or
 * -errno. fini closes too. */
int nvt_vfio_session_init(struct nvt_vfio_session *, struct nvt_controller *,
                          bool shared_doorbells);
void nvt_vfio_session_fini(struct nvt_vfio_session *);
/* A client came; takes fd over, also when it fails. 0 or -errno. */
int nvt_vfio_session_open(struct nvt_vfio_session *, int fd);
/* Gives back everything that came from the client, and detaches it from the device. */
void nvt_vfio_session_close(struct nvt_vfio_session *);
/* Receive and handle at most `bound` messages, without waiting. The number handled;
 * -EAGAIN: none there; any other error: the session is over, and why says so
 * (empty: the client hung up in good order). */
int nvt_vfio_session_work(struct nvt_vfio_session *, unsigned bound);

nvt_vfio_handler nvt_vfio_get_region_info, nvt_vfio_get_region_io_fds, nvt_vfio_region_read,
    nvt_vfio_region_write, nvt_vfio_region_write_multi;
/* A new page takes the place of the one that there was, if any. 0 or -errno. */
int nvt_vfio_share_doorbells(struct nvt_vfio_session *);
void nvt_vfio_unshare_doorbells(struct nvt_vfio_session *);

nvt_vfio_handler nvt_vfio_dma_map, nvt_vfio_dma_unmap;
void nvt_vfio_dma_drop(struct nvt_vfio_session *);

nvt_vfio_handler nvt_vfio_get_irq_info, nvt_vfio_set_irqs;
void nvt_vfio_irqs_init(struct nvt_vfio_session *); /* becomes the device's port */
void nvt_vfio_irqs_disarm(struct nvt_vfio_session *);
void nvt_vfio_irqs_fini(struct nvt_vfio_session *);

#endif
