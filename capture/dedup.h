/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which data needn't be recorded again: the last pages recorded, as a reader of the trace keeps
 * them (docs/trace-format.md, digest), and the cutting of data into runs that are new, the same as
 * an earlier record's, or eight bytes repeated. One thread at a time.
 *
 * Data may be guest memory, which the guest may change meanwhile: each byte is read once, into
 * memory of ours, and what is compared, remembered and recorded is that copy. Equal is equal byte
 * by byte; a hash only says where to look.
 */
#ifndef NVT_CAPTURE_DEDUP_H
#define NVT_CAPTURE_DEDUP_H

#include <stdbool.h>
#include <stdint.h>

#define NVT_DEDUP_PAGE 4096u
#define NVT_DEDUP_PAGES_MIN 32u
#define NVT_DEDUP_PAGES_MAX 16384u
#define NVT_DEDUP_PAGES_DEFAULT 1024u
#define NVT_DEDUP_RUN_MAX (128u * 1024u) /* bytes of a run */

struct nvt_dedup;
/* Pages: NVT_DEDUP_PAGES_MIN to _MAX. 0, -EINVAL, -ENOMEM. All memory is taken now: some 4.1 KiB
 * a page. */
int nvt_dedup_create(uint32_t pages, struct nvt_dedup **out);
void nvt_dedup_destroy(struct nvt_dedup *); /* NULL is fine */
/* From here on nothing recorded before is referred to. */
void nvt_dedup_forget(struct nvt_dedup *);

enum nvt_run_kind {
  NVT_RUN_DATA, /* to be recorded */
  NVT_RUN_SAME, /* as an earlier record has it */
  NVT_RUN_FILL, /* eight bytes repeated */
};
struct nvt_run {
  enum nvt_run_kind kind;
  uint32_t length; /* bytes, at most NVT_DEDUP_RUN_MAX */
  uint64_t same_as;
  uint32_t same_offset;
  uint64_t fill;
};

/* Go through `length` bytes. `carry`: all of it is new; it is only remembered. */
void nvt_dedup_start(struct nvt_dedup *, const uint8_t *bytes, uint32_t length, bool carry);
/* The next run; false: no more. A DATA run must be followed by one of the two below, before
 * anything else is done. */
bool nvt_dedup_next(struct nvt_dedup *, struct nvt_run *);
/* The run's bytes, to its place in the data record that has this sequence number. */
void nvt_dedup_recorded(struct nvt_dedup *, const struct nvt_run *, uint8_t *to, uint64_t seq);
/* There was no room for it. */
void nvt_dedup_lost(struct nvt_dedup *);

#endif
