/* SPDX-License-Identifier: BSD-2-Clause */
/* What an access says, register by register and field by field, wherever it begins and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trace/access.h"

static char all[4096];

static void note(void *ctx, const struct nvt_access_part *part) {
  (void)ctx;
  char line[400];
  struct nvt_text text;
  nvt_text_init(&text, line, sizeof(line));
  nvt_text_access_label(&text, part->kind, part->row);
  nvt_text_add(&text, "=");
  nvt_text_access_value(&text, part);
  if (part->partial) {
    nvt_text_add(&text, " (");
    nvt_text_access_partial(&text, part);
    nvt_text_add(&text, ")");
  }
  nvt_text_printf(&text, " @%u+%u\n", part->at, part->bytes);
  strncat(all, line, sizeof(all) - strlen(all) - 1);
}

static void walk(unsigned type, unsigned space, uint64_t offset, unsigned size, uint64_t value) {
  struct nvt_record record = {
      .header = {.type = (uint8_t)type},
      .access = {.offset = offset, .value = value, .size = (uint8_t)size, .space = (uint8_t)space}};
  struct nvt_view view = {0};
  all[0] = '\0';
  nvt_access_walk(&record, &view, note, NULL);
}

static void has(const char *line) {
  if (strstr(all, line) == NULL)
    fail_msg("no '%s' in\n%s", line, all);
}

static void hasnt(const char *line) {
  if (strstr(all, line) != NULL)
    fail_msg("'%s' in\n%s", line, all);
}

static void a_register_by_its_parts(void **state) {
  (void)state;
  walk(NVT_REC_REG_WRITE, NVT_V_access_space_BAR0, NVT_REG_CC, 4, 0x00460001);
  has("Enable (EN)=1 @8+1");
  hasnt("bits");
  /* The upper half of AQA: none of its lower field. */
  walk(NVT_REC_REG_WRITE, NVT_V_access_space_BAR0, NVT_REG_AQA + 2, 2, 0x1f);
  has("(ACQS)=31 @8+2");
  hasnt("ASQS");
  /* A byte of it: a part of the field. */
  walk(NVT_REC_REG_WRITE, NVT_V_access_space_BAR0, NVT_REG_AQA + 2, 1, 0x1f);
  has("(ACQS)=0x1f (bits 23:16 of the register) @8+1");
  /* Two registers. */
  walk(NVT_REC_REG_READ, NVT_V_access_space_BAR0, NVT_REG_CC + 4, 8, 1ULL << 32);
  has("=CSTS, Controller Status @12+1");
  has("Ready (RDY)=1 @12+1");
  /* No size, too large a size, at the end of all numbers: nothing that isn't there. */
  walk(NVT_REC_REG_READ, NVT_V_access_space_BAR0, NVT_REG_CC, 0, 1);
  assert_string_equal(all, "");
  walk(NVT_REC_REG_READ, NVT_V_access_space_BAR0, NVT_REG_CC, 9, 1);
  assert_string_equal(all, "");
  walk(NVT_REC_REG_READ, NVT_V_access_space_BAR0, UINT64_MAX - 3, 8, 1);
  assert_string_equal(all, "");
}

static void configuration_space(void **state) {
  (void)state;
  walk(NVT_REC_CONFIG_READ, NVT_V_access_space_CONFIG, 0x05, 2, 0x1004);
  has("Command=0x0400 (of which only bits 15:8 were accessed) @8+1");
  has("Interrupt Disable (ID)=1 @8+1");
  hasnt("(BME)");
  has("Status=0x0010 (of which only bits 7:0 were accessed) @9+1");
  has("Capabilities List (CL)=1 @9+1");
  walk(NVT_REC_CONFIG_READ, NVT_V_access_space_CONFIG, 0x40, 2, 0xabcd);
  assert_string_equal(all, "Configuration Bytes=cd @8+1\nConfiguration Bytes=ab @9+1\n");
  walk(NVT_REC_CONFIG_READ, NVT_V_access_space_CONFIG, NVT_PCI_CONFIG_SIZE - 1, 4, 0xabcd);
  assert_string_equal(all, "Configuration Bytes=cd @8+1\n");
  walk(NVT_REC_CONFIG_READ, NVT_V_access_space_CONFIG, NVT_PCI_CONFIG_SIZE, 4, 0xabcd);
  assert_string_equal(all, "");
  walk(NVT_REC_CONFIG_READ, NVT_V_access_space_CONFIG, UINT64_MAX, 4, 0xabcd);
  assert_string_equal(all, "");
}

static void msix(void **state) {
  (void)state;
  for (uint64_t vector = UINT16_MAX - 1; vector <= UINT16_MAX + 1u; vector++) {
    char line[64];
    snprintf(line, sizeof(line), "Vector=%llu @0+8\n", (unsigned long long)vector);
    walk(NVT_REC_MSIX_WRITE, NVT_V_access_space_MSIX_TABLE, vector * 16, 8, 0xfee01000);
    if (vector > UINT16_MAX) {
      assert_string_equal(all, "");
      continue;
    }
    has(line);
    has("Message Address Lower=0xfee01000 @8+4");
    has("Destination ID (DID)=0x1 @8+4");
    has("Message Address Upper=0x00000000 @12+4");
    hasnt("Message=");
  }
  walk(NVT_REC_MSIX_WRITE, NVT_V_access_space_MSIX_TABLE, 12, 8, 1);
  has("Masked (MASK)=1 @8+4");
  hasnt("Lower=0"); /* of the next entry */
  walk(NVT_REC_MSIX_READ, NVT_V_access_space_MSIX_PBA, 8, 8, 1ULL << 63 | 2);
  assert_string_equal(all, "Pending Vector=65 @8+1\nPending Vector=127 @15+1\n");
  walk(NVT_REC_MSIX_READ, NVT_V_access_space_MSIX_PBA, UINT16_MAX, 8, 1);
  assert_string_equal(all, "");
  walk(NVT_REC_MSIX_READ, 77, 0, 8, 1);
  assert_string_equal(all, "");
}

static void messages(void **state) {
  (void)state;
  struct nvt_record record = {
      .header = {.type = NVT_REC_INTERRUPT},
      .interrupt = {.address = 0x1234, .data = 0x21, .mode = NVT_V_interrupt_mode_MSIX}};
  struct nvt_view view = {0};
  all[0] = '\0';
  nvt_access_walk(&record, &view, note, NULL);
  has("MSI-X Message= @0+12");
  has("Message Data=0x00000021 @8+4");
  has("Message=Not for an x86 processor");
  record.interrupt.mode = NVT_V_interrupt_mode_PIN;
  all[0] = '\0';
  nvt_access_walk(&record, &view, note, NULL);
  assert_string_equal(all, "");
  record.header.type = NVT_REC_COMMAND;
  nvt_access_walk(&record, &view, note, NULL);
  assert_string_equal(all, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_register_by_its_parts),
      cmocka_unit_test(configuration_space),
      cmocka_unit_test(msix),
      cmocka_unit_test(messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
