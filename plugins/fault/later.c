/* SPDX-License-Identifier: BSD-2-Clause */
/* Things that wait for a timer, or for the end of the callback. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/fault/fault_int.h"

#define RETRY_NS 1000000u /* for room in a completion queue */
#define RETRIES 5000u

struct later {
  struct later *next, **before;
  uint64_t timer; /* 0: none */
  unsigned rule;
  uint32_t bdf;
  /* a held command */
  uint64_t handle;
  bool at_completion, passing;
  /* a completion */
  uint32_t cqid, times, tries;
  struct nvme_completion completion;
};
static struct later *all;
static unsigned passing; /* of all, those that go on from where they were held at completion */

static struct later *make(void) {
  struct later *later = calloc(1, sizeof(*later));
  if (later == NULL)
    return NULL;
  later->next = all;
  later->before = &all;
  if (all != NULL)
    all->before = &later->next;
  all = later;
  return later;
}

static void drop(void *arg) {
  struct later *later = arg;
  passing -= later->passing;
  *later->before = later->next;
  if (later->next != NULL)
    later->next->before = later->before;
  free(later);
}

/* --- held commands --- */

static void let_go(void *arg) {
  struct later *later = arg;
  later->timer = 0;
  later->passing = later->at_completion;
  passing += later->passing;
  (void)plugin_cmd_continue(fault.self, later->handle);
  /* In the order of posting: when this is called the command has gone on. */
  if (plugin_post(fault.self, drop, later) != 0)
    drop(later);
}

int fault_later_continue(uint64_t handle, bool at_completion, uint64_t ns) {
  struct later *later = make();
  if (later == NULL)
    return -ENOMEM;
  later->handle = handle;
  later->at_completion = at_completion;
  int error = plugin_timer_start(ns, let_go, later, &later->timer);
  if (error != 0)
    drop(later);
  return error;
}

bool fault_later_passes(uint64_t handle) {
  if (passing == 0)
    return false;
  for (const struct later *later = all; later != NULL; later = later->next)
    if (later->passing && later->handle == handle)
      return true;
  return false;
}

/* --- completions --- */

static void post(void *arg) {
  struct later *later = arg;
  later->timer = 0;
  while (later->times > 0) {
    fault.posting = true;
    int error = plugin_completion_post(later->bdf, later->cqid, &later->completion);
    fault.posting = false;
    if (error == -EAGAIN && later->tries++ < RETRIES &&
        plugin_timer_start(RETRY_NS, post, later, &later->timer) == 0)
      return;
    if (error != 0) {
      fault_failed(later->rule);
      break;
    }
    later->times--;
  }
  drop(later);
}

int fault_later_post(unsigned rule, uint32_t bdf, uint32_t cqid,
                     const struct nvme_completion *completion, uint32_t times, uint64_t ns) {
  struct later *later = make();
  if (later == NULL)
    return -ENOMEM;
  later->rule = rule;
  later->bdf = bdf;
  later->cqid = cqid;
  later->completion = *completion;
  later->times = times;
  int error = ns == 0 ? plugin_post(fault.self, post, later)
                      : plugin_timer_start(ns, post, later, &later->timer);
  if (error != 0)
    drop(later);
  return error;
}

/* --- a controller that comes back --- */

static void come_back(void *arg) {
  struct later *later = arg;
  if (plugin_controller_return(later->bdf) != 0)
    fault_failed(later->rule);
  drop(later);
}

int fault_later_return(unsigned rule, uint32_t bdf, uint64_t ns) {
  struct later *later = make();
  if (later == NULL)
    return -ENOMEM;
  later->rule = rule;
  later->bdf = bdf;
  int error = plugin_timer_start(ns, come_back, later, &later->timer);
  if (error != 0)
    drop(later);
  return error;
}

void fault_later_free(void) {
  while (all != NULL) {
    if (all->timer != 0)
      (void)plugin_timer_stop(all->timer);
    drop(all);
  }
}
