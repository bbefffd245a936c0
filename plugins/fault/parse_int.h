/* SPDX-License-Identifier: BSD-2-Clause */
/* The two halves of a rule; each refuses what doesn't go together. */
#ifndef FAULT_PARSE_INT_H
#define FAULT_PARSE_INT_H

#include "plugins/fault/reader.h"
#include "plugins/fault/rules.h"

bool fault_read_match(struct fault_reader *, struct json_object *, struct fault_match *out);
/* The match is known: not every action goes with each. */
bool fault_read_action(struct fault_reader *, struct json_object *, const struct fault_match *,
                       struct fault_action *out);

#endif
