/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/all_kinds.h"
#include "trace/reader.h"

static struct all_kinds kinds;
static char folder[] = "/tmp/nvt-reader-XXXXXX";
static char path[64];

static int set_up(void **state) {
  (void)state;
  all_kinds_make(&kinds);
  if (mkdtemp(folder) == NULL)
    return -1;
  snprintf(path, sizeof(path), "%s/t.pcap", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  free(kinds.bytes);
  unlink(path);
  return rmdir(folder);
}

static void put_file(const void *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}

static void refused(const char *what, const char *because) {
  struct nvt_reader *reader = NULL;
  struct nvt_reason why = {.text = ""};
  assert_false(nvt_reader_open(what, &reader, &why));
  if (strstr(why.text, because) == NULL)
    fail_msg("'%s' isn't in '%s'", because, why.text);
}

static void the_whole_file_is_read(void **state) {
  (void)state;
  put_file(kinds.bytes, kinds.length);
  struct nvt_reader *reader;
  struct nvt_reason why;
  assert_true(nvt_reader_open(path, &reader, &why));
  assert_int_equal(nvt_reader_size(reader), kinds.length);
  struct nvt_record r;
  unsigned seen[NVT_REC_COUNT] = {0};
  uint64_t time_ns = 1700000000999999000;
  for (size_t i = 0; i < kinds.count; i++) {
    assert_int_equal(nvt_reader_next(reader, &r, &why), NVT_READ_OK);
    assert_int_equal(r.number, i + 1);
    assert_int_equal(r.offset, kinds.offsets[i]);
    assert_int_equal(r.time_ns, time_ns += 1234);
    assert_memory_equal(nvt_reader_bytes(reader), kinds.bytes + kinds.offsets[i] + 16, r.captured);
    seen[r.header.type]++;
  }
  assert_int_equal(nvt_reader_next(reader, &r, &why), NVT_READ_END);
  assert_int_equal(nvt_reader_position(reader), kinds.length);
  nvt_reader_close(reader);
  for (unsigned type = 1; type < NVT_REC_COUNT; type++)
    assert_true(seen[type] > 0);
}

static void a_file_cut_at_any_byte_is_read_up_to_there(void **state) {
  (void)state;
  size_t frames = 0;
  for (size_t cut = 0; cut < kinds.length; cut++) {
    put_file(kinds.bytes, cut);
    struct nvt_reader *reader = NULL;
    struct nvt_reason why;
    if (cut < 24) {
      refused(path, cut == 0 ? "is empty" : "inside the");
      continue;
    }
    while (frames < kinds.count &&
           cut >= (frames + 1 < kinds.count ? kinds.offsets[frames + 1] : kinds.length))
      frames++;
    assert_true(nvt_reader_open(path, &reader, &why));
    struct nvt_record r;
    enum nvt_read read;
    uint64_t count = 0;
    while ((read = nvt_reader_next(reader, &r, &why)) == NVT_READ_OK)
      count++;
    assert_int_equal(count, frames);
    bool at_edge = cut == kinds.offsets[frames];
    assert_int_equal(read, at_edge ? NVT_READ_END : NVT_READ_CUT);
    if (!at_edge) {
      assert_int_equal(why.offset, kinds.offsets[frames]);
      assert_int_equal(why.record, frames + 1);
    }
    nvt_reader_close(reader);
  }
}

static void what_is_no_trace_is_refused_with_a_reason(void **state) {
  (void)state;
  refused("/nowhere/x.pcap", "No such file");
  refused(folder, "is a directory");
  put_file("this is no pcap at all, not even nearly", 39);
  refused(path, "not a trace");
  put_file("\0\0\0\0", 4);
  refused(path, "not a trace");
  uint8_t other[24];
  memcpy(other, kinds.bytes, 24);
  other[20] = 1;
  put_file(other, 24);
  refused(path, "link type 1 (EN10MB); nvmetap's traces have link type 159");
  put_file(kinds.bytes, kinds.length);
  if (geteuid() != 0) { /* root reads everything */
    chmod(path, 0);
    refused(path, "Permission denied");
    chmod(path, 0600);
  }
  assert_int_equal(unlink(path), 0);
  assert_int_equal(symlink("t.pcap", path), 0);
  refused(path, "Too many levels");
  assert_int_equal(unlink(path), 0);
}

static void other_frames_are_passed_over(void **state) {
  (void)state;
  struct all_kinds k = {0};
  all_kinds_append(&k, kinds.bytes, 24);
  struct nvt_rec_annotation a = {0};
  all_kinds_frame(&k, "somebody else's", 15, 15);
  all_kinds_put(&k, NVT_REC_ANNOTATION, 0, &a, "ours", 4);
  all_kinds_frame(&k, "", 0, 0);
  all_kinds_frame(&k, kinds.bytes + kinds.offsets[0] + 16, 40, 40); /* cut inside its body */
  put_file(k.bytes, k.length);
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record r;
  assert_true(nvt_reader_open(path, &reader, &why));
  const enum nvt_read expected[] = {NVT_READ_FOREIGN, NVT_READ_OK, NVT_READ_FOREIGN,
                                    NVT_READ_FOREIGN, NVT_READ_END};
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(nvt_reader_next(reader, &r, &why), expected[i]);
    if (expected[i] == NVT_READ_FOREIGN) {
      assert_int_equal(why.record, i + 1);
      assert_int_equal(why.offset, k.offsets[i]);
    }
  }
  nvt_reader_close(reader);
  free(k.bytes);
}

static void times_are_nanoseconds_up_to_2106(void **state) {
  (void)state;
  static const struct {
    uint32_t magic, seconds, fraction;
    uint64_t ns;
  } rows[] = {{0xa1b23c4d, 1, 999999999, 1999999999},
              {0xa1b2c3d4, 1, 999999, 1999999000},
              {0xa1b23c4d, 0x7fffffff, 1, 0x7fffffff * 1000000000ull + 1},
              {0xa1b23c4d, 0x80000000, 1, 0x80000000 * 1000000000ull + 1},
              {0xa1b23c4d, 0xffffffff, 1, 0xffffffff * 1000000000ull + 1}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    size_t length = kinds.offsets[1];
    uint8_t *copy = malloc(length);
    memcpy(copy, kinds.bytes, length);
    memcpy(copy, &rows[i].magic, 4);
    memcpy(copy + 24, &rows[i].seconds, 4);
    memcpy(copy + 28, &rows[i].fraction, 4);
    put_file(copy, length);
    free(copy);
    struct nvt_reader *reader;
    struct nvt_reason why;
    struct nvt_record r;
    assert_true(nvt_reader_open(path, &reader, &why));
    assert_int_equal(nvt_reader_next(reader, &r, &why), NVT_READ_OK);
    assert_int_equal(r.time_ns, rows[i].ns);
    nvt_reader_close(reader);
  }
}

/* Headers written by a machine of the other byte order; records stay little-endian. */
static void either_byte_order_of_headers_is_read(void **state) {
  (void)state;
  size_t length = kinds.offsets[1];
  uint8_t *copy = malloc(length);
  memcpy(copy, kinds.bytes, length);
  for (size_t i = 0; i < 40; i++) {
    size_t width = i == 4 || i == 6 ? 2 : 4;
    for (size_t j = 0; j < width; j++)
      copy[i + j] = kinds.bytes[i + width - 1 - j];
    i += width - 1;
  }
  put_file(copy, length);
  free(copy);
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record r;
  assert_true(nvt_reader_open(path, &reader, &why));
  assert_int_equal(nvt_reader_next(reader, &r, &why), NVT_READ_OK);
  assert_int_equal(r.header.type, NVT_REC_META);
  assert_int_equal(nvt_reader_next(reader, &r, &why), NVT_READ_END);
  nvt_reader_close(reader);
}

static void *feed(void *arg) {
  int fd = *(int *)arg;
  for (size_t at = 0; at < kinds.length; at += 97) { /* in odd pieces */
    size_t part = kinds.length - at < 97 ? kinds.length - at : 97;
    if (write(fd, kinds.bytes + at, part) != (ssize_t)part)
      break;
  }
  close(fd);
  return NULL;
}

static void a_pipe_is_read(void **state) {
  (void)state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, feed, &ends[1]), 0);
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record r;
  assert_true(nvt_reader_open_file(fdopen(ends[0], "rb"), "a pipe", &reader, &why));
  for (size_t i = 0; i < kinds.count; i++) {
    assert_int_equal(nvt_reader_next(reader, &r, &why), NVT_READ_OK);
    assert_int_equal(r.offset, kinds.offsets[i]);
  }
  assert_int_equal(nvt_reader_next(reader, &r, &why), NVT_READ_END);
  nvt_reader_close(reader);
  pthread_join(thread, NULL);
}

static void what_is_written_is_what_is_read(void **state) {
  (void)state;
  struct nvt_writer *writer;
  struct nvt_reason why;
  unlink(path);
  assert_true(nvt_writer_open(path, &writer, &why));
  assert_int_equal(nvt_writer_write(writer, UINT64_MAX, "12345678", 8), -22);
  size_t written = 0;
  for (; kinds.offsets[written + 1] != 0 && written + 1 < kinds.count; written++) {
    const uint8_t *frame = kinds.bytes + kinds.offsets[written];
    uint32_t header[4];
    memcpy(header, frame, sizeof(header));
    if (header[2] != header[3])
      break; /* the snapped one: a writer doesn't */
    uint64_t time_ns = header[0] * 1000000000ull + header[1];
    assert_int_equal(nvt_writer_write(writer, time_ns, frame + 16, header[2]), 0);
  }
  assert_int_not_equal(access(path, F_OK), 0); /* not there before it is whole */
  assert_true(nvt_writer_close(writer, &why));
  FILE *file = fopen(path, "rb");
  uint8_t *bytes = malloc(kinds.length);
  size_t got = fread(bytes, 1, kinds.length, file);
  fclose(file);
  assert_int_equal(got, kinds.offsets[written]);
  assert_memory_equal(bytes, kinds.bytes, got);
  free(bytes);
  /* dropped: nothing is left, and the old file stands */
  assert_true(nvt_writer_open(path, &writer, &why));
  nvt_writer_abort(writer);
  assert_int_equal(access(path, F_OK), 0);
  unlink(path);
  assert_true(nvt_writer_open(path, &writer, &why));
  nvt_writer_abort(writer);
  assert_false(nvt_writer_open("/nowhere/x.pcap", &writer, &why));
  assert_non_null(strstr(why.text, "No such file"));
  assert_false(nvt_writer_open(folder, &writer, &why));
  assert_non_null(strstr(why.text, "Is a directory"));
  if (access("/dev/full", W_OK) == 0) {
    assert_true(nvt_writer_open("/dev/full", &writer, &why));
    assert_false(nvt_writer_close(writer, &why));
    assert_non_null(strstr(why.text, "No space left"));
  }
}

/* The checked-in file is what this format made when it was published. */
static void the_golden_file_is_unchanged(void **state) {
  (void)state;
  const char *golden = "tests/golden/all-kinds.pcap";
  if (getenv("UPDATE_GOLDEN") != NULL) {
    FILE *file = fopen(golden, "wb");
    assert_non_null(file);
    fwrite(kinds.bytes, 1, kinds.length, file);
    fclose(file);
  }
  FILE *file = fopen(golden, "rb");
  assert_non_null(file);
  uint8_t *bytes = malloc(kinds.length + 1);
  assert_int_equal(fread(bytes, 1, kinds.length + 1, file), kinds.length);
  fclose(file);
  assert_memory_equal(bytes, kinds.bytes, kinds.length);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_whole_file_is_read),
      cmocka_unit_test(a_file_cut_at_any_byte_is_read_up_to_there),
      cmocka_unit_test(what_is_no_trace_is_refused_with_a_reason),
      cmocka_unit_test(other_frames_are_passed_over),
      cmocka_unit_test(times_are_nanoseconds_up_to_2106),
      cmocka_unit_test(either_byte_order_of_headers_is_read),
      cmocka_unit_test(a_pipe_is_read),
      cmocka_unit_test(what_is_written_is_what_is_read),
      cmocka_unit_test(the_golden_file_is_unchanged),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
