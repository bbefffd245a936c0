/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

extern const struct nvt_command *const __start_nvt_commands[];
extern const struct nvt_command *const __stop_nvt_commands[];

size_t nvt_command_count(void) {
  /* Both bounds are the linker's, of one section. */
  // cppcheck-suppress [comparePointers, subtractPointers]
  return (size_t)(__stop_nvt_commands - __start_nvt_commands);
}

const struct nvt_command *nvt_command_at(size_t index) {
  /* The linker's order is that of the object files; people want the order of work. */
  size_t count = nvt_command_count();
  for (size_t i = 0; i < count; i++) {
    const struct nvt_command *c = __start_nvt_commands[i];
    size_t before = 0;
    for (size_t j = 0; j < count; j++) {
      const struct nvt_command *d = __start_nvt_commands[j];
      if (d->order < c->order || (d->order == c->order && j < i))
        before++;
    }
    if (before == index)
      return c;
  }
  return NULL;
}

int nvt_usage_error(const char *command, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "nvmetap %s: ", command);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return NVT_EXIT_USAGE;
}

bool nvt_parse_count(const char *text, uint64_t *out) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0)
    return false;
  *out = value;
  return true;
}
