/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/vendor.h"

static const struct nvt_vendor_table *table;

void nvt_vendor_use(const struct nvt_vendor_table *use) {
  table = use;
}

const struct nvt_vendor_table *nvt_vendor_used(void) {
  return table;
}

const struct nvt_vendor_opcode *nvt_vendor_opcode(enum nvt_opcode_set set, uint8_t code) {
  for (size_t i = 0; table != NULL && i < table->opcode_count; i++)
    if (table->opcodes[i].code == code && table->opcodes[i].set == set)
      return &table->opcodes[i];
  return NULL;
}

static const char *name_in(const struct nvt_vendor_name *names, size_t count, unsigned value) {
  for (size_t i = 0; i < count; i++)
    if (names[i].value == value)
      return names[i].name;
  return NULL;
}

const char *nvt_vendor_status(nvt_status status) {
  return table != NULL ? name_in(table->statuses, table->status_count, status) : NULL;
}
const char *nvt_vendor_feature(uint8_t fid) {
  return table != NULL ? name_in(table->features, table->feature_count, fid) : NULL;
}
const char *nvt_vendor_log_page(uint8_t lid) {
  return table != NULL ? name_in(table->log_pages, table->log_page_count, lid) : NULL;
}
