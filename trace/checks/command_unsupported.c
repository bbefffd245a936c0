/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

/* Commands that a bit of OACS or ONCS stands for: Identify Controller, bytes 256 and 520. */
static const struct {
  uint8_t set, opcode, bit;
} optional[] = {
    {NVT_SET_ADMIN, NVT_ADMIN_SECURITY_SEND, 0},
    {NVT_SET_ADMIN, NVT_ADMIN_SECURITY_RECEIVE, 0},
    {NVT_SET_ADMIN, NVT_ADMIN_FORMAT_NVM, 1},
    {NVT_SET_ADMIN, NVT_ADMIN_FIRMWARE_COMMIT, 2},
    {NVT_SET_ADMIN, NVT_ADMIN_FIRMWARE_IMAGE_DOWNLOAD, 2},
    {NVT_SET_ADMIN, NVT_ADMIN_NS_MANAGEMENT, 3},
    {NVT_SET_ADMIN, NVT_ADMIN_NS_ATTACHMENT, 3},
    {NVT_SET_ADMIN, NVT_ADMIN_DEVICE_SELF_TEST, 4},
    {NVT_SET_ADMIN, NVT_ADMIN_DIRECTIVE_SEND, 5},
    {NVT_SET_ADMIN, NVT_ADMIN_DIRECTIVE_RECEIVE, 5},
    {NVT_SET_ADMIN, NVT_ADMIN_NVME_MI_SEND, 6},
    {NVT_SET_ADMIN, NVT_ADMIN_NVME_MI_RECEIVE, 6},
    {NVT_SET_ADMIN, NVT_ADMIN_VIRT_MANAGEMENT, 7},
    {NVT_SET_ADMIN, NVT_ADMIN_DOORBELL_BUFFER_CONFIG, 8},
    {NVT_SET_ADMIN, NVT_ADMIN_GET_LBA_STATUS, 9},
    {NVT_SET_ADMIN, NVT_ADMIN_LOCKDOWN, 10},
    {NVT_SET_NVM, NVT_NVM_COMPARE, 0},
    {NVT_SET_NVM, NVT_NVM_WRITE_UNCORRECTABLE, 1},
    {NVT_SET_NVM, NVT_NVM_DATASET_MANAGEMENT, 2},
    {NVT_SET_NVM, NVT_NVM_WRITE_ZEROES, 3},
    {NVT_SET_NVM, NVT_NVM_RESERVATION_REGISTER, 5},
    {NVT_SET_NVM, NVT_NVM_RESERVATION_REPORT, 5},
    {NVT_SET_NVM, NVT_NVM_RESERVATION_ACQUIRE, 5},
    {NVT_SET_NVM, NVT_NVM_RESERVATION_RELEASE, 5},
    {NVT_SET_NVM, NVT_NVM_VERIFY, 7},
    {NVT_SET_NVM, NVT_NVM_COPY, 8},
};

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  const struct nvt_check_limits *limits = &run->controller->limits;
  if (exchange == NULL || !limits->known)
    return;
  for (unsigned i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
    if (optional[i].set != run->view->set || optional[i].opcode != exchange->sqe.opcode)
      continue;
    bool admin = run->view->set == NVT_SET_ADMIN;
    unsigned value = admin ? limits->oacs : limits->oncs;
    char name[64];
    if ((value >> optional[i].bit & 1) != 0)
      return;
    nvt_check_opcode(exchange, name, sizeof(name));
    nvt_check_report(run, 0, "%s on SQ %u: the controller doesn't have it (%s 0x%04x, bit %u)",
                     name, exchange->sqid, admin ? "OACS" : "ONCS", value, optional[i].bit);
    return;
  }
}

NVT_CHECK(
    command_unsupported,
    .info = {.id = "command-unsupported",
             .severity = NVT_SEVERITY_WARNING,
             .needs = NVT_NEEDS(COMMANDS),
             .spec = NVT_SPEC_BASE("5.1.13.2.1"),
             .title = "a command is used that the controller says that it doesn't have (OACS, "
                      "ONCS)"},
    .on = NVT_ON(COMMAND), .record = record);
