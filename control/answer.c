/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes into answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/request_int.h"

/* Length of the UTF-8 character at `at`; 0: it isn't one. RFC 3629, section 4. */
static unsigned character(const unsigned char *at) {
  if (at[0] < 0x80)
    return 1;
  unsigned length = at[0] >= 0xc2 && at[0] <= 0xdf   ? 2
                    : at[0] >= 0xe0 && at[0] <= 0xef ? 3
                    : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                     : 0;
  for (unsigned i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  bool odd = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
             (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f);
  return odd ? 0 : length;
}

void nvt_control_add_text(struct json_object *to, const char *name, const char *text) {
  char *copy = strdup(text == NULL ? "" : text);
  if (copy == NULL)
    return;
  for (char *at = copy; *at != '\0';) {
    unsigned length = character((const unsigned char *)at);
    if (length == 0) {
      *at = '?';
      length = 1;
    }
    at += length;
  }
  json_object_object_add(to, name, json_object_new_string(copy));
  free(copy);
}

void nvt_control_add_number(struct json_object *to, const char *name, uint64_t value) {
  json_object_object_add(to, name, json_object_new_uint64(value));
}

void nvt_control_add_hex(struct json_object *to, const char *name, uint64_t value, int digits) {
  char text[24];
  (void)snprintf(text, sizeof(text), "0x%0*" PRIx64, digits, value);
  nvt_control_add_text(to, name, text);
}

void nvt_control_add_flag(struct json_object *to, const char *name, bool value) {
  json_object_object_add(to, name, json_object_new_boolean(value));
}
