/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap record: a controller, a port for its host, and the trace tap between them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/live.h"
#include "capture/record_int.h"
#include "capture/ring.h"
#include "cli/command.h"
#include "control/control.h"
#include "control/runtime.h"
#include "controller/controller.h"
#include "controller/host.h"
#include "controller/isolated/isolated.h"
#include "controller/profiles/profile.h"
#include "controller/tap.h"
#include "controller/vfio_user/server.h"

static volatile sig_atomic_t stop;

static void on_signal(int signal) {
  (void)signal;
  stop = 1;
}

/* The second signal of a kind ends the process: for when the trace's reader hangs. */
static void catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPIPE, &ignore, NULL);
  sigaction(SIGXFSZ, &ignore, NULL); /* a limit on file sizes is an error of writing */
}

struct session {
  const struct record_options *options;
  struct nvt_plugin_host *host;
  struct nvt_profile *profile;
  struct nvt_controller *device;
  struct nvt_vfio_server *server;
  struct nvt_ring *ring;
  struct nvt_ring_writer *writer;
  struct nvt_trace_tap *tap;
  struct record_gate gate;
  struct nvt_control *control;
  struct nvt_live *live;
  struct nvt_workload workload;
  struct record_summary summary;
};

static int complain(int status, const char *why) {
  fprintf(stderr, "nvmetap record: %s\n", why);
  return status;
}

static int make_device(struct session *s) {
  const struct record_options *o = s->options;
  char why[512] = "";
  int error = nvt_plugin_host_create(&s->host);
  if (error != 0)
    return complain(NVT_EXIT_DIFFERS, strerror(-error));
  struct nvt_controller_options device = {.pci_address = o->pci_address,
                                          .serial = o->serial,
                                          .io_queues = o->queues,
                                          .sgl = o->sgl,
                                          .plugins = s->host};
  if (o->profile != NULL &&
      nvt_profile_start(o->profile, s->host, &device, &s->profile, why, sizeof(why)) != 0)
    return nvt_usage_error("record", "--profile: %s", why);
  error = nvt_controller_create(&device, &s->device);
  if (error != 0)
    return complain(error == -EINVAL ? NVT_EXIT_USAGE : NVT_EXIT_DIFFERS,
                    error == -EINVAL ? "the controller refuses these options" : strerror(-error));
  for (unsigned i = 0; i < o->namespace_count; i++)
    if (nvt_controller_add_namespace(s->device, o->namespaces[i], NULL, why, sizeof(why)) != 0)
      return nvt_usage_error("record", "--namespace %s: %s", o->namespaces[i], why);
  for (unsigned i = 0; i < o->plugin_count; i++) {
    error = o->plugin_isolated[i]
                ? nvt_plugin_load_isolated(s->host, o->plugins[i], &o->isolation, why, sizeof(why))
                : nvt_plugin_load(s->host, o->plugins[i], why, sizeof(why));
    if (error != 0)
      return nvt_usage_error("record", "%s", why);
  }
  return NVT_EXIT_OK;
}

static int make_port(struct session *s) {
  const struct record_options *o = s->options;
  char why[512] = "";
  if (o->socket == NULL) {
    if (!nvt_workload_parse(o->workload, &s->workload, why, sizeof(why)))
      return nvt_usage_error("record", "--workload: %s", why);
    if (s->workload.host != NVT_HOST_USUAL && s->workload.trouble == NULL) {
      if (s->profile == NULL)
        return nvt_usage_error("record", "host= in the workload needs --profile, or trouble=");
      s->workload.trouble = nvt_profile_trouble(s->profile);
    }
    return NVT_EXIT_OK;
  }
  const struct nvt_vfio_server_options server = {.path = o->socket,
                                                 .device = s->device,
                                                 .shared_doorbells = o->shared_doorbells,
                                                 .once = o->once};
  if (nvt_vfio_server_create(&server, &s->server, why, sizeof(why)) != 0)
    return nvt_usage_error("record", "%s", why);
  return NVT_EXIT_OK;
}

static void stop_now(void *ctx) {
  (void)ctx;
  stop = 1;
}

static bool trace_state(void *ctx, struct nvt_control_trace *out) {
  const struct session *s = ctx;
  if (s->tap == NULL)
    return false;
  struct nvt_trace_counts counts;
  nvt_trace_tap_counts(s->tap, &counts);
  *out = (struct nvt_control_trace){.path = s->options->trace,
                                    .on = nvt_trace_tap_on(s->tap),
                                    .records = counts.records,
                                    .lost = counts.lost,
                                    .bytes = counts.bytes};
  nvt_record_gate_state(&s->gate, out);
  return true;
}

static int trace_switch(void *ctx, bool on) {
  struct session *s = ctx;
  int error = on ? nvt_trace_tap_start(s->tap) : nvt_trace_tap_stop(s->tap);
  if (error == 0 && on)
    nvt_plugins_tell(s->host);
  return error;
}

static int trace_fire(void *ctx, bool dump, const char *path, struct nvt_control_piece *out) {
  return nvt_record_gate_fire(&((struct session *)ctx)->gate, dump, path, out);
}

static bool live_trace(void *ctx, unsigned i, struct nvt_control_live *out) {
  return nvt_live_info(((struct session *)ctx)->live, i, out);
}
static int live_open(void *ctx, const struct nvt_control_open *wanted, uint32_t *id, char *why,
                     size_t whylen) {
  return nvt_live_open(((struct session *)ctx)->live, wanted, id, why, whylen);
}
static void live_begin(void *ctx, uint32_t id, int connection) {
  nvt_live_begin(((struct session *)ctx)->live, id, connection);
}
static int live_close(void *ctx, uint32_t id) {
  return nvt_live_close(((struct session *)ctx)->live, id);
}

/* A path that was asked for has to work. Without one recorders listen where others find them; where
 * that can't be, they record all the same. */
static int make_control(struct session *s) {
  const struct record_options *o = s->options;
  if (o->no_control)
    return NVT_EXIT_OK;
  const struct nvt_control_target target = {.host = s->host,
                                            .isolation = &s->options->isolation,
                                            .device = s->device,
                                            .ctx = s,
                                            .stop = stop_now,
                                            .trace = trace_state,
                                            .trace_switch = trace_switch,
                                            .trace_fire = trace_fire,
                                            .trace_open = live_open,
                                            .trace_begin = live_begin,
                                            .trace_close = live_close,
                                            .trace_live = live_trace};
  if (nvt_live_create(s->host, &s->live) != 0)
    return complain(NVT_EXIT_DIFFERS, strerror(ENOMEM));
  char why[512] = "", found[NVT_RUNTIME_PATH];
  bool asked = o->control != NULL, automatic = !asked || strcmp(o->control, "auto") == 0;
  const char *path = automatic ? found : o->control;
  if ((!automatic || nvt_runtime_socket(found, why, sizeof(why))) &&
      nvt_control_start(path, &target, &s->control, why, sizeof(why)) == 0) {
    if (automatic)
      nvt_log(asked ? NVT_LOG_NORMAL : NVT_LOG_VERBOSE, "control socket: %s", path);
    return NVT_EXIT_OK;
  }
  if (asked)
    return nvt_usage_error("record", "--control: %s", why);
  nvt_log(NVT_LOG_VERBOSE, "no control socket: %s", why);
  return NVT_EXIT_OK;
}

/* Device thread. */
static void preamble(void *arg) {
  struct session *s = arg;
  if (s->tap != NULL && nvt_trace_tap_on(s->tap))
    (void)nvt_trace_tap_preamble(s->tap);
}

/* When the host takes no more jobs the session ends, and with it the trace. */
static void want_preamble(void *ctx) {
  struct session *s = ctx;
  (void)nvt_host_post(s->host, s, preamble, s);
}

/* Device thread. */
static void stop_trace(void *arg) {
  struct session *s = arg;
  if (s->tap != NULL && nvt_trace_tap_on(s->tap))
    (void)nvt_trace_tap_stop(s->tap);
}

/* The writer's thread: there is to be no more trace. A session of the built-in driver is of no use
 * then; a guest's goes on, for the guest; or as was asked for. */
static void trace_ended(void *ctx, int error) {
  struct session *s = ctx;
  const struct record_options *o = s->options;
  bool end = o->on_write_error == RECORD_ERROR_SESSION ||
             (o->on_write_error == RECORD_ERROR_USUAL && o->socket == NULL);
  nvt_log(error != 0 ? NVT_LOG_QUIET : NVT_LOG_NORMAL, "%s: %s; %s", o->trace,
          error != 0 ? "nothing more is recorded" : "all files that were asked for are full",
          end ? "the session ends" : "the session goes on");
  if (end)
    stop = 1;
  (void)nvt_host_post(s->host, s, stop_trace, s);
}

static int make_trace(struct session *s) {
  const struct record_options *o = s->options;
  if (o->trace == NULL) {
    fprintf(stderr, "nvmetap record: no --trace FILE: nothing is recorded\n");
    return NVT_EXIT_OK;
  }
  int aside = nvt_record_put_aside(o);
  if (aside != NVT_EXIT_OK)
    return aside;
  char why[512] = "";
  const struct nvt_ring_writer_options writer = {.path = o->trace,
                                                 .rings = &s->ring,
                                                 .count = 1,
                                                 .files = o->files,
                                                 .want_preamble = want_preamble,
                                                 .ended = trace_ended,
                                                 .ctx = s};
  s->gate.host = s->host;
  int error = nvt_record_by_pieces(o)
                  ? nvt_record_gate_start(&s->gate, o, s->ring, want_preamble, s, why, sizeof(why))
                  : nvt_ring_writer_start(&writer, &s->writer, why, sizeof(why));
  if (error != 0)
    return complain(error == -ENOSPC || error == -EPIPE ? NVT_EXIT_DIFFERS : NVT_EXIT_USAGE, why);
  const struct nvt_trace_options trace = {.data = o->data,
                                          .head = o->head,
                                          .dedup_pages = o->dedup_pages,
                                          .block = o->block,
                                          .paused = o->paused,
                                          .filter = &o->filter};
  error = nvt_trace_tap_create(s->host, s->ring, &trace, &s->tap);
  s->gate.tap = s->tap;
  if (error == 0 && !o->paused) {
    nvt_ring_mark_start(s->ring);
    error = nvt_trace_tap_meta(s->tap, s->device);
  }
  if (error != 0)
    return complain(NVT_EXIT_DIFFERS, strerror(-error));
  nvt_plugins_tell(s->host);
  s->summary.traced = true;
  return NVT_EXIT_OK;
}

static void tell_how_to_connect(const char *path) {
  fprintf(stderr,
          "listening on %s; for QEMU 10.1 or newer (guest memory must be shared):\n"
          "  -machine q35,memory-backend=m0 -object memory-backend-memfd,id=m0,size=1G,share=on "
          "\\\n  -device '{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\","
          "\"path\":\"%s\"}}'\n",
          path, path);
}

static int serve(struct session *s) {
  tell_how_to_connect(s->options->socket);
  int error = nvt_vfio_server_run(s->server, &stop);
  return error == 0 ? NVT_EXIT_OK : complain(NVT_EXIT_DIFFERS, strerror(-error));
}

static int drive(struct session *s) {
  struct nvt_transport *transport;
  int error = nvt_transport_local(s->device, &transport);
  if (error != 0)
    return complain(NVT_EXIT_DIFFERS, strerror(-error));
  struct nvt_drive_result *result = &s->summary.drive;
  error = nvt_drive(transport, &s->workload, &stop, result);
  transport->close(transport);
  s->summary.driven = true;
  if (result->error[0] != '\0')
    fprintf(stderr, "nvmetap record: driver: %s\n", result->error);
  bool good = error == 0 && result->errors == 0 && result->verify_errors == 0 &&
              result->lost_interrupts == 0;
  return good ? NVT_EXIT_OK : NVT_EXIT_DIFFERS;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Who gives orders goes first, then whoever may still send events, then those who write them
 * down. */
static int end(struct session *s, int status) {
  if (s->host != NULL)
    nvt_host_close(s->host);
  nvt_record_gate_settle(&s->gate, NULL, false); /* who fired by hand waits for that */
  nvt_control_end(s->control);
  nvt_vfio_server_destroy(s->server);
  nvt_controller_destroy(s->device);
  nvt_live_destroy(s->live);
  nvt_record_gate_settle(&s->gate, s->options, status != NVT_EXIT_OK);
  nvt_trace_tap_destroy(s->tap, &s->summary.counts);
  if (s->gate.gate != NULL) {
    if (!nvt_gate_finish(s->gate.gate, &s->summary.pieces))
      status = NVT_EXIT_DIFFERS;
    s->summary.written.bytes = s->summary.pieces.bytes;
    (void)snprintf(s->summary.written.path, sizeof(s->summary.written.path), "%s",
                   s->options->trace);
  }
  if (s->writer != NULL) {
    char why[512];
    if (!nvt_ring_writer_finish(s->writer, &s->summary.written, why, sizeof(why)))
      status = NVT_EXIT_DIFFERS; /* it told why, when it happened */
    uint64_t gone = s->summary.written.unsaved + s->summary.written.removed;
    s->summary.counts.records -= gone;
    s->summary.counts.lost += gone;
  }
  if (s->ring != NULL)
    s->summary.waits = s->ring->waits;
  nvt_profile_end(s->profile);
  nvt_plugin_host_destroy(s->host);
  nvt_ring_destroy(s->ring);
  return s->summary.counts.lost > 0 && status == NVT_EXIT_OK ? NVT_EXIT_DIFFERS : status;
}

static int record(int argc, char **argv) {
  struct record_options options;
  int status = nvt_record_options(argc, argv, &options);
  if (status != NVT_EXIT_OK)
    return status;
  if (options.profile != NULL && strcmp(options.profile, "list") == 0)
    return nvt_profiles_print();
  struct session s = {.options = &options, .summary = {.options = &options}};
  stop = 0;
  nvt_log_set(options.log);
  catch_signals();
  status = make_device(&s);
  /* Before the port: a large one takes its time, and a guest that connects isn't to wait for it. */
  if (status == NVT_EXIT_OK)
    status = nvt_record_ring(&options, &s.ring);
  if (status == NVT_EXIT_OK)
    status = make_port(&s);
  if (status == NVT_EXIT_OK)
    status = make_control(&s);
  if (status == NVT_EXIT_OK)
    status = make_trace(&s);
  bool ready = status == NVT_EXIT_OK;
  double start = now();
  if (ready)
    status = options.socket != NULL ? serve(&s) : drive(&s);
  s.summary.seconds = now() - start;
  status = end(&s, status);
  if (ready)
    nvt_record_summary(&s.summary);
  return status;
}

NVT_COMMAND(
    record, .name = "record", .summary = "record a session of a guest or of the built-in driver",
    .usage =
        "usage: nvmetap record [--socket PATH] [--namespace DESCRIPTION]… --trace FILE|- …\n"
        "\n"
        "Emulates an NVMe controller and writes down all that its host and it say to each other.\n"
        "The host is a guest that connects to --socket, else a small driver in this process.\n"
        "\n"
        "  --trace FILE|-          where to write the trace; '-': standard output, to be piped.\n"
        "                          Without it nothing is recorded\n"
        "  --data none|head:N|full|crc  data of the commands: none, the first N bytes of each, "
        "all,\n"
        "                          or a CRC of each block; default none (PRP lists and SGLs are\n"
        "                          always recorded). head:N and full with ',dedup[:SIZE]' behind: "
        "pages\n"
        "                          that repeat one of the last SIZE bytes aren't recorded again;\n"
        "                          128K to 64M, 4M if not given\n"
        "  --filter WORDS          what to record, with ',' between: commands, doorbells, "
        "metadata,\n"
        "                          admin, io, queue=N, opcode=Read, nsid=N, lba=A-B, errors,\n"
        "                          status=N, slower=500us and more; default everything\n"
        "  --on-full block|drop    when the trace can't be written fast enough: hold up the "
        "device,\n"
        "                          or leave out records and count them. Default block, for '-' "
        "drop\n"
        "  --ring SIZE             of the buffer between the device and the writer, 512K to 16G;\n"
        "                          default 64M\n"
        "  --no-recover            keep that buffer in memory that ends with this process, and "
        "leave\n"
        "                          alone what recorders before it left; see 'nvmetap recover'\n"
        "  -C SIZE, --rotate-size SIZE\n"
        "                          another file when one has so many millions of bytes, or K, M, "
        "G;\n"
        "                          a set of files NAME_00001_20261128020000.pcap, each of which\n"
        "                          stands for itself\n"
        "  -G SECONDS, --rotate-seconds SECONDS\n"
        "                          another file when one is so old; FILE may have strftime(3)'s %\n"
        "  -W COUNT, --files COUNT with -C: keep that many files, the newest; with -G alone: end\n"
        "                          when that many are full\n"
        "  -s N, --snaplen N       cut data in the file, N bytes kept of a record\n"
        "  --compress zstd[:LEVEL] level 1 to 19, default 3; by itself where FILE ends in .zst.\n"
        "                          Wireshark and nvmetap open it as it is\n"
        "  --on-write-error trace|session\n"
        "                          what ends when the trace can't be written: tracing alone, or "
        "the\n"
        "                          session; default: a guest's goes on, the built-in driver's "
        "ends\n"
        "  --flight SIZE|TIME      write nothing, but keep the last 256M, or 30s; written by 'ctl\n"
        "                          PATH trace dump', SIGUSR1, a trigger, and when the session "
        "fails\n"
        "  --flight-at-end         and at its end in any case\n"
        "  --trigger CONDITION[,before=SPAN][,after=SPAN][,times=N]  write only what is around:\n"
        "                          error, status=2/0x81, slower=10ms, opcode=, queue=, nsid=, "
        "lba=,\n"
        "                          event=reset, reg=CC, record=N; SPAN: 1000 (records), 64K, 10ms\n"
        "  --trigger-into files|one  each of these a file of a set (default), or all in one\n"
        "  --namespace DESCRIPTION ram:SIZE, file:PATH or null:SIZE, each with [,block=512|4096]\n"
        "                          [,readonly]; may be given several times; default ram:64M\n"
        "  --serial TEXT           serial number, up to 20 characters\n"
        "  --queues N              I/O queue pairs to offer, 1 to 255; default 64\n"
        "  --sgl                   support SGLs for I/O commands: a Linux guest then uses them\n"
        "  --pci-address BB:DD.F   what the trace calls the controller; default 00:05.0\n"
        "  --profile NAME[,WORD=N] be a drive that hosts have trouble with; 'list' lists them, as\n"
        "                          'nvmetap profiles' does\n"
        "  --plugin FILE[,ARGS]    load a plug-in: a file, or a name such as fault for those that\n"
        "                          come along; may be given several times\n"
        "  --plugin-isolated FILE[,ARGS]\n"
        "                          the same, in a process of its own: its crash or hang isn't "
        "ours\n"
        "  --on-plugin-death continue|fail\n"
        "                          commands that an isolated plug-in had when it died: they go on, "
        "or\n"
        "                          fail with Internal Error; default continue\n"
        "  --plugin-timeout MS     what an isolated plug-in's callback may take, 1 to 3600000; "
        "who\n"
        "                          takes longer is killed; default 1000\n"
        "  --control PATH|auto     listen there for 'nvmetap ctl', which loads plug-ins, resizes\n"
        "                          namespaces, makes faults and more, while the recorder runs, "
        "and\n"
        "                          for Wireshark; default auto: where Wireshark finds it\n"
        "  --no-control            don't\n"
        "  --trace-paused          record nothing until 'nvmetap ctl PATH trace start'\n"
        "  --log quiet|normal|verbose  what is said on standard error meanwhile; default normal\n"
        "  --json                  the summary at the end as JSON, on standard output\n"
        "\n"
        "With --socket PATH:\n"
        "  --socket PATH           listen there for a vfio-user client, such as QEMU 10.1 or "
        "newer\n"
        "  --doorbells trap|shared doorbell writes as messages (all are recorded), or in shared\n"
        "                          memory that is polled (faster); default trap\n"
        "  --once                  end when the first client has gone\n"
        "\n"
        "Without:\n"
        "  --workload WORDS        what the driver does, as word=value with commas between:\n"
        "                          rw=read|write|randread|randwrite|randrw, bs=4k, depth=32,\n"
        "                          queues=1, count=N or seconds=S, verify=on|off, seed=N,\n"
        "                          interrupts=on|off, sgl=off|on|mixed, batch=N, "
        "host=naive|careful,\n"
        "                          trouble=NAME (default the --profile's); default\n"
        "                          rw=randread,count=10000. Each word but queues, sgl and batch\n"
        "                          is an option too: --rw randrw --bs 128k\n"
        "\n"
        "SIGINT and SIGTERM end a recording cleanly. The file is a readable trace at every "
        "moment.\n"
        "Exit status: 0 done; 1 records were lost, the trace could not be written, or an I/O of "
        "the\n"
        "built-in driver failed; 2 usage.\n"
        "\n"
        "examples: nvmetap record --namespace ram:64M --workload rw=randrw,count=10000 --trace "
        "x.pcap\n"
        "          nvmetap record --socket /tmp/nvme.sock --namespace ram:1G --trace boot.pcap\n"
        "          nvmetap record --workload seconds=5 --trace - | wireshark -k -i -\n",
    .run = record, .order = 1);
