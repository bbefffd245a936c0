/* SPDX-License-Identifier: BSD-2-Clause */
/* JUnit's XML, as build servers take it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/report.h"

/* As text or in an attribute. XML has no way to say most control characters. */
static void put(FILE *file, const char *text) {
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (strchr("<>&\"", c) != NULL)
      fprintf(file, "&#%u;", c);
    else if (c < 0x20 && c != '\n' && c != '\t')
      fputc('?', file);
    else
      fputc(c, file);
  }
}

static const char *text_of(json_object *object, const char *key) {
  const char *text = json_object_get_string(nvt_report_member(object, key));
  return text != NULL ? text : "";
}

static uint64_t number_of(json_object *object, const char *key) {
  return json_object_get_uint64(nvt_report_member(object, key));
}

static void put_findings(FILE *file, json_object *findings) {
  for (size_t i = 0; i < json_object_array_length(findings); i++) {
    json_object *one = json_object_array_get_idx(findings, i);
    fprintf(file, "record %" PRIu64 ": ", number_of(one, "record"));
    put(file, text_of(one, "field"));
    fputs(": expected ", file);
    put(file, text_of(one, "expected"));
    fputs(", actual ", file);
    put(file, text_of(one, "actual"));
    fputs(": ", file);
    put(file, text_of(one, "text"));
    fputc('\n', file);
  }
}

static void put_case(FILE *file, const char *suite, json_object *result) {
  uint64_t differences = number_of(result, "differences");
  fputs("  <testcase classname=\"", file);
  put(file, suite);
  fputs("\" name=\"", file);
  put(file, text_of(result, "trace"));
  fprintf(file, "\" time=\"%.3f\">\n",
          json_object_get_double(nvt_report_member(result, "seconds")));
  if (differences > 0) {
    fprintf(file, "    <failure type=\"difference\" message=\"%" PRIu64 " differences\">",
            differences);
    put_findings(file, nvt_report_member(result, "findings"));
    fputs("</failure>\n", file);
  }
  if (nvt_report_member(result, "error") != NULL) {
    fputs("    <error type=\"unreadable\" message=\"", file);
    put(file, text_of(result, "error"));
    fputs("\"/>\n", file);
  }
  fputs("  </testcase>\n", file);
}

static void put_suite(FILE *file, const char *suite, json_object *results) {
  size_t count = json_object_array_length(results), failures = 0, errors = 0;
  double seconds = 0;
  for (size_t i = 0; i < count; i++) {
    json_object *result = json_object_array_get_idx(results, i);
    failures += number_of(result, "differences") > 0;
    errors += nvt_report_member(result, "error") != NULL;
    seconds += json_object_get_double(nvt_report_member(result, "seconds"));
  }
  fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"", file);
  put(file, suite);
  fprintf(file, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"%.3f\">\n", count,
          failures, errors, seconds);
  for (size_t i = 0; i < count; i++)
    put_case(file, suite, json_object_array_get_idx(results, i));
  fputs("</testsuite>\n", file);
}

int nvt_report_junit(const char *path, const char *suite, json_object *results) {
  char *temporary;
  if (asprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()) < 0)
    return -ENOMEM;
  errno = 0;
  FILE *file = fopen(temporary, "wx");
  int error = file == NULL ? -errno : 0;
  if (file != NULL) {
    put_suite(file, suite, results);
    bool failed = ferror(file) != 0;
    if ((fclose(file) != 0 || failed))
      error = errno != 0 ? -errno : -EIO;
    if (error == 0 && rename(temporary, path) != 0)
      error = -errno;
    if (error != 0)
      unlink(temporary);
  }
  free(temporary);
  return error;
}
