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

/* An item of the time before the piece, in the order of its record there. */
struct nvt_preamble_item {
  uint64_t record;
  uint64_t time_ns;
  const struct nvt_controller_node *controller;
  const struct nvt_exchange_node *node;
  const struct nvt_queue *queue; /* a completion's or an interrupt's; NULL: a command */
  bool interrupt;
};

struct nvt_preamble_writing {
  struct nvt_preamble *preamble;
  const struct nvt_preamble_out *out;
  struct nvt_session *reader;
  struct nvt_rec_header base; /* of the controller at hand */
  uint64_t time_ns;           /* of all but items */
  struct nvt_preamble_item *items;
  size_t count;
  size_t space;
  bool noted;
  uint8_t *buffer; /* NVT_RECORD_MAX bytes */
};

/* preamble_write.c: a record of the controller at hand, which set_base() chose. 0, -ENOMEM or what
 * the user's `put` returned. */
int nvt_preamble_put_body(struct nvt_preamble_writing *, uint64_t time_ns, enum nvt_record_type,
                          const void *body);
void nvt_preamble_set_base(struct nvt_preamble_writing *, const struct nvt_controller_node *);
/* preamble_items.c: false: no memory. */
bool nvt_preamble_gather_items(struct nvt_preamble_writing *, const struct nvt_controller_node *);
void nvt_preamble_sort_items(struct nvt_preamble_writing *);
int nvt_preamble_put_items(struct nvt_preamble_writing *);

#endif
