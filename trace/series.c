/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/series_int.h"

#define LEAST 2u /* many series have one item */
#define MANY 4096u

void nvt_series_free(struct nvt_series *series) {
  free(series->items);
  *series = (struct nvt_series){0};
}

int nvt_series_append(struct nvt_series *series, size_t size, const void *item) {
  if (series->count == series->space) {
    uint64_t space = series->space + series->space / (series->space < MANY ? 2u : 4u);
    space = space < LEAST ? LEAST : space;
    if (space > UINT32_MAX || space > SIZE_MAX / size)
      return -ENOMEM;
    uint8_t *more = realloc(series->items, (size_t)space * size);
    if (more == NULL)
      return -ENOMEM;
    series->items = more;
    series->space = (uint32_t)space;
  }
  memcpy(series->items + series->count * size, item, size);
  series->count++;
  return 0;
}

uint32_t nvt_series_until(const struct nvt_series *series, size_t size, uint32_t record) {
  uint32_t from = 0, to = series->count;
  while (from < to) {
    uint32_t middle = from + (to - from) / 2;
    uint32_t number;
    memcpy(&number, series->items + middle * size, sizeof(number));
    if (number <= record)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

const void *nvt_series_at(const struct nvt_series *series, size_t size, uint32_t record) {
  uint32_t until = nvt_series_until(series, size, record);
  return until != 0 ? series->items + (until - 1) * size : NULL;
}
