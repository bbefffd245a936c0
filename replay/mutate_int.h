/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the parts of nvmetap mutate: the input (what the host does, step by step), its changes,
 * the host that does it, the guest memory that it does it in, and the watch over the controller.
 */
#ifndef NVT_REPLAY_MUTATE_INT_H
#define NVT_REPLAY_MUTATE_INT_H

#include "nvme/names.h"
#include "replay/mutate.h"
#include "trace/meta.h"

/* --- mutate_input.c: what the host does --- */

#define NVT_INPUT_STEPS_MAX 8192u
#define NVT_INPUT_BYTES_MAX (UINT64_C(32) << 20)
#define NVT_INPUT_NOTE 96u

struct nvt_input_data { /* put into guest memory before its command is fetched */
  struct nvt_rec_data data;
  const uint8_t *bytes; /* captured_length, in the input's or its origin's memory */
};

struct nvt_step {
  struct nvt_record record; /* an access, a command, or an event; without tail */
  const struct nvt_input_data *data;
  uint32_t data_count;
  bool raw;                  /* changed: is done as it stands, whatever a sound host would do */
  char note[NVT_INPUT_NOTE]; /* how it was changed, "": it wasn't */
};

struct nvt_block;
struct nvt_input {
  struct nvt_record meta; /* tail in the input's memory */
  struct nvt_meta details;
  struct nvt_step *steps;
  size_t count, room;
  bool shortened;
  uint64_t bytes;
  struct nvt_block *blocks;
};

/* `verbatim`: a saved input, of which nothing is left out. False with *why set. */
bool nvt_input_load(const char *path, bool verbatim, struct nvt_input **out,
                    struct nvt_reason *why);
void nvt_input_destroy(struct nvt_input *); /* NULL is fine */
/* As a trace that nvt_input_load() reads again. False with *why set. */
bool nvt_input_save(const struct nvt_input *, const char *path, const char *title,
                    struct nvt_reason *why);
/* Memory that lives as long as the input does; NULL: none. */
void *nvt_input_memory(struct nvt_input *, size_t bytes);
/* A place more before `at`; NULL: no memory, or too many. */
struct nvt_step *nvt_input_insert(struct nvt_input *, size_t at);
bool nvt_step_is_doorbell(const struct nvt_input *, const struct nvt_step *,
                          struct nvt_doorbell_id *out);

/* --- mutate_change.c --- */

/* A copy with the changes of this seed and run; its steps' data may be the origin's. NULL: no
 * memory. *changes: how many. */
struct nvt_input *nvt_input_mutate(const struct nvt_input *origin, uint64_t seed, uint64_t run,
                                   unsigned *changes);

/* --- mutate_memory.c: guest memory, and what of it the controller may write --- */

struct nvt_canary; /* one thread at a time */

struct nvt_canary *nvt_canary_create(void); /* NULL: no memory */
void nvt_canary_destroy(struct nvt_canary *);
/* As nvt_memory_map(), and nvt_memory_unmap() of windows that lie wholly in there. */
int nvt_canary_map(struct nvt_canary *, uint64_t iova, uint64_t len, struct nvt_memory_place *out);
void nvt_canary_unmap(struct nvt_canary *, uint64_t iova, uint64_t len);
bool nvt_canary_has(const struct nvt_canary *, uint64_t iova);
/* The host writes, or reads. False: not all of it is memory. */
bool nvt_canary_write(struct nvt_canary *, uint64_t iova, const void *bytes, size_t len);
bool nvt_canary_read(const struct nvt_canary *, uint64_t iova, void *bytes, size_t len);
/* From now on the controller may write there. */
void nvt_canary_allow(struct nvt_canary *, uint64_t iova, uint64_t len);
bool nvt_canary_allows(const struct nvt_canary *, uint64_t iova, uint64_t len);
/* Has it written elsewhere? True, with the address of the first such byte. */
bool nvt_canary_broken(struct nvt_canary *, uint64_t *where);
/* What a command that was fetched names may be written: PRPs, lists, SGLs, a queue. */
void nvt_canary_allow_command(struct nvt_canary *, uint16_t sqid, const struct nvt_sqe *,
                              uint64_t page);

/* --- mutate_watch.c: what a controller promises --- */

struct nvt_watch;
typedef void (*nvt_watch_found)(void *ctx, const char *kind, const char *text);

struct nvt_watch *nvt_watch_create(nvt_watch_found, void *ctx); /* NULL: no memory */
void nvt_watch_destroy(struct nvt_watch *);
/* Records in the order in which things happened; header (but type), numbers and time are set. */
void nvt_watch_record(struct nvt_watch *, enum nvt_record_type, const struct nvt_record *);
void nvt_watch_finish(struct nvt_watch *);

/* --- mutate_host.c: a run --- */

struct nvt_run_report {
  void (*found)(void *ctx, uint64_t step, const char *kind, const char *text);
  void *ctx;
  uint64_t commands;
};

/* Do it to a target that is opened for it. False with a reason: it can't be opened. */
bool nvt_input_run(const struct nvt_input *, const struct nvt_target_ops *, const char *address,
                   struct nvt_run_report *, char *why, size_t whylen);

#endif
