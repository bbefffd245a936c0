/* SPDX-License-Identifier: BSD-2-Clause */
/* Get Log Page: Base 1.4, section 5.14. */
#include <string.h>

#include "controller/controller_int.h"

#define BROADCAST 0xffffffffu

void nvt_error_log(struct nvt_controller *c, uint16_t sqid, uint16_t cid, uint16_t status,
                   uint64_t lba, uint32_t nsid) {
  struct nvt_log_error *entry = &c->errors[c->error_count % NVT_ERROR_ENTRIES];
  *entry = (struct nvt_log_error){
      .count = ++c->error_count,
      .sqid = sqid,
      .cid = cid,
      .status = status,
      .location = 0xffff, /* no single byte of the command is to blame */
      .lba = lba,
      .nsid = nsid,
      .trtype = 0,
  };
}

void nvt_changed_ns_add(struct nvt_controller *c, uint32_t nsid) {
  if (!c->enabled_once || c->changed_count > NVT_LOG_CHANGED_ENTRIES)
    return;
  uint32_t at = 0;
  while (at < c->changed_count && c->changed_ns[at] < nsid)
    at++;
  if (at < c->changed_count && c->changed_ns[at] == nsid)
    return;
  if (c->changed_count++ == NVT_LOG_CHANGED_ENTRIES)
    return; /* too many to list: section 5.14.1.4 */
  memmove(&c->changed_ns[at + 1], &c->changed_ns[at],
          (c->changed_count - 1 - at) * sizeof(c->changed_ns[0]));
  c->changed_ns[at] = nsid;
}

static uint32_t error_log(struct nvt_controller *c) {
  struct nvt_log_error *to = (struct nvt_log_error *)(void *)c->scratch;
  for (uint64_t i = 0; i < NVT_ERROR_ENTRIES && i < c->error_count; i++)
    to[i] = c->errors[(c->error_count - 1 - i) % NVT_ERROR_ENTRIES]; /* newest first */
  return sizeof(c->errors);
}

static void put128(uint8_t *to, uint64_t value) {
  memcpy(to, &value, sizeof(value));
}

static uint32_t smart_log(struct nvt_controller *c) {
  struct nvt_log_smart *smart = (struct nvt_log_smart *)(void *)c->scratch;
  smart->critical_warning = nvt_temperature_warning(c) ? 2 : 0;
  smart->temperature[0] = (uint8_t)NVT_TEMPERATURE;
  smart->temperature[1] = (uint8_t)(NVT_TEMPERATURE >> 8);
  smart->spare = 100;
  smart->spare_threshold = 10;
  put128(smart->data_units_read, (c->bytes_read + 511999) / 512000);
  put128(smart->data_units_written, (c->bytes_written + 511999) / 512000);
  put128(smart->host_reads, c->reads);
  put128(smart->host_writes, c->writes);
  put128(smart->power_cycles, c->power_cycles);
  put128(smart->power_on_hours, (nvt_now_ms() - c->power_on_ms) / 3600000);
  put128(smart->unsafe_shutdowns, c->unsafe_shutdowns);
  put128(smart->media_errors, c->media_errors);
  put128(smart->error_entries, c->error_count);
  return sizeof(*smart);
}

static uint32_t firmware_log(struct nvt_controller *c) {
  struct nvt_log_firmware *log = (struct nvt_log_firmware *)(void *)c->scratch;
  log->afi = 1;
  memset(log->frs[0], ' ', sizeof(log->frs[0]));
  memcpy(log->frs[0], c->firmware, strlen(c->firmware));
  return sizeof(*log);
}

static uint32_t changed_log(struct nvt_controller *c) {
  uint32_t *list = (uint32_t *)(void *)c->scratch;
  if (c->changed_count > NVT_LOG_CHANGED_ENTRIES)
    list[0] = BROADCAST;
  else
    memcpy(list, c->changed_ns, c->changed_count * sizeof(list[0]));
  return sizeof(c->changed_ns);
}

static uint32_t effects_log(struct nvt_controller *c) {
  struct nvt_log_effects *log = (struct nvt_log_effects *)(void *)c->scratch;
  for (unsigned i = 0; i < 256; i++) {
    log->admin[i] = nvt_admin_commands[i].effects;
    log->io[i] = nvt_io_commands[i].effects;
  }
  return sizeof(*log);
}

/* The page's length, its content in scratch; 0: no such page. */
static uint32_t make_log(struct nvt_controller *c, uint8_t lid) {
  memset(c->scratch, 0, sizeof(c->scratch));
  switch (lid) {
  case NVT_LOG_ERROR_INFORMATION:
    return error_log(c);
  case NVT_LOG_SMART:
    return smart_log(c);
  case NVT_LOG_FIRMWARE_SLOT:
    return firmware_log(c);
  case NVT_LOG_CHANGED_ATTACHED_NS:
    return changed_log(c);
  case NVT_LOG_COMMANDS_SUPPORTED:
    return effects_log(c);
  default:
    return 0;
  }
}

nvt_status nvt_admin_get_log(struct request *r) {
  struct nvt_controller *c = r->c;
  uint8_t lid = (uint8_t)r->sqe.cdw10;
  bool retain = (r->sqe.cdw10 >> 15 & 1) != 0;
  uint64_t dwords = ((uint64_t)(r->sqe.cdw11 & 0xffff) << 16 | r->sqe.cdw10 >> 16) + 1;
  uint64_t offset = (uint64_t)r->sqe.cdw13 << 32 | r->sqe.cdw12;
  uint32_t nsid = r->sqe.nsid;
  uint32_t size = make_log(c, lid);
  if (size == 0)
    return NVT_SC_INVALID_LOG_PAGE;
  if (nsid != 0 && nsid != BROADCAST) {
    nvt_status status;
    if (nvt_ns_get(c, nsid, &status) == NULL)
      return status;
    return NVT_SC_INVALID_FIELD; /* no page here has a namespace's scope (LPA bit 0) */
  }
  if ((offset & 3) != 0 || offset > size || dwords * 4 > c->max_transfer)
    return NVT_SC_INVALID_FIELD;
  uint64_t length = dwords * 4, there = size - offset;
  nvt_status status =
      nvt_data_reply(r, c->scratch + offset, length < there ? length : there, length);
  if (status != NVT_SC_SUCCESS || retain)
    return status;
  if (lid == NVT_LOG_CHANGED_ATTACHED_NS)
    c->changed_count = 0;
  nvt_async_log_read(c, lid);
  return status;
}
