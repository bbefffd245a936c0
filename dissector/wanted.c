/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a tree asks for. One that nobody looks at, as for a display filter or a
 * colouring rule, holds only the fields that these name, and Wireshark drops the
 * others one by one: known beforehand, they cost nothing.
 */
#include <string.h>

#include <epan/tap.h>

#include "dissector/dissector_int.h"

const header_field_info **nvt_infos;
int nvt_first_field = -1;
unsigned nvt_field_count;

static int last_field = -1;
static int group_protos[NVT_GROUP_COUNT];
static const header_field_info *groups[NVT_GROUP_COUNT];
static const header_field_info *nvme;
static int expert_tap;

void nvt_wanted_field(int id) {
  if (nvt_first_field < 0)
    nvt_first_field = id;
  last_field = id > last_field ? id : last_field;
}

void nvt_groups_register(int proto) {
  static const struct {
    const char *name, *filter;
  } rows[NVT_GROUP_COUNT] = {
      [NVT_GROUP_RECORD] = {"NVMe Trace Records", "nvmetap.records"},
      [NVT_GROUP_ACCESS] = {"NVMe Trace Accesses", "nvmetap.accesses"},
      [NVT_GROUP_ENTRY] = {"NVMe Trace Queue Entries", "nvmetap.queue_entries"},
      [NVT_GROUP_ROWS] = {"NVMe Trace Commands", "nvmetap.commands"},
      [NVT_GROUP_DATA] = {"NVMe Trace Data", "nvmetap.all_data"},
      [NVT_GROUP_LINKS] = {"NVMe Trace Links", "nvmetap.links"},
      [NVT_GROUP_STATE] = {"NVMe Trace Controller State", "nvmetap.states"},
  };
  for (unsigned i = 0; i < NVT_GROUP_COUNT; i++) {
    group_protos[i] = proto;
    if (rows[i].name == NULL)
      continue;
    group_protos[i] = proto_register_protocol(rows[i].name, rows[i].name, rows[i].filter);
    proto_set_cant_toggle(group_protos[i]);
  }
}

int nvt_group_proto(enum nvt_group group) {
  return group_protos[group];
}

void nvt_wanted_find(void) {
  for (unsigned i = 0; i < NVT_GROUP_COUNT; i++)
    groups[i] = proto_registrar_get_nth((unsigned)group_protos[i]);
  int id = proto_get_id_by_filter_name("nvme");
  nvme = id > 0 ? proto_registrar_get_nth((unsigned)id) : NULL;
  /* Ours are registered one after another, with none of another's in between. */
  nvt_field_count = (unsigned)(last_field - nvt_first_field + 1);
  nvt_infos = wmem_alloc_array(wmem_epan_scope(), const header_field_info *, nvt_field_count);
  for (unsigned i = 0; i < nvt_field_count; i++)
    nvt_infos[i] = proto_registrar_get_nth((unsigned)nvt_first_field + i);
}

/* It is registered after our hand-off; a look-up for each frame would be slow. */
void nvt_wanted_opened(void) {
  expert_tap = find_tap_id("expert");
}

bool nvt_wanted_without_tree(const packet_info *pinfo) {
  return nvt_has_column(pinfo, COL_EXPERT) || (expert_tap != 0 && have_tap_listener(expert_tap));
}

void nvt_wanted(struct nvt_context *c, proto_tree *tree) {
  c->visible = tree != NULL && PTREE_DATA(tree)->visible;
  c->ours = c->visible;
  for (unsigned i = 0; i < NVT_GROUP_COUNT; i++) {
    c->groups[i] = c->visible || (tree != NULL && groups[i]->ref_type != HF_REF_TYPE_NONE);
    c->ours |= c->groups[i];
  }
  c->builtin = c->visible || (tree != NULL && nvme != NULL && nvme->ref_type != HF_REF_TYPE_NONE);
}

proto_item *nvt_add_number(const struct nvt_context *c, proto_tree *tree,
                           const header_field_info *info, int at, int size) {
  uint64_t value = 0;
  proto_item *item;
  if (at < 0 || size > 8 || size > c->captured || at > c->captured - size)
    return proto_tree_add_item(tree, info->id, c->tvb, at, size, ENC_LITTLE_ENDIAN);
  memcpy(&value, c->bytes + at, (size_t)size);
  switch (info->type) {
  case FT_UINT8:
  case FT_UINT16:
  case FT_UINT32:
    item = proto_tree_add_uint(tree, info->id, c->tvb, at, size, (uint32_t)value);
    break;
  case FT_UINT64:
    item = proto_tree_add_uint64(tree, info->id, c->tvb, at, size, value);
    break;
  default:
    return proto_tree_add_item(tree, info->id, c->tvb, at, size, ENC_LITTLE_ENDIAN);
  }
  if (info->bitmask != 0) /* so that the right bits are marked among the bytes */
    FI_SET_FLAG(PITEM_FINFO(item), FI_LITTLE_ENDIAN);
  return item;
}
