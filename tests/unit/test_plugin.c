/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading plug-ins, made by the compiler on the spot, and plugin.h against the tables. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/plugin.h"
#include "controller/tap.h"
#include "nvme/names.h"
#include "tests/unit/compile_plugin.h"

static struct nvt_plugin_host *host_new(void) {
  struct nvt_plugin_host *host = NULL;
  assert_int_equal(nvt_plugin_host_create(&host), 0);
  return host;
}

static struct nvt_sqe sqe;
static struct nvt_cqe cqe;

static enum nvt_verdict fire(struct nvt_plugin_host *host, enum nvt_tap_id tap, uint8_t opcode) {
  sqe = (struct nvt_sqe){.opcode = opcode, .cid = 0x7f, .cdw10 = 10, .cdw11 = 5};
  cqe = (struct nvt_cqe){.sqid = 2, .cid = 0x7f, .status = 1};
  struct nvt_tap_event event = {.tap = tap, .pci_address = 0x28};
  event.command.sqid = 2;
  event.command.sqe = &sqe;
  event.command.cqe = &cqe;
  return nvt_tap_fire(host, &event);
}

static void load(struct nvt_plugin_host *host, const char *spec) {
  char why[512] = "";
  if (nvt_plugin_load(host, spec, why, sizeof(why)) != 0)
    fail_msg("%s", why);
}

/* The sources as they stand on the talk's slides. */
static void load_slide(struct nvt_plugin_host *host, const char *name) {
  char source[80];
  snprintf(source, sizeof(source), "tests/plugins/slides/%s.c", name);
  load(host, compile_file(name, source, ""));
}

static void no_writes_with_errors(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  load_slide(host, "no_writes_errors");
  for (unsigned i = 1; i <= 5000; i++) {
    assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_WRITE), NVT_VERDICT_CONTINUE);
    assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_READ), NVT_VERDICT_CONTINUE);
  }
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_WRITE), NVT_VERDICT_COMPLETE);
    assert_int_equal(NVT_CQE_STATUS(cqe.status), 0x182);
    assert_int_equal(NVT_CQE_PHASE(cqe.status), 1);
    assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_READ), NVT_VERDICT_CONTINUE);
  }
  nvt_plugin_host_destroy(host);
}

static void temperamental_and_reincarnation(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  load_slide(host, "temperamental");
  assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_WRITE), NVT_VERDICT_CONTINUE);
  unsigned failed = 0;
  for (unsigned i = 0; i < 200; i++) {
    enum nvt_verdict verdict = fire(host, NVT_TAP_IO_DECODE, NVT_NVM_WRITE);
    assert_false(failed > 0 && verdict == NVT_VERDICT_CONTINUE); /* once armed, for ever */
    failed += verdict == NVT_VERDICT_COMPLETE;
  }
  assert_true(failed > 0);
  nvt_plugin_host_destroy(host);

  host = host_new();
  load_slide(host, "reincarnation");
  unsigned passed = 0, runs[2] = {0};
  for (unsigned i = 0; i < 12000; i++) {
    if (fire(host, NVT_TAP_IO_DECODE, NVT_NVM_WRITE) == NVT_VERDICT_CONTINUE)
      passed++;
    else
      runs[i > 7000]++;
  }
  assert_int_equal(runs[0], 12); /* 5,000 pass, a dozen fail, and again */
  assert_int_equal(runs[1], 12);
  assert_int_equal(passed, 12000 - 24);
  nvt_plugin_host_destroy(host);
}

static void sum(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  load_slide(host, "sum");
  assert_int_equal(fire(host, NVT_TAP_ADMIN_WRITEBACK, 0x80), NVT_VERDICT_COMPLETE);
  assert_int_equal(cqe.dw0, 15);
  assert_int_equal(cqe.status, 1);
  assert_int_equal(fire(host, NVT_TAP_ADMIN_WRITEBACK, 0x06), NVT_VERDICT_CONTINUE);
  assert_int_equal(cqe.dw0, 0);
  nvt_plugin_host_destroy(host);
}

static void arguments_order_and_detach(void **state) {
  (void)state;
  const char *text = "#include \"plugin.h\"\n#include <string.h>\n"
                     "static DECL_NPLUGIN_IO_DECODE(f);\n"
                     "static char word[16];\n"
                     "int setup(void) {\n"
                     "  strncpy(word, plugin_args(), sizeof(word) - 1);\n"
                     "  if (plugin_tap_detach(\"nvme:io:decode\") == 0) return 3;\n"
                     "  return plugin_tap_attach_order(\"nvme:io:decode\", f, atoi(word));\n"
                     "}\n"
                     "int teardown(void) { return plugin_tap_detach(\"nvme:io:decode\"); }\n"
                     "static int f(uint32_t bdf, struct nvme_command *cmd,\n"
                     "             struct nvme_completion *cmp, uint32_t sqid) {\n"
                     "  if (bdf != 0x28 || sqid != 2) return 1;\n"
                     "  cmd->cdw10 = cmd->cdw10 * 10 + (uint32_t)word[1] - '0';\n"
                     "  if (cmd->opc == NVME_OPC_FLUSH) plugin_tap_detach(\"nvme:io:decode\");\n"
                     "  return 0;\n}\n";
  struct nvt_plugin_host *host = host_new();
  char spec[200];
  snprintf(spec, sizeof(spec), "%s,+7", compile("seven", text));
  load(host, spec);
  snprintf(spec, sizeof(spec), "%s,-3", compile("three", text));
  load(host, spec);
  assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_READ), NVT_VERDICT_CONTINUE);
  assert_int_equal(sqe.cdw10, 1037);
  assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_FLUSH), NVT_VERDICT_CONTINUE);
  assert_int_equal(sqe.cdw10, 1037);
  assert_int_equal(nvt_tap_counts(host)[NVT_TAP_IO_DECODE], 0);
  nvt_plugin_host_destroy(host);
}

static void refused(struct nvt_plugin_host *host, const char *spec, const char *because) {
  char why[512] = "";
  assert_true(nvt_plugin_load(host, spec, why, sizeof(why)) < 0);
  if (strstr(why, because) == NULL)
    fail_msg("'%s' should say '%s'", why, because);
}

static void what_can_not_be_loaded(void **state) {
  (void)state;
  struct nvt_plugin_host *host = host_new();
  refused(host, "", "FILE");
  refused(host, ",x", "FILE");
  refused(host, place("missing.so"), "No such file");
  refused(host, folder, "not a file");
  write_file(place("text.so"), "no library\n");
  refused(host, place("text.so"), "can't be loaded");
  refused(host, compile("no_setup", "int teardown(void);\nint teardown(void) { return 0; }\n"),
          "setup()");
  refused(host, compile("no_teardown", "int setup(void);\nint setup(void) { return 0; }\n"),
          "teardown()");
  const char *failing = "#include \"plugin.h\"\n"
                        "static DECL_NPLUGIN_IO_DECODE(f);\n"
                        "int setup(void) { plugin_tap_attach(\"nvme:io:decode\", f); return 4; }\n"
                        "int teardown(void) { abort(); }\n"
                        "static int f(uint32_t bdf, struct nvme_command *cmd,\n"
                        "  struct nvme_completion *cmp, uint32_t sqid) { abort(); }\n";
  refused(host, compile("failing", failing), "setup() failed (4)");
  /* What it had attached is gone with it. */
  assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_READ), NVT_VERDICT_CONTINUE);
  const char *mistyped = "#include \"plugin.h\"\n"
                         "static DECL_NPLUGIN_IO_DECODE(f);\n"
                         "int setup(void) { plugin_tap_attach(\"nvme:io:decode\", f);\n"
                         "  plugin_tap_attach(\"nvme:io:decoed\", f); return 0; }\n"
                         "int teardown(void) { return 0; }\n"
                         "static int f(uint32_t bdf, struct nvme_command *cmd,\n"
                         "  struct nvme_completion *cmp, uint32_t sqid) { abort(); }\n";
  refused(host, compile("mistyped", mistyped), "'nvme:io:decoed', which is no tap's name");
  assert_int_equal(fire(host, NVT_TAP_IO_DECODE, NVT_NVM_READ), NVT_VERDICT_CONTINUE);
  const char *older = "#include <stdint.h>\nextern const uint32_t nplugin_version;\n"
                      "const uint32_t nplugin_version = 1;\n"
                      "int setup(void);\nint teardown(void);\n"
                      "int setup(void) { return 0; }\nint teardown(void) { return 0; }\n";
  refused(host, compile("older", older),
          "built for version 1 of plugin.h, this nvmetap has version 2");
  const char *stranger =
      "int elsewhere(void);\nint setup(void);\nint teardown(void);\n"
      "int setup(void) { return elsewhere(); }\nint teardown(void) { return 0; }\n";
  refused(host, compile("stranger", stranger), "undefined symbol: elsewhere");
  const char *good = "int setup(void);\nint teardown(void);\n"
                     "int setup(void) { return 0; }\nint teardown(void) { return 0; }\n";
  const char *path = compile("good", good);
  load(host, path);
  refused(host, path, "already loaded");
  nvt_plugin_host_destroy(host);
  assert_int_equal(plugin_tap_attach("nvme:io:decode", &host), -EPERM);
  assert_string_equal(plugin_args(), "");
  assert_null(find_cmd(0, 0));
}

/* plugin.h has FreeBSD's names; each of its numbers must be in the tables, by what it means. */
static void numbers_are_those_of_the_tables(void **state) {
  (void)state;
#define SAME(theirs, ours) assert_int_equal(NVME_##theirs, ours)
  SAME(SCT_GENERIC, NVT_SCT_GENERIC);
  SAME(SCT_COMMAND_SPECIFIC, NVT_SCT_COMMAND_SPECIFIC);
  SAME(SCT_MEDIA_ERROR, NVT_SCT_MEDIA);
  SAME(SCT_PATH_RELATED, NVT_SCT_PATH);
  SAME(SCT_VENDOR_SPECIFIC, NVT_SCT_VENDOR);
#define GENERIC(theirs, ours) SAME(SC_##theirs, (NVT_SC_##ours & 0xff))
  GENERIC(SUCCESS, SUCCESS);
  GENERIC(INVALID_OPCODE, INVALID_OPCODE);
  GENERIC(INVALID_FIELD, INVALID_FIELD);
  GENERIC(INTERNAL_DEVICE_ERROR, INTERNAL_DEVICE_ERROR);
  GENERIC(ABORTED_BY_REQUEST, ABORTED_BY_REQUEST);
  GENERIC(INVALID_NAMESPACE_OR_FORMAT, INVALID_NAMESPACE_OR_FORMAT);
  GENERIC(PRP_OFFSET_INVALID, INVALID_PRP_OFFSET);
  GENERIC(KEEP_ALIVE_TIMEOUT_INVALID, KEEP_ALIVE_INVALID);
  GENERIC(NAMESPACE_WRITE_PROTECTED, NAMESPACE_WRITE_PROTECTED);
  GENERIC(LBA_OUT_OF_RANGE, LBA_OUT_OF_RANGE);
  GENERIC(CAPACITY_EXCEEDED, CAPACITY_EXCEEDED);
  GENERIC(COMPLETION_QUEUE_INVALID, CQ_INVALID);
  GENERIC(INVALID_QUEUE_IDENTIFIER, INVALID_QUEUE_ID);
  GENERIC(MAXIMUM_QUEUE_SIZE_EXCEEDED, INVALID_QUEUE_SIZE);
  GENERIC(ASYNC_EVENT_REQUEST_LIMIT_EXCEEDED, AER_LIMIT_EXCEEDED);
  GENERIC(INVALID_INTERRUPT_VECTOR, INVALID_INTERRUPT_VECTOR);
  GENERIC(INVALID_LOG_PAGE, INVALID_LOG_PAGE);
  GENERIC(INVALID_QUEUE_DELETION, INVALID_QUEUE_DELETION);
  GENERIC(ATTEMPTED_WRITE_TO_RO_PAGE, WRITE_TO_READ_ONLY_RANGE);
  GENERIC(WRITE_FAULTS, WRITE_FAULT);
  GENERIC(UNRECOVERED_READ_ERROR, UNRECOVERED_READ_ERROR);
  GENERIC(COMPARE_FAILURE, COMPARE_FAILURE);
  GENERIC(ACCESS_DENIED, ACCESS_DENIED);
  SAME(OPC_DELETE_IO_SQ, NVT_ADMIN_DELETE_IO_SQ);
  SAME(OPC_CREATE_IO_CQ, NVT_ADMIN_CREATE_IO_CQ);
  SAME(OPC_GET_LOG_PAGE, NVT_ADMIN_GET_LOG_PAGE);
  SAME(OPC_IDENTIFY, NVT_ADMIN_IDENTIFY);
  SAME(OPC_SET_FEATURES, NVT_ADMIN_SET_FEATURES);
  SAME(OPC_ASYNC_EVENT_REQUEST, NVT_ADMIN_ASYNC_EVENT_REQUEST);
  SAME(OPC_FORMAT_NVM, NVT_ADMIN_FORMAT_NVM);
  SAME(OPC_SANITIZE, NVT_ADMIN_SANITIZE);
  SAME(OPC_FLUSH, NVT_NVM_FLUSH);
  SAME(OPC_WRITE, NVT_NVM_WRITE);
  SAME(OPC_READ, NVT_NVM_READ);
  SAME(OPC_COMPARE, NVT_NVM_COMPARE);
  SAME(OPC_WRITE_ZEROES, NVT_NVM_WRITE_ZEROES);
  SAME(OPC_DATASET_MANAGEMENT, NVT_NVM_DATASET_MANAGEMENT);
  SAME(OPC_COPY, NVT_NVM_COPY);
  uint16_t status = 0xffff;
  NVME_STATUS_SET(status, NVME_SCT_MEDIA_ERROR, NVME_SC_COMPARE_FAILURE);
  assert_int_equal(status, 0x285 << 1 | 1);
  assert_int_equal(NVT_CQE_STATUS(status), NVT_SC_COMPARE_FAILURE);
  assert_int_equal(NVME_STATUS_GET_SCT(status), 2);
  assert_int_equal(NVME_STATUS_GET_SC(status), 0x85);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_writes_with_errors),
      cmocka_unit_test(temperamental_and_reincarnation),
      cmocka_unit_test(sum),
      cmocka_unit_test(arguments_order_and_detach),
      cmocka_unit_test(what_can_not_be_loaded),
      cmocka_unit_test(numbers_are_those_of_the_tables),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
