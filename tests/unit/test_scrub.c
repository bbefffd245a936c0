/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes out of a scrubber, kind by kind of record. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>

#include "nvme/pci.h"
#include "tests/unit/scrub_stage.h"

/* --- payload --- */

static struct nvt_record only_data(const struct stage *st, size_t from) {
  for (size_t i = from; i < st->count; i++) {
    struct nvt_record record = stage_out(st, i);
    if (record.header.type == NVT_REC_DATA)
      return record;
  }
  fail_msg("no data record");
  return (struct nvt_record){0};
}

static struct nvt_record send(struct stage *st, struct nvt_sqe sqe, uint8_t direction) {
  uint8_t content[4096];
  size_t from = st->count;
  random_bytes(content, sizeof(content), 0);
  assert_int_equal(stage_command(st, 1, sqe), 0);
  assert_int_equal(stage_data(st, 1, sqe.cid, direction, 0, content, sizeof(content)), 0);
  assert_int_equal(stage_completion(st, 1, sqe), 0);
  for (size_t i = 0; i + 8 <= sizeof(content); i += 61)
    assert_false(has(st->bytes, st->length, content + i, 8));
  return only_data(st, from);
}

static void content_goes(void **state) {
  (void)state;
  for (int zero = 0; zero < 2; zero++) {
    struct stage st;
    stage_open(&st, (struct nvt_scrub_options){.data = zero ? NVT_SCRUB_ZERO : NVT_SCRUB_DROP});
    struct nvt_record record = send(&st, io(NVT_NVM_WRITE, 1), OUT);
    assert_int_equal(record.data.true_length, 4096);
    assert_int_equal(record.data.captured_length, zero ? 4096 : 0);
    record = send(&st, io(NVT_NVM_READ, 2), IN);
    assert_int_equal(record.data.captured_length, zero ? 4096 : 0);
    record = send(&st, io(NVT_NVM_COMPARE, 3), OUT); /* zeroes would be equal where it wasn't */
    assert_int_equal(record.data.captured_length, 0);
    record = send(&st, io(0x99, 4), OUT); /* a vendor's */
    assert_int_equal(record.data.captured_length, 0);
    assert_int_equal(nvt_scrub_report(st.scrub)->counts[NVT_SCRUB_CONTENT], 8192);
    assert_int_equal(nvt_scrub_report(st.scrub)->counts[NVT_SCRUB_PAYLOAD], 8192);
    stage_close(&st);
  }
}

/* Data of a command that isn't in the trace is a structure of nothing. */
static void data_of_nobody_goes(void **state) {
  (void)state;
  struct stage st;
  uint8_t id[4096];
  identify(id);
  stage_open(&st, (struct nvt_scrub_options){0});
  assert_int_equal(stage_data(&st, 0, 1, IN, 0, id, 4096), 0);
  assert_int_equal(only_data(&st, 0).data.captured_length, 0);
  struct nvt_sqe far = {
      .opcode = NVT_ADMIN_GET_LOG_PAGE, .cid = 2, .cdw10 = NVT_LOG_SMART, .cdw13 = 0x20000000};
  assert_int_equal(stage_command(&st, 0, far), 0);
  size_t from = st.count;
  assert_int_equal(stage_data(&st, 0, 2, IN, 0, id, 4096), 0);
  assert_int_equal(stage_completion(&st, 0, far), 0);
  assert_int_equal(only_data(&st, from).data.captured_length, 0);
  assert_int_equal(stage_command(&st, 0, identify_command(3)), 0);
  from = st.count;
  assert_int_equal(stage_data(&st, 0, 3, IN, UINT64_MAX - 100, id, 4096), 0);
  assert_int_equal(stage_completion(&st, 0, identify_command(3)), 0);
  assert_int_equal(only_data(&st, from).data.captured_length, 0);
  stage_close(&st);
}

/* --- what else records have --- */

static void records_are_made_anew(void **state) {
  (void)state;
  struct stage st;
  uint8_t bytes[256];
  stage_open(&st, (struct nvt_scrub_options){0});
  struct nvt_rec_annotation note = {0};
  assert_int_equal(stage_in(&st, 0, NVT_REC_ANNOTATION, &note, "secret words", 12), 0);
  struct nvt_rec_verdict verdict = {.sqid = 3, .plugin = "acme_secret_plugin_24byt"};
  assert_int_equal(stage_in(&st, 0, NVT_REC_VERDICT, &verdict, NULL, 0), 0);
  struct nvt_rec_event event = {.event = 999, .code = 1, .address = 2, .size = 3};
  assert_int_equal(stage_in(&st, 0, NVT_REC_EVENT, &event, NULL, 0), 0);
  struct nvt_rec_interrupt interrupt = {.vector = 5, .reserved0 = 6, .reserved1 = 7};
  assert_int_equal(stage_in(&st, 0, NVT_REC_INTERRUPT, &interrupt, NULL, 0), 0);
  /* A longer header and a longer body, a type and flags that aren't known. */
  struct nvt_rec_header header = {.magic = NVT_RECORD_MAGIC,
                                  .version = 1,
                                  .header_length = 40,
                                  .type = NVT_REC_LOSS,
                                  .flags = 0xff,
                                  .length = 96,
                                  .seq = 77};
  memset(bytes, 's', sizeof(bytes));
  memcpy(bytes, &header, sizeof(header));
  assert_int_equal(stage_frame(&st, bytes, 96), 0);
  header.type = 200;
  memcpy(bytes, &header, sizeof(header));
  assert_int_equal(stage_frame(&st, bytes, 96), 0);
  bytes[0] = 'x'; /* not ours */
  assert_int_equal(stage_frame(&st, bytes, 96), 0);
  header.type = NVT_REC_LOSS;
  memcpy(bytes, &header, sizeof(header));
  assert_int_equal(stage_frame(&st, bytes, 50), 0); /* cut in the body */
  assert_int_equal(nvt_scrub_finish(st.scrub), 0);

  assert_int_equal(st.count, 6);
  assert_memory_equal(stage_out(&st, 0).tail, "(removed)", 9);
  assert_false(has(st.bytes, st.length, "secret", 6));
  assert_int_equal(stage_out(&st, 1).verdict.sqid, 3);
  assert_int_equal(stage_out(&st, 2).event.event, 999);
  assert_int_equal(stage_out(&st, 2).event.address, 0);
  assert_int_equal(stage_out(&st, 3).interrupt.vector, 5);
  assert_int_equal(stage_out(&st, 3).interrupt.reserved1, 0);
  assert_int_equal(stage_out(&st, 4).header.length, 72);
  assert_int_equal(stage_out(&st, 4).header.flags, NVT_V_header_flags_SNAPSHOT);
  assert_int_equal(stage_out(&st, 5).header.type, NVT_REC_ANNOTATION);
  assert_int_equal(stage_out(&st, 5).header.seq, 77);
  const struct nvt_scrub_report *report = nvt_scrub_report(st.scrub);
  assert_int_equal(report->counts[NVT_SCRUB_TYPE], 1);
  assert_int_equal(report->counts[NVT_SCRUB_FOREIGN], 2);
  assert_int_equal(report->counts[NVT_SCRUB_TEXT], 1);
  stage_close(&st);
}

static void vendors_and_keys(void **state) {
  (void)state;
  for (int keep = 0; keep < 2; keep++) {
    struct stage st;
    stage_open(&st, (struct nvt_scrub_options){.keep = keep ? NVT_SCRUB_KEEP_VENDOR : 0});
    struct nvt_sqe sqe = {.opcode = 0xc5, .cid = 9, .nsid = 4, .prp1 = 0x1000, .cdw10 = 0x55555555};
    struct nvt_rec_completion done = {.opcode = 0xc5, .cqe = {.cid = 9, .dw0 = 0x66666666}};
    assert_int_equal(stage_command(&st, 0, sqe), 0);
    assert_int_equal(stage_in(&st, 0, NVT_REC_COMPLETION, &done, NULL, 0), 0);
    struct nvt_sqe feature = {.opcode = NVT_ADMIN_SET_FEATURES, .cdw10 = 0xd1, .cdw11 = 7};
    assert_int_equal(stage_command(&st, 0, feature), 0);
    struct nvt_rec_access access = {
        .offset = 0x400, .value = 8, .size = 4, .space = NVT_V_access_space_BAR0};
    assert_int_equal(stage_in(&st, 0, NVT_REC_REG_READ, &access, NULL, 0), 0);
    access.offset = NVT_REG_CC;
    access.value = 0x4600019900000000; /* more than 4 bytes say */
    assert_int_equal(stage_in(&st, 0, NVT_REC_REG_READ, &access, NULL, 0), 0);
    assert_int_equal(stage_out(&st, 0).command.sqe.cdw10, keep ? 0x55555555 : 0);
    assert_int_equal(stage_out(&st, 0).command.sqe.prp1, 0x1000);
    assert_int_equal(stage_out(&st, 1).completion.cqe.dw0, keep ? 0x66666666 : 0);
    assert_int_equal(stage_out(&st, 2).command.sqe.cdw10, 0xd1);
    assert_int_equal(stage_out(&st, 2).command.sqe.cdw11, keep ? 7 : 0);
    assert_int_equal(stage_out(&st, 3).access.value, keep ? 8 : 0);
    assert_int_equal(stage_out(&st, 4).access.value, 0);
    stage_close(&st);
  }
}

/* PCI's Device Serial Number, where the host found it. */
static void devices_have_serial_numbers(void **state) {
  (void)state;
  struct stage st;
  static const struct {
    uint16_t offset;
    uint32_t value;
    bool kept;
  } reads[] = {{0, 0x00101b36, true},         {0x100, 0x14810003, true}, /* next at 148h */
               {0x104, 0x11223344, false},    {0x108, 0x55667788, false},
               {0x104, 0x11223344, false},    {0x10c, 0x99aabbcc, true},
               {NVT_PCI_CONFIG_SIZE, 7, true}};
  stage_open(&st, (struct nvt_scrub_options){0});
  for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
    struct nvt_rec_access access = {.offset = reads[i].offset,
                                    .value = reads[i].value,
                                    .size = 4,
                                    .space = NVT_V_access_space_CONFIG};
    assert_int_equal(stage_in(&st, 0, NVT_REC_CONFIG_READ, &access, NULL, 0), 0);
    assert_int_equal(stage_out(&st, i).access.value == reads[i].value, reads[i].kept);
    assert_in_range(stage_out(&st, i).access.value, 0, UINT32_MAX);
  }
  assert_int_equal(stage_out(&st, 2).access.value, stage_out(&st, 4).access.value);
  stage_close(&st);
}

/* A Copy's destination is as long as its sources together, and stays in one piece. */
static void copies_stay_whole(void **state) {
  (void)state;
  struct stage st;
  uint8_t ranges[2][32] = {{0}};
  const uint64_t from[2] = {50000, 70000};
  const uint16_t length[2] = {2999, 999}; /* zero-based */
  const struct nvt_sqe copy = {
      .opcode = NVT_NVM_COPY, .cid = 1, .nsid = 1, .cdw10 = 10000, .cdw12 = 1};
  for (int i = 0; i < 2; i++) {
    memcpy(&ranges[i][8], &from[i], 8);
    memcpy(&ranges[i][16], &length[i], 2);
  }
  struct nvt_meta m = meta();
  struct nvt_meta_namespace ns = {.nsid = 1, .blocks = 1 << 20, .block_size = 512};
  m.namespaces = &ns;
  m.namespace_count = 1;
  stage_open(&st, (struct nvt_scrub_options){.lba = true});
  for (int pass = 0; pass < 2; pass++) {
    assert_int_equal(stage_meta(&st, 0, &m), 0);
    assert_int_equal(stage_command(&st, 1, copy), 0);
    assert_int_equal(stage_data(&st, 1, 1, OUT, 0, ranges, sizeof(ranges)), 0);
    assert_int_equal(stage_completion(&st, 1, copy), 0);
    struct nvt_sqe read = io(NVT_NVM_READ, 2); /* the last blocks that were copied to */
    read.cdw10 = 10000 + 4000 - 8;
    assert_int_equal(stage_command(&st, 1, read), 0);
    if (pass == 0)
      assert_int_equal(nvt_scrub_learned(st.scrub), 0);
    st.learning = false;
  }
  uint32_t to = stage_out(&st, 1).command.sqe.cdw10;
  assert_int_not_equal(to, 10000);
  assert_int_equal(stage_out(&st, 4).command.sqe.cdw10, to + 4000 - 8);
  uint64_t source;
  memcpy(&source, stage_out(&st, 2).tail + 8, 8);
  assert_int_not_equal(source, 50000);
  stage_close(&st);
}

static void times_move(void **state) {
  (void)state;
  struct stage st;
  const uint64_t epoch = NVT_SCRUB_EPOCH_NS, most = UINT64_C(4294967296) * 1000000000u - 1;
  const uint64_t in[] = {
      STAGE_NS,  STAGE_NS - 5, STAGE_NS - epoch, STAGE_NS - epoch - 1, 0, most - epoch + STAGE_NS,
      UINT64_MAX};
  const uint64_t out[] = {epoch, epoch - 5, 0, 0, 0, most, most};
  stage_open(&st, (struct nvt_scrub_options){.time = true});
  for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
    struct nvt_rec_loss loss = {.count = 1, .first_ns = in[i], .last_ns = STAGE_NS};
    assert_int_equal(stage_in(&st, 0, NVT_REC_LOSS, &loss, NULL, 0), 0);
    assert_int_equal(stage_out(&st, i).loss.first_ns, out[i]);
    assert_int_equal(stage_out(&st, i).loss.last_ns, epoch);
    assert_int_equal(st.times[i], epoch + i * 1000);
  }
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_SET_FEATURES, .cdw10 = NVT_FEATURE_TIMESTAMP};
  uint64_t ms = STAGE_NS / 1000000 + 1234;
  uint8_t now[8];
  assert_int_equal(transfer(&st, sqe, OUT, (uint8_t *)&ms, 8, 0, now), 8);
  uint64_t then = epoch / 1000000 + 1234;
  assert_memory_equal(now, &then, 8);
  stage_close(&st);
}

static void lbas_move_everywhere(void **state) {
  (void)state;
  struct stage st;
  struct nvt_meta m = meta();
  struct nvt_meta_namespace ns = {.nsid = 1, .blocks = 1 << 20, .block_size = 512};
  m.namespaces = &ns;
  m.namespace_count = 1;
  stage_open(&st, (struct nvt_scrub_options){.lba = true});
  uint64_t ranges[2][2] = {{UINT64_C(8) << 32, 5000}, {UINT64_C(4) << 32, 100}};
  struct {
    uint64_t count;
    uint16_t ids[4];
    uint64_t lba;
    uint32_t nsid;
    uint8_t rest[36];
  } error = {.count = 1, .lba = 102, .nsid = 1};
  assert_int_equal(sizeof(error), 64);
  for (int pass = 0; pass < 2; pass++) {
    uint8_t out[64];
    assert_int_equal(stage_meta(&st, 0, &m), 0);
    assert_int_equal(stage_command(&st, 1, io(NVT_NVM_WRITE, 1)), 0);
    struct nvt_sqe dsm = {.opcode = NVT_NVM_DATASET_MANAGEMENT, .cid = 2, .nsid = 1, .cdw10 = 1};
    assert_int_equal(stage_command(&st, 1, dsm), 0);
    assert_int_equal(stage_data(&st, 1, 2, OUT, 0, ranges, sizeof(ranges)), 0);
    assert_int_equal(stage_completion(&st, 1, dsm), 0);
    struct nvt_sqe log = {.opcode = NVT_ADMIN_GET_LOG_PAGE,
                          .cid = 3,
                          .nsid = UINT32_MAX,
                          .cdw10 = 15 << 16 | NVT_LOG_ERROR_INFORMATION};
    assert_int_equal(transfer(&st, log, IN, (uint8_t *)&error, 64, 0, out), pass * 64);
    if (pass == 0)
      assert_int_equal(nvt_scrub_learned(st.scrub), 0);
    st.learning = false;
  }
  struct nvt_sqe write = stage_out(&st, 1).command.sqe;
  uint64_t now = write.cdw10 | (uint64_t)write.cdw11 << 32, value;
  assert_int_not_equal(now, 100);
  assert_in_range(now, 0, (1 << 20) - 8);
  struct nvt_record record = only_data(&st, 0);
  memcpy(&value, record.tail + 24, 8);
  assert_int_equal(value, now); /* the second range begins where the write does */
  memcpy(&value, record.tail + 8, 8);
  assert_int_not_equal(value, 5000);
  assert_int_equal(record.tail[4], 8);
  size_t last = st.count - 2;
  memcpy(&value, stage_out(&st, last).tail + 16, 8);
  assert_int_equal(value, now + 2);
  stage_close(&st);
  stage_open(&st, (struct nvt_scrub_options){.lba = true});
  assert_int_equal(stage_command(&st, 1, io(NVT_NVM_ZONE_APPEND, 1)), -EOPNOTSUPP);
  stage_close(&st);
}

/* A command that never ends makes what follows wait, but not for ever. */
static void waiting_is_limited(void **state) {
  (void)state;
  struct stage st;
  uint8_t id[4096];
  identify(id);
  stage_open(&st, (struct nvt_scrub_options){0});
  assert_int_equal(stage_command(&st, 0, identify_command(1)), 0);
  assert_int_equal(stage_data(&st, 0, 1, IN, 0, id, 4096), 0);
  size_t waiting = 4096 + 64, records = 1;
  while (st.count == 1) {
    assert_int_equal(stage_command(&st, 0, identify_command(2)), 0);
    assert_int_equal(stage_data(&st, 0, 2, IN, 0, id, 4096), 0);
    waiting += 4096 + 64 + 112;
    records += 2;
    assert_in_range(waiting, 0, NVT_SCRUB_WAITING_MAX + 3 * 4096);
  }
  assert_in_range(waiting, NVT_SCRUB_WAITING_MAX - 4096, NVT_SCRUB_WAITING_MAX + 3 * 4096);
  assert_int_equal(nvt_scrub_finish(st.scrub), 0);
  assert_int_equal(st.count, records + 1);
  for (size_t i = 0; i < st.count; i++)
    assert_int_equal(stage_out(&st, i).header.seq, i);
  assert_false(has(st.bytes, st.length, SERIAL, strlen(SERIAL)));
  stage_close(&st);
}

static int refuse(void *ctx, uint64_t time_ns, const void *record, size_t length) {
  (void)ctx, (void)time_ns, (void)record, (void)length;
  return -ENOSPC;
}

static void what_put_returns_is_returned(void **state) {
  (void)state;
  struct stage st;
  stage_open(&st, (struct nvt_scrub_options){0});
  nvt_scrub_destroy(st.scrub);
  const struct nvt_scrub_options options = {.key = (const uint8_t *)"k", .key_length = 1};
  assert_int_equal(nvt_scrub_create(&options, refuse, NULL, &st.scrub), 0);
  assert_int_equal(stage_command(&st, 0, identify_command(1)), -ENOSPC);
  stage_close(&st);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(content_goes),
      cmocka_unit_test(data_of_nobody_goes),
      cmocka_unit_test(records_are_made_anew),
      cmocka_unit_test(vendors_and_keys),
      cmocka_unit_test(devices_have_serial_numbers),
      cmocka_unit_test(copies_stay_whole),
      cmocka_unit_test(times_move),
      cmocka_unit_test(lbas_move_everywhere),
      cmocka_unit_test(waiting_is_limited),
      cmocka_unit_test(what_put_returns_is_returned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
