/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists of nvme/values.def as Wireshark's. */
#include "dissector/dissector_int.h"

const value_string *nvt_value_strings(enum nvt_values list) {
  static const value_string *made[NVT_VALUES_COUNT];
  size_t count;
  const struct nvt_value_row *rows = nvt_value_rows(list, &count);
  if (count == 0)
    return NULL;
  if (made[list] == NULL) {
    value_string *strings = wmem_alloc0_array(wmem_epan_scope(), value_string, count + 1);
    for (size_t i = 0; i < count; i++)
      strings[i] = (value_string){rows[i].value, rows[i].name};
    made[list] = strings;
  }
  return made[list];
}
