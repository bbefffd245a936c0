/* SPDX-License-Identifier: BSD-2-Clause */
/* The forms in which nvmetap dump prints a record. */
#ifndef NVT_TRACE_DUMP_INT_H
#define NVT_TRACE_DUMP_INT_H

#include <stdio.h>

#include "trace/pages.h"
#include "trace/reader.h"
#include "trace/session.h"

/* A field's line begins with its label, for printf. */
#define NVT_DUMP_LABEL "    %-31s  "

/* Every field, one a line, indented; `bytes` are the record's as captured. What its command
 * transferred is told from its exchange's transfers (trace/transfer.h); what a digest record stands
 * for is known (trace/pages.h). */
void nvt_dump_fields(FILE *, const struct nvt_record *, const uint8_t *bytes,
                     const struct nvt_view *, const struct nvt_session *, const struct nvt_known *);
/* The state of its controller as of it, likewise. */
void nvt_dump_state(FILE *, const struct nvt_record *, const struct nvt_view *,
                    const struct nvt_session *);

/* --- dump_access.c, dump_data.c: parts of it --- */

/* Accesses, doorbells, interrupts. */
void nvt_dump_access(FILE *, const struct nvt_record *, const struct nvt_view *);
/* JSON, text, data, or a list's entries. */
void nvt_dump_tail(FILE *, const struct nvt_record *, const struct nvt_view *);
/* What a digest record tells. */
void nvt_dump_digest(FILE *, const struct nvt_record *, const struct nvt_known *);
/* On its completion: what the command transferred, put together. */
void nvt_dump_transfers(FILE *, const struct nvt_view *);
/* A descriptor of 16 bytes. */
void nvt_dump_sgl(FILE *, const uint8_t *bytes);
/* Label and number, a line. */
void nvt_dump_number(FILE *, const char *label, uint64_t value);
void nvt_dump_number_hex(FILE *, const char *label, uint64_t value, int digits);
void nvt_dump_bytes(FILE *, const char *label, const uint8_t *bytes, size_t length);
void nvt_dump_number_named(FILE *, const char *label, uint64_t value, const char *name);

/* Offset, 16 bytes in hexadecimal, and as text. */
void nvt_dump_hex(FILE *, const uint8_t *bytes, size_t length);
/* One JSON object and a line feed. With a session, the state as of the record too: in the session
 * that has just taken it; NULL: none. */
void nvt_dump_json(FILE *, const struct nvt_record *, const struct nvt_view *, bool with_data,
                   const struct nvt_session *, const struct nvt_known *);
void nvt_dump_json_foreign(FILE *, const struct nvt_record *, const struct nvt_reason *);

#endif
