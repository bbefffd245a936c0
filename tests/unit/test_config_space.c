/* SPDX-License-Identifier: BSD-2-Clause */
/* Capabilities are found wherever reads show them, and a hostile list ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "trace/config_space.h"

static void read_at(struct nvt_config_space *space, uint64_t offset, uint64_t value, uint8_t size) {
  struct nvt_record record = {.header = {.type = NVT_REC_CONFIG_READ},
                              .access = {.offset = offset, .value = value, .size = size}};
  nvt_config_space_record(space, &record);
}

static const struct nvt_pci_register *at(const struct nvt_config_space *space, uint64_t offset) {
  struct nvt_config_place place;
  return nvt_config_space_at(space, offset, &place) ? place.reg : NULL;
}

static void list_is_followed(void **state) {
  (void)state;
  struct nvt_config_space space;
  nvt_config_space_init(&space);
  read_at(&space, 0x50, 0x00406011, 4); /* MSI-X, before its place is known */
  assert_null(at(&space, 0x52));
  read_at(&space, 0x34, 0x40, 1);
  read_at(&space, 0x40, 0x5001, 2); /* Power Management, then the one at 50h */
  assert_string_equal(at(&space, 0x44)->id, "PMCS");
  assert_string_equal(at(&space, 0x52)->id, "CONTROL");
  assert_string_equal(at(&space, 0x53)->id, "CONTROL");
  assert_null(at(&space, 0x5c));
  assert_int_equal(space.count, 2);
  read_at(&space, 0x60, 0x0010, 2); /* PCI Express, the last */
  assert_string_equal(at(&space, 0x68)->id, "DEVCTL");
  assert_string_equal(at(&space, 0x04)->id, "COMMAND");
  assert_string_equal(at(NULL, 0x04)->id, "COMMAND");
  assert_null(at(NULL, 0x40));
}

static void extended_list_is_followed(void **state) {
  (void)state;
  struct nvt_config_space space;
  nvt_config_space_init(&space);
  read_at(&space, 0x100, 0x14010001, 4); /* AER, next at 140h */
  read_at(&space, 0x140, 0x0001abcd, 4); /* not in the tables, the last */
  assert_string_equal(at(&space, 0x104)->id, "UESTS");
  struct nvt_config_place place;
  assert_true(nvt_config_space_at(&space, 0x144, &place));
  assert_null(place.layout);
  assert_int_equal(place.capability->number, 0xabcd);
  assert_true(nvt_config_space_at(&space, 4095, &place));
  assert_false(nvt_config_space_at(&space, 4096, &place));
  assert_false(nvt_config_space_at(&space, UINT64_MAX, &place));
  nvt_config_space_init(&space);
  read_at(&space, 0x100, 0, 4); /* a function without */
  assert_int_equal(space.count, 0);
  assert_null(at(&space, 0x104));
}

static void msi_has_two_layouts(void **state) {
  (void)state;
  struct nvt_config_space space;
  nvt_config_space_init(&space);
  read_at(&space, 0x34, 0x40, 1);
  read_at(&space, 0x40, 0x00800005, 4);
  assert_string_equal(at(&space, 0x48)->id, "UPPER");
  nvt_config_space_init(&space);
  read_at(&space, 0x34, 0x40, 1);
  read_at(&space, 0x40, 0x00000005, 4);
  assert_string_equal(at(&space, 0x48)->id, "DATA");
}

static void hostile_lists_end(void **state) {
  (void)state;
  struct nvt_config_space space;
  nvt_config_space_init(&space);
  read_at(&space, 0x34, 0x40, 1);
  read_at(&space, 0x40, 0x4001, 2); /* leads to itself */
  assert_true(space.ended);
  assert_int_equal(space.count, 1);
  nvt_config_space_init(&space);
  read_at(&space, 0x34, 0x08, 1); /* into the header */
  assert_true(space.ended);
  assert_int_equal(space.count, 0);
  nvt_config_space_init(&space);
  read_at(&space, 0x34, 0xffffffff, 4); /* a function that isn't there */
  assert_false(space.ended);
  read_at(&space, UINT64_MAX, 1, 8);
  read_at(&space, 4095, 0x0102, 8);
  read_at(&space, 0, 1, 0);
  read_at(&space, 0, 1, 255);
  assert_int_equal(space.count, 0);
}

/* Capabilities in a row, the last one ending the list. */
static void chain(struct nvt_config_space *space, unsigned count) {
  nvt_config_space_init(space);
  for (unsigned i = 0; i < count; i++) {
    unsigned offset = 0x100 + 4 * i;
    unsigned next = i + 1 < count ? offset + 4 : 0;
    read_at(space, offset, (uint64_t)next << 20 | 0x10001, 4);
  }
}

static void limit_of_extended(void **state) {
  (void)state;
  struct nvt_config_space space;
  for (unsigned n = NVT_EXTENDED_MAX - 1; n <= NVT_EXTENDED_MAX + 1; n++) {
    chain(&space, n);
    assert_int_equal(space.count, n < NVT_EXTENDED_MAX ? n : NVT_EXTENDED_MAX);
    assert_true(space.ended_extended);
  }
}

/* Every dword from 40h to FCh: as many as fit. */
static void all_of_the_list(void **state) {
  (void)state;
  struct nvt_config_space space;
  nvt_config_space_init(&space);
  read_at(&space, 0x34, 0x40, 1);
  for (unsigned offset = 0x40; offset < 0x100; offset += 4)
    read_at(&space, offset, ((offset + 4) & 0xff) << 8 | 9, 4);
  assert_int_equal(space.count, NVT_CAPABILITIES_MAX);
  assert_true(space.ended);
}

static void platform_is_the_first_address(void **state) {
  (void)state;
  struct nvt_config_space space;
  nvt_config_space_init(&space);
  struct nvt_record record = {
      .header = {.type = NVT_REC_MSIX_WRITE},
      .access = {.offset = 16, .size = 4, .space = NVT_V_access_space_MSIX_TABLE}};
  nvt_config_space_record(&space, &record);
  assert_int_equal(space.platform, NVT_MSI_UNKNOWN);
  record.access.value = 0xfee01000;
  nvt_config_space_record(&space, &record);
  assert_int_equal(space.platform, NVT_MSI_X86);
  record.access.value = 0x8090040;
  nvt_config_space_record(&space, &record);
  assert_int_equal(space.platform, NVT_MSI_X86);
  assert_int_equal(nvt_msi_platform(0xfee00000), NVT_MSI_X86);
  assert_int_equal(nvt_msi_platform(0xfeefffff), NVT_MSI_X86);
  assert_int_equal(nvt_msi_platform(0xfedfffff), NVT_MSI_OTHER);
  assert_int_equal(nvt_msi_platform(0xfef00000), NVT_MSI_OTHER);
  assert_int_equal(nvt_msi_platform(0x1fee00000), NVT_MSI_OTHER);
}

/* A field that isn't in its register, or one of another's, would show wrong bits. */
static void rows_fit(void **state) {
  (void)state;
  size_t count, fields_count;
  const struct nvt_pci_register *registers = nvt_pci_registers(&count);
  const struct nvt_pci_field *fields = nvt_pci_fields(&fields_count);
  for (size_t i = 0; i < fields_count; i++) {
    assert_true(fields[i].lsb + fields[i].width <= registers[fields[i].reg].size * 8);
    assert_true(i == 0 || fields[i - 1].reg <= fields[i].reg);
    if (i > 0 && fields[i - 1].reg == fields[i].reg)
      assert_true(fields[i - 1].lsb + fields[i - 1].width <= fields[i].lsb);
  }
  for (size_t i = 1; i < count; i++)
    if (registers[i - 1].layout == registers[i].layout)
      assert_true(registers[i - 1].offset + registers[i - 1].size <= registers[i].offset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(list_is_followed),
      cmocka_unit_test(extended_list_is_followed),
      cmocka_unit_test(msi_has_two_layouts),
      cmocka_unit_test(hostile_lists_end),
      cmocka_unit_test(limit_of_extended),
      cmocka_unit_test(all_of_the_list),
      cmocka_unit_test(platform_is_the_first_address),
      cmocka_unit_test(rows_fit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
