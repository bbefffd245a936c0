/* SPDX-License-Identifier: BSD-2-Clause */
/* Which records are wanted, as a recorder's filter would have it (docs/control.md): what is about
 * no command stays, and so do the commands that make and delete queues. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "edit/cut_int.h"
#include "trace/build.h"
#include "trace/pages.h"

bool nvt_cut_in_list(const struct nvt_cut_list *list, uint32_t value) {
  for (unsigned i = 0; i < list->count; i++)
    if (list->values[i] == value)
      return true;
  return list->count == 0;
}

bool nvt_cut_wants_controller(const struct nvt_cut_options *options, uint16_t controller) {
  return nvt_cut_in_list(&options->controllers, controller);
}

bool nvt_cut_selects(const struct nvt_cut_options *options) {
  return options->queues.count != 0 || options->namespaces.count != 0;
}

static bool makes_queues(const struct nvt_exchange *exchange) {
  if (exchange->sqid != 0 || exchange->command.record == 0)
    return false;
  switch (exchange->sqe.opcode) {
  case NVT_ADMIN_CREATE_IO_SQ:
  case NVT_ADMIN_CREATE_IO_CQ:
  case NVT_ADMIN_DELETE_IO_SQ:
  case NVT_ADMIN_DELETE_IO_CQ:
    return true;
  default:
    return false;
  }
}

bool nvt_cut_wants_command(const struct nvt_cut_options *options,
                           const struct nvt_exchange *exchange) {
  if (makes_queues(exchange))
    return true;
  if (!nvt_cut_in_list(&options->queues, exchange->sqid))
    return false;
  /* Where the command isn't in the trace, its namespace isn't known. */
  return options->namespaces.count == 0 ||
         (exchange->command.record != 0 &&
          nvt_cut_in_list(&options->namespaces, exchange->sqe.nsid));
}

/* A completion queue is of those submission queues that complete there. */
static bool wants_cq(const struct nvt_cut_options *options, const struct nvt_session *session,
                     uint16_t controller, uint16_t cqid) {
  for (unsigned i = 0; i < options->queues.count; i++) {
    struct nvt_doorbell_id id = {.qid = (uint16_t)options->queues.values[i]};
    const struct nvt_queue_view *sq = nvt_session_queue(session, controller, id);
    if (sq != NULL ? sq->cqid == cqid : id.qid == cqid)
      return true;
  }
  return options->queues.count == 0;
}

bool nvt_cut_wants(const struct nvt_cut_options *options, const struct nvt_session *session,
                   const struct nvt_record *record, const struct nvt_view *view) {
  uint16_t controller = record->header.controller;
  if (!nvt_cut_wants_controller(options, controller))
    return false;
  if (!nvt_cut_selects(options))
    return true;
  switch (record->header.type) {
  case NVT_REC_COMMAND:
  case NVT_REC_COMPLETION:
  case NVT_REC_DATA:
  case NVT_REC_DIGEST:
    return view->exchange != NULL && nvt_cut_wants_command(options, view->exchange);
  case NVT_REC_VERDICT:
    if (record->verdict.cid == UINT16_MAX)
      return true;
    return view->exchange != NULL && nvt_cut_wants_command(options, view->exchange);
  case NVT_REC_INTERRUPT:
    return wants_cq(options, session, controller, record->interrupt.cqid);
  case NVT_REC_EVENT_INDEX:
    return record->shadow.is_cq != 0 ? wants_cq(options, session, controller, record->shadow.qid)
                                     : nvt_cut_in_list(&options->queues, record->shadow.qid);
  default:
    if (!view->is_doorbell)
      return true;
    return view->doorbell.is_cq ? wants_cq(options, session, controller, view->doorbell.qid)
                                : nvt_cut_in_list(&options->queues, view->doorbell.qid);
  }
}

/* --- digests --- */

size_t nvt_cut_digest(struct nvt_pages *pages, const struct nvt_record *record, uint64_t shift,
                      uint8_t *buffer) {
  struct nvt_record data;
  if (record->header.type != NVT_REC_DIGEST ||
      record->digest.algorithm != NVT_V_digest_algorithm_SAME)
    return 0;
  struct nvt_rec_header header = record->header;
  header.seq -= shift;
  if (nvt_pages_as_data(pages, record, &data))
    return nvt_build_DATA(buffer, NVT_RECORD_MAX, &header, &data.data, data.tail, data.tail_length);
  struct nvt_rec_digest unknown = record->digest;
  unknown.same_as = UINT64_MAX; /* nobody's, whoever gets its number now */
  return nvt_build_DIGEST(buffer, NVT_RECORD_MAX, &header, &unknown, NULL, 0);
}

/* --- the meta-record --- */

static void add_list(char *text, size_t size, const char *word, const struct nvt_cut_list *list) {
  for (unsigned i = 0; i < list->count; i++) {
    size_t at = strlen(text);
    snprintf(text + at, size - at, "%s%s=%u", at != 0 ? "," : "", word, list->values[i]);
  }
}

/* The JSON with what was chosen after what a recorder's filter had; NULL: it can't be parsed. */
static json_object *describe(const struct nvt_cut_options *options,
                             const struct nvt_record *record) {
  struct json_tokener *tokener = json_tokener_new();
  if (tokener == NULL)
    return NULL;
  json_object *root =
      json_tokener_parse_ex(tokener, (const char *)record->tail, (int)record->tail_length);
  json_tokener_free(tokener);
  if (!json_object_is_type(root, json_type_object)) {
    json_object_put(root);
    return NULL;
  }
  char words[2048] = "";
  json_object *old = NULL;
  if (json_object_object_get_ex(root, "filter", &old))
    snprintf(words, 256, "%s", json_object_get_string(old));
  add_list(words, sizeof(words), "queue", &options->queues);
  add_list(words, sizeof(words), "nsid", &options->namespaces);
  words[255] = '\0'; /* as long as a recorder's are */
  json_object_object_add(root, "filter", json_object_new_string(words));
  return root;
}

size_t nvt_cut_meta(const struct nvt_cut_options *options, const uint8_t *bytes, size_t captured,
                    uint8_t *buffer) {
  struct nvt_record record = {0};
  memcpy(buffer, bytes, captured);
  if (nvt_record_parse(bytes, captured, &record) != NVT_PARSE_OK)
    return captured;
  struct nvt_rec_meta body = record.meta;
  body.left_out_flags |= NVT_V_meta_left_out_flags_COMMANDS;
  body.left_out_flags &=
      (uint8_t)~NVT_V_meta_left_out_flags_QUEUES; /* or not by whole ones alone */
  memcpy(buffer + record.header.header_length, &body, sizeof(body));
  bool plain = record.header.header_length == sizeof(record.header) && record.tail != NULL &&
               record.tail_length == body.json_length;
  json_object *root = plain ? describe(options, &record) : NULL;
  if (root == NULL)
    return captured;
  size_t length = 0;
  const char *text =
      json_object_to_json_string_length(root, JSON_C_TO_STRING_NOSLASHESCAPE, &length);
  size_t built = text != NULL
                     ? nvt_build_META(buffer, NVT_RECORD_MAX, &record.header, &body, text, length)
                     : 0;
  json_object_put(root);
  return built != 0 ? built : captured;
}
