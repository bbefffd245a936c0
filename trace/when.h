/* SPDX-License-Identifier: BSD-2-Clause */
/* Times and record numbers as people write them. Pure, safe from any thread. */
#ifndef NVT_TRACE_WHEN_H
#define NVT_TRACE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* A time as it was given: since 1970, or since the trace's first record. */
struct nvt_when {
  bool given;
  bool relative;
  uint64_t ns;
};

/* "1.5" since the trace's start, "@1700000000.25" since 1970, or ISO 8601, UTC where it names no
 * other: "2026-01-31T12:00:00.25", "2026-01-31 12:00:00+01:00". False: none of these. */
bool nvt_parse_when(const char *text, struct nvt_when *out);
/* Nanoseconds since 1970, in a trace whose first record has start_ns. */
uint64_t nvt_when_absolute(const struct nvt_when *, uint64_t start_ns);
/* "5", "5-9", "5-" or "-9". */
bool nvt_parse_records(const char *text, uint64_t *first, uint64_t *last);

#endif
