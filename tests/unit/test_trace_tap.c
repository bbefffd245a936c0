/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "capture/ring.h"
#include "capture/trace_tap.h"
#include "controller/controller.h"
#include "controller/tap.h"
#include "trace/meta.h"
#include "trace/record.h"

struct rig {
  struct nvt_plugin_host *host;
  struct nvt_ring *ring;
  struct nvt_trace_tap *tap;
};

static struct rig rig_new(struct nvt_trace_options options) {
  struct rig rig = {0};
  assert_int_equal(nvt_plugin_host_create(&rig.host), 0);
  assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MIN, &rig.ring), 0);
  assert_int_equal(nvt_trace_tap_create(rig.host, rig.ring, &options, &rig.tap), 0);
  return rig;
}

static struct nvt_trace_counts rig_end(struct rig *rig) {
  struct nvt_trace_counts counts;
  nvt_trace_tap_destroy(rig->tap, &counts);
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++)
    assert_int_equal(nvt_tap_counts(rig->host)[id], 0);
  nvt_plugin_host_destroy(rig->host);
  nvt_ring_destroy(rig->ring);
  return counts;
}

/* Take one record out of the ring. */
static bool next(struct rig *rig, struct nvt_record *record) {
  size_t length;
  const uint8_t *from = nvt_ring_peek(rig->ring, &length);
  if (length == 0)
    return false;
  uint32_t frame[4];
  assert_true(length >= sizeof(frame));
  memcpy(frame, from, sizeof(frame));
  assert_int_equal(frame[2], frame[3]);
  assert_true(frame[1] < 1000000000u);
  assert_true(length - sizeof(frame) >= frame[2]);
  assert_int_equal(nvt_record_parse(from + sizeof(frame), frame[2], record), NVT_PARSE_OK);
  record->time_ns = (uint64_t)frame[0] * 1000000000u + frame[1];
  assert_int_equal(record->header.length, frame[2]);
  assert_int_equal(frame[2] % 8, 0);
  nvt_ring_consume(rig->ring, sizeof(frame) + frame[2]); /* its bytes stay until overwritten */
  return true;
}

static struct nvt_record want(struct rig *rig, enum nvt_record_type type) {
  struct nvt_record record;
  assert_true(next(rig, &record));
  assert_int_equal(record.header.type, type);
  return record;
}

static struct nvt_tap_event event(enum nvt_tap_id tap) {
  return (struct nvt_tap_event){.tap = tap, .controller = 3, .epoch = 9, .pci_address = 0x28};
}

static void a_record_of_each_kind(void **state) {
  (void)state;
  struct rig rig = rig_new((struct nvt_trace_options){.thread = 4});
  struct nvt_sqe sqe = {.opcode = 2, .cid = 0x1234, .nsid = 1, .prp1 = 0xabc000, .cdw15 = 0x55};
  struct nvt_cqe cqe = {.dw0 = 7, .sqhd = 1, .sqid = 2, .cid = 0x1234, .status = 0x305};
  struct nvt_tap_event e = event(NVT_TAP_IO_DECODE);
  e.command.sqid = 2;
  e.command.cqid = 1;
  e.command.slot = 5;
  e.command.head = 6;
  e.command.tail = 8;
  e.command.sqe = &sqe;
  e.command.cqe = &cqe;
  nvt_tap_fire(rig.host, &e);
  struct nvt_record r = want(&rig, NVT_REC_COMMAND);
  assert_int_equal(r.header.controller, 3);
  assert_int_equal(r.header.epoch, 9);
  assert_int_equal(r.header.thread, 4);
  assert_int_equal(r.header.pci_address, 0x28);
  assert_int_equal(r.header.seq, 0);
  assert_int_equal(r.command.sqid, 2);
  assert_int_equal(r.command.cqid, 1);
  assert_int_equal(r.command.slot, 5);
  assert_int_equal(r.command.head, 6);
  assert_int_equal(r.command.tail, 8);
  assert_memory_equal(&r.command.sqe, &sqe, sizeof(sqe));

  e.tap = NVT_TAP_ADMIN_WRITEBACK;
  nvt_tap_fire(rig.host, &e);
  r = want(&rig, NVT_REC_COMPLETION);
  assert_int_equal(r.header.seq, 1);
  assert_int_equal(r.completion.opcode, 2);
  assert_memory_equal(&r.completion.cqe, &cqe, sizeof(cqe));

  static const struct {
    enum nvt_tap_id tap;
    enum nvt_record_type type;
  } accesses[] = {
      {NVT_TAP_PCI_REGREAD, NVT_REC_CONFIG_READ}, {NVT_TAP_PCI_REGWRITE, NVT_REC_CONFIG_WRITE},
      {NVT_TAP_REGREAD, NVT_REC_REG_READ},        {NVT_TAP_REGWRITE, NVT_REC_REG_WRITE},
      {NVT_TAP_MSIXREAD, NVT_REC_MSIX_READ},      {NVT_TAP_MSIXWRITE, NVT_REC_MSIX_WRITE}};
  for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
    e = event(accesses[i].tap);
    e.access.offset = 0x1010;
    e.access.value = 0x21;
    e.access.size = 4;
    e.access.space = 1;
    e.access.flags = 1;
    nvt_tap_fire(rig.host, &e);
    r = want(&rig, accesses[i].type);
    assert_int_equal(r.access.offset, 0x1010);
    assert_int_equal(r.access.value, 0x21);
    assert_int_equal(r.access.size, 4);
    assert_int_equal(r.access.space, 1);
    assert_int_equal(r.access.access_flags, 1);
  }

  e = event(NVT_TAP_PCI_MSIX);
  e.interrupt.address = 0xfee00000;
  e.interrupt.vector = 3;
  e.interrupt.cqid = 2;
  e.interrupt.state = 1;
  nvt_tap_fire(rig.host, &e);
  r = want(&rig, NVT_REC_INTERRUPT);
  assert_int_equal(r.interrupt.address, 0xfee00000);
  assert_int_equal(r.interrupt.vector, 3);
  assert_int_equal(r.interrupt.cqid, 2);
  assert_int_equal(r.interrupt.state, 1);

  for (int index = 0; index < 2; index++) {
    e = event(NVT_TAP_SHADOW);
    e.shadow.address = 0x7000;
    e.shadow.value = 11;
    e.shadow.qid = 2;
    e.shadow.is_cq = true;
    e.shadow.event_index = index;
    nvt_tap_fire(rig.host, &e);
    r = want(&rig, index ? NVT_REC_EVENT_INDEX : NVT_REC_SHADOW_DOORBELL);
    assert_int_equal(r.shadow.value, 11);
    assert_int_equal(r.shadow.is_cq, 1);
  }

  e = event(NVT_TAP_DEVICE_EVENT);
  e.event.event = NVT_V_event_event_DMA_MAP;
  e.event.code = 3;
  e.event.address = 0x1000;
  e.event.size = 0x2000;
  nvt_tap_fire(rig.host, &e);
  r = want(&rig, NVT_REC_EVENT);
  assert_int_equal(r.event.event, NVT_V_event_event_DMA_MAP);
  assert_int_equal(r.event.size, 0x2000);

  e = event(NVT_TAP_VERDICT);
  e.verdict.plugin = "a plug-in whose name is longer than the field";
  e.verdict.verdict = NVT_V_verdict_verdict_HELD;
  e.verdict.tap = NVT_TAP_IO_DECODE;
  e.verdict.status = 0x182;
  nvt_tap_fire(rig.host, &e);
  r = want(&rig, NVT_REC_VERDICT);
  assert_int_equal(r.verdict.status, 0x182);
  assert_int_equal(r.verdict.verdict, NVT_V_verdict_verdict_HELD);
  assert_memory_equal(r.verdict.plugin, "a plug-in whose name is ", 24);

  assert_int_equal(nvt_trace_tap_annotate(rig.tap, 3, "a note"), 0);
  r = want(&rig, NVT_REC_ANNOTATION);
  assert_int_equal(r.tail_length, 6);
  assert_memory_equal(r.tail, "a note", 6);
  struct nvt_trace_counts counts = rig_end(&rig);
  assert_int_equal(counts.records, 14);
  assert_int_equal(counts.lost, 0);
}

static void each_controller_has_its_own_sequence(void **state) {
  (void)state;
  struct rig rig = rig_new((struct nvt_trace_options){0});
  uint64_t last_ns = 0, seqs[3] = {0};
  for (unsigned i = 0; i < 300; i++) {
    struct nvt_tap_event e = event(NVT_TAP_REGREAD);
    e.controller = (uint16_t)((i * i / 7) % 3);
    nvt_tap_fire(rig.host, &e);
    struct nvt_record r = want(&rig, NVT_REC_REG_READ);
    assert_int_equal(r.header.seq, seqs[r.header.controller]++);
    assert_true(r.time_ns >= last_ns);
    last_ns = r.time_ns;
  }
  assert_true(seqs[0] > 0 && seqs[1] > 0 && seqs[2] > 0);
  rig_end(&rig);
}

enum { ACCESS_BYTES = 16 + 32 + 24, LOSS_BYTES = 16 + 32 + 40 };

/* Fill the ring to the last record that fits, lose some, make room: one loss record
 * tells exactly what is missing, and the sequence numbers agree with it. */
static void what_is_dropped_is_counted(void **state) {
  (void)state;
  for (unsigned lost = 0; lost < 4; lost++) {
    struct rig rig = rig_new((struct nvt_trace_options){.block = false});
    unsigned fit = NVT_RING_SIZE_MIN / ACCESS_BYTES;
    struct nvt_tap_event e = event(NVT_TAP_REGREAD);
    for (unsigned i = 0; i < fit + lost; i++)
      nvt_tap_fire(rig.host, &e);
    struct nvt_trace_counts counts;
    nvt_trace_tap_counts(rig.tap, &counts);
    assert_int_equal(counts.records, fit);
    assert_int_equal(counts.lost, lost);
    for (unsigned i = 0; i < fit; i++)
      assert_int_equal(want(&rig, NVT_REC_REG_READ).header.seq, i);
    nvt_tap_fire(rig.host, &e);
    if (lost > 0) {
      struct nvt_record loss = want(&rig, NVT_REC_LOSS);
      assert_int_equal(loss.loss.first_seq, fit);
      assert_int_equal(loss.loss.count, lost);
      assert_true(loss.loss.first_ns <= loss.loss.last_ns && loss.loss.last_ns <= loss.time_ns);
      assert_true(loss.loss.first_ns > 0);
      assert_int_equal(loss.header.seq, fit + lost);
    }
    assert_int_equal(want(&rig, NVT_REC_REG_READ).header.seq, fit + lost + (lost > 0));
    rig_end(&rig);
  }
}

/* Room for the loss record, but not for what comes after it: that is lost in turn, and told. */
static void a_loss_after_a_loss(void **state) {
  (void)state;
  struct rig rig = rig_new((struct nvt_trace_options){.block = false});
  struct nvt_tap_event e = event(NVT_TAP_REGREAD);
  unsigned fit = NVT_RING_SIZE_MIN / ACCESS_BYTES;
  for (unsigned i = 0; i < fit + 5; i++)
    nvt_tap_fire(rig.host, &e);
  unsigned slack = NVT_RING_SIZE_MIN - fit * ACCESS_BYTES;
  for (unsigned room = slack; room < LOSS_BYTES; room += ACCESS_BYTES)
    want(&rig, NVT_REC_REG_READ);
  nvt_tap_fire(rig.host, &e);
  struct nvt_record record;
  struct nvt_trace_counts counts;
  nvt_trace_tap_counts(rig.tap, &counts);
  assert_int_equal(counts.kinds[NVT_REC_LOSS], 1);
  assert_int_equal(counts.lost, 6);
  uint64_t missing = 0, seq = UINT64_MAX;
  while (next(&rig, &record)) {
    if (record.header.type == NVT_REC_LOSS)
      missing += record.loss.count;
    seq = record.header.seq;
  }
  nvt_trace_tap_destroy(rig.tap, &counts); /* tells the last one */
  rig.tap = NULL;
  assert_true(next(&rig, &record));
  assert_int_equal(record.header.type, NVT_REC_LOSS);
  missing += record.loss.count;
  assert_int_equal(missing, 6);
  assert_int_equal(record.header.seq, seq + 2);
  assert_int_equal(counts.records + counts.lost, record.header.seq + 1);
  assert_false(next(&rig, &record));
  rig_end(&rig);
}

/* The writer has gone: whoever was told to wait for room must not wait for ever. */
static void a_closed_ring_loses_and_goes_on(void **state) {
  (void)state;
  struct rig rig = rig_new((struct nvt_trace_options){.block = true});
  nvt_ring_close(rig.ring);
  struct nvt_tap_event e = event(NVT_TAP_REGREAD);
  unsigned fit = NVT_RING_SIZE_MIN / ACCESS_BYTES;
  for (unsigned i = 0; i < fit + 5; i++)
    nvt_tap_fire(rig.host, &e);
  struct nvt_trace_counts counts = rig_end(&rig);
  assert_int_equal(counts.records, fit);
  assert_int_equal(counts.lost, 5);
}

static uint8_t payload[600000];

static void send(struct rig *rig, uint8_t kind, uint64_t offset, uint32_t length) {
  struct nvt_tap_event e = event(NVT_TAP_IO_MEMORY);
  e.data.sqid = 1;
  e.data.cid = 2;
  e.data.kind = kind;
  e.data.direction = NVT_DIRECTION_OUT;
  e.data.address = 0x10000 + offset;
  e.data.offset = offset;
  e.data.bytes = payload + offset;
  e.data.length = length;
  nvt_tap_fire(rig->host, &e);
}

static void data_as_asked(void **state) {
  (void)state;
  struct nvt_record r;
  struct rig rig = rig_new((struct nvt_trace_options){.data = NVT_TRACE_DATA_NONE});
  send(&rig, NVT_V_data_kind_PAYLOAD, 0, 4096);
  assert_false(next(&rig, &r));
  send(&rig, NVT_V_data_kind_PRP_LIST, 0, 16);
  r = want(&rig, NVT_REC_DATA);
  assert_int_equal(r.data.kind, NVT_V_data_kind_PRP_LIST);
  assert_int_equal(r.data.captured_length, 16);
  assert_int_equal(r.tail_length, 16);
  assert_memory_equal(r.tail, payload, 16);
  rig_end(&rig);

  /* 99, 100 and 101 bytes of a transfer, of which 100 are kept; then what comes later in it. */
  rig = rig_new((struct nvt_trace_options){.data = NVT_TRACE_DATA_HEAD, .head = 100});
  for (uint32_t length = 99; length <= 101; length++) {
    send(&rig, NVT_V_data_kind_PAYLOAD, 0, length);
    r = want(&rig, NVT_REC_DATA);
    assert_int_equal(r.data.true_length, length);
    assert_int_equal(r.data.captured_length, length < 100 ? length : 100);
    assert_memory_equal(r.tail, payload, r.tail_length);
  }
  for (uint64_t offset = 99; offset <= 101; offset++) {
    send(&rig, NVT_V_data_kind_PAYLOAD, offset, 50);
    r = want(&rig, NVT_REC_DATA);
    assert_int_equal(r.data.true_length, 50);
    assert_int_equal(r.data.captured_length, offset == 99 ? 1 : 0);
    assert_int_equal(r.data.offset, offset);
  }
  rig_end(&rig);
}

/* A transfer longer than a record is told in several, none of them too long, nothing missing. */
static void long_data_is_split(void **state) {
  (void)state;
  static const uint32_t lengths[] = {1, 128 * 1024 - 1, 128 * 1024, 128 * 1024 + 1, 400000};
  for (size_t i = 0; i < sizeof(payload); i++)
    payload[i] = (uint8_t)(i * 31 + i / 1009);
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    struct rig rig = rig_new((struct nvt_trace_options){.data = NVT_TRACE_DATA_FULL});
    send(&rig, NVT_V_data_kind_PAYLOAD, 512, lengths[i]);
    uint32_t told = 0;
    struct nvt_record r;
    while (next(&rig, &r)) {
      assert_true(r.header.length <= NVT_RECORD_MAX);
      assert_int_equal(r.data.offset, 512 + told);
      assert_int_equal(r.data.address, 0x10000 + 512 + told);
      assert_int_equal(r.data.true_length, r.data.captured_length);
      assert_int_equal(r.tail_length, r.data.captured_length);
      assert_memory_equal(r.tail, payload + 512 + told, r.tail_length);
      told += r.data.captured_length;
    }
    assert_int_equal(told, lengths[i]);
    rig_end(&rig);
  }
}

static void meta_says_what_the_controller_is(void **state) {
  (void)state;
  struct rig rig = rig_new((struct nvt_trace_options){.data = NVT_TRACE_DATA_HEAD, .head = 64});
  const struct nvt_controller_options options = {
      .id = 3, .pci_address = 0x28, .serial = "S123", .plugins = rig.host};
  struct nvt_controller *device = NULL;
  char why[200] = "";
  assert_int_equal(nvt_controller_create(&options, &device), 0);
  assert_int_equal(nvt_controller_add_namespace(device, "ram:1M", NULL, why, sizeof(why)), 0);
  struct nvt_record r;
  while (next(&rig, &r)) /* what is done before the meta-record was asked for has none */
    assert_int_not_equal(r.header.type, NVT_REC_META);
  assert_int_equal(nvt_trace_tap_meta(rig.tap, device), 0);
  r = want(&rig, NVT_REC_META);
  assert_int_equal(r.header.controller, 3);
  assert_int_equal(r.meta.namespaces, 1);
  assert_int_equal(r.meta.data_mode, NVT_V_meta_data_mode_HEAD);
  struct nvt_meta meta;
  if (!nvt_meta_parse(r.tail, r.tail_length, &meta, why, sizeof(why)))
    fail_msg("%s", why);
  assert_string_equal(meta.serial, "S123");
  assert_int_equal(meta.pci_address, 0x28);
  assert_int_equal(meta.cap, r.meta.cap);
  assert_int_equal(meta.data_head, 64);
  assert_string_equal(meta.data, "head");
  assert_string_equal(meta.doorbells, "trap");
  assert_int_equal(meta.namespace_count, 1);
  assert_string_equal(meta.namespaces[0].backend, "ram:1M");
  assert_int_equal(meta.namespaces[0].blocks * meta.namespaces[0].block_size, 1 << 20);
  nvt_meta_clear(&meta);
  /* One namespace more: told, and a new meta-record with both. */
  assert_int_equal(
      nvt_controller_add_namespace(device, "null:1M,block=4096", NULL, why, sizeof(why)), 0);
  bool again = false;
  while (next(&rig, &r))
    if (r.header.type == NVT_REC_META) {
      again = true;
      assert_int_equal(r.meta.namespaces, 2);
    }
  assert_true(again);
  nvt_controller_destroy(device);
  rig_end(&rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_record_of_each_kind),
      cmocka_unit_test(each_controller_has_its_own_sequence),
      cmocka_unit_test(what_is_dropped_is_counted),
      cmocka_unit_test(a_loss_after_a_loss),
      cmocka_unit_test(a_closed_ring_loses_and_goes_on),
      cmocka_unit_test(data_as_asked),
      cmocka_unit_test(long_data_is_split),
      cmocka_unit_test(meta_says_what_the_controller_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
