/* SPDX-License-Identifier: BSD-2-Clause */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "controller/vfio_user/capabilities.h"
#include "controller/vfio_user/protocol.h"

#define MAX_DEPTH 8

static bool number(struct json_object *from, const char *name, int64_t least, int64_t most,
                   int64_t *out, bool *has) {
  struct json_object *value;
  if (!json_object_object_get_ex(from, name, &value))
    return true;
  if (!json_object_is_type(value, json_type_int))
    return false;
  int64_t n = json_object_get_int64(value);
  if (n < least)
    return false;
  *out = n > most ? most : n;
  *has = true;
  return true;
}

static bool take(struct json_object *root, struct nvt_vfio_capabilities *out, const char **why) {
  struct json_object *caps, *flag;
  *why = "capabilities that aren't a JSON object";
  if (!json_object_is_type(root, json_type_object))
    return false;
  if (!json_object_object_get_ex(root, "capabilities", &caps))
    return true;
  if (!json_object_is_type(caps, json_type_object))
    return false;
  int64_t fds = out->max_msg_fds, transfer = out->max_data_xfer_size, maps = out->max_dma_maps;
  int64_t pages = (int64_t)out->pgsizes;
  *why = "a capability that isn't a number in range";
  if (!number(caps, "max_msg_fds", 0, UINT32_MAX, &fds, &out->has_fds) ||
      !number(caps, "max_data_xfer_size", 1, UINT32_MAX, &transfer, &out->has_transfer) ||
      !number(caps, "max_dma_maps", 0, UINT32_MAX, &maps, &out->has_maps) ||
      !number(caps, "pgsizes", 1, INT64_MAX, &pages, &out->has_pages))
    return false;
  *why = "write_multiple is neither true nor false";
  if (json_object_object_get_ex(caps, "write_multiple", &flag)) {
    if (!json_object_is_type(flag, json_type_boolean))
      return false;
    out->write_multiple = json_object_get_boolean(flag);
    out->has_multiple = true;
  }
  out->max_msg_fds = (uint32_t)fds;
  out->max_data_xfer_size = (uint32_t)transfer;
  out->max_dma_maps = (uint32_t)maps;
  out->pgsizes = (uint64_t)pages;
  return true;
}

bool nvt_vfio_capabilities_parse(const uint8_t *text, size_t length,
                                 struct nvt_vfio_capabilities *out, const char **why) {
  *out = (struct nvt_vfio_capabilities){
      .max_msg_fds = NVT_VFIO_DEFAULT_FDS,
      .max_data_xfer_size = NVT_VFIO_DEFAULT_TRANSFER,
      .max_dma_maps = NVT_VFIO_DEFAULT_MAPS,
      .pgsizes = NVT_VFIO_DEFAULT_PAGES,
  };
  if (!length)
    return true;
  if (length > 65536) {
    *why = "version data longer than 64 KiB";
    return false;
  }
  if (!memchr(text, 0, length)) {
    *why = "version data without its NUL";
    return false;
  }
  struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
  if (!tokener) {
    *why = "no memory";
    return false;
  }
  struct json_object *root = json_tokener_parse_ex(tokener, (const char *)text, (int)length);
  bool ok = false;
  if (json_tokener_get_error(tokener) != json_tokener_success)
    *why = "version data that isn't JSON";
  else
    ok = take(root, out, why);
  json_object_put(root);
  json_tokener_free(tokener);
  return ok;
}

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

void nvt_vfio_capabilities_limit(struct nvt_vfio_capabilities *c) {
  c->max_msg_fds = least(c->max_msg_fds, NVT_VFIO_MAX_FDS);
  c->max_data_xfer_size = least(c->max_data_xfer_size, NVT_VFIO_MAX_TRANSFER);
  c->max_dma_maps = least(c->max_dma_maps, NVT_VFIO_MAX_MAPS);
  c->pgsizes = NVT_VFIO_DEFAULT_PAGES;
}

size_t nvt_vfio_capabilities_print(const struct nvt_vfio_capabilities *c, char *text, size_t size) {
  struct json_object *root = json_object_new_object(), *caps = json_object_new_object();
  if (!root || !caps) {
    json_object_put(root);
    json_object_put(caps);
    return 0;
  }
  if (c->has_fds)
    json_object_object_add(caps, "max_msg_fds", json_object_new_int64(c->max_msg_fds));
  if (c->has_transfer)
    json_object_object_add(caps, "max_data_xfer_size",
                           json_object_new_int64(c->max_data_xfer_size));
  if (c->has_maps)
    json_object_object_add(caps, "max_dma_maps", json_object_new_int64(c->max_dma_maps));
  if (c->has_pages)
    json_object_object_add(caps, "pgsizes", json_object_new_int64((int64_t)c->pgsizes));
  if (c->has_multiple)
    json_object_object_add(caps, "write_multiple", json_object_new_boolean(c->write_multiple));
  json_object_object_add(root, "capabilities", caps);
  int n = snprintf(text, size, "%s", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
  json_object_put(root);
  return n < 0 || (size_t)n >= size ? 0 : (size_t)n + 1;
}
