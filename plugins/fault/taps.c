/* SPDX-License-Identifier: BSD-2-Clause */
/* The callbacks, and which of them are needed. */
#include "nvme/nvme.h"
#include "plugins/fault/fault_int.h"
#include "plugins/fault/match.h"

static DECL_NPLUGIN_ADMIN_DECODE(admin_decode);
static DECL_NPLUGIN_IO_DECODE(io_decode);
static DECL_NPLUGIN_ADMIN_WRITEBACK(admin_writeback);
static DECL_NPLUGIN_IO_WRITEBACK(io_writeback);
static DECL_NPLUGIN_IO_MEMORY(memory);
static DECL_NPLUGIN_REGREAD(regread);
static DECL_NPLUGIN_REGWRITE(regwrite);
static DECL_NPLUGIN_IO_INTERRUPT(interrupt);

/* --- which --- */

static struct {
  const char *name;
  void *callback;
  bool attached;
} taps[] = {
    {"nvme:admin:decode", (void *)admin_decode, false},
    {"nvme:io:decode", (void *)io_decode, false},
    {"nvme:admin:writeback", (void *)admin_writeback, false},
    {"nvme:io:writeback", (void *)io_writeback, false},
    {"nvme:admin:memory", (void *)memory, false},
    {"nvme:io:memory", (void *)memory, false},
    {"nvme:regread:writeback", (void *)regread, false},
    {"nvme:regwrite:decode", (void *)regwrite, false},
    {"nvme:admin:interrupt", (void *)interrupt, false},
    {"nvme:io:interrupt", (void *)interrupt, false},
};
enum { TAPS = sizeof(taps) / sizeof(taps[0]) };

bool fault_taps_update(void) {
  const struct fault_index *index = &fault.index;
  const bool needed[TAPS] = {
      index->commands[0][1],
      index->commands[0][0],
      index->commands[1][1],
      index->commands[1][0],
      index->corrupts[1],
      index->corrupts[0],
      index->access[0].count != 0 || index->readies,
      index->access[1].count != 0,
      index->loses[1],
      index->loses[0],
  };
  bool good = true;
  for (unsigned i = 0; i < TAPS; i++) {
    if (needed[i] == taps[i].attached)
      continue;
    if ((needed[i] ? plugin_tap_attach(taps[i].name, taps[i].callback)
                   : plugin_tap_detach(taps[i].name)) == 0)
      taps[i].attached = needed[i];
    else
      good = false;
  }
  return good;
}

/* --- commands --- */

static inline int decode(bool admin, uint32_t bdf, struct nvme_command *cmd,
                         struct nvme_completion *cmp, uint32_t sqid) {
  const struct fault_span *span = &fault.index.command[0][admin][cmd->opc];
  if (fault.marks.count != 0)
    fault_mark_forget(&fault.marks, bdf, sqid, cmd->cid);
  for (uint32_t i = 0; i < span->count; i++) {
    struct fault_rule *rule = fault.index.at[span->first + i];
    if (!fault_matches_command(&rule->match, sqid, cmd) || !fault_hit(rule))
      continue;
    int answer = fault_act_early(rule, bdf, cmd, cmp, sqid);
    if (answer != NPLUGIN_CONTINUE)
      return answer;
  }
  return NPLUGIN_CONTINUE;
}

static int admin_decode(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                        uint32_t sqid) {
  return decode(true, bdf, cmd, cmp, sqid);
}

static int io_decode(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                     uint32_t sqid) {
  return decode(false, bdf, cmd, cmp, sqid);
}

static inline int writeback(bool admin, uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid) {
  const struct nvme_command *cmd = fault.posting ? NULL : find_cmd(sqid, cmp->cid);
  if (cmd == NULL) /* one that a plug-in posted */
    return NPLUGIN_CONTINUE;
  const struct fault_span *span = &fault.index.command[1][admin][cmd->opc];
  if (span->count == 0 || fault_later_passes(plugin_cmd_handle()))
    return NPLUGIN_CONTINUE;
  for (uint32_t i = 0; i < span->count; i++) {
    struct fault_rule *rule = fault.index.at[span->first + i];
    if (!fault_matches_command(&rule->match, sqid, cmd) || !fault_hit(rule))
      continue;
    int answer = fault_act_late(rule, bdf, cmp, sqid);
    if (answer != NPLUGIN_CONTINUE)
      return answer;
  }
  return NPLUGIN_CONTINUE;
}

static int admin_writeback(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid) {
  return writeback(true, bdf, cmp, sqid);
}

static int io_writeback(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid) {
  return writeback(false, bdf, cmp, sqid);
}

static int memory(uint32_t bdf, uint32_t sqid, uint16_t cid, uint32_t kind, uint32_t direction,
                  uint64_t address, const void *bytes, size_t length) {
  (void)address;
  (void)bytes;
  if (kind == 0 && fault.marks.count != 0)
    fault_marks_apply(&fault.marks, bdf, sqid, cid, direction, length, plugin_data_writable);
  return NPLUGIN_CONTINUE;
}

/* --- registers --- */

static int access_rules(bool write, uint32_t bdf, uint64_t offset, uint32_t size, uint64_t *value) {
  const struct fault_span *span = &fault.index.access[write];
  for (uint32_t i = 0; i < span->count; i++) {
    struct fault_rule *rule = fault.index.at[span->first + i];
    const struct fault_action *action = &rule->action;
    if (!fault_matches_access(&rule->match, write, offset, size, *value) || !fault_hit(rule))
      continue;
    if (action->kind == FAULT_VALUE) {
      *value =
          fault_changed_access(&rule->match, offset, size, *value, action->mask, action->value);
      (void)plugin_value_set(*value);
      continue;
    }
    int answer = fault_act_elsewhere(rule, bdf);
    if (answer != NPLUGIN_CONTINUE)
      return answer;
  }
  return NPLUGIN_CONTINUE;
}

/* CSTS.RDY is bit 0 of the byte at CSTS. */
static void stick_ready(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  if (offset > NVT_REG_CSTS || offset + size <= NVT_REG_CSTS)
    return;
  for (unsigned i = 0; i < FAULT_DEVICES; i++) {
    const struct fault_device *device = &fault.devices[i];
    if (!device->used || device->bdf != bdf || !device->stuck)
      continue;
    uint64_t bit = 1ull << (NVT_REG_CSTS - offset) * 8;
    (void)plugin_value_set(device->stuck_at ? value | bit : value & ~bit);
  }
}

static int regread(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  int answer = access_rules(false, bdf, offset, size, &value);
  stick_ready(bdf, offset, size, value);
  return answer;
}

static int regwrite(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  return offset < NVT_REG_DOORBELLS ? access_rules(true, bdf, offset, size, &value)
                                    : NPLUGIN_CONTINUE;
}

/* --- interrupts --- */

static bool is_lost(uint32_t bdf, uint32_t cqid) {
  struct fault_device *device = fault_device(bdf);
  for (unsigned i = 0; device != NULL && i < device->lost_count; i++)
    if (device->lost[i] == cqid) {
      device->lost[i] = device->lost[--device->lost_count];
      return true;
    }
  return false;
}

static int interrupt(uint32_t bdf, uint32_t cqid, uint32_t vector) {
  (void)vector;
  if (fault.acting)
    return NPLUGIN_CONTINUE;
  if (is_lost(bdf, cqid))
    return NPLUGIN_DROP;
  const struct fault_span *span = &fault.index.interrupt;
  for (uint32_t i = 0; i < span->count; i++) {
    struct fault_rule *rule = fault.index.at[span->first + i];
    if (!fault_matches_interrupt(&rule->match, cqid) || !fault_hit(rule))
      continue;
    int answer = fault_act_elsewhere(rule, bdf);
    if (answer != NPLUGIN_CONTINUE)
      return answer;
  }
  return NPLUGIN_CONTINUE;
}
