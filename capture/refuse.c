/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/refuse_int.h"

#include <stdarg.h>
#include <stdio.h>

int nvt_capture_refuse(int error, char *why, size_t whylen, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(why, whylen, format, args);
  va_end(args);
  return error;
}
