/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NVT_CONTROL_PRINT_INT_H
#define NVT_CONTROL_PRINT_INT_H

#include <stdio.h>

struct json_object;

/* With question marks for what would order a terminal about. */
void nvt_control_print_text(FILE *, const char *text);
/* An answer, for a person. */
void nvt_control_print(FILE *, struct json_object *answer);

#endif
