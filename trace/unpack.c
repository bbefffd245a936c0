/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/unpack_int.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

enum { INPUT = 1 << 17, WINDOW_LOG = 27, BUFFER = 1 << 18 };

struct nvt_unpack {
  FILE *packed;
  ZSTD_DCtx *context;
  ZSTD_inBuffer in;
  uint64_t taken, given;
  bool inside;       /* a frame that isn't at its end */
  const char *error; /* static */
  uint8_t input[INPUT];
};

/* Only the system's own error is told by errno. */
static ssize_t fail(struct nvt_unpack *unpack, const char *what) {
  unpack->error = what;
  errno = EBADMSG;
  return -1;
}

static ssize_t unpack_read(void *cookie, char *to, size_t size) {
  struct nvt_unpack *unpack = cookie;
  ZSTD_outBuffer out = {.dst = to, .size = size};
  if (unpack->error != NULL)
    return fail(unpack, unpack->error);
  while (out.pos == 0 && size > 0) {
    if (unpack->in.pos == unpack->in.size) {
      unpack->in.pos = 0;
      unpack->in.size = fread(unpack->input, 1, sizeof(unpack->input), unpack->packed);
      if (ferror(unpack->packed))
        return fail(unpack, "the file can't be read");
    }
    /* Content may be left in the context though the input is at its end. */
    bool end = unpack->in.size == 0;
    size_t before = unpack->in.pos;
    size_t left = ZSTD_decompressStream(unpack->context, &out, &unpack->in);
    if (ZSTD_isError(left))
      return fail(unpack, ZSTD_getErrorName(left));
    unpack->taken += unpack->in.pos - before;
    if (!end || out.pos > 0)
      unpack->inside = left != 0;
    if (end && out.pos == 0)
      return 0;
  }
  unpack->given += out.pos;
  if (unpack->given > NVT_UNPACK_FREE && unpack->given / NVT_UNPACK_RATIO > unpack->taken)
    return fail(unpack, "expands more than any trace does: it isn't one");
  return (ssize_t)out.pos;
}

static int unpack_close(void *cookie) {
  struct nvt_unpack *unpack = cookie;
  int status = fclose(unpack->packed);
  ZSTD_freeDCtx(unpack->context);
  free(unpack);
  return status;
}

FILE *nvt_unpack(FILE *packed, struct nvt_unpack **out) {
  static const cookie_io_functions_t functions = {.read = unpack_read, .close = unpack_close};
  struct nvt_unpack *unpack = calloc(1, sizeof(*unpack));
  FILE *file = NULL;
  if (unpack != NULL) {
    unpack->packed = packed;
    unpack->in.src = unpack->input;
    unpack->context = ZSTD_createDCtx();
    if (unpack->context != NULL &&
        !ZSTD_isError(ZSTD_DCtx_setParameter(unpack->context, ZSTD_d_windowLogMax, WINDOW_LOG)))
      file = fopencookie(unpack, "rb", functions);
  }
  if (file == NULL) {
    if (unpack != NULL)
      ZSTD_freeDCtx(unpack->context);
    free(unpack);
    fclose(packed);
    return NULL;
  }
  setvbuf(file, NULL, _IOFBF, BUFFER);
  *out = unpack;
  return file;
}

const char *nvt_unpack_error(const struct nvt_unpack *unpack) {
  return unpack->error;
}

bool nvt_unpack_cut(const struct nvt_unpack *unpack) {
  return unpack->inside;
}

uint64_t nvt_unpack_taken(const struct nvt_unpack *unpack) {
  return unpack->taken;
}
