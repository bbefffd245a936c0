/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Latency of each stage by opcode, in nanoseconds: `nvmetap stats` as a table.
 *
 * A fetch is counted when its command passes the listener's filter, all else when
 * the completion does. Interrupt and acknowledgement come after the completion: in
 * one pass over a file that is read for the first time they aren't known then, and
 * the session tells when they are.
 */
#include "dissector/statistics_int.h"
#include "trace/text.h"

enum column { NAME, COUNT, LEAST, MEAN, FIRST_SHARE, GREATEST = FIRST_SHARE + NVT_SHARES, FRAME };

static stat_tap_table_item columns[] = {
    {TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Command                       ", "%-30s"},
    NVT_NUMBER_COLUMN("       Count"),
    NVT_NUMBER_COLUMN("         min"),
    NVT_NUMBER_COLUMN("        mean"),
    NVT_NUMBER_COLUMN("         p50"),
    NVT_NUMBER_COLUMN("         p90"),
    NVT_NUMBER_COLUMN("         p99"),
    NVT_NUMBER_COLUMN("       p99.9"),
    NVT_NUMBER_COLUMN("         max"),
    NVT_NUMBER_COLUMN("max in frame"),
};

static const char *const titles[NVT_STAGE_COUNT] = {
    [NVT_STAGE_TOTAL] = "Total: command to completion (ns)",
    [NVT_STAGE_FETCH] = "Fetch: tail doorbell to command (ns)",
    [NVT_STAGE_EXECUTE] = "Execute: command to completion (ns)",
    [NVT_STAGE_INTERRUPT] = "Interrupt: completion to interrupt (ns)",
    [NVT_STAGE_ACKNOWLEDGE] = "Acknowledge: completion to head doorbell (ns)",
};

struct row {
  struct nvt_measure *measure;
  stat_tap_table_item_type *items; /* Wireshark's */
  struct nvt_number numbers[FRAME + 1];
};

static struct stage {
  stat_tap_table *table;
  struct row all_io;
  struct row opcodes[NVT_SET_COUNT][256];
} stages[NVT_STAGE_COUNT];

/* Completions that were counted, and whose later stages aren't known yet; their sets. */
static GHashTable *waiting;

static stat_tap_table_ui ui;

static void forget_row(struct row *row) {
  g_free(row->measure);
  *row = (struct row){0};
}

static void set(struct row *row, unsigned column, uint64_t value) {
  nvt_item_set(&row->items[column], &row->numbers[column], value);
}

static void restart_row(struct row *row) {
  if (row->measure == NULL)
    return;
  g_free(row->measure);
  row->measure = nvt_measure_new();
  for (unsigned column = COUNT; column <= FRAME; column++)
    set(row, column, 0);
}

static void each_row(void (*act)(struct row *)) {
  for (unsigned i = 0; i < NVT_STAGE_COUNT; i++) {
    act(&stages[i].all_io);
    for (unsigned set_number = 0; set_number < NVT_SET_COUNT; set_number++)
      for (unsigned opcode = 0; opcode < 256; opcode++)
        act(&stages[i].opcodes[set_number][opcode]);
  }
}

void nvt_latency_forget(void) {
  if (waiting != NULL)
    g_hash_table_remove_all(waiting);
}

/* Wireshark frees the tables without asking, and leaves the list of them empty. */
static bool shown(void) {
  return ui.tables != NULL && ui.tables->len != 0;
}

static void add(struct stage *stage, struct row *row, const char *name, uint64_t ns,
                uint64_t record) {
  if (row->measure == NULL) {
    row->measure = nvt_measure_new();
    row->items = nvt_table_append(stage->table, &ui, name);
  }
  nvt_measure_add(row->measure, ns, record);
  const struct nvt_histogram *histogram = &row->measure->histogram;
  set(row, COUNT, histogram->count);
  set(row, LEAST, histogram->least);
  set(row, MEAN, (uint64_t)(nvt_histogram_mean(histogram) + 0.5));
  for (unsigned i = 0; i < NVT_SHARES; i++)
    set(row, FIRST_SHARE + i, row->measure->values[i]);
  set(row, GREATEST, histogram->greatest);
  set(row, FRAME, histogram->greatest_record);
}

static void measure(const struct nvt_exchange *exchange, enum nvt_opcode_set set,
                    enum nvt_stage number) {
  uint64_t ns;
  if (!nvt_exchange_stage(exchange, number, &ns))
    return;
  struct stage *stage = &stages[number];
  uint64_t record = nvt_stage_record(exchange, number);
  if (exchange->sqid != 0)
    add(stage, &stage->all_io, "All I/O commands", ns, record);
  char name[64];
  struct nvt_text text;
  nvt_text_init(&text, name, sizeof(name));
  nvt_text_opcode(&text, set, exchange->sqe.opcode);
  add(stage, &stage->opcodes[set][exchange->sqe.opcode], name, ns, record);
}

static tap_packet_status packet(void *data _U_, packet_info *pinfo _U_, epan_dissect_t *edt _U_,
                                const void *tapped_data, tap_flags_t flags _U_) {
  const struct nvt_tapped *tapped = tapped_data;
  if (!shown() || tapped->set >= NVT_SET_COUNT)
    return TAP_PACKET_DONT_REDRAW;
  if (nvt_tapped_command(tapped)) {
    measure(tapped->exchange, tapped->set, NVT_STAGE_FETCH);
    return TAP_PACKET_REDRAW;
  }
  if (!nvt_tapped_completion(tapped))
    return TAP_PACKET_DONT_REDRAW;
  for (enum nvt_stage stage = 0; stage < NVT_STAGE_COUNT; stage++)
    if (stage != NVT_STAGE_FETCH)
      measure(tapped->exchange, tapped->set, stage);
  if (tapped->later)
    g_hash_table_insert(waiting, (gpointer)(uintptr_t)tapped->exchange,
                        GUINT_TO_POINTER(tapped->set));
  return TAP_PACKET_REDRAW;
}

void nvt_latency_measured(struct nvt_exchange *exchange, enum nvt_stage stage) {
  gpointer set;
  if (g_hash_table_size(waiting) == 0 ||
      !g_hash_table_lookup_extended(waiting, exchange, NULL, &set))
    return;
  if (shown())
    measure(exchange, (enum nvt_opcode_set)GPOINTER_TO_UINT(set), stage);
  if (stage == NVT_STAGE_ACKNOWLEDGE)
    g_hash_table_remove(waiting, exchange);
}

static void reset(stat_tap_table *table) {
  bool first = table == stages[0].table; /* it is called for each */
  if (first)
    nvt_latency_forget();
  if (nvt_table_shared(&ui)) {
    if (first)
      each_row(restart_row);
    return;
  }
  if (first)
    each_row(forget_row);
  nvt_table_clear(table);
}

static void init(stat_tap_table_ui *new_stat) {
  if (shown()) { /* another window shows them too */
    reset_stat_table(new_stat);
    return;
  }
  each_row(forget_row);
  nvt_latency_forget();
  for (unsigned i = 0; i < NVT_STAGE_COUNT; i++) {
    stages[i].table = stat_tap_init_table(titles[i], NVT_COUNT(columns), 0, NULL);
    stat_tap_add_table(new_stat, stages[i].table);
  }
}

static tap_param parameters[] = {{PARAM_FILTER, "filter", "Filter", NULL, TRUE}};
static stat_tap_table_ui ui = {.group = REGISTER_PACKET_STAT_GROUP_UNSORTED,
                               .title = "NVMe Latency Percentiles",
                               .tap_name = NVT_TAP,
                               .cli_string = "nvmetap,latency",
                               .stat_tap_init_cb = init,
                               .packet_func = packet,
                               .stat_tap_reset_table_cb = reset,
                               .stat_tap_free_table_item_cb = nvt_table_free_item,
                               .nfields = NVT_COUNT(columns),
                               .fields = columns,
                               .nparams = NVT_COUNT(parameters),
                               .params = parameters};

void nvt_latency_register(void) {
  waiting = g_hash_table_new(NULL, NULL);
  register_stat_tap_table_ui(&ui);
}
