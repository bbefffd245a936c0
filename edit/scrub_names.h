/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stand-ins: what is put in the place of serial numbers, names and identifiers. They follow from
 * the key and the original (HMAC-SHA-256), so that the same original has the same stand-in wherever
 * it stands, and nobody without the key can try which original that was. What follows from a serial
 * number (nvme/identity.h) follows from its stand-in afterwards.
 */
#ifndef NVT_EDIT_SCRUB_NAMES_H
#define NVT_EDIT_SCRUB_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/structures.h"
#include "trace/meta.h"

#define NVT_NAMES_KNOWN_MAX 256u /* controllers whose serial numbers are remembered */

struct nvt_names; /* one thread at a time */

/* 0 or -ENOMEM. */
int nvt_names_create(const uint8_t *key, size_t length, bool keep_model, struct nvt_names **out);
void nvt_names_destroy(struct nvt_names *); /* NULL is fine */

/* A meta-record's serial number, model and firmware get their stand-ins, and are remembered for
 * what follows from them and for pieces of them. */
void nvt_names_meta(struct nvt_names *, uint16_t controller, struct nvt_meta *);

/* Put a stand-in of the same length in the place of the bytes, padding apart. `whole`: they are all
 * of the member; else its first bytes. Class: SERIAL, MODEL, FIRMWARE, NQN, TEXT or ID. False:
 * there was nothing to replace: empty, all zeroes or ones, kept, or a name that all have. */
bool nvt_names_replace(struct nvt_names *, enum nvt_privacy class, uint16_t controller,
                       uint8_t *bytes, size_t length, bool whole);

/* A number that follows from key, label and bytes. */
uint64_t nvt_names_number(const struct nvt_names *, const char *label, const void *bytes,
                          size_t length);

#endif
