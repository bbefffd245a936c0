/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "trace/session.h"

/* --- a trace in the making --- */

struct script {
  struct nvt_session *session;
  struct nvt_view view;
  uint64_t number;
  uint64_t seq;
  uint64_t time;
  uint16_t controller;
  uint32_t epoch;
  unsigned ended[5]; /* by enum nvt_exchange_end */
  struct nvt_exchange last_ended;
  unsigned measured[NVT_STAGE_COUNT]; /* how often each stage was told of */
};

static void on_end(void *ctx, struct nvt_exchange *exchange) {
  struct script *s = ctx;
  assert_in_range(exchange->end, 0, 4);
  s->ended[exchange->end]++;
  s->last_ended = *exchange;
}

static void on_measured(void *ctx, struct nvt_exchange *exchange, enum nvt_stage stage) {
  struct script *s = ctx;
  uint64_t ns;
  assert_true(nvt_exchange_stage(exchange, stage, &ns));
  s->measured[stage]++;
}

static void start(struct script *s, bool keep) {
  memset(s, 0, sizeof(*s));
  struct nvt_session_options options = {
      .keep = keep, .ended = on_end, .ended_ctx = s, .measured = on_measured, .measured_ctx = s};
  assert_int_equal(nvt_session_create(&options, &s->session), 0);
}

static struct nvt_view *put(struct script *s, unsigned type, struct nvt_record *r) {
  r->number = ++s->number;
  r->time_ns = s->time += 100;
  r->header.type = (uint8_t)type;
  r->header.controller = s->controller;
  r->header.epoch = s->epoch;
  r->header.seq = s->seq++;
  assert_int_equal(nvt_session_record(s->session, r, &s->view), 0);
  return &s->view;
}

static struct nvt_view *write_reg(struct script *s, uint64_t offset, uint64_t value, uint8_t size) {
  struct nvt_record r = {.access = {.offset = offset, .value = value, .size = size, .space = 1}};
  return put(s, NVT_REC_REG_WRITE, &r);
}

static struct nvt_view *tail(struct script *s, uint16_t qid, uint32_t value) {
  struct nvt_doorbell_id id = {.qid = qid};
  return write_reg(s, nvt_doorbell_offset(id, 0), value, 4);
}

static struct nvt_view *head(struct script *s, uint16_t qid, uint32_t value) {
  struct nvt_doorbell_id id = {.qid = qid, .is_cq = true};
  return write_reg(s, nvt_doorbell_offset(id, 0), value, 4);
}

static struct nvt_view *command(struct script *s, uint16_t sqid, uint16_t slot,
                                struct nvt_sqe sqe) {
  struct nvt_record r = {.command = {.sqid = sqid, .cqid = sqid, .slot = slot, .sqe = sqe}};
  return put(s, NVT_REC_COMMAND, &r);
}

static struct nvt_view *complete(struct script *s, uint16_t qid, uint16_t slot, uint16_t cid,
                                 uint16_t status) {
  struct nvt_record r = {
      .completion = {.sqid = qid, .cqid = qid, .slot = slot, .cqe = {.cid = cid, .sqid = qid}}};
  r.completion.cqe.status = (uint16_t)(status << 1);
  return put(s, NVT_REC_COMPLETION, &r);
}

static struct nvt_view *interrupt(struct script *s, uint16_t vector, uint16_t cqid) {
  struct nvt_record r = {.interrupt = {.vector = vector, .cqid = cqid}};
  return put(s, NVT_REC_INTERRUPT, &r);
}

static void enable(struct script *s, uint32_t entries) {
  write_reg(s, NVT_REG_AQA, (entries - 1) << 16 | (entries - 1), 4);
  write_reg(s, NVT_REG_ASQ, 0x1000, 8);
  write_reg(s, NVT_REG_ACQ, 0x2000, 8);
  write_reg(s, NVT_REG_CC, 1, 4);
}

static struct nvt_sqe sqe(uint8_t opcode, uint16_t cid) {
  return (struct nvt_sqe){.opcode = opcode, .cid = cid};
}

/* An admin command, whole: slot of the queue as of so many before it. */
static void admin(struct script *s, uint16_t slot, struct nvt_sqe entry) {
  tail(s, 0, slot + 1u);
  command(s, 0, slot, entry);
  complete(s, 0, slot, entry.cid, 0);
  head(s, 0, slot + 1u);
}

static void create_queues(struct script *s, uint16_t slot, uint16_t qid, uint32_t entries,
                          uint16_t vector) {
  struct nvt_sqe cq = sqe(NVT_ADMIN_CREATE_IO_CQ, 0x100);
  cq.cdw10 = (entries - 1) << 16 | qid;
  cq.cdw11 = (uint32_t)vector << 16 | 3;
  struct nvt_sqe sq = sqe(NVT_ADMIN_CREATE_IO_SQ, 0x101);
  sq.cdw10 = (entries - 1) << 16 | qid;
  sq.cdw11 = (uint32_t)qid << 16 | 1;
  admin(s, slot, cq);
  admin(s, (uint16_t)(slot + 1), sq);
}

/* --- tests --- */

static void one_command_has_all_its_stages(void **state) {
  (void)state;
  struct script s;
  start(&s, true);
  enable(&s, 32);
  struct nvt_view *v = tail(&s, 0, 1);
  assert_true(v->is_doorbell);
  assert_true(v->signal->valid);
  assert_int_equal(v->signal->count, 1);
  struct nvt_signal *rung = v->signal;
  uint64_t bell = s.number;
  v = command(&s, 0, 0, sqe(NVT_ADMIN_IDENTIFY, 7));
  struct nvt_exchange *x = v->exchange;
  assert_non_null(x);
  assert_int_equal(v->set, NVT_SET_ADMIN);
  assert_int_equal(x->doorbell.record, bell);
  assert_int_equal(x->depth, 1);
  assert_ptr_equal(rung->first, x);
  assert_ptr_equal(rung->last, x);
  assert_int_equal(nvt_session_controller(s.session, 0)->outstanding, 1);
  assert_ptr_equal(complete(&s, 0, 0, 7, 0)->exchange, x);
  assert_int_equal(nvt_session_controller(s.session, 0)->outstanding, 0);
  v = interrupt(&s, 0, 0);
  assert_int_equal(v->signal->count, 1);
  assert_ptr_equal(v->signal->first, x);
  v = head(&s, 0, 1);
  assert_int_equal(v->signal->count, 1);
  assert_ptr_equal(v->signal->first, x);
  assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], 1);
  uint64_t ns;
  const uint64_t expected[NVT_STAGE_COUNT] = {
      [NVT_STAGE_TOTAL] = 100,     [NVT_STAGE_FETCH] = 100,       [NVT_STAGE_EXECUTE] = 100,
      [NVT_STAGE_INTERRUPT] = 100, [NVT_STAGE_ACKNOWLEDGE] = 200,
  };
  for (unsigned stage = 0; stage < NVT_STAGE_COUNT; stage++) {
    assert_true(nvt_exchange_stage(x, stage, &ns));
    assert_int_equal(ns, expected[stage]);
    assert_non_null(nvt_stage_name(stage));
    assert_int_equal(nvt_stage_record(x, stage),
                     stage == NVT_STAGE_FETCH ? x->command.record : x->completion.record);
  }
  /* Told of once: what comes after the completion. */
  assert_int_equal(s.measured[NVT_STAGE_INTERRUPT], 1);
  assert_int_equal(s.measured[NVT_STAGE_ACKNOWLEDGE], 1);
  assert_int_equal(s.measured[NVT_STAGE_TOTAL] + s.measured[NVT_STAGE_FETCH], 0);
  nvt_session_destroy(s.session);
}

static void signals_stand_for_many_commands(void **state) {
  (void)state;
  struct script s;
  start(&s, true);
  enable(&s, 8);
  struct nvt_view *v = tail(&s, 0, 3);
  struct nvt_signal *first = v->signal;
  assert_int_equal(first->count, 3);
  struct nvt_signal *second = tail(&s, 0, 5)->signal;
  struct nvt_exchange *x[5];
  for (uint16_t i = 0; i < 5; i++)
    x[i] = command(&s, 0, i, sqe(NVT_ADMIN_IDENTIFY, i))->exchange;
  assert_ptr_equal(first->first, x[0]);
  assert_ptr_equal(first->last, x[2]);
  assert_ptr_equal(second->first, x[3]);
  assert_ptr_equal(second->last, x[4]);
  assert_int_equal(x[4]->depth, 5);
  for (uint16_t i = 0; i < 5; i++)
    assert_int_equal(x[i]->in_flight, 5);
  for (uint16_t i = 0; i < 5; i++)
    complete(&s, 0, i, (uint16_t)(4 - i), 0); /* out of order */
  v = interrupt(&s, 0, 0);
  assert_int_equal(v->signal->count, 5);
  assert_ptr_equal(v->signal->first, x[4]);
  assert_ptr_equal(v->signal->last, x[0]);
  assert_int_equal(interrupt(&s, 0, 0)->signal->count, 0);
  v = head(&s, 0, 2);
  assert_int_equal(v->signal->count, 2);
  assert_int_equal(x[3]->acknowledge.record, s.number);
  assert_int_equal(x[2]->acknowledge.record, 0);
  /* three that the host hasn't seen yet, and one more */
  assert_int_equal(command(&s, 0, 5, sqe(NVT_ADMIN_IDENTIFY, 9))->exchange->in_flight, 4);
  assert_int_equal(head(&s, 0, 5)->signal->count, 3);
  assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], 5);
  nvt_session_destroy(s.session);
}

/* Ten laps of the smallest and of a larger queue: every command finds its doorbell. */
static void rings_wrap(void **state) {
  (void)state;
  for (uint32_t size = 2; size <= 5; size++) {
    struct script s;
    start(&s, false);
    enable(&s, size);
    for (uint32_t i = 0; i < 10 * size; i++) {
      struct nvt_view *v = tail(&s, 0, (i + 1) % size);
      assert_true(v->signal->valid);
      assert_int_equal(v->signal->count, 1);
      uint64_t bell = s.number;
      v = command(&s, 0, (uint16_t)(i % size), sqe(NVT_ADMIN_IDENTIFY, 1));
      assert_int_equal(v->exchange->doorbell.record, bell);
      assert_int_equal(v->exchange->reuse, i);
      assert_false(v->exchange->duplicate_cid);
      complete(&s, 0, (uint16_t)(i % size), 1, 0);
      assert_int_equal(head(&s, 0, (i + 1) % size)->signal->count, 1);
      assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], i + 1);
      assert_int_equal(s.last_ended.acknowledge.record, s.number);
    }
    assert_false(tail(&s, 0, size)->signal->valid);
    assert_true(tail(&s, 0, size - 1)->signal->valid);
    nvt_session_destroy(s.session);
  }
}

static void queues_follow_admin_commands(void **state) {
  (void)state;
  struct script s;
  start(&s, false);
  assert_false(tail(&s, 0, 1)->signal == NULL);
  nvt_session_destroy(s.session);
  start(&s, false);
  enable(&s, 32);
  assert_false(tail(&s, 1, 1)->signal->valid); /* not there yet */
  create_queues(&s, 0, 1, 16, 5);
  struct nvt_doorbell_id sq = {.qid = 1}, cq = {.qid = 1, .is_cq = true};
  const struct nvt_queue_view *q = nvt_session_queue(s.session, 0, cq);
  assert_int_equal(q->entries, 16);
  assert_int_equal(q->vector, 5);
  q = nvt_session_queue(s.session, 0, sq);
  assert_int_equal(q->cqid, 1);
  assert_int_equal(nvt_session_controller(s.session, 0)->queues, 2);
  assert_true(tail(&s, 1, 2)->signal->valid);
  command(&s, 1, 0, sqe(NVT_NVM_READ, 9));
  struct nvt_view *v = command(&s, 1, 1, sqe(NVT_NVM_READ, 10));
  assert_int_equal(v->set, NVT_SET_NVM);
  complete(&s, 1, 0, 10, 0);
  struct nvt_sqe gone = sqe(NVT_ADMIN_DELETE_IO_SQ, 3);
  gone.cdw10 = 1;
  admin(&s, 2, gone);
  assert_null(nvt_session_queue(s.session, 0, sq));
  assert_int_equal(s.ended[NVT_EXCHANGE_RESET], 1);
  assert_false(tail(&s, 1, 3)->signal->valid);
  gone.opcode = NVT_ADMIN_DELETE_IO_CQ;
  unsigned completed = s.ended[NVT_EXCHANGE_COMPLETED];
  admin(&s, 3, gone);
  assert_null(nvt_session_queue(s.session, 0, cq));
  assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], completed + 2); /* cid 10, and the Delete */
  /* a failed Create makes nothing */
  struct nvt_sqe bad = sqe(NVT_ADMIN_CREATE_IO_CQ, 4);
  bad.cdw10 = 2;
  command(&s, 0, 4, bad);
  complete(&s, 0, 4, 4, NVT_SC_INVALID_QUEUE_ID);
  cq.qid = 2;
  assert_null(nvt_session_queue(s.session, 0, cq));
  nvt_session_destroy(s.session);
}

static void a_reset_ends_what_is_outstanding(void **state) {
  (void)state;
  struct script s;
  for (unsigned how = 0; how < 4; how++) {
    start(&s, true);
    enable(&s, 32);
    create_queues(&s, 0, 1, 16, 1);
    unsigned before = s.ended[NVT_EXCHANGE_COMPLETED];
    struct nvt_exchange *aer = command(&s, 0, 2, sqe(NVT_ADMIN_ASYNC_EVENT_REQUEST, 50))->exchange;
    tail(&s, 1, 3);
    command(&s, 1, 0, sqe(NVT_NVM_READ, 1));
    struct nvt_exchange *io = command(&s, 1, 1, sqe(NVT_NVM_READ, 2))->exchange;
    complete(&s, 1, 0, 1, 0); /* not acknowledged */
    if (how == 0) {
      write_reg(&s, NVT_REG_CC, 0, 4);
    } else if (how == 1) {
      struct nvt_record r = {.event = {.event = NVT_V_event_event_CONTROLLER_RESET}};
      put(&s, NVT_REC_EVENT, &r);
    } else if (how == 2) {
      struct nvt_record r = {.event = {.event = NVT_V_event_event_DEVICE_RESET}};
      put(&s, NVT_REC_EVENT, &r);
    } else {
      s.epoch++;
      struct nvt_record r = {.annotation = {.text_length = 0}};
      put(&s, NVT_REC_ANNOTATION, &r);
    }
    assert_int_equal(s.ended[NVT_EXCHANGE_RESET], 2);
    assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], before + 1);
    assert_int_equal(aer->end, NVT_EXCHANGE_RESET);
    assert_int_equal(io->cancel.record, s.number);
    const struct nvt_controller_state *c = nvt_session_controller(s.session, 0);
    assert_int_equal(c->outstanding, 0);
    assert_int_equal(c->queues, 0);
    assert_false(tail(&s, 1, 4)->signal->valid);
    /* a new life: same ids, another epoch */
    s.epoch++;
    enable(&s, 4);
    assert_true(tail(&s, 0, 1)->signal->valid);
    struct nvt_exchange *x = command(&s, 0, 0, sqe(NVT_ADMIN_IDENTIFY, 50))->exchange;
    assert_int_equal(x->reuse, 0);
    assert_false(x->duplicate_cid);
    assert_int_equal(x->epoch, s.epoch);
    nvt_session_finish(s.session);
    assert_int_equal(x->end, NVT_EXCHANGE_UNFINISHED);
    assert_int_equal(s.ended[NVT_EXCHANGE_UNFINISHED], 1);
    nvt_session_destroy(s.session);
  }
}

static void snapshot(struct script *s, uint64_t offset, uint64_t value, uint8_t size) {
  struct nvt_record r = {.header = {.flags = NVT_V_header_flags_SNAPSHOT},
                         .access = {.offset = offset, .value = value, .size = size, .space = 1}};
  put(s, NVT_REC_REG_WRITE, &r);
}
static void snapshot_queue(struct script *s, uint16_t qid, bool is_cq, uint16_t at) {
  struct nvt_record r = {.header = {.flags = NVT_V_header_flags_SNAPSHOT},
                         .queue = {.qid = qid,
                                   .cqid = qid,
                                   .is_cq = is_cq,
                                   .entries = 16,
                                   .head = at,
                                   .tail = at,
                                   .vector = qid,
                                   .queue_flags = NVT_V_queue_queue_flags_INTERRUPTS}};
  put(s, NVT_REC_QUEUE_STATE, &r);
}

/* What was under way at the stop is neither reset nor unfinished, what comes from then is no
 * error, and ids start afresh; a reset, or a new command with the id, in between or not. */
static void tracing_may_pause(void **state) {
  (void)state;
  struct script s;
  for (unsigned how = 0; how < 3; how++) {
    start(&s, true);
    enable(&s, 16);
    create_queues(&s, 0, 1, 16, 1);
    tail(&s, 1, 2);
    struct nvt_exchange *a = command(&s, 1, 0, sqe(NVT_NVM_READ, 1))->exchange;
    struct nvt_exchange *b = command(&s, 1, 1, sqe(NVT_NVM_READ, 2))->exchange;
    complete(&s, 1, 0, 2, 0); /* not acknowledged */
    if (how != 2) {           /* else the record was lost: only the snapshot tells */
      struct nvt_record r = {.event = {.event = NVT_V_event_event_TRACE_STOPPED}};
      put(&s, NVT_REC_EVENT, &r);
      assert_int_equal(a->end, NVT_EXCHANGE_UNTRACED);
      assert_int_equal(a->cancel.record, s.number);
    }
    s.epoch += how == 1;
    struct nvt_record r = {.meta = {.cap = 0}};
    put(&s, NVT_REC_META, &r);
    snapshot(&s, NVT_REG_AQA, 0xf000f, 4);
    snapshot(&s, NVT_REG_ASQ, 0x1000, 8);
    snapshot(&s, NVT_REG_ACQ, 0x2000, 8);
    snapshot(&s, NVT_REG_CC, 1, 4);
    snapshot_queue(&s, 0, true, 3);
    snapshot_queue(&s, 1, true, 5);
    snapshot_queue(&s, 0, false, 3);
    snapshot_queue(&s, 1, false, 7);
    assert_int_equal(a->end, NVT_EXCHANGE_UNTRACED);
    assert_int_equal(b->end, NVT_EXCHANGE_COMPLETED);
    assert_int_equal(s.ended[NVT_EXCHANGE_RESET], 0);
    const struct nvt_controller_state *c = nvt_session_controller(s.session, 0);
    assert_int_equal(c->queues, 2);
    assert_int_equal(c->outstanding, 0);
    assert_int_equal(c->lost, 0);
    /* A completion of what was fetched meanwhile. */
    struct nvt_exchange *stray = complete(&s, 1, 5, 1, 0)->exchange;
    assert_ptr_not_equal(stray, a);
    assert_int_equal(stray->end, NVT_EXCHANGE_COMPLETED);
    assert_int_equal(stray->command.record, 0);
    assert_int_equal(interrupt(&s, 1, 1)->signal->count, 1);
    assert_int_equal(head(&s, 1, 6)->signal->count, 1);
    assert_true(s.view.signal->valid);
    /* And from here all is as ever. */
    assert_int_equal(tail(&s, 1, 8)->signal->count, 1);
    struct nvt_exchange *x = command(&s, 1, 7, sqe(NVT_NVM_READ, 1))->exchange;
    assert_false(x->duplicate_cid);
    assert_int_equal(x->doorbell.record, s.number - 1);
    assert_ptr_equal(complete(&s, 1, 6, 1, 0)->exchange, x);
    assert_false(tail(&s, 2, 1)->signal->valid);
    nvt_session_finish(s.session);
    assert_int_equal(s.ended[NVT_EXCHANGE_UNTRACED], 1);
    assert_int_equal(s.ended[NVT_EXCHANGE_UNFINISHED], 0);
    nvt_session_destroy(s.session);
  }
}

/* A snapshot where nothing stopped: a command under way goes on. After what a trigger left out it
 * doesn't, and nothing was lost. */
static void a_snapshot_in_the_middle_repeats(void **state) {
  (void)state;
  struct script s;
  start(&s, true);
  enable(&s, 16);
  create_queues(&s, 0, 1, 16, 1);
  tail(&s, 1, 2);
  struct nvt_exchange *a = command(&s, 1, 0, sqe(NVT_NVM_READ, 1))->exchange;
  const struct nvt_queue_view *sq = nvt_session_queue(s.session, 0, (struct nvt_doorbell_id){1, 0});
  const struct nvt_queue_view *cq = nvt_session_queue(s.session, 0, (struct nvt_doorbell_id){1, 1});
  for (unsigned left_out = 0; left_out < 2; left_out++) {
    struct nvt_record r = {.header = {.flags = NVT_V_header_flags_SNAPSHOT}};
    struct nvt_record meta = {.meta = {.cap = 0}};
    put(&s, NVT_REC_META, &meta);
    snapshot(&s, NVT_REG_CC, 1, 4);
    for (unsigned i = 0; i < 2; i++) {
      r.queue = (struct nvt_rec_queue){
          .qid = 1, .cqid = 1, .is_cq = i == 0, .entries = 16, .head = 5, .tail = 7};
      if (!left_out) {
        const struct nvt_queue_view *view = i == 0 ? cq : sq;
        r.queue.entries = view->entries;
        r.queue.base = view->base;
        r.queue.head = (uint16_t)view->head;
        r.queue.tail = (uint16_t)view->tail;
      }
      put(&s, NVT_REC_QUEUE_STATE, &r);
    }
    if (left_out) {
      assert_int_equal(nvt_session_queue(s.session, 0, (struct nvt_doorbell_id){1, 0})->tail, 7);
      break;
    }
    assert_int_equal(complete(&s, 1, 0, 1, 0)->exchange->command.record, a->command.record);
    a = command(&s, 1, 1, sqe(NVT_NVM_READ, 2))->exchange;
    struct nvt_record loss = {
        .loss = {.first_seq = s.seq, .count = 10, .reason = NVT_V_loss_reason_LEFT_OUT}};
    s.seq += 10;
    assert_false(put(&s, NVT_REC_LOSS, &loss)->seq_gap);
    assert_int_equal(a->end, NVT_EXCHANGE_UNTRACED);
    assert_int_equal(nvt_session_controller(s.session, 0)->lost, 0);
  }
  nvt_session_destroy(s.session);
}

static void duplicate_ids_pair_oldest_first(void **state) {
  (void)state;
  struct script s;
  start(&s, true);
  enable(&s, 32);
  struct nvt_exchange *x[3];
  for (uint16_t i = 0; i < 3; i++)
    x[i] = command(&s, 0, i, sqe(NVT_ADMIN_IDENTIFY, 5))->exchange;
  assert_false(x[0]->duplicate_cid);
  assert_true(x[1]->duplicate_cid);
  assert_true(x[2]->duplicate_cid);
  assert_ptr_equal(complete(&s, 0, 0, 5, 0)->exchange, x[0]);
  assert_true(command(&s, 0, 3, sqe(NVT_ADMIN_IDENTIFY, 5))->exchange->duplicate_cid);
  assert_ptr_equal(complete(&s, 0, 1, 5, 0)->exchange, x[1]);
  assert_ptr_equal(complete(&s, 0, 2, 5, 0)->exchange, x[2]);
  struct nvt_exchange *fourth = complete(&s, 0, 3, 5, 0)->exchange;
  assert_int_equal(fourth->reuse, 3);
  /* one completion too many belongs to none */
  struct nvt_exchange *stray = complete(&s, 0, 4, 5, 0)->exchange;
  assert_int_equal(stray->command.record, 0);
  assert_int_equal(stray->end, NVT_EXCHANGE_COMPLETED);
  uint64_t ns;
  assert_false(nvt_exchange_stage(stray, NVT_STAGE_TOTAL, &ns));
  nvt_session_destroy(s.session);
}

static void controllers_do_not_mix(void **state) {
  (void)state;
  struct script s;
  start(&s, true);
  struct nvt_exchange *x[3];
  for (uint16_t c = 0; c < 3; c++) {
    s.controller = c;
    s.seq = 0;
    enable(&s, 32);
    x[c] = command(&s, 0, 0, sqe(NVT_ADMIN_IDENTIFY, 1))->exchange;
  }
  for (uint16_t c = 3; c-- > 0;) {
    s.controller = c;
    s.seq = 5;
    assert_ptr_equal(complete(&s, 0, 0, 1, 0)->exchange, x[c]);
    assert_false(s.view.seq_gap);
  }
  assert_null(nvt_session_controller(s.session, 3));
  nvt_session_destroy(s.session);
}

static void losses_are_counted_once(void **state) {
  (void)state;
  struct script s;
  /* 0: nothing accounts; 1: a loss record in the gap's place; 2: one after it */
  for (unsigned how = 0; how < 3; how++) {
    start(&s, false);
    enable(&s, 32);
    command(&s, 0, 0, sqe(NVT_ADMIN_IDENTIFY, 1));
    uint64_t first = s.seq;
    s.seq += 10;
    struct nvt_record loss = {.loss = {.first_seq = first, .count = 10}};
    if (how == 1)
      assert_false(put(&s, NVT_REC_LOSS, &loss)->seq_gap);
    struct nvt_view *v = command(&s, 0, 3, sqe(NVT_ADMIN_IDENTIFY, 1));
    assert_int_equal(v->seq_gap, how != 1);
    assert_int_equal(v->missing, how != 1 ? 10 : 0);
    assert_false(v->exchange->duplicate_cid); /* the completion was lost */
    assert_int_equal(s.ended[NVT_EXCHANGE_UNFINISHED], 1);
    if (how == 2)
      assert_false(put(&s, NVT_REC_LOSS, &loss)->seq_gap);
    assert_int_equal(nvt_session_controller(s.session, 0)->lost, 10);
    /* a new start of the numbers is no gap */
    s.seq = 0;
    assert_false(command(&s, 0, 4, sqe(NVT_ADMIN_IDENTIFY, 2))->seq_gap);
    nvt_session_destroy(s.session);
  }
}

static void a_trace_may_start_in_the_middle(void **state) {
  (void)state;
  struct script s;
  start(&s, false);
  /* without a snapshot: queues are taken as they appear */
  struct nvt_view *v = tail(&s, 3, 7);
  assert_true(v->signal->valid);
  uint64_t bell = s.number;
  v = command(&s, 3, 4, sqe(NVT_NVM_READ, 1));
  assert_int_equal(v->exchange->doorbell.record, bell);
  for (uint16_t i = 5; i < 7; i++)
    assert_int_equal(command(&s, 3, i, sqe(NVT_NVM_READ, i))->exchange->doorbell.record, bell);
  assert_int_equal(tail(&s, 3, 9)->signal->count, 2);
  assert_int_equal(complete(&s, 3, 8, 77, 0)->exchange->command.record, 0);
  complete(&s, 3, 9, 1, 0);
  head(&s, 3, 10);
  assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], 2);
  nvt_session_destroy(s.session);
  /* with one */
  start(&s, false);
  struct nvt_record sq = {.header = {.flags = NVT_V_header_flags_SNAPSHOT},
                          .queue = {.qid = 3, .cqid = 2, .entries = 64, .head = 63, .tail = 63}};
  put(&s, NVT_REC_QUEUE_STATE, &sq);
  struct nvt_record cq = {.header = {.flags = NVT_V_header_flags_SNAPSHOT},
                          .queue = {.qid = 2,
                                    .is_cq = 1,
                                    .entries = 64,
                                    .queue_flags = 2,
                                    .vector = 9,
                                    .head = 5,
                                    .tail = 5}};
  put(&s, NVT_REC_QUEUE_STATE, &cq);
  v = tail(&s, 3, 1);
  assert_int_equal(v->signal->previous, 63);
  assert_int_equal(v->signal->count, 2);
  assert_false(tail(&s, 4, 1)->signal->valid);
  command(&s, 3, 63, sqe(NVT_NVM_READ, 1));
  assert_int_equal(command(&s, 3, 0, sqe(NVT_NVM_READ, 2))->exchange->doorbell.record, 3);
  nvt_session_destroy(s.session);
}

static void a_vector_serves_several_queues(void **state) {
  (void)state;
  struct script s;
  start(&s, true);
  enable(&s, 32);
  create_queues(&s, 0, 1, 16, 4);
  create_queues(&s, 2, 2, 16, 4);
  create_queues(&s, 4, 3, 16, 6);
  interrupt(&s, 0, 0); /* the admin queue's own */
  struct nvt_exchange *x[4];
  for (uint16_t q = 1; q <= 3; q++) {
    x[q] = command(&s, q, 0, sqe(NVT_NVM_READ, 1))->exchange;
    complete(&s, q, 0, 1, 0);
  }
  struct nvt_record masked = {.interrupt = {.vector = 4, .cqid = 1, .state = 1}};
  assert_int_equal(put(&s, NVT_REC_INTERRUPT, &masked)->signal->count, 1);
  assert_int_equal(x[1]->interrupt.record, 0);
  assert_int_equal(interrupt(&s, 4, 2)->signal->count, 2);
  assert_int_equal(x[1]->interrupt.record, s.number);
  assert_int_equal(x[2]->interrupt.record, s.number);
  assert_int_equal(x[3]->interrupt.record, 0);
  assert_int_equal(interrupt(&s, 6, 3)->signal->count, 1);
  nvt_session_destroy(s.session);
}

/* Linux with Doorbell Buffer Config: some doorbells in memory, some in the register, often the
 * same value in both. Each entry is announced once. */
static void doorbells_in_memory_count_once(void **state) {
  (void)state;
  struct script s;
  start(&s, true);
  enable(&s, 32);
  create_queues(&s, 0, 1, 16, 1);
  struct nvt_record shadow = {.shadow = {.qid = 1, .value = 2}};
  struct nvt_view *v = put(&s, NVT_REC_SHADOW_DOORBELL, &shadow);
  assert_true(v->is_doorbell);
  assert_int_equal(v->doorbell.qid, 1);
  assert_false(v->doorbell.is_cq);
  assert_int_equal(v->signal->count, 2);
  uint64_t bell = s.number;
  assert_int_equal(tail(&s, 1, 2)->signal->count, 0);
  for (uint16_t i = 0; i < 2; i++) {
    assert_int_equal(command(&s, 1, i, sqe(NVT_NVM_READ, i))->exchange->doorbell.record, bell);
    complete(&s, 1, i, i, 0);
  }
  struct nvt_record event_index = {.shadow = {.qid = 1, .value = 1}};
  v = put(&s, NVT_REC_EVENT_INDEX, &event_index);
  assert_false(v->is_doorbell);
  assert_null(v->signal);
  struct nvt_record head_shadow = {.shadow = {.qid = 1, .value = 2, .is_cq = 1}};
  unsigned before = s.ended[NVT_EXCHANGE_COMPLETED];
  assert_int_equal(put(&s, NVT_REC_SHADOW_DOORBELL, &head_shadow)->signal->count, 2);
  assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], before + 2);
  assert_int_equal(head(&s, 1, 2)->signal->count, 0);
  nvt_session_destroy(s.session);
}

/* A write that the controller refused changes nothing; neither does a read of other registers. */
static void refused_writes_have_no_effect(void **state) {
  (void)state;
  struct script s;
  start(&s, false);
  enable(&s, 32);
  command(&s, 0, 0, sqe(NVT_ADMIN_IDENTIFY, 1));
  struct nvt_record r = {
      .access = {.offset = NVT_REG_CC, .size = 4, .space = 1, .access_flags = 2}};
  put(&s, NVT_REC_REG_WRITE, &r);
  assert_int_equal(nvt_session_controller(s.session, 0)->outstanding, 1);
  r.access.offset = 0x1000;
  r.access.value = 1;
  assert_false(put(&s, NVT_REC_REG_WRITE, &r)->signal->valid);
  struct nvt_doorbell_id sq = {.qid = 0};
  assert_int_equal(nvt_session_queue(s.session, 0, sq)->tail, 0);
  /* configuration space has other registers at the same offsets */
  r = (struct nvt_record){.access = {.offset = NVT_REG_CC, .size = 4, .space = 0}};
  put(&s, NVT_REC_CONFIG_WRITE, &r);
  assert_int_equal(nvt_session_controller(s.session, 0)->outstanding, 1);
  /* a stride of 8 bytes: CAP.DSTRD = 1, as a read of CAP told */
  r = (struct nvt_record){.access = {.value = 1ull << 32, .size = 8, .space = 1}};
  put(&s, NVT_REC_REG_READ, &r);
  assert_int_equal(nvt_session_controller(s.session, 0)->cap, 1ull << 32);
  struct nvt_view *v = write_reg(&s, 0x1008, 1, 4);
  assert_true(v->is_doorbell && v->doorbell.is_cq && v->doorbell.qid == 0);
  assert_false(write_reg(&s, 0x1004, 1, 4)->is_doorbell);
  nvt_session_destroy(s.session);
}

/* Whatever comes, nothing is counted wrong, and every exchange ends once. */
static void any_sequence_is_survived(void **state) {
  (void)state;
  for (unsigned round = 0; round < 40; round++) {
    struct script s;
    start(&s, round % 2 != 0);
    srandom(round);
    unsigned commands = 0, strays = 0;
    for (unsigned i = 0; i < 5000; i++) {
      struct nvt_record r;
      uint8_t *bytes = (uint8_t *)&r;
      for (size_t b = 0; b < sizeof(r); b++)
        bytes[b] = (uint8_t)(random() & (round & 4 ? 3 : 255));
      r.tail = NULL;
      r.tail_length = 0;
      s.controller = (uint16_t)(random() & 1);
      s.epoch += random() % 500 == 0;
      r.access.space = 1;
      if (random() % 2)
        r.access.offset = 0x1000 + (uint64_t)(random() & 7) * 4;
      else
        r.access.offset &= 0x3f;
      unsigned type = 1 + (unsigned)random() % (NVT_REC_COUNT - 1);
      const struct nvt_view *v = put(&s, type, &r);
      commands += type == NVT_REC_COMMAND;
      strays += type == NVT_REC_COMPLETION && v->exchange->command.record == 0;
    }
    nvt_session_finish(s.session);
    assert_int_equal(s.ended[0], 0);
    assert_int_equal(s.ended[1] + s.ended[2] + s.ended[3] + s.ended[4], commands + strays);
    for (uint16_t c = 0; c < 2; c++)
      assert_int_equal(nvt_session_controller(s.session, c)->outstanding, 0);
    nvt_session_destroy(s.session);
  }
}

/* n-1, n and n+1 of the most that one queue can have. */
static void outstanding_commands_are_bounded(void **state) {
  (void)state;
  struct script s;
  start(&s, false);
  for (uint32_t i = 0; i < 65536; i++) {
    struct nvt_view *v = command(&s, 1, (uint16_t)i, sqe(NVT_NVM_READ, (uint16_t)i));
    assert_int_equal(v->exchange->depth, i < 65535 ? i + 1 : 65535);
    assert_int_equal(s.ended[NVT_EXCHANGE_UNFINISHED], i < 65535 ? 0 : 1);
  }
  for (uint32_t i = 0; i < 65537; i++)
    complete(&s, 1, 0, (uint16_t)i, 0);
  assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], 2);
  nvt_session_destroy(s.session);
}

/* Completions that no host acknowledges, spread over many queues, don't pile up. */
static void unacknowledged_completions_are_bounded(void **state) {
  (void)state;
  struct script s;
  start(&s, false);
  const uint32_t queues = 1000, count = 1000000, most = 1u << 19;
  for (uint32_t i = 0; i < count; i++) {
    complete(&s, (uint16_t)(i % queues), (uint16_t)i, 1, NVT_SC_INVALID_OPCODE);
    if (i < most)
      assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], 0);
  }
  assert_in_range(count - s.ended[NVT_EXCHANGE_COMPLETED], 1, most + queues);
  nvt_session_finish(s.session);
  assert_int_equal(s.ended[NVT_EXCHANGE_COMPLETED], count);
  nvt_session_destroy(s.session);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_command_has_all_its_stages),
      cmocka_unit_test(signals_stand_for_many_commands),
      cmocka_unit_test(rings_wrap),
      cmocka_unit_test(queues_follow_admin_commands),
      cmocka_unit_test(a_reset_ends_what_is_outstanding),
      cmocka_unit_test(tracing_may_pause),
      cmocka_unit_test(a_snapshot_in_the_middle_repeats),
      cmocka_unit_test(duplicate_ids_pair_oldest_first),
      cmocka_unit_test(controllers_do_not_mix),
      cmocka_unit_test(losses_are_counted_once),
      cmocka_unit_test(a_trace_may_start_in_the_middle),
      cmocka_unit_test(a_vector_serves_several_queues),
      cmocka_unit_test(doorbells_in_memory_count_once),
      cmocka_unit_test(refused_writes_have_no_effect),
      cmocka_unit_test(any_sequence_is_survived),
      cmocka_unit_test(outstanding_commands_are_bounded),
      cmocka_unit_test(unacknowledged_completions_are_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
