/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NVT_CONTROL_PRINT_INT_H
#define NVT_CONTROL_PRINT_INT_H

#include <stdio.h>

struct json_object;

/* An answer, for a person. */
void nvt_control_print(FILE *, struct json_object *answer);

#endif
