/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/dump_structure.h"

#include "trace/text_structure.h"

static void print_part(void *ctx, const struct nvt_part *part) {
  FILE *to = ctx;
  if (part->kind == NVT_PART_END)
    return;
  char label[256], value[2048];
  struct nvt_text text;
  nvt_text_init(&text, label, sizeof(label));
  nvt_text_part_label(&text, part);
  nvt_text_init(&text, value, sizeof(value));
  nvt_text_part_value(&text, part);
  int indent = 4 + 2 * (int)part->depth;
  if (value[0] == '\0')
    fprintf(to, "%*s%s\n", indent, "", label);
  else
    fprintf(to, "%*s%-*s  %s\n", indent, "", 35 - indent, label, value);
}

bool nvt_dump_structure(FILE *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe,
                        enum nvt_direction direction, const uint8_t *bytes, size_t length,
                        uint64_t offset) {
  struct nvt_layout layout = nvt_structure_of(set, sqe, direction);
  if (layout.offset > UINT64_MAX - offset)
    return false;
  return nvt_structure_walk(layout.structure, bytes, layout.offset + offset, length, print_part,
                            to);
}

void nvt_dump_feature(FILE *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  const struct nvt_structure *structure = nvt_structure_info(nvt_feature_set(set, sqe));
  if (structure != NULL)
    nvt_structure_walk(nvt_feature_set(set, sqe), (const uint8_t *)&sqe->cdw11, 0, structure->size,
                       print_part, to);
}

void nvt_dump_feature_result(FILE *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe,
                             uint32_t dw0) {
  nvt_structure_walk(nvt_feature_result(set, sqe), (const uint8_t *)&dw0, 0, sizeof(dw0),
                     print_part, to);
}
