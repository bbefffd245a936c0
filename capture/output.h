/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a recording's records go: a file, a pipe, or a set of files one after another. What goes
 * in are whole records as they stand in a ring, pcap header and record; what is in a file is whole
 * records (or whole compressed frames of them) at every moment but within a write.
 *
 * A set is named as dumpcap does, NAME_00001_20261128020000.pcap, so that Wireshark's File Set
 * finds them; where the path has a '%' by strftime(3), as tcpdump's -G.
 *
 * One thread at a time. Errors are -errno, and final for the file: it was cut back to whole
 * records, and what was put and isn't in it is counted as unsaved.
 */
#ifndef NVT_CAPTURE_OUTPUT_H
#define NVT_CAPTURE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_output; /* opaque */
struct nvt_packer; /* capture/packer.h */

struct nvt_output_options {
  const char *path;                /* "-": standard output; copied */
  bool set;                        /* each nvt_output_next() is another file of a set */
  unsigned keep;                   /* of a set: the oldest go, so that no more are left; 0: all */
  uint32_t snaplen;                /* bytes kept of a record; 0: all. Only tails are cut */
  const struct nvt_packer *packer; /* compression; NULL: none */
  int level;                       /* of the packer */
  /* A regular file was opened for the next one, and is empty. NULL is fine. */
  void (*opened)(void *ctx, const char *path, int fd);
  void *ctx;
};

/* Opens nothing yet. 0 or -errno, with a message for a person in why. */
int nvt_output_create(const struct nvt_output_options *, struct nvt_output **out, char *why,
                      size_t whylen);
/* The current file is finished; NULL is fine. */
void nvt_output_destroy(struct nvt_output *);

/* Finish the current file if there is one, and begin the next: it has its header then. Of what is
 * no set, the next is the same path anew. After an error there is no current file. */
int nvt_output_next(struct nvt_output *, char *why, size_t whylen);
/* Finish the current file: all of it is written. Nothing to do: 0. */
int nvt_output_end(struct nvt_output *);

/* Append records. Up to nvt_output_held() bytes of what was put may wait for more to fill a block;
 * a compressed frame is closed at each put, so put much at a time. */
int nvt_output_put(struct nvt_output *, const uint8_t *records, size_t length);
/* Bytes at the end of what was put, as it was put, of records that aren't whole in the file yet. */
size_t nvt_output_held(const struct nvt_output *);
int nvt_output_flush(struct nvt_output *);

/* Somebody removed the current file: its records are lost with it. nvt_output_next() is due. */
void nvt_output_give_up(struct nvt_output *);

struct nvt_output_counts {
  uint64_t files;      /* that were begun */
  uint64_t bytes;      /* in all files, headers included */
  uint64_t records;    /* in all files */
  uint64_t unsaved;    /* put, and not in a file */
  uint64_t removed;    /* records of files that somebody else removed while they were written */
  uint64_t file_bytes; /* of the current file, or the last one */
  uint64_t file_records;
};
void nvt_output_counts(const struct nvt_output *, struct nvt_output_counts *);
const char *nvt_output_path(const struct nvt_output *); /* of the current file, or the last one */
int nvt_output_fd(const struct nvt_output *);           /* -1: no current file */

/* --- frames as they stand in a ring --- */

/* Bytes of the one at `from`, its pcap header included. */
size_t nvt_output_frame(const uint8_t *from);
uint64_t nvt_output_frame_ns(const uint8_t *from);
/* How many whole ones are in `length` bytes, and *bytes of them. */
uint64_t nvt_output_count(const uint8_t *from, size_t length, size_t *bytes);
/* Bytes of as many whole ones as are no more than `most`, at least one. */
size_t nvt_output_piece(const uint8_t *from, size_t length, size_t most);
#define NVT_OUTPUT_PIECE (1u << 20) /* a good measure for it */

#endif
