/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Targets with the built-in driver as their host, which sends the trace's commands on queues of its
 * own: the model in this process, and any device at a vfio-user socket.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/sender.h"
#include "nvme/identify.h"
#include "replay/model_int.h"
#include "replay/remap.h"
#include "replay/target_int.h"

struct nvt_target {
  struct nvt_controller *model; /* or NULL */
  struct nvt_transport *transport;
  struct nvt_sender *sender;
  struct nvt_remap remap;
  uint32_t last_nsid, last_block_size; /* that was preloaded; 0: none was */
};

static void driven_close(struct nvt_target *t) {
  nvt_sender_close(t->sender);
  if (t->transport != NULL)
    t->transport->close(t->transport);
  if (t->model != NULL)
    nvt_controller_destroy(t->model);
  free(t);
}

static struct nvt_sender *driven_sender(struct nvt_target *t) {
  return t->sender;
}

static int driven_pass(struct nvt_target *t, bool admin, const struct nvt_sqe *recorded, void *data,
                       uint32_t length, nvt_status *status, uint32_t *dw0) {
  const struct nvt_sqe sqe = nvt_remap_command(&t->remap, admin, recorded, data, length);
  return nvt_sender_pass(t->sender, admin, &sqe, data, length, status, dw0);
}

/* Takes the transport, and the model. */
static bool drive(struct nvt_target *t, const struct nvt_target_setup *setup,
                  struct nvt_target **out, char *why, size_t whylen) {
  if (setup->remap != NULL)
    t->remap = *setup->remap;
  if (t->transport != NULL)
    t->sender = nvt_sender_open(t->transport, setup->sender, why, whylen);
  if (t->sender == NULL) {
    driven_close(t);
    return false;
  }
  *out = t;
  return true;
}

static bool model_open(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                       size_t whylen) {
  struct nvt_target *t = calloc(1, sizeof(*t));
  snprintf(why, whylen, "out of memory");
  if (t == NULL)
    return false;
  if (nvt_model_create(setup, NULL, NULL, &t->model, why, whylen))
    (void)nvt_transport_local(t->model, &t->transport);
  return drive(t, setup, out, why, whylen);
}

static int model_preload(struct nvt_target *t, uint32_t nsid, uint64_t offset, const void *bytes,
                         size_t len) {
  return nvt_controller_preload(t->model, nsid, offset, bytes, len);
}

static bool vfio_user_open(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                           size_t whylen) {
  struct nvt_target *t = calloc(1, sizeof(*t));
  snprintf(why, whylen, "out of memory");
  if (t == NULL)
    return false;
  if (nvt_transport_vfio(setup->address, &t->transport, why, whylen) != 0)
    t->transport = NULL;
  return drive(t, setup, out, why, whylen);
}

/* Of the target's blocks, which may be others than the trace's; 0: that isn't known. */
static uint32_t target_block_size(struct nvt_target *t, uint32_t nsid) {
  struct nvt_id_namespace id;
  const struct nvt_sqe sqe = {
      .opcode = NVT_ADMIN_IDENTIFY, .nsid = nsid, .cdw10 = NVT_CNS_NAMESPACE};
  nvt_status status;
  uint32_t dw0;
  uint8_t answer[NVT_IDENTIFY_SIZE] = {0};
  if (t->last_nsid == nsid)
    return t->last_block_size;
  if (driven_pass(t, true, &sqe, answer, sizeof(answer), &status, &dw0) != 0 ||
      status != NVT_SC_SUCCESS)
    return 0;
  memcpy(&id, answer, sizeof(id));
  unsigned format = nvt_flbas_format(id.flbas);
  t->last_nsid = nsid;
  t->last_block_size = format > 15 || id.lbaf[format].lbads > 16 ? 0 : 1u << id.lbaf[format].lbads;
  return t->last_block_size;
}

static int vfio_user_preload(struct nvt_target *t, uint32_t nsid, uint64_t offset,
                             const void *bytes, size_t len) {
  return nvt_preload_by_writes(t, driven_pass, nsid, target_block_size(t, nsid), offset, bytes,
                               len);
}

#define DRIVEN .close = driven_close, .pass = driven_pass, .sender = driven_sender

const struct nvt_target_ops nvt_target_model_driven = {
    .name = "model", .own_medium = true, .open = model_open, .preload = model_preload, DRIVEN};

const struct nvt_target_ops nvt_target_vfio_user_driven = {
    .name = "vfio-user", .open = vfio_user_open, .preload = vfio_user_preload, DRIVEN};
