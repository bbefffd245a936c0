/* SPDX-License-Identifier: BSD-2-Clause */
/* Controllers: who they are, and their state where a trace begins. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed/embed_int.h"
#include "nvme/nvme.h"

enum { BLOCK_MAX = 65536 };
enum { BACKEND_MAX = sizeof(((struct nvt_meta_namespace *)NULL)->backend) - 1 };
_Static_assert(NVMETAP_NAMESPACES_MAX == NVT_META_NAMESPACES_MAX, "as many as a meta-record has");

static int check_info(const struct nvmetap_info *info) {
  if (info == NULL)
    return nvt_embed_refuse(-EINVAL, "no nvmetap_info");
  if (info->size != sizeof(*info))
    return nvt_embed_refuse(-EINVAL,
                            "info.size is %zu, not %zu: set it to sizeof(struct "
                            "nvmetap_info)",
                            info->size, sizeof(*info));
  if (info->vectors > NVMETAP_VECTORS_MAX)
    return nvt_embed_refuse(-EINVAL, "info.vectors is %u: at most %u", info->vectors,
                            NVMETAP_VECTORS_MAX);
  if (info->namespace_count > NVMETAP_NAMESPACES_MAX)
    return nvt_embed_refuse(-EINVAL, "info.namespace_count is %u: at most %u",
                            info->namespace_count, NVMETAP_NAMESPACES_MAX);
  if (info->namespace_count > 0 && info->namespaces == NULL)
    return nvt_embed_refuse(-EINVAL, "info.namespaces is NULL, for %u namespaces",
                            info->namespace_count);
  for (uint32_t i = 0; i < info->namespace_count; i++) {
    const char *backend = info->namespaces[i].backend;
    if (backend != NULL && strnlen(backend, BACKEND_MAX + 1) > BACKEND_MAX)
      return nvt_embed_refuse(-EINVAL, "info.namespaces[%u].backend is longer than %d bytes", i,
                              BACKEND_MAX);
  }
  return 0;
}

/* A field of Identify Controller, of at most `most` bytes: padded with spaces, not terminated. */
static void copy_field(char *to, const char *from, size_t most) {
  size_t length = from == NULL ? 0 : strnlen(from, most);
  while (length > 0 && from[length - 1] == ' ')
    length--;
  if (length > 0)
    memcpy(to, from, length);
  to[length] = '\0';
}

static int copy_namespaces(struct nvt_meta *meta, const struct nvmetap_info *info) {
  meta->namespaces = calloc(info->namespace_count + 1u, sizeof(meta->namespaces[0]));
  if (meta->namespaces == NULL)
    return -ENOMEM;
  meta->namespace_count = info->namespace_count;
  for (uint32_t i = 0; i < info->namespace_count; i++) {
    const struct nvmetap_namespace *from = &info->namespaces[i];
    struct nvt_meta_namespace *to = &meta->namespaces[i];
    to->nsid = from->nsid;
    to->blocks = from->blocks;
    to->block_size = from->block_size;
    to->readonly = from->readonly;
    to->asynchronous = from->asynchronous;
    if (from->backend != NULL)
      (void)snprintf(to->backend, sizeof(to->backend), "%s", from->backend);
  }
  return 0;
}

/* Bytes that CRCs are of: the smallest block, where it is one. */
static uint32_t unit(const struct nvt_meta *meta) {
  uint32_t least = 0;
  for (uint32_t i = 0; i < meta->namespace_count; i++) {
    uint32_t size = meta->namespaces[i].block_size;
    bool good = size != 0 && size <= BLOCK_MAX && (size & (size - 1)) == 0;
    if (good && (least == 0 || size < least))
      least = size;
  }
  return least;
}

/* Record what the controller is. */
static int tell(struct nvmetap_controller *controller, const struct nvmetap_info *info) {
  struct nvt_meta meta = {.cap = info->cap,
                          .vs = info->vs,
                          .mdts = info->mdts,
                          .io_queues = info->io_queues,
                          .vectors = info->vectors,
                          .pci_address = info->pci_address};
  (void)snprintf(meta.recorder, sizeof(meta.recorder), "%s", controller->recorder->name);
  copy_field(meta.serial, info->serial, sizeof(meta.serial) - 1);
  copy_field(meta.model, info->model, sizeof(meta.model) - 1);
  copy_field(meta.firmware, info->firmware, sizeof(meta.firmware) - 1);
  (void)snprintf(meta.doorbells, sizeof(meta.doorbells), "%s",
                 info->shared_doorbells ? "shared" : "trap");
  int error = copy_namespaces(&meta, info);
  if (error == 0) {
    struct nvt_emit *emit = nvt_embed_enter(controller);
    controller->who.pci_address = info->pci_address;
    controller->stride = 4u << NVT_GET(info->cap, CAP_DSTRD);
    if (controller->thread->digests != NULL)
      (void)nvt_digests_begin(controller->thread->digests, controller->who.controller, unit(&meta));
    error = nvt_emit_meta(emit, controller->who, &controller->recorder->data, 0, &meta);
    nvt_embed_leave(controller);
  }
  nvt_meta_clear(&meta);
  if (error == 0)
    return 0;
  return nvt_embed_refuse(
      error, "controller %u: its meta-record can't be made: %s", controller->who.controller,
      error == -E2BIG ? "its namespaces together are too long" : strerror(-error));
}

/* Put it into the list; false: the id is taken. */
static bool enlist(struct nvmetap_recorder *recorder, struct nvmetap_controller *controller) {
  bool free_id = true;
  (void)pthread_mutex_lock(&recorder->lock);
  for (struct nvmetap_controller *at = recorder->controllers; at != NULL; at = at->next)
    free_id = free_id && at->who.controller != controller->who.controller;
  if (free_id) {
    controller->next = recorder->controllers;
    recorder->controllers = controller;
  }
  (void)pthread_mutex_unlock(&recorder->lock);
  return free_id;
}

static void delist(struct nvmetap_recorder *recorder, struct nvmetap_controller *controller) {
  (void)pthread_mutex_lock(&recorder->lock);
  struct nvmetap_controller **link = &recorder->controllers;
  while (*link != controller)
    link = &(*link)->next;
  *link = controller->next;
  (void)pthread_mutex_unlock(&recorder->lock);
}

int nvmetap_add(struct nvmetap_recorder *recorder, const struct nvmetap_info *info,
                struct nvmetap_controller **out) {
  if (out == NULL)
    return nvt_embed_refuse(-EINVAL, "nvmetap_add(): no place for the controller");
  *out = NULL;
  if (recorder == NULL)
    return 0;
  int error = check_info(info);
  if (error != 0)
    return error;
  if (info->thread >= recorder->thread_count)
    return nvt_embed_refuse(-EINVAL, "info.thread is %u: the recorder has %u", info->thread,
                            recorder->thread_count);
  struct nvmetap_controller *controller = calloc(1, sizeof(*controller));
  if (controller == NULL)
    return nvt_embed_refuse(-ENOMEM, "out of memory");
  controller->recorder = recorder;
  controller->thread = &recorder->threads[info->thread];
  controller->who.controller = info->id;
  if (!enlist(recorder, controller)) {
    free(controller);
    return nvt_embed_refuse(-EEXIST, "info.id: there is a controller %u already", info->id);
  }
  error = tell(controller, info);
  if (error != 0) {
    delist(recorder, controller);
    free(controller);
    return error;
  }
  if (info->preamble != NULL) {
    controller->preamble = true;
    info->preamble(controller, info->ctx);
    controller->preamble = false;
  }
  *out = controller;
  return 0;
}

int nvmetap_update(struct nvmetap_controller *controller, const struct nvmetap_info *info) {
  if (controller == NULL)
    return 0;
  int error = check_info(info);
  return error == 0 ? tell(controller, info) : error;
}
