/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A controller's registers (nvme/registers.def) as a trace shows them: of each byte the value last
 * read or written, and whether any was seen. Uses nothing but nvme/ and libc; takes any accesses.
 */
#ifndef NVT_TRACE_REGISTERS_H
#define NVT_TRACE_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "nvme/names.h"

/* NVT_ROW_CAP, …: the rows of nvt_registers(). */
enum nvt_register_row {
#define NVT_REGISTER(offset, size, id, name, title) NVT_ROW_##id,
#include "nvme/registers.def"
  NVT_REGISTER_ROWS
};

/* BAR0 from 0h, and the Persistent Memory Region's registers after it. */
#define NVT_IMAGE_LOW 0x70u
#define NVT_IMAGE_PMR 0xe00u
#define NVT_IMAGE_SIZE (NVT_IMAGE_LOW + 0x20u)
struct nvt_register_image { /* all zero: nothing is known */
  uint8_t bytes[NVT_IMAGE_SIZE];
  uint8_t known[NVT_IMAGE_SIZE / 8]; /* a bit for each byte */
  uint32_t changes;                  /* another number after each change; may wrap */
};

/* An access of `size` bytes at `offset` of BAR0. What is read is taken; what is written only of
 * registers that read as they were written (CC, AQA, ASQ, ACQ, …): writing 1 to NSSRO or to INTMS
 * says nothing of their value. Bytes that are no register's are passed over. */
void nvt_image_access(struct nvt_register_image *, uint64_t offset, uint64_t value, unsigned size,
                      bool is_write);
/* The register's value: bytes that were never seen are 0. False unless all were seen. */
bool nvt_image_value(const struct nvt_register_image *, enum nvt_register_row, uint64_t *value);
/* Whether all of `size` bytes at `offset` of BAR0 were seen. */
bool nvt_image_has(const struct nvt_register_image *, uint64_t offset, unsigned size);
/* It is known to be 0 from here on. */
void nvt_image_clear(struct nvt_register_image *, enum nvt_register_row);
/* Nothing counts as seen any longer; the bytes stay. */
void nvt_image_forget(struct nvt_register_image *);

#endif
