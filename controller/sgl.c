/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SGLs: Base 2.1, section 4.3.2. A segment is read once, into memory of ours: the host may write
 * on. What a list costs is bounded by NVT_SGL_DESCRIPTORS, whatever its lengths say and whether or
 * not it leads back to itself.
 */
#include "nvme/sgl.h"

#include <string.h>

#include "controller/controller_int.h"
#include "controller/sgl_int.h"

struct walk {
  const struct nvt_sgl_walk *w;
  uint64_t done; /* bytes described so far */
  uint32_t left; /* descriptors that may still come */
};

static bool is_pointer(const struct nvt_sgl *sgl) {
  return sgl->type == NVT_SGL_SEGMENT || sgl->type == NVT_SGL_LAST_SEGMENT;
}

/* A descriptor of data. */
static nvt_status take(struct walk *walk, const struct nvt_sgl *sgl) {
  const struct nvt_sgl_walk *w = walk->w;
  bool bucket = sgl->type == NVT_SGL_BIT_BUCKET;
  /* Keyed ones, transports' and vendors' aren't claimed, nor are offsets (SGLS bits 2, 20, 21). */
  if ((sgl->type != NVT_SGL_DATA_BLOCK && !bucket) || sgl->subtype != 0)
    return NVT_SC_SGL_DESCRIPTOR_TYPE_INVALID;
  /* Section 4.3.2: of data on its way from the host a bit bucket takes nothing. */
  uint64_t length = bucket && !w->to_guest ? 0 : sgl->length, rest = w->length - walk->done;
  if (length == 0)
    return NVT_SC_SUCCESS;
  if (!bucket && length - 1 > UINT64_MAX - sgl->address)
    return NVT_SC_DATA_SGL_LENGTH_INVALID;
  if (length > rest) { /* longer ones aren't claimed either (SGLS bit 18) */
    if (w->exact)
      return NVT_SC_DATA_SGL_LENGTH_INVALID;
    length = rest;
  }
  walk->done += length;
  return length == 0 ? NVT_SC_SUCCESS : w->piece(w->ctx, sgl->address, length, bucket);
}

/* The segment that *at points to: its data, and in *at what leads on, if *more. */
static nvt_status segment(struct walk *walk, struct nvt_sgl *at, bool *more) {
  const struct nvt_sgl_walk *w = walk->w;
  const struct nvt_sgl here = *at;
  bool last = here.type == NVT_SGL_LAST_SEGMENT;
  *more = false;
  if (here.subtype != 0)
    return NVT_SC_SGL_DESCRIPTOR_TYPE_INVALID;
  /* Segments are qword aligned, of one descriptor at least. */
  if (here.length == 0 || here.length % NVT_SGL_BYTES != 0 || (here.address & 7) != 0 ||
      here.length - 1 > UINT64_MAX - here.address)
    return NVT_SC_INVALID_SGL_SEGMENT_DESCRIPTOR;
  uint32_t count = here.length / NVT_SGL_BYTES;
  if (count > walk->left)
    return NVT_SC_INVALID_NUMBER_OF_SGL_DESCRIPTORS;
  walk->left -= count;
  nvt_status status = w->read(w->ctx, here.address, here.length, walk->done);
  for (uint32_t i = 0; i < count && status == NVT_SC_SUCCESS; i++) {
    nvt_sgl_parse(w->room + i * NVT_SGL_BYTES, at);
    if (!is_pointer(at)) {
      status = take(walk, at);
      continue;
    }
    if (last)
      return NVT_SC_INVALID_SGL_SEGMENT_DESCRIPTOR;
    if (i + 1 != count)
      return NVT_SC_INVALID_NUMBER_OF_SGL_DESCRIPTORS;
    *more = true;
  }
  /* Only a Last Segment may lead nowhere. */
  if (status == NVT_SC_SUCCESS && !last && !*more)
    return NVT_SC_INVALID_SGL_SEGMENT_DESCRIPTOR;
  return status;
}

nvt_status nvt_sgl_walk(const struct nvt_sqe *sqe, const struct nvt_sgl_walk *w) {
  struct walk walk = {.w = w, .left = NVT_SGL_DESCRIPTORS};
  uint8_t first[NVT_SGL_BYTES]; /* SGL1 lies where the PRP entries do */
  memcpy(first, &sqe->prp1, 8);
  memcpy(first + 8, &sqe->prp2, 8);
  struct nvt_sgl at;
  nvt_sgl_parse(first, &at);
  nvt_status status = NVT_SC_SUCCESS;
  bool more = is_pointer(&at);
  if (!more)
    status = take(&walk, &at);
  while (more && status == NVT_SC_SUCCESS && (w->exact || walk.done < w->length))
    status = segment(&walk, &at, &more);
  if (status == NVT_SC_SUCCESS && walk.done != w->length)
    return NVT_SC_DATA_SGL_LENGTH_INVALID;
  return status;
}
