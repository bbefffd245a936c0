/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces: from the ring into files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/gate_int.h"
#include "controller/log.h"
#include "trace/build.h"
#include "trace/writer.h"

enum { ROUND = 8 << 20 }; /* bytes that are written before the ring's past is looked at again */

static const uint8_t *at(const struct nvt_gate *gate, uint64_t position) {
  return gate->options.ring->data + (position & gate->options.ring->mask);
}

static struct nvt_rec_header header_at(const struct nvt_gate *gate, uint64_t position) {
  struct nvt_rec_header header = {0};
  memcpy(&header, at(gate, position) + NVT_FRAME_HEADER_BYTES, sizeof(header));
  return header;
}

static struct nvt_output *output_of(struct nvt_gate *gate, struct gate_window *window) {
  return window->own != NULL ? window->own : gate->output;
}

/* The piece ends here, and what is left of it isn't written. */
static void fail(struct nvt_gate *gate, struct gate_window *window, int error, const char *why) {
  window->piece.error = -error;
  bool asked = window->own != NULL; /* whoever did is told, and may do better */
  gate->status.failed += !asked;
  nvt_log(asked ? NVT_LOG_NORMAL : NVT_LOG_QUIET,
          "%s: the piece can't be written: %s; what is there are whole records, and the recorder "
          "waits for the next trigger",
          window->piece.path, why);
  for (unsigned i = 0; i < GATE_SLOTS; i++)
    if ((window->active >> i & 1) != 0)
      gate->slots[i].state = GATE_IDLE;
  gate->active &= ~window->active;
  window->active = 0;
  window->end = window->next = gate->scanned;
}

/* What follows in the one file isn't what came last: a loss record says so, in place of the last
 * record that is left out. */
static int tell_gap(struct nvt_gate *gate, uint64_t next) {
  const struct nvt_rec_header then = header_at(gate, next);
  uint64_t ns = nvt_output_frame_ns(at(gate, next));
  if (!gate->written || then.seq <= gate->written_seq + 1)
    return 0;
  struct nvt_rec_header base = then;
  base.seq = then.seq - 1;
  base.flags = 0;
  const struct nvt_rec_loss loss = {.first_seq = gate->written_seq + 1,
                                    .count = then.seq - gate->written_seq - 2,
                                    .first_ns = gate->written_ns,
                                    .last_ns = ns,
                                    .reason = NVT_V_loss_reason_LEFT_OUT};
  uint8_t bytes[NVT_FRAME_HEADER_BYTES + 128];
  uint32_t length =
      (uint32_t)nvt_build_LOSS(bytes + NVT_FRAME_HEADER_BYTES,
                               sizeof(bytes) - NVT_FRAME_HEADER_BYTES, &base, &loss, NULL, 0);
  const uint32_t frame[4] = {(uint32_t)(ns / 1000000000u), (uint32_t)(ns % 1000000000u), length,
                             length};
  memcpy(bytes, frame, sizeof(frame));
  return nvt_output_put(gate->output, bytes, sizeof(frame) + length);
}

void nvt_gate_tell_ring(struct nvt_gate *gate) {
  int fd = nvt_output_fd(gate->output);
  enum nvt_ring_mode mode = gate->options.packer != NULL ? NVT_RING_APPEND_ZSTD : NVT_RING_APPEND;
  nvt_ring_set_output(gate->options.ring, nvt_output_path(gate->output), fd,
                      fd >= 0 ? mode : NVT_RING_NO_FILE);
}

static void begin(struct nvt_gate *gate, struct gate_window *window) {
  struct nvt_output *output = output_of(gate, window);
  bool one = gate->options.one && window->own == NULL;
  char why[512] = "";
  int error = 0;
  window->begun = true;
  gate->status.pieces++;
  if (!one)
    error = nvt_output_next(output, why, sizeof(why));
  (void)snprintf(window->piece.path, sizeof(window->piece.path), "%s",
                 error == 0 ? nvt_output_path(output) : gate->path);
  if (error == 0 && window->own == NULL && !one)
    nvt_gate_tell_ring(gate);
  if (one && gate->written && window->next < gate->written_end)
    window->next = gate->written_end; /* the file has that already */
  else if (one)
    error = tell_gap(gate, window->next);
  if (error != 0)
    fail(gate, window, error, why[0] != '\0' ? why : strerror(-error));
}

/* What the one file's last record is, of those from `position` to `end`. */
static void note_written(struct nvt_gate *gate, uint64_t position, uint64_t end) {
  uint64_t last = position;
  while (position < end) {
    last = position;
    position += nvt_output_frame(at(gate, position));
  }
  gate->written = true;
  gate->written_end = end;
  gate->written_seq = header_at(gate, last).seq;
  gate->written_ns = nvt_output_frame_ns(at(gate, last));
}

/* Bytes that were written. */
static uint64_t put(struct nvt_gate *gate, struct gate_window *window, uint64_t limit) {
  struct nvt_output *output = output_of(gate, window);
  uint64_t from = window->next;
  while (window->next < limit && window->next - from < ROUND) {
    size_t length =
        nvt_output_piece(at(gate, window->next), (size_t)(limit - window->next), NVT_OUTPUT_PIECE);
    int error = nvt_output_put(output, at(gate, window->next), length);
    if (error != 0) {
      fail(gate, window, error, strerror(-error));
      return 0;
    }
    if (gate->options.one && window->own == NULL)
      note_written(gate, window->next, window->next + length);
    window->next += length;
    window->piece.bytes += length;
    gate->status.bytes += length;
  }
  return window->next - from;
}

static void flush(struct nvt_gate *gate, struct gate_window *window) {
  int error = nvt_output_flush(output_of(gate, window));
  if (error != 0)
    fail(gate, window, error, strerror(-error));
}

static void finish(struct nvt_gate *gate, struct gate_window *window) {
  struct nvt_output *output = output_of(gate, window);
  bool one = gate->options.one && window->own == NULL;
  if (window->begun && window->piece.error == 0) {
    int error = one ? nvt_output_flush(output) : nvt_output_end(output);
    if (error != 0)
      fail(gate, window, error, strerror(-error));
    else
      nvt_log(NVT_LOG_NORMAL, "%s: a piece of %llu bytes is written", window->piece.path,
              (unsigned long long)window->piece.bytes);
  }
  if (window->own != NULL)
    nvt_output_destroy(window->own);
  else
    nvt_gate_tell_ring(gate); /* of a set there is none until the next */
  nvt_gate_answer(gate, window);
  *window = (struct gate_window){0};
}

/* The one whose turn it is, of the gate's own output. */
static bool is_turn(const struct nvt_gate *gate, const struct gate_window *window) {
  if (window->own != NULL)
    return true;
  for (unsigned i = 0; i < GATE_WINDOWS; i++) {
    const struct gate_window *other = &gate->windows[i];
    if (other->used && other->own == NULL && other->serial < window->serial)
      return false;
  }
  return true;
}

static bool write_window(struct nvt_gate *gate, struct gate_window *window) {
  uint64_t limit = window->end == GATE_NOWHERE ? gate->scanned : window->end;
  if (window->next == GATE_NOWHERE && gate->start_count > 0 && gate->starts[0].position < limit)
    window->start = window->next = gate->starts[0].position;
  bool nothing = window->next == GATE_NOWHERE || window->next >= limit;
  if (nothing && window->end != GATE_NOWHERE) {
    finish(gate, window);
    return false;
  }
  if (nothing)
    return false;
  if (!window->begun)
    begin(gate, window);
  bool more = put(gate, window, window->end == GATE_NOWHERE ? gate->scanned : window->end) >= ROUND;
  if (window->end != GATE_NOWHERE && window->next >= window->end)
    finish(gate, window);
  else if (!more)
    flush(gate, window);
  return more;
}

bool nvt_gate_write(struct nvt_gate *gate) {
  bool more = false;
  for (unsigned i = 0; i < GATE_WINDOWS; i++)
    if (gate->windows[i].used && is_turn(gate, &gate->windows[i]))
      more |= write_window(gate, &gate->windows[i]);
  return more;
}
