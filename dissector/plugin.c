/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plug-in: registration, and one frame from its bytes to columns and tree.
 *
 * A record's link type is one of those that are free for everybody's use, so a
 * frame without our magic number goes on to Wireshark's own handling of them.
 */
#include "dissector/dissector_int.h"
#include "trace/summary.h"

#include <epan/exceptions.h>
#include <epan/tap.h>

#include <string.h>

#define VISIBLE __attribute__((visibility("default")))

VISIBLE extern const char plugin_version[];
VISIBLE extern const int plugin_want_major;
VISIBLE extern const int plugin_want_minor;
VISIBLE void plugin_register(void);
VISIBLE uint32_t plugin_describe(void);

const char plugin_version[] = "1.0.0";
const int plugin_want_major = WIRESHARK_VERSION_MAJOR;
const int plugin_want_minor = WIRESHARK_VERSION_MINOR;

struct nvt_experts nvt_expert;

static int proto_nvmetap = -1;
static int ett_nvmetap = -1;
static int ett_json = -1;
static int hf_annotation = -1;
static int hf_json = -1;
static dissector_handle_t handle;
static dissector_handle_t user_dlt;
static dissector_handle_t json;

static ei_register_info experts[] = {
    {&nvt_expert.malformed,
     {"nvmetap.malformed", PI_MALFORMED, PI_ERROR, "Malformed record", EXPFILL}},
    {&nvt_expert.truncated,
     {"nvmetap.truncated", PI_UNDECODED, PI_WARN, "The capture has only a part of this record",
      EXPFILL}},
    {&nvt_expert.version,
     {"nvmetap.newer_version", PI_UNDECODED, PI_WARN,
      "A record of a format version that this plug-in doesn't know", EXPFILL}},
    {&nvt_expert.unknown_type,
     {"nvmetap.unknown_type", PI_UNDECODED, PI_WARN,
      "A record of a type that this plug-in doesn't know", EXPFILL}},
    {&nvt_expert.loss, {"nvmetap.lost", PI_SEQUENCE, PI_WARN, "Records were lost", EXPFILL}},
    {&nvt_expert.gap,
     {"nvmetap.gap", PI_SEQUENCE, PI_WARN, "Records are missing before this one", EXPFILL}},
    {&nvt_expert.status,
     {"nvmetap.error", PI_RESPONSE_CODE, PI_WARN, "Error status, Do Not Retry", EXPFILL}},
    {&nvt_expert.retry,
     {"nvmetap.error_retry", PI_RESPONSE_CODE, PI_NOTE, "Error status", EXPFILL}},
    {&nvt_expert.doorbell,
     {"nvmetap.doorbell.invalid", PI_PROTOCOL, PI_WARN,
      "Doorbell of a queue that doesn't exist, or value out of range", EXPFILL}},
    {&nvt_expert.open,
     {"nvmetap.no_completion", PI_SEQUENCE, PI_NOTE, "No completion in the trace", EXPFILL}},
    {&nvt_expert.reset,
     {"nvmetap.ended_by_reset", PI_SEQUENCE, PI_NOTE,
      "Outstanding when the controller was reset or its queue deleted", EXPFILL}},
    {&nvt_expert.duplicate,
     {"nvmetap.duplicate_cid", PI_PROTOCOL, PI_WARN,
      "Another command with this identifier was outstanding on this queue", EXPFILL}},
    {&nvt_expert.refused,
     {"nvmetap.refused", PI_PROTOCOL, PI_NOTE, "Access refused by the controller", EXPFILL}},
    {&nvt_expert.fault,
     {"nvmetap.fault", PI_PROTOCOL, PI_WARN, "The controller reports a fault", EXPFILL}},
    {&nvt_expert.plugin,
     {"nvmetap.plugin_verdict", PI_COMMENTS_GROUP, PI_NOTE, "A plug-in interfered", EXPFILL}},
};

/* --- columns --- */

enum way { RECORDER, TO_CONTROLLER, TO_HOST };

static enum way event_way(unsigned event) {
  switch (event) {
  case NVT_V_event_event_SHUTDOWN:
  case NVT_V_event_event_READY:
  case NVT_V_event_event_FATAL:
  case NVT_V_event_event_NS_ADDED:
  case NVT_V_event_event_NS_REMOVED:
  case NVT_V_event_event_NS_RESIZED:
  case NVT_V_event_event_DMA_FAULT:
  case NVT_V_event_event_DOORBELL_FAULT:
    return TO_HOST;
  case NVT_V_event_event_TRACE_STOPPED:
  case NVT_V_event_event_TRIGGER:
  case NVT_V_event_event_RECOVERED:
    return RECORDER;
  default:
    return TO_CONTROLLER;
  }
}

static enum way record_way(const struct nvt_record *record) {
  switch (nvt_summary_direction(record)) {
  case '>':
    return TO_CONTROLLER;
  case '<':
    return TO_HOST;
  default:
    return record->header.type == NVT_REC_EVENT ? event_way(record->event.event) : RECORDER;
  }
}

static void set_addresses(packet_info *pinfo, const struct nvt_record *record, enum way way) {
  char text[16];
  const char *pci = wmem_strdup(pinfo->pool, nvt_pci_text(record->header.pci_address, text));
  const char *other = way == RECORDER ? NVT_RECORDER : NVT_HOST;
  const char *from = way == TO_HOST ? pci : other;
  const char *to = way == TO_HOST ? other : pci;
  set_address(&pinfo->src, AT_STRINGZ, (int)strlen(from) + 1, from);
  set_address(&pinfo->dst, AT_STRINGZ, (int)strlen(to) + 1, to);
  copy_address_shallow(&pinfo->net_src, &pinfo->src);
  copy_address_shallow(&pinfo->net_dst, &pinfo->dst);
}

static void set_columns(packet_info *pinfo, const struct nvt_record *record,
                        const struct nvt_frame *frame, enum nvt_parse parse) {
  enum way way = parse == NVT_PARSE_OK ? record_way(record) : RECORDER;
  set_addresses(pinfo, record, way);
  if (pinfo->cinfo == NULL)
    return;
  col_set_str(pinfo->cinfo, COL_PROTOCOL, way == RECORDER ? "NVMeTap" : "NVMe");
  if (!nvt_has_column(pinfo, COL_INFO))
    return;
  if (parse == NVT_PARSE_OK) {
    char info[512];
    struct nvt_text text;
    struct nvt_view view = nvt_links_view(frame);
    view.config = nvt_links_config(record->header.controller);
    nvt_text_init(&text, info, sizeof(info));
    nvt_summary(&text, record, frame->fed ? &view : NULL);
    col_add_str(pinfo->cinfo, COL_INFO, info);
  } else {
    col_add_fstr(pinfo->cinfo, COL_INFO, "[%s]", nvt_parse_reason(parse));
  }
}

/* --- tree --- */

static void add_meta(const struct nvt_context *c) {
  int at = c->body + (int)sizeof(struct nvt_rec_meta);
  int length = (int)c->record->tail_length;
  if (length == 0)
    return;
  proto_item *item = proto_tree_add_item(c->tree, hf_json, c->tvb, at, length, ENC_UTF_8);
  if (json == NULL || c->record->tail_length < c->record->meta.json_length)
    return;
  /* The JSON dissector would put its own name and text into the columns. */
  col_set_writable(c->pinfo->cinfo, -1, FALSE);
  call_dissector(json, tvb_new_subset_length(c->tvb, at, length), c->pinfo,
                 proto_item_add_subtree(item, ett_json));
  col_set_writable(c->pinfo->cinfo, -1, TRUE);
}

static void add_event(const struct nvt_context *c) {
  if (nvt_event_has_queue(c->record->event.event))
    nvt_add_event_queue(c);
  switch (c->record->event.event) {
  case NVT_V_event_event_FATAL:
  case NVT_V_event_event_DMA_FAULT:
  case NVT_V_event_event_DOORBELL_FAULT:
    nvt_expert_or_finding(c, &nvt_expert.fault, "controller-fatal");
    break;
  default:
    break;
  }
}

static void add_of_type(const struct nvt_context *c) {
  const struct nvt_record *record = c->record;
  switch (record->header.type) {
  case NVT_REC_META:
    add_meta(c);
    break;
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    if (c->groups[NVT_GROUP_ACCESS])
      nvt_add_access(c);
    if ((record->access.access_flags & NVT_V_access_access_flags_REFUSED) != 0)
      expert_add_info(c->pinfo, c->item, &nvt_expert.refused);
    break;
  case NVT_REC_SHADOW_DOORBELL:
  case NVT_REC_EVENT_INDEX:
    if (c->groups[NVT_GROUP_ACCESS])
      nvt_add_shadow(c);
    break;
  case NVT_REC_INTERRUPT:
    if (c->groups[NVT_GROUP_ACCESS])
      nvt_add_interrupt(c);
    break;
  case NVT_REC_COMMAND:
    if (nvt_entry_asked(c))
      nvt_add_sqe(c);
    if (c->builtin)
      nvt_builtin_sqe(c);
    break;
  case NVT_REC_COMPLETION:
    nvt_add_cqe(c);
    if (c->builtin)
      nvt_builtin_cqe(c);
    break;
  case NVT_REC_DATA:
    nvt_add_data(c);
    break;
  case NVT_REC_DIGEST:
    nvt_add_digest(c);
    break;
  case NVT_REC_EVENT:
    add_event(c);
    break;
  case NVT_REC_VERDICT:
    if (record->verdict.verdict == NVT_V_verdict_verdict_LOADED ||
        record->verdict.verdict == NVT_V_verdict_verdict_UNLOADED)
      break; /* being there isn't interfering */
    expert_add_info(c->pinfo, c->item, &nvt_expert.plugin);
    break;
  case NVT_REC_LOSS:
    if (!nvt_record_left_out(record))
      nvt_expert_or_finding(c, &nvt_expert.loss, "records-missing");
    break;
  case NVT_REC_ANNOTATION:
    if (record->tail_length != 0)
      proto_tree_add_item(c->tree, hf_annotation, c->tvb,
                          c->body + (int)sizeof(struct nvt_rec_annotation),
                          (int)record->tail_length, ENC_UTF_8);
    break;
  default:
    break;
  }
}

static void add_parse_expert(const struct nvt_context *c, enum nvt_parse parse) {
  switch (parse) {
  case NVT_PARSE_VERSION:
    expert_add_info(c->pinfo, c->item, &nvt_expert.version);
    break;
  case NVT_PARSE_UNKNOWN_TYPE:
    expert_add_info(c->pinfo, c->item, &nvt_expert.unknown_type);
    break;
  case NVT_PARSE_SHORT:
    expert_add_info(c->pinfo, c->item, &nvt_expert.truncated);
    break;
  case NVT_PARSE_BAD_LENGTH:
    expert_add_info_format(c->pinfo, c->item, &nvt_expert.malformed, "Malformed record: %s",
                           nvt_parse_reason(parse));
    break;
  default:
    if (c->record->captured < c->record->header.length)
      expert_add_info(c->pinfo, c->item, &nvt_expert.truncated);
    break;
  }
}

static void add_tree(proto_tree *tree, struct nvt_context *c, enum nvt_parse parse) {
  const struct nvt_rec_header *header = &c->record->header;
  const char *title = nvt_record_title(header->type);
  if (c->visible) {
    char line[128];
    struct nvt_text text;
    nvt_text_init(&text, line, sizeof(line));
    nvt_text_add(&text, "NVMe Trace, ");
    nvt_text_add(&text, title != NULL ? title : "unknown");
    nvt_text_add(&text, ", controller ");
    nvt_text_dec(&text, header->controller);
    nvt_text_add(&text, " (");
    nvt_text_pci(&text, header->pci_address);
    nvt_text_add(&text, "), sequence ");
    nvt_text_dec(&text, header->seq);
    c->item =
        proto_tree_add_protocol_format(tree, proto_nvmetap, c->tvb, 0, c->captured, "%s", line);
  } else {
    c->item = proto_tree_add_item(tree, proto_nvmetap, c->tvb, 0, c->captured, ENC_NA);
  }
  c->tree = proto_item_add_subtree(c->item, ett_nvmetap);
  if (c->ours) {
    nvt_add_addresses(c);
    if (c->groups[NVT_GROUP_RECORD]) {
      nvt_add_header(c);
      nvt_add_body(c, parse);
    }
  }
  if (parse == NVT_PARSE_OK) {
    add_of_type(c);
    if (c->groups[NVT_GROUP_RECORD])
      nvt_add_rest(c);
    nvt_add_relations(c);
    if (c->ours) {
      nvt_add_preferred(c);
      nvt_add_transfers(c);
    }
    nvt_add_findings(c);
    if (c->groups[NVT_GROUP_STATE])
      nvt_add_state(c);
  }
  add_parse_expert(c, parse);
}

static void add_wanted(proto_tree *tree, struct nvt_context *c, enum nvt_parse parse) {
  nvt_wanted(c, tree);
  add_tree(tree, c, parse);
}

/* As add_wanted(), of a tree of which only some fields are looked at, in which everything is made
 * that isn't hidden from it. */
static void add_asked(proto_tree *tree, struct nvt_context *c, enum nvt_parse parse) {
  nvt_output_fields_ask(tree);
  proto_tree_set_visible(tree, FALSE);
  TRY {
    add_wanted(tree, c, parse);
  }
  FINALLY {
    proto_tree_set_visible(tree, TRUE);
  }
  ENDTRY;
}

static int dissect(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data) {
  int captured = (int)tvb_captured_length(tvb);
  struct nvt_record record;
  enum nvt_parse parse = NVT_PARSE_NOT_OURS;
  if (captured > 0)
    parse = nvt_record_parse(tvb_get_ptr(tvb, 0, captured), (size_t)captured, &record);
  if (parse == NVT_PARSE_NOT_OURS) {
    if (user_dlt == NULL)
      return 0;
    return call_dissector_with_data(user_dlt, tvb, pinfo, tree, data);
  }
  record.number = pinfo->num;
  record.offset = 0; /* Wireshark doesn't tell, and the session doesn't ask */
  record.time_ns = (uint64_t)pinfo->abs_ts.secs * 1000000000u + (uint64_t)pinfo->abs_ts.nsecs;
  static const struct nvt_frame nothing;
  const struct nvt_frame *frame =
      parse == NVT_PARSE_OK ? nvt_links_frame(pinfo, &record) : &nothing;
  set_columns(pinfo, &record, frame, parse);
  struct nvt_context c = {.tvb = tvb,
                          .pinfo = pinfo,
                          .record = &record,
                          .frame = frame,
                          .body = record.header.header_length,
                          .captured = captured,
                          .bytes = tvb_get_ptr(tvb, 0, captured)};
  if (nvt_output_fields_only(tree))
    add_asked(tree, &c, parse);
  else if (tree != NULL || nvt_wanted_without_tree(pinfo))
    add_wanted(tree, &c, parse);
  if (frame->fed) {
    nvt_tap_frame(&c);
    nvt_export_frame(&c);
  }
  return captured;
}

/* --- registration --- */

static void set_link_type(void) {
  static unsigned current;
  static bool set;
  if (set && current == nvt_preferences.link_type)
    return;
  if (set)
    dissector_delete_uint("wtap_encap", WTAP_ENCAP_USER0 + current, handle);
  current = nvt_preferences.link_type;
  set = true;
  dissector_add_uint("wtap_encap", WTAP_ENCAP_USER0 + current, handle);
}

/* A trace that is opened, or loaded again, sees the table as it is now. */
static void read_vendor_table(void) {
  nvt_commands_vendor_table(nvt_preferences.vendor_table);
}

static void preferences_changed(void) {
  set_link_type();
  read_vendor_table();
}

static void register_protocol(void) {
  proto_nvmetap = proto_register_protocol("NVMe Trace", "NVMeTap", "nvmetap");
  nvt_groups_register(proto_nvmetap);
  nvt_fields_register(nvt_group_proto(NVT_GROUP_RECORD));
  nvt_registers_register(nvt_group_proto(NVT_GROUP_ACCESS));
  nvt_commands_register(nvt_group_proto(NVT_GROUP_ENTRY), nvt_group_proto(NVT_GROUP_ROWS));
  nvt_data_register(nvt_group_proto(NVT_GROUP_DATA));
  nvt_structures_register(nvt_group_proto(NVT_GROUP_DATA));
  nvt_relations_register(nvt_group_proto(NVT_GROUP_LINKS));
  nvt_state_register(nvt_group_proto(NVT_GROUP_STATE));
  nvt_findings_register(proto_nvmetap);
  nvt_statistics_register(proto_nvmetap);
  nvt_export_register(proto_nvmetap);
  nvt_preferences_register(proto_nvmetap, preferences_changed);
  nvt_register_field(proto_nvmetap, &hf_annotation, "Text", "nvmetap.annotation", FT_STRING,
                     BASE_NONE, NULL, 0, NULL);
  nvt_register_field(proto_nvmetap, &hf_json, "Description", "nvmetap.json", FT_STRING, BASE_NONE,
                     NULL, 0, "What was recorded and how, as JSON");
  nvt_subtree_open(&ett_nvmetap);
  nvt_subtree(&ett_json);
  for (size_t i = 0; i < NVT_COUNT(experts); i++)
    *experts[i].ids = (expert_field)EI_INIT;
  expert_register_field_array(expert_register_protocol(proto_nvmetap), experts, NVT_COUNT(experts));
  register_init_routine(read_vendor_table);
  register_init_routine(nvt_expand_subtrees);
  register_init_routine(nvt_links_init);
  register_init_routine(nvt_wanted_opened);
  register_init_routine(nvt_output_fields_opened);
  register_cleanup_routine(nvt_links_cleanup);
}

static void register_handoff(void) {
  user_dlt = find_dissector("user_dlt");
  json = find_dissector("json");
  nvt_builtin_find();
  nvt_relations_find_builtin();
  nvt_wanted_find();
  handle = create_dissector_handle(dissect, proto_nvmetap);
  preferences_changed();
}

void plugin_register(void) {
  static proto_plugin plugin;
  plugin.register_protoinfo = register_protocol;
  plugin.register_handoff = register_handoff;
  proto_register_plugin(&plugin);
}

uint32_t plugin_describe(void) {
  return WS_PLUGIN_DESC_DISSECTOR;
}
