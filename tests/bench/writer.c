/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer FILE MIB: presses MIB of records through ring and writer into FILE, as fast
 * as they go, without a loss. Prints MB/s (10^6 bytes) and the writer's CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "capture/ring.h"
#include "capture/writer.h"
#include "trace/record.h"

static double seconds(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: writer FILE MIB\n");
    return 2;
  }
  char why[256] = "";
  struct nvt_ring *ring;
  struct nvt_ring_writer *writer;
  struct nvt_ring_writer_result result;
  static uint8_t record[16 + 32 + sizeof(struct nvt_rec_command)];
  uint32_t length = sizeof(record) - 16, stamp = 1700000000;
  uint64_t count = strtoull(argv[2], NULL, 10) * (1u << 20) / sizeof(record);
  memcpy(record, &stamp, 4);
  memcpy(record + 8, &length, 4);
  memcpy(record + 12, &length, 4);
  const struct nvt_ring_writer_options options = {.path = argv[1], .rings = &ring, .count = 1};
  if (nvt_ring_create(16u << 20, &ring) != 0 ||
      nvt_ring_writer_start(&options, &writer, why, sizeof(why)) != 0) {
    fprintf(stderr, "writer: %s\n", why);
    return 1;
  }
  double start = seconds(CLOCK_MONOTONIC);
  for (uint64_t i = 0; i < count; i++) {
    void *at = nvt_ring_reserve_wait(ring, sizeof(record));
    if (at == NULL)
      break;
    memcpy(at, record, sizeof(record));
    nvt_ring_commit(ring, sizeof(record));
  }
  double producer = seconds(CLOCK_THREAD_CPUTIME_ID);
  bool ok = nvt_ring_writer_finish(writer, &result, why, sizeof(why));
  double wall = seconds(CLOCK_MONOTONIC) - start;
  double all = seconds(CLOCK_PROCESS_CPUTIME_ID);
  nvt_ring_destroy(ring);
  if (!ok || result.bytes != count * sizeof(record) + 24) {
    fprintf(stderr, "writer: %s\n", ok ? "bytes are missing" : why);
    return 1;
  }
  printf("{\"writer.mb_s\": %.1f, \"writer.cpu_ns_per_record\": %.2f}\n",
         (double)result.bytes / wall / 1e6, (all - producer) / (double)count * 1e9);
  return 0;
}
