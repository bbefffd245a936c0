/* SPDX-License-Identifier: BSD-2-Clause */
/* A trace with digests in the place of data is verified as one with the data is: the same session,
 * recorded in each mode, replayed into the model. */
#include "host.h"

#include <sys/mman.h>
#include <unistd.h>

#include "capture/ring.h"
#include "capture/trace_tap.h"
#include "replay/replay.h"
#include "trace/writer.h"

#define BLOCKS 256u
#define MOST 48u /* pages of a command */

/* Every page of a command lies on its own, the first one anywhere in its page. */
static uint64_t lay(struct host *h, uint32_t in, uint32_t length, uint8_t *data, bool to_guest) {
  uint64_t list[MOST + 1] = {0};
  uint32_t done = 0;
  for (unsigned page = 0; done < length; page++) {
    uint32_t from = page == 0 ? in : 0;
    uint32_t size = 4096 - from < length - done ? 4096 - from : length - done;
    uint64_t at = DATA_AT + (uint64_t)page * 0x3000;
    if (page > 0)
      list[page - 1] = at;
    if (data != NULL) {
      void *there = guest(h, at + from);
      memcpy(to_guest ? there : data + done, to_guest ? data + done : there, size);
    }
    done += size;
  }
  memcpy(guest(h, LIST_AT), list, sizeof(list));
  return length > 2 * 4096 - in ? LIST_AT : list[0];
}

/* What blocks are made of: few contents, so that pages repeat; zeroes among them. */
static void content(uint8_t *data, uint32_t length, uint32_t block) {
  for (uint32_t at = 0; at < length; at += block) {
    uint32_t kind = (uint32_t)random() % 6;
    memset(data + at, kind < 2 ? (int)kind : 0, block);
    if (kind >= 2)
      pattern(data + at, block, kind);
  }
}

static void one_command(struct host *h, uint32_t block) {
  static uint8_t data[MOST * 4096];
  uint32_t most =
      BLOCKS / 4 * block > sizeof(data) / 2 ? (uint32_t)sizeof(data) / 2 / block : BLOCKS / 4;
  uint32_t count = 1 + (uint32_t)random() % most, length = count * block;
  uint32_t first = (uint32_t)random() % (BLOCKS - count + 1);
  uint32_t in = (uint32_t)random() % 4 == 0 ? (uint32_t)random() % 1024 * 4 : 0;
  uint64_t prp2 = lay(h, in, length, NULL, false);
  uint32_t kind = (uint32_t)random() % 10;
  if (kind < 4) {
    content(data, length, block);
    lay(h, in, length, data, true);
    assert_status(io(h, NVT_NVM_WRITE, first, count, DATA_AT + in, prp2), NVT_SC_SUCCESS);
  } else if (kind < 8) {
    assert_status(io(h, NVT_NVM_READ, first, count, DATA_AT + in, prp2), NVT_SC_SUCCESS);
    if (kind == 7) { /* compare what was read; half of the time with a bit of it changed */
      lay(h, in, length, data, false);
      bool same = random() % 2 == 0;
      data[(uint32_t)random() % length] ^= same ? 0 : 8;
      lay(h, in, length, data, true);
      assert_status(io(h, NVT_NVM_COMPARE, first, count, DATA_AT + in, prp2),
                    same ? NVT_SC_SUCCESS : NVT_SC_COMPARE_FAILURE);
    }
  } else if (kind == 8) {
    assert_status(io(h, NVT_NVM_WRITE_ZEROES, first, count, 0, 0), NVT_SC_SUCCESS);
  } else {
    const uint32_t range[4] = {0, count, first, 0};
    memcpy(guest(h, DATA_AT), range, sizeof(range));
    struct nvt_sqe trim = {
        .opcode = NVT_NVM_DATASET_MANAGEMENT, .nsid = 1, .prp1 = DATA_AT, .cdw11 = 4};
    assert_status(status_of(run(h, 1, trim)), NVT_SC_SUCCESS);
  }
}

/* The session as a file; the descriptor. */
static int record(struct nvt_trace_options options, uint32_t block, unsigned seed) {
  struct host h;
  struct nvt_ring *ring;
  struct nvt_trace_tap *tap;
  char ns[32];
  uint8_t header[NVT_FILE_HEADER_BYTES];
  snprintf(ns, sizeof(ns), "ram:%u,block=%u", BLOCKS * block, block);
  int fd = memfd_create("trace", 0);
  assert_true(fd >= 0);
  assert_int_equal(nvt_writer_file_header(header), 0);
  assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
  host_open_with(&h, ns, (struct nvt_controller_options){.serial = "TEST"});
  assert_int_equal(nvt_ring_create(16u << 20, &ring), 0);
  assert_int_equal(nvt_trace_tap_create(h.plugins, ring, &options, &tap), 0);
  assert_int_equal(nvt_trace_tap_meta(tap, h.c), 0);
  msix_on(&h);
  enable(&h);
  create_pair(&h, 1, 16);
  srandom(seed);
  for (unsigned i = 0; i < 300; i++) {
    one_command(&h, block);
    size_t length;
    const uint8_t *from;
    while ((from = nvt_ring_peek(ring, &length)) != NULL && length > 0) {
      assert_int_equal(write(fd, from, length), length);
      nvt_ring_consume(ring, length);
    }
  }
  nvt_trace_tap_destroy(tap, NULL);
  nvt_ring_destroy(ring);
  host_close(&h);
  return fd;
}

static struct nvt_replay_result replay(int fd) {
  char path[32];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  const struct nvt_replay_options options = {
      .path = path, .target = nvt_target_at(0), .max_findings = 8};
  struct nvt_replay_result result;
  nvt_replay(&options, &result);
  return result;
}

static const struct nvt_trace_options modes[] = {
    {.data = NVT_TRACE_DATA_FULL},
    {.data = NVT_TRACE_DATA_CRC},
    {.data = NVT_TRACE_DATA_FULL, .dedup_pages = 32},
};

static void as_much_is_verified(void **state) {
  (void)state;
  for (uint32_t block = 512; block <= 4096; block *= 8)
    for (unsigned seed = 1; seed <= 3; seed++) {
      uint64_t compared = 0;
      for (unsigned mode = 0; mode < 3; mode++) {
        int fd = record(modes[mode], block, seed);
        struct nvt_replay_result result = replay(fd);
        assert_int_equal(result.totals.findings.count, 0);
        assert_int_equal(result.totals.exceptions[NVT_EXCEPTION_UNRECORDED], 0);
        if (mode == 0)
          compared = result.totals.compared;
        assert_true(compared > 1000);
        assert_int_equal(result.totals.compared, compared);
        nvt_replay_clear(&result);
        close(fd);
      }
    }
}

/* Falsify each digest, one at a time: of a read it is found there, of a write where the block is
 * read, if it is. */
static void a_wrong_crc_is_found(void **state) {
  (void)state;
  int fd = record(modes[1], 4096, 5);
  off_t size = lseek(fd, 0, SEEK_END);
  uint8_t *bytes = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  assert_true(bytes != MAP_FAILED);
  unsigned reads = 0, found_in_reads = 0, found_of_writes = 0;
  uint64_t number = 0;
  uint32_t captured;
  for (size_t at = NVT_FILE_HEADER_BYTES; at + 16 < (size_t)size; at += 16 + captured) {
    memcpy(&captured, bytes + at + 8, sizeof(captured));
    number++;
    uint8_t *body = bytes + at + 16 + 32;
    if (bytes[at + 16 + 5] != NVT_REC_DIGEST || number % 19 != 0)
      continue;
    uint8_t *crc = body + sizeof(struct nvt_rec_digest);
    bool read = body[5] == NVT_V_digest_direction_IN;
    *crc ^= 1;
    struct nvt_replay_result result = replay(fd);
    *crc ^= 1;
    reads += read;
    found_of_writes += !read && result.totals.findings.count > 0;
    found_in_reads += read && result.totals.findings.count > 0;
    nvt_replay_clear(&result);
  }
  munmap(bytes, (size_t)size);
  close(fd);
  /* A read of a block that nothing wrote tells what is in it: there, nothing is wrong. */
  assert_true(reads > 15 && found_in_reads * 10 > reads * 6);
  assert_true(found_of_writes > 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_much_is_verified),
      cmocka_unit_test(a_wrong_crc_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
