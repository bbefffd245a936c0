/* SPDX-License-Identifier: BSD-2-Clause */
/* Between load.c, which reads records, and load_units.c, which says what unit each is of. */
#ifndef NVT_REDUCE_LOAD_INT_H
#define NVT_REDUCE_LOAD_INT_H

#include "reduce/reduce_int.h"
#include "trace/pages.h"

#define NVT_LOAD_BUCKETS 65536u
#define NVT_LOAD_CONTROLLERS_MAX 1024u

struct nvt_host { /* a controller's, so far */
  uint16_t id;
  uint8_t registers[0x38];
  uint8_t dstrd;
  uint32_t meta;
  uint32_t setup;   /* unit of admin queue registers that were written since it was enabled */
  uint64_t written; /* bytes of them, since then */
  uint32_t enable;  /* unit that enabled it */
  uint32_t last_write, last_config;
  uint32_t caused; /* unit that a plug-in's word begins: the next record is of it */
  uint32_t before; /* unit of the record before */
  uint32_t life;   /* resets so far */
  bool counts;     /* its trace has all bytes moved, or tells of all */
  bool under_way;  /* there was more than a snapshot */
};

struct nvt_loader {
  struct nvt_trace *trace;
  struct nvt_pages *pages;
  struct nvt_host *hosts;
  uint32_t host_count;
  uint32_t *commands; /* the youngest unit by queue and identifier */
  uint8_t *buffer;
};

/* The trace's last item, which is this record: its unit. False: out of memory. */
bool nvt_load_item(struct nvt_loader *, const struct nvt_record *);

#endif
