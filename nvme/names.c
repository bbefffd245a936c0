/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/names.h"

#include "nvme/vendor.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct opcode_row {
  uint8_t direction;
  const char *id;
  const char *name;
};

static const struct opcode_row opcodes[NVT_SET_COUNT][256] = {
#define NVT_OPCODE(set, value, id, name, dir)                                                      \
  [NVT_SET_##set][value] = {NVT_DIRECTION_##dir, #id, (name)},
#include "nvme/opcodes.def"
};

/* Base 2.1, figure 556. */
static bool common_to_io_sets(uint8_t opcode) {
  switch (opcode) {
  case NVT_NVM_FLUSH:
  case NVT_NVM_RESERVATION_REGISTER:
  case NVT_NVM_RESERVATION_REPORT:
  case NVT_NVM_RESERVATION_ACQUIRE:
  case NVT_NVM_IO_MANAGEMENT_RECEIVE:
  case NVT_NVM_RESERVATION_RELEASE:
  case NVT_NVM_CANCEL:
  case NVT_NVM_IO_MANAGEMENT_SEND:
  case NVT_NVM_IO_FABRICS:
    return true;
  default:
    return false;
  }
}

enum nvt_opcode_set nvt_opcode_home(enum nvt_opcode_set set, uint8_t code) {
  return set == NVT_SET_KV && common_to_io_sets(code) ? NVT_SET_NVM : set;
}

/* NULL for what the table doesn't have. */
static const struct opcode_row *opcode_row(enum nvt_opcode_set set, uint8_t code) {
  if ((unsigned)set >= NVT_SET_COUNT)
    return NULL;
  const struct opcode_row *row = &opcodes[nvt_opcode_home(set, code)][code];
  return row->name != NULL ? row : NULL;
}

bool nvt_opcode_standard(enum nvt_opcode_set set, uint8_t code) {
  return opcode_row(set, code) != NULL;
}

const char *nvt_opcode_id(enum nvt_opcode_set set, uint8_t code) {
  const struct opcode_row *row = opcode_row(set, code);
  return row != NULL ? row->id : NULL;
}

const char *nvt_opcode_name(enum nvt_opcode_set set, uint8_t code) {
  const struct opcode_row *row = opcode_row(set, code);
  if (row != NULL)
    return row->name;
  const struct nvt_vendor_opcode *own = nvt_vendor_opcode(set, code);
  return own != NULL ? own->name : NULL;
}

enum nvt_direction nvt_opcode_direction(enum nvt_opcode_set set, uint8_t code) {
  const struct opcode_row *row = opcode_row(set, code);
  if (row != NULL)
    return (enum nvt_direction)row->direction;
  const struct nvt_vendor_opcode *own = nvt_vendor_opcode(set, code);
  return own != NULL ? own->direction : (enum nvt_direction)(code & 3u);
}

struct value_row {
  uint16_t value;
  const char *name;
};

static const char *value_name(const struct value_row *rows, size_t count, unsigned value) {
  for (size_t i = 0; i < count; i++)
    if (rows[i].value == value)
      return rows[i].name;
  return NULL;
}

static const struct value_row status_types[] = {
#define NVT_STATUS_TYPE(value, id, name) {(value), (name)},
#include "nvme/status.def"
};
static const struct value_row statuses[] = {
#define NVT_STATUS(type, code, id, name) {NVT_SC_##id, (name)},
#include "nvme/status.def"
};
static const struct {
  uint8_t set;
  nvt_status status;
  const char *name;
} set_statuses[] = {
#define NVT_STATUS_IN(set, type, code, id, name) {NVT_SET_##set, NVT_SC_##id, (name)},
#include "nvme/status.def"
};
static const struct value_row features[] = {
#define NVT_FEATURE(value, id, name) {(value), (name)},
#include "nvme/features.def"
};
static const struct value_row log_pages[] = {
#define NVT_LOG_PAGE(value, id, name) {(value), (name)},
#include "nvme/logpages.def"
};
static const struct value_row cns_values[] = {
#define NVT_CNS(value, id, name) {(value), (name)},
#include "nvme/identify_cns.def"
};

const char *nvt_status_name(nvt_status status) {
  const char *name = value_name(statuses, COUNT(statuses), status);
  return name != NULL ? name : nvt_vendor_status(status);
}

const char *nvt_status_name_in(enum nvt_opcode_set set, nvt_status status) {
  for (size_t i = 0; i < COUNT(set_statuses); i++)
    if (set_statuses[i].set == set && set_statuses[i].status == status)
      return set_statuses[i].name;
  return nvt_status_name(status);
}

const char *nvt_status_type_name(unsigned sct) {
  return value_name(status_types, COUNT(status_types), sct);
}
const char *nvt_feature_name(uint8_t fid) {
  const char *name = value_name(features, COUNT(features), fid);
  return name != NULL ? name : nvt_vendor_feature(fid);
}
const char *nvt_log_page_name(uint8_t lid) {
  const char *name = value_name(log_pages, COUNT(log_pages), lid);
  return name != NULL ? name : nvt_vendor_log_page(lid);
}
const char *nvt_cns_name(uint8_t cns) {
  return value_name(cns_values, COUNT(cns_values), cns);
}

static const struct nvt_register_info registers[] = {
#define NVT_REGISTER(offset, size, id, name, title) {(offset), (size), (name), (title)},
#include "nvme/registers.def"
};

const struct nvt_register_info *nvt_registers(size_t *count) {
  *count = COUNT(registers);
  return registers;
}

const struct nvt_register_info *nvt_register_at(uint64_t offset) {
  if (offset >= NVT_REG_DOORBELLS) /* most accesses are to these */
    return NULL;
  for (size_t i = 0; i < COUNT(registers); i++)
    if (offset >= registers[i].offset && offset - registers[i].offset < registers[i].size)
      return &registers[i];
  return NULL;
}

struct register_values {
  uint32_t offset;
  uint8_t lsb;
  uint16_t values;
};
static const struct register_values register_values[] = {
#define NVT_REGISTER_VALUES(reg, id, list)                                                         \
  {NVT_REG_##reg, NVT_##reg##_##id##_SHIFT, NVT_VALUES_##list},
#include "nvme/registers.def"
};

enum nvt_values nvt_register_values(uint32_t offset, unsigned lsb) {
  for (size_t i = 0; i < COUNT(register_values); i++)
    if (register_values[i].offset == offset && register_values[i].lsb == lsb)
      return (enum nvt_values)register_values[i].values;
  return NVT_VALUES_NONE;
}

bool nvt_doorbell_at(uint64_t offset, unsigned dstrd, struct nvt_doorbell_id *out) {
  if (offset < NVT_REG_DOORBELLS || dstrd > 15)
    return false;
  uint64_t stride = 4ULL << dstrd;
  uint64_t index = (offset - NVT_REG_DOORBELLS) / stride;
  if ((offset - NVT_REG_DOORBELLS) % stride != 0 || index / 2 > UINT16_MAX)
    return false;
  out->qid = (uint16_t)(index / 2);
  out->is_cq = index % 2 != 0;
  return true;
}

uint64_t nvt_doorbell_offset(struct nvt_doorbell_id id, unsigned dstrd) {
  return NVT_REG_DOORBELLS + (2ULL * id.qid + (id.is_cq ? 1 : 0)) * (4ULL << dstrd);
}
