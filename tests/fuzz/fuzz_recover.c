/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring that a dead recorder left, with anything in it, and anything as its trace: recovered
 * twice, which has to come to the same. Input: how the trace is written, how many bytes of the rest
 * are the trace's, changes of the ring's header; the trace; what the ring has at its start.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/recover_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static char base[64], ring_path[96], trace_path[96], out_path[96];

struct input {
  uint8_t mode;
  uint8_t how; /* 1: --output; 2: there is no trace; 4: a loss */
  uint16_t trace_bytes;
  uint16_t head, tail; /* in units of 8 bytes */
  struct {
    uint16_t offset;
    uint8_t value, used;
  } changes[4];
};

static void clean(void) {
  unlink(ring_path);
  unlink(trace_path);
  unlink(out_path);
  rmdir(base);
}

static void prepare(void) {
  snprintf(base, sizeof(base), "/dev/shm/nvmetap-fuzz-%ld", (long)getpid());
  snprintf(ring_path, sizeof(ring_path), "%s/r.ring", base);
  snprintf(trace_path, sizeof(trace_path), "%s/x.pcap", base);
  snprintf(out_path, sizeof(out_path), "%s/out.pcap", base);
}

static void write_all(int fd, const void *from, size_t length, off_t offset) {
  if (length > 0 && pwrite(fd, from, length, offset) != (ssize_t)length)
    abort();
}

static void make_trace(const struct input *in, const uint8_t *from, struct nvt_ring_output *out) {
  int fd = open(trace_path, O_RDWR | O_CREAT, 0600);
  write_all(fd, from, in->trace_bytes, 0);
  if (fd < 0 || !nvt_ring_identify(fd, out))
    abort();
  close(fd);
  memcpy(out->path, trace_path, sizeof(trace_path));
  out->mode = in->mode % 4;
  if ((in->how & 2) != 0)
    unlink(trace_path);
}

static void make_ring(const struct input *in, const struct nvt_ring_output *out,
                      const uint8_t *from, size_t length) {
  static union {
    struct nvt_ring_shared shared;
    uint8_t bytes[NVT_RING_HEADER];
  } header;
  memset(&header, 0, sizeof(header));
  struct nvt_ring_shared *s = &header.shared;
  s->magic = NVT_RING_MAGIC;
  s->version = NVT_RING_VERSION;
  s->data_offset = NVT_RING_HEADER;
  s->size = NVT_RING_SIZE_MIN;
  s->head = in->head * 8ull;
  s->tail = in->tail * 8ull;
  s->turn = 1;
  s->output[1] = *out;
  s->starts = 1;
  s->start[0] = in->tail * 8ull;
  s->loss[0] = (struct nvt_ring_loss){.first_seq = in->head, .count = in->how & 4};
  s->loss[0].used = 1;
  for (unsigned i = 0; i < 4; i++)
    if (in->changes[i].used & 1)
      header.bytes[in->changes[i].offset % sizeof(*s)] = in->changes[i].value;
  int fd = open(ring_path, O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ftruncate(fd, NVT_RING_HEADER + NVT_RING_SIZE_MIN) != 0)
    abort();
  write_all(fd, &header, sizeof(header), 0);
  write_all(fd, from, length, NVT_RING_HEADER);
  close(fd);
}

/* The size of what came of it; -1: it failed. */
static off_t recover(const struct input *in, bool keep) {
  const struct nvt_recover_options options = {
      .keep = keep, .output = (in->how & 1) != 0 ? out_path : NULL, .no_apart = true};
  struct nvt_orphan *o;
  off_t size = -1;
  if (nvt_orphan_open(ring_path, &o) != 0)
    abort();
  if (o->state == NVT_ORPHAN_DEAD) {
    struct nvt_recovery r = {.rings = &o, .count = 1};
    struct stat status;
    if (nvt_recover_session(&r, &options) == 0)
      size = r.path != NULL && stat(r.path, &status) == 0 ? status.st_size : 0;
    else if (r.why[0] == '\0')
      abort();
    nvt_recovery_free(&r);
  }
  nvt_orphan_close(o);
  return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct input in;
  struct nvt_ring_output out = {0};
  if (length < sizeof(in))
    return 0;
  if (base[0] == '\0')
    prepare();
  if (mkdir(base, 0700) != 0) /* libFuzzer ends without a last word */
    abort();
  memcpy(&in, bytes, sizeof(in));
  bytes += sizeof(in);
  length -= sizeof(in);
  if (in.trace_bytes > length)
    in.trace_bytes = (uint16_t)length;
  make_trace(&in, bytes, &out);
  make_ring(&in, &out, bytes + in.trace_bytes, length - in.trace_bytes);
  off_t first = recover(&in, true), second = recover(&in, false);
  clean();
  /* Packed, the size is the date's, too, which stands in the trace. */
  bool packed = in.mode % 4 == NVT_RING_APPEND_ZSTD;
  if (first > 0 && second > 0 && first != second && !packed)
    abort();
  return 0;
}
