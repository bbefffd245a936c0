/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a command's data lies: Base 2.1, sections 4.3.1 (PRP) and 4.3.2.
 * PRP entries are read once, into the controller's own copy of the list.
 */
#include <stdlib.h>
#include <string.h>

#include "controller/controller_int.h"

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
      if (io->iov == r->small && io->iovcnt == 2) {
        r->large[0] = r->small[0];
        r->large[1] = r->small[1];
        io->iov = r->large;
      } else if (unlikely(io->iovcnt == c->max_segments)) {
        return NVT_SC_DATA_TRANSFER_ERROR;
      }
      io->iov[io->iovcnt].iov_base = host;
      io->iov[io->iovcnt].iov_len = piece;
      io->iovcnt++;
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
    if (last != NULL && last->address + last->length == address)
      last->length += (uint32_t)length;
    else if (r->range_count < r->c->max_segments)
      r->ranges[r->range_count++] = (struct range){address, (uint32_t)length};
  }
  return status;
}

static nvt_status segment(struct request *r, uint64_t address, uint64_t length, bool write,
                          bool remember) {
  return unlikely(remember) ? remembered(r, address, length, write)
                            : append(r, address, length, write);
}

/* offset: of the first data byte that the list describes. */
static void list_tap(struct request *r, uint64_t address, uint32_t entries, uint64_t offset) {
  struct nvt_controller *c = r->c;
  enum nvt_tap_id id = TAP_OF(r->cqe.sqid, MEMORY);
  if (!tap_on(c, id))
    return;
  struct nvt_tap_event event;
  nvt_tap_begin(c, id, &event);
  event.data.sqid = r->cqe.sqid;
  event.data.cid = r->cqe.cid;
  event.data.kind = DATA_PRP_LIST;
  event.data.direction = NVT_DIRECTION_OUT;
  event.data.address = address;
  event.data.offset = offset;
  event.data.bytes = (const uint8_t *)c->list;
  event.data.length = entries * 8;
  (void)nvt_tap_fire(c->plugins, &event);
}

/* Copy `entries` list entries at address, which lie in one memory page. */
static nvt_status list_read(struct request *r, uint64_t address, uint32_t entries,
                            uint64_t offset) {
  struct nvt_controller *c = r->c;
  uint8_t *to = (uint8_t *)c->list;
  uint64_t at = address, left = (uint64_t)entries * 8;
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
  list_tap(r, address, entries, offset);
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
    nvt_status status = list_read(r, address, entries, r->io.length - length);
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

static nvt_status map(struct request *r, uint64_t length, bool to_guest) {
  struct nvt_controller *c = r->c;
  const uint64_t page = 1ULL << c->page_shift;
  bool remember = tap_on(c, TAP_OF(r->cqe.sqid, MEMORY));
  r->io.iov = r->small;
  r->io.iovcnt = 0;
  r->io.length = length;
  r->range_count = 0;
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
  if (unlikely(r->c->deciders[TAP_OF(r->cqe.sqid, MEMORY)] != 0) && status == NVT_SC_SUCCESS)
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
