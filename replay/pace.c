/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/pace.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS UINT64_C(1000000000)
/* The kernel's timers come this much late: that long we look at the clock instead. */
#define SPIN_NS UINT64_C(60000)
#define SLICE_NS (NS / 4)

uint64_t nvt_pace_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

bool nvt_pace_is_step(const struct nvt_record *record) {
  if ((record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0)
    return false;
  switch (record->header.type) {
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
  case NVT_REC_SHADOW_DOORBELL:
  case NVT_REC_COMMAND:
    return true;
  case NVT_REC_EVENT:
    switch (record->event.event) {
    case NVT_V_event_event_ATTACH:
    case NVT_V_event_event_DETACH:
    case NVT_V_event_event_IRQ_SETUP:
    case NVT_V_event_event_DMA_MAP:
    case NVT_V_event_event_DMA_UNMAP:
    case NVT_V_event_event_NS_ADDED:
    case NVT_V_event_event_NS_REMOVED:
    case NVT_V_event_event_NS_RESIZED:
    case NVT_V_event_event_DEVICE_RESET:
    case NVT_V_event_event_REMOVED:
    case NVT_V_event_event_RETURNED:
      return true;
    default:
      return false;
    }
  default:
    return false;
  }
}

static void sleep_until(uint64_t when) {
  const struct timespec t = {.tv_sec = (time_t)(when / NS), .tv_nsec = (long)(when % NS)};
  /* A signal ends it early: the caller looks at the clock again. */
  (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static bool wait_until(struct nvt_pace *pace, uint64_t due, uint64_t *now) {
  bool enough = pace->until != 0 && pace->until < due;
  if (enough)
    due = pace->until;
  while ((*now = nvt_pace_now()) < due) {
    uint64_t left = due - *now;
    if (left <= SPIN_NS)
      continue;
    sleep_until(left > SLICE_NS ? *now + SLICE_NS : due - SPIN_NS);
    if (left > SLICE_NS && pace->idle != NULL)
      pace->idle(pace->ctx);
  }
  return !enough;
}

/* Nanoseconds from the first step, at our speed. */
static uint64_t due_after(const struct nvt_pace *pace, uint64_t time_ns) {
  return (uint64_t)((double)(time_ns - pace->first) / pace->speed);
}

bool nvt_pace_wait(struct nvt_pace *pace, const struct nvt_record *record) {
  uint64_t now, time_ns = record->time_ns;
  if (pace->speed <= 0)
    return true;
  if (!pace->started) {
    pace->started = true;
    pace->begun = nvt_pace_now();
    pace->first = pace->newest = time_ns;
    pace->due = 0;
  }
  if (time_ns < pace->newest)
    time_ns = pace->newest;
  uint64_t gap = time_ns - pace->newest;
  if ((double)gap / pace->speed > (double)NVT_PACE_GAP_MAX) {
    pace->result.left_out += gap;
    pace->first += gap;
  }
  pace->newest = time_ns;
  uint64_t due = due_after(pace, time_ns);
  if (!wait_until(pace, pace->begun + due, &now))
    return false;
  pace->due = due;
  pace->lateness = now - pace->begun - pace->due;
  pace->result.steps++;
  pace->result.late += pace->lateness > NVT_PACE_LATE;
  if (pace->lateness > pace->result.largest)
    pace->result.largest = pace->lateness;
  return true;
}

void nvt_pace_end(struct nvt_pace *pace) {
  if (!pace->started)
    return;
  pace->started = false;
  pace->result.scheduled += pace->due;
  if (pace->lateness > pace->result.at_end)
    pace->result.at_end = pace->lateness;
}

bool nvt_pace_number(const char *text, double least, double most, double *out) {
  char *end;
  if (text[0] < '0' || text[0] > '9' || strspn(text, "0123456789.") != strlen(text))
    return false;
  *out = strtod(text, &end);
  return *end == '\0' && *out >= least && *out <= most;
}

bool nvt_pace_parse(const char *text, double *speed) {
  static const char word[] = "original";
  size_t length = sizeof(word) - 1;
  *speed = 1;
  if (strncmp(text, word, length) != 0)
    return false;
  text += length;
  return *text == '\0' ||
         (strncmp(text, ":x", 2) == 0 &&
          nvt_pace_number(text + 2, NVT_PACE_SPEED_MIN, NVT_PACE_SPEED_MAX, speed));
}
