/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/findings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nvt_findings_init(struct nvt_findings *findings, size_t max) {
  *findings = (struct nvt_findings){.max = max, .loop = 1};
}

void nvt_findings_clear(struct nvt_findings *findings) {
  free(findings->list);
  findings->list = NULL;
  findings->kept = 0;
}

static void copy(char *to, size_t size, const char *from) {
  size_t length = strnlen(from, size - 1);
  memcpy(to, from, length);
  to[length] = '\0';
}

static void add(struct nvt_findings *findings, uint64_t record, const char *field,
                const char *expected, const char *actual, const char *format, va_list args) {
  if (findings->muted)
    return;
  findings->count++;
  if (findings->kept >= findings->max)
    return;
  /* Doubled at each power of two; without memory the count stays exact. */
  if ((findings->kept & (findings->kept - 1)) == 0) {
    size_t room = findings->kept != 0 ? findings->kept * 2 : 1;
    struct nvt_finding *bigger = reallocarray(findings->list, room, sizeof(*bigger));
    if (bigger == NULL)
      return;
    findings->list = bigger;
  }
  struct nvt_finding *finding = &findings->list[findings->kept++];
  finding->record = record;
  finding->loop = findings->loop;
  finding->field = field;
  copy(finding->expected, sizeof(finding->expected), expected);
  copy(finding->actual, sizeof(finding->actual), actual);
  vsnprintf(finding->text, sizeof(finding->text), format, args);
}

void nvt_findings_add(struct nvt_findings *findings, uint64_t record, const char *field,
                      const char *expected, const char *actual, const char *format, ...) {
  va_list args;
  va_start(args, format);
  add(findings, record, field, expected, actual, format, args);
  va_end(args);
}

void nvt_findings_number(struct nvt_findings *findings, uint64_t record, const char *field,
                         uint64_t expected, uint64_t actual, int digits, const char *format, ...) {
  char is[32], was[32];
  if (digits > 0) {
    snprintf(was, sizeof(was), "0x%0*" PRIx64, digits, expected);
    snprintf(is, sizeof(is), "0x%0*" PRIx64, digits, actual);
  } else {
    snprintf(was, sizeof(was), "%" PRIu64, expected);
    snprintf(is, sizeof(is), "%" PRIu64, actual);
  }
  va_list args;
  va_start(args, format);
  add(findings, record, field, was, is, format, args);
  va_end(args);
}
