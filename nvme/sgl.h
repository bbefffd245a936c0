/* SPDX-License-Identifier: BSD-2-Clause */
/* SGL descriptors: Base 2.1, section 4.3.2, figures 117 to 125. Pure, any thread. */
#ifndef NVT_NVME_SGL_H
#define NVT_NVME_SGL_H

#include <stdbool.h>
#include <stdint.h>

#define NVT_SGL_BYTES 16u

enum nvt_sgl_type {
  NVT_SGL_DATA_BLOCK = 0,
  NVT_SGL_BIT_BUCKET = 1,
  NVT_SGL_SEGMENT = 2,
  NVT_SGL_LAST_SEGMENT = 3,
  NVT_SGL_KEYED_DATA_BLOCK = 4,
  NVT_SGL_TRANSPORT_DATA_BLOCK = 5,
  NVT_SGL_VENDOR = 15,
};

struct nvt_sgl {
  uint8_t type;    /* enum nvt_sgl_type, or one that isn't defined */
  uint8_t subtype; /* 0: the address is one; 1: it is an offset */
  bool has_address;
  bool has_length;
  bool has_key;     /* then the length has 24 bits, bytes 10:8, and the key stands in 14:11 */
  uint64_t address; /* bytes 7:0 */
  uint32_t length;  /* bytes */
  uint32_t key;
};

void nvt_sgl_parse(const uint8_t bytes[static NVT_SGL_BYTES], struct nvt_sgl *out);

#endif
