/* SPDX-License-Identifier: BSD-2-Clause */
/* What the session links commands, queues and resets with; in one that keeps, and in one that
 * doesn't. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/links_of.h"

static struct nvt_session *session;
static struct nvt_view view;
static uint64_t number;
static uint64_t now;
static uint32_t epoch;
static uint16_t controller;
static uint64_t seqs[2];
static bool keeps;

static void start(bool keep) {
  const struct nvt_session_options options = {.keep = keep, .ranges = true};
  number = now = epoch = controller = 0;
  seqs[0] = seqs[1] = 0;
  keeps = keep;
  assert_int_equal(nvt_session_create(&options, &session), 0);
}

static struct nvt_record last_record;
static uint64_t put(unsigned type, struct nvt_record r) {
  r.number = ++number;
  r.time_ns = now += 100;
  r.header.type = (uint8_t)type;
  r.header.epoch = epoch;
  r.header.controller = controller;
  r.header.seq = seqs[controller]++;
  assert_int_equal(nvt_session_record(session, &r, &view), 0);
  nvt_session_ranges(session);
  last_record = r;
  return number;
}

struct wanted {
  enum nvt_link link;
  bool found;
  uint64_t value;
};

static void look(void *ctx, enum nvt_link link, uint64_t value) {
  struct wanted *wanted = ctx;
  if (link == wanted->link) {
    assert_false(wanted->found); /* once */
    wanted->found = true;
    wanted->value = value;
  }
}

/* Of the last record; UINT64_MAX: it has no such link. */
static uint64_t link_of(enum nvt_link link) {
  struct wanted wanted = {.link = link};
  nvt_links_of(&last_record, &view, look, &wanted);
  return wanted.found ? wanted.value : UINT64_MAX;
}
#define NOTHING UINT64_MAX

static uint64_t reg(unsigned type, uint64_t offset, uint64_t value) {
  return put(type, (struct nvt_record){
                       .access = {.offset = offset, .value = value, .size = 4, .space = 1}});
}

static uint64_t event(uint16_t what) {
  struct nvt_record r = {0};
  r.event.event = what;
  return put(NVT_REC_EVENT, r);
}

static uint64_t command(uint16_t sqid, struct nvt_sqe sqe) {
  return put(NVT_REC_COMMAND,
             (struct nvt_record){.command = {.sqid = sqid, .cqid = sqid, .sqe = sqe}});
}

static uint64_t complete(uint16_t sqid, uint16_t cid, nvt_status status) {
  struct nvt_record r = {.completion = {.sqid = sqid, .cqid = sqid, .cqe = {.cid = cid}}};
  r.completion.cqe.status = (uint16_t)(status << 1);
  return put(NVT_REC_COMPLETION, r);
}

static struct nvt_sqe io(uint8_t opcode, uint16_t cid, uint64_t lba, uint32_t blocks) {
  return (struct nvt_sqe){.opcode = opcode,
                          .cid = cid,
                          .nsid = 1,
                          .cdw10 = (uint32_t)lba,
                          .cdw11 = (uint32_t)(lba >> 32),
                          .cdw12 = blocks - 1};
}

static uint64_t admin(uint8_t opcode, uint32_t cdw10, uint32_t cdw11) {
  uint64_t fetched =
      command(0, (struct nvt_sqe){.opcode = opcode, .cid = 0xfff0, .cdw10 = cdw10, .cdw11 = cdw11});
  complete(0, 0xfff0, 0);
  return fetched;
}

static uint64_t enable(void) {
  reg(NVT_REC_REG_WRITE, NVT_REG_AQA, 0x001f001f);
  return reg(NVT_REC_REG_WRITE, NVT_REG_CC, 1);
}

/* --- tests, each for both kinds of session --- */

static void aborts(bool keep) {
  start(keep);
  enable();
  uint64_t victim = command(1, io(NVT_NVM_READ, 7, 0, 8));
  struct nvt_exchange *of = view.exchange;
  struct nvt_sqe abort = {.opcode = NVT_ADMIN_ABORT, .cid = 1, .cdw10 = 7u << 16 | 1};
  uint64_t first = command(0, abort);
  assert_int_equal(link_of(NVT_LINK_ABORT_VICTIM), victim);
  assert_int_equal(view.exchange->outcome, NVT_ABORT_OUTSTANDING);
  assert_int_equal(of->aborted_by, first);
  complete(1, 7, NVT_SC_ABORTED_BY_REQUEST);
  assert_int_equal(link_of(NVT_LINK_ABORTED_BY), first);
  complete(0, 1, 0);
  assert_int_equal(link_of(NVT_LINK_ABORT_VICTIM), victim);
  assert_int_equal(view.exchange->outcome, NVT_ABORT_ABORTED);
  /* It has ended, and is the last with that id all the same. */
  abort.cid = 2;
  command(0, abort);
  assert_int_equal(link_of(NVT_LINK_ABORT_VICTIM), victim);
  assert_int_equal(view.exchange->outcome, NVT_ABORT_BEFORE);
  /* The id is used again; two Aborts; it completes. */
  uint64_t again = command(1, io(NVT_NVM_READ, 7, 0, 8));
  of = view.exchange;
  abort.cid = 3;
  command(0, abort);
  abort.cid = 4;
  uint64_t last = command(0, abort);
  assert_int_equal(link_of(NVT_LINK_ABORT_VICTIM), again);
  assert_int_equal(of->aborted_by, last);
  complete(1, 7, 0);
  complete(0, 4, 0);
  assert_int_equal(view.exchange->outcome, NVT_ABORT_AFTER);
  /* Nobody, nowhere, itself. */
  const uint32_t none[] = {8u << 16 | 1, 7u << 16 | 9, 5u << 16};
  for (unsigned i = 0; i < 3; i++) {
    abort.cid = 5;
    abort.cdw10 = none[i];
    command(0, abort);
    assert_int_equal(link_of(NVT_LINK_ABORT_VICTIM), NOTHING);
    complete(0, 5, 0);
  }
  /* A reset takes both. */
  command(1, io(NVT_NVM_READ, 9, 0, 8));
  abort.cid = 6;
  abort.cdw10 = 9u << 16 | 1;
  command(0, abort);
  struct nvt_exchange *aborter = view.exchange;
  reg(NVT_REC_REG_WRITE, NVT_REG_CC, 0);
  assert_int_equal(aborter->outcome, NVT_ABORT_RESET);
  for (unsigned i = 0; i < NVT_ABORT_COUNT; i++)
    assert_non_null(nvt_abort_outcome_name((enum nvt_abort_outcome)i));
  assert_null(nvt_abort_outcome_name(NVT_ABORT_COUNT));
  nvt_session_destroy(session);
}

static void queues(bool keep) {
  start(keep);
  uint64_t enabled = enable();
  uint64_t cq = admin(NVT_ADMIN_CREATE_IO_CQ, 15u << 16 | 1, 1u << 16 | 3);
  struct nvt_queue_life *made_cq = view.exchange->made;
  assert_int_equal(link_of(NVT_LINK_MADE_COUNT), 0);
  uint64_t sq = admin(NVT_ADMIN_CREATE_IO_SQ, 15u << 16 | 1, 1u << 16 | 1);
  assert_int_equal(link_of(NVT_LINK_CQ_CREATED), cq);
  assert_int_equal(link_of(NVT_LINK_QUEUE_CREATED), NOTHING); /* of the admin queue: not told */
  struct nvt_queue_life *made_sq = view.exchange->made;
  assert_int_equal(made_sq != NULL, keep);
  reg(NVT_REC_REG_WRITE, 0x1008, 3);
  assert_int_equal(link_of(NVT_LINK_QUEUE_CREATED), sq);
  uint64_t used[3];
  for (uint16_t i = 0; i < 3; i++) {
    used[i] = command(1, io(NVT_NVM_READ, i, i, 1));
    assert_int_equal(link_of(NVT_LINK_QUEUE_CREATED), sq);
    assert_int_equal(link_of(NVT_LINK_CQ_CREATED), cq);
    assert_int_equal(link_of(NVT_LINK_INTERARRIVAL), i == 0 ? NOTHING : 200);
    complete(1, i, 0);
    assert_int_equal(link_of(NVT_LINK_QUEUE_CREATED), sq);
  }
  reg(NVT_REC_REG_WRITE, 0x100c, 1);
  assert_int_equal(link_of(NVT_LINK_QUEUE_CREATED), NOTHING);
  assert_int_equal(link_of(NVT_LINK_CQ_CREATED), cq);
  put(NVT_REC_INTERRUPT, (struct nvt_record){.interrupt = {.vector = 1, .cqid = 1}});
  assert_int_equal(link_of(NVT_LINK_CQ_CREATED), cq);
  uint64_t deleted = admin(NVT_ADMIN_DELETE_IO_SQ, 1, 0);
  assert_int_equal(link_of(NVT_LINK_MADE_CREATED), sq);
  assert_int_equal(link_of(NVT_LINK_MADE_COUNT), 3);
  assert_int_equal(link_of(NVT_LINK_MADE_FIRST), used[0]);
  assert_int_equal(link_of(NVT_LINK_MADE_LAST), used[2]);
  /* Deleted twice: it isn't there any more. One that was there before is another one. */
  admin(NVT_ADMIN_DELETE_IO_SQ, 1, 0);
  assert_int_equal(link_of(NVT_LINK_MADE_COUNT), NOTHING);
  uint64_t second = admin(NVT_ADMIN_CREATE_IO_SQ, 15u << 16 | 1, 1u << 16 | 1);
  command(1, io(NVT_NVM_READ, 9, 0, 1));
  assert_int_equal(link_of(NVT_LINK_QUEUE_CREATED), second);
  assert_int_equal(link_of(NVT_LINK_INTERARRIVAL), NOTHING);
  command(0, (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY, .cid = 3});
  assert_int_equal(link_of(NVT_LINK_QUEUE_CREATED), enabled);
  uint64_t reset = reg(NVT_REC_REG_WRITE, NVT_REG_CC, 0);
  if (keep) {
    assert_int_equal(made_sq->created, sq);
    assert_int_equal(made_sq->ended, deleted);
    assert_int_equal(made_sq->end, NVT_QUEUE_DELETED);
    assert_ptr_equal(made_cq->first_sq, made_sq);
    assert_int_equal(made_sq->next_sq->created, second);
    assert_ptr_equal(made_cq->last_sq, made_sq->next_sq);
    assert_int_equal(made_cq->end, NVT_QUEUE_RESET);
    assert_int_equal(made_cq->ended, reset);
    assert_int_equal(made_cq->count, 3);
  }
  nvt_session_destroy(session);
}

static void retries(bool keep) {
  start(keep);
  enable();
  uint64_t failed = command(1, io(NVT_NVM_READ, 1, 50, 8));
  struct nvt_exchange *first = view.exchange;
  assert_int_equal(link_of(NVT_LINK_RANGE_FIRST), NOTHING);
  complete(1, 1, NVT_SC_INTERNAL_DEVICE_ERROR);
  uint64_t other = command(1, io(NVT_NVM_READ, 2, 57, 8));
  assert_int_equal(link_of(NVT_LINK_RETRY_OF), NOTHING);
  assert_int_equal(link_of(NVT_LINK_RANGE_PREVIOUS), failed);
  uint64_t retry = command(2, io(NVT_NVM_READ, 3, 50, 8));
  assert_int_equal(link_of(NVT_LINK_RETRY_OF), failed);
  assert_int_equal(link_of(NVT_LINK_RANGE_FIRST), failed);
  assert_int_equal(link_of(NVT_LINK_RANGE_PREVIOUS), other);
  if (keep)
    assert_int_equal(first->retried_in, retry);
  /* One that no completion has, because of a reset. Admin commands have no blocks. */
  command(0, io(NVT_NVM_READ, 4, 50, 8));
  assert_int_equal(link_of(NVT_LINK_RANGE_FIRST), NOTHING);
  reg(NVT_REC_REG_WRITE, NVT_REG_CC, 0);
  enable();
  command(1, io(NVT_NVM_READ, 1, 50, 8));
  assert_int_equal(link_of(NVT_LINK_RETRY_OF), retry);
  command(1, io(NVT_NVM_READ, 2, 57, 8));
  assert_int_equal(link_of(NVT_LINK_RETRY_OF), other);
  /* What ended where nobody looked didn't fail. */
  event(NVT_V_event_event_TRACE_STOPPED);
  command(1, io(NVT_NVM_READ, 1, 50, 8));
  assert_int_equal(link_of(NVT_LINK_RETRY_OF), NOTHING);
  nvt_session_destroy(session);
}

static void changes(bool keep) {
  start(keep);
  uint64_t enabled = enable();
  reg(NVT_REC_REG_READ, NVT_REG_CSTS, 0);
  assert_int_equal(link_of(NVT_LINK_ENABLED_IN), NOTHING);
  event(NVT_V_event_event_READY);
  assert_int_equal(link_of(NVT_LINK_ENABLED_IN), enabled);
  assert_int_equal(link_of(NVT_LINK_TIME_TO_READY), 200);
  reg(NVT_REC_REG_READ, NVT_REG_CSTS, 1);
  assert_int_equal(link_of(NVT_LINK_ENABLED_IN), enabled);
  assert_int_equal(link_of(NVT_LINK_TIME_TO_READY), 200); /* when it was told first */
  reg(NVT_REC_REG_READ, NVT_REG_CSTS, 1);
  assert_int_equal(link_of(NVT_LINK_ENABLED_IN), NOTHING);
  uint64_t open[3] = {command(1, io(NVT_NVM_READ, 1, 0, 1)), command(0, io(6, 1, 0, 1)),
                      command(2, io(NVT_NVM_READ, 1, 0, 1))};
  uint64_t reset = reg(NVT_REC_REG_WRITE, NVT_REG_CC, 0);
  struct nvt_change *change = view.change;
  assert_int_equal(link_of(NVT_LINK_RESET_COUNT), 3);
  assert_int_equal(link_of(NVT_LINK_RESET_FIRST), open[0]);
  assert_int_equal(link_of(NVT_LINK_RESET_LAST), open[2]);
  event(NVT_V_event_event_CONTROLLER_RESET); /* the controller tells of the same */
  assert_int_equal(link_of(NVT_LINK_RESET_IN), reset);
  assert_int_equal(link_of(NVT_LINK_RESET_COUNT), NOTHING);
  epoch++;
  uint64_t unready = reg(NVT_REC_REG_READ, NVT_REG_CSTS, 0);
  assert_int_equal(link_of(NVT_LINK_RESET_IN), reset);
  assert_int_equal(change->done.record, unready);
  enabled = enable();
  reg(NVT_REC_REG_READ, NVT_REG_CSTS, 0);
  assert_null(view.change); /* not yet ready: nothing to do with the reset before */
  uint64_t shutdown = reg(NVT_REC_REG_WRITE, NVT_REG_CC, 0x4001);
  reg(NVT_REC_REG_READ, NVT_REG_CSTS, 4);
  assert_int_equal(link_of(NVT_LINK_SHUTDOWN_IN), NOTHING);
  reg(NVT_REC_REG_READ, NVT_REG_CSTS, 8);
  assert_int_equal(link_of(NVT_LINK_SHUTDOWN_IN), shutdown);
  assert_int_equal(link_of(NVT_LINK_TIME_TO_SHUT_DOWN), 200);
  event(NVT_V_event_event_SHUTDOWN);
  assert_int_equal(link_of(NVT_LINK_SHUTDOWN_IN), shutdown);
  command(1, io(NVT_NVM_READ, 1, 0, 1));
  event(NVT_V_event_event_FUNCTION_RESET);
  assert_int_equal(link_of(NVT_LINK_RESET_COUNT), 1);
  assert_int_equal(link_of(NVT_LINK_RESET_IN), NOTHING);
  event(NVT_V_event_event_SUBSYSTEM_RESET);
  assert_int_equal(link_of(NVT_LINK_RESET_COUNT), 0);
  /* The epoch alone tells of a reset: the record that it is seen at. */
  enable();
  uint64_t left = command(1, io(NVT_NVM_READ, 1, 0, 1));
  epoch++;
  put(NVT_REC_ANNOTATION, (struct nvt_record){0});
  assert_int_equal(link_of(NVT_LINK_RESET_COUNT), 1);
  assert_int_equal(link_of(NVT_LINK_RESET_LAST), left);
  nvt_session_destroy(session);
}

/* --- sizes --- */

static uint64_t size_of(uint32_t nsid) {
  struct nvt_sqe sqe = io(NVT_NVM_READ, 1, 0, 8);
  sqe.nsid = nsid;
  command(1, sqe);
  uint64_t size = link_of(NVT_LINK_SIZE);
  complete(1, 1, 0);
  return size;
}

static void identify(uint32_t nsid, uint8_t flbas, const uint8_t shifts[2], uint32_t length) {
  static uint8_t data[4096];
  memset(data, 0, sizeof(data));
  data[0] = 1; /* NSZE */
  data[26] = flbas;
  for (unsigned i = 0; i < 2; i++)
    data[128 + 4 * i + 2] = shifts[i];
  command(0, (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY, .cid = 2, .nsid = nsid});
  put(NVT_REC_DATA,
      (struct nvt_record){
          .data = {.cid = 2, .direction = NVT_V_data_direction_IN, .true_length = 4096},
          .tail = data,
          .tail_length = length});
  complete(0, 2, 0);
}

static void format(uint32_t nsid, uint32_t lbaf, nvt_status status) {
  command(0,
          (struct nvt_sqe){.opcode = NVT_ADMIN_FORMAT_NVM, .cid = 2, .nsid = nsid, .cdw10 = lbaf});
  complete(0, 2, status);
}

static void meta(const char *json) {
  put(NVT_REC_META,
      (struct nvt_record){.tail = (const uint8_t *)json, .tail_length = (uint32_t)strlen(json)});
}

static void sizes(bool keep) {
  static const uint8_t both[2] = {9, 12}, odd[2] = {8, 32};
  start(keep);
  assert_int_equal(size_of(1), NOTHING);
  meta("{\"namespaces\": [{\"nsid\": 1, \"block_size\": 512}, {\"nsid\": 2}, "
       "{\"nsid\": 3, \"block_size\": 4096}, {\"nsid\": 4, \"block_size\": 511}, "
       "{\"nsid\": 5, \"block_size\": 2147483648}, {\"nsid\": 6, \"block_size\": 2147483649}");
  assert_int_equal(size_of(1), 4096);
  assert_int_equal(size_of(2), NOTHING); /* the next one's isn't its own */
  assert_int_equal(size_of(3), 32768);
  assert_int_equal(size_of(4), NOTHING);
  assert_int_equal(size_of(5), UINT64_C(8) << 31);
  assert_int_equal(size_of(6), NOTHING);
  controller = 1;
  assert_int_equal(size_of(1), NOTHING);
  controller = 0;
  identify(2, 1, both, 383); /* cut before its formats end */
  assert_int_equal(size_of(2), NOTHING);
  identify(2, 1, both, 384);
  assert_int_equal(size_of(2), 32768);
  format(2, 0, NVT_SC_INVALID_FORMAT);
  assert_int_equal(size_of(2), 32768);
  format(2, 0, 0);
  assert_int_equal(size_of(2), 4096);
  format(2, 5, 0); /* there is none */
  assert_int_equal(size_of(2), NOTHING);
  format(UINT32_MAX, 1, 0);
  assert_int_equal(size_of(2), 32768);
  assert_int_equal(size_of(1), NOTHING); /* its formats were never told */
  identify(2, 0, odd, 4096);
  assert_int_equal(size_of(2), NOTHING);
  identify(2, 0x61, both, 4096); /* format 49 */
  assert_int_equal(size_of(2), NOTHING);
  identify(2, 1, both, 4096);
  command(0, (struct nvt_sqe){.opcode = NVT_ADMIN_NS_MANAGEMENT, .cid = 2, .nsid = 2, .cdw10 = 1});
  complete(0, 2, 0);
  assert_int_equal(size_of(2), NOTHING);
  /* By its data; and throughput, of what succeeded. */
  struct nvt_sqe sqe = io(NVT_NVM_WRITE, 1, 0, 8);
  sqe.nsid = 2;
  command(1, sqe);
  for (unsigned i = 0; i < 3; i++)
    put(NVT_REC_DATA,
        (struct nvt_record){.data = {.sqid = 1, .cid = 1, .true_length = 1000, .kind = i == 2}});
  complete(1, 1, 0);
  assert_int_equal(link_of(NVT_LINK_SIZE), 2000);
  assert_int_equal(link_of(NVT_LINK_THROUGHPUT), 2000 * UINT64_C(1000000000) / 400);
  sqe.nsid = 3;
  format(3, 0, 0);
  meta("{\"nsid\": 3, \"block_size\": 4096}");
  command(1, sqe);
  complete(1, 1, NVT_SC_INTERNAL_DEVICE_ERROR);
  assert_int_equal(link_of(NVT_LINK_SIZE), 32768);
  assert_int_equal(link_of(NVT_LINK_THROUGHPUT), NOTHING);
  /* The greatest there is doesn't wrap. */
  sqe = io(NVT_NVM_WRITE, 1, 0, 65536);
  sqe.nsid = 5;
  meta("{\"nsid\": 5, \"block_size\": 2147483648}");
  command(1, sqe);
  now += UINT64_C(1) << 40;
  complete(1, 1, 0);
  assert_int_equal(link_of(NVT_LINK_SIZE), UINT64_C(1) << 47);
  assert_int_equal(link_of(NVT_LINK_THROUGHPUT), UINT64_C(127) * 1000000000);
  nvt_session_destroy(session);
}

/* --- hostile --- */

/* Queues created again and again, formats and Aborts of everything: what is remembered is of a
 * session's size, and nothing takes longer for it. */
static void churn(bool keep) {
  start(keep);
  enable();
  for (uint32_t i = 0; i < 60000; i++) {
    struct nvt_sqe sqe = {.opcode = i % 2 ? NVT_ADMIN_CREATE_IO_CQ : NVT_ADMIN_CREATE_IO_SQ};
    sqe.cid = (uint16_t)i;
    sqe.cdw10 = 1u << 16 | (1 + i % 7);
    sqe.cdw11 = (1 + i % 5) << 16 | 3;
    command(0, sqe);
    complete(0, (uint16_t)i, 0);
    command(0, (struct nvt_sqe){.opcode = NVT_ADMIN_ABORT, .cid = 1, .cdw10 = (uint32_t)rand()});
    complete(0, 1, 0);
    format(i % 3 ? UINT32_MAX : i, i & 15, 0);
    if (i % 1000 == 0) {
      reg(NVT_REC_REG_WRITE, NVT_REG_CC, 0);
      enable();
    }
  }
  /* A block size for each of more namespaces than are remembered. */
  for (uint32_t nsid = 1; nsid <= 65537; nsid++) {
    char json[64];
    snprintf(json, sizeof(json), "{\"nsid\": %u, \"block_size\": 512}", nsid);
    meta(json);
  }
  assert_int_equal(size_of(65535), 4096);
  assert_int_equal(size_of(65536), 4096);
  assert_int_equal(size_of(65537), NOTHING);
  nvt_session_finish(session);
  nvt_session_destroy(session);
}

#define BOTH(name)                                                                                 \
  static void name##_kept(void **state) {                                                          \
    (void)state;                                                                                   \
    name(true);                                                                                    \
  }                                                                                                \
  static void name##_passing(void **state) {                                                       \
    (void)state;                                                                                   \
    name(false);                                                                                   \
  }
BOTH(aborts)
BOTH(queues)
BOTH(retries)
BOTH(changes)
BOTH(sizes)
BOTH(churn)

int main(void) {
#define TESTS(name) cmocka_unit_test(name##_kept), cmocka_unit_test(name##_passing)
  const struct CMUnitTest tests[] = {TESTS(aborts),  TESTS(queues), TESTS(retries),
                                     TESTS(changes), TESTS(sizes),  TESTS(churn)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
