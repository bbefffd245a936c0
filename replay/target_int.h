/* SPDX-License-Identifier: BSD-2-Clause */
/* The targets that there are: one line, and a row of target.c, per kind. */
#ifndef NVT_REPLAY_TARGET_INT_H
#define NVT_REPLAY_TARGET_INT_H

#include "replay/target.h"

extern const struct nvt_target_ops nvt_target_device;    /* a drive of this machine */
extern const struct nvt_target_ops nvt_target_dry;       /* none */
extern const struct nvt_target_ops nvt_target_model;     /* the controller model, in process */
extern const struct nvt_target_ops nvt_target_qtest;     /* QEMU's own */
extern const struct nvt_target_ops nvt_target_vfio_user; /* any device that speaks vfio-user */

/* The same, by the built-in driver. */
extern const struct nvt_target_ops nvt_target_model_driven;
extern const struct nvt_target_ops nvt_target_vfio_user_driven;

#endif
