/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a trace is compared: from a record to a record, and of these some commands only. All
 * before the window, and all in it that isn't asked for, is done nevertheless: the rest depends on
 * it.
 */
#ifndef NVT_REPLAY_WINDOW_H
#define NVT_REPLAY_WINDOW_H

#include "trace/record.h"
#include "trace/when.h"

#define NVT_WINDOW_LIST_MAX 64u

struct nvt_window_edge {
  uint64_t record; /* 0: by time, or not given */
  struct nvt_when when;
};

struct nvt_window { /* zeroed: all is compared */
  struct nvt_window_edge from, to;
  uint32_t queue_count, nsid_count; /* 0: all */
  uint16_t queues[NVT_WINDOW_LIST_MAX];
  uint32_t nsids[NVT_WINDOW_LIST_MAX];
  bool by_opcode;
  uint8_t opcodes[NVT_SET_COUNT][256 / 8];
};

/* What a comparison is about. */
struct nvt_subject {
  bool has_queue;
  bool is_command; /* a command, its data or its completion: set and code are known */
  bool has_nsid;
  uint16_t queue;
  uint32_t nsid;
  uint8_t set; /* enum nvt_opcode_set */
  uint8_t code;
};

bool nvt_window_given(const struct nvt_window *);
bool nvt_window_filters(const struct nvt_window *); /* not all in it is compared */
bool nvt_window_takes(const struct nvt_window *, const struct nvt_subject *);

/* Where a record lies; records come in file order. */
enum nvt_window_place { NVT_WINDOW_BEFORE, NVT_WINDOW_INSIDE, NVT_WINDOW_BEHIND };
struct nvt_window_position {
  bool started;
  uint64_t start_ns; /* of the trace */
  enum nvt_window_place place;
};
enum nvt_window_place nvt_window_where(const struct nvt_window *, struct nvt_window_position *,
                                       const struct nvt_record *);

/* A record's number (digits alone), or a time as nvt_parse_when() takes, where an "s" may stand
 * behind seconds. False: neither. */
bool nvt_window_parse_edge(const char *text, struct nvt_window_edge *out);
/* Each adds to what is there. False: no such thing, or too many. */
bool nvt_window_add_queue(struct nvt_window *, const char *text);
bool nvt_window_add_nsid(struct nvt_window *, const char *text);
bool nvt_window_add_opcode(struct nvt_window *, const char *text); /* the specification's name */

#endif
