/* SPDX-License-Identifier: BSD-2-Clause */
/* A command's data in words, for all that print it. */
#include <inttypes.h>

#include "nvme/layouts.h"
#include "trace/text.h"
#include "trace/transfer.h"

static const char *const sgl_types[16] = {
    [0] = "data block",       [1] = "bit bucket",       [2] = "segment",
    [3] = "last segment",     [4] = "keyed data block", [5] = "transport data block",
    [15] = "vendor specific",
};

void nvt_place_text(const struct nvt_place *place, char *out, size_t size) {
  struct nvt_text text;
  nvt_text_init(&text, out, size);
  if (place->kind == NVT_PLACE_LIST) {
    nvt_text_add(&text, "the next PRP list");
    return;
  }
  if (place->kind == NVT_PLACE_SEGMENT || place->kind == NVT_PLACE_BLOCK) {
    const char *name = sgl_types[place->sgl >> 4];
    nvt_text_add(&text, name != NULL ? name : "reserved type");
    nvt_text_add(&text, ", ");
  }
  if (place->kind != NVT_PLACE_SEGMENT) {
    nvt_text_add(&text, "offset ");
    nvt_text_dec(&text, place->offset);
    nvt_text_add(&text, ", ");
  }
  nvt_text_dec(&text, place->length);
  nvt_text_add(&text, place->length == 1 ? " byte" : " bytes");
  if (place->kind == NVT_PLACE_PAGE_LIST)
    nvt_text_add(&text, ", or the next PRP list");
}

void nvt_text_transfer(struct nvt_text *text, const struct nvt_transfer *transfer) {
  nvt_text_add(text, transfer->kind == NVT_V_data_kind_METADATA ? "Metadata, " : "Data, ");
  nvt_text_add(text, nvt_record_value_name("data", "direction", transfer->direction));
  nvt_text_add(text, ": ");
  nvt_text_dec(text, transfer->length);
  nvt_text_add(text, transfer->length == 1 ? " byte" : " bytes");
  if (transfer->captured < transfer->length) {
    nvt_text_add(text, ", ");
    nvt_text_dec(text, transfer->captured);
    nvt_text_add(text, " recorded");
  }
  nvt_text_add(text, ", in ");
  nvt_text_dec(text, transfer->count);
  nvt_text_add(text, transfer->count == 1 ? " record" : " records");
  if (transfer->cut)
    nvt_text_add(text, ", not all kept in memory");
}

/* Where the tables don't know the layout: what was asked for, by its name. */
static const char *asked_for(enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  if (set != NVT_SET_ADMIN)
    return NULL;
  if (sqe->opcode == NVT_ADMIN_IDENTIFY)
    return nvt_cns_name((uint8_t)sqe->cdw10);
  if (sqe->opcode == NVT_ADMIN_GET_LOG_PAGE)
    return nvt_log_page_name((uint8_t)sqe->cdw10);
  if (sqe->opcode == NVT_ADMIN_GET_FEATURES || sqe->opcode == NVT_ADMIN_SET_FEATURES)
    return nvt_feature_name((uint8_t)sqe->cdw10);
  return NULL;
}

void nvt_text_transfer_subject(struct nvt_text *text, const struct nvt_exchange *exchange,
                               const struct nvt_transfer *transfer) {
  bool metadata = transfer->kind == NVT_V_data_kind_METADATA;
  if (exchange->command.record == 0) {
    nvt_text_add(text, metadata ? "Metadata" : "Data");
    return;
  }
  enum nvt_opcode_set set = (enum nvt_opcode_set)exchange->set;
  struct nvt_layout layout =
      nvt_structure_of(set, &exchange->sqe, (enum nvt_direction)transfer->direction);
  const struct nvt_structure *structure = nvt_structure_info(layout.structure);
  const char *name = structure != NULL ? structure->title : asked_for(set, &exchange->sqe);
  if (!metadata && name != NULL) {
    nvt_text_add(text, name);
    return;
  }
  nvt_text_opcode(text, set, nvt_exchange_code(exchange));
  nvt_text_add(text, metadata ? " metadata" : " data");
}

const char *nvt_told_name(enum nvt_told told) {
  static const char *const names[NVT_TOLD_COUNT] = {
      "Length",       "Recorded", "First piece", "Last piece", "Piece", "More that aren't shown",
      "Not recorded",
  };
  return names[told];
}

static void tell_missing(void (*each)(void *, enum nvt_told, uint64_t, const char *), void *ctx,
                         uint64_t from, uint64_t to) {
  char line[48];
  struct nvt_text text;
  if (from >= to)
    return; /* where offsets end */
  nvt_text_init(&text, line, sizeof(line));
  nvt_text_printf(&text, " bytes from offset %" PRIu64, from);
  each(ctx, NVT_TOLD_MISSING, to - from, line);
}

void nvt_transfer_tell(struct nvt_transfer *transfer, bool to_its_end,
                       void (*each)(void *, enum nvt_told, uint64_t value, const char *text),
                       void *ctx) {
  char line[80];
  struct nvt_text text;
  each(ctx, NVT_TOLD_LENGTH, transfer->length, "");
  each(ctx, NVT_TOLD_CAPTURED, transfer->captured, "");
  each(ctx, NVT_TOLD_FIRST, transfer->first_record, "");
  each(ctx, NVT_TOLD_LAST, transfer->last_record, "");
  if (!to_its_end)
    return;
  nvt_transfer_sort(transfer);
  for (uint32_t i = 0; i < transfer->count && i < NVT_TOLD_PIECES_MAX; i++) {
    const struct nvt_piece *piece = &transfer->pieces[i];
    nvt_text_init(&text, line, sizeof(line));
    nvt_text_printf(&text, ", offset %" PRIu64 ", %u bytes", piece->offset, piece->length);
    if (piece->from == NVT_PIECE_DIGEST)
      nvt_text_add(&text, ", its CRC alone");
    else if (piece->captured < piece->length)
      nvt_text_printf(&text, ", %u recorded", piece->captured);
    each(ctx, NVT_TOLD_PIECE, piece->record, line);
  }
  if (transfer->count > NVT_TOLD_PIECES_MAX)
    each(ctx, NVT_TOLD_MORE, transfer->count - NVT_TOLD_PIECES_MAX, "");
  if (transfer->count == 1) { /* its bytes stand there, and aren't kept for long */
    const struct nvt_piece *piece = transfer->pieces;
    if (piece->offset > 0)
      tell_missing(each, ctx, 0, piece->offset);
    uint64_t end = piece->offset + piece->captured;
    if (end >= piece->offset)
      tell_missing(each, ctx, end, transfer->length);
    return;
  }
  struct nvt_hole_walk walk = {0};
  uint64_t from, to;
  while (nvt_transfer_hole(transfer, &walk, &from, &to))
    tell_missing(each, ctx, from, to);
}
