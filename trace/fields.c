/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of record.def as data. */
#include <string.h>

#include "trace/record.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct nvt_record_field fields[] = {
#define NVT_RECORD_FIELD(rec, type, field, offset, format, title)                                  \
  {#rec, #field, (title), (offset), sizeof(type), NVT_FIELD_##format},
#define NVT_RECORD_ARRAY(rec, field, offset, length, title)                                        \
  {#rec, #field, (title), (offset), (length), NVT_FIELD_BYTES},
#include "trace/record.def"
};

const struct nvt_record_field *nvt_record_fields(const char *record, size_t *count) {
  const struct nvt_record_field *first = NULL;
  *count = 0;
  for (size_t i = 0; i < COUNT(fields); i++)
    if (strcmp(fields[i].record, record) == 0) {
      if (first == NULL)
        first = &fields[i];
      ++*count;
    }
  return first;
}

bool nvt_record_field_reserved(const struct nvt_record_field *field) {
  return strncmp(field->name, "reserved", sizeof("reserved") - 1) == 0;
}

uint64_t nvt_record_field_value(const struct nvt_record_field *field, const void *body) {
  const uint8_t *at = (const uint8_t *)body + field->offset;
  uint64_t value = 0;
  if (field->format == NVT_FIELD_BYTES || field->size > sizeof(value))
    return 0;
  memcpy(&value, at, field->size); /* little-endian, as asserted in nvme.h */
  return value;
}

struct value_row {
  const char *record;
  const char *field;
  uint32_t value;
  const char *name;
};

static const struct value_row values[] = {
#define NVT_RECORD_VALUE(rec, field, value, id, name) {#rec, #field, (value), (name)},
#include "trace/record.def"
};

const char *nvt_record_value_name(const char *record, const char *field, uint64_t value) {
  for (size_t i = 0; i < COUNT(values); i++)
    if (values[i].value == value && strcmp(values[i].field, field) == 0 &&
        strcmp(values[i].record, record) == 0)
      return values[i].name;
  return NULL;
}
