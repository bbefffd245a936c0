/* SPDX-License-Identifier: BSD-2-Clause */
/* What the values of fields are called: nvme/values.def. Pure; strings are static. */
#ifndef NVT_NVME_VALUES_H
#define NVT_NVME_VALUES_H

#include <stddef.h>
#include <stdint.h>

enum nvt_values {
  NVT_VALUES_NONE,
#define NVT_VALUES(list) NVT_VALUES_##list,
#include "nvme/values.def"
  NVT_VALUES_COUNT
};

/* NULL: it has no name, or the list is NONE. */
const char *nvt_value_name(enum nvt_values, uint64_t value);

struct nvt_value_row {
  enum nvt_values list;
  uint32_t value;
  const char *name;
};
/* The rows of one list; *count is 0 for NONE. */
const struct nvt_value_row *nvt_value_rows(enum nvt_values, size_t *count);

#endif
