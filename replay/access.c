/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers, configuration space, MSI-X table, guest memory and events of the device. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nvme/names.h"
#include "nvme/pci.h"
#include "replay/differences.h"
#include "replay/engine_int.h"

#define FATAL_KEEP_ALIVE 4 /* code of a fatal event: the host let the keep alive time pass */

static bool is_doorbell(uint8_t space, uint64_t offset) {
  return space == NVT_V_access_space_BAR0 && offset >= NVT_REG_DOORBELLS;
}

static uint64_t low_bytes(uint64_t value, unsigned size) {
  return size < 8 ? value & ((UINT64_C(1) << (size * 8)) - 1) : value;
}

static bool plausible(struct nvt_engine *e, const struct nvt_rec_access *access, uint8_t space) {
  bool size_fits = access->size == 1 || access->size == 2 || access->size == 4 || access->size == 8;
  if (size_fits && space <= NVT_V_access_space_MSIX_PBA && access->offset % access->size == 0)
    return true;
  nvt_findings_number(&e->totals->findings, e->record, "access.size", access->size, 0, 0,
                      "an access of %u bytes at offset 0x%" PRIx64
                      " of space %u is none that a controller sees: not replayed",
                      access->size, access->offset, space);
  return false;
}

static const char *space_field(uint8_t space, bool flags) {
  static const char *const names[4][2] = {
      {"config.value", "config.refused"},
      {"register.value", "register.refused"},
      {"msix.value", "msix.refused"},
      {"pba.value", "pba.refused"},
  };
  return names[space][flags];
}

static void describe(char *text, size_t size, const struct nvt_rec_access *access, uint8_t space) {
  static const char *const names[4] = {"configuration space", "BAR0", "the MSI-X table",
                                       "the MSI-X pending bits"};
  const struct nvt_register_info *info =
      space == NVT_V_access_space_BAR0 ? nvt_register_at(access->offset) : NULL;
  if (info != NULL)
    snprintf(text, size, "%s (%u bytes at 0x%" PRIx64 ")", info->name, access->size,
             access->offset);
  else
    snprintf(text, size, "%s, %u bytes at 0x%" PRIx64, names[space], access->size, access->offset);
}

/* CSTS may be ahead of the recording between a write of CC and what it leads to. */
static bool csts_excused(struct nvt_engine *e, const struct nvt_rec_access *access, uint8_t space,
                         uint64_t differing) {
  if (space != NVT_V_access_space_BAR0 || access->offset > NVT_REG_CSTS ||
      access->offset + access->size < NVT_REG_CSTS + 4u)
    return false;
  uint64_t loose = (uint64_t)e->csts_loose << ((NVT_REG_CSTS - access->offset) * 8);
  if ((differing & ~loose) != 0)
    return false;
  nvt_engine_excuse(e, NVT_EXCEPTION_CSTS_TIMING);
  return true;
}

static bool pin_excused(struct nvt_engine *e, const struct nvt_rec_access *access, uint8_t space,
                        uint64_t differing) {
  if (!e->ops->outside || space != NVT_V_access_space_CONFIG ||
      access->offset > NVT_PCI_AT_HEADER_INTERRUPT_PIN ||
      NVT_PCI_AT_HEADER_INTERRUPT_PIN - access->offset >= access->size ||
      (differing & ~(UINT64_C(0xff) << (NVT_PCI_AT_HEADER_INTERRUPT_PIN - access->offset) * 8)) !=
          0)
    return false;
  nvt_engine_excuse(e, NVT_EXCEPTION_INTERRUPT_PIN);
  return true;
}

static bool model_excused(struct nvt_engine *e, const struct nvt_rec_access *access, uint8_t space,
                          uint64_t differing) {
  if (space != NVT_V_access_space_BAR0 ||
      (differing & ~nvt_difference_register(e->ops->name, access->offset, access->size)) != 0)
    return false;
  nvt_engine_excuse(e, NVT_EXCEPTION_MODEL);
  return true;
}

/* Not for the target, which has a configuration space of its own. */
static bool own_config(struct nvt_engine *e, uint8_t space) {
  if (!e->ops->own_config || space != NVT_V_access_space_CONFIG)
    return false;
  nvt_engine_excuse(e, NVT_EXCEPTION_OWN_CONFIG);
  return true;
}

static void compare_refusal(struct nvt_engine *e, const struct nvt_rec_access *access,
                            uint8_t space, uint8_t flags) {
  uint8_t was = access->access_flags & NVT_V_access_access_flags_REFUSED;
  uint8_t is = flags & NVT_V_access_access_flags_REFUSED;
  if (was == is)
    return;
  char what[64];
  describe(what, sizeof(what), access, space);
  nvt_findings_add(&e->totals->findings, e->record, space_field(space, true),
                   was ? "refused" : "taken", is ? "refused" : "taken",
                   "access to %s: the recorded controller %s it, the target %s it", what,
                   was ? "refused" : "took", is ? "refused" : "took");
}

void nvt_engine_read(struct nvt_engine *e, const struct nvt_record *record, uint8_t space) {
  const struct nvt_rec_access *access = &record->access;
  nvt_engine_stimulus(e);
  e->due_reset = 0;
  if (!plausible(e, access, space) || own_config(e, space))
    return;
  e->ops->flush_interrupts(e->target);
  bool otherwise = e->answered_otherwise;
  e->answered_otherwise = false;
  uint64_t was = low_bytes(access->value, access->size), is = 0;
  uint8_t flags = 0;
  for (unsigned attempt = 0; attempt < 2; attempt++) {
    int failed = e->ops->read(e->target, space, access->offset, access->size, &is, &flags);
    is = low_bytes(failed ? UINT64_MAX : is, access->size);
    if (is == was || e->blind || otherwise)
      break;
    /* The target may have left something for later that the recorded one had done. */
    if (attempt == 0 && !csts_excused(e, access, space, is ^ was))
      e->ops->settle(e->target);
    else
      break;
  }
  if (e->blind || (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0)
    return;
  nvt_engine_compared(e);
  compare_refusal(e, access, space, flags);
  if (otherwise)
    nvt_engine_excuse(e, NVT_EXCEPTION_PLUGIN);
  if (is == was || otherwise || csts_excused(e, access, space, is ^ was) ||
      pin_excused(e, access, space, is ^ was) || model_excused(e, access, space, is ^ was))
    return;
  char what[64];
  describe(what, sizeof(what), access, space);
  nvt_findings_number(&e->totals->findings, e->record, space_field(space, false), was, is,
                      access->size * 2, "read of %s gave another value", what);
}

static void note_registers(struct nvt_engine *e, const struct nvt_rec_access *access) {
  if (access->offset >= sizeof(e->registers) ||
      sizeof(e->registers) - access->offset < access->size)
    return;
  uint32_t before, after;
  memcpy(&before, e->registers + NVT_REG_CC, sizeof(before));
  memcpy(e->registers + access->offset, &access->value, access->size);
  memcpy(&after, e->registers + NVT_REG_CC, sizeof(after));
  bool was = NVT_GET(before, CC_EN) != 0, is = NVT_GET(after, CC_EN) != 0;
  if (access->offset == NVT_REG_NSSR && access->value == NVT_NSSR_RESET)
    e->due_reset = NVT_V_event_event_SUBSYSTEM_RESET;
  if (was != is)
    e->csts_loose |= (uint32_t)NVT_PUT(1, CSTS_RDY);
  if (NVT_GET(before, CC_SHN) != NVT_GET(after, CC_SHN))
    e->csts_loose |= (uint32_t)NVT_PUT(3, CSTS_SHST);
  if (was && !is)
    e->due_reset = NVT_V_event_event_CONTROLLER_RESET;
  if (!was && is) {
    uint64_t asq;
    uint32_t aqa;
    memcpy(&asq, e->registers + NVT_REG_ASQ, sizeof(asq));
    memcpy(&aqa, e->registers + NVT_REG_AQA, sizeof(aqa));
    e->queues[0] = (struct submission_queue){.base = asq & ~UINT64_C(0xfff),
                                             .entries = (uint32_t)NVT_GET(aqa, AQA_ASQS) + 1,
                                             .shift = 6};
    nvt_engine_need_memory(e, asq);
    memcpy(&asq, e->registers + NVT_REG_ACQ, sizeof(asq));
    nvt_engine_need_memory(e, asq);
  }
}

void nvt_engine_write(struct nvt_engine *e, const struct nvt_record *record, uint8_t space) {
  const struct nvt_rec_access *access = &record->access;
  bool polled = (access->access_flags & NVT_V_access_access_flags_POLLED) != 0;
  nvt_engine_stimulus(e);
  e->due_reset = 0;
  if (!plausible(e, access, space) || own_config(e, space))
    return;
  /* Without knowing the queues a doorbell would set the target off on its own. */
  if (e->blind && is_doorbell(space, access->offset))
    return;
  /* The recorded controller had sent what it owed before it came to take an access;
   * what it polls it may see in between. */
  if (!polled)
    e->ops->flush_interrupts(e->target);
  if (nvt_engine_write_dropped(e)) {
    nvt_engine_excuse(e, NVT_EXCEPTION_PLUGIN);
    return;
  }
  if (space == NVT_V_access_space_BAR0)
    note_registers(e, access);
  else if (space == NVT_V_access_space_CONFIG)
    e->due_reset = NVT_V_event_event_FUNCTION_RESET;
  uint8_t flags = 0;
  int failed = e->ops->write(e->target, space, access->offset, access->size, access->value, &flags);
  if (failed)
    flags = NVT_V_access_access_flags_REFUSED;
  if (e->blind || (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0)
    return;
  if (!polled) {
    nvt_engine_compared(e);
    compare_refusal(e, access, space, flags);
  }
}

static void map(struct nvt_engine *e, const struct nvt_record *record) {
  const struct nvt_rec_event *event = &record->event;
  bool snapshot = (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
  e->maps_seen = true;
  if (e->maps_made && e->ops->dma_unmap(e->target, 0, UINT64_MAX) == 0)
    nvt_memory_unmap(e->memory, 0, UINT64_MAX);
  e->maps_made = false;
  struct nvt_memory_place place;
  int failed = nvt_memory_map(e->memory, event->address, event->size, &place);
  if (failed == 0) {
    failed = e->ops->dma_map(e->target, event->address, event->size, &place, (event->code & 1) != 0,
                             (event->code & 2) != 0);
    if (failed)
      nvt_memory_unmap(e->memory, event->address, event->size);
  }
  if (failed == 0 || (failed == -EEXIST && snapshot)) /* from before tracing was stopped */
    return;
  nvt_findings_number(&e->totals->findings, e->record, "event.size", event->size, 0, 0,
                      "guest memory at 0x%" PRIx64 " can't be made: %s", event->address,
                      failed == -E2BIG    ? "more than 16 TiB or 8192 windows in all"
                      : failed == -EEXIST ? "it overlaps memory that is there"
                                          : strerror(-failed));
}

static void unmap(struct nvt_engine *e, const struct nvt_rec_event *event) {
  /* First the target, which may still look at it. */
  if (e->ops->dma_unmap(e->target, event->address, event->size) == 0) {
    nvt_memory_unmap(e->memory, event->address, event->size);
    return;
  }
  nvt_findings_number(&e->totals->findings, e->record, "event.size", event->size, 0, 0,
                      "guest memory at 0x%" PRIx64
                      " can't be removed: no window lies wholly in that range, or one is split",
                      event->address);
}

static void compare_event(struct nvt_engine *e, const struct nvt_rec_event *was,
                          const struct nvt_rec_event *is) {
  struct {
    const char *field;
    uint64_t was, is;
  } fields[] = {{"event.qid", was->qid, is->qid},
                {"event.code", was->code, is->code},
                {"event.address", was->address, is->address},
                {"event.size", was->size, is->size}};
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
    if (fields[i].was != fields[i].is && e->ops->outside)
      nvt_engine_excuse(e, NVT_EXCEPTION_UNSEEN);
    else if (fields[i].was != fields[i].is)
      nvt_findings_number(&e->totals->findings, e->record, fields[i].field, fields[i].was,
                          fields[i].is, 1, "event %u differs", was->event);
}

static void answered(struct nvt_engine *e, const struct nvt_rec_event *event) {
  if (e->blind)
    return;
  nvt_engine_compared(e);
  struct answer *answer = nvt_engine_take_event(e, event->event);
  if (answer == NULL) {
    e->ops->settle(e->target);
    answer = nvt_engine_take_event(e, event->event);
  }
  if (answer == NULL && event->event == NVT_V_event_event_DMA_FAULT) {
    /* An entry that couldn't be fetched is no command: nothing else makes the target try. */
    e->ops->step(e->target, event->qid);
    answer = nvt_engine_take_event(e, event->event);
  }
  if (answer == NULL && e->restored && e->record == e->begun)
    nvt_engine_excuse(e, NVT_EXCEPTION_EARLIER); /* its cause stands before the trace */
  else if (answer == NULL)
    nvt_findings_number(&e->totals->findings, e->record, "event", event->event, 0, 0,
                        "the recorded controller told of event %u, the target didn't",
                        event->event);
  else
    compare_event(e, event, &answer->event);
}

static void reset(struct nvt_engine *e, const struct nvt_rec_event *event) {
  e->csts_loose = 0;
  e->taken_over = false;
  struct answer *answer = nvt_engine_take_event(e, event->event);
  if (answer == NULL && e->due_reset != event->event)
    e->due_reset = 0;
  if (answer == NULL && (e->due_reset == 0 || e->blind)) {
    /* Not by a register: the virtual machine monitor asked for it. */
    nvt_engine_stimulus(e);
    e->ops->happen(e->target, event);
    answer = nvt_engine_take_event(e, event->event);
  }
  if (answer == NULL && !e->blind) {
    answered(e, event);
    return;
  }
  if (!e->blind && answer != NULL) {
    nvt_engine_compared(e);
    compare_event(e, event, &answer->event);
    nvt_engine_report_extra(e, answer);
  }
  if (e->blind) {
    nvt_engine_forget_answers(e);
    nvt_engine_forget_commands(e);
    e->blind = false;
    e->untold.field = NULL;
  }
}

void nvt_engine_event(struct nvt_engine *e, const struct nvt_record *record) {
  const struct nvt_rec_event *event = &record->event;
  switch (event->event) {
  case NVT_V_event_event_DMA_MAP:
    map(e, record);
    break;
  case NVT_V_event_event_DMA_UNMAP:
    unmap(e, event);
    break;
  case NVT_V_event_event_ATTACH:
  case NVT_V_event_event_DETACH:
  case NVT_V_event_event_IRQ_SETUP:
  case NVT_V_event_event_NS_ADDED:
  case NVT_V_event_event_NS_REMOVED:
  case NVT_V_event_event_NS_RESIZED: {
    nvt_engine_stimulus(e);
    e->ops->flush_interrupts(e->target);
    int failed = event->event == NVT_V_event_event_NS_ADDED
                     ? nvt_engine_add_namespace(e, record->header.controller, event)
                 : event->event == NVT_V_event_event_NS_RESIZED
                     ? nvt_engine_resize_namespace(e, event)
                     : e->ops->happen(e->target, event);
    if (failed)
      nvt_findings_number(&e->totals->findings, e->record, "event", event->event, 0, 0,
                          "event %u can't be replayed into this target: %s", event->event,
                          strerror(-failed));
    break;
  }
  case NVT_V_event_event_CONTROLLER_RESET:
  case NVT_V_event_event_FUNCTION_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
  case NVT_V_event_event_DEVICE_RESET:
    reset(e, event);
    break;
  case NVT_V_event_event_READY:
    e->csts_loose &= ~(uint32_t)NVT_PUT(1, CSTS_RDY);
    answered(e, event);
    break;
  case NVT_V_event_event_SHUTDOWN:
    e->csts_loose &= ~(uint32_t)NVT_PUT(3, CSTS_SHST);
    answered(e, event);
    break;
  case NVT_V_event_event_FATAL:
    if (event->code == FATAL_KEEP_ALIVE && !e->blind) {
      nvt_engine_excuse(e, NVT_EXCEPTION_KEEP_ALIVE);
      nvt_engine_forget_answers(e);
      e->blind = true;
      break;
    }
    nvt_engine_inject(e, NVT_V_verdict_tap_DEVICE_EVENT, record);
    answered(e, event);
    break;
  case NVT_V_event_event_REMOVED:
  case NVT_V_event_event_RETURNED:
    nvt_engine_stimulus(e);
    nvt_engine_inject(e, NVT_V_verdict_tap_DEVICE_EVENT, record);
    break;
  case NVT_V_event_event_DMA_FAULT:
  case NVT_V_event_event_DOORBELL_FAULT:
    if (e->ops->outside)
      nvt_engine_excuse(e, NVT_EXCEPTION_UNSEEN);
    else
      answered(e, event);
    break;
  case NVT_V_event_event_TRACE_STOPPED:
    nvt_engine_tracing_stopped(e);
    break;
  default: /* migration, and what a later version knows: nothing that a target does */
    break;
  }
}
