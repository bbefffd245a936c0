/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A row for each submission queue, namespace or status: commands, completions,
 * errors, latency from command to completion in nanoseconds, bytes that those without an error
 * moved. Each is counted when its own frame passes the listener's filter.
 */
#include "dissector/statistics_int.h"
#include "trace/text.h"

#include <string.h>

#define ROWS_MAX 1024u /* of one table; what is beyond them shares the last one */

enum column { NAME, COMPLETIONS, ERRORS, MEAN, P99, GREATEST, FRAME, COMMANDS, BYTES };

/* After the name, in the order of enum column. */
#define COMPLETION_COLUMNS                                                                         \
  NVT_NUMBER_COLUMN(" Completions"), NVT_NUMBER_COLUMN("      Errors"),                            \
      NVT_NUMBER_COLUMN("   mean (ns)"), NVT_NUMBER_COLUMN("    p99 (ns)"),                        \
      NVT_NUMBER_COLUMN("    max (ns)"), NVT_NUMBER_COLUMN("max in frame")

static stat_tap_table_item queue_columns[] = {
    {TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Submission Queue              ", "%-30s"},
    COMPLETION_COLUMNS,
    NVT_NUMBER_COLUMN("    Commands"),
    NVT_NUMBER_COLUMN("       Bytes"),
};
static stat_tap_table_item namespace_columns[] = {
    {TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Namespace                     ", "%-30s"},
    COMPLETION_COLUMNS,
    NVT_NUMBER_COLUMN("    Commands"),
    NVT_NUMBER_COLUMN("       Bytes"),
};
static stat_tap_table_item status_columns[] = {
    {TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Status                                  ", "%-40s"},
    COMPLETION_COLUMNS,
};

struct row {
  struct nvt_measure *measure;     /* NULL: nothing was measured */
  stat_tap_table_item_type *items; /* Wireshark's */
  uint64_t counts[BYTES + 1];
  struct nvt_number numbers[BYTES + 1];
};

struct rows {
  stat_tap_table_ui ui;
  /* Which row the frame counts in; false: in none. */
  bool (*key)(const struct nvt_tapped *, uint64_t *key);
  void (*name)(uint64_t key, char *out, size_t size);
  const char *title;
  stat_tap_table *table;
  GHashTable *rows; /* struct row by key */
  struct row *others;
};

static void free_row(gpointer data) {
  struct row *row = data;
  g_free(row->measure);
  g_free(row);
}

static void forget(struct rows *rows) {
  if (rows->rows != NULL)
    g_hash_table_destroy(rows->rows);
  rows->rows = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_row);
  if (rows->others != NULL)
    free_row(rows->others);
  rows->others = NULL;
}

static void set(struct row *row, enum column column, uint64_t value) {
  nvt_item_set(&row->items[column], &row->numbers[column], value);
}

static void count_up(struct row *row, enum column column, uint64_t by) {
  row->counts[column] += by;
  set(row, column, row->counts[column]);
}

static struct row *new_row(struct rows *rows, const char *name) {
  struct row *row = g_new0(struct row, 1);
  row->items = nvt_table_append(rows->table, &rows->ui, name);
  for (unsigned column = COMPLETIONS; column < rows->ui.nfields; column++)
    set(row, column, 0);
  return row;
}

static struct row *row_of(struct rows *rows, uint64_t key) {
  struct row *row = g_hash_table_lookup(rows->rows, &key);
  if (row != NULL)
    return row;
  if (g_hash_table_size(rows->rows) >= ROWS_MAX) {
    if (rows->others == NULL)
      rows->others = new_row(rows, "others");
    return rows->others;
  }
  char name[96];
  rows->name(key, name, sizeof(name));
  row = new_row(rows, name);
  g_hash_table_insert(rows->rows, g_memdup2(&key, sizeof(key)), row);
  return row;
}

static void completed(struct row *row, const struct nvt_exchange *exchange, bool with_bytes) {
  count_up(row, COMPLETIONS, 1);
  if (NVT_CQE_STATUS(exchange->cqe.status) != NVT_SC_SUCCESS)
    count_up(row, ERRORS, 1);
  uint64_t ns, bytes;
  if (NVT_CQE_STATUS(exchange->cqe.status) == NVT_SC_SUCCESS && with_bytes &&
      nvt_exchange_size(exchange, &bytes))
    count_up(row, BYTES, bytes);
  if (!nvt_exchange_stage(exchange, NVT_STAGE_TOTAL, &ns))
    return;
  if (row->measure == NULL)
    row->measure = nvt_measure_new();
  nvt_measure_add(row->measure, ns, nvt_stage_record(exchange, NVT_STAGE_TOTAL));
  const struct nvt_histogram *histogram = &row->measure->histogram;
  set(row, MEAN, (uint64_t)(nvt_histogram_mean(histogram) + 0.5));
  set(row, P99, row->measure->values[2]);
  set(row, GREATEST, histogram->greatest);
  set(row, FRAME, histogram->greatest_record);
}

static tap_packet_status count(struct rows *rows, const struct nvt_tapped *tapped) {
  uint64_t key;
  bool command = nvt_tapped_command(tapped);
  bool completion = nvt_tapped_completion(tapped);
  if ((!command && !completion) || !rows->key(tapped, &key))
    return TAP_PACKET_DONT_REDRAW;
  struct row *row = row_of(rows, key);
  if (command)
    count_up(row, COMMANDS, 1);
  if (completion)
    completed(row, tapped->exchange, rows->ui.nfields > BYTES);
  return TAP_PACKET_REDRAW;
}

static void restart(gpointer key _U_, gpointer value, gpointer data) {
  const struct rows *rows = data;
  struct row *row = value;
  g_free(row->measure);
  row->measure = NULL;
  memset(row->counts, 0, sizeof(row->counts));
  for (unsigned column = COMPLETIONS; column < rows->ui.nfields; column++)
    set(row, column, 0);
}

static void reset(struct rows *rows, stat_tap_table *table) {
  if (nvt_table_shared(&rows->ui)) {
    g_hash_table_foreach(rows->rows, restart, rows);
    if (rows->others != NULL)
      restart(NULL, rows->others, rows);
    return;
  }
  forget(rows);
  nvt_table_clear(table);
}

static void init(struct rows *rows) {
  if (rows->ui.tables != NULL && rows->ui.tables->len != 0) { /* another window shows it too */
    reset_stat_table(&rows->ui);
    return;
  }
  forget(rows);
  rows->table = stat_tap_init_table(rows->title, (int)rows->ui.nfields, 0, NULL);
  stat_tap_add_table(&rows->ui, rows->table);
}

/* --- by what --- */

static bool queue_key(const struct nvt_tapped *tapped, uint64_t *key) {
  *key = (uint64_t)tapped->exchange->controller << 32 | tapped->exchange->sqid;
  return true;
}

static void queue_name(uint64_t key, char *out, size_t size) {
  snprintf(out, size, "controller %u SQ %u", (unsigned)(key >> 32), (unsigned)key);
}

/* Admin commands name namespaces too, but don't move its data. */
static bool namespace_key(const struct nvt_tapped *tapped, uint64_t *key) {
  *key = (uint64_t)tapped->exchange->controller << 32 | tapped->exchange->sqe.nsid;
  return tapped->exchange->sqid != 0;
}

static void namespace_name(uint64_t key, char *out, size_t size) {
  snprintf(out, size, "controller %u namespace %" PRIu32, (unsigned)(key >> 32), (uint32_t)key);
}

static bool status_key(const struct nvt_tapped *tapped, uint64_t *key) {
  *key = NVT_CQE_STATUS(tapped->exchange->cqe.status);
  return tapped->type == NVT_REC_COMPLETION;
}

static void status_name(uint64_t key, char *out, size_t size) {
  struct nvt_text text;
  nvt_text_init(&text, out, size);
  nvt_text_status(&text, (nvt_status)key);
}

static tap_param parameters[] = {{PARAM_FILTER, "filter", "Filter", NULL, TRUE}};

/* Wireshark's callbacks don't say for which table they are called: a set of them for each. */
#define TABLE(kind, heading, cli)                                                                  \
  static struct rows kind##_rows;                                                                  \
  static tap_packet_status kind##_packet(void *data _U_, packet_info *pinfo _U_,                   \
                                         epan_dissect_t *edt _U_, const void *tapped,              \
                                         tap_flags_t flags _U_) {                                  \
    return count(&kind##_rows, tapped);                                                            \
  }                                                                                                \
  static void kind##_reset(stat_tap_table *table) {                                                \
    reset(&kind##_rows, table);                                                                    \
  }                                                                                                \
  static void kind##_init(stat_tap_table_ui *ui _U_) {                                             \
    init(&kind##_rows);                                                                            \
  }                                                                                                \
  static struct rows kind##_rows = {.ui = {.group = REGISTER_PACKET_STAT_GROUP_UNSORTED,           \
                                           .title = "NVMe " heading,                               \
                                           .tap_name = NVT_TAP,                                    \
                                           .cli_string = (cli),                                    \
                                           .stat_tap_init_cb = kind##_init,                        \
                                           .packet_func = kind##_packet,                           \
                                           .stat_tap_reset_table_cb = kind##_reset,                \
                                           .stat_tap_free_table_item_cb = nvt_table_free_item,     \
                                           .nfields = NVT_COUNT(kind##_columns),                   \
                                           .fields = kind##_columns,                               \
                                           .nparams = NVT_COUNT(parameters),                       \
                                           .params = parameters},                                  \
                                    .key = kind##_key,                                             \
                                    .name = kind##_name,                                           \
                                    .title = (heading)};
TABLE(queue, "Submission Queues", "nvmetap,queues")
TABLE(namespace, "Namespaces", "nvmetap,namespaces")
TABLE(status, "Statuses", "nvmetap,statuses")

void nvt_rows_register(void) {
  register_stat_tap_table_ui(&queue_rows.ui);
  register_stat_tap_table_ui(&namespace_rows.ui);
  register_stat_tap_table_ui(&status_rows.ui);
}
