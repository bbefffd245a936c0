/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in driver as the sender of others' commands, against a device that may misbehave. */
#include "tests/unit/fake_nvme.h"

#include <stdio.h>
#include <time.h>

#include "controller/driver/sender.h"

static struct nvt_sender *open_sender(struct fake *f, uint32_t queues, uint32_t depth,
                                      uint32_t bytes) {
  const struct nvt_sender_setup setup = {
      .queues = queues, .depth = depth, .bytes = bytes, .timeout = 0.2};
  char why[256];
  struct nvt_sender *s = nvt_sender_open(&f->transport, &setup, why, sizeof(why));
  if (s == NULL)
    fail_msg("%s", why);
  return s;
}

static struct nvt_sqe io(bool write, uint64_t lba, uint32_t blocks) {
  return (struct nvt_sqe){.opcode = write ? NVT_NVM_WRITE : NVT_NVM_READ,
                          .nsid = 1,
                          .cid = 0x1234, /* is made another */
                          .cdw10 = (uint32_t)lba,
                          .cdw12 = blocks - 1};
}

static void fill(uint8_t *data, size_t length, unsigned salt) {
  for (size_t i = 0; i < length; i++)
    data[i] = (uint8_t)(i * 7 + i / 251 + salt);
}

/* Writes, then reads, of `bytes` each, as many outstanding as there may be, over all queues. */
static void round_trip(struct fake *f, uint32_t queues, uint32_t depth, uint32_t bytes) {
  const unsigned most = (unsigned)(f->store_len / bytes), count = most < 100 ? most : 100;
  struct nvt_sender *s = open_sender(f, queues, depth, bytes);
  uint8_t *expected = malloc(bytes);
  assert_non_null(expected);
  assert_int_equal(nvt_sender_queues(s), queues);
  assert_int_equal(nvt_sender_bytes(s), bytes);
  for (unsigned reading = 0; reading < 2; reading++) {
    unsigned sent = 0, done = 0, which[NVT_SENDER_DEPTH_MAX];
    while (done < count) {
      int slot;
      unsigned deep = 0;
      while (sent < count && (slot = nvt_sender_take(s)) >= 0) {
        struct nvt_sqe sqe = io(!reading, sent * (bytes / 512), bytes / 512);
        which[slot] = sent;
        if (!reading)
          fill(nvt_sender_buffer(s, (unsigned)slot), bytes, sent);
        assert_true(nvt_sender_submit(s, (unsigned)slot, sent++ % queues, &sqe, bytes));
        deep++;
      }
      assert_int_equal(deep, sent == count && count % depth != 0 ? count % depth : depth);
      nvt_sender_ring(s);
      unsigned got;
      nvt_status status;
      uint32_t dw0;
      for (unsigned i = 0; i < deep; i++) {
        assert_int_equal(nvt_sender_reap(s, &got, &status, &dw0), 1);
        assert_int_equal(status, NVT_SC_SUCCESS);
        fill(expected, bytes, which[got]);
        if (reading)
          assert_memory_equal(nvt_sender_buffer(s, got), expected, bytes);
        nvt_sender_put(s, got);
        done++;
      }
      assert_int_equal(nvt_sender_reap(s, &got, &status, &dw0), 0);
    }
  }
  free(expected);
  assert_string_equal(nvt_sender_error(s), "");
  nvt_sender_close(s);
  assert_int_equal(f->csts >> 2, 2); /* shut down */
  assert_false(f->mastered);
}

static void what_is_written_is_read(void **state) {
  (void)state;
  const struct {
    uint32_t queues, depth, bytes;
  } cases[] = {{1, 1, 4096}, {1, 32, 4096}, {3, 32, 8192}, {64, 7, 12288}, {2, 50, 131072}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct fake *f = fake_create(FAKE_GOOD);
    round_trip(f, cases[i].queues, cases[i].depth, cases[i].bytes);
    fake_destroy(f);
  }
}

static void as_many_queues_as_there_are(void **state) {
  (void)state;
  struct fake *f = fake_create(FAKE_FEW_QUEUES);
  struct nvt_sender *s = open_sender(f, 8, 4, 4096);
  assert_int_equal(nvt_sender_queues(s), 1);
  nvt_sender_close(s);
  fake_destroy(f);
}

static void small_queues_get_full(void **state) {
  (void)state;
  struct fake *f = fake_create(FAKE_GOOD);
  f->cap = (f->cap & ~NVT_PUT(0xffff, CAP_MQES)) | NVT_PUT(3, CAP_MQES); /* of 4 entries: 3 fit */
  struct nvt_sender *s = open_sender(f, 1, 10, 4096);
  struct nvt_sqe sqe = io(false, 0, 8);
  unsigned slot;
  nvt_status status;
  uint32_t dw0;
  for (unsigned i = 0; i < 3; i++) {
    assert_true(nvt_sender_has_room(s, 0, 1));
    assert_int_equal(nvt_sender_has_room(s, 0, 2), i < 2);
    assert_true(nvt_sender_submit(s, (unsigned)nvt_sender_take(s), 0, &sqe, 4096));
  }
  int left = nvt_sender_take(s);
  assert_false(nvt_sender_has_room(s, 0, 1));
  assert_false(nvt_sender_submit(s, (unsigned)left, 0, &sqe, 4096));
  nvt_sender_ring(s);
  assert_int_equal(nvt_sender_reap(s, &slot, &status, &dw0), 1);
  assert_true(nvt_sender_submit(s, (unsigned)left, 0, &sqe, 4096));
  /* Beside others that are outstanding, and in a queue that is full. */
  uint8_t data[4096];
  assert_int_equal(nvt_sender_pass(s, false, &sqe, data, sizeof(data), &status, &dw0), 0);
  for (unsigned i = 0; i < 3; i++)
    assert_int_equal(nvt_sender_reap(s, &slot, &status, &dw0), 1);
  assert_int_equal(nvt_sender_reap(s, &slot, &status, &dw0), 0);
  nvt_sender_close(s);
  fake_destroy(f);
}

static void buffers_have_a_limit(void **state) {
  (void)state;
  const uint32_t mib = 1u << 20, most = (uint32_t)(NVT_SENDER_BUFFERS_MAX / mib) - 1;
  for (uint32_t depth = most - 1; depth <= most + 1; depth++) {
    struct fake *f = fake_create(FAKE_GOOD);
    const struct nvt_sender_setup setup = {.queues = 1, .depth = depth, .bytes = mib, .timeout = 1};
    char why[256];
    struct nvt_sender *s = nvt_sender_open(&f->transport, &setup, why, sizeof(why));
    assert_int_equal(s != NULL, depth <= most);
    if (s == NULL)
      assert_non_null(strstr(why, "more than 512 MiB of buffers"));
    nvt_sender_close(s);
    fake_destroy(f);
  }
}

static void one_is_waited_for(void **state) {
  (void)state;
  struct fake *f = fake_create(FAKE_GOOD);
  struct nvt_sender *s = open_sender(f, 1, 2, 8192);
  static uint8_t out[8192], in[8192 + 1], id[4096];
  struct nvt_sqe write = io(true, 16, 16), read = io(false, 16, 16),
                 identify = {.opcode = NVT_ADMIN_IDENTIFY, .cdw10 = NVT_CNS_CONTROLLER};
  nvt_status status;
  uint32_t dw0;
  fill(out, sizeof(out), 9);
  assert_int_equal(nvt_sender_pass(s, false, &write, out, 8192, &status, &dw0), 0);
  assert_int_equal(nvt_sender_pass(s, false, &read, in, 8191, &status, &dw0), 0);
  assert_memory_equal(out, in, 8191);
  assert_int_equal(nvt_sender_pass(s, false, &read, in, 8192, &status, &dw0), 0);
  assert_memory_equal(out, in, 8192);
  assert_int_equal(nvt_sender_pass(s, false, &read, in, 8193, &status, &dw0), -E2BIG);
  assert_int_equal(nvt_sender_pass(s, true, &identify, id, 4096, &status, &dw0), 0);
  assert_int_equal(id[513], 0x44); /* CQES, as the device says it */
  nvt_sender_close(s);
  fake_destroy(f);
}

/* Sixty Reads, the 50th of which goes wrong. */
static int until_it_fails(struct nvt_sender *s) {
  struct nvt_sqe sqe = io(false, 0, 8);
  unsigned slot;
  nvt_status status;
  uint32_t dw0;
  for (unsigned i = 0; i < 60; i++) {
    int taken = nvt_sender_take(s), got;
    assert_true(taken >= 0);
    assert_true(nvt_sender_submit(s, (unsigned)taken, 0, &sqe, 4096));
    nvt_sender_ring(s);
    time_t end = time(NULL) + 5;
    do {
      got = nvt_sender_reap(s, &slot, &status, &dw0);
      assert_true(time(NULL) < end);
    } while (got == 0);
    if (got < 0)
      return got;
    nvt_sender_put(s, slot);
  }
  return 0;
}

static void faults_are_named(void **state) {
  (void)state;
  const struct {
    enum fake_fault fault;
    int result;
    const char *says;
  } cases[] = {{FAKE_GOOD, 0, ""},
               {FAKE_LOSE_COMMAND, -ETIMEDOUT, "nothing was completed in 0.2 s; 1 commands"},
               {FAKE_STRAY, -EPROTO, "for command id 30583, which is not outstanding"},
               {FAKE_TWICE, -EPROTO, "which is not outstanding"}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct fake *f = fake_create(cases[i].fault);
    struct nvt_sender *s = open_sender(f, 1, 4, 4096);
    assert_int_equal(until_it_fails(s), cases[i].result);
    assert_non_null(strstr(nvt_sender_error(s), cases[i].says));
    if (cases[i].result != 0) { /* nothing is done any more */
      unsigned slot;
      nvt_status status;
      uint32_t dw0;
      struct nvt_sqe sqe = io(false, 0, 8);
      uint8_t data[512];
      assert_int_equal(nvt_sender_reap(s, &slot, &status, &dw0), cases[i].result);
      assert_int_equal(nvt_sender_pass(s, false, &sqe, data, 512, &status, &dw0), cases[i].result);
    }
    nvt_sender_close(s);
    assert_false(f->mastered);
    fake_destroy(f);
  }
}

/* It goes, or fails, while a command is outstanding: that is noticed before the time is over. */
static void one_that_is_gone_is_noticed(void **state) {
  (void)state;
  for (unsigned fatal = 0; fatal < 2; fatal++) {
    struct fake *f = fake_create(FAKE_LOSE_COMMAND);
    const struct nvt_sender_setup setup = {.queues = 1, .depth = 4, .bytes = 4096, .timeout = 30};
    char why[256];
    struct nvt_sender *s = nvt_sender_open(&f->transport, &setup, why, sizeof(why));
    assert_non_null(s);
    f->ios = 49;
    if (fatal)
      f->csts |= 2;
    else
      f->fault = FAKE_GONE;
    struct nvt_sqe sqe = io(false, 0, 8);
    assert_true(nvt_sender_submit(s, (unsigned)nvt_sender_take(s), 0, &sqe, 4096));
    nvt_sender_ring(s);
    f->queues[1].has_sq = false; /* it is fetched no more */
    unsigned slot;
    nvt_status status;
    uint32_t dw0;
    time_t end = time(NULL) + 5;
    int got;
    while ((got = nvt_sender_reap(s, &slot, &status, &dw0)) == 0)
      assert_true(time(NULL) < end);
    assert_int_equal(got, fatal ? -EIO : -ENODEV);
    assert_non_null(strstr(nvt_sender_error(s), fatal ? "fatal status" : "is gone"));
    nvt_sender_close(s);
    fake_destroy(f);
  }
}

static void what_can_not_be_brought_up(void **state) {
  (void)state;
  const struct {
    enum fake_fault fault;
    const char *says;
  } cases[] = {{FAKE_NO_DEVICE, "there is no device"},
               {FAKE_NEVER_READY, "timed out after 0.5 s"},
               {FAKE_DEAF_ADMIN, "Create I/O Completion Queue 1"},
               {FAKE_ADMIN_ERROR, "Create I/O Submission Queue 1 failed: Invalid Queue Size"}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct fake *f = fake_create(cases[i].fault);
    const struct nvt_sender_setup setup = {.queues = 1, .depth = 1, .bytes = 4096, .timeout = 0.2};
    char why[256];
    assert_null(nvt_sender_open(&f->transport, &setup, why, sizeof(why)));
    if (strstr(why, cases[i].says) == NULL)
      fail_msg("'%s' isn't in '%s'", cases[i].says, why);
    fake_destroy(f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_written_is_read),     cmocka_unit_test(as_many_queues_as_there_are),
      cmocka_unit_test(small_queues_get_full),       cmocka_unit_test(buffers_have_a_limit),
      cmocka_unit_test(one_is_waited_for),           cmocka_unit_test(faults_are_named),
      cmocka_unit_test(one_that_is_gone_is_noticed), cmocka_unit_test(what_can_not_be_brought_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
