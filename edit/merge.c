/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap merge: traces into one, in time order. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "edit/files_int.h"
#include "edit/merge_int.h"

struct merging {
  struct nvt_merge all;
  struct nvt_merge_input **order; /* by where they start */
  size_t next;                    /* of them, not opened yet */
  struct nvt_merge_input *open[NVT_MERGE_OPEN_MAX];
  size_t open_count;
  struct nvt_writer *writer;
  uint8_t *buffer;
  uint64_t records;
  struct nvt_edit_progress progress;
  struct nvt_reason why;
};

/* --- in what order --- */

/* The next frame of an open file. False: it has ended. */
static bool advance(struct merging *m, struct nvt_merge_input *input, bool *failed) {
  enum nvt_read read = nvt_reader_next(input->reader, &input->record, &m->why);
  *failed = read == NVT_READ_ERROR;
  if (read != NVT_READ_OK && read != NVT_READ_FOREIGN)
    return false;
  input->foreign = read == NVT_READ_FOREIGN;
  input->past_start |= input->foreign || !input->snapshot || !nvt_merge_is_leading(&input->record);
  if (!input->past_start)
    input->key = input->start_ns;
  else if (input->record.time_ns > input->key)
    input->key = input->record.time_ns;
  return true;
}

static void close_input(struct merging *m, size_t at) {
  nvt_reader_close(m->open[at]->reader);
  m->open[at]->reader = NULL;
  memmove(&m->open[at], &m->open[at + 1], (--m->open_count - at) * sizeof(m->open[0]));
}

static bool open_next(struct merging *m) {
  struct nvt_merge_input *input = m->order[m->next++];
  bool failed;
  if (m->open_count == NVT_MERGE_OPEN_MAX) {
    snprintf(m->why.text, sizeof(m->why.text),
             "%s: more than %u files have records of the same time; merge some of them first",
             input->path, NVT_MERGE_OPEN_MAX);
    return false;
  }
  if (!nvt_reader_open(input->path, &input->reader, &m->why))
    return false;
  m->open[m->open_count++] = input;
  if (!advance(m, input, &failed))
    close_input(m, m->open_count - 1);
  return !failed;
}

/* The open file whose frame comes next; of equal ones, the one that starts first. NULL: there is
 * none, or, with *failed, it can't be read. */
static struct nvt_merge_input *choose(struct merging *m, size_t *at, bool *failed) {
  *failed = false;
  for (;;) {
    size_t best = 0;
    for (size_t i = 1; i < m->open_count; i++)
      if (m->open[i]->key < m->open[best]->key)
        best = i;
    bool more = m->next < m->all.count;
    if (more && (m->open_count == 0 || m->order[m->next]->start_ns <= m->open[best]->key)) {
      *failed = !open_next(m);
      if (*failed)
        return NULL;
      continue;
    }
    *at = best;
    return m->open_count != 0 ? m->open[best] : NULL;
  }
}

/* --- what of it --- */

/* Where the trace goes on as if it hadn't been interrupted, what says so is dropped. */
static void judge(struct nvt_merge_recording *recording, struct nvt_merge_member *member) {
  member->judged = true;
  bool numbered = member->numbers > 1;
  uint64_t start = numbered ? member->leading_seq : member->first_seq;
  if (!recording->seen || !member->snapshot || !member->ordinary || start > recording->expected)
    return;
  member->dropping = true;
  if (numbered && start == recording->expected) {
    recording->shift += member->numbers;
    recording->expected = member->first_seq;
  }
}

static bool unwanted(struct nvt_merge_recording *recording, struct nvt_merge_member *member,
                     const struct nvt_merge_input *input) {
  const struct nvt_record *record = &input->record;
  bool leading = !member->begun && nvt_merge_is_leading(record);
  if (leading && !member->judged)
    judge(recording, member);
  if (leading && member->dropping)
    return true;
  member->begun |= !leading;
  return recording->seen && record->header.seq < recording->expected &&
         input->key <= recording->last_key && recording->last != input;
}

static int take(struct merging *m, struct nvt_merge_input *input) {
  const struct nvt_record *record = &input->record;
  if (input->foreign)
    return nvt_edit_copy(m->writer, input->reader, record, NULL, m->buffer);
  struct nvt_merge_member *member = nvt_merge_member(input, record->header.controller);
  if (member == NULL)
    return -ESTALE; /* not as it was when it was looked at */
  struct nvt_merge_recording *recording = &m->all.recordings[member->recording];
  if (unwanted(recording, member, input))
    return 0;
  uint64_t seq = record->header.seq;
  const struct nvt_edit_change change = {.controller = recording->out,
                                         .shift = seq >= recording->shift ? recording->shift : 0};
  recording->seen = true;
  recording->expected = seq != UINT64_MAX ? seq + 1 : seq;
  recording->last_key = input->key;
  recording->last = input;
  return nvt_edit_copy(m->writer, input->reader, record, &change, m->buffer);
}

static int write_all(struct merging *m, bool *failed) {
  struct nvt_merge_input *input;
  size_t at;
  int error = 0;
  nvt_edit_progress_start(&m->progress, "merge");
  while (error == 0 && (input = choose(m, &at, failed)) != NULL) {
    error = take(m, input);
    nvt_edit_progress(&m->progress, input->reader, ++m->records);
    if (error == 0 && !advance(m, input, failed)) {
      close_input(m, at);
      if (*failed)
        break;
    }
  }
  nvt_edit_progress_end(&m->progress);
  return error;
}

/* --- from the start to the end --- */

static int by_start(const void *a, const void *b) {
  const struct nvt_merge_input *x = *(struct nvt_merge_input *const *)a;
  const struct nvt_merge_input *y = *(struct nvt_merge_input *const *)b;
  if (x->start_ns != y->start_ns)
    return x->start_ns < y->start_ns ? -1 : 1;
  return x < y ? -1 : x > y; /* as they were given */
}

static bool prepare(struct merging *m, const char *out) {
  for (size_t i = 0; i < m->all.count; i++) {
    struct nvt_merge_input *input = &m->all.inputs[i];
    if (nvt_edit_same_file(input->path, out)) {
      snprintf(m->why.text, sizeof(m->why.text),
               "%s and %s are the same file; give another one to write", input->path, out);
      return false;
    }
    if (!nvt_merge_scan(input, &m->why))
      return false;
    m->order[i] = input;
  }
  qsort(m->order, m->all.count, sizeof(m->order[0]), by_start);
  int error = nvt_merge_match(&m->all);
  if (error != 0)
    snprintf(m->why.text, sizeof(m->why.text), "%s",
             error == -ENOSPC ? "these are more than 65536 controllers" : "out of memory");
  return error == 0;
}

/* Files that were cut are taken as far as they go. */
static int end(const struct merging *m) {
  int status = NVT_EXIT_OK;
  for (size_t i = 0; i < m->all.count; i++)
    if (m->all.inputs[i].cut)
      status = nvt_usage_error("merge", "%s", m->all.inputs[i].why.text);
  return status;
}

static int merge(struct merging *m, const char *out) {
  if (m->order == NULL || m->buffer == NULL)
    return nvt_usage_error("merge", "out of memory");
  if (!prepare(m, out) || !nvt_writer_open(out, &m->writer, &m->why))
    return nvt_usage_error("merge", "%s", m->why.text);
  bool failed = false;
  int error = write_all(m, &failed);
  if (failed || error != 0) {
    nvt_writer_abort(m->writer);
    if (failed)
      return nvt_usage_error("merge", "%s", m->why.text);
    return nvt_usage_error("merge", "%s: can't write: %s",
                           strcmp(out, "-") == 0 ? "standard output" : out, strerror(-error));
  }
  return nvt_writer_close(m->writer, &m->why) ? end(m)
                                              : nvt_usage_error("merge", "%s", m->why.text);
}

static int merge_files(char **paths, size_t count, const char *out) {
  struct merging m = {.all = {.inputs = calloc(count, sizeof(*m.all.inputs)), .count = count},
                      .order = calloc(count, sizeof(*m.order)),
                      .buffer = malloc(NVT_RECORD_MAX)};
  int status = NVT_EXIT_USAGE;
  for (size_t i = 0; m.all.inputs != NULL && i < count; i++)
    m.all.inputs[i].path = paths[i];
  if (m.all.inputs == NULL)
    nvt_usage_error("merge", "out of memory");
  else
    status = merge(&m, out);
  while (m.open_count > 0)
    close_input(&m, m.open_count - 1);
  for (size_t i = 0; m.all.inputs != NULL && i < count; i++)
    free(m.all.inputs[i].members);
  free(m.all.inputs);
  free(m.all.recordings);
  free(m.order);
  free(m.buffer);
  return status;
}

/* Who forgot the name to write would lose the last trace. */
static bool would_lose(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
}

static int run(int argc, char **argv) {
  static const struct option options[] = {{"write", required_argument, NULL, 'w'}, {0}};
  const char *out = NULL;
  int option;
  optind = 0;
  opterr = 0;
  while ((option = getopt_long(argc, argv, ":w:", options, NULL)) != -1) {
    if (option == ':')
      return nvt_usage_error("merge", "option '%s' needs a value; see --help", argv[optind - 1]);
    if (option != 'w')
      return nvt_usage_error("merge", "unknown option '%s'; see --help", argv[optind - 1]);
    out = optarg;
  }
  int last = out == NULL ? argc - 1 : argc;
  if (last - optind < 1)
    return nvt_usage_error("merge", "takes traces, and the file to write; see --help");
  for (int i = optind; i < last; i++)
    if (strcmp(argv[i], "-") == 0)
      return nvt_usage_error("merge", "each trace is read twice: give files, not standard input");
  if (out == NULL && would_lose(argv[last]))
    return nvt_usage_error("merge", "%s is there already; -w FILE writes over one", argv[last]);
  return merge_files(argv + optind, (size_t)(last - optind), out != NULL ? out : argv[last]);
}

NVT_COMMAND(
    merge, .name = "merge", .summary = "several traces into one, in time order",
    .usage =
        "usage: nvmetap merge TRACE… OUT|-\n"
        "       nvmetap merge -w OUT|- TRACE…\n"
        "\n"
        "  -w, --write OUT  the file to write; it may be there already\n"
        "\n"
        "Records are put in the order of their times; each controller's stay in their order. "
        "Parts\n"
        "of one recording, as rotation and 'nvmetap cut' make them, are joined: what several have\n"
        "is taken once, and what a part begins with is dropped where nothing is missing before "
        "it.\n"
        "Other controllers of the same number get another one; their PCI addresses stay.\n"
        "\n"
        "Exit status: 0 done, 2 usage, a file is no trace, the result can't be written, or a "
        "trace\n"
        "ends inside a record (what it has before that is in the result).\n"
        "\n"
        "examples: nvmetap merge guest1.pcap guest2.pcap both.pcap\n"
        "          nvmetap merge -w all.pcap boot_*.pcap\n",
    .run = run, .order = 35);
