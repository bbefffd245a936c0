/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What commands transferred, from data records of any offset, length and order, within
 * small limits. What is put together is compared with a map of bytes; holes and data
 * cover the transfer exactly once; nothing is kept beyond the limits, nor for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "trace/text.h"
#include "trace/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { MAP = 4096, CIDS = 4, STEP = 8 };

struct fuzz {
  struct nvt_session *session;
  struct nvt_transfers *transfers;
  struct nvt_transfer_limits limits;
};

/* --- the judges --- */

/* Of sorted pieces the first one that has the byte. */
static bool byte_at(const struct nvt_transfer *transfer, uint64_t at, uint8_t *out) {
  for (uint32_t i = 0; i < transfer->count; i++) {
    const struct nvt_piece *piece = &transfer->pieces[i];
    if (piece->bytes != NULL && at >= piece->offset && at - piece->offset < piece->captured) {
      *out = piece->bytes[at - piece->offset];
      return true;
    }
  }
  return false;
}

static void judge_copy(struct nvt_transfer *transfer) {
  static uint8_t out[MAP];
  size_t length = nvt_transfer_copy(transfer, out, sizeof(out));
  uint8_t byte;
  for (size_t i = 0; i < length; i++)
    if (!byte_at(transfer, i, &byte) || byte != out[i])
      abort();
  if (length < sizeof(out) && byte_at(transfer, length, &byte))
    abort();
}

static void judge_holes(struct nvt_transfer *transfer) {
  struct nvt_hole_walk walk = {0};
  uint64_t from, to, before = 0;
  uint32_t count = 0;
  uint8_t byte;
  while (nvt_transfer_hole(transfer, &walk, &from, &to)) {
    if (from < before || from > to || to > transfer->length || ++count > transfer->count + 1)
      abort();
    for (uint64_t at = before; at < from && at - before < MAP; at++)
      if (!byte_at(transfer, at, &byte))
        abort();
    for (uint64_t at = from; at < to && at - from < MAP; at++)
      if (byte_at(transfer, at, &byte))
        abort();
    before = to;
  }
}

static void count_told(void *ctx, enum nvt_told told, uint64_t value, const char *text) {
  uint64_t *counted = ctx;
  (void)value;
  if (told >= NVT_TOLD_COUNT || nvt_told_name(told) == NULL || text == NULL || ++*counted > 100000)
    abort();
}

static bool see_place(void *ctx, const struct nvt_place *place) {
  uint64_t *counted = ctx;
  char text[80];
  nvt_place_text(place, text, sizeof(text));
  return ++*counted < 20000;
}

static void see_place_in(void *ctx, const struct nvt_place *place) {
  uint32_t *next = ctx;
  if (place->index != (*next)++)
    abort();
}

static void judge(struct fuzz *f, const struct nvt_exchange *exchange, uint64_t record) {
  char line[160];
  struct nvt_text text;
  uint64_t counted = 0;
  uint32_t next = 0;
  for (struct nvt_transfer *t = exchange->transfers; t != NULL; t = t->next) {
    if (t->kept > f->limits.bytes || t->count > f->limits.pieces)
      abort();
    nvt_text_init(&text, line, sizeof(line));
    nvt_text_transfer(&text, t);
    nvt_text_transfer_subject(&text, exchange, t);
    if (t->kind == NVT_V_data_kind_PRP_LIST || t->kind == NVT_V_data_kind_SGL_SEGMENT)
      continue; /* in the order of records */
    nvt_transfer_tell(t, true, count_told, &counted);
    judge_copy(t);
    judge_holes(t);
  }
  nvt_transfer_places(exchange, see_place, &counted);
  nvt_transfer_places_in(exchange, record, see_place_in, &next);
}

/* --- records from bytes --- */

static uint64_t far_or_near(uint8_t byte) {
  return byte < 0xf0 ? byte * 16u : UINT64_MAX - (byte - 0xf0u) * 64u;
}

/* Eight bytes say what comes, and data follows them. */
static size_t make(const uint8_t *in, size_t left, struct nvt_record *r) {
  memset(r, 0, sizeof(*r));
  uint16_t cid = in[0] >> 4 & (CIDS - 1);
  size_t used = STEP;
  switch (in[0] & 7) {
  case 0:
    r->header.type = NVT_REC_COMMAND;
    r->command.sqid = r->command.cqid = 1;
    r->command.sqe.cid = cid;
    r->command.sqe.opcode = in[1];
    r->command.sqe.flags = (uint8_t)(in[2] & 0xc0);
    r->command.sqe.prp1 = far_or_near(in[3]) * (in[5] | 1u);
    r->command.sqe.prp2 = far_or_near(in[4]) * (in[6] | 1u);
    break;
  case 1:
    r->header.type = NVT_REC_COMPLETION;
    r->completion.sqid = r->completion.cqid = 1;
    r->completion.cqe.cid = cid;
    break;
  case 2:
    r->header.type = NVT_REC_REG_WRITE;
    r->access.space = NVT_V_access_space_BAR0;
    r->access.size = 4;
    r->access.offset = in[1] & 1 ? 0x100c : NVT_REG_CC;
    r->access.value = in[2];
    break;
  default:
    r->header.type = NVT_REC_DATA;
    r->data.sqid = 1;
    r->data.cid = cid;
    r->data.kind = in[1] & 7;
    r->data.direction = in[1] >> 4 & 3;
    r->data.offset = far_or_near(in[2]);
    r->data.address = far_or_near(in[3]) * 256;
    r->data.captured_length = in[4] < left - used ? in[4] : (uint32_t)(left - used);
    r->data.true_length = r->data.captured_length + (in[5] & 0x80 ? in[5] * 1000u : in[5] & 3u);
    if (in[6] == 0xff)
      r->data.true_length = UINT32_MAX;
    r->tail = in + used;
    r->tail_length = r->data.captured_length;
    used += r->tail_length;
    break;
  }
  return used;
}

static void forget(void *ctx, struct nvt_exchange *exchange) {
  struct fuzz *f = ctx;
  nvt_transfers_forget(f->transfers, exchange);
  if (exchange->transfers != NULL)
    abort();
}

static void run(const uint8_t *bytes, size_t length, bool keep) {
  struct fuzz f = {.limits = {.pieces = 1u + bytes[0] % 40,
                              .bytes = 1u + bytes[1] * 8u,
                              .all = 1u + bytes[2] * 16u}};
  struct nvt_session_options options = {
      .keep = keep, .ended = keep ? NULL : forget, .ended_ctx = &f};
  if (nvt_session_create(&options, &f.session) != 0 ||
      nvt_transfers_create(&f.limits, &f.transfers) != 0)
    abort();
  uint64_t number = 0;
  for (size_t at = 3; length - at >= STEP && at < length;) {
    struct nvt_record record;
    struct nvt_view view;
    at += make(bytes + at, length - at, &record);
    record.number = ++number;
    record.header.seq = number;
    if (nvt_session_record(f.session, &record, &view) != 0 ||
        nvt_transfers_record(f.transfers, &record, &view) != 0)
      abort();
    if (view.exchange != NULL)
      judge(&f, view.exchange, number);
    if (view.exchange != NULL && record.header.type == NVT_REC_DATA)
      (void)nvt_transfer_alone(view.exchange, &record);
  }
  nvt_session_finish(f.session);
  nvt_transfers_destroy(f.transfers);
  nvt_session_destroy(f.session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length < 3 + STEP || length > 4096)
    return 0;
  run(bytes, length, false);
  run(bytes, length, true);
  return 0;
}
