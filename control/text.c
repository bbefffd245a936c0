/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/text_int.h"

#include <stdarg.h>
#include <stdio.h>

bool nvt_control_refuse(char *why, size_t whylen, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(why, whylen, format, args);
  va_end(args);
  return false;
}

bool nvt_control_number(const char *text, uint64_t *out) {
  bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  const char *digits = hex ? text + 2 : text;
  uint64_t value = 0, base = hex ? 16 : 10;
  if (*digits == '\0')
    return false;
  for (; *digits != '\0'; digits++) {
    uint64_t digit = *digits >= '0' && *digits <= '9'          ? (uint64_t)(*digits - '0')
                     : hex && *digits >= 'a' && *digits <= 'f' ? (uint64_t)(*digits - 'a' + 10)
                     : hex && *digits >= 'A' && *digits <= 'F' ? (uint64_t)(*digits - 'A' + 10)
                                                               : base;
    if (digit == base || __builtin_mul_overflow(value, base, &value) ||
        __builtin_add_overflow(value, digit, &value))
      return false;
  }
  *out = value;
  return true;
}
