/* SPDX-License-Identifier: BSD-2-Clause */
/* Target: a device at a vfio-user socket: ours (nvmetap record --socket), or another's. */
#include "replay/outside_int.h"
#include "replay/target_int.h"

static bool vfio_user_open(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                           size_t whylen) {
  struct nvt_transport *transport;
  return nvt_transport_vfio(setup->address, &transport, why, whylen) == 0 &&
         nvt_outside_open(transport, setup, out, why, whylen);
}

const struct nvt_target_ops nvt_target_vfio_user = {
    .name = "vfio-user",
    .address = "PATH",
    .summary =
        "any device that listens at the vfio-user socket PATH, set up by you as the recorded "
        "controller was",
    .driven = &nvt_target_vfio_user_driven,
    .open = vfio_user_open,
    NVT_OUTSIDE_OPS};
