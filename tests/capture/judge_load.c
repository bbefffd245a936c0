/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * judge_load RECORDS FILE…: reads what writer_load recorded, files one after the other, by the pcap
 * format and the numbers of docs/trace-format.md alone, and holds it to what can be known:
 * every record there once and unharmed; the sequence of each thread without a gap; time never going
 * back; and no record standing after one that began when it was over: of two threads' records the
 * tickets tell which was first.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4 };

static uint64_t there, next_seq[THREADS], next_number[THREADS], newest_before[THREADS];
static uint64_t newest, last_ns;
static int begun[THREADS];

static uint32_t checksum(uint32_t start, const uint8_t *bytes, unsigned length) {
  uint32_t sum = 2166136261u ^ start;
  for (unsigned i = 0; i < length; i++)
    sum = (sum ^ bytes[i]) * 16777619u;
  return sum;
}

static uint64_t u64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}

static int bad(const char *what, uint64_t a, uint64_t b) {
  printf("record %" PRIu64 ": %s (%" PRIu64 ", %" PRIu64 ")\n", there + 1, what, a, b);
  return 1;
}

/* A command record of 112 bytes: header 32, body 80, of which the entry is the last 64. */
static int judge(uint64_t ns, const uint8_t *record, uint32_t captured, uint32_t length) {
  if (captured != 112 || length != 112 || memcmp(record, "NVTP", 4) != 0 || record[5] != 11)
    return bad("isn't a whole command", captured, length);
  unsigned thread = record[12] | (unsigned)record[13] << 8;
  if (thread >= THREADS || (record[14] | (unsigned)record[15] << 8) != thread)
    return bad("of no thread", thread, 0);
  const uint8_t *entry = record + 48;
  uint32_t sum;
  memcpy(&sum, entry + 60, 4);
  if (sum != checksum(thread, entry, 60))
    return bad("is torn", sum, thread);
  uint64_t seq = u64(record + 24), ticket = u64(entry + 8), number = u64(entry + 16);
  if (seq != next_seq[thread]++ || number != next_number[thread]++)
    return bad("isn't the next one of its thread", seq, number);
  if (ns < last_ns)
    return bad("time goes back", last_ns, ns);
  /* This thread's record before was over when this ticket was drawn: what stood before that one had
   * begun earlier. */
  if (begun[thread] && newest_before[thread] > ticket)
    return bad("the one before stands after one that began when it was over", ticket,
               newest_before[thread]);
  begun[thread] = 1;
  newest_before[thread] = newest;
  if (ticket > newest)
    newest = ticket;
  last_ns = ns;
  there++;
  return 0;
}

static int judge_file(const char *path) {
  static uint8_t record[1 << 18];
  uint32_t header[6], frame[4];
  FILE *file = fopen(path, "rb");
  if (file == NULL || fread(header, 1, 24, file) != 24 || header[0] != 0xa1b23c4d ||
      header[5] != 159)
    return bad(path, 0, 0);
  size_t got;
  while ((got = fread(frame, 1, sizeof(frame), file)) == sizeof(frame)) {
    if (frame[2] > sizeof(record) || fread(record, 1, frame[2], file) != frame[2])
      return bad("the file ends inside", frame[2], 0);
    if (judge(frame[0] * 1000000000ull + frame[1], record, frame[2], frame[3]) != 0)
      return 1;
  }
  fclose(file);
  return got == 0 ? 0 : bad("the file ends inside a frame's header", got, 0);
}

int main(int argc, char **argv) {
  for (int i = 2; i < argc; i++)
    if (judge_file(argv[i]) != 0) {
      printf("in %s\n", argv[i]);
      return 1;
    }
  uint64_t wanted = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
  printf("%" PRIu64 " records in order by time, none lost, none torn\n", there);
  return there == wanted && wanted > 0 ? 0 : 1;
}
