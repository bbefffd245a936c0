/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a controller's traffic goes into a trace: how much of the data, and which records.
 * The words of a filter are in docs/recording.md, "Filters". Pure functions, any thread.
 */
#ifndef NVT_CONTROL_FILTER_H
#define NVT_CONTROL_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nvt_trace_data {
  NVT_TRACE_DATA_NONE, /* no payload; PRP lists and SGL segments are always recorded */
  NVT_TRACE_DATA_HEAD, /* the first bytes of each command's payload */
  NVT_TRACE_DATA_FULL,
  NVT_TRACE_DATA_CRC, /* CRCs in the place of payload */
};
/* Pages of 4096 bytes that data which repeats is looked for in. */
#define NVT_TRACE_DEDUP_MIN 32u
#define NVT_TRACE_DEDUP_MAX 16384u
#define NVT_TRACE_DEDUP_DEFAULT 1024u
/* data.c: "none", "full", "crc", or "head:N" with N a size, which goes to *head; behind full and
 * head ",dedup" or ",dedup:SIZE", of which the pages go to *dedup_pages, else 0. */
bool nvt_trace_data_parse(const char *text, enum nvt_trace_data *, uint32_t *head,
                          uint32_t *dedup_pages);
#define NVT_TRACE_DATA_WANTED                                                                      \
  "crc, none, head:N or full is wanted, N the bytes of data kept of a command; behind head:N and " \
  "full ,dedup or ,dedup:SIZE, a size from 128K to 64M"
/* "none", "head", "full" or "crc". */
const char *nvt_trace_data_name(enum nvt_trace_data);

#define NVT_FILTER_TEXT 255u  /* bytes of a filter */
#define NVT_FILTER_QUEUES 16u /* that one can name; ranges of blocks, and statuses, too */

struct nvt_filter_range {
  uint64_t first, last; /* blocks, both inclusive */
};

/* All zero: everything is recorded. */
struct nvt_trace_filter {
  bool no_doorbells, no_interrupts;
  bool no_commands; /* but those that make queues */
  bool no_lists;    /* no data lists */
  bool admin, io;   /* that alone */
  bool errors;      /* commands that fail alone */
  bool slower;      /* commands that take longer than slower_ns alone */
  uint64_t slower_ns;
  bool by_opcode, by_nsid;
  uint8_t opcodes[2][32]; /* bitmaps: of admin commands, of I/O commands */
  uint32_t nsid;
  unsigned queue_count; /* 0: all */
  uint16_t queues[NVT_FILTER_QUEUES];
  unsigned range_count, status_count; /* 0: all */
  struct nvt_filter_range ranges[NVT_FILTER_QUEUES];
  uint16_t statuses[NVT_FILTER_QUEUES]; /* Status Code Type * 256 + Status Code */
  char text[NVT_FILTER_TEXT + 1];       /* as it was given */
};
/* "" is everything. False with a reason in why. */
bool nvt_trace_filter_parse(const char *text, struct nvt_trace_filter *, char *why, size_t whylen);

/* Whether it leaves out anything; whether it leaves out commands. */
bool nvt_trace_filter_any(const struct nvt_trace_filter *);
bool nvt_trace_filter_commands(const struct nvt_trace_filter *);
/* Whether what it leaves out of commands are whole queues. */
bool nvt_trace_filter_queues(const struct nvt_trace_filter *);
/* Whether it is a command's completion that decides: until then the command is kept. */
bool nvt_trace_filter_waits(const struct nvt_trace_filter *);
/* Whether it is the command's own entry that decides, not its queue alone. */
bool nvt_trace_filter_looks(const struct nvt_trace_filter *);
/* Whether so much data can be recorded with it. False with a reason in why. */
bool nvt_trace_filter_agrees(const struct nvt_trace_filter *, enum nvt_trace_data, char *why,
                             size_t whylen);

#endif
