/* SPDX-License-Identifier: BSD-2-Clause */
/* Putting content onto a namespace's medium from outside, for replay. */
#include <errno.h>

#include "controller/controller_int.h"
#include "controller/namespace_int.h"

static void done(struct nvt_io *io, nvt_status status) {
  *(nvt_status *)io->user = status;
}

int nvt_controller_preload(struct nvt_controller *c, uint32_t nsid, uint64_t offset,
                           const void *bytes, size_t len) {
  if (nsid == 0 || nsid > NVT_NAMESPACES_MAX || c->ns[nsid - 1].ns == NULL)
    return -ENOENT;
  struct name_space *ns = &c->ns[nsid - 1];
  uint64_t size = ns->blocks << ns->shift;
  if (ns->asynchronous)
    return -ENOTSUP;
  if (offset > size || len > size - offset)
    return -ERANGE;
  nvt_status status = NVT_SC_SUCCESS;
  struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
  struct nvt_io io = {.kind = NVT_IO_WRITE,
                      .offset = offset,
                      .length = len,
                      .iov = &iov,
                      .iovcnt = 1,
                      .done = done,
                      .user = &status,
                      .ns = ns->ns};
  /* Past nvt_namespace_submit(): a read-only medium had its content before, too. */
  ns->ns->backend->submit(ns->ns, &io);
  return status == NVT_SC_SUCCESS ? 0 : -EIO;
}
