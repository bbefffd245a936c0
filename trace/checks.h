/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong in a trace: rules over the session, each of which says which record, what and
 * why by which section of a specification. One rule is one file in trace/checks/; all of them
 * run in `nvmetap check` and in Wireshark. Needs nothing but libc, nvme/ and the session.
 *
 * A rule claims only what the trace proves. What came before the trace, what was lost, what a
 * filter left out, and what happened while tracing was stopped isn't known, and nothing is said of
 * it.
 */
#ifndef NVT_TRACE_CHECKS_H
#define NVT_TRACE_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/session.h"

enum nvt_severity {
  NVT_SEVERITY_NOTE,    /* allowed, and worth knowing */
  NVT_SEVERITY_WARNING, /* likely wrong, or the trace tells less than it should */
  NVT_SEVERITY_ERROR,   /* against the specification */
};
const char *nvt_severity_name(enum nvt_severity); /* "note", "warning", "error" */

struct nvt_check_spec {
  const char *name; /* "NVM Express Base" */
  const char *revision;
  const char *section;
};

/* A rule, as people see it. Strings are static. */
struct nvt_check_info {
  const char *id; /* "doorbell-out-of-range": kebab-case, unique */
  enum nvt_severity severity;
  bool sequence;  /* something is missing, or not in its place */
  uint8_t needs;  /* NVT_V_meta_left_out_flags_*: where a filter left one of these out of a
                     controller's trace, the rule isn't applied to that controller */
  bool one_queue; /* it looks at what is on one submission queue alone: where a filter left out
                     whole queues, it is applied to the I/O queues that are there */
  struct nvt_check_spec spec;
  const char *title; /* what is wrong, in a few words */
};

/* All rules in alphabetical order; NULL: there is no such one. */
size_t nvt_check_count(void);
const struct nvt_check_info *nvt_check_at(size_t index);
/* nvt_check_count(): there is no rule of that name. */
size_t nvt_check_find(const char *id, size_t length);
/* "NVM Express Base 2.1, section 3.5.1", cut to size, terminated. */
void nvt_check_spec_text(const struct nvt_check_info *, char *out, size_t size);

struct nvt_finding {
  const struct nvt_check_info *rule;
  size_t index; /* of the rule */
  uint16_t controller;
  struct nvt_moment at;       /* the record that it is about; an earlier one than that just fed,
                                 where only time shows that something is missing */
  struct nvt_moment evidence; /* the record that showed it */
  uint64_t related;           /* another record that it has to do with; 0: none */
  const char *text;           /* for people; borrowed until the callback returns */
};

/* Findings of one rule that are reported; all are counted. */
#define NVT_CHECKS_PER_RULE 1000u

struct nvt_checks_options {
  const bool *skip;  /* nvt_check_count() of them, true: this rule doesn't run; NULL: all run.
                        Borrowed by nvt_checks_create() alone */
  uint64_t per_rule; /* report at most so many of a rule; 0: NVT_CHECKS_PER_RULE */
  void (*found)(void *ctx, const struct nvt_finding *);
  void *ctx;
};

struct nvt_checks; /* one thread at a time */

/* The session is borrowed until destroy. 0, -EINVAL (no `found`) or -ENOMEM. */
int nvt_checks_create(const struct nvt_checks_options *, const struct nvt_session *session,
                      struct nvt_checks **out);
void nvt_checks_destroy(struct nvt_checks *); /* NULL is fine */
/* Each record once nvt_session_record() took it, with the view that this gave. 0 or -ENOMEM: the
 * record wasn't looked at, and later ones may be judged without it. */
int nvt_checks_record(struct nvt_checks *, const struct nvt_record *, const struct nvt_view *);
/* For the session's `ended`: an exchange, as it is reported. */
void nvt_checks_ended(struct nvt_checks *, const struct nvt_exchange *);
/* The trace has ended: says what is to be said of a command that is still outstanding. Call
 * nvt_session_finish() after it, with nvt_checks_ended() for each; or this for each of them. */
void nvt_checks_finish(struct nvt_checks *);
/* The same of one command as of the last record, where the trace may still grow. Nothing is
 * counted, and the rule's limit doesn't hold. */
void nvt_checks_open(struct nvt_checks *, const struct nvt_exchange *);
/* How often a rule found something, reported or not. */
uint64_t nvt_checks_found(const struct nvt_checks *, size_t index);
/* NVT_V_meta_left_out_flags_*: what filters left out so far, of any controller; see
 * nvt_check_applies(). */
uint8_t nvt_checks_left_out(const struct nvt_checks *);
/* Whether a rule can be judged where a filter left that out. */
bool nvt_check_applies(const struct nvt_check_info *, uint8_t left_out);

#endif
