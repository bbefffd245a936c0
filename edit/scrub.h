/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scrubbing: a trace that can be given away. Records go in, in file order, and come out with what
 * tells of people, places and contents replaced, dropped or mapped; docs/editing.md says what, and
 * what remains. What is known to be harmless is kept, and nothing else: bytes that no table
 * explains, fields and record types of later versions don't come out.
 *
 * Memory is bounded: records of transfers that are looked at as a whole wait for the command's
 * completion, at most NVT_SCRUB_WAITING_MAX bytes of them; of a trace without repeated pages those
 * that it may refer to are kept (trace/pages.h); mapping LBAs takes 24 bytes a run of touched
 * chunks, at most NVT_SCRUB_RUNS_MAX runs a namespace.
 */
#ifndef NVT_EDIT_SCRUB_H
#define NVT_EDIT_SCRUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/record.h"

#define NVT_SCRUB_WAITING_MAX (8u << 20) /* bytes */
#define NVT_SCRUB_RUNS_MAX (1u << 20)
#define NVT_SCRUB_SPACES_MAX 4096u /* namespaces whose LBAs are mapped */

/* What becomes of logical blocks' contents. */
enum nvt_scrub_data {
  NVT_SCRUB_DROP, /* their length stays */
  NVT_SCRUB_ZERO, /* zeroes in their place */
};

/* What may stay though it is replaced otherwise. */
enum nvt_scrub_keep {
  NVT_SCRUB_KEEP_MODEL = 1,   /* model numbers and firmware revisions */
  NVT_SCRUB_KEEP_PLUGINS = 2, /* names of plug-ins */
  NVT_SCRUB_KEEP_FILTER = 4,  /* the words of the recorder's filter */
  NVT_SCRUB_KEEP_VENDOR = 8,  /* dwords of vendor specific commands, features and registers */
};

struct nvt_scrub_options {
  const uint8_t *key; /* of all stand-ins and of the LBAs' order: same key, same stand-ins */
  size_t key_length;  /* bytes */
  enum nvt_scrub_data data;
  unsigned keep; /* enum nvt_scrub_keep, or'ed */
  bool lba;      /* map LBAs: every record has to be learned first */
  bool time;     /* the first record's time becomes NVT_SCRUB_EPOCH_NS */
};
#define NVT_SCRUB_EPOCH_NS (UINT64_C(946684800) * 1000000000u) /* 2000-01-01, UTC */

/* What was done how often; the report's keys and lines. */
#define NVT_SCRUB_COUNTS(X)                                                                        \
  X(SERIAL, "serial_numbers", "serial numbers replaced")                                           \
  X(MODEL, "models", "model numbers replaced")                                                     \
  X(FIRMWARE, "firmware", "firmware revisions replaced")                                           \
  X(NQN, "qualified_names", "NVMe Qualified Names replaced")                                       \
  X(NAME, "names", "names, addresses and labels replaced")                                         \
  X(ID, "identifiers", "identifiers and keys replaced")                                            \
  X(PLUGIN, "plugins", "names of plug-ins replaced")                                               \
  X(DESCRIPTION, "descriptions", "descriptions in meta-records removed (host, path, recorder, …)") \
  X(CONTENT, "content_bytes", "bytes of blocks' content and metadata removed")                     \
  X(PAYLOAD, "payload_bytes", "bytes of other payload removed")                                    \
  X(STRUCTURE, "structure_bytes",                                                                  \
    "bytes removed in data structures (reserved, vendor's, secrets)")                              \
  X(VENDOR, "vendor_values", "vendor specific commands, results and registers cleared")            \
  X(TEXT, "annotations", "annotations cleared")                                                    \
  X(LBA, "lbas", "LBAs mapped")                                                                    \
  X(TIME, "times", "times in data moved")                                                          \
  X(TYPE, "unknown_records", "records of unknown type cleared")                                    \
  X(FOREIGN, "foreign_frames", "frames left out: no records of nvmetap, or malformed")

enum nvt_scrub_count {
#define NVT_SCRUB_COUNT(id, key, text) NVT_SCRUB_##id,
  NVT_SCRUB_COUNTS(NVT_SCRUB_COUNT)
#undef NVT_SCRUB_COUNT
      NVT_SCRUB_COUNT
};

struct nvt_scrub_report {
  uint64_t records; /* read, frames left out included */
  uint64_t written;
  uint64_t counts[NVT_SCRUB_COUNT];
  uint64_t lists; /* records of PRP lists and SGL segments: kept */
  uint64_t runs;  /* of touched chunks of LBAs */
  uint64_t moved; /* runs that are elsewhere now */
  uint64_t chunk; /* blocks of the largest chunk */
};

/* Takes a record as it stands in a file. 0 or -errno, which ends the scrubbing. */
typedef int nvt_scrub_put(void *ctx, uint64_t time_ns, const void *record, size_t length);

struct nvt_scrub; /* one thread at a time */

/* The key is copied. 0 or -ENOMEM. */
int nvt_scrub_create(const struct nvt_scrub_options *options, nvt_scrub_put *put, void *ctx,
                     struct nvt_scrub **out);
void nvt_scrub_destroy(struct nvt_scrub *); /* NULL is fine */

/* With `lba`: every record of the trace, then nvt_scrub_learned(), then every record again to
 * nvt_scrub_record(). 0; -ENOMEM; -E2BIG: too many namespaces; -EOPNOTSUPP: a zoned namespace,
 * whose LBAs mean more than a place. */
int nvt_scrub_learn(struct nvt_scrub *, const struct nvt_record *);
int nvt_scrub_learned(struct nvt_scrub *);

/* The next record. 0, -ENOMEM or what `put` returned. */
int nvt_scrub_record(struct nvt_scrub *, const struct nvt_record *);
/* A frame that nvt_record_parse() doesn't take: `record` as far as it set it. */
int nvt_scrub_frame(struct nvt_scrub *, const struct nvt_record *, enum nvt_parse);
/* No more: what waits is written. */
int nvt_scrub_finish(struct nvt_scrub *);
const struct nvt_scrub_report *nvt_scrub_report(const struct nvt_scrub *);

#endif
