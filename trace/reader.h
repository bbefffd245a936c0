/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a trace file record by record, in constant memory. */
#ifndef NVT_TRACE_READER_H
#define NVT_TRACE_READER_H

#include <stdio.h>

#include "trace/record.h"

struct nvt_reader; /* one thread at a time */

/* Why something failed, for a person: what, where, why, the way out. */
struct nvt_reason {
  char text[512];
  uint64_t offset; /* in the file, bytes */
  uint64_t record; /* number of the record, 0 for the file's header */
};

/* Open `path` ("-": standard input). Micro- and nanosecond pcap of either byte
 * order of headers are taken, and pcapng as far as libpcap takes it; each also compressed by zstd,
 * where offsets are of the content. On failure
 * false, with *why set: no such file, a directory, not a pcap, another link type. */
bool nvt_reader_open(const char *path, struct nvt_reader **out, struct nvt_reason *why);
/* The same on an open stream (a fuzzer's memory, a socket), which the reader owns
 * from now on, and closes on failure too. `name` stands in messages. */
bool nvt_reader_open_file(FILE *, const char *name, struct nvt_reader **out,
                          struct nvt_reason *why);
void nvt_reader_close(struct nvt_reader *); /* NULL is fine */

enum nvt_read {
  NVT_READ_OK,
  NVT_READ_FOREIGN, /* a frame that isn't ours or can't be parsed; *why says so; go on */
  NVT_READ_END,
  NVT_READ_CUT,   /* the file ends inside a record; *why has the offset; all before it was read */
  NVT_READ_ERROR, /* not readable further; *why */
};
/* The next record; out->tail is valid until the next call. */
enum nvt_read nvt_reader_next(struct nvt_reader *, struct nvt_record *out, struct nvt_reason *why);
/* The bytes of the frame that nvt_reader_next() last gave (OK or FOREIGN),
 * out->captured of them; valid until its next call. */
const uint8_t *nvt_reader_bytes(const struct nvt_reader *);
/* Bytes that this frame had on its way into the file: more than captured where a tool applied a
 * snap length. */
uint32_t nvt_reader_original(const struct nvt_reader *);
/* Bytes of the file, 0 where not known (a pipe), and bytes of it read so far: for progress. */
uint64_t nvt_reader_size(const struct nvt_reader *);
uint64_t nvt_reader_position(const struct nvt_reader *);

#endif
