/* SPDX-License-Identifier: BSD-2-Clause */
/* How much data was moved, and what of it the trace carries. */
#include <inttypes.h>
#include <json-c/json.h>

#include "trace/stats_int.h"
#include "trace/writer.h"

void nvt_stats_payload_count(struct nvt_stats_payload *payload, const struct nvt_record *record) {
  if (record->header.type == NVT_REC_DATA && record->data.kind == NVT_V_data_kind_PAYLOAD) {
    payload->moved += record->data.true_length;
    payload->recorded += record->tail_length;
  }
  if (record->header.type != NVT_REC_DIGEST || record->digest.kind != NVT_V_digest_kind_PAYLOAD)
    return;
  uint32_t length = record->digest.true_length;
  payload->moved += length;
  payload->records += record->header.length + NVT_FRAME_HEADER_BYTES;
  if (record->digest.algorithm == NVT_V_digest_algorithm_SAME)
    payload->same += length;
  else if (record->digest.algorithm == NVT_V_digest_algorithm_FILL)
    payload->fill += length;
  else
    payload->crc += length;
}

/* What the data would have taken, less what stands in its place. */
static uint64_t saved(const struct nvt_stats_payload *payload) {
  uint64_t bytes = payload->same + payload->fill + payload->crc;
  return bytes > payload->records ? bytes - payload->records : 0;
}

void nvt_stats_payload_print(FILE *to, const struct nvt_stats_payload *payload) {
  if (payload->moved == 0)
    return;
  fprintf(to, "payload: %" PRIu64 " bytes moved, %" PRIu64 " recorded", payload->moved,
          payload->recorded);
  if (payload->records != 0)
    fprintf(to,
            ", %" PRIu64 " the same as before, %" PRIu64 " filled, %" PRIu64
            " told by CRCs: %" PRIu64 " bytes saved",
            payload->same, payload->fill, payload->crc, saved(payload));
  fputc('\n', to);
}

struct json_object *nvt_stats_payload_json(const struct nvt_stats_payload *payload) {
  const struct {
    const char *key;
    uint64_t value;
  } rows[] = {{"moved", payload->moved}, {"recorded", payload->recorded},
              {"same", payload->same},   {"fill", payload->fill},
              {"crc", payload->crc},     {"saved", saved(payload)}};
  struct json_object *out = json_object_new_object();
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    json_object_object_add(out, rows[i].key, json_object_new_uint64(rows[i].value));
  return out;
}
