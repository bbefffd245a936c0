/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/fault/match.h"

#include <string.h>

#include "nvme/names.h"
#include "plugin.h"

/* Do commands of this opcode have blocks, where all that have any have them (dwords 10 and 11
 * the first, 15:0 of dword 12 their number)? Asked of nvme/commands.def once: this is the I/O path.
 */
static bool has_blocks(uint8_t opcode) {
  static bool first[256], number[256], looked;
  if (!looked) {
    size_t count;
    const struct nvt_command_field *fields = nvt_command_fields(&count);
    for (const struct nvt_command_field *field = fields; field < fields + count; field++) {
      if (field->set != NVT_SET_NVM || field->lsb != 0)
        continue;
      if (strcmp(field->id, "SLBA") == 0)
        first[field->opcode] = field->dword == 10 && field->width == 64;
      if (strcmp(field->id, "NLB") == 0)
        number[field->opcode] = field->dword == 12 && field->width == 16;
    }
    looked = true;
  }
  return first[opcode] && number[opcode];
}

static bool matches_blocks(const struct fault_match *match, const struct nvme_command *command) {
  if (!has_blocks(command->opc))
    return false;
  uint64_t first = (uint64_t)command->cdw11 << 32 | command->cdw10;
  uint32_t blocks = (command->cdw12 & 0xffff) + 1; /* zero-based */
  if (match->by_size && (blocks < match->size[0] || blocks > match->size[1]))
    return false;
  uint64_t last = first > UINT64_MAX - (blocks - 1) ? UINT64_MAX : first + (blocks - 1);
  return !match->by_lba || (first <= match->lba[1] && last >= match->lba[0]);
}

static bool among(const struct fault_match *match, uint32_t queue) {
  if (match->queue_count == 0)
    return true;
  for (unsigned i = 0; i < match->queue_count; i++)
    if (match->queues[i] == queue)
      return true;
  return false;
}

bool fault_matches_command(const struct fault_match *match, uint32_t sqid,
                           const struct nvme_command *command) {
  return (!match->by_namespace || match->nsid == command->nsid) && among(match, sqid) &&
         (!(match->by_lba || match->by_size) || matches_blocks(match, command));
}

/* Bits of the register, in the place that they have in an access of it that starts at offset;
 * and back. */
static uint64_t to_access(const struct fault_match *match, uint64_t offset, uint64_t bits) {
  return offset >= match->offset ? bits >> (offset - match->offset) * 8
                                 : bits << (match->offset - offset) * 8;
}

static uint64_t to_register(const struct fault_match *match, uint64_t offset, uint64_t bits) {
  return offset >= match->offset ? bits << (offset - match->offset) * 8
                                 : bits >> (match->offset - offset) * 8;
}

static uint64_t bits_of(uint32_t size) {
  return size >= 8 ? UINT64_MAX : (1ull << size * 8) - 1;
}

bool fault_matches_access(const struct fault_match *match, bool write, uint64_t offset,
                          uint32_t size, uint64_t value) {
  if (match->write != write || size == 0 || size > 8 || offset >= match->offset + match->width ||
      offset + size <= match->offset)
    return false;
  if (!match->by_value)
    return true;
  /* Bits that this access doesn't have can't be compared. */
  uint64_t there = to_register(match, offset, bits_of(size));
  return (match->mask & ~there) == 0 && (to_register(match, offset, value & bits_of(size)) &
                                         match->mask) == (match->value & match->mask);
}

uint64_t fault_changed_access(const struct fault_match *match, uint64_t offset, uint32_t size,
                              uint64_t value, uint64_t mask, uint64_t bits) {
  uint64_t changed = to_access(match, offset, mask) & bits_of(size);
  return (value & ~changed) | (to_access(match, offset, bits) & changed);
}

bool fault_matches_interrupt(const struct fault_match *match, uint32_t cqid) {
  return among(match, cqid);
}

/* SplitMix64: G. Steele, D. Lea, C. Flood, 2014. */
static uint64_t next_random(uint64_t *state) {
  uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

uint64_t fault_random_start(uint64_t seed, unsigned number) {
  uint64_t state = seed, mixed = next_random(&state);
  state = mixed ^ number;
  return next_random(&state);
}

bool fault_hit(struct fault_rule *rule) {
  const struct fault_match *match = &rule->match;
  uint64_t nth = ++rule->matches;
  if (nth <= match->after || (nth - match->after) % match->every != 0 || rule->hits >= match->count)
    return false;
  /* 53 bits: as many as a double holds. */
  if (match->probability < 1 &&
      (double)(next_random(&rule->random) >> 11) * 0x1p-53 >= match->probability)
    return false;
  rule->hits++;
  return true;
}
