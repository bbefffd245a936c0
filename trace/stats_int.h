/* SPDX-License-Identifier: BSD-2-Clause */
/* What nvmetap stats collects, and how it is printed. */
#ifndef NVT_TRACE_STATS_INT_H
#define NVT_TRACE_STATS_INT_H

#include <stdio.h>

#include "trace/histogram.h"
#include "trace/session_int.h"

/* Rows of queues and namespaces beyond this many are counted, not listed. */
#define NVT_STATS_ROWS_MAX 4096u

struct nvt_stats_opcode {
  uint64_t commands;
  uint64_t errors;                               /* completed with another status than success */
  struct nvt_histogram *stages[NVT_STAGE_COUNT]; /* NULL: none measured */
};

struct nvt_stats_row { /* of a submission queue or a namespace */
  uint16_t controller;
  uint32_t id;
  uint64_t commands;
  uint64_t errors;
  uint64_t depth_sum;
  uint32_t depth_max;
};

struct nvt_stats_rows {
  struct nvt_stats_row *rows;
  size_t count;
  struct nvt_map places; /* by controller and id: the row */
  uint64_t beyond;       /* commands of rows that weren't listed */
};

struct nvt_stats_payload { /* bytes */
  uint64_t moved;
  uint64_t recorded;        /* carried by data records */
  uint64_t same, fill, crc; /* told by digest records, by their algorithm */
  uint64_t records;         /* what digest records take in the file */
};

struct nvt_stats {
  const char *path;
  uint64_t records;
  uint64_t unreadable;
  uint64_t first_ns;
  uint64_t last_ns;
  uint64_t types[NVT_REC_COUNT];
  uint64_t ends[NVT_EXCHANGE_UNTRACED + 1];
  uint64_t controllers;
  uint64_t lost;
  uint8_t left_out; /* NVT_V_meta_left_out_flags_*, of any controller */
  struct nvt_stats_opcode *opcodes[NVT_SET_COUNT][256]; /* by set and code; NULL: never seen */
  struct nvt_histogram *io_stages[NVT_STAGE_COUNT];     /* all I/O commands */
  struct nvt_stats_rows queues;
  struct nvt_stats_rows namespaces; /* of I/O commands */
  struct nvt_stats_payload payload;
  bool no_memory;
};

/* stats_payload.c */
struct json_object;
void nvt_stats_payload_count(struct nvt_stats_payload *, const struct nvt_record *);
void nvt_stats_payload_print(FILE *, const struct nvt_stats_payload *);
struct json_object *nvt_stats_payload_json(const struct nvt_stats_payload *);

void nvt_stats_print(FILE *, const struct nvt_stats *);
void nvt_stats_json(FILE *, const struct nvt_stats *);

#endif
