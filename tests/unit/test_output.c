/* SPDX-License-Identifier: BSD-2-Clause */
/* capture/output.h: files, sets, snap lengths, compression, errors. What is in the files is read by
 * this test's own few lines, not by ours. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "capture/output.h"
#include "capture/output_int.h"
#include "capture/packer.h"
#include "trace/build.h"

static char folder[64];
static char why[200];

static const char *in_folder(const char *name) {
  static char path[512];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  return path;
}

/* All files of the folder, removed; how many there were. */
static unsigned sweep(void) {
  unsigned count = 0;
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  struct dirent *entry;
  while ((entry = readdir(dir)) != NULL)
    if (entry->d_name[0] != '.') {
      unlink(in_folder(entry->d_name));
      count++;
    }
  closedir(dir);
  return count;
}

/* Records as a ring has them, one after another in `bytes`: of data, `tail` bytes each. */
static size_t make(uint8_t *bytes, uint64_t first, unsigned count, uint32_t tail) {
  static uint8_t filler[NVT_RECORD_MAX];
  size_t at = 0;
  for (unsigned i = 0; i < count; i++) {
    const struct nvt_rec_header base = {.seq = first + i};
    const struct nvt_rec_data body = {.true_length = tail, .captured_length = tail};
    memset(filler, (int)(first + i), tail);
    size_t length = nvt_build_DATA(bytes + at + 16, NVT_RECORD_MAX, &base, &body, filler, tail);
    assert_true(length > 0);
    const uint32_t frame[4] = {7, (uint32_t)(first + i), (uint32_t)length, (uint32_t)length};
    memcpy(bytes + at, frame, 16);
    at += 16 + length;
  }
  return at;
}

static uint8_t *slurp(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  struct stat status;
  assert_int_equal(fstat(fileno(file), &status), 0);
  *size = (size_t)status.st_size;
  uint8_t *bytes = malloc(*size + 1);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

/* Records in the file, of which the first has seq `first`; it must end with a whole one. */
static unsigned judge_bytes(const uint8_t *bytes, size_t size, uint64_t first, uint32_t most) {
  unsigned count = 0;
  assert_true(size >= 24 && memcmp(bytes, "\x4d\x3c\xb2\xa1", 4) == 0);
  for (size_t at = 24; at < size; count++) {
    uint32_t frame[4];
    uint64_t seq;
    assert_true(at + 16 + 64 <= size);
    memcpy(frame, bytes + at, 16);
    memcpy(&seq, bytes + at + 16 + 24, 8);
    assert_int_equal(seq, first + count);
    assert_true(frame[2] <= frame[3] && frame[2] <= most);
    at += 16 + frame[2];
    assert_true(at <= size);
    for (size_t b = at - 1; b > at - frame[2] + 64 && b > at - 9; b--)
      assert_true(bytes[b] == (uint8_t)seq || bytes[b] == 0); /* padding */
  }
  return count;
}

static unsigned judge(const char *path, uint64_t first, uint32_t most) {
  size_t size;
  uint8_t *bytes = slurp(path, &size);
  unsigned count = judge_bytes(bytes, size, first, most);
  free(bytes);
  return count;
}

static struct nvt_output *create(const struct nvt_output_options *options) {
  struct nvt_output *output;
  if (nvt_output_create(options, &output, why, sizeof(why)) != 0)
    fail_msg("%s", why);
  return output;
}

/* Puts of all sizes: what is held back is less than a block and a record, and all of it is there in
 * the end. Small records meet plain writes, large puts those of blocks. */
static void a_file_holds_what_was_put(void **state) {
  (void)state;
  static const uint32_t tails[] = {0, 8, 512, 4096, 131072};
  static uint8_t bytes[3u << 20];
  for (size_t t = 0; t < sizeof(tails) / sizeof(tails[0]); t++) {
    const struct nvt_output_options options = {.path = in_folder("a.pcap")};
    struct nvt_output *output = create(&options);
    assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
    uint64_t seq = 0;
    unsigned each = (unsigned)(sizeof(bytes) / (tails[t] + 80));
    for (unsigned round = 0; round < 60; round++) {
      unsigned count = round % 7 == 3 ? each : 1 + round * each / 600;
      size_t length = make(bytes, seq, count, tails[t]);
      assert_int_equal(nvt_output_put(output, bytes, length), 0);
      size_t held = nvt_output_held(output);
      assert_true(held < 4096 + tails[t] + 80);
      if (round % 5 == 0) {
        assert_int_equal(nvt_output_flush(output), 0);
        assert_int_equal(nvt_output_held(output), 0);
      }
      struct stat status;
      assert_int_equal(stat(in_folder("a.pcap"), &status), 0);
      struct nvt_output_counts counts;
      nvt_output_counts(output, &counts);
      assert_true((uint64_t)status.st_size + held >= counts.bytes);
      seq += count;
    }
    assert_int_equal(nvt_output_end(output), 0);
    struct nvt_output_counts counts;
    nvt_output_counts(output, &counts);
    assert_int_equal(counts.records, seq);
    assert_int_equal(counts.unsaved, 0);
    assert_int_equal(judge(in_folder("a.pcap"), 0, UINT32_MAX), seq);
    nvt_output_destroy(output);
  }
  assert_int_equal(sweep(), 1);
}

static void a_snap_length_cuts_tails_only(void **state) {
  (void)state;
  static uint8_t bytes[1u << 20];
  /* A data record has 64 bytes of header and body. */
  static const struct {
    uint32_t snaplen, most;
  } rows[] = {{1, 64},      {63, 64},     {64, 64},     {65, 65},      {200, 200},
              {4159, 4159}, {4160, 4160}, {4161, 4160}, {262144, 4160}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const struct nvt_output_options options = {.path = in_folder("s.pcap"),
                                               .snaplen = rows[i].snaplen};
    struct nvt_output *output = create(&options);
    assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
    assert_int_equal(nvt_output_put(output, bytes, make(bytes, 5, 100, 4096)), 0);
    assert_int_equal(nvt_output_held(output), 0);
    nvt_output_destroy(output);
    assert_int_equal(judge(in_folder("s.pcap"), 5, rows[i].most), 100);
    struct stat status;
    assert_int_equal(stat(in_folder("s.pcap"), &status), 0);
    assert_int_equal(status.st_size, 24 + 100 * (16 + rows[i].most));
  }
  /* A meta-record stays whole. */
  const struct nvt_rec_header base = {.seq = 0};
  const struct nvt_rec_meta meta = {.json_length = 200};
  char json[200] = "{}";
  size_t length = nvt_build_META(bytes + 16, 4096, &base, &meta, (const uint8_t *)json, 200);
  const uint32_t frame[4] = {0, 0, (uint32_t)length, (uint32_t)length};
  memcpy(bytes, frame, 16);
  const struct nvt_output_options options = {.path = in_folder("s.pcap"), .snaplen = 1};
  struct nvt_output *output = create(&options);
  assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
  assert_int_equal(nvt_output_put(output, bytes, 16 + length), 0);
  nvt_output_destroy(output);
  struct stat status;
  assert_int_equal(stat(in_folder("s.pcap"), &status), 0);
  assert_int_equal(status.st_size, 24 + 16 + length);
  sweep();
}

/* Frames stand for themselves: the file ends with a whole one after each put. */
static void a_packed_file_is_whole_after_each_put(void **state) {
  (void)state;
  static uint8_t bytes[2u << 20];
  const struct nvt_output_options options = {
      .path = in_folder("z.pcap.zst"), .packer = &nvt_packer_zstd, .level = 3};
  struct nvt_output *output = create(&options);
  assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
  uint64_t seq = 0;
  for (unsigned round = 0; round < 12; round++) {
    unsigned count = 1 + round * 1500;
    assert_int_equal(nvt_output_put(output, bytes, make(bytes, seq, count, 16)), 0);
    assert_int_equal(nvt_output_held(output), 0);
    seq += count;
    size_t size, out = 24 + seq * 96;
    uint8_t *packed = slurp(in_folder("z.pcap.zst"), &size), *plain = malloc(out);
    assert_int_equal(ZSTD_decompress(plain, out, packed, size), out);
    assert_int_equal(judge_bytes(plain, out, 0, UINT32_MAX), seq);
    free(packed);
    free(plain);
  }
  nvt_output_destroy(output);
  sweep();
}

/* Wireshark 4.0 finds a frame only where one begins at the start of its window, too, or none begins
 * in it. Records of all sizes that compress well, badly, and not at all. */
static void frames_begin_where_wireshark_looks(void **state) {
  (void)state;
  enum { WINDOW = 128 * 1024 + 3, BYTES = 2 << 20 };
  static uint8_t bytes[BYTES];
  for (unsigned kind = 0; kind < 6; kind++) {
    static const uint32_t tails[] = {16, 16, 4096, 70000, 131072, 262000};
    const struct nvt_output_options options = {
        .path = in_folder("z.pcap.zst"), .packer = &nvt_packer_zstd, .level = 1};
    struct nvt_output *output = create(&options);
    assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
    uint64_t seq = 0;
    size_t plain = 24, where = 0;
    static uint8_t all[24 << 20];
    srandom(kind);
    for (unsigned round = 0; round < 10; round++) {
      unsigned most = BYTES / (tails[kind] + 80) - 1;
      unsigned count = 1 + (unsigned)random() % most;
      size_t length = make(bytes, seq, count, tails[kind]);
      for (size_t at = 0; at < length && kind > 0; at += nvt_output_frame(bytes + at))
        for (uint32_t i = 0; i < tails[kind]; i++)
          bytes[at + 80 + i] = (uint8_t)(random() & (kind == 2 ? 0x0f : 0xff));
      assert_int_equal(nvt_output_put(output, bytes, length), 0);
      memcpy(all + plain, bytes, length);
      plain += length;
      seq += count;
    }
    nvt_output_destroy(output);
    size_t size;
    uint8_t *packed = slurp(in_folder("z.pcap.zst"), &size), *back = malloc(plain);
    assert_int_equal(ZSTD_decompress(back, plain, packed, size), plain);
    assert_memory_equal(back + 24, all + 24, plain - 24);
    bool at_start = false;
    unsigned frames = 0;
    for (size_t at = 0; at < size; frames++) {
      at_start = at / WINDOW == where / WINDOW ? at_start : false;
      at_start |= at % WINDOW == 0;
      assert_true(at_start);
      where = at;
      size_t frame = ZSTD_findFrameCompressedSize(packed + at, size - at);
      assert_false(ZSTD_isError(frame));
      at += frame;
    }
    assert_true(frames > 10);
    assert_true(size < plain + plain / 4 + 2 * WINDOW); /* filled up within reason */
    free(packed);
    free(back);
  }
  sweep();
}

/* A set keeps the newest files; a stranger's file of the oldest's name is left alone. */
static void a_set_keeps_so_many(void **state) {
  (void)state;
  static uint8_t bytes[1u << 16];
  const struct nvt_output_options options = {.path = in_folder("set.pcap"), .set = true, .keep = 3};
  struct nvt_output *output = create(&options);
  char first[600] = "";
  for (unsigned i = 0; i < 5; i++) {
    assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
    if (i == 1)
      snprintf(first, sizeof(first), "%s", nvt_output_path(output));
    assert_int_equal(nvt_output_put(output, bytes, make(bytes, i * 10, 10, 8)), 0);
    if (i == 3) { /* before the second one is removed */
      unlink(first);
      FILE *file = fopen(in_folder("other"), "w");
      fclose(file);
      file = fopen(first, "w");
      fclose(file);
    }
  }
  struct nvt_output_counts counts;
  nvt_output_counts(output, &counts);
  assert_int_equal(counts.files, 5);
  assert_int_equal(counts.records, 50);
  assert_int_equal(counts.file_records, 10);
  assert_int_equal(nvt_output_end(output), 0);
  assert_int_equal(judge(nvt_output_path(output), 40, UINT32_MAX), 10);
  nvt_output_destroy(output);
  assert_int_equal(access(first, F_OK), 0);
  assert_int_equal(sweep(), 3 + 2);
}

static void names(void **state) {
  (void)state;
  setenv("TZ", "UTC", 1);
  static const struct {
    const char *path;
    uint64_t number;
    const char *last, *name;
  } rows[] = {
      {"x.pcap", 1, NULL, "x_00001_20261128020000.pcap"},
      {"/a.b/x", 99999, NULL, "/a.b/x_99999_20261128020000"},
      {"/a/x.pcap", 100000, NULL, "/a/x_00000_20261128020000.pcap"},
      {"x.pcap.zst", 7, NULL, "x_00007_20261128020000.pcap.zst"},
      {".zst", 7, NULL, ".zst_00007_20261128020000"},
      {"x.zst", 7, NULL, "x_00007_20261128020000.zst"},
      {"x-%H%M.pcap", 1, NULL, "x-0200.pcap"},
      {"x-%H%M.pcap", 2, "x-0159.pcap", "x-0200.pcap"},
      {"x-%H%M.pcap", 2, "x-0200.pcap", "x-0200_00002.pcap"},
      {"x-%H%M.pcap", 3, "x-0200_00002.pcap", "x-0200_00003.pcap"},
      {"x-%%.pcap", 1, NULL, "x-%.pcap"},
  };
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    char *name = nvt_output_name(rows[i].path, rows[i].number, 1795831200, rows[i].last);
    assert_non_null(name);
    assert_string_equal(name, rows[i].name);
    free(name);
  }
  assert_null(nvt_output_name("%n%Z%", 1, INT64_MAX, NULL));
}

/* The medium takes so many bytes, then no more: whole records, and each there or counted. */
static void a_full_disk(void **state) {
  (void)state;
  static uint8_t bytes[3u << 20];
  static const rlim_t limits[] = {25, 24 + 95, 24 + 96, 24 + 97, 4096, 1000000, 1 << 20, 2500000};
  static const struct nvt_packer *packers[] = {NULL, &nvt_packer_zstd};
  for (size_t i = 0; i < 2 * sizeof(limits) / sizeof(limits[0]); i++) {
    const struct nvt_output_options options = {
        .path = in_folder("full.pcap"), .packer = packers[i % 2], .level = 1};
    struct nvt_output *output = create(&options);
    assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = limits[i / 2];
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    uint64_t seq = 0;
    int error = 0;
    while (error == 0) {
      unsigned count = 1 + (unsigned)seq % 20000;
      error = nvt_output_put(output, bytes, make(bytes, seq, count, 16));
      seq += count;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(error, -EFBIG);
    assert_int_equal(nvt_output_fd(output), -1);
    assert_int_equal(nvt_output_put(output, bytes, make(bytes, seq, 1, 16)), -EBADF);
    seq++;
    struct nvt_output_counts counts;
    nvt_output_counts(output, &counts);
    assert_int_equal(counts.records + counts.unsaved, seq);
    size_t size;
    uint8_t *there = slurp(in_folder("full.pcap"), &size);
    assert_int_equal(counts.bytes, size);
    if (i % 2 == 0) {
      assert_int_equal(judge_bytes(there, size, 0, UINT32_MAX), counts.records);
      assert_int_equal(counts.records, (limits[i / 2] - 24) / 96);
    } else {
      size_t out = 24 + counts.records * 96;
      uint8_t *plain = malloc(out);
      assert_int_equal(ZSTD_decompress(plain, out, there, size), out);
      assert_int_equal(judge_bytes(plain, out, 0, UINT32_MAX), counts.records);
      free(plain);
    }
    free(there);
    nvt_output_destroy(output);
  }
  sweep();
}

static void a_removed_file_is_given_up(void **state) {
  (void)state;
  uint8_t bytes[4096];
  const struct nvt_output_options options = {.path = in_folder("r.pcap")};
  struct nvt_output *output = create(&options);
  assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
  assert_int_equal(nvt_output_put(output, bytes, make(bytes, 0, 10, 8)), 0);
  assert_int_equal(unlink(in_folder("r.pcap")), 0);
  nvt_output_give_up(output);
  assert_int_equal(nvt_output_fd(output), -1);
  assert_int_equal(nvt_output_next(output, why, sizeof(why)), 0);
  assert_int_equal(nvt_output_put(output, bytes, make(bytes, 10, 5, 8)), 0);
  struct nvt_output_counts counts;
  nvt_output_counts(output, &counts);
  assert_int_equal(counts.removed, 10);
  assert_int_equal(counts.records, 5);
  nvt_output_destroy(output);
  assert_int_equal(judge(in_folder("r.pcap"), 10, UINT32_MAX), 5);
  sweep();
}

static void what_can_not_be_opened(void **state) {
  (void)state;
  static const struct {
    const char *path;
    int error;
  } rows[] = {{"/no/such/x", -ENOENT}, {"/tmp", -EISDIR}, {"/dev/full", -ENOSPC}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const struct nvt_output_options options = {.path = rows[i].path};
    struct nvt_output *output = create(&options);
    assert_int_equal(nvt_output_next(output, why, sizeof(why)), rows[i].error);
    assert_non_null(strstr(why, rows[i].path));
    assert_int_equal(nvt_output_fd(output), -1);
    nvt_output_destroy(output);
  }
  nvt_output_destroy(NULL);
}

int main(void) {
  signal(SIGXFSZ, SIG_IGN);
  strcpy(folder, "/tmp/nvmetap-output.XXXXXX");
  if (mkdtemp(folder) == NULL)
    return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_holds_what_was_put),
      cmocka_unit_test(a_snap_length_cuts_tails_only),
      cmocka_unit_test(a_packed_file_is_whole_after_each_put),
      cmocka_unit_test(frames_begin_where_wireshark_looks),
      cmocka_unit_test(a_set_keeps_so_many),
      cmocka_unit_test(names),
      cmocka_unit_test(a_full_disk),
      cmocka_unit_test(a_removed_file_is_given_up),
      cmocka_unit_test(what_can_not_be_opened),
  };
  int failures = cmocka_run_group_tests(tests, NULL, NULL);
  rmdir(folder);
  return failures;
}
