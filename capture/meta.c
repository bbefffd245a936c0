/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/meta.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "capture/meta_int.h"
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

int nvt_capture_meta(const struct nvt_controller *device, uint32_t data_head, const char *filter,
                     uint64_t ns, struct nvt_rec_meta *body, char **json, size_t *length) {
  static const char *const data_modes[] = {[NVT_V_meta_data_mode_NONE] = "none",
                                           [NVT_V_meta_data_mode_HEAD] = "head",
                                           [NVT_V_meta_data_mode_FULL] = "full"};
  struct nvt_controller_info info;
  nvt_controller_info(device, &info);
  struct nvt_meta meta = {.format = NVT_META_FORMAT,
                          .vs = info.vs,
                          .cap = info.cap,
                          .mdts = info.mdts,
                          .sgl = info.sgl,
                          .io_queues = info.io_queues,
                          .vectors = info.vectors,
                          .pci_address = info.pci_address,
                          .data_head = data_head};
  copy(meta.recorder, sizeof(meta.recorder), "nvmetap record");
  copy(meta.serial, sizeof(meta.serial), info.serial);
  copy(meta.model, sizeof(meta.model), info.model);
  copy(meta.firmware, sizeof(meta.firmware), info.firmware);
  copy(meta.profile, sizeof(meta.profile), info.profile);
  copy(meta.doorbells, sizeof(meta.doorbells), info.shared_doorbells ? "shared" : "trap");
  copy(meta.data, sizeof(meta.data), data_modes[body->data_mode]);
  copy(meta.filter, sizeof(meta.filter), filter);
  copy(meta.clock, sizeof(meta.clock), body->clock == NVT_V_meta_clock_TSC ? "tsc" : "vdso");
  time_t seconds = (time_t)(ns / 1000000000u);
  struct tm utc;
  char date[24] = "";
  if (gmtime_r(&seconds, &utc) != NULL)
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
  (void)snprintf(meta.started, sizeof(meta.started), "%s.%09" PRIu64 "Z", date, ns % 1000000000u);
  struct utsname host;
  if (uname(&host) == 0)
    (void)snprintf(meta.host, sizeof(meta.host), "%.20s %.16s", host.sysname, host.machine);
  int error = gather_namespaces(device, &meta);
  if (error == 0)
    error = nvt_meta_build(&meta, json, length);
  body->cap = info.cap;
  body->vs = info.vs;
  body->vectors = info.vectors;
  body->namespaces = (uint16_t)meta.namespace_count;
  body->doorbells = info.shared_doorbells ? NVT_V_meta_doorbells_SHARED : NVT_V_meta_doorbells_TRAP;
  body->json_length = (uint32_t)*length;
  free(meta.namespaces);
  return error;
}
