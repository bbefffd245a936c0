/* SPDX-License-Identifier: BSD-2-Clause */
/* How many bytes commands move: their namespaces' block sizes, as meta-records, Identify Namespace
 * and Format NVM tell. */
#include <stdlib.h>
#include <string.h>

#include "nvme/identify.h"
#include "trace/length.h"
#include "trace/meta_numbers.h"
#include "trace/session_int.h"

#define NSID_ALL UINT32_MAX
#define FLBAS_AT offsetof(struct nvt_id_namespace, flbas)
#define LBAF_AT offsetof(struct nvt_id_namespace, lbaf)
#define FORMATS 64u
#define SHIFT_MIN 9u
#define SHIFT_MAX 31u

struct nvt_block_format {
  uint32_t block;         /* bytes; 0: not known */
  uint32_t formatted;     /* the controller's count when it was learned */
  uint8_t shift[FORMATS]; /* log2 of each format's; 0: not known */
};

static uint64_t key_of(uint16_t controller, uint32_t nsid) {
  return (uint64_t)controller << 32 | nsid;
}

/* Formatted with all others since it was last looked at. */
static void catch_up(const struct nvt_controller_node *controller,
                     struct nvt_block_format *format) {
  if (format->formatted == controller->formatted)
    return;
  format->formatted = controller->formatted;
  uint8_t shift = format->shift[controller->format];
  format->block = shift != 0 ? 1u << shift : 0;
}

static struct nvt_block_format *find(const struct nvt_session *session,
                                     const struct nvt_controller_node *controller, uint32_t nsid) {
  const struct nvt_map_slot *slot =
      nvt_map_find(&session->formats, key_of(controller->state.controller, nsid));
  struct nvt_block_format *format = slot != NULL ? slot->value : NULL;
  if (format != NULL)
    catch_up(controller, format);
  return format;
}

/* NULL: no memory, or too many: sizes are by the data recorded then. */
static struct nvt_block_format *need(struct nvt_session *session,
                                     const struct nvt_controller_node *controller, uint32_t nsid) {
  struct nvt_block_format *format = find(session, controller, nsid);
  if (format != NULL || nsid == 0 || nsid == NSID_ALL ||
      session->formats.used >= NVT_NAMESPACES_MAX)
    return format;
  format = calloc(1, sizeof(*format));
  struct nvt_map_slot *slot =
      format != NULL ? nvt_map_get(&session->formats, key_of(controller->state.controller, nsid))
                     : NULL;
  if (slot == NULL) {
    free(format);
    return NULL;
  }
  format->formatted = controller->formatted;
  slot->value = format;
  return format;
}

void nvt_session_free_formats(struct nvt_session *session) {
  for (size_t i = 0; i < session->formats.size; i++)
    free(session->formats.slots[i].value);
  nvt_map_free(&session->formats);
}

/* Each "nsid" with the "block_size" that stands before the next one. */
void nvt_session_sizes_meta(struct nvt_session *session, struct nvt_controller_node *controller,
                            const struct nvt_record *record) {
  uint64_t nsid, next, size;
  size_t at = 0;
  bool more = nvt_meta_number(record, "\"nsid\"", &at, &nsid);
  while (more) {
    size_t size_at = at, next_at = at;
    bool sized = nvt_meta_number(record, "\"block_size\"", &size_at, &size);
    if (!sized)
      return;
    more = nvt_meta_number(record, "\"nsid\"", &next_at, &next);
    struct nvt_block_format *format = NULL;
    if ((!more || size_at < next_at) && nsid <= UINT32_MAX && size >= 1u << SHIFT_MIN &&
        size <= 1u << SHIFT_MAX)
      format = need(session, controller, (uint32_t)nsid);
    if (format != NULL)
      format->block = (uint32_t)size;
    at = next_at;
    nsid = next;
  }
}

static void learn(struct nvt_session *session, const struct nvt_controller_node *controller,
                  uint32_t nsid, const uint8_t *identify) {
  static const uint8_t nothing[8];
  if (memcmp(identify, nothing, sizeof(nothing)) == 0)
    return; /* NSZE 0: there is no such namespace */
  struct nvt_block_format *format = need(session, controller, nsid);
  if (format == NULL)
    return;
  for (unsigned i = 0; i < FORMATS; i++) {
    uint8_t shift = identify[LBAF_AT + 4 * i + 2];
    format->shift[i] = shift >= SHIFT_MIN && shift <= SHIFT_MAX ? shift : 0;
  }
  uint8_t shift = format->shift[nvt_flbas_format(identify[FLBAS_AT])];
  format->block = shift != 0 ? 1u << shift : 0;
}

void nvt_session_sizes_data(struct nvt_session *session,
                            const struct nvt_controller_node *controller,
                            struct nvt_exchange *exchange, const struct nvt_record *record) {
  const struct nvt_rec_data *data = &record->data;
  if (data->kind != NVT_V_data_kind_PAYLOAD)
    return;
  if (!exchange->size_known && exchange->size <= UINT64_MAX - data->true_length)
    exchange->size += data->true_length;
  if (data->sqid == 0 && data->offset == 0 && exchange->sqe.opcode == NVT_ADMIN_IDENTIFY &&
      (exchange->sqe.cdw10 & 0xffu) == NVT_CNS_NAMESPACE &&
      record->tail_length >= LBAF_AT + 4 * FORMATS)
    learn(session, controller, exchange->sqe.nsid, record->tail);
}

void nvt_session_sizes_done(struct nvt_session *session, struct nvt_controller_node *controller,
                            const struct nvt_sqe *sqe) {
  if (sqe->opcode == NVT_ADMIN_NS_MANAGEMENT && (sqe->cdw10 & 15u) == 1) { /* deleted */
    struct nvt_block_format *gone = find(session, controller, sqe->nsid);
    if (gone != NULL)
      *gone = (struct nvt_block_format){.formatted = controller->formatted};
  }
  if (sqe->opcode != NVT_ADMIN_FORMAT_NVM)
    return;
  uint8_t index = (uint8_t)((sqe->cdw10 & 0xfu) | (sqe->cdw10 >> 12 & 3u) << 4);
  if (sqe->nsid == NSID_ALL) {
    controller->formatted++;
    controller->format = index;
    return;
  }
  struct nvt_block_format *format = find(session, controller, sqe->nsid);
  if (format != NULL)
    format->block = format->shift[index] != 0 ? 1u << format->shift[index] : 0;
}

void nvt_session_size(struct nvt_session *session, const struct nvt_controller_node *controller,
                      struct nvt_exchange *exchange) {
  enum nvt_opcode_set set = (enum nvt_opcode_set)exchange->set;
  uint32_t block = 0;
  if (nvt_command_blocks(set, &exchange->sqe) != 0) {
    const struct nvt_block_format *format = find(session, controller, exchange->sqe.nsid);
    block = format != NULL ? format->block : 0;
  }
  exchange->size_known = nvt_command_length(set, &exchange->sqe, block, &exchange->size);
  if (!exchange->size_known)
    exchange->size = 0; /* data records will tell */
}

bool nvt_exchange_size(const struct nvt_exchange *exchange, uint64_t *bytes) {
  *bytes = exchange->size;
  return exchange->command.record != 0 && (exchange->size_known || exchange->size != 0);
}

bool nvt_exchange_throughput(const struct nvt_exchange *exchange, uint64_t *bytes_per_s) {
  uint64_t bytes, ns;
  if (exchange->end != NVT_EXCHANGE_COMPLETED ||
      NVT_CQE_STATUS(exchange->cqe.status) != NVT_SC_SUCCESS ||
      !nvt_exchange_size(exchange, &bytes) || !nvt_exchange_stage(exchange, NVT_STAGE_TOTAL, &ns) ||
      ns == 0)
    return false;
  const uint64_t second = 1000000000;
  if (bytes <= UINT64_MAX / second)
    *bytes_per_s = bytes * second / ns;
  else
    *bytes_per_s = bytes / ns > UINT64_MAX / second ? UINT64_MAX : bytes / ns * second;
  return true;
}
