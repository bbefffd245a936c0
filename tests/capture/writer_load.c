/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer_load FILE RECORDS [FILE_BYTES]: four threads, each with a trace tap and a ring of its own,
 * record RECORDS commands in all through one writer, as fast as they go and in bursts. What each
 * command says is for judge_load, which knows nothing of this code.
 *
 * A command's entry: dwords 2 and 3 a ticket drawn from all threads' counter before it was
 * recorded, 4 and 5 its number in its thread, 15 a checksum (FNV-1a) of the thread and of dwords 0
 * to 14.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "capture/ring.h"
#include "capture/trace_tap.h"
#include "capture/writer.h"
#include "controller/tap.h"

enum { THREADS = 4, RING = 1 << 20 };

static _Atomic uint64_t tickets;

struct load {
  pthread_t thread;
  struct nvt_plugin_host *host;
  struct nvt_ring *ring;
  struct nvt_trace_tap *tap;
  uint64_t records;
  uint16_t id;
};

static uint32_t checksum(uint32_t start, const void *bytes, size_t length) {
  const uint8_t *at = bytes;
  uint32_t sum = 2166136261u ^ start;
  for (size_t i = 0; i < length; i++)
    sum = (sum ^ at[i]) * 16777619u;
  return sum;
}

static void *produce(void *arg) {
  struct load *load = arg;
  struct nvt_cqe cqe = {0};
  uint32_t random = 1 + load->id;
  for (uint64_t i = 0; i < load->records; i++) {
    struct nvt_sqe sqe = {.opcode = 2, .cid = (uint16_t)i, .nsid = 1};
    uint64_t ticket = atomic_fetch_add(&tickets, 1);
    uint32_t dwords[16];
    memcpy(dwords, &sqe, sizeof(dwords));
    memcpy(dwords + 2, &ticket, 8);
    memcpy(dwords + 4, &i, 8);
    for (unsigned d = 6; d < 15; d++)
      dwords[d] = random += 0x9e3779b9u * d;
    dwords[15] = checksum(load->id, dwords, 60);
    memcpy(&sqe, dwords, sizeof(sqe));
    struct nvt_tap_event event = {.tap = NVT_TAP_IO_DECODE,
                                  .controller = load->id,
                                  .command = {.sqid = 1, .cqid = 1, .sqe = &sqe, .cqe = &cqe}};
    (void)nvt_tap_fire(load->host, &event);
    if ((random & 0xffff) < 3) /* now and then nothing comes */
      nanosleep(&(struct timespec){.tv_nsec = random % 3000000}, NULL);
  }
  return NULL;
}

static bool set_up(struct load *load, uint16_t id, uint64_t records) {
  const struct nvt_trace_options options = {.block = true, .thread = id};
  *load = (struct load){.id = id, .records = records};
  return nvt_plugin_host_create(&load->host) == 0 && nvt_ring_create(RING, &load->ring) == 0 &&
         nvt_trace_tap_create(load->host, load->ring, &options, &load->tap) == 0;
}

int main(int argc, char **argv) {
  static struct load loads[THREADS];
  struct nvt_ring *rings[THREADS];
  if (argc < 3) {
    fprintf(stderr, "usage: writer_load FILE RECORDS [FILE_BYTES]\n");
    return 2;
  }
  uint64_t records = strtoull(argv[2], NULL, 10);
  for (uint16_t i = 0; i < THREADS; i++) {
    if (!set_up(&loads[i], i, records / THREADS + (i < records % THREADS)))
      return 1;
    rings[i] = loads[i].ring;
  }
  struct nvt_ring_writer_options options = {.path = argv[1], .rings = rings, .count = THREADS};
  options.files.bytes = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
  struct nvt_ring_writer *writer;
  struct nvt_ring_writer_result result;
  char why[512];
  if (nvt_ring_writer_start(&options, &writer, why, sizeof(why)) != 0) {
    fprintf(stderr, "writer_load: %s\n", why);
    return 1;
  }
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (unsigned i = 0; i < THREADS; i++)
    if (pthread_create(&loads[i].thread, NULL, produce, &loads[i]) != 0)
      return 1;
  uint64_t waits = 0, lost = 0;
  for (unsigned i = 0; i < THREADS; i++) {
    struct nvt_trace_counts counts;
    pthread_join(loads[i].thread, NULL);
    nvt_trace_tap_destroy(loads[i].tap, &counts);
    lost += counts.lost;
    waits += loads[i].ring->waits;
  }
  bool good = nvt_ring_writer_finish(writer, &result, why, sizeof(why));
  clock_gettime(CLOCK_MONOTONIC, &end);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double seconds =
      (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
  printf("%" PRIu64 " records, %" PRIu64 " lost, %" PRIu64
         " files, %.2f s (%.1f million a second), "
         "waits %" PRIu64 ", memory %ld KiB\n",
         records, lost, result.files, seconds, (double)records / seconds / 1e6, waits,
         usage.ru_maxrss);
  for (unsigned i = 0; i < THREADS; i++) {
    nvt_ring_destroy(loads[i].ring);
    nvt_plugin_host_destroy(loads[i].host);
  }
  /* The rings, a batch, the file's buffer, and the program. */
  bool bounded = usage.ru_maxrss < 40 * 1024;
  return good && lost == 0 && bounded ? 0 : 1;
}
