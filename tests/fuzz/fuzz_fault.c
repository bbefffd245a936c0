/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile rules of the fault plug-in: whatever is taken must be within its limits, can be listed in
 * a short buffer, indexed, and asked about commands and accesses that are the text's own bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NPLUGIN_NO_VERSION
#include "controller/plugin.h"
#include "plugins/fault/index.h"
#include "plugins/fault/match.h"
#include "plugins/fault/rules.h"

static void check(bool good) {
  if (!good)
    abort();
}

static void check_rule(const struct fault_rule *rule) {
  const struct fault_match *match = &rule->match;
  const struct fault_action *action = &rule->action;
  check(strlen(rule->name) <= FAULT_NAME_MAX && rule->text != NULL);
  check(match->queue_count <= FAULT_QUEUES_MAX && match->every > 0);
  check(match->probability >= 0 && match->probability <= 1);
  check(match->lba[0] <= match->lba[1] && match->size[0] <= match->size[1]);
  check(action->kind < FAULT_KINDS && fault_kind_word(action->kind) != NULL);
  check(action->ns <= FAULT_NS_MAX ||
        (action->ns == FAULT_FOR_EVER && action->kind == FAULT_READY));
  check(action->kind != FAULT_DELAY || action->ns > 0);
  check(action->status <= 0x7ff && action->event[0] <= 7 && action->times <= 100);
}

static void ask(struct fault_set *set, const struct fault_index *index, const uint8_t *data,
                size_t size) {
  struct nvme_command command = {0};
  memcpy(&command, data, size < sizeof(command) ? size : sizeof(command));
  for (unsigned late = 0; late < 2; late++) {
    const struct fault_span *span = &index->command[late][0][command.opc];
    for (uint32_t i = 0; i < span->count; i++) {
      struct fault_rule *rule = index->at[span->first + i];
      if (fault_matches_command(&rule->match, command.cid, &command))
        (void)fault_hit(rule);
      check(rule->hits <= rule->matches && rule->hits <= rule->match.count);
    }
  }
  for (unsigned i = 0; i < set->count; i++)
    (void)fault_matches_access(&set->rules[i].match, set->rules[i].match.write, command.cdw10,
                               command.opc % 10, command.prp1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fault_set set = {0};
  struct fault_index index = {0};
  char why[300] = "", out[300];
  bool good = fault_rules_parse(&set, (const char *)data, size, why, sizeof(why));
  check(good || (set.count == 0 && why[0] != '\0'));
  if (!good)
    (void)fault_rule_parse(&set, (const char *)data, size, why, sizeof(why));
  check(set.count <= FAULT_RULES_MAX);
  for (unsigned i = 0; i < set.count; i++)
    check_rule(&set.rules[i]);
  for (unsigned from = 0; from <= set.count; from += 1 + set.count / 4) {
    fault_rules_list(&set, from, out, 1 + size % sizeof(out));
    check(memchr(out, 0, 1 + size % sizeof(out)) != NULL);
  }
  check(fault_index_make(&index, &set));
  ask(&set, &index, data, size);
  fault_index_free(&index);
  fault_rules_free(&set);
  return 0;
}
