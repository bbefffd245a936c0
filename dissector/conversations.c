/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conversations and endpoints: a host with a controller by its PCI address, one
 * for each queue and one for all that belongs to none. The queue is part of the
 * address: tshark shows ports of a few protocols only. What the recorder says
 * isn't part of a conversation.
 */
#include "dissector/statistics_int.h"

#include <string.h>

#include <epan/conversation_table.h>

static int hf_address = -1;
static int hf_source = -1;
static int hf_destination = -1;

/* Names of the filters that a menu of the tables makes. */
static const char *field_name(conv_filter_type_e kind) {
  switch (kind) {
  case CONV_FT_SRC_ADDRESS:
    return "nvmetap.src";
  case CONV_FT_DST_ADDRESS:
    return "nvmetap.dst";
  case CONV_FT_ANY_ADDRESS:
    return "nvmetap.addr";
  default:
    return CONV_FILTER_INVALID;
  }
}

static const char *conversation_field(conv_item_t *item _U_, conv_filter_type_e kind) {
  return field_name(kind);
}

static const char *endpoint_field(endpoint_item_t *item _U_, conv_filter_type_e kind) {
  return field_name(kind);
}

static ct_dissector_info_t conversation_info = {conversation_field};
static et_dissector_info_t endpoint_info = {endpoint_field};

/* "host", or "0000:00:05.0 queue 3". */
static const char *party(packet_info *pinfo, const address *plain, bool has_queue, uint16_t qid) {
  const char *name = plain->data;
  if (!has_queue || strcmp(name, NVT_HOST) == 0 || strcmp(name, NVT_RECORDER) == 0)
    return name;
  return wmem_strdup_printf(pinfo->pool, "%s queue %u", name, qid);
}

static bool parties(packet_info *pinfo, const struct nvt_tapped *tapped, address *from,
                    address *to) {
  if (strcmp(pinfo->src.data, NVT_RECORDER) == 0)
    return false;
  const char *source = party(pinfo, &pinfo->src, tapped->has_queue, tapped->qid);
  const char *destination = party(pinfo, &pinfo->dst, tapped->has_queue, tapped->qid);
  set_address(from, AT_STRINGZ, (int)strlen(source) + 1, source);
  set_address(to, AT_STRINGZ, (int)strlen(destination) + 1, destination);
  return true;
}

static tap_packet_status conversation(void *data, packet_info *pinfo, epan_dissect_t *edt _U_,
                                      const void *tapped, tap_flags_t flags) {
  conv_hash_t *table = data;
  address from, to;
  if (!parties(pinfo, tapped, &from, &to))
    return TAP_PACKET_DONT_REDRAW;
  table->flags = flags;
  add_conversation_table_data(table, &from, &to, 0, 0, 1, (int)pinfo->fd->pkt_len, &pinfo->rel_ts,
                              &pinfo->abs_ts, &conversation_info, CONVERSATION_NONE);
  return TAP_PACKET_REDRAW;
}

static tap_packet_status endpoint(void *data, packet_info *pinfo, epan_dissect_t *edt _U_,
                                  const void *tapped, tap_flags_t flags) {
  conv_hash_t *table = data;
  int length = (int)pinfo->fd->pkt_len;
  address from, to;
  if (!parties(pinfo, tapped, &from, &to))
    return TAP_PACKET_DONT_REDRAW;
  table->flags = flags;
  add_endpoint_table_data(table, &from, 0, TRUE, 1, length, &endpoint_info, ENDPOINT_NONE);
  add_endpoint_table_data(table, &to, 0, FALSE, 1, length, &endpoint_info, ENDPOINT_NONE);
  return TAP_PACKET_REDRAW;
}

static void add_name(const struct nvt_context *c, int hf, const char *name) {
  proto_item_set_hidden(proto_tree_add_string(c->tree, hf, c->tvb, 0, 0, name));
}

void nvt_add_addresses(const struct nvt_context *c) {
  if (!proto_field_is_referenced(c->tree, hf_address) &&
      !proto_field_is_referenced(c->tree, hf_source) &&
      !proto_field_is_referenced(c->tree, hf_destination))
    return;
  uint16_t qid = 0;
  bool has_queue = c->frame->fed && nvt_queue_of_frame(c, &qid);
  const char *source = party(c->pinfo, &c->pinfo->src, has_queue, qid);
  const char *destination = party(c->pinfo, &c->pinfo->dst, has_queue, qid);
  add_name(c, hf_source, source);
  add_name(c, hf_destination, destination);
  add_name(c, hf_address, source);
  add_name(c, hf_address, destination);
}

void nvt_conversations_register(int proto) {
  nvt_register_field(proto, &hf_address, "Source or Destination", "nvmetap.addr", FT_STRING,
                     BASE_NONE, NULL, 0, "host, or the controller's PCI address and a queue of it");
  nvt_register_field(proto, &hf_source, "Source", "nvmetap.src", FT_STRING, BASE_NONE, NULL, 0,
                     NULL);
  nvt_register_field(proto, &hf_destination, "Destination", "nvmetap.dst", FT_STRING, BASE_NONE,
                     NULL, 0, NULL);
  register_conversation_table(proto, TRUE, conversation, endpoint);
}
