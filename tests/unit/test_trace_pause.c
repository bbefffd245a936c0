/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace tap stops and starts while a controller works: what it writes, and what the session
 * makes of it. */
#include "host.h"

#include "capture/ring.h"
#include "capture/trace_tap.h"
#include "trace/session.h"

struct stage {
  struct host h;
  struct nvt_ring *ring;
  struct nvt_trace_tap *tap;
  struct nvt_session *session;
  struct nvt_record record; /* the last one taken */
  uint64_t number, next_seq;
  unsigned ends[NVT_EXCHANGE_UNTRACED + 1];
  unsigned invalid, duplicates, strays;
};

static void on_end(void *ctx, struct nvt_exchange *exchange) {
  ((struct stage *)ctx)->ends[exchange->end]++;
}

static void stage_open(struct stage *s, bool paused) {
  memset(s, 0, sizeof(*s));
  host_open(&s->h, "ram:1M");
  assert_int_equal(nvt_ring_create(NVT_RING_SIZE_MIN, &s->ring), 0);
  const struct nvt_trace_options options = {.paused = paused};
  assert_int_equal(nvt_trace_tap_create(s->h.plugins, s->ring, &options, &s->tap), 0);
  const struct nvt_session_options fold = {.ended = on_end, .ended_ctx = s};
  assert_int_equal(nvt_session_create(&fold, &s->session), 0);
}

static void stage_close(struct stage *s) {
  nvt_session_destroy(s->session);
  nvt_trace_tap_destroy(s->tap, NULL);
  nvt_ring_destroy(s->ring);
  host_close(&s->h);
}

/* The next record, through the session too; sequence numbers have no step. */
static bool next(struct stage *s) {
  size_t length;
  uint32_t frame[4];
  struct nvt_view view;
  const uint8_t *from = nvt_ring_peek(s->ring, &length);
  if (length == 0)
    return false;
  memcpy(frame, from, sizeof(frame));
  assert_int_equal(nvt_record_parse(from + 16, frame[2], &s->record), NVT_PARSE_OK);
  nvt_ring_consume(s->ring, 16 + frame[2]);
  s->record.number = ++s->number;
  assert_int_equal(s->record.header.seq, s->next_seq++);
  assert_int_equal(nvt_session_record(s->session, &s->record, &view), 0);
  assert_false(view.seq_gap);
  s->invalid += view.is_doorbell && !view.signal->valid;
  if (view.exchange != NULL) {
    s->duplicates += view.exchange->duplicate_cid;
    s->strays += s->record.header.type == NVT_REC_COMPLETION && view.exchange->command.record == 0;
  }
  return true;
}
static unsigned all(struct stage *s) {
  unsigned count = 0;
  while (next(s))
    count++;
  return count;
}

static bool wants(struct stage *s, unsigned type, uint8_t flags) {
  assert_true(next(s));
  return s->record.header.type == type && s->record.header.flags == flags;
}
static void want_text(struct stage *s, const char *text) {
  assert_true(wants(s, NVT_REC_ANNOTATION, 0));
  assert_int_equal(s->record.tail_length, strlen(text));
  assert_memory_equal(s->record.tail, text, strlen(text));
}
static void want_register(struct stage *s, unsigned type, uint64_t offset, uint64_t value) {
  assert_true(wants(s, type, NVT_V_header_flags_SNAPSHOT));
  assert_int_equal(s->record.access.offset, offset);
  assert_int_equal(s->record.access.value, value);
}

static void a_pause_leaves_state_and_no_step(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s, false);
  struct host *h = &s.h;
  assert_int_equal(nvt_trace_tap_meta(s.tap, h->c), 0);
  assert_true(nvt_trace_tap_on(s.tap));
  assert_int_equal(nvt_trace_tap_start(s.tap), -EALREADY);
  create_pair(h, 1, 16);
  submit(h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(h); /* it waits, all the time */
  put(h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  (void)all(&s);

  assert_int_equal(nvt_trace_tap_stop(s.tap), 0);
  assert_int_equal(nvt_trace_tap_stop(s.tap), -EALREADY);
  assert_false(nvt_trace_tap_on(s.tap));
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++)
    assert_int_equal(nvt_tap_counts(h->plugins)[id], 0);
  want_text(&s, "tracing stopped");
  assert_true(wants(&s, NVT_REC_EVENT, 0));
  assert_int_equal(s.record.event.event, NVT_V_event_event_TRACE_STOPPED);
  assert_false(next(&s));
  assert_int_equal(s.ends[NVT_EXCHANGE_UNTRACED], 1);

  /* Unseen: six commands, a namespace, and one that is under way when it goes on. */
  struct nvt_cqe cqe;
  ring(h, 1, false, h->sq[1].tail);
  poll_idle(h);
  assert_true(reap(h, 1, &cqe));
  for (unsigned i = 0; i < 5; i++)
    assert_status(io(h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  char why[128];
  assert_int_equal(nvt_controller_add_namespace(h->c, "null:1M", NULL, why, sizeof(why)), 0);
  put(h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  ring(h, 1, false, h->sq[1].tail);
  assert_int_equal(nvt_controller_step(h->c, 1), 1); /* posted, not acknowledged */
  put(h, 1, io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0));
  ring(h, 1, false, h->sq[1].tail); /* announced, not fetched */
  assert_false(next(&s));

  assert_int_equal(nvt_trace_tap_start(s.tap), 0);
  assert_true(wants(&s, NVT_REC_META, 0));
  assert_int_equal(s.record.meta.namespaces, 2);
  assert_true(wants(&s, NVT_REC_EVENT, NVT_V_header_flags_SNAPSHOT));
  assert_int_equal(s.record.event.event, NVT_V_event_event_DMA_MAP);
  static const uint16_t written[] = {0x04, 0x10, 0x14, 0x3c, 0x44, 0x50, 0x68, 0x70, 0x88, 0x90};
  for (unsigned i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
    assert_true(wants(&s, NVT_REC_CONFIG_WRITE, NVT_V_header_flags_SNAPSHOT));
    assert_int_equal(s.record.access.offset, written[i]);
  }
  want_register(&s, NVT_REC_REG_READ, NVT_REG_CAP, reg64(h, NVT_REG_CAP));
  want_register(&s, NVT_REC_REG_READ, NVT_REG_VS, 0x10400);
  want_register(&s, NVT_REC_REG_WRITE, NVT_REG_INTMS, 0);
  want_register(&s, NVT_REC_REG_WRITE, NVT_REG_AQA, 0x1f001f);
  want_register(&s, NVT_REC_REG_WRITE, NVT_REG_ASQ, ASQ_AT);
  want_register(&s, NVT_REC_REG_WRITE, NVT_REG_ACQ, ACQ_AT);
  want_register(&s, NVT_REC_REG_WRITE, NVT_REG_CC, CC_ON);
  want_register(&s, NVT_REC_REG_READ, NVT_REG_CSTS, 1);
  static const struct {
    uint16_t qid, head, tail;
    bool is_cq;
  } queues[] = {{0, 2, 2, true}, {1, 6, 7, true}, {0, 3, 3, false}, {1, 7, 8, false}};
  for (unsigned i = 0; i < 4; i++) {
    assert_true(wants(&s, NVT_REC_QUEUE_STATE, NVT_V_header_flags_SNAPSHOT));
    assert_int_equal(s.record.queue.qid, queues[i].qid);
    assert_int_equal(s.record.queue.is_cq, queues[i].is_cq);
    assert_int_equal(s.record.queue.head, queues[i].head);
    assert_int_equal(s.record.queue.tail, queues[i].tail);
    assert_int_equal(s.record.queue.entries, queues[i].qid == 0 ? ADMIN_ENTRIES : 16);
    if (queues[i].is_cq)
      assert_int_equal(s.record.queue.vector, queues[i].qid);
  }
  want_text(&s, "tracing started");
  poll_idle(h);
  assert_true(reap(h, 1, &cqe));
  assert_true(reap(h, 1, &cqe));
  for (unsigned i = 0; i < 20; i++) /* around the ring, all ids again */
    assert_status(io(h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_true(all(&s) > 60);
  assert_int_equal(s.invalid, 0);
  assert_int_equal(s.duplicates, 0);
  assert_int_equal(s.strays, 0);
  nvt_session_finish(s.session);
  assert_int_equal(s.ends[NVT_EXCHANGE_UNTRACED], 1);
  assert_int_equal(s.ends[NVT_EXCHANGE_UNFINISHED], 0);
  assert_int_equal(s.ends[NVT_EXCHANGE_RESET], 0);
  assert_int_equal(s.ends[NVT_EXCHANGE_COMPLETED], 2 + 21);
  stage_close(&s);
}

/* A reset, and a command whose completion alone is seen. */
static void a_command_fetched_meanwhile_is_no_error(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s, false);
  struct host *h = &s.h;
  assert_int_equal(nvt_trace_tap_meta(s.tap, h->c), 0);
  submit(h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(h);
  assert_int_equal(nvt_trace_tap_stop(s.tap), 0);
  set32(h, NVT_REG_CC, 0);
  enable(h);
  set_feature(h, NVT_FEATURE_ASYNC_EVENT_CONFIG, 0, 0x100);
  submit(h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(h);
  assert_int_equal(nvt_trace_tap_start(s.tap), 0);
  char why[128];
  struct nvt_cqe cqe;
  assert_int_equal(nvt_controller_add_namespace(h->c, "null:1M", NULL, why, sizeof(why)), 0);
  assert_true(reap(h, 0, &cqe));
  (void)all(&s);
  nvt_session_finish(s.session);
  assert_int_equal(s.ends[NVT_EXCHANGE_UNTRACED], 1);
  assert_int_equal(s.ends[NVT_EXCHANGE_RESET], 0);
  assert_int_equal(s.ends[NVT_EXCHANGE_COMPLETED], 1);
  assert_int_equal(s.strays, 1);
  assert_int_equal(s.invalid, 0);
  stage_close(&s);
}

/* MSI-X entries that the host wrote are there; a tap may begin paused. */
static void a_trace_may_begin_with_a_pause(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s, true);
  struct host *h = &s.h;
  assert_false(nvt_trace_tap_on(s.tap));
  assert_int_equal(nvt_trace_tap_stop(s.tap), -EALREADY);
  set64(h, NVT_BAR0_MSIX_TABLE + 3 * 16, 0xfee00000);
  set32(h, NVT_BAR0_MSIX_TABLE + 3 * 16 + 8, 0x4043);
  set32(h, NVT_BAR0_MSIX_TABLE + 3 * 16 + 12, 0);
  create_pair(h, 1, 16);
  assert_false(next(&s));
  assert_int_equal(nvt_trace_tap_start(s.tap), 0);
  assert_true(wants(&s, NVT_REC_META, 0));
  unsigned entries = 0, queues = 0;
  while (next(&s)) {
    queues += s.record.header.type == NVT_REC_QUEUE_STATE;
    if (s.record.header.type != NVT_REC_MSIX_WRITE)
      continue;
    assert_int_equal(s.record.header.flags, NVT_V_header_flags_SNAPSHOT);
    assert_int_equal(s.record.access.space, NVT_V_access_space_MSIX_TABLE);
    static const uint64_t values[] = {0xfee00000, 0x4043, 0};
    static const uint64_t offsets[] = {48, 56, 60};
    assert_true(entries < 3);
    assert_int_equal(s.record.access.offset, offsets[entries]);
    assert_int_equal(s.record.access.value, values[entries]);
    entries++;
  }
  assert_int_equal(entries, 3);
  assert_int_equal(queues, 4);
  for (unsigned i = 0; i < 100; i++) {
    assert_int_equal(nvt_trace_tap_stop(s.tap), 0);
    assert_int_equal(nvt_trace_tap_start(s.tap), 0);
    assert_status(io(h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
    (void)all(&s);
  }
  nvt_session_finish(s.session);
  assert_int_equal(s.ends[NVT_EXCHANGE_COMPLETED], 100);
  assert_int_equal(s.invalid + s.strays + s.duplicates, 0);
  stage_close(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_pause_leaves_state_and_no_step),
      cmocka_unit_test(a_command_fetched_meanwhile_is_no_error),
      cmocka_unit_test(a_trace_may_begin_with_a_pause),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
