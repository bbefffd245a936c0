/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/fault/index.h"

#include <stdlib.h>

static bool has_opcode(const struct fault_rule *rule, bool late, bool admin, unsigned opcode) {
  return rule->match.on == FAULT_ON_COMMAND && fault_is_late(rule) == late &&
         rule->match.admin == admin && (rule->match.opcodes[opcode / 64] >> opcode % 64 & 1) != 0;
}

static void note_needs(struct fault_index *index, const struct fault_rule *rule) {
  const struct fault_match *match = &rule->match;
  if (match->on == FAULT_ON_COMMAND)
    index->commands[fault_is_late(rule)][match->admin] = true;
  if (rule->action.kind == FAULT_CORRUPT)
    index->corrupts[match->admin] = true;
  if (rule->action.kind == FAULT_READY)
    index->readies = true;
  if (match->on == FAULT_ON_COMMAND && rule->action.kind == FAULT_LOSE_INTERRUPT)
    index->loses[match->admin] = true;
  if (match->on == FAULT_ON_INTERRUPT) {
    bool any = match->queue_count == 0;
    for (unsigned i = 0; i < match->queue_count; i++)
      index->loses[match->queues[i] == 0] = true;
    index->loses[0] |= any;
    index->loses[1] |= any;
  }
}

static bool wanted(const struct fault_rule *rule, unsigned span) {
  if (span < 1024)
    return has_opcode(rule, span >> 9, span >> 8 & 1, span & 255);
  if (span < 1026)
    return rule->match.on == FAULT_ON_REGISTER && rule->match.write == (span == 1025);
  return rule->match.on == FAULT_ON_INTERRUPT;
}

/* Fill the span, or only count it. */
static void fill(struct fault_index *index, const struct fault_set *set, unsigned which,
                 struct fault_span *span) {
  span->first = (uint32_t)index->used;
  span->count = 0;
  for (unsigned i = 0; i < set->count; i++) {
    if (!wanted(&set->rules[i], which))
      continue;
    if (index->at != NULL)
      index->at[index->used] = &set->rules[i];
    index->used++;
    span->count++;
  }
}

static void fill_all(struct fault_index *index, const struct fault_set *set) {
  index->used = 0;
  for (unsigned i = 0; i < 1024; i++)
    fill(index, set, i, &index->command[i >> 9][i >> 8 & 1][i & 255]);
  fill(index, set, 1024, &index->access[0]);
  fill(index, set, 1025, &index->access[1]);
  fill(index, set, 1026, &index->interrupt);
}

bool fault_index_make(struct fault_index *index, const struct fault_set *set) {
  fault_index_free(index);
  fill_all(index, set); /* counts */
  if (index->used != 0) {
    index->at = calloc(index->used, sizeof(struct fault_rule *));
    if (index->at == NULL) {
      fault_index_free(index);
      return false;
    }
    fill_all(index, set);
  }
  for (unsigned i = 0; i < set->count; i++)
    note_needs(index, &set->rules[i]);
  return true;
}

void fault_index_free(struct fault_index *index) {
  free(index->at);
  *index = (struct fault_index){0};
}
