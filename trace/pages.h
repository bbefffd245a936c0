/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What digest records stand for: the pages of earlier data records that they may refer to
 * (docs/trace-format.md, digest). Bounded by the trace's own word and NVT_PAGES_MAX. Uses nothing
 * but libc; one thread at a time.
 */
#ifndef NVT_TRACE_PAGES_H
#define NVT_TRACE_PAGES_H

#include "trace/record.h"

#define NVT_PAGE_BYTES 4096u
#define NVT_PAGES_MAX 16384u          /* that a digest may refer back to: 64 MiB of them */
#define NVT_PAGES_CONTROLLERS_MAX 64u /* whose pages are kept: those that come first */

struct nvt_pages;
int nvt_pages_create(struct nvt_pages **out); /* 0 or -ENOMEM */
void nvt_pages_destroy(struct nvt_pages *);   /* NULL is fine */

/* Take each record of the trace, in order: meta-records, whose pages the following digests may
 * refer to, and data. 0 or -ENOMEM (later digests may then not be known). */
int nvt_pages_record(struct nvt_pages *, const struct nvt_record *);

/* What a digest record tells. */
struct nvt_known {
  const uint8_t *bytes; /* true_length of them, until the next call; NULL: not known */
  uint64_t record;      /* SAME: number of the data record; 0: it isn't there any more, or other */
};
/* Of a record of another type: nothing is known. */
void nvt_pages_known(struct nvt_pages *, const struct nvt_record *digest, struct nvt_known *);

/* A digest record whose bytes are known, as the data record that would have them; else false.
 * Valid until the next call: for those who read data alone. */
bool nvt_pages_as_data(struct nvt_pages *, const struct nvt_record *digest,
                       struct nvt_record *data);

#endif
