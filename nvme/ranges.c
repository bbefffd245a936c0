/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/ranges.h"

#include <string.h>

#include "nvme/commands.h"

/* Made before main: asked of each command. */
static uint8_t kinds[256];

/* Where nvt_command_range() looks for it. */
static bool is_at(const struct nvt_command_field *row, const char *id, unsigned dword,
                  unsigned width) {
  return strcmp(row->id, id) == 0 && row->dword == dword && row->lsb == 0 && row->width == width;
}

static __attribute__((constructor)) void know_kinds(void) {
  enum { FIRST = 1, NUMBER = 2, ELSEWHERE = 4 };
  size_t count;
  const struct nvt_command_field *rows = nvt_command_fields(&count);
  for (size_t i = 0; i < count; i++) {
    const struct nvt_command_field *row = &rows[i];
    if (row->set != NVT_SET_NVM)
      continue;
    if (is_at(row, "SLBA", 10, 64))
      kinds[row->opcode] |= FIRST;
    if (is_at(row, "NLB", 12, 16))
      kinds[row->opcode] |= NUMBER;
    if (row->format == NVT_FORMAT_SLBA || strcmp(row->id, "NR") == 0)
      kinds[row->opcode] |= ELSEWHERE;
  }
  for (unsigned opcode = 0; opcode < 256; opcode++)
    kinds[opcode] = (kinds[opcode] & (FIRST | NUMBER)) == (FIRST | NUMBER) ? NVT_RANGE_ENTRY
                    : (kinds[opcode] & ELSEWHERE) != 0                     ? NVT_RANGE_ELSEWHERE
                                                                           : NVT_RANGE_NONE;
}

enum nvt_command_range nvt_command_range_of(enum nvt_opcode_set set, uint8_t opcode) {
  return set == NVT_SET_NVM ? (enum nvt_command_range)kinds[opcode] : NVT_RANGE_NONE;
}
