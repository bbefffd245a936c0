/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "capture/output_int.h"

enum { NUMBERS = 100000, LONGEST = 4096 };

/* Where the suffix begins: ".pcap", ".pcap.zst". The end where there is none. */
static size_t suffix_at(const char *path) {
  static const char *const packed[] = {".zst", ".gz", ".lz4"};
  const char *slash = strrchr(path, '/');
  const char *base = slash == NULL ? path : slash + 1;
  const char *dot = strrchr(base, '.');
  if (dot == NULL || dot == base)
    return strlen(path);
  for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)
    if (strcasecmp(dot, packed[i]) == 0) {
      const char *earlier = memrchr(base, '.', (size_t)(dot - base));
      return (size_t)((earlier == NULL || earlier == base ? dot : earlier) - path);
    }
  return (size_t)(dot - path);
}

/* `middle` before the suffix. */
static char *insert(const char *path, const char *middle) {
  size_t at = suffix_at(path);
  char *name;
  return asprintf(&name, "%.*s%s%s", (int)at, path, middle, path + at) < 0 ? NULL : name;
}

char *nvt_output_name(const char *path, uint64_t number, int64_t seconds, const char *last) {
  time_t when = (time_t)seconds;
  struct tm local;
  char text[LONGEST];
  if (localtime_r(&when, &local) == NULL)
    return NULL;
  if (strchr(path, '%') == NULL) {
    int length = snprintf(text, sizeof(text), "_%05" PRIu64 "_", number % NUMBERS);
    if (strftime(text + length, sizeof(text) - (size_t)length, "%Y%m%d%H%M%S", &local) == 0)
      return NULL;
    return insert(path, text);
  }
  if (strftime(text, sizeof(text), path, &local) == 0)
    return NULL;
  if (last == NULL)
    return strdup(text);
  /* tcpdump overwrites what has the same name. */
  char again[32];
  snprintf(again, sizeof(again), "_%05" PRIu64, number % NUMBERS);
  char *numbered = insert(text, again);
  size_t at = suffix_at(text);
  bool same = strcmp(last, text) == 0 ||
              (strncmp(last, text, at) == 0 && last[at] == '_' && strlen(last) == strlen(text) + 6);
  if (same || numbered == NULL)
    return numbered;
  free(numbered);
  return strdup(text);
}
