/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wireshark's own nvme.* fields, filled from our records, so that a filter such as
 * nvme.cmd.opc == 2 finds NVMe/TCP and traces alike. They are looked up, never
 * registered: a second registration of a name would clash with the built-in one.
 */
#include "dissector/dissector_int.h"

struct builtin {
  const char *name;
  enum ftenum type;
  uint8_t offset; /* in the entry */
  uint8_t size;
  const header_field_info *info; /* NULL: there is no such field */
};

static struct builtin of_sqe[] = {
    {"nvme.cmd.opc", FT_UINT8, 0, 1, NULL},   {"nvme.cmd.fuse_op", FT_UINT8, 1, 1, NULL},
    {"nvme.cmd.psdt", FT_UINT8, 1, 1, NULL},  {"nvme.cmd.cid", FT_UINT16, 2, 2, NULL},
    {"nvme.cmd.nsid", FT_UINT32, 4, 4, NULL}, {"nvme.cmd.mptr", FT_UINT64, 16, 8, NULL},
};

/* Of the commands that the built-in dissector doesn't take apart. */
static struct builtin dwords[] = {
    {"nvme.cmd.dword10", FT_UINT32, 40, 4, NULL}, {"nvme.cmd.dword11", FT_UINT32, 44, 4, NULL},
    {"nvme.cmd.dword12", FT_UINT32, 48, 4, NULL}, {"nvme.cmd.dword13", FT_UINT32, 52, 4, NULL},
    {"nvme.cmd.dword14", FT_UINT32, 56, 4, NULL}, {"nvme.cmd.dword15", FT_UINT32, 60, 4, NULL},
};

static struct builtin of_cqe[] = {
    {"nvme.cqe.dword0", FT_UINT32, 0, 4, NULL},
    {"nvme.cqe.dword1", FT_UINT32, 4, 4, NULL},
    {"nvme.cqe.sqhd", FT_UINT16, 8, 2, NULL},
    {"nvme.cqe.sqid", FT_UINT16, 10, 2, NULL},
    {"nvme.cqe.cid", FT_UINT16, 12, 2, NULL},
    {"nvme.cqe.status", FT_UINT16, 14, 2, NULL},
    {"nvme.cqe.status.p", FT_UINT16, 14, 2, NULL},
    {"nvme.cqe.status.sc", FT_UINT16, 14, 2, NULL},
    {"nvme.cqe.status.sct", FT_UINT16, 14, 2, NULL},
    {"nvme.cqe.status.crd", FT_UINT16, 14, 2, NULL},
    {"nvme.cqe.status.m", FT_BOOLEAN, 14, 2, NULL},
    {"nvme.cqe.status.dnr", FT_BOOLEAN, 14, 2, NULL},
};

/* Of the commands that name a range of blocks. */
static struct builtin of_range[] = {
    {"nvme.cmd.slba", FT_UINT64, 40, 8, NULL},
    {"nvme.cmd.fua", FT_UINT16, 50, 2, NULL},
    {"nvme.cmd.lr", FT_UINT16, 50, 2, NULL},
};
static struct builtin number_of_blocks = {"nvme.cmd.nlb", FT_UINT16, 48, 2, NULL};

int nvt_builtin_id(const char *name, enum ftenum type) {
  int id = proto_registrar_get_id_byname(name);
  if (id <= 0)
    return -1;
  /* Another version's field of another type would make proto_tree_add_* abort. */
  return proto_registrar_get_nth((unsigned)id)->type == type ? id : -1;
}

static void find(struct builtin *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int id = nvt_builtin_id(rows[i].name, rows[i].type);
    rows[i].info = id > 0 ? proto_registrar_get_nth((unsigned)id) : NULL;
  }
}

void nvt_builtin_find(void) {
  find(of_sqe, NVT_COUNT(of_sqe));
  find(dwords, NVT_COUNT(dwords));
  find(of_cqe, NVT_COUNT(of_cqe));
  find(of_range, NVT_COUNT(of_range));
  find(&number_of_blocks, 1);
}

static void add(const struct nvt_context *c, const struct builtin *rows, size_t count) {
  int entry = c->body + 16;
  for (size_t i = 0; i < count; i++)
    if (rows[i].info != NULL && (c->visible || rows[i].info->ref_type != HF_REF_TYPE_NONE))
      proto_item_set_hidden(
          nvt_add_number(c, c->tree, rows[i].info, entry + rows[i].offset, rows[i].size));
}

static bool names_blocks(uint8_t opcode) {
  switch (opcode) {
  case NVT_NVM_READ:
  case NVT_NVM_WRITE:
  case NVT_NVM_COMPARE:
  case NVT_NVM_WRITE_ZEROES:
  case NVT_NVM_WRITE_UNCORRECTABLE:
  case NVT_NVM_VERIFY:
    return true;
  default:
    return false;
  }
}

static bool taken_apart(uint16_t sqid, uint8_t opcode) {
  if (sqid != 0)
    return opcode == NVT_NVM_READ || opcode == NVT_NVM_WRITE;
  return opcode == NVT_ADMIN_IDENTIFY || opcode == NVT_ADMIN_GET_LOG_PAGE ||
         opcode == NVT_ADMIN_SET_FEATURES || opcode == NVT_ADMIN_GET_FEATURES;
}

void nvt_builtin_sqe(const struct nvt_context *c) {
  const struct nvt_rec_command *command = &c->record->command;
  add(c, of_sqe, NVT_COUNT(of_sqe));
  if (!taken_apart(command->sqid, command->sqe.opcode))
    add(c, dwords, NVT_COUNT(dwords));
  bool of_nvm = c->frame->fed ? c->frame->set == NVT_SET_NVM : command->sqid != 0;
  if (!of_nvm || !names_blocks(command->sqe.opcode))
    return;
  add(c, of_range, NVT_COUNT(of_range));
  if (number_of_blocks.info !=
      NULL) /* the built-in field has the count, in 16 bits, not the zero-based value */
    proto_item_set_hidden(proto_tree_add_uint(c->tree, number_of_blocks.info->id, c->tvb,
                                              c->body + 64, 2, (command->sqe.cdw12 + 1) & 0xffffu));
}

void nvt_builtin_cqe(const struct nvt_context *c) {
  add(c, of_cqe, NVT_COUNT(of_cqe));
}
