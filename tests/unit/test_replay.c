/* SPDX-License-Identifier: BSD-2-Clause */
/* Replay into the model: what was recorded from it answers the same, and what was
 * falsified afterwards is found. */
#include "host.h"
#include "replay_recorder.h"

#include <errno.h>
#include <unistd.h>

#include "controller/driver/driver.h"
#include "replay/replay.h"

static char trace_path[64];

static int make_path(void **state) {
  (void)state;
  snprintf(trace_path, sizeof(trace_path), "/tmp/nvmetap-replay-%d.pcap", (int)getpid());
  return 0;
}
static int remove_path(void **state) {
  (void)state;
  unlink(trace_path);
  return 0;
}

static void replay(struct nvt_replay_result *result) {
  const struct nvt_replay_options options = {
      .path = trace_path, .target = nvt_target_find("model", NULL), .max_findings = 50};
  assert_non_null(options.target);
  nvt_replay(&options, result);
}

static void show(const struct nvt_replay_result *result) {
  const struct nvt_findings *findings = &result->totals.findings;
  for (size_t i = 0; i < findings->kept; i++)
    print_message("record %llu %s: expected %s, actual %s: %s\n",
                  (unsigned long long)findings->list[i].record, findings->list[i].field,
                  findings->list[i].expected, findings->list[i].actual, findings->list[i].text);
  if (!result->readable)
    print_message("%s\n", result->why.text);
}

/* The trace replays, and nothing differs. */
static void assert_same(struct nvt_replay_result *result) {
  replay(result);
  if (result->totals.findings.count != 0 || !result->readable)
    show(result);
  assert_true(result->readable);
  assert_int_equal(result->totals.findings.count, 0);
  assert_true(result->totals.compared > 0);
}
static void assert_replays(void) {
  struct nvt_replay_result result;
  assert_same(&result);
  nvt_replay_clear(&result);
}

/* Exactly one difference, of that field. */
static void assert_one(const char *field, uint64_t record) {
  struct nvt_replay_result result;
  replay(&result);
  if (result.totals.findings.count != 1)
    show(&result);
  assert_true(result.readable);
  assert_int_equal(result.totals.findings.count, 1);
  assert_string_equal(result.totals.findings.list[0].field, field);
  if (record != 0)
    assert_int_equal(result.totals.findings.list[0].record, record);
  nvt_replay_clear(&result);
}

/* --- a host that is recorded --- */

struct stage {
  struct host h;
  struct recorder r;
};

static void stage_open(struct stage *s, uint8_t mode, const char *const *namespaces) {
  struct recorder r = s->r;
  memset(s, 0, sizeof(*s));
  s->r = r;
  s->r.data_mode = mode;
  s->r.head = 512;
  struct host *h = &s->h;
  assert_int_equal(nvt_plugin_host_create(&h->plugins), 0);
  assert_true(recorder_start(&s->r, trace_path, h->plugins));
  const struct nvt_port_ops port = {.interrupt = host_interrupt, .ctx = h};
  const struct nvt_controller_options options = {
      .plugins = h->plugins, .port = &port, .serial = "RECORDED"};
  assert_int_equal(nvt_controller_create(&options, &h->c), 0);
  char why[256];
  for (; *namespaces != NULL; namespaces++)
    assert_int_equal(nvt_controller_add_namespace(h->c, *namespaces, NULL, why, sizeof(why)), 0);
  assert_true(recorder_meta(&s->r, h->c));
  h->arena = aligned_alloc(4096, ARENA);
  assert_non_null(h->arena);
  memset(h->arena, 0, ARENA);
  assert_int_equal(nvt_controller_dma_map(h->c, ARENA_IOVA, ARENA, h->arena, true, true), 0);
}

static void stage_start(struct stage *s, uint8_t mode, const char *ns) {
  stage_open(s, mode, (const char *const[]){ns, NULL});
  msix_on(&s->h);
  enable(&s->h);
}

static void stage_close(struct stage *s) {
  host_close(&s->h);
  assert_true(recorder_stop(&s->r));
}

static void drive(uint8_t mode, const char *ns, const char *workload) {
  struct recorder r = {.data_mode = mode, .head = 512};
  struct nvt_plugin_host *plugins;
  struct nvt_controller *device;
  struct nvt_transport *transport;
  struct nvt_workload w;
  struct nvt_drive_result result;
  volatile sig_atomic_t stop = 0;
  char why[256];
  assert_int_equal(nvt_plugin_host_create(&plugins), 0);
  assert_true(recorder_start(&r, trace_path, plugins));
  const struct nvt_controller_options options = {.plugins = plugins};
  assert_int_equal(nvt_controller_create(&options, &device), 0);
  assert_int_equal(nvt_controller_add_namespace(device, ns, NULL, why, sizeof(why)), 0);
  assert_true(recorder_meta(&r, device));
  assert_true(nvt_workload_parse(workload, &w, why, sizeof(why)));
  assert_int_equal(nvt_transport_local(device, &transport), 0);
  assert_int_equal(nvt_drive(transport, &w, &stop, &result), 0);
  assert_int_equal(result.errors, 0);
  transport->close(transport);
  nvt_controller_destroy(device);
  assert_true(recorder_stop(&r));
  nvt_plugin_host_destroy(plugins);
}

static void the_drivers_workloads_answer_the_same(void **state) {
  (void)state;
  static const char *const workloads[] = {
      "rw=read,count=300",
      "rw=write,count=300,bs=64k",
      "rw=randread,count=300,bs=512,depth=1",
      "rw=randwrite,count=300,queues=4,depth=8",
      "rw=randrw,count=600,queues=4,verify=on",
      "rw=randrw,count=100,bs=256k,depth=4",
  };
  static const char *const spaces[] = {"ram:8M", "null:8M", "ram:8M,block=4096"};
  for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
    for (size_t n = 0; n < 3; n++)
      for (uint8_t mode = 0; mode <= NVT_V_meta_data_mode_FULL; mode++) {
        if ((n == 2 && i == 2) || (n == 1 && i == 4))
          continue; /* half a block; a null namespace can't be verified */
        drive(mode, spaces[n], workloads[i]);
        assert_replays();
      }
}

static void a_disk_that_completes_out_of_order_answers_the_same(void **state) {
  (void)state;
  char disk[80], ns[96];
  snprintf(disk, sizeof(disk), "%s.disk", trace_path);
  snprintf(ns, sizeof(ns), "file:%s", disk);
  FILE *file = fopen(disk, "wb");
  assert_non_null(file);
  uint8_t block[4096];
  for (uint32_t i = 0; i < 1024; i++) {
    pattern(block, sizeof(block), i);
    assert_int_equal(fwrite(block, sizeof(block), 1, file), 1);
  }
  assert_int_equal(fclose(file), 0);
  for (uint8_t mode = 0; mode <= NVT_V_meta_data_mode_FULL; mode++) {
    drive(mode, ns, "rw=randrw,count=2000,queues=4,depth=32");
    struct nvt_replay_result result;
    assert_same(&result);
    assert_true(result.totals.exceptions[NVT_EXCEPTION_HELD_ORDER] > 0);
    nvt_replay_clear(&result);
  }
  unlink(disk);
}

/* --- falsified recordings --- */

static void flip_completion(struct recorder *r, enum nvt_record_type type, void *body) {
  if (type == NVT_REC_COMPLETION && r->count[type] == r->arg[0])
    ((uint8_t *)body)[r->arg[1]] ^= 0x10;
}

/* A little of everything; the seventh completion is of an I/O command. */
static void short_session(struct stage *s, uint8_t mode) {
  struct host *h = &s->h;
  stage_start(s, mode, "ram:1M");
  assert_status(identify(h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  create_pair(h, 1, 16);
  for (unsigned i = 0; i < 40; i++) {
    pattern(guest(h, DATA_AT), 4096, i);
    assert_status(io(h, NVT_NVM_WRITE, i * 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
    assert_status(io(h, NVT_NVM_READ, i * 8, 8, DATA_AT + 8192, 0), NVT_SC_SUCCESS);
  }
  assert_status(io(h, NVT_NVM_READ, 1 << 20, 8, DATA_AT, 0), NVT_SC_LBA_OUT_OF_RANGE);
  stage_close(s);
}

static void each_byte_of_a_completion_counts(void **state) {
  (void)state;
  static const struct {
    size_t offset;
    const char *field;
  } bytes[] = {
      {offsetof(struct nvt_rec_completion, slot), "completion.slot"},
      {offsetof(struct nvt_rec_completion, head), "completion.head"},
      {offsetof(struct nvt_rec_completion, opcode), "completion.opcode"},
      {16 + 0, "completion.dw0"},
      {16 + 3, "completion.dw0"},
      {16 + 4, "completion.dw1"},
      {16 + 7, "completion.dw1"},
      {16 + 8, "completion.sqhd"},
      {16 + 9, "completion.sqhd"},
      {16 + 10, "completion.cqe.sqid"},
      {16 + 12, "completion.cid"},
      {16 + 13, "completion.cid"},
      {16 + 14, "completion.status"},
      {16 + 15, "completion.status"},
  };
  for (uint64_t which = 1; which <= 60; which += 3)
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
      static struct stage s;
      s.r = (struct recorder){.change = flip_completion, .arg = {which, bytes[i].offset}};
      short_session(&s, (uint8_t)(which % 3));
      assert_one(bytes[i].field, 0);
    }
}

static void flip_other(struct recorder *r, enum nvt_record_type type, void *body) {
  if (type == r->arg[0] && r->count[type] == 2) {
    ((uint8_t *)body)[r->arg[1]] ^= 0x10;
    r->arg[0] = 0;
  }
}

static void other_answers_count_too(void **state) {
  (void)state;
  static const struct {
    enum nvt_record_type type;
    size_t offset;
    const char *field;
  } changes[] = {
      {NVT_REC_REG_READ, offsetof(struct nvt_rec_access, value), "register.value"},
      {NVT_REC_CONFIG_READ, offsetof(struct nvt_rec_access, value), "config.value"},
      {NVT_REC_COMMAND, offsetof(struct nvt_rec_command, head), "command.head"},
      {NVT_REC_COMMAND, offsetof(struct nvt_rec_command, cqid), "command.cqid"},
      {NVT_REC_INTERRUPT, offsetof(struct nvt_rec_interrupt, cqid), "interrupt.cqid"},
      {NVT_REC_INTERRUPT, offsetof(struct nvt_rec_interrupt, data), "interrupt.data"},
      {NVT_REC_INTERRUPT, offsetof(struct nvt_rec_interrupt, mode), "interrupt.mode"},
  };
  static struct stage s;
  for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
    s.r = (struct recorder){.change = flip_other, .arg = {changes[i].type, changes[i].offset}};
    stage_open(&s, NVT_V_meta_data_mode_FULL, (const char *const[]){"ram:1M", NULL});
    msix_on(&s.h);
    enable(&s.h);
    (void)reg32(&s.h, NVT_REG_VS);
    for (unsigned n = 0; n < 4; n++)
      assert_status(identify(&s.h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
    stage_close(&s);
    assert_one(changes[i].field, 0);
  }
}

static void changed_data_is_found(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  for (unsigned which = 0; which < 2; which++) {
    s.r = (struct recorder){0};
    stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
    create_pair(h, 1, 16);
    pattern(guest(h, DATA_AT), 8192, 1);
    assert_status(io(h, NVT_NVM_WRITE, 0, 16, DATA_AT, DATA_AT + 4096), NVT_SC_SUCCESS);
    /* Behind the recorder's back: it will be read from blocks that the trace wrote, or not. */
    uint64_t offset = which == 0 ? 5000 : 65536;
    assert_int_equal(nvt_controller_preload(h->c, 1, offset, "x", 1), 0);
    assert_status(io(h, NVT_NVM_READ, 0, 16, DATA_AT, DATA_AT + 4096), NVT_SC_SUCCESS);
    assert_status(io(h, NVT_NVM_READ, 128, 8, DATA_AT, 0), NVT_SC_SUCCESS);
    assert_status(io(h, NVT_NVM_READ, 128, 8, DATA_AT, 0), NVT_SC_SUCCESS);
    stage_close(&s);
    if (which == 0)
      assert_one("data", 0);
    else
      assert_replays(); /* was on the medium before: the first read defines it */
  }
}

static void what_was_read_first_stays_so(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  s.r = (struct recorder){0};
  stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
  create_pair(h, 1, 16);
  assert_int_equal(nvt_controller_preload(h->c, 1, 4096, "before", 6), 0);
  assert_status(io(h, NVT_NVM_READ, 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(h, NVT_NVM_COMPARE, 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(nvt_controller_preload(h->c, 1, 4096, "after!", 6), 0);
  assert_status(io(h, NVT_NVM_READ, 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  stage_close(&s);
  assert_one("data", 0);
}

static void compare_with_what_was_there_before(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  for (uint8_t mode = 0; mode <= NVT_V_meta_data_mode_FULL; mode++) {
    s.r = (struct recorder){0};
    stage_start(&s, mode, "ram:1M");
    create_pair(h, 1, 16);
    pattern(guest(h, DATA_AT), 4096, 1);
    assert_int_equal(nvt_controller_preload(h->c, 1, 0, guest(h, DATA_AT), 4096), 0);
    assert_status(io(h, NVT_NVM_COMPARE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
    assert_status(io(h, NVT_NVM_COMPARE, 64, 8, DATA_AT, 0), NVT_SC_COMPARE_FAILURE);
    assert_status(io(h, NVT_NVM_WRITE_ZEROES, 0, 8, 0, 0), NVT_SC_SUCCESS);
    assert_status(io(h, NVT_NVM_COMPARE, 0, 8, DATA_AT, 0), NVT_SC_COMPARE_FAILURE);
    stage_close(&s);
    assert_replays();
  }
}

/* --- sessions that aren't the driver's --- */

static void resets_and_faults_answer_the_same(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  s.r = (struct recorder){0};
  stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
  create_pair(h, 1, 2);
  assert_status(io(h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  /* Asynchronous event requests are outstanding, one is used up, the rest is reset away. */
  for (unsigned i = 0; i < 3; i++)
    submit(h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(h);
  ring(h, 5, false, 1); /* there is no such queue */
  ring(h, 1, false, 77);
  poll_idle(h);
  struct nvt_cqe cqe;
  assert_true(reap(h, 0, &cqe));
  /* Reading the log lets the next one be reported. */
  submit(h, 0,
         (struct nvt_sqe){.opcode = NVT_ADMIN_GET_LOG_PAGE,
                          .nsid = 0xffffffffu,
                          .prp1 = DATA_AT,
                          .cdw10 = NVT_LOG_ERROR_INFORMATION | 1023u << 16});
  poll_idle(h);
  while (reap(h, 0, &cqe))
    ;
  /* An address that isn't there. */
  assert_status(io(h, NVT_NVM_READ, 0, 8, 0x7f0000000000, 0), NVT_SC_DATA_TRANSFER_ERROR);
  set32(h, NVT_REG_CC, 0);
  assert_int_equal(reg32(h, NVT_REG_CSTS), 0);
  enable(h);
  create_pair(h, 3, 8);
  assert_status(identify(h, NVT_CNS_NAMESPACE, 1, NULL), NVT_SC_SUCCESS);
  set32(h, NVT_REG_NSSR, 0x4e564d65);
  (void)reg32(h, NVT_REG_CSTS);
  set32(h, NVT_REG_CSTS, 1u << 4);
  enable(h);
  nvt_controller_reset(h->c, NVT_RESET_DEVICE);
  msix_on(h);
  enable_with(h, 2, 2, CC_ON);
  set32(h, NVT_REG_CC, CC_ON | 1u << 14);
  (void)reg32(h, NVT_REG_CSTS);
  nvt_controller_detach(h->c);
  nvt_controller_attach(h->c);
  enable_with(h, 1, 1, CC_ON); /* can't be: fatal */
  assert_int_equal(reg32(h, NVT_REG_CSTS) & 2, 2);
  set32(h, NVT_REG_CC, 0);
  msix_on(h);
  enable(h);
  /* The queue's memory goes, and an entry can't be fetched: fatal, and no command. */
  assert_int_equal(nvt_controller_dma_unmap(h->c, ARENA_IOVA, ARENA), 0);
  ring(h, 0, false, 1);
  poll_idle(h);
  assert_int_equal(reg32(h, NVT_REG_CSTS) & 2, 2);
  assert_int_equal(nvt_controller_dma_map(h->c, ARENA_IOVA, ARENA, h->arena, true, true), 0);
  (void)config32(h, 0);
  set_config32(h, 4, config32(h, 4));
  (void)reg32(h, NVT_REG_CSTS);
  nvt_controller_reset(h->c, NVT_RESET_FUNCTION);
  msix_on(h);
  enable(h);
  assert_status(identify(h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  stage_close(&s);
  assert_replays();
}

static void interrupts_that_nobody_takes_answer_the_same(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  s.r = (struct recorder){0};
  stage_start(&s, NVT_V_meta_data_mode_NONE, "ram:1M");
  create_pair(h, 1, 16);
  h->deaf = true;
  for (unsigned i = 0; i < 3; i++)
    assert_status(io(h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  h->deaf = false;
  nvt_controller_irq_setup(h->c, 0x24, 0, 8);
  /* Masked in the table, then not. */
  set32(h, NVT_BAR0_MSIX_TABLE + 16 + 12, 1);
  assert_status(io(h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  (void)reg64(h, NVT_BAR0_MSIX_PBA);
  set32(h, NVT_BAR0_MSIX_TABLE + 16 + 12, 0);
  (void)reg64(h, NVT_BAR0_MSIX_PBA);
  stage_close(&s);
  struct nvt_replay_result result;
  assert_same(&result);
  assert_true(result.totals.exceptions[NVT_EXCEPTION_LISTENING] > 0);
  nvt_replay_clear(&result);
}

static void the_pin_answers_the_same(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  s.r = (struct recorder){0};
  stage_open(&s, NVT_V_meta_data_mode_NONE, (const char *const[]){"ram:1M", NULL});
  const struct nvt_port_ops port = {.interrupt = host_interrupt, .pin = host_pin, .ctx = h};
  nvt_controller_set_port(h->c, &port);
  enable(h);
  create_pair(h, 1, 16);
  for (unsigned i = 0; i < 20; i++)
    assert_status(io(h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_true(h->pin_changes > 0);
  stage_close(&s);
  assert_replays();
}

static void namespaces_come_and_go(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  char why[256];
  uint32_t nsid;
  s.r = (struct recorder){0};
  stage_open(&s, NVT_V_meta_data_mode_FULL,
             (const char *const[]){"ram:1M", "null:2M,block=4096", "ram:64K,readonly", NULL});
  assert_int_equal(nvt_controller_remove_namespace(h->c, 2), 0);
  assert_true(recorder_meta(&s.r, h->c));
  msix_on(h);
  enable(h);
  create_pair(h, 1, 16);
  assert_status(io(h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_int_equal(nvt_controller_add_namespace(h->c, "ram:4M,block=4096", &nsid, why, sizeof(why)),
                   0);
  assert_true(recorder_meta(&s.r, h->c));
  assert_status(identify(h, NVT_CNS_NAMESPACE, nsid, NULL), NVT_SC_SUCCESS);
  assert_status(identify(h, NVT_CNS_ACTIVE_NS_LIST, 0, NULL), NVT_SC_SUCCESS);
  assert_status(get_log(h, NVT_LOG_CHANGED_ATTACHED_NS, 0, 4096), NVT_SC_SUCCESS);
  struct nvt_sqe sqe = io_sqe(NVT_NVM_READ, 0, 1, DATA_AT, 0);
  sqe.nsid = nsid;
  assert_status(status_of(run(h, 1, sqe)), NVT_SC_SUCCESS);
  stage_close(&s);
  assert_replays();
}

static void namespaces_are_resized(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  char why[256];
  s.r = (struct recorder){0};
  stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:64K");
  create_pair(h, 1, 16);
  pattern(guest(h, DATA_AT), 4096, 1);
  assert_status(io(h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(h, NVT_NVM_WRITE, 120, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  static const uint64_t sizes[] = {121 * 512, 512, 128 * 512, 1 << 20};
  for (unsigned i = 0; i < 4; i++) {
    assert_int_equal(nvt_controller_resize_namespace(h->c, 1, sizes[i], why, sizeof(why)), 0);
    assert_true(recorder_meta(&s.r, h->c));
    uint64_t blocks = sizes[i] / 512;
    assert_status(io(h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
    assert_status(io(h, NVT_NVM_READ, blocks - 1, 1, DATA_AT, 0), NVT_SC_SUCCESS);
    assert_status(io(h, NVT_NVM_READ, blocks, 1, DATA_AT, 0), NVT_SC_LBA_OUT_OF_RANGE);
    if (blocks >= 128)
      assert_status(io(h, NVT_NVM_READ, 120, 8, DATA_AT, 0), NVT_SC_SUCCESS);
    assert_status(identify(h, NVT_CNS_NAMESPACE, 1, NULL), NVT_SC_SUCCESS);
  }
  stage_close(&s);
  assert_replays();
}

/* One difference, and all that a reset makes known again is compared. */
static void a_pause_is_told(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  s.r = (struct recorder){0};
  stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
  create_pair(h, 1, 16);
  pattern(guest(h, DATA_AT), 4096, 1);
  assert_status(io(h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  const struct nvt_rec_event stopped = {.event = NVT_V_event_event_TRACE_STOPPED};
  recorder_put(&s.r, NVT_REC_EVENT, 0, 0, &stopped, NULL, 0);
  uint64_t at = s.r.seq[0];
  s.r.paused = true;
  pattern(guest(h, DATA_AT), 4096, 2);
  assert_status(io(h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  s.r.paused = false;
  assert_true(recorder_meta(&s.r, h->c));
  assert_status(io(h, NVT_NVM_READ, 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  set32(h, NVT_REG_CC, 0);
  enable(h);
  create_pair(h, 1, 16);
  assert_status(io(h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_status(io(h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  stage_close(&s);
  assert_one("tracing", at);
}

static void a_keep_alive_that_ran_out_is_excused(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  s.r = (struct recorder){0};
  stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
  set_feature(h, NVT_FEATURE_KEEP_ALIVE_TIMER, 0, 100);
  for (unsigned i = 0; i < 5000 && (reg32(h, NVT_REG_CSTS) & 2) == 0; i++) {
    usleep(1000);
    poll_idle(h);
  }
  assert_int_equal(reg32(h, NVT_REG_CSTS) & 2, 2);
  set32(h, NVT_REG_CC, 0);
  enable(h);
  assert_status(identify(h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
  stage_close(&s);
  struct nvt_replay_result result;
  assert_same(&result);
  assert_int_equal(result.totals.exceptions[NVT_EXCEPTION_KEEP_ALIVE], 1);
  nvt_replay_clear(&result);
}

static void a_big_guest_fits(void **state) {
  (void)state;
  static struct stage s;
  struct nvt_rec_event event = {
      .event = NVT_V_event_event_DMA_MAP, .code = 3, .address = 1ull << 32, .size = 100ull << 30};
  for (unsigned absurd = 0; absurd < 2; absurd++) {
    s.r = (struct recorder){0};
    stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
    event.size = absurd ? 1ull << 60 : 100ull << 30;
    recorder_put(&s.r, NVT_REC_EVENT, 0, 0, &event, NULL, 0);
    assert_status(identify(&s.h, NVT_CNS_CONTROLLER, 0, NULL), NVT_SC_SUCCESS);
    stage_close(&s);
    if (absurd)
      assert_one("event.size", 0);
    else
      assert_replays();
  }
}

static void memory_that_no_record_tells_of_is_made(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  for (uint8_t mode = 0; mode <= NVT_V_meta_data_mode_FULL; mode++) {
    s.r = (struct recorder){.no_maps = true};
    stage_start(&s, mode, "ram:1M");
    create_pair(h, 1, 16);
    uint64_t list[15];
    for (unsigned i = 0; i < 15; i++)
      list[i] = DATA_AT + (20 - i) * 4096ull;
    memcpy(guest(h, LIST_AT), list, sizeof(list));
    assert_status(io(h, NVT_NVM_WRITE, 0, 128, DATA_AT, LIST_AT), NVT_SC_SUCCESS);
    assert_status(io(h, NVT_NVM_READ, 0, 128, DATA_AT, LIST_AT), NVT_SC_SUCCESS);
    stage_close(&s);
    assert_replays();
  }
}

/* What isn't known isn't guessed: one difference, and nothing compared until a reset. */
static void a_middle_and_a_loss_are_told(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  for (unsigned which = 0; which < 2; which++) {
    s.r = (struct recorder){0};
    stage_start(&s, NVT_V_meta_data_mode_NONE, "ram:1M");
    create_pair(h, 1, 16);
    if (which == 0) {
      const struct nvt_rec_queue queue = {.qid = 2, .base = SQ_AT(2), .entries = 16};
      s.r.flags = NVT_V_header_flags_SNAPSHOT;
      recorder_put(&s.r, NVT_REC_QUEUE_STATE, 0, 0, &queue, NULL, 0);
      s.r.flags = 0;
    } else {
      const struct nvt_rec_loss loss = {.first_seq = s.r.seq[0], .count = 3};
      recorder_put(&s.r, NVT_REC_LOSS, 0, 0, &loss, NULL, 0);
      s.r.seq[0] += 3;
    }
    s.r.change = flip_completion;
    s.r.arg[0] = 4; /* in the part that isn't compared */
    s.r.arg[1] = 16;
    for (unsigned i = 0; i < 5; i++)
      assert_status(io(h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
    set32(h, NVT_REG_CC, 0);
    enable(h);
    create_pair(h, 1, 16);
    assert_status(io(h, NVT_NVM_READ, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
    stage_close(&s);
    assert_one(which == 0 ? "snapshot" : "loss", 0);
  }
}

static void two_controllers_at_once(void **state) {
  (void)state;
  static struct stage a;
  struct host b = {0};
  a.r = (struct recorder){0};
  stage_start(&a, NVT_V_meta_data_mode_FULL, "ram:1M");
  const struct nvt_port_ops port = {.interrupt = host_interrupt, .ctx = &b};
  const struct nvt_controller_options options = {
      .id = 1, .plugins = a.h.plugins, .port = &port, .serial = "OTHER"};
  char why[256];
  assert_int_equal(nvt_controller_create(&options, &b.c), 0);
  assert_int_equal(nvt_controller_add_namespace(b.c, "ram:2M", NULL, why, sizeof(why)), 0);
  assert_true(recorder_meta(&a.r, b.c));
  b.arena = aligned_alloc(4096, ARENA);
  assert_non_null(b.arena);
  memset(b.arena, 0, ARENA);
  assert_int_equal(nvt_controller_dma_map(b.c, ARENA_IOVA, ARENA, b.arena, true, true), 0);
  msix_on(&b);
  enable(&b);
  create_pair(&a.h, 1, 16);
  create_pair(&b, 1, 8);
  for (unsigned i = 0; i < 20; i++) {
    /* The same ids on both, and both under way. */
    pattern(guest(&a.h, DATA_AT), 4096, i);
    pattern(guest(&b, DATA_AT), 4096, i + 100);
    submit(&a.h, 1, io_sqe(i % 2 ? NVT_NVM_READ : NVT_NVM_WRITE, 0, 8, DATA_AT, 0));
    submit(&b, 1, io_sqe(i % 2 ? NVT_NVM_READ : NVT_NVM_WRITE, 0, 8, DATA_AT, 0));
    poll_idle(&b);
    poll_idle(&a.h);
    struct nvt_cqe cqe;
    while (reap(&a.h, 1, &cqe) || reap(&b, 1, &cqe))
      ;
  }
  nvt_controller_destroy(b.c);
  free(b.arena);
  stage_close(&a);
  assert_replays();
}

/* --- plug-ins --- */

struct meddler {
  enum nvt_verdict verdict;
  unsigned seen;
  uint64_t handle;
};

static enum nvt_verdict meddle(void *user, const struct nvt_tap_event *event) {
  struct meddler *m = user;
  if (event->command.sqe->opcode != NVT_NVM_WRITE || ++m->seen % 2 == 0)
    return NVT_VERDICT_CONTINUE;
  m->handle = event->command.handle;
  event->command.cqe->status =
      (uint16_t)(event->command.cqe->status | NVT_SC_WRITE_TO_READ_ONLY_RANGE << 1);
  return m->verdict;
}

static void what_plugins_did_is_done_again(void **state) {
  (void)state;
  static const struct {
    const char *tap;
    enum nvt_verdict verdict;
  } cases[] = {
      {"nvme:io:decode", NVT_VERDICT_COMPLETE},
      {"nvme:io:decode", NVT_VERDICT_DROP},
      {"nvme:io:writeback", NVT_VERDICT_CONTINUE},
  };
  static struct stage s;
  struct host *h = &s.h;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct meddler meddler = {.verdict = cases[i].verdict};
    s.r = (struct recorder){0};
    stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
    assert_int_equal(nvt_tap_attach(h->plugins, cases[i].tap, 0, meddle, &meddler, "meddler", NULL),
                     0);
    create_pair(h, 1, 64);
    for (unsigned n = 0; n < 20; n++) {
      pattern(guest(h, DATA_AT), 4096, n);
      submit(h, 1, io_sqe(NVT_NVM_WRITE, n * 8, 8, DATA_AT, 0));
      submit(h, 1, io_sqe(NVT_NVM_READ, n * 8, 8, DATA_AT + 4096, 0));
      poll_idle(h);
      struct nvt_cqe cqe;
      while (reap(h, 1, &cqe))
        ;
    }
    stage_close(&s);
    struct nvt_replay_result result;
    assert_same(&result);
    assert_true(result.totals.exceptions[NVT_EXCEPTION_PLUGIN] > 0);
    nvt_replay_clear(&result);
  }
}

static void a_held_command_is_completed_in_its_place(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  struct nvt_cqe cqe;
  struct meddler meddler = {.verdict = NVT_VERDICT_HOLD};
  s.r = (struct recorder){0};
  stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
  assert_int_equal(
      nvt_tap_attach(h->plugins, "nvme:io:decode", 0, meddle, &meddler, "meddler", NULL), 0);
  create_pair(h, 1, 64);
  for (unsigned n = 0; n < 4; n++) {
    submit(h, 1, io_sqe(NVT_NVM_WRITE, 0, 8, DATA_AT, 0));
    submit(h, 1, io_sqe(NVT_NVM_READ, 64, 8, DATA_AT + 4096, 0));
    submit(h, 1, io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0));
    poll_idle(h);
    if (n % 2 == 0)
      assert_int_equal(nvt_command_release(h->c, meddler.handle, NULL), 0);
    while (reap(h, 1, &cqe))
      ;
  }
  stage_close(&s);
  assert_replays();
}

/* --- damaged traces --- */

static void a_lost_record_is_told_and_got_over(void **state) {
  (void)state;
  static struct stage s;
  struct host *h = &s.h;
  s.r = (struct recorder){.skip = 60};
  stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
  create_pair(h, 1, 16);
  for (unsigned i = 0; i < 30; i++)
    assert_status(io(h, NVT_NVM_READ, i, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  set32(h, NVT_REG_CC, 0);
  enable(h);
  create_pair(h, 1, 16);
  for (unsigned i = 0; i < 30; i++)
    assert_status(io(h, NVT_NVM_READ, i, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  stage_close(&s);
  assert_one("seq", 61); /* number 60 has the sequence number 59 */
  /* What came after the reset was compared, so a falsified answer there is found. */
  struct nvt_replay_result result;
  s.r = (struct recorder){.skip = 60, .change = flip_completion, .arg = {60, 16}};
  stage_start(&s, NVT_V_meta_data_mode_FULL, "ram:1M");
  create_pair(h, 1, 16);
  for (unsigned i = 0; i < 30; i++)
    assert_status(io(h, NVT_NVM_READ, i, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  set32(h, NVT_REG_CC, 0);
  enable(h);
  create_pair(h, 1, 16);
  for (unsigned i = 0; i < 40; i++)
    assert_status(io(h, NVT_NVM_READ, i, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  stage_close(&s);
  replay(&result);
  assert_int_equal(result.totals.findings.count, 2);
  assert_string_equal(result.totals.findings.list[1].field, "completion.dw0");
  nvt_replay_clear(&result);
}

static void cut_anywhere_it_replays_to_there(void **state) {
  (void)state;
  static struct stage s;
  s.r = (struct recorder){0};
  short_session(&s, NVT_V_meta_data_mode_NONE);
  FILE *file = fopen(trace_path, "rb");
  assert_non_null(file);
  static uint8_t bytes[1 << 20];
  size_t length = fread(bytes, 1, sizeof(bytes), file);
  fclose(file);
  assert_true(length > 1000 && length < sizeof(bytes));
  for (size_t cut = 0; cut < length; cut += cut < 2000 ? 7 : 131) {
    file = fopen(trace_path, "wb");
    assert_int_equal(fwrite(bytes, 1, cut, file), cut);
    fclose(file);
    struct nvt_replay_result result;
    replay(&result);
    if (result.totals.findings.count != 0) {
      print_message("cut at %zu\n", cut);
      show(&result);
    }
    assert_int_equal(result.totals.findings.count, 0);
    assert_true(result.readable || result.why.text[0] != '\0');
    nvt_replay_clear(&result);
  }
}

/* Any order of records, of any content, ends, and without harm. */
static void nonsense_is_survived(void **state) {
  (void)state;
  uint64_t x = 88172645463325252u;
  for (unsigned round = 0; round < 60; round++) {
    static struct stage s;
    s.r = (struct recorder){0};
    stage_open(&s, NVT_V_meta_data_mode_FULL, (const char *const[]){"ram:1M", NULL});
    for (unsigned n = 0; n < 200; n++) {
      uint8_t body[96], tail[64];
      for (size_t i = 0; i < sizeof(body); i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        /* Small numbers are what makes sense by chance. */
        body[i] = (x >> 40 & 3) == 0 ? (uint8_t)(x >> 8) : (uint8_t)(x >> 16 & 1);
      }
      memcpy(tail, body, sizeof(tail));
      enum nvt_record_type type = (enum nvt_record_type)(1 + (x >> 24) % (NVT_REC_COUNT - 1));
      bool with_tail = type == NVT_REC_META || type == NVT_REC_DATA || type == NVT_REC_ANNOTATION;
      recorder_put(&s.r, type, (uint32_t)(x >> 60), 0, body, tail, with_tail ? sizeof(tail) : 0);
    }
    stage_close(&s);
    struct nvt_replay_result result;
    replay(&result);
    nvt_replay_clear(&result);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_drivers_workloads_answer_the_same),
      cmocka_unit_test(a_disk_that_completes_out_of_order_answers_the_same),
      cmocka_unit_test(each_byte_of_a_completion_counts),
      cmocka_unit_test(other_answers_count_too),
      cmocka_unit_test(changed_data_is_found),
      cmocka_unit_test(what_was_read_first_stays_so),
      cmocka_unit_test(compare_with_what_was_there_before),
      cmocka_unit_test(resets_and_faults_answer_the_same),
      cmocka_unit_test(interrupts_that_nobody_takes_answer_the_same),
      cmocka_unit_test(the_pin_answers_the_same),
      cmocka_unit_test(namespaces_come_and_go),
      cmocka_unit_test(namespaces_are_resized),
      cmocka_unit_test(a_pause_is_told),
      cmocka_unit_test(a_keep_alive_that_ran_out_is_excused),
      cmocka_unit_test(a_big_guest_fits),
      cmocka_unit_test(memory_that_no_record_tells_of_is_made),
      cmocka_unit_test(a_middle_and_a_loss_are_told),
      cmocka_unit_test(two_controllers_at_once),
      cmocka_unit_test(what_plugins_did_is_done_again),
      cmocka_unit_test(a_held_command_is_completed_in_its_place),
      cmocka_unit_test(a_lost_record_is_told_and_got_over),
      cmocka_unit_test(cut_anywhere_it_replays_to_there),
      cmocka_unit_test(nonsense_is_survived),
  };
  return cmocka_run_group_tests(tests, make_path, remove_path);
}
