/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/vendor.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/names.h"

struct nvt_vendor {
  struct nvt_vendor_table table;
  struct json_object *root; /* names are its strings */
  struct nvt_vendor_opcode opcodes[NVT_VENDOR_COMMANDS_MAX];
  struct nvt_vendor_name names[3][NVT_VENDOR_COMMANDS_MAX];
  void *blocks[NVT_VENDOR_COMMANDS_MAX * 2 * (NVT_VENDOR_ROWS_MAX + 1)];
  size_t block_count;
};

struct reader {
  const char *path;
  struct nvt_vendor *to;
  char *why;
  size_t why_size;
  size_t command; /* in whose fields we are */
};

__attribute__((format(printf, 3, 4))) static bool refuse(struct reader *r, const char *key,
                                                         const char *format, ...) {
  char text[200];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  snprintf(r->why, r->why_size, "%s: command %zu: %s: %s", r->path, r->command, key, text);
  return false;
}

static void *block(struct reader *r, size_t count, size_t size) {
  void *memory = calloc(count != 0 ? count : 1, size);
  if (memory != NULL)
    r->to->blocks[r->to->block_count++] = memory;
  return memory;
}

/* A number, or its text: "0xc1". */
static bool parse_number(const char *text, uint64_t most, uint64_t *out) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 0);
  *out = value;
  return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value <= most;
}

static bool number(struct reader *r, struct json_object *in, const char *key, uint64_t most,
                   uint64_t *out) {
  struct json_object *value = json_object_object_get(in, key);
  if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0 &&
      (uint64_t)json_object_get_int64(value) <= most) {
    *out = (uint64_t)json_object_get_int64(value);
    return true;
  }
  if (json_object_is_type(value, json_type_string) &&
      parse_number(json_object_get_string(value), most, out))
    return true;
  return refuse(r, key, "a number from 0 to %llu is wanted, or a text such as \"0xc1\"",
                (unsigned long long)most);
}

static bool good_name(const char *text, size_t length) {
  if (length == 0 || length > NVT_VENDOR_NAME_MAX || strlen(text) != length)
    return false;
  for (size_t i = 0; i < length; i++)
    if (text[i] < 0x20 || text[i] > 0x7e)
      return false;
  return true;
}

static const char *name_of(struct reader *r, struct json_object *value, const char *key) {
  if (json_object_is_type(value, json_type_string) &&
      good_name(json_object_get_string(value), (size_t)json_object_get_string_len(value)))
    return json_object_get_string(value);
  refuse(r, key, "a text of 1 to %u printable ASCII characters is wanted", NVT_VENDOR_NAME_MAX);
  return NULL;
}

/* Which of these words it is, or -1. */
static int word(struct reader *r, struct json_object *in, const char *key,
                const char *const words[], int missing) {
  struct json_object *value = json_object_object_get(in, key);
  if (value == NULL && missing >= 0)
    return missing;
  const char *text =
      json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
  char all[80] = "";
  for (int i = 0; words[i] != NULL; i++) {
    if (strcmp(words[i], text) == 0)
      return i;
    size_t used = strlen(all);
    snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "", words[i]);
  }
  refuse(r, key, "one of %s is wanted", all);
  return -1;
}

static bool known_keys(struct reader *r, struct json_object *in, const char *where,
                       const char *const keys[]) {
  if (!json_object_is_type(in, json_type_object))
    return refuse(r, where, "an object is wanted: {…}");
  json_object_object_foreach(in, key, value) {
    (void)value;
    bool known = false;
    for (int i = 0; keys[i] != NULL && !known; i++)
      known = strcmp(keys[i], key) == 0;
    if (!known)
      return refuse(r, where, "there is no key \"%.40s\" here", key);
  }
  return true;
}

static bool read_values(struct reader *r, struct json_object *in, struct nvt_command_field *field) {
  if (in == NULL)
    return true;
  if (!json_object_is_type(in, json_type_object) ||
      json_object_object_length(in) > (int)NVT_VENDOR_ROWS_MAX)
    return refuse(r, "values", "an object of up to %u values is wanted: {\"0\": \"none\"}",
                  NVT_VENDOR_ROWS_MAX);
  struct nvt_value_row *rows = block(r, (size_t)json_object_object_length(in), sizeof(*rows));
  if (rows == NULL)
    return refuse(r, "values", "out of memory");
  field->names = rows;
  json_object_object_foreach(in, key, value) {
    uint64_t n;
    const char *name = name_of(r, value, "values");
    if (name == NULL)
      return false;
    if (!parse_number(key, UINT32_MAX, &n))
      return refuse(r, "values", "\"%.40s\" is no number", key);
    rows[field->name_count++] = (struct nvt_value_row){.value = (uint32_t)n, .name = name};
  }
  return true;
}

static bool read_field(struct reader *r, struct json_object *in, bool result,
                       struct nvt_command_field *field) {
  static const char *const keys[] = {"dword", "lsb",    "width",  "id",
                                     "title", "format", "values", NULL};
  static const char *const formats[] = {"dec", "hex", "flag", "zero_based", NULL};
  uint64_t dword, lsb, width;
  if (!known_keys(r, in, "fields", keys) || !number(r, in, "dword", result ? 1 : 15, &dword) ||
      !number(r, in, "lsb", 31, &lsb) || !number(r, in, "width", 64, &width))
    return false;
  if (!result && dword != 2 && dword != 3 && dword < 10)
    return refuse(r, "dword", "2, 3 or 10 to 15 is wanted, not %u", (unsigned)dword);
  uint64_t room = result ? 64 - 32 * dword : dword == 15 ? 32 : 64;
  if (width == 0 || lsb + width > room || (lsb + width > 32 && lsb != 0))
    return refuse(r, "width", "%u bits from bit %u on don't fit in dword %u", (unsigned)width,
                  (unsigned)lsb, (unsigned)dword);
  int format = word(r, in, "format", formats, NVT_FORMAT_DEC);
  if (format < 0)
    return false;
  field->dword = (uint8_t)dword;
  field->lsb = (uint8_t)lsb;
  field->width = (uint8_t)width;
  field->format = (enum nvt_format)format; /* in the order of enum nvt_format */
  field->status = NVT_STATUS_ANY;
  field->id = name_of(r, json_object_object_get(in, "id"), "id");
  field->title =
      field->id != NULL ? name_of(r, json_object_object_get(in, "title"), "title") : NULL;
  return field->title != NULL && read_values(r, json_object_object_get(in, "values"), field);
}
_Static_assert(NVT_FORMAT_DEC == 0 && NVT_FORMAT_HEX == 1 && NVT_FORMAT_FLAG == 2 &&
                   NVT_FORMAT_ZERO_BASED == 3,
               "the words of \"format\"");

static bool read_fields(struct reader *r, struct json_object *command, bool result,
                        const struct nvt_vendor_opcode *of, const struct nvt_command_field **out,
                        size_t *count) {
  const char *key = result ? "results" : "fields";
  struct json_object *in = json_object_object_get(command, key);
  if (in == NULL)
    return true;
  if (!json_object_is_type(in, json_type_array) ||
      json_object_array_length(in) > NVT_VENDOR_ROWS_MAX)
    return refuse(r, key, "a list of up to %u fields is wanted", NVT_VENDOR_ROWS_MAX);
  size_t length = json_object_array_length(in);
  struct nvt_command_field *rows = block(r, length, sizeof(*rows));
  if (rows == NULL)
    return refuse(r, key, "out of memory");
  for (size_t i = 0; i < length; i++) {
    rows[i].set = of->set;
    rows[i].opcode = of->code;
    if (!read_field(r, json_object_array_get_idx(in, i), result, &rows[i]))
      return false;
  }
  *out = rows;
  *count = length;
  return true;
}

static bool read_command(struct reader *r, struct json_object *in, struct nvt_vendor_opcode *to) {
  static const char *const keys[] = {"set",    "opcode",  "name", "direction",
                                     "fields", "results", NULL};
  static const char *const sets[] = {"admin", "nvm", "kv", NULL};
  static const char *const directions[] = {"none", "out", "in", "bidi", NULL};
  uint64_t opcode;
  if (!known_keys(r, in, "commands", keys))
    return false;
  int set = word(r, in, "set", sets, -1);
  if (set < 0 || !number(r, in, "opcode", 255, &opcode))
    return false;
  to->set = (enum nvt_opcode_set)set;
  to->code = (uint8_t)opcode;
  if (nvt_opcode_standard(to->set, to->code))
    return refuse(r, "opcode", "0x%02x is the specification's %s", to->code,
                  nvt_opcode_name(to->set, to->code));
  int direction = word(r, in, "direction", directions, (int)(opcode & 3u));
  to->direction = (enum nvt_direction)direction;
  to->name = direction >= 0 ? name_of(r, json_object_object_get(in, "name"), "name") : NULL;
  return to->name != NULL && read_fields(r, in, false, to, &to->fields, &to->field_count) &&
         read_fields(r, in, true, to, &to->results, &to->result_count);
}
_Static_assert(NVT_SET_ADMIN == 0 && NVT_SET_NVM == 1 && NVT_SET_KV == 2, "the words of \"set\"");

static bool read_names(struct reader *r, const char *key, uint64_t most,
                       struct nvt_vendor_name *names, size_t *count) {
  struct json_object *in = json_object_object_get(r->to->root, key);
  if (in == NULL)
    return true;
  if (!json_object_is_type(in, json_type_object) ||
      json_object_object_length(in) > (int)NVT_VENDOR_COMMANDS_MAX)
    return refuse(r, key, "an object of up to %u names is wanted", NVT_VENDOR_COMMANDS_MAX);
  json_object_object_foreach(in, number_text, value) {
    uint64_t n;
    const char *name = name_of(r, value, key);
    if (name == NULL)
      return false;
    if (!parse_number(number_text, most, &n))
      return refuse(r, key, "\"%.40s\" is no number from 0 to %llu", number_text,
                    (unsigned long long)most);
    names[(*count)++] = (struct nvt_vendor_name){.value = (uint16_t)n, .name = name};
  }
  return true;
}

static bool read_root(struct reader *r) {
  static const char *const keys[] = {"commands", "statuses", "features", "log_pages", NULL};
  struct nvt_vendor *to = r->to;
  struct nvt_vendor_table *table = &to->table;
  if (!known_keys(r, to->root, "the file", keys))
    return false;
  struct json_object *commands = json_object_object_get(to->root, "commands");
  if (commands != NULL && (!json_object_is_type(commands, json_type_array) ||
                           json_object_array_length(commands) > NVT_VENDOR_COMMANDS_MAX))
    return refuse(r, "commands", "a list of up to %u is wanted", NVT_VENDOR_COMMANDS_MAX);
  for (size_t i = 0; commands != NULL && i < json_object_array_length(commands); i++) {
    r->command = i + 1;
    if (!read_command(r, json_object_array_get_idx(commands, i), &to->opcodes[i]))
      return false;
    table->opcode_count++;
  }
  table->opcodes = to->opcodes;
  table->statuses = to->names[0];
  table->features = to->names[1];
  table->log_pages = to->names[2];
  return read_names(r, "statuses", 0x7ff, to->names[0], &table->status_count) &&
         read_names(r, "features", 255, to->names[1], &table->feature_count) &&
         read_names(r, "log_pages", 255, to->names[2], &table->log_page_count);
}

bool nvt_vendor_parse(const char *path, const char *text, size_t length, struct nvt_vendor **out,
                      char *why, size_t why_size) {
  struct nvt_vendor *vendor = calloc(1, sizeof(*vendor));
  struct json_tokener *tokener = json_tokener_new();
  if (vendor == NULL || tokener == NULL || length > NVT_VENDOR_FILE_MAX) {
    snprintf(why, why_size, "%s: %s", path,
             length > NVT_VENDOR_FILE_MAX ? "longer than 1 MiB" : "out of memory");
    free(vendor);
    if (tokener != NULL)
      json_tokener_free(tokener);
    return false;
  }
  vendor->root = json_tokener_parse_ex(tokener, text, (int)length);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  size_t end = json_tokener_get_parse_end(tokener);
  json_tokener_free(tokener);
  while (end < length && strchr(" \t\r\n", text[end]) != NULL && text[end] != '\0')
    end++;
  struct reader reader = {.path = path, .to = vendor, .why = why, .why_size = why_size};
  bool good = error == json_tokener_success && end == length;
  if (!good)
    snprintf(why, why_size, "%s: no JSON at byte %zu: %s", path, end,
             error == json_tokener_success ? "text after the end" : json_tokener_error_desc(error));
  if (good && read_root(&reader)) {
    *out = vendor;
    return true;
  }
  nvt_vendor_free(vendor);
  return false;
}

bool nvt_vendor_load(const char *path, struct nvt_vendor **out, char *why, size_t why_size) {
  FILE *file = fopen(path, "rb");
  char *text = file != NULL ? malloc(NVT_VENDOR_FILE_MAX + 1u) : NULL;
  size_t length = text != NULL ? fread(text, 1, NVT_VENDOR_FILE_MAX + 1u, file) : 0;
  bool read = text != NULL && ferror(file) == 0;
  if (!read)
    snprintf(why, why_size, "%s: %s", path, strerror(errno != 0 ? errno : EIO));
  if (file != NULL)
    fclose(file);
  bool good = read && nvt_vendor_parse(path, text, length, out, why, why_size);
  free(text);
  return good;
}

void nvt_vendor_free(struct nvt_vendor *vendor) {
  if (vendor == NULL)
    return;
  if (nvt_vendor_used() == &vendor->table)
    nvt_vendor_use(NULL);
  for (size_t i = 0; i < vendor->block_count; i++)
    free(vendor->blocks[i]);
  json_object_put(vendor->root);
  free(vendor);
}

const struct nvt_vendor_table *nvt_vendor_table(const struct nvt_vendor *vendor) {
  return &vendor->table;
}
