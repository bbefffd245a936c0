/* SPDX-License-Identifier: BSD-2-Clause */
/* A command's data in words, for all that print it. */
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
