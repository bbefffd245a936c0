/* SPDX-License-Identifier: BSD-2-Clause */
/* An error, and why in words. */
#ifndef NVT_CAPTURE_REFUSE_INT_H
#define NVT_CAPTURE_REFUSE_INT_H

#include <stddef.h>

/* Sets why, returns `error`. */
int nvt_capture_refuse(int error, char *why, size_t whylen, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
