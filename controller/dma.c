/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: a sorted array of windows, and the one that was hit last. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/controller_int.h"

/* The first window that ends at or after iova, or window_count. */
static size_t window_after(const struct nvt_controller *c, uint64_t iova) {
  size_t low = 0, high = c->window_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (c->windows[middle].last < iova)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

uint8_t *nvt_dma_piece(struct nvt_controller *c, uint64_t iova, uint64_t *len, bool write) {
  const struct window *w = NULL;
  if (likely(c->window_hit < c->window_count))
    w = &c->windows[c->window_hit];
  if (unlikely(w == NULL || iova < w->first || iova > w->last)) {
    size_t i = window_after(c, iova);
    if (i == c->window_count || c->windows[i].first > iova)
      return NULL;
    c->window_hit = i;
    w = &c->windows[i];
  }
  if (unlikely(write ? !w->writable : !w->readable))
    return NULL;
  uint64_t left = w->last - iova; /* one less than the bytes there are */
  if (unlikely(*len - 1 > left))
    *len = left + 1;
  return w->host + (iova - w->first);
}

void *nvt_dma_whole(struct nvt_controller *c, uint64_t iova, uint64_t len, bool write) {
  uint64_t piece = len;
  void *host = nvt_dma_piece(c, iova, &piece, write);
  return piece == len ? host : NULL;
}

void nvt_dma_fault(struct nvt_controller *c, uint16_t qid, uint64_t address, uint64_t size) {
  nvt_event(c, EVENT_DMA_FAULT, qid, 0, address, size);
}

void *nvt_controller_dma_pointer(struct nvt_controller *c, uint64_t iova, size_t *len, bool write) {
  if (*len == 0)
    return NULL;
  uint64_t piece = *len;
  void *host = nvt_dma_piece(c, iova, &piece, write);
  *len = host != NULL ? (size_t)piece : 0;
  return host;
}

int nvt_controller_dma_map(struct nvt_controller *c, uint64_t iova, uint64_t len, void *host,
                           bool readable, bool writable) {
  if (len == 0 || len - 1 > UINT64_MAX - iova || host == NULL)
    return -EINVAL;
  uint64_t last = iova + (len - 1);
  size_t at = window_after(c, iova);
  if (at < c->window_count && c->windows[at].first <= last)
    return -EEXIST;
  if (c->window_count == c->window_capacity) {
    size_t capacity = c->window_capacity == 0 ? 16 : c->window_capacity * 2;
    struct window *grown = reallocarray(c->windows, capacity, sizeof(*grown));
    if (grown == NULL)
      return -ENOMEM;
    c->windows = grown;
    c->window_capacity = capacity;
  }
  memmove(&c->windows[at + 1], &c->windows[at], (c->window_count - at) * sizeof(*c->windows));
  c->windows[at] = (struct window){
      .first = iova, .last = last, .host = host, .readable = readable, .writable = writable};
  c->window_count++;
  nvt_queues_resolve(c);
  nvt_event(c, EVENT_DMA_MAP, 0, (readable ? 1u : 0u) | (writable ? 2u : 0u), iova, len);
  return 0;
}

/* Backends hold pointers into windows until their requests are done. */
static void settle(struct nvt_controller *c) {
  if (c->loop == NULL || nvt_backend_in_flight(c->loop) == 0)
    return;
  nvt_enter(c);
  nvt_backend_drain(c->loop);
  nvt_leave(c);
}

int nvt_controller_dma_unmap(struct nvt_controller *c, uint64_t iova, uint64_t len) {
  if (len == 0 || len - 1 > UINT64_MAX - iova)
    return -EINVAL;
  uint64_t last = iova + (len - 1);
  size_t from = window_after(c, iova), to = from;
  while (to < c->window_count && c->windows[to].first <= last) {
    if (c->windows[to].first < iova || c->windows[to].last > last)
      return -EINVAL;
    to++;
  }
  if (from == to)
    return -ENOENT;
  settle(c);
  memmove(&c->windows[from], &c->windows[to], (c->window_count - to) * sizeof(*c->windows));
  c->window_count -= to - from;
  nvt_queues_resolve(c);
  nvt_event(c, EVENT_DMA_UNMAP, 0, 0, iova, len);
  return 0;
}

void nvt_controller_dma_unmap_all(struct nvt_controller *c) {
  if (c->window_count == 0)
    return;
  settle(c);
  uint64_t first = c->windows[0].first;
  uint64_t span = c->windows[c->window_count - 1].last - first;
  c->window_count = 0;
  nvt_queues_resolve(c);
  /* All of 2^64 bytes has no size in 64 bits: the largest there is stands for it. */
  nvt_event(c, EVENT_DMA_UNMAP, 0, 0, first, span == UINT64_MAX ? span : span + 1);
}
