/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/text.h"

#include "trace/config_space.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void nvt_text_init(struct nvt_text *text, char *buffer, size_t size) {
  *text = (struct nvt_text){.buffer = buffer, .size = size};
  buffer[0] = '\0';
}

static void add_bytes(struct nvt_text *text, const char *bytes, size_t length) {
  size_t room = text->size - text->length - 1;
  if (length > room)
    length = room;
  memcpy(text->buffer + text->length, bytes, length);
  text->length += length;
  text->buffer[text->length] = '\0';
}

void nvt_text_add(struct nvt_text *text, const char *string) {
  add_bytes(text, string, strlen(string));
}

void nvt_text_dec(struct nvt_text *text, uint64_t value) {
  char digits[20];
  size_t at = sizeof(digits);
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  add_bytes(text, digits + at, sizeof(digits) - at);
}

void nvt_text_hex(struct nvt_text *text, uint64_t value, unsigned least) {
  char digits[18];
  size_t at = sizeof(digits);
  do {
    digits[--at] = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value != 0 || (sizeof(digits) - at < least && at > 2));
  digits[--at] = 'x';
  digits[--at] = '0';
  add_bytes(text, digits + at, sizeof(digits) - at);
}

void nvt_text_printf(struct nvt_text *text, const char *format, ...) {
  va_list args;
  va_start(args, format);
  size_t room = text->size - text->length;
  int length = vsnprintf(text->buffer + text->length, room, format, args);
  va_end(args);
  if (length > 0)
    text->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* Bytes of the well-formed UTF-8 sequence at `at`, 0 if there is none. */
static size_t utf8(const uint8_t *at, size_t left) {
  uint8_t c = at[0];
  size_t length = c >= 0xc2 && c < 0xe0   ? 2
                  : c >= 0xe0 && c < 0xf0 ? 3
                  : c >= 0xf0 && c < 0xf5 ? 4
                                          : 0;
  if (length == 0 || length > left)
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  bool overlong = (c == 0xe0 && at[1] < 0xa0) || (c == 0xf0 && at[1] < 0x90);
  bool beyond = (c == 0xed && at[1] > 0x9f) || (c == 0xf4 && at[1] > 0x8f);
  bool control = c == 0xc2 && at[1] < 0xa0;
  return overlong || beyond || control ? 0 : length;
}

void nvt_text_quote(struct nvt_text *text, const void *bytes, size_t length) {
  const uint8_t *at = bytes;
  for (size_t i = 0; i < length;) {
    size_t sequence = at[i] >= 0x20 && at[i] < 0x7f ? 1 : utf8(at + i, length - i);
    if (sequence > 0 && sequence <= text->size - text->length - 1)
      add_bytes(text, (const char *)at + i, sequence);
    else if (sequence > 0)
      return; /* no room: no half character either */
    else
      nvt_text_printf(text, "\\x%02x", at[i]);
    i += sequence > 0 ? sequence : 1;
  }
}

void nvt_text_opcode(struct nvt_text *text, enum nvt_opcode_set set, uint8_t code) {
  const char *name = nvt_opcode_name(set, code);
  if (name != NULL) {
    nvt_text_add(text, name);
    return;
  }
  nvt_text_add(text, set == NVT_SET_ADMIN     ? "admin opcode "
                     : set == NVT_SET_FABRICS ? "fabrics type "
                                              : "opcode ");
  nvt_text_hex(text, code, 2);
}

void nvt_text_status(struct nvt_text *text, nvt_status status) {
  nvt_text_status_in(text, NVT_SET_NVM, status);
}

void nvt_text_status_in(struct nvt_text *text, enum nvt_opcode_set set, nvt_status status) {
  const char *name = nvt_status_name_in(set, status);
  if (name != NULL)
    nvt_text_add(text, name);
  else
    nvt_text_printf(text, "status %u/0x%02x", status >> 8, status & 0xffu);
}

/* "12.345" of 12345 thousandths. */
static void thousandths(struct nvt_text *text, uint64_t value) {
  nvt_text_dec(text, value / 1000);
  unsigned rest = (unsigned)(value % 1000);
  const char part[] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10),
                       (char)('0' + rest % 10)};
  add_bytes(text, part, sizeof(part));
}

void nvt_text_duration(struct nvt_text *text, uint64_t ns) {
  if (ns < 1000) {
    nvt_text_dec(text, ns);
    nvt_text_add(text, " ns");
  } else if (ns < 1000000) {
    thousandths(text, ns);
    nvt_text_add(text, " µs");
  } else if (ns < 1000000000) {
    thousandths(text, ns / 1000);
    nvt_text_add(text, " ms");
  } else {
    thousandths(text, ns / 1000000);
    nvt_text_add(text, " s");
  }
}

void nvt_text_pci(struct nvt_text *text, uint32_t address) {
  static const char hex[] = "0123456789abcdef";
  uint32_t device = address >> 3 & 0x1fu;
  const char all[] = {hex[address >> 28],
                      hex[address >> 24 & 15],
                      hex[address >> 20 & 15],
                      hex[address >> 16 & 15],
                      ':',
                      hex[address >> 12 & 15],
                      hex[address >> 8 & 15],
                      ':',
                      hex[device >> 4],
                      hex[device & 15],
                      '.',
                      hex[address & 7]};
  add_bytes(text, all, sizeof(all));
}

static void register_name(struct nvt_text *text, const struct nvt_register_info *info,
                          uint64_t offset) {
  nvt_text_add(text, info->name);
  if (offset != info->offset) {
    nvt_text_add(text, "+");
    nvt_text_dec(text, offset - info->offset);
  }
}

void nvt_text_register(struct nvt_text *text, uint64_t offset) {
  const struct nvt_register_info *info = nvt_register_at(offset);
  if (info != NULL) {
    register_name(text, info, offset);
    return;
  }
  nvt_text_add(text, "offset ");
  nvt_text_hex(text, offset, 0);
}

void nvt_text_pci_register(struct nvt_text *text, const struct nvt_config_space *space,
                           uint64_t offset, unsigned size) {
  struct nvt_config_place place;
  if (!nvt_config_space_at(space, offset, &place) ||
      (place.reg == NULL && place.capability == NULL)) {
    nvt_text_hex(text, offset, 2);
    return;
  }
  uint64_t from = place.start;
  if (place.layout == NULL) {
    nvt_text_add(text, place.capability->extended ? "Extended Capability " : "Capability ");
    nvt_text_hex(text, place.capability->number, place.capability->extended ? 4 : 2);
  } else if (place.capability != NULL) {
    nvt_text_add(text, place.layout->name);
  }
  if (place.reg != NULL) {
    nvt_text_add(text, place.capability != NULL ? " " : "");
    nvt_text_add(text, place.reg->name);
  } else {
    from = place.base;
  }
  if (offset != from) {
    nvt_text_add(text, "+");
    nvt_text_dec(text, offset - from);
  }
  if (size > 1 && offset + size - 1 >= place.end && place.reg != NULL)
    nvt_text_add(text, ", …"); /* and those after it */
}

static const struct nvt_register_field_info register_fields[] = {
#define NVT_REGISTER_FIELD(reg, lsb, width, id, title)                                             \
  {NVT_REG_##reg, (lsb), (width), #id, (title)},
#include "nvme/registers.def"
};

const struct nvt_register_field_info *nvt_register_fields(size_t *count) {
  *count = sizeof(register_fields) / sizeof(register_fields[0]);
  return register_fields;
}

bool nvt_register_field_bits(const struct nvt_register_field_info *field, uint64_t offset,
                             unsigned size, uint64_t value, uint64_t *bits) {
  /* No register is longer than 8 bytes: most fields are ruled out without a look-up. */
  if (offset < field->offset || offset - field->offset >= 8 || size == 0 || size > 8)
    return false;
  const struct nvt_register_info *info = nvt_register_at(offset);
  if (info == NULL || info->offset != field->offset)
    return false;
  unsigned first = (unsigned)(offset - info->offset) * 8;
  if (field->lsb < first || field->lsb + field->width > first + size * 8)
    return false;
  *bits = (value >> (field->lsb - first)) & (~0ULL >> (64 - field->width));
  return true;
}

void nvt_text_register_fields(struct nvt_text *text, uint64_t offset, uint64_t value,
                              unsigned size) {
  size_t count;
  const struct nvt_register_field_info *fields = nvt_register_fields(&count);
  for (size_t i = 0; i < count; i++) {
    const struct nvt_register_field_info *field = &fields[i];
    uint64_t bits;
    if (!nvt_register_field_bits(field, offset, size, value, &bits) || bits == 0)
      continue;
    nvt_text_add(text, " ");
    nvt_text_add(text, field->name);
    if (field->width == 1)
      continue;
    nvt_text_add(text, "=");
    if (field->width > 16)
      nvt_text_hex(text, bits, 0);
    else
      nvt_text_dec(text, bits);
  }
}
