/* SPDX-License-Identifier: BSD-2-Clause */
/* A person's own table of commands, read from JSON: docs/vendor-table.md. */
#ifndef NVT_TRACE_VENDOR_H
#define NVT_TRACE_VENDOR_H

#include <stdbool.h>
#include <stddef.h>

#include "nvme/vendor.h"

#define NVT_VENDOR_FILE_MAX (1u << 20) /* bytes */
#define NVT_VENDOR_COMMANDS_MAX 256u
#define NVT_VENDOR_ROWS_MAX 64u /* fields of a command, values of a field */
#define NVT_VENDOR_NAME_MAX 80u /* bytes */

struct nvt_vendor;

/* Reads the file, or `length` bytes of text called `path` in messages. False: *why tells the
 * file, the key and the way out. */
bool nvt_vendor_load(const char *path, struct nvt_vendor **out, char *why, size_t why_size);
bool nvt_vendor_parse(const char *path, const char *text, size_t length, struct nvt_vendor **out,
                      char *why, size_t why_size);
/* Ends its use, if it is the one in use. */
void nvt_vendor_free(struct nvt_vendor *);
/* For nvt_vendor_use(); as long as the table lives. */
const struct nvt_vendor_table *nvt_vendor_table(const struct nvt_vendor *);

#endif
