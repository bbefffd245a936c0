/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data structures as nvme/structures.def has them, and the walk over bytes that hold one.
 * All functions are pure and safe from any thread; strings and rows are static.
 */
#ifndef NVT_NVME_STRUCTURES_H
#define NVT_NVME_STRUCTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/values.h"

enum nvt_structure_id {
  NVT_STRUCTURE_NONE,
#define NVT_STRUCTURE(id, size, title) NVT_STRUCTURE_##id,
#define NVT_STRUCTURE_OPEN(id, least, title) NVT_STRUCTURE_##id,
#include "nvme/structures.def"
  NVT_STRUCTURE_COUNT
};

/* How a member's value is written. Integers are little-endian, of 1 to 8 bytes. */
enum nvt_member_format {
  NVT_MEMBER_DEC,
  NVT_MEMBER_HEX,
  NVT_MEMBER_BIG_ENDIAN, /* decimal, most significant byte first */
  NVT_MEMBER_FLAG,
  NVT_MEMBER_ZERO_BASED, /* one less than what it means */
  NVT_MEMBER_POWER2,     /* exponent of 2 */
  NVT_MEMBER_KELVIN,
  NVT_MEMBER_MS_1970,  /* milliseconds since 1970 */
  NVT_MEMBER_VERSION,  /* as register VS has it */
  NVT_MEMBER_STATUS,   /* SCT << 8 | SC */
  NVT_MEMBER_OPCODE,   /* of an admin command */
  NVT_MEMBER_LOG_PAGE, /* log page identifier */
  NVT_MEMBER_FEATURE,  /* feature identifier */
  NVT_MEMBER_U128,     /* 16 bytes, little-endian */
  NVT_MEMBER_ASCII,    /* padded with spaces or zeroes */
  NVT_MEMBER_BYTES,
  NVT_MEMBER_UUID,  /* 16 bytes, most significant first */
  NVT_MEMBER_EUI64, /* 8 bytes, most significant first */
};

enum nvt_member_kind {
  NVT_MEMBER_VALUE,
  NVT_MEMBER_BITS,
  NVT_MEMBER_LIST,
  NVT_MEMBER_ARRAY,
  NVT_MEMBER_CASE,
  NVT_MEMBER_LENGTH, /* no member: what is said of the structure's length */
};

/* What the index of an array's element stands for. */
enum nvt_index {
  NVT_INDEX_NONE,
  NVT_INDEX_ADMIN,
  NVT_INDEX_IO,
  NVT_INDEX_LOG_PAGE,
  NVT_INDEX_FEATURE
};

#define NVT_OFFSET_AFTER 0xffffu
#define NVT_ROW_NONE (-1)

struct nvt_member {
  uint8_t kind;
  uint8_t format;
  uint8_t lsb; /* BITS */
  uint8_t width;
  uint16_t structure; /* enum nvt_structure_id */
  uint16_t element;   /* ARRAY, CASE: a structure */
  uint16_t values;    /* enum nvt_values */
  uint16_t index;     /* ARRAY: enum nvt_index */
  uint16_t offset;    /* or NVT_OFFSET_AFTER */
  uint16_t size;      /* bytes; LENGTH: the unit; BITS: 0, the parent says */
  uint16_t count;     /* LIST, ARRAY; CASE: the value; LENGTH: align */
  int16_t other; /* row: BITS the parent, LIST and ARRAY the counter, CASE and LENGTH the member */
  int16_t add;   /* LENGTH */
  const char *id;
  const char *title;
};

struct nvt_structure {
  const char *id; /* "ID_CTRL" */
  const char *title;
  uint16_t size; /* bytes; at least, if it is open */
  bool open;
  uint16_t first; /* row */
};

/* NULL for NONE and what isn't one. */
const struct nvt_structure *nvt_structure_info(enum nvt_structure_id);
/* All rows, in table order. */
const struct nvt_member *nvt_structure_rows(size_t *count);
/* The row that another names in `other`; NULL for NVT_ROW_NONE. */
const struct nvt_member *nvt_structure_row(int row);
/* One structure's. */
const struct nvt_member *nvt_structure_members(const struct nvt_structure *, size_t *count);

/* --- what may not be told --- */

/* What a member says of people and places, and so what a scrubbed trace has in its place. */
enum nvt_privacy {
  NVT_PRIVACY_NONE, /* nothing; text and byte strings have another class */
  NVT_PRIVACY_KEEP, /* a string that tells nothing of anybody */
  NVT_PRIVACY_SERIAL,
  NVT_PRIVACY_MODEL,
  NVT_PRIVACY_FIRMWARE,
  NVT_PRIVACY_NQN,   /* NVMe Qualified Name */
  NVT_PRIVACY_TEXT,  /* names, addresses, labels */
  NVT_PRIVACY_ID,    /* identifiers and keys: UUID, NGUID, EUI64, host, reservation, … */
  NVT_PRIVACY_DROP,  /* data, secrets, what a vendor put there */
  NVT_PRIVACY_LBA,   /* of the namespace that the structure or the command names */
  NVT_PRIVACY_PLACE, /* tells of LBAs otherwise */
  NVT_PRIVACY_TIME,  /* milliseconds since 1970 */
  NVT_PRIVACY_COUNT
};
enum nvt_privacy nvt_member_privacy(const struct nvt_member *); /* a row of the table */
/* Nothing of it is to be kept. */
bool nvt_structure_private(const struct nvt_structure *);

/* --- the walk --- */

enum nvt_part_kind {
  NVT_PART_BEGIN,  /* a structure; its parts follow, one deeper */
  NVT_PART_END,    /* of the structure begun last; length is the whole one's, as far as present */
  NVT_PART_VALUE,  /* a member; its bits follow, one deeper */
  NVT_PART_BITS,   /* in the bytes of the value before */
  NVT_PART_CUT,    /* a part of a member, whose other bytes aren't there; or of an array whose
                      elements vary in length and began before the bytes */
  NVT_PART_GAP,    /* no member: reserved */
  NVT_PART_ZEROES, /* two or more elements, from index on, that are all zero */
  NVT_PART_BEYOND, /* after the end of the outermost structure */
};

struct nvt_part {
  enum nvt_part_kind kind;
  const struct nvt_structure *structure; /* that it belongs to; BEGIN and END: that one itself */
  const struct nvt_member *member;       /* NULL: GAP, BEYOND, and the outermost structure */
  bool indexed;                          /* an element of a list or array */
  uint64_t index;
  uint64_t count;  /* ZEROES: elements */
  unsigned depth;  /* 0 for the outermost structure */
  uint64_t offset; /* of its first byte that is there, from the start of the outermost structure */
  uint64_t length; /* bytes that are there; BEGIN: 0 */
  const uint8_t *bytes; /* those bytes; borrowed */
  uint64_t value;       /* VALUE and BITS of at most 8 bytes */
};
typedef void nvt_part_visitor(void *ctx, const struct nvt_part *);

/* Bytes [from, from + length) of a structure, in order: VALUE, CUT, GAP, ZEROES and BEYOND cover
 * each byte exactly once. Time is proportional to length; nothing is allocated. False, with
 * nothing visited: no such structure, or from isn't below 2^62. */
bool nvt_structure_walk(enum nvt_structure_id, const uint8_t *bytes, uint64_t from, size_t length,
                        nvt_part_visitor *, void *ctx);

#endif
