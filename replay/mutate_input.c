/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host does in a trace, as steps; read from a trace, and written as one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/names.h"
#include "replay/mutate_int.h"
#include "trace/build.h"
#include "trace/writer.h"

/* In front of a step that was changed stands an annotation that begins so; and so where something
 * was done to it that doesn't make it raw. */
#define NOTE "mutated: "
#define NOTE_NEAR "mutation: "

struct nvt_block {
  struct nvt_block *next;
  uint64_t align;
  uint8_t bytes[];
};

void *nvt_input_memory(struct nvt_input *in, size_t bytes) {
  struct nvt_block *block = malloc(sizeof(*block) + bytes);
  if (block == NULL)
    return NULL;
  block->next = in->blocks;
  in->blocks = block;
  return block->bytes;
}

void nvt_input_destroy(struct nvt_input *in) {
  if (in == NULL)
    return;
  while (in->blocks != NULL) {
    struct nvt_block *next = in->blocks->next;
    free(in->blocks);
    in->blocks = next;
  }
  nvt_meta_clear(&in->details);
  free(in->steps);
  free(in);
}

struct nvt_step *nvt_input_insert(struct nvt_input *in, size_t at) {
  if (in->count == in->room) {
    size_t room = in->room != 0 ? in->room * 2 : 256;
    struct nvt_step *bigger = reallocarray(in->steps, room, sizeof(*bigger));
    if (bigger == NULL)
      return NULL;
    in->steps = bigger;
    in->room = room;
  }
  memmove(&in->steps[at + 1], &in->steps[at], (in->count - at) * sizeof(*in->steps));
  in->count++;
  in->steps[at] = (struct nvt_step){0};
  return &in->steps[at];
}

bool nvt_step_is_doorbell(const struct nvt_input *in, const struct nvt_step *step,
                          struct nvt_doorbell_id *out) {
  uint64_t cap = in->meta.meta.cap != 0 ? in->meta.meta.cap : in->details.cap;
  return step->record.header.type == NVT_REC_REG_WRITE && step->record.access.size == 4 &&
         nvt_doorbell_at(step->record.access.offset, (unsigned)NVT_GET(cap, CAP_DSTRD), out);
}

/* --- reading --- */

struct loading {
  struct nvt_input *in;
  bool verbatim;
  bool begun;
  char note[NVT_INPUT_NOTE]; /* for the next step */
  bool raw;
};

static bool is_read(uint8_t type) {
  return type == NVT_REC_CONFIG_READ || type == NVT_REC_REG_READ || type == NVT_REC_MSIX_READ;
}

static bool is_write(uint8_t type) {
  return type == NVT_REC_CONFIG_WRITE || type == NVT_REC_REG_WRITE || type == NVT_REC_MSIX_WRITE;
}

/* What the virtual machine monitor did. A reset after a register's write came of that. */
static bool is_outside(const struct nvt_rec_event *event, const struct nvt_step *last) {
  switch (event->event) {
  case NVT_V_event_event_ATTACH:
  case NVT_V_event_event_DETACH:
  case NVT_V_event_event_DMA_MAP:
  case NVT_V_event_event_DMA_UNMAP:
  case NVT_V_event_event_IRQ_SETUP:
  case NVT_V_event_event_NS_ADDED:
  case NVT_V_event_event_NS_REMOVED:
  case NVT_V_event_event_NS_RESIZED:
    return true;
  case NVT_V_event_event_CONTROLLER_RESET:
  case NVT_V_event_event_FUNCTION_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
  case NVT_V_event_event_DEVICE_RESET:
    return last == NULL || !is_write(last->record.header.type);
  default:
    return false;
  }
}

static bool is_step(const struct loading *l, const struct nvt_record *record) {
  const struct nvt_step *last = l->in->count > 0 ? &l->in->steps[l->in->count - 1] : NULL;
  uint8_t type = record->header.type;
  if (type == NVT_REC_COMMAND || is_write(type))
    return true;
  if (type == NVT_REC_EVENT)
    return l->verbatim || is_outside(&record->event, last);
  if (!is_read(type))
    return false;
  /* A host that polls is interesting once. */
  return l->verbatim || last == NULL || last->record.header.type != type ||
         last->record.access.offset != record->access.offset;
}

static bool add_step(struct loading *l, const struct nvt_record *record) {
  struct nvt_step *step = nvt_input_insert(l->in, l->in->count);
  if (step == NULL)
    return false;
  step->record = *record;
  step->record.tail = NULL;
  step->record.tail_length = 0;
  memcpy(step->note, l->note, sizeof(step->note));
  step->raw = l->raw;
  l->note[0] = '\0';
  l->raw = false;
  return true;
}

/* What the host put into memory for a command; it stands after its record. */
static bool add_data(struct loading *l, const struct nvt_record *record) {
  const struct nvt_rec_data *data = &record->data;
  if (data->direction != NVT_V_data_direction_OUT && data->kind != NVT_V_data_kind_PRP_LIST &&
      data->kind != NVT_V_data_kind_SGL_SEGMENT)
    return true;
  struct nvt_step *step = NULL;
  for (size_t i = l->in->count; i-- > 0 && step == NULL;)
    if (l->in->steps[i].record.header.type == NVT_REC_COMMAND &&
        l->in->steps[i].record.command.sqid == data->sqid &&
        l->in->steps[i].record.command.sqe.cid == data->cid)
      step = &l->in->steps[i];
  if (step == NULL || record->tail_length == 0)
    return true;
  struct nvt_input_data *all =
      nvt_input_memory(l->in, (step->data_count + 1) * sizeof(struct nvt_input_data));
  uint8_t *bytes = nvt_input_memory(l->in, record->tail_length);
  if (all == NULL || bytes == NULL)
    return false;
  if (step->data_count > 0)
    memcpy(all, step->data, step->data_count * sizeof(*all));
  memcpy(bytes, record->tail, record->tail_length);
  all[step->data_count] = (struct nvt_input_data){.data = *data, .bytes = bytes};
  all[step->data_count].data.captured_length = record->tail_length;
  step->data = all;
  step->data_count++;
  l->in->bytes += record->tail_length;
  return true;
}

static bool begin(struct loading *l, const struct nvt_record *record, struct nvt_reason *why) {
  uint8_t *tail = nvt_input_memory(l->in, record->tail_length + 1);
  char text[256];
  if (tail == NULL)
    return false;
  memcpy(tail, record->tail, record->tail_length);
  l->in->meta = *record;
  l->in->meta.tail = tail;
  l->begun = true;
  if (nvt_meta_parse(tail, record->tail_length, &l->in->details, text, sizeof(text)))
    return true;
  snprintf(why->text, sizeof(why->text), "record %llu: %s", (unsigned long long)record->number,
           text);
  return false;
}

static void take_note(struct loading *l, const struct nvt_record *record) {
  char text[sizeof(NOTE_NEAR) + NVT_INPUT_NOTE];
  snprintf(text, sizeof(text), "%.*s", (int)record->tail_length, (const char *)record->tail);
  bool raw = strncmp(text, NOTE, sizeof(NOTE) - 1) == 0;
  if (!raw && strncmp(text, NOTE_NEAR, sizeof(NOTE_NEAR) - 1) != 0)
    return;
  const char *from = text + (raw ? sizeof(NOTE) : sizeof(NOTE_NEAR)) - 1;
  l->raw = raw;
  snprintf(l->note, sizeof(l->note), "%.*s", (int)sizeof(l->note) - 1, from);
}

/* False with *why, if that is set; else out of memory. */
static bool take(struct loading *l, const struct nvt_record *record, struct nvt_reason *why) {
  if (!l->begun)
    return record->header.type != NVT_REC_META || begin(l, record, why);
  if (record->header.controller != l->in->meta.header.controller)
    return true;
  if (record->header.type == NVT_REC_QUEUE_STATE &&
      (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0) {
    snprintf(
        why->text, sizeof(why->text),
        "the trace begins in the middle of a session (record %llu), whose queues a mutated one "
        "would not have; take one that begins where the host attached",
        (unsigned long long)record->number);
    return false;
  }
  if (record->header.type == NVT_REC_ANNOTATION && record->tail_length > 0)
    take_note(l, record);
  if (record->header.type == NVT_REC_DATA)
    return add_data(l, record);
  return !is_step(l, record) || add_step(l, record);
}

static bool full(struct loading *l) {
  l->in->shortened = l->in->count >= NVT_INPUT_STEPS_MAX || l->in->bytes >= NVT_INPUT_BYTES_MAX;
  return l->in->shortened;
}

static bool load(struct loading *l, struct nvt_reader *reader, struct nvt_reason *why) {
  struct nvt_record record;
  enum nvt_read read;
  why->text[0] = '\0';
  while ((read = nvt_reader_next(reader, &record, why)) == NVT_READ_OK ||
         read == NVT_READ_FOREIGN) {
    why->text[0] = '\0';
    if (read == NVT_READ_OK && !take(l, &record, why))
      return false;
    if (full(l))
      break;
  }
  if (read == NVT_READ_CUT || read == NVT_READ_ERROR)
    return false;
  if (!l->begun)
    snprintf(why->text, sizeof(why->text),
             "no meta-record tells what the controller was, so there is none to set up like it");
  else if (l->in->count == 0)
    snprintf(why->text, sizeof(why->text), "the host does nothing in this trace");
  return l->begun && l->in->count > 0;
}

bool nvt_input_load(const char *path, bool verbatim, struct nvt_input **out,
                    struct nvt_reason *why) {
  struct loading l = {.in = calloc(1, sizeof(*l.in)), .verbatim = verbatim};
  struct nvt_reader *reader;
  if (!nvt_reader_open(path, &reader, why)) {
    free(l.in);
    return false;
  }
  bool loaded = l.in != NULL && load(&l, reader, why);
  nvt_reader_close(reader);
  if (loaded) {
    *out = l.in;
    return true;
  }
  nvt_input_destroy(l.in);
  char text[sizeof(why->text)];
  memcpy(text, why->text, sizeof(text));
  if (strncmp(text, path, strlen(path)) != 0)
    snprintf(why->text, sizeof(why->text), "%.200s: %.300s", path,
             text[0] != '\0' ? text : "out of memory");
  return false;
}

/* --- writing --- */

struct saving {
  struct nvt_writer *writer;
  uint8_t *buffer; /* NVT_RECORD_MAX */
  struct nvt_rec_header header;
  uint64_t time_ns;
};

static int put(struct saving *s, uint8_t type, const void *body, const void *tail, size_t length) {
  size_t bytes = nvt_build_record(s->buffer, NVT_RECORD_MAX, (enum nvt_record_type)type, &s->header,
                                  body, tail, length);
  s->header.seq++;
  return bytes == 0 ? -EINVAL : nvt_writer_write(s->writer, s->time_ns, s->buffer, bytes);
}

static int put_text(struct saving *s, const char *prefix, const char *text) {
  static const struct nvt_rec_annotation none;
  char line[1024];
  snprintf(line, sizeof(line), "%s%s", prefix, text);
  return put(s, NVT_REC_ANNOTATION, &none, line, strlen(line));
}

static int put_step(struct saving *s, const struct nvt_step *step) {
  int failed = step->note[0] != '\0' ? put_text(s, step->raw ? NOTE : NOTE_NEAR, step->note) : 0;
  if (failed == 0)
    failed = put(s, step->record.header.type, &step->record.meta, NULL, 0);
  for (uint32_t i = 0; i < step->data_count && failed == 0; i++) {
    struct nvt_rec_data data = step->data[i].data;
    data.sqid = step->record.command.sqid;
    data.cid = step->record.command.sqe.cid;
    failed = put(s, NVT_REC_DATA, &data, step->data[i].bytes, data.captured_length);
  }
  return failed;
}

bool nvt_input_save(const struct nvt_input *in, const char *path, const char *title,
                    struct nvt_reason *why) {
  struct saving s = {.header = {.controller = in->meta.header.controller,
                                .pci_address = in->meta.header.pci_address},
                     .time_ns = in->meta.time_ns,
                     .buffer = malloc(NVT_RECORD_MAX)};
  if (s.buffer == NULL || !nvt_writer_open(path, &s.writer, why)) {
    free(s.buffer);
    return false;
  }
  int failed = put(&s, NVT_REC_META, &in->meta.meta, in->meta.tail, in->meta.tail_length);
  if (failed == 0)
    failed = put_text(&s, "", title);
  for (size_t i = 0; i < in->count && failed == 0; i++) {
    if (in->steps[i].record.time_ns > s.time_ns)
      s.time_ns = in->steps[i].record.time_ns;
    failed = put_step(&s, &in->steps[i]);
  }
  free(s.buffer);
  if (failed == 0)
    return nvt_writer_close(s.writer, why);
  nvt_writer_abort(s.writer);
  snprintf(why->text, sizeof(why->text), "%.200s can't be written: %s", path, strerror(-failed));
  return false;
}
