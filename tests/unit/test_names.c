/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

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

static void register_fields_have_names_of_values(void **state) {
  (void)state;
  assert_string_equal(nvt_value_name(nvt_register_values(NVT_REG_CC, NVT_CC_SHN_SHIFT), 1),
                      "normal shutdown");
  assert_string_equal(nvt_value_name(nvt_register_values(NVT_REG_CSTS, NVT_CSTS_SHST_SHIFT), 2),
                      "shutdown complete");
  assert_null(nvt_value_name(nvt_register_values(NVT_REG_CC, NVT_CC_SHN_SHIFT), 3));
  assert_int_equal(nvt_register_values(NVT_REG_CC, NVT_CC_EN_SHIFT), NVT_VALUES_NONE);
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

/* Each row lies in its dwords, and is either apart from the others of its command or a part
 * of one; those of a command stand together, and its opcode is in the table. */
static void rows_are_sound(const struct nvt_command_field *rows, size_t count, bool result) {
  for (size_t i = 0; i < count; i++) {
    const struct nvt_command_field *a = &rows[i];
    unsigned room = result ? 64u - 32u * a->dword : a->dword == 15 ? 32 : 64;
    assert_in_range(a->width, 1, 64);
    assert_in_range(a->lsb + a->width, 1, room);
    if (a->width <= 32)
      assert_in_range(a->lsb + a->width, 1, a->lsb == 0 ? 32 : 48);
    assert_true(nvt_opcode_standard(a->set, a->opcode));
    if (result)
      assert_in_range(a->dword, 0, 1);
    else if (a->dword != 1)
      assert_true((a->dword >= 2 && a->dword <= 3) || (a->dword >= 10 && a->dword <= 15));
    else
      assert_int_equal(a->set, NVT_SET_FABRICS);
    for (size_t j = 0; j < i; j++) {
      const struct nvt_command_field *b = &rows[j];
      if (b->set != a->set || b->opcode != a->opcode)
        continue;
      assert_true(rows[i - 1].set == a->set && rows[i - 1].opcode == a->opcode);
      if (a->when_width != 0 && b->when_width != 0 && a->when_value != b->when_value)
        continue; /* never both */
      if (result && a->status != b->status)
        continue;
      unsigned a0 = a->dword * 32u + a->lsb, a1 = a0 + a->width;
      unsigned b0 = b->dword * 32u + b->lsb, b1 = b0 + b->width;
      bool apart = a1 <= b0 || b1 <= a0;
      bool part = (a0 >= b0 && a1 <= b1) || (b0 >= a0 && b1 <= a1);
      if (!apart && !part)
        fail_msg("%s and %s of opcode %02xh overlap", a->id, b->id, a->opcode);
    }
  }
}

static void tables_are_sound(void **state) {
  (void)state;
  size_t count;
  const struct nvt_command_field *rows = nvt_command_fields(&count);
  rows_are_sound(rows, count, false);
  rows = nvt_result_fields(&count);
  rows_are_sound(rows, count, true);
}

/* Every command of the tables has fields, or is one that has none. */
static void no_command_is_forgotten(void **state) {
  (void)state;
  static const struct {
    enum nvt_opcode_set set;
    uint8_t code;
  } without[] = {
      {NVT_SET_ADMIN, NVT_ADMIN_ASYNC_EVENT_REQUEST},
      {NVT_SET_ADMIN, NVT_ADMIN_KEEP_ALIVE},
      {NVT_SET_ADMIN, NVT_ADMIN_FABRIC_ZONING_LOOKUP},
      {NVT_SET_ADMIN, NVT_ADMIN_CLEAR_EXPORTED_NVM_RESOURCE},
      {NVT_SET_ADMIN, NVT_ADMIN_DOORBELL_BUFFER_CONFIG},
      {NVT_SET_ADMIN, NVT_ADMIN_FABRICS}, /* by its type */
      {NVT_SET_NVM, NVT_NVM_IO_FABRICS},
      {NVT_SET_NVM, NVT_NVM_FLUSH},
      {NVT_SET_KV, NVT_NVM_FLUSH},
      {NVT_SET_KV, NVT_NVM_IO_FABRICS},
  };
  for (unsigned set = 0; set < NVT_SET_COUNT; set++)
    for (unsigned code = 0; code < 256; code++) {
      size_t count;
      nvt_command_fields_of((enum nvt_opcode_set)set, (uint8_t)code, &count);
      bool none = !nvt_opcode_standard((enum nvt_opcode_set)set, (uint8_t)code);
      for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
        none |= without[i].set == set && without[i].code == code;
      if (none != (count == 0))
        fail_msg("set %u, code %02xh has %zu fields", set, code, count);
    }
}

static void reserved_bits(void **state) {
  (void)state;
  uint32_t bits[NVT_SQE_DWORDS];
  struct nvt_sqe sqe = {.opcode = NVT_NVM_READ, .cdw10 = UINT32_MAX, .cdw11 = UINT32_MAX};
  assert_false(nvt_command_reserved_bits(NVT_SET_NVM, &sqe, bits));
  sqe.cdw12 = UINT32_MAX & ~0x000f0000u;
  assert_true(nvt_command_reserved_bits(NVT_SET_NVM, &sqe, bits));
  assert_int_equal(bits[12], 0x02f00000);
  sqe.cdw12 = 0;
  sqe.cdw3 = 0x8000ffff;
  sqe.flags = 0x3c;
  assert_true(nvt_command_reserved_bits(NVT_SET_NVM, &sqe, bits));
  assert_int_equal(bits[3], 0x80000000);
  assert_int_equal(bits[0], 0x3c00);
  assert_int_equal(bits[10], 0);
  /* What a field's presence depends on. */
  struct nvt_sqe suspend = {.opcode = NVT_ADMIN_MIGRATION_SEND, .cdw11 = 0x80000000};
  assert_false(nvt_command_reserved_bits(NVT_SET_ADMIN, &suspend, bits));
  suspend.cdw10 = 1; /* Resume has no such bit */
  assert_true(nvt_command_reserved_bits(NVT_SET_ADMIN, &suspend, bits));
  assert_int_equal(bits[11], 0x80000000);
  /* A vendor's, and unknown ones: never. A feature's dwords are the feature's. */
  for (unsigned opcode = 0; opcode < 256; opcode++)
    if (!nvt_opcode_standard(NVT_SET_ADMIN, (uint8_t)opcode)) {
      struct nvt_sqe other;
      memset(&other, 0xff, sizeof(other));
      other.opcode = (uint8_t)opcode;
      assert_false(nvt_command_reserved_bits(NVT_SET_ADMIN, &other, bits));
    }
  struct nvt_sqe feature = {
      .opcode = NVT_ADMIN_SET_FEATURES, .cdw10 = 0x0d, .cdw13 = 1, .cdw14 = ~0u};
  assert_false(nvt_command_reserved_bits(NVT_SET_ADMIN, &feature, bits));
  struct nvt_sqe connect = {.opcode = 0x7f, .nsid = 0x101};
  assert_true(nvt_command_reserved_bits(NVT_SET_FABRICS, &connect, bits));
  assert_int_equal(bits[1], 0x100);
}

static void sets(void **state) {
  (void)state;
  assert_int_equal(nvt_set_of(0, 0x7f, NVT_SET_NVM), NVT_SET_FABRICS);
  assert_int_equal(nvt_set_of(1, 0x02, NVT_SET_KV), NVT_SET_KV);
  assert_int_equal(nvt_set_of(0, 0x02, NVT_SET_KV), NVT_SET_ADMIN);
  assert_string_equal(nvt_opcode_name(NVT_SET_KV, 0x02), "Retrieve");
  assert_string_equal(nvt_opcode_name(NVT_SET_KV, 0x0d), "Reservation Register");
  assert_null(nvt_opcode_name(NVT_SET_KV, 0x19));
  struct nvt_sqe connect = {.opcode = 0x7f, .nsid = 0xffffff01};
  assert_string_equal(nvt_opcode_name(NVT_SET_FABRICS, nvt_command_code(NVT_SET_FABRICS, &connect)),
                      "Connect");
  assert_string_equal(nvt_status_name_in(NVT_SET_NVM, 0x180), "Conflicting Attributes");
  assert_string_equal(nvt_status_name_in(NVT_SET_FABRICS, 0x180), "Connect Incompatible Format");
  assert_string_equal(nvt_status_name_in(NVT_SET_FABRICS, 0x002), "Invalid Field in Command");
}

static void results(void **state) {
  (void)state;
  size_t count;
  const struct nvt_command_field *rows =
      nvt_result_fields_of(NVT_SET_NVM, NVT_NVM_ZONE_APPEND, &count);
  struct nvt_cqe cqe = {.dw0 = 0x11223344, .dw1 = 0x55667788};
  assert_int_equal(count, 1);
  assert_true(nvt_result_field_applies(rows, NULL, &cqe));
  assert_int_equal(nvt_result_field_value(rows, &cqe), 0x5566778811223344);
  cqe.status = NVT_SC_ZONE_IS_FULL << 1;
  assert_false(nvt_result_field_applies(rows, NULL, &cqe));
  /* The command says whether it is there; a command that isn't known says nothing. */
  rows = nvt_result_fields_of(NVT_SET_ADMIN, NVT_ADMIN_NS_MANAGEMENT, &count);
  struct nvt_sqe create = {.opcode = NVT_ADMIN_NS_MANAGEMENT}, delete = {.cdw10 = 1};
  cqe.status = 0;
  assert_true(nvt_result_field_applies(rows, &create, &cqe));
  assert_false(nvt_result_field_applies(rows, &delete, &cqe));
  assert_false(nvt_result_field_applies(rows, NULL, &cqe));
  /* An event's information is called by its type. */
  rows = nvt_result_fields_of(NVT_SET_ADMIN, NVT_ADMIN_ASYNC_EVENT_REQUEST, &count);
  cqe.dw0 = 0x00040002;
  for (size_t i = 0; i < count; i++)
    if (nvt_result_field_applies(&rows[i], NULL, &cqe) && rows[i].lsb == 8)
      assert_string_equal(nvt_field_value_name(&rows[i], 0),
                          "Attached Namespace Attribute Changed");
}

static void command_fields_cross_dwords(void **state) {
  (void)state;
  size_t count;
  const struct nvt_command_field *fields = nvt_command_fields(&count);
  struct nvt_sqe sqe = {.cdw10 = 0x11223344, .cdw11 = 0x55667788, .cdw12 = 0x80000007};
  unsigned seen = 0;
  for (size_t i = 0; i < count; i++) {
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
      cmocka_unit_test(register_fields_have_names_of_values),
      cmocka_unit_test(doorbells_by_stride),
      cmocka_unit_test(tables_are_sound),
      cmocka_unit_test(no_command_is_forgotten),
      cmocka_unit_test(reserved_bits),
      cmocka_unit_test(sets),
      cmocka_unit_test(results),
      cmocka_unit_test(command_fields_cross_dwords),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
