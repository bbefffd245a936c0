/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap recover: what recorders that were killed had in memory gets into their traces. */
#include "capture/recover.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/recover_int.h"
#include "cli/command.h"

struct wanted {
  bool list, json;
  struct nvt_recover_options how;
};

static const char *state_name(const struct nvt_orphan *o) {
  static const char *const names[] = {[NVT_ORPHAN_DEAD] = "dead",
                                      [NVT_ORPHAN_LIVE] = "live",
                                      [NVT_ORPHAN_GONE] = "gone",
                                      [NVT_ORPHAN_UNREADABLE] = "unreadable"};
  return names[o->state];
}

static void text(struct json_object *to, const char *name, const char *value) {
  json_object_object_add(to, name, value == NULL ? NULL : json_object_new_string(value));
}
static void number(struct json_object *to, const char *name, uint64_t value) {
  json_object_object_add(to, name, json_object_new_uint64(value));
}

/* --- --list --- */

static void list_text(const struct nvt_orphan *o) {
  if (o->state == NVT_ORPHAN_UNREADABLE)
    printf("%s: %s\n", o->path, o->why);
  else if (o->state == NVT_ORPHAN_LIVE)
    printf("%s: in use by process %ld\n", o->path, (long)o->pid);
  else if (o->state == NVT_ORPHAN_DEAD)
    printf("%s: of process %ld, which has ended: %" PRIu64 " bytes for %s\n", o->path,
           (long)o->shared.pid, o->head - o->tail,
           o->out->mode == NVT_RING_NO_FILE ? "no file" : o->out->path);
}

static struct json_object *list_json(const struct nvt_orphan *o) {
  struct json_object *one = json_object_new_object();
  text(one, "ring", o->path);
  text(one, "state", state_name(o));
  if (o->state == NVT_ORPHAN_UNREADABLE)
    text(one, "why", o->why);
  if (o->state == NVT_ORPHAN_LIVE || o->state == NVT_ORPHAN_DEAD)
    number(one, "pid", o->pid > 0 ? (uint64_t)o->pid : 0);
  if (o->state == NVT_ORPHAN_DEAD) {
    char session[20];
    snprintf(session, sizeof(session), "%016" PRIx64, o->shared.session);
    text(one, "session", session);
    number(one, "size", o->shared.size);
    number(one, "bytes", o->head - o->tail);
    text(one, "trace", o->out->mode == NVT_RING_NO_FILE ? NULL : o->out->path);
  }
  return one;
}

static void print(struct json_object *list) {
  printf("%s\n", json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
                                                          JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(list);
}

static int list(struct nvt_orphan **orphans, size_t count, const struct wanted *wanted) {
  struct json_object *all = json_object_new_array();
  for (size_t i = 0; i < count; i++) {
    if (wanted->json)
      json_object_array_add(all, list_json(orphans[i]));
    else
      list_text(orphans[i]);
  }
  if (wanted->json)
    print(all);
  else
    json_object_put(all);
  return NVT_EXIT_OK;
}

/* --- recovery --- */

static void tell_text(const struct nvt_recovery *r, int error, bool kept) {
  const struct nvt_orphan *ring = r->rings[0];
  if (error != 0) {
    fprintf(stderr, "nvmetap recover: %s: %s; the ring is kept\n", ring->path, r->why);
    return;
  }
  if (r->path == NULL) {
    printf("%s: of process %ld: nothing is left in it\n", ring->path, (long)ring->shared.pid);
    return;
  }
  printf("%s: %" PRIu64 " records of process %ld recovered", r->path, r->records,
         (long)ring->shared.pid);
  if (r->lost > 0)
    printf("; it had lost %" PRIu64 " before it ended", r->lost);
  if (r->missing > 0)
    printf("; %" PRIu64 " are missing", r->missing);
  if (r->damaged > 0)
    printf("; %" PRIu64 " bytes of the ring or the file are no records", r->damaged);
  printf("%s\n", kept ? "; the ring is kept" : "");
  if (r->apart && ring->out->mode != NVT_RING_NO_FILE)
    printf("  (its own trace, %s, was left alone or isn't there any more)\n", ring->out->path);
}

static struct json_object *tell_json(const struct nvt_recovery *r, int error) {
  struct json_object *one = json_object_new_object(), *rings = json_object_new_array();
  for (size_t i = 0; i < r->count; i++)
    json_object_array_add(rings, json_object_new_string(r->rings[i]->path));
  json_object_object_add(one, "rings", rings);
  number(one, "pid", r->rings[0]->shared.pid);
  text(one, "trace", error == 0 ? r->path : NULL);
  number(one, "records", r->records);
  number(one, "lost", r->lost);
  number(one, "missing", r->missing);
  number(one, "damaged_bytes", r->damaged);
  if (error != 0)
    text(one, "error", r->why);
  return one;
}

static int recover(struct nvt_orphan **orphans, size_t count, const struct wanted *wanted) {
  struct json_object *all = json_object_new_array();
  int status = NVT_EXIT_OK;
  size_t sessions = 0;
  for (struct nvt_recovery r = {0}; nvt_orphans_next(orphans, count, &r); sessions++) {
    int error = nvt_recover_session(&r, &wanted->how);
    if (error != 0 || r.lost > 0 || r.missing > 0 || r.damaged > 0)
      status = NVT_EXIT_DIFFERS;
    if (wanted->json)
      json_object_array_add(all, tell_json(&r, error));
    else
      tell_text(&r, error, wanted->how.keep);
    nvt_recovery_free(&r);
  }
  if (wanted->json)
    print(all);
  else
    json_object_put(all);
  if (sessions == 0 && !wanted->json)
    printf("no recorder has left anything\n");
  return status;
}

/* --- which rings --- */

/* Those that are named have to be what was meant. */
static int open_named(char **paths, size_t count, struct nvt_orphan **orphans, size_t *opened,
                      bool any) {
  for (size_t i = 0; i < count; i++) {
    struct nvt_orphan *o;
    if (nvt_orphan_open(paths[i], &o) != 0)
      return nvt_usage_error("recover", "out of memory");
    orphans[(*opened)++] = o;
    if (any)
      continue;
    if (o->state == NVT_ORPHAN_GONE)
      return nvt_usage_error("recover", "%s: %s", paths[i], strerror(ENOENT));
    if (o->state == NVT_ORPHAN_UNREADABLE)
      return nvt_usage_error("recover", "%s: %s", paths[i], o->why);
    if (o->state == NVT_ORPHAN_LIVE)
      return nvt_usage_error("recover", "%s: process %ld uses it: end that first (SIGINT)",
                             paths[i], (long)o->pid);
  }
  return NVT_EXIT_OK;
}

static int with_orphans(struct nvt_orphan **orphans, size_t count, const struct wanted *wanted) {
  nvt_orphans_sort(orphans, count);
  if (wanted->list)
    return list(orphans, count, wanted);
  struct nvt_recovery first = {0}, second;
  if (wanted->how.output != NULL && nvt_orphans_next(orphans, count, &first)) {
    second = first;
    if (nvt_orphans_next(orphans, count, &second))
      return nvt_usage_error("recover", "--output takes one trace, and there are rings of several "
                                        "recorders: name one's; --list shows them");
  }
  return recover(orphans, count, wanted);
}

static int run_on(char **paths, size_t named, const struct wanted *wanted) {
  char why[512];
  struct nvt_orphan **orphans = NULL;
  size_t count = 0;
  int status = NVT_EXIT_OK;
  if (named == 0) {
    int found = nvt_orphans_find(&orphans, why, sizeof(why));
    if (found < 0)
      return nvt_usage_error("recover", "%s", why);
    count = (size_t)found;
  } else {
    orphans = calloc(named, sizeof(struct nvt_orphan *));
    if (orphans == NULL)
      return nvt_usage_error("recover", "out of memory");
    status = open_named(paths, named, orphans, &count, wanted->list);
  }
  if (status == NVT_EXIT_OK)
    status = with_orphans(orphans, count, wanted);
  nvt_orphans_free(orphans, count);
  return status;
}

static int run(int argc, char **argv) {
  static const struct option options[] = {{"list", no_argument, NULL, 'l'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"keep", no_argument, NULL, 'k'},
                                          {"output", required_argument, NULL, 'o'},
                                          {0}};
  struct wanted wanted = {0};
  optind = 0;
  opterr = 0;
  int option;
  while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1)
    switch (option) {
    case 'l':
      wanted.list = true;
      break;
    case 'j':
      wanted.json = true;
      break;
    case 'k':
      wanted.how.keep = true;
      break;
    case 'o':
      wanted.how.output = optarg;
      break;
    case ':':
      return nvt_usage_error("recover", "%s needs a value", argv[optind - 1]);
    default:
      return nvt_usage_error("recover", "unknown option '%s'; see --help", argv[optind - 1]);
    }
  if (wanted.list && (wanted.how.keep || wanted.how.output != NULL))
    return nvt_usage_error("recover", "--list only lists: no --keep or --output with it");
  return run_on(argv + optind, (size_t)(argc - optind), &wanted);
}

NVT_COMMAND(
    recover, .name = "recover", .summary = "finish the traces of recorders that were killed",
    .usage =
        "usage: nvmetap recover [--list] [--json] [--keep] [--output FILE] [RING]…\n"
        "\n"
        "A recorder keeps its newest records in a ring in shared memory, which outlives it. This\n"
        "puts what dead recorders have left there into their traces. It ends each with what was\n"
        "lost, and with the event \"recovered\". The next 'nvmetap record' does the same.\n"
        "Recorders that live aren't touched.\n"
        "\n"
        "RING is a file that --list shows; default: all of this user's.\n"
        "\n"
        "  --list         only show the rings, and whose they are\n"
        "  --output FILE  write the trace there: all of it, and leave the recorder's file alone.\n"
        "                 Where that one isn't there any more, and without this, what the ring "
        "has\n"
        "                 goes into NAME.recovered.pcap in the current directory\n"
        "  --keep         don't remove the rings\n"
        "  --json         the result as JSON\n"
        "\n"
        "Exit status: 0 done, or there was nothing to do; 1 records were lost, or a trace could "
        "not\n"
        "be written; 2 usage, or a RING that can't be read or is in use.\n"
        "\n"
        "examples: nvmetap recover\n"
        "          nvmetap recover --list --json\n"
        "          nvmetap recover --output crash.pcap /dev/shm/nvmetap-1000/4711-0.ring\n",
    .run = run, .order = 2);
