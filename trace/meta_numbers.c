/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/meta_numbers.h"

#include <string.h>

#define DIGITS 19u /* fit in 64 bits */

bool nvt_meta_number(const struct nvt_record *record, const char *key, size_t *at,
                     uint64_t *value) {
  const uint8_t *text = record->tail;
  size_t length = record->tail_length;
  size_t key_length = strlen(key);
  while (*at + key_length < length) {
    const uint8_t *found = memmem(text + *at, length - *at, key, key_length);
    if (found == NULL)
      return false;
    size_t i = (size_t)(found - text) + key_length;
    *at = i;
    if (found > text && found[-1] == '\\')
      continue; /* within a string */
    while (i < length && (text[i] == ' ' || text[i] == ':' || text[i] == '"'))
      i++;
    size_t start = i;
    for (*value = 0; i < length && i < start + DIGITS && text[i] >= '0' && text[i] <= '9'; i++)
      *value = *value * 10 + (text[i] - '0');
    if (i > start && i < length && text[i] != 'x' && (text[i] < '0' || text[i] > '9'))
      return true;
  }
  return false;
}
