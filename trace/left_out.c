/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/left_out_int.h"

#include "trace/record.h"

/* NULL: that bit isn't set, or has no name. */
static const char *name_of(uint8_t flags, unsigned bit) {
  uint8_t flag = (uint8_t)(flags & 1u << bit);
  return flag != 0 ? nvt_record_value_name("meta", "left_out_flags", flag) : NULL;
}

void nvt_left_out_text(struct nvt_text *text, uint8_t flags) {
  const char *between = "";
  for (unsigned bit = 0; bit < 8; bit++) {
    const char *name = name_of(flags, bit);
    if (name == NULL)
      continue;
    nvt_text_add(text, between);
    nvt_text_add(text, name);
    between = ", ";
  }
}

json_object *nvt_left_out_json(uint8_t flags) {
  json_object *names = json_object_new_array();
  for (unsigned bit = 0; bit < 8; bit++) {
    const char *name = name_of(flags, bit);
    if (name != NULL)
      json_object_array_add(names, json_object_new_string(name));
  }
  return names;
}
