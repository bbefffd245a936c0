/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/values.h"

static const struct nvt_value_row rows[] = {
#define NVT_VALUE(list, value, name) {NVT_VALUES_##list, (value), (name)},
#include "nvme/values.def"
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct nvt_value_row *nvt_value_rows(enum nvt_values list, size_t *count) {
  size_t first = 0, end;
  while (first < ROWS && rows[first].list != list)
    first++;
  for (end = first; end < ROWS && rows[end].list == list;)
    end++;
  *count = end - first;
  return &rows[first < ROWS ? first : 0];
}

const char *nvt_value_name(enum nvt_values list, uint64_t value) {
  size_t count;
  const struct nvt_value_row *row = nvt_value_rows(list, &count);
  for (; count > 0; count--, row++)
    if (row->value == value)
      return row->name;
  return NULL;
}
