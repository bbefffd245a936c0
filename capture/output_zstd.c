/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zstd frames that Wireshark 4.0 opens. When a frame ends, it looks for the magic
 * number of the next one not there, but at the start of its input buffer, of 128 KiB. It finds it
 * if a frame begins at each multiple of that, or at none: so where a frame doesn't fit into what is
 * left of such a window, less is put into it, the rest is filled with a frame that holds nothing,
 * and what doesn't fit into a window at all is filled up to the end of one. Other readers don't
 * mind.
 *
 * (RFC 8878, section 3.1.1: frame header and blocks.)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "capture/output.h"
#include "capture/packer.h"

enum {
  WINDOW = 128 * 1024 + 3, /* ZSTD_DStreamInSize() */
  GAP = 15,                /* the shortest filling that has every length from there on */
  SMALL = 4096,            /* what is left of a window and not worth a frame */
  LAST = 3 + 4,            /* an empty last block and a checksum end each of our frames */
  BLOCK = 3,               /* an empty block */
};

struct packing {
  ZSTD_CCtx *context;
  double ratio; /* compressed to plain, of late */
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
  size_t room = ZSTD_compressBound(most) + 4 * (size_t)WINDOW;
  struct packing *packing = malloc(sizeof(*packing) + room);
  *state = packing;
  if (packing == NULL)
    return -ENOMEM;
  packing->room = room;
  packing->ratio = 0.1;
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

/* A frame at `to`, which ends with an empty block and the checksum: fillings go before these. 0:
 * the library has failed. */
static size_t compress(struct packing *packing, uint8_t *to, const uint8_t *from, size_t length) {
  ZSTD_inBuffer in = {.src = from, .size = length};
  ZSTD_outBuffer out = {.dst = to, .size = packing->room - (size_t)(to - packing->out)};
  (void)ZSTD_CCtx_reset(packing->context, ZSTD_reset_session_only);
  if (ZSTD_compressStream2(packing->context, &out, &in, ZSTD_e_flush) != 0 || in.pos != length ||
      ZSTD_compressStream2(packing->context, &out, &in, ZSTD_e_end) != 0)
    return 0;
  packing->ratio = (double)out.pos / (double)length;
  return out.pos;
}

/* A frame of `length` bytes, GAP or more, that holds nothing: a header of 6 to 8 bytes by the width
 * of a dictionary's number, which is 0, then empty blocks, and the checksum of nothing. */
static void fill(uint8_t *to, size_t length) {
  static const uint8_t end[LAST] = {1, 0, 0, 0x99, 0xe9, 0xd8, 0x51};
  const uint8_t wide = (uint8_t)((length - LAST) % BLOCK);
  const uint8_t header[] = {0x28, 0xb5, 0x2f, 0xfd, (uint8_t)(4 | wide), 0};
  memset(to, 0, length);
  memcpy(to, header, sizeof(header));
  memcpy(to + length - LAST, end, sizeof(end));
}

/* Fits into what is left of the window, and so that what is left then can be filled. */
static bool fits(size_t length, size_t left) {
  return length == left || length + GAP <= left;
}

/* The frame at `to` made longer by `more` bytes, a multiple of BLOCK. */
static void lengthen(uint8_t *to, size_t length, size_t more) {
  memmove(to + length - LAST + more, to + length - LAST, LAST);
  memset(to + length - LAST, 0, more);
}

/* Over the window's end, up to the end of another. */
static size_t span(uint8_t *out, size_t left, size_t length) {
  /* A filling first, so that the rest can be done in blocks. */
  size_t first = GAP, end = left;
  while (end < first + BLOCK + length)
    end += WINDOW;
  while ((end - first - length) % BLOCK != 0)
    first++;
  memmove(out + first, out, length);
  fill(out, first);
  lengthen(out + first, length, end - first - length);
  return end;
}

/* Where the next window begins. */
static size_t after_window(uint8_t *out, size_t left, size_t length) {
  memmove(out + left, out, length);
  fill(out, left);
  return left + length;
}

static int pack(void *state, uint64_t at, const uint8_t *from, size_t length,
                struct nvt_packed *out) {
  struct packing *packing = state;
  size_t left = WINDOW - (size_t)(at % WINDOW);
  double most = ((double)left - SMALL / 2.0) / packing->ratio;
  out->bytes = packing->out;
  out->taken = length;
  /* As much as probably fits. */
  for (unsigned tries = 0; tries < 3 && left > SMALL && at > 0; tries++) {
    if ((double)length > most)
      out->taken = nvt_output_piece(from, length, most > 1 ? (size_t)most : 1);
    out->length = compress(packing, packing->out, from, out->taken);
    if (out->length == 0)
      return -ENOMEM;
    if (fits(out->length, left))
      return 0;
    most = (double)out->taken * ((double)left - GAP) / (double)out->length * 0.9;
  }
  out->taken = length;
  out->length = compress(packing, packing->out, from, length);
  if (out->length == 0)
    return -ENOMEM;
  if (fits(out->length, left))
    return 0;
  out->length = fits(out->length, WINDOW) ? after_window(packing->out, left, out->length)
                                          : span(packing->out, left, out->length);
  return 0;
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
