/* SPDX-License-Identifier: BSD-2-Clause */
/* Target: QEMU's own NVMe device, started as the recorded controller was, by the qtest protocol. */
#include "replay/outside_int.h"
#include "replay/qtest_int.h"
#include "replay/target_int.h"

static bool qtest_open(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                       size_t whylen) {
  const struct nvt_qtest_options options = {
      .program = setup->address != NULL ? setup->address : "qemu-system-x86_64",
      .details = setup->details,
      .vectors = setup->meta->vectors};
  struct nvt_transport *transport;
  if (nvt_qtest_open(&options, &transport, why, whylen) != 0 ||
      !nvt_outside_open(transport, setup, out, why, whylen))
    return false;
  (*out)->always_sends = true;
  return true;
}

static int qtest_preload(struct nvt_target *o, uint32_t nsid, uint64_t offset, const void *bytes,
                         size_t len) {
  return nvt_qtest_preload(o->t, nsid, offset, bytes, len);
}

const struct nvt_target_ops nvt_target_qtest = {
    .name = "qtest",
    .address = "[QEMU]",
    .summary = "QEMU's own NVMe device, in the qemu-system-x86_64 of the path, or in QEMU",
    .open = qtest_open,
    .preload = qtest_preload,
    .own_config = true,
    NVT_OUTSIDE_OPS};
