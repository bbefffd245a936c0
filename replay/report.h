/* SPDX-License-Identifier: BSD-2-Clause */
/* What a replay showed, for people and for programs. */
#ifndef NVT_REPLAY_REPORT_H
#define NVT_REPLAY_REPORT_H

#include <json-c/json.h>

#include "replay/replay.h"

/* On standard output. */
void nvt_report_text(const struct nvt_replay_options *, const struct nvt_replay_result *);
/* The object of `nvmetap replay --json`; the caller's. NULL: out of memory. */
json_object *nvt_report_json(const struct nvt_replay_options *, const struct nvt_replay_result *);

/* Of such an object: borrowed, NULL where it isn't there. */
json_object *nvt_report_member(json_object *object, const char *key);

/* JUnit's XML: a test case for each of these objects (a list), a failure where something differs,
 * an error where a trace can't be read. It gets its name when it is whole. 0 or -errno. */
int nvt_report_junit(const char *path, const char *suite, json_object *results);

#endif
