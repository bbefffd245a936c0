/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap ctl PATH trace open: the trace's descriptor is ours, its permissions are, too. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "control/client.h"
#include "control/ctl_int.h"
#include "control/live.h"
#include "control/print_int.h"

/* The words after "open". */
static int take_options(int argc, char **argv, struct nvt_live_request *request,
                        const char **path) {
  static const struct option known[] = {{"data", required_argument, NULL, 'd'},
                                        {"filter", required_argument, NULL, 'f'},
                                        {"ring", required_argument, NULL, 'r'},
                                        {"write", required_argument, NULL, 'w'},
                                        {0}};
  char **words = argv - 1; /* getopt passes over the first */
  optind = 0;
  opterr = 0;
  for (int option; (option = getopt_long(argc + 1, words, "+:w:", known, NULL)) != -1;) {
    if (option == ':')
      return nvt_usage_error("ctl", "%s needs a value", words[optind - 1]);
    if (option == '?')
      return nvt_usage_error("ctl", "'trace open' doesn't take '%s'; --help lists the commands",
                             words[optind - 1]);
    *(option == 'd'   ? &request->data
      : option == 'f' ? &request->filter
      : option == 'r' ? &request->ring
                      : path) = optarg;
  }
  if (optind < argc + 1)
    return nvt_usage_error("ctl", "'trace open' doesn't take '%s'; --help lists the commands",
                           words[optind]);
  return NVT_EXIT_OK;
}

static int open_output(const char *path) {
  if (strcmp(path, "-") == 0) {
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    close(STDOUT_FILENO); /* its reader is to see the trace's end, and not ours */
    return fd;
  }
  return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static int show_end(const struct nvt_live_result *result, bool as_json) {
  if (!result->ok) {
    fputs("nvmetap ctl: ", stderr);
    nvt_control_print_text(stderr, result->error);
    fputc('\n', stderr);
  }
  if (!result->refused)
    fprintf(stderr,
            as_json ? "{\"records\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n"
                    : "trace: %" PRIu64 " records, %" PRIu64 " lost, %" PRIu64 " bytes\n",
            result->records, result->lost, result->bytes);
  return result->ok && result->lost == 0 ? NVT_EXIT_OK : NVT_EXIT_DIFFERS;
}

int nvt_ctl_trace_open(const char *path, int argc, char **argv, bool as_json) {
  struct nvt_live_request request = {0};
  const char *output = "-";
  int status = take_options(argc, argv, &request, &output);
  if (status != NVT_EXIT_OK)
    return status;
  if (strcmp(output, "-") == 0 && isatty(STDOUT_FILENO))
    return nvt_usage_error("ctl", "a trace is no text for a terminal: pipe it ('| wireshark -k -i "
                                  "-') or name a file with -w");
  struct nvt_client *client = nvt_ctl_connect(path);
  if (client == NULL)
    return NVT_EXIT_USAGE;
  int fd = open_output(output);
  if (fd < 0) {
    status = nvt_usage_error("ctl", "%s: %s", output, strerror(errno));
  } else {
    struct nvt_live_result result;
    nvt_live_run(client, &request, fd, &result);
    status = show_end(&result, as_json);
  }
  nvt_client_close(client);
  return status;
}
