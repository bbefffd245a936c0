/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plug-ins: loading, and the talk's small API on top of the taps.
 *
 * That API has no handle, so which plug-in is speaking is kept in a thread-local
 * while its code runs: in setup(), in teardown(), in its callbacks.
 */
#include "controller/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "controller/tap.h"
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

enum { ATTACHMENTS_MAX = 64 }; /* of one plug-in */

typedef int step_fn(void);

struct nvt_plugin {
  struct nvt_plugin_host *host;
  struct nvt_plugin *next;
  void *library;
  step_fn *teardown;
  char *name; /* file's name without folder and ".so" */
  char *args;
  struct hook {
    struct nvt_plugin *plugin;
    void *callback;
    struct nvt_attachment *attachment; /* NULL: free */
    enum nvt_tap_id tap;
  } hooks[ATTACHMENTS_MAX];
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

static int call(const struct hook *hook, const struct nvt_tap_event *event) {
  uint32_t bdf = event->pci_address;
  void *cb = hook->callback;
  switch (event->tap) {
  case NVT_TAP_ADMIN_DECODE:
  case NVT_TAP_IO_DECODE:
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
  case NVT_TAP_COUNT:
    break;
  }
  return 0;
}

static enum nvt_verdict hooked(void *user, const struct nvt_tap_event *event) {
  struct hook *hook = user;
  struct nvt_plugin *was_speaking = speaking;
  const struct nvt_tap_event *was_happening = happening;
  speaking = hook->plugin;
  happening = event;
  int answer = call(hook, event);
  speaking = was_speaking;
  happening = was_happening;
  return answer == 0 ? NVT_VERDICT_CONTINUE : NVT_VERDICT_COMPLETE;
}

int plugin_tap_attach_order(const char *name, void *cb, int order) {
  struct nvt_plugin *plugin = speaking;
  if (plugin == NULL)
    return -EPERM;
  /* The two ends are the trace tap's: who stands there is not heeded. */
  if (name == NULL || cb == NULL || order <= NVT_TAP_FIRST || order >= NVT_TAP_LAST)
    return -EINVAL;
  enum nvt_tap_id tap = nvt_tap_find(name);
  if (tap == NVT_TAP_COUNT) {
    fprintf(stderr, "nvmetap: plug-in %s attaches to '%s', which is no tap's name\n", plugin->name,
            name);
    return -ENOENT;
  }
  struct hook *hook = plugin->hooks;
  while (hook < plugin->hooks + ATTACHMENTS_MAX && hook->attachment != NULL)
    hook++;
  if (hook == plugin->hooks + ATTACHMENTS_MAX)
    return -ENOSPC;
  *hook = (struct hook){.plugin = plugin, .callback = cb, .tap = tap};
  return nvt_tap_attach(plugin->host, name, order, hooked, hook, plugin->name, &hook->attachment);
}

int plugin_tap_attach(const char *name, void *cb) {
  return plugin_tap_attach_order(name, cb, 0);
}

static void detach(struct hook *hook) {
  nvt_tap_detach(hook->plugin->host, hook->attachment);
  hook->attachment = NULL;
}

int plugin_tap_detach(const char *name) {
  struct nvt_plugin *plugin = speaking;
  if (plugin == NULL)
    return -EPERM;
  enum nvt_tap_id tap = name == NULL ? NVT_TAP_COUNT : nvt_tap_find(name);
  int found = -ENOENT;
  for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
    if (plugin->hooks[i].attachment != NULL && plugin->hooks[i].tap == tap) {
      detach(&plugin->hooks[i]);
      found = 0;
    }
  return found;
}

const char *plugin_args(void) {
  return speaking == NULL ? "" : speaking->args;
}

struct nvme_command *find_cmd(uint32_t sqid, uint16_t cid) {
  const struct nvt_tap_event *event = happening;
  if (event == NULL)
    return NULL;
  switch (event->tap) {
  case NVT_TAP_ADMIN_DECODE:
  case NVT_TAP_IO_DECODE:
  case NVT_TAP_ADMIN_WRITEBACK:
  case NVT_TAP_IO_WRITEBACK:
    if (event->command.sqid == sqid && event->command.cqe->cid == cid)
      return (struct nvme_command *)(void *)event->command.sqe;
    return NULL;
  default:
    return NULL;
  }
}

static void unload(struct nvt_plugin *plugin) {
  if (plugin->teardown != NULL) {
    struct nvt_plugin *was = speaking;
    speaking = plugin;
    int answer = plugin->teardown();
    speaking = was;
    if (answer != 0)
      fprintf(stderr, "nvmetap: plug-in %s: its teardown() failed (%d)\n", plugin->name, answer);
  }
  for (unsigned i = 0; i < ATTACHMENTS_MAX; i++)
    if (plugin->hooks[i].attachment != NULL)
      detach(&plugin->hooks[i]);
  if (plugin->library != NULL)
    dlclose(plugin->library);
  free(plugin->name);
  free(plugin->args);
  free(plugin);
}

void nvt_plugins_unload(struct nvt_plugin_host *host) {
  while (host->plugins != NULL) {
    struct nvt_plugin *plugin = host->plugins;
    host->plugins = plugin->next;
    unload(plugin);
  }
}

/* A message for a person in why; returns error. */
__attribute__((format(printf, 4, 5))) static int refuse(int error, char *why, size_t whylen,
                                                        const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (whylen > 0)
    (void)vsnprintf(why, whylen, format, args);
  va_end(args);
  return error;
}

/* "dir/no_writes.so" is called "no_writes". */
static char *short_name(const char *file) {
  const char *slash = strrchr(file, '/');
  const char *base = slash == NULL ? file : slash + 1;
  size_t length = strlen(base);
  if (length > 3 && strcmp(base + length - 3, ".so") == 0)
    length -= 3;
  return strndup(base, length);
}

static int open_library(struct nvt_plugin *plugin, const char *file, char *why, size_t whylen) {
  struct stat status;
  if (stat(file, &status) != 0)
    return refuse(-errno, why, whylen, "plug-in %s: %s", file, strerror(errno));
  if (!S_ISREG(status.st_mode))
    return refuse(-EINVAL, why, whylen, "plug-in %s: not a file; a shared library is wanted", file);
  char path[PATH_MAX];
  /* Without a slash dlopen() would look in the system's folders instead. */
  if (realpath(file, path) == NULL)
    return refuse(-errno, why, whylen, "plug-in %s: %s", file, strerror(errno));
  plugin->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (plugin->library == NULL)
    return refuse(-ENOEXEC, why, whylen, "plug-in %s: it can't be loaded: %s", file, dlerror());
  for (const struct nvt_plugin *other = plugin->host->plugins; other != NULL; other = other->next)
    if (other->library == plugin->library)
      return refuse(-EEXIST, why, whylen,
                    "plug-in %s: already loaded; a copy of the file can be loaded beside it", file);
  return 0;
}

static int start(struct nvt_plugin *plugin, const char *file, char *why, size_t whylen) {
  int error = open_library(plugin, file, why, whylen);
  if (error != 0)
    return error;
  step_fn *begin = FUNCTION(step_fn, dlsym(plugin->library, "setup"));
  step_fn *end = FUNCTION(step_fn, dlsym(plugin->library, "teardown"));
  if (begin == NULL || end == NULL)
    return refuse(-ENOEXEC, why, whylen,
                  "plug-in %s: it has no function %s; a plug-in needs 'int setup(void)' and "
                  "'int teardown(void)'",
                  file, begin == NULL ? "setup()" : "teardown()");
  speaking = plugin;
  int answer = begin();
  speaking = NULL;
  if (answer != 0)
    return refuse(-ECANCELED, why, whylen, "plug-in %s: its setup() failed (%d)", file, answer);
  plugin->teardown = end;
  return 0;
}

int nvt_plugin_load(struct nvt_plugin_host *host, const char *spec, char *why, size_t whylen) {
  const char *comma = strchr(spec, ',');
  size_t length = comma == NULL ? strlen(spec) : (size_t)(comma - spec);
  if (length == 0)
    return refuse(-EINVAL, why, whylen, "a plug-in is given as FILE[,args]");
  char *file = strndup(spec, length);
  struct nvt_plugin *plugin = calloc(1, sizeof(*plugin));
  if (file == NULL || plugin == NULL) {
    free(file);
    free(plugin);
    return refuse(-ENOMEM, why, whylen, "plug-in %s: out of memory", spec);
  }
  plugin->host = host;
  plugin->name = short_name(file);
  plugin->args = strdup(comma == NULL ? "" : comma + 1);
  int error = plugin->name == NULL || plugin->args == NULL
                  ? refuse(-ENOMEM, why, whylen, "plug-in %s: out of memory", spec)
                  : start(plugin, file, why, whylen);
  free(file);
  if (error != 0) {
    unload(plugin);
    return error;
  }
  plugin->next = host->plugins;
  host->plugins = plugin;
  return 0;
}
