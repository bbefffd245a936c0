/* SPDX-License-Identifier: BSD-2-Clause */
/* libnvmetap-capture with arguments at their limits, and what stands in its files. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embed/nvmetap/capture.h"
#include "trace/meta.h"
#include "trace/reader.h"

static char path[64];

static int begin(void **state) {
  (void)state;
  (void)snprintf(path, sizeof(path), "/tmp/nvmetap-embed-%ld.pcap", (long)getpid());
  return 0;
}

static int end(void **state) {
  (void)state;
  unlink(path);
  return 0;
}

static struct nvmetap_recorder *recorder(struct nvmetap_options options) {
  struct nvmetap_recorder *out;
  options.size = sizeof(options);
  if (options.ring_bytes == 0)
    options.ring_bytes = NVMETAP_RING_MIN;
  assert_int_equal(nvmetap_create(path, &options, &out), 0);
  assert_non_null(out);
  return out;
}

static struct nvmetap_controller *controller(struct nvmetap_recorder *r, uint16_t id) {
  struct nvmetap_info info = {.size = sizeof(info), .id = id, .vectors = 8};
  struct nvmetap_controller *out;
  assert_int_equal(nvmetap_add(r, &info, &out), 0);
  return out;
}

/* Calls `see` with each record of the file; how many there were. */
static uint64_t read_back(void (*see)(const struct nvt_record *, void *), void *ctx) {
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record record;
  uint64_t count = 0;
  assert_true(nvt_reader_open(path, &reader, &why));
  while (nvt_reader_next(reader, &record, &why) == NVT_READ_OK) {
    count++;
    if (see != NULL)
      see(&record, ctx);
  }
  nvt_reader_close(reader);
  return count;
}

static void nothing_is_recorded_of_null(void **state) {
  (void)state;
  static const uint8_t entry[64];
  const struct nvmetap_info info = {.size = sizeof(info)};
  struct nvmetap_controller *c = (void *)&info;
  assert_int_equal(nvmetap_add(NULL, &info, &c), 0);
  assert_null(c);
  assert_int_equal(nvmetap_update(NULL, &info), 0);
  assert_int_equal(nvmetap_access(NULL, 99, 0, 3, 0, 99), 0);
  assert_int_equal(nvmetap_doorbell(NULL, 0, false, 0, 99), 0);
  assert_int_equal(nvmetap_shadow(NULL, true, 0, false, 0, 0), 0);
  assert_int_equal(nvmetap_command(NULL, 0, 0, 0, 0, 0, entry), 0);
  assert_int_equal(nvmetap_completion(NULL, 0, 0, 0, 0, entry), 0);
  assert_int_equal(nvmetap_data(NULL, NULL), 0);
  assert_int_equal(nvmetap_interrupt(NULL, 0, 0, 99, 0, 0), 0);
  assert_int_equal(nvmetap_event(NULL, 99, 0, 0, 0, 0), 0);
  assert_int_equal(nvmetap_annotate(NULL, NULL), 0);
  assert_int_equal(nvmetap_queue(NULL, NULL), 0);
  assert_false(nvmetap_failed(NULL));
  struct nvmetap_counts counts = {.records = 1};
  assert_int_equal(nvmetap_close(NULL, &counts), 0);
  assert_int_equal(counts.records, 0);
  assert_int_equal(nvmetap_close(NULL, NULL), 0);
}

/* A recorder can be made with these, or the reason names the option. */
static void try_options(struct nvmetap_options options, const char *refused) {
  struct nvmetap_recorder *out = (void *)&options;
  if (refused == NULL) {
    assert_int_equal(nvmetap_create(path, &options, &out), 0);
    assert_int_equal(nvmetap_close(out, NULL), 0);
  } else {
    assert_int_equal(nvmetap_create(path, &options, &out), -EINVAL);
    assert_null(out);
    assert_non_null(strstr(nvmetap_error(), refused));
  }
}

static void options_at_their_limits(void **state) {
  (void)state;
  char name[65];
  memset(name, 'x', sizeof(name));
  const struct nvmetap_options good = {.size = sizeof(good), .ring_bytes = NVMETAP_RING_MIN};
  struct nvmetap_options o;
#define TRY(refused, ...)                                                                          \
  do {                                                                                             \
    o = good;                                                                                      \
    __VA_ARGS__;                                                                                   \
    try_options(o, refused);                                                                       \
  } while (0)
  TRY("options.size", o.size = sizeof(o) - 1);
  TRY("options.size", o.size = sizeof(o) + 1);
  TRY("options.size", o.size = 0);
  TRY("ring_bytes", o.ring_bytes = NVMETAP_RING_MIN - 1);
  TRY(NULL, o.ring_bytes = NVMETAP_RING_MIN);
  TRY(NULL, o.ring_bytes = NVMETAP_RING_MIN + 1);
  TRY("ring_bytes", o.ring_bytes = NVMETAP_RING_MAX + 1);
  TRY("ring_bytes", o.ring_bytes = UINT64_MAX);
  TRY(NULL, o.threads = NVMETAP_THREADS_MAX - 1);
  TRY(NULL, o.threads = NVMETAP_THREADS_MAX);
  TRY("threads", o.threads = NVMETAP_THREADS_MAX + 1);
  TRY("threads", o.threads = UINT32_MAX);
  TRY(NULL, o.on_full = NVMETAP_DROP);
  TRY("on_full", o.on_full = NVMETAP_DROP + 1);
  TRY(NULL, o.data = NVMETAP_DATA_FULL);
  TRY(NULL, o.data = NVMETAP_DATA_CRC);
  TRY("options.data", o.data = NVMETAP_DATA_CRC + 1);
  TRY("dedup_pages", o.dedup_pages = NVMETAP_DEDUP_MIN);
  TRY("dedup_pages", o.data = NVMETAP_DATA_FULL; o.dedup_pages = NVMETAP_DEDUP_MIN - 1);
  TRY(NULL, o.data = NVMETAP_DATA_FULL; o.dedup_pages = NVMETAP_DEDUP_MIN);
  TRY(NULL, o.data = NVMETAP_DATA_FULL; o.dedup_pages = NVMETAP_DEDUP_MAX);
  TRY("dedup_pages", o.data = NVMETAP_DATA_FULL; o.dedup_pages = NVMETAP_DEDUP_MAX + 1);
  name[63] = '\0';
  TRY(NULL, o.recorder = name);
  name[63] = 'x';
  name[64] = '\0';
  TRY("recorder", o.recorder = name);
  struct nvmetap_recorder *out;
  assert_int_equal(nvmetap_create(NULL, &good, &out), -EINVAL);
  assert_int_equal(nvmetap_create("", &good, &out), -EINVAL);
  assert_int_equal(nvmetap_create(path, &good, NULL), -EINVAL);
  assert_int_equal(nvmetap_create("/nonexistent/x.pcap", &good, &out), -ENOENT);
  assert_non_null(strstr(nvmetap_error(), "/nonexistent/x.pcap"));
  assert_int_equal(nvmetap_create(path, NULL, &out), 0);
  assert_int_equal(nvmetap_close(out, NULL), 0);
}

static void try_info(struct nvmetap_recorder *r, struct nvmetap_info info, int error,
                     const char *refused) {
  struct nvmetap_controller *c = (void *)&info;
  static uint16_t id = 100;
  info.id = id++;
  assert_int_equal(nvmetap_add(r, &info, &c), error);
  assert_true((error == 0) == (c != NULL));
  if (refused != NULL)
    assert_non_null(strstr(nvmetap_error(), refused));
}

static void controllers_at_their_limits(void **state) {
  (void)state;
  static struct nvmetap_namespace ns[NVMETAP_NAMESPACES_MAX + 1];
  static char backend[257];
  memset(backend, 'b', sizeof(backend));
  struct nvmetap_recorder *r = recorder((struct nvmetap_options){.threads = 2});
  const struct nvmetap_info good = {.size = sizeof(good), .namespaces = ns};
  struct nvmetap_info i;
#undef TRY
#define TRY(error, refused, ...)                                                                   \
  do {                                                                                             \
    i = good;                                                                                      \
    __VA_ARGS__;                                                                                   \
    try_info(r, i, error, refused);                                                                \
  } while (0)
  TRY(0, NULL, );
  TRY(-EINVAL, "info.size", i.size--);
  TRY(0, NULL, i.thread = 1);
  TRY(-EINVAL, "info.thread", i.thread = 2);
  TRY(-EINVAL, "info.thread", i.thread = UINT16_MAX);
  TRY(0, NULL, i.vectors = NVMETAP_VECTORS_MAX - 1);
  TRY(0, NULL, i.vectors = NVMETAP_VECTORS_MAX);
  TRY(-EINVAL, "info.vectors", i.vectors = NVMETAP_VECTORS_MAX + 1);
  TRY(0, NULL, i.namespace_count = NVMETAP_NAMESPACES_MAX - 1);
  TRY(0, NULL, i.namespace_count = NVMETAP_NAMESPACES_MAX);
  TRY(-EINVAL, "namespace_count", i.namespace_count = NVMETAP_NAMESPACES_MAX + 1);
  TRY(-EINVAL, "namespaces is NULL", i.namespace_count = 1; i.namespaces = NULL);
  ns[0].backend = backend;
  backend[255] = '\0';
  TRY(0, NULL, i.namespace_count = 1);
  backend[255] = 'b';
  backend[256] = '\0';
  TRY(-EINVAL, "namespaces[0].backend", i.namespace_count = 1);
  backend[255] = '\0';
  for (unsigned n = 0; n < NVMETAP_NAMESPACES_MAX; n++)
    ns[n].backend = backend;
  TRY(-E2BIG, "too long", i.namespace_count = NVMETAP_NAMESPACES_MAX);
  ns[0].backend = NULL;
  i = good;
  i.id = 100; /* taken by the first */
  struct nvmetap_controller *c;
  assert_int_equal(nvmetap_add(r, &i, &c), -EEXIST);
  assert_int_equal(nvmetap_add(r, NULL, &c), -EINVAL);
  assert_int_equal(nvmetap_add(r, &good, NULL), -EINVAL);
  struct nvmetap_counts counts;
  assert_int_equal(nvmetap_close(r, &counts), 0);
  assert_int_equal(counts.records, 7); /* those that were good: none of the others left anything */
  assert_int_equal(read_back(NULL, NULL), 7);
}

static void see_identity(const struct nvt_record *record, void *ctx) {
  struct nvt_meta *meta = ctx;
  char why[200];
  assert_int_equal(record->header.type, NVT_REC_META);
  assert_true(nvt_meta_parse(record->tail, record->tail_length, meta, why, sizeof(why)));
}

/* As they stand in Identify Controller: no byte behind a field is read, padding is taken off. */
static void identity_is_read_as_identify_has_it(void **state) {
  (void)state;
  static const uint8_t cap[] = {0xff, 0x03, 1, 0x14, 0x30, 0, 0x40, 0};
  char *serial = malloc(20), *model = malloc(40), *firmware = malloc(8);
  memset(serial, 'S', 20);
  memset(model, ' ', 40);
  memcpy(model, "a  model", 8);
  memset(firmware, ' ', 8);
  struct nvmetap_info info = {.size = sizeof(info),
                              .serial = serial,
                              .model = model,
                              .firmware = firmware,
                              .vs = 0x20000,
                              .mdts = 9,
                              .io_queues = 65535,
                              .shared_doorbells = true,
                              .pci_address = 0x12340028};
  memcpy(&info.cap, cap, 8);
  struct nvmetap_recorder *r = recorder((struct nvmetap_options){.recorder = "model 7"});
  struct nvmetap_controller *c;
  assert_int_equal(nvmetap_add(r, &info, &c), 0);
  free(serial);
  free(model);
  free(firmware);
  assert_int_equal(nvmetap_close(r, NULL), 0);
  struct nvt_meta meta;
  assert_int_equal(read_back(see_identity, &meta), 1);
  assert_string_equal(meta.serial, "SSSSSSSSSSSSSSSSSSSS");
  assert_string_equal(meta.model, "a  model");
  assert_string_equal(meta.firmware, "");
  assert_string_equal(meta.recorder, "model 7");
  assert_string_equal(meta.doorbells, "shared");
  assert_string_equal(meta.data, "none");
  assert_int_equal(meta.cap, info.cap);
  assert_int_equal(meta.mdts, 9);
  assert_int_equal(meta.io_queues, 65535);
  assert_int_equal(meta.pci_address, 0x12340028);
  nvt_meta_clear(&meta);
}

static void records_at_their_limits(void **state) {
  (void)state;
  static char text[NVMETAP_TEXT_MAX + 2];
  static const uint8_t bytes[8];
  memset(text, 't', sizeof(text) - 1);
  struct nvmetap_recorder *r = recorder((struct nvmetap_options){0});
  struct nvmetap_controller *c = controller(r, 1);
  for (unsigned kind = 0; kind < 20; kind++) {
    bool good = (kind >= 2 && kind <= 5) || kind == 8 || kind == 9;
    assert_int_equal(nvmetap_access(c, kind, 0, 4, 0, 0), good ? 0 : -EINVAL);
  }
  for (unsigned size = 0; size < 18; size++)
    assert_int_equal(nvmetap_access(c, NVMETAP_REG_READ, UINT64_MAX, size, UINT64_MAX, 3),
                     size == 1 || size == 2 || size == 4 || size == 8 ? 0 : -EINVAL);
  assert_int_equal(nvmetap_access(c, NVMETAP_REG_READ, 0, 4, 0, 4), -EINVAL);
  assert_int_equal(nvmetap_doorbell(c, UINT16_MAX, true, UINT32_MAX, 3), 0);
  assert_int_equal(nvmetap_doorbell(c, 0, false, 0, 4), -EINVAL);
  assert_int_equal(nvmetap_command(c, 0, 0, 0, 0, 0, NULL), -EINVAL);
  assert_int_equal(nvmetap_completion(c, 0, 0, 0, 0, NULL), -EINVAL);
  assert_int_equal(nvmetap_annotate(c, NULL), -EINVAL);
  for (unsigned event = 0; event < 40; event++)
    assert_int_equal(nvmetap_event(c, event, 0, 0, 0, 0), event >= 1 && event <= 21 ? 0 : -EINVAL);
  for (unsigned s = 0; s < 8; s++) {
    assert_int_equal(nvmetap_interrupt(c, 0, 0, s, 0, 0), s <= 3 ? 0 : -EINVAL);
    assert_int_equal(nvmetap_interrupt(c, 0, 0, s | NVMETAP_IRQ_PIN, 0, 0), s <= 3 ? 0 : -EINVAL);
  }
  for (uint32_t entries = 0; entries < 4; entries++) {
    const struct nvmetap_queue small = {.entries = entries}, big = {.entries = 65535 + entries};
    assert_int_equal(nvmetap_queue(c, &small), entries >= 2 ? 0 : -EINVAL);
    assert_int_equal(nvmetap_queue(c, &big), entries <= 1 ? 0 : -EINVAL);
  }
  struct nvmetap_data data = {.direction = NVMETAP_TO_HOST, .bytes = bytes, .length = 8};
  const struct nvmetap_data good = data;
  assert_int_equal(nvmetap_data(c, &data), 0);
  assert_int_equal(nvmetap_data(c, NULL), -EINVAL);
  data.bytes = NULL;
  assert_int_equal(nvmetap_data(c, &data), -EINVAL);
  data.length = 0;
  assert_int_equal(nvmetap_data(c, &data), 0);
  for (uint8_t direction = 0; direction < 4; direction++) {
    data = good;
    data.direction = direction;
    assert_int_equal(nvmetap_data(c, &data), direction == 1 || direction == 2 ? 0 : -EINVAL);
  }
  data = good;
  data.kind = 4;
  assert_int_equal(nvmetap_data(c, &data), -EINVAL);
  data = good;
  data.offset = UINT64_MAX - 8;
  assert_int_equal(nvmetap_data(c, &data), 0);
  data.offset++;
  assert_int_equal(nvmetap_data(c, &data), -EINVAL);
  text[NVMETAP_TEXT_MAX + 1] = '\0';
  assert_int_equal(nvmetap_annotate(c, text), -EINVAL);
  text[NVMETAP_TEXT_MAX] = '\0';
  assert_int_equal(nvmetap_annotate(c, text), 0);
  assert_int_equal(nvmetap_annotate(c, ""), 0);
  struct nvmetap_counts counts;
  assert_int_equal(nvmetap_close(r, &counts), 0);
  assert_int_equal(counts.records, 1 + 6 + 4 + 1 + 21 + 8 + 4 + 2);
  assert_int_equal(counts.lost, 0);
  assert_int_equal(read_back(NULL, NULL), counts.records);
}

struct seen {
  uint64_t digests, digested;
  uint64_t records, stateful, doorbell, payload, captured, pieces, next_seq;
  uint32_t epoch;
};

static void see_all(const struct nvt_record *record, void *ctx) {
  struct seen *seen = ctx;
  assert_int_equal(record->header.seq, seen->next_seq++);
  assert_true(record->header.epoch >= seen->epoch);
  seen->epoch = record->header.epoch;
  seen->records++;
  seen->stateful += record->header.flags & 1;
  if (record->header.type == NVT_REC_REG_WRITE)
    seen->doorbell = record->access.offset;
  if (record->header.type == NVT_REC_DIGEST) {
    assert_int_equal(record->digest.offset, seen->digested + seen->payload);
    seen->digests++;
    seen->digested += record->digest.true_length;
  }
  if (record->header.type == NVT_REC_DATA) {
    const uint64_t at = seen->payload + seen->digested;
    assert_int_equal(record->data.offset, at);
    assert_int_equal(record->data.address, 0x5000 + at);
    assert_int_equal(record->tail_length, record->data.captured_length);
    for (uint32_t i = 0; i < record->tail_length; i++)
      assert_int_equal(record->tail[i], (uint8_t)((at + i) * 7));
    seen->payload += record->data.true_length;
    seen->captured += record->data.captured_length;
    seen->pieces++;
  }
}

static void preamble(struct nvmetap_controller *c, void *ctx) {
  const struct nvmetap_queue queue = {.qid = 1, .entries = 2};
  assert_string_equal(ctx, "ctx");
  assert_int_equal(nvmetap_access(c, NVMETAP_REG_WRITE, 0x14, 4, 1, 0), 0);
  assert_int_equal(nvmetap_queue(c, &queue), 0);
}

/* State is marked, a reset begins an epoch behind its event, the stride is CAP's, long data is
 * split. */
static void what_is_recorded_stands_in_the_file(void **state) {
  (void)state;
  enum { DEDUP = 4 };
  static uint8_t bytes[300000];
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (uint8_t)(i * 7);
  for (unsigned mode = 0; mode < 5; mode++) {
    struct nvmetap_recorder *r =
        recorder((struct nvmetap_options){.data = mode == DEDUP ? NVMETAP_DATA_FULL : mode,
                                          .data_head = 1000,
                                          .dedup_pages = mode == DEDUP ? NVMETAP_DEDUP_MIN : 0,
                                          .locked = mode == 1});
    const struct nvmetap_namespace ns = {.nsid = 1, .block_size = 520, .blocks = 1}; /* no unit */
    struct nvmetap_info info = {.size = sizeof(info),
                                .cap = UINT64_C(3) << 32,
                                .preamble = preamble,
                                .ctx = "ctx",
                                .namespaces = &ns,
                                .namespace_count = 1};
    struct nvmetap_controller *c;
    assert_int_equal(nvmetap_add(r, &info, &c), 0);
    assert_int_equal(nvmetap_doorbell(c, 2, true, 9, 0), 0);
    const struct nvmetap_data data = {.sqid = 1,
                                      .direction = NVMETAP_TO_CONTROLLER,
                                      .address = 0x5000,
                                      .bytes = bytes,
                                      .length = sizeof(bytes)};
    assert_int_equal(nvmetap_data(c, &data), 0);
    assert_int_equal(nvmetap_event(c, NVMETAP_CONTROLLER_RESET, 0, 0, 0, 0), 0);
    assert_int_equal(nvmetap_event(c, NVMETAP_READY, 0, 0, 0, 0), 0);
    assert_int_equal(nvmetap_update(c, &info), 0);
    struct nvmetap_counts counts;
    struct seen seen = {0};
    assert_int_equal(nvmetap_close(r, &counts), 0);
    read_back(see_all, &seen);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(counts.bytes, status.st_size);
    assert_int_equal(seen.records, counts.records);
    assert_int_equal(seen.stateful, 2);
    assert_int_equal(seen.epoch, 1);
    assert_int_equal(seen.doorbell, 0x1000 + 5 * 32);
    /* A page and its end are new, what is between repeats that page. */
    static const struct seen want[] = {
        [NVMETAP_DATA_HEAD] = {.payload = 300000, .captured = 1000, .pieces = 1},
        [NVMETAP_DATA_FULL] = {.payload = 300000, .captured = 300000, .pieces = 3},
        [NVMETAP_DATA_CRC] = {.digested = 300000},
        [DEDUP] = {
            .digested = 72 * 4096, .payload = 4096 + 992, .captured = 4096 + 992, .pieces = 2}};
    assert_int_equal(seen.digested, want[mode].digested);
    assert_int_equal(seen.payload, want[mode].payload);
    assert_int_equal(seen.captured, want[mode].captured);
    assert_int_equal(seen.pieces, want[mode].pieces);
  }
}

struct worker {
  struct nvmetap_controller *controller;
  unsigned count;
  bool big; /* 64 KiB of data a call: eight fill the ring, long before the writer looks again */
  uint64_t lost;
};

static void *work(void *arg) {
  struct worker *w = arg;
  static const uint8_t sqe[64] = {2}, bytes[65536];
  const struct nvmetap_data data = {
      .direction = NVMETAP_TO_HOST, .bytes = bytes, .length = sizeof(bytes)};
  for (unsigned i = 0; i < w->count; i++)
    w->lost += (w->big ? nvmetap_data(w->controller, &data)
                       : nvmetap_command(w->controller, 1, 1, (uint16_t)i, 0, 0, sqe)) != 0;
  return NULL;
}

struct threads_seen {
  uint64_t time, next[4], records, lost;
};

static void see_threads(const struct nvt_record *record, void *ctx) {
  struct threads_seen *seen = ctx;
  uint16_t id = record->header.controller;
  assert_true(record->time_ns >= seen->time);
  seen->time = record->time_ns;
  assert_true(id < 4);
  if (record->header.type == NVT_REC_LOSS) {
    assert_int_equal(record->loss.first_seq, seen->next[id]);
    seen->next[id] += record->loss.count;
    seen->lost += record->loss.count;
  }
  assert_int_equal(record->header.seq, seen->next[id]++);
  seen->records++;
}

/* A ring for each; one, and a lock, that is too small for what they drop; one for one controller
 * that all of them serve. */
enum how { OWN_RINGS, DROPPING, ONE_CONTROLLER, HOWS };

static struct nvmetap_recorder *four_workers(enum how how, struct worker workers[4]) {
  struct nvmetap_recorder *r =
      recorder((struct nvmetap_options){.threads = how == OWN_RINGS ? 4 : 1,
                                        .locked = how != OWN_RINGS,
                                        .data = NVMETAP_DATA_FULL,
                                        .on_full = how == DROPPING ? NVMETAP_DROP : NVMETAP_BLOCK});
  for (uint16_t i = 0; i < 4; i++) {
    struct nvmetap_info info = {.size = sizeof(info), .id = i, .thread = how == OWN_RINGS ? i : 0};
    workers[i] = (struct worker){.count = how == DROPPING ? 200 : 20000, .big = how == DROPPING};
    if (i > 0 && how == ONE_CONTROLLER)
      workers[i].controller = workers[0].controller;
    else
      assert_int_equal(nvmetap_add(r, &info, &workers[i].controller), 0);
  }
  return r;
}

static void threads_lose_nothing_unsaid(void **state) {
  (void)state;
  static const uint64_t records[HOWS] = {
      [OWN_RINGS] = 4 + 4 * 20000, [ONE_CONTROLLER] = 1 + 4 * 20000};
  for (enum how how = OWN_RINGS; how < HOWS; how++) {
    struct worker workers[4];
    pthread_t threads[4];
    struct nvmetap_recorder *r = four_workers(how, workers);
    for (unsigned i = 0; i < 4; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    uint64_t lost = 0;
    for (unsigned i = 0; i < 4; i++) {
      assert_int_equal(pthread_join(threads[i], NULL), 0);
      lost += workers[i].lost;
    }
    struct nvmetap_counts counts;
    struct threads_seen seen = {0};
    assert_int_equal(nvmetap_close(r, &counts), 0);
    read_back(see_threads, &seen);
    assert_int_equal(counts.lost, lost);
    assert_int_equal(seen.lost, lost);
    assert_int_equal(seen.records, counts.records);
    if (how == DROPPING)
      assert_true(lost > 0);
    else
      assert_int_equal(counts.records, records[how]);
  }
}

/* What a flush has waited for stands in the file: of one ring, and of several. */
static void a_flush_is_waited_for(void **state) {
  (void)state;
  for (unsigned threads = 1; threads <= 3; threads++) {
    struct nvmetap_recorder *r =
        recorder((struct nvmetap_options){.threads = threads, .crash_safe = threads == 3});
    struct nvmetap_controller *c[3];
    assert_int_equal(nvmetap_flush(r), 0);
    for (uint16_t i = 0; i < threads; i++) {
      struct nvmetap_info info = {.size = sizeof(info), .id = i, .thread = i};
      assert_int_equal(nvmetap_add(r, &info, &c[i]), 0);
    }
    for (unsigned round = 1; round <= 5; round++) {
      for (unsigned i = 0; i < threads; i++)
        assert_int_equal(nvmetap_annotate(c[i], "here"), 0);
      assert_int_equal(nvmetap_flush(r), 0);
      assert_int_equal(read_back(NULL, NULL), threads * (1 + round));
    }
    assert_int_equal(nvmetap_close(r, NULL), 0);
  }
  assert_int_equal(nvmetap_flush(NULL), 0);
}

/* A full disk: said, counted, and nobody waits. */
static void writing_fails(void **state) {
  (void)state;
  struct nvmetap_options options = {.size = sizeof(options), .ring_bytes = NVMETAP_RING_MIN};
  struct nvmetap_recorder *r;
  int error = nvmetap_create("/dev/full", &options, &r);
  assert_int_equal(error, -ENOSPC); /* its header can't be written */
  assert_non_null(strstr(nvmetap_error(), "/dev/full"));
  r = recorder((struct nvmetap_options){0});
  struct worker worker = {.controller = controller(r, 0), .count = 20000};
  struct rlimit before, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 300000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_false(nvmetap_failed(r));
  work(&worker);
  assert_int_equal(nvmetap_flush(r), -EIO);
  assert_true(nvmetap_failed(r));
  struct nvmetap_counts counts;
  assert_int_equal(nvmetap_close(r, &counts), -EFBIG);
  assert_non_null(strstr(nvmetap_error(), path));
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(worker.lost, counts.lost);
  uint64_t there = read_back(NULL, NULL);
  assert_true(there > 1000 && there <= 300000 / 128);
  assert_int_equal(there + counts.unsaved, counts.records);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_recorded_of_null),
      cmocka_unit_test(options_at_their_limits),
      cmocka_unit_test(controllers_at_their_limits),
      cmocka_unit_test(identity_is_read_as_identify_has_it),
      cmocka_unit_test(records_at_their_limits),
      cmocka_unit_test(what_is_recorded_stands_in_the_file),
      cmocka_unit_test(threads_lose_nothing_unsaid),
      cmocka_unit_test(a_flush_is_waited_for),
      cmocka_unit_test(writing_fails),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
