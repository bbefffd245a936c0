/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"

#define VERSION "0.1.0"

static int help(int argc, char **argv) {
  if (argc > 2)
    return nvt_usage_error("help", "takes one subcommand's name at most");
  if (argc == 2) {
    for (size_t i = 0; i < nvt_command_count(); i++)
      if (strcmp(nvt_command_at(i)->name, argv[1]) == 0) {
        fputs(nvt_command_at(i)->usage, stdout);
        return NVT_EXIT_OK;
      }
    return nvt_usage_error("help", "there is no subcommand '%s'; 'nvmetap help' lists them",
                           argv[1]);
  }
  puts("nvmetap: record an NVMe session, look into it, replay it\n\nusage: nvmetap SUBCOMMAND …\n");
  for (size_t i = 0; i < nvt_command_count(); i++)
    if (nvt_command_at(i)->summary != NULL)
      printf("  %-9s %s\n", nvt_command_at(i)->name, nvt_command_at(i)->summary);
  puts("\n'nvmetap SUBCOMMAND --help' tells its options, with an example.\n"
       "Exit status: 0 done, 1 differs or is faulty, 2 usage or unreadable input.");
  return NVT_EXIT_OK;
}

static int version(int argc, char **argv) {
  (void)argv;
  if (argc > 1)
    return nvt_usage_error("version", "takes no argument");
  puts("nvmetap " VERSION);
  return NVT_EXIT_OK;
}

NVT_COMMAND(help, .name = "help", .summary = "list the subcommands, or show one's help",
            .usage = "usage: nvmetap help [SUBCOMMAND]\n\nexample: nvmetap help record\n",
            .run = help, .order = 100);
NVT_COMMAND(version, .name = "version", .summary = "print the version",
            .usage = "usage: nvmetap version\n\nexample: nvmetap version\n", .run = version,
            .order = 101);
