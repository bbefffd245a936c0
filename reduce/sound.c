/* SPDX-License-Identifier: BSD-2-Clause */
#include "reduce/sound_int.h"

#include <errno.h>
#include <stdlib.h>

#include "trace/checks.h"

struct nvt_sound {
  struct nvt_session *session;
  struct nvt_checks *checks;
  bool *allowed; /* by rule: the whole trace breaks it */
  bool known;    /* allowed is */
  uint64_t record;
};

static void found(void *ctx, const struct nvt_finding *finding) {
  (void)ctx;
  (void)finding; /* they are counted */
}

static void ended(void *ctx, struct nvt_exchange *exchange) {
  struct nvt_sound *s = ctx;
  nvt_checks_ended(s->checks, exchange);
}

int nvt_sound_create(struct nvt_sound **out) {
  struct nvt_sound *s = calloc(1, sizeof(*s));
  if (s != NULL)
    s->allowed = calloc(nvt_check_count(), sizeof(*s->allowed));
  if (s == NULL || s->allowed == NULL) {
    free(s);
    return -ENOMEM;
  }
  *out = s;
  return 0;
}

static void clear(struct nvt_sound *s) {
  nvt_checks_destroy(s->checks);
  nvt_session_destroy(s->session);
  s->checks = NULL;
  s->session = NULL;
}

void nvt_sound_destroy(struct nvt_sound *s) {
  if (s == NULL)
    return;
  clear(s);
  free(s->allowed);
  free(s);
}

int nvt_sound_begin(struct nvt_sound *s) {
  const struct nvt_session_options options = {.ended = ended, .ended_ctx = s};
  const struct nvt_checks_options checks = {.per_rule = 1, .found = found};
  clear(s);
  s->record = 0;
  if (nvt_session_create(&options, &s->session) != 0)
    return -ENOMEM;
  return nvt_checks_create(&checks, s->session, &s->checks);
}

int nvt_sound_put(void *sound, uint64_t time_ns, const void *bytes, size_t captured,
                  size_t original) {
  struct nvt_sound *s = sound;
  struct nvt_record record;
  struct nvt_view view;
  (void)original;
  if (nvt_record_parse(bytes, captured, &record) != NVT_PARSE_OK)
    return 0;
  record.number = ++s->record;
  record.time_ns = time_ns;
  record.captured = (uint32_t)captured;
  int error = nvt_session_record(s->session, &record, &view);
  return error == 0 ? nvt_checks_record(s->checks, &record, &view) : error;
}

bool nvt_sound_end(struct nvt_sound *s) {
  nvt_checks_finish(s->checks);
  nvt_session_finish(s->session);
  bool good = true;
  for (size_t i = 0; i < nvt_check_count(); i++) {
    bool broken =
        nvt_check_at(i)->severity != NVT_SEVERITY_NOTE && nvt_checks_found(s->checks, i) > 0;
    if (!s->known)
      s->allowed[i] = broken;
    good &= !broken || s->allowed[i];
  }
  s->known = true;
  clear(s);
  return good;
}
