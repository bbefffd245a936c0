/* SPDX-License-Identifier: BSD-2-Clause */
/* Data: records that nobody misses, then shorter pieces of the others. */
#include <stdlib.h>

#include "reduce/reduce_int.h"

static bool cut_to(struct nvt_search *s, const uint32_t *items, uint32_t count, uint32_t cut) {
  nvt_choice_copy(s->trace, &s->next, &s->best);
  for (uint32_t i = 0; i < count; i++)
    s->next.cuts[items[i]] = cut;
  return nvt_search_try(s);
}

static void shrink(struct nvt_search *s, const uint32_t *items, uint32_t count, uint32_t cut) {
  if (count == 0 || s->stopped || cut_to(s, items, count, cut) || count == 1)
    return;
  shrink(s, items, count / 2, cut);
  shrink(s, items + count / 2, count - count / 2, cut);
}

static void halve(struct nvt_search *s, uint32_t item) {
  struct nvt_record record;
  nvt_reduce_record(s->trace, item, &record);
  uint32_t length = record.tail_length, without = 0;
  if (s->best.cuts[item] < length)
    length = s->best.cuts[item];
  while (length > without + 1 && !s->stopped) {
    uint32_t middle = without + (length - without) / 2;
    if (cut_to(s, &item, 1, middle))
      length = middle;
    else
      without = middle;
  }
}

/* Items of payload that are there; those that may go, only. */
static uint32_t collect(const struct nvt_search *s, uint32_t *items, bool may_go) {
  const struct nvt_trace *t = s->trace;
  uint32_t count = 0;
  for (uint32_t i = 0; i < t->item_count && i < s->best.end; i++) {
    const struct nvt_item *it = &t->items[i];
    if ((may_go ? it->may_go : it->shortens) && it->unit != NVT_REDUCE_NONE &&
        s->best.keep[it->unit] && s->best.cuts[i] != NVT_CUT_RECORD)
      items[count++] = i;
  }
  return count;
}

void nvt_search_data(struct nvt_search *s) {
  uint32_t *items = malloc((s->trace->item_count + 1u) * sizeof(*items));
  if (items == NULL)
    return;
  shrink(s, items, collect(s, items, true), NVT_CUT_RECORD);
  uint32_t count = collect(s, items, false);
  shrink(s, items, count, 0);
  for (uint32_t i = 0; i < count && !s->stopped; i++)
    if (s->best.cuts[items[i]] != 0 && s->trace->items[items[i]].type == NVT_REC_DATA)
      halve(s, items[i]);
  free(items);
}
