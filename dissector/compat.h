/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wireshark 4.0, 4.4 and 4.6 from one source: what differs between them stands
 * here, and nowhere else.
 */
#ifndef NVT_DISSECTOR_COMPAT_H
#define NVT_DISSECTOR_COMPAT_H

#include <ws_version.h>

#include <epan/column-info.h>
#include <epan/epan.h>
#include <epan/expert.h>
#include <epan/packet.h>
#include <epan/proto.h>
#include <epan/tap.h>
#include <wiretap/wtap.h>

/* plugin_describe() came with 4.2; 4.0 doesn't look for it. */
#ifndef WS_PLUGIN_DESC_DISSECTOR
#define WS_PLUGIN_DESC_DISSECTOR (1u << 0)
#endif

/* Is the column one of those shown, printed or asked for? */
static inline bool nvt_has_column(const packet_info *pinfo, int format) {
  return pinfo->cinfo != NULL && pinfo->cinfo->col_first[format] >= 0;
}

/*
 * An item whose text is "Name: text". Every item of -T fields has its text made on 4.0, though none
 * is printed, and printf takes longer for it than all the rest of the item.
 */
#define NVT_OWN_LABELS (WIRESHARK_VERSION_MAJOR == 4 && WIRESHARK_VERSION_MINOR < 2)
static inline proto_item *nvt_label(proto_item *item, const char *text) {
#if NVT_OWN_LABELS
  field_info *info = item != NULL ? PITEM_FINFO(item) : NULL;
  if (info == NULL || !item->tree_data->visible)
    return item;
  info->rep = wmem_new(item->tree_data->pinfo->pool, item_label_t);
  g_strlcpy(info->rep->representation, info->hfinfo->name, ITEM_LABEL_LENGTH);
  g_strlcat(info->rep->representation, ": ", ITEM_LABEL_LENGTH);
  g_strlcat(info->rep->representation, text, ITEM_LABEL_LENGTH);
#else
  (void)text;
#endif
  return item;
}
static inline proto_item *nvt_add_uint_text(proto_tree *tree, int hf, tvbuff_t *tvb, int at,
                                            int size, uint32_t value, const char *text) {
  if (NVT_OWN_LABELS)
    return nvt_label(proto_tree_add_uint(tree, hf, tvb, at, size, value), text);
  return proto_tree_add_uint_format_value(tree, hf, tvb, at, size, value, "%s", text);
}
/* Of an item without a value. */
static inline proto_item *nvt_add_none_text(proto_tree *tree, int hf, tvbuff_t *tvb, int at,
                                            int size, const char *text) {
  proto_item *item = proto_tree_add_item(tree, hf, tvb, at, size, ENC_NA);
  if (NVT_OWN_LABELS)
    return nvt_label(item, text);
  proto_item_append_text(item, ": %s", text);
  return item;
}
static inline proto_item *nvt_add_time_text(proto_tree *tree, int hf, tvbuff_t *tvb, int at,
                                            int size, nstime_t *time, const char *text) {
  if (NVT_OWN_LABELS)
    return nvt_label(proto_tree_add_time(tree, hf, tvb, at, size, time), text);
  return proto_tree_add_time_format_value(tree, hf, tvb, at, size, time, "%s", text);
}

#define NVT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
