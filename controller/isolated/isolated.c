/* SPDX-License-Identifier: BSD-2-Clause */
/* The kind of plug-in that runs in a process of its own: what the host does with it. */
#include "controller/isolated/isolated.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/host.h"
#include "controller/isolated/isolated_int.h"
#include "controller/log.h"
#include "controller/tap_int.h"

#define SLOW 10u /* setup() and teardown() have so many times a callback's time */

static void internal_error(struct nvt_cqe *cqe) {
  cqe->dw0 = cqe->dw1 = 0;
  cqe->status = (uint16_t)(NVT_SC_INTERNAL_DEVICE_ERROR << 1 | (cqe->status & 1));
}

static void tell(const struct nvt_isolated *s, const struct nvt_tap_event *event) {
  char cause[128], where[128] = "";
  nvt_isolated_cause(s, cause, sizeof(cause));
  if (event != NULL && nvt_tap_member(event->tap) == NVT_MEMBER_command)
    snprintf(where, sizeof(where), " at %s, sq %u cid %04xh", nvt_tap_name(event->tap),
             event->command.sqid, event->command.cqe->cid);
  else if (event != NULL)
    snprintf(where, sizeof(where), " at %s", nvt_tap_name(event->tap));
  nvt_log(NVT_LOG_NORMAL,
          "isolated plug-in %s %s%s; it is detached, and the commands that it had %s. "
          "Unloaded and loaded again ('nvmetap ctl PATH plugin …'), it starts anew",
          s->plugin->name, cause, where,
          s->options.policy == NVT_DEATH_FAIL ? "fail with Internal Error" : "go on");
}

void nvt_isolated_died(struct nvt_isolated *s, const struct nvt_tap_event *event) {
  if (s->told || !s->started)
    return;
  s->told = true;
  tell(s, event);
  struct nvt_cqe failed = {0};
  internal_error(&failed);
  nvt_plugin_died(s->plugin, event, s->options.policy == NVT_DEATH_FAIL ? &failed : NULL, s->cause);
}

/* Everything but pointers, which mean nothing there. */
static void put_event(struct isolated_down *to, const struct nvt_tap_event *event) {
  struct nvt_tap_event copy = *event;
  copy.device = NULL;
  copy.decided_by = NULL;
  switch (nvt_tap_member(event->tap)) {
  case NVT_MEMBER_access:
    copy.access.change = NULL;
    to->writable = event->access.change != NULL;
    break;
  case NVT_MEMBER_command:
    copy.command.sqe = NULL;
    copy.command.cqe = NULL;
    to->sqe = *event->command.sqe;
    to->cqe = *event->command.cqe;
    break;
  case NVT_MEMBER_data:
    copy.data.bytes = copy.data.writable = NULL;
    copy.data.changed = NULL;
    to->writable = event->data.writable != NULL;
    break;
  case NVT_MEMBER_verdict:
    copy.verdict.plugin = NULL;
    snprintf(to->plugin, sizeof(to->plugin), "%s", event->verdict.plugin);
    break;
  default:
    break;
  }
  to->event = copy;
}

static void take_changes(const struct isolated_up *answer, const struct nvt_tap_event *event) {
  if (nvt_tap_member(event->tap) == NVT_MEMBER_command) {
    *event->command.sqe = answer->sqe;
    *event->command.cqe = answer->cqe;
  } else if (nvt_tap_member(event->tap) == NVT_MEMBER_access && event->access.change != NULL &&
             (answer->changed & ISOLATED_CHANGED_VALUE) != 0) {
    *event->access.change = answer->value;
  }
}

static bool ask_event(struct nvt_isolated *s, const struct nvt_hook *hook,
                      const struct nvt_tap_event *event, struct isolated_up *answer) {
  struct isolated_down *to = &s->shared->to_child;
  put_event(to, event);
  to->arg[0] = (uint64_t)(uintptr_t)hook->callback;
  const struct nvt_tap_event *was = s->asked;
  s->asked = event;
  bool alive = nvt_isolated_ask(s, ISOLATED_EVENT, s->options.timeout, answer);
  s->asked = was;
  if (!alive)
    return false;
  if (answer->result >= NVT_VERDICT_CONTINUE && answer->result <= NVT_VERDICT_DROP)
    return true;
  nvt_isolated_end(s, NVT_DIED_SCRIBBLE);
  return false;
}

/* Data goes into the shared memory and, when changed, back, in pieces if it must. */
static bool ask_data(struct nvt_isolated *s, const struct nvt_hook *hook,
                     const struct nvt_tap_event *event) {
  uint32_t at = s->data_used, room = NVT_ISOLATED_DATA - at;
  struct nvt_tap_event piece = *event;
  bool alive = true;
  for (uint32_t done = 0; alive && room != 0 && (done < event->data.length || done == 0);) {
    struct isolated_up answer;
    uint32_t length = event->data.length - done < room ? event->data.length - done : room;
    piece.data.address = event->data.address + done;
    piece.data.offset = event->data.offset + done;
    piece.data.length = length;
    memcpy(s->shared->data + at, event->data.bytes + done, length);
    s->shared->to_child.data = at;
    /* So that data within a call within this question finds its own place. */
    s->data_used = (at + length + 63) & ~63u;
    alive = ask_event(s, hook, &piece, &answer);
    s->data_used = at;
    if (alive && (answer.changed & ISOLATED_CHANGED_DATA) != 0 && event->data.writable != NULL)
      memcpy(nvt_tap_writable(event) + done, s->shared->data + at, length);
    done += length;
    if (length == 0)
      break;
  }
  return alive;
}

static enum nvt_verdict called(void *user, const struct nvt_tap_event *event) {
  const struct nvt_hook *hook = user;
  struct nvt_isolated *s = hook->plugin->state;
  struct isolated_up answer = {.result = NVT_VERDICT_CONTINUE};
  if (s->cause == 0 && s->depth >= NVT_ISOLATED_DEPTH)
    return NVT_VERDICT_CONTINUE;
  bool alive = nvt_tap_member(event->tap) == NVT_MEMBER_data ? ask_data(s, hook, event)
                                                             : ask_event(s, hook, event, &answer);
  if (alive) {
    take_changes(&answer, event);
    return (enum nvt_verdict)answer.result;
  }
  nvt_isolated_died(s, event);
  if (s->options.policy != NVT_DEATH_FAIL || nvt_tap_member(event->tap) != NVT_MEMBER_command)
    return NVT_VERDICT_CONTINUE;
  internal_error(event->command.cqe);
  return NVT_VERDICT_COMPLETE;
}

static void socket_ready(void *arg) {
  struct nvt_isolated *s = arg;
  nvt_isolated_notes(s);
  if (s->cause != 0)
    nvt_isolated_died(s, NULL);
}

static void process_ended(void *arg) {
  struct nvt_isolated *s = arg;
  nvt_isolated_end(s, 0);
  nvt_isolated_died(s, NULL);
}

/* The piece, up to its 0, wherever the child put that. */
static void take_text(const struct nvt_isolated *s, char *to, size_t length) {
  if (length == 0)
    return;
  size_t most = length - 1 < NVT_ISOLATED_PIECE ? length - 1 : NVT_ISOLATED_PIECE;
  memcpy(to, s->shared->piece, most);
  to[most] = '\0';
  nvt_isolated_printable(to);
}

/* Path, arguments and name, each with its 0. */
static int put_start(struct nvt_isolated *s, const struct nvt_plugin *plugin) {
  const char *const texts[] = {plugin->path, plugin->args, plugin->name};
  size_t used = 0;
  for (unsigned i = 0; i < 3; i++) {
    size_t length = strlen(texts[i]) + 1;
    if (length > NVT_ISOLATED_PIECE - used)
      return -E2BIG;
    memcpy(s->shared->piece + used, texts[i], length);
    used += length;
  }
  return 0;
}

static int start(struct nvt_plugin *plugin, char *why, size_t whylen) {
  struct nvt_isolated *s = plugin->state;
  s->plugin = plugin;
  int error = nvt_isolated_spawn(s, plugin->path, why, whylen);
  if (error != 0)
    return error;
  if (put_start(s, plugin) != 0)
    return nvt_plugin_refuse(-E2BIG, why, whylen, "plug-in %s: its arguments are too long",
                             plugin->path);
  struct isolated_up answer;
  if (!nvt_isolated_ask(s, ISOLATED_START, SLOW * s->options.timeout, &answer)) {
    char cause[128];
    nvt_isolated_cause(s, cause, sizeof(cause));
    return nvt_plugin_refuse(-ESRCH, why, whylen, "plug-in %s: in its setup() it %s", plugin->path,
                             cause);
  }
  if (answer.result != 0) {
    take_text(s, why, whylen);
    return answer.result < 0 && answer.result >= -4095 ? (int)answer.result : -ECANCELED;
  }
  error = nvt_host_watch(plugin->host, plugin, s->socket, socket_ready, s);
  if (error == 0)
    error = nvt_host_watch(plugin->host, plugin, s->pidfd, process_ended, s);
  if (error != 0)
    return nvt_plugin_refuse(error, why, whylen, "plug-in %s: its process can't be watched: %s",
                             plugin->path, strerror(-error));
  s->started = true;
  return 0;
}

/* teardown(), and the child's own clean end. */
static void stop_child(struct nvt_isolated *s) {
  struct isolated_up answer;
  bool alive = nvt_isolated_ask(s, ISOLATED_STOP, SLOW * s->options.timeout, &answer);
  if (alive) /* what teardown() completed */
    nvt_isolated_notes(s);
  struct pollfd end = {.fd = s->pidfd, .events = POLLIN};
  if (alive) {
    int ms = (int)(SLOW * s->options.timeout / 1000000);
    nvt_isolated_end(s, poll(&end, 1, ms < 0 ? -1 : ms) > 0 ? 0 : NVT_DIED_HANG);
    alive = s->cause == NVT_DIED_EXIT(0);
  }
  if (alive)
    return;
  char cause[128];
  nvt_isolated_cause(s, cause, sizeof(cause));
  nvt_log(NVT_LOG_NORMAL, "isolated plug-in %s: in its teardown() it %s", s->plugin->name, cause);
}

static void end(struct nvt_plugin *plugin) {
  struct nvt_isolated *s = plugin->state;
  if (s == NULL)
    return;
  if (s->started && s->cause == 0)
    stop_child(s);
  nvt_isolated_end(s, NVT_DIED_SIGNAL(SIGKILL));
}

static void close_all(struct nvt_plugin *plugin) {
  struct nvt_isolated *s = plugin->state;
  if (s == NULL)
    return;
  nvt_isolated_close(s);
  free(s->program);
  free(s);
  plugin->state = NULL;
}

static int control(struct nvt_plugin *plugin, const char *text, char *answer, size_t length) {
  struct nvt_isolated *s = plugin->state;
  size_t size = strlen(text) + 1;
  if (size > NVT_ISOLATED_PIECE)
    return -E2BIG;
  if (s->cause != 0)
    return -ESRCH;
  struct isolated_up up;
  memcpy(s->shared->piece, text, size);
  s->shared->to_child.arg[0] = length < NVT_ISOLATED_PIECE ? length : NVT_ISOLATED_PIECE;
  if (!nvt_isolated_ask(s, ISOLATED_CONTROL, s->options.timeout, &up)) {
    nvt_isolated_died(s, NULL);
    return -ESRCH;
  }
  take_text(s, answer, length);
  return up.result < INT32_MIN || up.result > INT32_MAX ? -EIO : (int)up.result;
}

const struct nvt_plugin_kind nvt_plugin_isolated = {.name = "isolated",
                                                    .start = start,
                                                    .end = end,
                                                    .close = close_all,
                                                    .control = control,
                                                    .called = called};

static void set_options(struct nvt_isolated *s, const struct nvt_isolation_options *options) {
  s->socket = s->pidfd = -1;
  s->wait = nvt_isolated_wait;
  if (options != NULL)
    s->options = *options;
  if (s->options.timeout == 0)
    s->options.timeout = NVT_ISOLATION_TIMEOUT;
}

int nvt_plugin_load_isolated(struct nvt_plugin_host *host, const char *spec,
                             const struct nvt_isolation_options *options, char *why,
                             size_t whylen) {
  if (*spec == '\0' || *spec == ',')
    return nvt_plugin_load_kind(host, spec, &nvt_plugin_isolated, NULL, why, whylen);
  struct nvt_isolated *s = calloc(1, sizeof(*s));
  if (s != NULL)
    set_options(s, options);
  if (s != NULL && s->options.program != NULL)
    s->program = strdup(s->options.program);
  if (s == NULL || (s->options.program != NULL && s->program == NULL)) {
    free(s);
    return nvt_plugin_refuse(-ENOMEM, why, whylen, "plug-in %s: out of memory", spec);
  }
  return nvt_plugin_load_kind(host, spec, &nvt_plugin_isolated, s, why, whylen);
}
