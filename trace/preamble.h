/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a piece of a trace begins with: its controllers as they were at that place, as records
 * (docs/trace-format.md, "Snapshot"). The session knows most of that; this follows what it
 * doesn't keep: meta-records, guest memory, the MSI-X table, and what the host wrote into
 * configuration space. Uses nothing but nvme/ and libc; takes any records.
 */
#ifndef NVT_TRACE_PREAMBLE_H
#define NVT_TRACE_PREAMBLE_H

#include "trace/session.h"

/* Limits: what is beyond is left out of the preamble. */
#define NVT_PREAMBLE_META_MAX (UINT64_C(64) << 20) /* bytes, meta-records of all controllers */
#define NVT_PREAMBLE_MAPS_MAX 8192u                /* windows of a controller */
#define NVT_PREAMBLE_TABLES_MAX 256u               /* controllers whose MSI-X table is kept */
#define NVT_PREAMBLE_WRITES_MAX 64u                /* places of a configuration space */

struct nvt_preamble; /* one thread at a time */

/* The session is borrowed until destroy. 0 or -ENOMEM. */
int nvt_preamble_create(const struct nvt_session *, struct nvt_preamble **out);
void nvt_preamble_destroy(struct nvt_preamble *); /* NULL is fine */
/* Each record with its bytes, `record->captured` of them, once the session took it. 0 or -ENOMEM.
 */
int nvt_preamble_record(struct nvt_preamble *, const struct nvt_record *, const uint8_t *bytes);

/* How it is to be written. `put` gets one record after the other, `captured` bytes of `length`, in
 * the order of time_ns (since 1970), and returns 0 or an error of its own, which ends the writing.
 */
struct nvt_preamble_out {
  uint64_t time_ns; /* of the last record before the piece */
  const char *note; /* an annotation; NULL: none */
  /* NULL: all. */
  bool (*wants_controller)(void *ctx, uint16_t controller);
  bool (*wants_command)(void *ctx, const struct nvt_exchange *); /* outstanding, or posted */
  int (*put)(void *ctx, uint64_t time_ns, const void *record, size_t captured, size_t length);
  void *ctx;
};

/* Of each controller that the session knows: its last meta-record, then its state as of the last
 * record that the session took. All have the sequence number of the last record before the piece,
 * and its epoch. 0, -ENOMEM or what `put` returned. */
int nvt_preamble_write(struct nvt_preamble *, const struct nvt_preamble_out *);

#endif
