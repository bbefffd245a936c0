/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A value over the records of a trace: an array of the values that it took, each with the number
 * of the record from which on it held. Items are structures that begin with that number, an
 * uint32_t; their size is the caller's to remember, and always the same of one series.
 */
#ifndef NVT_TRACE_SERIES_INT_H
#define NVT_TRACE_SERIES_INT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct nvt_series { /* all zero: empty */
  uint8_t *items;
  uint32_t count;
  uint32_t space; /* items that there is memory for */
};
void nvt_series_free(struct nvt_series *);
/* 0 or -ENOMEM; nothing changed then. */
int nvt_series_append(struct nvt_series *, size_t size, const void *item);
/* The same, unless the last item says the same as this one. All bytes of an item count. Inline:
 * with a constant size, comparing takes no call. */
static inline int nvt_series_put(struct nvt_series *series, size_t size, const void *item) {
  const size_t number = sizeof(uint32_t);
  if (series->count != 0 && memcmp(series->items + (series->count - 1) * size + number,
                                   (const uint8_t *)item + number, size - number) == 0)
    return 0;
  return nvt_series_append(series, size, item);
}
/* Items whose number is `record` or less. */
uint32_t nvt_series_until(const struct nvt_series *, size_t size, uint32_t record);
/* The last of them; NULL: there is none. */
const void *nvt_series_at(const struct nvt_series *, size_t size, uint32_t record);

#endif
