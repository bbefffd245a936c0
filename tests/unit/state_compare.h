/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether two states say the same, for tests and fuzzing. */
#ifndef NVT_TESTS_STATE_COMPARE_H
#define NVT_TESTS_STATE_COMPARE_H

#include "trace/state.h"

#define NVT_DIFFERS(field)                                                                         \
  if (a->field != b->field)                                                                        \
  return #field

static inline const char *queue_differs(const struct nvt_queue_view *a,
                                        const struct nvt_queue_view *b) {
  NVT_DIFFERS(qid);
  NVT_DIFFERS(is_cq);
  NVT_DIFFERS(cqid);
  NVT_DIFFERS(vector);
  NVT_DIFFERS(vector_known);
  NVT_DIFFERS(entries);
  NVT_DIFFERS(outstanding);
  NVT_DIFFERS(head);
  NVT_DIFFERS(tail);
  NVT_DIFFERS(head_known);
  NVT_DIFFERS(tail_known);
  NVT_DIFFERS(base);
  return NULL;
}

static inline const char *command_differs(const struct nvt_state_command *a,
                                          const struct nvt_state_command *b) {
  NVT_DIFFERS(record);
  NVT_DIFFERS(age_ns);
  NVT_DIFFERS(sqid);
  NVT_DIFFERS(cid);
  NVT_DIFFERS(set);
  NVT_DIFFERS(code);
  return NULL;
}

/* The field in which they differ; NULL: in none. */
static inline const char *state_differs(const struct nvt_state *a, const struct nvt_state *b) {
  NVT_DIFFERS(condition);
  NVT_DIFFERS(outstanding);
  NVT_DIFFERS(queues);
  for (unsigned i = 0; i < NVT_REGISTER_ROWS; i++) {
    NVT_DIFFERS(known[i]);
    NVT_DIFFERS(registers[i]);
  }
  NVT_DIFFERS(has_sq);
  NVT_DIFFERS(has_cq);
  const char *differs = queue_differs(&a->sq, &b->sq);
  differs = differs != NULL ? differs : queue_differs(&a->cq, &b->cq);
  if (differs != NULL)
    return differs;
  NVT_DIFFERS(has_msix);
  NVT_DIFFERS(msix.control_known);
  NVT_DIFFERS(msix.enabled);
  NVT_DIFFERS(msix.function_masked);
  for (unsigned i = 0; i < NVT_MSIX_WORDS; i++) {
    NVT_DIFFERS(msix.words[i].known);
    NVT_DIFFERS(msix.words[i].masked);
    NVT_DIFFERS(msix.words[i].pending);
  }
  NVT_DIFFERS(shown);
  for (uint32_t i = 0; i < a->shown && differs == NULL; i++)
    differs = command_differs(&a->commands[i], &b->commands[i]);
  return differs;
}

#endif
