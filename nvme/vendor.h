/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A person's own table: commands, statuses, features and log pages that nvme/'s tables don't
 * have. Look-ups by name or by command find its rows after the specification's.
 */
#ifndef NVT_NVME_VENDOR_H
#define NVT_NVME_VENDOR_H

#include "nvme/commands.h"

struct nvt_vendor_opcode {
  enum nvt_opcode_set set;
  uint8_t code; /* the opcode, or a Fabrics command's type */
  enum nvt_direction direction;
  const char *name;
  const struct nvt_command_field *fields;
  size_t field_count;
  const struct nvt_command_field *results;
  size_t result_count;
};

struct nvt_vendor_name {
  uint16_t value;
  const char *name;
};

struct nvt_vendor_table {
  const struct nvt_vendor_opcode *opcodes;
  size_t opcode_count;
  const struct nvt_vendor_name *statuses; /* nvt_status */
  size_t status_count;
  const struct nvt_vendor_name *features;
  size_t feature_count;
  const struct nvt_vendor_name *log_pages;
  size_t log_page_count;
};

/* From now on, and in place of another one; borrowed until the next call; NULL: none. The one
 * function of nvme/ that has an effect: not while another thread looks something up. */
void nvt_vendor_use(const struct nvt_vendor_table *);

const struct nvt_vendor_table *nvt_vendor_used(void);

/* For the look-ups; NULL when it has none. */
const struct nvt_vendor_opcode *nvt_vendor_opcode(enum nvt_opcode_set, uint8_t code);
const char *nvt_vendor_status(nvt_status);
const char *nvt_vendor_feature(uint8_t fid);
const char *nvt_vendor_log_page(uint8_t lid);

#endif
