/* SPDX-License-Identifier: BSD-2-Clause */
/* What commands move: guest memory before they run, the medium, and comparing what came. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nvme/names.h"
#include "nvme/ranges.h"
#include "replay/differences.h"
#include "replay/engine_int.h"
#include "replay/limits.h"

#define DSM_DEALLOCATE 0x4 /* AD in dword 11 */

/* A range of blocks that a command works on. */
struct extent {
  struct replay_namespace *space;
  uint64_t first;
  uint64_t count;
};

struct replay_namespace *nvt_engine_namespace(struct nvt_engine *e, uint32_t nsid) {
  for (uint32_t i = 0; i < e->space_count; i++)
    if (e->spaces[i].nsid == nsid)
      return &e->spaces[i];
  return NULL;
}

/* False: not a command on one range of blocks of a namespace that there is. */
static bool extent_of(struct nvt_engine *e, const struct nvt_replay_command *command,
                      struct extent *out) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  if (command->set != NVT_SET_NVM)
    return false;
  switch (sqe->opcode) {
  case NVT_NVM_READ:
  case NVT_NVM_WRITE:
  case NVT_NVM_COMPARE:
  case NVT_NVM_WRITE_ZEROES:
    break;
  default:
    return false;
  }
  out->space = nvt_engine_namespace(e, sqe->nsid);
  if (out->space == NULL)
    return false;
  out->first = (uint64_t)sqe->cdw11 << 32 | sqe->cdw10;
  out->count = (sqe->cdw12 & 0xffffu) + 1u;
  return out->first < out->space->blocks && out->count <= out->space->blocks - out->first;
}

static bool writes(const struct nvt_replay_command *command) {
  uint8_t opcode = command->command.sqe.opcode;
  return command->set == NVT_SET_NVM &&
         (opcode == NVT_NVM_WRITE || opcode == NVT_NVM_WRITE_ZEROES ||
          opcode == NVT_NVM_DATASET_MANAGEMENT);
}

void nvt_engine_race(struct nvt_engine *e, struct nvt_replay_command *one,
                     struct nvt_replay_command *other) {
  struct extent mine, its;
  if (one->command.sqid == 0 || other->command.sqid == 0 ||
      one->command.sqe.nsid != other->command.sqe.nsid || (!writes(one) && !writes(other)))
    return;
  bool whole = !extent_of(e, one, &mine), other_whole = !extent_of(e, other, &its);
  if ((whole && !writes(one)) || (other_whole && !writes(other)))
    return;
  if (whole || other_whole ||
      (mine.first < its.first + its.count && its.first < mine.first + mine.count))
    one->raced = other->raced = true;
}

/* Against what is in flight. */
static void find_races(struct nvt_engine *e, struct nvt_replay_command *command) {
  const struct replay_namespace *space =
      command->command.sqid != 0 ? nvt_engine_namespace(e, command->command.sqe.nsid) : NULL;
  if (space == NULL || !space->asynchronous)
    return;
  for (struct nvt_replay_command *c = e->in_target; c != NULL; c = c->next)
    nvt_engine_race(e, command, c);
}

/* Bytes that a command moves, where its entry tells; 0 where it doesn't. */
static uint64_t transfer_length(struct nvt_engine *e, const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  struct extent extent;
  if (command->set == NVT_SET_ADMIN)
    return sqe->opcode == NVT_ADMIN_GET_LOG_PAGE
               ? (((uint64_t)(sqe->cdw11 & 0xffff) << 16 | sqe->cdw10 >> 16) + 1) * 4
               : 0;
  if (sqe->opcode == NVT_NVM_WRITE_ZEROES || !extent_of(e, command, &extent))
    return 0;
  return extent.count * extent.space->block_size;
}

/* The trace hasn't the PRP list that the command needs: one whose entries all name
 * the first page, so that memory which the guest had is used and nothing else. */
static void make_list(struct nvt_engine *e, struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  uint64_t page = nvt_engine_page(e);
  uint64_t length = transfer_length(e, command);
  if (NVT_SQE_PSDT(sqe->flags) != 0 || length <= page - (sqe->prp1 & (page - 1)) + page)
    return;
  uint64_t entries[512], base = sqe->prp2 & ~(page - 1);
  for (size_t i = 0; i < 512; i++)
    entries[i] = sqe->prp1 & ~(page - 1);
  /* A list that the recorded controller found bad isn't bad any more. */
  nvt_status status = NVT_CQE_STATUS(command->completion.cqe.status);
  command->unknowable = status == NVT_SC_INVALID_PRP_OFFSET || status == NVT_SC_DATA_TRANSFER_ERROR;
  for (uint64_t at = 0; at < page; at += sizeof(entries)) {
    /* The page's last entry leads to the page itself, for lists longer than that. */
    if (at + sizeof(entries) == page)
      entries[511] = base;
    if (!nvt_memory_write(e->memory, base + at, entries, sizeof(entries)))
      return;
  }
}

/* Put onto the target's medium what a command found there in the recording. */
static void preload(struct nvt_engine *e, const struct nvt_replay_command *command,
                    const struct extent *extent, bool invert) {
  uint32_t size = extent->space->block_size;
  for (const struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next) {
    if (chunk->data.kind != NVT_V_data_kind_PAYLOAD)
      continue;
    uint64_t at = chunk->data.offset, end = at + chunk->data.captured_length;
    if (end < at || end > extent->count * size)
      continue;
    while (at < end) {
      bool known;
      uint64_t block = at / size;
      uint64_t run = nvt_blocks_run(extent->space->known, extent->first + block,
                                    (end - 1) / size - block + 1, &known);
      uint64_t next = (block + run) * size < end ? (block + run) * size : end;
      const uint8_t *bytes = chunk->bytes + (at - chunk->data.offset);
      uint64_t to = extent->first * size + at;
      if (!known && !invert)
        e->ops->preload(e->target, extent->space->nsid, to, bytes, (size_t)(next - at));
      else if (!known) {
        uint8_t other = (uint8_t)~bytes[0];
        e->ops->preload(e->target, extent->space->nsid, to, &other, 1);
      }
      at = next;
    }
  }
}

static void prepare_medium(struct nvt_engine *e, struct nvt_replay_command *command) {
  struct extent extent;
  uint8_t opcode = command->command.sqe.opcode;
  if ((opcode != NVT_NVM_READ && opcode != NVT_NVM_COMPARE) || !extent_of(e, command, &extent))
    return;
  if (extent.space->keeps_nothing || command->raced || command->corrupted)
    return;
  bool known;
  bool all =
      nvt_blocks_run(extent.space->known, extent.first, extent.count, &known) == extent.count &&
      known;
  uint64_t whole = command->captured_upto / extent.space->block_size;
  bool compare = opcode == NVT_NVM_COMPARE;
  if (compare && command->captured_upto < extent.count * extent.space->block_size)
    command->unknowable = true;
  if (all)
    return;
  if (e->ops->preload == NULL ||
      (e->ops->pass != NULL && !e->totals->preload)) { /* whatever the target has there */
    command->foreign_medium = true;
    command->unknowable |= compare;
    return;
  }
  bool failed = NVT_CQE_STATUS(command->completion.cqe.status) != NVT_SC_SUCCESS;
  preload(e, command, &extent, compare && failed);
  if (!compare || !failed)
    nvt_blocks_set(extent.space->known, extent.first, whole < extent.count ? whole : extent.count,
                   true);
  if (command->captured_upto > 0)
    nvt_engine_excuse(e, NVT_EXCEPTION_MEDIUM);
}

/* Does what it does depend on bytes from the host, other than what it stores? */
static bool has_parameters(const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  if (command->set == NVT_SET_NVM && sqe->opcode == NVT_NVM_WRITE)
    return false;
  if (command->set != NVT_SET_ADMIN || sqe->opcode != NVT_ADMIN_SET_FEATURES)
    return command->direction == NVT_DIRECTION_OUT;
  switch (sqe->cdw10 & 0xff) { /* Base 2.1, figure 385: features with a data structure */
  case NVT_FEATURE_LBA_RANGE_TYPE:
  case NVT_FEATURE_AUTONOMOUS_POWER_STATE:
  case NVT_FEATURE_HOST_MEMORY_BUFFER:
  case NVT_FEATURE_TIMESTAMP:
  case NVT_FEATURE_PREDICTABLE_LATENCY_CONFIG:
  case NVT_FEATURE_HOST_BEHAVIOR_SUPPORT:
  case NVT_FEATURE_HOST_IDENTIFIER:
    return true;
  default:
    return false;
  }
}

void nvt_engine_prepare_data(struct nvt_engine *e, struct nvt_replay_command *command) {
  struct extent extent;
  nvt_substitute(command, extent_of(e, command, &extent) ? extent.space->block_size : 0);
  nvt_engine_need_pointers(e, command);
  for (const struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next) {
    bool list = chunk->data.kind == NVT_V_data_kind_PRP_LIST ||
                chunk->data.kind == NVT_V_data_kind_SGL_SEGMENT;
    /* What isn't in guest memory wasn't there for the recorded controller either. */
    if (list || chunk->data.direction == NVT_DIRECTION_OUT)
      nvt_memory_write(e->memory, chunk->data.address, chunk->bytes, chunk->data.captured_length);
  }
  if (command->direction == NVT_DIRECTION_NONE)
    return;
  if (!command->has_lists)
    make_list(e, command);
  /* Whatever stands there now isn't the command's SGL. */
  if (nvt_engine_list_missing(command))
    command->unknowable = true;
  /* Without its parameters a command does something else. */
  if (command->earlier && command->direction == NVT_DIRECTION_OUT)
    command->unknowable = true; /* its data may have been moved before the trace */
  if (has_parameters(command) && (command->incomplete || command->moved[NVT_DIRECTION_OUT] == 0) &&
      e->meta.data_mode != NVT_V_meta_data_mode_FULL)
    command->unknowable = true;
  find_races(e, command);
  if (command->command.sqid != 0)
    prepare_medium(e, command);
}

/* First byte that differs and may not; false: none. */
static bool differs(struct nvt_engine *e, const struct nvt_replay_command *command, uint64_t offset,
                    const uint8_t *was, const uint8_t *is, uint64_t length, uint64_t *where) {
  if (memcmp(was, is, length) == 0)
    return false;
  for (uint64_t i = 0; i < length; i++) {
    enum nvt_exception row;
    if (was[i] == is[i])
      continue;
    if (command->command.sqid == 0 && nvt_exception_byte(&command->command.sqe, offset + i, &row)) {
      nvt_engine_excuse(e, row);
      continue;
    }
    if (command->command.sqid == 0 &&
        nvt_difference_byte(e->ops->name, &command->command.sqe, offset + i)) {
      nvt_engine_excuse(e, NVT_EXCEPTION_MODEL);
      continue;
    }
    *where = i;
    return true;
  }
  return false;
}

/* Where CRCs stand for bytes, it is a block that differs. */
static void find_block(struct nvt_engine *e, struct nvt_replay_command *command,
                       const struct nvt_rec_data *data, const uint8_t *bytes) {
  struct extent extent;
  if (!extent_of(e, command, &extent))
    return;
  uint32_t block = extent.space->block_size;
  uint64_t at = command->differs_at / block * block;
  command->differs_block = block;
  command->differs_expected = nvt_substitute_expected(command, at, block);
  command->differs_actual = at >= data->offset && at - data->offset + block <= data->true_length
                                ? nvt_substitute_crc(bytes + (at - data->offset), block)
                                : 0;
}

void nvt_engine_moved(void *engine, const struct nvt_rec_data *data, const uint8_t *bytes) {
  struct nvt_engine *e = engine;
  nvt_memory_touched(e->memory, data->true_length);
  struct nvt_replay_command *command = nvt_engine_find(e, data->sqid, data->cid);
  if (command == NULL || data->kind != NVT_V_data_kind_PAYLOAD || data->direction > 2)
    return;
  command->target_moved[data->direction] += data->true_length;
  if (e->needs != NULL && e->order == NULL && data->sqid == 0 &&
      command->command.sqe.opcode == NVT_ADMIN_IDENTIFY)
    (void)nvt_limits_identify(e->needs, e->target_cap, &command->command.sqe, data, bytes,
                              e->refused, sizeof(e->refused));
  if (data->direction != NVT_DIRECTION_IN || command->differs_record != 0)
    return;
  uint64_t first = data->offset, end = first + data->true_length;
  for (const struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next) {
    const struct nvt_rec_data *was = &chunk->data;
    if (was->kind != NVT_V_data_kind_PAYLOAD || was->direction != NVT_DIRECTION_IN)
      continue;
    uint64_t from = was->offset > first ? was->offset : first;
    uint64_t to = was->offset > UINT64_MAX - was->captured_length
                      ? UINT64_MAX
                      : was->offset + was->captured_length;
    if (to > end)
      to = end;
    uint64_t where;
    if (from < to && differs(e, command, from, chunk->bytes + (from - was->offset),
                             bytes + (from - first), to - from, &where)) {
      command->differs_record = chunk->record;
      command->differs_at = from + where;
      command->differs_expected = chunk->bytes[from - was->offset + where];
      command->differs_actual = bytes[from - first + where];
      if (chunk->digest != NULL)
        find_block(e, command, data, bytes);
      return;
    }
  }
}

/* The ranges that a Dataset Management deallocated read as zeroes. */
static void deallocated(struct nvt_engine *e, const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  struct replay_namespace *space = nvt_engine_namespace(e, sqe->nsid);
  if (space == NULL || (sqe->cdw11 & DSM_DEALLOCATE) == 0)
    return;
  uint32_t ranges = (sqe->cdw10 & 0xff) + 1;
  if (command->raced || command->captured_upto < (uint64_t)ranges * NVT_DSM_RANGE_SIZE) {
    nvt_blocks_set(space->known, 0, space->blocks, false);
    return;
  }
  uint8_t all[256 * NVT_DSM_RANGE_SIZE];
  memset(all, 0, sizeof(all));
  for (const struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next)
    if (chunk->data.kind == NVT_V_data_kind_PAYLOAD && chunk->data.offset < sizeof(all) &&
        sizeof(all) - chunk->data.offset >= chunk->data.captured_length)
      memcpy(all + chunk->data.offset, chunk->bytes, chunk->data.captured_length);
  for (uint32_t i = 0; i < ranges; i++) {
    uint32_t count;
    uint64_t first;
    memcpy(&count, all + i * NVT_DSM_RANGE_SIZE + 4, sizeof(count));
    memcpy(&first, all + i * NVT_DSM_RANGE_SIZE + 8, sizeof(first));
    nvt_blocks_set(space->known, first, count, true);
  }
}

void nvt_engine_data_done(struct nvt_engine *e, struct nvt_replay_command *command,
                          nvt_status status) {
  struct extent extent;
  const struct nvt_sqe *sqe = &command->command.sqe;
  if (command->set == NVT_SET_NVM && sqe->opcode == NVT_NVM_DATASET_MANAGEMENT &&
      status == NVT_SC_SUCCESS) {
    deallocated(e, command);
  } else if (writes(command) && extent_of(e, command, &extent)) {
    uint64_t whole = extent.count;
    if (sqe->opcode == NVT_NVM_WRITE)
      whole = command->captured_upto / extent.space->block_size;
    if (status != NVT_SC_SUCCESS || command->raced || command->corrupted)
      whole = 0;
    if (whole > extent.count)
      whole = extent.count;
    nvt_blocks_set(extent.space->known, extent.first, whole, true);
    nvt_blocks_set(extent.space->known, extent.first + whole, extent.count - whole, false);
  }
  nvt_feed_forget_data(e->feed, command);
}

bool nvt_engine_outcome_excused(struct nvt_engine *e, const struct nvt_replay_command *command,
                                enum nvt_exception *why) {
  struct extent extent;
  if (command->changed || command->corrupted || command->imposed) {
    *why = NVT_EXCEPTION_PLUGIN;
    return true;
  }
  bool compare = command->command.sqe.opcode == NVT_NVM_COMPARE && extent_of(e, command, &extent);
  if (compare && command->raced) {
    *why = NVT_EXCEPTION_RACE;
    return true;
  }
  if (nvt_engine_from_before(e, command)) {
    *why = NVT_EXCEPTION_EARLIER;
    return true;
  }
  if (command->unknowable) {
    *why = NVT_EXCEPTION_UNRECORDED;
    return true;
  }
  return false;
}

static void describe(char *text, size_t size, const struct nvt_replay_command *command) {
  snprintf(text, size, "%s (queue %u, cid 0x%04x)", nvt_replay_command_name(command),
           command->command.sqid, command->command.sqe.cid);
}

static void compare_lengths(struct nvt_engine *e, const struct nvt_replay_command *command) {
  static const char *const names[3] = {"", "data.out.length", "data.in.length"};
  bool lengths = e->meta.data_mode == NVT_V_meta_data_mode_FULL ||
                 e->meta.data_mode == NVT_V_meta_data_mode_CRC;
  if (!lengths || command->imposed || command->twice || command->earlier)
    return;
  for (unsigned d = NVT_DIRECTION_OUT; d <= NVT_DIRECTION_IN; d++) {
    /* Of one kept back, a falsified identifier may have hidden its data's records. */
    if (command->moved[d] == command->target_moved[d] || (command->kept && command->moved[d] == 0))
      continue;
    char what[64];
    describe(what, sizeof(what), command);
    nvt_findings_number(&e->totals->findings, command->record, names[d], command->moved[d],
                        command->target_moved[d], 0, "%s moved another number of bytes", what);
  }
}

void nvt_engine_compare_data(struct nvt_engine *e, struct nvt_replay_command *command) {
  if (command->moved[NVT_DIRECTION_IN] > 0)
    nvt_engine_compared(e);
  compare_lengths(e, command);
  if (command->differs_record == 0)
    return;
  struct extent extent;
  const struct nvt_rec_command *recorded = &command->command;
  bool medium = recorded->sqe.opcode == NVT_NVM_READ && extent_of(e, command, &extent);
  if (medium && extent.space->keeps_nothing) {
    nvt_engine_excuse(e, NVT_EXCEPTION_NULL_MEDIUM);
  } else if (command->foreign_medium) {
    nvt_engine_excuse(e, NVT_EXCEPTION_MEDIUM);
  } else if (command->raced) {
    nvt_engine_excuse(e, NVT_EXCEPTION_RACE);
  } else if (command->corrupted) {
    nvt_engine_excuse(e, NVT_EXCEPTION_PLUGIN);
  } else if (nvt_engine_from_before(e, command)) {
    nvt_engine_excuse(e, NVT_EXCEPTION_EARLIER);
  } else {
    char what[64];
    describe(what, sizeof(what), command);
    if (command->differs_block != 0) {
      nvt_findings_number(&e->totals->findings, command->differs_record, "data.crc",
                          command->differs_expected, command->differs_actual, 8,
                          "data of %s differs in the block at byte %" PRIu64, what,
                          command->differs_at / command->differs_block * command->differs_block);
      return;
    }
    nvt_findings_number(&e->totals->findings, command->differs_record, "data",
                        command->differs_expected, command->differs_actual, 2,
                        "data of %s differs first at byte %" PRIu64, what, command->differs_at);
  }
}
