/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay of any file. Input that starts like a pcap is taken as it is; any other is
 * read as a list of records behind a sound meta-record: a type, a number of bytes,
 * and those bytes as body and tail. So the fuzzer gets at the engine and need not
 * find out how a file looks.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay/replay.h"
#include "replay/report.h"
#include "trace/build.h"
#include "trace/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char meta[] =
    "{\"format\":1,\"serial\":\"FUZZ\",\"mdts\":5,\"io_queues\":4,\"vectors\":5,\"namespaces\":["
    "{\"nsid\":1,\"blocks\":2048,\"block_size\":512,\"asynchronous\":false,\"backend\":\"ram:1M\"},"
    "{\"nsid\":2,\"blocks\":2048,\"block_size\":4096,\"asynchronous\":true,\"backend\":\"file:x\"}]"
    ",\"dedup_pages\":4}";

static uint8_t file[1 << 20];
static size_t length;
static uint64_t seq;

static void put(unsigned type, uint8_t flags, const void *body, const void *tail,
                size_t tail_length) {
  const struct nvt_rec_header base = {.flags = flags, .seq = seq};
  seq++;
  if (sizeof(file) - length < NVT_FRAME_HEADER_BYTES)
    return;
  uint8_t *at = file + length + NVT_FRAME_HEADER_BYTES;
  size_t got = nvt_build_record(at, sizeof(file) - length - NVT_FRAME_HEADER_BYTES,
                                (enum nvt_record_type)type, &base, body, tail, tail_length);
  if (got == 0)
    return;
  const uint32_t frame[4] = {1, (uint32_t)seq, (uint32_t)got, (uint32_t)got};
  memcpy(file + length, frame, sizeof(frame));
  length += NVT_FRAME_HEADER_BYTES + got;
}

static void make_records(const uint8_t *data, size_t size) {
  const struct nvt_rec_meta body = {
      .cap = 63, .vectors = 5, .namespaces = 2, .data_mode = data[0] % 4};
  seq = 0;
  length = NVT_FILE_HEADER_BYTES;
  if (nvt_writer_file_header(file) != 0)
    abort();
  put(NVT_REC_META, 0, &body, meta, sizeof(meta) - 1);
  for (size_t at = 1; size - at >= 2;) {
    unsigned type = data[at] & 31u;
    uint8_t flags = data[at] >> 7;
    size_t bytes = data[at + 1];
    uint8_t fixed[96] = {0};
    at += 2;
    if (bytes > size - at)
      bytes = size - at;
    size_t in_body = nvt_record_body_size(type);
    if (in_body > bytes)
      in_body = bytes;
    memcpy(fixed, data + at, in_body);
    bool tailed = type == NVT_REC_DATA || type == NVT_REC_ANNOTATION || type == NVT_REC_DIGEST;
    if (type == NVT_REC_DIGEST) /* its length is bounded: else it is no record */
      memset(fixed + offsetof(struct nvt_rec_digest, true_length) + 2, 0, 2);
    put(type, flags, fixed, data + at + in_body, tailed ? bytes - in_body : 0);
    at += bytes;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 4)
    return 0;
  bool pcap = memcmp(data, "\x4d\x3c\xb2\xa1", 4) == 0 || memcmp(data, "\xd4\xc3\xb2\xa1", 4) == 0;
  if (!pcap)
    make_records(data, size);
  int fd = memfd_create("fuzz", 0);
  if (fd < 0)
    abort();
  const uint8_t *bytes = pcap ? data : file;
  size_t all = pcap ? size : length;
  if (write(fd, bytes, all) != (ssize_t)all)
    abort();
  char path[32];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  const struct nvt_target_ops *const targets[] = {nvt_target_at(0), nvt_target_find("dry", NULL),
                                                  nvt_target_at(0)->driven};
  for (unsigned i = 0; i < 3; i++) {
    bool driven = targets[i]->sender != NULL;
    const struct nvt_replay_options options = {.path = path,
                                               .target = targets[i],
                                               .max_findings = 8,
                                               .dependency = driven,
                                               .preload = driven,
                                               .depth = driven ? 1u + data[size - 1] % 8u : 0};
    struct nvt_replay_result result;
    nvt_replay(&options, &result);
    json_object_put(nvt_report_json(&options, &result));
    nvt_replay_clear(&result);
  }
  close(fd);
  return 0;
}
