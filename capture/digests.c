/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/digests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/dedup.h"
#include "trace/crc32c.h"
#include "trace/digest.h"
#include "trace/pages.h"

_Static_assert(NVT_DEDUP_PAGES_MAX <= NVT_PAGES_MAX && NVT_DEDUP_PAGE == NVT_PAGE_BYTES,
               "what readers keep");
_Static_assert(NVT_DEDUP_RUN_MAX <= NVT_DIGEST_BYTES_MAX, "a run is a record");

struct controller {
  uint16_t id;
  uint32_t unit;           /* of CRCs, bytes */
  struct nvt_dedup *dedup; /* NULL: not asked for, or no memory */
};

/* What a command under way moves. Of two in one place the younger counts; the data of the other is
 * then taken for blocks. */
struct command {
  uint16_t controller, sqid, cid;
  bool whole; /* parameters or an answer */
};

struct nvt_digests {
  struct nvt_emit_data_options options;
  struct controller *controllers;
  uint32_t count;
  struct command commands[4096];
};

int nvt_digests_create(const struct nvt_emit_data_options *options, struct nvt_digests **out) {
  *out = NULL;
  bool dedup = options->dedup_pages != 0;
  if ((!dedup && options->mode != NVT_V_meta_data_mode_CRC) ||
      (dedup &&
       (options->dedup_pages < NVT_DEDUP_PAGES_MIN || options->dedup_pages > NVT_DEDUP_PAGES_MAX)))
    return -EINVAL;
  struct nvt_digests *digests = calloc(1, sizeof(*digests));
  if (digests == NULL)
    return -ENOMEM;
  digests->options = *options;
  *out = digests;
  return 0;
}

void nvt_digests_destroy(struct nvt_digests *digests) {
  if (digests == NULL)
    return;
  for (uint32_t i = 0; i < digests->count; i++)
    nvt_dedup_destroy(digests->controllers[i].dedup);
  free(digests->controllers);
  free(digests);
}

static struct controller *find(const struct nvt_digests *digests, uint16_t id) {
  for (uint32_t i = 0; i < digests->count; i++)
    if (digests->controllers[i].id == id)
      return &digests->controllers[i];
  return NULL;
}

int nvt_digests_begin(struct nvt_digests *digests, uint16_t id, uint32_t block) {
  struct controller *controller = find(digests, id);
  if (controller == NULL) {
    struct controller *more = realloc(digests->controllers, (digests->count + 1) * sizeof(*more));
    if (more == NULL)
      return -ENOMEM;
    digests->controllers = more;
    controller = &more[digests->count++];
    *controller = (struct controller){.id = id};
    if (digests->options.dedup_pages != 0)
      (void)nvt_dedup_create(digests->options.dedup_pages, &controller->dedup);
  }
  controller->unit = block > NVT_DIGEST_UNIT_MIN ? block : NVT_DIGEST_UNIT_MIN;
  if (controller->dedup != NULL)
    nvt_dedup_forget(controller->dedup);
  return digests->options.dedup_pages != 0 && controller->dedup == NULL ? -ENOMEM : 0;
}

static struct command *place(struct nvt_digests *digests, uint16_t controller, uint16_t sqid,
                             uint16_t cid) {
  const uint32_t places = sizeof(digests->commands) / sizeof(digests->commands[0]);
  return &digests->commands[(cid ^ sqid * 97u ^ controller * 31u) % places];
}

void nvt_digests_command(struct nvt_digests *digests, uint16_t controller, uint16_t sqid,
                         const struct nvt_sqe *sqe) {
  bool blocks =
      sqe->opcode == NVT_NVM_READ || sqe->opcode == NVT_NVM_WRITE || sqe->opcode == NVT_NVM_COMPARE;
  *place(digests, controller, sqid, sqe->cid) =
      (struct command){controller, sqid, sqe->cid, !blocks};
}

/* Not blocks of a namespace. */
static bool is_whole(struct nvt_digests *digests, uint16_t controller,
                     const struct nvt_rec_data *data) {
  const struct command *command = place(digests, controller, data->sqid, data->cid);
  return data->sqid == 0 || (command->whole && command->cid == data->cid &&
                             command->sqid == data->sqid && command->controller == controller);
}

/* --- records --- */

/* A record in the place of `length` bytes of the data, from byte `at` on; its body, with room for
 * `tail` bytes. NULL: lost. */
static struct nvt_rec_digest *begin(struct nvt_emit *emit, struct nvt_emit_who who,
                                    const struct nvt_rec_data *data, uint32_t at, uint32_t length,
                                    size_t tail) {
  struct nvt_rec_digest *body =
      nvt_emit_begin(emit, who, NVT_REC_DIGEST, sizeof(*body) + ((tail + 7) & ~(size_t)7));
  if (body == NULL)
    return NULL;
  *body = (struct nvt_rec_digest){.sqid = data->sqid,
                                  .cid = data->cid,
                                  .kind = data->kind,
                                  .direction = data->direction,
                                  .address = data->address + at,
                                  .offset = data->offset + at,
                                  .true_length = length,
                                  .digest_length = (uint32_t)tail};
  return body;
}

static void end(struct nvt_emit *emit, const struct nvt_rec_digest *body) {
  nvt_emit_end(emit, NVT_REC_DIGEST, sizeof(*body) + ((body->digest_length + 7) & ~UINT32_C(7)));
}

/* The CRC of each part of at most NVT_DIGEST_BYTES_MAX bytes. */
static int emit_crcs(struct nvt_emit *emit, struct nvt_emit_who who,
                     const struct nvt_rec_data *data, uint32_t at, uint32_t length,
                     const uint8_t *bytes, uint32_t unit) {
  uint32_t first =
      unit - (uint32_t)((data->offset + at) & (unit - 1)); /* bytes of the first part */
  uint32_t parts = length <= first ? 1 : 1 + (length - first + unit - 1) / unit;
  struct nvt_rec_digest *body = begin(emit, who, data, at, length, parts * sizeof(uint32_t));
  if (body == NULL)
    return -ENOSPC;
  body->algorithm = NVT_V_digest_algorithm_CRC32C;
  body->unit = unit;
  uint32_t *to = (uint32_t *)(body + 1);
  uint32_t done = 0;
  for (uint32_t i = 0; i < parts; i++) {
    uint32_t part = i == 0 ? first : unit;
    if (part > length - done)
      part = length - done;
    to[i] = nvt_crc32c(0, bytes + at + done, part);
    done += part;
  }
  if (parts % 2 != 0)
    to[parts] = 0; /* padding */
  end(emit, body);
  return 0;
}

static int emit_all_crcs(struct nvt_emit *emit, struct nvt_emit_who who,
                         const struct nvt_rec_data *data, const uint8_t *bytes, uint32_t unit) {
  int result = 0;
  for (uint32_t at = 0; at < data->true_length;) {
    uint32_t left = data->true_length - at;
    uint32_t length = left < NVT_DIGEST_BYTES_MAX ? left : NVT_DIGEST_BYTES_MAX;
    int error = emit_crcs(emit, who, data, at, length, bytes, unit);
    result = error != 0 ? error : result;
    at += length;
  }
  return result;
}

/* A run of new bytes. */
static int emit_new(struct nvt_dedup *dedup, struct nvt_emit *emit, struct nvt_emit_who who,
                    const struct nvt_rec_data *data, uint32_t at, const struct nvt_run *run) {
  size_t tail = (run->length + 7u) & ~(size_t)7;
  struct nvt_rec_data *body = nvt_emit_begin(emit, who, NVT_REC_DATA, sizeof(*body) + tail);
  if (body == NULL) {
    nvt_dedup_lost(dedup);
    return -ENOSPC;
  }
  *body = *data;
  body->reserved = 0;
  body->address += at;
  body->offset += at;
  body->true_length = body->captured_length = run->length;
  uint8_t *to = (uint8_t *)(body + 1);
  memset(to + run->length, 0, tail - run->length);
  nvt_dedup_recorded(dedup, run, to, ((const struct nvt_rec_header *)body - 1)->seq);
  nvt_emit_end(emit, NVT_REC_DATA, sizeof(*body) + tail);
  return 0;
}

static int emit_run(struct nvt_dedup *dedup, struct nvt_emit *emit, struct nvt_emit_who who,
                    const struct nvt_rec_data *data, uint32_t at, const struct nvt_run *run) {
  if (run->kind == NVT_RUN_DATA)
    return emit_new(dedup, emit, who, data, at, run);
  struct nvt_rec_digest *body = begin(emit, who, data, at, run->length, 0);
  if (body == NULL)
    return -ENOSPC;
  bool same = run->kind == NVT_RUN_SAME;
  body->algorithm = same ? NVT_V_digest_algorithm_SAME : NVT_V_digest_algorithm_FILL;
  body->same_as = run->same_as;
  body->same_offset = run->same_offset;
  body->fill = run->fill;
  end(emit, body);
  return 0;
}

int nvt_digests_data(struct nvt_digests *digests, struct nvt_emit *emit, struct nvt_emit_who who,
                     const struct nvt_rec_data *data, const uint8_t *bytes) {
  struct nvt_emit_data_options options = digests->options;
  bool payload = data->kind == NVT_V_data_kind_PAYLOAD;
  bool list = !payload && data->kind != NVT_V_data_kind_METADATA;
  bool whole = list || is_whole(digests, who.controller, data);
  struct controller *controller = find(digests, who.controller);
  if (options.mode == NVT_V_meta_data_mode_CRC) {
    if (!whole && controller != NULL)
      return emit_all_crcs(emit, who, data, bytes, controller->unit);
    options.mode = NVT_V_meta_data_mode_FULL;
  }
  if (!payload || controller == NULL || controller->dedup == NULL)
    return nvt_emit_data(emit, who, &options, data, bytes);
  uint32_t keep = nvt_emit_kept(&options, data), at = 0;
  int result = 0;
  struct nvt_run run;
  nvt_dedup_start(controller->dedup, bytes, keep, whole);
  while (nvt_dedup_next(controller->dedup, &run)) {
    int error = emit_run(controller->dedup, emit, who, data, at, &run);
    result = error != 0 ? error : result;
    at += run.length;
  }
  if (at == data->true_length)
    return result;
  /* What isn't kept, in one record. */
  struct nvt_rec_data rest = *data;
  rest.address += at;
  rest.offset += at;
  rest.true_length -= at;
  options = (struct nvt_emit_data_options){.mode = NVT_V_meta_data_mode_HEAD};
  int error = nvt_emit_data(emit, who, &options, &rest, bytes + at);
  return error != 0 ? error : result;
}
