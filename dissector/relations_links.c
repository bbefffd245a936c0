/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The links and numbers of trace/links.def, as generated items. */
#include "dissector/dissector_int.h"
#include "trace/links_of.h"
#include "trace/text.h"

static int hf_link[NVT_LINK_COUNT];

void nvt_link_rows_register(int proto) {
  for (unsigned i = 0; i < NVT_LINK_COUNT; i++) {
    const struct nvt_link_info *info = nvt_link_info((enum nvt_link)i);
    enum ftenum type = FT_UINT64;
    int display = BASE_DEC;
    const void *strings = NULL;
    if (info->kind == NVT_LINK_KIND_RECORD) {
      type = FT_FRAMENUM;
      display = BASE_NONE;
      strings = FRAMENUM_TYPE(FT_FRAMENUM_NONE);
    } else if (info->kind == NVT_LINK_KIND_NS) {
      type = FT_RELATIVE_TIME;
      display = BASE_NONE;
    }
    hf_link[i] = -1;
    nvt_register_field(proto, &hf_link[i], info->title, nvt_abbrev(info->abbreviation, NULL, NULL),
                       type, display, strings, 0, info->blurb);
  }
}

static void add(void *ctx, enum nvt_link link, uint64_t value) {
  const struct nvt_context *c = ctx;
  int hf = hf_link[link];
  if (!nvt_asked(c, hf))
    return;
  switch (nvt_link_info(link)->kind) {
  case NVT_LINK_KIND_RECORD:
    if (value <= UINT32_MAX)
      nvt_generated(proto_tree_add_uint(c->tree, hf, c->tvb, 0, 0, (uint32_t)value));
    break;
  case NVT_LINK_KIND_NUMBER:
    nvt_generated(proto_tree_add_uint64(c->tree, hf, c->tvb, 0, 0, value));
    break;
  case NVT_LINK_KIND_NS: {
    nstime_t span = {(time_t)(value / 1000000000), (int)(value % 1000000000)};
    char words[32];
    struct nvt_text text;
    nvt_text_init(&text, words, sizeof(words));
    nvt_text_duration(&text, value);
    nvt_generated(nvt_add_time_text(c->tree, hf, c->tvb, 0, 0, &span, words));
    break;
  }
  }
}

void nvt_add_link_rows(const struct nvt_context *c) {
  if (nvt_asked(c, hf_link[NVT_LINK_RANGE_FIRST]) || nvt_asked(c, hf_link[NVT_LINK_RANGE_PREVIOUS]))
    nvt_links_ranges();
  struct nvt_view view = nvt_links_view(c->frame);
  struct nvt_context copy = *c; /* the callback takes no const */
  nvt_links_of(c->record, &view, add, &copy);
}
