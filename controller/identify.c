/* SPDX-License-Identifier: BSD-2-Clause */
/* Identify: Base 1.4, section 5.15. */
#include <string.h>

#include "controller/controller_int.h"
#include "controller/pci_int.h"
#include "nvme/identity.h"

#define BROADCAST 0xffffffffu

/* Text fields are padded with spaces. */
static void put_text(char *to, size_t size, const char *text) {
  size_t len = strlen(text);
  memset(to, ' ', size);
  memcpy(to, text, len < size ? len : size);
}

static void controller_data(struct nvt_controller *c, struct nvt_id_controller *id) {
  id->vid = id->ssvid = PCI_VENDOR;
  put_text(id->sn, sizeof(id->sn), c->serial);
  put_text(id->mn, sizeof(id->mn), c->model);
  put_text(id->fr, sizeof(id->fr), c->firmware);
  id->rab = 5; /* bursts of 32 */
  /* 02-4E-56: the "locally administered" bit is set, so that it is nobody's OUI. */
  id->ieee[0] = 0x56;
  id->ieee[1] = 0x4e;
  id->ieee[2] = 0x02;
  id->mdts = c->mdts;
  id->cntlid = c->id;
  id->ver = NVT_VERSION;
  id->rtd3r = id->rtd3e = 1000000;
  id->oaes = 1u << 8; /* Namespace Attribute Notices */
  id->cntrltype = 1;  /* I/O controller */
  id->oacs = 1u << 1; /* Format NVM; FNA 0: of one namespace or all, and no cryptographic erase */
  id->acl = NVT_ABORTS - 1;
  id->aerl = NVT_AERS - 1;
  id->frmw = 1u << 1 | 1u;     /* one slot, read only */
  id->lpa = 1u << 1 | 1u << 2; /* effects log; NUMDU and LPO */
  id->elpe = NVT_ERROR_ENTRIES - 1;
  id->wctemp = 0x157;
  id->cctemp = 0x161;
  id->kas = 1;
  id->sqes = (uint8_t)(c->sqe_shift << 4 | c->sqe_shift);
  id->cqes = 0x44;
  id->nn = c->nn;
  id->oncs = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 6; /* Compare, DSM, Write Zeroes,
                                                               Save and Select, Timestamp */
  id->vwc = 1u | 3u << 1; /* present; Flush of all namespaces by NSID FFFFFFFFh */
  if (c->sgl)             /* any alignment; bit buckets; no more than what is transferred */
    id->sgls = 1u | 1u << 16;
  char nqn[NVT_UUID_NQN_CHARS + 1];
  nvt_identity_nqn(c->uuid, nqn);
  memcpy(id->subnqn, nqn, sizeof(nqn));
}

static void namespace_data(const struct name_space *ns, struct nvt_id_namespace *id) {
  id->nsze = id->ncap = id->nuse = ns->blocks;
  if (!ns->forgets)
    id->dlfeat = 1u | 1u << 3; /* deallocated blocks read as zeroes; Write Zeroes may deallocate */
  id->nsattr = ns->readonly ? 1 : 0;
  id->lbaf[0].lbads = (uint8_t)ns->shift;
  uint64_t bytes = ns->blocks << ns->shift;
  memcpy(id->nvmcap, &bytes, sizeof(bytes));
}

/* Active NSIDs above `after`, ascending. */
static void namespace_list(const struct nvt_controller *c, uint32_t after, uint32_t *list) {
  unsigned n = 0;
  for (uint32_t i = after; i < c->nn && n < NVT_IDENTIFY_SIZE / 4; i++) {
    if (c->ns[i].ns != NULL)
      list[n++] = i + 1;
  }
}

static void descriptors(const struct nvt_controller *c, uint32_t nsid,
                        struct nvt_ns_id_descriptor *id) {
  id->nidt = NVT_NIDT_UUID;
  id->nidl = 16;
  nvt_identity_namespace(c->uuid, nsid, id->nid);
}

nvt_status nvt_admin_identify(struct request *r) {
  struct nvt_controller *c = r->c;
  uint32_t nsid = r->sqe.nsid;
  uint8_t cns = (uint8_t)r->sqe.cdw10;
  uint8_t csi = (uint8_t)(r->sqe.cdw11 >> 24);
  uint16_t cntid = (uint16_t)(r->sqe.cdw10 >> 16);
  struct name_space *ns = NULL;
  nvt_status status = NVT_SC_SUCCESS;
  memset(c->scratch, 0, sizeof(c->scratch));
  switch (cns) {
  case NVT_CNS_NAMESPACE:
    ns = nvt_ns_get(c, nsid, &status);
    if (status == NVT_SC_INVALID_NAMESPACE_OR_FORMAT)
      return status;
    if (ns != NULL) /* an inactive one is all zeroes */
      namespace_data(ns, (struct nvt_id_namespace *)(void *)c->scratch);
    break;
  case NVT_CNS_CONTROLLER:
    if (nsid > c->nn)
      return NVT_SC_INVALID_NAMESPACE_OR_FORMAT;
    controller_data(c, (struct nvt_id_controller *)(void *)c->scratch);
    break;
  case NVT_CNS_ACTIVE_NS_LIST:
  case NVT_CNS_ALLOCATED_NS_LIST: /* what is allocated is attached */
    if (nsid >= BROADCAST - 1)
      return NVT_SC_INVALID_NAMESPACE_OR_FORMAT;
    namespace_list(c, nsid, (uint32_t *)(void *)c->scratch);
    break;
  case NVT_CNS_NS_ID_DESCRIPTORS:
    ns = nvt_ns_get(c, nsid, &status);
    if (ns == NULL)
      return NVT_SC_INVALID_NAMESPACE_OR_FORMAT; /* section 5.15.2.4: inactive too */
    descriptors(c, nsid, (struct nvt_ns_id_descriptor *)(void *)c->scratch);
    break;
  case NVT_CNS_CS_CONTROLLER:
    if (nsid > c->nn)
      return NVT_SC_INVALID_NAMESPACE_OR_FORMAT;
    if (csi != 0)
      return NVT_SC_INVALID_FIELD;
    break; /* NVM: no limits beyond MDTS, which all zeroes say */
  case NVT_CNS_CONTROLLER_LIST:
    if (nsid > c->nn)
      return NVT_SC_INVALID_NAMESPACE_OR_FORMAT;
    if (cntid <= c->id) {
      const uint16_t list[2] = {1, c->id};
      memcpy(c->scratch, list, sizeof(list));
    }
    break;
  default:
    return NVT_SC_INVALID_FIELD;
  }
  return nvt_data_reply(r, c->scratch, NVT_IDENTIFY_SIZE, NVT_IDENTIFY_SIZE);
}
