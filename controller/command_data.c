/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory and a command's data for those who ask from outside: Base 2.1, section 4.3. */
#include <errno.h>
#include <string.h>

#include "controller/controller_int.h"
#include "controller/inject.h"
#include "controller/sgl_int.h"
#include "nvme/names.h"

int nvt_guest_memory(struct nvt_controller *c, uint64_t address, void *buffer, size_t length,
                     bool write) {
  if (length == 0)
    return 0;
  if (length - 1 > UINT64_MAX - address || c->removed)
    return -EFAULT;
  /* First whether all of it is there, then the copy. */
  for (unsigned pass = 0; pass < 2; pass++) {
    uint8_t *at = buffer;
    uint64_t from = address, left = length;
    while (left != 0) {
      uint64_t piece = left;
      uint8_t *host = nvt_dma_piece(c, from, &piece, write);
      if (host == NULL)
        return -EFAULT;
      if (pass == 1)
        memcpy(write ? host : at, write ? at : host, piece);
      at += piece;
      from += piece;
      left -= piece;
    }
  }
  return 0;
}

/* Bytes of the command's data where its fields tell; 0: not known. */
static uint64_t described(const struct request *r) {
  if (r->cqe.sqid == 0 || r->sqe.nsid - 1 >= r->c->nn)
    return 0;
  switch (r->sqe.opcode) {
  case NVT_NVM_READ:
  case NVT_NVM_WRITE:
  case NVT_NVM_COMPARE:
    return ((uint64_t)(r->sqe.cdw12 & 0xffff) + 1) << r->c->ns[r->sqe.nsid - 1].shift;
  default:
    return 0;
  }
}

/* The part of a command's data that is asked for. */
struct part {
  struct nvt_controller *c;
  uint8_t *room;
  uint64_t at, from; /* place in the transfer: of the next piece; of the first byte wanted */
  uint8_t *buffer;
  bool write;
};

static nvt_status read_segment(void *ctx, uint64_t address, uint32_t bytes, uint64_t offset) {
  struct part *part = ctx;
  (void)offset;
  return nvt_guest_memory(part->c, address, part->room, bytes, false) == 0
             ? NVT_SC_SUCCESS
             : NVT_SC_DATA_TRANSFER_ERROR;
}

static nvt_status take_piece(void *ctx, uint64_t address, uint64_t length, bool bucket) {
  struct part *part = ctx;
  uint64_t skip = part->from > part->at ? part->from - part->at : 0;
  part->at += length;
  if (skip >= length)
    return NVT_SC_SUCCESS;
  uint8_t *buffer = part->buffer;
  size_t size = (size_t)(length - skip);
  part->buffer += size;
  if (!bucket)
    return nvt_guest_memory(part->c, address + skip, buffer, size, part->write) == 0
               ? NVT_SC_SUCCESS
               : NVT_SC_DATA_TRANSFER_ERROR;
  if (!part->write)
    memset(buffer, 0, size);
  return NVT_SC_SUCCESS;
}

/* Not by the controller's own copy of a segment: its walk may be under way. */
static int sgl_data(struct nvt_controller *c, const struct request *r, uint64_t offset,
                    void *buffer, size_t length, bool write) {
  if (!c->sgl || r->cqe.sqid == 0)
    return -EINVAL;
  uint8_t room[NVT_SGL_ROOM];
  struct part part = {.c = c, .room = room, .from = offset, .buffer = buffer, .write = write};
  const struct nvt_sgl_walk walk = {.ctx = &part,
                                    .length = offset + length,
                                    .to_guest = nvt_opcode_direction(NVT_SET_NVM, r->sqe.opcode) ==
                                                NVT_DIRECTION_IN,
                                    .room = room,
                                    .read = read_segment,
                                    .piece = take_piece};
  nvt_status status = nvt_sgl_walk(&r->sqe, &walk);
  return status == NVT_SC_SUCCESS ? 0 : status == NVT_SC_DATA_TRANSFER_ERROR ? -EFAULT : -EINVAL;
}

int nvt_command_data(struct nvt_controller *c, uint64_t handle, uint64_t offset, void *buffer,
                     size_t length, bool write) {
  struct request *r = nvt_request_by_handle(c, handle);
  if (r == NULL)
    return -ENOENT;
  if (length > NVT_COMMAND_DATA_MAX || offset > NVT_COMMAND_DATA_MAX - length)
    return -EINVAL;
  if (length == 0)
    return 0;
  const uint64_t page = 1ULL << c->page_shift;
  uint64_t total = offset + length, whole = described(r);
  if (whole == 0)
    whole = total;
  if (total > whole)
    return -EINVAL;
  if (NVT_SQE_PSDT(r->sqe.flags) != 0)
    return sgl_data(c, r, offset, buffer, length, write);
  uint64_t first = page - (r->sqe.prp1 & (page - 1));
  bool listed = whole > first && whole - first > page;
  uint64_t list = r->sqe.prp2; /* of the next list entry */
  uint8_t *at = buffer;
  /* Page by page: what the PRPs name, whether or not this piece is wanted. */
  for (uint64_t done = 0, index = 0; done < total; index++) {
    uint64_t address, size = index == 0 ? first : page;
    if (index == 0) {
      address = r->sqe.prp1;
    } else if (!listed) {
      address = r->sqe.prp2;
    } else {
      uint64_t entries[2];
      bool last_of_list = (list & (page - 1)) + 8 == page;
      bool more = whole - done > page;
      if (nvt_guest_memory(c, list, entries, 8, false) != 0)
        return -EFAULT;
      if (last_of_list && more) { /* it names the next list */
        list = entries[0];
        if ((list & (page - 1)) != 0)
          return -EINVAL;
        if (nvt_guest_memory(c, list, entries, 8, false) != 0)
          return -EFAULT;
      }
      list += 8;
      address = entries[0];
    }
    if ((index != 0 && (address & (page - 1)) != 0) || (address & 3) != 0)
      return -EINVAL;
    if (size > total - done)
      size = total - done;
    if (done + size > offset) {
      uint64_t skip = offset > done ? offset - done : 0;
      int error = nvt_guest_memory(c, address + skip, at, (size_t)(size - skip), write);
      if (error != 0)
        return error;
      at += size - skip;
    }
    done += size;
  }
  return 0;
}
