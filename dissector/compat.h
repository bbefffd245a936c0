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
#include <wiretap/wtap.h>

/* plugin_describe() came with 4.2; 4.0 doesn't look for it. */
#ifndef WS_PLUGIN_DESC_DISSECTOR
#define WS_PLUGIN_DESC_DISSECTOR (1u << 0)
#endif

/* Is the column one of those shown, printed or asked for? */
static inline bool nvt_has_column(const packet_info *pinfo, int format) {
  return pinfo->cinfo != NULL && pinfo->cinfo->col_first[format] >= 0;
}

#define NVT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
