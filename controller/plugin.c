/* SPDX-License-Identifier: BSD-2-Clause */
/* Plug-ins of every kind: loading, attaching, unloading, and what is told of them. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/host.h"
#include "controller/log.h"
#include "controller/plugin_int.h"
#include "controller/plugin_local_int.h"
#include "controller/plugin_path.h"
#include "controller/tap_int.h"

/* As in the record. */
enum { VERDICT_DIED = 5, VERDICT_LOADED = 7, VERDICT_UNLOADED = 8 };

int nvt_plugin_refuse(int error, char *why, size_t whylen, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (whylen > 0)
    (void)vsnprintf(why, whylen, format, args);
  va_end(args);
  return error;
}

/* --- hooks --- */

static int attach(struct nvt_hook *hook) {
  struct nvt_plugin *plugin = hook->plugin;
  return nvt_tap_attach(plugin->host, nvt_tap_name(hook->tap), hook->order, plugin->kind->called,
                        hook, plugin->name, &hook->attachment);
}

static void detach(struct nvt_hook *hook) {
  nvt_tap_detach(hook->plugin->host, hook->attachment);
  hook->attachment = NULL;
}

int nvt_plugin_hook(struct nvt_plugin *plugin, const char *name, int32_t order, void *callback) {
  /* The two ends are the trace tap's: who stands there is not heeded. */
  if (order <= NVT_TAP_FIRST || order >= NVT_TAP_LAST)
    return -EINVAL;
  enum nvt_tap_id tap = nvt_tap_find(name);
  if (tap == NVT_TAP_COUNT) {
    /* The talk's plug-ins don't look at what is returned: they would silently do nothing. */
    snprintf(plugin->unknown, sizeof(plugin->unknown), "%s", name);
    return -ENOENT;
  }
  struct nvt_hook *hook = plugin->hooks;
  while (hook < plugin->hooks + NVT_HOOKS_MAX && hook->used)
    hook++;
  if (hook == plugin->hooks + NVT_HOOKS_MAX)
    return -ENOSPC;
  *hook = (struct nvt_hook){.plugin = plugin, .callback = callback, .tap = tap, .order = order};
  int error = plugin->disabled ? 0 : attach(hook);
  hook->used = error == 0;
  return error;
}

int nvt_plugin_unhook(struct nvt_plugin *plugin, const char *name) {
  enum nvt_tap_id tap = nvt_tap_find(name);
  int found = -ENOENT;
  for (unsigned i = 0; i < NVT_HOOKS_MAX; i++) {
    struct nvt_hook *hook = &plugin->hooks[i];
    if (!hook->used || hook->tap != tap)
      continue;
    detach(hook);
    hook->used = false;
    found = 0;
  }
  return found;
}

static void detach_all(struct nvt_plugin *plugin) {
  for (unsigned i = 0; i < NVT_HOOKS_MAX; i++)
    if (plugin->hooks[i].used)
      detach(&plugin->hooks[i]);
}

/* --- telling --- */

/* About a controller, and nothing in it yet. */
static struct nvt_tap_event event_of(struct nvt_controller *c) {
  struct nvt_controller_info info;
  nvt_controller_info(c, &info);
  return (struct nvt_tap_event){.tap = NVT_TAP_VERDICT,
                                .controller = info.id,
                                .epoch = info.epoch,
                                .pci_address = info.pci_address,
                                .device = c};
}

static void tell(const struct nvt_plugin *plugin, uint8_t verdict) {
  struct nvt_plugin_host *host = plugin->host;
  struct nvt_controller *c;
  for (unsigned i = 0; (c = nvt_host_controller(host, i)) != NULL; i++) {
    const struct nvt_tap_event event = event_of(c);
    nvt_tap_announce(host, &event, plugin->name, verdict);
  }
}

static void release_all(const struct nvt_plugin *plugin, const struct nvt_cqe *completion) {
  struct nvt_controller *c;
  for (unsigned i = 0; (c = nvt_host_controller(plugin->host, i)) != NULL; i++)
    nvt_release_holder(c, plugin->name, completion);
}

void nvt_plugin_died(struct nvt_plugin *plugin, const struct nvt_tap_event *event,
                     const struct nvt_cqe *completion, uint16_t cause) {
  struct nvt_plugin_host *host = plugin->host;
  detach_all(plugin);
  plugin->disabled = plugin->dead = true;
  nvt_host_forget(host, plugin);
  struct nvt_controller *c = event != NULL ? event->device : nvt_host_controller(host, 0);
  if (c != NULL && host->counts[NVT_TAP_VERDICT] != 0) {
    struct nvt_tap_event death = event_of(c);
    nvt_tap_subject(event != NULL ? event : &death, &death);
    death.verdict.verdict = VERDICT_DIED;
    death.verdict.status = cause;
    death.verdict.plugin = plugin->name;
    (void)nvt_tap_fire(host, &death);
  }
  nvt_host_run(host, plugin->name);
  release_all(plugin, completion);
}

/* --- loading --- */

/* "dir/no_writes.so" is called "no_writes". */
static char *short_name(const char *file) {
  const char *slash = strrchr(file, '/');
  const char *base = slash == NULL ? file : slash + 1;
  size_t length = strlen(base);
  if (length > 3 && strcmp(base + length - 3, ".so") == 0)
    length -= 3;
  return strndup(base, length);
}

static int find_file(struct nvt_plugin *plugin, const char *file, char *why, size_t whylen) {
  char path[PATH_MAX];
  int error = nvt_plugin_path(file, path, why, whylen);
  if (error != 0)
    return error;
  plugin->path = strdup(path);
  return plugin->path != NULL
             ? 0
             : nvt_plugin_refuse(-ENOMEM, why, whylen, "plug-in %s: out of memory", file);
}

static void unload(struct nvt_plugin *plugin, bool told) {
  struct nvt_plugin_host *host = plugin->host;
  plugin->kind->end(plugin);
  detach_all(plugin);
  nvt_host_forget(host, plugin);
  /* It may have completed commands just now: that counts, what it still holds goes on. */
  nvt_host_run(host, plugin->name);
  plugin->kind->close(plugin);
  if (told)
    tell(plugin, VERDICT_UNLOADED);
  release_all(plugin, NULL);
  free(plugin->name);
  free(plugin->path);
  free(plugin->args);
  free(plugin);
}

int nvt_plugin_load_kind(struct nvt_plugin_host *host, const char *spec,
                         const struct nvt_plugin_kind *kind, void *state, char *why,
                         size_t whylen) {
  const char *comma = strchr(spec, ',');
  size_t length = comma == NULL ? strlen(spec) : (size_t)(comma - spec);
  if (length == 0)
    return nvt_plugin_refuse(-EINVAL, why, whylen, "a plug-in is given as FILE[,args]");
  char *file = strndup(spec, length);
  struct nvt_plugin *plugin = calloc(1, sizeof(*plugin));
  if (file == NULL || plugin == NULL) {
    free(file);
    free(plugin);
    return nvt_plugin_refuse(-ENOMEM, why, whylen, "plug-in %s: out of memory", spec);
  }
  plugin->host = host;
  plugin->kind = kind;
  plugin->state = state;
  plugin->name = short_name(file);
  plugin->args = strdup(comma == NULL ? "" : comma + 1);
  int error = plugin->name == NULL || plugin->args == NULL
                  ? nvt_plugin_refuse(-ENOMEM, why, whylen, "plug-in %s: out of memory", spec)
                  : find_file(plugin, file, why, whylen);
  if (error == 0)
    error = kind->start(plugin, why, whylen);
  free(file);
  if (plugin->unknown[0] != '\0')
    error =
        nvt_plugin_refuse(-ENOENT, why, whylen,
                          "plug-in %s: attaches to '%s', which is no tap's name; 'nvmetap taps' "
                          "lists them",
                          plugin->path, plugin->unknown);
  if (error != 0) {
    unload(plugin, false);
    return error;
  }
  plugin->next = host->plugins;
  host->plugins = plugin;
  nvt_log(NVT_LOG_VERBOSE, "plug-in %s loaded from %s", plugin->name, plugin->path);
  tell(plugin, VERDICT_LOADED);
  return 0;
}

static void tell_oldest_first(const struct nvt_plugin *plugin) {
  if (plugin == NULL)
    return;
  tell_oldest_first(plugin->next);
  tell(plugin, VERDICT_LOADED);
}

void nvt_plugins_tell(const struct nvt_plugin_host *host) {
  tell_oldest_first(host->plugins);
}

int nvt_plugin_load(struct nvt_plugin_host *host, const char *spec, char *why, size_t whylen) {
  return nvt_plugin_load_kind(host, spec, &nvt_plugin_local, NULL, why, whylen);
}

void nvt_plugins_unload(struct nvt_plugin_host *host) {
  while (host->plugins != NULL) {
    struct nvt_plugin *plugin = host->plugins;
    host->plugins = plugin->next;
    unload(plugin, true);
  }
}

/* --- by name, while the controller runs --- */

static struct nvt_plugin **find(struct nvt_plugin_host *host, const char *name) {
  struct nvt_plugin **at = &host->plugins;
  while (*at != NULL && strcmp((*at)->name, name) != 0)
    at = &(*at)->next;
  return at;
}

int nvt_plugin_unload(struct nvt_plugin_host *host, const char *name) {
  struct nvt_plugin **at = find(host, name), *plugin = *at;
  if (plugin == NULL)
    return -ENOENT;
  *at = plugin->next;
  nvt_log(NVT_LOG_VERBOSE, "plug-in %s unloaded", plugin->name);
  unload(plugin, true);
  return 0;
}

int nvt_plugin_enable(struct nvt_plugin_host *host, const char *name, bool enabled) {
  struct nvt_plugin *plugin = *find(host, name);
  if (plugin == NULL)
    return -ENOENT;
  if (plugin->dead)
    return -ESRCH;
  if (enabled == !plugin->disabled)
    return 0;
  nvt_log(NVT_LOG_VERBOSE, "plug-in %s %s", plugin->name, enabled ? "enabled" : "disabled");
  plugin->disabled = !enabled;
  if (!enabled) {
    detach_all(plugin);
    return 0;
  }
  for (unsigned i = 0; i < NVT_HOOKS_MAX; i++) {
    int error = plugin->hooks[i].used ? attach(&plugin->hooks[i]) : 0;
    if (error != 0) {
      detach_all(plugin);
      plugin->disabled = true;
      return error;
    }
  }
  return 0;
}

int nvt_plugin_control(struct nvt_plugin_host *host, const char *name, const char *text,
                       char *answer, size_t length) {
  struct nvt_plugin *plugin = *find(host, name);
  if (plugin == NULL)
    return -ENOENT;
  if (length > 0)
    answer[0] = '\0';
  if (plugin->dead)
    return -ESRCH;
  return plugin->kind->control(plugin, text, answer, length);
}

bool nvt_plugin_info(const struct nvt_plugin_host *host, unsigned i, struct nvt_plugin_info *info) {
  unsigned count = 0;
  for (const struct nvt_plugin *p = host->plugins; p != NULL; p = p->next)
    count++;
  if (i >= count)
    return false;
  const struct nvt_plugin *plugin = host->plugins;
  for (unsigned skip = count - 1 - i; skip > 0; skip--)
    plugin = plugin->next;
  *info = (struct nvt_plugin_info){.name = plugin->name,
                                   .path = plugin->path,
                                   .args = plugin->args,
                                   .kind = plugin->kind->name,
                                   .disabled = plugin->disabled,
                                   .dead = plugin->dead};
  for (unsigned hook = 0; hook < NVT_HOOKS_MAX; hook++)
    info->attachments += plugin->hooks[hook].attachment != NULL;
  return true;
}
