/* SPDX-License-Identifier: BSD-2-Clause */
/* Plug-ins made by the compiler on the spot, as a user would, in a folder of the test's own. */
#ifndef NVT_TESTS_UNIT_COMPILE_PLUGIN_H
#define NVT_TESTS_UNIT_COMPILE_PLUGIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_THREAD__)
#define COMPILE_SANITIZER "-fsanitize=thread"
#elif defined(__SANITIZE_ADDRESS__)
#define COMPILE_SANITIZER "-fsanitize=address,undefined"
#else
#define COMPILE_SANITIZER ""
#endif

static char folder[64]; /* set by make_folder() */

/* A path in the folder; four of them are good at a time. */
static inline const char *place(const char *name) {
  static char path[4][160];
  static unsigned next;
  char *to = path[next++ % 4];
  snprintf(to, sizeof(path[0]), "%s/%s", folder, name);
  return to;
}

static inline void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

/* Compile a source file to NAME.so, with more flags; its path. */
static inline const char *compile_file(const char *name, const char *source, const char *flags) {
  char command[700], file[80];
  snprintf(file, sizeof(file), "%s.so", name);
  const char *library = place(file);
  snprintf(command, sizeof(command),
           "${CC:-cc} -Wall -Werror -shared -fPIC -pthread -Icontroller %s -o %s %s", flags,
           library, source);
  assert_int_equal(system(command), 0);
  return library;
}

/* The same with the text of the source. */
static inline const char *compile(const char *name, const char *text) {
  char file[80];
  snprintf(file, sizeof(file), "%s.c", name);
  const char *source = place(file);
  write_file(source, text);
  return compile_file(name, source, "-Wextra -Wno-unused-parameter");
}

static inline int make_folder(void **state) {
  (void)state;
  strcpy(folder, "/tmp/nvmetap-plugins.XXXXXX");
  return mkdtemp(folder) == NULL;
}

static inline int remove_folder(void **state) {
  (void)state;
  char command[100];
  snprintf(command, sizeof(command), "rm -rf %s", folder);
  return system(command);
}

#endif
