/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data records: payload, PRP lists, SGL segments. */
#include "dissector/dissector_int.h"

#define PRP_BYTES 8
#define SGL_BYTES 16

static int hf_prp = -1;
static int hf_payload = -1;
static int ett_list = -1;

void nvt_data_register(int proto) {
  nvt_register_field(proto, &hf_prp, "PRP Entry", "nvmetap.prp", FT_UINT64, BASE_HEX, NULL, 0,
                     NULL);
  nvt_register_field(proto, &hf_payload, "Payload", "nvmetap.payload", FT_BYTES, BASE_NONE, NULL, 0,
                     NULL);
  nvt_subtree(&ett_list);
}

void nvt_data_handoff(void) {
}

void nvt_add_data(const struct nvt_context *c) {
  const struct nvt_rec_data *data = &c->record->data;
  int at = c->body + (int)sizeof(*data);
  int present = (int)c->record->tail_length;
  if (present == 0)
    return;
  if (data->kind == NVT_V_data_kind_PRP_LIST) {
    proto_tree *tree = proto_tree_add_subtree_format(c->tree, c->tvb, at, present, ett_list, NULL,
                                                     "PRP List, %d entries", present / PRP_BYTES);
    for (int i = 0; i + PRP_BYTES <= present; i += PRP_BYTES)
      proto_tree_add_item(tree, hf_prp, c->tvb, at + i, PRP_BYTES, ENC_LITTLE_ENDIAN);
  } else if (data->kind == NVT_V_data_kind_SGL_SEGMENT) {
    proto_tree *tree =
        proto_tree_add_subtree_format(c->tree, c->tvb, at, present, ett_list, NULL,
                                      "SGL Segment, %d descriptors", present / SGL_BYTES);
    for (int i = 0; i + SGL_BYTES <= present; i += SGL_BYTES)
      nvt_add_sgl(c, tree, at + i);
  } else {
    proto_tree_add_item(c->tree, hf_payload, c->tvb, at, present, ENC_NA);
    if (c->frame->exchange != NULL && data->offset == 0 && data->kind == NVT_V_data_kind_PAYLOAD)
      nvt_add_structure(c, c->tree, tvb_new_subset_length(c->tvb, at, present), c->frame->exchange,
                        (enum nvt_direction)data->direction);
  }
}
