/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing a trace file record by record: pcap with nanosecond time stamps. */
#ifndef NVT_TRACE_WRITER_H
#define NVT_TRACE_WRITER_H

#include "trace/reader.h"
#include "trace/record.h"

/* The 24 bytes at the start of a trace, as libpcap makes them; for writers that
 * write in bulk. 0 or -errno. */
#define NVT_FILE_HEADER_BYTES 24
int nvt_writer_file_header(uint8_t out[static NVT_FILE_HEADER_BYTES]);
/* Bytes of the header in front of each record in the file. */
#define NVT_FRAME_HEADER_BYTES 16

struct nvt_writer; /* one thread at a time */

/* Create `path` ("-": standard output). What is written stands under a temporary
 * name beside it until nvt_writer_close(). On failure false, with *why set. */
bool nvt_writer_open(const char *path, struct nvt_writer **out, struct nvt_reason *why);
/* One record as nvt_build_record() made it; time_ns since 1970, before 2106. 0 or
 * -errno; after an error the writer can only be aborted. */
int nvt_writer_write(struct nvt_writer *, uint64_t time_ns, const void *record, size_t length);
/* A frame as some tool left it: `captured` bytes of `original`, a record or not. Likewise. */
int nvt_writer_write_frame(struct nvt_writer *, uint64_t time_ns, const void *bytes,
                           size_t captured, size_t original);
/* Finish and give the file its name; the writer is gone in either case. On failure
 * false, with *why set, and nothing stands under the name. */
bool nvt_writer_close(struct nvt_writer *, struct nvt_reason *why);
/* Drop what was written. NULL is fine. */
void nvt_writer_abort(struct nvt_writer *);

#endif
