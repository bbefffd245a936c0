/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "trace/checks_int.h"

static void list(struct nvt_check_run *run) {
  const struct nvt_rec_data *data = &run->record->data;
  if (data->kind != NVT_V_data_kind_PRP_LIST)
    return;
  uint64_t mask = (UINT64_C(1) << nvt_check_page_shift(run->controller)) - 1;
  uint64_t entry;
  for (uint32_t at = 0; at + sizeof(entry) <= run->record->tail_length; at += sizeof(entry)) {
    memcpy(&entry, run->record->tail + at, sizeof(entry));
    if ((entry & mask) == 0)
      continue;
    nvt_check_report(run, 0, "entry %u of a PRP list is 0x%llx: it must be the start of a page",
                     (unsigned)(at / sizeof(entry)), (unsigned long long)entry);
    return;
  }
}

static void create_queue(struct nvt_check_run *run, const struct nvt_exchange *exchange) {
  uint64_t mask = (UINT64_C(1) << nvt_check_page_shift(run->controller)) - 1;
  if ((exchange->sqe.prp1 & mask) != 0)
    nvt_check_report(run, 0,
                     "PRP Entry 1 of Create I/O %s Queue %u is 0x%llx: it must be the start of "
                     "a page",
                     exchange->sqe.opcode == NVT_ADMIN_CREATE_IO_CQ ? "Completion" : "Submission",
                     exchange->sqe.cdw10 & 0xffff, (unsigned long long)exchange->sqe.prp1);
}

/* What PRP Entry 2 has to be depends on how many pages the transfer touches. */
static void second(struct nvt_check_run *run, const struct nvt_sqe *sqe, uint64_t low,
                   uint64_t high) {
  uint64_t page = UINT64_C(1) << nvt_check_page_shift(run->controller);
  uint64_t room = page - (sqe->prp1 & (page - 1)); /* in the first page */
  if (low > room + page) {
    if ((sqe->prp2 & 7) != 0)
      nvt_check_report(run, 0,
                       "PRP Entry 2 is 0x%llx: the pointer to a PRP list must be a multiple "
                       "of 8",
                       (unsigned long long)sqe->prp2);
  } else if (low > room && high <= room + page && (sqe->prp2 & (page - 1)) != 0) {
    nvt_check_report(run, 0,
                     "PRP Entry 2 is 0x%llx: as the transfer's second page it must be the "
                     "start of a page",
                     (unsigned long long)sqe->prp2);
  }
}

static void record(struct nvt_check_run *run) {
  if (run->record->header.type == NVT_REC_DATA) {
    list(run);
    return;
  }
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || NVT_SQE_PSDT(exchange->sqe.flags) != 0)
    return;
  const struct nvt_sqe *sqe = &exchange->sqe;
  uint64_t low, high;
  if (exchange->sqid == 0 &&
      (sqe->opcode == NVT_ADMIN_CREATE_IO_CQ || sqe->opcode == NVT_ADMIN_CREATE_IO_SQ)) {
    create_queue(run, exchange);
    return;
  }
  if (!nvt_check_length(run->controller, run->view->set, sqe, &low, &high))
    return;
  if ((sqe->prp1 & 3) != 0)
    nvt_check_report(run, 0, "PRP Entry 1 is 0x%llx: it must be a multiple of 4",
                     (unsigned long long)sqe->prp1);
  second(run, sqe, low, high);
}

NVT_CHECK(prp_misaligned,
          .info = {.id = "prp-misaligned",
                   .severity = NVT_SEVERITY_ERROR,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("4.3.1"),
                   .title = "a PRP entry has an offset where none may be"},
          .on = NVT_ON(COMMAND) | NVT_ON(DATA), .record = record);
