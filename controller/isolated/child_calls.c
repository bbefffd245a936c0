/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugin.h in the process of an isolated plug-in. What a callback was given is at hand, as
 * in the controller's process; for the rest the parent is called.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/isolated/child_int.h"
#include "controller/plugin_calls_int.h"

/* In setup(), teardown(), a callback, a timer, posted work: that is, in the main thread. */
static bool speaking(void) {
  return nvt_plugin_calls_local.self() != NULL;
}

static int ask(enum nvt_isolated_kind kind, struct isolated_up call) {
  if (!speaking())
    return -EPERM;
  call.kind = (uint16_t)kind;
  return (int)nvt_child_call(&call).result;
}

static int child_attach(const char *name, void *cb, int order) {
  if (!speaking())
    return -EPERM;
  if (name == NULL || cb == NULL)
    return -EINVAL;
  struct isolated_up call = {.arg = {(uint64_t)(uintptr_t)cb, (uint32_t)order}};
  (void)snprintf(call.text, sizeof(call.text), "%s", name);
  return ask(ISOLATED_ATTACH, call);
}

static int child_detach(const char *name) {
  if (!speaking())
    return -EPERM;
  if (name == NULL)
    return -ENOENT;
  struct isolated_up call = {0};
  (void)snprintf(call.text, sizeof(call.text), "%s", name);
  return ask(ISOLATED_DETACH, call);
}

static int child_release(struct nplugin *self, uint64_t handle,
                         const struct nvme_completion *completion) {
  if (self == NULL || handle == 0)
    return -EINVAL;
  struct isolated_note note = {.kind = completion == NULL ? ISOLATED_CONTINUE : ISOLATED_COMPLETE,
                               .arg = {handle}};
  if (completion != NULL)
    memcpy(&note.cqe, completion, sizeof(note.cqe));
  return nvt_child_note(&note);
}

/* In pieces, the last one first: that all of it can be had shows there, before anything is
 * written. */
static int transfer(enum nvt_isolated_kind kind, uint64_t what, uint64_t at, uint8_t *bytes,
                    size_t length, bool write) {
  if (!speaking())
    return -EPERM;
  uint8_t *piece = nvt_child_shared->piece;
  size_t left = length;
  do {
    size_t n = left % NVT_ISOLATED_PIECE;
    if (n == 0 && left != 0)
      n = NVT_ISOLATED_PIECE;
    left -= n;
    if (write && n != 0)
      memcpy(piece, bytes + left, n);
    int error = ask(kind, (struct isolated_up){.arg = {what, at + left, n}});
    if (error != 0)
      return error;
    if (!write && n != 0)
      memcpy(bytes + left, piece, n);
  } while (left != 0);
  return 0;
}

static int child_cmd_data(uint64_t handle, uint64_t offset, void *bytes, size_t length,
                          bool write) {
  if (offset + length < offset)
    return -EINVAL;
  return transfer(write ? ISOLATED_CMD_WRITE : ISOLATED_CMD_READ, handle, offset, bytes, length,
                  write);
}

static int child_memory(uint32_t bdf, uint64_t address, void *bytes, size_t length, bool write) {
  if (address + length < address)
    return -EFAULT;
  return transfer(write ? ISOLATED_MEMORY_WRITE : ISOLATED_MEMORY_READ, bdf, address, bytes, length,
                  write);
}

static int child_post(struct nplugin *self, void (*call)(void *arg), void *arg) {
  (void)self;
  return nvt_child_note(&(struct isolated_note){
      .kind = ISOLATED_POST, .arg = {(uint64_t)(uintptr_t)call, (uint64_t)(uintptr_t)arg}});
}

static int child_timer_start(uint64_t ns, void (*call)(void *arg), void *arg, uint64_t *id) {
  if (!speaking())
    return -EPERM;
  struct isolated_up message = {.kind = ISOLATED_TIMER_START,
                                .arg = {ns, (uint64_t)(uintptr_t)call, (uint64_t)(uintptr_t)arg}};
  const struct isolated_down reply = nvt_child_call(&message);
  if (reply.result == 0 && id != NULL)
    *id = reply.arg[0];
  return (int)reply.result;
}

static int child_timer_stop(uint64_t id) {
  return ask(ISOLATED_TIMER_STOP, (struct isolated_up){.arg = {id}});
}

static int child_event(uint32_t bdf, uint8_t type, uint8_t information, uint8_t log_page) {
  return ask(ISOLATED_EVENT_RAISE, (struct isolated_up){.arg = {bdf, type, information, log_page}});
}

static int child_completion(uint32_t bdf, uint32_t cqid, const struct nvme_completion *completion) {
  struct isolated_up call = {.arg = {bdf, cqid}};
  memcpy(&call.cqe, completion, sizeof(call.cqe));
  return ask(ISOLATED_COMPLETION_POST, call);
}

static int child_interrupt(uint32_t bdf, uint32_t vector) {
  return ask(ISOLATED_INTERRUPT_RAISE, (struct isolated_up){.arg = {bdf, vector}});
}

static int child_cqid(uint32_t bdf, uint32_t sqid) {
  return ask(ISOLATED_CQID, (struct isolated_up){.arg = {bdf, sqid}});
}

static int child_controller(uint32_t bdf, int what) {
  const struct isolated_up call = {.arg = {bdf}};
  switch ((enum nvt_plugin_fate)what) {
  case NVT_FATE_FATAL:
    return ask(ISOLATED_FATAL, call);
  case NVT_FATE_REMOVE:
    return ask(ISOLATED_REMOVE, call);
  case NVT_FATE_RETURN:
    return ask(ISOLATED_RETURN, call);
  }
  return -EINVAL;
}

void nvt_child_calls_install(void) {
  static struct nvt_plugin_calls calls;
  calls = nvt_plugin_calls_local;
  calls.tap_attach = child_attach;
  calls.tap_detach = child_detach;
  calls.cmd_release = child_release;
  calls.cmd_data = child_cmd_data;
  calls.memory = child_memory;
  calls.post = child_post;
  calls.timer_start = child_timer_start;
  calls.timer_stop = child_timer_stop;
  calls.event_raise = child_event;
  calls.completion_post = child_completion;
  calls.interrupt_raise = child_interrupt;
  calls.cqid = child_cqid;
  calls.controller = child_controller;
  nvt_plugin_calls_use(&calls);
}
