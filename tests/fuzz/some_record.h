/* SPDX-License-Identifier: BSD-2-Clause */
/* Records for fuzzers: well-formed, with ids and slots from a small range, so that they meet. */
#ifndef NVT_TESTS_FUZZ_SOME_RECORD_H
#define NVT_TESTS_FUZZ_SOME_RECORD_H

#include "trace/record.h"

/* Five bytes make a record: what happens, where, and with which numbers. */
static inline void some_record(const uint8_t *in, struct nvt_record *r) {
  static const uint8_t types[] = {NVT_REC_REG_WRITE,
                                  NVT_REC_REG_WRITE,
                                  NVT_REC_COMMAND,
                                  NVT_REC_COMMAND,
                                  NVT_REC_COMPLETION,
                                  NVT_REC_COMPLETION,
                                  NVT_REC_SHADOW_DOORBELL,
                                  NVT_REC_INTERRUPT,
                                  NVT_REC_QUEUE_STATE,
                                  NVT_REC_EVENT,
                                  NVT_REC_LOSS,
                                  NVT_REC_REG_READ,
                                  NVT_REC_DATA,
                                  NVT_REC_VERDICT,
                                  NVT_REC_META,
                                  NVT_REC_MSIX_WRITE};
  r->header.type = types[in[0] & 15];
  r->header.controller = in[0] >> 4 & 1;
  r->header.flags = in[0] >> 5 & 1;
  uint8_t qid = in[1] & 3;
  uint8_t slot = in[1] >> 2 & 7;
  uint8_t other = in[1] >> 5 & 3;
  switch (r->header.type) {
  case NVT_REC_REG_WRITE:
  case NVT_REC_REG_READ:
    r->access.space = 1;
    r->access.size = 4;
    r->access.value = in[2];
    r->access.offset = in[1] & 0x80 ? 0x1000u + 4u * qid + 16u * other : NVT_REG_CC;
    if (in[2] & 0x40)
      r->access.offset = NVT_REG_AQA;
    break;
  case NVT_REC_COMMAND:
    r->command.sqid = qid;
    r->command.cqid = other;
    r->command.slot = slot;
    r->command.sqe.cid = in[2] & 7;
    r->command.sqe.opcode = in[2] >> 3 & 7;
    if (qid == 0 && r->command.sqe.opcode == 7)
      r->command.sqe.opcode = NVT_ADMIN_ABORT;
    if (qid == 0 && r->command.sqe.opcode == 3)
      r->command.sqe.opcode = NVT_ADMIN_FORMAT_NVM;
    r->command.sqe.nsid = in[2] >> 6;
    r->command.sqe.cdw12 = in[3] >> 4;
    r->command.sqe.cdw10 = in[3] & 0xf3u;
    r->command.sqe.cdw10 |= (uint32_t)(in[3] & 0x0cu) << 14;
    r->command.sqe.cdw11 = (uint32_t)(in[4] & 0x0fu) << 16 | in[4] >> 4;
    break;
  case NVT_REC_COMPLETION:
    r->completion.sqid = qid;
    r->completion.cqid = other;
    r->completion.slot = slot;
    r->completion.cqe.cid = in[2] & 7;
    r->completion.cqe.status = in[2] & 0x80 ? 2 : 0;
    r->completion.head = in[3] & 7;
    break;
  case NVT_REC_SHADOW_DOORBELL:
    r->shadow.qid = qid;
    r->shadow.is_cq = other & 1;
    r->shadow.value = in[2] & 15;
    break;
  case NVT_REC_INTERRUPT:
    r->interrupt.vector = slot;
    r->interrupt.cqid = qid;
    r->interrupt.state = in[2] & 1;
    break;
  case NVT_REC_QUEUE_STATE:
    r->queue.qid = qid;
    r->queue.is_cq = other & 1;
    r->queue.queue_flags = in[2] & 7;
    r->queue.entries = in[3] & 15;
    r->queue.head = slot;
    r->queue.tail = in[4];
    break;
  case NVT_REC_EVENT:
    r->event.event = in[1] & 31;
    break;
  case NVT_REC_LOSS:
    r->loss.first_seq = in[1];
    r->loss.count = in[2];
    break;
  case NVT_REC_MSIX_WRITE:
    r->access.space = 2;
    r->access.size = 4;
    r->access.offset = in[2] * 4u;
    r->access.value = in[3];
    break;
  case NVT_REC_DATA:
    r->data.sqid = qid;
    r->data.cid = slot;
    if (other == 3) /* as a digest, which begins alike */
      r->header.type = NVT_REC_DIGEST;
    break;
  case NVT_REC_VERDICT:
    r->verdict.sqid = qid;
    r->verdict.cid = slot;
    break;
  default:
    break;
  }
}

#endif
