/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines for the control socket, with a controller behind them and a host that has commands
 * under way: each gets one line of JSON with "ok" as its answer, and afterwards the
 * controller works as before. Namespaces of files and plug-ins of paths are left out: they
 * would reach what isn't the harness's.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "controller/controller.h"
#include "controller/inject.h"
#include "controller/isolated/isolated.h"
#include "controller/log.h"
#include "controller/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MEMORY (256u << 10)
#define BASE 0x4000ull

static struct nvt_plugin_host *host;
static struct nvt_controller *c;
static uint8_t *memory;
static bool traced;

static void stop(void *ctx) {
  (void)ctx;
}
static bool trace_state(void *ctx, struct nvt_control_trace *out) {
  (void)ctx;
  *out = (struct nvt_control_trace){.path = "fuzz", .on = traced};
  return true;
}
static int trace_switch(void *ctx, bool on) {
  (void)ctx;
  traced = on;
  return 0;
}
/* Any of them is made, of a descriptor that is any number. */
static int trace_open(void *ctx, const struct nvt_control_open *wanted, uint32_t *id, char *why,
                      size_t whylen) {
  (void)ctx;
  (void)why;
  (void)whylen;
  if (wanted->fd != 77 || wanted->ring < NVT_CONTROL_RING_MIN ||
      wanted->ring > NVT_CONTROL_RING_MAX || wanted->filter.queue_count > NVT_FILTER_QUEUES ||
      wanted->filter.range_count > NVT_FILTER_QUEUES ||
      wanted->filter.status_count > NVT_FILTER_QUEUES ||
      memchr(wanted->filter.text, 0, sizeof(wanted->filter.text)) == NULL)
    abort();
  *id = 1;
  return 0;
}
static int trace_close(void *ctx, uint32_t id) {
  (void)ctx;
  return id == 1 ? 0 : -1;
}
static bool trace_live(void *ctx, unsigned i, struct nvt_control_live *out) {
  (void)ctx;
  *out = (struct nvt_control_live){.filter = "io"};
  return i < 2;
}
static bool interrupt(void *ctx, uint16_t vector) {
  (void)ctx;
  return vector != 1;
}

static void once(void) {
  static const struct nvt_port_ops port = {.interrupt = interrupt};
  memory = aligned_alloc(4096, MEMORY);
  if (memory == NULL || nvt_plugin_host_create(&host) != 0)
    abort();
  const struct nvt_controller_options options = {
      .io_queues = 3, .entries = 63, .mdts = 5, .vectors = 5, .port = &port, .plugins = host};
  if (nvt_controller_create(&options, &c) != 0 ||
      nvt_controller_dma_map(c, BASE, MEMORY, memory, true, true) != 0)
    abort();
}

static void write32(uint64_t offset, uint32_t value) {
  (void)nvt_controller_bar0_write(c, offset, &value, 4);
}
static void write64(uint64_t offset, uint64_t value) {
  (void)nvt_controller_bar0_write(c, offset, &value, 8);
}

static void enable(void) {
  write32(NVT_REG_CC, 0);
  write32(NVT_REG_AQA, 0x000f000f);
  write64(NVT_REG_ASQ, BASE);
  write64(NVT_REG_ACQ, BASE + 0x1000);
  write32(NVT_REG_CC, 0x00460001);
}

static void put(unsigned slot, struct nvt_sqe sqe) {
  memcpy(memory + slot * sizeof(sqe), &sqe, sizeof(sqe));
}

static void poll(void) {
  for (int i = 0; nvt_controller_poll(c, 0) != 0; i++) {
    if (i > 100000)
      abort();
  }
}

static void answer(const char *line, size_t length) {
  /* What would run a plug-in in a process of its own ends at once. */
  static const struct nvt_isolation_options isolation = {.program = "/bin/false"};
  const struct nvt_control_target target = {.host = host,
                                            .device = c,
                                            .isolation = &isolation,
                                            .stop = stop,
                                            .trace = trace_state,
                                            .trace_switch = trace_switch,
                                            .trace_open = trace_open,
                                            .trace_close = trace_close,
                                            .trace_live = trace_live};
  char *text = nvt_control_answer(&target, line, length, length % 2 == 0 ? 77 : -1);
  struct json_object *json = text == NULL ? NULL : json_tokener_parse(text), *ok = NULL;
  if (json == NULL || strchr(text, '\n') != NULL || !json_object_object_get_ex(json, "ok", &ok) ||
      !json_object_is_type(ok, json_type_boolean))
    abort();
  if (!json_object_get_boolean(ok) && !json_object_object_get_ex(json, "error", &ok))
    abort();
  json_object_put(json);
  free(text);
}

/* As when it was made: at most ram:64K as namespace 1, and ready. */
static void begin(void) {
  char why[256];
  nvt_log_set(NVT_LOG_QUIET);
  (void)nvt_inject_return(c, "fuzz");
  nvt_controller_reset(c, NVT_RESET_DEVICE);
  struct nvt_namespace_info info;
  struct nvt_plugin_info plugin;
  while (nvt_plugin_info(host, 0, &plugin))
    (void)nvt_plugin_unload(host, plugin.name);
  while (nvt_controller_namespace(c, 0, &info))
    (void)nvt_controller_remove_namespace(c, info.nsid);
  if (nvt_controller_add_namespace(c, "ram:64K", NULL, why, sizeof(why)) != 0)
    abort();
  memset(memory, 0, MEMORY);
  enable();
  /* A request for an event waits; namespace changes are wanted. */
  put(0,
      (struct nvt_sqe){.opcode = NVT_ADMIN_SET_FEATURES, .cid = 1, .cdw10 = 0x0b, .cdw11 = 0x1ff});
  put(1, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST, .cid = 2});
  put(2, (struct nvt_sqe){.opcode = NVT_ADMIN_CREATE_IO_CQ,
                          .cid = 3,
                          .prp1 = BASE + 0x2000,
                          .cdw10 = 15u << 16 | 1,
                          .cdw11 = 1u << 16 | 3});
  write32(NVT_BAR0_DOORBELLS, 3);
  poll();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (c == NULL)
    once();
  if (memchr(bytes, '/', length) != NULL || memmem(bytes, length, "\\u", 2) != NULL ||
      memmem(bytes, length, "file:", 5) != NULL)
    return 0;
  begin();
  while (length > 0) {
    const uint8_t *end = memchr(bytes, '\n', length);
    size_t line = end == NULL ? length : (size_t)(end - bytes);
    answer((const char *)bytes, line);
    poll();
    if (line == length)
      break;
    bytes += line + 1;
    length -= line + 1;
  }
  begin();
  put(3, (struct nvt_sqe){
             .opcode = NVT_ADMIN_IDENTIFY, .cid = 0x77, .prp1 = BASE + 0x3000, .cdw10 = 1});
  write32(NVT_BAR0_DOORBELLS, 4);
  poll();
  struct nvt_cqe cqe;
  memcpy(&cqe, memory + 0x1000 + 2 * sizeof(cqe), sizeof(cqe));
  if (cqe.cid != 0x77 || cqe.status != 1)
    abort();
  return 0;
}
