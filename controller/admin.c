/* SPDX-License-Identifier: BSD-2-Clause */
/* The admin commands: one row each. What has no row is Invalid Opcode, and the
 * Commands Supported and Effects log says so, as it is made from the rows. */
#include "controller/controller_int.h"

const struct command_row nvt_admin_commands[256] = {
    [NVT_ADMIN_DELETE_IO_SQ] = {nvt_admin_delete_sq, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_CREATE_IO_SQ] = {nvt_admin_create_sq, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_GET_LOG_PAGE] = {nvt_admin_get_log, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_DELETE_IO_CQ] = {nvt_admin_delete_cq, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_CREATE_IO_CQ] = {nvt_admin_create_cq, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_IDENTIFY] = {nvt_admin_identify, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_ABORT] = {nvt_admin_abort, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_SET_FEATURES] = {nvt_admin_set_features, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_GET_FEATURES] = {nvt_admin_get_features, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_ASYNC_EVENT_REQUEST] = {nvt_admin_async_event, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_KEEP_ALIVE] = {nvt_admin_keep_alive, NVT_EFFECT_SUPPORTED},
    [NVT_ADMIN_FORMAT_NVM] = {nvt_admin_format,
                              NVT_EFFECT_SUPPORTED | NVT_EFFECT_CONTENT | NVT_EFFECT_EXCLUSIVE_NS},
};

/* Base 2.1, section 5.1.1. Aborted are requests that wait for an event and commands that a
 * plug-in holds; one in a backend can't be called back, and is "not aborted". */
nvt_status nvt_admin_abort(struct request *r) {
  struct nvt_controller *c = r->c;
  unsigned aborts = 0;
  for (uint32_t i = 0; i < c->admin_pool.count; i++) {
    const struct request *other = &c->admin_pool.all[i];
    if (other->state != REQUEST_FREE && other->sqe.opcode == NVT_ADMIN_ABORT)
      aborts++;
  }
  if (aborts > NVT_ABORTS)
    return NVT_SC_ABORT_LIMIT_EXCEEDED;
  struct request *victim =
      nvt_request_find(c, (uint16_t)r->sqe.cdw10, (uint16_t)(r->sqe.cdw10 >> 16));
  r->cqe.dw0 = 1; /* not aborted */
  if (victim == NULL || victim == r || victim->state == REQUEST_ACTIVE)
    return NVT_SC_SUCCESS;
  if (victim->state == REQUEST_AER) {
    /* Its completion needs a slot that it gave back. */
    if (c->cqs[0].room == 0)
      return NVT_SC_SUCCESS;
    c->cqs[0].room--;
    for (unsigned i = 0; i < c->aer_count; i++) {
      if (c->aers[i] == victim) {
        c->aers[i] = c->aers[--c->aer_count];
        break;
      }
    }
  } else {
    victim->state = REQUEST_ACTIVE;
  }
  nvt_finish(victim, NVT_SC_ABORTED_BY_REQUEST);
  r->cqe.dw0 = 0;
  return NVT_SC_SUCCESS;
}

nvt_status nvt_admin_keep_alive(struct request *r) {
  struct nvt_controller *c = r->c;
  if (c->features.keep_alive_ms != 0)
    c->keep_alive_deadline = nvt_now_ms() + c->features.keep_alive_ms;
  return NVT_SC_SUCCESS;
}
