/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/identify.h"
#include "nvme/names.h"
#include "nvme/ranges.h"
#include "replay/pass_int.h"

/* Features that are about queues, interrupts, events and memory of the host that sets them. */
static bool is_hosts(uint32_t feature) {
  switch (feature) {
  case NVT_FEATURE_NUMBER_OF_QUEUES:
  case NVT_FEATURE_INTERRUPT_COALESCING:
  case NVT_FEATURE_INTERRUPT_VECTOR_CONFIG:
  case NVT_FEATURE_ASYNC_EVENT_CONFIG:
  case NVT_FEATURE_HOST_MEMORY_BUFFER:
  case NVT_FEATURE_KEEP_ALIVE_TIMER:
    return true;
  default:
    return false;
  }
}

static enum nvt_pass_kind admin_kind(const struct nvt_engine *e, const struct nvt_sqe *sqe) {
  switch (sqe->opcode) {
  case NVT_ADMIN_IDENTIFY:
  case NVT_ADMIN_GET_LOG_PAGE:
  case NVT_ADMIN_GET_FEATURES:
    return NVT_PASS_READS;
  /* A real drive is neither taken away from its driver, nor made another. */
  case NVT_ADMIN_SET_FEATURES:
    return e->order != NULL && !is_hosts(sqe->cdw10 & 0xff) ? NVT_PASS_SETS : NVT_PASS_NONE;
  case NVT_ADMIN_FORMAT_NVM:
    return e->order != NULL ? NVT_PASS_SETS : NVT_PASS_NONE;
  default:
    return NVT_PASS_NONE;
  }
}

enum nvt_pass_kind nvt_pass_kind_of(const struct nvt_engine *e,
                                    const struct nvt_replay_command *command) {
  if (command->set == NVT_SET_ADMIN)
    return admin_kind(e, &command->command.sqe);
  if (command->set != NVT_SET_NVM)
    return NVT_PASS_NONE;
  switch (command->command.sqe.opcode) {
  case NVT_NVM_READ:
  case NVT_NVM_COMPARE:
  case NVT_NVM_FLUSH:
  case NVT_NVM_VERIFY:
    return NVT_PASS_READS;
  case NVT_NVM_WRITE:
  case NVT_NVM_WRITE_ZEROES:
  case NVT_NVM_WRITE_UNCORRECTABLE:
  case NVT_NVM_DATASET_MANAGEMENT:
    return NVT_PASS_WRITES;
  default:
    return NVT_PASS_NONE;
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
    bytes = ((sqe->cdw10 & 0xff) + 1u) * NVT_DSM_RANGE_SIZE;
  } else {
    if (space == NULL || !space->checked)
      return UINT32_MAX;
    nvt_command_range(sqe, &first, &count);
    bytes = count * space->block_size;
  }
  return bytes > NVT_PASS_BYTES_MAX ? UINT32_MAX : (uint32_t)bytes;
}

/* First block and number of blocks as the target has them. False: it has no such blocks. */
static bool scale_range(int scale, uint64_t *first, uint64_t *count) {
  uint64_t mask = scale < 0 ? (UINT64_C(1) << -scale) - 1 : 0;
  if (((*first | *count) & mask) != 0 || (scale > 0 && *first >> (64 - scale) != 0))
    return false;
  *first = scale < 0 ? *first >> -scale : *first << scale;
  *count = scale < 0 ? *count >> -scale : *count << scale;
  return true;
}

static int scale_of(struct nvt_engine *e, const struct nvt_replay_command *command) {
  const struct replay_namespace *space = nvt_engine_namespace(e, command->command.sqe.nsid);
  return space != NULL && command->set == NVT_SET_NVM ? space->scale : 0;
}

static bool scale_entry(int scale, struct nvt_sqe *sqe) {
  uint64_t first, count;
  if (scale == 0 || nvt_command_range_of(NVT_SET_NVM, sqe->opcode) != NVT_RANGE_ENTRY)
    return true;
  nvt_command_range(sqe, &first, &count);
  if (!scale_range(scale, &first, &count) || count > 65536)
    return false;
  sqe->cdw10 = (uint32_t)first;
  sqe->cdw11 = (uint32_t)(first >> 32);
  sqe->cdw12 = (sqe->cdw12 & 0xffff0000u) | (uint32_t)(count - 1);
  return true;
}

/* The ranges of a Dataset Management. */
static bool scale_data(int scale, uint8_t *buffer, uint32_t size) {
  for (uint32_t at = 0; scale != 0 && at + NVT_DSM_RANGE_SIZE <= size; at += NVT_DSM_RANGE_SIZE) {
    uint32_t blocks;
    uint64_t first, count;
    memcpy(&blocks, buffer + at + 4, sizeof(blocks));
    memcpy(&first, buffer + at + 8, sizeof(first));
    count = blocks;
    if (!scale_range(scale, &first, &count) || count > UINT32_MAX)
      return false;
    blocks = (uint32_t)count;
    memcpy(buffer + at + 4, &blocks, sizeof(blocks));
    memcpy(buffer + at + 8, &first, sizeof(first));
  }
  return true;
}

bool nvt_pass_make(struct nvt_engine *e, struct nvt_replay_command *command,
                   enum nvt_pass_kind kind, struct nvt_pass *out) {
  *out = (struct nvt_pass){.command = command,
                           .sqe = command->command.sqe,
                           .size = buffer_size(e, command),
                           .instead = kind == NVT_PASS_WRITES && e->totals->read_only,
                           .muted = e->totals->findings.muted};
  if (out->size == UINT32_MAX || (out->instead && out->sqe.opcode != NVT_NVM_WRITE) ||
      !scale_entry(scale_of(e, command), &out->sqe))
    return false;
  if (out->instead) {
    out->sqe.opcode = NVT_NVM_READ;
    out->sqe.cdw13 = 0;
  }
  return true;
}

bool nvt_pass_fill(struct nvt_engine *e, const struct nvt_pass *pass, uint8_t *buffer) {
  const struct nvt_replay_command *command = pass->command;
  /* On a medium of our own something else may stand for what isn't in the trace. */
  bool strict = e->ops->sender == NULL;
  if (command->direction != NVT_DIRECTION_OUT || pass->instead) {
    /* So that what isn't written isn't taken for what was read. */
    if (command->moved[NVT_DIRECTION_IN] > 0)
      memset(buffer, 0xa5, pass->size);
    return true;
  }
  if (command->captured_upto < pass->size) {
    if (strict)
      return false;
    memset(buffer, 0, pass->size);
  }
  for (const struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next) {
    const struct nvt_rec_data *data = &chunk->data;
    if (data->kind != NVT_V_data_kind_PAYLOAD || data->direction != NVT_DIRECTION_OUT)
      continue;
    if (chunk->digest != NULL && strict) /* bytes that only stand for those that were written */
      return false;
    if (data->offset < pass->size && data->captured_length <= pass->size - data->offset)
      memcpy(buffer + data->offset, chunk->bytes, data->captured_length);
  }
  return command->set != NVT_SET_NVM || command->command.sqe.opcode != NVT_NVM_DATASET_MANAGEMENT ||
         scale_data(scale_of(e, command), buffer, pass->size);
}

/* In pieces, where it has more data than the target takes at once. */
static int send_pieces(struct nvt_engine *e, const struct nvt_pass *pass, uint8_t *buffer,
                       uint32_t most, nvt_status *status, uint32_t *dw0) {
  bool admin = pass->command->set == NVT_SET_ADMIN;
  uint64_t first, count;
  nvt_command_range(&pass->sqe, &first, &count);
  uint32_t block = (uint32_t)(pass->size / count), each = block > 0 ? most / block : 0;
  if (admin || most == 0 || pass->size <= most || each == 0 ||
      nvt_command_range_of(NVT_SET_NVM, pass->sqe.opcode) != NVT_RANGE_ENTRY)
    return e->ops->pass(e->target, admin, &pass->sqe, buffer, pass->size, status, dw0);
  int failed = 0;
  *status = NVT_SC_SUCCESS;
  for (uint64_t at = 0; at < count && failed == 0 && *status == NVT_SC_SUCCESS; at += each) {
    uint32_t n = count - at < each ? (uint32_t)(count - at) : each;
    struct nvt_sqe sqe = pass->sqe;
    sqe.cdw10 = (uint32_t)(first + at);
    sqe.cdw11 = (uint32_t)((first + at) >> 32);
    sqe.cdw12 = (sqe.cdw12 & 0xffff0000u) | (n - 1);
    failed = e->ops->pass(e->target, false, &sqe, buffer + at * block, n * block, status, dw0);
  }
  return failed;
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
  } else if (was->dw0 != dw0 && command->set == NVT_SET_ADMIN &&
             command->command.sqe.opcode == NVT_ADMIN_GET_FEATURES) {
    nvt_engine_excuse(e, NVT_EXCEPTION_ITS_DRIVER);
  } else if (was->dw0 != dw0) {
    nvt_findings_number(&e->totals->findings, command->completion_record, "completion.dw0",
                        was->dw0, dw0, 8, "completion of %s, queue %u, cid 0x%04x differs",
                        nvt_replay_command_name(command), command->command.sqid,
                        command->command.sqe.cid);
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
  bool elsewhere =
      e->totals->remap->count > 0 || e->totals->remap->lba_offset > 0 || e->other_limits;
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

/* Admin commands after which blocks aren't what was written to them. */
static bool changes_media(const struct nvt_replay_command *command) {
  uint8_t opcode = command->command.sqe.opcode;
  return command->set == NVT_SET_ADMIN &&
         (opcode == NVT_ADMIN_FORMAT_NVM || opcode == NVT_ADMIN_SANITIZE ||
          opcode == NVT_ADMIN_NS_MANAGEMENT);
}

void nvt_pass_conclude(struct nvt_engine *e, struct nvt_pass *pass, int failed, nvt_status status,
                       uint32_t dw0, const uint8_t *buffer) {
  struct nvt_replay_command *command = pass->command;
  bool muted = e->totals->findings.muted;
  e->totals->findings.muted = pass->muted;
  if (failed)
    nvt_findings_add(&e->totals->findings, command->record, "command", "sent", strerror(-failed),
                     "%s (queue %u, cid 0x%04x) isn't taken", nvt_replay_command_name(command),
                     command->command.sqid, command->command.sqe.cid);
  else
    compare(e, command, status, dw0);
  if (failed == 0 && status == NVT_SC_SUCCESS && changes_media(command))
    nvt_pass_formatted(e, pass->sqe.nsid);
  if (failed == 0 && status == NVT_SC_SUCCESS && !pass->instead)
    compare_data(e, command, buffer, pass->size);
  nvt_engine_data_done(e, command, failed || pass->instead ? NVT_SC_INTERNAL_DEVICE_ERROR : status);
  command->executed = true;
  e->totals->findings.muted = muted;
}

void nvt_pass_unsent(struct nvt_engine *e, struct nvt_replay_command *command) {
  for (uint32_t i = 0; changes_media(command) && i < e->space_count; i++)
    nvt_blocks_set(e->spaces[i].known, 0, e->spaces[i].blocks, false);
  nvt_engine_excuse(e, NVT_EXCEPTION_UNSENT);
  nvt_engine_data_done(e, command, NVT_SC_INTERNAL_DEVICE_ERROR);
  command->executed = true;
}

bool nvt_pass_send(struct nvt_engine *e, struct nvt_pass *pass, uint32_t most) {
  nvt_status status = NVT_SC_SUCCESS;
  uint32_t dw0 = 0;
  uint8_t *buffer = NULL;
  if (posix_memalign((void **)&buffer, 4096, pass->size + 4096u) != 0)
    return false;
  memset(buffer, 0, pass->size + 4096u);
  if (!nvt_pass_fill(e, pass, buffer)) {
    free(buffer);
    return false;
  }
  int failed = send_pieces(e, pass, buffer, most, &status, &dw0);
  if (failed == -ENXIO) { /* there is nobody who could take it */
    free(buffer);
    return false;
  }
  nvt_pass_conclude(e, pass, failed, status, dw0, buffer);
  free(buffer);
  return true;
}
