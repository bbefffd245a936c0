/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON tail of a meta-record: what a controller was and how it was recorded.
 * Built by the recorder, parsed by the replayer; docs/trace-format.md lists the keys.
 */
#ifndef NVT_TRACE_META_H
#define NVT_TRACE_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVT_META_FORMAT 1
#define NVT_META_NAMESPACES_MAX 1024

struct nvt_meta_namespace {
  uint32_t nsid;
  uint64_t blocks;
  uint32_t block_size; /* bytes */
  bool asynchronous;   /* commands may complete out of order */
  bool readonly;
  char backend[256]; /* as given to --namespace: "ram:64M"; "" where not known */
};

/* Strings are UTF-8 and terminated; "" and 0 where not known. */
struct nvt_meta {
  uint32_t format; /* NVT_META_FORMAT */
  char recorder[64];
  char serial[21];
  char model[41];
  char firmware[9];
  uint32_t vs;
  uint64_t cap;
  uint8_t mdts;         /* as in Identify: power of two of the least page size, 0 no limit */
  bool sgl;             /* the controller takes SGLs */
  bool has_cntlid;      /* Controller ID isn't the number that its records have: */
  uint16_t cntlid;      /* it is this */
  uint32_t io_queues;   /* I/O queue pairs offered, 0 to 65535 */
  uint32_t vectors;     /* MSI-X table size, 0 to 2048 */
  uint32_t pci_address; /* as in the record header */
  char doorbells[16];   /* "trap" or "shared" */
  char data[16];        /* "none", "head", "full" or "crc" */
  uint32_t data_head;   /* bytes kept of each transfer with "head" */
  uint32_t dedup_pages; /* that a digest record may refer back to, see trace/pages.h; 0: none */
  char clock[16];       /* "vdso" or "tsc" */
  char started[40];     /* ISO 8601, UTC: "2026-01-31T12:00:00.123456789Z" */
  char host[64];        /* where recorded; optional */
  char filter[256];     /* what was recorded, as the recorder was asked; "": everything */
  char profile[64];     /* the troublesome drive that it was, as --profile has it; optional */
  char scrubbed[64];    /* what nvmetap scrub did with the trace, in words; optional */
  struct nvt_meta_namespace *namespaces; /* of parse: owned by the struct; of build: borrowed */
  uint32_t namespace_count;              /* at most NVT_META_NAMESPACES_MAX */
};

/* One line of JSON, not terminated within *length; free() it. 0, -EINVAL (too many
 * namespaces) or -ENOMEM. */
int nvt_meta_build(const struct nvt_meta *, char **json, size_t *length);

/* Parse `length` bytes of JSON. Keys that are absent give zero, unknown keys are
 * passed over. False with a reason in why: not JSON, a newer format, a value of
 * the wrong kind or out of range. On success call nvt_meta_clear() at the end. */
bool nvt_meta_parse(const void *json, size_t length, struct nvt_meta *out, char *why,
                    size_t whylen);
void nvt_meta_clear(struct nvt_meta *);

#endif
