/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/commands.h"
#include "nvme/names.h"
#include "nvme/ranges.h"
#include "replay/blocks.h"
#include "replay/pace.h"
#include "replay/replay.h"

_Static_assert(NVT_PLAN_CONTROLLERS_MAX == NVT_REPLAY_CONTROLLERS_MAX, "as many as are replayed");

static __attribute__((format(printf, 3, 4))) void
note(struct nvt_plan *plan, const struct nvt_record *record, const char *format, ...) {
  if (plan->note_count++ >= NVT_PLAN_NOTES_MAX)
    return;
  struct nvt_plan_note *one = &plan->notes[plan->note_count - 1];
  one->record = record->number;
  va_list args;
  va_start(args, format);
  vsnprintf(one->text, sizeof(one->text), format, args);
  va_end(args);
}

static bool fail(struct nvt_reason *why, const char *path, const struct nvt_record *record,
                 const char *text) {
  why->offset = record->offset;
  why->record = record->number;
  snprintf(why->text, sizeof(why->text), "%s: record %" PRIu64 ", controller %u: %s", path,
           record->number, record->header.controller, text);
  return false;
}

static struct nvt_plan_controller *find(struct nvt_plan *plan, uint16_t id) {
  for (uint32_t i = 0; i < plan->controller_count; i++)
    if (plan->controllers[i].id == id)
      return &plan->controllers[i];
  return NULL;
}

static struct nvt_plan_namespace *find_namespace(const struct nvt_plan_controller *controller,
                                                 uint32_t nsid) {
  for (uint32_t i = 0; i < controller->namespace_count; i++)
    if (controller->namespaces[i].nsid == nsid)
      return &controller->namespaces[i];
  return NULL;
}

static bool add_namespace(struct nvt_plan_controller *controller,
                          const struct nvt_meta_namespace *ns) {
  struct nvt_plan_namespace *more = reallocarray(
      controller->namespaces, controller->namespace_count + 1u, sizeof(*controller->namespaces));
  if (more == NULL)
    return false;
  controller->namespaces = more;
  more[controller->namespace_count++] =
      (struct nvt_plan_namespace){.nsid = ns->nsid,
                                  .block_size = ns->block_size,
                                  .blocks = ns->blocks,
                                  .known = nvt_blocks_create(ns->blocks)};
  return true;
}

/* A later meta-record of a controller tells of namespaces that came. */
static bool add_namespaces(struct nvt_plan_controller *controller, const struct nvt_meta *details) {
  for (uint32_t i = 0; i < details->namespace_count; i++)
    if (find_namespace(controller, details->namespaces[i].nsid) == NULL &&
        !add_namespace(controller, &details->namespaces[i]))
      return false;
  return true;
}

static bool take_meta(struct nvt_plan *plan, const char *path, const struct nvt_record *record,
                      struct nvt_reason *why) {
  char text[256];
  struct nvt_meta details;
  const char *refusal = nvt_replay_refusal(record);
  struct nvt_plan_controller *controller = find(plan, record->header.controller);
  if (refusal != NULL)
    return fail(why, path, record, refusal);
  if (controller == NULL && plan->controller_count == NVT_PLAN_CONTROLLERS_MAX)
    return fail(why, path, record, NVT_REPLAY_TOO_MANY);
  if (!nvt_meta_parse(record->tail, record->tail_length, &details, text, sizeof(text)))
    return fail(why, path, record, text);
  bool added = true;
  if (controller != NULL) {
    added = add_namespaces(controller, &details);
    nvt_meta_clear(&details);
  } else {
    controller = &plan->controllers[plan->controller_count++];
    controller->id = record->header.controller;
    controller->details = details;
    added = add_namespaces(controller, &details);
  }
  return added || fail(why, path, record, "out of memory");
}

/* A Read, Write or another command on blocks that its entry names. */
static void take_range(struct nvt_plan_controller *controller,
                       const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  enum nvt_opcode_set set = (enum nvt_opcode_set)command->set;
  struct nvt_plan_namespace *ns = find_namespace(controller, sqe->nsid);
  uint64_t first, count;
  if (ns == NULL || nvt_command_range_of(set, sqe->opcode) != NVT_RANGE_ENTRY)
    return;
  nvt_command_range(sqe, &first, &count);
  if (first >= ns->blocks || count > ns->blocks - first)
    return; /* the controller will refuse it */
  uint64_t bytes = count * ns->block_size;
  enum nvt_direction direction = nvt_opcode_direction(set, sqe->opcode);
  if (direction == NVT_DIRECTION_IN || sqe->opcode == NVT_NVM_COMPARE) {
    ns->reads++;
    ns->bytes_read += bytes;
    for (uint64_t at = 0, run; at < count; at += run) {
      bool known;
      run = nvt_blocks_run(ns->known, first + at, count - at, &known);
      ns->from_before += known ? 0 : run;
    }
  } else if (direction == NVT_DIRECTION_OUT) {
    ns->writes++;
    ns->bytes_wrote += bytes;
  }
  nvt_blocks_set(ns->known, first, count, true);
}

static void take_command(struct nvt_plan *plan, struct nvt_plan_controller *controller,
                         const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  controller->commands++;
  enum nvt_opcode_set set = (enum nvt_opcode_set)command->set;
  if (set < NVT_SET_COUNT)
    plan->commands[set][nvt_command_code(set, sqe)]++;
  if (command->command.sqid != 0) {
    if (++controller->outstanding > controller->depth)
      controller->depth = controller->outstanding;
    take_range(controller, command);
  }
}

/* What a controller has to offer for this command, which had room in the recorded one. */
static void need(struct nvt_plan_controller *controller, const struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  enum nvt_opcode_set set = (enum nvt_opcode_set)command->set;
  struct nvt_plan_namespace *ns = find_namespace(controller, sqe->nsid);
  uint64_t first, count;
  if (command->command.sqid == 0 && sqe->opcode == NVT_ADMIN_CREATE_IO_SQ) {
    controller->queues++;
    if ((sqe->cdw10 & 0xffff) > controller->highest)
      controller->highest = (uint16_t)sqe->cdw10;
    if ((sqe->cdw10 >> 16) + 1 > controller->entries)
      controller->entries = (sqe->cdw10 >> 16) + 1;
  }
  if (command->command.sqid == 0 && sqe->opcode == NVT_ADMIN_CREATE_IO_CQ) {
    if ((sqe->cdw10 & 0xffff) > controller->highest_cq)
      controller->highest_cq = (uint16_t)sqe->cdw10;
    bool interrupts = (sqe->cdw11 & 2) != 0;
    if (interrupts && (sqe->cdw11 >> 16) + 1 > controller->vectors)
      controller->vectors = (sqe->cdw11 >> 16) + 1;
  }
  if (command->command.sqid == 0 || ns == NULL ||
      nvt_command_range_of(set, sqe->opcode) != NVT_RANGE_ENTRY)
    return;
  nvt_command_range(sqe, &first, &count);
  if (first >= ns->blocks || count > ns->blocks - first)
    return;
  if (first + count > ns->end)
    ns->end = first + count;
  ns->edges |= first | count;
  if (nvt_opcode_direction(set, sqe->opcode) != NVT_DIRECTION_NONE &&
      count * ns->block_size > controller->transfer)
    controller->transfer = count * ns->block_size;
}

static void take_completion(struct nvt_plan_controller *controller,
                            const struct nvt_replay_command *command) {
  if (command == NULL)
    return;
  if (NVT_CQE_STATUS(command->completion.cqe.status) == NVT_SC_SUCCESS)
    need(controller, command);
  if (command->command.sqid == 0)
    return;
  controller->outstanding -= controller->outstanding > 0;
  controller->without_data += command->set == NVT_SET_NVM &&
                              command->command.sqe.opcode == NVT_NVM_WRITE &&
                              (command->incomplete || command->moved[NVT_DIRECTION_OUT] == 0);
}

static void take_event(struct nvt_plan_controller *controller, const struct nvt_rec_event *event) {
  switch (event->event) {
  case NVT_V_event_event_DMA_MAP:
    if (__builtin_add_overflow(controller->mapped, event->size, &controller->mapped))
      controller->mapped = UINT64_MAX;
    if (controller->mapped > controller->memory)
      controller->memory = controller->mapped;
    break;
  case NVT_V_event_event_DMA_UNMAP:
    controller->mapped -= event->size < controller->mapped ? event->size : controller->mapped;
    break;
  case NVT_V_event_event_CONTROLLER_RESET:
  case NVT_V_event_event_DEVICE_RESET:
  case NVT_V_event_event_DETACH:
    controller->outstanding = 0;
    break;
  default:
    break;
  }
}

static void take_write(struct nvt_plan_controller *controller,
                       const struct nvt_rec_access *access) {
  bool enables = access->offset == NVT_REG_CC && access->size >= 4 &&
                 (access->access_flags & NVT_V_access_access_flags_REFUSED) == 0 &&
                 NVT_GET(access->value, CC_EN);
  if (enables)
    controller->pages |= (uint16_t)(1u << NVT_GET(access->value, CC_MPS));
}

static void take_losses(struct nvt_plan *plan, const struct nvt_feed_item *item) {
  const struct nvt_record *record = &item->record;
  static const char until[] = "nothing can be compared until the next controller reset";
  if (nvt_record_left_out(record))
    note(plan, record, "tracing was stopped here; %s", until);
  else if (record->header.type == NVT_REC_LOSS && record->loss.count > 0)
    note(plan, record, "the recorder lost %" PRIu64 " records; %s", record->loss.count, until);
  else if (item->missing > 0)
    note(plan, record, "%" PRIu64 " records are missing; %s", item->missing, until);
}

static bool take(struct nvt_plan *plan, const char *path, const struct nvt_feed_item *item,
                 struct nvt_reason *why) {
  const struct nvt_record *record = &item->record;
  plan->records++;
  if (record->header.type == NVT_REC_META)
    return take_meta(plan, path, record, why);
  struct nvt_plan_controller *controller = find(plan, record->header.controller);
  if (controller == NULL)
    return nvt_replay_before_meta(record) || fail(why, path, record, NVT_REPLAY_NO_META);
  take_losses(plan, item);
  if (nvt_pace_is_step(record)) {
    if (plan->steps++ == 0)
      plan->first_time = record->time_ns;
    if (record->time_ns > plan->first_time)
      plan->nanoseconds = record->time_ns - plan->first_time;
  }
  if (record->header.type == NVT_REC_COMMAND && item->command != NULL)
    take_command(plan, controller, item->command);
  else if (record->header.type == NVT_REC_COMPLETION)
    take_completion(controller, item->command);
  else if (record->header.type == NVT_REC_EVENT)
    take_event(controller, &record->event);
  else if (record->header.type == NVT_REC_REG_WRITE)
    take_write(controller, &record->access);
  return true;
}

static void show_progress(const struct nvt_plan *plan, const struct nvt_feed *feed,
                          uint64_t start) {
  uint64_t size = nvt_feed_size(feed);
  if (nvt_pace_now() - start < UINT64_C(2000000000))
    return;
  fprintf(stderr, "\rreading: %" PRIu64 " records", plan->records);
  if (size > 0)
    fprintf(stderr, ", %.0f %%", 100.0 * (double)nvt_feed_position(feed) / (double)size);
  fputs("\033[K", stderr);
  fflush(stderr);
}

static bool take_all(struct nvt_plan *plan, const char *path, bool progress,
                     struct nvt_reason *why) {
  uint64_t start = nvt_pace_now();
  struct nvt_feed *feed;
  const struct nvt_feed_item *item;
  enum nvt_feed_status status;
  if (!nvt_feed_open(path, &feed, why))
    return false;
  bool good = true;
  while (good && (status = nvt_feed_next(feed, &item, why)) == NVT_FEED_ITEM) {
    good = take(plan, path, item, why);
    if (progress && plan->records % 1048576 == 0)
      show_progress(plan, feed, start);
  }
  if (progress && nvt_pace_now() - start >= UINT64_C(2000000000))
    fputs("\r\033[K", stderr);
  good = good && status == NVT_FEED_END;
  if (good && plan->controller_count == 0) {
    snprintf(why->text, sizeof(why->text),
             "%s: holds no record of a controller%s; there is nothing to replay", path,
             nvt_feed_foreign(feed) > 0 ? ", only frames of something else" : "");
    good = false;
  }
  nvt_feed_close(feed);
  return good;
}

struct nvt_plan *nvt_plan_make(const char *path, bool progress, bool *good,
                               struct nvt_reason *why) {
  struct nvt_plan *plan = calloc(1, sizeof(*plan));
  *good = false;
  *why = (struct nvt_reason){.text = "out of memory"};
  if (plan != NULL)
    plan->controllers = calloc(NVT_PLAN_CONTROLLERS_MAX, sizeof(*plan->controllers));
  if (plan != NULL && plan->controllers != NULL)
    *good = take_all(plan, path, progress, why);
  return plan;
}

void nvt_plan_destroy(struct nvt_plan *plan) {
  for (uint32_t i = 0; plan != NULL && i < plan->controller_count; i++) {
    struct nvt_plan_controller *controller = &plan->controllers[i];
    for (uint32_t n = 0; n < controller->namespace_count; n++)
      nvt_blocks_destroy(controller->namespaces[n].known);
    free(controller->namespaces);
    nvt_meta_clear(&controller->details);
  }
  if (plan != NULL)
    free(plan->controllers);
  free(plan);
}
