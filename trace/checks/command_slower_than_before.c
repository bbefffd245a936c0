/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"
#include "trace/text.h"

/*
 * Commands of a kind are alike: the same opcode, namespace, depth of the queue and length, the last
 * two by their logarithms. What the first ones took, but for the two that took longest, is what
 * those take. A stall delays all that are under way at once, and no more: slow is only what goes on
 * over several depths of the queue.
 */
#define KINDS 32u
#define FIRST 32u        /* commands that tell what a kind takes */
#define TOP 3u           /* the longest of them, of which the last counts */
#define TIMES 4u         /* as long is slow … */
#define MORE_NS 1000000u /* … if it is that much longer */
#define SLOW 32u         /* so many in a row, and … */
#define DEPTHS 4u        /* … of so many depths of the queue */

struct kind {
  uint64_t key; /* plus one; 0: free */
  uint64_t longest[TOP];
  uint32_t count;
  uint32_t slow; /* in a row; UINT32_MAX: it was told */
  uint32_t deepest;
};

struct state {
  struct kind kinds[KINDS];
};

static unsigned log2_of(uint64_t value) {
  return value != 0 ? 63u - (unsigned)__builtin_clzll(value) : 0;
}

static struct kind *kind_of(struct state *state, const struct nvt_exchange *exchange) {
  const struct nvt_sqe *sqe = &exchange->sqe;
  uint64_t first, count = 1;
  (void)nvt_check_blocks((enum nvt_opcode_set)exchange->set, sqe, &first, &count);
  uint64_t key = (uint64_t)sqe->nsid << 24 | (uint64_t)sqe->opcode << 16 |
                 (uint64_t)log2_of(exchange->in_flight) << 8 | log2_of(count);
  for (unsigned i = 0; i < KINDS; i++) {
    struct kind *kind = &state->kinds[i];
    if (kind->key == 0)
      kind->key = key + 1;
    if (kind->key == key + 1)
      return kind;
  }
  return NULL;
}

static void learn(struct kind *kind, uint64_t ns) {
  kind->count++;
  for (unsigned i = 0; i < TOP; i++)
    if (ns > kind->longest[i]) {
      uint64_t less = kind->longest[i];
      kind->longest[i] = ns;
      ns = less;
    }
}

static void duration(char *out, size_t size, uint64_t ns) {
  struct nvt_text text;
  nvt_text_init(&text, out, size);
  nvt_text_duration(&text, ns);
}

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  uint64_t ns;
  if (exchange == NULL || !nvt_exchange_stage(exchange, NVT_STAGE_TOTAL, &ns))
    return;
  struct state *state = nvt_check_controller_state(run);
  if (exchange->set == NVT_SET_ADMIN) {
    if (exchange->sqe.opcode == NVT_ADMIN_FORMAT_NVM) /* what is slow for what it holds is healed */
      *state = (struct state){0};
    return;
  }
  struct kind *kind =
      NVT_CQE_STATUS(exchange->cqe.status) == NVT_SC_SUCCESS ? kind_of(state, exchange) : NULL;
  if (kind == NULL || kind->slow == UINT32_MAX)
    return;
  if (kind->count < FIRST) {
    learn(kind, ns);
    return;
  }
  uint64_t usual = kind->longest[TOP - 1];
  if (ns < MORE_NS || ns - MORE_NS < usual || ns / TIMES < usual) {
    kind->slow = kind->deepest = 0;
    return;
  }
  if (exchange->in_flight > kind->deepest)
    kind->deepest = exchange->in_flight;
  if (++kind->slow < SLOW || kind->slow / DEPTHS < kind->deepest)
    return;
  char name[64], took[32], took_before[32];
  nvt_check_opcode(exchange, name, sizeof(name));
  duration(took, sizeof(took), ns);
  duration(took_before, sizeof(took_before), usual);
  nvt_check_report(
      run, 0,
      "%s on namespace %u takes %s, and %u in a row took %u times as long as the first "
      "ones of their kind (%s), or longer; told once for each kind",
      name, exchange->sqe.nsid, took, kind->slow, TIMES, took_before);
  kind->slow = UINT32_MAX;
}

NVT_CHECK(command_slower_than_before,
          .info = {.id = "command-slower-than-before",
                   .severity = NVT_SEVERITY_NOTE,
                   .needs = NVT_NEEDS(DOORBELLS) | NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "commands take several times as long as the first ones of their kind"},
          .on = NVT_ON(COMPLETION), .record = record, .controller_state = sizeof(struct state));
