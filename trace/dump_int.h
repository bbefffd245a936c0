/* SPDX-License-Identifier: BSD-2-Clause */
/* The forms in which nvmetap dump prints a record. */
#ifndef NVT_TRACE_DUMP_INT_H
#define NVT_TRACE_DUMP_INT_H

#include <stdio.h>

#include "trace/reader.h"
#include "trace/session.h"

/* Every field, one a line, indented. */
void nvt_dump_fields(FILE *, const struct nvt_record *, const struct nvt_view *,
                     const struct nvt_session *);
/* The state of its controller as of it, likewise. */
void nvt_dump_state(FILE *, const struct nvt_record *, const struct nvt_view *,
                    const struct nvt_session *);
/* Offset, 16 bytes in hexadecimal, and as text. */
void nvt_dump_hex(FILE *, const uint8_t *bytes, size_t length);
/* One JSON object and a line feed. With a session, the state as of the record too: in the session
 * that has just taken it; NULL: none. */
void nvt_dump_json(FILE *, const struct nvt_record *, const struct nvt_view *, bool with_data,
                   const struct nvt_session *);
void nvt_dump_json_foreign(FILE *, const struct nvt_record *, const struct nvt_reason *);

#endif
