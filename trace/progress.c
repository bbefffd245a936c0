/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/progress.h"

#include <inttypes.h>
#include <stdio.h>

void nvt_progress_show(const char *command, const struct nvt_reader *reader, uint64_t records) {
  uint64_t size = nvt_reader_size(reader);
  if (size != 0)
    fprintf(stderr, "\r%s: %u %%", command,
            (unsigned)(100.0 * (double)nvt_reader_position(reader) / (double)size));
  else
    fprintf(stderr, "\r%s: %" PRIu64 " records", command, records);
}

void nvt_progress_clear(void) {
  fputs("\r                              \r", stderr);
}
