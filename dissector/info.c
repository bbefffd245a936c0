/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dissector/dissector_int.h"

#include <stdio.h>

void nvt_info(const struct nvt_record *r, const struct nvt_frame *f, char *out, size_t size) {
  char name[96];
  switch (r->header.type) {
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    nvt_access_name(r, f, name, sizeof(name));
    snprintf(out, size, "%s %s = 0x%" PRIx64, nvt_record_title(r->header.type), name,
             r->access.value);
    break;
  default:
    snprintf(out, size, "%s", nvt_record_title(r->header.type));
  }
}
