/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the statistics: what is tapped, and rows of the tables. */
#ifndef NVT_DISSECTOR_STATISTICS_INT_H
#define NVT_DISSECTOR_STATISTICS_INT_H

#include "dissector/dissector_int.h"
#include "trace/histogram.h"

#include <epan/stat_tap_ui.h>
#include <epan/tap.h>

#define NVT_TAP "nvmetap"

/* Of one frame, for those that listen; valid until they return. */
struct nvt_tapped {
  const struct nvt_exchange *exchange; /* NULL where the frame has none */
  enum nvt_opcode_set set;             /* of a command or completion */
  uint8_t type;                        /* of the record */
  bool has_queue;
  uint16_t qid;
  bool later; /* frames after this one aren't known yet */
};

/* The queue that the frame is about; false: none. */
bool nvt_queue_of_frame(const struct nvt_context *, uint16_t *qid);

/* Of a command or completion, and measured: its fetch is in the trace. */
bool nvt_tapped_command(const struct nvt_tapped *);
bool nvt_tapped_completion(const struct nvt_tapped *);

/* --- rows of tables: items that Wireshark shows, made from a histogram --- */

/* The row as Wireshark's table has it. Its items live until the table is freed. */
stat_tap_table_item_type *nvt_table_append(stat_tap_table *, const stat_tap_table_ui *,
                                           const char *name);
/* Several windows show the table's rows, and look at them when they please: they must stay. */
bool nvt_table_shared(const stat_tap_table_ui *);
/* Rows go, with what Wireshark keeps of them. */
void nvt_table_clear(stat_tap_table *);
/* The table's first column is a name of its own, which goes with it. */
void nvt_table_free_item(stat_tap_table *, guint row, guint column, stat_tap_table_item_type *);

/* Numbers as text: Wireshark's own items for numbers have 32 bits, or six digits of fraction that
 * nobody wants. Of one width, so that they sort as numbers do. */
#define NVT_NUMBER_WIDTH 12
#define NVT_NUMBER_COLUMN(title)                                                                   \
  { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, (title), "%12s" }
struct nvt_number {
  char text[24];
};
/* The item shows `number` from now on. */
void nvt_item_set(stat_tap_table_item_type *, struct nvt_number *number, uint64_t value);

#define NVT_SHARES 4 /* p50, p90, p99, p99.9 */
struct nvt_measure {
  struct nvt_histogram histogram;
  struct nvt_quantile quantiles[NVT_SHARES];
  uint64_t values[NVT_SHARES]; /* of the quantiles */
};
/* Empty; g_free() it. */
struct nvt_measure *nvt_measure_new(void);
void nvt_measure_add(struct nvt_measure *, uint64_t ns, uint64_t record);

/* --- the tables --- */

void nvt_latency_register(void);
void nvt_latency_measured(struct nvt_exchange *, enum nvt_stage);
void nvt_latency_forget(void); /* the file is closed */
void nvt_rows_register(void);
void nvt_srt_register(int proto);
void nvt_conversations_register(int proto);

#endif
