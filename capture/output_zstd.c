/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "capture/packer.h"

struct packing {
  ZSTD_CCtx *context;
  size_t room;
  uint8_t out[];
};

static void destroy(void *state) {
  struct packing *packing = state;
  if (packing == NULL)
    return;
  ZSTD_freeCCtx(packing->context);
  free(packing);
}

static int create(int level, size_t most, void **state) {
  size_t room = ZSTD_compressBound(most);
  struct packing *packing = malloc(sizeof(*packing) + room);
  *state = packing;
  if (packing == NULL)
    return -ENOMEM;
  packing->room = room;
  packing->context = ZSTD_createCCtx();
  if (packing->context == NULL ||
      ZSTD_isError(ZSTD_CCtx_setParameter(packing->context, ZSTD_c_compressionLevel, level)) ||
      /* A byte that changed on the disk is to be noticed. */
      ZSTD_isError(ZSTD_CCtx_setParameter(packing->context, ZSTD_c_checksumFlag, 1))) {
    destroy(packing);
    *state = NULL;
    return -ENOMEM;
  }
  return 0;
}

static int pack(void *state, const void *from, size_t length, const uint8_t **out, size_t *packed) {
  struct packing *packing = state;
  size_t n = ZSTD_compress2(packing->context, packing->out, packing->room, from, length);
  *out = packing->out;
  *packed = n;
  return ZSTD_isError(n) ? -ENOMEM : 0; /* the room is enough for whatever it is */
}

const struct nvt_packer nvt_packer_zstd = {
    .name = "zstd",
    .suffix = ".zst",
    .usual = 3,
    .least = 1,
    .most = 19,
    .create = create,
    .pack = pack,
    .destroy = destroy,
};
