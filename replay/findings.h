/* SPDX-License-Identifier: BSD-2-Clause */
/* What a replay found to differ: all counted, the first of them kept. */
#ifndef NVT_REPLAY_FINDINGS_H
#define NVT_REPLAY_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_finding {
  uint64_t record;   /* number in the trace, as Wireshark's frame number */
  uint32_t loop;     /* through the trace, from 1 */
  const char *field; /* static: "completion.status", "register.value", … */
  char expected[48]; /* what the trace has */
  char actual[48];   /* what the target said */
  char text[256];    /* for a person */
};

struct nvt_findings {
  struct nvt_finding *list;
  size_t kept;
  size_t max;     /* kept at most */
  uint64_t count; /* all */
  bool muted;     /* what is added now isn't asked for: it is dropped */
  uint32_t loop;  /* the current one; the caller's to set */
};

/* `max` of them will be kept. */
void nvt_findings_init(struct nvt_findings *, size_t max);
void nvt_findings_clear(struct nvt_findings *);

/* expected and actual are copied; `field` must live on. */
void nvt_findings_add(struct nvt_findings *, uint64_t record, const char *field,
                      const char *expected, const char *actual, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* The same with numbers, shown in hexadecimal with `digits` digits at least; 0: decimal. */
void nvt_findings_number(struct nvt_findings *, uint64_t record, const char *field,
                         uint64_t expected, uint64_t actual, int digits, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

#endif
