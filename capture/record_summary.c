/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "capture/record_int.h"

static double per_second(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0;
}

static void print_drive(const struct nvt_drive_result *r) {
  fprintf(stderr,
          "driver: %" PRIu64 " I/Os (%" PRIu64 " reads, %" PRIu64 " writes) in %.3f s: %.0f IOPS, "
          "%.1f MiB/s\n"
          "latency: median %.1f us, 99 %% %.1f us, 99.9 %% %.1f us, longest %.1f us\n",
          r->ios, r->reads, r->writes, r->seconds, per_second((double)r->ios, r->seconds),
          per_second((double)r->bytes / 1048576, r->seconds), (double)r->p50_ns / 1e3,
          (double)r->p99_ns / 1e3, (double)r->p999_ns / 1e3, (double)r->max_ns / 1e3);
  if (r->verified > 0)
    fprintf(stderr, "verify: %" PRIu64 " I/Os compared, %" PRIu64 " wrong\n", r->verified,
            r->verify_errors);
  if (r->errors > 0)
    fprintf(stderr, "errors: %" PRIu64 " I/Os failed\n", r->errors);
  if (r->lost_interrupts > 0)
    fprintf(stderr, "interrupts: %" PRIu64 " were lost\n", r->lost_interrupts);
}

static void print_text(const struct record_summary *s) {
  if (s->driven)
    print_drive(&s->drive);
  if (!s->traced)
    return;
  fprintf(stderr, "trace: %" PRIu64 " records, %" PRIu64 " lost, %" PRIu64 " bytes in %.1f s: ",
          s->counts.records, s->counts.lost, s->written.bytes, s->seconds);
  if (s->written.files > 1)
    fprintf(stderr, "%" PRIu64 " files, the last one ", s->written.files);
  fprintf(stderr, "%s\n",
          strcmp(s->options->trace, "-") == 0 ? "standard output" : s->written.path);
  const char *between = " ";
  for (unsigned type = 0; type < NVT_REC_COUNT; type++)
    if (s->counts.kinds[type] > 0) {
      fprintf(stderr, "%s %s %" PRIu64, between, nvt_record_name(type), s->counts.kinds[type]);
      between = ",";
    }
  fputc('\n', stderr);
  if (nvt_record_by_pieces(s->options))
    nvt_record_gate_print(&s->pieces);
  if (s->written.removed > 0)
    fprintf(stderr, "warning: %" PRIu64 " records were in files that somebody removed\n",
            s->written.removed);
  if (s->written.error != 0)
    fprintf(stderr, "warning: the trace ends early: %s\n", strerror(s->written.error));
  else if (s->counts.lost > s->written.removed)
    fprintf(stderr,
            "warning: %" PRIu64 " records were lost; a larger --ring or --on-full block helps\n",
            s->counts.lost);
  if (s->waits > 0)
    fprintf(stderr,
            "note: the device waited %" PRIu64 " times for the trace to be written; a "
            "larger --ring helps\n",
            s->waits);
}

static void number(struct json_object *to, const char *name, uint64_t value) {
  json_object_object_add(to, name, json_object_new_uint64(value));
}

static void print_json(const struct record_summary *s) {
  struct json_object *all = json_object_new_object(), *kinds = json_object_new_object();
  if (all == NULL || kinds == NULL) {
    json_object_put(all);
    json_object_put(kinds);
    fprintf(stderr, "nvmetap record: out of memory for the summary\n");
    return;
  }
  number(all, "records", s->counts.records);
  number(all, "lost", s->counts.lost);
  number(all, "bytes", s->written.bytes);
  number(all, "waits", s->waits);
  number(all, "removed", s->written.removed);
  number(all, "files", s->written.files);
  if (s->traced)
    json_object_object_add(all, "last_file", json_object_new_string(s->written.path));
  json_object_object_add(all, "seconds", json_object_new_double(s->seconds));
  for (unsigned type = 0; type < NVT_REC_COUNT; type++)
    if (s->counts.kinds[type] > 0)
      number(kinds, nvt_record_name(type), s->counts.kinds[type]);
  json_object_object_add(all, "kinds", kinds);
  if (nvt_record_by_pieces(s->options)) {
    struct json_object *pieces = json_object_new_object();
    number(pieces, "begun", s->pieces.pieces);
    number(pieces, "fired", s->pieces.fired);
    number(pieces, "clipped", s->pieces.clipped);
    number(pieces, "failed", s->pieces.failed);
    json_object_object_add(all, "pieces", pieces);
  }
  if (s->driven) {
    const struct nvt_drive_result *r = &s->drive;
    struct json_object *drive = json_object_new_object();
    number(drive, "ios", r->ios);
    number(drive, "reads", r->reads);
    number(drive, "writes", r->writes);
    number(drive, "bytes", r->bytes);
    number(drive, "errors", r->errors);
    number(drive, "verified", r->verified);
    number(drive, "verify_errors", r->verify_errors);
    number(drive, "lost_interrupts", r->lost_interrupts);
    number(drive, "p50_ns", r->p50_ns);
    number(drive, "p99_ns", r->p99_ns);
    number(drive, "p999_ns", r->p999_ns);
    number(drive, "max_ns", r->max_ns);
    json_object_object_add(drive, "seconds", json_object_new_double(r->seconds));
    json_object_object_add(drive, "iops",
                           json_object_new_double(per_second((double)r->ios, r->seconds)));
    json_object_object_add(all, "drive", drive);
  }
  bool taken = s->traced && strcmp(s->options->trace, "-") == 0;
  fprintf(taken ? stderr : stdout, "%s\n",
          json_object_to_json_string_ext(all,
                                         JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(all);
}

void nvt_record_summary(const struct record_summary *s) {
  if (s->options->json)
    print_json(s);
  else
    print_text(s);
}
