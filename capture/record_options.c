/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/record_int.h"
#include "capture/ring.h"
#include "cli/command.h"
#include "controller/namespace.h"

/* Words of --workload that are options too. */
static const char *const words[] = {"rw",   "bs",         "depth",   "count", "seconds", "verify",
                                    "seed", "interrupts", "timeout", "host",  "trouble"};
enum { WORDS = sizeof(words) / sizeof(words[0]), FIRST_WORD = 1000 };

static const struct option named[] = {
    {"socket", required_argument, NULL, 'k'},
    {"namespace", required_argument, NULL, 'n'},
    {"trace", required_argument, NULL, 't'},
    {"data", required_argument, NULL, 'd'},
    {"filter", required_argument, NULL, 'F'},
    {"plugin", required_argument, NULL, 'p'},
    {"doorbells", required_argument, NULL, 'b'},
    {"on-full", required_argument, NULL, 'f'},
    {"ring", required_argument, NULL, 'r'},
    {"workload", required_argument, NULL, 'w'},
    {"serial", required_argument, NULL, 'S'},
    {"once", no_argument, NULL, 'o'},
    {"pci-address", required_argument, NULL, 'P'},
    {"queues", required_argument, NULL, 'q'},
    {"sgl", no_argument, NULL, 'L'},
    {"json", no_argument, NULL, 'j'},
    {"plugin-isolated", required_argument, NULL, 'I'},
    {"on-plugin-death", required_argument, NULL, 'D'},
    {"plugin-timeout", required_argument, NULL, 'T'},
    {"control", required_argument, NULL, 'c'},
    {"no-control", no_argument, NULL, 'N'},
    {"trace-paused", no_argument, NULL, 'a'},
    {"log", required_argument, NULL, 'l'},
    {"profile", required_argument, NULL, 'R'},
    {"no-recover", no_argument, NULL, 'X'},
    {"rotate-size", required_argument, NULL, RECORD_ROTATE_SIZE},
    {"rotate-seconds", required_argument, NULL, RECORD_ROTATE_SECONDS},
    {"files", required_argument, NULL, RECORD_FILES},
    {"snaplen", required_argument, NULL, RECORD_SNAPLEN},
    {"snapshot-length", required_argument, NULL, RECORD_SNAPLEN},
    {"compress", required_argument, NULL, RECORD_COMPRESS},
    {"on-write-error", required_argument, NULL, RECORD_WRITE_ERROR},
    {"flight", required_argument, NULL, 'y'},
    {"flight-at-end", no_argument, NULL, 'E'},
    {"trigger", required_argument, NULL, 'g'},
    {"trigger-into", required_argument, NULL, 'J'},
};
enum { NAMED = sizeof(named) / sizeof(named[0]) };

static int refuse_value(const char *option, const char *value, const char *wanted) {
  return nvt_usage_error("record", "--%s '%s': %s", option, value, wanted);
}

static int parse_data(struct record_options *o, const char *text) {
  if (nvt_trace_data_parse(text, &o->data, &o->head, &o->dedup_pages))
    return NVT_EXIT_OK;
  return refuse_value("data", text, NVT_TRACE_DATA_WANTED);
}

static int parse_filter(struct record_options *o, const char *text) {
  char why[512];
  if (nvt_trace_filter_parse(text, &o->filter, why, sizeof(why)))
    return NVT_EXIT_OK;
  return nvt_usage_error("record", "--filter: %s", why);
}

/* "[DDDD:]BB:DD.F", all hexadecimal. */
static int parse_pci_address(struct record_options *o, const char *text) {
  unsigned domain = 0, bus, device, function;
  char rest;
  if (sscanf(text, "%4x:%2x:%2x.%1x%c", &domain, &bus, &device, &function, &rest) != 4) {
    domain = 0;
    if (sscanf(text, "%2x:%2x.%1x%c", &bus, &device, &function, &rest) != 3)
      return refuse_value("pci-address", text, "it is written DDDD:BB:DD.F, as lspci does");
  }
  if (device > 31 || function > 7)
    return refuse_value("pci-address", text, "device is 0 to 1f, function 0 to 7");
  o->pci_address = domain << 16 | bus << 8 | device << 3 | function;
  return NVT_EXIT_OK;
}

static int parse_ring(struct record_options *o, const char *text) {
  if (!nvt_parse_size(text, &o->ring) || o->ring < NVT_RING_SIZE_MIN || o->ring > 16ull << 30)
    return refuse_value("ring", text, "a size from 512K to 16G is wanted");
  o->ring_given = true;
  return NVT_EXIT_OK;
}

static int parse_queues(struct record_options *o, const char *text) {
  char *rest;
  unsigned long queues = strtoul(text, &rest, 10);
  if (*text < '0' || *text > '9' || *rest != '\0' || queues < 1 || queues > 255)
    return refuse_value("queues", text, "1 to 255 I/O queue pairs can be offered");
  o->queues = (uint16_t)queues;
  return NVT_EXIT_OK;
}

static int parse_plugin_timeout(struct record_options *o, const char *text) {
  char *rest;
  unsigned long ms = strtoul(text, &rest, 10);
  if (*text < '0' || *text > '9' || *rest != '\0' || ms < NVT_ISOLATION_TIMEOUT_MIN / 1000000 ||
      ms > NVT_ISOLATION_TIMEOUT_MAX / 1000000)
    return refuse_value("plugin-timeout", text, "1 to 3600000 milliseconds are wanted");
  o->isolation.timeout = ms * 1000000;
  o->isolation_given = true;
  return NVT_EXIT_OK;
}

static int add_plugin(struct record_options *o, const char *spec, bool isolated) {
  if (o->plugin_count == RECORD_PLUGINS)
    return nvt_usage_error("record", "more than %d plug-ins", RECORD_PLUGINS);
  o->plugin_isolated[o->plugin_count] = isolated;
  o->plugins[o->plugin_count++] = spec;
  return NVT_EXIT_OK;
}

/* One of two words. */
static int parse_either(const char *option, const char *text, const char *no, const char *yes,
                        bool *out) {
  *out = strcmp(text, yes) == 0;
  if (*out || strcmp(text, no) == 0)
    return NVT_EXIT_OK;
  return nvt_usage_error("record", "--%s '%s': it is %s or %s", option, text, no, yes);
}

static int parse_log(struct record_options *o, const char *text) {
  if (!nvt_log_level_parse(text, &o->log))
    return refuse_value("log", text, "the levels are quiet, normal and verbose");
  return NVT_EXIT_OK;
}

static int parse_death(struct record_options *o, const char *text) {
  bool fail;
  int status = parse_either("on-plugin-death", text, "continue", "fail", &fail);
  o->isolation.policy = fail ? NVT_DEATH_FAIL : NVT_DEATH_CONTINUE;
  o->isolation_given = true;
  return status;
}

static int add_words(struct record_options *o, const char *word, const char *text) {
  size_t used = strlen(o->workload), room = sizeof(o->workload) - used;
  int more = snprintf(o->workload + used, room, "%s%s%s%s", used > 0 ? "," : "",
                      word == NULL ? "" : word, word == NULL ? "" : "=", text);
  if (more < 0 || (size_t)more >= room)
    return nvt_usage_error("record", "the workload is too long");
  return NVT_EXIT_OK;
}

static int take(struct record_options *o, int option) {
  switch (option) {
  case 'k':
    o->socket = optarg;
    return NVT_EXIT_OK;
  case 't':
    o->trace = optarg;
    return NVT_EXIT_OK;
  case 'c':
    o->control = optarg;
    return NVT_EXIT_OK;
  case 'N':
    o->no_control = true;
    return NVT_EXIT_OK;
  case 'X':
    o->no_recover = true;
    return NVT_EXIT_OK;
  case 'a':
    o->paused = true;
    return NVT_EXIT_OK;
  case 'l':
    return parse_log(o, optarg);
  case 'S':
    o->serial = optarg;
    if (strlen(optarg) > 20 || *optarg == '\0')
      return refuse_value("serial", optarg, "1 to 20 characters are wanted");
    return NVT_EXIT_OK;
  case 'n':
    if (o->namespace_count == RECORD_NAMESPACES)
      return nvt_usage_error("record", "more than %d namespaces", RECORD_NAMESPACES);
    o->namespaces[o->namespace_count++] = optarg;
    return NVT_EXIT_OK;
  case 'p':
    return add_plugin(o, optarg, false);
  case 'I':
    return add_plugin(o, optarg, true);
  case 'D':
    return parse_death(o, optarg);
  case 'T':
    return parse_plugin_timeout(o, optarg);
  case 'y':
    return nvt_record_flight_option(o, optarg);
  case 'E':
    o->at_end = true;
    return NVT_EXIT_OK;
  case 'g':
    return nvt_record_trigger_option(o, optarg);
  case 'J':
    o->into_given = true;
    return parse_either("trigger-into", optarg, "files", "one", &o->into_one);
  case 'R':
    o->profile = optarg;
    return NVT_EXIT_OK;
  case 'd':
    return parse_data(o, optarg);
  case 'F':
    return parse_filter(o, optarg);
  case 'b':
    o->doorbells_given = true;
    return parse_either("doorbells", optarg, "trap", "shared", &o->shared_doorbells);
  case 'f':
    o->on_full_given = true;
    return parse_either("on-full", optarg, "drop", "block", &o->block);
  case 'r':
    return parse_ring(o, optarg);
  case 'w':
    return add_words(o, NULL, optarg);
  case 'o':
    o->once = true;
    return NVT_EXIT_OK;
  case 'P':
    return parse_pci_address(o, optarg);
  case 'L':
    o->sgl = true;
    return NVT_EXIT_OK;
  case 'q':
    return parse_queues(o, optarg);
  case 'j':
    o->json = true;
    return NVT_EXIT_OK;
  default:
    if (option >= FIRST_WORD && option < FIRST_WORD + WORDS)
      return add_words(o, words[option - FIRST_WORD], optarg);
    return nvt_record_output_take(o, option, optarg);
  }
}

static bool any_isolated(const struct record_options *o) {
  for (unsigned i = 0; i < o->plugin_count; i++)
    if (o->plugin_isolated[i])
      return true;
  return false;
}

/* What doesn't go together. */
static int agree(struct record_options *o) {
  if (o->socket != NULL && o->workload[0] != '\0')
    return nvt_usage_error("record", "a workload is the built-in driver's: with --socket the guest "
                                     "does what it wants ('nvmetap drive --connect' can be one)");
  if (o->socket == NULL && o->doorbells_given)
    return nvt_usage_error("record", "--doorbells needs --socket: the built-in driver's are always "
                                     "trapped");
  if (o->socket == NULL && o->once)
    return nvt_usage_error("record", "--once needs --socket: the built-in driver ends by itself");
  if (o->trace == NULL &&
      (o->on_full_given || o->data != NVT_TRACE_DATA_NONE || nvt_trace_filter_any(&o->filter)))
    return nvt_usage_error("record", "--data, --filter and --on-full need --trace FILE");
  char why[256];
  if (!nvt_trace_filter_agrees(&o->filter, o->data, why, sizeof(why)))
    return nvt_usage_error("record", "--filter: %s", why);
  if (o->paused && (o->trace == NULL || o->control == NULL))
    return nvt_usage_error("record", "--trace-paused needs --trace FILE, and --control PATH to "
                                     "start it by");
  if (o->isolation_given && !any_isolated(o) && o->control == NULL)
    return nvt_usage_error("record", "--on-plugin-death and --plugin-timeout need "
                                     "--plugin-isolated FILE: another plug-in's end is ours, too");
  if (o->no_control && o->control != NULL)
    return nvt_usage_error("record", "--control and --no-control: which?");
  if (nvt_record_output_agree(o) != NVT_EXIT_OK)
    return NVT_EXIT_USAGE;
  int status = nvt_record_gate_agree(o);
  if (status != NVT_EXIT_OK)
    return status;
  if (o->namespace_count == 0)
    o->namespaces[o->namespace_count++] = "ram:64M";
  /* A file is to be whole. Who looks on live must not hold up the guest. */
  if (!o->on_full_given)
    o->block = o->trace == NULL || strcmp(o->trace, "-") != 0;
  return NVT_EXIT_OK;
}

int nvt_record_options(int argc, char **argv, struct record_options *o) {
  *o = (struct record_options){.ring = 64u << 20, .pci_address = 5 << 3, .log = NVT_LOG_NORMAL};
  struct option known[NAMED + WORDS + 1] = {0};
  memcpy(known, named, sizeof(named));
  for (int i = 0; i < WORDS; i++)
    known[NAMED + i] = (struct option){words[i], required_argument, NULL, FIRST_WORD + i};
  optind = 0;
  opterr = 0;
  for (;;) {
    int at = optind == 0 ? 1 : optind;
    int option = getopt_long(argc, argv, "+:" RECORD_OUTPUT_SHORT, known, NULL);
    if (option == -1)
      break;
    if (option == ':')
      return nvt_usage_error("record", "%s needs a value", argv[at]);
    if (option == '?')
      return nvt_usage_error("record", "unknown option '%s'; --help lists them", argv[at]);
    int status = take(o, nvt_record_output_option(option));
    if (status != NVT_EXIT_OK)
      return status;
  }
  if (optind < argc)
    return nvt_usage_error("record", "'%s' is no option; --help lists them", argv[optind]);
  return agree(o);
}
