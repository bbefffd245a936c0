/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/meta.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
  char *why;
  size_t whylen;
  bool failed;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct source *from, const char *format,
                                                       ...) {
  if (!from->failed) {
    va_list args;
    va_start(args, format);
    vsnprintf(from->why, from->whylen, format, args);
    va_end(args);
  }
  from->failed = true;
  return false;
}

static void get_text(struct source *from, json_object *object, const char *key, char *out,
                     size_t size) {
  json_object *value = NULL;
  out[0] = '\0';
  if (!json_object_object_get_ex(object, key, &value))
    return;
  if (!json_object_is_type(value, json_type_string)) {
    fail(from, "meta: '%s' isn't a string", key);
    return;
  }
  size_t length = (size_t)json_object_get_string_len(value);
  const char *text = json_object_get_string(value);
  if (length >= size || strlen(text) != length) {
    fail(from, "meta: '%s' is longer than %zu bytes or has a NUL in it", key, size - 1);
    return;
  }
  memcpy(out, text, length + 1);
}

/* A number, or a string "0x…" (a 64-bit value doesn't survive as a JSON number everywhere). */
static uint64_t get_number(struct source *from, json_object *object, const char *key,
                           uint64_t most) {
  json_object *value = NULL;
  if (!json_object_object_get_ex(object, key, &value))
    return 0;
  uint64_t number = 0;
  if (json_object_is_type(value, json_type_int)) {
    if (json_object_get_int64(value) < 0) {
      fail(from, "meta: '%s' is negative", key);
      return 0;
    }
    number = json_object_get_uint64(value);
  } else if (json_object_is_type(value, json_type_string)) {
    const char *text = json_object_get_string(value);
    char *end = NULL;
    errno = 0;
    number = strncmp(text, "0x", 2) == 0 ? strtoull(text, &end, 16) : 0;
    if (end == NULL || end == text + 2 || *end != '\0' || errno != 0) {
      fail(from, "meta: '%s' is neither a number nor \"0x…\"", key);
      return 0;
    }
  } else {
    fail(from, "meta: '%s' is neither a number nor \"0x…\"", key);
    return 0;
  }
  if (number > most)
    fail(from, "meta: '%s' is %llu, over %llu", key, (unsigned long long)number,
         (unsigned long long)most);
  return number;
}

static bool get_flag(struct source *from, json_object *object, const char *key) {
  json_object *value = NULL;
  if (!json_object_object_get_ex(object, key, &value))
    return false;
  if (!json_object_is_type(value, json_type_boolean))
    return fail(from, "meta: '%s' is neither true nor false", key);
  return json_object_get_boolean(value);
}

static uint32_t get_pci(struct source *from, json_object *object) {
  char text[32];
  get_text(from, object, "pci_address", text, sizeof(text));
  if (text[0] == '\0')
    return 0;
  unsigned domain, bus, device, function;
  char rest;
  if (sscanf(text, "%4x:%2x:%2x.%1x%c", &domain, &bus, &device, &function, &rest) != 4 ||
      device > 31 || function > 7) {
    fail(from, "meta: 'pci_address' isn't of the form 0000:01:00.0");
    return 0;
  }
  return domain << 16 | bus << 8 | device << 3 | function;
}

static void get_namespaces(struct source *from, json_object *root, struct nvt_meta *out) {
  json_object *list = NULL;
  if (!json_object_object_get_ex(root, "namespaces", &list))
    return;
  if (!json_object_is_type(list, json_type_array)) {
    fail(from, "meta: 'namespaces' isn't a list");
    return;
  }
  size_t count = json_object_array_length(list);
  if (count > NVT_META_NAMESPACES_MAX) {
    fail(from, "meta: %zu namespaces, over %d", count, NVT_META_NAMESPACES_MAX);
    return;
  }
  if (count == 0)
    return;
  out->namespaces = calloc(count, sizeof(*out->namespaces));
  if (out->namespaces == NULL) {
    fail(from, "out of memory");
    return;
  }
  out->namespace_count = (uint32_t)count;
  for (size_t i = 0; i < count && !from->failed; i++) {
    json_object *row = json_object_array_get_idx(list, i);
    struct nvt_meta_namespace *ns = &out->namespaces[i];
    if (!json_object_is_type(row, json_type_object)) {
      fail(from, "meta: a member of 'namespaces' isn't an object");
      return;
    }
    ns->nsid = (uint32_t)get_number(from, row, "nsid", UINT32_MAX);
    ns->blocks = get_number(from, row, "blocks", UINT64_MAX);
    ns->block_size = (uint32_t)get_number(from, row, "block_size", UINT32_MAX);
    ns->asynchronous = get_flag(from, row, "asynchronous");
    ns->readonly = get_flag(from, row, "readonly");
    get_text(from, row, "backend", ns->backend, sizeof(ns->backend));
  }
}

bool nvt_meta_parse(const void *json, size_t length, struct nvt_meta *out, char *why,
                    size_t whylen) {
  struct source from = {.why = why, .whylen = whylen};
  memset(out, 0, sizeof(*out));
  if (length == 0 || length > INT32_MAX)
    return fail(&from, "meta: no JSON");
  json_tokener *tokener = json_tokener_new();
  if (tokener == NULL)
    return fail(&from, "out of memory");
  json_object *root = json_tokener_parse_ex(tokener, json, (int)length);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  size_t end = json_tokener_get_parse_end(tokener);
  json_tokener_free(tokener);
  if (root == NULL || !json_object_is_type(root, json_type_object)) {
    json_object_put(root);
    return fail(&from, "meta: not a JSON object (%s, at byte %zu)",
                error == json_tokener_continue ? "it is cut short" : json_tokener_error_desc(error),
                end);
  }
  out->format = (uint32_t)get_number(&from, root, "format", UINT32_MAX);
  if (out->format > NVT_META_FORMAT)
    fail(&from, "meta: format %u is newer than this program's %d", out->format, NVT_META_FORMAT);
  get_text(&from, root, "recorder", out->recorder, sizeof(out->recorder));
  get_text(&from, root, "serial", out->serial, sizeof(out->serial));
  get_text(&from, root, "model", out->model, sizeof(out->model));
  get_text(&from, root, "firmware", out->firmware, sizeof(out->firmware));
  out->vs = (uint32_t)get_number(&from, root, "vs", UINT32_MAX);
  out->cap = get_number(&from, root, "cap", UINT64_MAX);
  out->mdts = (uint8_t)get_number(&from, root, "mdts", UINT8_MAX);
  out->sgl = get_flag(&from, root, "sgl");
  out->has_cntlid = json_object_object_get_ex(root, "cntlid", NULL);
  out->cntlid = (uint16_t)get_number(&from, root, "cntlid", UINT16_MAX);
  out->io_queues = (uint32_t)get_number(&from, root, "io_queues", UINT16_MAX);
  out->vectors = (uint32_t)get_number(&from, root, "vectors", 2048);
  out->pci_address = get_pci(&from, root);
  get_namespaces(&from, root, out);
  get_text(&from, root, "doorbells", out->doorbells, sizeof(out->doorbells));
  get_text(&from, root, "data", out->data, sizeof(out->data));
  out->data_head = (uint32_t)get_number(&from, root, "data_head", UINT32_MAX);
  out->dedup_pages = (uint32_t)get_number(&from, root, "dedup_pages", UINT32_MAX);
  get_text(&from, root, "clock", out->clock, sizeof(out->clock));
  get_text(&from, root, "started", out->started, sizeof(out->started));
  get_text(&from, root, "host", out->host, sizeof(out->host));
  get_text(&from, root, "filter", out->filter, sizeof(out->filter));
  get_text(&from, root, "profile", out->profile, sizeof(out->profile));
  get_text(&from, root, "scrubbed", out->scrubbed, sizeof(out->scrubbed));
  json_object_put(root);
  if (from.failed)
    nvt_meta_clear(out);
  return !from.failed;
}
