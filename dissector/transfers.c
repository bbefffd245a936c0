/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On a command and its completion: its data put together, and the memory that it lay in. */
#include "dissector/dissector_int.h"
#include "trace/text.h"
#include "trace/transfer.h"

#include <stdio.h>

static int hf_told[NVT_TOLD_COUNT];
static int hf_list = -1;
static int ett_data = -1;
static int ett_pages = -1;

static const struct {
  const char *abbrev;
  enum ftenum type;
  const char *blurb;
} told[NVT_TOLD_COUNT] = {
    [NVT_TOLD_LENGTH] = {"nvmetap.data.length", FT_UINT64, "Bytes that the command transferred"},
    [NVT_TOLD_CAPTURED] = {"nvmetap.data.captured", FT_UINT64, "Bytes of them that the trace has"},
    [NVT_TOLD_FIRST] = {"nvmetap.data.first_piece", FT_FRAMENUM, NULL},
    [NVT_TOLD_LAST] = {"nvmetap.data.last_piece", FT_FRAMENUM, NULL},
    [NVT_TOLD_PIECE] = {"nvmetap.data.piece", FT_FRAMENUM, NULL},
    [NVT_TOLD_MORE] = {"nvmetap.data.more", FT_UINT64, NULL},
    [NVT_TOLD_MISSING] = {"nvmetap.data.missing", FT_UINT64, "Bytes that the trace doesn't have"},
};

void nvt_transfers_register(int proto) {
  for (unsigned i = 0; i < NVT_TOLD_COUNT; i++)
    nvt_register_field(proto, &hf_told[i], nvt_told_name((enum nvt_told)i), told[i].abbrev,
                       told[i].type, told[i].type == FT_FRAMENUM ? BASE_NONE : BASE_DEC, NULL, 0,
                       told[i].blurb);
  nvt_register_field(proto, &hf_list, "PRP list or SGL segment", "nvmetap.data.list", FT_FRAMENUM,
                     BASE_NONE, NULL, 0, NULL);
  nvt_subtree(&ett_data);
  nvt_subtree(&ett_pages);
}

static proto_item *add_frame(const struct nvt_context *c, proto_tree *tree, int hf,
                             uint64_t record) {
  if (record == 0 || record > UINT32_MAX)
    return NULL;
  return nvt_generated(proto_tree_add_uint(tree, hf, c->tvb, 0, 0, (uint32_t)record));
}

/* --- data --- */

tvbuff_t *nvt_transfer_tvb(const struct nvt_context *c, struct nvt_transfer *transfer) {
  if (transfer->kept == 0)
    return NULL;
  uint8_t *bytes = wmem_alloc(c->pinfo->pool, transfer->kept);
  size_t length = nvt_transfer_copy(transfer, bytes, transfer->kept);
  if (length == 0)
    return NULL;
  return tvb_new_child_real_data(c->tvb, bytes, (unsigned)length, (int)length);
}

struct telling {
  const struct nvt_context *c;
  proto_tree *tree;
};

static void add_told(void *ctx, enum nvt_told what, uint64_t value, const char *text) {
  const struct telling *telling = ctx;
  proto_item *item;
  if (told[what].type == FT_FRAMENUM)
    item = add_frame(telling->c, telling->tree, hf_told[what], value);
  else
    item = nvt_generated(
        proto_tree_add_uint64(telling->tree, hf_told[what], telling->c->tvb, 0, 0, value));
  if (text[0] != '\0' && telling->c->visible)
    proto_item_append_text(item, "%s", text);
}

/* The bytes of all pieces, as a tab of their own beside the frame's. */
static void add_whole(const struct nvt_context *c, proto_tree *tree,
                      struct nvt_transfer *transfer) {
  tvbuff_t *tvb = nvt_transfer_tvb(c, transfer);
  if (tvb == NULL)
    return;
  add_new_data_source(c->pinfo, tvb,
                      transfer->kind == NVT_V_data_kind_METADATA ? "Metadata" : "Data");
  proto_tree_add_item(tree, nvt_hf_payload, tvb, 0, -1, ENC_NA);
  if (transfer->kind == NVT_V_data_kind_METADATA ||
      !nvt_add_structure(c, c->tree, tvb, c->frame->exchange,
                         (enum nvt_direction)transfer->direction))
    call_data_dissector(tvb, c->pinfo, c->tree);
}

static void add_transfer(const struct nvt_context *c, struct nvt_transfer *transfer, bool end) {
  char title[128];
  struct nvt_text text;
  nvt_text_init(&text, title, sizeof(title));
  nvt_text_transfer(&text, transfer);
  proto_item *item;
  proto_tree *tree = proto_tree_add_subtree(c->tree, c->tvb, 0, 0, ett_data, &item, title);
  nvt_generated(item);
  struct telling telling = {c, tree};
  nvt_transfer_tell(transfer, end, add_told, &telling);
  if (end && transfer->count > 1)
    add_whole(c, tree, transfer);
}

/* --- pages --- */

struct pages {
  const struct nvt_context *c;
  proto_tree *tree;
  uint32_t count;
  bool sgl;
};

static bool add_page(void *ctx, const struct nvt_place *place) {
  struct pages *pages = ctx;
  char text[80];
  nvt_place_text(place, text, sizeof(text));
  nvt_generated(proto_tree_add_uint64_format_value(
      pages->tree, pages->sgl ? nvt_hf_sgl_address : nvt_hf_prp, pages->c->tvb, 0, 0,
      place->address, "0x%" PRIx64 ": %s", place->address, text));
  return ++pages->count < NVT_TOLD_PIECES_MAX;
}

static void add_pages(const struct nvt_context *c, const struct nvt_exchange *exchange) {
  const struct nvt_transfer *lists = nvt_transfer_lists(exchange);
  if (lists == NULL && exchange->transfers == NULL)
    return;
  struct pages pages = {.c = c, .sgl = NVT_SQE_PSDT(exchange->sqe.flags) != 0};
  proto_item *item;
  pages.tree = proto_tree_add_subtree(c->tree, c->tvb, 0, 0, ett_pages, &item,
                                      pages.sgl ? "SGL Descriptors" : "Memory Pages");
  nvt_generated(item);
  for (uint32_t i = 0; lists != NULL && i < lists->count && i < NVT_TOLD_PIECES_MAX; i++)
    add_frame(c, pages.tree, hf_list, lists->pieces[i].record);
  nvt_transfer_places(exchange, add_page, &pages);
}

void nvt_add_transfers(const struct nvt_context *c) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  bool completion = c->record->header.type == NVT_REC_COMPLETION;
  if (exchange == NULL || (!completion && c->record->header.type != NVT_REC_COMMAND))
    return;
  for (struct nvt_transfer *t = exchange->transfers; t != NULL; t = t->next)
    if (t->kind == NVT_V_data_kind_PAYLOAD || t->kind == NVT_V_data_kind_METADATA)
      add_transfer(c, t, completion);
  if (!completion)
    add_pages(c, exchange);
}
