/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a flight recorder waits for, and how much around it is written: the words of `record
 * --trigger` (docs/recording.md, "Flight recorder and triggers"). Pure functions, any thread.
 */
#ifndef NVT_CAPTURE_TRIGGER_H
#define NVT_CAPTURE_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/filter.h"
#include "nvme/nvme.h"

#define NVT_TRIGGERS_MAX 16u
#define NVT_TRIGGER_TEXT 255u   /* bytes of one */
#define NVT_SPAN_RECORDS 10000u /* before and after, where nothing is said */
#define NVT_TRIGGER_TIMES 100u  /* times that it fires, likewise */
#define NVT_SPAN_BYTES_MAX (8ull << 30)
#define NVT_SPAN_NS_MAX (86400ull * 1000000000u)

/* So much of a trace: one of them, the others are 0. All 0: nothing. */
struct nvt_span {
  uint64_t records; /* but meta-records and what has the flag SNAPSHOT */
  uint64_t bytes;
  uint64_t ns;
};
/* "1000": records; "64K": bytes, with K, M, G, T, or B; "30s", also ms, us, min: time. False: it is
 * none of them, or beyond the limits (records: 2^32 - 1). */
bool nvt_span_parse(const char *text, struct nvt_span *);
/* A time as above; at most a day. */
bool nvt_time_parse(const char *text, uint64_t *ns);

enum nvt_trigger_kind {
  NVT_TRIGGER_COMMAND,    /* when it is fetched */
  NVT_TRIGGER_COMPLETION, /* when it completes */
  NVT_TRIGGER_EVENT,
  NVT_TRIGGER_REGISTER, /* is written */
  NVT_TRIGGER_RECORD,   /* comes, of a number */
};

struct nvt_trigger {
  enum nvt_trigger_kind kind;
  struct nvt_trace_filter commands; /* of commands and completions: what lets one through */
  uint64_t events;                  /* bitmap of event numbers */
  uint32_t offset, size;            /* of the register */
  uint64_t record;                  /* counted from 1 */
  struct nvt_span before, after;    /* of the trigger record */
  bool before_given, after_given;
  uint32_t times; /* that it fires; 0: without end */
  char text[NVT_TRIGGER_TEXT + 1];
};

/* CONDITION[,before=SPAN][,after=SPAN][,times=N]. False with a reason in why. */
bool nvt_trigger_parse(const char *text, struct nvt_trigger *, char *why, size_t whylen);

#endif
