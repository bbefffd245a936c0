/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_check_registers *registers = &run->controller->registers;
  static const struct nvt_doorbell_id admin[2] = {{.qid = 0, .is_cq = false},
                                                  {.qid = 0, .is_cq = true}};
  if (!nvt_check_is_write(run) || !registers->enabled_here ||
      registers->switched.record != run->now.record)
    return;
  bool one[2];
  for (unsigned i = 0; i < 2; i++) {
    const struct nvt_queue_view *queue = nvt_check_queue_view(run, admin[i]);
    one[i] = queue != NULL && queue->entries == 1;
  }
  if (one[0] || one[1])
    nvt_check_report(run, 0, "CC.EN is set, and by AQA the admin %s of one entry; the least is 2",
                     !one[1]   ? "submission queue is"
                     : !one[0] ? "completion queue is"
                               : "queues are");
}

NVT_CHECK(admin_queue_size_invalid,
          .info = {.id = "admin-queue-size-invalid",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.1.4.8"),
                   .title = "the controller is enabled with an admin queue of one entry"},
          .on = NVT_ON(REG_WRITE), .record = record);
