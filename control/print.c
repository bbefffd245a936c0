/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/print_int.h"

#include <json-c/json.h>
#include <string.h>

/* A plug-in's words may hold anything: a terminal is to get text. */
void nvt_control_print_text(FILE *to, const char *text) {
  for (; *text != '\0'; text++)
    fputc(((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t') || *text == 0x7f ? '?'
                                                                                           : *text,
          to);
}

static void print_value(FILE *to, struct json_object *value) {
  if (json_object_is_type(value, json_type_boolean))
    fputs(json_object_get_boolean(value) ? "yes" : "no", to);
  else if (value == NULL)
    fputs("none", to);
  else
    nvt_control_print_text(to, json_object_get_string(value));
}

/* "name value, name value" */
static void print_line(FILE *to, struct json_object *object) {
  const char *between = "";
  if (!json_object_is_type(object, json_type_object)) {
    print_value(to, object);
    fputc('\n', to);
    return;
  }
  json_object_object_foreach(object, name, value) {
    if (json_object_is_type(value, json_type_string) && json_object_get_string_len(value) == 0)
      continue;
    fputs(between, to);
    nvt_control_print_text(to, name);
    fputc(' ', to);
    print_value(to, value);
    between = ", ";
  }
  fputc('\n', to);
}

void nvt_control_print(FILE *to, struct json_object *answer) {
  json_object_object_foreach(answer, name, value) {
    if (strcmp(name, "ok") == 0)
      continue;
    nvt_control_print_text(to, name);
    fputc(':', to);
    if (json_object_is_type(value, json_type_object)) {
      fputc(' ', to);
      print_line(to, value);
    } else if (json_object_is_type(value, json_type_array)) {
      size_t count = json_object_array_length(value);
      fputs(count == 0 ? " none\n" : "\n", to);
      for (size_t i = 0; i < count; i++) {
        fputs("  ", to);
        print_line(to, json_object_array_get_idx(value, i));
      }
    } else {
      fputc(' ', to);
      print_value(to, value);
      fputc('\n', to);
    }
  }
}
