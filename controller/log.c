/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Atomic int now = NVT_LOG_NORMAL;
static const char *const names[NVT_LOG_LEVELS] = {"quiet", "normal", "verbose"};

void nvt_log(enum nvt_log_level level, const char *format, ...) {
  if ((int)level > atomic_load_explicit(&now, memory_order_relaxed))
    return;
  char text[1024] = "nvmetap: ";
  size_t length = strlen(text);
  va_list args;
  va_start(args, format);
  int more = vsnprintf(text + length, sizeof(text) - length - 1, format, args);
  va_end(args);
  if (more < 0)
    return;
  size_t start = length;
  length += (size_t)more < sizeof(text) - length - 1 ? (size_t)more : sizeof(text) - length - 2;
  for (size_t i = start; i < length; i++) /* names of others' are no orders for a terminal */
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
      text[i] = '?';
  text[length++] = '\n';
  /* At once: lines of two threads, or processes, don't mix. */
  ssize_t written = write(STDERR_FILENO, text, length);
  (void)written; /* nobody is left to tell */
}

void nvt_log_set(enum nvt_log_level level) {
  atomic_store_explicit(&now, (int)level, memory_order_relaxed);
}

enum nvt_log_level nvt_log_get(void) {
  return (enum nvt_log_level)atomic_load_explicit(&now, memory_order_relaxed);
}

const char *nvt_log_level_name(enum nvt_log_level level) {
  return (unsigned)level < NVT_LOG_LEVELS ? names[level] : "?";
}

bool nvt_log_level_parse(const char *name, enum nvt_log_level *out) {
  for (unsigned i = 0; i < NVT_LOG_LEVELS; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (enum nvt_log_level)i;
      return true;
    }
  return false;
}
