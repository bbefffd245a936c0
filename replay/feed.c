/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/pci.h"
#include "trace/pages.h"
#include "trace/session.h"

#define BUCKETS 4096u

struct nvt_feed {
  struct nvt_pages *pages; /* what digests stand for */
  struct nvt_reader *reader;
  struct nvt_session *session;
  struct nvt_feed_item *ring;
  size_t room; /* a power of two */
  size_t first;
  size_t count;
  struct nvt_feed_item current; /* handed out: the ring may grow while it is in use */
  enum nvt_feed_status ended;   /* ITEM: not yet */
  struct nvt_reason why;
  uint64_t bytes;
  size_t commands;
  uint64_t foreign;
  bool made_up; /* the next completion is no command's: a plug-in made it up */
  /* Commands by queue and identifier, the youngest first: that is the one which the
   * records around it are of, even when a completion before it was falsified. */
  struct nvt_replay_command *buckets[BUCKETS];
};

static struct nvt_replay_command **bucket(struct nvt_feed *feed, uint16_t controller, uint16_t sqid,
                                          uint16_t cid) {
  return &feed->buckets[(cid ^ sqid * 97u ^ controller * 31u) % BUCKETS];
}

static struct nvt_replay_command *find_command(struct nvt_feed *feed, uint16_t controller,
                                               uint16_t sqid, uint16_t cid, bool closed) {
  struct nvt_replay_command *command = *bucket(feed, controller, sqid, cid);
  while (command != NULL && (command->closed != closed || command->command.sqe.cid != cid ||
                             command->command.sqid != sqid || command->controller != controller))
    command = command->bucket_next;
  return command;
}

void nvt_feed_forget_data(struct nvt_feed *feed, struct nvt_replay_command *command) {
  for (struct nvt_chunk *chunk = command->chunks; chunk != NULL;) {
    struct nvt_chunk *next = chunk->next;
    feed->bytes -= chunk->held;
    free(chunk->digest);
    free(chunk);
    chunk = next;
  }
  command->chunks = NULL;
  command->last = &command->chunks;
}

void nvt_feed_hold(struct nvt_replay_command *command) {
  command->references++;
}

void nvt_feed_drop(struct nvt_feed *feed, struct nvt_replay_command *command) {
  if (command == NULL || --command->references > 0)
    return;
  nvt_feed_forget_data(feed, command);
  feed->commands--;
  struct nvt_replay_command **link =
      bucket(feed, command->controller, command->command.sqid, command->command.sqe.cid);
  while (*link != command)
    link = &(*link)->bucket_next;
  *link = command->bucket_next;
  free(command);
}

static void ended(void *ctx, struct nvt_exchange *exchange) {
  struct nvt_replay_command *command = exchange->user;
  if (command == NULL)
    return;
  exchange->user = NULL;
  command->closed = true;
  nvt_feed_drop(ctx, command);
}

bool nvt_feed_open(const char *path, struct nvt_feed **out, struct nvt_reason *why) {
  struct nvt_feed *feed = calloc(1, sizeof(*feed));
  *why = (struct nvt_reason){.text = "out of memory"};
  if (feed == NULL)
    return false;
  feed->room = 64;
  feed->ring = calloc(feed->room, sizeof(*feed->ring));
  struct nvt_session_options options = {.ended = ended, .ended_ctx = feed};
  if (feed->ring == NULL || nvt_pages_create(&feed->pages) != 0 ||
      nvt_session_create(&options, &feed->session) != 0 ||
      !nvt_reader_open(path, &feed->reader, why)) {
    nvt_feed_close(feed);
    return false;
  }
  *out = feed;
  return true;
}

static void clear(struct nvt_feed *feed, struct nvt_feed_item *item) {
  nvt_feed_drop(feed, item->command);
  free(item->tail);
  item->command = NULL;
  item->tail = NULL;
}

static void pop(struct nvt_feed *feed) {
  clear(feed, &feed->current);
  feed->current = feed->ring[feed->first];
  feed->first = (feed->first + 1) & (feed->room - 1);
  feed->count--;
}

void nvt_feed_close(struct nvt_feed *feed) {
  if (feed == NULL)
    return;
  if (feed->session != NULL)
    nvt_session_finish(feed->session);
  while (feed->count > 0)
    pop(feed);
  clear(feed, &feed->current);
  nvt_session_destroy(feed->session);
  nvt_pages_destroy(feed->pages);
  nvt_reader_close(feed->reader);
  free(feed->ring);
  free(feed);
}

static bool grow(struct nvt_feed *feed) {
  struct nvt_feed_item *bigger = calloc(feed->room * 2, sizeof(*bigger));
  if (bigger == NULL)
    return false;
  for (size_t i = 0; i < feed->count; i++)
    bigger[i] = feed->ring[(feed->first + i) & (feed->room - 1)];
  free(feed->ring);
  feed->ring = bigger;
  feed->room *= 2;
  feed->first = 0;
  return true;
}

static void fail(struct nvt_feed *feed, const struct nvt_record *record, const char *text) {
  feed->ended = NVT_FEED_ERROR;
  feed->why = (struct nvt_reason){.offset = record->offset, .record = record->number};
  snprintf(feed->why.text, sizeof(feed->why.text), "record %llu: %s",
           (unsigned long long)record->number, text);
}

/* A digest record that has CRCs, with its tail. */
static struct nvt_record *copy_digest(const struct nvt_record *record) {
  struct nvt_record *copy = malloc(sizeof(*copy) + record->tail_length);
  if (copy == NULL)
    return NULL;
  *copy = *record;
  memcpy(copy + 1, record->tail, record->tail_length);
  copy->tail = (const uint8_t *)(copy + 1);
  return copy;
}

static void append(struct nvt_feed *feed, struct nvt_replay_command *command,
                   struct nvt_chunk *chunk) {
  feed->bytes += chunk->held;
  *command->last = chunk;
  command->last = &chunk->next;
}

/* What the bytes are is told by CRCs alone. */
static void take_digest(struct nvt_feed *feed, struct nvt_replay_command *command,
                        const struct nvt_record *record, const struct nvt_rec_data *data) {
  if (data->direction < 3)
    command->moved[data->direction] += data->true_length;
  if (command->executed || data->true_length == 0)
    return;
  struct nvt_chunk *chunk = calloc(1, sizeof(*chunk) + data->true_length);
  struct nvt_record *digest = copy_digest(record);
  if (chunk == NULL || digest == NULL) {
    free(chunk);
    free(digest);
    return; /* less can be compared */
  }
  chunk->record = record->number;
  chunk->data = *data;
  chunk->data.captured_length = data->true_length;
  chunk->digest = digest;
  chunk->held = data->true_length + record->tail_length;
  append(feed, command, chunk);
}

static void take_chunk(struct nvt_feed *feed, struct nvt_replay_command *command,
                       const struct nvt_record *record) {
  const struct nvt_rec_data *data = &record->data;
  bool payload = data->kind == NVT_V_data_kind_PAYLOAD;
  if (payload && data->direction < 3)
    command->moved[data->direction] += data->true_length;
  if (!payload)
    command->has_lists = true;
  /* The tail is what there is, whatever the field says. */
  uint32_t captured = record->tail_length;
  if (captured > data->true_length)
    captured = data->true_length;
  if (payload && data->offset == command->captured_upto)
    command->captured_upto += captured;
  if (captured < data->true_length)
    command->incomplete = true;
  if (command->executed || captured == 0)
    return;
  struct nvt_chunk *chunk = malloc(sizeof(*chunk) + captured);
  if (chunk == NULL)
    return; /* less can be compared */
  chunk->next = NULL;
  chunk->digest = NULL;
  chunk->record = record->number;
  chunk->data = *data;
  chunk->data.captured_length = captured;
  memcpy(chunk->bytes, record->tail, captured);
  chunk->held = captured;
  append(feed, command, chunk);
}

/* Data, or a digest in its place. */
static void take_data(struct nvt_feed *feed, struct nvt_replay_command *command,
                      const struct nvt_record *record) {
  struct nvt_record data;
  if (record->header.type == NVT_REC_DATA) {
    take_chunk(feed, command, record);
    return;
  }
  bool known = nvt_pages_as_data(feed->pages, record, &data);
  if (!known)
    nvt_record_digest_as_data(record, &data);
  if (!known && record->digest.algorithm == NVT_V_digest_algorithm_CRC32C &&
      record->digest.kind == NVT_V_digest_kind_PAYLOAD)
    take_digest(feed, command, record, &data.data);
  else
    take_chunk(feed, command, &data);
}

static void take_verdict(struct nvt_replay_command *command,
                         const struct nvt_rec_verdict *verdict) {
  switch (verdict->verdict) {
  case NVT_V_verdict_verdict_CHANGED:
    if (verdict->tap == NVT_V_verdict_tap_ADMIN_MEMORY ||
        verdict->tap == NVT_V_verdict_tap_IO_MEMORY)
      command->corrupted = true;
    else
      command->changed = true;
    break;
  case NVT_V_verdict_verdict_COMPLETED:
    command->imposed = true;
    break;
  case NVT_V_verdict_verdict_HELD:
    command->held = true;
    break;
  case NVT_V_verdict_verdict_DROPPED:
    command->dropped = true;
    break;
  default: /* released and died: nothing that the command's replay depends on */
    break;
  }
}

/* The session's word that an exchange is over. */
static void release_exchange(struct nvt_feed *feed, struct nvt_exchange *exchange) {
  if (exchange != NULL && exchange->user != NULL)
    ended(feed, exchange);
}

static struct nvt_replay_command *make_command(struct nvt_feed *feed,
                                               const struct nvt_record *record,
                                               struct nvt_exchange *exchange) {
  if (feed->commands >= NVT_FEED_COMMANDS) {
    fail(feed, record,
         "more commands outstanding than any host keeps; this is not a plausible trace");
    return NULL;
  }
  struct nvt_replay_command *command = calloc(1, sizeof(*command));
  if (command == NULL) {
    fail(feed, record, "out of memory");
    return NULL;
  }
  feed->commands++;
  command->last = &command->chunks;
  command->record = record->number;
  command->command = record->command;
  command->controller = record->header.controller;
  command->earlier = (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
  command->set = exchange != NULL ? exchange->set
                                  : (uint8_t)nvt_set_of(record->command.sqid,
                                                        record->command.sqe.opcode, NVT_SET_NVM);
  struct nvt_replay_command **link =
      bucket(feed, command->controller, record->command.sqid, record->command.sqe.cid);
  command->bucket_next = *link;
  *link = command;
  if (exchange != NULL && exchange->user == NULL) {
    exchange->user = command;
    command->references++;
  } else {
    command->closed = true;
  }
  return command;
}

const char *nvt_replay_command_name(const struct nvt_replay_command *command) {
  enum nvt_opcode_set set = (enum nvt_opcode_set)command->set;
  const char *name = nvt_opcode_name(set, nvt_command_code(set, &command->command.sqe));
  return name != NULL ? name : "command";
}

/* The record's command, made where it is one. */
static bool attach_command(struct nvt_feed *feed, const struct nvt_record *record,
                           struct nvt_exchange *exchange, struct nvt_feed_item *item) {
  uint16_t id = record->header.controller;
  struct nvt_replay_command *command = NULL;
  switch (record->header.type) {
  case NVT_REC_COMMAND:
    command = make_command(feed, record, exchange);
    if (command == NULL)
      return false;
    break;
  case NVT_REC_COMPLETION:
    if (feed->made_up || (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0)
      break; /* by a plug-in, or long ago: no command's, whatever its identifiers */
    command = find_command(feed, id, record->completion.sqid, record->completion.cqe.cid, false);
    if (command != NULL) {
      command->completion = record->completion;
      command->completion_record = record->number;
      command->closed = true;
    } else {
      struct nvt_replay_command *done =
          find_command(feed, id, record->completion.sqid, record->completion.cqe.cid, true);
      if (done != NULL && done->completion_record != 0)
        done->twice = true;
    }
    break;
  case NVT_REC_DATA:
  case NVT_REC_DIGEST: /* begins like data */
    command = find_command(feed, id, record->data.sqid, record->data.cid, false);
    if (command != NULL)
      take_data(feed, command, record);
    break;
  case NVT_REC_VERDICT:
    command = find_command(feed, id, record->verdict.sqid, record->verdict.cid, false);
    if (command == NULL) { /* a callback that reset the controller, and then decided */
      command = find_command(feed, id, record->verdict.sqid, record->verdict.cid, true);
      if (command != NULL && command->completion_record != 0)
        command = NULL;
    }
    if (command != NULL)
      take_verdict(command, &record->verdict);
    break;
  default:
    break;
  }
  item->command = command;
  if (command != NULL)
    command->references++;
  /* Nothing else is asked of the session, which keeps it until the acknowledgement. */
  if (record->header.type == NVT_REC_COMPLETION && !feed->made_up)
    release_exchange(feed, exchange);
  feed->made_up = record->header.type == NVT_REC_VERDICT &&
                  record->verdict.verdict == NVT_V_verdict_verdict_INJECTED &&
                  (record->verdict.tap == NVT_V_verdict_tap_ADMIN_WRITEBACK ||
                   record->verdict.tap == NVT_V_verdict_tap_IO_WRITEBACK);
  return true;
}

/* Read one record into the ring. False at the end. */
static bool pull(struct nvt_feed *feed) {
  if (feed->ended != NVT_FEED_ITEM)
    return false;
  struct nvt_record record;
  for (;;) {
    enum nvt_read read = nvt_reader_next(feed->reader, &record, &feed->why);
    if (read == NVT_READ_OK)
      break;
    if (read == NVT_READ_FOREIGN) {
      feed->foreign++;
      continue;
    }
    feed->ended = read == NVT_READ_END   ? NVT_FEED_END
                  : read == NVT_READ_CUT ? NVT_FEED_CUT
                                         : NVT_FEED_ERROR;
    return false;
  }
  if (feed->count == feed->room && !grow(feed)) {
    fail(feed, &record, "out of memory");
    return false;
  }
  struct nvt_view view;
  if (nvt_pages_record(feed->pages, &record) != 0 ||
      nvt_session_record(feed->session, &record, &view) != 0) {
    fail(feed, &record, "out of memory");
    return false;
  }
  struct nvt_feed_item *item = &feed->ring[(feed->first + feed->count) & (feed->room - 1)];
  item->record = record;
  item->command = NULL;
  item->tail = NULL;
  item->missing = view.seq_gap ? view.missing : 0;
  item->record.tail = NULL;
  if (record.header.type == NVT_REC_META && record.tail_length > 0) {
    item->tail = malloc(record.tail_length);
    if (item->tail == NULL) {
      fail(feed, &record, "out of memory");
      return false;
    }
    memcpy(item->tail, record.tail, record.tail_length);
    item->record.tail = item->tail;
  }
  if (!attach_command(feed, &record, view.exchange, item)) {
    free(item->tail);
    return false;
  }
  feed->count++;
  return true;
}

enum nvt_feed_status nvt_feed_next(struct nvt_feed *feed, const struct nvt_feed_item **out,
                                   struct nvt_reason *why) {
  if (feed->count == 0 && !pull(feed)) {
    *why = feed->why;
    return feed->ended;
  }
  pop(feed);
  if (feed->count == 0)
    feed->first = 0; /* the ring's start is what is in the cache */
  *out = &feed->current;
  return NVT_FEED_ITEM;
}

/* What a callback causes stands before the verdict on the command that it was called for. */
static bool by_plugin(const struct nvt_record *record) {
  return record->header.type == NVT_REC_EVENT ||
         (record->header.type == NVT_REC_VERDICT &&
          record->verdict.verdict == NVT_V_verdict_verdict_INJECTED);
}

static const struct nvt_feed_item *newest_of(const struct nvt_feed *feed) {
  return feed->count == 0 ? NULL : &feed->ring[(feed->first + feed->count - 1) & (feed->room - 1)];
}

bool nvt_feed_look_ahead(struct nvt_feed *feed, struct nvt_replay_command *command, bool briefly) {
  uint16_t controller = feed->current.record.header.controller;
  for (;;) {
    const struct nvt_feed_item *newest = newest_of(feed);
    bool caused = newest != NULL && by_plugin(&newest->record);
    /* Ended by a reset that its own callback may have caused: the verdict follows. */
    if (command->closed && !(caused && command->completion_record == 0))
      return true;
    if (briefly && newest != NULL && !caused && newest->command != command &&
        newest->record.header.controller == controller)
      return true;
    if (feed->count >= NVT_FEED_RECORDS || feed->bytes >= NVT_FEED_BYTES || !pull(feed))
      return command->closed;
  }
}

struct nvt_replay_command *
nvt_feed_meanwhile(struct nvt_feed *feed, const struct nvt_replay_command *command, size_t *index) {
  while (*index < feed->count) {
    const struct nvt_feed_item *item = &feed->ring[(feed->first + (*index)++) & (feed->room - 1)];
    if (command->completion_record != 0 && item->record.number > command->completion_record)
      return NULL;
    if (item->record.header.type == NVT_REC_COMMAND && item->command != NULL &&
        item->command->controller == command->controller)
      return item->command;
  }
  return NULL;
}

const struct nvt_record *nvt_feed_peek(struct nvt_feed *feed) {
  if (feed->count == 0 && !pull(feed))
    return NULL;
  return &feed->ring[feed->first & (feed->room - 1)].record;
}

bool nvt_feed_peek_interrupt(struct nvt_feed *feed, uint16_t vector, uint8_t *state) {
  uint16_t controller = feed->current.record.header.controller;
  const struct nvt_record *record = &feed->current.record;
  for (size_t i = 0; i < NVT_FEED_RECORDS; i++) {
    bool interrupt = record->header.type == NVT_REC_INTERRUPT;
    if (interrupt && record->header.controller == controller &&
        record->interrupt.vector == vector) {
      *state = record->interrupt.state;
      return true;
    }
    if ((!interrupt && i > 0) || (i == feed->count && !pull(feed)))
      return false;
    record = &feed->ring[(feed->first + i) & (feed->room - 1)].record;
  }
  return false;
}

#define META_RECORDS 64u  /* between a change of namespaces and the record that tells it */
#define PIN_RECORDS 1024u /* of the controller; of all together: */
#define PIN_RECORDS_ALL 8192u

/* 1: there is one, 0: there is none, -1: this record doesn't tell. */
static int pin_evidence(const struct nvt_record *record, uint16_t controller) {
  if (record->header.controller != controller)
    return -1;
  if (record->header.type == NVT_REC_INTERRUPT &&
      record->interrupt.mode == NVT_V_interrupt_mode_PIN)
    return record->interrupt.state != NVT_V_interrupt_state_DISABLED;
  const struct nvt_rec_access *access = &record->access;
  if (record->header.type != NVT_REC_CONFIG_READ ||
      access->offset > NVT_PCI_AT_HEADER_INTERRUPT_PIN ||
      NVT_PCI_AT_HEADER_INTERRUPT_PIN - access->offset >= access->size || access->size > 8)
    return -1;
  return (access->value >> ((NVT_PCI_AT_HEADER_INTERRUPT_PIN - access->offset) * 8) & 0xff) != 0;
}

const struct nvt_record *nvt_feed_peek_meta(struct nvt_feed *feed, uint16_t controller) {
  for (size_t i = 0; i < META_RECORDS && (i < feed->count || pull(feed)); i++) {
    const struct nvt_record *record = &feed->ring[(feed->first + i) & (feed->room - 1)].record;
    if (record->header.type == NVT_REC_META && record->header.controller == controller)
      return record;
  }
  return NULL;
}

bool nvt_feed_find_pin(struct nvt_feed *feed, uint16_t controller) {
  size_t own = 0;
  for (size_t i = 0; i < PIN_RECORDS_ALL && own < PIN_RECORDS; i++) {
    if (i == feed->count && !pull(feed))
      return false;
    const struct nvt_record *record = &feed->ring[(feed->first + i) & (feed->room - 1)].record;
    int evidence = pin_evidence(record, controller);
    if (evidence >= 0)
      return evidence != 0;
    own += record->header.controller == controller;
  }
  return false;
}

uint64_t nvt_feed_size(const struct nvt_feed *feed) {
  return nvt_reader_size(feed->reader);
}

uint64_t nvt_feed_position(const struct nvt_feed *feed) {
  return nvt_reader_position(feed->reader);
}

uint64_t nvt_feed_foreign(const struct nvt_feed *feed) {
  return feed->foreign;
}
