/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/msix.h"

#include <string.h>

/* Message Control's upper byte. */
#define CONTROL_HIGH 3u
#define CONTROL_ENABLE 0x80u
#define CONTROL_MASK 0x40u

bool nvt_msix_concerns(const struct nvt_record *record) {
  switch (record->header.type) {
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    return (record->access.access_flags & NVT_V_access_access_flags_REFUSED) == 0;
  case NVT_REC_INTERRUPT:
    /* One of a snapshot says which completions it covered, long ago. */
    return record->interrupt.mode == NVT_V_interrupt_mode_MSIX &&
           (record->header.flags & NVT_V_header_flags_SNAPSHOT) == 0;
  case NVT_REC_EVENT:
    return true;
  default:
    return false;
  }
}

static void set_control(struct nvt_msix *msix, bool enabled, bool function_masked) {
  if (msix->control_known && msix->enabled == enabled && msix->function_masked == function_masked)
    return;
  msix->control_known = true;
  msix->enabled = enabled;
  msix->function_masked = function_masked;
  msix->changes++;
}

static struct nvt_msix_word *word_of(struct nvt_msix *msix, uint64_t vector) {
  if (vector >= NVT_MSIX_VECTORS)
    return NULL;
  uint16_t at = (uint16_t)(vector / 32);
  if (msix->words_used <= at)
    msix->words_used = (uint16_t)(at + 1);
  return &msix->words[at];
}

static void set_bit(struct nvt_msix *msix, uint32_t *bits, uint64_t vector, bool set) {
  uint32_t bit = UINT32_C(1) << vector % 32;
  uint32_t now = set ? *bits | bit : *bits & ~bit;
  msix->changes += now != *bits;
  *bits = now;
}

static void set_masked(struct nvt_msix *msix, uint64_t vector, bool masked) {
  struct nvt_msix_word *word = word_of(msix, vector);
  if (word == NULL)
    return;
  set_bit(msix, &word->known, vector, true);
  set_bit(msix, &word->masked, vector, masked);
}

static void set_pending(struct nvt_msix *msix, uint64_t vector, bool pending) {
  struct nvt_msix_word *word = word_of(msix, vector);
  if (word != NULL)
    set_bit(msix, &word->pending, vector, pending);
}

static void follow_config(struct nvt_msix *msix, const struct nvt_config_space *space,
                          const struct nvt_rec_access *access) {
  if (space == NULL || access->space != NVT_V_access_space_CONFIG || access->size > 8)
    return;
  for (uint32_t i = 0; i < space->count; i++) {
    const struct nvt_config_capability *one = &space->capabilities[i];
    unsigned at = one->offset + CONTROL_HIGH;
    if (one->extended || one->number != NVT_PCI_NUMBER_MSIX || access->offset > at ||
        at - access->offset >= access->size)
      continue;
    uint8_t high = (uint8_t)(access->value >> 8 * (at - access->offset));
    set_control(msix, (high & CONTROL_ENABLE) != 0, (high & CONTROL_MASK) != 0);
    return;
  }
}

static void follow_table(struct nvt_msix *msix, const struct nvt_rec_access *access) {
  if (access->offset % 4 != 0 || access->offset >= NVT_MSIX_VECTORS * NVT_MSIX_ENTRY_SIZE)
    return;
  for (unsigned i = 0; i < access->size && i < 8; i += 4) {
    uint64_t at = access->offset + i;
    if (at % NVT_MSIX_ENTRY_SIZE / 4 == NVT_MSIX_CONTROL)
      set_masked(msix, at / NVT_MSIX_ENTRY_SIZE, (access->value >> 8 * i & 1) != 0);
  }
}

static void follow_pending(struct nvt_msix *msix, const struct nvt_rec_access *access) {
  if (access->offset >= NVT_MSIX_VECTORS / 8)
    return;
  for (unsigned bit = 0; bit < access->size * 8u && bit < 64; bit++)
    set_pending(msix, access->offset * 8 + bit, (access->value >> bit & 1) != 0);
}

static void follow_interrupt(struct nvt_msix *msix, const struct nvt_rec_interrupt *interrupt) {
  switch (interrupt->state) {
  case NVT_V_interrupt_state_SENT:
    set_control(msix, true, false);
    set_pending(msix, interrupt->vector, false);
    break;
  case NVT_V_interrupt_state_MASKED:
    set_control(msix, true, msix->control_known && msix->function_masked);
    set_pending(msix, interrupt->vector, true);
    break;
  default:
    break;
  }
}

static void clear_pending(struct nvt_msix *msix) {
  for (unsigned i = 0; i < msix->words_used; i++) {
    msix->changes += msix->words[i].pending != 0;
    msix->words[i].pending = 0;
  }
}

void nvt_msix_forget(struct nvt_msix *msix) {
  uint32_t changes = msix->changes;
  memset(msix, 0, sizeof(*msix));
  msix->changes = changes + 1;
}

static void follow_event(struct nvt_msix *msix, unsigned event) {
  switch (event) {
  case NVT_V_event_event_CONTROLLER_RESET:
    clear_pending(msix);
    break;
  case NVT_V_event_event_FUNCTION_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
  case NVT_V_event_event_DEVICE_RESET:
    nvt_msix_forget(msix);
    set_control(msix, false, false);
    break;
  default:
    if (nvt_event_breaks(event))
      nvt_msix_forget(msix);
    break;
  }
}

void nvt_msix_record(struct nvt_msix *msix, const struct nvt_config_space *space,
                     const struct nvt_record *record) {
  if (!nvt_msix_concerns(record))
    return;
  switch (record->header.type) {
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
    follow_config(msix, space, &record->access);
    break;
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    if (record->access.space == NVT_V_access_space_MSIX_TABLE)
      follow_table(msix, &record->access);
    else if (record->access.space == NVT_V_access_space_MSIX_PBA &&
             record->header.type == NVT_REC_MSIX_READ)
      follow_pending(msix, &record->access);
    break;
  case NVT_REC_INTERRUPT:
    follow_interrupt(msix, &record->interrupt);
    break;
  case NVT_REC_EVENT:
    follow_event(msix, record->event.event);
    break;
  default:
    break;
  }
}
