/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links between frames, and latencies: what the session knows, as generated items. */
#include "dissector/dissector_int.h"
#include "trace/text.h"

#include <string.h>

static int hf_response_in = -1;
static int hf_response_to = -1;
static int hf_doorbell_in = -1;
static int hf_interrupt_in = -1;
static int hf_acknowledged_in = -1;
static int hf_cancelled_in = -1;
static int hf_command_in = -1;
static int hf_first_command = -1;
static int hf_last_command = -1;
static int hf_first_completion = -1;
static int hf_last_completion = -1;
static int hf_entries = -1;
static int hf_depth = -1;
static int hf_reuse = -1;
static int hf_previous = -1;
static int hf_stage[NVT_STAGE_COUNT] = {-1, -1, -1, -1, -1};
static int hf_stage_ns[NVT_STAGE_COUNT] = {-1, -1, -1, -1, -1};
static int hf_outcome = -1;
static int hf_builtin_cmd_pkt = -1;
static int hf_builtin_cqe_pkt = -1;
static int hf_builtin_latency = -1;

static const struct {
  int *hf;
  const char *name;
  const char *abbrev;
  enum ft_framenum_type kind;
} frame_fields[] = {
    {&hf_response_in, "Completion in", "nvmetap.response_in", FT_FRAMENUM_RESPONSE},
    {&hf_response_to, "Completion of the command in", "nvmetap.response_to", FT_FRAMENUM_REQUEST},
    {&hf_doorbell_in, "Announced by the doorbell in", "nvmetap.doorbell_in", FT_FRAMENUM_NONE},
    {&hf_interrupt_in, "Interrupt in", "nvmetap.interrupt_in", FT_FRAMENUM_NONE},
    {&hf_acknowledged_in, "Acknowledged in", "nvmetap.acknowledged_in", FT_FRAMENUM_ACK},
    {&hf_cancelled_in, "Ended without a completion in", "nvmetap.cancelled_in", FT_FRAMENUM_NONE},
    {&hf_command_in, "Command in", "nvmetap.command_in", FT_FRAMENUM_REQUEST},
    {&hf_first_command, "First command", "nvmetap.first_command", FT_FRAMENUM_NONE},
    {&hf_last_command, "Last command", "nvmetap.last_command", FT_FRAMENUM_NONE},
    {&hf_first_completion, "First completion", "nvmetap.first_completion", FT_FRAMENUM_NONE},
    {&hf_last_completion, "Last completion", "nvmetap.last_completion", FT_FRAMENUM_NONE},
};

static const struct {
  enum nvt_stage stage;
  const char *name;
  const char *abbrev;
  const char *blurb;
} stage_fields[] = {
    {NVT_STAGE_TOTAL, "Latency", "nvmetap.latency", "From command to completion"},
    {NVT_STAGE_FETCH, "Fetch Latency", "nvmetap.latency.fetch", "From tail doorbell to command"},
    {NVT_STAGE_EXECUTE, "Execute Latency", "nvmetap.latency.execute", "From command to completion"},
    {NVT_STAGE_INTERRUPT, "Interrupt Latency", "nvmetap.latency.interrupt",
     "From completion to interrupt"},
    {NVT_STAGE_ACKNOWLEDGE, "Acknowledge Latency", "nvmetap.latency.acknowledge",
     "From completion to head doorbell"},
};

static value_string outcomes[NVT_ABORT_COUNT + 1];

void nvt_relations_register(int proto) {
  for (size_t i = 0; i < NVT_COUNT(frame_fields); i++)
    nvt_register_field(proto, frame_fields[i].hf, frame_fields[i].name, frame_fields[i].abbrev,
                       FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(frame_fields[i].kind), 0, NULL);
  for (size_t i = 0; i < NVT_COUNT(stage_fields); i++)
    nvt_register_field(proto, &hf_stage[stage_fields[i].stage], stage_fields[i].name,
                       stage_fields[i].abbrev, FT_RELATIVE_TIME, BASE_NONE, NULL, 0,
                       stage_fields[i].blurb);
  for (size_t i = 0; i < NVT_COUNT(stage_fields); i++)
    nvt_register_field(proto, &hf_stage_ns[stage_fields[i].stage],
                       wmem_strdup_printf(wmem_epan_scope(), "%s (ns)", stage_fields[i].name),
                       nvt_abbrev(stage_fields[i].abbrev + strlen("nvmetap."), "ns", NULL),
                       FT_UINT64, BASE_DEC, NULL, 0, stage_fields[i].blurb);
  for (unsigned i = 0; i < NVT_ABORT_COUNT; i++)
    outcomes[i] = (value_string){i, nvt_abort_outcome_name((enum nvt_abort_outcome)i)};
  nvt_register_field(proto, &hf_outcome, "Which was", "nvmetap.abort.outcome", FT_UINT8, BASE_DEC,
                     VALS(outcomes), 0, "What became of the command that the Abort names");
  nvt_link_rows_register(proto);
  nvt_link_lists_register(proto);
  nvt_register_field(proto, &hf_entries, "Entries", "nvmetap.entries", FT_UINT32, BASE_DEC, NULL, 0,
                     "Commands announced, or completions covered");
  nvt_register_field(proto, &hf_depth, "Queue Depth", "nvmetap.depth", FT_UINT32, BASE_DEC, NULL, 0,
                     "Commands outstanding on the queue at this fetch, this one included");
  nvt_register_field(proto, &hf_reuse, "Reuse of the Command Identifier", "nvmetap.reuse",
                     FT_UINT64, BASE_DEC, NULL, 0, "0 for its first use on this queue");
  nvt_register_field(proto, &hf_previous, "Doorbell Value before", "nvmetap.doorbell.previous",
                     FT_UINT32, BASE_DEC, NULL, 0, NULL);
}

void nvt_relations_find_builtin(void) {
  hf_builtin_cmd_pkt = nvt_builtin_id("nvme.cmd_pkt", FT_FRAMENUM);
  hf_builtin_cqe_pkt = nvt_builtin_id("nvme.cqe_pkt", FT_FRAMENUM);
  hf_builtin_latency = nvt_builtin_id("nvme.cmd_latency", FT_DOUBLE);
}

static void add_frame(const struct nvt_context *c, int hf, const struct nvt_moment *moment) {
  if (moment->record != 0 && moment->record <= UINT32_MAX && nvt_asked(c, hf))
    nvt_generated(proto_tree_add_uint(c->tree, hf, c->tvb, 0, 0, (uint32_t)moment->record));
}

static void add_hidden_frame(const struct nvt_context *c, int hf, const struct nvt_moment *moment) {
  if (c->builtin && hf > 0 && moment->record != 0 && moment->record <= UINT32_MAX)
    proto_item_set_hidden(proto_tree_add_uint(c->tree, hf, c->tvb, 0, 0, (uint32_t)moment->record));
}

static void add_stage(const struct nvt_context *c, const struct nvt_exchange *exchange,
                      enum nvt_stage stage) {
  uint64_t ns;
  if (!nvt_exchange_stage(exchange, stage, &ns))
    return;
  nstime_t span = {(time_t)(ns / 1000000000), (int)(ns % 1000000000)};
  if (c->visible) {
    char words[32];
    struct nvt_text text;
    nvt_text_init(&text, words, sizeof(words));
    nvt_text_duration(&text, ns);
    nvt_generated(nvt_add_time_text(c->tree, hf_stage[stage], c->tvb, 0, 0, &span, words));
  } else if (nvt_asked(c, hf_stage[stage])) {
    nvt_generated(proto_tree_add_time(c->tree, hf_stage[stage], c->tvb, 0, 0, &span));
  }
  if (nvt_asked(c, hf_stage_ns[stage]))
    proto_item_set_hidden(proto_tree_add_uint64(c->tree, hf_stage_ns[stage], c->tvb, 0, 0, ns));
  if (stage == NVT_STAGE_TOTAL && c->builtin && hf_builtin_latency > 0)
    proto_item_set_hidden(proto_tree_add_double(c->tree, hf_builtin_latency, c->tvb, 0, 0,
                                                (double)ns / 1e6)); /* in ms, as built in */
}

/* While a file is read, what isn't there yet may still come. */
static void add_outcome(const struct nvt_context *c, const struct nvt_exchange *abort) {
  const struct nvt_frame *frame = abort->victim != 0 ? nvt_links_at(abort->victim) : NULL;
  if (frame == NULL || frame->exchange == NULL || !nvt_asked(c, hf_outcome))
    return;
  enum nvt_abort_outcome outcome = nvt_abort_outcome(abort, frame->exchange);
  if (outcome == NVT_ABORT_OUTSTANDING && PINFO_FD_VISITED(c->pinfo))
    outcome = NVT_ABORT_NEVER;
  nvt_generated(proto_tree_add_uint(c->tree, hf_outcome, c->tvb, 0, 0, outcome));
}

static void add_depth(const struct nvt_context *c, const struct nvt_exchange *exchange) {
  if (exchange->command.record != 0 && nvt_asked(c, hf_depth))
    nvt_generated(proto_tree_add_uint(c->tree, hf_depth, c->tvb, 0, 0, exchange->depth));
}

static void add_command(const struct nvt_context *c, const struct nvt_exchange *exchange) {
  add_frame(c, hf_response_in, &exchange->completion);
  add_hidden_frame(c, hf_builtin_cqe_pkt, &exchange->completion);
  add_frame(c, hf_doorbell_in, &exchange->doorbell);
  add_frame(c, hf_interrupt_in, &exchange->interrupt);
  add_frame(c, hf_acknowledged_in, &exchange->acknowledge);
  add_stage(c, exchange, NVT_STAGE_FETCH); /* a command may never complete */
  add_depth(c, exchange);
  nvt_generated(proto_tree_add_uint64(c->tree, hf_reuse, c->tvb, 0, 0, exchange->reuse));
  if (PINFO_FD_VISITED(c->pinfo) && exchange->completion.record == 0 &&
      exchange->end == NVT_EXCHANGE_RESET)
    add_frame(c, hf_cancelled_in, &exchange->cancel);
}

static void judge_command(const struct nvt_context *c, const struct nvt_exchange *exchange) {
  if (exchange->duplicate_cid)
    nvt_expert_or_finding(c, &nvt_expert.duplicate, "command-id-in-use");
  if (!PINFO_FD_VISITED(c->pinfo) || exchange->completion.record != 0)
    return;
  bool waits = exchange->sqid == 0 && exchange->sqe.opcode == NVT_ADMIN_ASYNC_EVENT_REQUEST;
  if (exchange->end == NVT_EXCHANGE_RESET) {
    if (!waits)
      nvt_expert_or_finding(c, &nvt_expert.reset, "command-never-completed");
  } else if (!waits && exchange->end != NVT_EXCHANGE_UNTRACED) {
    nvt_expert_or_finding(c, &nvt_expert.open, "command-never-completed");
  }
}

static void add_completion(const struct nvt_context *c, const struct nvt_exchange *exchange) {
  add_frame(c, hf_response_to, &exchange->command);
  add_hidden_frame(c, hf_builtin_cmd_pkt, &exchange->command);
  add_frame(c, hf_doorbell_in, &exchange->doorbell);
  add_frame(c, hf_interrupt_in, &exchange->interrupt);
  add_frame(c, hf_acknowledged_in, &exchange->acknowledge);
  for (enum nvt_stage stage = 0; stage < NVT_STAGE_COUNT; stage++)
    add_stage(c, exchange, stage);
  add_depth(c, exchange);
}

static void add_signal(const struct nvt_context *c, const struct nvt_signal *signal) {
  bool tail = c->frame->is_doorbell && !c->frame->doorbell.is_cq;
  nvt_generated(proto_tree_add_uint(c->tree, hf_entries, c->tvb, 0, 0, signal->count));
  if (c->frame->is_doorbell)
    nvt_generated(proto_tree_add_uint(c->tree, hf_previous, c->tvb, 0, 0, signal->previous));
  if (signal->first != NULL)
    add_frame(c, tail ? hf_first_command : hf_first_completion,
              tail ? &signal->first->command : &signal->first->completion);
  if (signal->last != NULL)
    add_frame(c, tail ? hf_last_command : hf_last_completion,
              tail ? &signal->last->command : &signal->last->completion);
}

static void add_exchange(const struct nvt_context *c, const struct nvt_exchange *exchange) {
  if (exchange->command.record == c->pinfo->num)
    add_command(c, exchange);
  else if (c->record->header.type == NVT_REC_COMPLETION)
    add_completion(c, exchange);
  else
    add_frame(c, hf_command_in, &exchange->command);
}

static void add_links(const struct nvt_context *c) {
  const struct nvt_frame *frame = c->frame;
  if (!frame->has_change && frame->signal != NULL) {
    add_signal(c, frame->signal);
    nvt_add_signal_list(c);
  }
  if (frame->exchange != NULL)
    add_exchange(c, frame->exchange);
  nvt_add_link_rows(c);
  if (frame->exchange != NULL && c->record->header.type <= NVT_REC_COMPLETION) {
    add_outcome(c, frame->exchange);
    nvt_add_queue_list(c);
  }
}

void nvt_add_relations(const struct nvt_context *c) {
  const struct nvt_frame *frame = c->frame;
  if (frame->seq_gap)
    nvt_expert_or_finding(c, &nvt_expert.gap, "records-missing");
  if (c->groups[NVT_GROUP_LINKS] || c->builtin)
    add_links(c);
  if (frame->is_doorbell && frame->signal != NULL && !frame->signal->valid)
    nvt_expert_or_finding(c, &nvt_expert.doorbell,
                          "doorbell-out-of-range doorbell-absent-queue doorbell-before-ready "
                          "cq-head-past-tail sq-overrun");
  if (frame->exchange != NULL && frame->exchange->command.record == c->pinfo->num)
    judge_command(c, frame->exchange);
}
