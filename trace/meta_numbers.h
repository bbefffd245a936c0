/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers out of a meta-record's JSON, which is searched, not parsed: few are wanted, and the
 * Wireshark plug-in has no JSON library. */
#ifndef NVT_TRACE_META_NUMBERS_H
#define NVT_TRACE_META_NUMBERS_H

#include "trace/record.h"

/* The number behind the next `"key":` from *at on (key with its quotes); *at moves behind it. A
 * number may stand as a string. False: there is none, and *at is anywhere behind. */
bool nvt_meta_number(const struct nvt_record *, const char *key, size_t *at, uint64_t *value);

#endif
