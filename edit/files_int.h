/* SPDX-License-Identifier: BSD-2-Clause */
/* What all that read traces and write one share. */
#ifndef NVT_EDIT_FILES_INT_H
#define NVT_EDIT_FILES_INT_H

#include "trace/reader.h"
#include "trace/writer.h"

/* Whether both paths are the same file: writing would destroy what is read. */
bool nvt_edit_same_file(const char *in, const char *out);
/* A record of an input with some fields of its header changed, the frame otherwise as it is. Frames
 * that aren't ours are copied; what they have beyond NVT_RECORD_MAX isn't. `buffer` has
 * NVT_RECORD_MAX bytes. 0 or -errno. */
struct nvt_edit_change {
  uint16_t controller;
  uint64_t shift; /* to be taken off sequence numbers */
};
int nvt_edit_copy(struct nvt_writer *, const struct nvt_reader *, const struct nvt_record *,
                  const struct nvt_edit_change *, uint8_t *buffer);

/* "cut: 12 %" on a terminal, where reading takes longer than two seconds; ask now and then. */
struct nvt_edit_progress {
  const char *command;
  bool terminal;
  bool shown;
  int64_t started; /* s; 0: not yet */
};
void nvt_edit_progress_start(struct nvt_edit_progress *, const char *command);
void nvt_edit_progress(struct nvt_edit_progress *, const struct nvt_reader *, uint64_t records);
void nvt_edit_progress_end(struct nvt_edit_progress *);

#endif
