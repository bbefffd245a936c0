/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a recorder says on standard error while it runs. Any thread; a line is written as a
 * whole.
 */
#ifndef NVT_CONTROLLER_LOG_H
#define NVT_CONTROLLER_LOG_H

#include <stdbool.h>

enum nvt_log_level {
  NVT_LOG_QUIET,   /* only what ends or spoils the recording */
  NVT_LOG_NORMAL,  /* and what is odd */
  NVT_LOG_VERBOSE, /* and what happens: hosts that come, resets, plug-ins */
  NVT_LOG_LEVELS
};

/* Write "nvmetap: …" and a newline, unless the level is below this message's. */
void nvt_log(enum nvt_log_level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nvt_log_set(enum nvt_log_level); /* NORMAL at first */
enum nvt_log_level nvt_log_get(void);
const char *nvt_log_level_name(enum nvt_log_level); /* "quiet", … */
bool nvt_log_level_parse(const char *name, enum nvt_log_level *out);

#endif
