/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All blocks of all namespaces are one line, cut into pieces whose blocks met the same commands.
 * The pieces are a treap by their first block. What a command does to many pieces at once is
 * noted at a node and handed down when somebody goes there, so that no range, however many
 * pieces it has, takes longer than the tree is high.
 */
#include "trace/ranges.h"

#include <stdlib.h>
#include <string.h>

#include "nvme/commands.h"
#include "trace/ranges_int.h"

#define NONE UINT64_MAX /* of a first: no command was there; greater than any */

/* A place on the line: the namespace, then the block. */
struct place {
  uint64_t space; /* controller, nsid */
  uint64_t lba;
};

struct piece {
  struct place start; /* it ends where the next one starts */
  uint64_t first;     /* the command that came first, or NONE; the last one, or 0 */
  uint64_t last;
  uint64_t least_first; /* of the piece and all below it */
  uint64_t most_last;
  uint64_t add_first; /* what those below have still to be told; NONE and 0: nothing */
  uint64_t add_last;
  uint32_t left; /* 0: none */
  uint32_t right;
  uint32_t priority;
};

static bool before(struct place a, struct place b) {
  return a.space < b.space || (a.space == b.space && a.lba < b.lba);
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* --- the treap; piece 0 stands for none --- */

static void tell(struct piece *piece, uint64_t first, uint64_t last) {
  piece->first = least(piece->first, first);
  piece->last = most(piece->last, last);
  piece->least_first = least(piece->least_first, first);
  piece->most_last = most(piece->most_last, last);
  piece->add_first = least(piece->add_first, first);
  piece->add_last = most(piece->add_last, last);
}

static void hand_down(struct piece *pieces, struct piece *piece) {
  if (piece->add_last == 0)
    return;
  if (piece->left != 0)
    tell(&pieces[piece->left], piece->add_first, piece->add_last);
  if (piece->right != 0)
    tell(&pieces[piece->right], piece->add_first, piece->add_last);
  piece->add_first = NONE;
  piece->add_last = 0;
}

static void sum_up(const struct piece *pieces, struct piece *piece) {
  const struct piece *left = &pieces[piece->left], *right = &pieces[piece->right];
  piece->least_first = least(piece->first, least(left->least_first, right->least_first));
  piece->most_last = most(piece->last, most(left->most_last, right->most_last));
}

/* Those before `at` to *low, the others to *high. */
static void split(struct piece *pieces, uint32_t tree, struct place at, uint32_t *low,
                  uint32_t *high) {
  if (tree == 0) {
    *low = *high = 0;
    return;
  }
  struct piece *piece = &pieces[tree];
  hand_down(pieces, piece);
  if (before(piece->start, at)) {
    split(pieces, piece->right, at, &piece->right, high);
    *low = tree;
  } else {
    split(pieces, piece->left, at, low, &piece->left);
    *high = tree;
  }
  sum_up(pieces, piece);
}

static uint32_t insert(struct piece *pieces, uint32_t tree, uint32_t new) {
  if (tree == 0)
    return new;
  struct piece *piece = &pieces[tree];
  if (pieces[new].priority > piece->priority) {
    split(pieces, tree, pieces[new].start, &pieces[new].left, &pieces[new].right);
    sum_up(pieces, &pieces[new]);
    return new;
  }
  hand_down(pieces, piece);
  if (before(pieces[new].start, piece->start))
    piece->left = insert(pieces, piece->left, new);
  else
    piece->right = insert(pieces, piece->right, new);
  sum_up(pieces, piece);
  return tree;
}

/* A command comes to the pieces of `tree` that start in [from, to); NULL: at the tree's end. */
static void come(struct piece *pieces, uint32_t tree, const struct place *from,
                 const struct place *to, uint64_t record, uint64_t *first, uint64_t *last) {
  if (tree == 0)
    return;
  struct piece *piece = &pieces[tree];
  if (from == NULL && to == NULL) {
    *first = least(*first, piece->least_first);
    *last = most(*last, piece->most_last);
    tell(piece, record, record);
    return;
  }
  hand_down(pieces, piece);
  if (from != NULL && before(piece->start, *from)) {
    come(pieces, piece->right, from, to, record, first, last);
  } else if (to != NULL && !before(piece->start, *to)) {
    come(pieces, piece->left, from, to, record, first, last);
  } else {
    *first = least(*first, piece->first);
    *last = most(*last, piece->last);
    piece->first = least(piece->first, record);
    piece->last = record;
    come(pieces, piece->left, from, NULL, record, first, last);
    come(pieces, piece->right, NULL, to, record, first, last);
  }
  sum_up(pieces, piece);
}

/* --- room --- */

static uint32_t random_number(struct nvt_ranges *ranges) {
  ranges->random ^= ranges->random << 13;
  ranges->random ^= ranges->random >> 7;
  ranges->random ^= ranges->random << 17;
  return (uint32_t)(ranges->random >> 32);
}

static uint32_t new_piece(struct nvt_ranges *ranges, struct place start, uint64_t first,
                          uint64_t last) {
  uint32_t at = (uint32_t)ranges->used++;
  ranges->pieces[at] = (struct piece){.start = start,
                                      .first = first,
                                      .last = last,
                                      .least_first = first,
                                      .most_last = last,
                                      .add_first = NONE,
                                      .priority = random_number(ranges)};
  return at;
}

static bool reserve(struct nvt_ranges *ranges, size_t more) {
  if (ranges->used + more <= ranges->room)
    return true;
  size_t room = ranges->room < 64 ? 64 : ranges->room + ranges->room / 2;
  if (room > ranges->limit + 1)
    room = ranges->limit + 1;
  struct piece *pieces = realloc(ranges->pieces, room * sizeof(*pieces));
  if (pieces == NULL)
    return false;
  ranges->pieces = pieces;
  ranges->room = room;
  return ranges->used + more <= room;
}

/* The only piece: nobody was anywhere. */
static bool begin(struct nvt_ranges *ranges) {
  if (!reserve(ranges, 2))
    return false;
  ranges->pieces[0] = (struct piece){.first = NONE, .least_first = NONE, .add_first = NONE};
  ranges->used = 1;
  ranges->root = new_piece(ranges, (struct place){0}, NONE, 0);
  return true;
}

/* --- forgetting --- */

struct flat {
  struct place start;
  uint64_t first;
  uint64_t last;
};

static size_t flatten(struct piece *pieces, uint32_t tree, struct flat *out, size_t count) {
  if (tree == 0)
    return count;
  struct piece *piece = &pieces[tree];
  hand_down(pieces, piece);
  count = flatten(pieces, piece->left, out, count);
  out[count++] = (struct flat){piece->start, piece->first, piece->last};
  return flatten(pieces, piece->right, out, count);
}

static int by_number(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* Three of four pieces have a last command before this, or this one. */
static bool oldest_kept(const struct flat *flat, size_t count, uint64_t *oldest) {
  uint64_t *numbers = malloc(count * sizeof(*numbers));
  if (numbers == NULL)
    return false;
  for (size_t i = 0; i < count; i++)
    numbers[i] = flat[i].last;
  qsort(numbers, count, sizeof(*numbers), by_number);
  *oldest = numbers[count / 4 * 3];
  free(numbers);
  return true;
}

/*
 * Pieces whose last command is older than those of the newest quarter go; the pieces of the oldest
 * command that stays become one where they touch. What is left is no more than half, and a few.
 */
static size_t thin_out(struct flat *flat, size_t count, uint64_t oldest) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    struct flat piece = flat[i];
    if (piece.last < oldest)
      piece = (struct flat){piece.start, NONE, 0};
    struct flat *left = kept > 0 ? &flat[kept - 1] : NULL;
    if (left != NULL && left->last == piece.last && piece.last <= oldest)
      left->first = left->first == piece.first ? piece.first : piece.last;
    else
      flat[kept++] = piece;
  }
  return kept;
}

static uint32_t build(struct nvt_ranges *ranges, const struct flat *flat, size_t from, size_t to) {
  if (from >= to)
    return 0;
  size_t middle = from + (to - from) / 2;
  uint32_t at = new_piece(ranges, flat[middle].start, flat[middle].first, flat[middle].last);
  uint32_t left = build(ranges, flat, from, middle);
  uint32_t right = build(ranges, flat, middle + 1, to);
  struct piece *piece = &ranges->pieces[at];
  piece->left = left;
  piece->right = right;
  /* A heap of random priorities: those below had theirs drawn from the same. */
  if (left != 0)
    piece->priority = piece->priority > ranges->pieces[left].priority
                          ? piece->priority
                          : ranges->pieces[left].priority;
  if (right != 0 && ranges->pieces[right].priority > piece->priority)
    piece->priority = ranges->pieces[right].priority;
  sum_up(ranges->pieces, piece);
  return at;
}

static bool forget(struct nvt_ranges *ranges) {
  struct flat *flat = malloc(ranges->used * sizeof(*flat));
  if (flat == NULL)
    return false;
  size_t count = flatten(ranges->pieces, ranges->root, flat, 0);
  uint64_t oldest;
  bool known = oldest_kept(flat, count, &oldest);
  if (known) {
    count = thin_out(flat, count, oldest);
    ranges->used = 1;
    ranges->root = build(ranges, flat, 0, count);
  }
  free(flat);
  return known;
}

/* --- for the session --- */

struct nvt_ranges *nvt_ranges_new(size_t limit, uint64_t seed) {
  struct nvt_ranges *ranges = calloc(1, sizeof(*ranges));
  if (ranges == NULL)
    return NULL;
  ranges->limit = limit < NVT_RANGES_MIN   ? NVT_RANGES_MIN
                  : limit > NVT_RANGES_MAX ? NVT_RANGES_MAX
                                           : limit;
  ranges->seed = seed;
  ranges->random = seed != 0 ? seed : 1;
  for (unsigned code = 0; code < 256; code++) {
    size_t count;
    const struct nvt_command_field *rows =
        nvt_command_fields_of(NVT_SET_NVM, (uint8_t)code, &count);
    bool start = false, blocks = false;
    for (size_t i = 0; i < count; i++) {
      start |= strcmp(rows[i].id, "SLBA") == 0 && rows[i].dword == 10 && rows[i].width == 64;
      blocks |= strcmp(rows[i].id, "NLB") == 0 && rows[i].dword == 12 && rows[i].lsb == 0 &&
                rows[i].width == 16 && rows[i].format == NVT_FORMAT_ZERO_BASED;
    }
    ranges->has_range[code] = start && blocks;
  }
  return ranges;
}

void nvt_ranges_free(struct nvt_ranges *ranges) {
  if (ranges == NULL)
    return;
  nvt_failures_free(&ranges->failures);
  free(ranges->pieces);
  free(ranges);
}

bool nvt_ranges_of(const struct nvt_ranges *ranges, uint16_t controller, enum nvt_opcode_set set,
                   const struct nvt_sqe *sqe, struct nvt_range *out) {
  if (set != NVT_SET_NVM || !ranges->has_range[sqe->opcode])
    return false;
  *out = (struct nvt_range){.controller = controller,
                            .nsid = sqe->nsid,
                            .first = sqe->cdw10 | (uint64_t)sqe->cdw11 << 32,
                            .count = (sqe->cdw12 & 0xffffu) + 1};
  return true;
}

/* A piece starts there from now on; there is room for it. */
static void cut(struct nvt_ranges *ranges, struct place at) {
  struct piece *pieces = ranges->pieces;
  uint32_t found = 0;
  for (uint32_t tree = ranges->root; tree != 0;) {
    struct piece *piece = &pieces[tree];
    hand_down(pieces, piece);
    bool after = before(at, piece->start);
    found = after ? found : tree;
    tree = after ? piece->left : piece->right;
  }
  if (found != 0 && !before(pieces[found].start, at))
    return;
  uint32_t new = new_piece(ranges, at, found != 0 ? pieces[found].first : NONE,
                           found != 0 ? pieces[found].last : 0);
  ranges->root = insert(pieces, ranges->root, new);
}

bool nvt_ranges_add(struct nvt_ranges *ranges, const struct nvt_range *range, uint64_t record,
                    uint64_t *first, uint64_t *last) {
  *first = NONE;
  *last = 0;
  bool ready = ranges->used != 0 || begin(ranges);
  if (ready && ranges->used + 1 > ranges->limit) /* both cuts have to have room */
    ready = forget(ranges);
  ready = ready && reserve(ranges, 2);
  if (ready) {
    struct place from = {(uint64_t)range->controller << 32 | range->nsid, range->first};
    struct place to = {from.space, range->first + range->count};
    if (to.lba < from.lba) /* to the namespace's last block */
      to = (struct place){from.space + 1, 0};
    cut(ranges, from);
    cut(ranges, to);
    come(ranges->pieces, ranges->root, &from, &to, record, first, last);
  }
  if (*first == NONE)
    *first = 0;
  return ready;
}

size_t nvt_ranges_count(const struct nvt_ranges *ranges) {
  return ranges->used != 0 ? ranges->used - 1 : 0;
}
