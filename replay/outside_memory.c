/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's memory, and what commands moved in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/outside_int.h"
#include "trace/length.h"

int nvt_outside_map(struct nvt_target *o, uint64_t iova, uint64_t len,
                    const struct nvt_memory_place *place, bool readable, bool writable) {
  (void)readable, (void)writable; /* a transport maps for both */
  struct outside_window *more = reallocarray(o->windows, o->window_count + 1, sizeof(*more));
  if (more == NULL)
    return -ENOMEM;
  o->windows = more;
  int failed = o->t->dma_map(o->t, iova, place->host, (size_t)len, place->fd, 0);
  if (failed == 0)
    o->windows[o->window_count++] = (struct outside_window){iova, len, place->host};
  return failed;
}

/* Whole windows, as the engine has them. */
int nvt_outside_unmap(struct nvt_target *o, uint64_t iova, uint64_t len) {
  int failed = -ENOENT;
  size_t kept = 0;
  for (size_t i = 0; i < o->window_count; i++) {
    struct outside_window w = o->windows[i];
    bool inside = w.iova >= iova && w.len <= len && w.iova - iova <= len - w.len;
    if (inside && o->t->dma_unmap(o->t, w.iova, (size_t)w.len) == 0)
      failed = 0;
    else
      o->windows[kept++] = w;
  }
  o->window_count = kept;
  return len == UINT64_MAX ? 0 : failed;
}

uint8_t *nvt_outside_at(struct nvt_target *o, uint64_t iova, uint64_t *room) {
  for (size_t i = 0; i < o->window_count; i++) {
    const struct outside_window *w = &o->windows[i];
    if (iova < w->iova || iova - w->iova >= w->len)
      continue;
    *room = w->len - (iova - w->iova);
    return w->host + (iova - w->iova);
  }
  return NULL;
}

bool nvt_outside_copy(struct nvt_target *o, uint64_t iova, void *to, size_t len) {
  uint64_t room;
  const uint8_t *from = nvt_outside_at(o, iova, &room);
  if (from == NULL || room < len)
    return false;
  memcpy(to, from, len);
  return true;
}

/* --- what a command moved --- */

struct pages {
  struct nvt_target *o;
  const struct outside_command *command;
  uint64_t page; /* bytes */
  uint8_t direction;
  uint64_t offset, left; /* in the transfer */
};

/* False: that is all, or it isn't in memory. */
static bool piece(struct pages *p, uint64_t address) {
  uint64_t room, length = p->page - (address & (p->page - 1));
  if (length > p->left)
    length = p->left;
  const uint8_t *bytes = nvt_outside_at(p->o, address, &room);
  if (bytes == NULL || room < length)
    return false;
  const struct nvt_rec_data data = {.sqid = p->command->command.sqid,
                                    .cid = p->command->command.sqe.cid,
                                    .kind = NVT_V_data_kind_PAYLOAD,
                                    .direction = p->direction,
                                    .address = address,
                                    .offset = p->offset,
                                    .true_length = (uint32_t)length,
                                    .captured_length = (uint32_t)length};
  p->o->observer.moved(p->o->observer.ctx, &data, bytes);
  p->offset += length;
  p->left -= length;
  return p->left > 0;
}

/* PRP lists: Base 2.1, section 4.3.1. A page's last entry leads on where more is to come. */
static void list(struct pages *p, uint64_t address) {
  while (p->left > 0) {
    uint64_t entries = (p->page - (address & (p->page - 1))) / 8, next = 0;
    for (uint64_t i = 0; i < entries; i++) {
      uint64_t entry;
      if (!nvt_outside_copy(p->o, address + i * 8, &entry, sizeof(entry)))
        return;
      if (i + 1 == entries && p->left > p->page)
        next = entry;
      else if (!piece(p, entry))
        return;
    }
    if (next == 0)
      return;
    address = next;
  }
}

static uint32_t block_size(const struct nvt_target *o, uint32_t nsid) {
  for (uint32_t i = 0; i < o->space_count; i++)
    if (o->spaces[i].nsid == nsid)
      return o->spaces[i].block_size;
  return 0;
}

void nvt_outside_moved(struct nvt_target *o, const struct outside_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  enum nvt_opcode_set set = nvt_set_of(command->command.sqid, sqe->opcode, NVT_SET_NVM);
  uint32_t cc;
  memcpy(&cc, o->registers + NVT_REG_CC, sizeof(cc));
  struct pages p = {.o = o,
                    .command = command,
                    .page = UINT64_C(4096) << NVT_GET(cc, CC_MPS),
                    .direction = (uint8_t)nvt_opcode_direction(set, nvt_command_code(set, sqe))};
  if (NVT_CQE_STATUS(command->cqe.status) != NVT_SC_SUCCESS || NVT_SQE_PSDT(sqe->flags) != 0 ||
      (p.direction != NVT_DIRECTION_IN && p.direction != NVT_DIRECTION_OUT) ||
      !nvt_command_length(set, sqe, block_size(o, sqe->nsid), &p.left) || p.left == 0)
    return;
  if (!piece(&p, sqe->prp1))
    return;
  if (p.left <= p.page)
    (void)piece(&p, sqe->prp2);
  else
    list(&p, sqe->prp2);
}
