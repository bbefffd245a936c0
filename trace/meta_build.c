/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON of a meta-record, without json-c: libnvmetap-capture makes it too. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/meta.h"

struct text { /* a line that grows; `failed`: no memory, for good */
  char *at;
  size_t length, size;
  bool failed;
};

static void put(struct text *out, const char *bytes, size_t length) {
  if (!out->failed && out->size - out->length < length) {
    size_t size = 2 * out->size + length;
    char *more = realloc(out->at, size);
    out->failed = more == NULL;
    if (more != NULL) {
      out->at = more;
      out->size = size;
    }
  }
  if (out->failed)
    return;
  memcpy(out->at + out->length, bytes, length);
  out->length += length;
}

__attribute__((format(printf, 2, 3))) static void print(struct text *out, const char *format, ...) {
  char piece[64];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(piece, sizeof(piece), format, args);
  va_end(args);
  if (length < 0 || (size_t)length >= sizeof(piece))
    out->failed = true;
  else
    put(out, piece, (size_t)length);
}

/* Bytes of the well-formed UTF-8 character at `at`, which ends with a NUL (RFC 3629, section 4); 0:
 * it isn't one. */
static size_t utf8(const unsigned char *at) {
  unsigned first = at[0], low = 0x80, high = 0xbf;
  size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first > 0xf4)
    return 0;
  low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
  high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
  for (size_t i = 1; i < length; i++, low = 0x80, high = 0xbf)
    if (at[i] < low || at[i] > high)
      return 0;
  return length;
}

/* What isn't UTF-8 becomes question marks: not longer, since a reader knows how long strings may
 * be. */
static void put_string(struct text *out, const char *text) {
  put(out, "\"", 1);
  while (*text != '\0') {
    size_t length = utf8((const unsigned char *)text);
    if (*text == '"' || *text == '\\')
      print(out, "\\%c", *text);
    else if ((unsigned char)*text < 0x20)
      print(out, "\\u%04x", (unsigned)*text);
    else if (length == 0)
      put(out, "?", 1);
    else
      put(out, text, length);
    text += length == 0 ? 1 : length;
  }
  put(out, "\"", 1);
}

static void put_key(struct text *out, const char *key) {
  char last = out->length > 0 ? out->at[out->length - 1] : '{';
  print(out, "%s\"%s\":", last == '{' ? "" : ",", key);
}

static void add_text(struct text *out, const char *key, const char *text) {
  if (text[0] == '\0')
    return;
  put_key(out, key);
  put_string(out, text);
}

static void add_number(struct text *out, const char *key, uint64_t value) {
  put_key(out, key);
  print(out, "%" PRIu64, value);
}

static void add_hex(struct text *out, const char *key, uint64_t value, int digits) {
  put_key(out, key);
  print(out, "\"0x%0*" PRIx64 "\"", digits, value);
}

static void add_flag(struct text *out, const char *key, bool value) {
  put_key(out, key);
  print(out, "%s", value ? "true" : "false");
}

static void add_namespaces(struct text *out, const struct nvt_meta *meta) {
  put_key(out, "namespaces");
  put(out, "[", 1);
  for (uint32_t i = 0; i < meta->namespace_count; i++) {
    const struct nvt_meta_namespace *ns = &meta->namespaces[i];
    print(out, i == 0 ? "{" : ",{");
    add_number(out, "nsid", ns->nsid);
    add_number(out, "blocks", ns->blocks);
    add_number(out, "block_size", ns->block_size);
    add_flag(out, "asynchronous", ns->asynchronous);
    add_flag(out, "readonly", ns->readonly);
    add_text(out, "backend", ns->backend);
    put(out, "}", 1);
  }
  put(out, "]", 1);
}

int nvt_meta_build(const struct nvt_meta *meta, char **json, size_t *length) {
  if (meta->namespace_count > NVT_META_NAMESPACES_MAX)
    return -EINVAL;
  struct text out = {.size = 1024, .at = malloc(1024)};
  out.failed = out.at == NULL;
  put(&out, "{", 1);
  add_number(&out, "format", meta->format);
  add_text(&out, "recorder", meta->recorder);
  add_text(&out, "serial", meta->serial);
  add_text(&out, "model", meta->model);
  add_text(&out, "firmware", meta->firmware);
  add_hex(&out, "vs", meta->vs, 8);
  add_hex(&out, "cap", meta->cap, 16);
  add_number(&out, "mdts", meta->mdts);
  if (meta->sgl)
    add_flag(&out, "sgl", true);
  if (meta->has_cntlid)
    add_number(&out, "cntlid", meta->cntlid);
  add_number(&out, "io_queues", meta->io_queues);
  add_number(&out, "vectors", meta->vectors);
  put_key(&out, "pci_address");
  print(&out, "\"%04x:%02x:%02x.%x\"", meta->pci_address >> 16, (meta->pci_address >> 8) & 0xff,
        (meta->pci_address >> 3) & 0x1f, meta->pci_address & 7);
  add_namespaces(&out, meta);
  add_text(&out, "doorbells", meta->doorbells);
  add_text(&out, "data", meta->data);
  add_number(&out, "data_head", meta->data_head);
  if (meta->dedup_pages != 0)
    add_number(&out, "dedup_pages", meta->dedup_pages);
  add_text(&out, "clock", meta->clock);
  add_text(&out, "started", meta->started);
  add_text(&out, "host", meta->host);
  add_text(&out, "filter", meta->filter);
  add_text(&out, "profile", meta->profile);
  add_text(&out, "scrubbed", meta->scrubbed);
  put(&out, "}", 2); /* with a NUL */
  if (out.failed)
    free(out.at);
  *json = out.failed ? NULL : out.at;
  *length = out.failed ? 0 : out.length - 1;
  return out.failed ? -ENOMEM : 0;
}

void nvt_meta_clear(struct nvt_meta *meta) {
  free(meta->namespaces);
  meta->namespaces = NULL;
  meta->namespace_count = 0;
}
