/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Emission of records that have tails: data, meta, annotations. As all of capture/emit.h: in the
 * thread that produces into the ring.
 */
#ifndef NVT_CAPTURE_EMIT_RECORDS_H
#define NVT_CAPTURE_EMIT_RECORDS_H

#include <stdint.h>

#include "capture/emit.h"
#include "trace/meta.h"

/* How much of a payload is recorded. */
struct nvt_emit_data_options {
  uint8_t mode;         /* NVT_V_meta_data_mode_… */
  uint32_t head;        /* bytes of each transfer, with HEAD; else 0 */
  uint32_t dedup_pages; /* for capture/digests.h, and as the meta-record says; 0: none */
};

/* How many of these bytes are to be kept. */
uint32_t nvt_emit_kept(const struct nvt_emit_data_options *, const struct nvt_rec_data *);
/* What was transferred: *data without its captured_length, true_length bytes at `bytes`. As many
 * records as it takes. 0, -ENOSPC: one of them at least was lost. */
int nvt_emit_data(struct nvt_emit *, struct nvt_emit_who, const struct nvt_emit_data_options *,
                  const struct nvt_rec_data *data, const uint8_t *bytes);

/* A meta-record. *meta says all of the controller (recorder, identity, doorbells, namespaces, …);
 * what there is to say of the recording (format, data, clock, started, host) is set here. 0,
 * -EINVAL (too many namespaces), -E2BIG (too long for a record), -ENOMEM, -ENOSPC (lost). */
int nvt_emit_meta(struct nvt_emit *, struct nvt_emit_who, const struct nvt_emit_data_options *,
                  uint8_t left_out, struct nvt_meta *meta);

/* UTF-8, at most NVT_EMIT_TEXT_MAX bytes. 0, -EINVAL (longer), -ENOSPC (lost). */
#define NVT_EMIT_TEXT_MAX (NVT_RECORD_MAX / 2)
int nvt_emit_annotation(struct nvt_emit *, struct nvt_emit_who, const char *text);

#endif
