/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session's objects: from slabs, used again through free lists; in a session
 * that keeps, exchanges and signals are never used again, and come from the
 * user's allocator if there is one.
 */
#include <stdlib.h>
#include <string.h>

#include "trace/session_int.h"

#define SLAB_OBJECTS 128u

static void *slab_new(struct nvt_session *session, size_t size) {
  struct nvt_slab *slab = calloc(1, sizeof(struct nvt_slab) + 8 + size * SLAB_OBJECTS);
  if (slab == NULL)
    return NULL;
  slab->next = session->slabs;
  session->slabs = slab;
  return (uint8_t *)slab + sizeof(struct nvt_slab) + 8;
}

void nvt_session_free_slabs(struct nvt_session *session) {
  while (session->slabs != NULL) {
    struct nvt_slab *slab = session->slabs;
    session->slabs = slab->next;
    free(slab);
  }
}

/* A type's free list is filled from a slab when it is empty. */
#define TAKE(type, list)                                                                           \
  type *object = session->list;                                                                    \
  if (object == NULL) {                                                                            \
    type *objects = slab_new(session, sizeof(type));                                               \
    if (objects == NULL)                                                                           \
      return NULL;                                                                                 \
    for (unsigned i = SLAB_OBJECTS; i-- > 0;) {                                                    \
      objects[i].next = session->list;                                                             \
      session->list = &objects[i];                                                                 \
    }                                                                                              \
    object = session->list;                                                                        \
  }                                                                                                \
  session->list = object->next;                                                                    \
  memset(object, 0, sizeof(*object))

static void *user_new(struct nvt_session *session, size_t size) {
  void *object = session->options.alloc(session->options.alloc_ctx, size);
  if (object != NULL)
    memset(object, 0, size);
  return object;
}

static bool user_allocates(const struct nvt_session *session) {
  return session->options.keep && session->options.alloc != NULL;
}

void *nvt_session_new_kept(struct nvt_session *session, size_t size) {
  if (user_allocates(session))
    return user_new(session, size);
  struct nvt_slab *slab = calloc(1, sizeof(struct nvt_slab) + 8 + size);
  if (slab == NULL)
    return NULL;
  slab->next = session->slabs;
  session->slabs = slab;
  return (uint8_t *)slab + sizeof(struct nvt_slab) + 8;
}

struct nvt_exchange_node *nvt_session_new_exchange(struct nvt_session *session) {
  if (user_allocates(session))
    return user_new(session, sizeof(struct nvt_exchange_node));
  TAKE(struct nvt_exchange_node, free_exchanges);
  return object;
}

struct nvt_signal_node *nvt_session_new_signal(struct nvt_session *session) {
  if (user_allocates(session))
    return user_new(session, sizeof(struct nvt_signal_node));
  TAKE(struct nvt_signal_node, free_signals);
  return object;
}

struct nvt_queue *nvt_session_new_queue(struct nvt_session *session) {
  TAKE(struct nvt_queue, free_queues);
  return object;
}

struct nvt_controller_node *nvt_session_new_controller(struct nvt_session *session) {
  struct nvt_controller_node *node = calloc(1, sizeof(*node));
  if (node == NULL)
    return NULL;
  if (session->last_controller != NULL)
    session->last_controller->next = node;
  else
    session->first_controller = node;
  session->last_controller = node;
  return node;
}

void nvt_session_free_signal(struct nvt_session *session, struct nvt_signal_node *node) {
  if (session->options.keep)
    return;
  node->next = session->free_signals;
  session->free_signals = node;
}

void nvt_session_free_queue(struct nvt_session *session, struct nvt_queue *queue) {
  queue->next = session->free_queues;
  session->free_queues = queue;
}

void nvt_session_reclaim(struct nvt_session *session) {
  while (session->ended_exchanges != NULL) {
    struct nvt_exchange_node *node = session->ended_exchanges;
    session->ended_exchanges = node->next;
    node->next = session->free_exchanges;
    session->free_exchanges = node;
  }
}
