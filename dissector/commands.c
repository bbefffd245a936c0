/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Submission and completion queue entries, by nvme/opcodes.def and nvme/commands.def. */
#include "dissector/dissector_int.h"

#define ENTRY 16 /* offset of the queue entry in its record's body */
#define PRP_BYTES 8
#define SGL_BYTES 16

static const value_string admin_opcodes[] = {
#define WHEN_ADMIN(value, name) {(value), (name)},
#define WHEN_NVM(value, name)
#define NVT_OPCODE(set, value, id, name, dir) WHEN_##set(value, name)
#include "nvme/opcodes.def"
#undef WHEN_ADMIN
#undef WHEN_NVM
    {0, NULL}};
static const value_string nvm_opcodes[] = {
#define WHEN_ADMIN(value, name)
#define WHEN_NVM(value, name) {(value), (name)},
#define NVT_OPCODE(set, value, id, name, dir) WHEN_##set(value, name)
#include "nvme/opcodes.def"
#undef WHEN_ADMIN
#undef WHEN_NVM
    {0, NULL}};
static const value_string statuses[] = {
#define NVT_STATUS(type, code, id, name) {NVT_SC_##id, (name)},
#include "nvme/status.def"
    {0, NULL}};
static const value_string status_types[] = {
#define NVT_STATUS_TYPE(value, id, name) {(value), (name)},
#include "nvme/status.def"
    {0, NULL}};
static const value_string features[] = {
#define NVT_FEATURE(value, id, name) {(value), (name)},
#include "nvme/features.def"
    {0, NULL}};
static const value_string log_pages[] = {
#define NVT_LOG_PAGE(value, id, name) {(value), (name)},
#include "nvme/logpages.def"
    {0, NULL}};
static const value_string cns_values[] = {
#define NVT_CNS(value, id, name) {(value), (name)},
#include "nvme/identify_cns.def"
    {0, NULL}};

static const value_string fuse_names[] = {
    {0, "normal"}, {1, "first of a fused pair"}, {2, "second of a fused pair"}, {0, NULL}};
static const value_string psdt_names[] = {
    {0, "PRPs"}, {1, "SGL, metadata contiguous"}, {2, "SGL, metadata by SGL"}, {0, NULL}};
static const value_string sgl_types[] = {{0, "Data Block"},       {1, "Bit Bucket"},
                                         {2, "Segment"},          {3, "Last Segment"},
                                         {4, "Keyed Data Block"}, {5, "Transport Data Block"},
                                         {15, "Vendor Specific"}, {0, NULL}};

/* A row of nvme/commands.def, and its field. */
struct row {
  enum nvt_opcode_set set;
  uint8_t opcode;
  uint8_t dword;
  uint8_t lsb;
  uint8_t width;
  enum nvt_format format;
  const char *command;
  const char *id;
  const char *title;
  int hf;
};
static struct row rows[] = {
#define NVT_COMMAND_FIELD(set, opcode, dword, lsb, width, id, title, format, values)               \
  {NVT_SET_##set, NVT_##set##_##opcode,                                                            \
   (dword),       (lsb),                                                                           \
   (width),       NVT_FORMAT_##format,                                                             \
   #opcode,       #id,                                                                             \
   (title),       -1},
#include "nvme/commands.def"
};

static int hf_sqe = -1, hf_cqe = -1;
static int hf_admin_opcode = -1, hf_nvm_opcode = -1, hf_opcode_name = -1;
static int hf_fuse = -1, hf_flags_reserved = -1, hf_psdt = -1;
static int hf_cid = -1, hf_nsid = -1, hf_cdw2 = -1, hf_cdw3 = -1, hf_mptr = -1;
static int hf_prp1 = -1, hf_prp2 = -1;
static int hf_cdw[6] = {-1, -1, -1, -1, -1, -1};
static int hf_sgl_address = -1, hf_sgl_length = -1, hf_sgl_type = -1, hf_sgl_subtype = -1;
static int hf_sgl = -1, hf_sgl_reserved = -1;
static int hf_dw0 = -1, hf_dw1 = -1, hf_sqhd = -1, hf_sqid = -1, hf_cqe_cid = -1;
static int hf_phase = -1, hf_status = -1, hf_status_name = -1, hf_sct = -1, hf_sc = -1;
static int hf_status_word = -1, hf_crd = -1, hf_more = -1, hf_dnr = -1;
static int ett_entry = -1, ett_dword = -1, ett_sgl = -1, ett_status = -1;

struct plain {
  int *hf;
  const char *name;
  const char *abbrev;
  enum ftenum type;
  int display;
  const void *strings;
  uint64_t mask;
};

static const struct plain plain_fields[] = {
    {&hf_sqe, "Submission Queue Entry", "nvmetap.sqe", FT_NONE, BASE_NONE, NULL, 0},
    {&hf_cqe, "Completion Queue Entry", "nvmetap.cqe", FT_NONE, BASE_NONE, NULL, 0},
    {&hf_admin_opcode, "Opcode", "nvmetap.opcode", FT_UINT8, BASE_HEX, VALS(admin_opcodes), 0},
    {&hf_nvm_opcode, "Opcode", "nvmetap.opcode", FT_UINT8, BASE_HEX, VALS(nvm_opcodes), 0},
    {&hf_opcode_name, "Opcode Name", "nvmetap.opcode.name", FT_STRING, BASE_NONE, NULL, 0},
    {&hf_fuse, "Fused Operation", "nvmetap.fuse", FT_UINT8, BASE_DEC, VALS(fuse_names), 0x03},
    {&hf_flags_reserved, "Reserved", "nvmetap.flags_reserved", FT_UINT8, BASE_HEX, NULL, 0x3c},
    {&hf_psdt, "PRP or SGL for Data Transfer", "nvmetap.psdt", FT_UINT8, BASE_DEC, VALS(psdt_names),
     0xc0},
    {&hf_cid, "Command Identifier", "nvmetap.cid", FT_UINT16, BASE_HEX, NULL, 0},
    {&hf_nsid, "Namespace Identifier", "nvmetap.nsid", FT_UINT32, BASE_DEC_HEX, NULL, 0},
    {&hf_cdw2, "Command Dword 2", "nvmetap.cdw2", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw3, "Command Dword 3", "nvmetap.cdw3", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_mptr, "Metadata Pointer", "nvmetap.mptr", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_prp1, "PRP Entry 1", "nvmetap.prp", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_prp2, "PRP Entry 2", "nvmetap.prp", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_cdw[0], "Command Dword 10", "nvmetap.cdw10", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[1], "Command Dword 11", "nvmetap.cdw11", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[2], "Command Dword 12", "nvmetap.cdw12", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[3], "Command Dword 13", "nvmetap.cdw13", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[4], "Command Dword 14", "nvmetap.cdw14", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[5], "Command Dword 15", "nvmetap.cdw15", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_sgl, "SGL Descriptor", "nvmetap.sgl", FT_NONE, BASE_NONE, NULL, 0},
    {&hf_sgl_address, "Address", "nvmetap.sgl.address", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_sgl_length, "Length", "nvmetap.sgl.length", FT_UINT32, BASE_DEC, NULL, 0},
    {&hf_sgl_reserved, "Reserved, or a key", "nvmetap.sgl.reserved", FT_BYTES, BASE_NONE, NULL, 0},
    {&hf_sgl_subtype, "Subtype", "nvmetap.sgl.subtype", FT_UINT8, BASE_HEX, NULL, 0x0f},
    {&hf_sgl_type, "Type", "nvmetap.sgl.type", FT_UINT8, BASE_HEX, VALS(sgl_types), 0xf0},
    {&hf_dw0, "Dword 0", "nvmetap.dw0", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_dw1, "Dword 1", "nvmetap.dw1", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_sqhd, "Submission Queue Head", "nvmetap.sqhd", FT_UINT16, BASE_DEC, NULL, 0},
    {&hf_sqid, "Submission Queue Identifier", "nvmetap.sqid", FT_UINT16, BASE_DEC, NULL, 0},
    {&hf_cqe_cid, "Command Identifier", "nvmetap.cid", FT_UINT16, BASE_HEX, NULL, 0},
    {&hf_status_word, "Status and Phase", "nvmetap.status.word", FT_UINT16, BASE_HEX, NULL, 0},
    {&hf_phase, "Phase Tag (P)", "nvmetap.phase", FT_UINT16, BASE_DEC, NULL, 0x0001},
    {&hf_sc, "Status Code (SC)", "nvmetap.status.sc", FT_UINT16, BASE_HEX, NULL, 0x01fe},
    {&hf_sct, "Status Code Type (SCT)", "nvmetap.status.sct", FT_UINT16, BASE_HEX,
     VALS(status_types), 0x0e00},
    {&hf_crd, "Command Retry Delay (CRD)", "nvmetap.status.crd", FT_UINT16, BASE_DEC, NULL, 0x3000},
    {&hf_more, "More (M)", "nvmetap.status.m", FT_BOOLEAN, 16, NULL, 0x4000},
    {&hf_dnr, "Do Not Retry (DNR)", "nvmetap.status.dnr", FT_BOOLEAN, 16, NULL, 0x8000},
    {&hf_status, "Status", "nvmetap.status", FT_UINT16, BASE_HEX, VALS(statuses), 0},
    {&hf_status_name, "Status Name", "nvmetap.status.name", FT_STRING, BASE_NONE, NULL, 0},
};

/* Fields whose value isn't the bits themselves have no mask: the filter's value is the meaning. */
static bool computed(const struct row *row) {
  return row->format == NVT_FORMAT_ZERO_BASED || row->width > 32 || row->lsb + row->width > 32;
}

static void register_row(int proto, struct row *row) {
  uint64_t mask = computed(row) || row->width == 32 ? 0 : (~0ULL >> (64 - row->width)) << row->lsb;
  const char *abbrev = nvt_abbrev(row->command, row->id, NULL);
  if (row->format == NVT_FORMAT_SLBA)
    abbrev = "nvmetap.slba";
  else if (strcmp(row->id, "NLB") == 0)
    abbrev = "nvmetap.nlb";
  enum ftenum type = row->width > 32 ? FT_UINT64 : FT_UINT32;
  int display = BASE_DEC;
  const void *strings = NULL;
  switch (row->format) {
  case NVT_FORMAT_HEX:
    display = BASE_HEX;
    break;
  case NVT_FORMAT_FLAG:
    type = FT_BOOLEAN;
    display = 32;
    break;
  case NVT_FORMAT_CNS:
    display = BASE_HEX;
    strings = VALS(cns_values);
    break;
  case NVT_FORMAT_FEATURE:
    display = BASE_HEX;
    strings = VALS(features);
    break;
  case NVT_FORMAT_LOG_PAGE:
    display = BASE_HEX;
    strings = VALS(log_pages);
    break;
  default:
    break;
  }
  nvt_register_field(proto, &row->hf,
                     wmem_strdup_printf(wmem_epan_scope(), "%s (%s)", row->title, row->id), abbrev,
                     type, display, strings, mask, NULL);
}

void nvt_commands_register(int proto) {
  for (size_t i = 0; i < NVT_COUNT(plain_fields); i++) {
    const struct plain *field = &plain_fields[i];
    nvt_register_field(proto, field->hf, field->name, field->abbrev, field->type, field->display,
                       field->strings, field->mask, NULL);
  }
  for (size_t i = 0; i < NVT_COUNT(rows); i++)
    register_row(proto, &rows[i]);
  nvt_subtree(&ett_entry);
  nvt_subtree(&ett_dword);
  nvt_subtree(&ett_sgl);
  nvt_subtree(&ett_status);
}

static void add_item(const struct nvt_context *c, proto_tree *tree, int hf, int at, int size) {
  proto_tree_add_item(tree, hf, c->tvb, at, size, ENC_LITTLE_ENDIAN);
}

proto_item *nvt_add_sgl(const struct nvt_context *c, proto_tree *parent, int at) {
  proto_item *item = proto_tree_add_item(parent, hf_sgl, c->tvb, at, SGL_BYTES, ENC_NA);
  proto_tree *tree = proto_item_add_subtree(item, ett_sgl);
  add_item(c, tree, hf_sgl_address, at, 8);
  add_item(c, tree, hf_sgl_length, at + 8, 4);
  proto_tree_add_item(tree, hf_sgl_reserved, c->tvb, at + 12, 3, ENC_NA);
  add_item(c, tree, hf_sgl_subtype, at + 15, 1);
  add_item(c, tree, hf_sgl_type, at + 15, 1);
  return item;
}

static void add_opcode(const struct nvt_context *c, proto_tree *tree, bool admin, uint8_t opcode,
                       int at) {
  const char *name = nvt_opcode_name(admin ? NVT_SET_ADMIN : NVT_SET_NVM, opcode);
  add_item(c, tree, admin ? hf_admin_opcode : hf_nvm_opcode, at, 1);
  if (name != NULL)
    proto_item_set_hidden(proto_tree_add_string(tree, hf_opcode_name, c->tvb, at, 1, name));
}

static void add_row(const struct nvt_context *c, proto_tree *tree, const struct row *row, int at,
                    uint64_t value) {
  if (row->format == NVT_FORMAT_FLAG || !computed(row))
    add_item(c, tree, row->hf, at, 4);
  else if (row->width > 32)
    proto_tree_add_uint64(tree, row->hf, c->tvb, at, 8, value);
  else if (row->format == NVT_FORMAT_ZERO_BASED)
    proto_tree_add_uint_format_value(tree, row->hf, c->tvb, at, 4, (uint32_t)value + 1,
                                     "%u (0x%" PRIx64 ", zero-based)", (uint32_t)value + 1, value);
  else
    proto_tree_add_uint(tree, row->hf, c->tvb, at, 4, (uint32_t)value);
}

static void add_dwords(const struct nvt_context *c, proto_tree *tree, bool admin, int entry) {
  const struct nvt_sqe *sqe = &c->record->command.sqe;
  const uint32_t cdw[7] = {sqe->cdw10, sqe->cdw11, sqe->cdw12, sqe->cdw13,
                           sqe->cdw14, sqe->cdw15, 0};
  proto_tree *dwords[6];
  for (int i = 0; i < 6; i++) {
    proto_item *item =
        proto_tree_add_item(tree, hf_cdw[i], c->tvb, entry + 40 + 4 * i, 4, ENC_LITTLE_ENDIAN);
    dwords[i] = proto_item_add_subtree(item, ett_dword);
  }
  for (size_t i = 0; i < NVT_COUNT(rows); i++) {
    const struct row *row = &rows[i];
    if (row->opcode != sqe->opcode || (row->set == NVT_SET_ADMIN) != admin)
      continue;
    unsigned dword = row->dword - 10u;
    uint64_t value = (cdw[dword] | (uint64_t)cdw[dword + 1] << 32) >> row->lsb;
    if (row->width < 64)
      value &= ~0ULL >> (64 - row->width);
    add_row(c, dwords[dword], row, entry + row->dword * 4, value);
  }
}

void nvt_add_sqe(const struct nvt_context *c) {
  const struct nvt_rec_command *command = &c->record->command;
  bool admin = command->sqid == 0;
  int entry = c->body + ENTRY;
  proto_item *item = proto_tree_add_item(c->tree, hf_sqe, c->tvb, entry, 64, ENC_NA);
  proto_tree *tree = proto_item_add_subtree(item, ett_entry);
  const char *name = nvt_opcode_name(admin ? NVT_SET_ADMIN : NVT_SET_NVM, command->sqe.opcode);
  proto_item_append_text(item, ": %s", name != NULL ? name : "unknown opcode");
  add_opcode(c, tree, admin, command->sqe.opcode, entry);
  add_item(c, tree, hf_fuse, entry + 1, 1);
  if ((command->sqe.flags & 0x3c) != 0)
    add_item(c, tree, hf_flags_reserved, entry + 1, 1);
  add_item(c, tree, hf_psdt, entry + 1, 1);
  add_item(c, tree, hf_cid, entry + 2, 2);
  add_item(c, tree, hf_nsid, entry + 4, 4);
  add_item(c, tree, hf_cdw2, entry + 8, 4);
  add_item(c, tree, hf_cdw3, entry + 12, 4);
  add_item(c, tree, hf_mptr, entry + 16, 8);
  if (NVT_SQE_PSDT(command->sqe.flags) == 0) {
    add_item(c, tree, hf_prp1, entry + 24, PRP_BYTES);
    add_item(c, tree, hf_prp2, entry + 32, PRP_BYTES);
  } else {
    nvt_add_sgl(c, tree, entry + 24);
  }
  add_dwords(c, tree, admin, entry);
}

void nvt_add_cqe(const struct nvt_context *c) {
  const struct nvt_rec_completion *completion = &c->record->completion;
  int entry = c->body + ENTRY;
  nvt_status status = NVT_CQE_STATUS(completion->cqe.status);
  const char *status_name = nvt_status_name(status);
  add_opcode(c, c->tree, completion->sqid == 0, completion->opcode, c->body + 8);
  proto_item *item = proto_tree_add_item(c->tree, hf_cqe, c->tvb, entry, 16, ENC_NA);
  proto_item_append_text(item, ": %s", status_name != NULL ? status_name : "unknown status");
  proto_tree *tree = proto_item_add_subtree(item, ett_entry);
  add_item(c, tree, hf_dw0, entry, 4);
  add_item(c, tree, hf_dw1, entry + 4, 4);
  add_item(c, tree, hf_sqhd, entry + 8, 2);
  add_item(c, tree, hf_sqid, entry + 10, 2);
  add_item(c, tree, hf_cqe_cid, entry + 12, 2);
  proto_item *word =
      proto_tree_add_item(tree, hf_status_word, c->tvb, entry + 14, 2, ENC_LITTLE_ENDIAN);
  proto_tree *bits = proto_item_add_subtree(word, ett_status);
  add_item(c, bits, hf_phase, entry + 14, 2);
  add_item(c, bits, hf_sc, entry + 14, 2);
  add_item(c, bits, hf_sct, entry + 14, 2);
  add_item(c, bits, hf_crd, entry + 14, 2);
  add_item(c, bits, hf_more, entry + 14, 2);
  add_item(c, bits, hf_dnr, entry + 14, 2);
  proto_item *status_item = proto_tree_add_uint(tree, hf_status, c->tvb, entry + 14, 2, status);
  proto_item_set_hidden(proto_tree_add_string(tree, hf_status_name, c->tvb, entry + 14, 2,
                                              status_name != NULL ? status_name : "unknown"));
  if (status != NVT_SC_SUCCESS)
    expert_add_info_format(c->pinfo, status_item,
                           NVT_CQE_DNR(completion->cqe.status) != 0 ? &nvt_expert.status
                                                                    : &nvt_expert.retry,
                           "%s (%02x/%02x)", status_name != NULL ? status_name : "Unknown status",
                           (unsigned)status >> 8, status & 0xffu);
}
