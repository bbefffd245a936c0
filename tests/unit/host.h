/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small NVMe host for tests of the controller model: guest memory in one arena,
 * queues, commands by hand. It trusts nothing and hides nothing: what a test wants
 * done wrong it does wrong.
 */
#ifndef NVT_TESTS_UNIT_HOST_H
#define NVT_TESTS_UNIT_HOST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/controller.h"
#include "controller/tap.h"
#include "nvme/identify.h"
#include "nvme/logs.h"
#include "nvme/names.h"
#include "nvme/nvme.h"

#define ARENA (16u << 20)
#define ARENA_IOVA 0x10000ull
#define HOST_QUEUES 256
#define ADMIN_ENTRIES 32
/* Fixed places in the arena, as guest addresses; tests use what is above DATA. */
#define ASQ_AT ARENA_IOVA
#define ACQ_AT (ARENA_IOVA + 0x10000)
#define SQ_AT(qid) (ARENA_IOVA + 0x100000 + 0x4000 * (uint64_t)(qid))
#define CQ_AT(qid) (ARENA_IOVA + 0x500000 + 0x1000 * (uint64_t)(qid))
#define LIST_AT (ARENA_IOVA + 0x800000)
#define DATA_AT (ARENA_IOVA + 0x900000)

struct host_queue {
  uint64_t base;
  uint32_t size, head, tail;
  bool phase;
};

struct host {
  struct nvt_controller *c;
  struct nvt_plugin_host *plugins;
  uint8_t *arena;
  struct host_queue sq[HOST_QUEUES], cq[HOST_QUEUES];
  uint16_t cid;
  unsigned fired[128]; /* messages by vector */
  bool deaf;           /* the port delivers nothing */
  bool pin;
  unsigned pin_changes;
  volatile uint32_t *doorbells; /* shared page, or NULL */
};

static inline void *guest(struct host *h, uint64_t iova) {
  assert_true(iova >= ARENA_IOVA && iova < ARENA_IOVA + ARENA);
  return h->arena + (iova - ARENA_IOVA);
}

static inline bool host_interrupt(void *ctx, uint16_t vector) {
  struct host *h = ctx;
  if (h->deaf)
    return false;
  h->fired[vector]++;
  return true;
}

static inline void host_pin(void *ctx, bool asserted) {
  struct host *h = ctx;
  h->pin = asserted;
  h->pin_changes++;
}

static inline uint32_t reg32(struct host *h, uint64_t offset) {
  uint32_t value = 0;
  assert_int_equal(nvt_controller_bar0_read(h->c, offset, &value, 4), 0);
  return value;
}
static inline uint64_t reg64(struct host *h, uint64_t offset) {
  uint64_t value = 0;
  assert_int_equal(nvt_controller_bar0_read(h->c, offset, &value, 8), 0);
  return value;
}
static inline void set32(struct host *h, uint64_t offset, uint32_t value) {
  assert_int_equal(nvt_controller_bar0_write(h->c, offset, &value, 4), 0);
}
static inline void set64(struct host *h, uint64_t offset, uint64_t value) {
  assert_int_equal(nvt_controller_bar0_write(h->c, offset, &value, 8), 0);
}
static inline uint32_t config32(struct host *h, uint64_t offset) {
  uint32_t value = 0;
  assert_int_equal(nvt_controller_config_read(h->c, offset, &value, 4), 0);
  return value;
}
static inline void set_config32(struct host *h, uint64_t offset, uint32_t value) {
  assert_int_equal(nvt_controller_config_write(h->c, offset, &value, 4), 0);
}

/* Offset of a capability in the configuration space; 0: none. */
static inline uint8_t capability(struct host *h, uint8_t id) {
  uint8_t at = (uint8_t)config32(h, 0x34);
  for (int i = 0; i < 48 && at != 0; i++) {
    uint32_t value = config32(h, at);
    if ((uint8_t)value == id)
      return at;
    at = (uint8_t)(value >> 8);
  }
  return 0;
}

static inline void msix_on(struct host *h) {
  uint8_t at = capability(h, 0x11);
  set_config32(h, at, config32(h, at) | 0x80000000u);
}

static inline void ring(struct host *h, uint16_t qid, bool is_cq, uint32_t value) {
  uint64_t offset = nvt_doorbell_offset((struct nvt_doorbell_id){.qid = qid, .is_cq = is_cq}, 0);
  if (h->doorbells != NULL)
    h->doorbells[(offset - NVT_BAR0_DOORBELLS) / 4] = value;
  else
    set32(h, offset, value);
}

static inline void host_queue_set(struct host_queue *q, uint64_t base, uint32_t size) {
  *q = (struct host_queue){.base = base, .size = size, .phase = true};
}

/* Registers for admin queues of these sizes, then EN; the state of CSTS is the test's. */
static inline void enable_with(struct host *h, uint32_t asqs, uint32_t acqs, uint32_t cc) {
  memset(guest(h, ASQ_AT), 0, (size_t)asqs * 64);
  memset(guest(h, ACQ_AT), 0, (size_t)acqs * 16);
  host_queue_set(&h->sq[0], ASQ_AT, asqs);
  host_queue_set(&h->cq[0], ACQ_AT, acqs);
  set32(h, NVT_REG_AQA, (acqs - 1) << 16 | (asqs - 1));
  set64(h, NVT_REG_ASQ, ASQ_AT);
  set64(h, NVT_REG_ACQ, ACQ_AT);
  set32(h, NVT_REG_CC, cc);
}

#define CC_ON 0x00460001u
static inline void enable(struct host *h) {
  enable_with(h, ADMIN_ENTRIES, ADMIN_ENTRIES, CC_ON);
  assert_int_equal(reg32(h, NVT_REG_CSTS), 1);
}

static inline void host_open_with(struct host *h, const char *ns,
                                  struct nvt_controller_options options) {
  memset(h, 0, sizeof(*h));
  static const struct nvt_port_ops ops = {.interrupt = host_interrupt};
  struct nvt_port_ops port = ops;
  port.ctx = h;
  assert_int_equal(nvt_plugin_host_create(&h->plugins), 0);
  options.plugins = h->plugins;
  if (options.port == NULL)
    options.port = &port;
  assert_int_equal(nvt_controller_create(&options, &h->c), 0);
  h->arena = aligned_alloc(4096, ARENA);
  assert_non_null(h->arena);
  memset(h->arena, 0, ARENA);
  assert_int_equal(nvt_controller_dma_map(h->c, ARENA_IOVA, ARENA, h->arena, true, true), 0);
  char why[256];
  if (ns != NULL)
    assert_int_equal(nvt_controller_add_namespace(h->c, ns, NULL, why, sizeof(why)), 0);
}

static inline void host_open(struct host *h, const char *ns) {
  host_open_with(h, ns, (struct nvt_controller_options){.serial = "TEST"});
  msix_on(h);
  enable(h);
}

static inline void host_close(struct host *h) {
  nvt_controller_destroy(h->c);
  nvt_plugin_host_destroy(h->plugins);
  free(h->arena);
}

/* Put an entry; no doorbell. Returns its command identifier. */
static inline uint16_t put(struct host *h, uint16_t qid, struct nvt_sqe sqe) {
  struct host_queue *q = &h->sq[qid];
  sqe.cid = h->cid++;
  memcpy(guest(h, q->base + (uint64_t)q->tail * 64), &sqe, 64);
  q->tail = (q->tail + 1) % q->size;
  return sqe.cid;
}

static inline uint16_t submit(struct host *h, uint16_t qid, struct nvt_sqe sqe) {
  uint16_t cid = put(h, qid, sqe);
  ring(h, qid, false, h->sq[qid].tail);
  return cid;
}

static inline void poll_idle(struct host *h) {
  for (int i = 0; i < 100000; i++) {
    if (nvt_controller_poll(h->c, 0) == 0)
      return;
  }
  fail_msg("the controller never comes to rest");
}

/* The next completion, by its phase; its doorbell is left to the test. */
static inline bool peek(struct host *h, uint16_t qid, struct nvt_cqe *cqe) {
  struct host_queue *q = &h->cq[qid];
  memcpy(cqe, guest(h, q->base + (uint64_t)q->head * 16), 16);
  return NVT_CQE_PHASE(cqe->status) == q->phase;
}
static inline bool take(struct host *h, uint16_t qid, struct nvt_cqe *cqe) {
  struct host_queue *q = &h->cq[qid];
  if (!peek(h, qid, cqe))
    return false;
  if (++q->head == q->size) {
    q->head = 0;
    q->phase = !q->phase;
  }
  return true;
}
static inline bool reap(struct host *h, uint16_t qid, struct nvt_cqe *cqe) {
  if (!take(h, qid, cqe))
    return false;
  ring(h, qid, true, h->cq[qid].head);
  return true;
}

/* Submit, run, reap: the one completion, which has to be this command's. */
static inline struct nvt_cqe run_on(struct host *h, uint16_t sqid, uint16_t cqid,
                                    struct nvt_sqe sqe) {
  uint16_t cid = submit(h, sqid, sqe);
  struct nvt_cqe cqe;
  bool got = false;
  for (int i = 0; i < 1000000 && !(got = reap(h, cqid, &cqe)); i++)
    nvt_controller_poll(h->c, 0);
  assert_true(got);
  assert_int_equal(cqe.cid, cid);
  assert_int_equal(cqe.sqid, sqid);
  assert_int_equal(cqe.sqhd, h->sq[sqid].tail);
  return cqe;
}
static inline struct nvt_cqe run(struct host *h, uint16_t qid, struct nvt_sqe sqe) {
  return run_on(h, qid, qid, sqe);
}
static inline nvt_status status_of(struct nvt_cqe cqe) {
  return NVT_CQE_STATUS(cqe.status);
}
static inline nvt_status admin(struct host *h, struct nvt_sqe sqe) {
  return status_of(run(h, 0, sqe));
}

#define assert_status(got, want)                                                                   \
  do {                                                                                             \
    nvt_status g_ = (got), w_ = (want);                                                            \
    if (g_ != w_)                                                                                  \
      fail_msg("status %xh (%s), not %xh (%s)", g_, nvt_status_name(g_), w_, nvt_status_name(w_)); \
  } while (0)

static inline nvt_status create_cq_at(struct host *h, uint16_t qid, uint32_t size, uint64_t base,
                                      uint32_t cdw11) {
  host_queue_set(&h->cq[qid], base, size);
  return admin(h, (struct nvt_sqe){.opcode = NVT_ADMIN_CREATE_IO_CQ,
                                   .prp1 = base,
                                   .cdw10 = (size - 1) << 16 | qid,
                                   .cdw11 = cdw11});
}
static inline nvt_status create_sq_at(struct host *h, uint16_t qid, uint32_t size, uint64_t base,
                                      uint16_t cqid) {
  host_queue_set(&h->sq[qid], base, size);
  return admin(h, (struct nvt_sqe){.opcode = NVT_ADMIN_CREATE_IO_SQ,
                                   .prp1 = base,
                                   .cdw10 = (size - 1) << 16 | qid,
                                   .cdw11 = (uint32_t)cqid << 16 | 1});
}
static inline nvt_status delete_queue(struct host *h, uint8_t opcode, uint16_t qid) {
  return admin(h, (struct nvt_sqe){.opcode = opcode, .cdw10 = qid});
}
/* A pair with its interrupt on the vector of its own number. */
static inline void create_pair(struct host *h, uint16_t qid, uint32_t size) {
  memset(guest(h, CQ_AT(qid)), 0, (size_t)size * 16);
  assert_status(create_cq_at(h, qid, size, CQ_AT(qid), (uint32_t)qid << 16 | 3), NVT_SC_SUCCESS);
  assert_status(create_sq_at(h, qid, size, SQ_AT(qid), qid), NVT_SC_SUCCESS);
}

static inline struct nvt_sqe io_sqe(uint8_t opcode, uint64_t slba, uint32_t blocks, uint64_t prp1,
                                    uint64_t prp2) {
  return (struct nvt_sqe){.opcode = opcode,
                          .nsid = 1,
                          .prp1 = prp1,
                          .prp2 = prp2,
                          .cdw10 = (uint32_t)slba,
                          .cdw11 = (uint32_t)(slba >> 32),
                          .cdw12 = blocks - 1};
}
static inline nvt_status io(struct host *h, uint8_t opcode, uint64_t slba, uint32_t blocks,
                            uint64_t prp1, uint64_t prp2) {
  return status_of(run(h, 1, io_sqe(opcode, slba, blocks, prp1, prp2)));
}

static inline nvt_status identify(struct host *h, uint8_t cns, uint32_t nsid, void *out) {
  nvt_status status = admin(
      h,
      (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY, .nsid = nsid, .prp1 = DATA_AT, .cdw10 = cns});
  if (out != NULL)
    memcpy(out, guest(h, DATA_AT), 4096);
  return status;
}
static inline struct nvt_cqe set_feature(struct host *h, uint8_t fid, uint32_t nsid,
                                         uint32_t value) {
  return run(h, 0,
             (struct nvt_sqe){
                 .opcode = NVT_ADMIN_SET_FEATURES, .nsid = nsid, .cdw10 = fid, .cdw11 = value});
}
static inline struct nvt_cqe get_feature(struct host *h, uint8_t fid, uint8_t select,
                                         uint32_t cdw11) {
  return run(h, 0,
             (struct nvt_sqe){.opcode = NVT_ADMIN_GET_FEATURES,
                              .prp1 = DATA_AT,
                              .cdw10 = fid | (uint32_t)select << 8,
                              .cdw11 = cdw11});
}
static inline nvt_status get_log(struct host *h, uint8_t lid, uint64_t offset, uint32_t bytes) {
  uint32_t dwords = bytes / 4 - 1;
  return admin(h, (struct nvt_sqe){.opcode = NVT_ADMIN_GET_LOG_PAGE,
                                   .nsid = 0xffffffffu,
                                   .prp1 = DATA_AT,
                                   .prp2 = DATA_AT + 4096,
                                   .cdw10 = lid | (dwords & 0xffff) << 16,
                                   .cdw11 = dwords >> 16,
                                   .cdw12 = (uint32_t)offset,
                                   .cdw13 = (uint32_t)(offset >> 32)});
}

/* Something that differs from byte to byte, from page to page and from seed to seed. */
static inline void pattern(void *to, size_t len, uint32_t seed) {
  uint8_t *bytes = to;
  uint32_t x = seed * 2654435761u + 1;
  for (size_t i = 0; i < len; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    bytes[i] = (uint8_t)x;
  }
}

#endif
