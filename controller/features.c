/* SPDX-License-Identifier: BSD-2-Clause */
/* Get and Set Features: Base 1.4, sections 5.13 and 5.21. Nothing is saveable. */
#include <string.h>

#include "controller/controller_int.h"

#define BROADCAST 0xffffffffu
#define TEMPERATURE_OVER 0x157u
enum { SELECT_CURRENT, SELECT_DEFAULT, SELECT_SAVED, SELECT_CAPABILITIES };
enum { CHANGEABLE = 4, PER_NAMESPACE = 2 };
enum { ORIGIN_CLEARED = 0, ORIGIN_HOST = 1 };

static uint32_t default_queues(const struct nvt_controller *c) {
  return (uint32_t)(c->io_queues - 1) << 16 | (uint32_t)(c->io_queues - 1);
}

static void defaults(const struct nvt_controller *c, struct features *f) {
  memset(f, 0, sizeof(*f));
  f->arbitration = 7; /* no limit */
  f->temperature_over = TEMPERATURE_OVER;
  f->write_cache = 1;
  f->queues = default_queues(c);
  for (uint32_t v = 0; v < NVT_VECTORS_MAX; v++)
    f->vector_config[v] = v;
  f->timestamp_set = c->power_on_ms;
}

void nvt_features_reset(struct nvt_controller *c) {
  struct features *f = &c->features;
  /* A timestamp outlives a controller reset: section 5.21.1.14. */
  uint64_t timestamp = f->timestamp, set = f->timestamp_set;
  uint8_t origin = f->timestamp_origin;
  defaults(c, f);
  if (origin != ORIGIN_CLEARED) {
    f->timestamp = timestamp;
    f->timestamp_set = set;
    f->timestamp_origin = origin;
  }
  c->keep_alive_deadline = 0;
  for (uint32_t i = 0; i < c->nn; i++)
    c->ns[i].error_recovery = 0;
}

bool nvt_temperature_warning(const struct nvt_controller *c) {
  return NVT_TEMPERATURE >= c->features.temperature_over ||
         NVT_TEMPERATURE <= c->features.temperature_under;
}

/* 0: not supported. */
static uint32_t capabilities(uint8_t fid) {
  switch (fid) {
  case NVT_FEATURE_ERROR_RECOVERY:
    return CHANGEABLE | PER_NAMESPACE;
  case NVT_FEATURE_ARBITRATION:
  case NVT_FEATURE_POWER_MANAGEMENT:
  case NVT_FEATURE_TEMPERATURE_THRESHOLD:
  case NVT_FEATURE_VOLATILE_WRITE_CACHE:
  case NVT_FEATURE_NUMBER_OF_QUEUES:
  case NVT_FEATURE_INTERRUPT_COALESCING:
  case NVT_FEATURE_INTERRUPT_VECTOR_CONFIG:
  case NVT_FEATURE_WRITE_ATOMICITY:
  case NVT_FEATURE_ASYNC_EVENT_CONFIG:
  case NVT_FEATURE_TIMESTAMP:
  case NVT_FEATURE_KEEP_ALIVE_TIMER:
    return CHANGEABLE;
  default:
    return 0;
  }
}

/* Composite temperature only: TMPSEL 0, or Fh for all there are when it is set. */
static uint32_t *threshold(struct features *f, uint32_t cdw11, bool set) {
  uint32_t sensor = cdw11 >> 16 & 15, type = cdw11 >> 20 & 3;
  if ((sensor != 0 && !(set && sensor == 15)) || type > 1)
    return NULL;
  return type == 0 ? &f->temperature_over : &f->temperature_under;
}

static nvt_status get_timestamp(struct request *r, const struct features *f) {
  uint64_t now = f->timestamp + (nvt_now_ms() - f->timestamp_set);
  uint64_t data = (now & 0xffffffffffffULL) | (uint64_t)f->timestamp_origin << 49;
  return nvt_data_reply(r, &data, sizeof(data), sizeof(data));
}

static nvt_status get(struct request *r, struct features *f, uint32_t error_recovery) {
  uint32_t cdw11 = r->sqe.cdw11;
  uint32_t *value = NULL;
  switch ((uint8_t)r->sqe.cdw10) {
  case NVT_FEATURE_ARBITRATION:
    value = &f->arbitration;
    break;
  case NVT_FEATURE_POWER_MANAGEMENT:
    value = &f->power;
    break;
  case NVT_FEATURE_TEMPERATURE_THRESHOLD:
    value = threshold(f, cdw11, false);
    break;
  case NVT_FEATURE_ERROR_RECOVERY:
    value = &error_recovery;
    break;
  case NVT_FEATURE_VOLATILE_WRITE_CACHE:
    value = &f->write_cache;
    break;
  case NVT_FEATURE_NUMBER_OF_QUEUES:
    value = &f->queues;
    break;
  case NVT_FEATURE_INTERRUPT_COALESCING:
    value = &f->coalescing;
    break;
  case NVT_FEATURE_INTERRUPT_VECTOR_CONFIG:
    value = (cdw11 & 0xffff) < r->c->vectors ? &f->vector_config[cdw11 & 0xffff] : NULL;
    break;
  case NVT_FEATURE_WRITE_ATOMICITY:
    value = &f->write_atomicity;
    break;
  case NVT_FEATURE_ASYNC_EVENT_CONFIG:
    value = &f->async_events;
    break;
  case NVT_FEATURE_KEEP_ALIVE_TIMER:
    value = &f->keep_alive_ms;
    break;
  case NVT_FEATURE_TIMESTAMP:
    return get_timestamp(r, f);
  default:
    break;
  }
  if (value == NULL)
    return NVT_SC_INVALID_FIELD;
  r->cqe.dw0 = *value;
  return NVT_SC_SUCCESS;
}

nvt_status nvt_admin_get_features(struct request *r) {
  struct nvt_controller *c = r->c;
  uint32_t select = r->sqe.cdw10 >> 8 & 7;
  uint32_t able = capabilities((uint8_t)r->sqe.cdw10);
  uint32_t nsid = r->sqe.nsid;
  if (able == 0 || select > SELECT_CAPABILITIES)
    return NVT_SC_INVALID_FIELD;
  if (nsid != BROADCAST && nsid > c->nn)
    return NVT_SC_INVALID_NAMESPACE_OR_FORMAT;
  if (select == SELECT_CAPABILITIES) {
    r->cqe.dw0 = able;
    return NVT_SC_SUCCESS;
  }
  if (select != SELECT_CURRENT) { /* saved: nothing ever was, so the default */
    struct features f;
    defaults(c, &f);
    return get(r, &f, f.error_recovery);
  }
  uint32_t error_recovery = c->features.error_recovery;
  if (nsid != BROADCAST && nsid != 0) {
    nvt_status status;
    struct name_space *ns = nvt_ns_get(c, nsid, &status);
    if (ns == NULL)
      return status;
    error_recovery = ns->error_recovery;
  }
  return get(r, &c->features, error_recovery);
}

static nvt_status set_timestamp(struct request *r) {
  struct nvt_controller *c = r->c;
  uint64_t data;
  nvt_status status = nvt_map_data(r, sizeof(data), false);
  if (status != NVT_SC_SUCCESS)
    return status;
  nvt_data_taps(r, NVT_DIRECTION_OUT);
  nvt_data_get(r, &data, sizeof(data));
  c->features.timestamp = data & 0xffffffffffffULL;
  c->features.timestamp_set = nvt_now_ms();
  c->features.timestamp_origin = ORIGIN_HOST;
  return NVT_SC_SUCCESS;
}

/* Section 5.21.1.7. */
static nvt_status set_queues(struct request *r) {
  struct nvt_controller *c = r->c;
  uint32_t sqs = r->sqe.cdw11 & 0xffff, cqs = r->sqe.cdw11 >> 16;
  if (sqs == 0xffff || cqs == 0xffff)
    return NVT_SC_INVALID_FIELD;
  if (c->sq_count > 1 || c->cq_count > 1)
    return NVT_SC_COMMAND_SEQUENCE_ERROR;
  uint32_t most = c->io_queues - 1u;
  c->features.queues = (cqs < most ? cqs : most) << 16 | (sqs < most ? sqs : most);
  r->cqe.dw0 = c->features.queues;
  return NVT_SC_SUCCESS;
}

static nvt_status set_error_recovery(struct request *r) {
  struct nvt_controller *c = r->c;
  uint32_t value = r->sqe.cdw11 & 0x1ffff, nsid = r->sqe.nsid;
  if ((value & 0x10000) != 0)
    return NVT_SC_INVALID_FIELD; /* deallocated block errors: NSFEAT doesn't claim them */
  if (nsid != 0 && nsid != BROADCAST) {
    nvt_status status;
    struct name_space *ns = nvt_ns_get(c, nsid, &status);
    if (ns == NULL)
      return status;
    ns->error_recovery = value;
    return NVT_SC_SUCCESS;
  }
  c->features.error_recovery = value;
  for (uint32_t i = 0; i < c->nn; i++)
    c->ns[i].error_recovery = value;
  return NVT_SC_SUCCESS;
}

static nvt_status set_threshold(struct request *r) {
  struct nvt_controller *c = r->c;
  uint32_t *value = threshold(&c->features, r->sqe.cdw11, true);
  if (value == NULL)
    return NVT_SC_INVALID_FIELD;
  *value = r->sqe.cdw11 & 0xffff;
  if (nvt_temperature_warning(c))
    nvt_async_raise(c, ASYNC_TEMPERATURE);
  return NVT_SC_SUCCESS;
}

static nvt_status set(struct request *r) {
  struct nvt_controller *c = r->c;
  struct features *f = &c->features;
  uint32_t cdw11 = r->sqe.cdw11;
  switch ((uint8_t)r->sqe.cdw10) {
  case NVT_FEATURE_ARBITRATION:
    f->arbitration = cdw11 & 0xffffff07u;
    break;
  case NVT_FEATURE_POWER_MANAGEMENT:
    if ((cdw11 & 0x1f) != 0)
      return NVT_SC_INVALID_FIELD; /* NPSS: there is only power state 0 */
    f->power = cdw11 & 0xffu;
    break;
  case NVT_FEATURE_TEMPERATURE_THRESHOLD:
    return set_threshold(r);
  case NVT_FEATURE_ERROR_RECOVERY:
    return set_error_recovery(r);
  case NVT_FEATURE_VOLATILE_WRITE_CACHE:
    f->write_cache = cdw11 & 1;
    break;
  case NVT_FEATURE_NUMBER_OF_QUEUES:
    return set_queues(r);
  case NVT_FEATURE_INTERRUPT_COALESCING:
    f->coalescing = cdw11 & 0xffff;
    break;
  case NVT_FEATURE_INTERRUPT_VECTOR_CONFIG:
    if ((cdw11 & 0xffff) >= c->vectors)
      return NVT_SC_INVALID_FIELD;
    f->vector_config[cdw11 & 0xffff] = cdw11 & 0x1ffff;
    break;
  case NVT_FEATURE_WRITE_ATOMICITY:
    f->write_atomicity = cdw11 & 1;
    break;
  case NVT_FEATURE_ASYNC_EVENT_CONFIG:
    f->async_events = cdw11 & 0x1ff;
    if (nvt_temperature_warning(c))
      nvt_async_raise(c, ASYNC_TEMPERATURE);
    break;
  case NVT_FEATURE_TIMESTAMP:
    return set_timestamp(r);
  case NVT_FEATURE_KEEP_ALIVE_TIMER:
    /* KAS: granularity of 100 ms, rounded up. */
    if (cdw11 > UINT32_MAX - 99)
      return NVT_SC_KEEP_ALIVE_INVALID;
    f->keep_alive_ms = (cdw11 + 99) / 100 * 100;
    c->keep_alive_deadline = cdw11 != 0 ? nvt_now_ms() + f->keep_alive_ms : 0;
    break;
  default:
    return NVT_SC_INVALID_FIELD;
  }
  return NVT_SC_SUCCESS;
}

nvt_status nvt_admin_set_features(struct request *r) {
  struct nvt_controller *c = r->c;
  uint32_t able = capabilities((uint8_t)r->sqe.cdw10);
  uint32_t nsid = r->sqe.nsid;
  if (able == 0)
    return NVT_SC_INVALID_FIELD;
  if ((r->sqe.cdw10 >> 31) != 0)
    return NVT_SC_FEATURE_NOT_SAVEABLE;
  if (nsid != 0 && nsid != BROADCAST) {
    nvt_status status;
    if (nvt_ns_get(c, nsid, &status) == NULL)
      return status;
    if ((able & PER_NAMESPACE) == 0)
      return NVT_SC_FEATURE_NOT_NS_SPECIFIC;
  }
  return set(r);
}
