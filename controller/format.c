/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Format NVM: Base 2.1, section 5.1.10. There is one LBA format for each namespace, the
 * one that it has; what it does is make all that was written unreadable. Both settings that
 * FNA allows do: without secure erase the blocks are deallocated, with User Data Erase they
 * are overwritten, on stable media. Nothing is encrypted, so there is no key to erase.
 */
#include "controller/controller_int.h"

#define BROADCAST 0xffffffffu
enum { ERASE_NONE = 0, ERASE_USER_DATA = 1 };

static unsigned format_index(const struct nvt_sqe *sqe) {
  return (sqe->cdw10 & 0xf) | (sqe->cdw10 >> 12 & 3) << 4;
}
/* Metadata Settings and the place of protection information say nothing where there is neither. */
static unsigned protection(const struct nvt_sqe *sqe) {
  return sqe->cdw10 >> 5 & 7;
}
static unsigned erase_setting(const struct nvt_sqe *sqe) {
  return sqe->cdw10 >> 9 & 7;
}

static void format_done(struct nvt_io *, nvt_status);

/* The next namespace from index `from` that the command is for; the last one ends it. */
static void format_next(struct request *r, uint32_t from) {
  struct nvt_controller *c = r->c;
  uint32_t end = r->sqe.nsid == BROADCAST ? c->nn : r->sqe.nsid;
  for (uint32_t i = from; i < end; i++) {
    struct name_space *ns = &c->ns[i];
    if (ns->ns == NULL)
      continue;
    bool overwrite = erase_setting(&r->sqe) == ERASE_USER_DATA;
    r->pieces = i + 1;
    ns->formatting = true;
    r->io.kind = overwrite ? NVT_IO_WRITE_ZEROES : NVT_IO_DEALLOCATE;
    r->io.fua = true;
    r->io.offset = 0;
    r->io.length = ns->blocks << ns->shift;
    r->io.iovcnt = 0;
    r->io.done = format_done;
    nvt_namespace_submit(ns->ns, &r->io);
    return;
  }
  r->io.done = nvt_io_done;
  nvt_finish(r, NVT_SC_SUCCESS);
}

static void format_done(struct nvt_io *io, nvt_status status) {
  struct request *r = io->user;
  r->c->ns[r->pieces - 1].formatting = false;
  if (status == NVT_SC_SUCCESS && r->sq != NULL) {
    format_next(r, r->pieces);
    return;
  }
  r->io.done = nvt_io_done;
  nvt_finish(r, status);
}

/* All are looked at before the first is touched. */
static nvt_status check(struct nvt_controller *c, uint32_t from, uint32_t end) {
  for (uint32_t i = from; i < end; i++) {
    const struct name_space *ns = &c->ns[i];
    if (ns->ns == NULL)
      continue;
    if (ns->readonly)
      return NVT_SC_NAMESPACE_WRITE_PROTECTED;
    if (ns->formatting)
      return NVT_SC_FORMAT_IN_PROGRESS;
  }
  return NVT_SC_SUCCESS;
}

nvt_status nvt_admin_format(struct request *r) {
  struct nvt_controller *c = r->c;
  uint32_t nsid = r->sqe.nsid, from = 0;
  nvt_status status;
  if (erase_setting(&r->sqe) > ERASE_USER_DATA)
    return NVT_SC_INVALID_FIELD;
  if (format_index(&r->sqe) != 0 || protection(&r->sqe) != 0)
    return NVT_SC_INVALID_FORMAT;
  if (nsid != BROADCAST) {
    if (nvt_ns_get(c, nsid, &status) == NULL)
      return status;
    from = nsid - 1;
  }
  status = check(c, from, nsid == BROADCAST ? c->nn : nsid);
  if (status != NVT_SC_SUCCESS)
    return status;
  /* What was started before it is on the medium, and goes with it. */
  if (c->loop != NULL)
    nvt_backend_drain(c->loop);
  if (r->sq == NULL) /* a callback for one of those reset the controller */
    return NVT_SC_SUCCESS;
  format_next(r, from);
  return NVT_PENDING;
}
