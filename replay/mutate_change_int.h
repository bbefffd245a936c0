/* SPDX-License-Identifier: BSD-2-Clause */
/* Chance, and what the kinds of changes have in common. */
#ifndef NVT_REPLAY_MUTATE_CHANGE_INT_H
#define NVT_REPLAY_MUTATE_CHANGE_INT_H

#include "replay/mutate_int.h"

struct nvt_change {
  struct nvt_input *in;
  uint64_t random;
};

uint64_t nvt_change_next(struct nvt_change *);
uint64_t nvt_change_below(struct nvt_change *, uint64_t n); /* 0 where n is */
bool nvt_change_one_in(struct nvt_change *, uint64_t n);
/* One of an array. */
#define NVT_PICK(c, array) ((array)[nvt_change_below((c), sizeof(array) / sizeof((array)[0]))])

/* The step was changed, and is done as it stands from now on. */
void nvt_change_note(struct nvt_step *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One that fits, or NULL. */
struct nvt_step *nvt_change_pick(struct nvt_change *,
                                 bool (*fits)(const struct nvt_input *, const struct nvt_step *));
bool nvt_change_is_command(const struct nvt_input *, const struct nvt_step *);
/* A value of `width` bits in place of `now`: at an edge of the field, beside what it was, or at a
 * limit of this controller. */
uint64_t nvt_change_value(struct nvt_change *, uint64_t now, unsigned width);

/* mutate_fields.c: a command; a PRP list or SGL segment of one */
void nvt_change_command(struct nvt_change *);
void nvt_change_list(struct nvt_change *);

#endif
