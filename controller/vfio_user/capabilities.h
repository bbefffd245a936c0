/* SPDX-License-Identifier: BSD-2-Clause */
/* The capabilities that two sides of a vfio-user socket agree on. */
#ifndef NVT_CONTROLLER_VFIO_USER_CAPABILITIES_H
#define NVT_CONTROLLER_VFIO_USER_CAPABILITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_vfio_capabilities {
  uint32_t max_msg_fds;
  uint32_t max_data_xfer_size; /* bytes */
  uint32_t max_dma_maps;
  uint64_t pgsizes; /* or-ed */
  bool write_multiple;
  /* Which of them the peer named: an answer names no others. */
  bool has_fds, has_transfer, has_maps, has_pages, has_multiple;
};

/* Read JSON of `length` bytes (NUL-terminated; none at all means defaults). False
 * with a reason when it isn't what the specification describes; names unknown to
 * us are passed over. */
bool nvt_vfio_capabilities_parse(const uint8_t *text, size_t length,
                                 struct nvt_vfio_capabilities *out, const char **why);
/* What both sides can do. */
void nvt_vfio_capabilities_limit(struct nvt_vfio_capabilities *);
/* Length with the NUL, 0 when size is too small. */
size_t nvt_vfio_capabilities_print(const struct nvt_vfio_capabilities *, char *text, size_t size);

#endif
