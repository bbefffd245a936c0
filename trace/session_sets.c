/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which opcode set an I/O command is in, which its entry doesn't say: its namespace's, by
 * what the trace told of it, in Identify and Namespace Management, and CC.CSS.
 */
#include <errno.h>

#include "trace/session_int.h"

#define NSID_ALL UINT32_MAX
#define CSS_NVM_ONLY 0u

static uint64_t namespace_key(uint16_t controller, uint32_t nsid) {
  return (uint64_t)controller << 32 | nsid;
}

/* NVM is what is taken of a namespace that isn't in the map: only others are put there. */
static int set_namespace(struct nvt_session *session, uint16_t controller, uint32_t nsid,
                         enum nvt_opcode_set set) {
  uint64_t key = namespace_key(controller, nsid);
  struct nvt_map_slot *slot = nvt_map_find(&session->namespaces, key);
  if (slot == NULL) {
    if (set == NVT_SET_NVM || nsid == 0 || nsid == NSID_ALL ||
        session->namespaces.used >= NVT_NAMESPACES_MAX)
      return 0;
    slot = nvt_map_get(&session->namespaces, key);
    if (slot == NULL)
      return -ENOMEM;
    slot->value = session; /* anything: an idle slot may be forgotten */
  }
  slot->count = set;
  return 0;
}

enum nvt_opcode_set nvt_session_set(const struct nvt_session *session,
                                    const struct nvt_controller_node *controller, uint16_t sqid,
                                    const struct nvt_sqe *sqe) {
  enum nvt_opcode_set io = NVT_SET_NVM;
  uint32_t cc = controller->state.cc;
  bool nvm_only = NVT_GET(cc, CC_EN) != 0 && NVT_GET(cc, CC_CSS) == CSS_NVM_ONLY;
  if (sqid != 0 && !nvm_only) {
    const struct nvt_map_slot *slot =
        nvt_map_find(&session->namespaces, namespace_key(controller->state.controller, sqe->nsid));
    if (slot != NULL)
      io = (enum nvt_opcode_set)slot->count;
  }
  return nvt_set_of(sqid, sqe->opcode, io);
}

int nvt_session_sets_done(struct nvt_session *session, uint16_t controller,
                          const struct nvt_sqe *sqe, uint32_t dw0) {
  uint8_t csi = (uint8_t)(sqe->cdw11 >> 24);
  if (sqe->opcode == NVT_ADMIN_IDENTIFY && ((sqe->cdw10 & 0xffu) == NVT_CNS_CS_NAMESPACE ||
                                            (sqe->cdw10 & 0xffu) == NVT_CNS_CS_ALLOCATED_NAMESPACE))
    return set_namespace(session, controller, sqe->nsid, nvt_set_of_csi(csi));
  if (sqe->opcode == NVT_ADMIN_NS_MANAGEMENT && (sqe->cdw10 & 15u) == 0)
    return set_namespace(session, controller, dw0, nvt_set_of_csi(csi));
  return 0;
}

/* Base 2.1, section 5.1.13.2.3: descriptors of type, length, 2 reserved bytes, value. */
static bool find_csi(const uint8_t *list, size_t length, uint8_t *csi) {
  for (size_t at = 0; at + 4 < length && list[at + 1] != 0; at += 4u + list[at + 1])
    if (list[at] == 4 && list[at + 1] == 1) {
      *csi = list[at + 4];
      return true;
    }
  return false;
}

int nvt_session_sets_data(struct nvt_session *session, const struct nvt_exchange *exchange,
                          const struct nvt_record *record) {
  const struct nvt_rec_data *data = &record->data;
  const struct nvt_sqe *sqe = &exchange->sqe;
  uint8_t csi;
  if (data->sqid != 0 || data->offset != 0 || data->kind != NVT_V_data_kind_PAYLOAD ||
      data->direction != NVT_V_data_direction_IN || sqe->opcode != NVT_ADMIN_IDENTIFY ||
      (sqe->cdw10 & 0xffu) != NVT_CNS_NS_ID_DESCRIPTORS)
    return 0;
  return find_csi(record->tail, record->tail_length, &csi)
             ? set_namespace(session, exchange->controller, sqe->nsid, nvt_set_of_csi(csi))
             : 0;
}

uint8_t nvt_exchange_code(const struct nvt_exchange *exchange) {
  return nvt_command_code((enum nvt_opcode_set)exchange->set, &exchange->sqe);
}
