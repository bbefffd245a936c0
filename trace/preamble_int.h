/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by preamble.c, which follows the trace, and preamble_write.c. */
#ifndef NVT_TRACE_PREAMBLE_INT_H
#define NVT_TRACE_PREAMBLE_INT_H

#include "trace/preamble.h"
#include "trace/session_int.h"

#define NVT_PREAMBLE_SETUPS_MAX 64u /* interrupt set-ups of a host */

struct nvt_preamble_table { /* of MSI-X, in dwords */
  uint32_t dwords[NVT_MSIX_VECTORS * NVT_MSIX_ENTRY_SIZE / 4];
  uint8_t known[NVT_MSIX_VECTORS * NVT_MSIX_ENTRY_SIZE / 4 / 8];
};

struct nvt_preamble_controller {
  uint8_t *meta; /* the last one, as captured; NULL: none */
  size_t meta_captured;
  bool attached; /* a host came, and hasn't left */
  struct nvt_rec_event *maps;
  size_t map_count;
  size_t map_space;
  struct nvt_rec_event setups[NVT_PREAMBLE_SETUPS_MAX];
  unsigned setup_count;
  struct nvt_rec_access writes[NVT_PREAMBLE_WRITES_MAX]; /* to configuration space, as last made */
  unsigned write_count;
  struct nvt_preamble_table *table; /* NULL: nothing was seen of it */
};

struct nvt_preamble {
  const struct nvt_session *session;
  struct nvt_map controllers; /* struct nvt_preamble_controller, by id */
  uint64_t meta_bytes;
  unsigned tables;
  bool foretold; /* the last record is a verdict on the one that follows: the next three */
  uint16_t foretold_controller;
  uint64_t foretold_ns;
  struct nvt_rec_verdict verdict;
};

#endif
