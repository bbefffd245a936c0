/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of `nvmetap record` about the trace's files, named as tcpdump names them. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "capture/packer.h"
#include "capture/record_int.h"
#include "cli/command.h"
#include "controller/namespace.h"
#include "trace/record.h"

int nvt_record_output_option(int option) {
  switch (option) {
  case 'C':
    return RECORD_ROTATE_SIZE;
  case 'G':
    return RECORD_ROTATE_SECONDS;
  case 'W':
    return RECORD_FILES;
  case 's':
    return RECORD_SNAPLEN;
  default:
    return option;
  }
}

static int refuse(const char *option, const char *value, const char *wanted) {
  return nvt_usage_error("record", "%s '%s': %s", option, value, wanted);
}

/* tcpdump's unit is a million bytes; with a suffix it is the one of all our sizes. */
static int take_size(struct record_options *o, const char *text) {
  size_t length = strlen(text);
  bool million = length > 0 && length < 10 && strspn(text, "0123456789") == length;
  o->files_option = "-C, --rotate-size";
  if (million)
    o->files.bytes = strtoull(text, NULL, 10) * 1000000;
  else if (!nvt_parse_size(text, &o->files.bytes))
    o->files.bytes = 0;
  if (o->files.bytes < 4096 || o->files.bytes > 1ull << 50)
    return refuse(o->files_option, text,
                  "millions of bytes are wanted, or a size from 4K on with K, M, G or T");
  return NVT_EXIT_OK;
}

static int take_seconds(struct record_options *o, const char *text) {
  char *rest = NULL;
  double seconds = isdigit((unsigned char)*text) ? strtod(text, &rest) : 0;
  o->files_option = "-G, --rotate-seconds";
  if (rest == NULL || *rest != '\0' || !(seconds >= 0.1 && seconds <= 1e9))
    return refuse(o->files_option, text, "0.1 to 1000000000 seconds are wanted");
  o->files.ns = (uint64_t)(seconds * 1e9);
  return NVT_EXIT_OK;
}

/* A whole number from `least` on; 0: it isn't one. */
static unsigned long number(const char *text, unsigned long least, unsigned long most) {
  char *rest;
  unsigned long value = strtoul(text, &rest, 10);
  return isdigit((unsigned char)*text) && *rest == '\0' && value >= least && value <= most ? value
                                                                                           : 0;
}

static int take_files(struct record_options *o, const char *text) {
  o->files_option = "-W, --files";
  o->files.count = (unsigned)number(text, 1, 99999);
  return o->files.count > 0 ? NVT_EXIT_OK
                            : refuse(o->files_option, text, "1 to 99999 files are wanted");
}

static int take_snaplen(struct record_options *o, const char *text) {
  o->files_option = "-s, --snaplen";
  o->files.snaplen = (uint32_t)number(text, 1, NVT_RECORD_MAX);
  if (o->files.snaplen == 0 && strcmp(text, "0") != 0) /* 0: the default, as tcpdump's */
    return refuse(o->files_option, text, "1 to 262144 bytes of a record are wanted");
  if (o->files.snaplen == NVT_RECORD_MAX)
    o->files.snaplen = 0;
  return NVT_EXIT_OK;
}

static int take_compress(struct record_options *o, const char *text) {
  const struct nvt_packer *packer = &nvt_packer_zstd;
  size_t length = strlen(packer->name);
  o->files_option = "--compress";
  o->files.packer = packer;
  o->files.level = packer->usual;
  if (strncmp(text, packer->name, length) == 0 && text[length] == ':')
    o->files.level =
        (int)number(text + length + 1, (unsigned long)packer->least, (unsigned long)packer->most);
  else if (strcmp(text, packer->name) != 0)
    o->files.level = 0;
  return o->files.level > 0 ? NVT_EXIT_OK
                            : refuse("--compress", text, "zstd or zstd:LEVEL is wanted, 1 to 19");
}

static int take_write_error(struct record_options *o, const char *text) {
  o->files_option = "--on-write-error";
  if (strcmp(text, "trace") == 0)
    o->on_write_error = RECORD_ERROR_TRACE;
  else if (strcmp(text, "session") == 0)
    o->on_write_error = RECORD_ERROR_SESSION;
  else
    return refuse(o->files_option, text, "it is trace or session: what ends then");
  return NVT_EXIT_OK;
}

int nvt_record_output_take(struct record_options *o, int option, const char *text) {
  switch (option) {
  case RECORD_ROTATE_SIZE:
    return take_size(o, text);
  case RECORD_ROTATE_SECONDS:
    return take_seconds(o, text);
  case RECORD_FILES:
    return take_files(o, text);
  case RECORD_SNAPLEN:
    return take_snaplen(o, text);
  case RECORD_COMPRESS:
    return take_compress(o, text);
  default:
    return take_write_error(o, text);
  }
}

int nvt_record_output_agree(struct record_options *o) {
  bool set = o->files.bytes > 0 || o->files.ns > 0;
  if (o->files_option != NULL && o->trace == NULL)
    return nvt_usage_error("record", "%s needs --trace FILE", o->files_option);
  bool pieces = nvt_record_by_pieces(o);
  if (pieces && (set || o->on_write_error != RECORD_ERROR_USUAL))
    return nvt_usage_error("record",
                           "-C, -G and --on-write-error are of a trace that is written as "
                           "a whole: --flight and --trigger write pieces");
  if (o->files.count > 0 && !set && !pieces)
    return nvt_usage_error("record", "-W needs -C or -G, which say when a file is full");
  if (set && strcmp(o->trace, "-") == 0)
    return nvt_usage_error("record", "-C and -G need --trace FILE: standard output is one stream");
  if (o->trace != NULL && o->files.packer == NULL) {
    const char *suffix = nvt_packer_zstd.suffix;
    size_t length = strlen(o->trace), end = strlen(suffix);
    if (length > end && strcmp(o->trace + length - end, suffix) == 0) {
      o->files.packer = &nvt_packer_zstd;
      o->files.level = nvt_packer_zstd.usual;
    }
  }
  return NVT_EXIT_OK;
}
