/* SPDX-License-Identifier: BSD-2-Clause */
/* Many traces, each replayed in a process of its own: one that takes it down is one that failed. */
#ifndef NVT_REPLAY_CORPUS_H
#define NVT_REPLAY_CORPUS_H

#include "replay/report.h"

#define NVT_CORPUS_TRACES 100000u
#define NVT_CORPUS_JOBS 256u

struct nvt_corpus; /* paths of traces */

int nvt_corpus_create(struct nvt_corpus **out); /* 0 or -ENOMEM */
void nvt_corpus_destroy(struct nvt_corpus *);
/* A file, or a directory: all traces in it and below it (*.pcap, *.pcapng, *.zst), in the order of
 * their names. 0, -ENOENT (no such file), -ENODATA (a directory without a trace), -E2BIG, -errno.
 */
int nvt_corpus_add(struct nvt_corpus *, const char *path);
size_t nvt_corpus_count(const struct nvt_corpus *);
const char *nvt_corpus_path(const struct nvt_corpus *, size_t);

/* Replay all of them, `jobs` at a time (1 to NVT_CORPUS_JOBS); `done`, if not NULL, is told of each
 * in their order, with the number of those that are through. The results, a list of
 * nvt_report_json()'s objects in the order of the traces, is the caller's; NULL: out of memory. */
json_object *nvt_corpus_replay(const struct nvt_corpus *, const struct nvt_replay_options *,
                               unsigned jobs,
                               void (*done)(json_object *result, size_t through, size_t all));

#endif
