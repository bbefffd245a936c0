/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/differences.h"

#include <string.h>

#include "nvme/names.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct words {
  const char *target, *what, *ours, *theirs, *section, *verdict;
};

static const struct {
  struct words words;
  uint32_t offset;
  uint64_t mask;
} registers[] = {
#define NVT_DIFFERENCE_REGISTER(target, reg, mask, what, ours, theirs, section, verdict)           \
  {{#target, (what), (ours), (theirs), (section), (verdict)}, NVT_REG_##reg, (mask)},
#include "replay/differences.def"
};

static const struct {
  struct words words;
  uint8_t opcode, selector;
  uint16_t first, count;
} bytes[] = {
#define NVT_DIFFERENCE_DATA(target, opcode, selector, first, count, what, ours, theirs, section,   \
                            verdict)                                                               \
  {{#target, (what), (ours), (theirs), (section), (verdict)},                                      \
   NVT_ADMIN_##opcode,                                                                             \
   (selector),                                                                                     \
   (first),                                                                                        \
   (count)},
#include "replay/differences.def"
};

static const struct {
  struct words words;
  uint8_t opcode, selector;
} results[] = {
#define NVT_DIFFERENCE_DW0(target, opcode, selector, what, ours, theirs, section, verdict)         \
  {{#target, (what), (ours), (theirs), (section), (verdict)}, NVT_ADMIN_##opcode, (selector)},
#include "replay/differences.def"
};

uint64_t nvt_difference_register(const char *target, uint64_t offset, uint8_t size) {
  uint64_t all = 0;
  for (size_t i = 0; i < COUNT(registers); i++) {
    uint64_t at = registers[i].offset;
    if (strcmp(registers[i].words.target, target) != 0 || offset > at + 7 || offset + size <= at)
      continue;
    all |= offset >= at ? registers[i].mask >> (offset - at) * 8
                        : registers[i].mask << (at - offset) * 8;
  }
  return all;
}

bool nvt_difference_byte(const char *target, const struct nvt_sqe *sqe, uint64_t offset) {
  for (size_t i = 0; i < COUNT(bytes); i++)
    if (bytes[i].opcode == sqe->opcode && bytes[i].selector == (sqe->cdw10 & 0xff) &&
        offset >= bytes[i].first && offset - bytes[i].first < bytes[i].count &&
        strcmp(bytes[i].words.target, target) == 0)
      return true;
  return false;
}

bool nvt_difference_dw0(const char *target, const struct nvt_sqe *sqe) {
  for (size_t i = 0; i < COUNT(results); i++)
    if (results[i].opcode == sqe->opcode && results[i].selector == (sqe->cdw10 & 0xff) &&
        strcmp(results[i].words.target, target) == 0)
      return true;
  return false;
}

static void print(FILE *out, const struct words *w) {
  fprintf(out, "| `%s` | %s | %s | %s | %s | %s |\n", w->target, w->what, w->ours, w->theirs,
          w->section, w->verdict);
}

void nvt_differences_print(FILE *out) {
  fputs("| target | what | ours | theirs | section | who is right |\n"
        "| --- | --- | --- | --- | --- | --- |\n",
        out);
  for (size_t i = 0; i < COUNT(registers); i++)
    print(out, &registers[i].words);
  for (size_t i = 0; i < COUNT(bytes); i++)
    print(out, &bytes[i].words);
  for (size_t i = 0; i < COUNT(results); i++)
    print(out, &results[i].words);
}
