/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "trace/session_int.h"

#define LEAST 64u

void nvt_map_init(struct nvt_map *map, uint64_t seed) {
  *map = (struct nvt_map){.seed = seed};
}

void nvt_map_free(struct nvt_map *map) {
  free(map->slots);
  *map = (struct nvt_map){0};
}

/* The seed is random, so that a file can't be made whose keys all collide. */
static size_t place(const struct nvt_map *map, uint64_t key) {
  uint64_t h = key ^ map->seed;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return (size_t)(h ^ (h >> 31)) & (map->size - 1);
}

struct nvt_map_slot *nvt_map_find(const struct nvt_map *map, uint64_t key) {
  if (map->size == 0)
    return NULL;
  for (size_t i = place(map, key);; i = (i + 1) & (map->size - 1)) {
    struct nvt_map_slot *slot = &map->slots[i];
    if (slot->key == key + 1)
      return slot;
    if (slot->key == 0)
      return NULL;
  }
}

static int rebuild(struct nvt_map *map) {
  size_t idle = 0;
  for (size_t i = 0; i < map->size; i++)
    idle += map->slots[i].key != 0 && map->slots[i].value == NULL;
  bool purge = idle > NVT_MAP_IDLE_MAX;
  size_t live = map->used - (purge ? idle : 0);
  struct nvt_map larger = {.seed = map->seed, .size = LEAST};
  while (larger.size < 4 * live)
    larger.size *= 2;
  larger.slots = calloc(larger.size, sizeof(*larger.slots));
  if (larger.slots == NULL)
    return -1;
  for (size_t i = 0; i < map->size; i++) {
    const struct nvt_map_slot *old = &map->slots[i];
    if (old->key == 0 || (purge && old->value == NULL))
      continue;
    size_t j = place(&larger, old->key - 1);
    while (larger.slots[j].key != 0)
      j = (j + 1) & (larger.size - 1);
    larger.slots[j] = *old;
    larger.used++;
  }
  free(map->slots);
  *map = larger;
  return 0;
}

struct nvt_map_slot *nvt_map_get(struct nvt_map *map, uint64_t key) {
  struct nvt_map_slot *slot = nvt_map_find(map, key);
  if (slot != NULL)
    return slot;
  if (2 * (map->used + 1) > map->size && rebuild(map) != 0)
    return NULL;
  size_t i = place(map, key);
  while (map->slots[i].key != 0)
    i = (i + 1) & (map->size - 1);
  map->slots[i] = (struct nvt_map_slot){.key = key + 1};
  map->used++;
  return &map->slots[i];
}
