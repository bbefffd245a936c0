/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/fault/marks.h"

#include <stdlib.h>

static struct fault_mark **bucket(struct fault_marks *marks, uint32_t sqid, uint16_t cid) {
  return &marks->buckets[(sqid * 31u + cid) & 255u];
}

static bool is(const struct fault_mark *mark, uint32_t bdf, uint32_t sqid, uint16_t cid) {
  return mark->bdf == bdf && mark->sqid == sqid && mark->cid == cid;
}

bool fault_mark_add(struct fault_marks *marks, uint32_t bdf, uint32_t sqid, uint16_t cid,
                    const struct fault_action *action) {
  if (marks->count >= FAULT_MARKS_MAX)
    return false;
  struct fault_mark *mark = calloc(1, sizeof(*mark));
  if (mark == NULL)
    return false;
  *mark = (struct fault_mark){.bdf = bdf, .sqid = sqid, .cid = cid, .action = *action};
  struct fault_mark **head = bucket(marks, sqid, cid);
  mark->next = *head;
  *head = mark;
  marks->count++;
  return true;
}

void fault_mark_forget(struct fault_marks *marks, uint32_t bdf, uint32_t sqid, uint16_t cid) {
  struct fault_mark **at = bucket(marks, sqid, cid);
  while (*at != NULL) {
    struct fault_mark *mark = *at;
    if (!is(mark, bdf, sqid, cid)) {
      at = &mark->next;
      continue;
    }
    *at = mark->next;
    free(mark);
    marks->count--;
  }
}

static void apply(struct fault_mark *mark, uint32_t direction, size_t length, void *(*data)(void)) {
  const struct fault_action *action = &mark->action;
  if ((action->directions & direction) == 0 || direction < 1 || direction > 2)
    return;
  uint64_t start = mark->passed[direction - 1], end = start + length;
  mark->passed[direction - 1] = end;
  uint64_t first = action->offset > start ? action->offset : start;
  uint64_t last = action->offset + action->bytes < end ? action->offset + action->bytes : end;
  if (first >= last)
    return;
  uint8_t *bytes = data();
  for (uint64_t i = first; bytes != NULL && i < last; i++)
    bytes[i - start] ^= action->xor_with;
}

void fault_marks_apply(struct fault_marks *marks, uint32_t bdf, uint32_t sqid, uint16_t cid,
                       uint32_t direction, size_t length, void *(*data)(void)) {
  for (struct fault_mark *mark = *bucket(marks, sqid, cid); mark != NULL; mark = mark->next)
    if (is(mark, bdf, sqid, cid))
      apply(mark, direction, length, data);
}

void fault_marks_free(struct fault_marks *marks) {
  for (unsigned i = 0; i < 256; i++)
    while (marks->buckets[i] != NULL) {
      struct fault_mark *mark = marks->buckets[i];
      marks->buckets[i] = mark->next;
      free(mark);
    }
  marks->count = 0;
}
