/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/sgl.h"

#include <string.h>

void nvt_sgl_parse(const uint8_t bytes[static NVT_SGL_BYTES], struct nvt_sgl *out) {
  *out = (struct nvt_sgl){.type = bytes[15] >> 4, .subtype = bytes[15] & 15};
  memcpy(&out->address, bytes, sizeof(out->address));
  memcpy(&out->length, bytes + 8, sizeof(out->length));
  switch (out->type) {
  case NVT_SGL_DATA_BLOCK:
  case NVT_SGL_SEGMENT:
  case NVT_SGL_LAST_SEGMENT:
    out->has_address = out->has_length = true;
    break;
  case NVT_SGL_BIT_BUCKET:
  case NVT_SGL_TRANSPORT_DATA_BLOCK:
    out->has_length = true;
    break;
  case NVT_SGL_KEYED_DATA_BLOCK:
    out->has_address = out->has_length = out->has_key = true;
    out->length &= 0xffffffu;
    memcpy(&out->key, bytes + 11, sizeof(out->key));
    break;
  default:
    break;
  }
}
