/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/fault/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/fault/rules.h"

bool fault_refuse(struct fault_reader *reader, const char *path, const char *format, ...) {
  char what[256];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(what, sizeof(what), format, args);
  va_end(args);
  const char *between = reader->rule[0] != '\0' && path[0] != '\0' ? ", " : "";
  const char *after = reader->rule[0] != '\0' || path[0] != '\0' ? ": " : "";
  if (reader->whylen > 0)
    (void)snprintf(reader->why, reader->whylen, "%s%s%s%s%s", reader->rule, between, path, after,
                   what);
  return false;
}

/* What somebody wrote, for a message: short, and without control characters. */
static const char *shown(const char *text, char out[48]) {
  size_t n = 0;
  for (; n < 40 && text[n] != '\0'; n++)
    out[n] = text[n] < ' ' || text[n] == 0x7f ? '?' : text[n];
  memcpy(out + n, text[n] == '\0' ? "" : "...", text[n] == '\0' ? 1 : 4);
  return out;
}

static void list_keys(const struct fault_key *keys, char *out, size_t length) {
  size_t used = 0;
  out[0] = '\0';
  for (; keys->name != NULL && used + 1 < length; keys++) {
    int n = snprintf(out + used, length - used, "%s%s", used == 0 ? "" : ", ", keys->name);
    used += n < 0 ? 0 : (size_t)n;
  }
}

bool fault_read_object(struct fault_reader *reader, const char *path, struct json_object *value,
                       const struct fault_key *keys, void *out) {
  if (!json_object_is_type(value, json_type_object))
    return fault_refuse(reader, path, "an object {…} is wanted");
  json_object_object_foreach(value, name, member) {
    const struct fault_key *key = keys;
    while (key->name != NULL && strcmp(key->name, name) != 0)
      key++;
    if (key->name == NULL) {
      char known[200], text[48];
      list_keys(keys, known, sizeof(known));
      return fault_refuse(reader, path, "there is no key '%s' here; there are: %s",
                          shown(name, text), known);
    }
    char place[96];
    (void)snprintf(place, sizeof(place), "%s%s%s", path, path[0] == '\0' ? "" : ".", name);
    if (!key->take(reader, place, member, out))
      return false;
  }
  return true;
}

bool fault_number_in(const char *text, uint64_t *out) {
  /* No sign, no blank, no octal by a leading 0. */
  int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
  const char *digits = base == 16 ? text + 2 : text;
  const char *allowed = base == 16 ? "0123456789abcdefABCDEF" : "0123456789";
  if (*digits == '\0' || digits[strspn(digits, allowed)] != '\0')
    return false;
  errno = 0;
  *out = strtoull(digits, NULL, base);
  return errno == 0;
}

bool fault_read_number(struct fault_reader *reader, const char *path, struct json_object *value,
                       uint64_t least, uint64_t most, uint64_t *out) {
  uint64_t number = 0;
  bool is = false;
  if (json_object_is_type(value, json_type_int)) {
    number = json_object_get_uint64(value);
    /* What is over 64 bits json-c makes the largest number. */
    is = json_object_get_int64(value) >= 0 && number != UINT64_MAX;
  } else if (json_object_is_type(value, json_type_string)) {
    is = fault_number_in(json_object_get_string(value), &number);
  }
  if (!is || number < least || number > most)
    return fault_refuse(reader, path,
                        "a whole number from %" PRIu64 " to %" PRIu64
                        " is wanted (or \"0x…\" as a string)",
                        least, most);
  *out = number;
  return true;
}

bool fault_read_bool(struct fault_reader *reader, const char *path, struct json_object *value,
                     bool *out) {
  if (!json_object_is_type(value, json_type_boolean))
    return fault_refuse(reader, path, "true or false is wanted");
  *out = json_object_get_boolean(value);
  return true;
}

bool fault_read_true(struct fault_reader *reader, const char *path, struct json_object *value) {
  bool is = false;
  if (!fault_read_bool(reader, path, value, &is))
    return false;
  return is || fault_refuse(reader, path, "it is true, or not there");
}

const char *fault_read_string(struct fault_reader *reader, const char *path,
                              struct json_object *value) {
  if (!json_object_is_type(value, json_type_string)) {
    fault_refuse(reader, path, "a string is wanted");
    return NULL;
  }
  const char *text = json_object_get_string(value);
  if (strlen(text) != (size_t)json_object_get_string_len(value)) {
    fault_refuse(reader, path, "a string without a character 0 is wanted");
    return NULL;
  }
  return text;
}

bool fault_read_pair(struct fault_reader *reader, const char *path, struct json_object *value,
                     uint64_t least, uint64_t most, uint64_t out[2]) {
  if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) != 2)
    return fault_refuse(reader, path, "it is written [first, last]");
  for (size_t i = 0; i < 2; i++)
    if (!fault_read_number(reader, path, json_object_array_get_idx(value, i), least, most, &out[i]))
      return false;
  return out[0] <= out[1] || fault_refuse(reader, path, "the first is more than the last");
}

static const struct {
  const char *name;
  double ns;
} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};

bool fault_read_duration(struct fault_reader *reader, const char *path, struct json_object *value,
                         uint64_t *out) {
  static const char wanted[] = "a duration such as \"10ms\" is wanted: ns, us, ms or s, from 1 ns "
                               "to 3600 s";
  if (!json_object_is_type(value, json_type_string))
    return fault_refuse(reader, path, "%s", wanted);
  const char *text = json_object_get_string(value);
  size_t digits = strspn(text, "0123456789.");
  char number[32], *end = NULL;
  if (digits == 0 || digits >= sizeof(number))
    return fault_refuse(reader, path, "%s", wanted);
  memcpy(number, text, digits);
  number[digits] = '\0';
  double times = strtod(number, &end);
  for (size_t i = 0; *end == '\0' && i < sizeof(units) / sizeof(units[0]); i++) {
    double ns = times * units[i].ns;
    if (strcmp(text + digits, units[i].name) == 0 && ns >= 1 && ns <= (double)FAULT_NS_MAX) {
      *out = (uint64_t)ns;
      return true;
    }
  }
  return fault_refuse(reader, path, "%s", wanted);
}
