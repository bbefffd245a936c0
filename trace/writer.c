/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 20)

struct nvt_writer {
  char *path; /* NULL: standard output */
  char *temporary;
  FILE *file; /* libpcap's, owned by dumper */
  pcap_t *handle;
  pcap_dumper_t *dumper;
  uint64_t written;
  int error;
};

static pcap_t *dead_handle(void) {
  return pcap_open_dead_with_tstamp_precision(NVT_LINKTYPE, NVT_RECORD_MAX,
                                              PCAP_TSTAMP_PRECISION_NANO);
}

int nvt_writer_file_header(uint8_t out[static NVT_FILE_HEADER_BYTES]) {
  char *bytes = NULL;
  size_t size = 0;
  pcap_t *handle = dead_handle();
  FILE *memory = open_memstream(&bytes, &size);
  pcap_dumper_t *dumper = NULL;
  int error = -ENOMEM;
  if (handle != NULL && memory != NULL)
    dumper = pcap_dump_fopen(handle, memory);
  if (dumper != NULL) {
    pcap_dump_close(dumper);
    if (size == NVT_FILE_HEADER_BYTES) {
      memcpy(out, bytes, NVT_FILE_HEADER_BYTES);
      error = 0;
    }
  } else if (memory != NULL) {
    fclose(memory);
  }
  free(bytes);
  if (handle != NULL)
    pcap_close(handle);
  return error;
}

static bool explain(struct nvt_reason *why, const struct nvt_writer *writer, int error) {
  why->record = 0;
  why->offset = writer->written;
  snprintf(why->text, sizeof(why->text), "%s: can't write: %s",
           writer->path != NULL ? writer->path : "standard output", strerror(error));
  return false;
}

static void release(struct nvt_writer *writer) {
  if (writer->dumper != NULL)
    pcap_dump_close(writer->dumper);
  if (writer->handle != NULL)
    pcap_close(writer->handle);
  free(writer->path);
  free(writer->temporary);
  free(writer);
}

/* A new file beside `path`, with the mode that the user's umask gives. */
static int open_temporary(struct nvt_writer *writer) {
  for (unsigned i = 0; i < 1000; i++) {
    char *name;
    if (asprintf(&name, "%s.%ld-%u.tmp", writer->path, (long)getpid(), i) < 0)
      return -ENOMEM;
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
      writer->temporary = name;
      return fd;
    }
    int error = errno;
    free(name);
    if (error != EEXIST)
      return -error;
  }
  return -EEXIST;
}

static int open_file(struct nvt_writer *writer) {
  int fd;
  struct stat status;
  if (writer->path == NULL)
    fd = dup(STDOUT_FILENO);
  else if (stat(writer->path, &status) == 0 && !S_ISREG(status.st_mode))
    fd = open(writer->path, O_WRONLY | O_CLOEXEC); /* a FIFO or a device can't be renamed onto */
  else if ((fd = open_temporary(writer)) < 0)
    return fd;
  if (fd < 0)
    return -errno;
  writer->file = fdopen(fd, "w");
  if (writer->file == NULL) {
    int error = errno;
    close(fd);
    return -error;
  }
  setvbuf(writer->file, NULL, _IOFBF, BUFFER_BYTES);
  return 0;
}

bool nvt_writer_open(const char *path, struct nvt_writer **out, struct nvt_reason *why) {
  memset(why, 0, sizeof(*why));
  struct nvt_writer *writer = calloc(1, sizeof(*writer));
  if (writer == NULL) {
    snprintf(why->text, sizeof(why->text), "%s: out of memory", path);
    return false;
  }
  int error = 0;
  if (strcmp(path, "-") != 0) {
    writer->path = strdup(path);
    error = writer->path != NULL ? 0 : -ENOMEM;
  }
  if (error == 0)
    error = open_file(writer);
  if (error == 0) {
    writer->handle = dead_handle();
    writer->dumper = writer->handle != NULL ? pcap_dump_fopen(writer->handle, writer->file) : NULL;
    if (writer->dumper == NULL) {
      fclose(writer->file);
      error = -ENOMEM;
    }
  }
  if (error != 0) {
    explain(why, writer, -error);
    nvt_writer_abort(writer);
    return false;
  }
  writer->written = NVT_FILE_HEADER_BYTES;
  *out = writer;
  return true;
}

int nvt_writer_write(struct nvt_writer *writer, uint64_t time_ns, const void *record,
                     size_t length) {
  return nvt_writer_write_frame(writer, time_ns, record, length, length);
}

int nvt_writer_write_frame(struct nvt_writer *writer, uint64_t time_ns, const void *record,
                           size_t length, size_t original) {
  if (writer->error != 0)
    return -writer->error;
  uint64_t seconds = time_ns / 1000000000u;
  if (length > NVT_RECORD_MAX || original < length || original > UINT32_MAX || seconds > UINT32_MAX)
    return -EINVAL;
  /* A nanosecond handle takes nanoseconds in tv_usec. */
  struct pcap_pkthdr header = {
      .ts = {.tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)(time_ns % 1000000000u)},
      .caplen = (bpf_u_int32)length,
      .len = (bpf_u_int32)original,
  };
  errno = 0;
  pcap_dump((u_char *)writer->dumper, &header, record);
  if (ferror(writer->file)) {
    writer->error = errno != 0 ? errno : EIO;
    return -writer->error;
  }
  writer->written += NVT_FRAME_HEADER_BYTES + length;
  return 0;
}

bool nvt_writer_close(struct nvt_writer *writer, struct nvt_reason *why) {
  memset(why, 0, sizeof(*why));
  errno = 0;
  if (writer->error == 0 && pcap_dump_flush(writer->dumper) != 0)
    writer->error = errno != 0 ? errno : EIO;
  if (writer->error == 0 && writer->temporary != NULL &&
      rename(writer->temporary, writer->path) != 0)
    writer->error = errno;
  if (writer->error != 0) {
    explain(why, writer, writer->error);
    nvt_writer_abort(writer);
    return false;
  }
  release(writer);
  return true;
}

void nvt_writer_abort(struct nvt_writer *writer) {
  if (writer == NULL)
    return;
  if (writer->temporary != NULL)
    unlink(writer->temporary);
  release(writer);
}
