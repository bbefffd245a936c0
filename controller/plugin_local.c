/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plug-ins in the controller's process. Which one is speaking is kept in a thread-local
 * while its code runs: in setup(), in teardown(), in its callbacks, timers and posts.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/host.h"
#include "controller/inject.h"
#include "controller/log.h"
#include "controller/plugin_calls_int.h"
#include "controller/plugin_local_int.h"
#include "controller/tap_int.h"

/* plugin.h stands alone where it is installed; here it is held to the tables. */
#define SAME(ours, field, theirs, its)                                                             \
  _Static_assert(offsetof(struct ours, field) == offsetof(struct theirs, its) &&                   \
                     sizeof(((struct ours *)0)->field) == sizeof(((struct theirs *)0)->its),       \
                 #theirs "." #its)
_Static_assert(sizeof(struct nvme_command) == sizeof(struct nvt_sqe), "nvme_command");
_Static_assert(sizeof(struct nvme_completion) == sizeof(struct nvt_cqe), "nvme_completion");
SAME(nvt_sqe, opcode, nvme_command, opc);
SAME(nvt_sqe, flags, nvme_command, fuse);
SAME(nvt_sqe, cid, nvme_command, cid);
SAME(nvt_sqe, nsid, nvme_command, nsid);
SAME(nvt_sqe, cdw2, nvme_command, rsvd2);
SAME(nvt_sqe, cdw3, nvme_command, rsvd3);
SAME(nvt_sqe, mptr, nvme_command, mptr);
SAME(nvt_sqe, prp1, nvme_command, prp1);
SAME(nvt_sqe, prp2, nvme_command, prp2);
SAME(nvt_sqe, cdw10, nvme_command, cdw10);
SAME(nvt_sqe, cdw15, nvme_command, cdw15);
SAME(nvt_cqe, dw0, nvme_completion, cdw0);
SAME(nvt_cqe, sqhd, nvme_completion, sqhd);
SAME(nvt_cqe, sqid, nvme_completion, sqid);
SAME(nvt_cqe, cid, nvme_completion, cid);
SAME(nvt_cqe, status, nvme_completion, status);
_Static_assert(NPLUGIN_CONTINUE == NVT_VERDICT_CONTINUE && NPLUGIN_FINISH == NVT_VERDICT_COMPLETE &&
                   NPLUGIN_HOLD == NVT_VERDICT_HOLD && NPLUGIN_DROP == NVT_VERDICT_DROP,
               "answers are verdicts");

typedef int step_fn(void);
typedef int control_fn(const char *text, char *answer, size_t length);

struct local {
  void *library;
  step_fn *teardown; /* NULL until setup() has succeeded */
  control_fn *control;
};

static __thread struct nvt_plugin *speaking;
static __thread const struct nvt_tap_event *happening;

/* Object to function pointer, as dlsym() needs it: POSIX, not ISO C. */
#define FUNCTION(type, pointer)                                                                    \
  (((union {                                                                                       \
     void *object;                                                                                 \
     type *function;                                                                               \
   }){.object = (pointer)})                                                                        \
       .function)

int nvt_plugin_callback(void *cb, const struct nvt_tap_event *event) {
  uint32_t bdf = event->pci_address;
  switch (event->tap) {
  case NVT_TAP_ADMIN_DECODE:
  case NVT_TAP_IO_DECODE:
  case NVT_TAP_ADMIN_EXECUTE:
  case NVT_TAP_IO_EXECUTE:
    return FUNCTION(nplugin_decode_fn, cb)(bdf, (struct nvme_command *)(void *)event->command.sqe,
                                           (struct nvme_completion *)(void *)event->command.cqe,
                                           event->command.sqid);
  case NVT_TAP_ADMIN_WRITEBACK:
  case NVT_TAP_IO_WRITEBACK:
    return FUNCTION(nplugin_writeback_fn, cb)(
        bdf, (struct nvme_completion *)(void *)event->command.cqe, event->command.sqid);
  case NVT_TAP_PCI_REGREAD:
  case NVT_TAP_PCI_REGWRITE:
  case NVT_TAP_REGREAD:
  case NVT_TAP_REGWRITE:
  case NVT_TAP_MSIXREAD:
  case NVT_TAP_MSIXWRITE:
    return FUNCTION(nplugin_access_fn, cb)(bdf, event->access.offset, event->access.size,
                                           event->access.value);
  case NVT_TAP_PCI_MSIX:
    return FUNCTION(nplugin_msix_fn, cb)(bdf, event->interrupt.vector, event->interrupt.address,
                                         event->interrupt.data);
  case NVT_TAP_ADMIN_MEMORY:
  case NVT_TAP_IO_MEMORY:
    return FUNCTION(nplugin_memory_fn, cb)(bdf, event->data.sqid, event->data.cid, event->data.kind,
                                           event->data.direction, event->data.address,
                                           event->data.bytes, event->data.length);
  case NVT_TAP_SHADOW:
    return FUNCTION(nplugin_shadow_fn, cb)(bdf, event->shadow.qid, event->shadow.is_cq,
                                           event->shadow.event_index, event->shadow.value);
  case NVT_TAP_DEVICE_EVENT:
    return FUNCTION(nplugin_event_fn, cb)(bdf, event->event.event, event->event.qid,
                                          event->event.code, event->event.address,
                                          event->event.size);
  case NVT_TAP_VERDICT:
    return FUNCTION(nplugin_verdict_fn, cb)(bdf, event->verdict.plugin, event->verdict.verdict,
                                            event->verdict.sqid, event->verdict.cid,
                                            event->verdict.status);
  case NVT_TAP_ADMIN_FETCH:
  case NVT_TAP_IO_FETCH:
    return FUNCTION(nplugin_fetch_fn, cb)(bdf, event->fetch.sqid, event->fetch.head,
                                          event->fetch.tail, event->fetch.unacknowledged);
  case NVT_TAP_ADMIN_INTERRUPT:
  case NVT_TAP_IO_INTERRUPT:
    return FUNCTION(nplugin_interrupt_fn, cb)(bdf, event->interrupt.cqid, event->interrupt.vector);
  case NVT_TAP_COUNT:
    break;
  }
  return 0;
}

/* Let a plug-in speak: put back what was before. */
struct turn {
  struct nvt_plugin *speaking;
  const struct nvt_tap_event *happening;
};
static struct turn begin(struct nvt_plugin *plugin, const struct nvt_tap_event *event) {
  struct turn was = {speaking, happening};
  speaking = plugin;
  happening = event;
  return was;
}
static void finish(struct turn was) {
  speaking = was.speaking;
  happening = was.happening;
}

static enum nvt_verdict called(void *user, const struct nvt_tap_event *event) {
  const struct nvt_hook *hook = user;
  struct turn was = begin(hook->plugin, event);
  int answer;
  if (event->tap == NVT_TAP_IO_DECODE) /* what most are attached to, and the most often called */
    answer = FUNCTION(nplugin_decode_fn, hook->callback)(
        event->pci_address, (struct nvme_command *)(void *)event->command.sqe,
        (struct nvme_completion *)(void *)event->command.cqe, event->command.sqid);
  else
    answer = nvt_plugin_callback(hook->callback, event);
  finish(was);
  return answer >= NPLUGIN_CONTINUE && answer <= NPLUGIN_DROP ? (enum nvt_verdict)answer
                                                              : NVT_VERDICT_COMPLETE;
}

/* --- what plug-ins call --- */

static int local_attach(const char *name, void *cb, int order) {
  if (speaking == NULL)
    return -EPERM;
  if (name == NULL || cb == NULL)
    return -EINVAL;
  return nvt_plugin_hook(speaking, name, order, cb);
}

static int local_detach(const char *name) {
  if (speaking == NULL)
    return -EPERM;
  return name == NULL ? -ENOENT : nvt_plugin_unhook(speaking, name);
}

static const char *local_args(void) {
  return speaking == NULL ? "" : speaking->args;
}

static bool about(enum nvt_tap_member member) {
  return happening != NULL && nvt_tap_member(happening->tap) == member;
}

static struct nvme_command *local_find_cmd(uint32_t sqid, uint16_t cid) {
  if (!about(NVT_MEMBER_command) || happening->command.sqid != sqid ||
      happening->command.cqe->cid != cid)
    return NULL;
  return (struct nvme_command *)(void *)happening->command.sqe;
}

static int local_value_set(uint64_t value) {
  if (!about(NVT_MEMBER_access) || happening->access.change == NULL)
    return -EPERM;
  *happening->access.change = value;
  return 0;
}

static void *local_data_writable(void) {
  return about(NVT_MEMBER_data) ? nvt_tap_writable(happening) : NULL;
}

static struct nplugin *local_self(void) {
  return (struct nplugin *)(void *)speaking;
}

static uint64_t local_handle(void) {
  return about(NVT_MEMBER_command) ? happening->command.handle : 0;
}

struct release {
  struct nvt_plugin_host *host;
  uint64_t handle;
  struct nvt_cqe cqe;
  bool answered;
};

static void release(void *arg) {
  const struct release *r = arg;
  struct nvt_controller *c = nvt_host_controller_of(r->host, r->handle);
  if (c != NULL) /* a reset may have taken the command: then there is nothing to do */
    (void)nvt_command_release(c, r->handle, r->answered ? &r->cqe : NULL);
}

static int local_release(struct nplugin *self, uint64_t handle, const struct nvme_completion *cmp) {
  const struct nvt_plugin *plugin = (const struct nvt_plugin *)(const void *)self;
  if (plugin == NULL || handle == 0)
    return -EINVAL;
  struct release job = {.host = plugin->host, .handle = handle, .answered = cmp != NULL};
  if (cmp != NULL)
    memcpy(&job.cqe, cmp, sizeof(job.cqe));
  return nvt_host_post_copy(plugin->host, plugin->name, release, &job, sizeof(job));
}

static int local_cmd_data(uint64_t handle, uint64_t offset, void *bytes, size_t length,
                          bool write) {
  if (speaking == NULL)
    return -EPERM;
  struct nvt_controller *c = nvt_host_controller_of(speaking->host, handle);
  return c == NULL ? -ENOENT : nvt_command_data(c, handle, offset, bytes, length, write);
}

/* The controller that a plug-in means; NULL with the error. */
static struct nvt_controller *addressed(uint32_t bdf, int *error) {
  *error = -EPERM;
  if (speaking == NULL)
    return NULL;
  *error = -ENODEV;
  return nvt_host_controller_at(speaking->host, bdf);
}

static int local_memory(uint32_t bdf, uint64_t address, void *bytes, size_t length, bool write) {
  int error;
  struct nvt_controller *c = addressed(bdf, &error);
  return c == NULL ? error : nvt_guest_memory(c, address, bytes, length, write);
}

/* A plug-in's function for later. */
struct later {
  struct nvt_plugin *plugin;
  void (*call)(void *arg);
  void *arg;
};

void nvt_plugin_run(struct nvt_plugin *plugin, void (*call)(void *arg), void *arg) {
  struct turn was = begin(plugin, NULL);
  call(arg);
  finish(was);
}

static void run_later(void *arg) {
  const struct later *later = arg;
  nvt_plugin_run(later->plugin, later->call, later->arg);
}

static int local_post(struct nplugin *self, void (*call)(void *arg), void *arg) {
  struct nvt_plugin *plugin = (struct nvt_plugin *)(void *)self;
  const struct later later = {plugin, call, arg};
  return nvt_host_post_copy(plugin->host, plugin, run_later, &later, sizeof(later));
}

static int local_timer_start(uint64_t ns, void (*call)(void *arg), void *arg, uint64_t *id) {
  if (speaking == NULL)
    return -EPERM;
  const struct later later = {speaking, call, arg};
  return nvt_host_timer_start_copy(speaking->host, speaking, ns, run_later, &later, sizeof(later),
                                   id);
}

static int local_timer_stop(uint64_t id) {
  return speaking == NULL ? -EPERM : nvt_host_timer_stop(speaking->host, id);
}

static int local_event(uint32_t bdf, uint8_t type, uint8_t information, uint8_t log_page) {
  int error;
  struct nvt_controller *c = addressed(bdf, &error);
  return c == NULL ? error : nvt_inject_event(c, type, information, log_page, speaking->name);
}

static int local_completion(uint32_t bdf, uint32_t cqid, const struct nvme_completion *cmp) {
  int error;
  struct nvt_controller *c = addressed(bdf, &error);
  if (c == NULL)
    return error;
  struct nvt_cqe cqe;
  memcpy(&cqe, cmp, sizeof(cqe));
  const struct nvme_command *about = local_find_cmd(cmp->sqid, cmp->cid);
  return cqid > UINT16_MAX ? -ENOENT
                           : nvt_inject_completion(c, (uint16_t)cqid, &cqe,
                                                   about == NULL ? 0 : about->opc, speaking->name);
}

static int local_cqid(uint32_t bdf, uint32_t sqid) {
  int error;
  struct nvt_controller *c = addressed(bdf, &error);
  if (c == NULL)
    return error;
  return sqid > UINT16_MAX ? -ENOENT : nvt_completion_queue(c, (uint16_t)sqid);
}

static int local_interrupt(uint32_t bdf, uint32_t vector) {
  int error;
  struct nvt_controller *c = addressed(bdf, &error);
  if (c == NULL)
    return error;
  return vector > UINT16_MAX ? -EINVAL : nvt_inject_interrupt(c, (uint16_t)vector, speaking->name);
}

static int local_controller(uint32_t bdf, int what) {
  int error;
  struct nvt_controller *c = addressed(bdf, &error);
  if (c == NULL)
    return error;
  switch ((enum nvt_plugin_fate)what) {
  case NVT_FATE_FATAL:
    return nvt_inject_fatal(c, speaking->name);
  case NVT_FATE_REMOVE:
    return nvt_inject_removal(c, speaking->name);
  case NVT_FATE_RETURN:
    return nvt_inject_return(c, speaking->name);
  }
  return -EINVAL;
}

const struct nvt_plugin_calls nvt_plugin_calls_local = {
    .tap_attach = local_attach,
    .tap_detach = local_detach,
    .args = local_args,
    .find_cmd = local_find_cmd,
    .value_set = local_value_set,
    .data_writable = local_data_writable,
    .self = local_self,
    .cmd_handle = local_handle,
    .cmd_release = local_release,
    .cmd_data = local_cmd_data,
    .memory = local_memory,
    .post = local_post,
    .timer_start = local_timer_start,
    .timer_stop = local_timer_stop,
    .event_raise = local_event,
    .completion_post = local_completion,
    .cqid = local_cqid,
    .interrupt_raise = local_interrupt,
    .controller = local_controller,
};

/* --- life --- */

static int open_library(struct nvt_plugin *plugin, struct local *local, char *why, size_t whylen) {
  local->library = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
  if (local->library == NULL)
    return nvt_plugin_refuse(-ENOEXEC, why, whylen, "plug-in %s: it can't be loaded: %s",
                             plugin->path, dlerror());
  for (const struct nvt_plugin *other = plugin->host->plugins; other != NULL; other = other->next)
    if (other->kind == plugin->kind &&
        ((const struct local *)other->state)->library == local->library)
      return nvt_plugin_refuse(
          -EEXIST, why, whylen,
          "plug-in %s: already loaded; a copy of the file can be loaded beside it", plugin->path);
  return 0;
}

int nvt_plugin_symbols(void *library, const char *path, struct nvt_plugin_symbols *out, char *why,
                       size_t whylen) {
  out->setup = FUNCTION(step_fn, dlsym(library, "setup"));
  out->teardown = FUNCTION(step_fn, dlsym(library, "teardown"));
  out->control = FUNCTION(control_fn, dlsym(library, "control"));
  if (out->setup == NULL || out->teardown == NULL)
    return nvt_plugin_refuse(
        -ENOEXEC, why, whylen,
        "plug-in %s: it has no function %s; a plug-in needs 'int setup(void)' and "
        "'int teardown(void)'",
        path, out->setup == NULL ? "setup()" : "teardown()");
  /* The talk's own have none: they use what version 1 had, and that stays. */
  const uint32_t *version = dlsym(library, "nplugin_version");
  if (version != NULL && *version != NPLUGIN_VERSION)
    return nvt_plugin_refuse(-ENOEXEC, why, whylen,
                             "plug-in %s: built for version %u of plugin.h, this nvmetap has "
                             "version %u; build it again with this one's plugin.h",
                             path, *version, NPLUGIN_VERSION);
  return 0;
}

static int local_start(struct nvt_plugin *plugin, char *why, size_t whylen) {
  struct local *local = calloc(1, sizeof(*local));
  if (local == NULL)
    return nvt_plugin_refuse(-ENOMEM, why, whylen, "plug-in %s: out of memory", plugin->path);
  plugin->state = local;
  int error = open_library(plugin, local, why, whylen);
  struct nvt_plugin_symbols symbols;
  if (error == 0)
    error = nvt_plugin_symbols(local->library, plugin->path, &symbols, why, whylen);
  if (error != 0)
    return error;
  local->control = symbols.control;
  struct turn was = begin(plugin, NULL);
  int answer = symbols.setup();
  finish(was);
  if (answer != 0)
    return nvt_plugin_refuse(-ECANCELED, why, whylen, "plug-in %s: its setup() failed (%d)",
                             plugin->path, answer);
  local->teardown = symbols.teardown;
  return 0;
}

static void local_end(struct nvt_plugin *plugin) {
  struct local *local = plugin->state;
  if (local == NULL || local->teardown == NULL)
    return;
  struct turn was = begin(plugin, NULL);
  int answer = local->teardown();
  finish(was);
  if (answer != 0)
    nvt_log(NVT_LOG_NORMAL, "plug-in %s: its teardown() failed (%d)", plugin->name, answer);
}

static void local_close(struct nvt_plugin *plugin) {
  struct local *local = plugin->state;
  if (local != NULL && local->library != NULL)
    dlclose(local->library);
  free(local);
}

static int local_control(struct nvt_plugin *plugin, const char *text, char *answer, size_t length) {
  const struct local *local = plugin->state;
  if (local->control == NULL)
    return -ENOTSUP;
  struct turn was = begin(plugin, NULL);
  int result = local->control(text, answer, length);
  finish(was);
  return result;
}

const struct nvt_plugin_kind nvt_plugin_local = {
    .name = "in process",
    .start = local_start,
    .end = local_end,
    .close = local_close,
    .control = local_control,
    .called = called,
};
