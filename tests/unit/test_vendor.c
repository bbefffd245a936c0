/* SPDX-License-Identifier: BSD-2-Clause */
/* A person's own table: found by the look-ups, refused with the place where it is wrong. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "nvme/names.h"
#include "trace/text.h"
#include "trace/vendor.h"

static void sample_is_found(void **state) {
  (void)state;
  struct nvt_vendor *vendor;
  char why[512];
  if (!nvt_vendor_load("samples/vendor-table.json", &vendor, why, sizeof(why)))
    fail_msg("%s", why);
  assert_null(nvt_opcode_name(NVT_SET_ADMIN, 0xc1));
  nvt_vendor_use(nvt_vendor_table(vendor));
  assert_string_equal(nvt_opcode_name(NVT_SET_ADMIN, 0xc1), "Example Get Counters");
  assert_null(nvt_opcode_name(NVT_SET_NVM, 0xc1));
  assert_int_equal(nvt_opcode_direction(NVT_SET_ADMIN, 0xc1), NVT_DIRECTION_NONE);
  assert_string_equal(nvt_status_name(0x7c0), "Example Counter Busy");
  assert_string_equal(nvt_feature_name(0xc0), "Example LED Mode");
  assert_string_equal(nvt_log_page_name(0xca), "Example Wear Details");
  struct nvt_sqe sqe = {.opcode = 0xc1, .cdw10 = 0x80000002, .cdw15 = ~0u};
  char line[256];
  struct nvt_text text;
  nvt_text_init(&text, line, sizeof(line));
  nvt_text_command(&text, NVT_SET_ADMIN, 0, &sqe);
  assert_string_equal(line, "Example Get Counters sq 0 cid 0x0000 group 2 clr");
  uint32_t bits[NVT_SQE_DWORDS];
  assert_false(nvt_command_reserved_bits(NVT_SET_ADMIN, &sqe, bits));
  size_t count;
  const struct nvt_command_field *fields = nvt_command_fields_of(NVT_SET_ADMIN, 0xc1, &count);
  assert_int_equal(count, 3);
  assert_string_equal(nvt_field_value_name(&fields[0], 2), "link");
  nvt_vendor_free(vendor);
  assert_null(nvt_opcode_name(NVT_SET_ADMIN, 0xc1));
}

static void wrong_ones_are_refused(void **state) {
  (void)state;
#define FIELD(dword, lsb, width)                                                                   \
  "{\"commands\":[{\"set\":\"admin\",\"opcode\":193,\"name\":\"n\",\"fields\":[{\"dword\":" dword  \
  ",\"lsb\":" lsb ",\"width\":" width ",\"id\":\"A\",\"title\":\"a\"}]}]}"
  static const struct {
    const char *text;
    const char *says; /* NULL: it is good */
  } cases[] = {
      {"{}", NULL},
      {"", "no JSON"},
      {"{} x", "no JSON"},
      {"[]", "the file: an object is wanted"},
      {"{\"command\":[]}", "no key \"command\""},
      {"{\"commands\":{}}", "commands: a list"},
      {"{\"commands\":[1]}", "command 1: commands: an object"},
      {"{\"commands\":[{\"set\":\"x\"}]}", "set: one of admin, nvm, kv"},
      {"{\"commands\":[{\"set\":\"admin\",\"opcode\":256}]}", "opcode: a number from 0 to 255"},
      {"{\"commands\":[{\"set\":\"admin\",\"opcode\":6,\"name\":\"n\"}]}",
       "specification's Identify"},
      {"{\"commands\":[{\"set\":\"admin\",\"opcode\":193,\"name\":\"\"}]}",
       "name: a text of 1 to 80"},
      {"{\"commands\":[{\"set\":\"admin\",\"opcode\":193,\"name\":\"\\u0000\"}]}", "name: a text"},
      {FIELD("9", "0", "1"), "dword: 2, 3 or 10 to 15"},
      {FIELD("10", "0", "1"), NULL},
      {FIELD("15", "0", "32"), NULL},
      {FIELD("15", "0", "33"), "don't fit in dword 15"},
      {FIELD("16", "0", "1"), "dword: a number from 0 to 15"},
      {FIELD("10", "0", "64"), NULL},
      {FIELD("10", "0", "65"), "width: a number from 0 to 64"},
      {FIELD("10", "0", "0"), "don't fit"},
      {FIELD("10", "31", "1"), NULL},
      {FIELD("10", "31", "2"), "don't fit"},
      {"{\"statuses\":{\"0x800\":\"n\"}}", "no number from 0 to 2047"},
      {"{\"statuses\":{\"0x7ff\":\"n\"}}", NULL},
      {"{\"features\":{\"-1\":\"n\"}}", "no number"},
      {"{\"log_pages\":{\"1\":2}}", "log_pages: a text"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct nvt_vendor *vendor = NULL;
    char why[512] = "";
    bool good =
        nvt_vendor_parse("t.json", cases[i].text, strlen(cases[i].text), &vendor, why, sizeof(why));
    if (good != (cases[i].says == NULL))
      fail_msg("%s: %s", cases[i].text, good ? "taken" : why);
    if (good)
      nvt_vendor_free(vendor);
    else if (strstr(why, cases[i].says) == NULL || strncmp(why, "t.json: ", 8) != 0)
      fail_msg("%s: it says '%s'", cases[i].text, why);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sample_is_found),
      cmocka_unit_test(wrong_ones_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
