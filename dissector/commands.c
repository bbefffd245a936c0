/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Submission and completion queue entries, by nvme/opcodes.def and nvme/commands.def. */
#include "dissector/dissector_int.h"

#include <inttypes.h>
#include <string.h>

#include "nvme/sgl.h"
#include "trace/text.h"

#define ENTRY 16 /* offset of the queue entry in its record's body */
#define PRP_BYTES 8
#define SGL_BYTES 16

static const value_string *opcodes[NVT_SET_COUNT];
static const value_string *by_format[NVT_FORMAT_BYTES_DW + 1];
static const value_string statuses[] = {
#define NVT_STATUS(type, code, id, name) {NVT_SC_##id, (name)},
#include "nvme/status.def"
    {0, NULL}};
static const value_string status_types[] = {
#define NVT_STATUS_TYPE(value, id, name) {(value), (name)},
#include "nvme/status.def"
    {0, NULL}};
/* The fields of nvme/commands.def's and nvme/results.def's rows, by their place there. */
struct row_fields {
  const struct nvt_command_field *rows;
  size_t count;
  int *hf;
};
static struct row_fields commands, results;

static int hf_sqe = -1, hf_cqe = -1;
static int hf_opcode[NVT_SET_COUNT] = {-1, -1, -1, -1}, hf_opcode_name = -1;
static int hf_reserved = -1, hf_sgl_key = -1, hf_sgl_specific = -1, hf_vendor_field = -1;
static int hf_fuse = -1, hf_flags_reserved = -1, hf_psdt = -1;
static int hf_cid = -1, hf_nsid = -1, hf_cdw1 = -1, hf_cdw2 = -1, hf_cdw3 = -1, hf_mptr = -1;
static int hf_prp1 = -1, hf_prp2 = -1;
static int hf_cdw[6] = {-1, -1, -1, -1, -1, -1};
int nvt_hf_prp = -1, nvt_hf_sgl_address = -1;
static int hf_sgl_length = -1, hf_sgl_type = -1, hf_sgl_subtype = -1;
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
    {&hf_opcode_name, "Opcode Name", "nvmetap.opcode.name", FT_STRING, BASE_NONE, NULL, 0},
    {&hf_fuse, "Fused Operation (FUSE)", "nvmetap.fuse", FT_UINT8, BASE_DEC, NULL, 0x03},
    {&hf_flags_reserved, "Reserved Flags", "nvmetap.flags_reserved", FT_UINT8, BASE_HEX, NULL,
     0x3c},
    {&hf_psdt, "PRP or SGL for Data Transfer (PSDT)", "nvmetap.psdt", FT_UINT8, BASE_DEC, NULL,
     0xc0},
    {&hf_cid, "Command Identifier (CID)", "nvmetap.cid", FT_UINT16, BASE_HEX, NULL, 0},
    {&hf_nsid, "Namespace Identifier (NSID)", "nvmetap.nsid", FT_UINT32, BASE_DEC_HEX, NULL, 0},
    {&hf_cdw1, "Command Dword 1", "nvmetap.cdw1", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw2, "Command Dword 2", "nvmetap.cdw2", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw3, "Command Dword 3", "nvmetap.cdw3", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_mptr, "Metadata Pointer (MPTR)", "nvmetap.mptr", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_prp1, "PRP Entry 1 (PRP1)", "nvmetap.prp", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_prp2, "PRP Entry 2 (PRP2)", "nvmetap.prp", FT_UINT64, BASE_HEX, NULL, 0},
    {&nvt_hf_prp, "PRP Entry", "nvmetap.prp", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_cdw[0], "Command Dword 10", "nvmetap.cdw10", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[1], "Command Dword 11", "nvmetap.cdw11", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[2], "Command Dword 12", "nvmetap.cdw12", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[3], "Command Dword 13", "nvmetap.cdw13", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[4], "Command Dword 14", "nvmetap.cdw14", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_cdw[5], "Command Dword 15", "nvmetap.cdw15", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_sgl, "SGL Descriptor", "nvmetap.sgl", FT_NONE, BASE_NONE, NULL, 0},
    {&nvt_hf_sgl_address, "Address", "nvmetap.sgl.address", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_sgl_length, "Length", "nvmetap.sgl.length", FT_UINT32, BASE_DEC, NULL, 0},
    {&hf_sgl_subtype, "Subtype", "nvmetap.sgl.subtype", FT_UINT8, BASE_HEX, NULL, 0x0f},
    {&hf_sgl_type, "Type", "nvmetap.sgl.type", FT_UINT8, BASE_HEX, NULL, 0xf0},
    {&hf_sgl_key, "Key", "nvmetap.sgl.key", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_sgl_reserved, "Reserved", "nvmetap.sgl.reserved", FT_BYTES, BASE_NONE, NULL, 0},
    {&hf_sgl_specific, "Descriptor Specific", "nvmetap.sgl.specific", FT_BYTES, BASE_NONE, NULL, 0},
    {&hf_reserved, "Reserved", "nvmetap.sqe.reserved", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_vendor_field, "Vendor Field", "nvmetap.vendor.field", FT_UINT64, BASE_HEX, NULL, 0},
    {&hf_dw0, "Dword 0", "nvmetap.dw0", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_dw1, "Dword 1", "nvmetap.dw1", FT_UINT32, BASE_HEX, NULL, 0},
    {&hf_sqhd, "Submission Queue Head Pointer (SQHD)", "nvmetap.sqhd", FT_UINT16, BASE_DEC, NULL,
     0},
    {&hf_sqid, "Submission Queue Identifier (SQID)", "nvmetap.sqid", FT_UINT16, BASE_DEC, NULL, 0},
    {&hf_cqe_cid, "Command Identifier (CID)", "nvmetap.cid", FT_UINT16, BASE_HEX, NULL, 0},
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
static bool computed(const struct nvt_command_field *row) {
  return row->format == NVT_FORMAT_ZERO_BASED || row->width > 32 || row->lsb + row->width > 32;
}

/* Zero-based, 32 bits: what it means may have 33. */
static bool wide(const struct nvt_command_field *row) {
  return row->width > 32 || (row->format == NVT_FORMAT_ZERO_BASED && row->width == 32);
}

static const char *row_abbrev(const struct nvt_command_field *row) {
  if (row->format == NVT_FORMAT_SLBA)
    return "nvmetap.slba";
  if (strcmp(row->id, "NLB") == 0)
    return "nvmetap.nlb";
  const char *command = nvt_opcode_id(row->set, row->opcode);
  if (row->set == NVT_SET_KV)
    return nvt_abbrev("kv", command, row->id);
  if (row->set == NVT_SET_FABRICS)
    return nvt_abbrev("fabrics", command, row->id);
  return nvt_abbrev(command, row->id, NULL);
}

static void register_row(int proto, const struct nvt_command_field *row, int *hf) {
  uint64_t mask = computed(row) || row->width == 32 ? 0 : (~0ULL >> (64 - row->width)) << row->lsb;
  enum ftenum type = wide(row) ? FT_UINT64 : FT_UINT32;
  int display = BASE_DEC;
  const value_string *strings = wide(row) ? NULL : by_format[row->format];
  if (strings == NULL && !wide(row))
    strings = nvt_value_strings(row->values);
  switch (row->format) {
  case NVT_FORMAT_HEX:
  case NVT_FORMAT_CNS:
  case NVT_FORMAT_FEATURE:
  case NVT_FORMAT_LOG_PAGE:
  case NVT_FORMAT_FABRICS:
    display = BASE_HEX;
    break;
  case NVT_FORMAT_FLAG:
    type = FT_BOOLEAN;
    display = 32;
    strings = NULL;
    break;
  default:
    break;
  }
  nvt_register_field(
      proto, hf, wmem_strdup_printf(wmem_epan_scope(), "%s (%s)", row->title, row->id),
      row_abbrev(row), type, display, strings == NULL ? NULL : VALS(strings), mask, NULL);
}

static void register_rows(int proto, struct row_fields *fields) {
  fields->hf = wmem_alloc0_array(wmem_epan_scope(), int, fields->count);
  for (size_t i = 0; i < fields->count; i++)
    register_row(proto, &fields->rows[i], &fields->hf[i]);
}

static const char *name_of(enum nvt_format format, uint8_t value) {
  const struct nvt_command_field field = {.format = format};
  return nvt_field_value_name(&field, value);
}

static const value_string *names_by_format(enum nvt_format format) {
  value_string *strings = wmem_alloc0_array(wmem_epan_scope(), value_string, 257);
  unsigned count = 0;
  for (unsigned value = 0; value < 256; value++)
    if (name_of(format, (uint8_t)value) != NULL)
      strings[count++] = (value_string){value, name_of(format, (uint8_t)value)};
  return strings;
}

static void register_opcodes(int proto) {
  for (unsigned set = 0; set < NVT_SET_COUNT; set++) {
    value_string *strings = wmem_alloc0_array(wmem_epan_scope(), value_string, 257);
    /* Fabrics commands have one opcode. */
    enum nvt_opcode_set names = set == NVT_SET_FABRICS ? NVT_SET_ADMIN : (enum nvt_opcode_set)set;
    unsigned count = 0;
    for (unsigned code = 0; code < 256; code++)
      if (nvt_opcode_name(names, (uint8_t)code) != NULL)
        strings[count++] = (value_string){code, nvt_opcode_name(names, (uint8_t)code)};
    opcodes[set] = strings;
    nvt_register_field(proto, &hf_opcode[set], "Opcode", "nvmetap.opcode", FT_UINT8, BASE_HEX,
                       VALS(opcodes[set]), 0, NULL);
  }
}

void nvt_commands_register(int proto, int row_proto) {
  register_opcodes(proto);
  by_format[NVT_FORMAT_CNS] = names_by_format(NVT_FORMAT_CNS);
  by_format[NVT_FORMAT_FEATURE] = names_by_format(NVT_FORMAT_FEATURE);
  by_format[NVT_FORMAT_LOG_PAGE] = names_by_format(NVT_FORMAT_LOG_PAGE);
  by_format[NVT_FORMAT_FABRICS] = names_by_format(NVT_FORMAT_FABRICS);
  for (size_t i = 0; i < NVT_COUNT(plain_fields); i++) {
    const struct plain *field = &plain_fields[i];
    const void *strings = field->strings;
    if (field->hf == &hf_fuse)
      strings = VALS(nvt_value_strings(NVT_VALUES_FUSE));
    else if (field->hf == &hf_psdt)
      strings = VALS(nvt_value_strings(NVT_VALUES_PSDT));
    else if (field->hf == &hf_sgl_type)
      strings = VALS(nvt_value_strings(NVT_VALUES_SGL_TYPE));
    else if (field->hf == &hf_sgl_subtype)
      strings = VALS(nvt_value_strings(NVT_VALUES_SGL_SUBTYPE));
    nvt_register_field(field->hf == &hf_vendor_field ? row_proto : proto, field->hf, field->name,
                       field->abbrev, field->type, field->display, strings, field->mask, NULL);
  }
  commands.rows = nvt_command_fields(&commands.count);
  register_rows(row_proto, &commands);
  results.rows = nvt_result_fields(&results.count);
  register_rows(row_proto, &results);
  nvt_subtree_open(&ett_entry);
  nvt_subtree(&ett_dword);
  nvt_subtree(&ett_sgl);
  nvt_subtree(&ett_status);
}

static void add_item(const struct nvt_context *c, proto_tree *tree, int hf, int at, int size) {
  nvt_add_field(c, tree, hf, at, size);
}

proto_item *nvt_add_sgl(const struct nvt_context *c, proto_tree *parent, int at) {
  proto_item *item = proto_tree_add_item(parent, hf_sgl, c->tvb, at, SGL_BYTES, ENC_NA);
  proto_tree *tree = proto_item_add_subtree(item, ett_sgl);
  struct nvt_sgl sgl;
  nvt_sgl_parse(tvb_get_ptr(c->tvb, at, SGL_BYTES), &sgl);
  if (sgl.has_address)
    add_item(c, tree, nvt_hf_sgl_address, at, 8);
  else if (sgl.has_length)
    add_item(c, tree, hf_sgl_reserved, at, 8);
  if (sgl.has_length)
    add_item(c, tree, hf_sgl_length, at + 8, sgl.has_key ? 3 : 4);
  if (sgl.has_key)
    add_item(c, tree, hf_sgl_key, at + 11, 4);
  else if (sgl.has_length)
    add_item(c, tree, hf_sgl_reserved, at + 12, 3);
  if (!sgl.has_length)
    proto_tree_add_item(tree, hf_sgl_specific, c->tvb, at, 15, ENC_NA);
  add_item(c, tree, hf_sgl_subtype, at + 15, 1);
  add_item(c, tree, hf_sgl_type, at + 15, 1);
  return item;
}

static enum nvt_opcode_set set_of(const struct nvt_context *c, uint16_t sqid, uint8_t opcode) {
  return c->frame->fed ? (enum nvt_opcode_set)c->frame->set : nvt_set_of(sqid, opcode, NVT_SET_NVM);
}

static void add_opcode(const struct nvt_context *c, proto_tree *tree, enum nvt_opcode_set set,
                       uint8_t code, int at) {
  const char *name = nvt_opcode_name(set, code);
  add_item(c, tree, hf_opcode[set], at, 1);
  if (name != NULL && nvt_asked(c, hf_opcode_name))
    proto_item_set_hidden(proto_tree_add_string(tree, hf_opcode_name, c->tvb, at, 1, name));
}

static void add_row(const struct nvt_context *c, proto_tree *tree, const struct row_fields *fields,
                    const struct nvt_command_field *row, int at, uint64_t value) {
  if (row < fields->rows || row >= fields->rows + fields->count) {
    char text[160];
    struct nvt_text line;
    nvt_text_init(&line, text, sizeof(text));
    nvt_text_field_value(&line, row, value);
    proto_tree_add_uint64_format(tree, hf_vendor_field, c->tvb, at, row->width > 32 ? 8 : 4, value,
                                 "%s (%s): %s", row->title, row->id, text);
    return;
  }
  int hf = fields->hf[row - fields->rows];
  if (!computed(row)) {
    add_item(c, tree, hf, at, 4);
  } else if (row->format == NVT_FORMAT_ZERO_BASED) {
    uint64_t means = value + 1;
    if (wide(row))
      proto_tree_add_uint64_format_value(tree, hf, c->tvb, at, 4, means,
                                         "%" PRIu64 " (0x%" PRIx64 ", zero-based)", means, value);
    else
      proto_tree_add_uint_format_value(tree, hf, c->tvb, at, 4, (uint32_t)means,
                                       "%" PRIu64 " (0x%" PRIx64 ", zero-based)", means, value);
  } else if (row->width > 32) {
    proto_tree_add_uint64(tree, hf, c->tvb, at, 8, value);
  } else {
    proto_tree_add_uint(tree, hf, c->tvb, at, 4, (uint32_t)value);
  }
}

/* What the rows of one command have to look at; a table of a person's own has fields of no name. */
static bool row_asked(const struct nvt_context *c, const struct row_fields *fields,
                      const struct nvt_command_field *row) {
  if (row < fields->rows || row >= fields->rows + fields->count)
    return nvt_asked(c, hf_vendor_field);
  return nvt_asked(c, fields->hf[row - fields->rows]);
}

struct sqe_rows {
  const struct nvt_command_field *rows;
  size_t count;
  uint32_t dwords; /* those with a row that is asked for */
  int entry;
  uint32_t reserved[NVT_SQE_DWORDS];
};

static void add_dword(const struct nvt_context *c, proto_tree *tree, const struct sqe_rows *of,
                      unsigned dword, int hf) {
  const struct nvt_sqe *sqe = &c->record->command.sqe;
  int at = of->entry + 4 * (int)dword;
  tree = proto_item_add_subtree(nvt_add_field(c, tree, hf, at, 4), ett_dword);
  for (size_t i = 0; i < of->count && (of->dwords & 1u << dword) != 0; i++) {
    const struct nvt_command_field *row = &of->rows[i];
    if (row->dword == dword && row_asked(c, &commands, row) && nvt_command_field_applies(row, sqe))
      add_row(c, tree, &commands, row, at, nvt_command_field_value(row, sqe));
  }
  if (of->reserved[dword] != 0)
    proto_tree_add_uint(tree, hf_reserved, c->tvb, at, 4, of->reserved[dword]);
}

bool nvt_entry_asked(const struct nvt_context *c) {
  return c->groups[NVT_GROUP_ENTRY] || c->groups[NVT_GROUP_ROWS] || c->groups[NVT_GROUP_DATA];
}

void nvt_add_sqe(const struct nvt_context *c) {
  const struct nvt_rec_command *command = &c->record->command;
  const struct nvt_sqe *sqe = &command->sqe;
  enum nvt_opcode_set set = set_of(c, command->sqid, sqe->opcode);
  int entry = c->body + ENTRY;
  struct sqe_rows of = {.entry = entry};
  of.rows = nvt_command_fields_of(set, nvt_command_code(set, sqe), &of.count);
  for (size_t i = 0; c->groups[NVT_GROUP_ROWS] && i < of.count; i++)
    if (row_asked(c, &commands, &of.rows[i]))
      of.dwords |= 1u << of.rows[i].dword;
  if (nvt_asked(c, hf_reserved))
    nvt_command_reserved_bits(set, sqe, of.reserved);
  const char *name = nvt_opcode_name(set, nvt_command_code(set, sqe));
  proto_item *item =
      proto_tree_add_none_format(c->tree, hf_sqe, c->tvb, entry, 64, "Submission Queue Entry: %s",
                                 name != NULL ? name : "unknown opcode");
  proto_tree *tree = proto_item_add_subtree(item, ett_entry);
  add_opcode(c, tree, set, nvt_command_code(set, sqe), entry);
  add_item(c, tree, hf_fuse, entry + 1, 1);
  if ((sqe->flags & 0x3c) != 0)
    add_item(c, tree, hf_flags_reserved, entry + 1, 1);
  add_item(c, tree, hf_psdt, entry + 1, 1);
  add_item(c, tree, hf_cid, entry + 2, 2);
  if (set == NVT_SET_FABRICS)
    add_dword(c, tree, &of, 1, hf_cdw1);
  else
    add_item(c, tree, hf_nsid, entry + 4, 4);
  add_dword(c, tree, &of, 2, hf_cdw2);
  add_dword(c, tree, &of, 3, hf_cdw3);
  add_item(c, tree, hf_mptr, entry + 16, 8);
  if (NVT_SQE_PSDT(sqe->flags) == 0) {
    add_item(c, tree, hf_prp1, entry + 24, PRP_BYTES);
    add_item(c, tree, hf_prp2, entry + 32, PRP_BYTES);
  } else {
    nvt_add_sgl(c, tree, entry + 24);
  }
  for (unsigned dword = 10; dword < NVT_SQE_DWORDS; dword++)
    add_dword(c, tree, &of, dword, hf_cdw[dword - 10]);
  if (c->groups[NVT_GROUP_DATA])
    nvt_add_feature(c, tree, entry);
}

static void add_result(const struct nvt_context *c, proto_tree *tree, enum nvt_opcode_set set,
                       unsigned dword, int entry) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  const struct nvt_cqe *cqe = &c->record->completion.cqe;
  bool known = exchange != NULL && exchange->command.record != 0;
  uint8_t code = known ? nvt_exchange_code(exchange) : c->record->completion.opcode;
  size_t count;
  const struct nvt_command_field *rows = nvt_result_fields_of(set, code, &count);
  for (size_t i = 0; i < count; i++)
    if (rows[i].dword == dword && row_asked(c, &results, &rows[i]) &&
        nvt_result_field_applies(&rows[i], known ? &exchange->sqe : NULL, cqe))
      add_row(c, tree, &results, &rows[i], entry + 4 * (int)dword,
              nvt_result_field_value(&rows[i], cqe));
}

static proto_item *add_cqe(const struct nvt_context *c, enum nvt_opcode_set set, nvt_status status,
                           const char *status_name) {
  const struct nvt_rec_completion *completion = &c->record->completion;
  int entry = c->body + ENTRY;
  const struct nvt_exchange *exchange = c->frame->exchange;
  bool known = exchange != NULL && exchange->command.record != 0;
  add_opcode(c, c->tree, set, known ? nvt_exchange_code(exchange) : completion->opcode,
             c->body + 8);
  proto_item *item =
      proto_tree_add_none_format(c->tree, hf_cqe, c->tvb, entry, 16, "Completion Queue Entry: %s",
                                 status_name != NULL ? status_name : "unknown status");
  proto_tree *tree = proto_item_add_subtree(item, ett_entry);
  for (unsigned dword = 0; dword < 2; dword++) {
    proto_item *at = proto_tree_add_item(tree, dword == 0 ? hf_dw0 : hf_dw1, c->tvb,
                                         entry + 4 * (int)dword, 4, ENC_LITTLE_ENDIAN);
    if (c->groups[NVT_GROUP_ROWS])
      add_result(c, proto_item_add_subtree(at, ett_dword), set, dword, entry);
    if (dword == 0 && c->groups[NVT_GROUP_DATA])
      nvt_add_feature_result(c, tree, entry);
  }
  add_item(c, tree, hf_sqhd, entry + 8, 2);
  add_item(c, tree, hf_sqid, entry + 10, 2);
  add_item(c, tree, hf_cqe_cid, entry + 12, 2);
  proto_item *word = nvt_add_field(c, tree, hf_status_word, entry + 14, 2);
  proto_tree *bits = proto_item_add_subtree(word, ett_status);
  add_item(c, bits, hf_phase, entry + 14, 2);
  add_item(c, bits, hf_sc, entry + 14, 2);
  add_item(c, bits, hf_sct, entry + 14, 2);
  add_item(c, bits, hf_crd, entry + 14, 2);
  add_item(c, bits, hf_more, entry + 14, 2);
  add_item(c, bits, hf_dnr, entry + 14, 2);
  proto_item *status_item = proto_tree_add_uint_format_value(
      tree, hf_status, c->tvb, entry + 14, 2, status, "%s (0x%04x)",
      status_name != NULL ? status_name : "Unknown", status);
  proto_item_set_hidden(proto_tree_add_string(tree, hf_status_name, c->tvb, entry + 14, 2,
                                              status_name != NULL ? status_name : "unknown"));
  return status_item;
}

void nvt_add_cqe(const struct nvt_context *c) {
  const struct nvt_rec_completion *completion = &c->record->completion;
  nvt_status status = NVT_CQE_STATUS(completion->cqe.status);
  enum nvt_opcode_set set = set_of(c, completion->sqid, 0);
  const char *status_name = nvt_status_name_in(set, status);
  proto_item *status_item = c->item;
  if (nvt_entry_asked(c))
    status_item = add_cqe(c, set, status, status_name);
  if (status != NVT_SC_SUCCESS)
    expert_add_info_format(c->pinfo, status_item,
                           NVT_CQE_DNR(completion->cqe.status) != 0 ? &nvt_expert.status
                                                                    : &nvt_expert.retry,
                           "%s (%02x/%02x)", status_name != NULL ? status_name : "Unknown status",
                           (unsigned)status >> 8, status & 0xffu);
}
