/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of nvmetap scrub. */
#ifndef NVT_EDIT_SCRUB_INT_H
#define NVT_EDIT_SCRUB_INT_H

#include "edit/scrub.h"
#include "edit/scrub_lba.h"
#include "edit/scrub_names.h"
#include "nvme/layouts.h"
#include "trace/pages.h"
#include "trace/session.h"

/* Data records of one transfer, which are looked at as a whole. */
struct gather {
  struct nvt_exchange *exchange; /* its `user` points here */
  struct nvt_layout layout;
  struct nvt_sqe sqe;
  uint16_t controller;
  uint8_t direction;
  struct waiting *first, **last; /* its records: at least one */
};

/* A record that waits for its turn. */
struct waiting {
  struct waiting *next;
  struct waiting *sibling; /* the next one of the same transfer */
  struct gather *gather;   /* NULL: it is ready */
  uint64_t time_ns;
  uint64_t offset; /* of its data in the transfer */
  uint32_t at;     /* where they stand in the bytes */
  uint32_t count;  /* data bytes */
  size_t length;
  uint8_t bytes[];
};

struct nvt_scrub {
  struct nvt_scrub_options options;
  struct nvt_names *names;
  struct nvt_lba_map *lbas; /* NULL: they stay */
  struct nvt_session *session;
  struct nvt_pages *pages; /* what digests stand for */
  nvt_scrub_put *put;
  void *ctx;
  bool learning; /* nothing comes out, LBAs are told */
  bool started;
  uint64_t first_ns; /* the first record's time */
  int error;         /* of a callback of the session */
  struct waiting *first, **last;
  size_t waiting_bytes;
  struct nvt_scrub_report report;
  uint8_t record[NVT_RECORD_MAX]; /* being made */
};

static inline void nvt_scrub_add(struct nvt_scrub *s, enum nvt_scrub_count which, uint64_t count) {
  s->report.counts[which] += count;
}

/* --- scrub_records.c --- */
/* The record, made of what may be kept, is handed to the queue. 0 or -errno. */
int nvt_scrub_make(struct nvt_scrub *, const struct nvt_record *, const struct nvt_view *);
/* Of a type that isn't known: an annotation stands for it. */
int nvt_scrub_unknown(struct nvt_scrub *, const struct nvt_record *);
uint64_t nvt_scrub_time(const struct nvt_scrub *, uint64_t time_ns);

/* --- scrub_command.c: entries of queues --- */
/* Of the command's LBAs, which are told or mapped, too. 0 or -errno. */
int nvt_scrub_sqe(struct nvt_scrub *, uint16_t controller, enum nvt_opcode_set, struct nvt_sqe *);
void nvt_scrub_cqe(struct nvt_scrub *, enum nvt_opcode_set, const struct nvt_exchange *,
                   struct nvt_rec_completion *);
void nvt_scrub_access(struct nvt_scrub *, const struct nvt_view *, uint16_t controller,
                      struct nvt_rec_access *);

/* --- scrub_meta.c --- */
/* What is to be known of the namespaces: 0, -ENOMEM or -E2BIG. */
int nvt_scrub_learn_meta(struct nvt_scrub *, const struct nvt_record *);
/* *json: free() it; NULL: none is kept. 0 or -ENOMEM. */
int nvt_scrub_meta(struct nvt_scrub *, const struct nvt_record *, struct nvt_rec_meta *,
                   char **json, size_t *length);

/* --- scrub_data.c: data structures --- */
struct scrub_piece {
  enum nvt_structure_id structure;
  uint64_t from;             /* of the first byte in it */
  const struct nvt_sqe *sqe; /* the command */
  uint16_t controller;
  uint8_t *bytes; /* become what is kept of them */
  size_t length;
};
/* 0 or -errno. */
int nvt_scrub_structure(struct nvt_scrub *, const struct scrub_piece *);

/* --- scrub_queue.c: in the order of the file --- */
/* A record goes out, after those before it. */
int nvt_scrub_queue(struct nvt_scrub *, uint64_t time_ns, const void *record, size_t length);
/* A data record with `count` bytes of a structure at record[at], which wait for the others of the
 * command. */
int nvt_scrub_queue_data(struct nvt_scrub *, const struct nvt_record *, struct nvt_exchange *,
                         struct nvt_layout, size_t at, size_t length);
/* The command has all its data, or ends. */
int nvt_scrub_complete(struct nvt_scrub *, struct nvt_exchange *);
int nvt_scrub_flush(struct nvt_scrub *);
void nvt_scrub_forget(struct nvt_scrub *);

#endif
