/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taps and the plug-in host: how a plug-in, the trace tap among them, sees and
 * changes what passes through a controller.
 *
 * The talk's small API (plug-in side: controller/plugin.h) is a thin layer on
 * this one. Callbacks run in the controller's device thread, in order of
 * ascending `order`, then of attachment; they must not block. Events are const
 * and borrowed until the callback returns, but for what `command` lets be changed.
 */
#ifndef NVT_CONTROLLER_TAP_H
#define NVT_CONTROLLER_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme.h"

struct nvt_controller;
struct nvt_plugin_host;
struct nvt_attachment;

enum nvt_tap_id {
#define NVT_TAP(id, name, member, decl, powers, when) NVT_TAP_##id,
#include "controller/taps.def"
  NVT_TAP_COUNT
};

/* What a callback decides. */
enum nvt_verdict {
  NVT_VERDICT_CONTINUE = 0,
  /* decode, execute: don't execute, event.command.cqe is the completion; writeback and
   * reads: it is as it is now, later plug-ins aren't asked; writes and interrupts: as DROP */
  NVT_VERDICT_COMPLETE = 1,
  /* neither execute nor complete until nvt_command_release(); fetch: not now, the tap is
   * asked again at the next poll */
  NVT_VERDICT_HOLD = 2,
  /* never complete; writes aren't carried out, interrupts aren't sent */
  NVT_VERDICT_DROP = 3,
};

/* What a tap allows: taps.def. A verdict that isn't allowed counts as CONTINUE. */
enum nvt_tap_power {
  NVT_POWER_CHANGE = 1, /* the value, the entry, the data */
  NVT_POWER_FINISH = 2,
  NVT_POWER_HOLD = 4,
  NVT_POWER_DROP = 8,
};

/* Who is called for an event, and what they may do. */
enum nvt_audience {
  NVT_AUDIENCE_ASKED, /* everybody, with the tap's powers */
  NVT_AUDIENCE_SHOWN, /* everybody, nobody may change or decide: what is refused anyway */
  NVT_AUDIENCE_NOTED, /* observers alone: what a plug-in has caused itself */
};

struct nvt_tap_event {
  enum nvt_tap_id tap;
  uint16_t controller;
  uint32_t epoch;
  uint32_t pci_address;
  struct nvt_controller *device; /* for nvt_controller_info() and the like */
  enum nvt_audience audience;
  const char *decided_by; /* the plug-in that was asked last */
  union {
    struct {
      uint64_t offset; /* from the start of the space: MSI-X table entry n is at 16 n */
      uint64_t value;
      uint64_t *change; /* where a callback puts another value: it is &value */
      uint8_t size;     /* bytes */
      uint8_t space;    /* as the record: 0 configuration, 1 BAR0, 2 MSI-X table, 3 PBA */
      uint8_t flags;    /* as the record: 1 polled, 2 refused */
    } access;
    struct {
      uint64_t address;
      uint32_t data;
      uint16_t vector;
      uint16_t cqid;
      uint8_t state; /* as the record */
      uint8_t mode;
    } interrupt;
    struct {
      uint16_t sqid;
      uint16_t cqid;
      uint16_t head; /* of the submission queue: the slot that is to be fetched */
      uint16_t tail;
      uint32_t unacknowledged; /* entries of the completion queue that the host hasn't taken */
    } fetch;
    struct {
      uint16_t sqid;
      uint16_t cqid;
      uint16_t slot; /* decode: in the submission queue; writeback: in the completion queue */
      uint16_t head; /* decode: SQ head after the fetch; writeback: CQ head last seen */
      uint16_t tail; /* decode: SQ tail known */
      /* The controller's own copy, the one that is executed. A decode callback may change it. */
      struct nvt_sqe *sqe;
      /* decode: zero but for ids, to be set with COMPLETE; writeback: about to be
       * posted, may be changed (its phase bit is the controller's). */
      struct nvt_cqe *cqe;
      uint64_t handle; /* for nvt_command_release(), never used twice */
    } command;
    struct {
      uint16_t sqid;
      uint16_t cid;
      uint8_t kind;      /* as the record: payload, PRP list, SGL segment, metadata */
      uint8_t direction; /* enum nvt_direction: OUT or IN */
      uint64_t address;
      uint64_t offset;
      const uint8_t *bytes;
      uint32_t length;
      /* The same bytes for a callback that changes them, and where it says so:
       * nvt_tap_writable(). NULL where it can't: lists, and who only observes. */
      uint8_t *writable;
      bool *changed;
    } data;
    struct {
      uint64_t address;
      uint32_t value;
      uint16_t qid;
      bool is_cq;
      bool event_index;
    } shadow;
    struct {
      uint16_t event; /* NVT_V_event_event_… of trace/record.def, by number */
      uint16_t qid;
      uint32_t code;
      uint64_t address;
      uint64_t size;
    } event;
    struct {
      uint16_t sqid;
      uint16_t cid;
      uint8_t verdict; /* as the record */
      uint8_t tap;
      uint16_t status;
      const char *plugin;
    } verdict;
  };
};

typedef enum nvt_verdict (*nvt_tap_fn)(void *user, const struct nvt_tap_event *);

/* The data of a memory tap's event, to be changed on its way; NULL when it can't be. */
static inline uint8_t *nvt_tap_writable(const struct nvt_tap_event *event) {
  if (event->data.changed != NULL)
    *event->data.changed = true;
  return event->data.writable;
}

/* Orders of the trace tap: it sees what comes from the host before any plug-in, and what
 * goes to the host after all of them. Callbacks of these two orders observe: their verdict is not
 * heeded, and nothing that they do is announced. */
#define NVT_TAP_FIRST INT32_MIN
#define NVT_TAP_LAST INT32_MAX

/* One host serves any number of controllers of one device thread. */
int nvt_plugin_host_create(struct nvt_plugin_host **out);
/* Tears down and unloads every plug-in, last loaded first. Its controllers go before it. */
void nvt_plugin_host_destroy(struct nvt_plugin_host *);

/* Attach to the tap called `name`. `plugin`: who, for verdict records (borrowed).
 * Device thread only, or before the controller runs. -ENOENT: no tap of that
 * name; -ENOMEM. */
int nvt_tap_attach(struct nvt_plugin_host *, const char *name, int32_t order, nvt_tap_fn,
                   void *user, const char *plugin, struct nvt_attachment **out);
void nvt_tap_detach(struct nvt_plugin_host *, struct nvt_attachment *);

/* Finish or go on with a held command, from the device thread. `cqe` NULL: execute
 * it now (held at decode), or post it as it is (held at writeback); else complete
 * with it. The completion passes the writeback tap (again): a callback that held it
 * there must let it go. -ENOENT: no such held command (a reset took it). From within a
 * callback it is noted only, and done when the controller has ended what it is about. */
int nvt_command_release(struct nvt_controller *, uint64_t handle, const struct nvt_cqe *cqe);

/* Load a plug-in: "FILE[,args]". Calls its setup(). FILE without a slash is looked for where
 * plug-ins are installed, too, with or without ".so". On failure -errno, with a message for
 * a person in why. All of these: device thread, outside of callbacks. */
int nvt_plugin_load(struct nvt_plugin_host *, const char *spec, char *why, size_t whylen);
/* What commands it holds go on. -ENOENT */
int nvt_plugin_unload(struct nvt_plugin_host *, const char *name);
/* Detach it from all of its taps, or attach it again. -ENOENT; -ESRCH it has died; -ENOMEM. */
int nvt_plugin_enable(struct nvt_plugin_host *, const char *name, bool enabled);
/* plugin.h's control(). -ENOENT; -ENOTSUP it has none; else what it returned. */
int nvt_plugin_control(struct nvt_plugin_host *, const char *name, const char *text, char *answer,
                       size_t length);
/* Tell the VERDICT tap of every plug-in that is loaded: for a recording that begins now. */
void nvt_plugins_tell(const struct nvt_plugin_host *);
struct nvt_plugin_info {
  const char *name, *path, *args; /* borrowed, until it is unloaded */
  const char *kind;
  unsigned attachments; /* now */
  bool disabled, dead;
};
/* The i-th from 0, in the order of loading; false: there are no more. */
bool nvt_plugin_info(const struct nvt_plugin_host *, unsigned i, struct nvt_plugin_info *);

/* "pci:regread:writeback", …; NULL beyond the last. */
const char *nvt_tap_name(enum nvt_tap_id);

/* --- for the controller --- */

/* Number of callbacks on each tap, and in [NVT_TAP_COUNT] on all: where nobody listens at all, each
 * tap is one predictable branch on that. The array lives as long as the host. */
const uint32_t *nvt_tap_counts(const struct nvt_plugin_host *);
/* Run the callbacks of event->tap in order, until one doesn't continue; its
 * verdict. Verdicts and changes of plug-ins are announced on the VERDICT tap. On a
 * decode tap where a plug-in ends the run early the trace tap was first, so it saw
 * the command; on a writeback tap callbacks of order NVT_TAP_LAST always run, but for
 * a completion that was held or dropped: it isn't posted. The ids, SQ head and phase of
 * a completion, and the id of a command, are put back when a plug-in changed them. */
enum nvt_verdict nvt_tap_fire(struct nvt_plugin_host *, struct nvt_tap_event *);

#endif
