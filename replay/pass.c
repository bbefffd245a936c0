/* SPDX-License-Identifier: BSD-2-Clause */
/* Replay into a target that takes whole commands, and shows nothing but what they answer. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/identify.h"
#include "nvme/names.h"
#include "nvme/ranges.h"
#include "replay/engine_int.h"
#include "replay/limits.h"

#define BYTES_MAX (UINT32_C(64) << 20) /* of one command */

/* Only these are sent: nothing that takes a drive away from its driver, or changes what it is. */
enum kind { KIND_NONE, KIND_READS, KIND_WRITES };
static enum kind kind_of(const struct nvt_replay_command *command) {
  uint8_t opcode = command->command.sqe.opcode;
  if (command->set == NVT_SET_ADMIN)
    return opcode == NVT_ADMIN_IDENTIFY || opcode == NVT_ADMIN_GET_LOG_PAGE ||
                   opcode == NVT_ADMIN_GET_FEATURES
               ? KIND_READS
               : KIND_NONE;
  if (command->set != NVT_SET_NVM)
    return KIND_NONE;
  switch (opcode) {
  case NVT_NVM_READ:
  case NVT_NVM_COMPARE:
  case NVT_NVM_FLUSH:
  case NVT_NVM_VERIFY:
    return KIND_READS;
  case NVT_NVM_WRITE:
  case NVT_NVM_WRITE_ZEROES:
  case NVT_NVM_WRITE_UNCORRECTABLE:
  case NVT_NVM_DATASET_MANAGEMENT:
    return KIND_WRITES;
  default:
    return KIND_NONE;
  }
}

/* Bytes of its buffer; UINT32_MAX: it can't be told, or is too large. */
static uint32_t buffer_size(struct nvt_engine *e, const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  const struct replay_namespace *space = nvt_engine_namespace(e, sqe->nsid);
  uint64_t first, count, bytes;
  if (command->direction == NVT_DIRECTION_NONE)
    return 0;
  if (command->set == NVT_SET_ADMIN) {
    bytes = sqe->opcode != NVT_ADMIN_GET_LOG_PAGE
                ? NVT_IDENTIFY_SIZE
                : (((uint64_t)(sqe->cdw11 & 0xffff) << 16 | sqe->cdw10 >> 16) + 1) * 4;
  } else if (sqe->opcode == NVT_NVM_DATASET_MANAGEMENT) {
    bytes = ((sqe->cdw10 & 0xff) + 1u) * 16u;
  } else {
    if (space == NULL || !space->checked)
      return UINT32_MAX;
    nvt_command_range(sqe, &first, &count);
    bytes = count * space->block_size;
  }
  return bytes > BYTES_MAX ? UINT32_MAX : (uint32_t)bytes;
}

/* What the host sends, if all of it is in the trace. */
static bool fill(const struct nvt_replay_command *command, uint8_t *buffer, uint32_t size) {
  if (command->direction != NVT_DIRECTION_OUT)
    return true;
  if (command->captured_upto < size)
    return false;
  for (const struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next) {
    const struct nvt_rec_data *data = &chunk->data;
    if (data->kind != NVT_V_data_kind_PAYLOAD || data->direction != NVT_DIRECTION_OUT)
      continue;
    if (chunk->digest != NULL) /* bytes that only stand for those that were written */
      return false;
    if (data->offset < size && data->captured_length <= size - data->offset)
      memcpy(buffer + data->offset, chunk->bytes, data->captured_length);
  }
  return true;
}

static void compare(struct nvt_engine *e, struct nvt_replay_command *command, nvt_status status,
                    uint32_t dw0) {
  const struct nvt_cqe *was = &command->completion.cqe;
  enum nvt_exception why;
  nvt_engine_compared(e);
  if (nvt_engine_outcome_excused(e, command, &why)) {
    nvt_engine_excuse(e, why);
  } else if (NVT_CQE_STATUS(was->status) != status) {
    const char *expected = nvt_status_name(NVT_CQE_STATUS(was->status)),
               *actual = nvt_status_name(status);
    char texts[2][48];
    snprintf(texts[0], sizeof(texts[0]), "0x%04x %s", NVT_CQE_STATUS(was->status),
             expected != NULL ? expected : "");
    snprintf(texts[1], sizeof(texts[1]), "0x%04x %s", status, actual != NULL ? actual : "");
    nvt_findings_add(&e->totals->findings, command->completion_record, "completion.status",
                     texts[0], texts[1], "completion of %s, queue %u, cid 0x%04x differs",
                     nvt_replay_command_name(command), command->command.sqid,
                     command->command.sqe.cid);
  } else if (command->command.sqe.opcode == NVT_ADMIN_GET_FEATURES &&
             command->set == NVT_SET_ADMIN && was->dw0 != dw0) {
    nvt_engine_excuse(e, NVT_EXCEPTION_ITS_DRIVER);
  }
}

/* What came, as the engine has it of other targets; logs and features are the driver's, too. */
static void compare_data(struct nvt_engine *e, struct nvt_replay_command *command,
                         const uint8_t *buffer, uint32_t size) {
  const struct nvt_rec_data data = {.sqid = command->command.sqid,
                                    .cid = command->command.sqe.cid,
                                    .kind = NVT_V_data_kind_PAYLOAD,
                                    .direction = command->direction,
                                    .true_length = size,
                                    .captured_length = size};
  bool elsewhere = e->totals->remap->count > 0 || e->totals->remap->lba_offset > 0;
  bool own = command->set == NVT_SET_ADMIN &&
             (elsewhere || command->command.sqe.opcode != NVT_ADMIN_IDENTIFY);
  e->current = command;
  command->in_target = true;
  nvt_engine_moved(e, &data, buffer);
  command->in_target = false;
  e->current = NULL;
  if (own && command->differs_record != 0)
    nvt_engine_excuse(e, NVT_EXCEPTION_ITS_DRIVER);
  else
    nvt_engine_compare_data(e, command);
}

/* Sent, and what it answered compared. False: it wasn't sent. */
static bool send(struct nvt_engine *e, struct nvt_replay_command *command, enum kind kind) {
  struct nvt_sqe sqe = command->command.sqe;
  uint32_t size = buffer_size(e, command), dw0 = 0;
  nvt_status status = 0;
  uint8_t *buffer = NULL;
  bool instead = kind == KIND_WRITES && e->totals->read_only;
  if (size == UINT32_MAX || (instead && sqe.opcode != NVT_NVM_WRITE) ||
      posix_memalign((void **)&buffer, 4096, size + 4096u) != 0)
    return false;
  memset(buffer, 0, size + 4096u);
  if (instead) {
    sqe.opcode = NVT_NVM_READ;
    sqe.cdw13 = 0;
  } else if (!fill(command, buffer, size)) {
    free(buffer);
    return false;
  }
  int failed =
      e->ops->pass(e->target, command->set == NVT_SET_ADMIN, &sqe, buffer, size, &status, &dw0);
  if (failed)
    nvt_findings_add(&e->totals->findings, command->record, "command", "sent", strerror(-failed),
                     "%s (queue %u, cid 0x%04x) isn't taken by the kernel",
                     nvt_replay_command_name(command), command->command.sqid,
                     command->command.sqe.cid);
  else
    compare(e, command, status, dw0);
  if (failed == 0 && status == NVT_SC_SUCCESS && !instead)
    compare_data(e, command, buffer, size);
  free(buffer);
  nvt_engine_data_done(e, command, failed || instead ? NVT_SC_INTERNAL_DEVICE_ERROR : status);
  return true;
}

/* With another block size a command would move more than its buffer holds. */
static bool same_blocks(struct nvt_engine *e, const struct nvt_plan_namespace *ns, uint8_t *answer,
                        char *why, size_t whylen) {
  const struct nvt_sqe sqe = {
      .opcode = NVT_ADMIN_IDENTIFY, .nsid = ns->nsid, .cdw10 = NVT_CNS_NAMESPACE};
  const struct nvt_rec_data data = {.true_length = NVT_IDENTIFY_SIZE};
  nvt_status status;
  uint32_t dw0;
  int failed = e->ops->pass(e->target, true, &sqe, answer, NVT_IDENTIFY_SIZE, &status, &dw0);
  if (failed || status != NVT_SC_SUCCESS) {
    snprintf(why, whylen, "namespace %" PRIu32 " can't be identified: %s", ns->nsid,
             failed ? strerror(-failed) : nvt_status_name(status));
    return false;
  }
  struct nvt_id_namespace id;
  memcpy(&id, answer, sizeof(id));
  unsigned format = nvt_flbas_format(id.flbas);
  if (format > 15 || id.lbaf[format].ms != 0) {
    snprintf(why, whylen,
             "namespace %" PRIu32 " has metadata, or a block format beyond the first 16: what its "
             "commands move isn't known here",
             ns->nsid);
    return false;
  }
  /* What is before the trace's first block there isn't the trace's. */
  uint64_t offset = e->totals->remap->lba_offset;
  id.nsze = id.nsze > offset ? id.nsze - offset : 0;
  memcpy(answer, &id, sizeof(id));
  if (!nvt_limits_identify(e->needs, e->target_cap, &sqe, &data, answer, why, whylen))
    return false;
  struct replay_namespace *space = nvt_engine_namespace(e, ns->nsid);
  if (space != NULL)
    space->checked = id.lbaf[format].lbads < 32 && 1u << id.lbaf[format].lbads == space->block_size;
  return true;
}

bool nvt_engine_pass_fits(struct nvt_engine *e, char *why, size_t whylen) {
  uint8_t *answer = NULL;
  bool fits = e->needs != NULL && posix_memalign((void **)&answer, 4096, NVT_IDENTIFY_SIZE) == 0;
  if (!fits)
    snprintf(why, whylen,
             "what the trace needs isn't known: it has to be a file, which is read "
             "once before anything is sent");
  for (uint32_t i = 0; fits && i < e->needs->namespace_count; i++)
    if (e->needs->namespaces[i].reads + e->needs->namespaces[i].writes > 0)
      fits = same_blocks(e, &e->needs->namespaces[i], answer, why, whylen);
  free(answer);
  return fits;
}

/* What was written meanwhile isn't known: one difference, and no block is what the trace says. */
static void check_losses(struct nvt_engine *e, const struct nvt_feed_item *item) {
  const struct nvt_record *record = &item->record;
  bool lost = record->header.type == NVT_REC_LOSS && record->loss.count > 0;
  if (!lost && item->missing == 0 && !nvt_record_left_out(record))
    return;
  nvt_findings_number(&e->totals->findings, e->record, "loss",
                      lost ? record->loss.count : item->missing, 0, 0,
                      "records are missing here: what they wrote isn't known");
  for (uint32_t i = 0; i < e->space_count; i++)
    nvt_blocks_set(e->spaces[i].known, 0, e->spaces[i].blocks, false);
}

void nvt_engine_pass(struct nvt_engine *e, const struct nvt_feed_item *item) {
  struct nvt_replay_command *command = item->command;
  check_losses(e, item);
  if (item->record.header.type != NVT_REC_COMMAND || command == NULL)
    return;
  e->totals->commands++;
  enum nvt_opcode_set set = (enum nvt_opcode_set)command->set;
  command->direction =
      (uint8_t)nvt_opcode_direction(set, nvt_command_code(set, &command->command.sqe));
  enum kind kind = kind_of(command);
  if (kind != KIND_NONE)
    nvt_feed_look_ahead(e->feed, command, false);
  if (kind == KIND_WRITES && !e->totals->may_write && !e->totals->read_only) {
    snprintf(e->refused, sizeof(e->refused),
             "%s would overwrite what is on the drive: --yes-destroy-data lets it, --read-only "
             "reads the same blocks instead",
             nvt_replay_command_name(command));
    return;
  }
  if (kind != KIND_NONE && command->completion_record != 0)
    nvt_engine_prepare_data(e, command);
  if (kind == KIND_NONE || command->completion_record == 0 || !send(e, command, kind)) {
    nvt_engine_excuse(e, NVT_EXCEPTION_UNSENT);
    nvt_engine_data_done(e, command, NVT_SC_INTERNAL_DEVICE_ERROR);
  }
  command->executed = true;
}
