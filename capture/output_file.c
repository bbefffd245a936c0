/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/output.h"
#include "capture/output_int.h"
#include "trace/record.h"
#include "trace/writer.h"

enum {
  BLOCK = 4096,        /* of O_DIRECT: alignment of place, length and memory */
  DIRECT = 256 * 1024, /* from so much on */
  BUFFER = NVT_OUTPUT_PIECE + NVT_RECORD_MAX + 2 * BLOCK
};
_Static_assert(BUFFER % BLOCK == 0, "whole blocks");

static uint64_t block_start(uint64_t position) {
  return position & ~(uint64_t)(BLOCK - 1);
}

/* 0 or -errno; *done is how far it came. In a file that isn't from its start `at` isn't asked. */
static int write_all(const struct nvt_outfile *file, const uint8_t *from, size_t length,
                     uint64_t at, size_t *done) {
  *done = 0;
  while (*done < length) {
    ssize_t n = file->buffer != NULL
                    ? pwrite(file->fd, from + *done, length - *done, (off_t)(at + *done))
                    : write(file->fd, from + *done, length - *done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n == 0 ? -EIO : -errno;
    *done += (size_t)n;
  }
  return 0;
}

/* What is read back when it has to be cut is opened for reading too. A FIFO must not be: it would
 * have a reader in us, and the end of its other reader would go unseen. */
static int open_path(const char *path) {
  struct stat status;
  bool special = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
  return open(path, (special ? O_WRONLY : O_RDWR) | O_CREAT | O_CLOEXEC, 0644);
}

int nvt_outfile_open(struct nvt_outfile *file, const char *path, bool buffered, bool plain) {
  bool standard = strcmp(path, "-") == 0;
  *file = (struct nvt_outfile){.fd = -1, .direct = -1};
  file->fd = standard ? dup(STDOUT_FILENO) : open_path(path);
  struct stat status;
  if (file->fd < 0 || fstat(file->fd, &status) != 0)
    return -errno;
  file->regular = S_ISREG(status.st_mode);
  if (standard && file->regular) {
    off_t at = lseek(file->fd, 0, SEEK_CUR);
    int flags = fcntl(file->fd, F_GETFL);
    file->start = at < 0 ? 0 : (uint64_t)at;
    file->regular = at >= 0 && flags >= 0 && (flags & O_APPEND) == 0;
  }
  if (standard || !file->regular || !buffered)
    return 0;
  file->buffer = aligned_alloc(BLOCK, BUFFER);
  if (file->buffer == NULL)
    return -ENOMEM;
  /* Not every file system can: then all goes the plain way. */
  if (!plain)
    file->direct = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
  return 0;
}

int nvt_outfile_header(struct nvt_outfile *file, const uint8_t *header, size_t length) {
  size_t done;
  int error = write_all(file, header, length, 0, &done);
  file->position = done;
  if (file->buffer != NULL) {
    memcpy(file->buffer, header, length);
    file->fill = length;
    file->before = file->after = length;
  }
  return error;
}

/* The buffer begins at a later block now: where records begin. */
static void move_base(struct nvt_outfile *file, uint64_t base) {
  size_t gone = (size_t)(base - file->base);
  while (file->after < base) {
    file->before = file->after;
    file->after += nvt_output_frame(file->buffer + (file->after - file->base));
  }
  memmove(file->buffer, file->buffer + gone, file->fill - gone);
  file->fill -= gone;
  file->base = base;
}

/* Everything, the plain way. */
static int write_plain(struct nvt_outfile *file) {
  size_t done, from = (size_t)(file->position - file->base);
  int error = write_all(file, file->buffer + from, file->fill - from, file->position, &done);
  file->position += done;
  return error;
}

/* Whole blocks; what is left stays in the buffer. */
static int write_direct(struct nvt_outfile *file) {
  uint64_t end = block_start(file->base + file->fill);
  uint64_t at = file->base;
  while (at < end) {
    ssize_t n =
        pwrite(file->direct, file->buffer + (at - file->base), (size_t)(end - at), (off_t)at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EINVAL) {
      close(file->direct);
      file->direct = -1;
      return write_plain(file);
    }
    if (n <= 0)
      return n == 0 ? -EIO : -errno;
    if (at + (uint64_t)n > file->position)
      file->position = at + (uint64_t)n;
    if (n % BLOCK != 0)
      return write_plain(file); /* nearly full: let the plain way find out */
    at += (uint64_t)n;
  }
  return 0;
}

int nvt_outfile_write(struct nvt_outfile *file, const uint8_t *from, size_t length, size_t *done) {
  if (file->buffer == NULL) {
    int error = write_all(file, from, length, 0, done);
    file->position += *done;
    return error;
  }
  memcpy(file->buffer + file->fill, from, length);
  file->fill += length;
  int error = file->direct >= 0 && file->fill >= DIRECT ? write_direct(file) : write_plain(file);
  if (error == 0)
    move_base(file, block_start(file->position));
  *done = length;
  return error;
}

int nvt_outfile_flush(struct nvt_outfile *file) {
  if (file->fd < 0 || file->buffer == NULL)
    return 0;
  return write_plain(file);
}

/* Where the records end that are whole in the file; how many aren't in *lacks. */
static uint64_t whole(const struct nvt_outfile *file, uint64_t *lacks) {
  uint64_t end = file->base + file->fill, at = file->after;
  *lacks = 0;
  uint64_t good = at;
  if (file->after > file->position) {
    good = file->before;
    *lacks = file->before < file->after ? 1 : 0;
  }
  while (at < end) {
    at += nvt_output_frame(file->buffer + (at - file->base));
    if (at <= file->position)
      good = at;
    else
      ++*lacks;
  }
  return good;
}

size_t nvt_outfile_held(const struct nvt_outfile *file) {
  uint64_t lacks;
  if (file->buffer == NULL || file->position == file->base + file->fill)
    return 0;
  return (size_t)(file->base + file->fill - whole(file, &lacks));
}

void nvt_outfile_cut_to(struct nvt_outfile *file, uint64_t length) {
  if (file->regular && ftruncate(file->fd, (off_t)(file->start + length)) == 0)
    file->position = length;
}

uint64_t nvt_outfile_cut(struct nvt_outfile *file) {
  uint64_t lacks;
  nvt_outfile_cut_to(file, whole(file, &lacks));
  return lacks;
}

int nvt_outfile_close(struct nvt_outfile *file) {
  int error = 0;
  if (file->direct >= 0)
    close(file->direct);
  if (file->fd >= 0 && close(file->fd) != 0)
    error = -errno;
  free(file->buffer);
  file->buffer = NULL;
  file->fd = file->direct = -1;
  return error;
}
