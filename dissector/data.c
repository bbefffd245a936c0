/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data records: payload, PRP lists, SGL segments. */
#include "dissector/dissector_int.h"
#include "trace/digest.h"
#include "trace/transfer.h"

#define PRP_BYTES 8
#define SGL_BYTES 16

int nvt_hf_payload = -1;
static int hf_reassembled_in = -1;
static int hf_crc = -1;
static int hf_crc_rest = -1;
static int hf_same_frame = -1;
static int ett_list = -1;

void nvt_data_register(int proto) {
  nvt_register_field(proto, &nvt_hf_payload, "Payload", "nvmetap.payload", FT_BYTES, BASE_NONE,
                     NULL, 0, NULL);
  nvt_register_field(proto, &hf_reassembled_in, "Reassembled in", "nvmetap.data.reassembled_in",
                     FT_FRAMENUM, BASE_NONE, NULL, 0,
                     "The completion, which has the pieces of its command's data put together");
  nvt_register_field(proto, &hf_crc, "CRC-32C", "nvmetap.digest.crc", FT_UINT32, BASE_HEX, NULL, 0,
                     "Of a part of the data");
  nvt_register_field(proto, &hf_crc_rest, "Digests", "nvmetap.digest.rest", FT_BYTES, BASE_NONE,
                     NULL, 0, "Digests whose data isn't known");
  nvt_register_field(proto, &hf_same_frame, "Same data as in", "nvmetap.digest.same_frame",
                     FT_FRAMENUM, BASE_NONE, NULL, 0, "The frame that has these bytes");
  nvt_subtree(&ett_list);
  nvt_transfers_register(proto);
}

struct placing {
  proto_item **items; /* of the entries */
  uint32_t count;
};

/* What an entry of a list is for. */
static void add_place(void *ctx, const struct nvt_place *place) {
  const struct placing *placing = ctx;
  if (place->index >= placing->count)
    return;
  char text[80];
  nvt_place_text(place, text, sizeof(text));
  proto_item_append_text(placing->items[place->index], ": %s", text);
}

static void add_list(const struct nvt_context *c, int at, int present) {
  bool prp = c->record->data.kind == NVT_V_data_kind_PRP_LIST;
  int size = prp ? PRP_BYTES : SGL_BYTES;
  int count = present / size;
  proto_tree *tree = proto_tree_add_subtree_format(
      c->tree, c->tvb, at, present, ett_list, NULL,
      prp ? "PRP List, %d entries" : "SGL Segment, %d descriptors", count);
  proto_item **items = wmem_alloc_array(c->pinfo->pool, proto_item *, (size_t)count + 1);
  for (int i = 0; i < count; i++)
    items[i] =
        prp ? proto_tree_add_item(tree, nvt_hf_prp, c->tvb, at + i * size, size, ENC_LITTLE_ENDIAN)
            : nvt_add_sgl(c, tree, at + i * size);
  if (present % size != 0)
    proto_tree_add_item(tree, nvt_hf_payload, c->tvb, at + count * size, present % size, ENC_NA);
  struct placing placing = {items, (uint32_t)count};
  if (c->visible && c->frame->exchange != NULL)
    nvt_transfer_places_in(c->frame->exchange, c->pinfo->num, add_place, &placing);
}

static void add_reassembled(const struct nvt_context *c, unsigned kind, unsigned direction) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  const struct nvt_transfer *transfer = nvt_transfer_of(exchange, kind, direction);
  uint64_t end = exchange->completion.record;
  if (transfer != NULL && transfer->count > 1 && end != 0 && end <= UINT32_MAX)
    nvt_generated(proto_tree_add_uint(c->tree, hf_reassembled_in, c->tvb, 0, 0, (uint32_t)end));
}

static void add_payload(const struct nvt_context *c, int at, int present) {
  const struct nvt_rec_data *data = &c->record->data;
  const struct nvt_exchange *exchange = c->frame->exchange;
  if (present > 0)
    proto_tree_add_item(c->tree, nvt_hf_payload, c->tvb, at, present, ENC_NA);
  if (exchange == NULL)
    return;
  unsigned direction = data->direction == NVT_V_data_direction_IN ? NVT_V_data_direction_IN
                                                                  : NVT_V_data_direction_OUT;
  /* While the file is read the first time, a first piece may turn out not to be the only one. */
  if (present > 0 && nvt_transfer_alone(exchange, c->record))
    nvt_add_structure(c, c->tree, tvb_new_subset_length(c->tvb, at, present), exchange,
                      (enum nvt_direction)direction);
  add_reassembled(c, data->kind, direction);
}

void nvt_add_data(const struct nvt_context *c) {
  const struct nvt_rec_data *data = &c->record->data;
  int at = c->body + (int)sizeof(*data);
  int present = (int)c->record->tail_length;
  if (data->kind == NVT_V_data_kind_PRP_LIST || data->kind == NVT_V_data_kind_SGL_SEGMENT) {
    if (present > 0)
      add_list(c, at, present);
  } else {
    add_payload(c, at, present);
  }
}

/* --- digests --- */

static void add_crcs(const struct nvt_context *c, int at) {
  struct nvt_digest_walk walk = {0};
  struct nvt_digest_part part;
  int length = (int)c->record->tail_length, done = 0;
  while (nvt_digest_part(c->record, &walk, &part)) {
    proto_item *item =
        proto_tree_add_uint(c->tree, hf_crc, c->tvb, at + done, (int)sizeof(part.crc), part.crc);
    if (c->visible)
      proto_item_append_text(item, ", of %u bytes from offset %" PRIu64, part.length, part.offset);
    done += (int)sizeof(part.crc);
  }
  if (done < length)
    proto_tree_add_item(c->tree, hf_crc_rest, c->tvb, at + done, length - done, ENC_NA);
}

/* What it stands for, as if it were there: a tab of its own beside the frame's bytes. */
static void add_known(const struct nvt_context *c, const struct nvt_piece *piece) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  if (piece->same_record != 0 && piece->same_record <= UINT32_MAX)
    nvt_generated(
        proto_tree_add_uint(c->tree, hf_same_frame, c->tvb, 0, 0, (uint32_t)piece->same_record));
  if (piece->bytes == NULL)
    return;
  uint8_t *bytes = wmem_memdup(c->pinfo->pool, piece->bytes, piece->captured);
  tvbuff_t *tvb = tvb_new_child_real_data(c->tvb, bytes, piece->captured, (int)piece->captured);
  add_new_data_source(c->pinfo, tvb, "Data");
  nvt_generated(proto_tree_add_item(c->tree, nvt_hf_payload, tvb, 0, -1, ENC_NA));
  if (nvt_transfer_alone(exchange, c->record))
    nvt_add_structure(c, c->tree, tvb, exchange,
                      c->record->digest.direction == NVT_V_digest_direction_IN ? NVT_DIRECTION_IN
                                                                               : NVT_DIRECTION_OUT);
}

void nvt_add_digest(const struct nvt_context *c) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  add_crcs(c, c->body + (int)sizeof(struct nvt_rec_digest));
  if (exchange == NULL)
    return;
  const struct nvt_piece *piece = nvt_transfer_piece(exchange, c->record);
  if (piece == NULL)
    return;
  add_known(c, piece);
  add_reassembled(c, c->record->digest.kind, c->record->digest.direction);
}
