/* SPDX-License-Identifier: BSD-2-Clause */
/* The tap host: who is attached to what, in which order, and what follows from their verdicts. */
#include "controller/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/tap_int.h"

enum {
  CHANGE = NVT_POWER_CHANGE,
  FINISH = NVT_POWER_FINISH,
  HOLD = NVT_POWER_HOLD,
  DROP = NVT_POWER_DROP
};

static const struct {
  const char *name;
  enum nvt_tap_member member;
  unsigned powers;
} taps[NVT_TAP_COUNT] = {
#define NVT_TAP(id, tap_name, which, decl, may, when)                                              \
  [NVT_TAP_##id] = {.name = (tap_name), .member = NVT_MEMBER_##which, .powers = (may)},
#include "controller/taps.def"
};

/* As in the record. */
enum { VERDICT_CHANGED = 0, VERDICT_COMPLETED = 1, VERDICT_HELD = 2, VERDICT_DROPPED = 4 };

const char *nvt_tap_name(enum nvt_tap_id id) {
  return (unsigned)id < NVT_TAP_COUNT ? taps[id].name : NULL;
}

enum nvt_tap_member nvt_tap_member(enum nvt_tap_id id) {
  return taps[id].member;
}

enum nvt_tap_id nvt_tap_find(const char *name) {
  unsigned id = 0;
  while (id < NVT_TAP_COUNT && strcmp(taps[id].name, name) != 0)
    id++;
  return (enum nvt_tap_id)id;
}

int nvt_plugin_host_create(struct nvt_plugin_host **out) {
  struct nvt_plugin_host *host = calloc(1, sizeof(*host));
  *out = NULL;
  if (host == NULL)
    return -ENOMEM;
  int error = nvt_host_start(host);
  if (error != 0) {
    free(host);
    return error;
  }
  *out = host;
  return 0;
}

static void bury(struct nvt_plugin_host *host) {
  while (host->dead_lists != NULL) {
    struct tap_list *list = host->dead_lists;
    host->dead_lists = list->next_dead;
    free(list);
  }
  while (host->dead_attachments != NULL) {
    struct nvt_attachment *attachment = host->dead_attachments;
    host->dead_attachments = attachment->next_dead;
    free(attachment);
  }
}

void nvt_plugin_host_destroy(struct nvt_plugin_host *host) {
  if (host == NULL)
    return;
  nvt_plugins_unload(host);
  nvt_host_stop(host);
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++) {
    struct tap_list *list = host->lists[id];
    for (uint32_t i = 0; list != NULL && i < list->count; i++)
      free(list->at[i]);
    free(list);
  }
  bury(host);
  free(host);
}

static bool is_observer(const struct nvt_attachment *attachment) {
  return attachment->order == NVT_TAP_FIRST || attachment->order == NVT_TAP_LAST;
}

static void replace(struct nvt_plugin_host *host, enum nvt_tap_id id, struct tap_list *list) {
  struct tap_list *old = host->lists[id];
  uint32_t count = list == NULL ? 0 : list->count;
  host->lists[id] = list;
  host->counts[NVT_TAP_COUNT] += count - host->counts[id];
  host->counts[id] = count;
  host->deciders[id] = 0;
  for (uint32_t i = 0; i < host->counts[id]; i++)
    host->deciders[id] += !is_observer(list->at[i]);
  if (old != NULL) {
    old->next_dead = host->dead_lists;
    host->dead_lists = old;
  }
  if (host->depth == 0)
    bury(host);
}

int nvt_tap_attach(struct nvt_plugin_host *host, const char *name, int32_t order, nvt_tap_fn fn,
                   void *user, const char *plugin, struct nvt_attachment **out) {
  enum nvt_tap_id id = nvt_tap_find(name);
  if (id == NVT_TAP_COUNT)
    return -ENOENT;
  const struct tap_list *old = host->lists[id];
  uint32_t count = old == NULL ? 0 : old->count;
  struct tap_list *list = malloc(sizeof(*list) + (count + 1) * sizeof(list->at[0]));
  struct nvt_attachment *attachment = calloc(1, sizeof(*attachment));
  if (list == NULL || attachment == NULL) {
    free(list);
    free(attachment);
    return -ENOMEM;
  }
  *attachment =
      (struct nvt_attachment){.fn = fn, .user = user, .plugin = plugin, .order = order, .tap = id};
  uint32_t place = count; /* behind all of the same order */
  while (place > 0 && old->at[place - 1]->order > order)
    place--;
  for (uint32_t i = 0; i < count; i++)
    list->at[i < place ? i : i + 1] = old->at[i];
  list->at[place] = attachment;
  list->count = count + 1;
  replace(host, id, list);
  if (out != NULL)
    *out = attachment;
  return 0;
}

void nvt_tap_detach(struct nvt_plugin_host *host, struct nvt_attachment *attachment) {
  if (attachment == NULL || attachment->dead)
    return;
  const struct tap_list *old = host->lists[attachment->tap];
  attachment->dead = true;
  struct tap_list *list = NULL;
  if (old->count > 1) {
    list = malloc(sizeof(*list) + (old->count - 1) * sizeof(list->at[0]));
    if (list == NULL)
      return; /* it stays in the list, never called, until the host goes */
    list->count = 0;
    for (uint32_t i = 0; i < old->count; i++)
      if (old->at[i] != attachment)
        list->at[list->count++] = old->at[i];
  }
  attachment->next_dead = host->dead_attachments;
  host->dead_attachments = attachment;
  replace(host, attachment->tap, list);
}

const uint32_t *nvt_tap_counts(const struct nvt_plugin_host *host) {
  return host->counts;
}

void nvt_tap_subject(const struct nvt_tap_event *about, struct nvt_tap_event *event) {
  event->verdict.tap = (uint8_t)about->tap;
  event->verdict.cid = UINT16_MAX; /* no command's: Base 2.1, section 4.1 */
  switch (taps[about->tap].member) {
  case NVT_MEMBER_command:
    event->verdict.sqid = about->command.sqid;
    event->verdict.cid = about->command.cqe->cid;
    event->verdict.status = NVT_CQE_STATUS(about->command.cqe->status);
    break;
  case NVT_MEMBER_data:
    event->verdict.sqid = about->data.sqid;
    event->verdict.cid = about->data.cid;
    break;
  case NVT_MEMBER_fetch:
    event->verdict.sqid = about->fetch.sqid;
    break;
  case NVT_MEMBER_interrupt:
    event->verdict.sqid = about->interrupt.cqid;
    break;
  default:
    break;
  }
}

void nvt_tap_announce(struct nvt_plugin_host *host, const struct nvt_tap_event *about,
                      const char *by, uint8_t verdict) {
  if (host->counts[NVT_TAP_VERDICT] == 0)
    return;
  struct nvt_tap_event event = {.tap = NVT_TAP_VERDICT,
                                .controller = about->controller,
                                .epoch = about->epoch,
                                .pci_address = about->pci_address,
                                .device = about->device};
  nvt_tap_subject(about, &event);
  event.verdict.verdict = verdict;
  event.verdict.plugin = by == NULL ? "" : by;
  (void)nvt_tap_fire(host, &event);
}

/* What goes to the host is shown as it goes, whoever decided that; a completion, a read
 * or an interrupt that stays away isn't shown. */
static bool shown_after(enum nvt_tap_id id, enum nvt_verdict verdict) {
  if (verdict == NVT_VERDICT_CONTINUE)
    return true;
  if (verdict != NVT_VERDICT_COMPLETE)
    return false;
  switch (id) {
  case NVT_TAP_ADMIN_WRITEBACK:
  case NVT_TAP_IO_WRITEBACK:
  case NVT_TAP_REGREAD:
  case NVT_TAP_PCI_REGREAD:
  case NVT_TAP_MSIXREAD:
    return true;
  default:
    return false;
  }
}

/* Is this verdict heeded here? A finished write or interrupt is one that isn't carried out. */
static enum nvt_verdict heeded(enum nvt_tap_id id, enum nvt_verdict verdict) {
  unsigned powers = taps[id].powers;
  if (verdict == NVT_VERDICT_COMPLETE && (powers & (FINISH | DROP)) == DROP)
    verdict = NVT_VERDICT_DROP;
  static const unsigned needed[] = {
      [NVT_VERDICT_CONTINUE] = 0,
      [NVT_VERDICT_COMPLETE] = FINISH,
      [NVT_VERDICT_HOLD] = HOLD,
      [NVT_VERDICT_DROP] = DROP,
  };
  return (needed[verdict] & ~powers) == 0 ? verdict : NVT_VERDICT_CONTINUE;
}

/* As memcmp() is, without its call and its branches: most plug-ins leave most commands alone. */
typedef uint64_t pair __attribute__((vector_size(16), aligned(4), may_alias));

static inline bool same_cqe(const struct nvt_cqe *a, const uint64_t b[2]) {
  uint64_t x[2];
  memcpy(x, a, sizeof(x));
  return ((x[0] ^ b[0]) | (x[1] ^ b[1])) == 0;
}

static inline bool same_sqe(const struct nvt_sqe *a, const struct nvt_sqe *b) {
  const pair *x = (const pair *)a, *y = (const pair *)b;
  pair difference = (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]);
  return (difference[0] | difference[1]) == 0;
}

static enum nvt_verdict ask_about_command(struct nvt_tap_event *event,
                                          const struct nvt_attachment *attachment, bool *changed) {
  struct nvt_cqe *now = event->command.cqe, before;
  struct nvt_sqe sqe = *event->command.sqe;
  uint64_t cqe[2];
  memcpy(cqe, now, sizeof(cqe));
  enum nvt_verdict verdict = attachment->fn(attachment->user, event);
  if (__builtin_expect(same_sqe(event->command.sqe, &sqe) && same_cqe(now, cqe), 1))
    return verdict;
  /* Which command this is, and where it stands in the queues, isn't a plug-in's to change. */
  memcpy(&before, cqe, sizeof(before));
  now->sqhd = before.sqhd;
  now->sqid = before.sqid;
  now->cid = before.cid;
  now->status = (uint16_t)((now->status & ~1u) | (before.status & 1u));
  event->command.sqe->cid = sqe.cid;
  *changed = !same_cqe(now, cqe) || !same_sqe(event->command.sqe, &sqe);
  return verdict;
}

static enum nvt_verdict ask_about_access(struct nvt_tap_event *event,
                                         const struct nvt_attachment *attachment, bool *changed) {
  uint64_t was = event->access.value;
  event->access.change = &event->access.value;
  enum nvt_verdict verdict = attachment->fn(attachment->user, event);
  event->access.change = NULL;
  if (event->access.size < 8)
    event->access.value &= (UINT64_C(1) << event->access.size * 8) - 1;
  *changed = event->access.value != was;
  return verdict;
}

static enum nvt_verdict ask_about_data(struct nvt_tap_event *event,
                                       const struct nvt_attachment *attachment, bool *changed) {
  event->data.changed = changed;
  enum nvt_verdict verdict = attachment->fn(attachment->user, event);
  event->data.changed = NULL;
  if (event->data.writable == NULL)
    *changed = false;
  return verdict;
}

/* What follows from a verdict, or a change: who has done it is announced. */
static __attribute__((noinline, cold)) enum nvt_verdict
conclude(struct nvt_plugin_host *host, const struct nvt_tap_event *event, const char *plugin,
         enum nvt_verdict verdict, bool changed) {
  bool command = taps[event->tap].member == NVT_MEMBER_command;
  verdict = heeded(event->tap, verdict);
  switch (verdict) {
  case NVT_VERDICT_COMPLETE:
    if (command || changed)
      nvt_tap_announce(host, event, plugin, command ? VERDICT_COMPLETED : VERDICT_CHANGED);
    return verdict;
  case NVT_VERDICT_HOLD:
    /* A queue that isn't fetched from is asked about again and again: its caller tells. */
    if (command)
      nvt_tap_announce(host, event, plugin, VERDICT_HELD);
    return verdict;
  case NVT_VERDICT_DROP:
    nvt_tap_announce(host, event, plugin, VERDICT_DROPPED);
    return verdict;
  case NVT_VERDICT_CONTINUE:
    break;
  }
  if (changed)
    nvt_tap_announce(host, event, plugin, VERDICT_CHANGED);
  return NVT_VERDICT_CONTINUE;
}

/* A plug-in that may change and decide: call it, see what it did. */
static __attribute__((noinline)) enum nvt_verdict ask(struct nvt_plugin_host *host,
                                                      struct nvt_tap_event *event,
                                                      const struct nvt_attachment *attachment) {
  enum nvt_verdict verdict;
  bool changed = false;
  event->decided_by = attachment->plugin;
  switch (taps[event->tap].member) {
  case NVT_MEMBER_command:
    verdict = ask_about_command(event, attachment, &changed);
    break;
  case NVT_MEMBER_access:
    verdict = ask_about_access(event, attachment, &changed);
    break;
  case NVT_MEMBER_data:
    verdict = ask_about_data(event, attachment, &changed);
    break;
  default:
    verdict = attachment->fn(attachment->user, event);
    break;
  }
  if (__builtin_expect(verdict == NVT_VERDICT_CONTINUE && !changed, 1))
    return verdict;
  return conclude(host, event, attachment->plugin, verdict, changed);
}

enum nvt_verdict nvt_tap_fire(struct nvt_plugin_host *host, struct nvt_tap_event *event) {
  const struct tap_list *list = host->lists[event->tap];
  enum nvt_verdict verdict = NVT_VERDICT_CONTINUE;
  if (list == NULL)
    return verdict;
  host->depth++;
  for (uint32_t i = 0; i < list->count; i++) {
    const struct nvt_attachment *attachment = list->at[i];
    if (__builtin_expect(attachment->dead, 0))
      continue;
    bool observer = is_observer(attachment);
    if (__builtin_expect(observer && verdict == NVT_VERDICT_CONTINUE, 1)) {
      (void)attachment->fn(attachment->user, event);
      continue;
    }
    if (taps[event->tap].powers == 0 || observer || event->audience != NVT_AUDIENCE_ASKED) {
      if (shown_after(event->tap, verdict) && (observer || event->audience != NVT_AUDIENCE_NOTED))
        (void)attachment->fn(attachment->user, event);
      continue;
    }
    if (verdict == NVT_VERDICT_CONTINUE)
      verdict = ask(host, event, attachment);
  }
  if (--host->depth == 0 && __builtin_expect(host->dead_lists != NULL, 0))
    bury(host);
  return verdict;
}
