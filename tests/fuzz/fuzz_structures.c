/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data structures in any bytes, at any offset, of any command: each byte is explained
 * exactly once, in order, in time that is proportional to the length, and can be written.
 */
#include <stdlib.h>
#include <string.h>

#include "nvme/layouts.h"
#include "trace/text_structure.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct cover {
  const uint8_t *bytes;
  uint64_t from;
  uint64_t next;
  size_t visits;
  unsigned depth;
};

static void visit(void *ctx, const struct nvt_part *part) {
  struct cover *c = ctx;
  char buffer[512];
  struct nvt_text text;
  c->visits++;
  nvt_text_init(&text, buffer, sizeof(buffer));
  nvt_text_part_label(&text, part);
  nvt_text_part_value(&text, part);
  if (part->kind == NVT_PART_BEGIN) {
    c->depth++;
    return;
  }
  if (part->kind == NVT_PART_END) {
    if (c->depth-- == 0)
      abort();
    return;
  }
  if (part->kind == NVT_PART_BITS)
    return;
  if (part->offset != c->next || part->length == 0 ||
      part->bytes != c->bytes + (part->offset - c->from))
    abort();
  c->next += part->length;
}

static void walk(enum nvt_structure_id id, const uint8_t *bytes, size_t length, uint64_t from) {
  struct cover c = {bytes, from, from, 0, 0};
  if (!nvt_structure_walk(id, bytes, from, length, visit, &c))
    return;
  if (c.next != from + length || c.depth != 0 || c.visits > 2 + length * 80)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  uint8_t head[4 + sizeof(struct nvt_sqe)];
  if (length < sizeof(head))
    return 0;
  memcpy(head, bytes, sizeof(head));
  struct nvt_sqe sqe;
  memcpy(&sqe, head + 4, sizeof(sqe));
  bytes += sizeof(head);
  length -= sizeof(head);
  enum nvt_opcode_set set = (enum nvt_opcode_set)(head[1] % NVT_SET_COUNT);
  struct nvt_layout layout = nvt_structure_of(set, &sqe, (enum nvt_direction)(head[2] & 3));
  walk(layout.structure, bytes, length, layout.offset);
  walk((enum nvt_structure_id)(head[0] % NVT_STRUCTURE_COUNT), bytes, length,
       (head[3] & 1) != 0 ? head[3] * 16u : 0);
  walk(nvt_feature_set(set, &sqe), (const uint8_t *)&sqe.cdw11, 4, 0);
  walk(nvt_feature_result(set, &sqe), bytes, length < 4 ? length : 4, 0);
  return 0;
}
