/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "nvme/names.h"
#include "nvme/pci.h"

static void names_come_from_the_specification(void **state) {
  (void)state;
  assert_string_equal(nvt_opcode_name(NVT_SET_ADMIN, 0x06), "Identify");
  assert_string_equal(nvt_opcode_name(NVT_SET_NVM, 0x02), "Read");
  assert_null(nvt_opcode_name(NVT_SET_NVM, 0xff));
  assert_string_equal(nvt_status_name(NVT_SC_WRITE_TO_READ_ONLY_RANGE),
                      "Attempted Write to Read Only Range");
  assert_int_equal(NVT_SC_COMPARE_FAILURE, 0x285);
}

static void pci_registers_by_offset(void **state) {
  (void)state;
  enum nvt_pci_layout header = NVT_PCI_LAYOUT_HEADER;
  assert_string_equal(nvt_pci_register_at(header, 0x04)->name, "Command");
  assert_string_equal(nvt_pci_register_at(header, 0x05)->name, "Command");
  assert_string_equal(nvt_pci_register_at(header, 0x06)->name, "Status");
  assert_int_equal(nvt_pci_register_at(header, 0x0b)->offset, 0x09);
  assert_string_equal(nvt_pci_register_at(header, 0x3f)->name, "Maximum Latency");
  assert_null(nvt_pci_register_at(header, 0x40));
  assert_null(nvt_pci_register_at(header, UINT32_MAX));
  assert_string_equal(nvt_pci_register_at(NVT_PCI_LAYOUT_MSIX, 2)->name, "Message Control");
  assert_int_equal(nvt_pci_layout_of(NVT_PCI_CAPABILITY, 0x11), NVT_PCI_LAYOUT_MSIX);
  assert_int_equal(nvt_pci_layout_of(NVT_PCI_EXTENDED, 0x01), NVT_PCI_LAYOUT_AER);
  assert_int_equal(nvt_pci_layout_of(NVT_PCI_CAPABILITY, 0xff), NVT_PCI_LAYOUT_COUNT);
}

static void doorbells_by_stride(void **state) {
  (void)state;
  struct nvt_doorbell_id id;
  assert_true(nvt_doorbell_at(0x1010, 0, &id));
  assert_int_equal(id.qid, 2);
  assert_false(id.is_cq);
  assert_true(nvt_doorbell_at(0x1014, 0, &id));
  assert_true(id.is_cq);
  assert_false(nvt_doorbell_at(0xffc, 0, &id));
  assert_false(nvt_doorbell_at(0x1002, 0, &id));
  assert_true(nvt_doorbell_at(0x1000 + 5 * 128, 5, &id));
  assert_int_equal(id.qid, 2);
  assert_true(id.is_cq);
  for (unsigned dstrd = 0; dstrd < 16; dstrd++) {
    struct nvt_doorbell_id last = {.qid = UINT16_MAX, .is_cq = true};
    uint64_t offset = nvt_doorbell_offset(last, dstrd);
    assert_true(nvt_doorbell_at(offset, dstrd, &id));
    assert_int_equal(id.qid, UINT16_MAX);
    assert_false(nvt_doorbell_at(offset + (4ULL << dstrd), dstrd, &id));
  }
}

static void command_fields_cross_dwords(void **state) {
  (void)state;
  size_t count;
  const struct nvt_command_field *fields = nvt_command_fields(&count);
  struct nvt_sqe sqe = {.cdw10 = 0x11223344, .cdw11 = 0x55667788, .cdw12 = 0x80000007};
  unsigned seen = 0;
  for (size_t i = 0; i < count; i++) {
    assert_in_range(fields[i].dword, 10, 15);
    assert_in_range(fields[i].width, 1, 64);
    if (fields[i].set != NVT_SET_NVM || fields[i].opcode != NVT_NVM_READ)
      continue;
    uint64_t value = nvt_command_field_value(&fields[i], &sqe);
    if (fields[i].dword == 10)
      assert_int_equal(value, 0x5566778811223344), seen++;
    if (fields[i].dword == 12 && fields[i].lsb == 0)
      assert_int_equal(value, 7), seen++;
    if (fields[i].dword == 12 && fields[i].lsb == 31)
      assert_int_equal(value, 1), seen++;
  }
  assert_int_equal(seen, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_come_from_the_specification),
      cmocka_unit_test(pci_registers_by_offset),
      cmocka_unit_test(doorbells_by_stride),
      cmocka_unit_test(command_fields_cross_dwords),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
