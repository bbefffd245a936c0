/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tap [FILE]: what recording one command costs in the I/O path, in nanoseconds, beside
 * a bare ring write of the same bytes, the time stamp alone, a tap that nobody
 * uses, and libpcap's pcap_dump() of the same record into FILE. In turns, many
 * rounds; medians; one JSON object.
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/clock.h"
#include "capture/ring.h"
#include "capture/trace_tap.h"
#include "controller/tap.h"
#include "trace/record.h"

#define ROUNDS 41
#define RECORDS 50000u

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double median(double *values) {
  qsort(values, ROUNDS, sizeof(*values), compare);
  return values[ROUNDS / 2];
}

static void empty(struct nvt_ring *ring) {
  size_t length;
  nvt_ring_peek(ring, &length);
  nvt_ring_consume(ring, length);
}

static void die(const char *what) {
  fprintf(stderr, "bench tap: %s\n", what);
  exit(1);
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "/tmp/nvmetap-bench-dump.pcap";
  struct nvt_plugin_host *host, *unused;
  struct nvt_ring *ring, *bare;
  struct nvt_trace_tap *tap;
  struct nvt_trace_options options = {.block = true};
  if (nvt_plugin_host_create(&host) != 0 || nvt_plugin_host_create(&unused) != 0 ||
      nvt_ring_create(16u << 20, &ring) != 0 || nvt_ring_create(16u << 20, &bare) != 0 ||
      nvt_trace_tap_create(host, ring, &options, &tap) != 0)
    die("out of memory");
  struct nvt_sqe sqe = {.opcode = 2, .cid = 7, .nsid = 1, .prp1 = 0x1000};
  struct nvt_cqe cqe = {0};
  struct nvt_tap_event event = {.tap = NVT_TAP_IO_DECODE,
                                .pci_address = 0x28,
                                .command = {.sqid = 1, .cqid = 1, .sqe = &sqe, .cqe = &cqe}};
  const uint32_t *counts = nvt_tap_counts(unused);
  struct nvt_trace_clock clock;
  nvt_trace_clock_start(&clock);
  static uint8_t record[16 + 32 + sizeof(struct nvt_rec_command)];
  pcap_t *dead =
      pcap_open_dead_with_tstamp_precision(NVT_LINKTYPE, 262144, PCAP_TSTAMP_PRECISION_NANO);
  pcap_dumper_t *dumper = dead != NULL ? pcap_dump_open(dead, path) : NULL;
  if (dumper == NULL)
    die("the file for pcap_dump can't be made");
  double taps[ROUNDS], rings[ROUNDS], stamps[ROUNDS], dumps[ROUNDS], idle[ROUNDS];
  uint64_t sink = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    double start = now_ns();
    for (unsigned i = 0; i < RECORDS; i++) {
      sqe.cid = (uint16_t)i;
      (void)nvt_tap_fire(host, &event);
    }
    taps[round] = (now_ns() - start) / RECORDS;
    empty(ring);
    start = now_ns();
    for (unsigned i = 0; i < RECORDS; i++) {
      void *at = nvt_ring_reserve(bare, sizeof(record));
      record[50] = (uint8_t)i;
      memcpy(at, record, sizeof(record));
      nvt_ring_commit(bare, sizeof(record));
    }
    rings[round] = (now_ns() - start) / RECORDS;
    empty(bare);
    start = now_ns();
    for (unsigned i = 0; i < RECORDS; i++)
      sink += nvt_trace_clock_ns(&clock);
    stamps[round] = (now_ns() - start) / RECORDS;
    start = now_ns();
    for (unsigned i = 0; i < RECORDS; i++) {
      if (__builtin_expect(*(const volatile uint32_t *)&counts[NVT_TAP_IO_DECODE] != 0, 0))
        (void)nvt_tap_fire(unused, &event);
    }
    idle[round] = (now_ns() - start) / RECORDS;
    start = now_ns();
    for (unsigned i = 0; i < RECORDS; i++) {
      struct pcap_pkthdr header = {.caplen = sizeof(record) - 16, .len = sizeof(record) - 16};
      struct timespec t;
      clock_gettime(CLOCK_REALTIME, &t);
      header.ts.tv_sec = t.tv_sec;
      header.ts.tv_usec = t.tv_nsec;
      pcap_dump((u_char *)dumper, &header, record + 16);
    }
    dumps[round] = (now_ns() - start) / RECORDS;
  }
  pcap_dump_close(dumper);
  pcap_close(dead);
  unlink(path);
  struct nvt_trace_counts total;
  nvt_trace_tap_counts(tap, &total);
  if (total.kinds[NVT_REC_COMMAND] != (uint64_t)ROUNDS * RECORDS || total.lost != 0 || sink == 0)
    die("not every record was recorded");
  printf("{\"tap.record_ns\": %.2f, \"tap.ring_write_ns\": %.2f, \"tap.timestamp_ns\": %.2f, "
         "\"tap.unused_ns\": %.2f, \"tap.pcap_dump_ns\": %.2f}\n",
         median(taps), median(rings), median(stamps), median(idle), median(dumps));
  nvt_trace_tap_destroy(tap, NULL);
  nvt_ring_destroy(ring);
  nvt_ring_destroy(bare);
  nvt_plugin_host_destroy(host);
  nvt_plugin_host_destroy(unused);
  return 0;
}
