/* SPDX-License-Identifier: BSD-2-Clause */
#include "edit/files_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trace/build.h"
#include "trace/progress.h"

#define PROGRESS_RECORDS ((1u << 16) - 1) /* between two looks at the clock */
#define PROGRESS_AFTER 2                  /* seconds */
#define CNTLID "\"cntlid\""

static bool status_of(const char *path, int standard, struct stat *out) {
  return (strcmp(path, "-") == 0 ? fstat(standard, out) : stat(path, out)) == 0;
}

bool nvt_edit_same_file(const char *in, const char *out) {
  struct stat a, b;
  if (!status_of(in, STDIN_FILENO, &a) || !status_of(out, STDOUT_FILENO, &b))
    return false;
  /* A terminal or a null device is no file that is lost. */
  return S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A loss record names sequence numbers, too. */
static void shift_loss(uint8_t *buffer, const struct nvt_record *record, uint64_t shift) {
  struct nvt_rec_loss loss = record->loss;
  if (loss.first_seq < shift)
    return;
  loss.first_seq -= shift;
  memcpy(buffer + record->header.header_length, &loss, sizeof(loss));
}

/* And a digest the one of the data that it repeats: never one from before a dropped preamble. */
static void shift_digest(uint8_t *buffer, const struct nvt_record *record, uint64_t shift) {
  struct nvt_rec_digest digest = record->digest;
  if (digest.algorithm != NVT_V_digest_algorithm_SAME || digest.same_as < shift)
    return;
  digest.same_as -= shift;
  memcpy(buffer + record->header.header_length, &digest, sizeof(digest));
}

/* The controller that it tells of gets another number, but says the old one of itself. NULL: this
 * is told already, or there is no place for it. */
static char *with_cntlid(const struct nvt_record *record, size_t *length) {
  const char *json = (const char *)record->tail;
  size_t old = record->tail_length;
  if (old < 2 || old != record->meta.json_length || json[0] != '{' ||
      memmem(json, old, CNTLID, strlen(CNTLID)) != NULL)
    return NULL;
  size_t next = 1;
  while (next < old && strchr(" \t\r\n", json[next]) != NULL)
    next++;
  bool empty = next < old && json[next] == '}';
  char *longer = malloc(old + 32);
  if (longer == NULL)
    return NULL;
  int put = snprintf(longer, 32, "{" CNTLID ":%u%s", record->header.controller, empty ? "" : ",");
  memcpy(longer + put, json + 1, old - 1);
  *length = old - 1 + (size_t)put;
  return longer;
}

static int copy_meta(struct nvt_writer *writer, const struct nvt_record *record,
                     const struct nvt_rec_header *header, uint8_t *buffer, bool *done) {
  size_t length;
  char *json = with_cntlid(record, &length);
  size_t size = json != NULL ? nvt_build_record(buffer, NVT_RECORD_MAX, NVT_REC_META, header,
                                                &record->meta, json, length)
                             : 0;
  free(json);
  *done = size > 0;
  return *done ? nvt_writer_write_frame(writer, record->time_ns, buffer, size, size) : 0;
}

int nvt_edit_copy(struct nvt_writer *writer, const struct nvt_reader *reader,
                  const struct nvt_record *record, const struct nvt_edit_change *change,
                  uint8_t *buffer) {
  const uint8_t *bytes = nvt_reader_bytes(reader);
  size_t captured = record->captured < NVT_RECORD_MAX ? record->captured : NVT_RECORD_MAX;
  size_t original = nvt_reader_original(reader);
  original = original < captured ? captured : original;
  bool changes =
      change != NULL && (change->controller != record->header.controller || change->shift != 0);
  if (!changes)
    return nvt_writer_write_frame(writer, record->time_ns, bytes, captured, original);
  struct nvt_rec_header header = record->header;
  header.controller = change->controller;
  header.seq -= change->shift;
  if (header.type == NVT_REC_META && header.controller != record->header.controller) {
    bool done;
    int error = copy_meta(writer, record, &header, buffer, &done);
    if (done)
      return error;
  }
  memcpy(buffer, bytes, captured);
  memcpy(buffer, &header, sizeof(header));
  if (header.type == NVT_REC_LOSS && change->shift != 0)
    shift_loss(buffer, record, change->shift);
  if (header.type == NVT_REC_DIGEST && change->shift != 0)
    shift_digest(buffer, record, change->shift);
  return nvt_writer_write_frame(writer, record->time_ns, buffer, captured, original);
}

static int64_t seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

void nvt_edit_progress_start(struct nvt_edit_progress *progress, const char *command) {
  *progress = (struct nvt_edit_progress){
      .command = command, .terminal = isatty(STDERR_FILENO) == 1, .started = seconds_now()};
}

void nvt_edit_progress(struct nvt_edit_progress *progress, const struct nvt_reader *reader,
                       uint64_t records) {
  if (!progress->terminal || (records & PROGRESS_RECORDS) != 0 ||
      seconds_now() - progress->started < PROGRESS_AFTER)
    return;
  progress->shown = true;
  nvt_progress_show(progress->command, reader, records);
}

void nvt_edit_progress_end(struct nvt_edit_progress *progress) {
  if (progress->shown)
    nvt_progress_clear();
  progress->shown = false;
}
