/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap stats: a trace in numbers. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "trace/progress.h"
#include "trace/reader.h"
#include "trace/session_int.h"
#include "trace/stats_int.h"

static void measure(struct nvt_stats *stats, struct nvt_histogram **histogram, uint64_t ns,
                    uint64_t record) {
  if (*histogram == NULL)
    *histogram = calloc(1, sizeof(**histogram));
  if (*histogram == NULL)
    stats->no_memory = true;
  else
    nvt_histogram_add(*histogram, ns, record);
}

static void count_row(struct nvt_stats *stats, struct nvt_stats_rows *rows, uint32_t id,
                      const struct nvt_exchange *exchange, bool error) {
  uint64_t key = (uint64_t)exchange->controller << 32 | id;
  struct nvt_map_slot *slot = nvt_map_find(&rows->places, key);
  if (slot == NULL) {
    if (rows->count == NVT_STATS_ROWS_MAX) {
      rows->beyond++;
      return;
    }
    if (rows->rows == NULL)
      rows->rows = calloc(NVT_STATS_ROWS_MAX, sizeof(*rows->rows));
    slot = rows->rows != NULL ? nvt_map_get(&rows->places, key) : NULL;
    if (slot == NULL) {
      stats->no_memory = true;
      return;
    }
    slot->value = &rows->rows[rows->count++];
    *(struct nvt_stats_row *)slot->value =
        (struct nvt_stats_row){.controller = exchange->controller, .id = id};
  }
  struct nvt_stats_row *row = slot->value;
  row->commands++;
  row->errors += error;
  row->depth_sum += exchange->in_flight;
  if (exchange->in_flight > row->depth_max)
    row->depth_max = exchange->in_flight;
}

static void on_end(void *ctx, struct nvt_exchange *exchange) {
  struct nvt_stats *stats = ctx;
  stats->ends[exchange->end]++;
  if (exchange->command.record == 0)
    return; /* fetched before the trace began: nothing to measure */
  bool error = exchange->end == NVT_EXCHANGE_COMPLETED &&
               NVT_CQE_STATUS(exchange->cqe.status) != NVT_SC_SUCCESS;
  bool io = exchange->sqid != 0;
  struct nvt_stats_opcode **opcode = &stats->opcodes[exchange->set][nvt_exchange_code(exchange)];
  if (*opcode == NULL)
    *opcode = calloc(1, sizeof(**opcode));
  if (*opcode == NULL) {
    stats->no_memory = true;
    return;
  }
  (*opcode)->commands++;
  (*opcode)->errors += error;
  for (unsigned stage = 0; stage < NVT_STAGE_COUNT; stage++) {
    uint64_t ns;
    if (!nvt_exchange_stage(exchange, (enum nvt_stage)stage, &ns))
      continue;
    uint64_t record = nvt_stage_record(exchange, (enum nvt_stage)stage);
    measure(stats, &(*opcode)->stages[stage], ns, record);
    if (io)
      measure(stats, &stats->io_stages[stage], ns, record);
  }
  count_row(stats, &stats->queues, exchange->sqid, exchange, error);
  if (io)
    count_row(stats, &stats->namespaces, exchange->sqe.nsid, exchange, error);
}

static void count_record(struct nvt_stats *stats, const struct nvt_record *record) {
  if (stats->records++ == 0)
    stats->first_ns = record->time_ns;
  if (record->time_ns > stats->last_ns)
    stats->last_ns = record->time_ns;
  stats->types[record->header.type]++;
  nvt_stats_payload_count(&stats->payload, record);
}

/* A cut or broken file is told by the caller, after what it had was printed. */
static enum nvt_read read_all(struct nvt_stats *stats, struct nvt_reader *reader,
                              struct nvt_session *session, struct nvt_reason *why) {
  struct nvt_record record;
  struct nvt_view view;
  uint8_t *seen = calloc(1, 65536 / 8);
  enum nvt_read read = NVT_READ_ERROR;
  bool progress = isatty(STDERR_FILENO) == 1;
  if (seen == NULL)
    stats->no_memory = true;
  while (!stats->no_memory && ((read = nvt_reader_next(reader, &record, why)) == NVT_READ_OK ||
                               read == NVT_READ_FOREIGN)) {
    if (read == NVT_READ_FOREIGN) {
      stats->unreadable++;
      continue;
    }
    count_record(stats, &record);
    if (progress && (stats->records & ((1u << 20) - 1)) == 0)
      nvt_progress_show("stats", reader, stats->records);
    uint16_t id = record.header.controller;
    if ((seen[id / 8] & 1u << id % 8) == 0) {
      seen[id / 8] = (uint8_t)(seen[id / 8] | 1u << id % 8);
      stats->controllers++;
    }
    if (nvt_session_record(session, &record, &view) != 0)
      stats->no_memory = true;
    if (record.header.type == NVT_REC_META)
      stats->left_out |= record.meta.left_out_flags;
  }
  if (progress && stats->records >= 1u << 20)
    nvt_progress_clear();
  nvt_session_finish(session);
  for (unsigned id = 0; seen != NULL && id < 65536; id++)
    if ((seen[id / 8] & 1u << id % 8) != 0)
      stats->lost += nvt_session_controller(session, (uint16_t)id)->lost;
  free(seen);
  return stats->no_memory ? NVT_READ_ERROR : read;
}

static void clear(struct nvt_stats *stats) {
  for (unsigned set = 0; set < NVT_SET_COUNT; set++)
    for (unsigned i = 0; i < 256; i++) {
      struct nvt_stats_opcode *opcode = stats->opcodes[set][i];
      for (unsigned stage = 0; opcode != NULL && stage < NVT_STAGE_COUNT; stage++)
        free(opcode->stages[stage]);
      free(opcode);
    }
  for (unsigned stage = 0; stage < NVT_STAGE_COUNT; stage++)
    free(stats->io_stages[stage]);
  free(stats->queues.rows);
  free(stats->namespaces.rows);
  nvt_map_free(&stats->queues.places);
  nvt_map_free(&stats->namespaces.places);
}

static int stats_of(const char *path, bool json) {
  struct nvt_stats stats = {.path = path};
  struct nvt_reader *reader;
  struct nvt_reason why;
  if (!nvt_reader_open(path, &reader, &why))
    return nvt_usage_error("stats", "%s", why.text);
  struct nvt_session_options options = {.ended = on_end, .ended_ctx = &stats};
  struct nvt_session *session;
  if (nvt_session_create(&options, &session) != 0) {
    nvt_reader_close(reader);
    return nvt_usage_error("stats", "out of memory");
  }
  enum nvt_read read = read_all(&stats, reader, session, &why);
  int status = stats.unreadable != 0 ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
  if (stats.no_memory) {
    status = nvt_usage_error("stats", "%s: out of memory", path);
  } else {
    if (json)
      nvt_stats_json(stdout, &stats);
    else
      nvt_stats_print(stdout, &stats);
    fflush(stdout);
    if (read != NVT_READ_END)
      status = nvt_usage_error("stats", "%s", why.text);
  }
  nvt_session_destroy(session);
  nvt_reader_close(reader);
  clear(&stats);
  return status;
}

static int run(int argc, char **argv) {
  static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
  bool json = false;
  optind = 0;
  opterr = 0;
  int option;
  while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
    if (option != 'j')
      return nvt_usage_error("stats", "unknown option '%s'; see --help", argv[optind - 1]);
    json = true;
  }
  if (optind >= argc)
    return nvt_usage_error("stats", "which trace? give a file, or '-' for standard input");
  if (optind + 1 < argc)
    return nvt_usage_error("stats", "one trace at a time, so what is '%s'?", argv[optind + 1]);
  return stats_of(argv[optind], json);
}

NVT_COMMAND(
    stats, .name = "stats",
    .summary = "count records and commands, latency of each stage, queue depth, losses",
    .usage =
        "usage: nvmetap stats [--json] TRACE|-\n"
        "\n"
        "Stages of a command: fetch (tail doorbell to command), execute (command to\n"
        "completion), interrupt (completion to message), acknowledge (completion to\n"
        "head doorbell). Percentiles are at most 1/32 too high; the rest is exact.\n"
        "'in record' is the number of the record with the maximum: the command of a fetch, the\n"
        "completion of all else.\n"
        "Depth: commands that the host had under way on the queue when one was fetched; of a\n"
        "trace that a filter kept doorbells or commands out of, those that are in the trace.\n"
        "\n"
        "Exit status: 0 done, 1 some frames are no records of ours, or malformed, 2 usage,\n"
        "or the file can't be read to its end.\n"
        "\n"
        "examples: nvmetap stats boot.pcap\n"
        "          nvmetap stats --json boot.pcap | jq .latency.execute.p99_ns\n",
    .run = run, .order = 31);
