/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/commands.h"

#include <string.h>

#include "nvme/names.h"
#include "nvme/vendor.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ROW(set_, opcode_, status_, wdword, wlsb, wwidth, wvalue, dword_, lsb_, width_, id_,       \
            title_, format_, values_)                                                              \
  {                                                                                                \
    .set = NVT_SET_##set_, .opcode = NVT_##set_##_##opcode_, .dword = (dword_), .lsb = (lsb_),     \
    .width = (width_), .when_dword = (wdword), .when_lsb = (wlsb), .when_width = (wwidth),         \
    .when_value = (wvalue), .status = NVT_SC_##status_, .format = NVT_FORMAT_##format_,            \
    .values = NVT_VALUES_##values_, .id = #id_, .title = (title_)                                  \
  }

enum { NVT_SC_ANY = NVT_STATUS_ANY };
static const struct nvt_command_field command_rows[] = {
#define NVT_COMMAND_FIELD_WHEN(set, opcode, wdword, wlsb, wwidth, wvalue, dword, lsb, width, id,   \
                               title, format, values)                                              \
  ROW(set, opcode, ANY, wdword, wlsb, wwidth, wvalue, dword, lsb, width, id, title, format, values),
#define NVT_COMMAND_FIELD(set, opcode, dword, lsb, width, id, title, format, values)               \
  ROW(set, opcode, ANY, 0, 0, 0, 0, dword, lsb, width, id, title, format, values),
#include "nvme/commands.def"
};

/* Dwords whose other bits' meaning depends on something that no row says. */
static const struct specific {
  uint8_t set;
  uint8_t opcode;
  uint8_t dword;
} specific[] = {
#define NVT_COMMAND_SPECIFIC(set, opcode, dword) {NVT_SET_##set, NVT_##set##_##opcode, (dword)},
#include "nvme/commands.def"
};

static const struct nvt_command_field result_rows[] = {
#define NVT_RESULT_FIELD_WHEN(set, opcode, status, wdword, wlsb, wwidth, wvalue, dword, lsb,       \
                              width, id, title, format, values)                                    \
  ROW(set, opcode, status, wdword, wlsb, wwidth, wvalue, dword, lsb, width, id, title, format,     \
      values),
#define NVT_RESULT_FIELD(set, opcode, status, dword, lsb, width, id, title, format, values)        \
  ROW(set, opcode, status, 0, 0, 0, 0, dword, lsb, width, id, title, format, values),
#include "nvme/results.def"
};

/* Where each command's rows are, which stand together. Made before main, or when the
 * library is loaded: look-ups are on the path of every record. */
struct place {
  uint16_t first;
  uint16_t count;
  /* Bits that mean something in any case: of most commands no other one is set. */
  uint32_t known[NVT_SQE_DWORDS];
};
static struct place command_places[NVT_SET_COUNT][256];
static struct place result_places[NVT_SET_COUNT][256];

static void index_rows(struct place places[NVT_SET_COUNT][256],
                       const struct nvt_command_field *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct place *place = &places[rows[i].set][rows[i].opcode];
    if (place->count++ == 0)
      place->first = (uint16_t)i;
  }
}

static void know(uint32_t known[static NVT_SQE_DWORDS], const struct nvt_command_field *field) {
  uint64_t mask = (~0ULL >> (64 - field->width)) << field->lsb;
  known[field->dword] |= (uint32_t)mask;
  if (field->dword + 1u < NVT_SQE_DWORDS)
    known[field->dword + 1u] |= (uint32_t)(mask >> 32);
}

static void know_all(void) {
  for (size_t i = 0; i < COUNT(command_rows); i++)
    if (command_rows[i].when_width == 0)
      know(command_places[command_rows[i].set][command_rows[i].opcode].known, &command_rows[i]);
  for (size_t i = 0; i < COUNT(specific); i++)
    command_places[specific[i].set][specific[i].opcode].known[specific[i].dword] = ~0u;
}

__attribute__((constructor)) static void index_all(void) {
  index_rows(command_places, command_rows, COUNT(command_rows));
  know_all();
  index_rows(result_places, result_rows, COUNT(result_rows));
}

/* --- which command it is --- */

enum nvt_opcode_set nvt_set_of(uint16_t sqid, uint8_t opcode, enum nvt_opcode_set io) {
  if (opcode == NVT_ADMIN_FABRICS)
    return NVT_SET_FABRICS;
  return sqid == 0 ? NVT_SET_ADMIN : io;
}

uint8_t nvt_command_code(enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  return set == NVT_SET_FABRICS ? (uint8_t)sqe->nsid : sqe->opcode;
}

enum nvt_opcode_set nvt_set_of_csi(uint8_t csi) {
  return csi == 1 ? NVT_SET_KV : NVT_SET_NVM;
}

/* --- fields --- */

const struct nvt_command_field *nvt_command_fields(size_t *count) {
  *count = COUNT(command_rows);
  return command_rows;
}

const struct nvt_command_field *nvt_result_fields(size_t *count) {
  *count = COUNT(result_rows);
  return result_rows;
}

static const struct nvt_command_field *rows_of(const struct nvt_command_field *rows,
                                               struct place places[NVT_SET_COUNT][256],
                                               enum nvt_opcode_set set, uint8_t code,
                                               size_t *count) {
  *count = 0;
  if ((unsigned)set >= NVT_SET_COUNT)
    return rows;
  const struct place *place = &places[nvt_opcode_home(set, code)][code];
  *count = place->count;
  return rows + place->first;
}

const struct nvt_command_field *nvt_command_fields_of(enum nvt_opcode_set set, uint8_t code,
                                                      size_t *count) {
  const struct nvt_command_field *rows = rows_of(command_rows, command_places, set, code, count);
  const struct nvt_vendor_opcode *own = *count == 0 ? nvt_vendor_opcode(set, code) : NULL;
  if (own == NULL)
    return rows;
  *count = own->field_count;
  return own->fields;
}

const struct nvt_command_field *nvt_result_fields_of(enum nvt_opcode_set set, uint8_t code,
                                                     size_t *count) {
  const struct nvt_command_field *rows = rows_of(result_rows, result_places, set, code, count);
  const struct nvt_vendor_opcode *own = *count == 0 ? nvt_vendor_opcode(set, code) : NULL;
  if (own == NULL)
    return rows;
  *count = own->result_count;
  return own->results;
}

uint32_t nvt_sqe_dword(const struct nvt_sqe *sqe, unsigned dword) {
  uint32_t value = 0;
  if (dword < NVT_SQE_DWORDS)
    memcpy(&value, (const uint8_t *)sqe + 4 * dword, sizeof(value));
  return value;
}

static uint32_t cqe_dword(const struct nvt_cqe *cqe, unsigned dword) {
  return dword == 0 ? cqe->dw0 : dword == 1 ? cqe->dw1 : 0;
}

static uint64_t bits_of(uint32_t low, uint32_t high, unsigned lsb, unsigned width) {
  uint64_t value = low | (uint64_t)high << 32;
  return value >> lsb & ~0ULL >> (64 - width);
}

static bool sqe_has(const struct nvt_command_field *field, const struct nvt_sqe *sqe) {
  return bits_of(nvt_sqe_dword(sqe, field->when_dword), 0, field->when_lsb, field->when_width) ==
         field->when_value;
}

bool nvt_command_field_applies(const struct nvt_command_field *field, const struct nvt_sqe *sqe) {
  return field->when_width == 0 || sqe_has(field, sqe);
}

uint64_t nvt_command_field_value(const struct nvt_command_field *field, const struct nvt_sqe *sqe) {
  return bits_of(nvt_sqe_dword(sqe, field->dword), nvt_sqe_dword(sqe, field->dword + 1u),
                 field->lsb, field->width);
}

bool nvt_result_field_applies(const struct nvt_command_field *field, const struct nvt_sqe *sqe,
                              const struct nvt_cqe *cqe) {
  if (field->status != NVT_STATUS_ANY && field->status != NVT_CQE_STATUS(cqe->status))
    return false;
  if (field->when_width == 0)
    return true;
  if (field->when_dword > 1)
    return sqe != NULL && sqe_has(field, sqe);
  return bits_of(cqe_dword(cqe, field->when_dword), 0, field->when_lsb, field->when_width) ==
         field->when_value;
}

uint64_t nvt_result_field_value(const struct nvt_command_field *field, const struct nvt_cqe *cqe) {
  return bits_of(cqe_dword(cqe, field->dword), cqe_dword(cqe, field->dword + 1u), field->lsb,
                 field->width);
}

const char *nvt_field_value_name(const struct nvt_command_field *field, uint64_t value) {
  for (size_t i = 0; i < field->name_count; i++)
    if (field->names[i].value == value)
      return field->names[i].name;
  switch (field->format) {
  case NVT_FORMAT_CNS:
    return value <= UINT8_MAX ? nvt_cns_name((uint8_t)value) : NULL;
  case NVT_FORMAT_FEATURE:
    return value <= UINT8_MAX ? nvt_feature_name((uint8_t)value) : NULL;
  case NVT_FORMAT_LOG_PAGE:
    return value <= UINT8_MAX ? nvt_log_page_name((uint8_t)value) : NULL;
  case NVT_FORMAT_FABRICS:
    return value <= UINT8_MAX ? nvt_opcode_name(NVT_SET_FABRICS, (uint8_t)value) : NULL;
  default:
    return nvt_value_name(field->values, value);
  }
}

/* --- reserved bits --- */

bool nvt_command_reserved_bits(enum nvt_opcode_set set, const struct nvt_sqe *sqe,
                               uint32_t bits[static NVT_SQE_DWORDS]) {
  static const uint8_t looked_at[] = {2, 3, 10, 11, 12, 13, 14, 15};
  memset(bits, 0, NVT_SQE_DWORDS * sizeof(bits[0]));
  uint8_t code = nvt_command_code(set, sqe);
  if (!nvt_opcode_standard(set, code))
    return false;
  const uint32_t *known = command_places[nvt_opcode_home(set, code)][code].known;
  uint32_t any = bits[0] = (uint32_t)sqe->flags << 8 & 0x3c00u;
  if (set == NVT_SET_FABRICS)
    any |= bits[1] = sqe->nsid & ~known[1];
  for (size_t i = 0; i < COUNT(looked_at); i++) {
    unsigned dword = looked_at[i];
    any |= bits[dword] = nvt_sqe_dword(sqe, dword) & ~known[dword];
  }
  if (any == 0)
    return false;
  uint32_t also[NVT_SQE_DWORDS] = {0};
  size_t count;
  const struct nvt_command_field *rows = nvt_command_fields_of(set, code, &count);
  for (size_t i = 0; i < count; i++)
    if (nvt_command_field_applies(&rows[i], sqe))
      know(also, &rows[i]);
  any = 0;
  for (size_t i = 0; i < NVT_SQE_DWORDS; i++)
    any |= bits[i] &= ~also[i];
  return any != 0;
}
