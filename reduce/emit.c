/* SPDX-License-Identifier: BSD-2-Clause */
/* The reduced trace as a test: a shell script or a C program that has it inside. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reduce/reduce_int.h"

struct bytes {
  uint8_t *at;
  size_t count;
};

static bool read_file(const char *path, struct bytes *out) {
  FILE *file = fopen(path, "re");
  struct stat status;
  *out = (struct bytes){0};
  if (file == NULL)
    return false;
  if (fstat(fileno(file), &status) == 0 && status.st_size > 0) {
    out->count = (size_t)status.st_size;
    out->at = malloc(out->count);
  }
  bool good = out->at != NULL && fread(out->at, 1, out->count, file) == out->count;
  fclose(file);
  return good;
}

static void put_base64(FILE *to, const struct bytes *bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes->count; i += 3) {
    size_t left = bytes->count - i;
    uint32_t three = (uint32_t)bytes->at[i] << 16 |
                     (left > 1 ? (uint32_t)bytes->at[i + 1] << 8 : 0) |
                     (left > 2 ? bytes->at[i + 2] : 0);
    fputc(digits[three >> 18], to);
    fputc(digits[three >> 12 & 63], to);
    fputc(left > 1 ? digits[three >> 6 & 63] : '=', to);
    fputc(left > 2 ? digits[three & 63] : '=', to);
    if (i % 57 == 54)
      fputc('\n', to);
  }
  if (bytes->count % 57 != 0)
    fputc('\n', to);
}

/* What is compared, in a comment: nothing in it may end the comment or the line. */
static void put_finding(FILE *to, const char *start, const struct nvt_judge *j) {
  fputs(start, to);
  if (j->command != NULL) {
    fputs("A difference that the command below tells of by its exit status.\n", to);
    return;
  }
  char text[sizeof(j->found.expected) + sizeof(j->found.actual) + sizeof(j->found.text) + 128];
  snprintf(text, sizeof(text), "%s: expected %s, actual %s: %s", j->found.field, j->found.expected,
           j->found.actual, j->found.text);
  for (const char *c = text; *c != '\0'; c++)
    fputc((unsigned char)*c < ' ' || *c == '/' ? '_' : *c, to);
  fputc('\n', to);
}

static void put_variables(FILE *to, const char *start, const struct nvt_judge *j) {
  if (j->command == NULL)
    fprintf(to, "%sNVMETAP: the command; NVMETAP_TARGET: what to replay into.\n", start);
}

/* The command, with the path in the place of {} from the variable `trace`. */
static void put_command(FILE *to, const struct nvt_judge *j) {
  bool put = false;
  if (j->command == NULL) {
    fputs("target=", to);
    nvt_put_quoted(to, j->target->name);
    if (j->address != NULL) {
      fputc(':', to);
      nvt_put_quoted(to, j->address);
    }
    fputs("\n\"${NVMETAP:-nvmetap}\" replay \"$trace\" --target \"${NVMETAP_TARGET:-$target}\"",
          to);
    return;
  }
  for (const char *c = j->command; *c != '\0'; c++)
    if (c[0] == '{' && c[1] == '}') {
      fputs("\"$trace\"", to);
      put = true;
      c++;
    } else {
      fputc(*c, to);
    }
  if (!put)
    fputs(" \"$trace\"", to);
}

static void put_sh(FILE *to, const struct nvt_judge *j, const struct bytes *bytes) {
  fputs(
      "#!/bin/sh\n# Made by nvmetap reduce. Exit status 0: the difference is gone, 1: it is there, "
      "2: can't tell.\n",
      to);
  put_finding(to, "# ", j);
  put_variables(to, "# ", j);
  fputs("trace=$(mktemp \"${TMPDIR:-/tmp}/reduced.XXXXXX\") || exit 2\n"
        "trap 'rm -f \"$trace\"' EXIT\n"
        "base64 -d >\"$trace\" <<'END' || exit 2\n",
        to);
  put_base64(to, bytes);
  fputs("END\n(\n", to);
  put_command(to, j);
  fprintf(to, "\n)\nstatus=$?\n");
  if (j->command != NULL)
    fprintf(to, "[ $status != %d ] || exit 1\n[ $status != 126 ] && [ $status != 127 ] || exit 2\n",
            j->status);
  else
    fputs("[ $status -le 2 ] || exit 2\nexit $status\n", to);
}

/* A string of C. */
static void put_string(FILE *to, const char *text) {
  fputc('"', to);
  for (; *text != '\0'; text++)
    if (*text == '"' || *text == '\\')
      fprintf(to, "\\%c", *text);
    else if ((unsigned char)*text < ' ' || *text == '?')
      fprintf(to, "\\%03o", (unsigned char)*text);
    else
      fputc(*text, to);
  fputc('"', to);
}

static const char c_program[] =
    "#include <stdio.h>\n#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n\n"
    "int main(void) {\n"
    "  char path[] = \"/tmp/reduced.XXXXXX\";\n"
    "  int fd = mkstemp(path);\n"
    "  if (fd < 0 || write(fd, trace, sizeof(trace)) != (ssize_t)sizeof(trace) || close(fd) != 0) "
    "{\n"
    "    perror(path);\n"
    "    return 2;\n"
    "  }\n"
    "  setenv(\"trace\", path, 1);\n"
    "  int status = system(command);\n"
    "  unlink(path);\n"
    "  if (status < 0 || !WIFEXITED(status))\n"
    "    return 2;\n";

static void put_c(FILE *to, const struct nvt_judge *j, const struct bytes *bytes) {
  fputs("/* Made by nvmetap reduce; cc FILE makes a test. Exit status 0: the difference is gone, "
        "1: it is\n"
        " * there, 2: can't tell.\n",
        to);
  put_finding(to, " * ", j);
  put_variables(to, " * ", j);
  fputs(" */\n#define _GNU_SOURCE\n", to);
  fputs("static const unsigned char trace[] = {", to);
  for (size_t i = 0; i < bytes->count; i++)
    fprintf(to, "%s%u,", i % 24 == 0 ? "\n  " : "", bytes->at[i]);
  fputs("\n};\nstatic const char command[] =\n  ", to);
  char *text = NULL;
  size_t size = 0;
  FILE *memory = open_memstream(&text, &size);
  if (memory == NULL)
    return;
  put_command(memory, j);
  fclose(memory);
  put_string(to, text != NULL ? text : "");
  free(text);
  fprintf(to, ";\n%s", c_program);
  if (j->command != NULL)
    fprintf(to,
            "  if (WEXITSTATUS(status) == %d)\n    return 1;\n"
            "  return WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127 ? 2 : 0;\n}\n",
            j->status);
  else
    fputs("  return WEXITSTATUS(status) > 2 ? 2 : WEXITSTATUS(status);\n}\n", to);
}

bool nvt_emit_test(enum nvt_emit kind, const char *path, const char *trace,
                   const struct nvt_judge *j, struct nvt_reason *why) {
  struct bytes bytes;
  char temporary[4096];
  int length = snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid());
  bool good = read_file(trace, &bytes);
  FILE *to =
      good && length > 0 && (size_t)length < sizeof(temporary) ? fopen(temporary, "wxe") : NULL;
  if (to != NULL) {
    (kind == NVT_EMIT_SH ? put_sh : put_c)(to, j, &bytes);
    mode_t mask = umask(0);
    umask(mask);
    good = ferror(to) == 0 && (kind != NVT_EMIT_SH || fchmod(fileno(to), 0777 & ~mask) == 0);
    good = fclose(to) == 0 && good && rename(temporary, path) == 0;
  } else {
    good = false;
  }
  if (!good) {
    snprintf(why->text, sizeof(why->text), "%s: can't write: %s", path, strerror(errno));
    if (to != NULL)
      unlink(temporary);
  }
  free(bytes.at);
  return good;
}
