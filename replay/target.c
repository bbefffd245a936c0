/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/target.h"

#include <string.h>

#include "replay/target_int.h"

static const struct nvt_target_ops *const targets[] = {
    &nvt_target_model,  &nvt_target_vfio_user, &nvt_target_qtest,
    &nvt_target_device, &nvt_target_dry,
};

const struct nvt_target_ops *nvt_target_at(size_t index) {
  return index < sizeof(targets) / sizeof(targets[0]) ? targets[index] : NULL;
}

/* In brackets it may be left out. */
static bool wants(const struct nvt_target_ops *ops, bool given) {
  return ops->address == NULL ? !given : given || ops->address[0] == '[';
}

const struct nvt_target_ops *nvt_target_find(const char *name, const char **address) {
  const struct nvt_target_ops *ops;
  const char *colon = strchr(name, ':');
  size_t length = colon != NULL ? (size_t)(colon - name) : strlen(name);
  const char *rest = colon != NULL && colon[1] != '\0' ? colon + 1 : NULL;
  if (address != NULL)
    *address = rest;
  for (size_t i = 0; (ops = nvt_target_at(i)) != NULL; i++)
    if (strlen(ops->name) == length && strncmp(ops->name, name, length) == 0)
      return wants(ops, rest != NULL) ? ops : NULL;
  return NULL;
}
