/* SPDX-License-Identifier: BSD-2-Clause */
/* A record's links and numbers, for printers: trace/links.def. */
#ifndef NVT_TRACE_LINKS_OF_H
#define NVT_TRACE_LINKS_OF_H

#include "trace/session.h"

enum nvt_link {
#define NVT_LINK(id, kind, key, abbreviation, title, blurb) NVT_LINK_##id,
#include "trace/links.def"
  NVT_LINK_COUNT
};

enum nvt_link_kind { NVT_LINK_KIND_RECORD, NVT_LINK_KIND_NUMBER, NVT_LINK_KIND_NS };

struct nvt_link_info {
  enum nvt_link_kind kind;
  const char *key;          /* in JSON */
  const char *abbreviation; /* of the display filter */
  const char *title;
  const char *blurb; /* NULL: none */
};
const struct nvt_link_info *nvt_link_info(enum nvt_link); /* never NULL for one of the enum */

/* Calls `put` for each that the record has, as far as the trace was read. The view must be the
 * record's. */
void nvt_links_of(const struct nvt_record *, const struct nvt_view *,
                  void (*put)(void *ctx, enum nvt_link, uint64_t value), void *ctx);

#endif
