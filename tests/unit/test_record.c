/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "controller/tap.h"
#include "tests/unit/all_kinds.h"
#include "trace/meta.h"
#include "trace/record.h"

static void types_have_names(void **state) {
  (void)state;
  assert_string_equal(nvt_record_name(NVT_REC_REG_WRITE), "reg_write");
  assert_string_equal(nvt_record_title(NVT_REC_REG_WRITE), "Register Write");
  assert_string_equal(nvt_record_body_name(NVT_REC_REG_WRITE), "access");
  for (unsigned type = 1; type < NVT_REC_COUNT; type++) {
    assert_non_null(nvt_record_name(type));
    assert_non_null(nvt_record_title(type));
    assert_int_equal(nvt_record_body_size(type) % 8, 0);
    size_t count, end = 0;
    const struct nvt_record_field *fields = nvt_record_fields(nvt_record_body_name(type), &count);
    for (size_t i = 0; i < count; i++) { /* no hole, no overlap */
      assert_int_equal(fields[i].offset, end);
      end += fields[i].size;
    }
    assert_int_equal(end, nvt_record_body_size(type));
  }
  const unsigned none[] = {0, NVT_REC_COUNT, 255, 256};
  for (size_t i = 0; i < 4; i++) {
    assert_null(nvt_record_name(none[i]));
    assert_null(nvt_record_title(none[i]));
    assert_null(nvt_record_body_name(none[i]));
    assert_int_equal(nvt_record_body_size(none[i]), 0);
  }
}

/* Numbers of taps stand in traces: the controller's list and the format's are one. */
static void taps_are_the_controllers(void **state) {
  (void)state;
#define NVT_TAP(id, name, member, decl, powers, when)                                              \
  assert_int_equal(NVT_V_verdict_tap_##id, NVT_TAP_##id);                                          \
  assert_string_equal(nvt_record_value_name("verdict", "tap", NVT_TAP_##id), name);
#include "controller/taps.def"
  assert_null(nvt_record_value_name("verdict", "tap", NVT_TAP_COUNT));
}

static const struct nvt_rec_header base = {
    .flags = 1, .controller = 2, .thread = 3, .epoch = 4, .pci_address = 5, .seq = 6};

static void what_is_built_is_parsed(void **state) {
  (void)state;
  uint8_t buffer[512], body[128];
  for (size_t i = 0; i < sizeof(body); i++)
    body[i] = (uint8_t)(i + 1);
  for (unsigned type = 1; type < NVT_REC_COUNT; type++) {
    memset(body + offsetof(struct nvt_rec_digest, true_length) + 2, 0, 2); /* bounded */
    bool has_tail = nvt_build_size(type, 1) != 0;
    for (size_t tail = 0; tail <= (has_tail ? 17 : 0); tail++) {
      memset(buffer, 0xaa, sizeof(buffer));
      size_t length =
          nvt_build_record(buffer, sizeof(buffer), type, &base, body, "0123456789abcdefg", tail);
      assert_int_equal(length, nvt_build_size(type, tail));
      assert_int_equal(length % 8, 0);
      assert_int_equal(buffer[length], 0xaa);
      assert_int_equal(nvt_build_record(buffer, length - 1, type, &base, body, "x", tail), 0);
      struct nvt_record r;
      assert_int_equal(nvt_record_parse(buffer, length, &r), NVT_PARSE_OK);
      assert_int_equal(r.header.type, type);
      assert_int_equal(r.header.seq, 6);
      assert_int_equal(r.header.flags, 1);
      assert_int_equal(r.tail_length, tail);
      if (tail > 0)
        assert_memory_equal(r.tail, "0123456789abcdefg", tail);
      else
        assert_memory_equal(&r.meta, body, type == NVT_REC_DATA ? 28 : has_tail ? 0 : 16);
      for (size_t i = length - (length - 32 - nvt_record_body_size(type) - tail); i < length; i++)
        assert_int_equal(buffer[i], 0);
    }
  }
  assert_int_equal(nvt_build_size(0, 0), 0);
  assert_int_equal(nvt_build_size(NVT_REC_COUNT, 0), 0);
  assert_int_equal(nvt_build_size(NVT_REC_COMMAND, 1), 0);
  size_t most = NVT_RECORD_MAX - 32 - sizeof(struct nvt_rec_data);
  assert_int_equal(nvt_build_size(NVT_REC_DATA, most - 1), NVT_RECORD_MAX);
  assert_int_equal(nvt_build_size(NVT_REC_DATA, most), NVT_RECORD_MAX);
  assert_int_equal(nvt_build_size(NVT_REC_DATA, most + 1), 0);
  assert_int_equal(nvt_build_size(NVT_REC_DATA, SIZE_MAX), 0);
}

static enum nvt_parse parse_with(size_t at, uint32_t value, size_t width, size_t captured) {
  uint8_t buffer[128];
  struct nvt_rec_data data = {.true_length = 16};
  size_t length = nvt_build_DATA(buffer, sizeof(buffer), &base, &data, "0123456789abcdef", 16);
  assert_int_equal(length, 80);
  memcpy(buffer + at, &value, width);
  struct nvt_record r;
  return nvt_record_parse(buffer, captured, &r);
}

static void contradictions_are_found(void **state) {
  (void)state;
  assert_int_equal(parse_with(0, NVT_RECORD_MAGIC, 4, 80), NVT_PARSE_OK);
  assert_int_equal(parse_with(0, 0x5054564d, 4, 80), NVT_PARSE_NOT_OURS);
  assert_int_equal(parse_with(4, 0, 1, 80), NVT_PARSE_VERSION);
  assert_int_equal(parse_with(4, 2, 1, 80), NVT_PARSE_VERSION);
  assert_int_equal(parse_with(5, 0, 1, 80), NVT_PARSE_UNKNOWN_TYPE);
  assert_int_equal(parse_with(5, NVT_REC_QUEUE_STATE, 1, 80), NVT_PARSE_OK);
  assert_int_equal(parse_with(5, NVT_REC_COUNT, 1, 80), NVT_PARSE_UNKNOWN_TYPE);
  assert_int_equal(parse_with(6, 31, 1, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(6, 33, 1, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(6, 40, 1, 80), NVT_PARSE_BAD_LENGTH); /* lengths are elsewhere now */
  assert_int_equal(parse_with(6, 0, 1, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(8, 72, 4, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(8, 79, 4, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(8, 88, 4, 80), NVT_PARSE_OK);
  assert_int_equal(parse_with(8, NVT_RECORD_MAX, 4, 80), NVT_PARSE_OK);
  assert_int_equal(parse_with(8, NVT_RECORD_MAX + 8, 4, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(8, UINT32_MAX, 4, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(8, 0, 4, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(60, 15, 4, 80), NVT_PARSE_OK); /* captured_length */
  assert_int_equal(parse_with(60, 17, 4, 80), NVT_PARSE_BAD_LENGTH);
  assert_int_equal(parse_with(56, 15, 4, 80), NVT_PARSE_BAD_LENGTH); /* true_length */
  for (size_t captured = 0; captured <= 80; captured++) {
    enum nvt_parse expected = captured < 4    ? NVT_PARSE_NOT_OURS
                              : captured < 64 ? NVT_PARSE_SHORT
                                              : NVT_PARSE_OK;
    assert_int_equal(parse_with(0, NVT_RECORD_MAGIC, 4, captured), expected);
  }
  for (unsigned i = NVT_PARSE_OK; i <= NVT_PARSE_BAD_LENGTH; i++)
    assert_true(strlen(nvt_parse_reason(i)) > 5);
}

static void a_snap_length_leaves_what_it_left(void **state) {
  (void)state;
  uint8_t buffer[128];
  struct nvt_rec_data data = {.true_length = 16};
  size_t length = nvt_build_DATA(buffer, sizeof(buffer), &base, &data, "0123456789abcdef", 16);
  for (size_t captured = 64; captured <= length; captured++) {
    struct nvt_record r;
    assert_int_equal(nvt_record_parse(buffer, captured, &r), NVT_PARSE_OK);
    assert_int_equal(r.tail_length, captured - 64);
  }
}

static void meta_goes_and_comes(void **state) {
  (void)state;
  struct nvt_meta_namespace ns[2] = {
      {.nsid = 1,
       .blocks = 1 << 20,
       .block_size = 512,
       .asynchronous = true,
       .backend = "file:/tmp/\"x\\y\".img"},
      {.nsid = 7, .blocks = UINT64_MAX, .block_size = 4096, .readonly = true}};
  struct nvt_meta meta = {.format = 1,
                          .recorder = "nvmetap 0.1.0",
                          .serial = "S123",
                          .model = "a model",
                          .firmware = "1.0",
                          .vs = 0x20100,
                          .cap = 0xfedcba9876543210,
                          .mdts = 5,
                          .sgl = true,
                          .io_queues = 64,
                          .vectors = 65,
                          .pci_address = 0x12340000 | 0x56 << 8 | 0x1f << 3 | 7,
                          .doorbells = "trap",
                          .data = "head",
                          .data_head = 64,
                          .clock = "tsc",
                          .started = "2026-01-31T12:00:00.123456789Z",
                          .host = "höst",
                          .profile = "buffer-reuse,last=4",
                          .namespaces = ns,
                          .namespace_count = 2};
  char *json;
  size_t length;
  assert_int_equal(nvt_meta_build(&meta, &json, &length), 0);
  assert_int_equal(strlen(json), length);
  assert_null(strchr(json, '\n'));
  char why[200];
  struct nvt_meta back;
  assert_true(nvt_meta_parse(json, length, &back, why, sizeof(why)));
  assert_int_equal(back.namespace_count, 2);
  assert_int_equal(back.cap, meta.cap);
  assert_int_equal(back.pci_address, meta.pci_address);
  assert_int_equal(back.namespaces[1].blocks, UINT64_MAX);
  assert_string_equal(back.namespaces[0].backend, ns[0].backend);
  char *again;
  size_t again_length;
  assert_int_equal(nvt_meta_build(&back, &again, &again_length), 0);
  assert_string_equal(again, json);
  free(again);
  nvt_meta_clear(&back);
  for (size_t cut = 0; cut < length; cut++) {
    why[0] = '\0';
    assert_false(nvt_meta_parse(json, cut, &back, why, sizeof(why)));
    assert_true(why[0] != '\0');
  }
  free(json);
}

/* Whatever a string holds, it is one line of JSON in UTF-8, and comes back not longer than it was.
 */
static void meta_takes_any_string(void **state) {
  (void)state;
  static const struct {
    const char *text, *json;
  } rows[] = {
      {"\"\\/\x7f", "\\\"\\\\/\x7f"},
      {"\n\t\x01\x1f", "\\u000a\\u0009\\u0001\\u001f"},
      {"\xc3\xb6 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xb6 \xe2\x82\xac \xf0\x9f\x98\x80"},
      {"\xff\x80 \xc3", "?? ?"},                     /* never, alone, cut */
      {"\xc1\xbf \xe0\x9f\xbf", "?? ???"},           /* longer than needed */
      {"\xed\xa0\x80 \xf4\x90\x80\x80", "??? ????"}, /* a surrogate, beyond U+10FFFF */
      {"\xed\x9f\xbf \xf4\x8f\xbf\xbf", "\xed\x9f\xbf \xf4\x8f\xbf\xbf"},
      {"\xe2\x82 \xf0\x9f\x98", "?? ???"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct nvt_meta meta = {.format = 1}, back;
    (void)snprintf(meta.serial, sizeof(meta.serial), "%s", rows[i].text);
    char *json, why[200], want[100];
    size_t length;
    assert_int_equal(nvt_meta_build(&meta, &json, &length), 0);
    (void)snprintf(want, sizeof(want), ",\"serial\":\"%s\",", rows[i].json);
    assert_non_null(strstr(json, want));
    assert_true(nvt_meta_parse(json, length, &back, why, sizeof(why)));
    assert_int_equal(strlen(back.serial), strlen(meta.serial));
    nvt_meta_clear(&back);
    free(json);
  }
}

static void meta_refuses_nonsense(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "null",
      "[]",
      "{",
      "{\"format\":2}",
      "{\"format\":-1}",
      "{\"format\":\"x\"}",
      "{\"serial\":7}",
      "{\"serial\":\"123456789012345678901\"}",
      "{\"mdts\":256}",
      "{\"sgl\":1}",
      "{\"cap\":\"0x\"}",
      "{\"cap\":\"0x10000000000000000\"}",
      "{\"vectors\":2049}",
      "{\"io_queues\":65536}",
      "{\"pci_address\":\"0:0:20.0\"}",
      "{\"pci_address\":\"x\"}",
      "{\"namespaces\":{}}",
      "{\"namespaces\":[1]}",
      "{\"namespaces\":[{\"nsid\":4294967296}]}",
      "{\"namespaces\":[{\"readonly\":1}]}",
  };
  char why[200];
  struct nvt_meta meta;
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    why[0] = '\0';
    assert_false(nvt_meta_parse(bad[i], strlen(bad[i]), &meta, why, sizeof(why)));
    assert_true(why[0] != '\0');
  }
  static const char *const good[] = {"{}",
                                     "{\"format\":1,\"later\":{\"x\":[1]}}",
                                     "{\"serial\":\"12345678901234567890\"}",
                                     "{\"mdts\":255}",
                                     "{\"cap\":18446744073709551615}",
                                     "{\"vectors\":2048}",
                                     "{\"io_queues\":65535}",
                                     "{\"namespaces\":[]}"};
  for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    assert_true(nvt_meta_parse(good[i], strlen(good[i]), &meta, why, sizeof(why)));
    nvt_meta_clear(&meta);
  }
  struct nvt_meta many = {.namespace_count = NVT_META_NAMESPACES_MAX + 1};
  char *json;
  size_t length;
  assert_int_equal(nvt_meta_build(&many, &json, &length), -22);
}

/* Zeroes up to a multiple of 8 are padding; more, or others, a later version's. */
static void what_comes_after_the_tail(void **state) {
  (void)state;
  uint8_t bytes[64] = {0};
  struct nvt_record record = {.header = {.type = NVT_REC_ANNOTATION, .header_length = 32},
                              .tail_length = 1};
  uint32_t at;
  bool unknown;
  const uint32_t start = 32 + 8 + 1;
  for (uint32_t rest = 0; rest <= 9; rest++) {
    record.captured = start + rest;
    assert_int_equal(nvt_record_rest(&record, bytes, &at, &unknown), rest);
    assert_int_equal(at, start);
    if (rest > 0)
      assert_int_equal(unknown, rest >= 8);
  }
  record.captured = start + 7;
  bytes[start + 6] = 1;
  assert_int_equal(nvt_record_rest(&record, bytes, &at, &unknown), 7);
  assert_true(unknown);
  record.captured = start - 1; /* the tail was cut */
  assert_int_equal(nvt_record_rest(&record, bytes, &at, &unknown), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(types_have_names),
      cmocka_unit_test(taps_are_the_controllers),
      cmocka_unit_test(what_is_built_is_parsed),
      cmocka_unit_test(contradictions_are_found),
      cmocka_unit_test(a_snap_length_leaves_what_it_left),
      cmocka_unit_test(what_comes_after_the_tail),
      cmocka_unit_test(meta_goes_and_comes),
      cmocka_unit_test(meta_takes_any_string),
      cmocka_unit_test(meta_refuses_nonsense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
