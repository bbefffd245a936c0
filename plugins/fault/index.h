/* SPDX-License-Identifier: BSD-2-Clause */
/* Which rules are to be asked about what: so that a command that no rule is about costs a
 * look into a table. Pointers into the set: made again whenever that changes. */
#ifndef FAULT_INDEX_H
#define FAULT_INDEX_H

#include "plugins/fault/rules.h"

struct fault_span {
  uint32_t first, count; /* of at[] */
};

struct fault_index {
  struct fault_rule **at; /* of each span in the set's order */
  size_t used;
  struct fault_span command[2][2][256]; /* [late][admin][opcode] */
  struct fault_span access[2];          /* [write] */
  struct fault_span interrupt;
  /* what any rule needs */
  bool commands[2][2]; /* [late][admin] */
  bool corrupts[2];    /* [admin] */
  bool loses[2];       /* [admin queue] */
  bool readies;
};

/* False: out of memory, and the index is empty. */
bool fault_index_make(struct fault_index *, const struct fault_set *);
void fault_index_free(struct fault_index *);

#endif
