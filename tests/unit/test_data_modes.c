/* SPDX-License-Identifier: BSD-2-Clause */
/* What --data records of a controller's commands: at which moment, and in the place of bytes what.
 */
#include "host.h"

#include "capture/ring.h"
#include "capture/trace_tap.h"
#include "trace/crc32c.h"
#include "trace/digest.h"
#include "trace/pages.h"

struct stage {
  struct host h;
  struct nvt_ring *ring;
  struct nvt_trace_tap *tap;
  struct nvt_pages *pages;
  struct nvt_record record; /* the last one taken */
};

static void stage_open(struct stage *s, struct nvt_trace_options options, const char *ns) {
  memset(s, 0, sizeof(*s));
  host_open(&s->h, ns);
  create_pair(&s->h, 1, 16);
  assert_int_equal(nvt_ring_create(16u << 20, &s->ring), 0);
  assert_int_equal(nvt_pages_create(&s->pages), 0);
  assert_int_equal(nvt_trace_tap_create(s->h.plugins, s->ring, &options, &s->tap), 0);
  assert_int_equal(nvt_trace_tap_preamble(s->tap), 0);
}

static void stage_close(struct stage *s) {
  nvt_trace_tap_destroy(s->tap, NULL);
  nvt_pages_destroy(s->pages);
  nvt_ring_destroy(s->ring);
  host_close(&s->h);
}

static bool next(struct stage *s) {
  size_t length;
  uint32_t frame[4];
  const uint8_t *from = nvt_ring_peek(s->ring, &length);
  if (length == 0)
    return false;
  memcpy(frame, from, sizeof(frame));
  assert_int_equal(nvt_record_parse(from + 16, frame[2], &s->record), NVT_PARSE_OK);
  nvt_ring_consume(s->ring, 16 + frame[2]); /* its bytes stay until overwritten */
  assert_int_equal(nvt_pages_record(s->pages, &s->record), 0);
  return true;
}

static bool is_payload(const struct nvt_record *record) {
  return (record->header.type == NVT_REC_DATA && record->data.kind == NVT_V_data_kind_PAYLOAD) ||
         record->header.type == NVT_REC_DIGEST;
}

/* The next payload, as data or digest. */
static struct nvt_record *payload(struct stage *s) {
  do
    assert_true(next(s));
  while (!is_payload(&s->record));
  return &s->record;
}

static void skip_all(struct stage *s) {
  while (next(s))
    ;
}

/* --- the moment --- */

static uint64_t held;
static enum nvt_verdict hold(void *user, const struct nvt_tap_event *event) {
  (void)user;
  held = event->command.handle;
  return NVT_VERDICT_HOLD;
}

static const struct nvt_trace_options full = {.data = NVT_TRACE_DATA_FULL};

static void write_data_is_that_of_the_execution(void **state) {
  (void)state;
  struct stage s;
  stage_open(&s, full, "ram:1M");
  struct nvt_attachment *at;
  assert_int_equal(nvt_tap_attach(s.h.plugins, "nvme:io:decode", 0, hold, NULL, "hold", &at), 0);
  memset(guest(&s.h, DATA_AT), 0x11, 512); /* as fetched */
  submit(&s.h, 1, io_sqe(NVT_NVM_WRITE, 8, 1, DATA_AT, 0));
  poll_idle(&s.h);
  memset(guest(&s.h, DATA_AT), 0x22, 512); /* as executed */
  assert_int_equal(nvt_command_release(s.h.c, held, NULL), 0);
  struct nvt_cqe cqe;
  assert_true(reap(&s.h, 1, &cqe));
  memset(guest(&s.h, DATA_AT), 0x33, 512); /* as it is when the trace is looked at */
  uint8_t wanted[512];
  memset(wanted, 0x22, sizeof(wanted));
  assert_memory_equal(payload(&s)->tail, wanted, 512);
  nvt_tap_detach(s.h.plugins, at);
  assert_status(io(&s.h, NVT_NVM_READ, 8, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_memory_equal(guest(&s.h, DATA_AT), wanted, 512); /* it is what was stored */
  stage_close(&s);
}

static void read_data_is_that_of_the_completion(void **state) {
  (void)state;
  struct stage s;
  stage_open(&s, full, "ram:1M");
  uint8_t wanted[512];
  memset(wanted, 0x44, sizeof(wanted));
  memset(guest(&s.h, DATA_AT), 0x44, 512);
  assert_status(io(&s.h, NVT_NVM_WRITE, 8, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  skip_all(&s);
  memset(guest(&s.h, DATA_AT), 0x55, 512); /* before it */
  submit(&s.h, 1, io_sqe(NVT_NVM_READ, 8, 1, DATA_AT, 0));
  poll_idle(&s.h);
  struct nvt_cqe cqe;
  assert_true(reap(&s.h, 1, &cqe));
  assert_memory_equal(guest(&s.h, DATA_AT), wanted, 512);
  memset(guest(&s.h, DATA_AT), 0x66, 512); /* after it */
  assert_memory_equal(payload(&s)->tail, wanted, 512);
  stage_close(&s);
}

/* --- crc --- */

static const struct nvt_trace_options crc = {.data = NVT_TRACE_DATA_CRC};

/* Lays `length` bytes that begin `in` bytes into a page in pages that aren't neighbours; prp2. */
static uint64_t lay(struct stage *s, const uint8_t *data, uint32_t in, uint32_t length) {
  uint64_t list[64] = {0};
  uint32_t done = 0;
  for (unsigned page = 0; done < length; page++) {
    uint32_t from = page == 0 ? in : 0;
    uint32_t size = 4096 - from < length - done ? 4096 - from : length - done;
    if (page > 0)
      list[page - 1] = DATA_AT + (uint64_t)page * 0x3000;
    if (data != NULL)
      memcpy(guest(&s->h, DATA_AT + (uint64_t)page * 0x3000 + from), data + done, size);
    done += size;
  }
  memcpy(guest(&s->h, LIST_AT), list, sizeof(list));
  return length > 2 * 4096 - in ? LIST_AT : list[0];
}

/* The CRC of each block of the next command's data, from its digest records. */
static void expect_blocks(struct stage *s, const uint8_t *data, uint32_t length, uint32_t block,
                          uint8_t direction) {
  struct nvt_digest_blocks blocks;
  nvt_digest_blocks_start(&blocks, block);
  uint32_t seen = 0, told = 0;
  while (told < length) {
    const struct nvt_record *record = payload(s);
    assert_int_equal(record->header.type, NVT_REC_DIGEST);
    assert_int_equal(record->digest.algorithm, NVT_V_digest_algorithm_CRC32C);
    assert_int_equal(record->digest.unit, block);
    assert_int_equal(record->digest.direction, direction);
    assert_int_equal(record->digest.offset, told);
    told += record->digest.true_length;
    struct nvt_digest_walk walk = {0};
    struct nvt_digest_part part;
    uint64_t first;
    uint32_t is;
    while (nvt_digest_part(record, &walk, &part))
      if (nvt_digest_blocks_add(&blocks, &part, &first, &is)) {
        assert_int_equal(first, (uint64_t)seen++ * block);
        assert_int_equal(is, nvt_crc32c_by_table(0, data + first, block));
      }
    assert_int_equal(walk.done, record->digest.true_length);
    assert_int_equal(walk.index * 4, record->digest.digest_length);
  }
  assert_int_equal(seen, length / block);
}

static void each_block_has_its_crc(void **state) {
  (void)state;
  static uint8_t data[300 * 1024];
  const uint32_t lengths[] = {1, 8, 16, 17, 64, 256, 257};
  const char *const namespaces[] = {"ram:4M", "ram:4M,block=4096"};
  for (unsigned n = 0; n < 2; n++) {
    uint32_t block = n == 0 ? 512 : 4096;
    struct stage s;
    stage_open(&s, crc, namespaces[n]);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
      uint32_t length = lengths[i] * block;
      if (length > 100 * 1024)
        continue; /* MDTS, and a list of one page */
      for (uint32_t in = 0; in < 4096; in += 1368) {
        pattern(data, length, length + in);
        uint64_t prp2 = lay(&s, data, in, length);
        skip_all(&s);
        assert_status(io(&s.h, NVT_NVM_WRITE, 0, lengths[i], DATA_AT + in, prp2), NVT_SC_SUCCESS);
        expect_blocks(&s, data, length, block, NVT_V_digest_direction_OUT);
        prp2 = lay(&s, NULL, 4 + in / 2, length); /* read in another layout */
        assert_status(io(&s.h, NVT_NVM_READ, 0, lengths[i], DATA_AT + 4 + in / 2, prp2),
                      NVT_SC_SUCCESS);
        expect_blocks(&s, data, length, block, NVT_V_digest_direction_IN);
      }
    }
    stage_close(&s);
  }
}

static void what_isnt_a_block_is_recorded_whole(void **state) {
  (void)state;
  for (unsigned i = 0; i < 2; i++) {
    struct stage s;
    stage_open(&s,
               i == 0 ? crc
                      : (struct nvt_trace_options){.data = NVT_TRACE_DATA_FULL, .dedup_pages = 32},
               "ram:1M");
    uint8_t data[4096];
    for (unsigned round = 0; round < 2; round++) { /* once more: it isn't told by the first */
      assert_status(identify(&s.h, NVT_CNS_CONTROLLER, 0, data), NVT_SC_SUCCESS);
      assert_int_equal(payload(&s)->header.type, NVT_REC_DATA);
      assert_int_equal(s.record.tail_length, 4096);
      assert_memory_equal(s.record.tail, data, 4096);
      const uint32_t range[4] = {0, 8, 16, 0}; /* Dataset Management: 8 blocks from 16 on */
      memcpy(guest(&s.h, DATA_AT), range, sizeof(range));
      struct nvt_sqe trim = {
          .opcode = NVT_NVM_DATASET_MANAGEMENT, .nsid = 1, .prp1 = DATA_AT, .cdw11 = 4};
      assert_status(status_of(run(&s.h, 1, trim)), NVT_SC_SUCCESS);
      assert_int_equal(payload(&s)->header.type, NVT_REC_DATA);
      assert_memory_equal(s.record.tail, range, sizeof(range));
    }
    /* Lists are, too. */
    skip_all(&s);
    uint64_t prp2 = lay(&s, NULL, 0, 32 * 512 + 4096);
    assert_status(io(&s.h, NVT_NVM_READ, 0, 40, DATA_AT, prp2), NVT_SC_SUCCESS);
    do
      assert_true(next(&s));
    while (s.record.header.type != NVT_REC_DATA);
    assert_int_equal(s.record.data.kind, NVT_V_data_kind_PRP_LIST);
    assert_memory_equal(s.record.tail, guest(&s.h, LIST_AT), 4 * 8);
    stage_close(&s);
  }
}

/* --- dedup --- */

/* Reads back all of a command's data, whatever stands for it. */
static void expect_bytes(struct stage *s, const uint8_t *data, uint32_t length, uint32_t *carried) {
  for (uint32_t told = 0; told < length;) {
    struct nvt_record *record = payload(s), known;
    if (record->header.type == NVT_REC_DIGEST) {
      assert_true(nvt_pages_as_data(s->pages, record, &known));
      record = &known;
    } else {
      *carried += record->tail_length;
    }
    assert_int_equal(record->data.offset, told);
    assert_int_equal(record->tail_length, record->data.true_length);
    assert_memory_equal(record->tail, data + told, record->tail_length);
    told += record->tail_length;
  }
}

static void a_page_is_carried_once(void **state) {
  (void)state;
  struct stage s;
  uint32_t carried = 0;
  static uint8_t data[64 * 1024];
  stage_open(&s, (struct nvt_trace_options){.data = NVT_TRACE_DATA_FULL, .dedup_pages = 64},
             "ram:4M,block=4096");
  pattern(data, sizeof(data), 1);
  memset(data + 5 * 4096, 0, 3 * 4096); /* which isn't carried at all */
  for (unsigned i = 0; i < 4; i++) {
    uint64_t prp2 = lay(&s, data, 0, sizeof(data));
    skip_all(&s);
    assert_status(io(&s.h, NVT_NVM_WRITE, 16 * i, 16, DATA_AT, prp2), NVT_SC_SUCCESS);
    expect_bytes(&s, data, sizeof(data), &carried);
    assert_status(io(&s.h, NVT_NVM_READ, 16 * i, 16, DATA_AT, prp2), NVT_SC_SUCCESS);
    expect_bytes(&s, data, sizeof(data), &carried);
    assert_int_equal(carried, 13 * 4096);
  }
  /* What follows a preamble stands for itself. */
  assert_int_equal(nvt_trace_tap_preamble(s.tap), 0);
  nvt_pages_destroy(s.pages);
  assert_int_equal(nvt_pages_create(&s.pages), 0);
  skip_all(&s);
  assert_int_equal(nvt_trace_tap_preamble(s.tap), 0);
  assert_status(io(&s.h, NVT_NVM_READ, 0, 16, DATA_AT, LIST_AT), NVT_SC_SUCCESS);
  expect_bytes(&s, data, sizeof(data), &carried);
  assert_int_equal(carried, 26 * 4096);
  stage_close(&s);
}

static void a_head_is_kept_and_no_more(void **state) {
  (void)state;
  struct stage s;
  static uint8_t data[16 * 4096];
  for (uint32_t head = 4095; head <= 4097; head++) {
    stage_open(
        &s,
        (struct nvt_trace_options){.data = NVT_TRACE_DATA_HEAD, .head = head, .dedup_pages = 32},
        "ram:4M");
    pattern(data, sizeof(data), 3);
    uint64_t prp2 = lay(&s, data, 0, 4 * 4096);
    for (unsigned i = 0; i < 2; i++) {
      skip_all(&s);
      assert_status(io(&s.h, NVT_NVM_WRITE, 0, 32, DATA_AT, prp2), NVT_SC_SUCCESS);
      uint32_t told = 0, kept = 0;
      while (told < 4 * 4096) {
        struct nvt_record *record = payload(&s);
        bool same = record->header.type == NVT_REC_DIGEST;
        assert_true(!same || (i == 1 && head >= 4096 && told == 0));
        kept += same ? record->digest.true_length : record->tail_length;
        assert_int_equal(record->data.offset, told);
        told += record->data.true_length;
      }
      assert_int_equal(kept, head);
    }
    stage_close(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(write_data_is_that_of_the_execution),
      cmocka_unit_test(read_data_is_that_of_the_completion),
      cmocka_unit_test(each_block_has_its_crc),
      cmocka_unit_test(what_isnt_a_block_is_recorded_whole),
      cmocka_unit_test(a_page_is_carried_once),
      cmocka_unit_test(a_head_is_kept_and_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
