/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/sender.h"
#include "nvme/identify.h"
#include "nvme/names.h"
#include "replay/limits.h"
#include "replay/pass_int.h"

static unsigned log2_of(uint32_t power) {
  return power > 0 ? (unsigned)__builtin_ctz(power) : 0;
}

/* The target's answer as if its blocks were the trace's; in *scale, what they are. False: the trace
 * can't be had with such blocks. */
static bool scale_blocks(const struct nvt_plan_namespace *ns, struct nvt_id_namespace *id,
                         unsigned format, int *scale, char *why, size_t whylen) {
  unsigned here = id->lbaf[format].lbads, there = log2_of(ns->block_size);
  *scale = (int)there - (int)here;
  if (here < 9 || here > 16 || ns->block_size != UINT32_C(1) << there || there > 16) {
    *scale = 0;
    return true;
  }
  if (here > there && (ns->edges & ((UINT64_C(1) << (here - there)) - 1)) != 0) {
    snprintf(why, whylen,
             "namespace %" PRIu32 " has blocks of %u bytes in the target, of %" PRIu32
             " in the trace, and not all of the trace's commands begin and end with such; set the "
             "target up with the same block size",
             ns->nsid, 1u << here, ns->block_size);
    return false;
  }
  id->lbaf[format].lbads = (uint8_t)there;
  id->nsze = here <= there                             ? id->nsze >> (there - here)
             : id->nsze > UINT64_MAX >> (here - there) ? UINT64_MAX
                                                       : id->nsze << (here - there);
  return true;
}

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
  int scale = 0;
  if (e->ops->sender != NULL && !scale_blocks(ns, &id, format, &scale, why, whylen))
    return false;
  memcpy(answer, &id, sizeof(id));
  if (!nvt_limits_identify(e->needs, e->target_cap, &sqe, &data, answer, why, whylen))
    return false;
  e->other_limits |= scale != 0;
  struct replay_namespace *space = nvt_engine_namespace(e, ns->nsid);
  if (space != NULL) {
    space->scale = scale;
    space->checked = id.lbaf[format].lbads < 32 && 1u << id.lbaf[format].lbads == space->block_size;
  }
  return true;
}

/* Pieces are sent where it takes less at once. */
static bool other_transfer(const struct nvt_engine *e) {
  uint64_t recorded = e->details.mdts == 0 || e->details.mdts > 15 ? 0 : 4096u << e->details.mdts;
  return e->ops->sender != NULL && nvt_sender_transfer(e->ops->sender(e->target)) != recorded;
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
  e->other_limits |= other_transfer(e);
  return fits;
}

static bool still_fits(struct nvt_engine *e, struct replay_namespace *space) {
  char why[256];
  uint8_t *answer = NULL;
  int scale = space->scale;
  bool fits = false;
  if (posix_memalign((void **)&answer, 4096, NVT_IDENTIFY_SIZE) != 0)
    return false;
  for (uint32_t i = 0; e->needs != NULL && i < e->needs->namespace_count; i++)
    if (e->needs->namespaces[i].nsid == space->nsid)
      fits = same_blocks(e, &e->needs->namespaces[i], answer, why, sizeof(why));
  free(answer);
  return fits && space->scale == scale;
}

void nvt_pass_formatted(struct nvt_engine *e, uint32_t nsid) {
  for (uint32_t i = 0; i < e->space_count; i++) {
    struct replay_namespace *space = &e->spaces[i];
    if (nsid != UINT32_MAX && nsid != space->nsid)
      continue;
    /* How many bytes a command moves isn't known, if its blocks are others now. */
    space->checked = space->checked && still_fits(e, space);
  }
}
