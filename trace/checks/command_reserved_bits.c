/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

/* Bits of a dword that have a field in nvme/commands.def; all, where no field is in it: the table
 * may not know the dword. */
static uint32_t defined(enum nvt_opcode_set set, uint8_t opcode, unsigned dword) {
  size_t count;
  const struct nvt_command_field *fields = nvt_command_fields(&count);
  uint64_t mask = 0;
  for (size_t i = 0; i < count; i++) {
    const struct nvt_command_field *field = &fields[i];
    if (field->set != set || field->opcode != opcode)
      continue;
    uint64_t bits = ~0ull >> (64 - field->width);
    if (field->dword == dword)
      mask |= bits << field->lsb;
    else if (field->dword + 1u == dword)
      mask |= field->lsb + field->width > 32 ? bits >> (32 - field->lsb) : 0;
  }
  return mask != 0 ? (uint32_t)mask : UINT32_MAX;
}

static uint32_t reserved_bits(enum nvt_opcode_set set, const struct nvt_sqe *sqe, unsigned dword) {
  static uint32_t known[NVT_SET_COUNT][256][6]; /* what isn't reserved, inverted: 0 is all */
  static bool made[NVT_SET_COUNT][256];
  const uint32_t value[] = {sqe->cdw10, sqe->cdw11, sqe->cdw12, sqe->cdw13, sqe->cdw14, sqe->cdw15};
  if (!made[set][sqe->opcode]) {
    for (unsigned i = 0; i < 6; i++)
      known[set][sqe->opcode][i] = ~defined(set, sqe->opcode, 10 + i);
    made[set][sqe->opcode] = true;
  }
  return value[dword - 10] & known[set][sqe->opcode][dword - 10];
}

/* A host that talks to the drive by its vendor's means sets what the vendor wants set. */
struct state {
  bool vendors;
};

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || run->view->set >= NVT_SET_COUNT)
    return;
  const struct nvt_sqe *sqe = &exchange->sqe;
  struct state *state = nvt_check_controller_state(run);
  state->vendors |= exchange->sqid == 0 && sqe->opcode >= 0xc0;
  if (state->vendors)
    return;
  char name[64];
  if ((sqe->flags & 0x3c) != 0 || NVT_SQE_FUSE(sqe->flags) == 3) {
    nvt_check_opcode(exchange, name, sizeof(name));
    nvt_check_report(run, 0, "%s on SQ %u: byte 1 of the entry is 0x%02x, with reserved bits set",
                     name, exchange->sqid, sqe->flags);
  }
  for (unsigned dword = 10; dword <= 15; dword++) {
    uint32_t reserved = reserved_bits(run->view->set, sqe, dword);
    if (reserved == 0)
      continue;
    nvt_check_opcode(exchange, name, sizeof(name));
    nvt_check_report(run, 0, "%s on SQ %u: reserved bits 0x%08x of dword %u are set", name,
                     exchange->sqid, reserved, dword);
  }
}

NVT_CHECK(command_reserved_bits,
          .info = {.id = "command-reserved-bits",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_BASE("4.1"),
                   .title = "a command has reserved bits set"},
          .on = NVT_ON(COMMAND), .record = record, .controller_state = sizeof(struct state));
