/* SPDX-License-Identifier: BSD-2-Clause */
/* A small made-up trace that has every kind of record, every named value of every
 * field, a longer header, a longer body, and a frame cut by a snap length. */
#ifndef NVT_TESTS_ALL_KINDS_H
#define NVT_TESTS_ALL_KINDS_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trace/build.h"
#include "trace/writer.h"

struct all_kinds {
  uint8_t *bytes; /* the whole file; free() it */
  size_t length;
  size_t offsets[400]; /* of each frame */
  size_t count;
  uint64_t seq;
  uint64_t time_ns;
};

static inline void all_kinds_append(struct all_kinds *k, const void *bytes, size_t length) {
  k->bytes = realloc(k->bytes, k->length + length);
  assert(k->bytes != NULL);
  memcpy(k->bytes + k->length, bytes, length);
  k->length += length;
}

static inline void all_kinds_frame(struct all_kinds *k, const void *bytes, size_t captured,
                                   size_t length) {
  assert(k->count < sizeof(k->offsets) / sizeof(k->offsets[0]));
  k->offsets[k->count++] = k->length;
  k->time_ns += 1234;
  uint32_t header[4] = {(uint32_t)(k->time_ns / 1000000000u), (uint32_t)(k->time_ns % 1000000000u),
                        (uint32_t)captured, (uint32_t)length};
  _Static_assert(sizeof(header) == NVT_FRAME_HEADER_BYTES, "pcap's");
  all_kinds_append(k, header, sizeof(header));
  all_kinds_append(k, bytes, captured);
}

static inline struct nvt_rec_header all_kinds_header(struct all_kinds *k) {
  return (struct nvt_rec_header){
      .controller = 1, .thread = 2, .epoch = 3, .pci_address = 0x00010203, .seq = k->seq++};
}

static inline void all_kinds_put(struct all_kinds *k, enum nvt_record_type type, uint8_t flags,
                                 const void *body, const void *tail, size_t tail_length) {
  static uint8_t buffer[NVT_RECORD_MAX];
  struct nvt_rec_header header = all_kinds_header(k);
  header.flags = flags;
  size_t length = nvt_build_record(buffer, sizeof(buffer), type, &header, body, tail, tail_length);
  assert(length > 0);
  all_kinds_frame(k, buffer, length, length);
}

static inline void all_kinds_accesses(struct all_kinds *k) {
  const unsigned types[] = {NVT_REC_CONFIG_READ, NVT_REC_CONFIG_WRITE, NVT_REC_REG_READ,
                            NVT_REC_REG_WRITE,   NVT_REC_MSIX_READ,    NVT_REC_MSIX_WRITE};
  const uint8_t spaces[] = {0, 0, 1, 1, 2, 2};
  for (size_t i = 0; i < 6; i++)
    for (uint8_t size = 1; size <= 8; size = (uint8_t)(size * 2)) {
      struct nvt_rec_access access = {.offset = 0x14,
                                      .value = 0xfedcba9876543210 >> (64 - 8 * size),
                                      .size = size,
                                      .space = spaces[i]};
      all_kinds_put(k, types[i], 0, &access, NULL, 0);
    }
  struct nvt_rec_access pba = {.offset = 0, .value = 5, .size = 8, .space = 3};
  all_kinds_put(k, NVT_REC_MSIX_READ, 0, &pba, NULL, 0);
  struct nvt_rec_access doorbell = {.offset = 0x1008, .value = 3, .size = 4, .space = 1};
  for (uint8_t flags = 0; flags < 4; flags++) {
    doorbell.access_flags = flags;
    all_kinds_put(k, NVT_REC_REG_WRITE, 0, &doorbell, NULL, 0);
  }
}

/* A page, and each way of telling what data is without carrying it. */
static inline void all_kinds_digests(struct all_kinds *k, uint16_t cid) {
  static uint8_t page[4096];
  for (size_t i = 0; i < sizeof(page); i++)
    page[i] = (uint8_t)(i / 512 + 1);
  struct nvt_rec_data data = {.sqid = 1,
                              .cid = cid,
                              .direction = NVT_V_data_direction_IN,
                              .address = 0x77000,
                              .true_length = sizeof(page)};
  uint64_t seq = k->seq;
  all_kinds_put(k, NVT_REC_DATA, 0, &data, page, sizeof(page));
  struct nvt_rec_digest same = {.sqid = 1,
                                .cid = cid,
                                .direction = NVT_V_digest_direction_IN,
                                .address = 0x78000,
                                .offset = 4096,
                                .true_length = sizeof(page),
                                .same_as = seq};
  all_kinds_put(k, NVT_REC_DIGEST, 0, &same, NULL, 0);
  same.same_as = 1; /* not a data record */
  same.direction = NVT_V_digest_direction_OUT;
  all_kinds_put(k, NVT_REC_DIGEST, 0, &same, NULL, 0);
  const uint32_t digests[3] = {0xe3069283, 0x8a9136aa, 0x62a8ab43};
  struct nvt_rec_digest crc = {.sqid = 1,
                               .cid = cid,
                               .direction = NVT_V_digest_direction_IN,
                               .algorithm = NVT_V_digest_algorithm_CRC32C,
                               .address = 0x79000,
                               .offset = 8192,
                               .true_length = 1100,
                               .unit = 512};
  all_kinds_put(k, NVT_REC_DIGEST, 0, &crc, digests, sizeof(digests));
  crc.kind = NVT_V_digest_kind_METADATA;
  crc.true_length = 8;
  all_kinds_put(k, NVT_REC_DIGEST, 0, &crc, digests, 4);
  struct nvt_rec_digest fill = {.sqid = 1,
                                .cid = cid,
                                .direction = NVT_V_digest_direction_IN,
                                .algorithm = NVT_V_digest_algorithm_FILL,
                                .address = 0x7a000,
                                .offset = 9292,
                                .true_length = 20,
                                .fill = 0x0807060504030201};
  all_kinds_put(k, NVT_REC_DIGEST, 0, &fill, NULL, 0);
}

static inline void all_kinds_commands(struct all_kinds *k) {
  struct nvt_rec_command command = {.sqid = 1, .cqid = 2, .slot = 6, .head = 7, .tail = 9};
  for (size_t i = 0; i < sizeof(command.sqe); i++)
    ((uint8_t *)&command.sqe)[i] = (uint8_t)(i * 3 + 1);
  command.sqe.opcode = NVT_NVM_READ;
  all_kinds_put(k, NVT_REC_COMMAND, 0, &command, NULL, 0);
  struct nvt_rec_data data = {.sqid = 1,
                              .cid = command.sqe.cid,
                              .address = 0x123456789000,
                              .offset = 512,
                              .true_length = 4096};
  const uint8_t payload[13] = "some payload";
  for (uint8_t kind = 0; kind < 4; kind++) {
    data.kind = kind;
    data.direction = kind == 0 ? 2 : 1;
    all_kinds_put(k, NVT_REC_DATA, 0, &data, payload, (size_t)kind * 4 + 1);
  }
  data.true_length = 7;
  all_kinds_put(k, NVT_REC_DATA, 0, &data, NULL, 0);
  all_kinds_digests(k, command.sqe.cid);
  for (uint8_t verdict = 0; verdict < 6; verdict++) {
    struct nvt_rec_verdict plugin = {.sqid = 1,
                                     .cid = command.sqe.cid,
                                     .verdict = verdict,
                                     .tap = (uint8_t)(7 + verdict),
                                     .status = 0x182};
    memcpy(plugin.plugin, "no-writes", 9);
    if (verdict == 5)
      memcpy(plugin.plugin, "exactly-24-bytes-long-na", 24);
    all_kinds_put(k, NVT_REC_VERDICT, 0, &plugin, NULL, 0);
  }
  struct nvt_rec_completion completion = {
      .sqid = 1,
      .cqid = 2,
      .slot = 4,
      .head = 3,
      .opcode = NVT_NVM_READ,
      .cqe = {.dw0 = 0x01020304, .dw1 = 5, .sqhd = 7, .sqid = 1, .cid = command.sqe.cid},
  };
  completion.cqe.status = 1;
  all_kinds_put(k, NVT_REC_COMPLETION, 0, &completion, NULL, 0);
  completion.cqe.status = 0xffff;
  completion.cqe.cid = 0x1234;
  all_kinds_put(k, NVT_REC_COMPLETION, 0, &completion, NULL, 0);
  for (uint8_t state = 0; state < 4; state++) {
    struct nvt_rec_interrupt message = {.address = 0xfee00000,
                                        .data = 0x4021,
                                        .vector = 9,
                                        .state = state,
                                        .mode = state == 3,
                                        .cqid = 2};
    all_kinds_put(k, NVT_REC_INTERRUPT, 0, &message, NULL, 0);
  }
}

/* Records of a later version's kind: what they have more is to be passed over. */
static inline void all_kinds_longer(struct all_kinds *k) {
  uint8_t buffer[256];
  struct nvt_rec_header header = all_kinds_header(k);
  struct nvt_rec_shadow shadow = {.address = 0x7000, .value = 17, .qid = 4, .is_cq = 1};
  size_t length = nvt_build_SHADOW_DOORBELL(buffer, sizeof(buffer), &header, &shadow, NULL, 0);
  memmove(buffer + 40, buffer + 32, length - 32);
  memset(buffer + 32, 0xee, 8);
  memset(buffer + length + 8, 0xdd, 16);
  buffer[6] = 40;
  buffer[8] = (uint8_t)(length + 24);
  all_kinds_frame(k, buffer, length + 24, length + 24);
  /* a snap length left out the end of the payload */
  struct nvt_rec_data data = {.sqid = 9, .cid = 8, .direction = 1, .true_length = 100};
  const uint8_t payload[100] = "cut short";
  header = all_kinds_header(k);
  length = nvt_build_DATA(buffer, sizeof(buffer), &header, &data, payload, sizeof(payload));
  all_kinds_frame(k, buffer, length - 40, length);
}

static inline void all_kinds_make(struct all_kinds *k) {
  memset(k, 0, sizeof(*k));
  k->time_ns = 1700000000999999000;
  uint8_t file_header[NVT_FILE_HEADER_BYTES];
  int error = nvt_writer_file_header(file_header);
  assert(error == 0);
  (void)error;
  all_kinds_append(k, file_header, sizeof(file_header));
  const char json[] =
      "{\"format\":1,\"recorder\":\"made up\",\"cap\":\"0x004000f014030fff\",\"dedup_pages\":4}";
  for (uint8_t i = 0; i < 4; i++) {
    struct nvt_rec_meta meta = {.cap = 0x004000f014030fff & ~0xf00000000u,
                                .vs = 0x00020100,
                                .vectors = 33,
                                .namespaces = 2,
                                .doorbells = i & 1,
                                .clock = i & 1,
                                .data_mode = i};
    all_kinds_put(k, NVT_REC_META, 0, &meta, json, sizeof(json) - 1);
  }
  struct nvt_rec_access cc = {.offset = 0x14, .value = 0x460001, .size = 4, .space = 1};
  all_kinds_put(k, NVT_REC_REG_WRITE, NVT_V_header_flags_SNAPSHOT, &cc, NULL, 0);
  for (uint8_t i = 0; i < 8; i++) {
    struct nvt_rec_queue queue = {.qid = 1,
                                  .cqid = 2,
                                  .vector = 9,
                                  .is_cq = i & 1,
                                  .queue_flags = i,
                                  .base = 0xabcd000,
                                  .entries = 65536,
                                  .head = 6,
                                  .tail = 6};
    all_kinds_put(k, NVT_REC_QUEUE_STATE, i == 7 ? 0 : NVT_V_header_flags_SNAPSHOT, &queue, NULL,
                  0);
  }
  all_kinds_accesses(k);
  struct nvt_rec_shadow shadow = {.address = 0x5008, .value = 0x11, .qid = 1};
  for (uint8_t is_cq = 0; is_cq < 2; is_cq++) {
    shadow.is_cq = is_cq;
    all_kinds_put(k, NVT_REC_SHADOW_DOORBELL, 0, &shadow, NULL, 0);
    all_kinds_put(k, NVT_REC_EVENT_INDEX, 0, &shadow, NULL, 0);
  }
  all_kinds_commands(k);
  for (uint32_t reason = 0; reason < 3; reason++) {
    struct nvt_rec_loss loss = {.first_seq = k->seq,
                                .count = 10,
                                .first_ns = k->time_ns + 1,
                                .last_ns = k->time_ns + 2,
                                .reason = reason};
    k->seq += 10;
    all_kinds_put(k, NVT_REC_LOSS, 0, &loss, NULL, 0);
  }
  const char text[] = "an annotation: µs, \"quoted\", \\ and a tab\t";
  struct nvt_rec_annotation annotation = {0};
  all_kinds_put(k, NVT_REC_ANNOTATION, 0, &annotation, text, sizeof(text) - 1);
  all_kinds_put(k, NVT_REC_ANNOTATION, 0, &annotation, NULL, 0);
  k->seq += 5; /* a gap that no loss record accounts for */
  all_kinds_longer(k);
  for (uint16_t number = 1; number <= 18; number++) {
    struct nvt_rec_event event = {
        .event = number, .qid = 1, .code = 3, .address = 0x100000, .size = 0x200000};
    all_kinds_put(k, NVT_REC_EVENT, 0, &event, NULL, 0);
  }
}

#endif
