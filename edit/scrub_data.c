/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A data structure, as its rows explain it: what they don't comes out as zeroes. So the copy starts
 * as zeroes, and what may be kept is put into it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edit/scrub_int.h"

#define NS_PER_MS UINT64_C(1000000)

struct work {
  struct nvt_scrub *scrub;
  const struct scrub_piece *piece;
  uint8_t *out;    /* the piece's bytes, scrubbed */
  uint64_t copied; /* blocks of a Copy's ranges */
  int error;
};

static bool is_zero(const uint8_t *bytes, uint64_t length) {
  while (length > 0 && *bytes == 0)
    bytes++, length--;
  return length == 0;
}

static void drop(struct work *w, const struct nvt_part *part) {
  if (!is_zero(part->bytes, part->length))
    nvt_scrub_add(w->scrub, NVT_SCRUB_STRUCTURE, part->length);
}

static uint8_t *place(const struct work *w, const struct nvt_part *part) {
  return w->out + (part->offset - w->piece->from);
}

static void keep(const struct work *w, const struct nvt_part *part) {
  memcpy(place(w, part), part->bytes, part->length);
}

/* Another member of the same element, if it is there whole. */
static bool sibling(const struct work *w, const struct nvt_part *part, const char *id,
                    const struct nvt_member **row, uint64_t *value) {
  size_t count;
  const struct nvt_member *rows = nvt_structure_members(part->structure, &count);
  for (size_t i = 0; i < count; i++) {
    if (rows[i].kind != NVT_MEMBER_VALUE || strcmp(rows[i].id, id) != 0 ||
        rows[i].size > sizeof(*value) || part->member->offset == NVT_OFFSET_AFTER)
      continue;
    uint64_t start = part->offset - w->piece->from;
    if (start + rows[i].offset < part->member->offset)
      return false;
    start = start + rows[i].offset - part->member->offset;
    if (start > w->piece->length || w->piece->length - start < rows[i].size)
      return false;
    *row = &rows[i];
    *value = 0;
    memcpy(value, w->piece->bytes + start, rows[i].size);
    return true;
  }
  return false;
}

/* The namespace whose block it is, and how many are named. */
static uint64_t space_of(const struct work *w, const struct nvt_part *part, uint64_t *count) {
  const struct nvt_member *row;
  uint64_t value;
  *count = 1;
  if (sibling(w, part, "NLB", &row, &value))
    *count = row->format == NVT_MEMBER_ZERO_BASED && value < UINT64_MAX ? value + 1 : value;
  if (sibling(w, part, "SNSID", &row, &value) || sibling(w, part, "NSID", &row, &value))
    return nvt_lba_space(w->piece->controller, (uint32_t)value);
  return nvt_lba_space(w->piece->controller, w->piece->sqe->nsid);
}

static void lba(struct work *w, const struct nvt_part *part) {
  struct nvt_scrub *s = w->scrub;
  uint64_t count;
  uint64_t space = space_of(w, part, &count);
  if (s->lbas == NULL) {
    keep(w, part);
  } else if (part->kind != NVT_PART_VALUE || part->length != sizeof(part->value)) {
    drop(w, part);
  } else if (s->learning) {
    if (count > 0 && w->copied <= UINT64_MAX - count)
      w->copied += count;
    w->error = nvt_lba_touch(s->lbas, space, part->value, count == 0 ? 1 : count);
  } else {
    uint64_t now = nvt_lba_look_up(s->lbas, space, part->value, count == 0 ? 1 : count);
    memcpy(place(w, part), &now, sizeof(now));
    nvt_scrub_add(s, NVT_SCRUB_LBA, 1);
  }
}

static void time_of(struct work *w, const struct nvt_part *part) {
  struct nvt_scrub *s = w->scrub;
  if (!s->options.time) {
    keep(w, part);
    return;
  }
  uint64_t ns;
  if (part->kind != NVT_PART_VALUE || part->value == 0 ||
      __builtin_mul_overflow(part->value, NS_PER_MS, &ns)) {
    drop(w, part);
    return;
  }
  uint64_t now = nvt_scrub_time(s, ns) / NS_PER_MS;
  memcpy(place(w, part), &now, part->length < sizeof(now) ? part->length : sizeof(now));
  nvt_scrub_add(s, NVT_SCRUB_TIME, 1);
}

static void name(struct work *w, const struct nvt_part *part, enum nvt_privacy class) {
  static const uint8_t counts[NVT_PRIVACY_COUNT] = {
      [NVT_PRIVACY_SERIAL] = NVT_SCRUB_SERIAL,     [NVT_PRIVACY_MODEL] = NVT_SCRUB_MODEL,
      [NVT_PRIVACY_FIRMWARE] = NVT_SCRUB_FIRMWARE, [NVT_PRIVACY_NQN] = NVT_SCRUB_NQN,
      [NVT_PRIVACY_TEXT] = NVT_SCRUB_NAME,         [NVT_PRIVACY_ID] = NVT_SCRUB_ID,
  };
  keep(w, part);
  bool whole = part->kind == NVT_PART_VALUE;
  if (nvt_names_replace(w->scrub->names, class, w->piece->controller, place(w, part), part->length,
                        whole))
    nvt_scrub_add(w->scrub, counts[class], 1);
}

/* A namespace's size, as Identify tells it. */
static void learn_size(struct work *w, const struct nvt_part *part) {
  if (w->scrub->learning && w->piece->structure == NVT_STRUCTURE_ID_NS && part->depth == 1 &&
      strcmp(part->member->id, "NSZE") == 0 && part->kind == NVT_PART_VALUE)
    w->error = nvt_lba_size(
        w->scrub->lbas, nvt_lba_space(w->piece->controller, w->piece->sqe->nsid), part->value, 0);
}

static bool is_string(const struct nvt_member *row) {
  return row->format == NVT_MEMBER_ASCII || row->format == NVT_MEMBER_BYTES ||
         row->format == NVT_MEMBER_UUID || row->format == NVT_MEMBER_EUI64;
}

static void member(struct work *w, const struct nvt_part *part) {
  const struct nvt_member *row = part->member;
  /* Bytes of an array whose elements vary: which element's they are isn't known. */
  if (row->kind != NVT_MEMBER_VALUE && row->kind != NVT_MEMBER_LIST) {
    drop(w, part);
    return;
  }
  enum nvt_privacy class = nvt_member_privacy(row);
  switch (class) {
  case NVT_PRIVACY_NONE:
    if (is_string(row)) {
      drop(w, part);
      break;
    }
    keep(w, part);
    learn_size(w, part);
    break;
  case NVT_PRIVACY_KEEP:
    keep(w, part);
    break;
  case NVT_PRIVACY_LBA:
    lba(w, part);
    break;
  case NVT_PRIVACY_PLACE:
    if (w->scrub->lbas == NULL)
      keep(w, part);
    else
      drop(w, part);
    break;
  case NVT_PRIVACY_TIME:
    time_of(w, part);
    break;
  case NVT_PRIVACY_DROP:
  case NVT_PRIVACY_COUNT:
    drop(w, part);
    break;
  default:
    name(w, part, class);
    break;
  }
}

static void visit(void *ctx, const struct nvt_part *part) {
  struct work *w = ctx;
  if (w->error != 0)
    return;
  switch (part->kind) {
  case NVT_PART_VALUE:
  case NVT_PART_CUT:
    member(w, part);
    break;
  case NVT_PART_GAP:
  case NVT_PART_BEYOND:
    drop(w, part);
    break;
  default: /* a structure's beginning and end, bits, zeroes */
    break;
  }
}

/* How long a Copy's destination is, its ranges tell. */
static bool is_copy(enum nvt_structure_id structure) {
  return structure == NVT_STRUCTURE_COPY_RANGES_0 || structure == NVT_STRUCTURE_COPY_RANGES_1 ||
         structure == NVT_STRUCTURE_COPY_RANGES_2 || structure == NVT_STRUCTURE_COPY_RANGES_3;
}

int nvt_scrub_structure(struct nvt_scrub *s, const struct scrub_piece *piece) {
  struct work w = {.scrub = s, .piece = piece, .out = calloc(1, piece->length)};
  if (w.out == NULL)
    return -ENOMEM;
  nvt_structure_walk(piece->structure, piece->bytes, piece->from, piece->length, visit, &w);
  memcpy(piece->bytes, w.out, piece->length);
  free(w.out);
  if (w.error == 0 && s->learning && is_copy(piece->structure))
    w.error = nvt_lba_touch(s->lbas, nvt_lba_space(piece->controller, piece->sqe->nsid),
                            piece->sqe->cdw10 | (uint64_t)piece->sqe->cdw11 << 32, w.copied);
  return w.error;
}
