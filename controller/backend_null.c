/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * null:SIZE: keeps nothing and touches no memory, to measure all but the storage.
 * A read succeeds and leaves the host's buffer as it was. As nothing is kept,
 * nothing compares equal.
 */
#include "controller/namespace_int.h"

static int null_open(struct nvt_namespace *ns, const char *argument, struct nvt_backend_loop **loop,
                     char *why, size_t whylen) {
  (void)loop;
  ns->geometry.forgets = true;
  return nvt_backend_size(ns, argument, why, whylen);
}

static void null_close(struct nvt_namespace *ns) {
  (void)ns;
}

static void null_submit(struct nvt_namespace *ns, struct nvt_io *io) {
  (void)ns;
  io->done(io, io->kind == NVT_IO_COMPARE ? NVT_SC_COMPARE_FAILURE : NVT_SC_SUCCESS);
}

static int null_resize(struct nvt_namespace *ns, uint64_t bytes, char *why, size_t whylen) {
  (void)ns;
  (void)bytes;
  (void)why;
  (void)whylen;
  return 0;
}

const struct nvt_backend nvt_backend_null = {
    .kind = "null",
    .open = null_open,
    .close = null_close,
    .submit = null_submit,
    .resize = null_resize,
};
