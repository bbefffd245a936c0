/* SPDX-License-Identifier: BSD-2-Clause */
/* Namespaces: sizes, descriptions, and that every kind keeps the same promises. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/namespace.h"

static void sizes(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint64_t bytes; /* 0: refused */
  } cases[] = {
      {"1", 1},
      {"512", 512},
      {"4k", 4096},
      {"4K", 4096},
      {"64M", 64ULL << 20},
      {"1G", 1ULL << 30},
      {"1T", 1ULL << 40},
      {"9223372036854775806", INT64_MAX - 1},
      {"9223372036854775807", INT64_MAX},
      {"9223372036854775808", 0},
      {"8388607T", 8388607ULL << 40},
      {"8388608T", 0},
      {"18446744073709551616", 0},
      {"99999999999999999999999", 0},
      {"", 0},
      {"0", 0},
      {"0M", 0},
      {"-1", 0},
      {"+1", 0},
      {" 1", 0},
      {"1 ", 0},
      {"M", 0},
      {"1X", 0},
      {"1MB", 0},
      {"1.5G", 0},
      {"0x10", 0},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    uint64_t bytes = 0;
    bool good = nvt_parse_size(cases[i].text, &bytes);
    if (good != (cases[i].bytes != 0) || bytes != cases[i].bytes)
      fail_msg("'%s' gave %d, %llu", cases[i].text, good, (unsigned long long)bytes);
  }
}

static void bad_descriptions_are_explained(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {"", "give ram:SIZE"},
      {"ram", "give ram:SIZE"},
      {"rom:1M", "give ram:SIZE"},
      {"ram:", "is not a size"},
      {"ram:1X", "is not a size"},
      {"ram:511", "less than a block"},
      {"ram:513", "the next below is 512"},
      {"null:4095,block=4096", "less than a block of 4096"},
      {"null:4097,block=4096", "the next below is 4096"},
      {"ram:1M,block=513", "only 512 and 4096"},
      {"ram:1M,block=", "only 512 and 4096"},
      {"ram:1M,blocks=512", "unknown option 'blocks=512'"},
      {"ram:1M,", "unknown option ''"},
      {"ram:1M,readonly,readwrite", "unknown option 'readwrite'"},
      {"ram:8388607T", "can't reserve"},
      {"file:", "needs a path"},
      {"file:/nonexistent/file", "No such file"},
      {"file:/", "regular file or a block device"},
      {"file:/dev/null", "neither a regular file nor a block device"},
      {"file:/dev/full", "neither a regular file nor a block device"},
  };
  struct nvt_backend_loop *loop = NULL;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct nvt_namespace *ns = NULL;
    char why[256] = "";
    int result = nvt_namespace_create(cases[i].text, &loop, &ns, why, sizeof(why));
    if (result >= 0 || strstr(why, cases[i].says) == NULL)
      fail_msg("'%s' gave %d and '%s'", cases[i].text, result, why);
    assert_null(ns);
    /* A message that doesn't fit is cut, never overrun. */
    char little[8] = "1234567";
    assert_true(nvt_namespace_create(cases[i].text, &loop, &ns, little, 4) < 0);
    assert_int_equal(little[3], 0);
    assert_int_equal(little[4], '5');
    assert_true(nvt_namespace_create(cases[i].text, &loop, &ns, NULL, 0) < 0);
  }
  assert_null(loop);
}

struct fixture {
  char path[64];
  struct nvt_backend_loop *loop;
  struct nvt_namespace *ns;
  struct nvt_namespace_geometry geometry;
};

static void take(struct fixture *f, const char *description) {
  char why[256] = "";
  if (nvt_namespace_create(description, &f->loop, &f->ns, why, sizeof(why)) != 0)
    fail_msg("%s: %s", description, why);
  nvt_namespace_geometry(f->ns, &f->geometry);
  assert_string_equal(nvt_namespace_description(f->ns), description);
}

static void give(struct fixture *f) {
  nvt_namespace_destroy(f->ns);
  nvt_backend_loop_destroy(f->loop);
  f->ns = NULL;
  f->loop = NULL;
}

static void done(struct nvt_io *io, nvt_status status) {
  *(int *)io->user = status;
}

/* One request, waited for; its status. */
static int request(struct fixture *f, enum nvt_io_kind kind, uint64_t offset, uint64_t length,
                   struct iovec *iov, unsigned iovcnt, bool fua) {
  int status = -1;
  struct nvt_io io = {.kind = kind,
                      .offset = offset,
                      .length = length,
                      .iov = iov,
                      .iovcnt = iovcnt,
                      .fua = fua,
                      .done = done,
                      .user = &status};
  nvt_namespace_submit(f->ns, &io);
  if (!f->geometry.asynchronous)
    assert_int_not_equal(status, -1);
  nvt_backend_drain(f->loop);
  assert_int_not_equal(status, -1);
  assert_int_equal(nvt_backend_in_flight(f->loop), 0);
  return status;
}

static int simple(struct fixture *f, enum nvt_io_kind kind, uint64_t offset, uint64_t length,
                  void *data) {
  struct iovec iov = {data, length};
  return request(f, kind, offset, length, &iov, data == NULL ? 0 : 1, false);
}

#define SIZE (1u << 20)
static uint8_t buffer[SIZE], expected[SIZE], zero[SIZE];

static void pattern(uint8_t *out, size_t length, unsigned seed) {
  for (size_t i = 0; i < length; i++)
    out[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

/* What any backend that keeps data promises. */
static void promises(struct fixture *f) {
  uint32_t block = f->geometry.block_size;
  assert_int_equal(f->geometry.blocks * block, SIZE);

  memset(buffer, 0xee, SIZE);
  assert_int_equal(simple(f, NVT_IO_READ, 0, SIZE, buffer), NVT_SC_SUCCESS);
  assert_memory_equal(buffer, zero, SIZE);

  pattern(expected, SIZE, 1);
  assert_int_equal(simple(f, NVT_IO_WRITE, 0, SIZE, expected), NVT_SC_SUCCESS);
  assert_int_equal(simple(f, NVT_IO_READ, 0, SIZE, buffer), NVT_SC_SUCCESS);
  assert_memory_equal(buffer, expected, SIZE);

  /* The last block, alone. */
  pattern(expected + SIZE - block, block, 99);
  assert_int_equal(simple(f, NVT_IO_WRITE, SIZE - block, block, expected + SIZE - block), 0);
  assert_int_equal(simple(f, NVT_IO_READ, SIZE - block, block, buffer), 0);
  assert_memory_equal(buffer, expected + SIZE - block, block);

  /* Scattered, with pieces of odd lengths, FUA; then compared in other pieces. */
  uint8_t pieces[3 * 4096 + 1];
  pattern(pieces, sizeof(pieces), 5);
  struct iovec scattered[] = {
      {pieces + 1, 3}, {pieces + 100, 0}, {pieces + 200, 4093}, {pieces + 5000, 4096}};
  memcpy(expected + 8192, pieces + 1, 3);
  memcpy(expected + 8195, pieces + 200, 4093);
  memcpy(expected + 8192 + 4096, pieces + 5000, 4096);
  assert_int_equal(request(f, NVT_IO_WRITE, 8192, 8192, scattered, 4, true), 0);
  struct iovec halves[] = {{expected + 8192, 4000}, {expected + 12192, 4192}};
  assert_int_equal(request(f, NVT_IO_COMPARE, 8192, 8192, halves, 2, false), 0);

  /* Compare: all of it, and with one byte of the first and the last wrong. */
  memcpy(buffer, expected, SIZE);
  assert_int_equal(simple(f, NVT_IO_COMPARE, 0, SIZE, buffer), NVT_SC_SUCCESS);
  buffer[SIZE - 1] ^= 1;
  assert_int_equal(simple(f, NVT_IO_COMPARE, 0, SIZE, buffer), NVT_SC_COMPARE_FAILURE);
  buffer[SIZE - 1] ^= 1;
  buffer[0] ^= 1;
  assert_int_equal(simple(f, NVT_IO_COMPARE, 0, SIZE, buffer), NVT_SC_COMPARE_FAILURE);

  assert_int_equal(simple(f, NVT_IO_FLUSH, 0, 0, NULL), NVT_SC_SUCCESS);

  /* Zeroes, and only where asked: below, at and above a page. */
  for (unsigned fua = 0; fua < 2; fua++)
    for (enum nvt_io_kind kind = NVT_IO_WRITE_ZEROES; kind <= NVT_IO_DEALLOCATE; kind++)
      for (uint64_t length = block; length <= 65536 + block; length += 65536 / 4) {
        uint64_t offset = 300 * 512 / block * block + block;
        pattern(expected, SIZE, (unsigned)length + fua);
        assert_int_equal(simple(f, NVT_IO_WRITE, 0, SIZE, expected), 0);
        assert_int_equal(request(f, kind, offset, length, NULL, 0, fua), 0);
        memset(expected + offset, 0, length);
        assert_int_equal(simple(f, NVT_IO_READ, 0, SIZE, buffer), 0);
        assert_memory_equal(buffer, expected, SIZE);
      }
  assert_int_equal(simple(f, NVT_IO_WRITE_ZEROES, 0, SIZE, NULL), 0);
  assert_int_equal(simple(f, NVT_IO_READ, 0, SIZE, buffer), 0);
  assert_memory_equal(buffer, zero, SIZE);
}

static void ram_keeps_data(void **state) {
  (void)state;
  struct fixture f = {0};
  take(&f, "ram:1M");
  assert_int_equal(f.geometry.block_size, 512);
  assert_false(f.geometry.asynchronous);
  promises(&f);
  give(&f);
  take(&f, "ram:1M,block=4096");
  assert_int_equal(f.geometry.block_size, 4096);
  promises(&f);
  give(&f);
  assert_null(f.loop);
}

static void file_keeps_data(void **state) {
  (void)state;
  /* tmpfs has no ZERO_RANGE, so zeroes are written there. */
  static const char *const places[] = {"/tmp", "/dev/shm"};
  for (size_t i = 0; i < 2; i++)
    for (unsigned big = 0; big < 2; big++) {
      struct fixture f = {0};
      char description[128];
      snprintf(f.path, sizeof(f.path), "%s/nvmetap,backend-XXXXXX", places[i]);
      int fd = mkstemp(f.path);
      assert_true(fd >= 0);
      assert_int_equal(ftruncate(fd, SIZE), 0);
      const char *comma = strchr(f.path, ',');
      snprintf(description, sizeof(description), "file:%.*s,,%s%s", (int)(comma - f.path), f.path,
               comma + 1, big ? ",block=4096" : "");
      take(&f, description);
      assert_true(f.geometry.asynchronous);
      assert_true(nvt_backend_event_fd(f.loop) >= 0);
      promises(&f);
      give(&f);
      close(fd);
      unlink(f.path);
    }
}

static void readonly_refuses_writes(void **state) {
  (void)state;
  struct fixture f = {0};
  take(&f, "ram:1M,readonly");
  assert_true(f.geometry.readonly);
  assert_int_equal(simple(&f, NVT_IO_READ, 0, 512, buffer), 0);
  assert_int_equal(simple(&f, NVT_IO_COMPARE, 0, 512, zero), 0);
  assert_int_equal(simple(&f, NVT_IO_FLUSH, 0, 0, NULL), 0);
  assert_int_equal(simple(&f, NVT_IO_WRITE, 0, 512, buffer), NVT_SC_NAMESPACE_WRITE_PROTECTED);
  assert_int_equal(simple(&f, NVT_IO_WRITE_ZEROES, 0, 512, NULL), NVT_SC_NAMESPACE_WRITE_PROTECTED);
  assert_int_equal(simple(&f, NVT_IO_DEALLOCATE, 0, 512, NULL), NVT_SC_NAMESPACE_WRITE_PROTECTED);
  give(&f);
}

static void null_touches_nothing(void **state) {
  (void)state;
  struct fixture f = {0};
  take(&f, "null:8388607T,block=4096");
  assert_true(f.geometry.blocks == (8388607ULL << 40) / 4096);
  memset(buffer, 0xee, 4096);
  memset(expected, 0xee, 4096);
  assert_int_equal(simple(&f, NVT_IO_READ, 0, 4096, buffer), 0);
  assert_memory_equal(buffer, expected, 4096);
  assert_int_equal(simple(&f, NVT_IO_WRITE, (8388607ULL << 40) - 4096, 4096, buffer), 0);
  assert_int_equal(simple(&f, NVT_IO_COMPARE, 0, 4096, buffer), NVT_SC_COMPARE_FAILURE);
  assert_int_equal(simple(&f, NVT_IO_DEALLOCATE, 0, 4096, NULL), 0);
  give(&f);
}

/* Grown and shrunk by a block, by pages and by much: what is in both sizes stays, what is new
 * reads as zeroes, what is no size is refused and changes nothing. */
static void resizes(struct fixture *f) {
  static uint8_t kept[3 * SIZE], got[3 * SIZE];
  const uint32_t block = f->geometry.block_size;
  const uint64_t sizes[] = {SIZE,          SIZE + block,    SIZE - block,    SIZE,
                            65536 + block, 65536,           3 * SIZE,        block,
                            2 * block,     4096 * 3 - 4096, 2 * SIZE + 4096, 2 * SIZE + 4096};
  uint64_t size = SIZE;
  char why[256];
  memset(kept, 0, sizeof(kept));
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    pattern(kept, size, (unsigned)i);
    assert_int_equal(simple(f, NVT_IO_WRITE, 0, size, kept), 0);
    const uint64_t refused[] = {0,          block - 1,  sizes[i] - 1,       sizes[i] + 1,
                                1ULL << 63, UINT64_MAX, 0 - (uint64_t)block};
    for (size_t j = 0; j < sizeof(refused) / sizeof(refused[0]); j++) {
      why[0] = '\0';
      assert_true(nvt_namespace_resize(f->ns, refused[j], why, sizeof(why)) < 0);
      assert_true(strlen(why) > 10);
      nvt_namespace_geometry(f->ns, &f->geometry);
      assert_int_equal(f->geometry.blocks, size / block);
    }
    assert_int_equal(nvt_namespace_resize(f->ns, sizes[i], why, sizeof(why)), 0);
    nvt_namespace_geometry(f->ns, &f->geometry);
    assert_int_equal(f->geometry.blocks, sizes[i] / block);
    if (sizes[i] < size)
      memset(kept + sizes[i], 0, size - sizes[i]);
    size = sizes[i];
    memset(got, 0xee, sizeof(got));
    assert_int_equal(simple(f, NVT_IO_READ, 0, size, got), 0);
    assert_memory_equal(got, kept, size);
  }
}

static void namespaces_are_resized(void **state) {
  (void)state;
  char why[256] = "";
  for (unsigned big = 0; big < 2; big++) {
    struct fixture f = {0};
    take(&f, big ? "ram:1M,block=4096" : "ram:1M");
    resizes(&f);
    /* More than any address space has. */
    assert_int_equal(nvt_namespace_resize(f.ns, 1ULL << 62, why, sizeof(why)), -ENOMEM);
    assert_non_null(strstr(why, "take less"));
    assert_int_equal(simple(&f, NVT_IO_READ, 2 * SIZE, 4096, buffer), 0);
    give(&f);
    char description[128];
    strcpy(f.path, "/tmp/nvmetap-backend-XXXXXX");
    int fd = mkstemp(f.path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    snprintf(description, sizeof(description), "file:%s%s", f.path, big ? ",block=4096" : "");
    take(&f, description);
    resizes(&f);
    assert_int_equal(lseek(fd, 0, SEEK_END), 2 * SIZE + 4096);
    give(&f);
    /* One that is only read: as far as the file goes, which stays as it is. */
    snprintf(description, sizeof(description), "file:%s,readonly", f.path);
    take(&f, description);
    assert_int_equal(nvt_namespace_resize(f.ns, SIZE, why, sizeof(why)), 0);
    assert_int_equal(nvt_namespace_resize(f.ns, 2 * SIZE + 4096, why, sizeof(why)), 0);
    assert_int_equal(nvt_namespace_resize(f.ns, 2 * SIZE + 4608, why, sizeof(why)), -ENOSPC);
    assert_non_null(strstr(why, "only read"));
    assert_int_equal(lseek(fd, 0, SEEK_END), 2 * SIZE + 4096);
    give(&f);
    close(fd);
    unlink(f.path);
  }
  struct fixture f = {0};
  take(&f, "null:1M");
  assert_int_equal(nvt_namespace_resize(f.ns, INT64_MAX / 512 * 512, why, sizeof(why)), 0);
  assert_int_equal(nvt_namespace_resize(f.ns, 1ULL << 63, why, sizeof(why)), -EFBIG);
  assert_int_equal(nvt_namespace_resize(f.ns, 512, why, sizeof(why)), 0);
  assert_int_equal(nvt_namespace_resize(f.ns, 511, why, sizeof(why)), -EINVAL);
  assert_int_equal(nvt_namespace_resize(f.ns, 513, why, sizeof(why)), -EINVAL);
  nvt_namespace_geometry(f.ns, &f.geometry);
  assert_int_equal(f.geometry.blocks, 1);
  give(&f);
}

static uint64_t resident(void) {
  unsigned long long total, pages = 0;
  FILE *statm = fopen("/proc/self/statm", "r");
  assert_non_null(statm);
  assert_int_equal(fscanf(statm, "%llu %llu", &total, &pages), 2);
  fclose(statm);
  return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void a_terabyte_of_ram_costs_what_is_written(void **state) {
  (void)state;
  struct fixture f = {0};
  take(&f, "ram:1T");
  assert_int_equal(simple(&f, NVT_IO_WRITE, (1ULL << 40) - 512, 512, buffer), 0);
  uint64_t before = resident();
  for (uint64_t i = 0; i < 64; i++)
    assert_int_equal(simple(&f, NVT_IO_WRITE, (1ULL << 30) + i * SIZE, SIZE, buffer), 0);
  uint64_t written = resident();
  assert_true(written - before > 48 * SIZE);
  assert_int_equal(simple(&f, NVT_IO_DEALLOCATE, 1ULL << 30, 64ULL * SIZE, NULL), 0);
  assert_true(resident() < before + 16 * SIZE);
  give(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes),
      cmocka_unit_test(bad_descriptions_are_explained),
      cmocka_unit_test(ram_keeps_data),
      cmocka_unit_test(file_keeps_data),
      cmocka_unit_test(readonly_refuses_writes),
      cmocka_unit_test(null_touches_nothing),
      cmocka_unit_test(namespaces_are_resized),
      cmocka_unit_test(a_terabyte_of_ram_costs_what_is_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
