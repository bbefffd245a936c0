/* SPDX-License-Identifier: BSD-2-Clause */
/* A trace, read into memory, each record of it with its unit. */
#include <stdlib.h>
#include <string.h>

#include "reduce/load_int.h"
#include "trace/build.h"
#include "trace/crc32c.h"

void nvt_reduce_record(const struct nvt_trace *t, uint32_t item, struct nvt_record *out) {
  const struct nvt_item *it = &t->items[item];
  (void)nvt_record_parse(t->blob + it->at, it->captured, out);
}

/* --- bytes --- */

static bool grow(struct nvt_trace *t, size_t more) {
  if (t->bytes + more > t->room) {
    uint64_t room = t->room != 0 ? t->room * 2 : 1u << 20;
    uint8_t *bigger = realloc(t->blob, room);
    if (bigger == NULL)
      return false;
    t->blob = bigger;
    t->room = room;
  }
  if (t->item_count < t->item_room)
    return true;
  uint32_t room = t->item_room != 0 ? t->item_room * 2 : 4096;
  struct nvt_item *bigger = reallocarray(t->items, room, sizeof(*bigger));
  if (bigger == NULL)
    return false;
  t->items = bigger;
  t->item_room = room;
  return true;
}

/* A digest that repeats an earlier record's data gets the data: that record may be dropped. */
static bool keep_bytes(struct nvt_loader *l, const struct nvt_reader *reader,
                       const struct nvt_record *record, struct nvt_record *out) {
  struct nvt_trace *t = l->trace;
  const uint8_t *bytes = nvt_reader_bytes(reader);
  size_t captured = record->captured;
  size_t original = nvt_reader_original(reader);
  struct nvt_record data;
  if (nvt_pages_record(l->pages, record) != 0)
    return false;
  if (record->header.type == NVT_REC_DIGEST &&
      record->digest.algorithm == NVT_V_digest_algorithm_SAME &&
      nvt_pages_as_data(l->pages, record, &data)) {
    captured = nvt_build_DATA(l->buffer, NVT_RECORD_MAX, &record->header, &data.data, data.tail,
                              data.tail_length);
    original = captured;
    bytes = l->buffer;
  }
  if (captured == 0 || !grow(t, captured))
    return false;
  memcpy(t->blob + t->bytes, bytes, captured);
  t->items[t->item_count++] = (struct nvt_item){
      .time_ns = record->time_ns,
      .at = t->bytes,
      .captured = (uint32_t)captured,
      .original = (uint32_t)(original > captured ? original : captured),
      .unit = NVT_REDUCE_NONE,
      .link = NVT_REDUCE_NONE,
      .queue = NVT_REDUCE_NONE,
      .sq = NVT_REDUCE_NONE,
  };
  t->crc = nvt_crc32c(t->crc, bytes, captured);
  t->bytes += captured;
  nvt_reduce_record(t, t->item_count - 1, out);
  t->items[t->item_count - 1].type = out->header.type;
  return true;
}

static bool too_long(const struct nvt_reader *reader, const struct nvt_trace *t) {
  return nvt_reader_size(reader) > NVT_REDUCE_BYTES_MAX || t->bytes > NVT_REDUCE_BYTES_MAX ||
         t->item_count == INT32_MAX;
}

static bool read_all(struct nvt_loader *l, const char *path, struct nvt_reader *reader,
                     struct nvt_reason *why) {
  struct nvt_record record, kept;
  for (;;) {
    if (too_long(reader, l->trace)) {
      snprintf(why->text, sizeof(why->text),
               "%s: longer than 4 GiB, which don't fit into memory; make a piece of it first, for "
               "example: nvmetap cut -r N-M %s piece.pcap",
               path, path);
      return false;
    }
    enum nvt_read read = nvt_reader_next(reader, &record, why);
    if (read == NVT_READ_FOREIGN)
      continue;
    if (read != NVT_READ_OK)
      return read == NVT_READ_END;
    if (l->host_count > NVT_LOAD_CONTROLLERS_MAX) {
      snprintf(why->text, sizeof(why->text),
               "%s: more than %u controllers; make a piece with some of them first: nvmetap cut "
               "--controller LIST",
               path, NVT_LOAD_CONTROLLERS_MAX);
      return false;
    }
    if (!keep_bytes(l, reader, &record, &kept) || !nvt_load_item(l, &kept)) {
      snprintf(why->text, sizeof(why->text), "%s: out of memory", path);
      return false;
    }
  }
}

bool nvt_reduce_load(const char *path, struct nvt_trace *out, struct nvt_reason *why) {
  struct nvt_loader l = {.trace = out, .buffer = malloc(NVT_RECORD_MAX)};
  struct nvt_reader *reader = NULL;
  *out = (struct nvt_trace){0};
  *why = (struct nvt_reason){.text = "out of memory"};
  memset(out->buckets, 0xff, sizeof(out->buckets));
  l.commands = malloc(NVT_LOAD_BUCKETS * sizeof(*l.commands));
  bool good = l.buffer != NULL && l.commands != NULL && nvt_pages_create(&l.pages) == 0 &&
              nvt_reader_open(path, &reader, why);
  if (good) {
    memset(l.commands, 0xff, NVT_LOAD_BUCKETS * sizeof(*l.commands));
    good = read_all(&l, path, reader, why);
  }
  if (good) {
    out->scratch = calloc(out->item_count + 1u, sizeof(*out->scratch));
    out->written = calloc(out->item_count + 1u, sizeof(*out->written));
    good = out->scratch != NULL && out->written != NULL;
    for (uint32_t i = 0; i < out->item_count; i++)
      if (out->items[i].unit != NVT_REDUCE_NONE)
        out->units[out->items[i].unit].used = true;
  }
  nvt_reader_close(reader);
  nvt_pages_destroy(l.pages);
  free(l.commands);
  free(l.hosts);
  free(l.buffer);
  if (!good)
    nvt_reduce_unload(out);
  return good;
}

void nvt_reduce_unload(struct nvt_trace *t) {
  for (uint32_t i = 0; i < t->queue_count; i++)
    free(t->queues[i].waiting);
  free(t->blob);
  free(t->items);
  free(t->units);
  free(t->queues);
  free(t->makings);
  free(t->scratch);
  free(t->written);
  *t = (struct nvt_trace){0};
}
