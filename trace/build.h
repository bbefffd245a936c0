/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building records: the counterpart of nvt_record_parse(), for importers, replay
 * and tests. (The recorder writes its records in place.) Safe from any thread.
 */
#ifndef NVT_TRACE_BUILD_H
#define NVT_TRACE_BUILD_H

#include "trace/record.h"

/* Bytes of a record with a tail, padded to 8; 0 for an unknown type, for a tail
 * where the type has none, or beyond NVT_RECORD_MAX. */
size_t nvt_build_size(enum nvt_record_type, size_t tail_length);

/* Write the record at buffer: header from *base (magic, version, type and lengths
 * are set here), body, tail and zero padding. The body's length of its tail
 * (json_length, captured_length, text_length) is set from tail_length. Returns
 * the record's bytes, or 0 when nvt_build_size() says so or `size` is too small. */
size_t nvt_build_record(void *buffer, size_t size, enum nvt_record_type,
                        const struct nvt_rec_header *base, const void *body, const void *tail,
                        size_t tail_length);

/* Type-checked: nvt_build_COMMAND(buffer, size, &base, &command, NULL, 0), … */
#define NVT_RECORD(value, id, name, body_size, title)                                              \
  static inline size_t nvt_build_##id(                                                             \
      void *buffer, size_t size, const struct nvt_rec_header *base,                                \
      const struct nvt_rec_##name *body, const void *tail, size_t tail_length) {                   \
    return nvt_build_record(buffer, size, NVT_REC_##id, base, body, tail, tail_length);            \
  }
#include "trace/record.def"

#endif
