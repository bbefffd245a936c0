/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tap that the tables of the Statistics menu and of tshark -z listen to. */
#include "dissector/statistics_int.h"
#include "trace/summary.h"

#include <stdio.h>

static int tap = -1;

bool nvt_queue_of_frame(const struct nvt_context *c, uint16_t *qid) {
  const struct nvt_view view = nvt_links_view(c->frame);
  unsigned type = c->record->header.type;
  if (type == NVT_REC_EVENT || (type == NVT_REC_VERDICT && view.exchange == NULL))
    return false;
  return nvt_record_queue(c->record, &view, qid);
}

void nvt_tap_frame(const struct nvt_context *c) {
  if (!have_tap_listener(tap))
    return;
  struct nvt_tapped *tapped = wmem_new0(c->pinfo->pool, struct nvt_tapped);
  tapped->exchange = c->frame->exchange;
  tapped->set = (enum nvt_opcode_set)c->frame->set;
  tapped->type = c->record->header.type;
  tapped->has_queue = nvt_queue_of_frame(c, &tapped->qid);
  tapped->later = !PINFO_FD_VISITED(c->pinfo);
  tap_queue_packet(tap, c->pinfo, tapped);
}

static bool fetched(const struct nvt_tapped *tapped) {
  return tapped->exchange != NULL && tapped->exchange->command.record != 0;
}

bool nvt_tapped_command(const struct nvt_tapped *tapped) {
  return tapped->type == NVT_REC_COMMAND && fetched(tapped);
}

bool nvt_tapped_completion(const struct nvt_tapped *tapped) {
  return tapped->type == NVT_REC_COMPLETION && fetched(tapped);
}

/* --- rows --- */

stat_tap_table_item_type *nvt_table_append(stat_tap_table *table, const stat_tap_table_ui *ui,
                                           const char *name) {
  stat_tap_table_item_type items[16] = {0};
  size_t count = ui->nfields < NVT_COUNT(items) ? ui->nfields : NVT_COUNT(items);
  for (size_t i = 0; i < count; i++) {
    items[i].type = ui->fields[i].type;
    items[i].value.string_value = "";
  }
  items[0].value.string_value = g_strdup(name);
  guint row = table->num_elements;
  stat_tap_init_table_row(table, row, (guint)count, items);
  return stat_tap_get_field_data(table, row, 0);
}

void nvt_item_set(stat_tap_table_item_type *item, struct nvt_number *number, uint64_t value) {
  snprintf(number->text, sizeof(number->text), "%*" PRIu64, NVT_NUMBER_WIDTH, value);
  item->value.string_value = number->text;
}

void nvt_table_free_item(stat_tap_table *table _U_, guint row _U_, guint column,
                         stat_tap_table_item_type *item) {
  if (column != 0)
    return;
  g_free((char *)(uintptr_t)item->value.string_value);
  item->value.string_value = NULL;
}

bool nvt_table_shared(const stat_tap_table_ui *ui) {
  return ui->refcount > 1;
}

void nvt_table_clear(stat_tap_table *table) {
  for (guint row = 0; row < table->num_elements; row++) {
    nvt_table_free_item(table, row, 0, table->elements[row]);
    g_free(table->elements[row]);
  }
  table->num_elements = 0;
}

struct nvt_measure *nvt_measure_new(void) {
  static const double shares[NVT_SHARES] = {0.5, 0.9, 0.99, 0.999};
  struct nvt_measure *measure = g_new0(struct nvt_measure, 1);
  for (size_t i = 0; i < NVT_SHARES; i++)
    measure->quantiles[i].share = shares[i];
  return measure;
}

void nvt_measure_add(struct nvt_measure *measure, uint64_t ns, uint64_t record) {
  nvt_histogram_add(&measure->histogram, ns, record);
  for (size_t i = 0; i < NVT_SHARES; i++)
    measure->values[i] = nvt_quantile_added(&measure->quantiles[i], &measure->histogram, ns);
}

void nvt_statistics_measured(void *ctx _U_, struct nvt_exchange *exchange, enum nvt_stage stage) {
  nvt_latency_measured(exchange, stage);
}

void nvt_statistics_register(int proto) {
  tap = register_tap(NVT_TAP);
  nvt_latency_register();
  nvt_rows_register();
  nvt_srt_register(proto);
  nvt_conversations_register(proto);
  register_cleanup_routine(nvt_latency_forget);
}
