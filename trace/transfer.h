/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command transferred, put together from its data records; and where in
 * memory it lay, by its PRPs or SGL (Base 2.1, sections 4.3.1 and 4.3.2). Copes
 * with any records: pieces that overlap, come twice, in any order or leave holes.
 * Uses nothing but nvme/ and libc; one thread at a time.
 */
#ifndef NVT_TRACE_TRANSFER_H
#define NVT_TRACE_TRANSFER_H

#include "trace/session.h"

/* Who tells the bytes. */
enum nvt_piece_from {
  NVT_PIECE_DATA,   /* a data record: it has them */
  NVT_PIECE_KNOWN,  /* a digest record that stands for bytes elsewhere in the trace */
  NVT_PIECE_DIGEST, /* a digest record that has CRCs alone */
};
/* A data or digest record's part. */
struct nvt_piece {
  uint64_t record;      /* number of the data record */
  uint64_t offset;      /* of its first byte in the transfer; of a list: as the record has it */
  uint64_t address;     /* of its first byte in guest memory */
  uint32_t length;      /* bytes transferred */
  uint32_t captured;    /* bytes of them that the trace has */
  uint8_t *bytes;       /* the captured ones; NULL where they aren't kept */
  uint8_t from;         /* enum nvt_piece_from */
  uint64_t same_record; /* the data record with the same bytes, of a digest record that says so */
};

/* The pieces of one kind and direction of one command. */
struct nvt_transfer {
  struct nvt_transfer *next; /* another one of the same command */
  uint8_t kind;              /* NVT_V_data_kind_… */
  uint8_t direction;         /* NVT_V_data_direction_…; of lists always OUT */
  bool cut;                  /* a limit was reached: pieces, or bytes of them, aren't kept */
  bool sorted;               /* pieces are in the order of offset */
  uint32_t count;            /* pieces */
  uint32_t room;
  struct nvt_piece *pieces; /* in the order of records until nvt_transfer_sort() */
  struct nvt_piece one;     /* the first, while it is the only one */
  uint64_t length;          /* to the end of the piece that reaches furthest; of lists their own */
  uint64_t captured;        /* bytes that the records have, overlaps counted twice */
  uint64_t first_record;
  uint64_t last_record;
  size_t kept;                          /* bytes in memory */
  struct nvt_transfer *older, *younger; /* the collection's */
};

/* What is kept at most; 0: the default. A piece beyond isn't kept, or without its bytes. */
struct nvt_transfer_limits {
  uint32_t pieces; /* of one transfer */
  size_t bytes;    /* of one transfer */
  size_t all;      /* bytes of all transfers together */
};
#define NVT_TRANSFER_PIECES_MAX 16384u
#define NVT_TRANSFER_BYTES_MAX (32u << 20)
#define NVT_TRANSFERS_BYTES_MAX (512u << 20)

/* All transfers of a session. */
struct nvt_transfers;
/* limits may be NULL. 0 or -ENOMEM. */
int nvt_transfers_create(const struct nvt_transfer_limits *limits, struct nvt_transfers **out);
/* Exchanges still point to what was theirs: don't look. */
void nvt_transfers_destroy(struct nvt_transfers *);
/* Take a record and what the session said of it; those without data are passed over. 0 or
 * -ENOMEM (the piece is then missing). A payload of one piece isn't kept beyond the record after
 * the command's completion: its bytes stand in that one record. */
int nvt_transfers_record(struct nvt_transfers *, const struct nvt_record *,
                         const struct nvt_view *);
/* The exchange ends: free what is its. */
void nvt_transfers_forget(struct nvt_transfers *, struct nvt_exchange *);

/* The command's transfer of this kind and direction (of lists: OUT); NULL: there was none. */
struct nvt_transfer *nvt_transfer_of(const struct nvt_exchange *, unsigned kind,
                                     unsigned direction);
/* The payload of a command; NULL: none was recorded. The one with more where both directions
 * have one. */
struct nvt_transfer *nvt_transfer_payload(const struct nvt_exchange *);
/* The command's PRP lists or SGL segments, NULL: none was recorded. */
struct nvt_transfer *nvt_transfer_lists(const struct nvt_exchange *);

/* The piece that this data or digest record of the command is; NULL: none is kept. */
const struct nvt_piece *nvt_transfer_piece(const struct nvt_exchange *, const struct nvt_record *);

/* Is this data record the only one of its transfer so far, and its beginning? Then its bytes are
 * what the transfer's structure is told from. */
bool nvt_transfer_alone(const struct nvt_exchange *, const struct nvt_record *);

/* Put the pieces in the order of offset. */
void nvt_transfer_sort(struct nvt_transfer *);
/* Bytes kept from the transfer's first one on without a hole; copies at most `size` of them.
 * Where pieces overlap, the one that begins first counts. Sorts. */
size_t nvt_transfer_copy(struct nvt_transfer *, uint8_t *out, size_t size);

/* The parts that aren't kept, in order: start at a zeroed walk; false: no more. Sorts. */
struct nvt_hole_walk {
  uint32_t at;
  uint64_t end;
};
bool nvt_transfer_hole(struct nvt_transfer *, struct nvt_hole_walk *, uint64_t *from, uint64_t *to);

/* --- transfer_pages.c: where it lay in memory --- */

enum nvt_place_kind {
  NVT_PLACE_PAGE,      /* a PRP entry: data */
  NVT_PLACE_LIST,      /* a PRP entry: the next list */
  NVT_PLACE_PAGE_LIST, /* which of both isn't known: the last entry of the last list so far */
  NVT_PLACE_BLOCK,     /* an SGL descriptor: data, or bits dropped */
  NVT_PLACE_SEGMENT,   /* an SGL descriptor: the next segment */
};
struct nvt_place {
  enum nvt_place_kind kind;
  uint8_t sgl;      /* descriptor type and subtype; 0 of PRPs */
  uint64_t record;  /* where the entry stands: the command, or a list */
  uint32_t index;   /* of the entry there */
  uint64_t address; /* guest memory */
  uint64_t offset;  /* in the transfer, of data; of a list that of the first byte it describes */
  uint64_t length;  /* bytes; of a page at most a page's, less where the transfer's end is known */
};
/* Every entry, in order. The callback stops it by returning false. */
void nvt_transfer_places(const struct nvt_exchange *,
                         bool (*each)(void *, const struct nvt_place *), void *ctx);
/* Those that stand in one list, of which `record` is the number: by index, from 0 on. None where
 * the command has so many lists that each would go over all before it. */
void nvt_transfer_places_in(const struct nvt_exchange *, uint64_t record,
                            void (*each)(void *, const struct nvt_place *), void *ctx);
#define NVT_LISTS_FOLLOWED 64u

/* --- transfer_text.c: in words --- */

/* "offset 4096, 4096 bytes", "the next list": what an entry is for. */
struct nvt_text;
void nvt_place_text(const struct nvt_place *, char *out, size_t size);
/* "Data, controller to host: 8192 bytes, 128 recorded, in 2 records". */
void nvt_text_transfer(struct nvt_text *, const struct nvt_transfer *);

/* What is told of a transfer, one after another. */
enum nvt_told {
  NVT_TOLD_LENGTH,   /* bytes */
  NVT_TOLD_CAPTURED, /* bytes */
  NVT_TOLD_FIRST,    /* a record */
  NVT_TOLD_LAST,     /* a record */
  NVT_TOLD_PIECE,    /* a record; of the first pieces, by offset */
  NVT_TOLD_MORE,     /* pieces that aren't told */
  NVT_TOLD_MISSING,  /* bytes that no record has */
  NVT_TOLD_COUNT
};
#define NVT_TOLD_PIECES_MAX 8192u
/* "Length", …: what each is called. */
const char *nvt_told_name(enum nvt_told);
/* `text`: what is said beside the value: ", offset 0, 512 bytes" of a piece, " bytes from offset
 * 512" of what is missing. Not to its end: only what needs no look at the pieces. Sorts. */
void nvt_transfer_tell(struct nvt_transfer *, bool to_its_end,
                       void (*each)(void *, enum nvt_told, uint64_t value, const char *text),
                       void *ctx);
/* "Identify Controller", "Read data", "Write metadata": what it is. */
void nvt_text_transfer_subject(struct nvt_text *, const struct nvt_exchange *,
                               const struct nvt_transfer *);

#endif
