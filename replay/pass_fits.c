/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/identify.h"
#include "nvme/names.h"
#include "replay/limits.h"
#include "replay/pass_int.h"

/* With another block size a command would move more than its buffer holds. */
static bool same_blocks(struct nvt_engine *e, const struct nvt_plan_namespace *ns, uint8_t *answer,
                        char *why, size_t whylen) {
  const struct nvt_sqe sqe = {
      .opcode = NVT_ADMIN_IDENTIFY, .nsid = ns->nsid, .cdw10 = NVT_CNS_NAMESPACE};
  const struct nvt_rec_data data = {.true_length = NVT_IDENTIFY_SIZE};
  nvt_status status;
  uint32_t dw0;
  int failed = e->ops->pass(e->target, true, &sqe, answer, NVT_IDENTIFY_SIZE, &status, &dw0);
  if (failed || status != NVT_SC_SUCCESS) {
    snprintf(why, whylen, "namespace %" PRIu32 " can't be identified: %s", ns->nsid,
             failed ? strerror(-failed) : nvt_status_name(status));
    return false;
  }
  struct nvt_id_namespace id;
  memcpy(&id, answer, sizeof(id));
  unsigned format = nvt_flbas_format(id.flbas);
  if (format > 15 || id.lbaf[format].ms != 0) {
    snprintf(why, whylen,
             "namespace %" PRIu32 " has metadata, or a block format beyond the first 16: what its "
             "commands move isn't known here",
             ns->nsid);
    return false;
  }
  /* What is before the trace's first block there isn't the trace's. */
  uint64_t offset = e->totals->remap->lba_offset;
  id.nsze = id.nsze > offset ? id.nsze - offset : 0;
  memcpy(answer, &id, sizeof(id));
  if (!nvt_limits_identify(e->needs, e->target_cap, &sqe, &data, answer, why, whylen))
    return false;
  struct replay_namespace *space = nvt_engine_namespace(e, ns->nsid);
  if (space != NULL)
    space->checked = id.lbaf[format].lbads < 32 && 1u << id.lbaf[format].lbads == space->block_size;
  return true;
}

bool nvt_engine_pass_fits(struct nvt_engine *e, char *why, size_t whylen) {
  uint8_t *answer = NULL;
  bool fits = e->needs != NULL && posix_memalign((void **)&answer, 4096, NVT_IDENTIFY_SIZE) == 0;
  if (!fits)
    snprintf(why, whylen,
             "what the trace needs isn't known: it has to be a file, which is read "
             "once before anything is sent");
  for (uint32_t i = 0; fits && i < e->needs->namespace_count; i++)
    if (e->needs->namespaces[i].reads + e->needs->namespaces[i].writes > 0)
      fits = same_blocks(e, &e->needs->namespaces[i], answer, why, whylen);
  free(answer);
  return fits;
}
