/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a tree asks for. One that nobody looks at, as for a display filter or a
 * colouring rule, holds only the fields that these name, and Wireshark drops the
 * others one by one: known beforehand, they cost nothing.
 */
#include <epan/tap.h>

#include "dissector/dissector_int.h"

const header_field_info **nvt_infos;
int nvt_first_field = -1;
unsigned nvt_field_count;

static int last_field = -1;
static const header_field_info *ours;
static const header_field_info *nvme;
static int expert_tap;

void nvt_wanted_field(int id) {
  if (nvt_first_field < 0)
    nvt_first_field = id;
  last_field = id > last_field ? id : last_field;
}

void nvt_wanted_find(int proto) {
  ours = proto_registrar_get_nth((unsigned)proto);
  int id = proto_get_id_by_filter_name("nvme");
  nvme = id > 0 ? proto_registrar_get_nth((unsigned)id) : NULL;
  expert_tap = find_tap_id("expert");
  /* One protocol's fields are registered one after another, with none of another's in between. */
  nvt_field_count = (unsigned)(last_field - nvt_first_field + 1);
  nvt_infos = wmem_alloc_array(wmem_epan_scope(), const header_field_info *, nvt_field_count);
  for (unsigned i = 0; i < nvt_field_count; i++)
    nvt_infos[i] = proto_registrar_get_nth((unsigned)nvt_first_field + i);
}

bool nvt_wanted_without_tree(const packet_info *pinfo) {
  return nvt_has_column(pinfo, COL_EXPERT) || (expert_tap != 0 && have_tap_listener(expert_tap));
}

void nvt_wanted(struct nvt_context *c, proto_tree *tree) {
  c->visible = tree != NULL && PTREE_DATA(tree)->visible;
  c->ours = c->visible || (tree != NULL && ours->ref_type != HF_REF_TYPE_NONE);
  c->builtin = c->visible || (tree != NULL && nvme != NULL && nvme->ref_type != HF_REF_TYPE_NONE);
}
