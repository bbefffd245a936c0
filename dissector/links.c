/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The session in Wireshark: fed once per frame, in order, while a file is read;
 * what it said of each frame is kept by frame number, so that frames can then be
 * looked at in any order, and again.
 */
#include "dissector/dissector_int.h"
#include "trace/history.h"
#include "trace/transfer.h"

#include <string.h>

/* Frames of a file, in chunks that are made when their first one is fed: none moves, and no memory
 * waits to be used. */
#define CHUNK_FRAMES 4096u
#define CHUNKS_MAX 65536u

static struct nvt_session *session;
static struct nvt_transfers *transfers;
static struct nvt_history *history;
static struct nvt_frame *chunks[CHUNKS_MAX]; /* by frame number */
static uint32_t chunk_count;                 /* none is at or beyond it */
static uint32_t last_fed;
static const struct nvt_frame no_frame;

static void *file_memory(void *ctx _U_, size_t size) {
  return wmem_alloc(wmem_file_scope(), size); /* the session clears it */
}

void nvt_links_cleanup(void) {
  nvt_findings_stop();
  nvt_transfers_destroy(transfers);
  transfers = NULL;
  nvt_history_destroy(history);
  history = NULL;
  nvt_session_destroy(session);
  session = NULL;
  while (chunk_count > 0)
    g_clear_pointer(&chunks[--chunk_count], g_free);
  last_fed = 0;
}

void nvt_links_init(void) {
  nvt_links_cleanup();
}

static bool ensure_session(void) {
  if (session != NULL)
    return true;
  const struct nvt_session_options options = {.keep = true,
                                              .ranges = true,
                                              .alloc = file_memory,
                                              .ended = nvt_findings_ended,
                                              .measured = nvt_statistics_measured};
  if (nvt_session_create(&options, &session) != 0)
    return false;
  (void)nvt_history_create(session, &history);
  nvt_findings_start(session);
  return true;
}

static struct nvt_frame *slot(uint32_t number) {
  uint32_t chunk = number / CHUNK_FRAMES;
  if (chunk >= CHUNKS_MAX)
    return NULL;
  if (chunks[chunk] == NULL)
    chunks[chunk] = g_try_new0(struct nvt_frame, CHUNK_FRAMES);
  if (chunks[chunk] == NULL)
    return NULL;
  if (chunk >= chunk_count)
    chunk_count = chunk + 1;
  return &chunks[chunk][number % CHUNK_FRAMES];
}

static const struct nvt_frame *known(uint32_t number) {
  uint32_t chunk = number / CHUNK_FRAMES;
  return chunk < chunk_count && chunks[chunk] != NULL ? &chunks[chunk][number % CHUNK_FRAMES]
                                                      : &no_frame;
}

const struct nvt_frame *nvt_links_frame(packet_info *pinfo, const struct nvt_record *record) {
  uint32_t number = pinfo->num;
  if (PINFO_FD_VISITED(pinfo) || number <= last_fed)
    return known(number);
  struct nvt_frame *frame = slot(number);
  if (frame == NULL || !ensure_session())
    return &no_frame;
  struct nvt_view view = {0};
  if (nvt_session_record(session, record, &view) != 0)
    return frame;
  nvt_findings_record(record, &view);
  last_fed = number;
  /* Without memory for it, the state is missing, or the data: nothing else. */
  if (history != NULL)
    (void)nvt_history_record(history, record, &view);
  if (transfers != NULL || nvt_transfers_create(NULL, &transfers) == 0)
    (void)nvt_transfers_record(transfers, record, &view);
  frame->exchange = view.exchange;
  frame->has_change = view.signal == NULL && view.change != NULL;
  if (frame->has_change)
    frame->change = view.change;
  else
    frame->signal = view.signal;
  frame->is_doorbell = view.is_doorbell;
  frame->doorbell = view.doorbell;
  frame->seq_gap = view.seq_gap;
  frame->missing = view.missing;
  frame->set = (uint8_t)view.set;
  frame->fed = true;
  return frame;
}

const struct nvt_frame *nvt_links_at(uint64_t number) {
  const struct nvt_frame *frame = number <= last_fed ? known((uint32_t)number) : &no_frame;
  return frame->fed ? frame : NULL;
}

void nvt_links_ranges(void) {
  if (session != NULL)
    nvt_session_ranges(session);
}

const struct nvt_config_space *nvt_links_config(uint16_t controller) {
  return session != NULL ? nvt_session_config(session, controller) : NULL;
}

bool nvt_links_state(const struct nvt_record *record, const struct nvt_view *view,
                     struct nvt_state *out) {
  return history != NULL && nvt_history_at(history, record, view, out);
}

struct nvt_view nvt_links_view(const struct nvt_frame *frame) {
  struct nvt_view view = {.exchange = frame->exchange,
                          .is_doorbell = frame->is_doorbell,
                          .doorbell = frame->doorbell,
                          .set = (enum nvt_opcode_set)frame->set,
                          .seq_gap = frame->seq_gap,
                          .missing = frame->missing};
  if (frame->has_change)
    view.change = frame->change;
  else
    view.signal = frame->signal;
  if (view.exchange != NULL) {
    view.queue = view.exchange->queue;
    view.made = view.exchange->made;
  } else if (view.signal != NULL) {
    view.queue = view.signal->queue;
  }
  return view;
}
