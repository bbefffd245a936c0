/* SPDX-License-Identifier: BSD-2-Clause */
/* cut and merge of traces that end anywhere, or have any byte changed: what they write is a trace
 * that can be read, and they say by their exit status what became of it. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/table.h"
#include "trace/reader.h"

static char folder[] = "/tmp/nvmetap-edit.XXXXXX";
static char in[64], out[64];
static int nowhere, told; /* for messages, and where they would go */

static int command(const char *name, int argc, const char *const *argv) {
  char *copy[16];
  for (size_t i = 0; i < nvt_command_count(); i++) {
    const struct nvt_command *found = nvt_command_at(i);
    if (strcmp(found->name, name) != 0)
      continue;
    for (int a = 0; a < argc; a++)
      copy[a] = strdup(argv[a]);
    dup2(nowhere, STDERR_FILENO); /* what they say isn't looked at here */
    copy[argc] = NULL;
    int status = found->run(argc, copy);
    dup2(told, STDERR_FILENO);
    for (int a = 0; a < argc; a++)
      free(copy[a]);
    return status;
  }
  fail_msg("there is no subcommand %s", name);
  return -1;
}

static int cut(const char *records, const char *from, const char *to) {
  const char *const argv[] = {"cut", "-r", records, from, to};
  return command("cut", 5, argv);
}

static uint8_t *load(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  struct stat status;
  assert_int_equal(fstat(fileno(file), &status), 0);
  *size = (size_t)status.st_size;
  uint8_t *bytes = malloc(*size + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  fclose(file);
  return bytes;
}

static void store(const char *path, const uint8_t *bytes, size_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bytes, size), (ssize_t)size);
  close(fd);
}

/* Frames of a file that must be whole; -1: there is no such file. */
static int count(const char *path) {
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record record;
  int frames = 0;
  if (access(path, F_OK) != 0)
    return -1;
  assert_true(nvt_reader_open(path, &reader, &why));
  enum nvt_read read;
  while ((read = nvt_reader_next(reader, &record, &why)) == NVT_READ_OK || read == NVT_READ_FOREIGN)
    frames++;
  assert_int_equal(read, NVT_READ_END);
  nvt_reader_close(reader);
  return frames;
}

static int start(void **state) {
  (void)state;
  if (mkdtemp(folder) == NULL)
    return -1;
  snprintf(in, sizeof(in), "%s/in.pcap", folder);
  snprintf(out, sizeof(out), "%s/out.pcap", folder);
  nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  told = dup(STDERR_FILENO);
  return nowhere < 0 || told < 0 ? -1 : 0;
}

static int stop(void **state) {
  (void)state;
  close(nowhere);
  close(told);
  unlink(in);
  unlink(out);
  return rmdir(folder);
}

static uint8_t *piece_of(const char *range, size_t *size) {
  assert_int_equal(cut(range, "samples/driver.pcap", out), 0);
  return load(out, size);
}

/* Frames that are whole in the first `end` bytes; whether nothing follows the last of them. */
static int whole_frames(const uint8_t *bytes, size_t end, bool *clean) {
  int whole = 0;
  size_t at = 24;
  while (at + 16 <= end) {
    uint32_t captured;
    memcpy(&captured, bytes + at + 8, sizeof(captured));
    if (at + 16 + captured > end)
      break;
    at += 16 + captured;
    whole++;
  }
  *clean = end >= 24 && at == end;
  return whole;
}

static void ends_at(const uint8_t *bytes, size_t end) {
  const char *const merge[] = {"merge", "-w", out, in};
  bool clean;
  int whole = whole_frames(bytes, end, &clean);
  store(in, bytes, end);
  unlink(out);
  int status = cut("1-", in, out);
  int wanted = !clean ? NVT_EXIT_USAGE : whole == 0 ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
  assert_int_equal(status, wanted);
  assert_int_equal(count(out), whole != 0 ? whole : -1);
  unlink(out);
  status = command("merge", 4, merge);
  assert_int_equal(status, clean ? NVT_EXIT_OK : NVT_EXIT_USAGE);
  assert_int_equal(count(out), end >= 24 ? whole : -1);
}

static void ends_at_every_byte(void **state) {
  (void)state;
  size_t size;
  uint8_t *bytes = piece_of("1-16", &size);
  assert_in_range(size, 1000, 4096);
  for (size_t end = 0; end <= size; end++)
    ends_at(bytes, end);
  free(bytes);
  bytes = piece_of("900-910", &size); /* with a snapshot: not at each byte */
  for (size_t end = 0; end <= size; end += 29)
    ends_at(bytes, end);
  free(bytes);
}

/* Each byte of some records changed: nothing but the frames' own headers can make it unreadable. */
static void any_byte_changed(void **state) {
  (void)state;
  size_t size;
  uint8_t *bytes = piece_of("900-939", &size);
  const char *const options[][8] = {
      {"cut", "-r", "60-", in, out, NULL},
      {"cut", "--queue", "1", "-r", "50-", in, out, NULL},
      {"cut", "--nsid=1", "--whole", "-A", "0.001", in, out, NULL},
      {"cut", "--first-error", in, out, NULL},
      {"cut", "--first-finding", "-C3", in, out, NULL},
      {"merge", "-w", out, in, "samples/profiles/small-queues-naive.pcap", NULL},
  };
  size_t ways = sizeof(options) / sizeof(options[0]), tried = 0;
  for (size_t at = 24; at < size; at += 11) {
    const char *const *argv = options[tried++ % ways];
    uint8_t was = bytes[at];
    bytes[at] = (uint8_t)(was ^ (tried % 3 == 0 ? 0xff : 1u << tried % 8));
    store(in, bytes, size);
    bytes[at] = was;
    unlink(out);
    int argc = 0;
    while (argv[argc] != NULL)
      argc++;
    int status = command(argv[0], argc, argv);
    assert_in_range(status, 0, 2);
    if (status == NVT_EXIT_OK)
      assert_true(count(out) > 0);
    else
      (void)count(out); /* what is there can be read */
  }
  assert_true(tried > 400);
  free(bytes);
}

/* A record of every kind, before the piece and in it. */
static void every_kind(void **state) {
  (void)state;
  const char *trace = "tests/golden/all-kinds.pcap";
  int records = count(trace);
  assert_true(records > 30);
  for (int first = 1; first <= records; first++) {
    char range[32];
    snprintf(range, sizeof(range), "%d-", first);
    unlink(out);
    assert_int_equal(cut(range, trace, out), 0);
    int got = count(out);
    assert_true(got >= records - first + 1);
    assert_true(first != 1 || got == records);
    /* Of the piece's own, all is there again. */
    snprintf(range, sizeof(range), "%d-", got - (records - first));
    assert_int_equal(cut(range, out, in), 0);
    assert_true(count(in) >= records - first + 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ends_at_every_byte),
      cmocka_unit_test(any_byte_changed),
      cmocka_unit_test(every_kind),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
