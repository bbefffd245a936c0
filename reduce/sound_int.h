/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `nvmetap check` would find in a candidate. Apart from reduce_int.h, since a finding of the
 * checks and one of a replay have the same name.
 */
#ifndef NVT_REDUCE_SOUND_INT_H
#define NVT_REDUCE_SOUND_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_sound;

int nvt_sound_create(struct nvt_sound **out); /* 0 or -ENOMEM */
void nvt_sound_destroy(struct nvt_sound *);   /* NULL is fine */
/* A candidate begins; its records, an nvt_put. 0 or -ENOMEM. */
int nvt_sound_begin(struct nvt_sound *);
int nvt_sound_put(void *sound, uint64_t time_ns, const void *bytes, size_t captured,
                  size_t original);
/* It has ended. The first is the whole trace; of others: whether they break no rule that the whole
 * one keeps, notes aside. */
bool nvt_sound_end(struct nvt_sound *);

#endif
