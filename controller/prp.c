/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a command's data lies: Base 2.1, sections 4.3.1 (PRP) and, with sgl.c, 4.3.2 (SGL).
 * Lists are read once, into the controller's own copy.
 */
#include <stdlib.h>
#include <string.h>

#include "controller/controller_int.h"
#include "controller/sgl_int.h"

/* One more segment: inline in the way of each command. */
static inline __attribute__((always_inline)) nvt_status add(struct request *r, uint8_t *host,
                                                            uint64_t length) {
  struct nvt_io *io = &r->io;
  if (io->iov == r->small && io->iovcnt == 2) {
    r->large[0] = r->small[0];
    r->large[1] = r->small[1];
    io->iov = r->large;
  } else if (unlikely(io->iovcnt == r->c->max_segments)) {
    return NVT_SC_DATA_TRANSFER_ERROR;
  }
  io->iov[io->iovcnt++] = (struct iovec){.iov_base = host, .iov_len = length};
  return NVT_SC_SUCCESS;
}

/* Append [address, address + length) of guest memory to the request's segments. */
static nvt_status append(struct request *r, uint64_t address, uint64_t length, bool write) {
  struct nvt_io *io = &r->io;
  struct nvt_controller *c = r->c;
  while (length != 0) {
    uint64_t piece = length;
    uint8_t *host = nvt_dma_piece(c, address, &piece, write);
    if (unlikely(host == NULL)) {
      nvt_dma_fault(c, r->cqe.sqid, address, length);
      return NVT_SC_DATA_TRANSFER_ERROR;
    }
    if (io->iovcnt != 0 &&
        (uint8_t *)io->iov[io->iovcnt - 1].iov_base + io->iov[io->iovcnt - 1].iov_len == host) {
      io->iov[io->iovcnt - 1].iov_len += piece;
    } else {
      nvt_status status = add(r, host, piece);
      if (unlikely(status != NVT_SC_SUCCESS))
        return status;
    }
    address += piece; /* wraps only when nothing is left */
    length -= piece;
  }
  return NVT_SC_SUCCESS;
}

static __attribute__((noinline)) nvt_status remembered(struct request *r, uint64_t address,
                                                       uint64_t length, bool write) {
  nvt_status status = append(r, address, length, write);
  if (status == NVT_SC_SUCCESS) {
    struct range *last = r->range_count != 0 ? &r->ranges[r->range_count - 1] : NULL;
    if (last != NULL && !last->nowhere && last->address + last->length == address)
      last->length += (uint32_t)length;
    else if (r->range_count < r->c->max_segments)
      r->ranges[r->range_count++] = (struct range){.address = address, .length = (uint32_t)length};
  }
  return status;
}

static nvt_status segment(struct request *r, uint64_t address, uint64_t length, bool write,
                          bool remember) {
  return unlikely(remember) ? remembered(r, address, length, write)
                            : append(r, address, length, write);
}

/* offset: of the first data byte that the list describes. */
static void list_tap(struct request *r, const void *list, uint8_t kind, uint64_t address,
                     uint32_t bytes, uint64_t offset) {
  struct nvt_controller *c = r->c;
  enum nvt_tap_id id = TAP_OF(r->cqe.sqid, MEMORY);
  if (!tap_on(c, id))
    return;
  struct nvt_tap_event event;
  nvt_tap_begin(c, id, &event);
  event.data.sqid = r->cqe.sqid;
  event.data.cid = r->cqe.cid;
  event.data.kind = kind;
  event.data.direction = NVT_DIRECTION_OUT;
  event.data.address = address;
  event.data.offset = offset;
  event.data.bytes = list;
  event.data.length = bytes;
  (void)nvt_tap_fire(c->plugins, &event);
}

nvt_status nvt_list_read(struct request *r, void *list, uint8_t kind, uint64_t address,
                         uint32_t bytes, uint64_t offset) {
  struct nvt_controller *c = r->c;
  uint8_t *to = list;
  uint64_t at = address, left = bytes;
  while (left != 0) {
    uint64_t piece = left;
    const uint8_t *host = nvt_dma_piece(c, at, &piece, false);
    if (host == NULL) {
      nvt_dma_fault(c, r->cqe.sqid, at, left);
      return NVT_SC_DATA_TRANSFER_ERROR;
    }
    memcpy(to, host, piece);
    to += piece;
    at += piece;
    left -= piece;
  }
  __asm__ volatile("" ::: "memory"); /* the copy is what counts, the guest may write on */
  list_tap(r, list, kind, address, bytes, offset);
  return NVT_SC_SUCCESS;
}

static nvt_status walk_list(struct request *r, uint64_t address, uint64_t length, bool write,
                            bool remember) {
  const uint64_t page = 1ULL << r->c->page_shift;
  /* Section 4.3.1: a list pointer is qword aligned and may start within a page... */
  if (address & 7)
    return NVT_SC_INVALID_PRP_OFFSET;
  for (;;) {
    uint64_t pages = (length + page - 1) >> r->c->page_shift;
    uint64_t slots = (page - (address & (page - 1))) / 8;
    bool chained = pages > slots;
    uint32_t entries = (uint32_t)(chained ? slots : pages);
    nvt_status status =
        nvt_list_read(r, r->c->list, DATA_PRP_LIST, address, entries * 8, r->io.length - length);
    if (status != NVT_SC_SUCCESS)
      return status;
    uint32_t data = chained ? entries - 1 : entries;
    for (uint32_t i = 0; i < data; i++) {
      if (unlikely(r->c->list[i] & (page - 1)))
        return NVT_SC_INVALID_PRP_OFFSET;
      uint64_t piece = length < page ? length : page;
      status = segment(r, r->c->list[i], piece, write, remember);
      if (status != NVT_SC_SUCCESS)
        return status;
      length -= piece;
    }
    if (!chained)
      return NVT_SC_SUCCESS;
    /* ...but one that is reached through another starts its page, so that each step
     * consumes data and a loop of lists ends with the transfer. */
    address = r->c->list[entries - 1];
    if (address & (page - 1))
      return NVT_SC_INVALID_PRP_OFFSET;
  }
}

static nvt_status read_segment(void *request, uint64_t address, uint32_t bytes, uint64_t offset) {
  struct request *r = request;
  return nvt_list_read(r, r->c->sgl_room, DATA_SGL_SEGMENT, address, bytes, offset);
}

static nvt_status from_guest(void *request, uint64_t address, uint64_t length, bool bucket) {
  struct request *r = request;
  (void)bucket; /* it takes nothing on the way from the host */
  return segment(r, address, length, false, tap_on(r->c, TAP_OF(r->cqe.sqid, MEMORY)));
}

static nvt_status to_guest_or_sink(void *request, uint64_t address, uint64_t length, bool bucket) {
  struct request *r = request;
  bool remember = tap_on(r->c, TAP_OF(r->cqe.sqid, MEMORY));
  if (!bucket)
    return segment(r, address, length, true, remember);
  nvt_status status = add(r, r->c->sink, length);
  if (remember && status == NVT_SC_SUCCESS && r->range_count < r->c->max_segments)
    r->ranges[r->range_count++] = (struct range){.length = (uint32_t)length, .nowhere = true};
  return status;
}

static nvt_status map_sgl(struct request *r, uint64_t length, bool to_guest) {
  const struct nvt_sgl_walk walk = {.ctx = r,
                                    .length = length,
                                    .to_guest = to_guest,
                                    .exact = true,
                                    .room = r->c->sgl_room,
                                    .read = read_segment,
                                    .piece = to_guest ? to_guest_or_sink : from_guest};
  return nvt_sgl_walk(&r->sqe, &walk);
}

static nvt_status map(struct request *r, uint64_t length, bool to_guest) {
  struct nvt_controller *c = r->c;
  const uint64_t page = 1ULL << c->page_shift;
  bool remember = tap_on(c, TAP_OF(r->cqe.sqid, MEMORY));
  r->io.iov = r->small;
  r->io.iovcnt = 0;
  r->io.length = length;
  r->range_count = 0;
  if (unlikely(NVT_SQE_PSDT(r->sqe.flags) != 0))
    return map_sgl(r, length, to_guest);
  if (unlikely(r->sqe.prp1 & 3))
    return NVT_SC_INVALID_PRP_OFFSET;
  uint64_t first = page - (r->sqe.prp1 & (page - 1));
  if (first > length)
    first = length;
  nvt_status status = segment(r, r->sqe.prp1, first, to_guest, remember);
  if (status != NVT_SC_SUCCESS || first == length)
    return status;
  length -= first;
  if (length > page)
    return walk_list(r, r->sqe.prp2, length, to_guest, remember);
  if (unlikely(r->sqe.prp2 & (page - 1)))
    return NVT_SC_INVALID_PRP_OFFSET;
  return segment(r, r->sqe.prp2, length, to_guest, remember);
}

/* --- data that a memory tap may change lies in memory of ours on its way --- */

#define BOUNCE_KEPT 16384u /* bytes that a request keeps for its next command */

/* Copy between the bounce buffer and the guest's ranges. */
static nvt_status bounce_copy(struct request *r, bool to_guest) {
  struct nvt_controller *c = r->c;
  uint8_t *at = r->bounce;
  for (uint32_t i = 0; i < r->range_count; i++) {
    uint64_t address = r->ranges[i].address, left = r->ranges[i].length;
    if (r->ranges[i].nowhere) {
      if (!to_guest)
        memset(at, 0, left);
      at += left;
      continue;
    }
    while (left != 0) {
      uint64_t piece = left;
      uint8_t *host = nvt_dma_piece(c, address, &piece, to_guest);
      if (host == NULL) {
        nvt_dma_fault(c, r->cqe.sqid, address, left);
        return NVT_SC_DATA_TRANSFER_ERROR;
      }
      memcpy(to_guest ? host : at, to_guest ? at : host, piece);
      at += piece;
      address += piece;
      left -= piece;
    }
  }
  return NVT_SC_SUCCESS;
}

static nvt_status bounce_in(struct request *r) {
  if (r->bounce_size < r->io.length) {
    free(r->bounce);
    r->bounce_size = 0;
    r->bounce = malloc(r->io.length);
    if (r->bounce == NULL)
      return NVT_SC_INTERNAL_DEVICE_ERROR;
    r->bounce_size = r->io.length;
  }
  /* Whatever its direction: a medium may leave the host's buffer as it was. */
  nvt_status status = bounce_copy(r, false);
  if (status != NVT_SC_SUCCESS)
    return status;
  r->bounced = true;
  r->io.iov = r->small;
  r->small[0] = (struct iovec){.iov_base = r->bounce, .iov_len = r->io.length};
  r->io.iovcnt = 1;
  return NVT_SC_SUCCESS;
}

nvt_status nvt_bounce_out(struct request *r) {
  return bounce_copy(r, true);
}

void nvt_bounce_free(struct request *r) {
  r->bounced = false;
  if (r->bounce_size <= BOUNCE_KEPT)
    return;
  free(r->bounce);
  r->bounce = NULL;
  r->bounce_size = 0;
}

nvt_status nvt_map_data(struct request *r, uint64_t length, bool to_guest) {
  nvt_status status = map(r, length, to_guest);
  if (tap_on(r->c, TAP_OF(r->cqe.sqid, MEMORY)) && status == NVT_SC_SUCCESS &&
      r->c->deciders[TAP_OF(r->cqe.sqid, MEMORY)] != 0)
    status = bounce_in(r);
  return status;
}

void nvt_data_put(struct request *r, const void *from, size_t len) {
  const uint8_t *at = from;
  for (unsigned i = 0; i < r->io.iovcnt; i++) {
    size_t piece = r->io.iov[i].iov_len < len ? r->io.iov[i].iov_len : len;
    memcpy(r->io.iov[i].iov_base, at, piece);
    memset((uint8_t *)r->io.iov[i].iov_base + piece, 0, r->io.iov[i].iov_len - piece);
    at += piece;
    len -= piece;
  }
}

void nvt_data_get(struct request *r, void *to, size_t len) {
  uint8_t *at = to;
  for (unsigned i = 0; i < r->io.iovcnt && len != 0; i++) {
    size_t piece = r->io.iov[i].iov_len < len ? r->io.iov[i].iov_len : len;
    memcpy(at, r->io.iov[i].iov_base, piece);
    at += piece;
    len -= piece;
  }
  __asm__ volatile("" ::: "memory");
}

nvt_status nvt_data_reply(struct request *r, const void *from, size_t len, uint64_t length) {
  nvt_status status = nvt_map_data(r, length, true);
  if (status == NVT_SC_SUCCESS)
    nvt_data_put(r, from, len);
  return status;
}

/* Where nobody may change it, it is shown from guest memory as it is now: a backend may have
 * changed io.iov, and a window may have gone while a plug-in held the completion. */
void nvt_data_taps(struct request *r, enum nvt_direction direction) {
  struct nvt_controller *c = r->c;
  enum nvt_tap_id id = TAP_OF(r->cqe.sqid, MEMORY);
  if (!tap_on(c, id))
    return;
  uint64_t offset = 0;
  for (uint32_t i = 0; i < r->range_count; i++) {
    uint64_t address = r->ranges[i].address, left = r->ranges[i].length;
    if (r->ranges[i].nowhere) {
      offset += left;
      continue;
    }
    while (left != 0) {
      uint64_t piece = left;
      uint8_t *host = r->bounced ? r->bounce + offset
                                 : nvt_dma_piece(c, address, &piece, direction == NVT_DIRECTION_IN);
      if (host == NULL)
        return;
      struct nvt_tap_event event;
      nvt_tap_begin(c, id, &event);
      event.data.sqid = r->cqe.sqid;
      event.data.cid = r->cqe.cid;
      event.data.kind = DATA_PAYLOAD;
      event.data.direction = (uint8_t)direction;
      event.data.address = address;
      event.data.offset = offset;
      event.data.bytes = host;
      event.data.length = (uint32_t)piece;
      event.data.writable = r->bounced ? host : NULL;
      (void)nvt_tap_fire(c->plugins, &event);
      address += piece;
      offset += piece;
      left -= piece;
    }
  }
}
