/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/meta_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/controller.h"

static void copy(char *to, size_t size, const char *from) {
  (void)snprintf(to, size, "%s", from == NULL ? "" : from);
}

static int gather_namespaces(const struct nvt_controller *device, struct nvt_meta *meta) {
  struct nvt_namespace_info info;
  uint32_t count = 0;
  while (count < NVT_META_NAMESPACES_MAX && nvt_controller_namespace(device, count, &info))
    count++;
  meta->namespaces = calloc(count == 0 ? 1 : count, sizeof(meta->namespaces[0]));
  if (meta->namespaces == NULL)
    return -ENOMEM;
  for (uint32_t i = 0; i < count && nvt_controller_namespace(device, i, &info); i++) {
    struct nvt_meta_namespace *ns = &meta->namespaces[i];
    *ns = (struct nvt_meta_namespace){.nsid = info.nsid,
                                      .blocks = info.blocks,
                                      .block_size = info.block_size,
                                      .asynchronous = info.asynchronous,
                                      .readonly = info.readonly};
    copy(ns->backend, sizeof(ns->backend), info.description);
  }
  meta->namespace_count = count;
  return 0;
}

int nvt_capture_meta(const struct nvt_controller *device, const char *filter,
                     struct nvt_meta *meta) {
  struct nvt_controller_info info;
  nvt_controller_info(device, &info);
  *meta = (struct nvt_meta){.vs = info.vs,
                            .cap = info.cap,
                            .mdts = info.mdts,
                            .sgl = info.sgl,
                            .io_queues = info.io_queues,
                            .vectors = info.vectors,
                            .pci_address = info.pci_address};
  copy(meta->recorder, sizeof(meta->recorder), "nvmetap record");
  copy(meta->serial, sizeof(meta->serial), info.serial);
  copy(meta->model, sizeof(meta->model), info.model);
  copy(meta->firmware, sizeof(meta->firmware), info.firmware);
  copy(meta->profile, sizeof(meta->profile), info.profile);
  copy(meta->doorbells, sizeof(meta->doorbells), info.shared_doorbells ? "shared" : "trap");
  copy(meta->filter, sizeof(meta->filter), filter);
  return gather_namespaces(device, meta);
}
