/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of the controller as of a frame, by trace/state.def: a subtree of each record. */
#include "dissector/dissector_int.h"
#include "trace/text_state.h"

static int hf_state = -1;
static int hf_fields[NVT_STATE_FIELDS];
static int hf_registers[NVT_REGISTER_ROWS];
static int ett_state = -1;
static int ett_part = -1;

#define DEPTHS 4

static void register_field(int proto, unsigned i, const value_string *conditions) {
  static const struct {
    enum ftenum type;
    int display;
  } types[] = {
      [NVT_STATE_NAME] = {FT_UINT8, BASE_DEC},
      [NVT_STATE_DEC] = {FT_UINT32, BASE_DEC},
      [NVT_STATE_HEX] = {FT_UINT64, BASE_HEX},
      [NVT_STATE_FLAG] = {FT_BOOLEAN, BASE_NONE},
      [NVT_STATE_RECORD] = {FT_FRAMENUM, BASE_NONE},
      [NVT_STATE_TIME] = {FT_RELATIVE_TIME, BASE_NONE},
  };
  const struct nvt_state_field_info *info = nvt_state_field_info((enum nvt_state_field)i);
  nvt_register_field(proto, &hf_fields[i], info->title, nvt_abbrev("state", info->filter, NULL),
                     types[info->format].type, types[info->format].display,
                     info->format == NVT_STATE_NAME ? VALS(conditions) : NULL, 0, info->blurb);
}

void nvt_state_register(int proto) {
  value_string *conditions =
      wmem_alloc0_array(wmem_epan_scope(), value_string, NVT_CONDITION_COUNT + 1);
  for (unsigned i = 0; i < NVT_CONDITION_COUNT; i++)
    conditions[i] = (value_string){i, nvt_condition_name((enum nvt_condition)i)};
  nvt_register_field(proto, &hf_state, "State", "nvmetap.state", FT_NONE, BASE_NONE, NULL, 0,
                     "Of the controller, after this record has taken effect");
  for (unsigned i = 0; i < NVT_STATE_FIELDS; i++)
    register_field(proto, i, conditions);
  size_t count;
  const struct nvt_register_info *rows = nvt_registers(&count);
  for (size_t i = 0; i < count; i++)
    nvt_register_field(
        proto, &hf_registers[i],
        wmem_strdup_printf(wmem_epan_scope(), "%s (%s)", rows[i].title, rows[i].name),
        nvt_abbrev("state.register", rows[i].name, NULL), rows[i].size == 8 ? FT_UINT64 : FT_UINT32,
        BASE_HEX, NULL, 0, "As last seen");
  nvt_subtree(&ett_state);
  nvt_subtree(&ett_part);
}

struct walk {
  const struct nvt_context *c;
  proto_tree *trees[DEPTHS]; /* by depth */
};

static proto_item *add_record(const struct walk *walk, proto_tree *tree, int hf,
                              const struct nvt_state_part *part) {
  const struct nvt_context *c = walk->c;
  if (part->value > UINT32_MAX)
    return NULL;
  if (!c->visible)
    return proto_tree_add_uint(tree, hf, c->tvb, 0, 0, (uint32_t)part->value);
  char words[160];
  struct nvt_text text;
  nvt_text_init(&text, words, sizeof(words));
  nvt_text_state_value(&text, part);
  return nvt_add_uint_text(tree, hf, c->tvb, 0, 0, (uint32_t)part->value, words);
}

static proto_item *add_time(const struct walk *walk, proto_tree *tree, int hf, uint64_t ns) {
  const struct nvt_context *c = walk->c;
  nstime_t span = {(time_t)(ns / 1000000000), (int)(ns % 1000000000)};
  if (!c->visible)
    return proto_tree_add_time(tree, hf, c->tvb, 0, 0, &span);
  char words[32];
  struct nvt_text text;
  nvt_text_init(&text, words, sizeof(words));
  nvt_text_duration(&text, ns);
  return nvt_add_time_text(tree, hf, c->tvb, 0, 0, &span, words);
}

static proto_item *add_part(const struct walk *walk, proto_tree *tree,
                            const struct nvt_state_part *part) {
  const struct nvt_context *c = walk->c;
  if (part->kind == NVT_STATE_PART_REGISTER) {
    size_t count;
    int hf = hf_registers[part->field];
    return nvt_registers(&count)[part->field].size == 8
               ? proto_tree_add_uint64(tree, hf, c->tvb, 0, 0, part->value)
               : proto_tree_add_uint(tree, hf, c->tvb, 0, 0, (uint32_t)part->value);
  }
  int hf = hf_fields[part->field];
  switch (nvt_state_field_info((enum nvt_state_field)part->field)->format) {
  case NVT_STATE_NAME:
  case NVT_STATE_DEC:
    return proto_tree_add_uint(tree, hf, c->tvb, 0, 0, (uint32_t)part->value);
  case NVT_STATE_HEX:
    return proto_tree_add_uint64(tree, hf, c->tvb, 0, 0, part->value);
  case NVT_STATE_FLAG:
    return proto_tree_add_boolean(tree, hf, c->tvb, 0, 0, (uint32_t)part->value);
  case NVT_STATE_RECORD:
    return add_record(walk, tree, hf, part);
  case NVT_STATE_TIME:
    return add_time(walk, tree, hf, part->value);
  }
  return NULL;
}

static void visit(void *ctx, const struct nvt_state_part *part) {
  struct walk *walk = ctx;
  const struct nvt_context *c = walk->c;
  proto_tree *tree = walk->trees[part->depth];
  proto_tree *below = tree;
  if (part->kind == NVT_STATE_PART_GROUP) {
    proto_item *item = NULL;
    if (c->visible)
      below = proto_tree_add_subtree(tree, c->tvb, 0, 0, ett_part, &item, part->group);
    nvt_generated(item);
  } else if (nvt_asked(c, part->kind == NVT_STATE_PART_REGISTER ? hf_registers[part->field]
                                                                : hf_fields[part->field])) {
    proto_item *item = add_part(walk, tree, part);
    nvt_generated(item);
    if (c->visible)
      below = proto_item_add_subtree(item, ett_part);
  }
  if (part->depth + 1 < DEPTHS)
    walk->trees[part->depth + 1] = below;
}

void nvt_add_state(const struct nvt_context *c) {
  static struct nvt_state state; /* large; one thread dissects */
  struct nvt_view view = nvt_links_view(c->frame);
  if (!c->frame->fed || !nvt_links_state(c->record, &view, &state))
    return;
  proto_item *item = NULL;
  if (c->visible) {
    char words[64];
    struct nvt_text text;
    nvt_text_init(&text, words, sizeof(words));
    nvt_text_state(&text, &state);
    item = nvt_add_none_text(c->tree, hf_state, c->tvb, 0, 0, words);
  } else {
    item = proto_tree_add_item(c->tree, hf_state, c->tvb, 0, 0, ENC_NA);
  }
  nvt_generated(item);
  struct walk walk = {.c = c, .trees = {proto_item_add_subtree(item, ett_state)}};
  nvt_state_walk(&state, visit, &walk);
}
