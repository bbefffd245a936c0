/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that have tails: data, meta, annotations. */
#include "capture/emit_records.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

static size_t padded(size_t length) {
  return (length + 7) & ~(size_t)7;
}

/* --- data --- */

enum { DATA_PIECE = 128 * 1024 };
_Static_assert(sizeof(struct nvt_rec_header) + sizeof(struct nvt_rec_data) + DATA_PIECE <=
                   NVT_RECORD_MAX,
               "a piece of data and its header are a record");

static bool is_list(const struct nvt_rec_data *data) {
  return data->kind == NVT_V_data_kind_PRP_LIST || data->kind == NVT_V_data_kind_SGL_SEGMENT;
}

uint32_t nvt_emit_kept(const struct nvt_emit_data_options *options,
                       const struct nvt_rec_data *data) {
  if (is_list(data) || options->mode == NVT_V_meta_data_mode_FULL)
    return data->true_length;
  if (data->offset >= options->head)
    return 0;
  uint64_t room = options->head - data->offset;
  return room < data->true_length ? (uint32_t)room : data->true_length;
}

int nvt_emit_data(struct nvt_emit *emit, struct nvt_emit_who who,
                  const struct nvt_emit_data_options *options, const struct nvt_rec_data *data,
                  const uint8_t *bytes) {
  bool list = is_list(data);
  if (options->mode == NVT_V_meta_data_mode_NONE && !list)
    return 0;
  uint32_t keep = nvt_emit_kept(options, data), told = 0;
  int result = 0;
  do {
    uint32_t captured = keep < DATA_PIECE ? keep : DATA_PIECE;
    keep -= captured;
    /* The last piece stands for all that isn't kept. */
    uint32_t length = keep > 0 ? captured : data->true_length - told;
    size_t tail = padded(captured);
    struct nvt_rec_data *body = nvt_emit_begin(emit, who, NVT_REC_DATA, sizeof(*body) + tail);
    if (body != NULL) {
      *body = *data;
      body->reserved = 0;
      body->address += told;
      body->offset += list ? 0 : told;
      body->true_length = length;
      body->captured_length = captured;
      uint8_t *to = (uint8_t *)(body + 1);
      memset(to + captured, 0, tail - captured);
      if (captured > 0)
        memcpy(to, bytes + told, captured);
      nvt_emit_end(emit, NVT_REC_DATA, sizeof(*body) + tail);
    } else {
      result = -ENOSPC;
    }
    told += length;
  } while (keep > 0);
  return result;
}

/* --- meta --- */

static void tell_start(struct nvt_meta *meta, uint64_t ns) {
  time_t seconds = (time_t)(ns / 1000000000u);
  struct tm utc;
  char date[24] = "";
  if (gmtime_r(&seconds, &utc) != NULL)
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
  (void)snprintf(meta->started, sizeof(meta->started), "%s.%09" PRIu64 "Z", date, ns % 1000000000u);
}

static void tell_how(struct nvt_meta *meta, const struct nvt_emit *emit,
                     const struct nvt_emit_data_options *data) {
  static const char *const modes[] = {[NVT_V_meta_data_mode_NONE] = "none",
                                      [NVT_V_meta_data_mode_HEAD] = "head",
                                      [NVT_V_meta_data_mode_FULL] = "full",
                                      [NVT_V_meta_data_mode_CRC] = "crc"};
  meta->format = NVT_META_FORMAT;
  meta->data_head = data->head;
  meta->dedup_pages = data->dedup_pages;
  (void)snprintf(meta->data, sizeof(meta->data), "%s", modes[data->mode]);
  (void)snprintf(meta->clock, sizeof(meta->clock), "%s", emit->clock.ticks ? "tsc" : "vdso");
  struct utsname host;
  if (uname(&host) == 0)
    (void)snprintf(meta->host, sizeof(meta->host), "%.20s %.16s", host.sysname, host.machine);
}

int nvt_emit_meta(struct nvt_emit *emit, struct nvt_emit_who who,
                  const struct nvt_emit_data_options *data, uint8_t left_out,
                  struct nvt_meta *meta) {
  char *json = NULL;
  size_t length = 0;
  tell_how(meta, emit, data);
  tell_start(meta, nvt_emit_now(emit));
  int error = nvt_meta_build(meta, &json, &length);
  if (error != 0)
    return error;
  bool shared = strcmp(meta->doorbells, "shared") == 0;
  size_t tail = padded(length);
  struct nvt_rec_meta *body = NULL;
  bool fits = sizeof(struct nvt_rec_header) + sizeof(*body) + tail <= NVT_RECORD_MAX;
  if (fits)
    body = nvt_emit_begin(emit, who, NVT_REC_META, sizeof(*body) + tail);
  if (body != NULL) {
    *body = (struct nvt_rec_meta){
        .cap = meta->cap,
        .vs = meta->vs,
        .vectors = (uint16_t)meta->vectors,
        .namespaces = (uint16_t)meta->namespace_count,
        .doorbells = shared ? NVT_V_meta_doorbells_SHARED : NVT_V_meta_doorbells_TRAP,
        .clock = emit->clock.ticks ? NVT_V_meta_clock_TSC : NVT_V_meta_clock_VDSO,
        .data_mode = data->mode,
        .left_out_flags = left_out,
        .json_length = (uint32_t)length};
    memset((uint8_t *)(body + 1) + length, 0, tail - length);
    memcpy(body + 1, json, length);
    nvt_emit_end(emit, NVT_REC_META, sizeof(*body) + tail);
    emit->stream->meta_written = true;
    emit->stream->shared_doorbells = shared;
  }
  free(json);
  return body != NULL ? 0 : fits ? -ENOSPC : -E2BIG;
}

/* --- annotations --- */

int nvt_emit_annotation(struct nvt_emit *emit, struct nvt_emit_who who, const char *text) {
  size_t length = strnlen(text, NVT_EMIT_TEXT_MAX + 1), tail = padded(length);
  if (length > NVT_EMIT_TEXT_MAX)
    return -EINVAL;
  struct nvt_rec_annotation *body =
      nvt_emit_begin(emit, who, NVT_REC_ANNOTATION, sizeof(*body) + tail);
  if (body == NULL)
    return -ENOSPC;
  *body = (struct nvt_rec_annotation){.text_length = (uint32_t)length};
  memset((uint8_t *)(body + 1) + length, 0, tail - length);
  memcpy(body + 1, text, length);
  nvt_emit_end(emit, NVT_REC_ANNOTATION, sizeof(*body) + tail);
  return 0;
}
