/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of a preamble. What they say is also told to a session of their own, so that it is
 * seen what a reader makes of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/build.h"
#include "trace/preamble_int.h"

static int put(struct nvt_preamble_writing *w, uint64_t time_ns, size_t captured, size_t length) {
  struct nvt_record record = {.time_ns = time_ns, .number = 1};
  struct nvt_view view;
  int error = 0;
  if (nvt_record_parse(w->buffer, captured, &record) == NVT_PARSE_OK)
    error = nvt_session_record(w->reader, &record, &view);
  return error != 0 ? error : w->out->put(w->out->ctx, time_ns, w->buffer, captured, length);
}

int nvt_preamble_put_body(struct nvt_preamble_writing *w, uint64_t time_ns,
                          enum nvt_record_type type, const void *body) {
  size_t length = nvt_build_record(w->buffer, NVT_RECORD_MAX, type, &w->base, body, NULL, 0);
  return put(w, time_ns, length, length);
}

static int put_access(struct nvt_preamble_writing *w, enum nvt_record_type type, uint8_t space,
                      uint64_t offset, uint8_t size, uint64_t value) {
  struct nvt_rec_access access = {.offset = offset, .value = value, .size = size, .space = space};
  return nvt_preamble_put_body(w, w->time_ns, type, &access);
}

static int put_event(struct nvt_preamble_writing *w, uint16_t event) {
  struct nvt_rec_event body = {.event = event};
  return nvt_preamble_put_body(w, w->time_ns, NVT_REC_EVENT, &body);
}

/* --- parts of a controller --- */

static int put_meta(struct nvt_preamble_writing *w,
                    const struct nvt_preamble_controller *controller) {
  int error = 0;
  if (controller != NULL && controller->meta != NULL) {
    struct nvt_rec_header header;
    memcpy(w->buffer, controller->meta, controller->meta_captured);
    memcpy(&header, w->buffer, sizeof(header));
    header.epoch = w->base.epoch;
    header.seq = w->base.seq;
    memcpy(w->buffer, &header, sizeof(header));
    error = put(w, w->time_ns, controller->meta_captured, header.length);
  }
  if (error != 0 || w->noted || w->out->note == NULL)
    return error;
  w->noted = true;
  struct nvt_rec_annotation body = {0};
  size_t length = nvt_build_record(w->buffer, NVT_RECORD_MAX, NVT_REC_ANNOTATION, &w->base, &body,
                                   w->out->note, strlen(w->out->note));
  return length != 0 ? put(w, w->time_ns, length, length) : 0;
}

static int put_events(struct nvt_preamble_writing *w,
                      const struct nvt_preamble_controller *controller) {
  int error = controller->attached ? put_event(w, NVT_V_event_event_ATTACH) : 0;
  for (size_t i = 0; error == 0 && i < controller->map_count; i++)
    error = nvt_preamble_put_body(w, w->time_ns, NVT_REC_EVENT, &controller->maps[i]);
  for (unsigned i = 0; error == 0 && i < controller->setup_count; i++)
    error = nvt_preamble_put_body(w, w->time_ns, NVT_REC_EVENT, &controller->setups[i]);
  return error;
}

static bool is_known(const uint8_t *bits, size_t at) {
  return (bits[at / 8] >> at % 8 & 1) != 0;
}

/* As far as the host has read it, in accesses as hosts make them. */
static int put_config(struct nvt_preamble_writing *w, const struct nvt_config_space *space,
                      const struct nvt_preamble_controller *controller) {
  int error = 0;
  for (uint16_t at = 0; space != NULL && error == 0 && at < NVT_PCI_CONFIG_SIZE;) {
    uint8_t size = 4;
    for (uint8_t i = 0; i < size; i++)
      while (size > 1 && (at % size != 0 || !is_known(space->known, at + i)))
        size /= 2;
    if (is_known(space->known, at)) {
      uint32_t value = 0;
      memcpy(&value, space->bytes + at, size);
      error = put_access(w, NVT_REC_CONFIG_READ, NVT_V_access_space_CONFIG, at, size, value);
    }
    at = (uint16_t)(at + size);
  }
  for (unsigned i = 0; error == 0 && controller != NULL && i < controller->write_count; i++)
    error = nvt_preamble_put_body(w, w->time_ns, NVT_REC_CONFIG_WRITE, &controller->writes[i]);
  return error;
}

static bool is_written(const struct nvt_register_info *info) {
  switch (info->offset) {
  case NVT_REG_INTMS:
  case NVT_REG_AQA:
  case NVT_REG_ASQ:
  case NVT_REG_ACQ:
  case NVT_REG_CC:
    return true;
  default:
    return false;
  }
}

/* The register, or its halves where one only is known. */
static int put_register(struct nvt_preamble_writing *w, const struct nvt_register_image *image,
                        unsigned row) {
  size_t count;
  const struct nvt_register_info *info = &nvt_registers(&count)[row];
  enum nvt_record_type type = is_written(info) ? NVT_REC_REG_WRITE : NVT_REC_REG_READ;
  uint64_t value;
  if (nvt_image_value(image, (enum nvt_register_row)row, &value))
    return put_access(w, type, NVT_V_access_space_BAR0, info->offset, (uint8_t)info->size, value);
  int error = 0;
  for (uint8_t i = 0; error == 0 && info->size == 8 && i < 8; i += 4)
    if (nvt_image_has(image, info->offset + i, 4))
      error = put_access(w, type, NVT_V_access_space_BAR0, info->offset + i, 4,
                         (uint32_t)(value >> 8 * i));
  return error;
}

/* CC after what it makes the admin queues of. Who reads it takes it that all queues are told of:
 * where not even the trace has them all, it isn't. */
static int put_registers(struct nvt_preamble_writing *w, const struct nvt_controller_node *node) {
  const struct nvt_register_image *image = &node->registers;
  uint64_t cc;
  bool disabled = nvt_image_value(image, NVT_ROW_CC, &cc) && NVT_GET(cc, CC_EN) == 0;
  int error = 0;
  for (unsigned row = 0; error == 0 && row < NVT_REGISTER_ROWS; row++)
    if (row != NVT_ROW_CC && row != NVT_ROW_CSTS)
      error = put_register(w, image, row);
  if (error == 0 && (node->whole || disabled))
    error = put_register(w, image, NVT_ROW_CC);
  return error != 0 ? error : put_register(w, image, NVT_ROW_CSTS);
}

static int put_vectors(struct nvt_preamble_writing *w, const struct nvt_msix *msix,
                       const struct nvt_preamble_controller *controller) {
  const struct nvt_preamble_table *table = controller != NULL ? controller->table : NULL;
  const size_t dwords = sizeof(table->dwords) / sizeof(table->dwords[0]);
  int error = 0;
  for (size_t i = 0; table != NULL && error == 0 && i < dwords; i++)
    if (is_known(table->known, i))
      error = put_access(w, NVT_REC_MSIX_WRITE, NVT_V_access_space_MSIX_TABLE, 4 * i, 4,
                         table->dwords[i]);
  for (unsigned i = 0; msix != NULL && error == 0 && i < msix->words_used; i++)
    if (msix->words[i].pending != 0)
      error = put_access(w, NVT_REC_MSIX_READ, NVT_V_access_space_MSIX_PBA, 4u * i, 4,
                         msix->words[i].pending);
  return error;
}

static int put_queue(struct nvt_preamble_writing *w, const struct nvt_queue_view *view) {
  /* What isn't known isn't told: a reader finds it out as the trace's first reader did. */
  if (view->entries == 0 || !view->head_known || !view->tail_known)
    return 0;
  unsigned flags = NVT_V_queue_queue_flags_CONTIGUOUS;
  flags |= view->is_cq && view->vector_known ? NVT_V_queue_queue_flags_INTERRUPTS : 0u;
  flags |= view->is_cq && view->phase ? NVT_V_queue_queue_flags_PHASE : 0u;
  struct nvt_rec_queue body = {.qid = view->qid,
                               .cqid = view->cqid,
                               .vector = view->vector,
                               .is_cq = view->is_cq,
                               .queue_flags = (uint8_t)flags,
                               .base = view->base,
                               .entries = view->entries,
                               .head = view->head,
                               .tail = view->tail};
  return nvt_preamble_put_body(w, w->time_ns, NVT_REC_QUEUE_STATE, &body);
}

static int put_queues(struct nvt_preamble_writing *w, const struct nvt_controller_node *node) {
  int error = 0;
  for (const struct nvt_queue *q = node->queues; error == 0 && q != NULL; q = q->next)
    if (q->view.is_cq)
      error = put_queue(w, &q->view);
  for (const struct nvt_queue *q = node->queues; error == 0 && q != NULL; q = q->next)
    if (!q->view.is_cq)
      error = put_queue(w, &q->view);
  return error;
}

/* What registers don't tell, since the host hasn't read them since. */
static int put_condition(struct nvt_preamble_writing *w, const struct nvt_controller_node *node) {
  const struct nvt_controller_state *read =
      nvt_session_controller(w->reader, node->state.controller);
  if (read != NULL && read->condition == node->state.condition)
    return 0;
  switch (node->state.condition) {
  case NVT_CONDITION_READY:
    return put_event(w, NVT_V_event_event_READY);
  case NVT_CONDITION_SHUT_DOWN:
    return put_event(w, NVT_V_event_event_SHUTDOWN);
  case NVT_CONDITION_FAILED:
    return put_event(w, NVT_V_event_event_FATAL);
  default:
    return 0;
  }
}

void nvt_preamble_set_base(struct nvt_preamble_writing *w, const struct nvt_controller_node *node) {
  const struct nvt_controller_state *state = &node->state;
  uint64_t next = node->next_seq;
  /* A step that a loss record has accounted for already. */
  if (node->loss_first <= next && next < node->loss_end)
    next = node->loss_end;
  w->base = (struct nvt_rec_header){.controller = state->controller,
                                    .epoch = state->epoch,
                                    .pci_address = state->pci_address,
                                    .flags = NVT_V_header_flags_SNAPSHOT,
                                    .seq = next != 0 ? next - 1 : 0};
}

static int put_controller(struct nvt_preamble_writing *w, const struct nvt_controller_node *node) {
  const struct nvt_map_slot *slot = nvt_map_find(&w->preamble->controllers, node->state.controller);
  const struct nvt_preamble_controller *controller = slot != NULL ? slot->value : NULL;
  nvt_preamble_set_base(w, node);
  int error = put_meta(w, controller);
  if (error == 0 && controller != NULL)
    error = put_events(w, controller);
  if (error == 0)
    error = put_config(w, node->config, controller);
  if (error == 0)
    error = put_registers(w, node);
  if (error == 0)
    error = put_vectors(w, node->msix, controller);
  if (error == 0 && node->whole)
    error = put_queues(w, node);
  return error != 0 ? error : put_condition(w, node);
}

static bool left_out(const struct nvt_preamble_writing *w, const struct nvt_controller_node *node) {
  const struct nvt_preamble_out *out = w->out;
  return !node->seen || (out->wants_controller != NULL &&
                         !out->wants_controller(out->ctx, node->state.controller));
}

static int put_verdict(struct nvt_preamble_writing *w) {
  const struct nvt_preamble *preamble = w->preamble;
  const struct nvt_map_slot *slot =
      nvt_map_find(&preamble->session->controllers, preamble->foretold_controller);
  if (!preamble->foretold || slot == NULL || left_out(w, slot->value))
    return 0;
  nvt_preamble_set_base(w, slot->value);
  uint64_t time_ns = preamble->foretold_ns > w->time_ns ? preamble->foretold_ns : w->time_ns;
  return nvt_preamble_put_body(w, time_ns, NVT_REC_VERDICT, &preamble->verdict);
}

static int write_all(struct nvt_preamble_writing *w) {
  for (const struct nvt_controller_node *node = w->preamble->session->first_controller;
       node != NULL; node = node->next)
    if (!left_out(w, node) && !nvt_preamble_gather_items(w, node))
      return -ENOMEM;
  nvt_preamble_sort_items(w);
  w->time_ns = w->out->time_ns;
  for (size_t i = 0; i < w->count; i++)
    if (w->items[i].time_ns < w->time_ns)
      w->time_ns = w->items[i].time_ns;
  int error = 0;
  for (const struct nvt_controller_node *node = w->preamble->session->first_controller;
       error == 0 && node != NULL; node = node->next)
    if (!left_out(w, node))
      error = put_controller(w, node);
  if (error == 0)
    error = nvt_preamble_put_items(w);
  return error != 0 ? error : put_verdict(w);
}

int nvt_preamble_write(struct nvt_preamble *preamble, const struct nvt_preamble_out *out) {
  struct nvt_preamble_writing w = {
      .preamble = preamble, .out = out, .buffer = malloc(NVT_RECORD_MAX)};
  if (w.buffer == NULL)
    return -ENOMEM;
  int error = nvt_session_create(NULL, &w.reader);
  if (error == 0)
    error = write_all(&w);
  nvt_session_destroy(w.reader);
  free(w.items);
  free(w.buffer);
  return error;
}
