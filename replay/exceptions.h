/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of what may differ: exceptions.def. All functions are pure. */
#ifndef NVT_REPLAY_EXCEPTIONS_H
#define NVT_REPLAY_EXCEPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "nvme/nvme.h"

enum nvt_exception {
#define NVT_EXCEPTION(id, name, what, why) NVT_EXCEPTION_##id,
#include "replay/exceptions.def"
  NVT_EXCEPTION_COUNT
};

const char *nvt_exception_name(enum nvt_exception);
/* May byte `offset` of this admin command's data differ, and by which row? */
bool nvt_exception_byte(const struct nvt_sqe *, uint64_t offset, enum nvt_exception *row);
/* The list as a table in Markdown. */
void nvt_exceptions_print(FILE *);

#endif
