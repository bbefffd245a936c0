/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a piece begins and ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit/cut_int.h"
#include "edit/files_int.h"
#include "trace/checks.h"

enum nvt_cut_place nvt_cut_where(const struct nvt_cut_options *options,
                                 struct nvt_cut_position *position,
                                 const struct nvt_record *record) {
  if (!position->started) {
    position->started = true;
    position->start_ns = record->time_ns;
  }
  uint64_t start = position->start_ns, number = record->number;
  bool begun =
      number >= options->first &&
      (!options->from.given || record->time_ns >= nvt_when_absolute(&options->from, start));
  if (position->place == NVT_CUT_BEFORE && begun)
    position->place = NVT_CUT_INSIDE;
  bool late = options->to.given && record->time_ns >= nvt_when_absolute(&options->to, start);
  if ((options->last != 0 && number > options->last) || (late && position->place == NVT_CUT_INSIDE))
    position->place = NVT_CUT_AFTER;
  return position->place;
}

/* --- a first reading --- */

/* A command under way, in the order of fetches. */
struct open_command {
  struct open_command *next, *previous;
  uint64_t from; /* the record that announced it, or its fetch */
};

struct finder {
  const struct nvt_cut_options *options;
  struct nvt_session *session;
  struct nvt_checks *checks; /* NULL: not of findings */
  struct nvt_cut_position position;
  uint64_t centre; /* 0: not found */
  struct open_command *oldest, *youngest;
  uint64_t first; /* of a piece of whole commands; 0: not reached */
  uint64_t last;
  bool no_memory;
};

static void close_command(struct finder *f, struct nvt_exchange *exchange) {
  struct open_command *open = exchange->user;
  if (open == NULL)
    return;
  exchange->user = NULL;
  *(open->previous != NULL ? &open->previous->next : &f->oldest) = open->next;
  *(open->next != NULL ? &open->next->previous : &f->youngest) = open->previous;
  free(open);
}

static void open_command(struct finder *f, struct nvt_exchange *exchange) {
  bool waits = exchange->sqid == 0 && exchange->sqe.opcode == NVT_ADMIN_ASYNC_EVENT_REQUEST;
  if (waits || exchange->user != NULL || !nvt_cut_wants_command(f->options, exchange) ||
      !nvt_cut_wants_controller(f->options, exchange->controller))
    return;
  struct open_command *open = calloc(1, sizeof(*open));
  if (open == NULL) {
    f->no_memory = true;
    return;
  }
  uint64_t doorbell = exchange->doorbell.record;
  open->from = doorbell != 0 ? doorbell : exchange->command.record;
  open->previous = f->youngest;
  *(f->youngest != NULL ? &f->youngest->next : &f->oldest) = open;
  f->youngest = open;
  exchange->user = open;
}

static void on_ended(void *ctx, struct nvt_exchange *exchange) {
  struct finder *f = ctx;
  if (f->checks != NULL)
    nvt_checks_ended(f->checks, exchange);
  close_command(f, exchange);
}

static void on_found(void *ctx, const struct nvt_finding *finding) {
  struct finder *f = ctx;
  bool named = f->options->rule != NULL;
  if (f->centre == 0 && (named || finding->rule->severity != NVT_SEVERITY_NOTE) &&
      nvt_cut_wants_controller(f->options, finding->controller))
    f->centre = finding->at.record != 0 ? finding->at.record : finding->evidence.record;
}

static bool is_error(const struct finder *f, const struct nvt_record *record,
                     const struct nvt_view *view) {
  return record->header.type == NVT_REC_COMPLETION && view->exchange != NULL &&
         NVT_CQE_STATUS(record->completion.cqe.status) != NVT_SC_SUCCESS &&
         nvt_cut_wants(f->options, f->session, record, view);
}

/* The centre, up to the record that shows it. True: go on. */
static bool look_for_centre(struct finder *f, const struct nvt_record *record,
                            const struct nvt_view *view) {
  if (f->options->centre == NVT_CUT_ERROR && is_error(f, record, view))
    f->centre = record->number;
  if (f->checks != NULL && nvt_checks_record(f->checks, record, view) != 0)
    f->no_memory = true;
  return f->centre == 0;
}

/* Before the session takes the record: what is under way where the piece begins and ends. */
static void look_for_ends(struct finder *f, const struct nvt_record *record) {
  enum nvt_cut_place before = f->position.place;
  enum nvt_cut_place place = nvt_cut_where(f->options, &f->position, record);
  if (before == NVT_CUT_BEFORE && place == NVT_CUT_INSIDE) {
    f->first = record->number;
    for (const struct open_command *open = f->oldest; open != NULL; open = open->next)
      f->first = open->from < f->first ? open->from : f->first;
  }
  if (before == NVT_CUT_INSIDE && place == NVT_CUT_AFTER)
    f->last = record->number - 1;
}

static bool follow_whole(struct finder *f, const struct nvt_record *record,
                         const struct nvt_view *view) {
  bool after = f->position.place == NVT_CUT_AFTER;
  bool completion = record->header.type == NVT_REC_COMPLETION;
  if (after && f->oldest != NULL)
    f->last = record->number; /* the last one that ends a command of the piece */
  if (record->header.type == NVT_REC_COMMAND && !after && view->exchange != NULL)
    open_command(f, view->exchange);
  if (completion && view->exchange != NULL)
    close_command(f, view->exchange);
  return !(after && f->oldest == NULL);
}

static enum nvt_read read_through(struct finder *f, struct nvt_reader *reader, bool whole,
                                  struct nvt_reason *why) {
  struct nvt_edit_progress progress;
  struct nvt_record record;
  struct nvt_view view;
  enum nvt_read read = NVT_READ_END;
  bool more = true;
  nvt_edit_progress_start(&progress, "cut: looking");
  while (
      more && !f->no_memory &&
      ((read = nvt_reader_next(reader, &record, why)) == NVT_READ_OK || read == NVT_READ_FOREIGN)) {
    nvt_edit_progress(&progress, reader, record.number);
    if (whole)
      look_for_ends(f, &record);
    if (read == NVT_READ_FOREIGN)
      continue;
    if (nvt_session_record(f->session, &record, &view) != 0)
      f->no_memory = true;
    else
      more = whole ? follow_whole(f, &record, &view) : look_for_centre(f, &record, &view);
  }
  nvt_edit_progress_end(&progress);
  if (f->no_memory) {
    snprintf(why->text, sizeof(why->text), "%s: out of memory", f->options->in);
    return NVT_READ_ERROR;
  }
  return more ? read : NVT_READ_END;
}

static bool start_checks(struct finder *f) {
  if (f->options->centre != NVT_CUT_FINDING)
    return true;
  size_t count = nvt_check_count();
  bool *skip = calloc(count, sizeof(*skip));
  if (skip == NULL)
    return false;
  const char *rule = f->options->rule;
  for (size_t i = 0; i < count; i++)
    skip[i] = rule != NULL && i != nvt_check_find(rule, strlen(rule));
  const struct nvt_checks_options options = {.skip = skip, .found = on_found, .ctx = f};
  int error = nvt_checks_create(&options, f->session, &f->checks);
  free(skip);
  return error == 0;
}

/* One reading, of the centre or of whole commands. */
static bool read_once(struct finder *f, bool whole, struct nvt_reason *why) {
  struct nvt_reader *reader;
  if (!nvt_reader_open(f->options->in, &reader, why))
    return false;
  const struct nvt_session_options options = {.ended = on_ended, .ended_ctx = f};
  bool fine = nvt_session_create(&options, &f->session) == 0 && (whole || start_checks(f));
  if (!fine)
    snprintf(why->text, sizeof(why->text), "%s: out of memory", f->options->in);
  enum nvt_read read = fine ? read_through(f, reader, whole, why) : NVT_READ_ERROR;
  if (f->checks != NULL && f->centre == 0)
    nvt_checks_finish(f->checks);
  if (fine)
    nvt_session_finish(f->session); /* which gives back what is open */
  nvt_checks_destroy(f->checks);
  nvt_session_destroy(f->session);
  nvt_reader_close(reader);
  f->session = NULL;
  f->checks = NULL;
  return read != NVT_READ_ERROR; /* a file that was cut has good records before that */
}

static int find_centre(struct nvt_cut_options *options, struct nvt_reason *why) {
  struct finder f = {.options = options, .centre = options->around};
  if (options->centre != NVT_CUT_RECORD && !read_once(&f, false, why))
    return -1;
  if (f.centre == 0) {
    snprintf(why->text, sizeof(why->text), "%s: %s; nothing is written", options->in,
             options->centre == NVT_CUT_ERROR ? "no command failed in it"
             : options->rule != NULL          ? "no finding of that rule is in it"
                                              : "no finding is in it but notes, if any");
    return 1;
  }
  options->first = f.centre > options->before ? f.centre - options->before : 1;
  if (__builtin_add_overflow(f.centre, options->after, &options->last))
    options->last = 0;
  return 0;
}

int nvt_cut_resolve(struct nvt_cut_options *options, struct nvt_reason *why) {
  int found = options->centre != NVT_CUT_NO_CENTRE ? find_centre(options, why) : 0;
  if (found != 0 || !options->whole)
    return found;
  struct finder f = {.options = options};
  if (!read_once(&f, true, why))
    return -1;
  if (f.first == 0)
    return 0; /* copying will find that nothing is in it */
  options->first = f.first;
  options->last = f.last;
  options->from.given = options->to.given = false;
  return 0;
}
