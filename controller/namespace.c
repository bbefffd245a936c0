/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/namespace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/namespace_int.h"

static const struct nvt_backend *const backends[] = {
    &nvt_backend_ram,
    &nvt_backend_file,
    &nvt_backend_null,
};
#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

#define SYNTAX "ram:SIZE, file:PATH or null:SIZE, each with [,block=512|4096][,readonly]"

bool nvt_parse_size(const char *text, uint64_t *bytes) {
  uint64_t value = 0;
  const char *at = text;
  if (*at < '0' || *at > '9')
    return false;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (__builtin_mul_overflow(value, 10u, &value) ||
        __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
      return false;
  }
  unsigned shift = 0;
  switch (*at) {
  case '\0':
    break;
  case 'k':
  case 'K':
    shift = 10;
    break;
  case 'm':
  case 'M':
    shift = 20;
    break;
  case 'g':
  case 'G':
    shift = 30;
    break;
  case 't':
  case 'T':
    shift = 40;
    break;
  default:
    return false;
  }
  if (shift != 0 && at[1] != '\0')
    return false;
  if (value == 0 || value > (uint64_t)INT64_MAX >> shift)
    return false;
  *bytes = value << shift;
  return true;
}

int nvt_backend_size(struct nvt_namespace *ns, const char *argument, char *why, size_t whylen) {
  if (!nvt_parse_size(argument, &ns->size)) {
    snprintf(why, whylen, "'%s' is not a size; give bytes, or K, M, G or T of them, as in %s:64M",
             argument, ns->backend->kind);
    return -EINVAL;
  }
  return nvt_backend_check_size(ns, "the size", ns->size, why, whylen);
}

int nvt_backend_check_size(const struct nvt_namespace *ns, const char *what, uint64_t size,
                           char *why, size_t whylen) {
  uint32_t block = ns->geometry.block_size;
  uint64_t below = size / block * block;
  if (size != 0 && size == below)
    return 0;
  if (below == 0)
    snprintf(why, whylen, "%s, %" PRIu64 " bytes, is less than a block of %" PRIu32 " bytes", what,
             size, block);
  else
    snprintf(why, whylen,
             "%s, %" PRIu64 " bytes, is not a multiple of the block size %" PRIu32
             "; the next below is %" PRIu64,
             what, size, block, below);
  return -EINVAL;
}

/* One ",option" after the argument. */
static int parse_option(const char *option, struct nvt_namespace *ns, char *why, size_t whylen) {
  if (strcmp(option, "readonly") == 0) {
    ns->geometry.readonly = true;
    return 0;
  }
  if (strcmp(option, "block=512") == 0) {
    ns->geometry.block_size = 512;
    return 0;
  }
  if (strcmp(option, "block=4096") == 0 || strcmp(option, "block=4k") == 0 ||
      strcmp(option, "block=4K") == 0) {
    ns->geometry.block_size = 4096;
    return 0;
  }
  if (strncmp(option, "block=", 6) == 0)
    snprintf(why, whylen, "block size '%s': only 512 and 4096 are there", option + 6);
  else
    snprintf(why, whylen,
             "unknown option '%s'; there are block=512, block=4096 and readonly "
             "(a comma in a file's name is written twice)",
             option);
  return -EINVAL;
}

/* Cut at the next single comma; ",," stands for one. Returns what follows, or NULL. */
static char *cut(char *text) {
  char *out = text;
  for (char *at = text; *at != '\0'; at++) {
    if (*at == ',') {
      if (at[1] != ',') {
        *out = '\0';
        return at + 1;
      }
      at++;
    }
    *out++ = *at;
  }
  *out = '\0';
  return NULL;
}

static int open_backend(struct nvt_namespace *ns, char *text, struct nvt_backend_loop **loop,
                        char *why, size_t whylen) {
  char *colon = strchr(text, ':');
  if (colon != NULL) {
    *colon = '\0';
    for (size_t i = 0; i < BACKENDS; i++)
      if (strcmp(text, backends[i]->kind) == 0)
        ns->backend = backends[i];
  }
  if (ns->backend == NULL) {
    snprintf(why, whylen, "'%s' is no namespace; give " SYNTAX, ns->description);
    return -EINVAL;
  }
  char *argument = colon + 1;
  for (char *option = cut(argument); option != NULL;) {
    char *next = cut(option);
    int failed = parse_option(option, ns, why, whylen);
    if (failed)
      return failed;
    option = next;
  }
  int failed = ns->backend->open(ns, argument, loop, why, whylen);
  if (failed)
    return failed;
  ns->geometry.blocks = ns->size / ns->geometry.block_size;
  return 0;
}

int nvt_namespace_create(const char *description, struct nvt_backend_loop **loop,
                         struct nvt_namespace **out, char *why, size_t whylen) {
  if (whylen > 0)
    why[0] = '\0';
  struct nvt_namespace *ns = calloc(1, sizeof(*ns));
  char *text = strdup(description);
  int failed = -ENOMEM;
  if (ns != NULL && text != NULL) {
    ns->fd = -1;
    ns->geometry.block_size = 512;
    ns->description = strdup(description);
    if (ns->description != NULL)
      failed = open_backend(ns, text, loop, why, whylen);
  }
  if (failed == -ENOMEM && whylen > 0 && why[0] == '\0')
    snprintf(why, whylen, "out of memory");
  free(text);
  if (failed) {
    nvt_namespace_destroy(ns);
    return failed;
  }
  *out = ns;
  return 0;
}

void nvt_namespace_destroy(struct nvt_namespace *ns) {
  if (ns == NULL)
    return;
  if (ns->backend != NULL)
    ns->backend->close(ns);
  free(ns->description);
  free(ns);
}

int nvt_namespace_resize(struct nvt_namespace *ns, uint64_t bytes, char *why, size_t whylen) {
  int failed = nvt_backend_check_size(ns, "the new size", bytes, why, whylen);
  if (failed)
    return failed;
  if (bytes > INT64_MAX) {
    snprintf(why, whylen, "the new size, %" PRIu64 " bytes, is more than any namespace can have",
             bytes);
    return -EFBIG;
  }
  if (ns->backend->resize == NULL) {
    snprintf(why, whylen, "a namespace of %s: can't be resized", ns->backend->kind);
    return -ENOTSUP;
  }
  failed = ns->backend->resize(ns, bytes, why, whylen);
  if (failed)
    return failed;
  ns->size = bytes;
  ns->geometry.blocks = bytes / ns->geometry.block_size;
  return 0;
}

void nvt_namespace_geometry(const struct nvt_namespace *ns, struct nvt_namespace_geometry *out) {
  *out = ns->geometry;
}

const char *nvt_namespace_description(const struct nvt_namespace *ns) {
  return ns->description;
}

void nvt_namespace_submit(struct nvt_namespace *ns, struct nvt_io *io) {
  io->ns = ns;
  io->progress = 0;
  bool reads = io->kind == NVT_IO_READ || io->kind == NVT_IO_COMPARE || io->kind == NVT_IO_FLUSH;
  if (ns->geometry.readonly && !reads) {
    io->done(io, NVT_SC_NAMESPACE_WRITE_PROTECTED);
    return;
  }
  ns->backend->submit(ns, io);
}
