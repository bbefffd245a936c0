/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory where a command's PRPs or SGL point to, of a trace that doesn't tell what memory its host
 * had. */
#include <string.h>

#include "nvme/sgl.h"
#include "replay/engine_int.h"

static void need_descriptor(struct nvt_engine *e, const uint8_t bytes[static NVT_SGL_BYTES]) {
  struct nvt_sgl sgl;
  nvt_sgl_parse(bytes, &sgl);
  if (!sgl.has_address || sgl.length == 0)
    return;
  /* Windows are larger than a length can say. */
  nvt_engine_need_memory(e, sgl.address);
  nvt_engine_need_memory(e, sgl.address + (sgl.length - 1));
}

static void need_list(struct nvt_engine *e, const struct nvt_chunk *chunk) {
  size_t length = chunk->data.captured_length;
  if (chunk->data.kind == NVT_V_data_kind_SGL_SEGMENT) {
    for (size_t i = 0; i + NVT_SGL_BYTES <= length; i += NVT_SGL_BYTES)
      need_descriptor(e, chunk->bytes + i);
  } else if (chunk->data.kind == NVT_V_data_kind_PRP_LIST) {
    uint64_t entry;
    for (size_t i = 0; i + sizeof(entry) <= length; i += sizeof(entry)) {
      memcpy(&entry, chunk->bytes + i, sizeof(entry));
      nvt_engine_need_memory(e, entry);
    }
  }
}

void nvt_engine_need_pointers(struct nvt_engine *e, const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  if (e->maps_seen)
    return;
  if (NVT_SQE_PSDT(sqe->flags) == 0) {
    nvt_engine_need_memory(e, sqe->prp1);
    nvt_engine_need_memory(e, sqe->prp2);
  } else {
    uint8_t sgl1[NVT_SGL_BYTES];
    memcpy(sgl1, &sqe->prp1, 8);
    memcpy(sgl1 + 8, &sqe->prp2, 8);
    need_descriptor(e, sgl1);
  }
  for (const struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next) {
    nvt_engine_need_memory(e, chunk->data.address);
    need_list(e, chunk);
  }
}

bool nvt_engine_list_missing(const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  uint8_t type = (uint8_t)(sqe->prp2 >> 60);
  return !command->has_lists && NVT_SQE_PSDT(sqe->flags) != 0 &&
         (type == NVT_SGL_SEGMENT || type == NVT_SGL_LAST_SEGMENT);
}
