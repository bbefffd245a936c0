/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fault plug-in in a controller: its rules changed while a host works, and what it has under
 * way when it is unloaded, reset or cleared. What each fault looks like: tests/cli/fault.test.
 */
#include "host.h"

#include <limits.h>
#include <unistd.h>

static char library[PATH_MAX + 20]; /* beside this program's folder */

static void load(struct host *h, const char *rules) {
  char spec[PATH_MAX + 1000], why[512] = "";
  snprintf(spec, sizeof(spec), "%s,%s", library, rules);
  if (nvt_plugin_load(h->plugins, spec, why, sizeof(why)) != 0)
    fail_msg("%s", why);
}

static void open_with(struct host *h, const char *rules) {
  host_open(h, "ram:1M");
  create_pair(h, 1, 16);
  load(h, rules);
}

static int ask(struct host *h, const char *text, char answer[4000]) {
  return nvt_plugin_control(h->plugins, "fault", text, answer, 4000);
}

static void told(struct host *h, const char *text, const char *wanted) {
  char answer[4000];
  assert_int_equal(ask(h, text, answer), 0);
  if (strstr(answer, wanted) == NULL)
    fail_msg("%s: '%s' lacks '%s'", text, answer, wanted);
}

static unsigned attached(struct host *h) {
  struct nvt_plugin_info info;
  assert_true(nvt_plugin_info(h->plugins, 0, &info));
  return info.attachments;
}

static nvt_status io_write(struct host *h, uint64_t lba) {
  return io(h, NVT_NVM_WRITE, lba, 1, DATA_AT, 0);
}

static void sleep_and_poll(struct host *h, unsigned ms) {
  usleep(ms * 1000);
  for (int i = 0; i < 10; i++)
    nvt_controller_poll(h->c, 0);
}

static void rules_come_and_go(void **state) {
  (void)state;
  struct host h;
  char answer[4000];
  open_with(&h, "");
  assert_int_equal(attached(&h), 0);
  assert_status(io_write(&h, 0), NVT_SC_SUCCESS);
  told(&h, "list", "{\"seed\":0,\"rules\":[]}");
  told(&h, "add {\"match\":{\"opcode\":\"Write\",\"lba\":[5,5]},\"action\":{\"status\":\"0x280\"}}",
       "rule 1");
  assert_int_equal(attached(&h), 1);
  assert_status(io_write(&h, 4), NVT_SC_SUCCESS);
  assert_status(io_write(&h, 5), NVT_SC_WRITE_FAULT);
  told(&h, "add {\"match\":{\"admin\":true},\"action\":{\"duplicate\":1}}", "rule 2");
  assert_int_equal(attached(&h), 2);
  told(&h, "list", "{\"number\":1,\"matches\":1,\"hits\":1,\"failed\":0,\"rule\":{\"match\":{");
  told(&h, "list 1", "\"rules\":[{\"number\":2,");
  told(&h, "list 7", "\"rules\":[]");
  static const char *const bad[] = {"",        "add",     "add {}",   "add [",  "list x",
                                    "list -1", "clear x", "remove 1", "listing"};
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(ask(&h, bad[i], answer), -EINVAL);
    assert_true(strlen(answer) > 10);
  }
  /* What was refused has changed nothing. */
  assert_status(io_write(&h, 5), NVT_SC_WRITE_FAULT);
  told(&h, "clear", "no rules");
  assert_int_equal(attached(&h), 0);
  assert_status(io_write(&h, 5), NVT_SC_SUCCESS);
  told(&h, "add {\"match\":{},\"action\":{\"status\":1}}", "rule 3");
  assert_status(io_write(&h, 5), NVT_SC_INVALID_OPCODE);
  /* An answer may be short. */
  char small[8];
  assert_int_equal(nvt_plugin_control(h.plugins, "fault", "list", small, 8), 0);
  assert_int_equal(nvt_plugin_control(h.plugins, "fault", "x", small, 8), -EINVAL);
  assert_int_equal(strlen(small), 7);
  host_close(&h);
}

#define DELAYED(executed)                                                                          \
  "{\"rules\":[{\"match\":{\"opcode\":\"Write\"},\"action\":{\"delay\":\"20ms\","                  \
  "\"executed\":" executed "}}]}"

/* Held once and not again when its time has come; then it is done, at either stage. */
static void delays_end(void **state) {
  (void)state;
  for (int executed = 0; executed < 2; executed++) {
    struct host h;
    struct nvt_cqe cqe;
    open_with(&h, executed ? DELAYED("true") : DELAYED("false"));
    memset(guest(&h, DATA_AT), 7, 512);
    for (unsigned i = 0; i < 8; i++)
      submit(&h, 1, io_sqe(NVT_NVM_WRITE, i, 1, DATA_AT, 0));
    sleep_and_poll(&h, 1);
    assert_false(reap(&h, 1, &cqe));
    assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT + 4096, 0), NVT_SC_SUCCESS);
    assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 4096), executed ? 7 : 0);
    sleep_and_poll(&h, 25);
    for (unsigned i = 0; i < 8; i++)
      assert_true(reap(&h, 1, &cqe));
    assert_false(reap(&h, 1, &cqe));
    assert_status(io(&h, NVT_NVM_READ, 7, 1, DATA_AT + 4096, 0), NVT_SC_SUCCESS);
    assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 4096), 7);
    told(&h, "list", "\"matches\":8,\"hits\":8,\"failed\":0");
    host_close(&h);
  }
}

/* Of what is held nothing is lost when the rules go, when the plug-in goes; and nothing comes
 * back after a reset. */
static void held_when_it_ends(void **state) {
  (void)state;
  for (int executed = 0; executed < 2; executed++)
    for (int end = 0; end < 4; end++) {
      struct host h;
      struct nvt_cqe cqe;
      open_with(&h, executed ? DELAYED("true") : DELAYED("false"));
      for (unsigned i = 0; i < 8; i++)
        submit(&h, 1, io_sqe(NVT_NVM_WRITE, i, 1, DATA_AT, 0));
      sleep_and_poll(&h, 1);
      assert_false(reap(&h, 1, &cqe));
      if (end == 0)
        told(&h, "clear", "no rules");
      if (end == 1)
        assert_int_equal(nvt_plugin_unload(h.plugins, "fault"), 0);
      if (end == 2) {
        set32(&h, NVT_REG_CC, 0);
        enable(&h);
        create_pair(&h, 1, 16);
      }
      if (end < 3) {
        sleep_and_poll(&h, 25);
        for (unsigned i = 0; i < 8; i++)
          assert_int_equal(reap(&h, 1, &cqe), end != 2);
        assert_false(reap(&h, 1, &cqe));
      }
      host_close(&h); /* with timers that run, for end 3 */
    }
}

/* Completions are posted where the command's would be, whatever the queue's number. */
static void other_queue(void **state) {
  (void)state;
  struct host h;
  struct nvt_cqe cqe;
  open_with(&h, "{\"rules\":[{\"match\":{\"queue\":3},\"action\":{\"wrong_id\":4321}}]}");
  create_pair(&h, 2, 16);
  assert_status(create_sq_at(&h, 3, 16, SQ_AT(3), 2), NVT_SC_SUCCESS);
  submit(&h, 3, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  poll_idle(&h);
  nvt_controller_poll(h.c, 0);
  assert_false(reap(&h, 1, &cqe));
  assert_true(reap(&h, 2, &cqe));
  assert_int_equal(cqe.cid, 4321);
  assert_int_equal(cqe.sqid, 3);
  assert_false(reap(&h, 2, &cqe));
  host_close(&h);
}

/* A full completion queue: copies wait until the host has made room. */
static void no_room(void **state) {
  (void)state;
  struct host h;
  struct nvt_cqe cqe;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 4);
  load(&h, "{\"rules\":[{\"match\":{},\"action\":{\"duplicate\":7}}]}");
  submit(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  unsigned seen = 0;
  for (unsigned i = 0; i < 200 && seen < 8; i++) {
    sleep_and_poll(&h, 2);
    while (reap(&h, 1, &cqe))
      seen++;
  }
  assert_int_equal(seen, 8);
  sleep_and_poll(&h, 5);
  assert_false(reap(&h, 1, &cqe));
  /* Whoever never makes room isn't waited for by an unload. */
  submit(&h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
  sleep_and_poll(&h, 2);
  assert_int_equal(nvt_plugin_unload(h.plugins, "fault"), 0);
  host_close(&h);
}

/* What can't be done is counted, and the command goes its way. */
static void failures_are_counted(void **state) {
  (void)state;
  struct host h;
  open_with(&h, "{\"rules\":[{\"match\":{},\"action\":{\"spurious_interrupt\":2000}},"
                "{\"match\":{\"count\":40},\"action\":{\"event\":{\"type\":1}}}]}");
  for (unsigned i = 0; i < 40; i++)
    assert_status(io_write(&h, i), NVT_SC_SUCCESS);
  told(&h, "list", "{\"number\":1,\"matches\":40,\"hits\":40,\"failed\":40,");
  told(&h, "list 1", "{\"number\":2,\"matches\":40,\"hits\":40,\"failed\":24,"); /* 16 wait */
  host_close(&h);
}

/* A mark of a command that never came by its data isn't the next one's of that id. */
static void corruption_is_of_its_command(void **state) {
  (void)state;
  struct host h;
  open_with(
      &h,
      "{\"rules\":[{\"match\":{\"opcode\":\"Write\",\"lba\":[0,0]},\"action\":{\"corrupt\":{}}},"
      "{\"match\":{\"opcode\":\"Write\",\"lba\":[0,0]},\"action\":{\"status\":6}}]}");
  memset(guest(&h, DATA_AT), 9, 512);
  h.cid = 77;
  assert_status(io_write(&h, 0), NVT_SC_INTERNAL_DEVICE_ERROR);
  h.cid = 77;
  assert_status(io_write(&h, 1), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 1, 1, DATA_AT + 4096, 0), NVT_SC_SUCCESS);
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 4096), 9);
  told(&h, "clear", "no rules");
  told(&h, "add {\"match\":{\"opcode\":\"Write\"},\"action\":{\"corrupt\":{\"offset\":511}}}",
       "rule 3");
  assert_status(io_write(&h, 2), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 2, 1, DATA_AT + 4096, 0), NVT_SC_SUCCESS);
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 4096 + 510), 9);
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 4096 + 511), 9 ^ 0xff);
  host_close(&h);
}

/* A device that was pulled out comes back; RDY that sticks is free when the rules go. */
static void states_end(void **state) {
  (void)state;
  struct host h;
  open_with(
      &h, "{\"rules\":[{\"match\":{\"opcode\":\"Flush\"},\"action\":{\"ready\":\"stuck-0\"}},"
          "{\"match\":{\"opcode\":\"Write\"},\"action\":{\"remove\":true,\"return\":\"15ms\"}}]}");
  uint32_t version = reg32(&h, NVT_REG_VS);
  assert_status(io(&h, NVT_NVM_FLUSH, 0, 1, 0, 0), NVT_SC_SUCCESS);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0);
  assert_int_equal(reg64(&h, NVT_REG_CSTS - 4) >> 32, 0);
  submit(&h, 1, io_sqe(NVT_NVM_WRITE, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  assert_int_equal(reg32(&h, NVT_REG_VS), 0xffffffff);
  sleep_and_poll(&h, 20);
  assert_int_equal(reg32(&h, NVT_REG_VS), version);
  told(&h, "clear", "no rules");
  enable(&h);
  host_close(&h);
}

static int find_library(void **state) {
  (void)state;
  char self[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  if (length <= 0)
    return 1;
  self[length] = '\0';
  *strrchr(self, '/') = '\0';
  snprintf(library, sizeof(library), "%s/../plugins/fault.so", self);
  return access(library, R_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rules_come_and_go),
      cmocka_unit_test(delays_end),
      cmocka_unit_test(held_when_it_ends),
      cmocka_unit_test(other_queue),
      cmocka_unit_test(no_room),
      cmocka_unit_test(failures_are_counted),
      cmocka_unit_test(corruption_is_of_its_command),
      cmocka_unit_test(states_end),
  };
  return cmocka_run_group_tests(tests, find_library, NULL);
}
