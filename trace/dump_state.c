/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/dump_int.h"
#include "trace/text_state.h"

static void print_part(void *ctx, const struct nvt_state_part *part) {
  FILE *to = ctx;
  char label[96], value[160];
  struct nvt_text text;
  nvt_text_init(&text, label, sizeof(label));
  nvt_text_state_label(&text, part);
  nvt_text_init(&text, value, sizeof(value));
  nvt_text_state_value(&text, part);
  int indent = 6 + 2 * (int)part->depth;
  if (value[0] == '\0')
    fprintf(to, "%*s%s\n", indent, "", label);
  else
    fprintf(to, "%*s%-*s  %s\n", indent, "", 35 - indent, label, value);
}

void nvt_dump_state(FILE *to, const struct nvt_record *record, const struct nvt_view *view,
                    const struct nvt_session *session) {
  static struct nvt_state state; /* large; one thread dumps */
  if (!nvt_state_now(session, record, view, &state))
    return;
  char line[64];
  struct nvt_text text;
  nvt_text_init(&text, line, sizeof(line));
  nvt_text_state(&text, &state);
  fprintf(to, "    [State: %s]\n", line);
  nvt_state_walk(&state, print_part, to);
}
