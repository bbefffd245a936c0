/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Service response times by opcode: Wireshark's own kind of table, in microseconds. */
#include "dissector/statistics_int.h"
#include "trace/text.h"

#include <epan/srt_table.h>

static const struct {
  const char *title;
  const char *tab;
  const char *filter; /* " == opcode" is added to it */
} sets[NVT_SET_COUNT] = {
    [NVT_SET_ADMIN] = {"NVMe Admin Commands", "Admin", "nvmetap.qid == 0 && nvmetap.opcode"},
    [NVT_SET_NVM] = {"NVMe I/O Commands", "I/O", "nvmetap.qid > 0 && nvmetap.opcode"},
    [NVT_SET_KV] = {"NVMe Key Value Commands", "Key Value", "nvmetap.qid > 0 && nvmetap.opcode"},
    [NVT_SET_FABRICS] = {"NVMe Fabrics Commands", "Fabrics", "nvmetap.opcode"},
};

static void init(struct register_srt *srt _U_, GArray *tables) {
  for (unsigned set = 0; set < NVT_SET_COUNT; set++) {
    srt_stat_table *table = init_srt_table(sets[set].title, sets[set].tab, tables, 256, "Command",
                                           sets[set].filter, NULL);
    for (unsigned opcode = 0; opcode < 256; opcode++) {
      char name[64];
      struct nvt_text text;
      nvt_text_init(&text, name, sizeof(name));
      nvt_text_opcode(&text, (enum nvt_opcode_set)set, (uint8_t)opcode);
      init_srt_table_row(table, (int)opcode, name);
    }
  }
}

static tap_packet_status packet(void *data, packet_info *pinfo, epan_dissect_t *edt _U_,
                                const void *tapped_data, tap_flags_t flags _U_) {
  const srt_data_t *srt = data;
  const struct nvt_tapped *tapped = tapped_data;
  uint64_t ns;
  if (!nvt_tapped_completion(tapped) || tapped->set >= srt->srt_array->len ||
      !nvt_exchange_stage(tapped->exchange, NVT_STAGE_TOTAL, &ns))
    return TAP_PACKET_DONT_REDRAW;
  uint64_t from = tapped->exchange->command.time_ns;
  nstime_t start = {(time_t)(from / 1000000000), (int)(from % 1000000000)};
  add_srt_table_data(g_array_index(srt->srt_array, srt_stat_table *, tapped->set),
                     tapped->exchange->sqe.opcode, &start, pinfo);
  return TAP_PACKET_REDRAW;
}

void nvt_srt_register(int proto) {
  register_srt_table(proto, NVT_TAP, NVT_SET_COUNT, packet, init, NULL);
}
