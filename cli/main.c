/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"

static const struct nvt_command *find(const char *name) {
  for (size_t i = 0; i < nvt_command_count(); i++)
    if (strcmp(nvt_command_at(i)->name, name) == 0)
      return nvt_command_at(i);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    const struct nvt_command *help = find("help");
    char *none[] = {(char[]){"help"}, NULL};
    help->run(1, none);
    return NVT_EXIT_USAGE;
  }
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
    name = "help";
  else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
    name = "version";
  const struct nvt_command *command = find(name);
  if (command == NULL) {
    fprintf(stderr, "nvmetap: there is no subcommand '%s'; 'nvmetap help' lists them\n", name);
    return NVT_EXIT_USAGE;
  }
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "--") == 0)
      break;
    if (strcmp(argv[i], "--help") == 0) {
      fputs(command->usage, stdout);
      return fflush(stdout) == 0 ? NVT_EXIT_OK : NVT_EXIT_DIFFERS;
    }
  }
  int status = command->run(argc - 1, argv + 1);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    perror("nvmetap: standard output");
    return status == NVT_EXIT_OK ? NVT_EXIT_DIFFERS : status;
  }
  return status;
}
