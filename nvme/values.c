/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/values.h"

#include "nvme/nvme.h"

static const struct nvt_value_row rows[] = {
#define NVT_VALUE(list, value, name) {NVT_VALUES_##list, (value), (name)},
#include "nvme/values.def"
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Where each list's rows are, which stand together. Made before main, or when the library is
 * loaded: a field is named by it wherever one is printed. */
static struct place {
  uint16_t first;
  uint16_t count;
} places[NVT_VALUES_COUNT];
_Static_assert(ROWS <= UINT16_MAX, "a place has 16 bits");

__attribute__((constructor)) static void index_lists(void) {
  for (unsigned i = 0; i < ROWS; i++) {
    struct place *place = &places[rows[i].list];
    if (place->count++ == 0)
      place->first = (uint16_t)i;
  }
}

const struct nvt_value_row *nvt_value_rows(enum nvt_values list, size_t *count) {
  const struct place *place = &places[(unsigned)list < NVT_VALUES_COUNT ? list : NVT_VALUES_NONE];
  *count = place->count;
  return &rows[place->first];
}

const char *nvt_value_name(enum nvt_values list, uint64_t value) {
  size_t count;
  const struct nvt_value_row *row = nvt_value_rows(list, &count);
  for (; count > 0; count--, row++)
    if (row->value == value)
      return row->name;
  return NULL;
}
