/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subcommands of nvmetap. A part registers its own with NVT_COMMAND; the table
 * is a linker section, so objects must be linked directly, not from an archive.
 */
#ifndef NVT_CLI_COMMAND_H
#define NVT_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

/* Exit status of every subcommand. */
enum nvt_exit {
  NVT_EXIT_OK = 0,
  NVT_EXIT_DIFFERS = 1, /* the thing asked about differs or is faulty */
  NVT_EXIT_USAGE = 2,   /* usage, or input that can't be read */
};

struct nvt_command {
  const char *name;
  const char *summary;               /* one line, for `nvmetap help`; NULL: not listed */
  const char *usage;                 /* all of --help: synopsis, options, at least one example */
  int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns enum nvt_exit */
  int order;                         /* place in `nvmetap help` */
};

#define NVT_COMMAND(ident, ...)                                                                    \
  static const struct nvt_command nvt_command_##ident = {__VA_ARGS__};                             \
  static const struct nvt_command *const nvt_command_entry_##ident                                 \
      __attribute__((used, section("nvt_commands"))) = &nvt_command_##ident

/* "nvmetap NAME: message\n" on standard error; returns NVT_EXIT_USAGE. */
int nvt_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A decimal number of 1 or more that is all of the text; false: it is none. */
bool nvt_parse_count(const char *text, uint64_t *out);

#endif
