/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static const struct {
  uint32_t offset, size;
  const char *name;
  uint64_t fields; /* bits that aren't reserved */
} registers[] = {{NVT_REG_AQA, 4, "AQA", 0x0fff0fff},
                 {NVT_REG_ASQ, 8, "ASQ", ~UINT64_C(0xfff)},
                 {NVT_REG_ACQ, 8, "ACQ", ~UINT64_C(0xfff)}};
#define COUNT (sizeof(registers) / sizeof(registers[0]))

struct state {
  uint64_t value[COUNT];
  uint64_t written[COUNT]; /* record; 0: none that wrote all of it */
};

static void record(struct nvt_check_run *run) {
  bool write = run->record->header.type == NVT_REC_REG_WRITE;
  if (nvt_check_is_refused(run->record) || nvt_check_is_snapshot(run->record))
    return;
  for (unsigned i = 0; i < COUNT; i++) {
    uint64_t value;
    if (!nvt_check_touches(run->record, registers[i].offset, registers[i].size))
      continue;
    struct state *state = nvt_check_controller_state(run);
    bool whole = nvt_check_register(run->record, registers[i].offset, registers[i].size, &value);
    if (write) {
      state->written[i] = whole ? run->now.record : 0;
      state->value[i] = whole ? value : 0;
    } else if (whole && state->written[i] != 0 &&
               ((value ^ state->value[i]) & registers[i].fields) != 0) {
      nvt_check_report(run, state->written[i],
                       "%s reads as 0x%llx; it was written with 0x%llx in record %llu",
                       registers[i].name, (unsigned long long)value,
                       (unsigned long long)state->value[i], (unsigned long long)state->written[i]);
    }
  }
}

NVT_CHECK(register_reads_back_otherwise,
          .info = {.id = "register-reads-back-otherwise",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_BASE("3.1.4"),
                   .title = "AQA, ASQ or ACQ doesn't read as it was written"},
          .on = NVT_ON(REG_READ) | NVT_ON(REG_WRITE), .record = record,
          .controller_state = sizeof(struct state));
