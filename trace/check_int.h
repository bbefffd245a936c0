/* SPDX-License-Identifier: BSD-2-Clause */
/* Between nvmetap check and what it prints. */
#ifndef NVT_TRACE_CHECK_INT_H
#define NVT_TRACE_CHECK_INT_H

#include "trace/checks.h"

#define NVT_CHECK_MAX 100u /* findings of a rule that are printed, if nothing else is said */

struct nvt_check_out {
  const char *path;
  bool json;
  uint64_t max;
  const bool *skip; /* nvt_check_count() of them: rules that weren't asked for */
  struct nvt_checks *checks;
  uint64_t *reported; /* by rule */
  uint64_t records;
  uint64_t unreadable;
  uint64_t first_ns; /* time of the first record */
  bool printed;      /* a finding was */
  long started;      /* seconds of a clock that runs evenly; 0: not yet */
  bool progress_shown;
};

bool nvt_check_faulty(const struct nvt_check_out *); /* warnings, errors, unreadable frames */
void nvt_check_print_finding(struct nvt_check_out *, const struct nvt_finding *);
void nvt_check_print_end(const struct nvt_check_out *);
void nvt_check_print_list(bool json, const bool *skip);
void nvt_check_json_start(struct nvt_check_out *);
void nvt_check_json_finding(struct nvt_check_out *, const struct nvt_finding *);
void nvt_check_json_end(const struct nvt_check_out *);

#endif
