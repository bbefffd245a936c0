/* SPDX-License-Identifier: BSD-2-Clause */
/* What a recorder is doing. */
#include <stdio.h>

#include "control/request_int.h"
#include "controller/controller.h"
#include "controller/log.h"
#include "controller/state.h"
#include "controller/tap.h"
#include "nvme/nvme.h"

static struct json_object *controller_state(struct nvt_controller *device) {
  struct nvt_controller_info info;
  struct nvt_registers r;
  nvt_controller_info(device, &info);
  nvt_controller_registers(device, &r);
  struct json_object *out = json_object_new_object();
  char pci[16];
  (void)snprintf(pci, sizeof(pci), "%04x:%02x:%02x.%x", info.pci_address >> 16,
                 info.pci_address >> 8 & 0xff, info.pci_address >> 3 & 0x1f, info.pci_address & 7);
  nvt_control_add_text(out, "pci_address", pci);
  nvt_control_add_text(out, "serial", info.serial);
  nvt_control_add_text(out, "model", info.model);
  nvt_control_add_number(out, "epoch", info.epoch);
  nvt_control_add_hex(out, "cc", r.cc, 8);
  nvt_control_add_hex(out, "csts", r.csts, 8);
  nvt_control_add_flag(out, "enabled", NVT_GET(r.cc, CC_EN) != 0);
  nvt_control_add_flag(out, "ready", NVT_GET(r.csts, CSTS_RDY) != 0);
  nvt_control_add_flag(out, "fatal", NVT_GET(r.csts, CSTS_CFS) != 0);
  nvt_control_add_flag(out, "removed", r.removed);
  nvt_control_add_text(out, "doorbells", info.shared_doorbells ? "shared" : "trap");
  nvt_control_add_number(out, "outstanding", nvt_controller_outstanding(device));
  return out;
}

static struct json_object *queues(struct nvt_controller *device) {
  struct json_object *list = json_object_new_array();
  struct nvt_queue_info queue;
  for (unsigned i = 0; nvt_controller_queue(device, i, &queue); i++) {
    struct json_object *out = json_object_new_object();
    nvt_control_add_text(out, "kind", queue.is_cq ? "completion" : "submission");
    nvt_control_add_number(out, "qid", queue.qid);
    if (!queue.is_cq)
      nvt_control_add_number(out, "cqid", queue.cqid);
    else if (queue.interrupts)
      nvt_control_add_number(out, "vector", queue.vector);
    nvt_control_add_number(out, "entries", queue.entries);
    nvt_control_add_number(out, "head", queue.head);
    nvt_control_add_number(out, "tail", queue.tail);
    nvt_control_add_number(out, "outstanding", queue.outstanding);
    nvt_control_add_hex(out, "base", queue.base, 1);
    json_object_array_add(list, out);
  }
  return list;
}

static struct json_object *namespaces(struct nvt_controller *device) {
  struct json_object *list = json_object_new_array();
  struct nvt_namespace_info ns;
  for (uint32_t i = 0; nvt_controller_namespace(device, i, &ns); i++) {
    struct json_object *out = json_object_new_object();
    nvt_control_add_number(out, "nsid", ns.nsid);
    nvt_control_add_number(out, "blocks", ns.blocks);
    nvt_control_add_number(out, "block_size", ns.block_size);
    nvt_control_add_number(out, "bytes", ns.blocks * ns.block_size);
    nvt_control_add_flag(out, "readonly", ns.readonly);
    nvt_control_add_text(out, "description", ns.description);
    json_object_array_add(list, out);
  }
  return list;
}

struct json_object *nvt_control_plugins(const struct nvt_control_target *target) {
  struct json_object *list = json_object_new_array();
  struct nvt_plugin_info plugin;
  for (unsigned i = 0; nvt_plugin_info(target->host, i, &plugin); i++) {
    struct json_object *out = json_object_new_object();
    nvt_control_add_text(out, "name", plugin.name);
    nvt_control_add_text(out, "kind", plugin.kind);
    nvt_control_add_text(out, "state",
                         plugin.dead       ? "dead"
                         : plugin.disabled ? "disabled"
                                           : "enabled");
    nvt_control_add_number(out, "attachments", plugin.attachments);
    nvt_control_add_text(out, "path", plugin.path);
    nvt_control_add_text(out, "args", plugin.args);
    json_object_array_add(list, out);
  }
  return list;
}

static struct json_object *pieces(const struct nvt_control_pieces *from) {
  struct json_object *out = json_object_new_object();
  nvt_control_add_number(out, "armed", from->armed);
  nvt_control_add_number(out, "fired", from->fired);
  nvt_control_add_number(out, "begun", from->begun);
  nvt_control_add_flag(out, "writing", from->writing);
  nvt_control_add_number(out, "bytes", from->bytes);
  nvt_control_add_number(out, "held_bytes", from->held_bytes);
  nvt_control_add_number(out, "held_ns", from->held_ns);
  nvt_control_add_number(out, "clipped", from->clipped);
  nvt_control_add_number(out, "failed", from->failed);
  return out;
}

static struct json_object *trace_state(const struct nvt_control_target *target) {
  struct nvt_control_trace trace = {0};
  if (!target->trace(target->ctx, &trace))
    return NULL;
  struct json_object *out = json_object_new_object();
  nvt_control_add_text(out, "file", trace.path);
  nvt_control_add_flag(out, "on", trace.on);
  nvt_control_add_number(out, "records", trace.records);
  nvt_control_add_number(out, "lost", trace.lost);
  nvt_control_add_number(out, "bytes", trace.bytes);
  if (trace.by_pieces)
    json_object_object_add(out, "pieces", pieces(&trace.pieces));
  return out;
}

bool nvt_control_status(const struct nvt_control_target *target,
                        const struct control_request *request, struct json_object *answer,
                        char *why, size_t whylen) {
  (void)request;
  (void)why;
  (void)whylen;
  json_object_object_add(answer, "controller", controller_state(target->device));
  json_object_object_add(answer, "queues", queues(target->device));
  json_object_object_add(answer, "namespaces", namespaces(target->device));
  json_object_object_add(answer, "plugins", nvt_control_plugins(target));
  json_object_object_add(answer, "trace", trace_state(target));
  json_object_object_add(answer, "live", nvt_control_live(target));
  nvt_control_add_text(answer, "log", nvt_log_level_name(nvt_log_get()));
  return true;
}
