/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/output_int.h"
#include "capture/packer.h"
#include "capture/refuse_int.h"
#include "controller/log.h"
#include "trace/record.h"
#include "trace/writer.h"

struct name {
  char *path;
  dev_t device; /* which file it was: another one of that name isn't ours to remove */
  ino_t inode;
};

struct nvt_output {
  char *path;
  bool set;
  unsigned keep;
  uint32_t snaplen;
  const struct nvt_packer *packer;
  void *packing;
  void (*opened)(void *ctx, const char *path, int fd);
  void *ctx;
  struct nvt_outfile file;
  uint8_t *cut;       /* records on their way, with a snaplen */
  char *name;         /* of the current file, or the last one */
  struct name *names; /* of a set, the oldest first */
  unsigned named;
  struct nvt_output_counts counts;
};

size_t nvt_output_frame(const uint8_t *from) {
  uint32_t captured;
  memcpy(&captured, from + 8, sizeof(captured));
  return NVT_FRAME_HEADER_BYTES + (size_t)captured;
}

uint64_t nvt_output_frame_ns(const uint8_t *from) {
  uint32_t time[2];
  memcpy(time, from, sizeof(time));
  return (uint64_t)time[0] * 1000000000u + time[1];
}

uint64_t nvt_output_count(const uint8_t *from, size_t length, size_t *bytes) {
  uint64_t count = 0;
  *bytes = 0;
  while (*bytes + NVT_FRAME_HEADER_BYTES <= length &&
         nvt_output_frame(from + *bytes) <= length - *bytes) {
    *bytes += nvt_output_frame(from + *bytes);
    count++;
  }
  return count;
}

size_t nvt_output_piece(const uint8_t *from, size_t length, size_t most) {
  if (length <= most)
    return length;
  size_t whole = nvt_output_frame(from);
  for (;;) {
    size_t next = whole + nvt_output_frame(from + whole);
    if (next > most)
      return whole;
    whole = next;
  }
}

int nvt_output_create(const struct nvt_output_options *options, struct nvt_output **out, char *why,
                      size_t whylen) {
  *out = NULL;
  struct nvt_output *output = calloc(1, sizeof(*output));
  if (output == NULL)
    return nvt_capture_refuse(-ENOMEM, why, whylen, "%s: out of memory", options->path);
  output->file = (struct nvt_outfile){.fd = -1, .direct = -1};
  output->set = options->set;
  output->keep = options->keep;
  output->snaplen = options->snaplen;
  output->packer = options->packer;
  output->opened = options->opened;
  output->ctx = options->ctx;
  int error = 0;
  output->path = strdup(options->path);
  output->name = strdup(options->path);
  if (output->snaplen > 0)
    output->cut = malloc(NVT_OUTPUT_PIECE + NVT_FRAME_HEADER_BYTES + NVT_RECORD_MAX);
  if (output->path == NULL || output->name == NULL || (output->snaplen > 0 && output->cut == NULL))
    error = -ENOMEM;
  if (error == 0 && output->packer != NULL)
    error = output->packer->create(options->level,
                                   NVT_OUTPUT_PIECE + NVT_FRAME_HEADER_BYTES + NVT_RECORD_MAX,
                                   &output->packing);
  if (error != 0) {
    nvt_output_destroy(output);
    return nvt_capture_refuse(error, why, whylen, "%s: %s", options->path, strerror(-error));
  }
  *out = output;
  return 0;
}

static void forget_names(struct nvt_output *output) {
  for (unsigned i = 0; i < output->named; i++)
    free(output->names[i].path);
  free(output->names);
}

void nvt_output_destroy(struct nvt_output *output) {
  if (output == NULL)
    return;
  (void)nvt_output_end(output);
  if (output->packer != NULL)
    output->packer->destroy(output->packing);
  forget_names(output);
  free(output->cut);
  free(output->path);
  free(output->name);
  free(output);
}

/* The current file takes no more: what it lacks of `length` bytes that were on their way. */
static int failed(struct nvt_output *output, int error, const uint8_t *from, size_t length,
                  size_t done, uint64_t records) {
  struct nvt_outfile *file = &output->file;
  uint64_t lacks = records;
  if (file->buffer != NULL) {
    lacks = nvt_outfile_cut(file);
  } else if (output->packer != NULL) {
    nvt_outfile_cut_to(file, file->position - done);
  } else {
    size_t whole;
    lacks = records - nvt_output_count(from, done < length ? done : length, &whole);
    nvt_outfile_cut_to(file, file->position - (done - whole));
  }
  output->counts.unsaved += lacks;
  output->counts.records -= lacks;
  output->counts.file_records -= lacks;
  output->counts.bytes -= output->counts.file_bytes - file->position;
  output->counts.file_bytes = file->position;
  (void)nvt_outfile_close(file);
  return error;
}

static void count_bytes(struct nvt_output *output) {
  uint64_t now = output->file.position;
  if (output->file.buffer != NULL)
    now = output->file.base + output->file.fill;
  output->counts.bytes += now - output->counts.file_bytes;
  output->counts.file_bytes = now;
}

static int put_plain(struct nvt_output *output, const uint8_t *from, size_t length) {
  size_t done, whole;
  uint64_t records = nvt_output_count(from, length, &whole);
  output->counts.records += records;
  output->counts.file_records += records;
  int error = nvt_outfile_write(&output->file, from, length, &done);
  count_bytes(output);
  return error == 0 ? 0 : failed(output, error, from, length, done, records);
}

/* Frame by frame. */
static int put_packed(struct nvt_output *output, const uint8_t *from, size_t length) {
  while (length > 0) {
    struct nvt_packed packed;
    size_t done = 0, whole;
    int error = output->packer->pack(output->packing, output->file.position, from, length, &packed);
    size_t taken = error == 0 ? packed.taken : length;
    uint64_t records = nvt_output_count(from, taken, &whole);
    output->counts.records += records;
    output->counts.file_records += records;
    if (error == 0)
      error = nvt_outfile_write(&output->file, packed.bytes, packed.length, &done);
    count_bytes(output);
    if (error != 0) {
      output->counts.unsaved += nvt_output_count(from + taken, length - taken, &whole);
      return failed(output, error, from, taken, done, records);
    }
    from += taken;
    length -= taken;
  }
  return 0;
}

static int put_piece(struct nvt_output *output, const uint8_t *from, size_t length) {
  return output->packer != NULL ? put_packed(output, from, length)
                                : put_plain(output, from, length);
}

/* How much of a record is kept. The meta-record's JSON is of no use by halves. */
static uint32_t kept(const struct nvt_output *output, const uint8_t *record, uint32_t captured) {
  struct nvt_rec_header header;
  if (captured < sizeof(header))
    return captured;
  memcpy(&header, record, sizeof(header));
  uint32_t least = (uint32_t)(header.header_length + nvt_record_body_size(header.type));
  if (header.type == NVT_REC_META)
    return captured;
  uint32_t most = output->snaplen > least ? output->snaplen : least;
  return captured < most ? captured : most;
}

/* A copy with the tails cut; how long it is. */
static size_t cut_tails(struct nvt_output *output, const uint8_t *from, size_t length) {
  size_t at = 0, to = 0;
  while (at < length) {
    uint32_t captured = (uint32_t)(nvt_output_frame(from + at) - NVT_FRAME_HEADER_BYTES);
    const uint8_t *record = from + at + NVT_FRAME_HEADER_BYTES;
    uint32_t keep = kept(output, record, captured);
    memcpy(output->cut + to, from + at, NVT_FRAME_HEADER_BYTES);
    memcpy(output->cut + to + 8, &keep, sizeof(keep));
    memcpy(output->cut + to + NVT_FRAME_HEADER_BYTES, record, keep);
    at += NVT_FRAME_HEADER_BYTES + captured;
    to += NVT_FRAME_HEADER_BYTES + keep;
  }
  return to;
}

int nvt_output_put(struct nvt_output *output, const uint8_t *from, size_t length) {
  int error = output->file.fd >= 0 || length == 0 ? 0 : -EBADF;
  while (length > 0 && error == 0) {
    size_t piece = nvt_output_piece(from, length, NVT_OUTPUT_PIECE);
    if (output->cut != NULL)
      error = put_piece(output, output->cut, cut_tails(output, from, piece));
    else
      error = put_piece(output, from, piece);
    from += piece;
    length -= piece;
  }
  if (length > 0) { /* of what came after the piece that failed */
    size_t whole;
    output->counts.unsaved += nvt_output_count(from, length, &whole);
  }
  return error;
}

size_t nvt_output_held(const struct nvt_output *output) {
  return output->file.fd < 0 ? 0 : nvt_outfile_held(&output->file);
}

int nvt_output_flush(struct nvt_output *output) {
  int error = nvt_outfile_flush(&output->file);
  return error == 0 ? 0 : failed(output, error, NULL, 0, 0, 0);
}

int nvt_output_end(struct nvt_output *output) {
  if (output->file.fd < 0)
    return 0;
  int error = nvt_output_flush(output);
  return error != 0 ? error : nvt_outfile_close(&output->file);
}

/* No more than `keep` files of the set, the next one included. */
static void remove_oldest(struct nvt_output *output) {
  struct stat status;
  while (output->keep > 0 && output->named >= output->keep) {
    struct name *oldest = &output->names[0];
    if (stat(oldest->path, &status) == 0 && status.st_dev == oldest->device &&
        status.st_ino == oldest->inode && unlink(oldest->path) != 0)
      nvt_log(NVT_LOG_NORMAL, "%s: the oldest file of the set can't be removed: %s", oldest->path,
              strerror(errno));
    free(oldest->path);
    memmove(output->names, output->names + 1, --output->named * sizeof(*output->names));
  }
}

static int remember_name(struct nvt_output *output) {
  struct stat status;
  if (output->keep == 0 || fstat(output->file.fd, &status) != 0)
    return 0;
  struct name *more = realloc(output->names, (output->named + 1) * sizeof(*more));
  if (more == NULL)
    return -ENOMEM;
  output->names = more;
  char *path = strdup(output->name);
  if (path == NULL)
    return -ENOMEM;
  output->names[output->named++] =
      (struct name){.path = path, .device = status.st_dev, .inode = status.st_ino};
  return 0;
}

static int new_name(struct nvt_output *output) {
  if (!output->set)
    return 0;
  char *name = nvt_output_name(output->path, output->counts.files + 1, (int64_t)time(NULL),
                               output->counts.files > 0 ? output->name : NULL);
  if (name == NULL)
    return -EINVAL;
  free(output->name);
  output->name = name;
  return 0;
}

static int begin_file(struct nvt_output *output) {
  uint8_t header[NVT_FILE_HEADER_BYTES];
  struct nvt_packed first = {.bytes = header, .length = sizeof(header)};
  if (output->file.regular && strcmp(output->path, "-") != 0) {
    if (ftruncate(output->file.fd, 0) != 0)
      return -errno;
    if (output->opened != NULL)
      output->opened(output->ctx, output->name, output->file.fd);
  }
  int error = nvt_writer_file_header(header);
  if (error == 0 && output->packer != NULL)
    error = output->packer->pack(output->packing, 0, header, sizeof(header), &first);
  if (error == 0)
    error = nvt_outfile_header(&output->file, first.bytes, first.length);
  if (error != 0)
    nvt_outfile_cut_to(&output->file, 0);
  return error != 0 ? error : remember_name(output);
}

int nvt_output_next(struct nvt_output *output, char *why, size_t whylen) {
  int error = nvt_output_end(output);
  if (error != 0)
    return nvt_capture_refuse(error, why, whylen, "%s: %s", output->name, strerror(-error));
  error = new_name(output);
  if (error != 0)
    return nvt_capture_refuse(error, why, whylen, "%s: no name for a file comes of it",
                              output->path);
  remove_oldest(output);
  error =
      nvt_outfile_open(&output->file, output->name, output->packer == NULL, output->snaplen > 0);
  if (error == 0 && strcmp(output->path, "-") == 0 && isatty(output->file.fd)) {
    (void)nvt_outfile_close(&output->file);
    return nvt_capture_refuse(
        -EINVAL, why, whylen,
        "a trace is no text for a terminal: pipe it ('| wireshark -k -i -') or name a "
        "file with --trace");
  }
  if (error != 0) {
    (void)nvt_outfile_close(&output->file);
    return nvt_capture_refuse(error, why, whylen, "%s: the trace can't be created: %s",
                              output->name, strerror(-error));
  }
  output->counts.file_bytes = output->counts.file_records = 0;
  error = begin_file(output);
  if (error != 0) {
    (void)nvt_outfile_close(&output->file);
    return nvt_capture_refuse(error, why, whylen, "%s: the trace's header can't be written: %s",
                              output->name, strerror(-error));
  }
  output->counts.files++;
  count_bytes(output);
  return 0;
}

void nvt_output_give_up(struct nvt_output *output) {
  output->counts.removed += output->counts.file_records;
  output->counts.records -= output->counts.file_records;
  output->counts.bytes -= output->counts.file_bytes;
  output->counts.file_records = output->counts.file_bytes = 0;
  (void)nvt_outfile_close(&output->file);
}

void nvt_output_counts(const struct nvt_output *output, struct nvt_output_counts *out) {
  *out = output->counts;
}

const char *nvt_output_path(const struct nvt_output *output) {
  return output->name;
}

int nvt_output_fd(const struct nvt_output *output) {
  return output->file.fd;
}
