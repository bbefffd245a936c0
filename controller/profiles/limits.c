/* SPDX-License-Identifier: BSD-2-Clause */
/* Controllers differ in what they take; hosts that assume what they saw elsewhere find out. */
#include <string.h>

#include "controller/profiles/profile_int.h"
#include "nvme/names.h"

/* Where Identify Controller and the effects log have what few-commands hides. */
#define ONCS_AT 520u
#define IO_EFFECTS_AT 1024u
#define COMMANDS_KNOWN 64u /* admin commands that may be under way */

static void no_limit(const struct nvt_profile *profile, struct nvt_controller_options *options) {
  (void)profile;
  options->any_transfer = true;
}

/* A row and its function: transfers of 4 KiB times 2^MDTS. */
#define TRANSFER(ident, title, size, exponent)                                                     \
  static void ident##_options(const struct nvt_profile *profile,                                   \
                              struct nvt_controller_options *options) {                            \
    (void)profile;                                                                                 \
    options->mdts = (exponent);                                                                    \
  }                                                                                                \
  NVT_PROFILE(ident, .name = (title), .trouble = "limits",                                         \
              .summary = "a command transfers " size " at most", .options = ident##_options)

enum { PAIRS, ENTRIES };
static void small_queues(const struct nvt_profile *profile,
                         struct nvt_controller_options *options) {
  options->io_queues = (uint16_t)profile->words[PAIRS];
  options->entries = (uint16_t)(profile->words[ENTRIES] - 1);
}

/* --- few-commands --- */

struct state {
  struct nvt_sqe admin[COMMANDS_KNOWN]; /* by command id */
};

static const uint8_t missing[] = {NVT_NVM_COMPARE, NVT_NVM_WRITE_ZEROES,
                                  NVT_NVM_DATASET_MANAGEMENT};

static enum nvt_verdict admin_decode(void *user, const struct nvt_tap_event *event) {
  struct state *s = nvt_profile_renew(user, event);
  s->admin[event->command.cqe->cid % COMMANDS_KNOWN] = *event->command.sqe;
  return NVT_VERDICT_CONTINUE;
}

/* Zero what of [at, at + length) of the command's data is in this piece. */
static void hide(const struct nvt_tap_event *event, uint64_t at, uint32_t length) {
  uint64_t first = event->data.offset, end = first + event->data.length;
  for (uint64_t i = at; i < at + length; i++) {
    uint8_t *data = i >= first && i < end ? nvt_tap_writable(event) : NULL;
    if (data != NULL)
      data[i - first] = 0;
  }
}

static enum nvt_verdict admin_memory(void *user, const struct nvt_tap_event *event) {
  struct state *s = nvt_profile_renew(user, event);
  const struct nvt_sqe *sqe = &s->admin[event->data.cid % COMMANDS_KNOWN];
  if (sqe->cid != event->data.cid || event->data.direction != NVT_DIRECTION_IN)
    return NVT_VERDICT_CONTINUE;
  if (sqe->opcode == NVT_ADMIN_IDENTIFY && (sqe->cdw10 & 0xff) == NVT_CNS_CONTROLLER)
    hide(event, ONCS_AT, 2);
  if (sqe->opcode == NVT_ADMIN_GET_LOG_PAGE && (sqe->cdw10 & 0xff) == NVT_LOG_COMMANDS_SUPPORTED) {
    uint64_t offset = (uint64_t)sqe->cdw13 << 32 | sqe->cdw12; /* of the data in the page */
    for (unsigned i = 0; i < sizeof(missing); i++)
      if (IO_EFFECTS_AT + missing[i] * 4u >= offset)
        hide(event, IO_EFFECTS_AT + missing[i] * 4u - offset, 4);
  }
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict io_decode(void *user, const struct nvt_tap_event *event) {
  (void)user;
  if (memchr(missing, event->command.sqe->opcode, sizeof(missing)) == NULL)
    return NVT_VERDICT_CONTINUE;
  return nvt_profile_answer(event, NVT_SC_INVALID_OPCODE);
}

NVT_PROFILE(mdts_none, .name = "mdts-none", .trouble = "limits",
            .summary = "no limit of data transfers: MDTS is 0", .options = no_limit);
TRANSFER(mdts_2m, "mdts-2m", "2 MiB", 9);
TRANSFER(mdts_1m, "mdts-1m", "1 MiB", 8);
TRANSFER(mdts_512k, "mdts-512k", "512 KiB", 7);
TRANSFER(mdts_128k, "mdts-128k", "128 KiB", 5);
NVT_PROFILE(small_queues, .name = "small-queues", .trouble = "limits",
            .summary = "few I/O queues, and small ones (MQES)", .options = small_queues,
            .words = {[PAIRS] = {"pairs", 2, 1, 255, "I/O queue pairs"},
                      [ENTRIES] = {"entries", 32, 3, 65536, "of a queue at most"}});
NVT_PROFILE(few_commands, .name = "few-commands", .trouble = "limits",
            .summary = "no optional I/O command: ONCS is 0", .state = sizeof(struct state),
            .taps = {{"nvme:admin:decode", admin_decode},
                     {"nvme:admin:memory", admin_memory},
                     {"nvme:io:decode", io_decode}});
