/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a trace has been read, on a terminal. */
#ifndef NVT_TRACE_PROGRESS_H
#define NVT_TRACE_PROGRESS_H

#include <stdint.h>

#include "trace/reader.h"

/* "\rcheck: 12 %", or how many records where the file's size isn't known. */
void nvt_progress_show(const char *command, const struct nvt_reader *, uint64_t records);
void nvt_progress_clear(void);

#endif
