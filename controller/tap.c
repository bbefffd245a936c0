/* SPDX-License-Identifier: BSD-2-Clause */
/* The tap host: who is attached to what, in which order, and what follows from their verdicts. */
#include "controller/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/tap_int.h"

static const struct {
  const char *name;
  bool verdict;
} taps[NVT_TAP_COUNT] = {
#define NVT_TAP(id, tap_name, member, may_decide)                                                  \
  [NVT_TAP_##id] = {.name = (tap_name), .verdict = (may_decide)},
#include "controller/taps.def"
};

/* As in the record. */
enum { VERDICT_CHANGED = 0, VERDICT_COMPLETED = 1, VERDICT_HELD = 2, VERDICT_DROPPED = 4 };

const char *nvt_tap_name(enum nvt_tap_id id) {
  return (unsigned)id < NVT_TAP_COUNT ? taps[id].name : NULL;
}

enum nvt_tap_id nvt_tap_find(const char *name) {
  unsigned id = 0;
  while (id < NVT_TAP_COUNT && strcmp(taps[id].name, name) != 0)
    id++;
  return (enum nvt_tap_id)id;
}

int nvt_plugin_host_create(struct nvt_plugin_host **out) {
  *out = calloc(1, sizeof(**out));
  return *out == NULL ? -ENOMEM : 0;
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
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++) {
    struct tap_list *list = host->lists[id];
    for (uint32_t i = 0; list != NULL && i < list->count; i++)
      free(list->at[i]);
    free(list);
  }
  bury(host);
  free(host);
}

static void replace(struct nvt_plugin_host *host, enum nvt_tap_id id, struct tap_list *list) {
  struct tap_list *old = host->lists[id];
  host->lists[id] = list;
  host->counts[id] = list == NULL ? 0 : list->count;
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

static void announce(struct nvt_plugin_host *host, const struct nvt_tap_event *about,
                     const struct nvt_attachment *by, uint8_t verdict) {
  struct nvt_tap_event event = {.tap = NVT_TAP_VERDICT,
                                .controller = about->controller,
                                .epoch = about->epoch,
                                .pci_address = about->pci_address,
                                .device = about->device};
  event.verdict.sqid = about->command.sqid;
  event.verdict.cid = about->command.cqe->cid;
  event.verdict.verdict = verdict;
  event.verdict.tap = (uint8_t)about->tap;
  event.verdict.status = NVT_CQE_STATUS(about->command.cqe->status);
  event.verdict.plugin = by->plugin == NULL ? "" : by->plugin;
  (void)nvt_tap_fire(host, &event);
}

static bool is_writeback(enum nvt_tap_id id) {
  return id == NVT_TAP_ADMIN_WRITEBACK || id == NVT_TAP_IO_WRITEBACK;
}

/* A plug-in that may change and decide: call it, see what it did, announce it. */
static enum nvt_verdict ask(struct nvt_plugin_host *host, struct nvt_tap_event *event,
                            const struct nvt_attachment *attachment) {
  struct nvt_sqe sqe = *event->command.sqe;
  struct nvt_cqe cqe = *event->command.cqe;
  enum nvt_verdict verdict = attachment->fn(attachment->user, event);
  /* Which command this is, and where it stands in the queues, isn't a plug-in's to change. */
  struct nvt_cqe *now = event->command.cqe;
  now->sqhd = cqe.sqhd;
  now->sqid = cqe.sqid;
  now->cid = cqe.cid;
  now->status = (uint16_t)((now->status & ~1u) | (cqe.status & 1u));
  event->command.sqe->cid = sqe.cid;
  bool changed =
      memcmp(now, &cqe, sizeof(cqe)) != 0 || memcmp(event->command.sqe, &sqe, sizeof(sqe)) != 0;
  switch (verdict) {
  case NVT_VERDICT_COMPLETE:
    announce(host, event, attachment, VERDICT_COMPLETED);
    return verdict;
  case NVT_VERDICT_HOLD:
    announce(host, event, attachment, VERDICT_HELD);
    return verdict;
  case NVT_VERDICT_DROP:
    announce(host, event, attachment, VERDICT_DROPPED);
    return verdict;
  case NVT_VERDICT_CONTINUE:
    break;
  }
  if (changed)
    announce(host, event, attachment, VERDICT_CHANGED);
  return NVT_VERDICT_CONTINUE;
}

static bool is_observer(const struct nvt_attachment *attachment) {
  return attachment->order == NVT_TAP_FIRST || attachment->order == NVT_TAP_LAST;
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
    if (!taps[event->tap].verdict || is_observer(attachment)) {
      /* A completion that stays away isn't shown to those who write down what was posted. */
      if (verdict == NVT_VERDICT_CONTINUE ||
          (verdict == NVT_VERDICT_COMPLETE && is_writeback(event->tap)))
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
