/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of `nvmetap record`: options, and the summary at the end. */
#ifndef NVT_CAPTURE_RECORD_INT_H
#define NVT_CAPTURE_RECORD_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/gate.h"
#include "capture/trace_tap.h"
#include "capture/trigger.h"
#include "capture/writer.h"
#include "control/control.h"
#include "controller/driver/driver.h"
#include "controller/isolated/isolated.h"
#include "controller/log.h"

enum { RECORD_NAMESPACES = 256, RECORD_PLUGINS = 64 };

/* What becomes of the session when the trace can't be written any more, or is to have no more
 * files: the built-in driver's ends and a guest's goes on; both go on; both end. */
enum record_write_error { RECORD_ERROR_USUAL, RECORD_ERROR_TRACE, RECORD_ERROR_SESSION };

struct record_options {
  const char *socket;  /* NULL: the built-in driver */
  const char *trace;   /* NULL: nothing is recorded; "-": standard output */
  const char *control; /* NULL, "auto": where others find it */
  bool no_control;
  const char *serial;
  const char *namespaces[RECORD_NAMESPACES];
  unsigned namespace_count;
  const char *profile; /* NULL: an ordinary drive */
  const char *plugins[RECORD_PLUGINS];
  bool plugin_isolated[RECORD_PLUGINS];
  unsigned plugin_count;
  struct nvt_isolation_options isolation;
  bool isolation_given;
  enum nvt_trace_data data;
  uint32_t head;
  struct nvt_trace_filter filter;
  uint32_t dedup_pages;
  uint64_t ring; /* bytes */
  bool ring_given;
  bool no_recover;
  uint32_t pci_address;
  uint16_t queues; /* 0: the controller's own number */
  bool sgl;        /* the controller supports SGLs */
  bool shared_doorbells;
  bool doorbells_given;
  bool on_full_given;
  bool block;
  bool once;
  bool json;
  bool paused;                        /* the trace, until it is started by the control socket */
  struct nvt_ring_writer_files files; /* --rotate-size and what stands with it */
  const char *files_option;           /* the last one of them that was given, or NULL */
  enum record_write_error on_write_error;
  struct nvt_span flight; /* all 0: none */
  bool at_end;            /* what is held is written at the end, too */
  struct nvt_trigger triggers[NVT_TRIGGERS_MAX];
  unsigned trigger_count;
  bool into_one, into_given;
  enum nvt_log_level log;
  char workload[512];
};

/* NVT_EXIT_OK, or NVT_EXIT_USAGE with a message printed. */
int nvt_record_options(int argc, char **argv, struct record_options *);

/* The ring, NULL where nothing is recorded; before it, what dead recorders left is recovered.
 * NVT_EXIT_OK, or NVT_EXIT_USAGE with a message printed. */
int nvt_record_ring(const struct record_options *, struct nvt_ring **out);
/* A recovered trace under the name that is to be written is put aside. Likewise. */
int nvt_record_put_aside(const struct record_options *);
/* record_output.c: the options of the trace's files. Values of struct option, and their short
 * forms. */
enum {
  RECORD_ROTATE_SIZE = 2000,
  RECORD_ROTATE_SECONDS,
  RECORD_FILES,
  RECORD_SNAPLEN,
  RECORD_COMPRESS,
  RECORD_WRITE_ERROR
};
#define RECORD_OUTPUT_SHORT "C:G:W:s:"
/* A short option's value as a long one's; others as they are. */
int nvt_record_output_option(int option);
/* NVT_EXIT_OK, or NVT_EXIT_USAGE with a message printed. */
int nvt_record_output_take(struct record_options *, int option, const char *text);
int nvt_record_output_agree(struct record_options *);
/* record_gate.c: --flight and --trigger. */
int nvt_record_flight_option(struct record_options *, const char *text);
int nvt_record_trigger_option(struct record_options *, const char *text);
bool nvt_record_by_pieces(const struct record_options *);
/* What doesn't go together, and how large the ring has to be. */
int nvt_record_gate_agree(struct record_options *);

/* The gate with its two ends; `host` and `tap` are the caller's to set. */
struct record_gate {
  struct nvt_gate *gate; /* NULL: the whole trace is written */
  struct nvt_plugin_host *host;
  struct nvt_trace_tap *tap; /* NULL until it is there */
  void (*want_preamble)(void *ctx);
  void *ctx;
};
/* 0 or -errno with a message in why. */
int nvt_record_gate_start(struct record_gate *, const struct record_options *, struct nvt_ring *,
                          void (*want_preamble)(void *ctx), void *ctx, char *why, size_t whylen);
/* Device thread, when the host takes no more posts: triggers that fired late are recorded. */
void nvt_record_gate_settle(struct record_gate *, const struct record_options *, bool failed);
/* As in struct nvt_control_trace and nvt_control_target; ctx is the record_gate. */
void nvt_record_gate_state(const struct record_gate *, struct nvt_control_trace *);
int nvt_record_gate_fire(struct record_gate *, bool dump, const char *path,
                         struct nvt_control_piece *);
void nvt_record_gate_print(const struct nvt_gate_status *);

struct record_summary {
  const struct record_options *options;
  struct nvt_trace_counts counts;
  struct nvt_ring_writer_result written;
  struct nvt_gate_status pieces; /* with --flight or --trigger */
  uint64_t waits;                /* times that the device had to wait for the writer */
  double seconds;
  bool traced;
  bool driven; /* the built-in driver ran: */
  struct nvt_drive_result drive;
};
/* For a person on standard error, or as JSON where --json says so. */
void nvt_record_summary(const struct record_summary *);

#endif
