/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/capture/kill.h"

/* As docs/trace-format.md has it, and nothing of the program that is judged. */
enum { COMMAND = 11, COMPLETION = 12, EVENT = 14, LOSS = 16, RECOVERED = 24, SNAPSHOT = 1 };
enum { QUEUES = 3, CIDS = 64, GAPS = 1 << 16 };

struct gap {
  uint64_t first, end;
};
struct judging {
  const uint8_t *bytes;
  size_t size;
  struct verdict *out;
  const struct host *host;
  uint64_t *command_seq, *completion_seq; /* of each note, + 1; 0: isn't in the trace */
  uint64_t *next_seq_of;
  uint32_t current[QUEUES][CIDS];
  struct gap *gaps;
  size_t gap_count;
  uint64_t next_seq;
  uint32_t admin; /* the last admin command's */
  bool begun;
};

static uint64_t number(const uint8_t *at, unsigned bytes) {
  uint64_t value = 0;
  memcpy(&value, at, bytes);
  return value;
}

__attribute__((format(printf, 2, 3))) static void wrong(struct judging *j, const char *format,
                                                        ...) {
  if (j->out->wrong[0] != '\0')
    return;
  va_list args;
  va_start(args, format);
  vsnprintf(j->out->wrong, sizeof(j->out->wrong), format, args);
  va_end(args);
}

/* The loss that a record tells of is the step before the record itself. */
static void take_loss(struct judging *j, const uint8_t *body, uint64_t seq) {
  uint64_t first = number(body, 8), count = number(body + 8, 8);
  if (first != j->next_seq || count != seq - first || count == 0)
    wrong(j, "loss record %llu tells of %llu from %llu on, and the step is from %llu",
          (unsigned long long)seq, (unsigned long long)count, (unsigned long long)first,
          (unsigned long long)j->next_seq);
  j->out->lost += count;
  if (j->gap_count == GAPS)
    wrong(j, "more gaps than this judge can keep");
  else
    j->gaps[j->gap_count++] = (struct gap){first, first + count};
  j->next_seq = seq;
}

static void take_command(struct judging *j, const uint8_t *body, uint64_t seq) {
  uint64_t sqid = number(body, 2), cid = number(body + 16 + 2, 2), tag = number(body + 16 + 56, 4);
  if (sqid == 0) {
    do
      j->admin++;
    while (j->admin <= j->host->submitted && j->host->notes[j->admin].sqid != 0);
    tag = j->admin;
  }
  if (tag == 0 || tag > j->host->submitted || sqid >= QUEUES || cid >= CIDS ||
      j->host->notes[tag].sqid != sqid || j->host->notes[tag].cid != cid)
    wrong(j, "record %llu is a command that the host didn't send", (unsigned long long)seq);
  else if (j->command_seq[tag] != 0)
    wrong(j, "record %llu: command %llu for the second time", (unsigned long long)seq,
          (unsigned long long)tag);
  else {
    j->command_seq[tag] = seq + 1;
    j->current[sqid][cid] = (uint32_t)tag;
    j->out->commands++;
  }
}

static void take_completion(struct judging *j, const uint8_t *body, uint64_t seq) {
  uint64_t sqid = number(body, 2), cid = number(body + 16 + 12, 2);
  uint32_t tag = sqid < QUEUES && cid < CIDS ? j->current[sqid][cid] : 0;
  j->out->completions++;
  if (tag != 0)
    j->completion_seq[tag] = seq + 1;
  else if (j->gap_count == 0)
    wrong(j, "record %llu is a completion without a command", (unsigned long long)seq);
  if (tag != 0)
    j->current[sqid][cid] = 0;
}

/* `length` as recorded: a snap length may have left less of it. */
static void take(struct judging *j, const uint8_t *record, size_t length) {
  uint8_t type = record[5];
  uint64_t seq = number(record + 24, 8);
  const uint8_t *body = record + record[6];
  if (memcmp(record, "NVTP", 4) != 0 || record[4] != 1 || number(record + 8, 4) != length ||
      length % 8 != 0)
    wrong(j, "record %llu isn't one", (unsigned long long)j->out->records);
  if (!j->begun && seq != 0)
    wrong(j, "the first sequence number is %llu", (unsigned long long)seq);
  j->begun = true;
  if (type == LOSS)
    take_loss(j, body, seq);
  if (seq != j->next_seq)
    wrong(j, "sequence number %llu, and not %llu", (unsigned long long)seq,
          (unsigned long long)j->next_seq);
  j->next_seq = seq + 1;
  if (type == COMMAND && (record[7] & SNAPSHOT) == 0)
    take_command(j, body, seq);
  if (type == COMPLETION)
    take_completion(j, body, seq);
  j->out->recovered = type == EVENT && number(body, 2) == RECOVERED;
  j->out->records++;
}

static void walk(struct judging *j) {
  static const uint8_t header[24] = {0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0,  0,
                                     0,    0,    0,    0,    0, 0, 0, 4, 0, 159};
  if (j->size < sizeof(header) || memcmp(j->bytes, header, sizeof(header)) != 0) {
    wrong(j, "%zu bytes, and no pcap header", j->size);
    return;
  }
  uint64_t last = 0;
  for (size_t at = sizeof(header); at < j->size && j->out->wrong[0] == '\0';) {
    const uint8_t *frame = j->bytes + at;
    size_t length = j->size - at < 16 ? 0 : number(frame + 8, 4);
    if (length < 40 || length > j->size - at - 16) {
      wrong(j, "the file ends inside of a frame, at %zu of %zu", at, j->size);
      return;
    }
    uint64_t ns = number(frame, 4) * 1000000000u + number(frame + 4, 4);
    if (ns < last)
      wrong(j, "time goes back at %zu", at);
    last = ns;
    take(j, frame + 16, number(frame + 12, 4));
    at += 16 + length;
  }
}

/* Is something lost from a record on, up to another? Gaps are in order. */
static bool lost_between(const struct judging *j, uint64_t from, uint64_t to) {
  size_t low = 0, high = j->gap_count; /* the first one that ends behind `from` */
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (j->gaps[middle].end > from)
      high = middle;
    else
      low = middle + 1;
  }
  return low < j->gap_count && j->gaps[low].first < to;
}

/* Of each command the sequence number of the next one of its queue that is in the trace. */
static void find_next(struct judging *j) {
  uint64_t next[QUEUES] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
  for (uint32_t tag = j->host->submitted; tag > 0; tag--) {
    uint64_t *of_queue = &next[j->host->notes[tag].sqid];
    j->next_seq_of[tag] = *of_queue;
    if (j->command_seq[tag] != 0)
      *of_queue = j->command_seq[tag] - 1;
  }
}

/* What the host saw is in the trace, or where something is told to be lost: commands of a queue are
 * fetched in the order of their numbers. */
static void compare(struct judging *j, bool drop) {
  uint64_t before[QUEUES] = {0};
  find_next(j);
  for (uint32_t tag = 1; tag <= j->host->submitted; tag++) {
    uint16_t sqid = j->host->notes[tag].sqid;
    bool there = j->command_seq[tag] != 0;
    if (there)
      before[sqid] = j->command_seq[tag];
    if (!j->host->notes[tag].seen || j->completion_seq[tag] != 0)
      continue;
    j->out->in_gaps++;
    if (!drop || !lost_between(j, before[sqid], there ? UINT64_MAX : j->next_seq_of[tag]))
      wrong(j, "the host saw the completion of command %u (queue %u), and the trace has %s", tag,
            sqid, there ? "only its command" : "nothing");
  }
  if (j->out->in_gaps > j->out->lost)
    wrong(j, "%llu commands are missing, and %llu records lost",
          (unsigned long long)j->out->in_gaps, (unsigned long long)j->out->lost);
  if (!drop && j->out->lost != 0)
    wrong(j, "%llu lost", (unsigned long long)j->out->lost);
  if (j->begun && j->next_seq != j->out->records + j->out->lost)
    wrong(j, "%llu records and %llu lost, and the next number is %llu",
          (unsigned long long)j->out->records, (unsigned long long)j->out->lost,
          (unsigned long long)j->next_seq);
}

void judge(const char *trace, const struct host *host, bool drop, struct verdict *out) {
  *out = (struct verdict){0};
  struct judging j = {.out = out, .host = host};
  struct stat status = {0};
  int fd = open(trace, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &status) != 0) {
    if (host->seen > 0)
      wrong(&j, "%s: %s", trace, strerror(errno));
    return; /* killed before it began */
  }
  j.size = (size_t)status.st_size;
  j.bytes = j.size == 0 ? NULL : mmap(NULL, j.size, PROT_READ, MAP_PRIVATE, fd, 0);
  j.command_seq = calloc(NOTES, sizeof(uint64_t));
  j.completion_seq = calloc(NOTES, sizeof(uint64_t));
  j.next_seq_of = calloc(NOTES, sizeof(uint64_t));
  j.gaps = calloc(GAPS, sizeof(*j.gaps));
  if (j.size == 0 && host->seen == 0)
    ; /* nor had it begun */
  else if (j.bytes == NULL || j.bytes == MAP_FAILED || !j.command_seq || !j.completion_seq ||
           !j.next_seq_of || !j.gaps)
    wrong(&j, "%s: empty, or no memory", trace);
  else {
    walk(&j);
    compare(&j, drop);
  }
  if (j.bytes != NULL && j.bytes != MAP_FAILED)
    munmap((void *)(uintptr_t)j.bytes, j.size);
  free(j.command_seq);
  free(j.completion_seq);
  free(j.next_seq_of);
  free(j.gaps);
  close(fd);
}
