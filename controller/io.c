/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O commands: NVM Command Set 1.1, section 3.3. */
#include <string.h>

#include "controller/controller_int.h"

#define BROADCAST 0xffffffffu
#define CDW12_FUA (1u << 30)
#define CDW12_DEALLOCATE (1u << 25)
#define DSM_DEALLOCATE (1u << 2)

static uint64_t start_block(const struct nvt_sqe *sqe) {
  return (uint64_t)sqe->cdw11 << 32 | sqe->cdw10;
}

void nvt_io_done(struct nvt_io *io, nvt_status status) {
  struct request *r = io->user;
  nvt_finish(r, status);
}

/* The namespace that an I/O command is for. */
static struct name_space *io_namespace(struct request *r, nvt_status *status) {
  struct name_space *ns = nvt_ns_get(r->c, r->sqe.nsid, status);
  if (likely(ns != NULL) && unlikely(ns->formatting)) {
    *status = NVT_SC_FORMAT_IN_PROGRESS;
    return NULL;
  }
  return ns;
}

/* Check what Read, Write, Compare and Write Zeroes share, and fill in offset and length. */
static struct name_space *block_range(struct request *r, nvt_status *status) {
  struct name_space *ns = io_namespace(r, status);
  if (unlikely(ns == NULL))
    return NULL;
  uint64_t slba = start_block(&r->sqe);
  uint64_t blocks = (r->sqe.cdw12 & 0xffff) + 1u;
  if (unlikely(slba >= ns->blocks || blocks > ns->blocks - slba)) {
    *status = NVT_SC_LBA_OUT_OF_RANGE;
    return NULL;
  }
  r->io.offset = slba << ns->shift;
  r->io.length = blocks << ns->shift;
  return ns;
}

static nvt_status transfer(struct request *r, enum nvt_io_kind kind, bool to_guest) {
  struct nvt_controller *c = r->c;
  nvt_status status;
  struct name_space *ns = block_range(r, &status);
  if (unlikely(ns == NULL))
    return status;
  if (unlikely(r->io.length > c->max_transfer))
    return NVT_SC_INVALID_FIELD;
  status = nvt_map_data(r, r->io.length, to_guest);
  if (unlikely(status != NVT_SC_SUCCESS))
    return status;
  if (!to_guest && unlikely(r->range_count != 0))
    nvt_data_taps(r, NVT_DIRECTION_OUT);
  if (kind == NVT_IO_WRITE) {
    if (unlikely(ns->readonly))
      return NVT_SC_NAMESPACE_WRITE_PROTECTED;
    c->writes++;
    c->bytes_written += r->io.length;
  } else { /* Base 1.4, figure 198: Compare is a host read */
    c->reads++;
    c->bytes_read += r->io.length;
  }
  r->io.kind = kind;
  r->io.fua = (r->sqe.cdw12 & CDW12_FUA) != 0 || c->features.write_cache == 0;
  nvt_namespace_submit(ns->ns, &r->io);
  return NVT_PENDING;
}

static nvt_status io_read(struct request *r) {
  return transfer(r, NVT_IO_READ, true);
}

static nvt_status io_write(struct request *r) {
  return transfer(r, NVT_IO_WRITE, false);
}

static nvt_status io_compare(struct request *r) {
  return transfer(r, NVT_IO_COMPARE, false);
}

static nvt_status io_write_zeroes(struct request *r) {
  nvt_status status;
  struct name_space *ns = block_range(r, &status);
  if (ns == NULL)
    return status;
  if (ns->readonly)
    return NVT_SC_NAMESPACE_WRITE_PROTECTED;
  r->io.kind = (r->sqe.cdw12 & CDW12_DEALLOCATE) != 0 ? NVT_IO_DEALLOCATE : NVT_IO_WRITE_ZEROES;
  r->io.fua = (r->sqe.cdw12 & CDW12_FUA) != 0 || r->c->features.write_cache == 0;
  r->io.iovcnt = 0;
  nvt_namespace_submit(ns->ns, &r->io);
  return NVT_PENDING;
}

/* --- Flush: one namespace, or with FFFFFFFFh one after the other --- */

static void flush_next(struct request *r, uint32_t from) {
  struct nvt_controller *c = r->c;
  for (uint32_t i = from; i < c->nn; i++) {
    if (c->ns[i].ns == NULL)
      continue;
    r->pieces = i + 1;
    r->io.kind = NVT_IO_FLUSH;
    nvt_namespace_submit(c->ns[i].ns, &r->io);
    return;
  }
  r->io.done = nvt_io_done;
  nvt_finish(r, NVT_SC_SUCCESS);
}

static void flush_done(struct nvt_io *io, nvt_status status) {
  struct request *r = io->user;
  if (status == NVT_SC_SUCCESS && r->sq != NULL) {
    flush_next(r, r->pieces);
    return;
  }
  r->io.done = nvt_io_done;
  nvt_finish(r, status);
}

static nvt_status io_flush(struct request *r) {
  r->io.offset = r->io.length = 0;
  r->io.iovcnt = 0;
  if (r->sqe.nsid == BROADCAST) {
    r->io.done = flush_done;
    flush_next(r, 0);
    return NVT_PENDING;
  }
  nvt_status status;
  struct name_space *ns = io_namespace(r, &status);
  if (ns == NULL)
    return status;
  r->io.kind = NVT_IO_FLUSH;
  nvt_namespace_submit(ns->ns, &r->io);
  return NVT_PENDING;
}

/* --- Dataset Management: the ranges one after the other --- */

/* The list lives in the request's segment array, which Deallocate has no other use for. */
static struct nvt_dsm_range *ranges_of(struct request *r) {
  return (struct nvt_dsm_range *)(void *)r->large;
}

static void deallocate_next(struct request *r) {
  struct name_space *ns = &r->c->ns[r->sqe.nsid - 1];
  const struct nvt_dsm_range *ranges = ranges_of(r);
  while (r->pieces != 0 && ranges[r->pieces - 1].nlb == 0)
    r->pieces--;
  if (r->pieces == 0 || ns->ns == NULL) {
    r->io.done = nvt_io_done;
    nvt_finish(r, NVT_SC_SUCCESS);
    return;
  }
  const struct nvt_dsm_range *range = &ranges[--r->pieces];
  r->io.kind = NVT_IO_DEALLOCATE;
  r->io.offset = range->slba << ns->shift;
  r->io.length = (uint64_t)range->nlb << ns->shift;
  nvt_namespace_submit(ns->ns, &r->io);
}

static void deallocate_done(struct nvt_io *io, nvt_status status) {
  struct request *r = io->user;
  if (status == NVT_SC_SUCCESS && r->sq != NULL) {
    deallocate_next(r);
    return;
  }
  r->io.done = nvt_io_done;
  nvt_finish(r, status);
}

static nvt_status io_dataset_management(struct request *r) {
  struct nvt_controller *c = r->c;
  nvt_status status;
  struct name_space *ns = io_namespace(r, &status);
  if (ns == NULL)
    return status;
  uint32_t count = (r->sqe.cdw10 & 0xff) + 1;
  size_t bytes = count * sizeof(struct nvt_dsm_range);
  status = nvt_map_data(r, bytes, false);
  if (status != NVT_SC_SUCCESS)
    return status;
  nvt_data_taps(r, NVT_DIRECTION_OUT);
  nvt_data_get(r, c->scratch, bytes);
  memcpy(ranges_of(r), c->scratch, bytes);
  const struct nvt_dsm_range *ranges = ranges_of(r);
  for (uint32_t i = 0; i < count; i++) {
    if (ranges[i].slba > ns->blocks || ranges[i].nlb > ns->blocks - ranges[i].slba)
      return NVT_SC_LBA_OUT_OF_RANGE;
  }
  if ((r->sqe.cdw11 & DSM_DEALLOCATE) == 0)
    return NVT_SC_SUCCESS; /* the other attributes are hints */
  if (ns->readonly)
    return NVT_SC_NAMESPACE_WRITE_PROTECTED;
  r->pieces = count;
  r->io.iovcnt = 0;
  r->io.fua = false;
  r->io.done = deallocate_done;
  deallocate_next(r);
  return NVT_PENDING;
}

const struct command_row nvt_io_commands[256] = {
    [NVT_NVM_FLUSH] = {io_flush, NVT_EFFECT_SUPPORTED},
    [NVT_NVM_WRITE] = {io_write, NVT_EFFECT_SUPPORTED | NVT_EFFECT_CONTENT},
    [NVT_NVM_READ] = {io_read, NVT_EFFECT_SUPPORTED},
    [NVT_NVM_COMPARE] = {io_compare, NVT_EFFECT_SUPPORTED},
    [NVT_NVM_WRITE_ZEROES] = {io_write_zeroes, NVT_EFFECT_SUPPORTED | NVT_EFFECT_CONTENT},
    [NVT_NVM_DATASET_MANAGEMENT] = {io_dataset_management,
                                    NVT_EFFECT_SUPPORTED | NVT_EFFECT_CONTENT},
};
