/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/layouts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { CSI_ANY = 0x100, OPCODE_FABRICS = 0x7f };

struct identify_row {
  uint8_t cns;
  uint16_t csi;
  uint16_t structure;
};
static const struct identify_row identify_rows[] = {
#define ANY CSI_ANY
#define NVT_LAYOUT_IDENTIFY(cns, csi, structure) {NVT_CNS_##cns, (csi), NVT_STRUCTURE_##structure},
#include "nvme/layouts.def"
#undef ANY
};

/* By log page and by feature identifier. */
static const uint16_t log_pages[256] = {
#define NVT_LAYOUT_LOG(lid, structure) [NVT_LOG_##lid] = NVT_STRUCTURE_##structure,
#include "nvme/layouts.def"
};

struct feature_row {
  uint16_t set;
  uint16_t result;
  uint16_t sent;
  uint16_t received;
};
static const struct feature_row feature_rows[256] = {
#define NVT_LAYOUT_FEATURE(fid, set, result, sent, received)                                       \
  [NVT_FEATURE_##fid] = {NVT_STRUCTURE_##set, NVT_STRUCTURE_##result, NVT_STRUCTURE_##sent,        \
                         NVT_STRUCTURE_##received},
#include "nvme/layouts.def"
};

struct command_row {
  uint8_t set;
  uint8_t opcode;
  uint8_t direction;
  uint8_t dword;
  uint8_t lsb;
  uint8_t width;
  uint32_t value;
  uint16_t structure;
};
static const struct command_row command_rows[] = {
#define NVT_LAYOUT_COMMAND(set, opcode, direction, dword, lsb, width, value, structure)            \
  {NVT_SET_##set, (opcode), NVT_DIRECTION_##direction, (dword), (lsb),                             \
   (width),       (value),  NVT_STRUCTURE_##structure},
#include "nvme/layouts.def"
};

static enum nvt_structure_id identify(const struct nvt_sqe *sqe) {
  for (size_t i = 0; i < COUNT(identify_rows); i++)
    if (identify_rows[i].cns == (sqe->cdw10 & 0xff) &&
        (identify_rows[i].csi == CSI_ANY || identify_rows[i].csi == sqe->cdw11 >> 24))
      return (enum nvt_structure_id)identify_rows[i].structure;
  return NVT_STRUCTURE_NONE;
}

static struct nvt_layout log_page(const struct nvt_sqe *sqe) {
  struct nvt_layout layout = {(enum nvt_structure_id)log_pages[sqe->cdw10 & 0xff],
                              sqe->cdw12 | (uint64_t)sqe->cdw13 << 32};
  bool index_offset = (sqe->cdw14 >> 23 & 1) != 0; /* Base 2.1, figure 202: OT */
  bool extended = (sqe->cdw10 >> 8 & 1) != 0;      /* and figure 292: LSP.EXTDLPE */
  if (index_offset && layout.offset != 0)
    layout = (struct nvt_layout){NVT_STRUCTURE_NONE, 0};
  if (layout.structure == NVT_STRUCTURE_LOG_DISCOVERY && extended)
    layout.structure = NVT_STRUCTURE_LOG_DISCOVERY_EXTENDED;
  return layout;
}

static enum nvt_structure_id feature_data(const struct nvt_sqe *sqe, bool set) {
  const struct feature_row *row = &feature_rows[sqe->cdw10 & 0xff];
  bool extended = (sqe->cdw11 & 1) != 0; /* Base 2.1, section 5.1.25.1.28: EXHID */
  if ((sqe->cdw10 & 0xff) == NVT_FEATURE_HOST_IDENTIFIER && extended)
    return NVT_STRUCTURE_HOST_ID_EXTENDED;
  return (enum nvt_structure_id)(set ? row->sent : row->received);
}

static uint32_t dword(const struct nvt_sqe *sqe, unsigned number) {
  const uint32_t cdw[6] = {sqe->cdw10, sqe->cdw11, sqe->cdw12, sqe->cdw13, sqe->cdw14, sqe->cdw15};
  return cdw[number - 10];
}

static enum nvt_structure_id by_command(enum nvt_opcode_set set, uint8_t opcode,
                                        const struct nvt_sqe *sqe, enum nvt_direction direction) {
  for (size_t i = 0; i < COUNT(command_rows); i++) {
    const struct command_row *row = &command_rows[i];
    if (row->set != set || row->opcode != opcode || row->direction != direction)
      continue;
    if (row->width == 0 ||
        (dword(sqe, row->dword) >> row->lsb & ~0u >> (32 - row->width)) == row->value)
      return (enum nvt_structure_id)row->structure;
  }
  return NVT_STRUCTURE_NONE;
}

/* Where in its structure the data begins that these commands transfer. */
static uint64_t data_offset(const struct nvt_sqe *sqe) {
  switch (sqe->opcode) {
  case NVT_ADMIN_MIGRATION_SEND:          /* Base 2.1, figure 355: CSOL */
  case NVT_ADMIN_MIGRATION_RECEIVE:       /* figure 341: OL */
  case NVT_ADMIN_SEND_DISCOVERY_LOG_PAGE: /* figure 536: TLPOL */
    return sqe->cdw12 | (uint64_t)sqe->cdw13 << 32;
  default:
    return 0;
  }
}

struct nvt_layout nvt_structure_of(enum nvt_opcode_set set, const struct nvt_sqe *sqe,
                                   enum nvt_direction direction) {
  struct nvt_layout layout = {NVT_STRUCTURE_NONE, 0};
  if (sqe->opcode == OPCODE_FABRICS || set == NVT_SET_FABRICS)
    layout.structure = by_command(NVT_SET_FABRICS, sqe->nsid & 0xff, sqe, direction);
  else if (set == NVT_SET_ADMIN && direction == NVT_DIRECTION_IN &&
           sqe->opcode == NVT_ADMIN_IDENTIFY)
    layout.structure = identify(sqe);
  else if (set == NVT_SET_ADMIN && direction == NVT_DIRECTION_IN &&
           sqe->opcode == NVT_ADMIN_GET_LOG_PAGE)
    layout = log_page(sqe);
  else if (set == NVT_SET_ADMIN && direction == NVT_DIRECTION_OUT &&
           sqe->opcode == NVT_ADMIN_SET_FEATURES)
    layout.structure = feature_data(sqe, true);
  else if (set == NVT_SET_ADMIN && direction == NVT_DIRECTION_IN &&
           sqe->opcode == NVT_ADMIN_GET_FEATURES)
    layout.structure = feature_data(sqe, false);
  else
    layout.structure = by_command(set, sqe->opcode, sqe, direction);
  if (set == NVT_SET_ADMIN && layout.structure != NVT_STRUCTURE_NONE && layout.offset == 0)
    layout.offset = data_offset(sqe);
  return layout;
}

enum nvt_structure_id nvt_feature_set(enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  if (set != NVT_SET_ADMIN || (sqe->opcode != NVT_ADMIN_SET_FEATURES &&
                               (sqe->opcode != NVT_ADMIN_GET_FEATURES || sqe->cdw11 == 0)))
    return NVT_STRUCTURE_NONE;
  return (enum nvt_structure_id)feature_rows[sqe->cdw10 & 0xff].set;
}

enum nvt_structure_id nvt_feature_result(enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  if (set != NVT_SET_ADMIN)
    return NVT_STRUCTURE_NONE;
  unsigned fid = sqe->cdw10 & 0xff;
  bool supported = (sqe->cdw10 >> 8 & 7) == 3; /* SEL: Base 2.1, figure 198 */
  if (sqe->opcode == NVT_ADMIN_GET_FEATURES)
    return supported ? NVT_STRUCTURE_FEATURE_CAPABILITIES
                     : (enum nvt_structure_id)feature_rows[fid].result;
  if (sqe->opcode == NVT_ADMIN_SET_FEATURES && fid == NVT_FEATURE_NUMBER_OF_QUEUES)
    return (enum nvt_structure_id)feature_rows[fid].result;
  return NVT_STRUCTURE_NONE;
}
