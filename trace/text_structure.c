/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/text_structure.h"

#include <inttypes.h>

enum { SHOWN_BYTES = 32 }; /* of a long string of bytes */

static const char *index_name(const struct nvt_part *part) {
  if (part->index > UINT8_MAX)
    return NULL;
  switch ((enum nvt_index)part->member->index) {
  case NVT_INDEX_ADMIN:
    return nvt_opcode_name(NVT_SET_ADMIN, (uint8_t)part->index);
  case NVT_INDEX_IO:
    return nvt_opcode_name(NVT_SET_NVM, (uint8_t)part->index);
  case NVT_INDEX_LOG_PAGE:
    return nvt_log_page_name((uint8_t)part->index);
  case NVT_INDEX_FEATURE:
    return nvt_feature_name((uint8_t)part->index);
  case NVT_INDEX_NONE:
    break;
  }
  return NULL;
}

/* Opcodes and identifiers are known by their hexadecimal numbers. */
static void add_index(struct nvt_text *text, const struct nvt_part *part, uint64_t index) {
  if (part->member->index == NVT_INDEX_NONE)
    nvt_text_dec(text, index);
  else
    nvt_text_printf(text, "%02" PRIx64 "h", index);
}

void nvt_text_part_label(struct nvt_text *text, const struct nvt_part *part) {
  const struct nvt_member *member = part->member;
  if (member == NULL) {
    nvt_text_add(text, part->kind == NVT_PART_GAP      ? "Reserved"
                       : part->kind == NVT_PART_BEYOND ? "After the Structure"
                                                       : part->structure->title);
    return;
  }
  nvt_text_printf(text, "%s (%s)", member->title, member->id);
  if (!part->indexed)
    return;
  nvt_text_add(text, " [");
  add_index(text, part, part->index);
  if (part->kind == NVT_PART_ZEROES) {
    nvt_text_add(text, " to ");
    add_index(text, part, part->index + part->count - 1);
  }
  nvt_text_add(text, "]");
  const char *name = part->kind == NVT_PART_ZEROES ? NULL : index_name(part);
  if (name != NULL)
    nvt_text_printf(text, " %s", name);
}

static void add_bytes(struct nvt_text *text, const uint8_t *bytes, uint64_t length) {
  uint64_t i = 0;
  while (i < length && bytes[i] == 0)
    i++;
  if (i == length && length > 8) {
    nvt_text_printf(text, "%" PRIu64 " bytes, all zero", length);
    return;
  }
  for (i = 0; i < length && i < SHOWN_BYTES; i++)
    nvt_text_printf(text, "%02x", bytes[i]);
  if (length > SHOWN_BYTES)
    nvt_text_printf(text, "… (%" PRIu64 " bytes)", length);
}

/* Without what it is padded with. */
static void add_ascii(struct nvt_text *text, const uint8_t *bytes, uint64_t length) {
  while (length > 0 && (bytes[length - 1] == ' ' || bytes[length - 1] == 0))
    length--;
  nvt_text_quote(text, bytes, (size_t)length);
}

static void add_u128(struct nvt_text *text, const uint8_t *bytes) {
  unsigned __int128 value = 0;
  for (unsigned i = 16; i-- > 0;)
    value = value << 8 | bytes[i];
  char digits[40];
  size_t at = sizeof(digits) - 1;
  digits[at] = '\0';
  do {
    digits[--at] = (char)('0' + (unsigned)(value % 10));
    value /= 10;
  } while (value != 0);
  nvt_text_add(text, digits + at);
}

/* The civil date of a day since 1970, in the Gregorian calendar from March on. */
static void add_time(struct nvt_text *text, uint64_t ms) {
  uint64_t seconds = ms / 1000, day = seconds / 86400 + 719468;
  uint64_t era = day / 146097, doe = day % 146097;
  uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  unsigned month = (unsigned)((5 * doy + 2) / 153);
  uint64_t year = yoe + era * 400 + (month >= 10);
  nvt_text_printf(text, "%" PRIu64 "-%02u-%02u %02u:%02u:%02u.%03u UTC", year,
                  month < 10 ? month + 3 : month - 9, (unsigned)(doy - (153 * month + 2) / 5 + 1),
                  (unsigned)(seconds / 3600 % 24), (unsigned)(seconds / 60 % 60),
                  (unsigned)(seconds % 60), (unsigned)(ms % 1000));
}

static void add_uuid(struct nvt_text *text, const uint8_t *bytes) {
  for (unsigned i = 0; i < 16; i++)
    nvt_text_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}

static void add_named(struct nvt_text *text, const char *name) {
  if (name != NULL)
    nvt_text_printf(text, " (%s)", name);
}

static void add_hex(struct nvt_text *text, const struct nvt_part *part) {
  unsigned digits =
      part->kind == NVT_PART_BITS ? (part->member->width + 3u) / 4 : (unsigned)part->length * 2;
  nvt_text_printf(text, "0x%0*" PRIx64, (int)digits, part->value);
}

static void add_power2(struct nvt_text *text, uint64_t value) {
  nvt_text_dec(text, value);
  if (value < 64)
    nvt_text_printf(text, " (%" PRIu64 ")", (uint64_t)1 << value);
}

static void add_zero_based(struct nvt_text *text, uint64_t value) {
  if (value == UINT64_MAX)
    nvt_text_add(text, "18446744073709551616 (0xffffffffffffffff, zero-based)");
  else
    nvt_text_printf(text, "%" PRIu64 " (0x%" PRIx64 ", zero-based)", value + 1, value);
}

static void add_value(struct nvt_text *text, const struct nvt_part *part) {
  const struct nvt_member *member = part->member;
  const char *name = nvt_value_name((enum nvt_values)member->values, part->value);
  uint64_t value = part->value;
  switch ((enum nvt_member_format)member->format) {
  case NVT_MEMBER_FLAG:
    nvt_text_add(text, value != 0 ? "True" : "False");
    return;
  case NVT_MEMBER_ZERO_BASED:
    if (name != NULL)
      nvt_text_printf(text, "0x%" PRIx64 " (%s)", value, name);
    else
      add_zero_based(text, value);
    return;
  case NVT_MEMBER_POWER2:
    if (name != NULL)
      nvt_text_printf(text, "%" PRIu64 " (%s)", value, name);
    else
      add_power2(text, value);
    return;
  case NVT_MEMBER_KELVIN:
    nvt_text_printf(text, "%" PRIu64 " K", value);
    if (value != 0)
      nvt_text_printf(text, " (%d °C)", (int)value - 273);
    return;
  case NVT_MEMBER_MS_1970:
    add_time(text, value);
    return;
  case NVT_MEMBER_VERSION:
    nvt_text_printf(text, "%u.%u.%u", (unsigned)(value >> 16), (unsigned)(value >> 8 & 0xff),
                    (unsigned)(value & 0xff));
    return;
  case NVT_MEMBER_U128:
    add_u128(text, part->bytes);
    return;
  case NVT_MEMBER_ASCII:
    add_ascii(text, part->bytes, part->length);
    return;
  case NVT_MEMBER_BYTES:
    add_bytes(text, part->bytes, part->length);
    return;
  case NVT_MEMBER_UUID:
    add_uuid(text, part->bytes);
    return;
  case NVT_MEMBER_EUI64:
    for (unsigned i = 0; i < 8; i++)
      nvt_text_printf(text, i > 0 ? ":%02x" : "%02x", part->bytes[i]);
    return;
  case NVT_MEMBER_DEC:
  case NVT_MEMBER_BIG_ENDIAN:
    nvt_text_dec(text, value);
    break;
  case NVT_MEMBER_HEX:
    add_hex(text, part);
    break;
  case NVT_MEMBER_STATUS:
    add_hex(text, part);
    name = nvt_status_name((nvt_status)value);
    break;
  case NVT_MEMBER_OPCODE:
    add_hex(text, part);
    name = nvt_opcode_name(NVT_SET_ADMIN, (uint8_t)value);
    break;
  case NVT_MEMBER_LOG_PAGE:
    add_hex(text, part);
    name = nvt_log_page_name((uint8_t)value);
    break;
  case NVT_MEMBER_FEATURE:
    add_hex(text, part);
    name = nvt_feature_name((uint8_t)value);
    break;
  }
  add_named(text, name);
}

void nvt_text_part_value(struct nvt_text *text, const struct nvt_part *part) {
  switch (part->kind) {
  case NVT_PART_VALUE:
  case NVT_PART_BITS:
    add_value(text, part);
    break;
  case NVT_PART_CUT:
    if (part->member->format == NVT_MEMBER_ASCII)
      add_ascii(text, part->bytes, part->length);
    else
      add_bytes(text, part->bytes, part->length);
    nvt_text_add(text, " [cut]");
    break;
  case NVT_PART_ZEROES:
    nvt_text_add(text, "all zero");
    break;
  case NVT_PART_GAP:
  case NVT_PART_BEYOND:
    add_bytes(text, part->bytes, part->length);
    break;
  case NVT_PART_BEGIN:
  case NVT_PART_END:
    break;
  }
}
