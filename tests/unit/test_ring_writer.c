/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/clock.h"
#include "capture/ring.h"
#include "capture/writer.h"
#include "trace/build.h"
#include "trace/reader.h"

static int start(const char *path, struct nvt_ring *const rings[], unsigned count,
                 struct nvt_ring_writer **out, char *why, size_t whylen) {
  const struct nvt_ring_writer_options options = {.path = path, .rings = rings, .count = count};
  return nvt_ring_writer_start(&options, out, why, whylen);
}

static char path[64];

static const char *new_path(void) {
  strcpy(path, "/tmp/nvmetap-writer.XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  close(fd);
  return path;
}

/* One register read of controller `id`, at `ns`; false when the ring was closed. */
static bool put(struct nvt_ring *ring, uint16_t id, uint64_t seq, uint64_t ns) {
  uint8_t record[128];
  const struct nvt_rec_header base = {.controller = id, .seq = seq};
  const struct nvt_rec_access body = {.offset = 0x1c, .value = seq, .size = 4, .space = 1};
  size_t length = nvt_build_REG_READ(record, sizeof(record), &base, &body, NULL, 0);
  uint8_t *to = nvt_ring_reserve_wait(ring, 16 + length);
  if (to == NULL)
    return false;
  const uint32_t frame[4] = {(uint32_t)(ns / 1000000000u), (uint32_t)(ns % 1000000000u),
                             (uint32_t)length, (uint32_t)length};
  memcpy(to, frame, 16);
  memcpy(to + 16, record, length);
  nvt_ring_commit(ring, 16 + length);
  return true;
}

/* How many whole records the file holds. Sequence numbers have no gap; times don't go back. */
static uint64_t read_back(enum nvt_read last) {
  struct nvt_reader *reader = NULL;
  struct nvt_reason why;
  if (!nvt_reader_open(path, &reader, &why))
    fail_msg("%s", why.text);
  uint64_t count = 0, ns = 0, seqs[8] = {0};
  for (;;) {
    struct nvt_record record;
    enum nvt_read got = nvt_reader_next(reader, &record, &why);
    if (got != NVT_READ_OK) {
      assert_int_equal(got, last);
      break;
    }
    assert_true(record.time_ns >= ns);
    ns = record.time_ns;
    assert_int_equal(record.header.seq, seqs[record.header.controller]++);
    count++;
  }
  nvt_reader_close(reader);
  return count;
}

struct producer {
  struct nvt_ring *ring;
  uint16_t id;
  unsigned records;
  unsigned put;
};

static void *produce(void *user) {
  struct producer *producer = user;
  struct nvt_trace_clock clock;
  nvt_trace_clock_start(&clock);
  while (producer->put < producer->records) {
    nvt_ring_begin(producer->ring);
    if (!put(producer->ring, producer->id, producer->put, nvt_trace_clock_ns(&clock)))
      break;
    producer->put++;
  }
  return NULL;
}

static void nothing_is_lost(void **state) {
  (void)state;
  for (unsigned rings = 1; rings <= 3; rings += 2) {
    struct nvt_ring *ring[3];
    struct producer producers[3];
    pthread_t threads[3];
    for (unsigned i = 0; i < rings; i++) {
      assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MIN, &ring[i]), 0);
      producers[i] =
          (struct producer){.ring = ring[i], .id = (uint16_t)i, .records = 30000 + i * 1000};
    }
    struct nvt_ring_writer *writer;
    char why[200];
    assert_int_equal(start(new_path(), ring, rings, &writer, why, sizeof(why)), 0);
    for (unsigned i = 0; i < rings; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    uint64_t all = 0;
    for (unsigned i = 0; i < rings; i++) {
      pthread_join(threads[i], NULL);
      all += producers[i].put;
    }
    struct nvt_ring_writer_result result;
    assert_true(nvt_ring_writer_finish(writer, &result, why, sizeof(why)));
    assert_int_equal(result.error, 0);
    assert_int_equal(result.unsaved, 0);
    assert_int_equal(read_back(NVT_READ_END), all);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, result.bytes);
    unlink(path);
    for (unsigned i = 0; i < rings; i++)
      nvt_ring_destroy(ring[i]);
  }
}

static void several_rings_are_merged_by_time(void **state) {
  (void)state;
  struct nvt_ring *ring[3];
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MIN, &ring[i]), 0);
  uint64_t seqs[3] = {0}, now = 1000000000u;
  srandom(1);
  for (unsigned n = 0; n < 3000; n++) {
    unsigned i = (unsigned)random() % 3;
    now += (unsigned)random() % 2 * 300000000u;
    assert_true(put(ring[i], (uint16_t)i, seqs[i]++, now));
  }
  struct nvt_ring_writer *writer;
  struct nvt_ring_writer_result result;
  char why[200];
  assert_int_equal(start(new_path(), ring, 3, &writer, why, sizeof(why)), 0);
  assert_true(nvt_ring_writer_finish(writer, &result, why, sizeof(why)));
  assert_int_equal(read_back(NVT_READ_END), 3000);
  unlink(path);
  for (unsigned i = 0; i < 3; i++)
    nvt_ring_destroy(ring[i]);
}

/* While it runs, what was recorded can be read a moment later (a busy machine is given 5 s). */
static void readable_while_it_grows(void **state) {
  (void)state;
  struct nvt_ring *ring;
  struct nvt_ring_writer *writer;
  char why[200];
  assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MIN, &ring), 0);
  assert_int_equal(start(new_path(), &ring, 1, &writer, why, sizeof(why)), 0);
  assert_int_equal(read_back(NVT_READ_END), 0);
  for (uint64_t seq = 0; seq < 3; seq++) {
    assert_true(put(ring, 0, seq, 1000 + seq));
    uint64_t there = 0;
    for (int i = 0; i < 100 && there < seq + 1; i++) {
      nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
      there = read_back(NVT_READ_END);
    }
    assert_int_equal(there, seq + 1);
  }
  struct nvt_ring_writer_result result;
  assert_true(nvt_ring_writer_finish(writer, &result, why, sizeof(why)));
  unlink(path);
  nvt_ring_destroy(ring);
}

/* The medium takes so many bytes, then no more: producers go on, the file holds whole records,
 * and each record is there or counted. Small limits meet plain writes, large ones those of blocks.
 */
static void a_full_disk_is_told(void **state) {
  (void)state;
  static const rlim_t limits[] = {24, 24 + 71, 24 + 72, 10000, 4096 * 100, 1000000, 3000000};
  for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
    struct nvt_ring *ring;
    struct nvt_ring_writer *writer;
    char why[200] = "";
    assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MIN * 4, &ring), 0);
    assert_int_equal(start(new_path(), &ring, 1, &writer, why, sizeof(why)), 0);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = limits[i];
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct producer producer = {.ring = ring, .records = 200000};
    produce(&producer);
    assert_true(producer.put < producer.records);
    assert_true(nvt_ring_writer_failed(writer));
    struct nvt_ring_writer_result result;
    assert_false(nvt_ring_writer_finish(writer, &result, why, sizeof(why)));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(result.error, EFBIG);
    assert_non_null(strstr(why, "File too large"));
    uint64_t records = read_back(NVT_READ_END);
    assert_int_equal(result.unsaved + records, producer.put);
    assert_int_equal(records, (limits[i] - 24) / (16 + 56));
    assert_int_equal(result.bytes, 24 + records * (16 + 56));
    unlink(path);
    nvt_ring_destroy(ring);
  }
}

/* A producer that writes preambles on demand, as the device thread does: a record of controller 7.
 */
struct stager {
  struct nvt_ring *ring;
  atomic_bool wanted;
  uint64_t seq, preambles;
};

static void want_preamble(void *ctx) {
  struct stager *stager = ctx;
  atomic_store(&stager->wanted, true);
}

static void *stage(void *user) {
  struct stager *stager = user;
  for (uint64_t i = 0; i < 60000; i++) {
    if (atomic_exchange(&stager->wanted, false)) {
      nvt_ring_mark_start(stager->ring);
      assert_true(put(stager->ring, 7, stager->preambles++, stager->seq));
    }
    assert_true(put(stager->ring, 0, stager->seq, stager->seq));
    stager->seq++;
  }
  return NULL;
}

/* Files of a set begin with what was written for that, and only with that; each record is in one
 * of them. */
static void files_begin_where_they_may(void **state) {
  (void)state;
  struct stager stager = {0};
  struct nvt_ring_writer *writer;
  struct nvt_ring_writer_result result;
  char why[200], folder[] = "/tmp/nvmetap-writer.XXXXXX", name[512];
  assert_non_null(mkdtemp(folder));
  snprintf(name, sizeof(name), "%s/x-%%S.pcap", folder);
  assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MIN, &stager.ring), 0);
  const struct nvt_ring_writer_options options = {.path = name,
                                                  .rings = &stager.ring,
                                                  .count = 1,
                                                  .files = {.bytes = 200000},
                                                  .want_preamble = want_preamble,
                                                  .ctx = &stager};
  assert_int_equal(nvt_ring_writer_start(&options, &writer, why, sizeof(why)), 0);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, stage, &stager), 0);
  pthread_join(thread, NULL);
  assert_true(nvt_ring_writer_finish(writer, &result, why, sizeof(why)));
  nvt_ring_destroy(stager.ring);
  assert_true(result.files > 3 && stager.preambles >= result.files - 1);
  assert_int_equal(result.bytes, 24 * result.files + (stager.seq + stager.preambles) * (16 + 56));
  struct dirent **entries;
  int count = scandir(folder, &entries, NULL, alphasort);
  uint64_t records = 0, starts = 0;
  for (int i = 0; i < count; i++) {
    struct nvt_reader *reader;
    struct nvt_reason reason;
    struct nvt_record record;
    snprintf(name, sizeof(name), "%s/%s", folder, entries[i]->d_name);
    if (entries[i]->d_name[0] != '.') {
      assert_true(nvt_reader_open(name, &reader, &reason));
      for (uint64_t n = 0; nvt_reader_next(reader, &record, &reason) == NVT_READ_OK; n++) {
        records++;
        starts += n == 0 && record.header.controller == 7;
      }
      nvt_reader_close(reader);
      unlink(name);
    }
    free(entries[i]);
  }
  free(entries);
  assert_int_equal(records, stager.seq + stager.preambles);
  assert_int_equal(starts, result.files - 1);
  rmdir(folder);
}

static void what_can_not_be_opened(void **state) {
  (void)state;
  struct nvt_ring *ring;
  struct nvt_ring_writer *writer;
  char why[200];
  assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MIN, &ring), 0);
  assert_int_equal(start("/no/such/x", &ring, 1, &writer, why, sizeof(why)), -ENOENT);
  assert_non_null(strstr(why, "/no/such/x"));
  assert_int_equal(start("/tmp", &ring, 1, &writer, why, sizeof(why)), -EISDIR);
  assert_int_equal(start("/dev/full", &ring, 1, &writer, why, sizeof(why)), -ENOSPC);
  assert_int_equal(start("/tmp/x", &ring, 0, &writer, why, sizeof(why)), -EINVAL);
  nvt_ring_destroy(ring);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_lost),
      cmocka_unit_test(several_rings_are_merged_by_time),
      cmocka_unit_test(readable_while_it_grows),
      cmocka_unit_test(a_full_disk_is_told),
      cmocka_unit_test(files_begin_where_they_may),
      cmocka_unit_test(what_can_not_be_opened),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
