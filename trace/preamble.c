/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/preamble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/preamble_int.h"

int nvt_preamble_create(const struct nvt_session *session, struct nvt_preamble **out) {
  struct nvt_preamble *preamble = calloc(1, sizeof(*preamble));
  if (preamble == NULL)
    return -ENOMEM;
  preamble->session = session;
  nvt_map_init(&preamble->controllers, session->controllers.seed);
  *out = preamble;
  return 0;
}

void nvt_preamble_destroy(struct nvt_preamble *preamble) {
  if (preamble == NULL)
    return;
  for (size_t i = 0; i < preamble->controllers.size; i++) {
    struct nvt_preamble_controller *controller = preamble->controllers.slots[i].value;
    if (controller == NULL)
      continue;
    free(controller->meta);
    free(controller->maps);
    free(controller->table);
    free(controller);
  }
  nvt_map_free(&preamble->controllers);
  free(preamble);
}

static int keep_meta(struct nvt_preamble *preamble, struct nvt_preamble_controller *controller,
                     const struct nvt_record *record, const uint8_t *bytes) {
  preamble->meta_bytes -= controller->meta_captured;
  free(controller->meta);
  controller->meta = NULL;
  controller->meta_captured = 0;
  if (record->captured > NVT_PREAMBLE_META_MAX - preamble->meta_bytes)
    return 0;
  controller->meta = malloc(record->captured);
  if (controller->meta == NULL)
    return -ENOMEM;
  memcpy(controller->meta, bytes, record->captured);
  controller->meta_captured = record->captured;
  preamble->meta_bytes += record->captured;
  return 0;
}

/* --- events --- */

static int keep_map(struct nvt_preamble_controller *controller, const struct nvt_rec_event *event) {
  if (controller->map_count >= NVT_PREAMBLE_MAPS_MAX)
    return 0;
  if (controller->map_count == controller->map_space) {
    size_t space = controller->map_space != 0 ? controller->map_space * 2 : 16;
    struct nvt_rec_event *bigger = reallocarray(controller->maps, space, sizeof(*bigger));
    if (bigger == NULL)
      return -ENOMEM;
    controller->maps = bigger;
    controller->map_space = space;
  }
  controller->maps[controller->map_count++] = *event;
  return 0;
}

static uint64_t last_byte(const struct nvt_rec_event *event) {
  uint64_t last;
  return __builtin_add_overflow(event->address, event->size - 1, &last) ? UINT64_MAX : last;
}

static void forget_maps(struct nvt_preamble_controller *controller,
                        const struct nvt_rec_event *event) {
  size_t kept = 0;
  for (size_t i = 0; i < controller->map_count; i++) {
    const struct nvt_rec_event *map = &controller->maps[i];
    bool gone = event->size != 0 && map->address >= event->address && map->size != 0 &&
                last_byte(map) <= last_byte(event);
    if (!gone)
      controller->maps[kept++] = *map;
  }
  controller->map_count = kept;
}

static void keep_setup(struct nvt_preamble_controller *controller,
                       const struct nvt_rec_event *event) {
  unsigned kept = 0;
  for (unsigned i = 0; i < controller->setup_count; i++) {
    const struct nvt_rec_event *old = &controller->setups[i];
    if (old->code != event->code || old->address != event->address || old->size != event->size)
      controller->setups[kept++] = *old;
  }
  if (kept < NVT_PREAMBLE_SETUPS_MAX)
    controller->setups[kept++] = *event;
  controller->setup_count = kept;
}

static void forget_function(struct nvt_preamble *preamble,
                            struct nvt_preamble_controller *controller) {
  controller->write_count = 0;
  preamble->tables -= controller->table != NULL;
  free(controller->table);
  controller->table = NULL;
}

static int follow_event(struct nvt_preamble *preamble, struct nvt_preamble_controller *controller,
                        const struct nvt_rec_event *event) {
  switch (event->event) {
  case NVT_V_event_event_ATTACH:
  case NVT_V_event_event_DETACH:
    controller->attached = event->event == NVT_V_event_event_ATTACH;
    controller->setup_count = 0;
    forget_function(preamble, controller);
    return 0;
  case NVT_V_event_event_DMA_MAP:
    return keep_map(controller, event);
  case NVT_V_event_event_DMA_UNMAP:
    forget_maps(controller, event);
    return 0;
  case NVT_V_event_event_IRQ_SETUP:
    keep_setup(controller, event);
    return 0;
  case NVT_V_event_event_FUNCTION_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
  case NVT_V_event_event_DEVICE_RESET:
    forget_function(preamble, controller);
    return 0;
  default:
    if (nvt_event_breaks(event->event))
      forget_function(preamble, controller);
    return 0;
  }
}

/* --- accesses --- */

static void keep_write(struct nvt_preamble_controller *controller,
                       const struct nvt_rec_access *access) {
  unsigned kept = 0;
  for (unsigned i = 0; i < controller->write_count; i++) {
    const struct nvt_rec_access *old = &controller->writes[i];
    if (old->offset != access->offset || old->size != access->size)
      controller->writes[kept++] = *old;
  }
  if (kept < NVT_PREAMBLE_WRITES_MAX)
    controller->writes[kept++] = *access;
  controller->write_count = kept;
}

static void keep_entry(struct nvt_preamble *preamble, struct nvt_preamble_controller *controller,
                       const struct nvt_rec_access *access) {
  if (access->space != NVT_V_access_space_MSIX_TABLE || access->offset % 4 != 0 ||
      access->offset >= NVT_MSIX_VECTORS * NVT_MSIX_ENTRY_SIZE)
    return;
  if (controller->table == NULL && preamble->tables < NVT_PREAMBLE_TABLES_MAX) {
    controller->table = calloc(1, sizeof(*controller->table));
    preamble->tables += controller->table != NULL;
  }
  struct nvt_preamble_table *table = controller->table;
  for (unsigned i = 0; table != NULL && i + 4 <= access->size && i < 8; i += 4) {
    size_t at = access->offset / 4 + i / 4;
    if (at >= sizeof(table->dwords) / sizeof(table->dwords[0]))
      return;
    table->dwords[at] = (uint32_t)(access->value >> 8 * i);
    table->known[at / 8] |= (uint8_t)(1u << at % 8);
  }
}

static struct nvt_preamble_controller *controller_of(struct nvt_preamble *preamble, uint16_t id) {
  struct nvt_map_slot *slot = nvt_map_get(&preamble->controllers, id);
  if (slot != NULL && slot->value == NULL)
    slot->value = calloc(1, sizeof(struct nvt_preamble_controller));
  return slot != NULL ? slot->value : NULL;
}

/* docs/trace-format.md, "verdict": of reads, and of what a plug-in caused. */
static bool is_on_next(const struct nvt_rec_verdict *verdict) {
  bool read = verdict->tap == NVT_V_verdict_tap_PCI_REGREAD ||
              verdict->tap == NVT_V_verdict_tap_REGREAD ||
              verdict->tap == NVT_V_verdict_tap_MSIXREAD;
  return verdict->verdict == NVT_V_verdict_verdict_INJECTED ||
         (verdict->verdict == NVT_V_verdict_verdict_CHANGED && read);
}

int nvt_preamble_record(struct nvt_preamble *preamble, const struct nvt_record *record,
                        const uint8_t *bytes) {
  unsigned type = record->header.type;
  preamble->foretold = type == NVT_REC_VERDICT && is_on_next(&record->verdict);
  if (preamble->foretold) {
    preamble->foretold_controller = record->header.controller;
    preamble->foretold_ns = record->time_ns;
    preamble->verdict = record->verdict;
  }
  bool access =
      type == NVT_REC_CONFIG_WRITE || type == NVT_REC_MSIX_WRITE || type == NVT_REC_MSIX_READ;
  if (type != NVT_REC_META && type != NVT_REC_EVENT && !access)
    return 0;
  if (access && (record->access.access_flags & NVT_V_access_access_flags_REFUSED) != 0)
    return 0;
  struct nvt_preamble_controller *controller = controller_of(preamble, record->header.controller);
  if (controller == NULL)
    return -ENOMEM;
  switch (type) {
  case NVT_REC_META:
    return keep_meta(preamble, controller, record, bytes);
  case NVT_REC_EVENT:
    return follow_event(preamble, controller, &record->event);
  case NVT_REC_CONFIG_WRITE:
    keep_write(controller, &record->access);
    return 0;
  default:
    keep_entry(preamble, controller, &record->access);
    return 0;
  }
}
