/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of `nvmetap cut`: cut.c reads options and copies, cut_range.c finds where the piece
 * begins and ends, cut_select.c which records of it are wanted. */
#ifndef NVT_EDIT_CUT_INT_H
#define NVT_EDIT_CUT_INT_H

#include "trace/reader.h"
#include "trace/session.h"
#include "trace/when.h"

#define NVT_CUT_LIST_MAX 64u

enum nvt_cut_centre { NVT_CUT_NO_CENTRE, NVT_CUT_RECORD, NVT_CUT_ERROR, NVT_CUT_FINDING };

struct nvt_cut_list {
  unsigned count; /* 0: all */
  uint32_t values[NVT_CUT_LIST_MAX];
};

struct nvt_cut_options {
  const char *in;
  const char *out;
  uint64_t first; /* record numbers, both included; last 0: to the end */
  uint64_t last;
  struct nvt_when from; /* at or after */
  struct nvt_when to;   /* before */
  enum nvt_cut_centre centre;
  uint64_t around;  /* NVT_CUT_RECORD */
  const char *rule; /* NVT_CUT_FINDING: of this rule; NULL: of any, notes aside */
  uint64_t before;  /* records around the centre */
  uint64_t after;
  bool whole;
  struct nvt_cut_list queues;
  struct nvt_cut_list namespaces;
  struct nvt_cut_list controllers;
};

/* --- cut_range.c --- */

/* Where a record lies; records come in file order, the first of all too. */
enum nvt_cut_place { NVT_CUT_BEFORE, NVT_CUT_INSIDE, NVT_CUT_AFTER };
struct nvt_cut_position {
  bool started;
  uint64_t start_ns; /* of the trace */
  enum nvt_cut_place place;
};
enum nvt_cut_place nvt_cut_where(const struct nvt_cut_options *, struct nvt_cut_position *,
                                 const struct nvt_record *);

/* Where a centre or whole commands are asked for: reads the trace, and sets `first` and `last` (and
 * takes the times away). 0; 1: there is nothing like that, and *why says so; -1: can't be read. */
int nvt_cut_resolve(struct nvt_cut_options *, struct nvt_reason *why);

/* --- cut_select.c --- */

bool nvt_cut_in_list(const struct nvt_cut_list *, uint32_t value);
bool nvt_cut_wants_controller(const struct nvt_cut_options *, uint16_t controller);
/* Whether commands are chosen, by queue or namespace: some records are left out then. */
bool nvt_cut_selects(const struct nvt_cut_options *);
bool nvt_cut_wants_command(const struct nvt_cut_options *, const struct nvt_exchange *);
/* A record that the session took just now. */
bool nvt_cut_wants(const struct nvt_cut_options *, const struct nvt_session *,
                   const struct nvt_record *, const struct nvt_view *);
/* A digest record whose data stands outside of the piece, as a record that has it, `shift` taken
 * off its sequence number: at `buffer`, NVT_RECORD_MAX bytes; its length. 0: it can stay as it is.
 */
struct nvt_pages;
size_t nvt_cut_digest(struct nvt_pages *, const struct nvt_record *, uint64_t shift,
                      uint8_t *buffer);
/* A meta-record that says what was left out: at `buffer`, NVT_RECORD_MAX bytes; its length. What
 * can't be changed stays. */
size_t nvt_cut_meta(const struct nvt_cut_options *, const uint8_t *bytes, size_t captured,
                    uint8_t *buffer);

#endif
