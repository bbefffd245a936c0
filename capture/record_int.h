/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of `nvmetap record`: options, and the summary at the end. */
#ifndef NVT_CAPTURE_RECORD_INT_H
#define NVT_CAPTURE_RECORD_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/trace_tap.h"
#include "capture/writer.h"
#include "controller/driver/driver.h"
#include "controller/isolated/isolated.h"
#include "controller/log.h"

enum { RECORD_NAMESPACES = 256, RECORD_PLUGINS = 64 };

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
  bool shared_doorbells;
  bool doorbells_given;
  bool on_full_given;
  bool block;
  bool once;
  bool json;
  bool paused; /* the trace, until it is started by the control socket */
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

struct record_summary {
  const struct record_options *options;
  struct nvt_trace_counts counts;
  struct nvt_ring_writer_result written;
  uint64_t waits; /* times that the device had to wait for the writer */
  double seconds;
  bool traced;
  bool driven; /* the built-in driver ran: */
  struct nvt_drive_result drive;
};
/* For a person on standard error, or as JSON where --json says so. */
void nvt_record_summary(const struct record_summary *);

#endif
