/* SPDX-License-Identifier: BSD-2-Clause */
/* What requests are made of, and why they are refused: for the recorder and its clients alike. */
#ifndef NVT_CONTROL_TEXT_INT_H
#define NVT_CONTROL_TEXT_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets why, returns false. */
bool nvt_control_refuse(char *why, size_t whylen, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Decimal or 0x…, all of the text. */
bool nvt_control_number(const char *text, uint64_t *out);

#endif
