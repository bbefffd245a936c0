/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nvmetap-extcap: recorders that run, as interfaces of Wireshark. Wireshark calls it to list them
 * and their options, and to capture; extcap(4) has the contract. Nothing is copied here: the
 * recorder writes to Wireshark's FIFO itself, whose descriptor it is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/client.h"
#include "control/filter.h"
#include "control/live.h"
#include "extcap/extcap_int.h"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

#define WAIT_MS 10000 /* for the recorder's answer */

static const char usage[] =
    "usage: nvmetap-extcap --extcap-interfaces | --extcap-dlts | --extcap-config | --capture …\n"
    "\n"
    "Shows running nvmetap recorders in Wireshark's list of interfaces. Wireshark calls it; it "
    "has\n"
    "to be in a folder of Wireshark's: Help, About, Folders, Extcap path.\n"
    "\n"
    "  --extcap-interfaces          list the recorders\n"
    "  --extcap-interface NAME      one of them, for what follows\n"
    "  --extcap-dlts                its link types\n"
    "  --extcap-config              its options\n"
    "  --capture --fifo PATH        write a trace there, until SIGTERM, or its reader goes\n"
    "  --extcap-capture-filter WORDS   as 'nvmetap record --filter' takes it\n"
    "  --data none|head|full|dedup|crc, --data-bytes N, --metadata,\n"
    "  --records all|no-doorbells|commands|doorbells, --queues LIST, --opcodes LIST, --nsid N,\n"
    "  --blocks A-B, --slower TIME, --errors, --ring MIB, --socket PATH\n"
    "\n"
    "NVMETAP_CONTROL names further control sockets, or folders of them, with ':' between.\n"
    "\n"
    "example: nvmetap-extcap --capture --extcap-interface nvmetap --socket /tmp/ctl --fifo "
    "x.pcap\n";

static int complain(int status, const char *what, const char *why) {
  fprintf(stderr, "nvmetap-extcap: %s%s%s\n", what, why[0] == '\0' ? "" : ": ", why);
  return status;
}

static int read_options(int argc, char **argv, struct extcap_options *o) {
  enum { INTERFACES = 1, DLTS, CONFIG, CAPTURE, ERRORS, METADATA, HELP, IGNORED, TEXT };
  const struct {
    const char *name;
    const char **to;
  } texts[] = {{"extcap-interface", &o->interface},
               {"extcap-capture-filter", &o->capture_filter},
               {"fifo", &o->fifo},
               {"socket", &o->socket},
               {"data", &o->data},
               {"data-bytes", &o->data_bytes},
               {"records", &o->records},
               {"queues", &o->queues},
               {"opcodes", &o->opcodes},
               {"nsid", &o->nsid},
               {"blocks", &o->blocks},
               {"slower", &o->slower},
               {"ring", &o->ring}};
  enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
  struct option known[TEXTS + 10] = {{"extcap-interfaces", no_argument, NULL, INTERFACES},
                                     {"extcap-dlts", no_argument, NULL, DLTS},
                                     {"extcap-config", no_argument, NULL, CONFIG},
                                     {"capture", no_argument, NULL, CAPTURE},
                                     {"errors", no_argument, NULL, ERRORS},
                                     {"metadata", no_argument, NULL, METADATA},
                                     {"help", no_argument, NULL, HELP},
                                     /* Wireshark's own version: one answer serves all */
                                     {"extcap-version", optional_argument, NULL, IGNORED}};
  for (int i = 0; i < TEXTS; i++)
    known[8 + i] = (struct option){texts[i].name, required_argument, NULL, TEXT + i};
  opterr = 0;
  for (int option; (option = getopt_long(argc, argv, "+:", known, NULL)) != -1;) {
    if (option == ':' || option == '?')
      return complain(USAGE, argv[optind - 1],
                      option == ':' ? "needs a value" : "unknown option; --help lists them");
    if (option == HELP) {
      fputs(usage, stdout);
      exit(DONE);
    }
    o->interfaces |= option == INTERFACES;
    o->dlts |= option == DLTS;
    o->config |= option == CONFIG;
    o->capture |= option == CAPTURE;
    o->errors |= option == ERRORS;
    o->metadata |= option == METADATA;
    if (option >= TEXT)
      *texts[option - TEXT].to = optarg;
  }
  if (optind < argc)
    return complain(USAGE, argv[optind], "is no option; --help lists them");
  return DONE;
}

/* The recorder's words for how much data. False: it is none of ours. */
static bool data_of(const struct extcap_options *o, char *text, size_t size) {
  const char *data = o->data == NULL ? "none" : o->data;
  if (strcmp(data, "head") == 0)
    (void)snprintf(text, size, "head:%s", o->data_bytes == NULL ? "512" : o->data_bytes);
  else
    (void)snprintf(text, size, "%s", strcmp(data, "dedup") == 0 ? "full,dedup" : data);
  return strcmp(data, "none") == 0 || strcmp(data, "head") == 0 || strcmp(data, "full") == 0 ||
         strcmp(data, "dedup") == 0 || strcmp(data, "crc") == 0;
}

static int report(const struct nvt_live_result *result) {
  if (!result->ok)
    return complain(FAILED, result->error, "");
  if (result->lost > 0) {
    fprintf(stderr,
            "nvmetap-extcap: %" PRIu64 " records were lost, of %" PRIu64
            ": Wireshark couldn't take them as fast; a larger buffer, or a filter, helps\n",
            result->lost, result->lost + result->records);
  }
  return DONE;
}

static int capture(const struct extcap_options *o) {
  static struct extcap_interfaces interfaces;
  char filter[NVT_FILTER_TEXT + 1], data[64], ring[32], why[512];
  bool generic = strcmp(o->interface, EXTCAP_GENERIC) == 0;
  if (o->fifo == NULL)
    return complain(USAGE, "--capture needs --fifo PATH", "");
  if (!data_of(o, data, sizeof(data)))
    return complain(USAGE, "--data: it is none, head, full, dedup or crc", "");
  if (!extcap_filter(o, filter, sizeof(filter), why, sizeof(why)))
    return complain(USAGE, why, "");
  if (generic && (o->socket == NULL || o->socket[0] == '\0'))
    return complain(USAGE,
                    "which recorder? name its control socket in the interface's options "
                    "(--socket PATH)",
                    "");
  if (!generic)
    extcap_find(&interfaces);
  const char *socket = generic ? o->socket : extcap_socket_of(&interfaces, o->interface);
  if (socket == NULL)
    return complain(FAILED, o->interface, "this recorder has ended");
  struct nvt_client *client;
  int error = nvt_client_connect(socket, WAIT_MS, &client);
  if (error != 0)
    return complain(FAILED, socket,
                    error == -ECONNREFUSED ? "no recorder runs there" : strerror(-error));
  /* Opening waits for the reader, and SIGTERM ends that. */
  int fd = open(o->fifo, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    nvt_client_close(client);
    return complain(FAILED, o->fifo, strerror(errno));
  }
  (void)snprintf(ring, sizeof(ring), "%sM", o->ring == NULL ? "8" : o->ring);
  const struct nvt_live_request request = {.data = data, .filter = filter, .ring = ring};
  struct nvt_live_result result;
  nvt_live_run(client, &request, fd, &result);
  nvt_client_close(client);
  return report(&result);
}

int main(int argc, char **argv) {
  struct extcap_options o = {0};
  int status = read_options(argc, argv, &o);
  if (status != DONE)
    return status;
  signal(SIGPIPE, SIG_IGN);
  if (o.interfaces) {
    extcap_print_interfaces();
    return DONE;
  }
  if (o.interface == NULL)
    return complain(USAGE,
                    "--extcap-interfaces, or --extcap-interface NAME, is wanted; --help "
                    "tells more",
                    "");
  if (o.dlts) {
    puts("dlt {number=159}{name=USER12}{display=nvmetap records}");
  } else if (o.config) {
    extcap_print_config(o.interface);
  } else if (o.capture) {
    status = capture(&o);
  } else if (o.capture_filter != NULL) { /* what is printed is what is wrong with it */
    char text[NVT_FILTER_TEXT + 1], why[512];
    if (!extcap_filter(&o, text, sizeof(text), why, sizeof(why)))
      puts(why);
  } else {
    status = complain(USAGE, "nothing to do; --help tells more", "");
  }
  return status;
}
