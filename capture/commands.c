/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/commands_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SLOTS = NVT_COMMANDS_MAX, BUCKETS = 1 << 14, NONE = UINT16_MAX };
_Static_assert(NVT_COMMANDS_MAX < UINT16_MAX, "an index that isn't one");

struct slot {
  uint64_t key;
  uint16_t next;           /* of its bucket; of those that are free */
  uint16_t older, younger; /* of those in use */
  struct nvt_kept_command command;
};

struct nvt_commands {
  struct slot slots[SLOTS];
  uint16_t buckets[BUCKETS];
  uint16_t oldest, youngest, free;
  uint64_t factor; /* not to be guessed: a host that knew it could make a bucket long */
};

struct nvt_commands *nvt_commands_create(void) {
  struct nvt_commands *table = calloc(1, sizeof(*table));
  if (table == NULL)
    return NULL;
  if (getrandom(&table->factor, sizeof(table->factor), GRND_NONBLOCK) != sizeof(table->factor))
    table->factor = 0x9e3779b97f4a7c15u;
  table->factor |= 1;
  memset(table->buckets, 0xff, sizeof(table->buckets));
  table->oldest = table->youngest = NONE;
  for (unsigned i = 0; i < SLOTS; i++)
    table->slots[i].next = (uint16_t)(i + 1 < SLOTS ? i + 1 : NONE);
  return table;
}

void nvt_commands_destroy(struct nvt_commands *table) {
  free(table);
}

static uint64_t key_of(uint16_t controller, uint16_t sqid, uint16_t cid) {
  return (uint64_t)controller << 32 | (uint32_t)sqid << 16 | cid;
}

static uint16_t *bucket_of(struct nvt_commands *table, uint64_t key) {
  _Static_assert(BUCKETS == 1 << 14, "50 bits are left out of 64");
  return &table->buckets[(key * table->factor) >> 50];
}

static uint16_t find(struct nvt_commands *table, uint64_t key) {
  uint16_t at = *bucket_of(table, key);
  while (at != NONE && table->slots[at].key != key)
    at = table->slots[at].next;
  return at;
}

static void drop(struct nvt_commands *table, uint16_t index) {
  struct slot *slot = &table->slots[index];
  uint16_t *link = bucket_of(table, slot->key);
  while (*link != index)
    link = &table->slots[*link].next;
  *link = slot->next;
  *(slot->older != NONE ? &table->slots[slot->older].younger : &table->oldest) = slot->younger;
  *(slot->younger != NONE ? &table->slots[slot->younger].older : &table->youngest) = slot->older;
  slot->next = table->free;
  table->free = index;
}

void nvt_commands_put(struct nvt_commands *table, uint16_t controller, uint16_t sqid, uint16_t cid,
                      const struct nvt_kept_command *command) {
  uint64_t key = key_of(controller, sqid, cid);
  uint16_t there = find(table, key);
  if (there != NONE)
    drop(table, there);
  else if (table->free == NONE)
    drop(table, table->oldest);
  uint16_t index = table->free, *bucket = bucket_of(table, key);
  table->free = table->slots[index].next;
  table->slots[index] = (struct slot){
      .key = key, .next = *bucket, .older = table->youngest, .younger = NONE, .command = *command};
  *bucket = index;
  *(table->youngest != NONE ? &table->slots[table->youngest].younger : &table->oldest) = index;
  table->youngest = index;
}

bool nvt_commands_has(struct nvt_commands *table, uint16_t controller, uint16_t sqid,
                      uint16_t cid) {
  return find(table, key_of(controller, sqid, cid)) != NONE;
}

bool nvt_commands_take(struct nvt_commands *table, uint16_t controller, uint16_t sqid, uint16_t cid,
                       struct nvt_kept_command *out) {
  uint16_t there = find(table, key_of(controller, sqid, cid));
  if (there == NONE)
    return false;
  *out = table->slots[there].command;
  drop(table, there);
  return true;
}
