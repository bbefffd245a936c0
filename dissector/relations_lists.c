/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of links: the commands that a doorbell announced, the completions that an interrupt
 * covered or a head doorbell acknowledged. Nobody keeps them: the frames between the first and the
 * last are asked whose they are.
 */
#include "dissector/dissector_int.h"

#define LISTED_MAX 256u   /* a tree of more is of no use to anybody */
#define WALKED_MAX 16384u /* frames from the first on */

static int hf_announces = -1;
static int hf_covers = -1;
static int hf_acknowledges = -1;
static int hf_handled_in = -1;
static int hf_handles = -1;
static int hf_sq_created = -1;
static int hf_more = -1;
static int ett_list = -1;

void nvt_link_lists_register(int proto) {
  static const struct {
    int *hf;
    const char *name, *abbrev;
    enum ft_framenum_type kind;
    const char *blurb;
  } fields[] = {
      {&hf_announces, "Announces the command in", "nvmetap.announces", FT_FRAMENUM_NONE, NULL},
      {&hf_covers, "Covers the completion in", "nvmetap.covers", FT_FRAMENUM_NONE, NULL},
      {&hf_acknowledges, "Acknowledges the completion in", "nvmetap.acknowledges", FT_FRAMENUM_NONE,
       NULL},
      {&hf_handled_in, "Handled in", "nvmetap.handled_in", FT_FRAMENUM_ACK,
       "The first head doorbell that acknowledged what the interrupt covers"},
      {&hf_handles, "Handles the interrupt in", "nvmetap.handles", FT_FRAMENUM_NONE,
       "It covered a completion that is acknowledged here"},
      {&hf_sq_created, "Submission queue attached in", "nvmetap.queue.sq_created_in",
       FT_FRAMENUM_NONE, "Create commands of those that use this completion queue"},
  };
  for (size_t i = 0; i < NVT_COUNT(fields); i++)
    nvt_register_field(proto, fields[i].hf, fields[i].name, fields[i].abbrev, FT_FRAMENUM,
                       BASE_NONE, FRAMENUM_TYPE(fields[i].kind), 0, fields[i].blurb);
  nvt_register_field(proto, &hf_more, "More that aren't listed", "nvmetap.list.more", FT_UINT32,
                     BASE_DEC, NULL, 0, NULL);
  nvt_subtree(&ett_list);
}

struct walk {
  const struct nvt_signal *signal;
  bool tail;
  bool interrupt;
  uint64_t at;
  uint64_t end; /* one past the last */
};

static bool belongs(const struct walk *walk, const struct nvt_exchange *exchange) {
  if (exchange == NULL)
    return false;
  if (walk->tail)
    return exchange->command.record == walk->at &&
           exchange->doorbell.record == walk->signal->at.record;
  if (exchange->completion.record != walk->at)
    return false;
  return (walk->interrupt ? exchange->interrupt.record : exchange->acknowledge.record) ==
         walk->signal->at.record;
}

static bool start(const struct nvt_context *c, struct walk *walk) {
  const struct nvt_signal *signal = c->frame->signal;
  if (signal->first == NULL || signal->last == NULL)
    return false;
  *walk = (struct walk){.signal = signal,
                        .tail = c->frame->is_doorbell && !c->frame->doorbell.is_cq,
                        .interrupt = !c->frame->is_doorbell};
  walk->at = walk->tail ? signal->first->command.record : signal->first->completion.record;
  walk->end = (walk->tail ? signal->last->command.record : signal->last->completion.record) + 1;
  if (walk->end - walk->at > WALKED_MAX)
    walk->end = walk->at + WALKED_MAX;
  return true;
}

/* The next one; NULL: there is no more, or not so near. */
static const struct nvt_exchange *next(struct walk *walk) {
  for (; walk->at < walk->end; walk->at++) {
    const struct nvt_frame *frame = nvt_links_at(walk->at);
    if (frame != NULL && belongs(walk, frame->exchange)) {
      walk->at++;
      return frame->exchange;
    }
  }
  return NULL;
}

static void add_frame(const struct nvt_context *c, proto_tree *tree, int hf, uint64_t record) {
  if (record != 0 && record <= UINT32_MAX && nvt_asked(c, hf))
    nvt_generated(proto_tree_add_uint(tree, hf, c->tvb, 0, 0, (uint32_t)record));
}

static proto_tree *list_of(const struct nvt_context *c, const char *what, uint32_t count) {
  if (!c->visible || count < 2)
    return c->tree;
  proto_item *item;
  proto_tree *tree =
      proto_tree_add_subtree_format(c->tree, c->tvb, 0, 0, ett_list, &item, "%s: %u", what, count);
  nvt_generated(item);
  return tree;
}

static void add_more(const struct nvt_context *c, proto_tree *tree, uint32_t listed,
                     uint32_t count) {
  if (count > listed && nvt_asked(c, hf_more))
    nvt_generated(proto_tree_add_uint(tree, hf_more, c->tvb, 0, 0, count - listed));
}

static void add_list(const struct nvt_context *c, int hf, const char *what) {
  struct walk walk;
  if (!start(c, &walk) || (!nvt_asked(c, hf) && !nvt_asked(c, hf_more)))
    return;
  proto_tree *tree = list_of(c, what, walk.signal->known);
  uint32_t listed = 0;
  const struct nvt_exchange *exchange;
  while (listed < LISTED_MAX && (exchange = next(&walk)) != NULL) {
    add_frame(c, tree, hf, walk.tail ? exchange->command.record : exchange->completion.record);
    listed++;
  }
  add_more(c, tree, listed, walk.signal->known);
}

static void add_handled(const struct nvt_context *c) {
  struct walk walk;
  uint64_t earliest = 0;
  if (!nvt_asked(c, hf_handled_in) || !start(c, &walk))
    return;
  for (const struct nvt_exchange *exchange; (exchange = next(&walk)) != NULL;) {
    uint64_t record = exchange->acknowledge.record;
    if (record != 0 && (earliest == 0 || record < earliest))
      earliest = record;
  }
  add_frame(c, c->tree, hf_handled_in, earliest);
}

/* One after the other, as their completions are; each once. */
static void add_handles(const struct nvt_context *c) {
  struct walk walk;
  uint64_t before = 0;
  uint32_t listed = 0;
  if (!nvt_asked(c, hf_handles) || !start(c, &walk))
    return;
  for (const struct nvt_exchange *exchange;
       listed < LISTED_MAX && (exchange = next(&walk)) != NULL;) {
    if (exchange->interrupt.record <= before)
      continue;
    before = exchange->interrupt.record;
    add_frame(c, c->tree, hf_handles, before);
    listed++;
  }
}

void nvt_add_signal_list(const struct nvt_context *c) {
  if (!c->frame->is_doorbell) {
    add_list(c, hf_covers, "Completions covered");
    add_handled(c);
  } else if (c->frame->doorbell.is_cq) {
    add_list(c, hf_acknowledges, "Completions acknowledged");
    add_handles(c);
  } else {
    add_list(c, hf_announces, "Commands announced");
  }
}

void nvt_add_queue_list(const struct nvt_context *c) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  if (exchange->made == NULL || exchange->sqe.opcode != NVT_ADMIN_CREATE_IO_CQ ||
      !nvt_asked(c, hf_sq_created))
    return;
  uint32_t listed = 0;
  const struct nvt_queue_life *sq = exchange->made->first_sq;
  for (; sq != NULL && listed < LISTED_MAX; sq = sq->next_sq, listed++)
    add_frame(c, c->tree, hf_sq_created, sq->created);
}
