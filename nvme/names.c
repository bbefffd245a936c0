/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/names.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct opcode_row {
  uint8_t set;
  uint8_t value;
  uint8_t direction;
  const char *name;
};

static const struct opcode_row opcodes[] = {
#define NVT_OPCODE(set, value, id, name, dir) {NVT_SET_##set, (value), NVT_DIRECTION_##dir, (name)},
#include "nvme/opcodes.def"
};

static const struct opcode_row *opcode_row(enum nvt_opcode_set set, uint8_t opcode) {
  for (size_t i = 0; i < COUNT(opcodes); i++)
    if (opcodes[i].set == set && opcodes[i].value == opcode)
      return &opcodes[i];
  return NULL;
}

const char *nvt_opcode_name(enum nvt_opcode_set set, uint8_t opcode) {
  const struct opcode_row *row = opcode_row(set, opcode);
  return row ? row->name : NULL;
}

enum nvt_direction nvt_opcode_direction(enum nvt_opcode_set set, uint8_t opcode) {
  const struct opcode_row *row = opcode_row(set, opcode);
  return row ? (enum nvt_direction)row->direction : (enum nvt_direction)(opcode & 3u);
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
  return value_name(statuses, COUNT(statuses), status);
}
const char *nvt_status_type_name(unsigned sct) {
  return value_name(status_types, COUNT(status_types), sct);
}
const char *nvt_feature_name(uint8_t fid) {
  return value_name(features, COUNT(features), fid);
}
const char *nvt_log_page_name(uint8_t lid) {
  return value_name(log_pages, COUNT(log_pages), lid);
}
const char *nvt_cns_name(uint8_t cns) {
  return value_name(cns_values, COUNT(cns_values), cns);
}

static const struct nvt_register_info registers[] = {
#define NVT_REGISTER(offset, size, id, name, title) {(offset), (size), (name), (title)},
#include "nvme/registers.def"
};

const struct nvt_register_info *nvt_register_at(uint64_t offset) {
  for (size_t i = 0; i < COUNT(registers); i++)
    if (offset >= registers[i].offset && offset - registers[i].offset < registers[i].size)
      return &registers[i];
  return NULL;
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

static const struct nvt_command_field command_fields[] = {
#define NVT_COMMAND_FIELD(set, opcode, dword, lsb, width, id, title, format, values)               \
  {NVT_SET_##set,       NVT_##set##_##opcode, (dword), (lsb),  (width),                            \
   NVT_FORMAT_##format, NVT_VALUES_##values,  #id,     (title)},
#include "nvme/commands.def"
};

const struct nvt_command_field *nvt_command_fields(size_t *count) {
  *count = COUNT(command_fields);
  return command_fields;
}

uint64_t nvt_command_field_value(const struct nvt_command_field *field, const struct nvt_sqe *sqe) {
  const uint32_t cdw[7] = {sqe->cdw10, sqe->cdw11, sqe->cdw12, sqe->cdw13,
                           sqe->cdw14, sqe->cdw15, 0};
  unsigned i = field->dword - 10u;
  uint64_t value = cdw[i] | (uint64_t)cdw[i + 1] << 32;
  return (value >> field->lsb) & (~0ULL >> (64 - field->width));
}
