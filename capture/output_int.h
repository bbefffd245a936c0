/* SPDX-License-Identifier: BSD-2-Clause */
/* One file or pipe of an output, and what files are called. */
#ifndef NVT_CAPTURE_OUTPUT_INT_H
#define NVT_CAPTURE_OUTPUT_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A regular file is written through a buffer that begins at a block of the file, so that much goes
 * out in whole blocks by O_DIRECT, past the page cache. What is less goes out at once, by plain
 * writes; the buffer keeps the last, unfinished block, to be written again as a whole.
 */
struct nvt_outfile {
  int fd;            /* -1: none */
  int direct;        /* the same with O_DIRECT, or -1 */
  bool regular;      /* can be cut back */
  uint64_t start;    /* of what is ours in it: standard output may hold something already */
  uint64_t position; /* after what was written, from `start` */
  uint8_t *buffer;   /* NULL: all goes straight out */
  uint64_t base;     /* of the buffer, from `start`: a multiple of a block */
  size_t fill;
  uint64_t before; /* where the last record begins that begins before the buffer does */
  uint64_t after;  /* and the first one that begins in it */
};

/* `path` "-": standard output. What a regular file has stays, for the caller to cut. buffered:
 * records of a regular file go through the buffer; plain: without O_DIRECT. 0 or -errno. */
int nvt_outfile_open(struct nvt_outfile *, const char *path, bool buffered, bool plain);
/* The first bytes of the file, no record. 0 or -errno. */
int nvt_outfile_header(struct nvt_outfile *, const uint8_t *header, size_t length);
/* Whole records, at most NVT_OUTPUT_PIECE bytes or one record; packed: anything. 0 or -errno, then
 * *done bytes of them were written. */
int nvt_outfile_write(struct nvt_outfile *, const uint8_t *from, size_t length, size_t *done);
int nvt_outfile_flush(struct nvt_outfile *);
/* Bytes of the records at the end that aren't whole in the file. */
size_t nvt_outfile_held(const struct nvt_outfile *);
/* After an error, of a buffered file: cut it back to whole records; how many it lacks. */
uint64_t nvt_outfile_cut(struct nvt_outfile *);
/* After an error, of another: cut it back to `length` bytes, if that can be. */
void nvt_outfile_cut_to(struct nvt_outfile *, uint64_t length);
/* 0 or -errno: some file systems tell only now that there was no room. */
int nvt_outfile_close(struct nvt_outfile *);

/* What the number-th file of a set is called that begins at `seconds` since 1970; malloc()ed.
 * last: the name of the file before, or NULL. NULL: out of memory, or a pattern that comes to
 * nothing. */
char *nvt_output_name(const char *path, uint64_t number, int64_t seconds, const char *last);

#endif
