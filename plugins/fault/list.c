/* SPDX-License-Identifier: BSD-2-Clause */
/* What rules there are and what became of them, as JSON in a buffer that may be short. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/fault/rules.h"

#define TAIL 40u /* "],\"next\":1000}" and its 0 */

/* One rule at out; its length, or 0: it doesn't fit. */
static size_t put_rule(const struct fault_rule *rule, bool first, bool whole, char *out,
                       size_t room) {
  int n = snprintf(out, room,
                   "%s{\"number\":%u,\"matches\":%" PRIu64 ",\"hits\":%" PRIu64
                   ",\"failed\":%" PRIu64 "%s%s}",
                   first ? "" : ",", rule->number, rule->matches, rule->hits, rule->failed,
                   whole ? ",\"rule\":" : "", whole ? rule->text : "");
  return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

void fault_rules_list(const struct fault_set *set, unsigned from, char *out, size_t length) {
  if (length == 0)
    return;
  int n = snprintf(out, length, "{\"seed\":%" PRIu64 ",\"rules\":[", set->seed);
  size_t used = n > 0 && (size_t)n < length ? (size_t)n : length;
  if (used + TAIL > length) {
    out[0] = '\0';
    return;
  }
  unsigned i = from;
  for (; i < set->count; i++) {
    size_t room = length - used - TAIL;
    size_t more = put_rule(&set->rules[i], i == from, true, out + used, room);
    /* One that never fits must not keep the rest from being listed. */
    if (more == 0 && i == from)
      more = put_rule(&set->rules[i], true, false, out + used, room);
    if (more == 0)
      break;
    used += more;
  }
  if (i < set->count)
    (void)snprintf(out + used, length - used, "],\"next\":%u}", i);
  else
    (void)snprintf(out + used, length - used, "]}");
}
