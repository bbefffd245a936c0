/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands have numbers, in the order in which they came, and a place in a ring by number. Who has
 * to wait is told at once, when it comes: for a few named ones, and for all below a number. Only
 * the first of each queue may be issued, so only those are asked whether what they wait for is
 * done. Commands on blocks are found by the chunks of a namespace that they lie in.
 */
#include "replay/order.h"

#include <stdlib.h>
#include <string.h>

enum {
  WINDOW = NVT_ORDER_WINDOW,
  CHUNK_SHIFT = 8, /* 256 blocks */
  CHUNKS = 4,      /* more than so many: in the list of large ones, which everybody looks at */
  BUCKETS = 1024,
  LARGE = BUCKETS, /* the bucket of those */
  WAITS = 8,       /* more than so many: for all up to the last of them */
  WRITERS = 64,    /* namespaces, by hash: where two fall together, a Flush waits for both */
  NONE = 0xffff,
};

struct entry { /* of a bucket's list */
  uint16_t next, previous;
  uint16_t bucket;
};

struct node {
  uint64_t number;
  bool done, issued;
  uint16_t queue;
  uint16_t next; /* in its queue */
  uint32_t nsid;
  uint64_t first, last; /* blocks */
  bool ranged, writes;
  uint64_t below; /* waits for all with a lower number */
  uint64_t waits[WAITS];
  unsigned wait_count;
  unsigned entries;
  void *user[2];
};

struct queue {
  uint16_t head, tail; /* nodes; NONE: empty */
  uint16_t active;     /* its place among those that aren't empty */
  bool held;           /* `first` waits for its second */
  struct nvt_order_command first;
};

struct nvt_order {
  uint64_t oldest, next;   /* numbers: all below are done; the next one's */
  uint64_t barrier;        /* one more than the last barrier's number; 0: there was none */
  uint64_t wrote[WRITERS]; /* one more than the number of the last that wrote there */
  uint64_t wrote_any;
  size_t waiting;
  struct node nodes[WINDOW];
  struct entry entries[WINDOW * CHUNKS];
  uint16_t buckets[BUCKETS + 1];
  uint16_t active[WINDOW]; /* queues that aren't empty */
  size_t active_count;
  size_t held_count;
  struct queue *queues[65536];
};

struct nvt_order *nvt_order_create(void) {
  struct nvt_order *o = calloc(1, sizeof(*o));
  if (o == NULL)
    return NULL;
  for (size_t i = 0; i <= BUCKETS; i++)
    o->buckets[i] = NONE;
  for (size_t i = 0; i < WINDOW; i++)
    o->nodes[i].done = true;
  return o;
}

void nvt_order_destroy(struct nvt_order *o) {
  for (size_t i = 0; o != NULL && i < sizeof(o->queues) / sizeof(o->queues[0]); i++)
    free(o->queues[i]);
  free(o);
}

size_t nvt_order_waiting(const struct nvt_order *o) {
  return o->waiting;
}

static bool is_done(const struct nvt_order *o, uint64_t number) {
  const struct node *node = &o->nodes[number % WINDOW];
  return number < o->oldest || node->number != number || node->done;
}

/* --- blocks --- */

static uint16_t bucket_of(uint32_t nsid, uint64_t chunk) {
  uint64_t mixed = (chunk + nsid * UINT64_C(0x9e3779b9)) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint16_t)(mixed >> 54);
}

static bool is_large(const struct node *node) {
  return (node->last >> CHUNK_SHIFT) - (node->first >> CHUNK_SHIFT) >= CHUNKS;
}

static void enter(struct nvt_order *o, struct node *node, uint16_t bucket) {
  uint16_t at = (uint16_t)((size_t)(node - o->nodes) * CHUNKS + node->entries++);
  struct entry *entry = &o->entries[at];
  *entry = (struct entry){.next = o->buckets[bucket], .previous = NONE, .bucket = bucket};
  if (entry->next != NONE)
    o->entries[entry->next].previous = at;
  o->buckets[bucket] = at;
}

static void leave(struct nvt_order *o, struct node *node) {
  for (unsigned i = 0; i < node->entries; i++) {
    const struct entry *entry = &o->entries[(size_t)(node - o->nodes) * CHUNKS + i];
    if (entry->next != NONE)
      o->entries[entry->next].previous = entry->previous;
    if (entry->previous != NONE)
      o->entries[entry->previous].next = entry->next;
    else
      o->buckets[entry->bucket] = entry->next;
  }
  node->entries = 0;
}

static void wait_for(struct node *node, uint64_t number) {
  if (number < node->below)
    return;
  for (unsigned i = 0; i < node->wait_count; i++)
    if (node->waits[i] == number)
      return;
  if (node->wait_count < WAITS) {
    node->waits[node->wait_count++] = number;
    return;
  }
  uint64_t last = number;
  for (unsigned i = 0; i < WAITS; i++)
    last = node->waits[i] > last ? node->waits[i] : last;
  node->below = last + 1;
  node->wait_count = 0;
}

static void check(struct node *node, const struct node *other) {
  if (other != node && other->nsid == node->nsid && (other->writes || node->writes) &&
      other->first <= node->last && node->first <= other->last)
    wait_for(node, other->number);
}

static void check_bucket(struct nvt_order *o, struct node *node, uint16_t bucket) {
  for (uint16_t at = o->buckets[bucket]; at != NONE; at = o->entries[at].next)
    check(node, &o->nodes[at / CHUNKS]);
}

/* Whom it has to wait for, and let others find it. */
static void take_blocks(struct nvt_order *o, struct node *node) {
  uint64_t from = node->first >> CHUNK_SHIFT, to = node->last >> CHUNK_SHIFT;
  if (is_large(node)) {
    for (size_t i = 0; i < WINDOW; i++)
      if (!o->nodes[i].done && o->nodes[i].ranged)
        check(node, &o->nodes[i]);
    enter(o, node, LARGE);
    return;
  }
  check_bucket(o, node, LARGE);
  for (uint64_t chunk = from; chunk <= to; chunk++) {
    uint16_t bucket = bucket_of(node->nsid, chunk);
    check_bucket(o, node, bucket);
    enter(o, node, bucket);
  }
}

/* --- queues --- */

static struct queue *queue_of(struct nvt_order *o, uint16_t id) {
  if (o->queues[id] == NULL) {
    o->queues[id] = calloc(1, sizeof(**o->queues));
    if (o->queues[id] != NULL)
      o->queues[id]->head = NONE;
  }
  return o->queues[id];
}

static void push(struct nvt_order *o, struct queue *queue, struct node *node) {
  uint16_t at = (uint16_t)(node - o->nodes);
  node->next = NONE;
  if (queue->head == NONE) {
    queue->head = at;
    queue->active = (uint16_t)o->active_count;
    o->active[o->active_count++] = node->queue;
  } else {
    o->nodes[queue->tail].next = at;
  }
  queue->tail = at;
  o->waiting++;
}

static void pop(struct nvt_order *o, struct queue *queue) {
  queue->head = o->nodes[queue->head].next;
  o->waiting--;
  if (queue->head != NONE)
    return;
  uint16_t moved = o->active[--o->active_count];
  o->active[queue->active] = moved;
  o->queues[moved]->active = queue->active;
}

/* --- commands --- */

static void note_write(struct nvt_order *o, const struct node *node) {
  o->wrote_any = node->number + 1;
  o->wrote[node->nsid % WRITERS] = node->number + 1;
}

static void raise(uint64_t *below, uint64_t to) {
  if (to > *below)
    *below = to;
}

/* One command, or a fused pair. There is room. */
static void append(struct nvt_order *o, struct queue *queue,
                   const struct nvt_order_command *command,
                   const struct nvt_order_command *second) {
  struct node *node = &o->nodes[o->next % WINDOW];
  *node = (struct node){.number = o->next++,
                        .queue = command->queue,
                        .nsid = command->nsid,
                        .ranged = command->count > 0,
                        .writes = command->writes,
                        .first = command->first,
                        .below = o->barrier,
                        .user = {command->user, second != NULL ? second->user : NULL}};
  if (__builtin_add_overflow(command->first, command->count - 1, &node->last))
    node->last = UINT64_MAX;
  if (second != NULL && second->count > 0) {
    uint64_t last;
    if (__builtin_add_overflow(second->first, second->count - 1, &last))
      last = UINT64_MAX;
    node->first = !node->ranged || second->first < node->first ? second->first : node->first;
    node->last = !node->ranged || last > node->last ? last : node->last;
    node->writes |= second->writes;
    node->ranged = true;
  }
  if (command->flush)
    raise(&node->below, command->nsid == NVT_ORDER_ALL_NAMESPACES
                            ? o->wrote_any
                            : o->wrote[command->nsid % WRITERS]);
  if (command->barrier) {
    node->below = node->number;
    o->barrier = node->number + 1;
  }
  if (node->ranged)
    take_blocks(o, node);
  if (node->writes)
    note_write(o, node);
  push(o, queue, node);
}

static void let_go(struct nvt_order *o, struct queue *queue) {
  if (!queue->held)
    return;
  queue->held = false;
  o->held_count--;
  append(o, queue, &queue->first, NULL);
}

static void let_all_go(struct nvt_order *o) {
  for (size_t i = 0; o->held_count > 0 && i < sizeof(o->queues) / sizeof(o->queues[0]); i++)
    if (o->queues[i] != NULL)
      let_go(o, o->queues[i]);
}

bool nvt_order_add(struct nvt_order *o, const struct nvt_order_command *command) {
  struct queue *queue = queue_of(o, command->queue);
  /* Those that are held have their place. */
  if (queue == NULL || o->next - o->oldest + o->held_count >= WINDOW)
    return false;
  if (command->barrier)
    let_all_go(o);
  if (queue->held && command->fused == NVT_ORDER_SECOND) {
    queue->held = false;
    o->held_count--;
    append(o, queue, &queue->first, command);
    return true;
  }
  let_go(o, queue);
  if (command->fused == NVT_ORDER_FIRST) {
    queue->held = true;
    queue->first = *command;
    o->held_count++;
  } else {
    append(o, queue, command, NULL);
  }
  return true;
}

void nvt_order_end(struct nvt_order *o) {
  let_all_go(o);
}

static bool is_ready(const struct nvt_order *o, struct node *node) {
  if (node->below > o->oldest)
    return false;
  while (node->wait_count > 0 && is_done(o, node->waits[node->wait_count - 1]))
    node->wait_count--;
  return node->wait_count == 0;
}

bool nvt_order_next(struct nvt_order *o, uint32_t *id, void *user[2]) {
  struct queue *queue = NULL;
  /* The oldest: so it stays near to how it was recorded. */
  for (size_t i = 0; i < o->active_count; i++) {
    struct queue *other = o->queues[o->active[i]];
    struct node *node = &o->nodes[other->head];
    if ((queue == NULL || node->number < o->nodes[queue->head].number) && is_ready(o, node))
      queue = other;
  }
  if (queue == NULL)
    return false;
  struct node *node = &o->nodes[queue->head];
  node->issued = true;
  *id = queue->head;
  user[0] = node->user[0];
  user[1] = node->user[1];
  pop(o, queue);
  return true;
}

void nvt_order_done(struct nvt_order *o, uint32_t id) {
  struct node *node = &o->nodes[id % WINDOW];
  if (!node->issued || node->done)
    return;
  node->done = true;
  leave(o, node);
  while (o->oldest < o->next && o->nodes[o->oldest % WINDOW].done)
    o->oldest++;
}
