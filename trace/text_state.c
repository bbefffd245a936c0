/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/text_state.h"

#define SHOWN_VECTORS 64u

static const struct nvt_state_field_info fields[] = {
#define NVT_STATE_FIELD(id, format, filter, title, blurb)                                          \
  {NVT_STATE_##format, (filter), (title), (blurb)},
#include "trace/state.def"
};

const struct nvt_state_field_info *nvt_state_field_info(enum nvt_state_field field) {
  return &fields[field];
}

struct walk {
  nvt_state_visit *visit;
  void *ctx;
};

static void field(const struct walk *walk, enum nvt_state_field which, unsigned depth,
                  uint64_t value) {
  const struct nvt_state_part part = {
      .kind = NVT_STATE_PART_FIELD, .field = which, .depth = depth, .value = value};
  walk->visit(walk->ctx, &part);
}

static void group(const struct walk *walk, const char *title) {
  const struct nvt_state_part part = {.kind = NVT_STATE_PART_GROUP, .group = title};
  walk->visit(walk->ctx, &part);
}

static void walk_commands(const struct walk *walk, const struct nvt_state *state) {
  field(walk, NVT_STATE_OUTSTANDING, 0, state->outstanding);
  for (uint32_t i = 0; i < state->shown; i++) {
    const struct nvt_state_part part = {.kind = NVT_STATE_PART_FIELD,
                                        .field = NVT_STATE_COMMAND,
                                        .depth = 1,
                                        .value = state->commands[i].record,
                                        .command = &state->commands[i]};
    walk->visit(walk->ctx, &part);
    field(walk, NVT_STATE_COMMAND_AGE, 2, state->commands[i].age_ns);
  }
  if (state->outstanding > state->shown)
    field(walk, NVT_STATE_OMITTED, 1, state->outstanding - state->shown);
}

static void walk_place(const struct walk *walk, const struct nvt_queue_view *queue,
                       enum nvt_state_field entries, enum nvt_state_field base) {
  if (queue->entries == 0)
    return;
  field(walk, entries, 1, queue->entries);
  field(walk, base, 1, queue->base);
}

static void walk_ends(const struct walk *walk, const struct nvt_queue_view *queue,
                      enum nvt_state_field head, enum nvt_state_field tail,
                      enum nvt_state_field outstanding) {
  if (queue->head_known)
    field(walk, head, 1, queue->head);
  if (queue->tail_known)
    field(walk, tail, 1, queue->tail);
  field(walk, outstanding, 1, queue->outstanding);
}

static void walk_queues(const struct walk *walk, const struct nvt_state *state) {
  if (state->has_sq) {
    field(walk, NVT_STATE_SQ, 0, state->sq.qid);
    walk_place(walk, &state->sq, NVT_STATE_SQ_ENTRIES, NVT_STATE_SQ_BASE);
    field(walk, NVT_STATE_SQ_CQ, 1, state->sq.cqid);
    walk_ends(walk, &state->sq, NVT_STATE_SQ_HEAD, NVT_STATE_SQ_TAIL, NVT_STATE_SQ_OUTSTANDING);
  }
  if (state->has_cq) {
    field(walk, NVT_STATE_CQ, 0, state->cq.qid);
    walk_place(walk, &state->cq, NVT_STATE_CQ_ENTRIES, NVT_STATE_CQ_BASE);
    if (state->cq.vector_known)
      field(walk, NVT_STATE_CQ_VECTOR, 1, state->cq.vector);
    walk_ends(walk, &state->cq, NVT_STATE_CQ_HEAD, NVT_STATE_CQ_TAIL, NVT_STATE_CQ_OUTSTANDING);
  }
}

static void walk_registers(const struct walk *walk, const struct nvt_state *state) {
  bool any = false;
  for (unsigned row = 0; row < NVT_REGISTER_ROWS; row++) {
    if (!state->known[row])
      continue;
    if (!any)
      group(walk, "Registers, Last Seen");
    any = true;
    const struct nvt_state_part part = {
        .kind = NVT_STATE_PART_REGISTER, .field = row, .depth = 1, .value = state->registers[row]};
    walk->visit(walk->ctx, &part);
  }
}

static void walk_vectors(const struct walk *walk, const struct nvt_msix *msix,
                         enum nvt_state_field count, enum nvt_state_field one, bool pending) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < msix->words_used; i++)
    found += (uint32_t)__builtin_popcount(pending ? msix->words[i].pending : msix->words[i].masked);
  field(walk, count, 1, found);
  uint32_t shown = 0;
  for (uint32_t i = 0; i < msix->words_used && shown < found && shown < SHOWN_VECTORS; i++) {
    uint32_t bits = pending ? msix->words[i].pending : msix->words[i].masked;
    for (uint32_t bit = 0; bit < 32 && shown < SHOWN_VECTORS; bit++)
      if ((bits >> bit & 1) != 0) {
        field(walk, one, 2, i * 32 + bit);
        shown++;
      }
  }
}

static void walk_msix(const struct walk *walk, const struct nvt_state *state) {
  if (!state->has_msix)
    return;
  group(walk, "MSI-X");
  if (state->msix.control_known) {
    field(walk, NVT_STATE_MSIX_ENABLED, 1, state->msix.enabled);
    field(walk, NVT_STATE_MSIX_FUNCTION_MASKED, 1, state->msix.function_masked);
  }
  walk_vectors(walk, &state->msix, NVT_STATE_MSIX_MASKED_COUNT, NVT_STATE_MSIX_MASKED, false);
  walk_vectors(walk, &state->msix, NVT_STATE_MSIX_PENDING_COUNT, NVT_STATE_MSIX_PENDING, true);
}

void nvt_state_walk(const struct nvt_state *state, nvt_state_visit *visit, void *ctx) {
  const struct walk walk = {.visit = visit, .ctx = ctx};
  field(&walk, NVT_STATE_CONDITION, 0, state->condition);
  field(&walk, NVT_STATE_QUEUES, 0, state->queues);
  walk_commands(&walk, state);
  walk_queues(&walk, state);
  walk_registers(&walk, state);
  walk_msix(&walk, state);
}

void nvt_text_state_label(struct nvt_text *text, const struct nvt_state_part *part) {
  size_t count;
  const struct nvt_register_info *rows = nvt_registers(&count);
  switch (part->kind) {
  case NVT_STATE_PART_FIELD:
    nvt_text_add(text, fields[part->field].title);
    break;
  case NVT_STATE_PART_REGISTER:
    nvt_text_printf(text, "%s (%s)", rows[part->field].title, rows[part->field].name);
    break;
  case NVT_STATE_PART_GROUP:
    nvt_text_add(text, part->group);
    break;
  }
}

void nvt_text_state_command(struct nvt_text *text, const struct nvt_state_command *command) {
  nvt_text_opcode(text, (enum nvt_opcode_set)command->set, command->code);
  nvt_text_add(text, " sq ");
  nvt_text_dec(text, command->sqid);
  nvt_text_add(text, " cid ");
  nvt_text_hex(text, command->cid, 4);
}

static void add_field(struct nvt_text *text, const struct nvt_state_part *part) {
  switch (fields[part->field].format) {
  case NVT_STATE_NAME:
    nvt_text_add(text, nvt_condition_name((enum nvt_condition)part->value));
    break;
  case NVT_STATE_DEC:
  case NVT_STATE_FLAG:
    nvt_text_dec(text, part->value);
    break;
  case NVT_STATE_HEX:
    nvt_text_hex(text, part->value, 16);
    break;
  case NVT_STATE_RECORD:
    nvt_text_dec(text, part->value);
    nvt_text_add(text, " (");
    nvt_text_state_command(text, part->command);
    nvt_text_add(text, ")");
    break;
  case NVT_STATE_TIME:
    nvt_text_duration(text, part->value);
    break;
  }
}

void nvt_text_state_value(struct nvt_text *text, const struct nvt_state_part *part) {
  size_t count;
  if (part->kind == NVT_STATE_PART_FIELD)
    add_field(text, part);
  else if (part->kind == NVT_STATE_PART_REGISTER)
    nvt_text_hex(text, part->value, 2 * nvt_registers(&count)[part->field].size);
}

void nvt_text_state(struct nvt_text *text, const struct nvt_state *state) {
  nvt_text_add(text, nvt_condition_name(state->condition));
  nvt_text_add(text, ", ");
  nvt_text_dec(text, state->outstanding);
  nvt_text_add(text, state->outstanding == 1 ? " command outstanding" : " commands outstanding");
}
