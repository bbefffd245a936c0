/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC-32C (RFC 3720, appendix B.4; polynomial 1EDC6F41h, reflected; of "123456789" E3069283h): by
 * the processor's instruction where it has one. Pure functions, any thread.
 */
#ifndef NVT_TRACE_CRC32C_H
#define NVT_TRACE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of these bytes behind those that `before` is the CRC of; 0: there are none before. */
uint32_t nvt_crc32c(uint32_t before, const void *bytes, size_t length);
/* Of two runs of bytes, one behind the other, from the CRC of each and the second's length. */
uint32_t nvt_crc32c_join(uint32_t first, uint32_t second, uint64_t second_length);

/* The same by a table, and by the instruction: for tests. False: the processor hasn't it. */
uint32_t nvt_crc32c_by_table(uint32_t before, const void *bytes, size_t length);
bool nvt_crc32c_by_instruction(uint32_t *crc, const void *bytes, size_t length);

#endif
