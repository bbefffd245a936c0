/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wireshark 4.0, 4.4 and 4.6 from one source: what differs between them stands
 * here, and nowhere else.
 */
#ifndef NVT_DISSECTOR_COMPAT_H
#define NVT_DISSECTOR_COMPAT_H

#define WS_BUILD_DLL

#include <ws_version.h>

#include <epan/epan.h>
#include <epan/expert.h>
#include <epan/packet.h>
#include <epan/proto.h>
#include <wiretap/wtap.h>

#define NVT_WIRESHARK (WIRESHARK_VERSION_MAJOR * 100 + WIRESHARK_VERSION_MINOR)

/* gboolean until 4.2, bool from 4.4 on. */
#if NVT_WIRESHARK >= 404
typedef bool nvt_ws_bool;
#else
typedef gboolean nvt_ws_bool;
#endif

/* plugin_describe() came with 4.2; 4.0 doesn't look for it. */
#ifndef WS_PLUGIN_DESC_DISSECTOR
#define WS_PLUGIN_DESC_DISSECTOR (1u << 0)
#endif

/* 4.4 made the header field's mask and the id-by-name look-up as they are; these casts
 * are for the functions whose integer types went from glib's to C's. */
#define NVT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
