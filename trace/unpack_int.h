/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zstd stream's content as a stream. Hostile input costs bounded memory (the window of zstd's own
 * default, 128 MiB), and bounded time by its length: what expands more than any trace could is
 * refused.
 */
#ifndef NVT_TRACE_UNPACK_INT_H
#define NVT_TRACE_UNPACK_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct nvt_unpack; /* lives as long as the stream */

#define NVT_UNPACK_MAGIC 0xfd2fb528u
/* Records have at most 256 KiB, and each has a header with numbers of its own, for which zstd needs
 * more than 25 bytes: no trace reaches this ratio. It is asked from so many bytes on. */
#define NVT_UNPACK_RATIO 8192u
#define NVT_UNPACK_FREE (1u << 20)

/* `packed` belongs to the new stream from now on, and stands before the first byte. NULL: out of
 * memory; packed is closed then, too. */
FILE *nvt_unpack(FILE *packed, struct nvt_unpack **);
/* What went wrong, for a person; NULL: nothing. */
const char *nvt_unpack_error(const struct nvt_unpack *);
/* The input ended inside a frame. */
bool nvt_unpack_cut(const struct nvt_unpack *);
/* Bytes of the input that were taken. */
uint64_t nvt_unpack_taken(const struct nvt_unpack *);

#endif
