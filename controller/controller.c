/* SPDX-License-Identifier: BSD-2-Clause */
/* Making and unmaking a controller; its namespaces; what it tells about itself. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/controller_int.h"
#include "controller/log.h"
#include "controller/sgl_int.h"
#include "controller/tap_int.h"
#include "nvme/identity.h"

#define DEFAULT_IO_QUEUES 64
#define DEFAULT_ENTRIES 1023
#define DEFAULT_MDTS 7
#define DEFAULT_VECTORS 65
#define TIMEOUT 20u /* CAP.TO: 10 s */

static const uint32_t no_taps[NVT_TAP_COUNT + 1];

/* Printable ASCII that fits, as Identify wants it. */
static bool text_set(char *to, size_t most, const char *from) {
  size_t len = strlen(from);
  if (len > most)
    return false;
  for (size_t i = 0; i < len; i++) {
    if (from[i] < 0x20 || from[i] > 0x7e)
      return false;
  }
  memcpy(to, from, len + 1);
  return true;
}

static int set_options(struct nvt_controller *c, const struct nvt_controller_options *o) {
  c->id = o->id;
  c->pci_address = o->pci_address;
  c->io_queues = o->io_queues != 0 ? o->io_queues : DEFAULT_IO_QUEUES;
  c->vectors = o->vectors != 0 ? o->vectors : DEFAULT_VECTORS;
  c->mdts = o->mdts != 0 ? o->mdts : DEFAULT_MDTS;
  c->sqe_shift = o->sqe_shift != 0 ? o->sqe_shift : 6;
  if (c->io_queues >= NVT_QUEUES_MAX || c->vectors > NVT_VECTORS_MAX || c->mdts > 11 ||
      c->sqe_shift < 6 || c->sqe_shift > 7)
    return -EINVAL;
  if (o->any_transfer)
    c->mdts = 0;
  c->sgl = o->sgl;
  char made[21];
  snprintf(made, sizeof(made), "NVT%08x%04x", (unsigned)getpid(), o->id);
  if (!text_set(c->serial, 20, o->serial != NULL ? o->serial : made) ||
      !text_set(c->model, 40, o->model != NULL ? o->model : "nvmetap NVMe controller") ||
      !text_set(c->firmware, 8, o->firmware != NULL ? o->firmware : "1.0"))
    return -EINVAL;
  nvt_identity_uuid(c->serial, c->uuid);
  snprintf(c->profile, sizeof(c->profile), "%s", o->profile != NULL ? o->profile : "");
  uint16_t entries = o->entries != 0 ? o->entries : DEFAULT_ENTRIES;
  c->cap = NVT_PUT(entries, CAP_MQES) | NVT_PUT(1, CAP_CQR) | NVT_PUT(TIMEOUT, CAP_TO) |
           NVT_PUT(1, CAP_NSSRS) | NVT_PUT(1, CAP_CSS) |
           NVT_PUT(o->any_transfer ? 0 : NVT_MPS_MAX, CAP_MPSMAX);
  /* A command has 65536 blocks at most. */
  c->max_transfer = o->any_transfer ? 65536ULL * 4096 : 1ULL << (12 + c->mdts);
  c->page_shift = 12;
  return 0;
}

static void pool_fill(struct pool *pool, struct request *all, uint32_t count) {
  pool->all = all;
  pool->count = count;
  for (uint32_t i = count; i-- > 0;) {
    all[i].next = pool->free;
    pool->free = &all[i];
  }
}

static int make_requests(struct nvt_controller *c) {
  const uint32_t count = NVT_ADMIN_REQUESTS + NVT_IO_REQUESTS;
  c->max_segments = (uint32_t)(c->max_transfer >> 12) + 1 + NVT_IOV_SLACK;
  if (c->max_segments < NVT_DSM_RANGES)
    c->max_segments = NVT_DSM_RANGES; /* io.c keeps a range list there */
  if (c->sgl && c->max_segments < NVT_SGL_DESCRIPTORS)
    c->max_segments = NVT_SGL_DESCRIPTORS;
  size_t each = c->max_segments * (sizeof(struct iovec) + sizeof(struct range));
  if (posix_memalign((void **)&c->requests, 64, count * sizeof(struct request)) != 0) {
    c->requests = NULL;
    return -ENOMEM;
  }
  memset(c->requests, 0, count * sizeof(struct request));
  /* Address space only: a page is taken when a command first needs that many segments. */
  c->arena_size = each * count;
  c->arena = mmap(NULL, c->arena_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (c->arena == MAP_FAILED) {
    c->arena = NULL;
    return -ENOMEM;
  }
  uint8_t *at = c->arena;
  for (uint32_t i = 0; i < count; i++) {
    struct request *r = &c->requests[i];
    r->c = c;
    r->index = i;
    r->large = (struct iovec *)(void *)at;
    at += c->max_segments * sizeof(struct iovec);
    r->ranges = (struct range *)(void *)at;
    at += c->max_segments * sizeof(struct range);
    r->io.user = r;
    r->io.done = nvt_io_done;
  }
  pool_fill(&c->admin_pool, c->requests, NVT_ADMIN_REQUESTS);
  pool_fill(&c->io_pool, c->requests + NVT_ADMIN_REQUESTS, NVT_IO_REQUESTS);
  return 0;
}

/* Address space, too: a page is taken when something is thrown away there. */
static int make_sgl_memory(struct nvt_controller *c) {
  if (!c->sgl)
    return 0;
  c->sgl_size = NVT_SGL_ROOM + c->max_transfer;
  c->sgl_room = mmap(NULL, c->sgl_size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (c->sgl_room == MAP_FAILED) {
    c->sgl_room = NULL;
    return -ENOMEM;
  }
  c->sink = c->sgl_room + NVT_SGL_ROOM;
  return 0;
}

int nvt_controller_create(const struct nvt_controller_options *options,
                          struct nvt_controller **out) {
  struct nvt_controller *c = NULL;
  if (posix_memalign((void **)&c, 64, sizeof(*c)) != 0)
    return -ENOMEM;
  memset(c, 0, sizeof(*c));
  c->plugins = options->plugins;
  c->counts = options->plugins != NULL ? nvt_tap_counts(options->plugins) : no_taps;
  c->deciders = options->plugins != NULL ? options->plugins->deciders : no_taps;
  int error = set_options(c, options);
  if (error == 0 && c->plugins != NULL) {
    int slot = nvt_host_add(c->plugins, c);
    c->slot = slot < 0 ? 0 : (unsigned)slot;
    error = slot < 0 ? slot : 0;
  }
  if (error == 0)
    error = make_requests(c);
  if (error == 0)
    error = make_sgl_memory(c);
  if (error != 0) {
    nvt_controller_destroy(c);
    return error;
  }
  if (options->port != NULL)
    c->port = *options->port;
  c->power_on_ms = nvt_now_ms();
  c->power_cycles = 1;
  nvt_msix_reset(c);
  nvt_pci_reset(c);
  nvt_features_reset(c);
  *out = c;
  return 0;
}

void nvt_controller_destroy(struct nvt_controller *c) {
  if (c == NULL)
    return;
  for (uint32_t i = 0; c->requests != NULL && i < NVT_ADMIN_REQUESTS + NVT_IO_REQUESTS; i++)
    c->requests[i].sq = NULL;
  if (c->plugins != NULL)
    nvt_host_remove(c->plugins, c);
  if (c->loop != NULL)
    nvt_backend_drain(c->loop);
  for (uint32_t i = 0; c->requests != NULL && i < NVT_ADMIN_REQUESTS + NVT_IO_REQUESTS; i++)
    free(c->requests[i].bounce);
  for (uint32_t i = 0; i < NVT_NAMESPACES_MAX; i++) {
    if (c->ns[i].ns != NULL)
      nvt_namespace_destroy(c->ns[i].ns);
  }
  nvt_backend_loop_destroy(c->loop);
  if (c->arena != NULL)
    munmap(c->arena, c->arena_size);
  if (c->sgl_room != NULL)
    munmap(c->sgl_room, c->sgl_size);
  free(c->requests);
  free(c->windows);
  free(c);
}

void nvt_controller_set_port(struct nvt_controller *c, const struct nvt_port_ops *port) {
  if (port != NULL)
    c->port = *port;
  else
    memset(&c->port, 0, sizeof(c->port));
  c->config[0x3d] = c->port.pin != NULL ? 1 : 0;
  c->pin_asserted = false;
  nvt_pin_update(c);
}

static void ns_changed(struct nvt_controller *c, uint16_t event, uint32_t nsid, uint64_t bytes) {
  nvt_event(c, event, 0, nsid, 0, bytes);
  nvt_changed_ns_add(c, nsid);
  nvt_enter(c);
  nvt_async_raise(c, ASYNC_NS_CHANGED);
  nvt_leave(c);
}

int nvt_controller_add_namespace(struct nvt_controller *c, const char *description, uint32_t *nsid,
                                 char *why, size_t whylen) {
  uint32_t i = 0;
  while (i < NVT_NAMESPACES_MAX && c->ns[i].ns != NULL)
    i++;
  if (i == NVT_NAMESPACES_MAX) {
    snprintf(why, whylen, "no more than %u namespaces can be had", NVT_NAMESPACES_MAX);
    return -ENOSPC;
  }
  struct name_space *ns = &c->ns[i];
  bool had_loop = c->loop != NULL;
  int error = nvt_namespace_create(description, &c->loop, &ns->ns, why, whylen);
  if (error == 0 && !had_loop && c->loop != NULL && c->plugins != NULL) {
    error = nvt_host_wakes(c->plugins, nvt_backend_event_fd(c->loop));
    if (error != 0) {
      snprintf(why, whylen, "waiting for its I/O: %s", strerror(-error));
      nvt_namespace_destroy(ns->ns);
    }
  }
  if (error != 0) {
    ns->ns = NULL;
    return error;
  }
  struct nvt_namespace_geometry geometry;
  nvt_namespace_geometry(ns->ns, &geometry);
  ns->blocks = geometry.blocks;
  ns->shift = (unsigned)__builtin_ctz(geometry.block_size);
  ns->asynchronous = geometry.asynchronous;
  ns->readonly = geometry.readonly;
  ns->forgets = geometry.forgets;
  ns->error_recovery = 0;
  if (i + 1 > c->nn)
    c->nn = i + 1;
  if (nsid != NULL)
    *nsid = i + 1;
  nvt_log(NVT_LOG_VERBOSE, "namespace %u added: %s", i + 1, description);
  ns_changed(c, EVENT_NS_ADDED, i + 1, ns->blocks << ns->shift);
  return 0;
}

int nvt_controller_remove_namespace(struct nvt_controller *c, uint32_t nsid) {
  if (nsid == 0 || nsid > NVT_NAMESPACES_MAX || c->ns[nsid - 1].ns == NULL)
    return -ENOENT;
  struct name_space *ns = &c->ns[nsid - 1];
  uint64_t bytes = ns->blocks << ns->shift;
  nvt_enter(c);
  if (c->loop != NULL)
    nvt_backend_drain(c->loop);
  nvt_namespace_destroy(ns->ns);
  memset(ns, 0, sizeof(*ns));
  nvt_leave(c);
  nvt_log(NVT_LOG_VERBOSE, "namespace %u removed", nsid);
  ns_changed(c, EVENT_NS_REMOVED, nsid, bytes);
  return 0;
}

int nvt_controller_resize_namespace(struct nvt_controller *c, uint32_t nsid, uint64_t bytes,
                                    char *why, size_t whylen) {
  if (nsid == 0 || nsid > NVT_NAMESPACES_MAX || c->ns[nsid - 1].ns == NULL) {
    snprintf(why, whylen, "there is no namespace %u", nsid);
    return -ENOENT;
  }
  struct name_space *ns = &c->ns[nsid - 1];
  uint64_t before = ns->blocks;
  nvt_enter(c);
  if (c->loop != NULL)
    nvt_backend_drain(c->loop);
  int error = nvt_namespace_resize(ns->ns, bytes, why, whylen);
  if (error == 0)
    ns->blocks = bytes >> ns->shift;
  nvt_leave(c);
  if (error == 0 && ns->blocks != before) {
    nvt_log(NVT_LOG_VERBOSE, "namespace %u resized to %" PRIu64 " bytes", nsid, bytes);
    ns_changed(c, EVENT_NS_RESIZED, nsid, bytes);
  }
  return error;
}

struct name_space *nvt_ns_get(struct nvt_controller *c, uint32_t nsid, nvt_status *status) {
  if (unlikely(nsid - 1 >= c->nn)) { /* 0 and FFFFFFFFh too */
    *status = NVT_SC_INVALID_NAMESPACE_OR_FORMAT;
    return NULL;
  }
  struct name_space *ns = &c->ns[nsid - 1];
  if (unlikely(ns->ns == NULL)) {
    *status = NVT_SC_INVALID_FIELD; /* Base 2.1, section 3.2.1.4: an inactive NSID */
    return NULL;
  }
  return ns;
}

void nvt_controller_attach(struct nvt_controller *c) {
  nvt_log(NVT_LOG_VERBOSE, "host attached");
  nvt_event(c, EVENT_ATTACH, 0, 0, 0, 0);
}

void nvt_controller_detach(struct nvt_controller *c) {
  nvt_log(NVT_LOG_VERBOSE, "host detached");
  nvt_event(c, EVENT_DETACH, 0, 0, 0, 0);
  nvt_controller_reset(c, NVT_RESET_DEVICE);
}

int nvt_controller_event_fd(const struct nvt_controller *c) {
  if (c->plugins != NULL)
    return c->plugins->epoll; /* the backend's, too: nvt_controller_add_namespace() */
  return c->loop != NULL ? nvt_backend_event_fd(c->loop) : -1;
}

unsigned nvt_controller_outstanding(const struct nvt_controller *c) {
  return c->outstanding;
}

void nvt_controller_info(const struct nvt_controller *c, struct nvt_controller_info *info) {
  *info = (struct nvt_controller_info){
      .id = c->id,
      .pci_address = c->pci_address,
      .serial = c->serial,
      .model = c->model,
      .firmware = c->firmware,
      .profile = c->profile,
      .cap = c->cap,
      .vs = NVT_VERSION,
      .vectors = c->vectors,
      .io_queues = c->io_queues,
      .mdts = c->mdts,
      .sgl = c->sgl,
      .shared_doorbells = c->shared != NULL,
      .epoch = c->epoch,
  };
}

bool nvt_controller_namespace(const struct nvt_controller *c, uint32_t i,
                              struct nvt_namespace_info *info) {
  for (uint32_t n = 0; n < c->nn; n++) {
    const struct name_space *ns = &c->ns[n];
    if (ns->ns == NULL || i-- != 0)
      continue;
    *info = (struct nvt_namespace_info){
        .nsid = n + 1,
        .blocks = ns->blocks,
        .block_size = 1u << ns->shift,
        .asynchronous = ns->asynchronous,
        .readonly = ns->readonly,
        .description = nvt_namespace_description(ns->ns),
    };
    return true;
  }
  return false;
}
