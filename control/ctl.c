/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap ctl: the client. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "control/client.h"
#include "control/ctl_int.h"
#include "control/print_int.h"
#include "control/request_int.h"

#define WAIT_MS 60000 /* for an answer */

/* The command that starts the words, the longest name; *used: how many of them are its name. */
static const struct control_command *find(char **words, int count, int *used) {
  char name[64] = "";
  const struct control_command *found = NULL;
  for (int i = 0; i < count && i < 2; i++) {
    size_t length = strlen(name);
    int more = snprintf(name + length, sizeof(name) - length, "%s%s", i > 0 ? " " : "", words[i]);
    if (more < 0 || (size_t)more >= sizeof(name) - length)
      break;
    const struct control_command *command = nvt_control_find(name);
    if (command != NULL) {
      found = command;
      *used = i + 1;
    }
  }
  return found;
}

static bool add_rest(struct json_object *request, const char *name, char **words, int count) {
  size_t length = 1;
  for (int i = 0; i < count; i++)
    length += strlen(words[i]) + 1;
  char *text = calloc(1, length);
  if (text == NULL)
    return false;
  for (int i = 0; i < count; i++) {
    strcat(text, i > 0 ? " " : "");
    strcat(text, words[i]);
  }
  json_object_object_add(request, name, json_object_new_string(text));
  free(text);
  return true;
}

/* The words as the arguments of the command, in their order. Numbers go as they were written:
 * the recorder says what is wrong with one. */
static int add_arguments(struct json_object *request, const struct control_command *command,
                         char **words, int count) {
  int at = 0;
  const struct control_argument *argument = command->arguments;
  for (unsigned i = 0; i < CONTROL_ARGUMENTS && argument->kind != ARGUMENT_NONE; i++, argument++) {
    if (at == count && argument->optional)
      continue;
    if (at == count)
      return nvt_usage_error("ctl", "'%s' needs %s; --help lists the commands", command->name,
                             argument->name);
    if (argument->kind == ARGUMENT_REST) {
      if (!add_rest(request, argument->name, words + at, count - at))
        return nvt_usage_error("ctl", "out of memory");
      at = count;
    } else if (argument->kind != ARGUMENT_FLAG) {
      json_object_object_add(request, argument->name, json_object_new_string(words[at++]));
    } else if (strcmp(words[at], argument->name) == 0) {
      json_object_object_add(request, argument->name, json_object_new_boolean(1));
      at++;
    }
  }
  if (at < count)
    return nvt_usage_error("ctl", "'%s' doesn't take '%s'; --help lists the commands",
                           command->name, words[at]);
  return NVT_EXIT_OK;
}

static int show(const char *line, bool as_json) {
  struct json_object *answer = json_tokener_parse(line), *ok = NULL, *error = NULL;
  if (answer == NULL || !json_object_object_get_ex(answer, "ok", &ok) ||
      !json_object_is_type(ok, json_type_boolean)) {
    json_object_put(answer);
    char start[200];
    (void)snprintf(start, sizeof(start), "%s", line);
    fputs("nvmetap ctl: that is no recorder's answer: ", stderr);
    nvt_control_print_text(stderr, start);
    fputc('\n', stderr);
    return NVT_EXIT_USAGE;
  }
  bool good = json_object_get_boolean(ok);
  if (as_json) {
    puts(line);
  } else if (good) {
    nvt_control_print(stdout, answer);
  } else {
    (void)json_object_object_get_ex(answer, "error", &error);
    fputs("nvmetap ctl: ", stderr);
    nvt_control_print_text(stderr, error != NULL ? json_object_get_string(error) : "refused");
    fputc('\n', stderr);
  }
  json_object_put(answer);
  return good ? NVT_EXIT_OK : NVT_EXIT_DIFFERS;
}

/* EINTR: again. */
static char *receive(struct nvt_client *client) {
  char *line;
  do
    line = nvt_client_receive(client);
  while (line == NULL && errno == EINTR);
  return line;
}

struct nvt_client *nvt_ctl_connect(const char *path) {
  struct nvt_client *client;
  int error = nvt_client_connect(path, WAIT_MS, &client);
  if (error != 0)
    (void)nvt_usage_error("ctl", "%s: %s%s", path, strerror(-error),
                          error == -ENOENT || error == -ECONNREFUSED ? "; no recorder runs there"
                                                                     : "");
  return client;
}

static int show_answer(struct nvt_client *client, const char *path, bool as_json) {
  char *line = receive(client);
  if (line == NULL) {
    fprintf(stderr, "nvmetap ctl: %s: no answer: %s\n", path,
            errno == EAGAIN ? "the recorder is held up" : strerror(errno));
    return NVT_EXIT_DIFFERS;
  }
  int status = show(line, as_json);
  free(line);
  return status;
}

static int ask(const char *path, const char *request, bool as_json) {
  struct nvt_client *client = nvt_ctl_connect(path);
  if (client == NULL)
    return NVT_EXIT_USAGE;
  nvt_client_send(client, request, -1);
  int status = show_answer(client, path, as_json);
  nvt_client_close(client);
  return status;
}

/* A path as the recorder, which is in another directory, understands it. */
static char *from_root(char *text, char path[PATH_MAX]) {
  if (text[0] == '/' || text[0] == '\0' || getcwd(path, PATH_MAX) == NULL)
    return text;
  size_t length = strlen(path);
  int more = snprintf(path + length, PATH_MAX - length, "/%s", text);
  return more < 0 || (size_t)more >= PATH_MAX - length ? text : path;
}

static int ctl(int argc, char **argv) {
  /* Options stand before PATH or at the end: what a command takes may look like one. */
  bool as_json = false;
  if (argc > 1 && strcmp(argv[1], "--json") == 0) {
    as_json = true;
    argv++;
    argc--;
  } else if (argc > 3 && strcmp(argv[argc - 1], "--json") == 0) {
    as_json = true;
    argc--;
  }
  if (argc > 1 && argv[1][0] == '-' && argv[1][1] != '\0')
    return nvt_usage_error("ctl", "unknown option '%s'; --help lists them", argv[1]);
  if (argc < 3)
    return nvt_usage_error("ctl", "which recorder, and what? 'nvmetap ctl PATH COMMAND'; --help "
                                  "lists the commands");
  int used = 0;
  const struct control_command *command = find(argv + 2, argc - 2, &used);
  if (command == NULL)
    return nvt_usage_error("ctl", "there is no command '%s%s%s'; --help lists them", argv[2],
                           argc > 3 ? " " : "", argc > 3 ? argv[3] : "");
  if (strcmp(command->name, "trace open") == 0)
    return nvt_ctl_trace_open(argv[1], argc - 2 - used, argv + 2 + used, as_json);
  struct json_object *request = json_object_new_object();
  json_object_object_add(request, "command", json_object_new_string(command->name));
  char path[PATH_MAX];
  if (strcmp(command->name, "trace dump") == 0 && argc - 2 - used == 1)
    argv[2 + used] = from_root(argv[2 + used], path);
  int status = add_arguments(request, command, argv + 2 + used, argc - 2 - used);
  if (status == NVT_EXIT_OK)
    status = ask(argv[1], json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN), as_json);
  json_object_put(request);
  return status;
}

NVT_COMMAND(
    ctl, .name = "ctl", .summary = "control a recorder that runs",
    .usage =
        "usage: nvmetap ctl PATH COMMAND [ARGUMENT]… [--json]\n"
        "\n"
        "Asks the recorder that listens at PATH: as record --control says, or where 'nvmetap\n"
        "record --log verbose' tells. Its owner and root may.\n"
        "\n"
        "  status                          controller, queues, namespaces, plug-ins, trace\n"
        "  plugin load FILE[,ARGS] [isolated]   isolated: in a process of its own\n"
        "  plugin unload NAME\n"
        "  plugin enable NAME              attach it to its taps again\n"
        "  plugin disable NAME             detach it from all taps\n"
        "  plugin list\n"
        "  plugin send NAME TEXT…          a message for the plug-in; prints its answer\n"
        "  fault add RULE                  a rule of the plug-in 'fault', as JSON; it is loaded\n"
        "                                  when it isn't yet\n"
        "  fault list\n"
        "  fault clear\n"
        "  namespace add DESCRIPTION       as record's --namespace; prints its number\n"
        "  namespace remove NSID\n"
        "  namespace resize NSID SIZE      a file is made so long, or so short\n"
        "  inject fatal                    CSTS.CFS = 1: nothing is done until a reset\n"
        "  inject remove                   as if the drive had been pulled out\n"
        "  inject return                   and put back in\n"
        "  inject interrupt VECTOR\n"
        "  inject event TYPE INFO LOG      an asynchronous event\n"
        "  inject completion CQID SQID CID STATUS [DW0 [DW1 [SQHD [OPCODE]]]]\n"
        "                                  STATUS: Status Code Type * 256 + Status Code\n"
        "  trace stop                      record nothing for now\n"
        "  trace start                     go on: a snapshot, then all that happens\n"
        "  trace trigger                   of a recorder with --flight or --trigger: fire by hand\n"
        "  trace dump [FILE]               write the past that it holds, to FILE or the next "
        "piece\n"
        "  trace open [--data none|head:N|full|crc] [--filter WORDS] [--ring SIZE] [-w FILE]\n"
        "                                  a further trace, of what happens from now on: to FILE,\n"
        "                                  or to standard output; until it is interrupted\n"
        "  trace close ID                  end one of these; 'status' lists them\n"
        "  log quiet|normal|verbose        what the recorder says on standard error\n"
        "  stop                            end the recording cleanly\n"
        "\n"
        "  --json      the recorder's answer as it came; first, or at the end\n"
        "\n"
        "Exit status: 0 done, 1 the recorder refused, 2 usage or no such socket.\n"
        "\n"
        "examples: nvmetap record --control /tmp/ctl --workload seconds=60 --trace x.pcap &\n"
        "          nvmetap ctl /tmp/ctl status\n"
        "          nvmetap ctl /tmp/ctl namespace resize 1 128M\n"
        "          nvmetap ctl /tmp/ctl plugin list --json\n"
        "          nvmetap ctl /tmp/ctl trace open --filter queue=1 | wireshark -k -i -\n",
    .run = ctl, .order = 3);
