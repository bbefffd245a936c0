/* SPDX-License-Identifier: BSD-2-Clause */
/* What nvmetap replay was asked for. */
#ifndef NVT_REPLAY_ARGUMENTS_INT_H
#define NVT_REPLAY_ARGUMENTS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "replay/corpus.h"
#include "replay/replay.h"

struct nvt_replay_arguments {
  struct nvt_replay_options options;
  struct nvt_corpus *corpus;
  const char *junit;
  size_t jobs; /* 0: not given */
  bool json;
  void (*print)(FILE *); /* a table, instead of a replay */
};

/* Into what has the defaults. Not NVT_EXIT_OK: it was told what is wrong. */
int nvt_replay_parse(int argc, char **argv, struct nvt_replay_arguments *out);

#endif
