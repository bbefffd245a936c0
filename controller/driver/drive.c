/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap drive: the built-in driver on any vfio-user NVMe device. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "controller/driver/driver.h"

static volatile sig_atomic_t stop;

static void on_signal(int signal) {
  (void)signal;
  stop = 1;
}

static void progress(void *user, uint64_t ios, double seconds) {
  bool *shown = user;
  if (seconds < 2)
    return;
  fprintf(stderr, "\r%" PRIu64 " I/Os in %.0f s, %.0f a second ", ios, seconds,
          (double)ios / seconds);
  *shown = true;
}

struct options {
  const char *path;
  bool json;
  char workload[512];
};

static double per_second(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0;
}

static int print_json(const struct nvt_drive_result *r, bool good) {
  struct json_object *out = json_object_new_object();
  if (out == NULL) {
    fprintf(stderr, "nvmetap drive: out of memory\n");
    return -ENOMEM;
  }
  const struct {
    const char *name;
    uint64_t value;
  } numbers[] = {{"ios", r->ios},
                 {"reads", r->reads},
                 {"writes", r->writes},
                 {"bytes", r->bytes},
                 {"errors", r->errors},
                 {"verified", r->verified},
                 {"verify_errors", r->verify_errors},
                 {"interrupts", r->interrupts},
                 {"lost_interrupts", r->lost_interrupts},
                 {"events", r->events},
                 {"formats", r->formats},
                 {"p50_ns", r->p50_ns},
                 {"p99_ns", r->p99_ns},
                 {"p999_ns", r->p999_ns},
                 {"max_ns", r->max_ns}};
  json_object_object_add(out, "good", json_object_new_boolean(good));
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
    json_object_object_add(out, numbers[i].name, json_object_new_uint64(numbers[i].value));
  json_object_object_add(out, "seconds", json_object_new_double(r->seconds));
  json_object_object_add(out, "iops",
                         json_object_new_double(per_second((double)r->ios, r->seconds)));
  json_object_object_add(
      out, "mib_s", json_object_new_double(per_second((double)r->bytes / 1048576, r->seconds)));
  json_object_object_add(out, "error",
                         r->error[0] == '\0' ? NULL : json_object_new_string(r->error));
  puts(json_object_to_json_string_ext(out,
                                      JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(out);
  return 0;
}

static void print_text(const struct nvt_drive_result *r) {
  printf("%" PRIu64 " I/Os (%" PRIu64 " reads, %" PRIu64 " writes) in %.3f s: %.0f IOPS, %.1f "
         "MiB/s\n",
         r->ios, r->reads, r->writes, r->seconds, per_second((double)r->ios, r->seconds),
         per_second((double)r->bytes / 1048576, r->seconds));
  printf("latency: median %.1f us, 99 %% %.1f us, 99.9 %% %.1f us, longest %.1f us\n",
         (double)r->p50_ns / 1e3, (double)r->p99_ns / 1e3, (double)r->p999_ns / 1e3,
         (double)r->max_ns / 1e3);
  if (r->verified > 0)
    printf("verify: %" PRIu64 " I/Os compared, %" PRIu64 " wrong\n", r->verified, r->verify_errors);
  if (r->errors > 0)
    printf("errors: %" PRIu64 " I/Os failed\n", r->errors);
  if (r->lost_interrupts > 0)
    printf("interrupts: %" PRIu64 " were lost\n", r->lost_interrupts);
}

/* Workload words that are options too. */
static const char *const words[] = {"rw",      "bs",      "depth", "queues",     "count",
                                    "seconds", "verify",  "seed",  "interrupts", "sgl",
                                    "batch",   "timeout", "host",  "trouble"};
#define WORDS (sizeof(words) / sizeof(words[0]))

static bool add_word(struct options *o, const char *text) {
  size_t used = strlen(o->workload);
  int more =
      snprintf(o->workload + used, sizeof(o->workload) - used, "%s%s", used > 0 ? "," : "", text);
  return more >= 0 && (size_t)more < sizeof(o->workload) - used;
}

static int parse(int argc, char **argv, struct options *o) {
  struct option known[WORDS + 4] = {{"connect", required_argument, NULL, 'c'},
                                    {"workload", required_argument, NULL, 'w'},
                                    {"json", no_argument, NULL, 'j'}};
  for (size_t i = 0; i < WORDS; i++)
    known[3 + i] = (struct option){words[i], required_argument, NULL, (int)(256 + i)};
  optind = 0;
  opterr = 0;
  for (;;) {
    int at = optind == 0 ? 1 : optind;
    int c = getopt_long(argc, argv, "+:c:w:j", known, NULL);
    char word[512];
    switch (c) {
    case -1:
      if (optind < argc)
        return nvt_usage_error("drive", "'%s' is no option; --help lists them", argv[optind]);
      if (o->path == NULL)
        return nvt_usage_error("drive", "--connect PATH is needed: the device's vfio-user socket");
      return NVT_EXIT_OK;
    case 'c':
      o->path = optarg;
      break;
    case 'w':
      if (!add_word(o, optarg))
        return nvt_usage_error("drive", "the workload is too long");
      break;
    case 'j':
      o->json = true;
      break;
    case ':':
      return nvt_usage_error("drive", "%s needs a value", argv[at]);
    case '?':
      return nvt_usage_error("drive", "unknown option '%s'; --help lists them", argv[at]);
    default:
      if (snprintf(word, sizeof(word), "%s=%s", words[c - 256], optarg) >= (int)sizeof(word) ||
          !add_word(o, word))
        return nvt_usage_error("drive", "the workload is too long");
      break;
    }
  }
}

static int drive(int argc, char **argv) {
  struct options o = {0};
  int status = parse(argc, argv, &o);
  if (status != NVT_EXIT_OK)
    return status;
  char why[512] = "";
  struct nvt_workload workload;
  if (!nvt_workload_parse(o.workload, &workload, why, sizeof(why)))
    return nvt_usage_error("drive", "%s", why);
  if (workload.host != NVT_HOST_USUAL && workload.trouble == NULL)
    return nvt_usage_error("drive", "--host needs --trouble NAME; 'nvmetap profiles' lists them");
  struct nvt_transport *transport;
  int failed = nvt_transport_vfio(o.path, &transport, why, sizeof(why));
  if (failed)
    return nvt_usage_error("drive", "%s", why[0] == '\0' ? strerror(-failed) : why);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  bool shown = false;
  if (isatty(STDERR_FILENO)) {
    workload.progress = progress;
    workload.user = &shown;
  }
  struct nvt_drive_result result;
  failed = nvt_drive(transport, &workload, &stop, &result);
  transport->close(transport);
  if (shown)
    fputc('\n', stderr);
  bool good =
      failed == 0 && result.errors == 0 && result.verify_errors == 0 && result.lost_interrupts == 0;
  if (o.json) {
    if (print_json(&result, good) != 0)
      return NVT_EXIT_DIFFERS;
  } else if (failed == 0) {
    print_text(&result);
  }
  if (result.error[0] != '\0')
    fprintf(stderr, "nvmetap drive: %s\n", result.error);
  return good ? NVT_EXIT_OK : NVT_EXIT_DIFFERS;
}

NVT_COMMAND(
    drive, .name = "drive", .summary = "run the built-in driver on a vfio-user NVMe device",
    .usage =
        "usage: nvmetap drive --connect PATH [--workload WORDS] [--json]\n"
        "\n"
        "Connects to a vfio-user NVMe device as its host: brings the controller up, makes I/O\n"
        "queues, runs a workload on namespace 1, shuts it down, and prints IOPS and latencies.\n"
        "\n"
        "  -c, --connect PATH    the device's UNIX socket\n"
        "  -w, --workload WORDS  what to do, as word=value with commas between:\n"
        "        rw=read|write|randread|randwrite|randrw   default randread\n"
        "        bs=SIZE         bytes of each I/O, a multiple of the block size; default 4k\n"
        "        depth=N         outstanding I/Os of each queue, 1 to 1023; default 32\n"
        "        queues=N        I/O queue pairs, 1 to 64; default 1\n"
        "        count=N         I/Os in all; default 10000\n"
        "        seconds=S       or so long\n"
        "        verify=on|off   read back and compare what was written; default off.\n"
        "                        Reads of blocks that an earlier run wrote are compared too\n"
        "        seed=N          same seed, same commands; default 1\n"
        "        interrupts=on|off  wait for MSI-X messages, or poll the queues; default on\n"
        "        sgl=off|on|mixed  SGLs in place of PRPs, of several shapes; or of every other\n"
        "                        command; default off\n"
        "        batch=N         commands that one write of a tail doorbell tells of; default:\n"
        "                        as many as there is room for\n"
        "        timeout=S       how long a command may take; default 30\n"
        "        host=naive|careful  with trouble=NAME: do what is known to bring hosts into that\n"
        "                        trouble, or what helps; 'nvmetap profiles' lists them\n"
        "                        Each word is an option too: --rw randrw --bs 128k\n"
        "  -j, --json            the result as JSON\n"
        "\n"
        "WORDS that write destroy what is in the namespace, and so does trouble=gets-slower.\n"
        "Exit status: 0 done, 1 an I/O failed, differs or the device misbehaves, 2 usage or no\n"
        "such device.\n"
        "\n"
        "example: nvmetap record --socket /tmp/nvme.sock --namespace ram:64M --trace x.pcap &\n"
        "         nvmetap drive --connect /tmp/nvme.sock --workload rw=randrw,verify=on\n",
    .run = drive, .order = 20);
