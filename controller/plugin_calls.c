/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin.h's functions. They have no handle: who runs the plug-in knows which one speaks. */
#include "controller/plugin_calls_int.h"

#include <errno.h>

static const struct nvt_plugin_calls *calls = &nvt_plugin_calls_local;

void nvt_plugin_calls_use(const struct nvt_plugin_calls *other) {
  calls = other;
}

int plugin_tap_attach_order(const char *name, void *cb, int order) {
  return calls->tap_attach(name, cb, order);
}

int plugin_tap_attach(const char *name, void *cb) {
  return calls->tap_attach(name, cb, 0);
}

int plugin_tap_detach(const char *name) {
  return calls->tap_detach(name);
}

const char *plugin_args(void) {
  return calls->args();
}

struct nvme_command *find_cmd(uint32_t sqid, uint16_t cid) {
  return calls->find_cmd(sqid, cid);
}

int plugin_value_set(uint64_t value) {
  return calls->value_set(value);
}

void *plugin_data_writable(void) {
  return calls->data_writable();
}

struct nplugin *plugin_self(void) {
  return calls->self();
}

uint64_t plugin_cmd_handle(void) {
  return calls->cmd_handle();
}

int plugin_cmd_complete(struct nplugin *self, uint64_t handle, const struct nvme_completion *cmp) {
  return cmp == NULL ? -EINVAL : calls->cmd_release(self, handle, cmp);
}

int plugin_cmd_continue(struct nplugin *self, uint64_t handle) {
  return calls->cmd_release(self, handle, NULL);
}

int plugin_cmd_read(uint64_t handle, uint64_t offset, void *to, size_t length) {
  return calls->cmd_data(handle, offset, to, length, false);
}

int plugin_cmd_write(uint64_t handle, uint64_t offset, const void *from, size_t length) {
  return calls->cmd_data(handle, offset, (void *)(uintptr_t)from, length, true);
}

int plugin_memory_read(uint32_t bdf, uint64_t address, void *to, size_t length) {
  return calls->memory(bdf, address, to, length, false);
}

int plugin_memory_write(uint32_t bdf, uint64_t address, const void *from, size_t length) {
  return calls->memory(bdf, address, (void *)(uintptr_t)from, length, true);
}

int plugin_post(struct nplugin *self, void (*call)(void *arg), void *arg) {
  return self == NULL || call == NULL ? -EINVAL : calls->post(self, call, arg);
}

int plugin_timer_start(uint64_t ns, void (*call)(void *arg), void *arg, uint64_t *id) {
  return call == NULL ? -EINVAL : calls->timer_start(ns, call, arg, id);
}

int plugin_timer_stop(uint64_t id) {
  return calls->timer_stop(id);
}

int plugin_event_raise(uint32_t bdf, uint8_t type, uint8_t information, uint8_t log_page) {
  return calls->event_raise(bdf, type, information, log_page);
}

int plugin_completion_post(uint32_t bdf, uint32_t cqid, const struct nvme_completion *cmp) {
  return cmp == NULL ? -EINVAL : calls->completion_post(bdf, cqid, cmp);
}

int plugin_cqid(uint32_t bdf, uint32_t sqid) {
  return calls->cqid(bdf, sqid);
}

int plugin_interrupt_raise(uint32_t bdf, uint32_t vector) {
  return calls->interrupt_raise(bdf, vector);
}

int plugin_controller_fatal(uint32_t bdf) {
  return calls->controller(bdf, NVT_FATE_FATAL);
}

int plugin_controller_remove(uint32_t bdf) {
  return calls->controller(bdf, NVT_FATE_REMOVE);
}

int plugin_controller_return(uint32_t bdf) {
  return calls->controller(bdf, NVT_FATE_RETURN);
}
