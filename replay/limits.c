/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/limits.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "nvme/identify.h"

static bool pages(const struct nvt_plan_controller *needs, uint64_t cap, char *why, size_t whylen) {
  unsigned least = (unsigned)NVT_GET(cap, CAP_MPSMIN), most = (unsigned)NVT_GET(cap, CAP_MPSMAX);
  for (unsigned mps = 0; mps < 16; mps++) {
    if ((needs->pages >> mps & 1) == 0 || (mps >= least && mps <= most))
      continue;
    snprintf(why, whylen,
             "the target's memory pages have %u to %u KiB (CAP.MPSMIN, CAP.MPSMAX), the trace's "
             "host works with such of %u (CC.MPS); set the target up like that, or record a host "
             "with other pages",
             4u << least, 4u << most, 4u << mps);
    return false;
  }
  return true;
}

bool nvt_limits_cap(const struct nvt_plan_controller *needs, uint64_t cap, char *why,
                    size_t whylen) {
  uint64_t entries = NVT_GET(cap, CAP_MQES) + 1;
  unsigned stride = 4u << NVT_GET(cap, CAP_DSTRD),
           recorded = 4u << NVT_GET(needs->details.cap, CAP_DSTRD);
  if (needs->entries > entries) {
    snprintf(why, whylen,
             "the target's queues have at most %" PRIu64 " entries (CAP.MQES), the trace makes one "
             "of %" PRIu32 "; set the target up with larger ones",
             entries, needs->entries);
    return false;
  }
  if (needs->details.cap != 0 && stride != recorded) {
    snprintf(why, whylen,
             "the target's doorbells are %u bytes apart (CAP.DSTRD), the recorded controller's %u: "
             "what the trace writes would ring others",
             stride, recorded);
    return false;
  }
  return pages(needs, cap, why, whylen);
}

bool nvt_limits_vectors(const struct nvt_plan_controller *needs, uint32_t entries, char *why,
                        size_t whylen) {
  /* One is there always: the pin. */
  if (needs->vectors <= 1 || needs->vectors <= entries)
    return true;
  snprintf(why, whylen,
           "the target has %" PRIu32 " MSI-X vectors, the trace uses %" PRIu32
           "; set the target up with more",
           entries, needs->vectors);
  return false;
}

/* A field of the answer; false: it isn't in this piece. */
static bool field(const struct nvt_rec_data *data, const uint8_t *bytes, uint64_t at, void *out,
                  size_t size) {
  if (data->offset > at || at - data->offset > data->true_length ||
      data->true_length - (at - data->offset) < size)
    return false;
  memcpy(out, bytes + (at - data->offset), size);
  return true;
}

static bool transfers(const struct nvt_plan_controller *needs, uint64_t cap, uint8_t mdts,
                      char *why, size_t whylen) {
  unsigned shift = 12u + (unsigned)NVT_GET(cap, CAP_MPSMIN) + mdts;
  if (mdts == 0 || shift > 63 || needs->transfer <= UINT64_C(1) << shift)
    return true;
  snprintf(why, whylen,
           "the target moves at most %" PRIu64 " bytes in a command (MDTS), the trace has one of "
           "%" PRIu64 "; set the target up with a larger MDTS, or record a host that knows it",
           UINT64_C(1) << shift, needs->transfer);
  return false;
}

static bool fits(const struct nvt_plan_namespace *ns, uint64_t blocks, unsigned size_shift,
                 char *why, size_t whylen) {
  if (blocks == 0) {
    snprintf(why, whylen, "the target has no namespace %" PRIu32 ", which the trace works on",
             ns->nsid);
    return false;
  }
  if (size_shift > 31 || 1u << size_shift != ns->block_size) {
    snprintf(why, whylen,
             "namespace %" PRIu32 " has blocks of %" PRIu64 " bytes in the target, of %" PRIu32
             " in the trace; set the target up with the same block size",
             ns->nsid, size_shift > 31 ? 0 : UINT64_C(1) << size_shift, ns->block_size);
    return false;
  }
  if (blocks < ns->end) {
    snprintf(why, whylen,
             "namespace %" PRIu32 " has %" PRIu64 " blocks in the target, and the trace works on "
             "the first %" PRIu64 "; set the target up with a larger one",
             ns->nsid, blocks, ns->end);
    return false;
  }
  return true;
}

bool nvt_limits_identify(const struct nvt_plan_controller *needs, uint64_t cap,
                         const struct nvt_sqe *sqe, const struct nvt_rec_data *data,
                         const uint8_t *bytes, char *why, size_t whylen) {
  uint8_t mdts, flbas;
  uint64_t blocks;
  struct nvt_lba_format format;
  switch (sqe->cdw10 & 0xff) {
  case NVT_CNS_CONTROLLER:
    return !field(data, bytes, offsetof(struct nvt_id_controller, mdts), &mdts, sizeof(mdts)) ||
           transfers(needs, cap, mdts, why, whylen);
  case NVT_CNS_NAMESPACE:
    break;
  default:
    return true;
  }
  const struct nvt_plan_namespace *ns = NULL;
  for (uint32_t i = 0; i < needs->namespace_count; i++)
    if (needs->namespaces[i].nsid == sqe->nsid)
      ns = &needs->namespaces[i];
  if (ns == NULL || ns->end == 0 ||
      !field(data, bytes, offsetof(struct nvt_id_namespace, nsze), &blocks, sizeof(blocks)) ||
      !field(data, bytes, offsetof(struct nvt_id_namespace, flbas), &flbas, sizeof(flbas)) ||
      nvt_flbas_format(flbas) > 15 ||
      !field(data, bytes,
             offsetof(struct nvt_id_namespace, lbaf) + nvt_flbas_format(flbas) * sizeof(format),
             &format, sizeof(format)))
    return true;
  return fits(ns, blocks, format.lbads, why, whylen);
}

bool nvt_limits_queues(const struct nvt_plan_controller *needs, uint32_t dw0, char *why,
                       size_t whylen) {
  const struct {
    const char *what;
    uint32_t offered, highest;
  } kinds[] = {{"submission", (dw0 & 0xffff) + 1, needs->highest},
               {"completion", (dw0 >> 16) + 1, needs->highest_cq}};
  for (unsigned i = 0; i < 2; i++)
    if (kinds[i].highest > kinds[i].offered) {
      snprintf(why, whylen,
               "the target has %" PRIu32 " I/O %s queues, the trace uses the one of identifier "
               "%" PRIu32 "; set the target up with more",
               kinds[i].offered, kinds[i].what, kinds[i].highest);
      return false;
    }
  return true;
}
