/* SPDX-License-Identifier: BSD-2-Clause */
/* What a plug-in may call, by plug-ins compiled on the spot; and their life while a host works. */
#include "tests/unit/compile_plugin.h"
#include "tests/unit/host.h"

#define HEAD "#include \"plugin.h\"\n#include <string.h>\n"

static void load(struct host *h, const char *spec) {
  char why[512] = "";
  if (nvt_plugin_load(h->plugins, spec, why, sizeof(why)) != 0)
    fail_msg("%s", why);
}

static void ask(struct host *h, const char *name, const char *text, const char *wanted) {
  char answer[256];
  assert_int_equal(nvt_plugin_control(h->plugins, name, text, answer, sizeof(answer)), 0);
  assert_string_equal(answer, wanted);
}

#define TEARDOWN "int teardown(void) { return 0; }\n"

static void values_and_data(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  load(&h, compile("values", HEAD
                   "static DECL_NPLUGIN_REGREAD(rd); static DECL_NPLUGIN_IO_MEMORY(mem);\n"
                   "static int rd(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {\n"
                   "  if (offset != 0x1c) return 0;\n"
                   "  if (plugin_data_writable() != NULL) return 0;\n"
                   "  return plugin_value_set(value & ~1ull);\n}\n"
                   "static int mem(uint32_t bdf, uint32_t sqid, uint16_t cid, uint32_t kind,\n"
                   "  uint32_t direction, uint64_t address, const void *bytes, size_t length) {\n"
                   "  if (direction == 2 && plugin_value_set(1) < 0)\n"
                   "    memset(plugin_data_writable(), 0x77, length);\n"
                   "  return 0;\n}\n"
                   "int setup(void) {\n"
                   "  if (plugin_value_set(1) == 0 || plugin_data_writable() != NULL) return 1;\n"
                   "  return plugin_tap_attach(\"nvme:regread:writeback\", rd) |\n"
                   "    plugin_tap_attach(\"nvme:io:memory\", mem);\n}\n" TEARDOWN));
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0); /* never ready, it says */
  memset(guest(&h, DATA_AT), 1, 512);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 511), 0x77);
  assert_int_equal(nvt_plugin_unload(h.plugins, "values"), 0);
  assert_int_equal(nvt_plugin_unload(h.plugins, "values"), -ENOENT);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 511), 1);
  host_close(&h);
}

/* An admin command of the plug-in's own, with data both ways. */
static void a_command_of_ones_own(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  load(&h, compile("own", HEAD
                   "static DECL_NPLUGIN_ADMIN_DECODE(f);\n"
                   "static int f(uint32_t bdf, struct nvme_command *cmd,\n"
                   "  struct nvme_completion *cmp, uint32_t sqid) {\n"
                   "  unsigned char in[8], out[8];\n"
                   "  if (cmd->opc != 0xc2) return 0;\n"
                   "  if (plugin_cmd_read(plugin_cmd_handle(), 4, in, 8) != 0) return 3;\n"
                   "  for (int i = 0; i < 8; i++) out[i] = in[7 - i];\n"
                   "  if (plugin_cmd_write(plugin_cmd_handle(), 4096, out, 8) != 0) return 3;\n"
                   "  if (plugin_memory_write(bdf, cmd->prp1, \"hi\", 2) != 0) return 3;\n"
                   "  if (plugin_memory_read(bdf + 8, cmd->prp1, in, 2) != -19) return 3;\n"
                   "  if (plugin_memory_read(bdf, ~0ull, in, 2) != -14) return 3;\n"
                   "  cmp->cdw0 = 99;\n"
                   "  return NPLUGIN_FINISH;\n}\n"
                   "int setup(void) { return plugin_cmd_handle() != 0 ? 1 :\n"
                   "  plugin_tap_attach(\"nvme:admin:decode\", f); }\n" TEARDOWN));
  memcpy(guest(&h, DATA_AT), "0123abcdefgh", 12);
  struct nvt_cqe cqe =
      run(&h, 0, (struct nvt_sqe){.opcode = 0xc2, .prp1 = DATA_AT, .prp2 = DATA_AT + 0x2000});
  assert_status(status_of(cqe), NVT_SC_SUCCESS);
  assert_int_equal(cqe.dw0, 99);
  assert_memory_equal(guest(&h, DATA_AT), "hi23", 4);
  assert_memory_equal(guest(&h, DATA_AT + 0x2000), "hgfedcba", 8);
  host_close(&h);
}

#define HOLDER                                                                                     \
  "static DECL_NPLUGIN_IO_DECODE(f);\n"                                                            \
  "static struct nplugin *self; static uint64_t held[64]; static unsigned n, ticks, posts;\n"      \
  "static void tick(void *arg) {\n"                                                                \
  "  struct nvme_completion c = {.cdw0 = 7};\n"                                                    \
  "  NVME_STATUS_SET(c.status, NVME_SCT_MEDIA_ERROR, NVME_SC_WRITE_FAULTS);\n"                     \
  "  ticks++;\n"                                                                                   \
  "  if (arg != NULL) plugin_cmd_complete(self, *(uint64_t *)arg, &c);\n}\n"                       \
  "static void posted(void *arg) { posts++; }\n"                                                   \
  "static int f(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,\n"            \
  "  uint32_t sqid) {\n"                                                                           \
  "  if (cmd->opc != NVME_OPC_WRITE || n == 64) return 0;\n"                                       \
  "  held[n] = plugin_cmd_handle();\n"                                                             \
  "  if (cmd->cdw10 == 1) plugin_timer_start(2000000, tick, &held[n], NULL);\n"                    \
  "  n++; return NPLUGIN_HOLD;\n}\n"                                                               \
  "int control(const char *text, char *answer, size_t length) {\n"                                 \
  "  uint64_t id = 0;\n"                                                                           \
  "  if (!strcmp(text, \"timer\")) { plugin_timer_start(1000000, tick, NULL, &id);\n"              \
  "    plugin_timer_start(1, tick, NULL, &id); return plugin_timer_stop(id); }\n"                  \
  "  if (!strcmp(text, \"post\")) return plugin_post(self, posted, NULL);\n"                       \
  "  if (!strcmp(text, \"go\")) return plugin_cmd_continue(self, held[--n]);\n"                    \
  "  snprintf(answer, length, \"%u %u %u\", n, ticks, posts); return 0;\n}\n"                      \
  "int setup(void) { self = plugin_self();\n"                                                      \
  "  return self == NULL || plugin_tap_attach(\"nvme:io:decode\", f); }\n"

static void open_with_holder(struct host *h, const char *teardown) {
  char text[4096];
  host_open(h, "ram:1M");
  create_pair(h, 1, 16);
  snprintf(text, sizeof(text), HEAD "%s%s", HOLDER, teardown);
  load(h, compile("holder", text));
}

static struct nvt_cqe wait_for(struct host *h) {
  struct nvt_cqe cqe = {0};
  for (int i = 0; i < 2000; i++) {
    nvt_controller_poll(h->c, 0);
    if (reap(h, 1, &cqe))
      return cqe;
    usleep(100);
  }
  fail_msg("never completed");
  return cqe;
}

static void timers_and_posts(void **state) {
  (void)state;
  struct host h;
  open_with_holder(&h, TEARDOWN);
  uint16_t cid = submit(&h, 1, io_sqe(NVT_NVM_WRITE, 1, 1, DATA_AT, 0));
  poll_idle(&h);
  ask(&h, "holder", "", "1 0 0");
  struct nvt_cqe cqe = wait_for(&h);
  assert_int_equal(cqe.cid, cid);
  assert_int_equal(cqe.dw0, 7);
  assert_status(status_of(cqe), NVT_SC_WRITE_FAULT);
  ask(&h, "holder", "post", "");
  ask(&h, "holder", "", "1 1 0"); /* not from within another call */
  nvt_controller_poll(h.c, 0);
  ask(&h, "holder", "", "1 1 1");
  ask(&h, "holder", "timer", "");
  usleep(3000);
  nvt_controller_poll(h.c, 0);
  ask(&h, "holder", "", "1 2 1"); /* one of the two was stopped */
  char answer[4];
  assert_int_equal(nvt_plugin_control(h.plugins, "nobody", "", answer, 4), -ENOENT);
  host_close(&h);
}

/* What is held when a plug-in goes isn't lost; what it just let go isn't done twice. */
static void unloading_lets_go(void **state) {
  (void)state;
  struct host h;
  open_with_holder(&h, "int teardown(void) { struct nvme_completion c = {.cdw0 = 55};\n"
                       "  plugin_post(self, posted, NULL);\n"
                       "  return plugin_cmd_complete(self, held[1], &c); }\n");
  memset(guest(&h, DATA_AT), 3, 512);
  uint16_t first = submit(&h, 1, io_sqe(NVT_NVM_WRITE, 0, 1, DATA_AT, 0));
  submit(&h, 1, io_sqe(NVT_NVM_WRITE, 2, 1, DATA_AT, 0));
  submit(&h, 1, io_sqe(NVT_NVM_WRITE, 4, 1, DATA_AT, 0));
  poll_idle(&h);
  ask(&h, "holder", "", "3 0 0");
  assert_int_equal(nvt_plugin_unload(h.plugins, "holder"), 0);
  poll_idle(&h);
  struct nvt_cqe cqe;
  bool completed[3] = {0};
  while (reap(&h, 1, &cqe)) {
    unsigned i = (unsigned)(uint16_t)(cqe.cid - first);
    assert_in_range(i, 0, 2);
    assert_false(completed[i]);
    completed[i] = true;
    assert_int_equal(cqe.dw0, i == 1 ? 55 : 0);
  }
  assert_true(completed[0] && completed[1] && completed[2]);
  memset(guest(&h, DATA_AT), 9, 4096);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT), 3);        /* went on, and was written */
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 1024), 0); /* was completed, and wasn't */
  assert_int_equal(*(uint8_t *)guest(&h, DATA_AT + 2048), 3);
  host_close(&h);
}

static void off_and_on_again(void **state) {
  (void)state;
  struct host h;
  open_with_holder(&h, TEARDOWN);
  struct nvt_plugin_info info;
  assert_true(nvt_plugin_info(h.plugins, 0, &info));
  assert_string_equal(info.name, "holder");
  assert_string_equal(info.kind, "in process");
  assert_int_equal(info.attachments, 1);
  assert_false(nvt_plugin_info(h.plugins, 1, &info));
  assert_int_equal(nvt_plugin_enable(h.plugins, "holder", false), 0);
  assert_int_equal(nvt_plugin_enable(h.plugins, "holder", false), 0);
  assert_int_equal(nvt_plugin_enable(h.plugins, "nobody", false), -ENOENT);
  assert_true(nvt_plugin_info(h.plugins, 0, &info));
  assert_true(info.disabled && info.attachments == 0);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(nvt_plugin_enable(h.plugins, "holder", true), 0);
  submit(&h, 1, io_sqe(NVT_NVM_WRITE, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  struct nvt_cqe cqe;
  assert_false(reap(&h, 1, &cqe));
  ask(&h, "holder", "go", "");
  assert_status(status_of(wait_for(&h)), NVT_SC_SUCCESS);
  host_close(&h);
}

static void what_a_drive_does_unasked(void **state) {
  (void)state;
  struct host h;
  host_open(&h, "ram:1M");
  create_pair(&h, 1, 16);
  load(
      &h,
      compile(
          "unasked", HEAD
          "static DECL_NPLUGIN_IO_WRITEBACK(f); static unsigned step;\n"
          "static int f(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid) {\n"
          "  struct nvme_completion copy = *cmp; copy.cid ^= 0x100;\n"
          "  switch (step++) {\n"
          "  case 0: return plugin_completion_post(bdf, sqid, &copy);\n"
          "  case 1: return plugin_interrupt_raise(bdf, 9) | plugin_event_raise(bdf, 6, 1, 0xc0);\n"
          "  case 2: return plugin_controller_fatal(bdf);\n"
          "  case 3: return plugin_controller_remove(bdf);\n  }\n  return 0;\n}\n"
          "int setup(void) {\n"
          "  if (plugin_controller_fatal(123) != -19) return 1;\n"
          "  return plugin_tap_attach(\"nvme:io:writeback\", f); }\n" TEARDOWN));
  struct nvt_cqe cqe;
  uint16_t cid = submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  assert_true(reap(&h, 1, &cqe));
  assert_int_equal(cqe.cid, cid ^ 0x100);
  assert_true(reap(&h, 1, &cqe));
  assert_int_equal(cqe.cid, cid);
  submit(&h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(h.fired[9], 1);
  assert_true(reap(&h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0xc00106);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 3);
  set32(&h, NVT_REG_CC, 0);
  enable(&h);
  create_pair(&h, 1, 16);
  submit(&h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  poll_idle(&h);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 0xffffffffu);
  assert_false(reap(&h, 1, &cqe));
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_and_data),  cmocka_unit_test(a_command_of_ones_own),
      cmocka_unit_test(timers_and_posts), cmocka_unit_test(unloading_lets_go),
      cmocka_unit_test(off_and_on_again), cmocka_unit_test(what_a_drive_does_unasked),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
