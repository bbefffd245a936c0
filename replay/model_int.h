/* SPDX-License-Identifier: BSD-2-Clause */
/* A controller model that looks like the recorded controller. */
#ifndef NVT_REPLAY_MODEL_INT_H
#define NVT_REPLAY_MODEL_INT_H

#include "controller/controller.h"
#include "replay/target.h"

/* With its namespaces. `host`: for taps, or NULL; `port`, or NULL, is copied. False with a message
 * in why. */
bool nvt_model_create(const struct nvt_target_setup *, struct nvt_plugin_host *host,
                      const struct nvt_port_ops *port, struct nvt_controller **out, char *why,
                      size_t whylen);
/* no_data: nothing need be kept. 0, or -errno with a message in why. */
int nvt_model_add_namespace(struct nvt_controller *, bool no_data,
                            const struct nvt_meta_namespace *, char *why, size_t whylen);
/* The trace has no payload: what is stored makes no difference. */
static inline bool nvt_model_keeps_nothing(const struct nvt_target_setup *setup) {
  return setup->meta->data_mode == NVT_V_meta_data_mode_NONE;
}

#endif
