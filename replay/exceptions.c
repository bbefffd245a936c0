/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/exceptions.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
  const char *name, *what, *why;
};

static const struct row rows[] = {
#define NVT_EXCEPTION(id, name, what, why) {(name), (what), (why)},
#include "replay/exceptions.def"
};

struct bytes {
  uint8_t row;
  uint8_t opcode;
  uint8_t selector;
  uint16_t first;
  uint16_t count;
};

static const struct bytes bytes[] = {
#define NVT_EXCEPTION_BYTES(id, opcode, selector, first, count)                                    \
  {NVT_EXCEPTION_##id, NVT_ADMIN_##opcode, (selector), (first), (count)},
#include "replay/exceptions.def"
};

const char *nvt_exception_name(enum nvt_exception exception) {
  return rows[exception].name;
}

/* A log page may be read from an offset on: byte 0 of the data is then further in. */
static uint64_t log_offset(const struct nvt_sqe *sqe) {
  return sqe->opcode == NVT_ADMIN_GET_LOG_PAGE ? (uint64_t)sqe->cdw13 << 32 | sqe->cdw12 : 0;
}

bool nvt_exception_byte(const struct nvt_sqe *sqe, uint64_t offset, enum nvt_exception *row) {
  uint64_t at;
  if (__builtin_add_overflow(offset, log_offset(sqe), &at))
    return false;
  for (size_t i = 0; i < COUNT(bytes); i++)
    if (bytes[i].opcode == sqe->opcode && bytes[i].selector == (sqe->cdw10 & 0xff) &&
        at >= bytes[i].first && at - bytes[i].first < bytes[i].count) {
      *row = (enum nvt_exception)bytes[i].row;
      return true;
    }
  return false;
}

void nvt_exceptions_print(FILE *out) {
  fputs("| name | what may differ | why |\n| --- | --- | --- |\n", out);
  for (size_t i = 0; i < COUNT(rows); i++)
    fprintf(out, "| `%s` | %s | %s |\n", rows[i].name, rows[i].what, rows[i].why);
}
