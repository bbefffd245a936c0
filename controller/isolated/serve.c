/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an isolated plug-in wants of the controller: calls, of which the child waits for the
 * end, and notes. All of it comes from a process that may be broken: numbers are checked
 * here or by what does the work, which is the same as for plug-ins in this process.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "controller/host.h"
#include "controller/inject.h"
#include "controller/isolated/isolated_int.h"
#include "controller/plugin_calls_int.h"
#include "controller/tap_int.h"

enum {
  POSTS = 65536,   /* that wait at a time; then its threads wait */
  NOTES = 256,     /* taken at a time */
  NOTED = 1 << 20, /* taken during one question: each may leave a job behind */
  CLOSED_MS = 200
};

/* What the child wants to be asked later. */
struct errand {
  struct nvt_isolated *isolated;
  uint64_t function, argument; /* the child's own; opaque here */
};

static void run(const struct errand *errand) {
  struct nvt_isolated *s = errand->isolated;
  struct isolated_up answer;
  if (s->cause != 0)
    return;
  s->shared->to_child.arg[0] = errand->function;
  s->shared->to_child.arg[1] = errand->argument;
  if (!nvt_isolated_ask(s, ISOLATED_RUN, s->options.timeout, &answer))
    nvt_isolated_died(s, NULL);
}

static void run_timer(void *arg) {
  run(arg);
}

static void run_post(void *arg) {
  const struct errand *errand = arg;
  errand->isolated->posts--;
  run(errand);
}

static int timer_start(struct nvt_isolated *s, const struct isolated_up *call, uint64_t *id) {
  const struct errand errand = {s, call->arg[1], call->arg[2]};
  return nvt_host_timer_start_copy(s->plugin->host, s->plugin, call->arg[0], run_timer, &errand,
                                   sizeof(errand), id);
}

static void post(struct nvt_isolated *s, uint64_t function, uint64_t argument) {
  const struct errand errand = {s, function, argument};
  if (nvt_host_post_copy(s->plugin->host, s->plugin, run_post, &errand, sizeof(errand)) == 0)
    s->posts++;
}

/* A copy between the guest and the piece. */
static int copy_data(struct nvt_isolated *s, const struct isolated_up *call) {
  struct nvt_controller *c = nvt_host_controller_of(s->plugin->host, call->arg[0]);
  if (c == NULL)
    return -ENOENT;
  return call->arg[2] > NVT_ISOLATED_PIECE
             ? -EINVAL
             : nvt_command_data(c, call->arg[0], call->arg[1], s->shared->piece, call->arg[2],
                                call->kind == ISOLATED_CMD_WRITE);
}

static int attach(struct nvt_isolated *s, const struct isolated_up *call) {
  char tap[sizeof(call->text)];
  memcpy(tap, call->text, sizeof(tap));
  tap[sizeof(tap) - 1] = '\0';
  nvt_isolated_printable(tap);
  if (call->kind == ISOLATED_DETACH)
    return nvt_plugin_unhook(s->plugin, tap);
  return nvt_plugin_hook(s->plugin, tap, (int32_t)(uint32_t)call->arg[1],
                         (void *)(uintptr_t)call->arg[0]);
}

static int post_completion(const struct nvt_isolated *s, struct nvt_controller *c,
                           const struct isolated_up *call) {
  const struct nvt_tap_event *about = s->asked;
  uint8_t opcode = 0;
  if (about != NULL && nvt_tap_member(about->tap) == NVT_MEMBER_command &&
      about->command.sqid == call->cqe.sqid && about->command.cqe->cid == call->cqe.cid)
    opcode = about->command.sqe->opcode;
  return call->arg[1] > UINT16_MAX ? -ENOENT
                                   : nvt_inject_completion(c, (uint16_t)call->arg[1], &call->cqe,
                                                           opcode, s->plugin->name);
}

/* What names a controller by its bdf. */
static int addressed(struct nvt_isolated *s, const struct isolated_up *call) {
  const char *by = s->plugin->name;
  struct nvt_controller *c = call->arg[0] > UINT32_MAX
                                 ? NULL
                                 : nvt_host_controller_at(s->plugin->host, (uint32_t)call->arg[0]);
  if (c == NULL)
    return -ENODEV;
  switch (call->kind) {
  case ISOLATED_MEMORY_READ:
  case ISOLATED_MEMORY_WRITE:
    return call->arg[2] > NVT_ISOLATED_PIECE
               ? -EINVAL
               : nvt_guest_memory(c, call->arg[1], s->shared->piece, call->arg[2],
                                  call->kind == ISOLATED_MEMORY_WRITE);
  case ISOLATED_EVENT_RAISE:
    return nvt_inject_event(c, (uint8_t)call->arg[1], (uint8_t)call->arg[2], (uint8_t)call->arg[3],
                            by);
  case ISOLATED_COMPLETION_POST:
    return post_completion(s, c, call);
  case ISOLATED_INTERRUPT_RAISE:
    return call->arg[1] > UINT16_MAX ? -EINVAL
                                     : nvt_inject_interrupt(c, (uint16_t)call->arg[1], by);
  case ISOLATED_CQID:
    return call->arg[1] > UINT16_MAX ? -ENOENT : nvt_completion_queue(c, (uint16_t)call->arg[1]);
  case ISOLATED_FATAL:
    return nvt_inject_fatal(c, by);
  case ISOLATED_REMOVE:
    return nvt_inject_removal(c, by);
  default:
    return nvt_inject_return(c, by);
  }
}

void nvt_isolated_serve(struct nvt_isolated *s, const struct isolated_up *call) {
  uint64_t id = 0;
  int result;
  switch (call->kind) {
  case ISOLATED_ATTACH:
  case ISOLATED_DETACH:
    result = attach(s, call);
    break;
  case ISOLATED_TIMER_START:
    result = timer_start(s, call, &id);
    break;
  case ISOLATED_TIMER_STOP:
    result = nvt_host_timer_stop(s->plugin->host, call->arg[0]);
    break;
  case ISOLATED_CMD_READ:
  case ISOLATED_CMD_WRITE:
    result = copy_data(s, call);
    break;
  default:
    result = addressed(s, call);
    break;
  }
  /* Only now: what was done may have asked the child in between. */
  s->shared->to_child.result = result;
  s->shared->to_child.arg[0] = id;
}

bool nvt_isolated_note(struct nvt_isolated *s, const struct isolated_note *note, size_t length) {
  if (length != sizeof(*note))
    return false;
  struct nplugin *self = (struct nplugin *)(void *)s->plugin;
  const struct nvme_completion *cmp = (const struct nvme_completion *)(const void *)&note->cqe;
  switch (note->kind) {
  case ISOLATED_WAKE:
    return true;
  case ISOLATED_COMPLETE:
    (void)nvt_plugin_calls_local.cmd_release(self, note->arg[0], cmp);
    return true;
  case ISOLATED_CONTINUE:
    (void)nvt_plugin_calls_local.cmd_release(self, note->arg[0], NULL);
    return true;
  case ISOLATED_POST:
    post(s, note->arg[0], note->arg[1]);
    return true;
  default:
    return false;
  }
}

/* The other end is closed: that comes a little before the process's end is known, unless
 * the plug-in itself closed it. Who waits for an answer sees the end by itself. */
static void closed(struct nvt_isolated *s) {
  struct pollfd end = {.fd = s->pidfd, .events = POLLIN};
  if (poll(&end, 1, CLOSED_MS) <= 0) {
    s->closed = true;
    nvt_isolated_end(s, NVT_DIED_SCRIBBLE);
  } else if (s->depth == 0) {
    nvt_isolated_end(s, 0);
  }
}

void nvt_isolated_notes(struct nvt_isolated *s) {
  if (s->depth == 0) /* the jobs are done between two looks */
    s->noted = 0;
  for (unsigned i = 0; i < NOTES && s->posts < POSTS && s->noted < NOTED && s->cause == 0; i++) {
    s->noted++;
    struct isolated_note note;
    ssize_t n = recv(s->socket, &note, sizeof(note), MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (n <= 0) {
      closed(s);
      return;
    }
    if (!nvt_isolated_note(s, &note, (size_t)n))
      nvt_isolated_end(s, NVT_DIED_SCRIBBLE);
  }
}
