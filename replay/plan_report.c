/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "nvme/names.h"
#include "replay/plan.h"

static const char *name_of(unsigned set, unsigned code, char *room, size_t size) {
  const char *name = nvt_opcode_name((enum nvt_opcode_set)set, (uint8_t)code);
  if (name == NULL)
    snprintf(room, size, "%s command 0x%02x", set == NVT_SET_ADMIN ? "admin" : "I/O", code);
  return name != NULL ? name : room;
}

static void commands_text(const struct nvt_plan *plan) {
  char room[32];
  const char *before = "commands: ";
  for (unsigned set = 0; set < NVT_SET_COUNT; set++)
    for (unsigned code = 0; code < 256; code++)
      if (plan->commands[set][code] > 0) {
        printf("%s%s %" PRIu64, before, name_of(set, code, room, sizeof(room)),
               plan->commands[set][code]);
        before = ", ";
      }
  puts(before[0] == 'c' ? "commands: none" : "");
}

static void controller_text(const struct nvt_plan_controller *c) {
  printf("controller %u: %" PRIu64 " commands, %" PRIu32 " I/O queues created (highest identifier "
         "%u, up to %" PRIu32 " entries), %" PRIu32 " I/O commands outstanding at most, largest "
         "transfer %" PRIu64 " bytes, %" PRIu64 " bytes of guest memory mapped at most\n",
         c->id, c->commands, c->queues, c->highest, c->entries, c->depth, c->transfer, c->memory);
  if (c->without_data > 0)
    printf("  %" PRIu64 " writes without their data in the trace: what is written isn't what was\n",
           c->without_data);
  for (uint32_t i = 0; i < c->namespace_count; i++) {
    const struct nvt_plan_namespace *ns = &c->namespaces[i];
    printf("  namespace %" PRIu32 ": %" PRIu64 " blocks of %" PRIu32 " bytes, used up to block "
           "%" PRIu64 "; %" PRIu64 " reads of %" PRIu64 " bytes, %" PRIu64 " writes of %" PRIu64
           " bytes; %" PRIu64 " blocks are read before the trace writes them\n",
           ns->nsid, ns->blocks, ns->block_size, ns->end, ns->reads, ns->bytes_read, ns->writes,
           ns->bytes_wrote, ns->from_before);
  }
}

void nvt_plan_text(const struct nvt_plan *plan) {
  printf("would be replayed: %" PRIu64 " records, %" PRIu64 " steps of the host over %.3f s\n",
         plan->records, plan->steps, (double)plan->nanoseconds / 1e9);
  commands_text(plan);
  for (uint32_t i = 0; i < plan->controller_count; i++)
    controller_text(&plan->controllers[i]);
  for (uint64_t i = 0; i < plan->note_count && i < NVT_PLAN_NOTES_MAX; i++)
    printf("record %" PRIu64 ": %s\n", plan->notes[i].record, plan->notes[i].text);
  if (plan->note_count > NVT_PLAN_NOTES_MAX)
    printf("… and %" PRIu64 " more\n", plan->note_count - NVT_PLAN_NOTES_MAX);
}

static void put(json_object *object, const char *key, uint64_t value) {
  json_object_object_add(object, key, json_object_new_uint64(value));
}

static json_object *commands_json(const struct nvt_plan *plan) {
  json_object *root = json_object_new_object();
  char room[32];
  for (unsigned set = 0; set < NVT_SET_COUNT; set++)
    for (unsigned code = 0; code < 256; code++)
      if (plan->commands[set][code] > 0)
        put(root, name_of(set, code, room, sizeof(room)), plan->commands[set][code]);
  return root;
}

static json_object *namespaces_json(const struct nvt_plan_controller *c) {
  json_object *list = json_object_new_array();
  for (uint32_t i = 0; i < c->namespace_count; i++) {
    const struct nvt_plan_namespace *ns = &c->namespaces[i];
    json_object *one = json_object_new_object();
    put(one, "nsid", ns->nsid);
    put(one, "blocks", ns->blocks);
    put(one, "block_size", ns->block_size);
    put(one, "used_to", ns->end);
    put(one, "reads", ns->reads);
    put(one, "bytes_read", ns->bytes_read);
    put(one, "writes", ns->writes);
    put(one, "bytes_written", ns->bytes_wrote);
    put(one, "blocks_from_before", ns->from_before);
    json_object_array_add(list, one);
  }
  return list;
}

static json_object *controllers_json(const struct nvt_plan *plan) {
  json_object *list = json_object_new_array();
  for (uint32_t i = 0; i < plan->controller_count; i++) {
    const struct nvt_plan_controller *c = &plan->controllers[i];
    json_object *one = json_object_new_object();
    put(one, "controller", c->id);
    put(one, "commands", c->commands);
    put(one, "queues", c->queues);
    put(one, "highest_queue", c->highest);
    put(one, "queue_entries", c->entries);
    put(one, "vectors", c->vectors);
    put(one, "outstanding", c->depth);
    put(one, "largest_transfer", c->transfer);
    put(one, "guest_memory", c->memory);
    put(one, "writes_without_data", c->without_data);
    json_object_object_add(one, "namespaces", namespaces_json(c));
    json_object_array_add(list, one);
  }
  return list;
}

json_object *nvt_plan_json(const struct nvt_plan *plan) {
  json_object *root = json_object_new_object();
  json_object *notes = json_object_new_array();
  for (uint64_t i = 0; i < plan->note_count && i < NVT_PLAN_NOTES_MAX; i++) {
    json_object *one = json_object_new_object();
    put(one, "record", plan->notes[i].record);
    json_object_object_add(one, "text", json_object_new_string(plan->notes[i].text));
    json_object_array_add(notes, one);
  }
  put(root, "steps", plan->steps);
  json_object_object_add(root, "seconds", json_object_new_double((double)plan->nanoseconds / 1e9));
  json_object_object_add(root, "commands", commands_json(plan));
  json_object_object_add(root, "controllers", controllers_json(plan));
  json_object_object_add(root, "not_compared", notes);
  put(root, "not_compared_count", plan->note_count);
  return root;
}
