/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

#define VECTORS 64u /* that are looked at */
#define PARTS 3u    /* address, upper address, data: a dword each */

struct state {
  uint32_t part[VECTORS][PARTS];
  uint8_t known[VECTORS];    /* a bit for each part */
  uint64_t written[VECTORS]; /* record of the last write */
};

static void written(struct state *state, const struct nvt_check_run *run) {
  const struct nvt_rec_access *access = &run->record->access;
  if (access->space != NVT_V_access_space_MSIX_TABLE || access->offset % 4 != 0)
    return;
  for (uint64_t i = 0; i < access->size / 4u && i < 2; i++) {
    uint64_t vector = (access->offset + 4 * i) / 16;
    uint64_t part = (access->offset + 4 * i) / 4 % 4;
    if (vector >= VECTORS || part >= PARTS)
      continue;
    state->part[vector][part] = (uint32_t)(access->value >> 32 * i);
    if (part == 0) /* bits 1:0 are none of it: PCIe 6.0, section 7.7.2.5 */
      state->part[vector][part] &= ~3u;
    state->known[vector] |= (uint8_t)(1u << part);
    state->written[vector] = run->now.record;
  }
}

static void record(struct nvt_check_run *run) {
  struct state *state = nvt_check_controller_state(run);
  if (run->record->header.type == NVT_REC_MSIX_WRITE) {
    written(state, run);
    return;
  }
  const struct nvt_rec_interrupt *message = &run->record->interrupt;
  uint16_t vector = message->vector;
  /* Address 0: the virtual machine monitor has the table. */
  if (message->state != NVT_V_interrupt_state_SENT || message->mode != NVT_V_interrupt_mode_MSIX ||
      message->address == 0 || vector >= VECTORS || state->known[vector] != (1u << PARTS) - 1)
    return;
  uint64_t address = state->part[vector][0] | (uint64_t)state->part[vector][1] << 32;
  if (address != (message->address & ~UINT64_C(3)) || state->part[vector][2] != message->data)
    nvt_check_report(
        run, state->written[vector],
        "the message of vector %u goes to 0x%llx with data 0x%08x; the table was written "
        "to say 0x%llx and 0x%08x",
        vector, (unsigned long long)message->address, message->data, (unsigned long long)address,
        state->part[vector][2]);
}

NVT_CHECK(stale_interrupt_message,
          .info = {.id = "stale-interrupt-message",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_PCIE("3.5"),
                   .title = "an interrupt message isn't what the MSI-X table was written to say"},
          .on = NVT_ON(MSIX_WRITE) | NVT_ON(INTERRUPT), .record = record,
          .controller_state = sizeof(struct state));
