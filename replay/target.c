/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/target.h"

#include <string.h>

#include "replay/target_int.h"

static const struct nvt_target_ops *const targets[] = {
    &nvt_target_model,
};

const struct nvt_target_ops *nvt_target_at(size_t index) {
  return index < sizeof(targets) / sizeof(targets[0]) ? targets[index] : NULL;
}

const struct nvt_target_ops *nvt_target_find(const char *name) {
  const struct nvt_target_ops *ops;
  for (size_t i = 0; (ops = nvt_target_at(i)) != NULL; i++)
    if (strcmp(ops->name, name) == 0)
      return ops;
  return NULL;
}
