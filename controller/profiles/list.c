/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap profiles: what --profile of record can be, and what hosts have habits for. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "controller/driver/driver.h"
#include "controller/profiles/profile_int.h"

int nvt_profiles_print(void) {
  const struct nvt_profile_kind *kind;
  for (unsigned i = 0; (kind = nvt_profile_at(i)) != NULL; i++) {
    printf("%-22s %s\n", kind->name, kind->summary);
    for (unsigned w = 0; w < NVT_PROFILE_WORDS && kind->words[w].name != NULL; w++)
      printf("%-22s   %s=%" PRIu64 ": %s\n", "", kind->words[w].name, kind->words[w].value,
             kind->words[w].help);
    if (strcmp(kind->name, kind->trouble) != 0)
      printf("%-22s   its hosts: trouble=%s\n", "", kind->trouble);
  }
  return NVT_EXIT_OK;
}

static int profiles(int argc, char **argv) {
  if (argc > 1)
    return nvt_usage_error("profiles", "takes no argument, and '%s' is one", argv[1]);
  return nvt_profiles_print();
}

NVT_COMMAND(
    profiles, .name = "profiles", .summary = "list the troublesome drives that record can be",
    .usage = "usage: nvmetap profiles\n"
             "\n"
             "Lists what --profile NAME[,WORD=VALUE]… of 'nvmetap record' takes: one line each,\n"
             "then its words with what they are when they aren't given, and which trouble its\n"
             "hosts are named by, where that isn't the profile's name.\n"
             "\n"
             "example: nvmetap profiles\n"
             "         nvmetap record --profile buffer-reuse --workload host=naive,timeout=1 "
             "--trace x.pcap\n",
    .run = profiles, .order = 21);
