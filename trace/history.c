/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/history_int.h"

/* Items of series: no padding, which would count. */
struct move { /* by the controller: fetches and completions */
  uint32_t record;
  uint16_t place; /* head of a submission queue, tail of a completion queue */
  uint16_t outstanding;
};
struct pointer { /* by the host: doorbells */
  uint32_t record;
  uint16_t value;
  uint16_t zero;
};
_Static_assert(NVT_LIST_MAX <= UINT16_MAX, "outstanding on a queue");
#define EXISTS 1u
#define VECTOR_KNOWN 2u
#define HEAD_KNOWN 4u
#define TAIL_KNOWN 8u
struct geometry {
  uint32_t record;
  uint32_t entries;
  uint64_t base;
  uint16_t cqid;
  uint16_t vector;
  uint32_t flags;
};
struct general {
  uint32_t record;
  uint32_t condition;
  uint32_t queues;
};
struct reg {
  uint32_t record;
  uint32_t known;
  uint64_t value;
};
#define CONTROL_KNOWN 1u
#define ENABLED 2u
#define FUNCTION_MASKED 4u
struct control {
  uint32_t record;
  uint32_t flags;
};
struct word {
  uint32_t record;
  struct nvt_msix_word bits;
};
_Static_assert(sizeof(struct move) == 8 && sizeof(struct pointer) == 8 &&
                   sizeof(struct geometry) == 24 && sizeof(struct general) == 12 &&
                   sizeof(struct reg) == 16 && sizeof(struct control) == 8 &&
                   sizeof(struct word) == 16,
               "no padding");

struct past_queue {
  struct nvt_series geometry;
  struct nvt_series moves;
  struct nvt_series pointers;
};

struct past_msix {
  struct nvt_series control;
  struct nvt_series words[NVT_MSIX_WORDS];
};

struct past_controller {
  struct nvt_series general;
  struct nvt_series registers[NVT_REGISTER_ROWS];
  struct nvt_open_commands open;
  struct past_msix *msix; /* NULL until something was seen */
  uint32_t image_changes; /* of the image and of MSI-X as noted */
  uint32_t msix_changes;
};

struct nvt_history {
  const struct nvt_session *session;
  struct nvt_map controllers; /* struct past_controller, by id */
  struct nvt_map queues;      /* struct past_queue, by nvt_queue_key() */
  uint64_t first_untold;      /* 0: all is told */
  uint16_t recent_id;
  struct past_controller *recent;
};

int nvt_history_create(const struct nvt_session *session, struct nvt_history **out) {
  struct nvt_history *history = calloc(1, sizeof(*history));
  if (history == NULL)
    return -ENOMEM;
  history->session = session;
  nvt_map_init(&history->controllers, session->queues.seed);
  nvt_map_init(&history->queues, session->queues.seed);
  *out = history;
  return 0;
}

static void free_controller(struct past_controller *past) {
  nvt_series_free(&past->general);
  for (unsigned i = 0; i < NVT_REGISTER_ROWS; i++)
    nvt_series_free(&past->registers[i]);
  nvt_open_free(&past->open);
  for (unsigned i = 0; past->msix != NULL && i < NVT_MSIX_WORDS; i++)
    nvt_series_free(&past->msix->words[i]);
  if (past->msix != NULL)
    nvt_series_free(&past->msix->control);
  free(past->msix);
  free(past);
}

static void free_queue(struct past_queue *past) {
  nvt_series_free(&past->geometry);
  nvt_series_free(&past->moves);
  nvt_series_free(&past->pointers);
  free(past);
}

void nvt_history_destroy(struct nvt_history *history) {
  if (history == NULL)
    return;
  for (size_t i = 0; i < history->controllers.size; i++)
    if (history->controllers.slots[i].value != NULL)
      free_controller(history->controllers.slots[i].value);
  for (size_t i = 0; i < history->queues.size; i++)
    if (history->queues.slots[i].value != NULL)
      free_queue(history->queues.slots[i].value);
  nvt_map_free(&history->controllers);
  nvt_map_free(&history->queues);
  free(history);
}

static void *need(struct nvt_map *map, uint64_t key, size_t size) {
  struct nvt_map_slot *slot = nvt_map_get(map, key);
  if (slot != NULL && slot->value == NULL)
    slot->value = calloc(1, size);
  return slot != NULL ? slot->value : NULL;
}

/* --- taking records --- */

static int note_registers(struct past_controller *past, const struct nvt_register_image *image,
                          uint32_t record) {
  int error = 0;
  for (unsigned row = 0; error == 0 && row < NVT_REGISTER_ROWS; row++) {
    uint64_t value;
    bool known = nvt_image_value(image, (enum nvt_register_row)row, &value);
    struct reg item = {.record = record, .known = known, .value = known ? value : 0};
    if (known || past->registers[row].count != 0)
      error = nvt_series_put(&past->registers[row], sizeof(item), &item);
  }
  return error;
}

static int note_msix(struct past_controller *past, const struct nvt_msix *msix, uint32_t record) {
  if (past->msix == NULL)
    past->msix = calloc(1, sizeof(*past->msix));
  if (past->msix == NULL)
    return -ENOMEM;
  struct control control = {.record = record,
                            .flags = (msix->control_known ? CONTROL_KNOWN : 0) |
                                     (msix->enabled ? ENABLED : 0) |
                                     (msix->function_masked ? FUNCTION_MASKED : 0)};
  int error = nvt_series_put(&past->msix->control, sizeof(control), &control);
  for (unsigned i = 0; error == 0 && i < NVT_MSIX_WORDS; i++) {
    struct nvt_series *words = &past->msix->words[i];
    if (i >= msix->words_used && words->count == 0)
      continue;
    struct word word = {.record = record, .bits = msix->words[i]};
    error = nvt_series_put(words, sizeof(word), &word);
  }
  return error;
}

static int note_controller(struct past_controller *past, const struct nvt_controller_node *node,
                           uint32_t record, const struct nvt_exchange *fetched) {
  const struct nvt_register_image *image = &node->registers;
  const struct nvt_msix *msix = node->msix;
  struct general general = {
      .record = record, .condition = (uint32_t)node->state.condition, .queues = node->state.queues};
  int error = nvt_series_put(&past->general, sizeof(general), &general);
  if (error == 0 && image->changes != past->image_changes) {
    error = note_registers(past, image, record);
    past->image_changes = image->changes;
  }
  if (error == 0 && msix != NULL && (past->msix == NULL || msix->changes != past->msix_changes)) {
    error = note_msix(past, msix, record);
    past->msix_changes = msix->changes;
  }
  if (error == 0)
    error = nvt_open_record(&past->open, record, fetched, node->state.outstanding);
  return error;
}

/* Where it is kept: NULL, and no error, where there is nothing to keep. */
static int past_of(struct nvt_history *history, struct nvt_queue *queue, uint64_t key,
                   struct past_queue **out) {
  if (queue != NULL && queue->past != NULL) {
    *out = queue->past;
    return 0;
  }
  const struct nvt_map_slot *slot = nvt_map_find(&history->queues, key);
  *out = slot != NULL ? slot->value : NULL;
  if (queue == NULL)
    return 0;
  if (*out == NULL)
    *out = need(&history->queues, key, sizeof(**out));
  queue->past = *out;
  return *out != NULL ? 0 : -ENOMEM;
}

static int note_queue(struct nvt_history *history, uint16_t controller, uint16_t qid, bool is_cq,
                      uint32_t record, const struct nvt_queue_view **out) {
  struct nvt_doorbell_id id = {.qid = qid, .is_cq = is_cq};
  struct nvt_queue *queue = nvt_session_find_queue(history->session, controller, id);
  const struct nvt_queue_view *view = queue != NULL ? &queue->view : NULL;
  struct past_queue *past;
  int error = past_of(history, queue, nvt_queue_key(controller, id), &past);
  *out = view;
  if (past == NULL)
    return error;
  struct geometry geometry = {.record = record};
  if (view != NULL) {
    geometry.entries = view->entries;
    geometry.base = view->base;
    geometry.cqid = view->cqid;
    geometry.vector = view->vector;
    geometry.flags = EXISTS | (view->vector_known ? VECTOR_KNOWN : 0) |
                     (view->head_known ? HEAD_KNOWN : 0) | (view->tail_known ? TAIL_KNOWN : 0);
  }
  error = nvt_series_put(&past->geometry, sizeof(geometry), &geometry);
  if (error != 0 || view == NULL)
    return error;
  struct move move = {.record = record,
                      .place = is_cq ? view->tail : view->head,
                      .outstanding = (uint16_t)view->outstanding};
  struct pointer pointer = {.record = record, .value = is_cq ? view->head : view->tail};
  error = nvt_series_put(&past->moves, sizeof(move), &move);
  return error != 0 ? error : nvt_series_put(&past->pointers, sizeof(pointer), &pointer);
}

static int note_queues(struct nvt_history *history, const struct nvt_record *record,
                       const struct nvt_view *view) {
  struct nvt_record_queues queues = nvt_record_queues(record, view);
  uint16_t controller = record->header.controller;
  uint32_t number = (uint32_t)record->number;
  const struct nvt_queue_view *sq = NULL, *cq;
  int error = 0;
  if (queues.sq)
    error = note_queue(history, controller, queues.sqid, false, number, &sq);
  if (error != 0 || !queues.cq || (queues.cq_of_sq && sq == NULL))
    return error;
  return note_queue(history, controller, queues.cq_of_sq ? sq->cqid : queues.cqid, true, number,
                    &cq);
}

static int note(struct nvt_history *history, const struct nvt_record *record,
                const struct nvt_view *view) {
  uint16_t id = record->header.controller;
  if (record->number >= UINT32_MAX)
    return -ERANGE;
  if (history->recent == NULL || history->recent_id != id)
    history->recent = need(&history->controllers, id, sizeof(*history->recent));
  history->recent_id = id;
  if (history->recent == NULL)
    return -ENOMEM;
  /* A snapshot's may be known already. */
  bool fetched = record->header.type == NVT_REC_COMMAND && view->exchange != NULL &&
                 view->exchange->command.record == record->number;
  int error = note_controller(history->recent, history->session->recent, (uint32_t)record->number,
                              fetched ? view->exchange : NULL);
  return error != 0 ? error : note_queues(history, record, view);
}

int nvt_history_record(struct nvt_history *history, const struct nvt_record *record,
                       const struct nvt_view *view) {
  if (history->first_untold != 0)
    return -ENOMEM;
  int error = note(history, record, view);
  if (error != 0)
    history->first_untold = record->number;
  return error;
}

/* --- answering --- */

static bool queue_at(const struct nvt_history *history, uint16_t controller, uint16_t qid,
                     bool is_cq, uint32_t record, struct nvt_queue_view *out) {
  struct nvt_doorbell_id id = {.qid = qid, .is_cq = is_cq};
  const struct nvt_map_slot *slot = nvt_map_find(&history->queues, nvt_queue_key(controller, id));
  const struct past_queue *past = slot != NULL ? slot->value : NULL;
  if (past == NULL)
    return false;
  const struct geometry *geometry = nvt_series_at(&past->geometry, sizeof(*geometry), record);
  const struct move *move = nvt_series_at(&past->moves, sizeof(*move), record);
  const struct pointer *pointer = nvt_series_at(&past->pointers, sizeof(*pointer), record);
  if (geometry == NULL || move == NULL || pointer == NULL || (geometry->flags & EXISTS) == 0)
    return false;
  *out = (struct nvt_queue_view){.qid = qid,
                                 .is_cq = is_cq,
                                 .cqid = geometry->cqid,
                                 .vector = geometry->vector,
                                 .vector_known = (geometry->flags & VECTOR_KNOWN) != 0,
                                 .entries = geometry->entries,
                                 .outstanding = move->outstanding,
                                 .head = is_cq ? pointer->value : move->place,
                                 .tail = is_cq ? move->place : pointer->value,
                                 .head_known = (geometry->flags & HEAD_KNOWN) != 0,
                                 .tail_known = (geometry->flags & TAIL_KNOWN) != 0,
                                 .base = geometry->base};
  return true;
}

static void msix_at(const struct past_msix *past, uint32_t record, struct nvt_state *out) {
  const struct control *control =
      past != NULL ? nvt_series_at(&past->control, sizeof(*control), record) : NULL;
  if (control == NULL)
    return;
  out->has_msix = true;
  out->msix.control_known = (control->flags & CONTROL_KNOWN) != 0;
  out->msix.enabled = (control->flags & ENABLED) != 0;
  out->msix.function_masked = (control->flags & FUNCTION_MASKED) != 0;
  for (uint16_t i = 0; i < NVT_MSIX_WORDS; i++) {
    const struct word *word = nvt_series_at(&past->words[i], sizeof(*word), record);
    if (word == NULL)
      continue;
    out->msix.words[i] = word->bits;
    out->msix.words_used = (uint16_t)(i + 1);
  }
}

bool nvt_history_at(struct nvt_history *history, const struct nvt_record *record,
                    const struct nvt_view *view, struct nvt_state *out) {
  uint16_t id = record->header.controller;
  const struct nvt_map_slot *slot = nvt_map_find(&history->controllers, id);
  struct past_controller *past = slot != NULL ? slot->value : NULL;
  bool untold = history->first_untold != 0 && record->number >= history->first_untold;
  if (past == NULL || untold || record->number >= UINT32_MAX)
    return false;
  uint32_t number = (uint32_t)record->number;
  const struct general *general = nvt_series_at(&past->general, sizeof(*general), number);
  if (general == NULL)
    return false;
  memset(out, 0, offsetof(struct nvt_state, commands));
  out->condition = (enum nvt_condition)general->condition;
  out->queues = general->queues;
  for (unsigned row = 0; row < NVT_REGISTER_ROWS; row++) {
    const struct reg *reg = nvt_series_at(&past->registers[row], sizeof(*reg), number);
    out->known[row] = reg != NULL && reg->known != 0;
    out->registers[row] = reg != NULL ? reg->value : 0;
  }
  struct nvt_record_queues queues = nvt_record_queues(record, view);
  out->has_sq = queues.sq && queue_at(history, id, queues.sqid, false, number, &out->sq);
  if (queues.cq_of_sq && out->has_sq)
    queues.cqid = out->sq.cqid;
  if (queues.cq && (!queues.cq_of_sq || out->has_sq))
    out->has_cq = queue_at(history, id, queues.cqid, true, number, &out->cq);
  msix_at(past->msix, number, out);
  nvt_open_at(&past->open, record, out);
  return true;
}

/* --- memory --- */

static size_t controller_memory(const struct past_controller *past) {
  size_t bytes =
      sizeof(*past) + nvt_open_memory(&past->open) + past->general.space * sizeof(struct general);
  for (unsigned i = 0; i < NVT_REGISTER_ROWS; i++)
    bytes += past->registers[i].space * sizeof(struct reg);
  if (past->msix == NULL)
    return bytes;
  bytes += sizeof(*past->msix) + past->msix->control.space * sizeof(struct control);
  for (unsigned i = 0; i < NVT_MSIX_WORDS; i++)
    bytes += past->msix->words[i].space * sizeof(struct word);
  return bytes;
}

size_t nvt_history_memory(const struct nvt_history *history) {
  const size_t slot = sizeof(struct nvt_map_slot);
  size_t bytes = sizeof(*history) + (history->controllers.size + history->queues.size) * slot;
  for (size_t i = 0; i < history->controllers.size; i++)
    if (history->controllers.slots[i].value != NULL)
      bytes += controller_memory(history->controllers.slots[i].value);
  for (size_t i = 0; i < history->queues.size; i++) {
    const struct past_queue *past = history->queues.slots[i].value;
    if (past != NULL)
      bytes += sizeof(*past) + past->geometry.space * sizeof(struct geometry) +
               past->moves.space * sizeof(struct move) +
               past->pointers.space * sizeof(struct pointer);
  }
  return bytes;
}
