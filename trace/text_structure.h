/* SPDX-License-Identifier: BSD-2-Clause */
/* How parts of data structures are written, in Wireshark and by nvmetap dump -v alike. */
#ifndef NVT_TRACE_TEXT_STRUCTURE_H
#define NVT_TRACE_TEXT_STRUCTURE_H

#include "nvme/structures.h"
#include "trace/text.h"

/* "Model Number (MN)", "Namespace Identifier (NSID) [3]", "Reserved". */
void nvt_text_part_label(struct nvt_text *, const struct nvt_part *);
/* What stands after it: "8 (0x7, zero-based)", "310 K (37 °C)", "24 bytes, all zero". */
void nvt_text_part_value(struct nvt_text *, const struct nvt_part *);

#endif
