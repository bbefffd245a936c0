/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace of any records in any order, cut anywhere: what the piece begins with are records that
 * can be read, in the order of time, of controllers that were there; whoever reads on from there,
 * and whoever cuts the piece again, survives it. And cut's options with anything in them.
 */
#include <stdlib.h>
#include <string.h>

#include "edit/cut_int.h"
#include "tests/fuzz/some_record.h"
#include "trace/build.h"
#include "trace/preamble.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct trace {
  struct nvt_session *session;
  struct nvt_preamble *preamble;
  uint64_t records;
  uint64_t last_ns;
};

static void start(struct trace *trace) {
  *trace = (struct trace){0};
  if (nvt_session_create(NULL, &trace->session) != 0 ||
      nvt_preamble_create(trace->session, &trace->preamble) != 0)
    abort();
}

static void stop(struct trace *trace) {
  nvt_session_finish(trace->session);
  nvt_preamble_destroy(trace->preamble);
  nvt_session_destroy(trace->session);
}

static void take(struct trace *trace, struct nvt_record *record, const void *bytes) {
  struct nvt_view view;
  record->number = ++trace->records;
  if (nvt_session_record(trace->session, record, &view) != 0 ||
      nvt_preamble_record(trace->preamble, record, bytes) != 0)
    abort();
}

static int put(void *ctx, uint64_t time_ns, const void *bytes, size_t captured, size_t length) {
  struct trace *trace = ctx;
  struct nvt_record record = {.time_ns = time_ns};
  if (captured > length || nvt_record_parse(bytes, captured, &record) != NVT_PARSE_OK)
    abort();
  bool snapshot = (record.header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
  if ((record.header.type != NVT_REC_META && !snapshot) || time_ns < trace->last_ns ||
      record.header.controller > 1)
    abort();
  trace->last_ns = time_ns;
  take(trace, &record, bytes);
  return 0;
}

static void cut_into(const struct trace *from, uint64_t time_ns, struct trace *to) {
  const struct nvt_preamble_out out = {.time_ns = time_ns, .note = "a note", .put = put, .ctx = to};
  if (nvt_preamble_write(from->preamble, &out) != 0)
    abort();
}

/* Five bytes a record: the whole, a piece from the first byte's place on, and a piece of that. */
static void cut_somewhere(const uint8_t *bytes, size_t length) {
  struct trace whole, piece, again;
  size_t place = bytes[0];
  start(&whole);
  start(&piece);
  start(&again);
  uint64_t time_ns = 0;
  uint32_t epoch = 0;
  for (size_t at = 1; at + 5 <= length; at += 5) {
    struct nvt_record record;
    memset(&record, 0, sizeof(record));
    some_record(bytes + at, &record);
    epoch += bytes[at + 3] == 0xff;
    record.header.epoch = epoch;
    record.header.seq = at / 5 + (bytes[at + 4] == 0xff ? 3 : 0);
    record.time_ns = time_ns;
    uint8_t buffer[256];
    struct nvt_rec_header base = record.header;
    size_t size = nvt_build_record(buffer, sizeof(buffer), (enum nvt_record_type)base.type, &base,
                                   &record.meta, NULL, 0);
    if (size == 0 || size > sizeof(buffer))
      abort();
    struct nvt_record parsed = {.time_ns = time_ns};
    if (nvt_record_parse(buffer, size, &parsed) != NVT_PARSE_OK)
      abort();
    if (at / 5 == place)
      cut_into(&whole, time_ns, &piece);
    if (at / 5 == place * 2)
      cut_into(&piece, time_ns, &again);
    take(&whole, &parsed, buffer);
    if (at / 5 >= place)
      take(&piece, &parsed, buffer);
    if (at / 5 >= place * 2)
      take(&again, &parsed, buffer);
    time_ns += bytes[at + 2] % 7;
  }
  stop(&again);
  stop(&piece);
  stop(&whole);
}

static void parse(const uint8_t *bytes, size_t length) {
  char text[256];
  size_t used = length < sizeof(text) - 1 ? length : sizeof(text) - 1;
  struct nvt_when time;
  uint64_t first, last;
  memcpy(text, bytes, used);
  text[used] = '\0';
  if (nvt_parse_when(text, &time) && !time.given)
    abort();
  if (nvt_parse_records(text, &first, &last) && (first == 0 || (last != 0 && last < first)))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length < 2)
    return 0;
  if ((bytes[0] & 7) == 7)
    parse(bytes + 1, length - 1);
  else
    cut_somewhere(bytes + 1, length - 1);
  return 0;
}
