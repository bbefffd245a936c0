/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of `nvmetap merge`: merge.c reads options and merges, merge_scan.c reads each file once
 * before that, merge_match.c finds which of their controllers are the same recording.
 */
#ifndef NVT_EDIT_MERGE_INT_H
#define NVT_EDIT_MERGE_INT_H

#include "trace/reader.h"

#define NVT_MERGE_OPEN_MAX 64u /* files that are read at a time */

/* A controller in a file. Its leading records are those before its first ordinary one: a
 * meta-record, and a snapshot. */
struct nvt_merge_member {
  uint16_t id;
  bool ordinary;      /* it has any ordinary records: the next four are of these */
  uint64_t first_seq; /* of the first one */
  uint64_t first_ns;
  uint64_t last_seq; /* the highest */
  uint64_t last_ns;
  bool snapshot;         /* among the leading ones are some with the flag */
  uint64_t leading;      /* how many */
  uint64_t leading_seq;  /* of the first */
  uint64_t leading_last; /* of the last */
  uint64_t numbers;      /* that leading ones have, each counted once */
  uint32_t pci_address;
  uint64_t identity; /* a hash of what its meta-records all say; 0: there is none */
  size_t recording;
  /* While it is merged. */
  bool begun; /* an ordinary record has come */
  bool dropping;
  bool judged;
};

struct nvt_merge_input {
  const char *path;
  struct nvt_merge_member *members; /* by id */
  size_t count;
  uint64_t records;
  uint64_t
      start_ns; /* of its first record; where a snapshot precedes it, of the first ordinary one */
  bool started;
  bool snapshot; /* it begins with one */
  bool cut;      /* it ends inside a record */
  struct nvt_reason why;
  /* While it is merged. */
  struct nvt_reader *reader;
  struct nvt_record record;
  bool foreign;
  bool past_start;
  uint64_t key; /* the highest time so far: time stamps in a file needn't rise */
};

/* The same controller, recorded once, however many files have parts of that. */
struct nvt_merge_recording {
  uint16_t in;
  uint16_t out;
  size_t next; /* of the same number in its files, plus one; 0: no more */
  /* While it is merged. */
  bool seen;
  uint64_t expected; /* the next sequence number in the files */
  uint64_t shift;    /* of those in the merged trace: numbered preambles that were dropped */
  uint64_t last_key;
  const struct nvt_merge_input *last;
};

struct nvt_merge {
  struct nvt_merge_input *inputs;
  size_t count;
  struct nvt_merge_recording *recordings;
  size_t recording_count;
};

static inline bool nvt_merge_is_leading(const struct nvt_record *record) {
  return record->header.type == NVT_REC_META ||
         (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
}

/* Reads the file to its end. False with *why set: it is no trace, or can't be read. */
bool nvt_merge_scan(struct nvt_merge_input *, struct nvt_reason *why);
/* The controller's; NULL: the file has none of it. */
struct nvt_merge_member *nvt_merge_member(const struct nvt_merge_input *, uint16_t id);
/* Fills the recordings, and gives each its number in the merged trace: its own, where no other
 * has it. 0; -ENOMEM; -ENOSPC: more than 65536. */
int nvt_merge_match(struct nvt_merge *);

#endif
