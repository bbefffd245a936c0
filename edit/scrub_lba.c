/* SPDX-License-Identifier: BSD-2-Clause */
#include "edit/scrub_lba.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN UINT64_MAX
#define SHIFT_UNKNOWN_SIZE 3u
#define RECENT 256u /* commands that a next one may follow */

/* Chunks [start, end). */
struct run {
  uint64_t start;
  uint64_t end;
  uint64_t now; /* where it starts, once drawn */
};

struct space {
  uint64_t id;    /* nvt_lba_space() */
  unsigned shift; /* a chunk has 1 << shift blocks */
  uint32_t block_size;
  uint64_t blocks; /* or UNKNOWN */
  struct run *runs;
  size_t count;
  size_t room;
  uint64_t starts[RECENT]; /* of the ranges told last */
  uint64_t ends[RECENT];
  size_t told; /* how many there were */
};

struct nvt_lba_map {
  size_t spaces_max;
  size_t runs_max;
  struct space *spaces; /* by id */
  size_t count;
};

int nvt_lba_create(size_t spaces_max, size_t runs_max, struct nvt_lba_map **out) {
  struct nvt_lba_map *map = calloc(1, sizeof(*map));
  if (map == NULL)
    return -ENOMEM;
  map->spaces_max = spaces_max;
  map->runs_max = runs_max < 4 ? 4 : runs_max;
  *out = map;
  return 0;
}

void nvt_lba_destroy(struct nvt_lba_map *map) {
  if (map == NULL)
    return;
  for (size_t i = 0; i < map->count; i++)
    free(map->spaces[i].runs);
  free(map->spaces);
  free(map);
}

/* Its place, or where it would be. */
static size_t place_of(const struct nvt_lba_map *map, uint64_t id) {
  size_t low = 0, high = map->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (map->spaces[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static struct space *find(const struct nvt_lba_map *map, uint64_t id) {
  size_t at = place_of(map, id);
  return at < map->count && map->spaces[at].id == id ? &map->spaces[at] : NULL;
}

static int need(struct nvt_lba_map *map, uint64_t id, struct space **out) {
  *out = find(map, id);
  if (*out != NULL)
    return 0;
  if (map->count >= map->spaces_max)
    return -E2BIG;
  size_t at = place_of(map, id);
  struct space *bigger = reallocarray(map->spaces, map->count + 1, sizeof(*bigger));
  if (bigger == NULL)
    return -ENOMEM;
  map->spaces = bigger;
  memmove(&bigger[at + 1], &bigger[at], (map->count - at) * sizeof(*bigger));
  bigger[at] =
      (struct space){.id = id, .blocks = UNKNOWN, .shift = SHIFT_UNKNOWN_SIZE, .block_size = 512};
  map->count++;
  *out = &bigger[at];
  return 0;
}

int nvt_lba_size(struct nvt_lba_map *map, uint64_t id, uint64_t blocks, uint32_t block_size) {
  struct space *space;
  int error = need(map, id, &space);
  if (error == 0 && block_size != 0)
    space->block_size = block_size;
  if (error != 0 || blocks == 0 || blocks >= space->blocks)
    return error;
  if (space->count == 0) { /* once blocks are told a chunk only grows */
    space->shift = 0;
    while (space->shift < NVT_LBA_CHUNK_SHIFT_MAX && blocks >> (space->shift + 1) >= NVT_LBA_CHUNKS)
      space->shift++;
  }
  space->blocks = blocks;
  return 0;
}

int nvt_lba_resize(struct nvt_lba_map *map, uint64_t id, uint64_t bytes) {
  struct space *space;
  int error = need(map, id, &space);
  return error != 0 ? error : nvt_lba_size(map, id, bytes / space->block_size, 0);
}

static int by_start(const void *a, const void *b) {
  const struct run *x = a, *y = b;
  return x->start < y->start ? -1 : x->start > y->start;
}

/* In order, and those that overlap are one. */
static void join(struct space *space) {
  if (space->count == 0)
    return;
  qsort(space->runs, space->count, sizeof(*space->runs), by_start);
  size_t last = 0;
  for (size_t i = 1; i < space->count; i++) {
    if (space->runs[i].start >= space->runs[last].end)
      space->runs[++last] = space->runs[i];
    else if (space->runs[i].end > space->runs[last].end)
      space->runs[last].end = space->runs[i].end;
  }
  space->count = last + 1;
}

static void double_chunks(struct space *space) {
  space->shift++;
  for (size_t i = 0; i < space->count; i++) {
    space->runs[i].start >>= 1;
    space->runs[i].end = (space->runs[i].end - 1) / 2 + 1;
  }
}

/* Room for one more, half of all that there may be being free afterwards: joining takes its time.
 */
static int make_room(const struct nvt_lba_map *map, struct space *space) {
  if (space->count < space->room)
    return 0;
  if (space->room < map->runs_max) {
    size_t room = space->room == 0 ? 64 : space->room * 2;
    room = room < map->runs_max ? room : map->runs_max;
    struct run *bigger = reallocarray(space->runs, room, sizeof(*bigger));
    if (bigger == NULL)
      return -ENOMEM;
    space->runs = bigger;
    space->room = room;
    return 0;
  }
  join(space);
  while (space->count > space->room / 2) {
    double_chunks(space);
    join(space);
  }
  return 0;
}

static bool is_all(const struct space *space, uint64_t first, uint64_t count) {
  return first == 0 && count == space->blocks;
}

/* The very last chunk of all has no end that could be told; it lies beyond every namespace's. */
static struct run chunks_of(const struct space *space, uint64_t first, uint64_t last) {
  bool beyond = space->shift == 0 && last == UINT64_MAX;
  return (struct run){.start = first >> space->shift,
                      .end = (last >> space->shift) + (beyond ? 0 : 1)};
}

static int add(const struct nvt_lba_map *map, struct space *space, uint64_t first, uint64_t last) {
  struct run run = chunks_of(space, first, last);
  struct run *newest = space->count > 0 ? &space->runs[space->count - 1] : NULL;
  if (newest != NULL && run.start >= newest->start && run.start < newest->end) {
    if (run.end > newest->end)
      newest->end = run.end;
    return 0;
  }
  int error = make_room(map, space);
  if (error == 0) /* which may have made chunks larger */
    space->runs[space->count++] = chunks_of(space, first, last);
  return error;
}

static bool among(const uint64_t *recent, size_t count, uint64_t lba) {
  for (size_t i = 0; i < count; i++)
    if (recent[i] == lba)
      return true;
  return false;
}

int nvt_lba_touch(struct nvt_lba_map *map, uint64_t id, uint64_t first, uint64_t count) {
  struct space *space;
  int error = need(map, id, &space);
  if (error != 0 || count == 0 || is_all(space, first, count))
    return error;
  uint64_t last = count - 1 > UINT64_MAX - first ? UINT64_MAX : first + (count - 1);
  size_t recent = space->told < RECENT ? space->told : RECENT;
  /* One that follows another one, or precedes it, takes a block of it along. */
  uint64_t from = first > 0 && among(space->ends, recent, first) ? first - 1 : first;
  uint64_t to = last < UINT64_MAX && among(space->starts, recent, last + 1) ? last + 1 : last;
  space->starts[space->told % RECENT] = first;
  space->ends[space->told % RECENT] = last < UINT64_MAX ? last + 1 : 0;
  space->told++;
  return add(map, space, from, to);
}

/* --- drawing --- */

struct ticket {
  uint64_t number;
  size_t run;
};

static int by_number(const void *a, const void *b) {
  const struct ticket *x = a, *y = b;
  if (x->number != y->number)
    return x->number < y->number ? -1 : 1;
  return x->run < y->run ? -1 : x->run > y->run;
}

/* 0 to most, evenly. */
static uint64_t scale(uint64_t number, uint64_t most) {
  return most == UINT64_MAX ? number : (uint64_t)(((unsigned __int128)number * (most + 1)) >> 64);
}

/* Where runs may move to. */
struct room {
  size_t count;   /* the first runs, which may move */
  uint64_t limit; /* to chunks before this one */
  uint64_t spare; /* chunks that stay free */
  uint64_t
      between; /* free ones behind each run: 1, so that what was apart stays so, if it can be */
};

static struct room room_of(const struct space *space) {
  struct room room = {.limit = space->blocks >> space->shift}; /* without an incomplete chunk */
  uint64_t used = 0;
  if (space->blocks == UNKNOWN)
    room.limit = space->count > 0 ? space->runs[space->count - 1].end : 0;
  for (; room.count < space->count && space->runs[room.count].end <= room.limit; room.count++)
    used += space->runs[room.count].end - space->runs[room.count].start;
  if (room.count == 0)
    return room;
  uint64_t places = room.count - 1; /* between the runs, and before the one that stays */
  if (room.count < space->count && space->runs[room.count].start <= room.limit) {
    room.limit = space->runs[room.count].start;
    places++;
  }
  room.spare = room.limit - used;
  if (room.spare >= places) {
    room.between = 1;
    room.spare -= places;
  }
  return room;
}

static void place_runs(struct space *space, const struct room *room, struct ticket *order,
                       struct ticket *gaps, const struct nvt_names *names) {
  for (size_t i = 0; i < room->count; i++) {
    uint64_t what[3] = {space->blocks, space->runs[i].start, space->runs[i].end};
    uint64_t gap = nvt_names_number(names, "gap", what, sizeof(what));
    order[i] = (struct ticket){nvt_names_number(names, "order", what, sizeof(what)), i};
    gaps[i] = (struct ticket){scale(gap, room->spare), i};
  }
  qsort(order, room->count, sizeof(*order), by_number);
  qsort(gaps, room->count, sizeof(*gaps), by_number);
  uint64_t before = 0;
  for (size_t i = 0; i < room->count; i++) {
    struct run *run = &space->runs[order[i].run];
    run->now = gaps[i].number + before;
    before += run->end - run->start + room->between;
  }
}

static int draw(struct space *space, const struct nvt_names *names) {
  join(space);
  for (size_t i = 0; i < space->count; i++)
    space->runs[i].now = space->runs[i].start;
  struct room room = room_of(space);
  if (room.count == 0)
    return 0;
  struct ticket *order = calloc(room.count, sizeof(*order));
  struct ticket *gaps = calloc(room.count, sizeof(*gaps));
  if (order != NULL && gaps != NULL)
    place_runs(space, &room, order, gaps, names);
  int error = order != NULL && gaps != NULL ? 0 : -ENOMEM;
  free(order);
  free(gaps);
  return error;
}

int nvt_lba_draw(struct nvt_lba_map *map, const struct nvt_names *names) {
  int error = 0;
  for (size_t i = 0; i < map->count && error == 0; i++)
    error = draw(&map->spaces[i], names);
  return error;
}

uint64_t nvt_lba_look_up(const struct nvt_lba_map *map, uint64_t id, uint64_t first,
                         uint64_t count) {
  const struct space *space = find(map, id);
  if (space == NULL || is_all(space, first, count))
    return 0;
  uint64_t chunk = first >> space->shift;
  size_t low = 0, high = space->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (space->runs[middle].end <= chunk)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == space->count || space->runs[low].start > chunk) {
    /* The end of the numbers, which no chunk's end can name. */
    return chunk == UINT64_MAX ? first : 0;
  }
  const struct run *run = &space->runs[low];
  return ((run->now + (chunk - run->start)) << space->shift) |
         (first & ((1ull << space->shift) - 1));
}

void nvt_lba_totals(const struct nvt_lba_map *map, struct nvt_lba_totals *totals) {
  *totals = (struct nvt_lba_totals){0};
  for (size_t i = 0; i < map->count; i++) {
    const struct space *space = &map->spaces[i];
    totals->runs += space->count;
    for (size_t k = 0; k < space->count; k++)
      totals->moved += space->runs[k].now != space->runs[k].start;
    if (space->count > 0 && totals->chunk < 1ull << space->shift)
      totals->chunk = 1ull << space->shift;
  }
}
