/* SPDX-License-Identifier: BSD-2-Clause */
/* A state, part by part, as Wireshark and nvmetap dump -v show it: by trace/state.def. */
#ifndef NVT_TRACE_TEXT_STATE_H
#define NVT_TRACE_TEXT_STATE_H

#include "trace/state.h"
#include "trace/text.h"

enum nvt_state_field {
#define NVT_STATE_FIELD(id, format, filter, title, blurb) NVT_STATE_##id,
#include "trace/state.def"
  NVT_STATE_FIELDS
};
enum nvt_state_format {
  NVT_STATE_NAME,
  NVT_STATE_DEC,
  NVT_STATE_HEX,
  NVT_STATE_FLAG,
  NVT_STATE_RECORD,
  NVT_STATE_TIME
};
struct nvt_state_field_info {
  enum nvt_state_format format;
  const char *filter; /* after "nvmetap.state." */
  const char *title;
  const char *blurb; /* or NULL */
};
const struct nvt_state_field_info *nvt_state_field_info(enum nvt_state_field);

struct nvt_state_part {
  enum { NVT_STATE_PART_FIELD, NVT_STATE_PART_REGISTER, NVT_STATE_PART_GROUP } kind;
  unsigned field; /* enum nvt_state_field; enum nvt_register_row */
  unsigned depth; /* 0, 1, 2: it stands below the last part whose depth is one less */
  uint64_t value;
  const char *group;                       /* its title */
  const struct nvt_state_command *command; /* of a COMMAND */
};
typedef void nvt_state_visit(void *ctx, const struct nvt_state_part *);
void nvt_state_walk(const struct nvt_state *, nvt_state_visit *, void *ctx);

/* "Condition", "Controller Status (CSTS)", "MSI-X". */
void nvt_text_state_label(struct nvt_text *, const struct nvt_state_part *);
/* "ready", "0x00460001", "12 (Read sq 1 cid 0x0007)", "3.1 µs"; nothing of a group. */
void nvt_text_state_value(struct nvt_text *, const struct nvt_state_part *);
/* "ready, 3 commands outstanding". */
void nvt_text_state(struct nvt_text *, const struct nvt_state *);
/* "Read sq 1 cid 0x0007". */
void nvt_text_state_command(struct nvt_text *, const struct nvt_state_command *);

#endif
