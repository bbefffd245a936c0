/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known to differ between controller models (differences.def). Pure, but print. */
#ifndef NVT_REPLAY_DIFFERENCES_H
#define NVT_REPLAY_DIFFERENCES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "nvme/nvme.h"

/* Bits of a read of `size` bytes at `offset` of BAR0 that may differ in this target (its name). */
uint64_t nvt_difference_register(const char *target, uint64_t offset, uint8_t size);
/* May this byte of an admin command's data? */
bool nvt_difference_byte(const char *target, const struct nvt_sqe *, uint64_t offset);
/* May dword 0 of its completion? */
bool nvt_difference_dw0(const char *target, const struct nvt_sqe *);
/* The table of docs/differences.md. */
void nvt_differences_print(FILE *);

#endif
