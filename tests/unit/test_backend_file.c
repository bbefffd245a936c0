/* SPDX-License-Identifier: BSD-2-Clause */
/* The file backend: many requests at once, and files that misbehave. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "controller/backend_loop_int.h"
#include "controller/namespace.h"

#define SIZE (8u << 20)
#define BLOCK 512u

struct fixture {
  char path[64];
  char description[128];
  int fd; /* the test's own, to spoil the file */
  struct nvt_backend_loop *loop;
  struct nvt_namespace *ns;
};

static int make(void **state, bool blocking) {
  static struct fixture f;
  f = (struct fixture){.path = "/tmp/nvmetap-file-XXXXXX"};
  f.fd = mkstemp(f.path);
  assert_true(f.fd >= 0);
  assert_int_equal(ftruncate(f.fd, SIZE), 0);
  snprintf(f.description, sizeof(f.description), "file:%s", f.path);
  char why[256];
  if (blocking)
    assert_int_equal(nvt_backend_loop_create_blocking(&f.loop), 0);
  assert_int_equal(nvt_namespace_create(f.description, &f.loop, &f.ns, why, sizeof(why)), 0);
  *state = &f;
  return 0;
}

static int set_up(void **state) {
  return make(state, false);
}

/* As where io_uring is forbidden. */
static int set_up_blocking(void **state) {
  return make(state, true);
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  nvt_backend_drain(f->loop);
  nvt_namespace_destroy(f->ns);
  nvt_backend_loop_destroy(f->loop);
  close(f->fd);
  unlink(f->path);
  return 0;
}

static void done(struct nvt_io *io, nvt_status status) {
  *(int *)io->user = status;
}

static int request(struct fixture *f, enum nvt_io_kind kind, uint64_t offset, uint64_t length,
                   void *data) {
  int status = -1;
  struct iovec iov = {data, length};
  struct nvt_io io = {.kind = kind,
                      .offset = offset,
                      .length = length,
                      .iov = &iov,
                      .iovcnt = data != NULL,
                      .done = done,
                      .user = &status};
  nvt_namespace_submit(f->ns, &io);
  nvt_backend_drain(f->loop);
  assert_int_not_equal(status, -1);
  return status;
}

/* --- 1000 random requests against a shadow copy --- */

#define SLOTS 64u
#define SLOT_SIZE (SIZE / SLOTS) /* each slot has its own blocks, so order doesn't matter */

struct slot {
  struct nvt_io io;
  struct iovec iov[8];
  uint8_t data[SLOT_SIZE];
  bool busy;
  bool differs; /* COMPARE was given one wrong byte */
};

static uint8_t shadow[SIZE];
static struct slot slots[SLOTS];
static uint64_t dice = 1;
static unsigned completed;

static uint64_t roll(uint64_t below) {
  dice ^= dice << 13;
  dice ^= dice >> 7;
  dice ^= dice << 17;
  return dice % below;
}

static void random_done(struct nvt_io *io, nvt_status status) {
  struct slot *slot = io->user;
  assert_true(slot->busy);
  slot->busy = false;
  completed++;
  assert_int_equal(status, slot->differs ? NVT_SC_COMPARE_FAILURE : NVT_SC_SUCCESS);
  if (io->kind == NVT_IO_READ)
    assert_memory_equal(slot->data, shadow + io->offset, io->length);
}

static void start_random(struct fixture *f, unsigned at) {
  struct slot *slot = &slots[at];
  uint64_t first = roll(SLOT_SIZE / BLOCK);
  uint64_t length = (1 + roll(SLOT_SIZE / BLOCK - first)) * BLOCK;
  uint64_t offset = at * SLOT_SIZE + first * BLOCK;
  slot->busy = true;
  slot->differs = false;
  slot->io = (struct nvt_io){.kind = (enum nvt_io_kind)roll(NVT_IO_DEALLOCATE + 1),
                             .offset = offset,
                             .length = length,
                             .fua = roll(2) == 0,
                             .iov = slot->iov,
                             .done = random_done,
                             .user = slot};
  uint8_t *mine = shadow + offset;
  switch (slot->io.kind) {
  case NVT_IO_WRITE:
    for (uint64_t i = 0; i < length; i++)
      mine[i] = slot->data[i] = (uint8_t)roll(256);
    break;
  case NVT_IO_COMPARE:
    memcpy(slot->data, mine, length);
    slot->differs = roll(2) == 0;
    if (slot->differs)
      slot->data[roll(length)] ^= 0x10;
    break;
  case NVT_IO_WRITE_ZEROES:
  case NVT_IO_DEALLOCATE:
    memset(mine, 0, length);
    break;
  case NVT_IO_READ:
    memset(slot->data, 0xaa, length);
    break;
  case NVT_IO_FLUSH:
    break;
  }
  bool has_data = slot->io.kind <= NVT_IO_COMPARE;
  uint64_t used = 0;
  for (unsigned i = 0; has_data && i < 8 && used < length; i++) {
    uint64_t piece = i == 7 ? length - used : 1 + roll(length - used);
    slot->iov[i] = (struct iovec){slot->data + used, piece};
    slot->io.iovcnt++;
    used += piece;
  }
  nvt_namespace_submit(f->ns, &slot->io);
}

static void random_requests_agree_with_a_shadow(void **state) {
  struct fixture *f = *state;
  unsigned started = 0;
  memset(shadow, 0, SIZE);
  completed = 0;
  while (completed < 1000) {
    for (unsigned i = 0; i < SLOTS; i++)
      if (!slots[i].busy && started < 1000) {
        start_random(f, i);
        started++;
      }
    assert_int_equal(nvt_backend_in_flight(f->loop), started - completed);
    if (nvt_backend_poll(f->loop) == 0) {
      struct pollfd fd = {nvt_backend_event_fd(f->loop), POLLIN, 0};
      assert_int_equal(poll(&fd, 1, 10000), 1); /* the event tells of completions */
    }
  }
  assert_int_equal(nvt_backend_in_flight(f->loop), 0);
  assert_int_equal(nvt_backend_poll(f->loop), 0);
  static uint8_t all[SIZE];
  assert_int_equal(pread(f->fd, all, SIZE, 0), SIZE);
  assert_memory_equal(all, shadow, SIZE);
}

/* --- more at once than the rings hold --- */

#define MANY 10000u
static struct nvt_io many[MANY];
static struct iovec many_iov[MANY];
static uint8_t many_data[MANY][BLOCK];

static void count_done(struct nvt_io *io, nvt_status status) {
  assert_int_equal(status, NVT_SC_SUCCESS);
  ++*(unsigned *)io->user;
}

static void more_than_the_rings_hold(void **state) {
  struct fixture *f = *state;
  unsigned count = 0;
  for (unsigned i = 0; i < MANY; i++) {
    memset(many_data[i], (int)(i % 251 + 1), BLOCK);
    many_iov[i] = (struct iovec){many_data[i], BLOCK};
    many[i] = (struct nvt_io){.kind = NVT_IO_WRITE,
                              .offset = (uint64_t)i * BLOCK,
                              .length = BLOCK,
                              .iov = &many_iov[i],
                              .iovcnt = 1,
                              .done = count_done,
                              .user = &count};
    nvt_namespace_submit(f->ns, &many[i]);
  }
  assert_int_equal(count, 0); /* not from submit itself */
  assert_int_equal(nvt_backend_in_flight(f->loop), MANY);
  nvt_backend_drain(f->loop);
  assert_int_equal(count, MANY);
  static uint8_t got[BLOCK];
  for (unsigned i = 0; i < MANY; i++) {
    assert_int_equal(pread(f->fd, got, BLOCK, (off_t)i * BLOCK), BLOCK);
    assert_memory_equal(got, many_data[i], BLOCK);
  }
}

static void more_vectors_than_one_call_takes(void **state) {
  struct fixture *f = *state;
  static struct iovec iov[2500];
  static uint8_t out[2500 * 4096 / 4], back[sizeof(out)];
  size_t piece = sizeof(out) / 2500;
  for (size_t i = 0; i < sizeof(out); i++)
    out[i] = (uint8_t)(i * 31 + (i >> 9));
  /* The caller's array may be changed, so it is made for each request. */
  for (enum nvt_io_kind kind = NVT_IO_READ; kind <= NVT_IO_COMPARE; kind++) {
    /* WRITE first, then READ, then COMPARE */
    enum nvt_io_kind now = kind == NVT_IO_READ    ? NVT_IO_WRITE
                           : kind == NVT_IO_WRITE ? NVT_IO_READ
                                                  : NVT_IO_COMPARE;
    int status = -1;
    for (unsigned i = 0; i < 2500; i++)
      iov[i] = (struct iovec){(now == NVT_IO_READ ? back : out) + i * piece, piece};
    struct nvt_io io = {.kind = now,
                        .length = sizeof(out),
                        .iov = iov,
                        .iovcnt = 2500,
                        .done = done,
                        .user = &status};
    nvt_namespace_submit(f->ns, &io);
    nvt_backend_drain(f->loop);
    assert_int_equal(status, NVT_SC_SUCCESS);
  }
  assert_memory_equal(out, back, sizeof(out));
}

/* --- files that misbehave --- */

static void a_truncated_file_is_a_read_error(void **state) {
  struct fixture *f = *state;
  static uint8_t data[SIZE];
  assert_int_equal(request(f, NVT_IO_READ, 0, SIZE, data), NVT_SC_SUCCESS);
  assert_int_equal(ftruncate(f->fd, SIZE / 2 + 100), 0);
  assert_int_equal(request(f, NVT_IO_READ, 0, SIZE / 2, data), NVT_SC_SUCCESS);
  assert_int_equal(request(f, NVT_IO_READ, SIZE / 2, BLOCK, data), NVT_SC_UNRECOVERED_READ_ERROR);
  assert_int_equal(request(f, NVT_IO_READ, 0, SIZE, data), NVT_SC_UNRECOVERED_READ_ERROR);
  assert_int_equal(request(f, NVT_IO_COMPARE, 0, SIZE, data), NVT_SC_UNRECOVERED_READ_ERROR);
  assert_int_equal(request(f, NVT_IO_READ, SIZE - BLOCK, BLOCK, data),
                   NVT_SC_UNRECOVERED_READ_ERROR);
  /* Writing it again heals it. */
  assert_int_equal(request(f, NVT_IO_WRITE, SIZE - BLOCK, BLOCK, data), NVT_SC_SUCCESS);
  assert_int_equal(request(f, NVT_IO_READ, 0, SIZE, data), NVT_SC_SUCCESS);
}

static void a_full_disk_is_capacity_exceeded(void **state) {
  struct fixture *f = *state;
  static uint8_t data[SIZE];
  struct rlimit before, limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  limit = (struct rlimit){.rlim_cur = SIZE / 2, .rlim_max = before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  assert_int_equal(request(f, NVT_IO_WRITE, SIZE / 2 - BLOCK, BLOCK, data), NVT_SC_SUCCESS);
  assert_int_equal(request(f, NVT_IO_WRITE, SIZE / 2, BLOCK, data), NVT_SC_CAPACITY_EXCEEDED);
  /* The first half goes in, then the error comes: a short write continued. */
  memset(data, 7, SIZE);
  assert_int_equal(request(f, NVT_IO_WRITE, 0, SIZE, data), NVT_SC_CAPACITY_EXCEEDED);
  /* A namespace larger than the limit isn't taken at all: its write would be a signal. */
  struct nvt_namespace *ns = NULL;
  char other[] = "/tmp/nvmetap-file-XXXXXX", description[64], why[256];
  int fd = mkstemp(other);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, SIZE / 2), 0);
  snprintf(description, sizeof(description), "file:%s", other);
  assert_int_equal(nvt_namespace_create(description, &f->loop, &ns, why, sizeof(why)), 0);
  nvt_namespace_destroy(ns);
  limit.rlim_cur = SIZE / 2 - 1;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  assert_int_equal(nvt_namespace_create(description, &f->loop, &ns, why, sizeof(why)), -EFBIG);
  assert_non_null(strstr(why, "ulimit -f unlimited"));
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  close(fd);
  unlink(other);
  assert_int_equal(pread(f->fd, data, 1, SIZE / 2 - 1), 1);
  assert_int_equal(data[0], 7);
}

static void memory_that_is_gone_is_a_transfer_error(void **state) {
  struct fixture *f = *state;
  uint8_t *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(gone != MAP_FAILED);
  assert_int_equal(request(f, NVT_IO_READ, 0, 4096, gone), NVT_SC_DATA_TRANSFER_ERROR);
  assert_int_equal(request(f, NVT_IO_WRITE, 0, 4096, gone), NVT_SC_DATA_TRANSFER_ERROR);
  munmap(gone, 4096);
}

static void a_file_has_one_writer(void **state) {
  struct fixture *f = *state;
  struct nvt_namespace *second = NULL;
  char why[256], readonly[160];
  snprintf(readonly, sizeof(readonly), "%s,readonly", f->description);
  assert_int_equal(nvt_namespace_create(f->description, &f->loop, &second, why, sizeof(why)),
                   -EBUSY);
  assert_non_null(strstr(why, "in use"));
  assert_int_equal(nvt_namespace_create(readonly, &f->loop, &second, why, sizeof(why)), -EBUSY);
  nvt_namespace_destroy(f->ns);
  f->ns = NULL;
  struct nvt_namespace *third = NULL;
  assert_int_equal(nvt_namespace_create(readonly, &f->loop, &second, why, sizeof(why)), 0);
  assert_int_equal(nvt_namespace_create(readonly, &f->loop, &third, why, sizeof(why)), 0);
  nvt_namespace_destroy(second);
  nvt_namespace_destroy(third);
}

static void sizes_of_files(void **state) {
  struct fixture *f = *state;
  nvt_namespace_destroy(f->ns);
  f->ns = NULL;
  static const struct {
    off_t size;
    const char *options;
    uint64_t blocks; /* 0: refused */
    const char *says;
  } cases[] = {
      {0, "", 0, "is empty"},
      {511, "", 0, "less than a block"},
      {512, "", 1, NULL},
      {513, "", 0, "the next below is 512"},
      {4095, ",block=4096", 0, "less than a block"},
      {4096, ",block=4096", 1, NULL},
      {4097, ",block=4096", 0, "the next below is 4096"},
      {8192, ",block=4096,readonly", 2, NULL},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char text[160], why[256] = "";
    struct nvt_namespace *ns = NULL;
    assert_int_equal(ftruncate(f->fd, cases[i].size), 0);
    snprintf(text, sizeof(text), "%s%s", f->description, cases[i].options);
    int result = nvt_namespace_create(text, &f->loop, &ns, why, sizeof(why));
    if (cases[i].blocks == 0) {
      assert_int_equal(result, -EINVAL);
      assert_non_null(strstr(why, cases[i].says));
      continue;
    }
    assert_int_equal(result, 0);
    struct nvt_namespace_geometry geometry;
    nvt_namespace_geometry(ns, &geometry);
    assert_int_equal(geometry.blocks, cases[i].blocks);
    nvt_namespace_destroy(ns);
  }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define BLOCKING(name) cmocka_unit_test_setup_teardown(name, set_up_blocking, tear_down)
#define BOTH(name) TEST(name), BLOCKING(name)
  const struct CMUnitTest tests[] = {
      BOTH(random_requests_agree_with_a_shadow),
      BOTH(more_than_the_rings_hold),
      BOTH(more_vectors_than_one_call_takes),
      BOTH(a_truncated_file_is_a_read_error),
      BOTH(a_full_disk_is_capacity_exceeded),
      BOTH(memory_that_is_gone_is_a_transfer_error),
      BOTH(a_file_has_one_writer),
      BOTH(sizes_of_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
