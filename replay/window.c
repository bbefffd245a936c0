/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nvme/names.h"

static bool edge_given(const struct nvt_window_edge *edge) {
  return edge->record != 0 || edge->when.given;
}

bool nvt_window_filters(const struct nvt_window *window) {
  return window->queue_count > 0 || window->nsid_count > 0 || window->by_opcode;
}

bool nvt_window_given(const struct nvt_window *window) {
  return edge_given(&window->from) || edge_given(&window->to) || nvt_window_filters(window);
}

static bool has_queue(const struct nvt_window *window, const struct nvt_subject *subject) {
  for (uint32_t i = 0; i < window->queue_count; i++)
    if (subject->has_queue && window->queues[i] == subject->queue)
      return true;
  return window->queue_count == 0;
}

static bool has_nsid(const struct nvt_window *window, const struct nvt_subject *subject) {
  for (uint32_t i = 0; i < window->nsid_count; i++)
    if (subject->has_nsid && window->nsids[i] == subject->nsid)
      return true;
  return window->nsid_count == 0;
}

bool nvt_window_takes(const struct nvt_window *window, const struct nvt_subject *subject) {
  bool opcode = !window->by_opcode ||
                (subject->is_command && subject->set < NVT_SET_COUNT &&
                 (window->opcodes[subject->set][subject->code / 8] >> subject->code % 8 & 1) != 0);
  return opcode && has_queue(window, subject) && has_nsid(window, subject);
}

/* At or after it; a record's number is its own edge. */
static bool reached(const struct nvt_window_edge *edge, uint64_t start_ns,
                    const struct nvt_record *record) {
  if (edge->when.given)
    return record->time_ns >= nvt_when_absolute(&edge->when, start_ns);
  return record->number >= edge->record;
}

enum nvt_window_place nvt_window_where(const struct nvt_window *window,
                                       struct nvt_window_position *position,
                                       const struct nvt_record *record) {
  const struct nvt_window_edge *to = &window->to;
  if (!position->started) {
    position->started = true;
    position->start_ns = record->time_ns;
  }
  if (position->place == NVT_WINDOW_BEFORE && reached(&window->from, position->start_ns, record))
    position->place = NVT_WINDOW_INSIDE;
  bool late = to->when.given
                  ? position->place == NVT_WINDOW_INSIDE && reached(to, position->start_ns, record)
                  : to->record != 0 && record->number > to->record;
  if (late)
    position->place = NVT_WINDOW_BEHIND;
  return position->place;
}

static bool number_of(const char *text, uint64_t most, uint64_t *out) {
  char *end;
  errno = 0;
  if (text[0] < '0' || text[0] > '9')
    return false;
  *out = strtoull(text, &end, 10);
  return errno == 0 && *end == '\0' && *out <= most;
}

bool nvt_window_parse_edge(const char *text, struct nvt_window_edge *out) {
  char seconds[64];
  size_t length = strlen(text);
  *out = (struct nvt_window_edge){0};
  if (number_of(text, UINT64_MAX, &out->record))
    return out->record != 0;
  out->record = 0;
  if (length == 0 || length >= sizeof(seconds))
    return false;
  memcpy(seconds, text, length + 1);
  bool unit = length > 1 && seconds[length - 1] == 's';
  if (unit)
    seconds[length - 1] = '\0';
  return nvt_parse_when(seconds, &out->when) && (!unit || out->when.relative);
}

bool nvt_window_add_queue(struct nvt_window *window, const char *text) {
  uint64_t number;
  if (window->queue_count == NVT_WINDOW_LIST_MAX || !number_of(text, UINT16_MAX, &number))
    return false;
  window->queues[window->queue_count++] = (uint16_t)number;
  return true;
}

bool nvt_window_add_nsid(struct nvt_window *window, const char *text) {
  uint64_t number;
  if (window->nsid_count == NVT_WINDOW_LIST_MAX || !number_of(text, UINT32_MAX, &number))
    return false;
  window->nsids[window->nsid_count++] = (uint32_t)number;
  return true;
}

bool nvt_window_add_opcode(struct nvt_window *window, const char *text) {
  bool found = false;
  for (unsigned set = 0; set < NVT_SET_COUNT; set++)
    for (unsigned code = 0; code <= UINT8_MAX; code++) {
      const char *name = nvt_opcode_name((enum nvt_opcode_set)set, (uint8_t)code);
      if (name == NULL || strcasecmp(name, text) != 0)
        continue;
      window->opcodes[set][code / 8] |= (uint8_t)(1u << code % 8);
      found = true;
    }
  window->by_opcode |= found;
  return found;
}
