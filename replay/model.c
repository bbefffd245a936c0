/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/model_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/profiles/profile.h"
#include "nvme/nvme.h"

/* What was a file is memory here: the recording has its content where it matters. Where
 * it has none at all, nothing need be kept, and a disk of any size replays in no memory. */
int nvt_model_add_namespace(struct nvt_controller *device, bool no_data,
                            const struct nvt_meta_namespace *ns, char *why, size_t whylen) {
  char description[128];
  uint64_t bytes;
  if (__builtin_mul_overflow(ns->blocks, ns->block_size, &bytes))
    bytes = 0;
  bool null = no_data || strncmp(ns->backend, "null:", 5) == 0;
  snprintf(description, sizeof(description), "%s:%" PRIu64 ",block=%" PRIu32 "%s",
           null ? "null" : "ram", bytes, ns->block_size, ns->readonly ? ",readonly" : "");
  uint32_t nsid;
  char reason[256];
  int failed = nvt_controller_add_namespace(device, description, &nsid, reason, sizeof(reason));
  if (failed) {
    snprintf(why, whylen, "namespace %" PRIu32 " can't be made: %s", ns->nsid, reason);
    return failed;
  }
  if (nsid != ns->nsid) {
    snprintf(why, whylen, "namespace %" PRIu32 " can't be made: the model numbers it %" PRIu32,
             ns->nsid, nsid);
    return -EINVAL;
  }
  return 0;
}

/* NSIDs are given out in order: what the recording skipped is filled and emptied again. */
static int add_namespaces(struct nvt_controller *device, bool no_data, const struct nvt_meta *meta,
                          char *why, size_t whylen) {
  uint32_t next = 1;
  for (uint32_t i = 0; i < meta->namespace_count; i++) {
    const struct nvt_meta_namespace *ns = &meta->namespaces[i];
    if (ns->nsid < next || ns->nsid - next > NVT_META_NAMESPACES_MAX) {
      snprintf(why, whylen, "namespace %" PRIu32 " can't be made: out of order or out of range",
               ns->nsid);
      return -EINVAL;
    }
    for (; next < ns->nsid; next++) {
      int failed = nvt_controller_add_namespace(device, "null:4096", NULL, why, whylen);
      if (failed)
        return failed;
    }
    int failed = nvt_model_add_namespace(device, no_data, ns, why, whylen);
    if (failed)
      return failed;
    next++;
  }
  for (uint32_t nsid = 1, i = 0; nsid < next; nsid++) {
    if (i < meta->namespace_count && meta->namespaces[i].nsid == nsid)
      i++;
    else
      nvt_controller_remove_namespace(device, nsid);
  }
  return 0;
}

static const char *or_null(const char *text) {
  return text[0] != '\0' ? text : NULL;
}

bool nvt_model_create(const struct nvt_target_setup *setup, struct nvt_plugin_host *host,
                      const struct nvt_port_ops *port, struct nvt_controller **out, char *why,
                      size_t whylen) {
  const struct nvt_meta *meta = setup->details;
  uint64_t cap = setup->meta->cap != 0 ? setup->meta->cap : meta->cap;
  uint32_t vectors = setup->meta->vectors != 0 ? setup->meta->vectors : meta->vectors;
  struct nvt_controller_options options = {
      .id = meta->has_cntlid ? meta->cntlid : setup->controller,
      .pci_address = setup->pci_address,
      .serial = or_null(meta->serial),
      .model = or_null(meta->model),
      .firmware = or_null(meta->firmware),
      .io_queues = (uint16_t)(meta->io_queues <= UINT16_MAX ? meta->io_queues : UINT16_MAX),
      .entries = (uint16_t)NVT_GET(cap, CAP_MQES),
      .mdts = meta->mdts,
      .sgl = meta->sgl,
      .vectors = (uint16_t)(vectors <= UINT16_MAX ? vectors : UINT16_MAX),
      .port = port,
      .plugins = host,
  };
  if (meta->profile[0] != '\0')
    (void)nvt_profile_options(meta->profile,
                              &options); /* one that isn't known shows in what differs */
  int failed = nvt_controller_create(&options, out);
  if (failed == -EINVAL)
    snprintf(why, whylen,
             "the model can't be like the recorded controller: %" PRIu32 " I/O queues, %" PRIu32
             " vectors, MDTS %u, serial number '%s'; another --target may",
             meta->io_queues, vectors, meta->mdts, meta->serial);
  if (failed)
    return false;
  failed = add_namespaces(*out, nvt_model_keeps_nothing(setup), meta, why, whylen);
  if (failed) {
    nvt_controller_destroy(*out);
    *out = NULL;
  }
  return failed == 0;
}
