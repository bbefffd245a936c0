/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of plugin.h, as who runs the plug-in has them: plugin_local.c in the
 * controller's process, isolated plug-ins' processes their own.
 */
#ifndef NVT_CONTROLLER_PLUGIN_CALLS_INT_H
#define NVT_CONTROLLER_PLUGIN_CALLS_INT_H

#define NPLUGIN_NO_VERSION
#include "controller/plugin.h"

/* As their namesakes plugin_… of plugin.h. */
struct nvt_plugin_calls {
  int (*tap_attach)(const char *name, void *cb, int order);
  int (*tap_detach)(const char *name);
  const char *(*args)(void);
  struct nvme_command *(*find_cmd)(uint32_t sqid, uint16_t cid);
  int (*value_set)(uint64_t value);
  void *(*data_writable)(void);
  struct nplugin *(*self)(void);
  uint64_t (*cmd_handle)(void);
  int (*cmd_release)(struct nplugin *, uint64_t handle, const struct nvme_completion *);
  int (*cmd_data)(uint64_t handle, uint64_t offset, void *bytes, size_t length, bool write);
  int (*memory)(uint32_t bdf, uint64_t address, void *bytes, size_t length, bool write);
  int (*post)(struct nplugin *, void (*call)(void *arg), void *arg);
  int (*timer_start)(uint64_t ns, void (*call)(void *arg), void *arg, uint64_t *id);
  int (*timer_stop)(uint64_t id);
  int (*event_raise)(uint32_t bdf, uint8_t type, uint8_t information, uint8_t log_page);
  int (*completion_post)(uint32_t bdf, uint32_t cqid, const struct nvme_completion *);
  int (*cqid)(uint32_t bdf, uint32_t sqid);
  int (*interrupt_raise)(uint32_t bdf, uint32_t vector);
  int (*controller)(uint32_t bdf, int what); /* enum nvt_plugin_fate */
};

enum nvt_plugin_fate { NVT_FATE_FATAL, NVT_FATE_REMOVE, NVT_FATE_RETURN };

extern const struct nvt_plugin_calls nvt_plugin_calls_local;
/* Whose functions they are from now on: called once, before any plug-in is loaded, by a
 * process that isn't the controller's. */
void nvt_plugin_calls_use(const struct nvt_plugin_calls *);

#endif
