/* SPDX-License-Identifier: BSD-2-Clause */
/* What a dead recorder's ring holds gets into its trace, whatever state both were left in. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/packer.h"
#include "capture/recover.h"
#include "capture/recover_int.h"
#include "capture/ring_file.h"
#include "controller/log.h"
#include "trace/build.h"
#include "trace/reader.h"
#include "trace/writer.h"

#define SIZE NVT_RING_SIZE_MIN
enum { FRAME = 16 + 32 + 24 };

static char base[64], rings[96], trace[96];

/* One register read of controller `id` at `ns`. */
static void put(struct nvt_ring *ring, uint16_t id, uint64_t seq, uint64_t ns) {
  uint8_t record[128];
  const struct nvt_rec_header header = {.controller = id, .seq = seq};
  const struct nvt_rec_access body = {.offset = 0x1c, .value = seq, .size = 4, .space = 1};
  size_t length = nvt_build_REG_READ(record, sizeof(record), &header, &body, NULL, 0);
  const uint32_t frame[4] = {(uint32_t)(ns / 1000000000u), (uint32_t)(ns % 1000000000u),
                             (uint32_t)length, (uint32_t)length};
  uint8_t *to = nvt_ring_reserve(ring, 16 + length);
  if (to == NULL)
    _exit(3);
  memcpy(to, frame, 16);
  memcpy(to + 16, record, length);
  nvt_ring_commit(ring, 16 + length);
}

/* What a recorder left. */
struct scene {
  enum nvt_ring_mode mode;
  unsigned rings;    /* 1 or 2: a controller each, in turns */
  unsigned records;  /* in all */
  unsigned consumed; /* of them, that were in the file for sure */
  long written;      /* bytes of the file; -1: as many as were consumed */
  unsigned lost;     /* by controller 0, afterwards, and not told */
  bool told;         /* they are */
  bool no_file;      /* it didn't come to that */
};

static void fill(const struct scene *s, struct nvt_ring *ring[2]) {
  for (unsigned i = 0; i < s->records; i++)
    put(ring[i % s->rings], (uint16_t)(i % s->rings), i / s->rings, 1000000000u + i);
  const struct nvt_ring_loss loss = {.first_seq = s->records / s->rings,
                                     .count = s->lost,
                                     .first_ns = 1000009000u,
                                     .last_ns = 1000009999u,
                                     .epoch = 3};
  if (s->lost > 0)
    nvt_ring_note_loss(ring[0], &loss);
  if (s->told) {
    uint8_t record[128];
    const struct nvt_rec_header header = {.seq = loss.first_seq + s->lost};
    const struct nvt_rec_loss body = {.first_seq = loss.first_seq, .count = s->lost};
    size_t length = nvt_build_LOSS(record, sizeof(record), &header, &body, NULL, 0);
    const uint32_t frame[4] = {2, 0, (uint32_t)length, (uint32_t)length};
    uint8_t *to = nvt_ring_reserve(ring[0], 16 + length);
    memcpy(to, frame, 16);
    memcpy(to + 16, record, length);
    nvt_ring_commit(ring[0], 16 + length);
  }
}

/* In the file are records in the order of time: those of the rings in turns. */
static void write_file(const struct scene *s, struct nvt_ring *const ring[2], int fd) {
  uint8_t bytes[1 << 16];
  size_t length = NVT_FILE_HEADER_BYTES;
  if (nvt_writer_file_header(bytes) != 0)
    _exit(4);
  size_t skip = s->mode == NVT_RING_STREAM ? NVT_FILE_HEADER_BYTES : 0;
  for (unsigned i = 0; i < s->records; i++, length += FRAME)
    memcpy(bytes + length, ring[i % s->rings]->data + skip + (size_t)(i / s->rings) * FRAME, FRAME);
  size_t wanted = NVT_FILE_HEADER_BYTES + (size_t)s->consumed * FRAME;
  if (s->written >= 0)
    wanted = (size_t)s->written;
  if (wanted > length || pwrite(fd, bytes, wanted, 0) != (ssize_t)wanted)
    _exit(5);
}

/* The same in frames of zstd: the header, then two records each. `written` counts back from the
 * end. */
static void write_packed(const struct scene *s, struct nvt_ring *const ring[2], int fd) {
  uint8_t bytes[1 << 12];
  uint64_t at = 0;
  void *state;
  unsigned count = s->written >= 0 ? s->records : s->consumed;
  if (nvt_packer_zstd.create(3, sizeof(bytes), &state) != 0 || nvt_writer_file_header(bytes) != 0)
    _exit(7);
  for (unsigned i = 0, length = NVT_FILE_HEADER_BYTES; length > 0;) {
    struct nvt_packed packed;
    if (nvt_packer_zstd.pack(state, at, bytes, length, &packed) != 0 || packed.taken != length ||
        nvt_write_at(fd, packed.bytes, packed.length, at) != 0)
      _exit(8);
    at += packed.length;
    for (length = 0; i < count && length < 2 * FRAME; i++, length += FRAME)
      memcpy(bytes + length, ring[i % s->rings]->data + (size_t)(i / s->rings) * FRAME, FRAME);
  }
  nvt_packer_zstd.destroy(state);
  if (s->written > 0 && ftruncate(fd, (off_t)(at - (uint64_t)s->written)) != 0)
    _exit(9);
}

static void be_recorder(const struct scene *s) {
  struct nvt_ring *ring[2];
  char why[512];
  uint64_t session = nvt_ring_session();
  for (unsigned i = 0; i < s->rings; i++)
    if (nvt_ring_create_named(SIZE, session, &ring[i], why, sizeof(why)) != 0)
      _exit(1);
  int fd = s->no_file ? -1 : open(trace, O_RDWR | O_CREAT | O_TRUNC, 0644);
  for (unsigned i = 0; i < s->rings && fd >= 0; i++)
    nvt_ring_set_output(ring[i], trace, fd, s->mode);
  if (s->mode == NVT_RING_STREAM) {
    uint8_t *header = nvt_ring_reserve(ring[0], NVT_FILE_HEADER_BYTES);
    if (nvt_writer_file_header(header) != 0)
      _exit(6);
    nvt_ring_commit(ring[0], NVT_FILE_HEADER_BYTES);
  }
  fill(s, ring);
  if (fd >= 0 && s->mode == NVT_RING_APPEND_ZSTD)
    write_packed(s, ring, fd);
  else if (fd >= 0)
    write_file(s, ring, fd);
  if (s->mode == NVT_RING_STREAM) {
    size_t end = NVT_FILE_HEADER_BYTES + (size_t)s->consumed * FRAME;
    nvt_ring_consume(ring[0],
                     s->written >= 0 && (size_t)s->written < end ? (size_t)s->written : end);
  } else {
    for (unsigned i = 0; i < s->consumed; i++)
      nvt_ring_consume(ring[i % s->rings], FRAME);
  }
}

static void leave(const struct scene *s) {
  pid_t pid = fork();
  if (pid == 0) {
    be_recorder(s);
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

struct outcome {
  struct nvt_recovery r; /* counts; its strings are gone */
  char path[160];
  int error;
  unsigned sessions;
};

static struct outcome recover_how(const struct nvt_recover_options *options) {
  struct outcome out = {0};
  char why[512];
  struct nvt_orphan **orphans;
  int count = nvt_orphans_find(&orphans, why, sizeof(why));
  assert_true(count >= 0);
  nvt_orphans_sort(orphans, (size_t)count);
  for (struct nvt_recovery r = {0}; nvt_orphans_next(orphans, (size_t)count, &r); out.sessions++) {
    out.error = nvt_recover_session(&r, options);
    out.r = r;
    if (r.path != NULL)
      snprintf(out.path, sizeof(out.path), "%s", r.path);
    nvt_recovery_free(&r);
  }
  nvt_orphans_free(orphans, (size_t)count);
  return out;
}

static struct outcome recover(void) {
  return recover_how(&(struct nvt_recover_options){0});
}

/* Records of the trace but for its epilogue; sequences without a gap; the losses told in *lost, the
 * number of recovered controllers in *ends. */
static unsigned read_trace(const char *path, uint64_t *lost, unsigned *ends) {
  struct nvt_reader *reader;
  struct nvt_reason why;
  struct nvt_record record;
  uint64_t next[2] = {0}, ns = 0;
  unsigned count = 0;
  enum nvt_read got;
  *lost = *ends = 0;
  if (!nvt_reader_open(path, &reader, &why))
    fail_msg("%s", why.text);
  while ((got = nvt_reader_next(reader, &record, &why)) == NVT_READ_OK) {
    uint64_t *seq = &next[record.header.controller];
    assert_true(record.time_ns >= ns);
    ns = record.time_ns;
    if (record.header.type == NVT_REC_LOSS) {
      assert_int_equal(record.loss.first_seq, *seq);
      *seq += record.loss.count;
      *lost += record.loss.count;
    }
    assert_int_equal(record.header.seq, *seq);
    (*seq)++;
    count += record.header.type == NVT_REC_REG_READ;
    if (record.header.type == NVT_REC_REG_READ)
      assert_int_equal(record.access.value, record.header.seq);
    *ends +=
        record.header.type == NVT_REC_EVENT && record.event.event == NVT_V_event_event_RECOVERED;
  }
  assert_int_equal(got, NVT_READ_END);
  nvt_reader_close(reader);
  return count;
}

static unsigned files_in(const char *directory) {
  unsigned count = 0;
  DIR *stream = opendir(directory);
  assert_non_null(stream);
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
    count += entry->d_name[0] != '.';
  closedir(stream);
  return count;
}

/* The trace, as any program for such files unpacks it. */
static const char *unpacked(const struct scene *s) {
  char command[256];
  if (s->mode != NVT_RING_APPEND_ZSTD)
    return trace;
  snprintf(command, sizeof(command), "zstd -dqf %s -o %s/plain.pcap", trace, base);
  assert_int_equal(system(command), 0);
  return "plain.pcap";
}

static void whole(const struct scene *s, const char *what) {
  uint64_t lost;
  unsigned ends;
  struct outcome out = recover();
  if (out.error != 0)
    fail_msg("%s: %s", what, out.r.why);
  assert_int_equal(out.sessions, 1);
  assert_string_equal(out.path, trace);
  assert_false(out.r.apart);
  assert_int_equal(out.r.damaged, 0);
  assert_int_equal(out.r.missing, 0);
  assert_int_equal(out.r.lost, s->told ? 0 : s->lost);
  assert_int_equal(read_trace(unpacked(s), &lost, &ends), s->records);
  assert_int_equal(lost, s->lost);
  assert_int_equal(ends, s->rings);
  assert_int_equal(files_in(rings), 0);
}

/* --- states of a file that is written at its place --- */

static void a_stream_is_whole_wherever_it_ended(void **state) {
  (void)state;
  const long end = NVT_FILE_HEADER_BYTES + 3 * FRAME;
  for (long written = NVT_FILE_HEADER_BYTES; written <= end; written++) {
    const struct scene s = {
        .mode = NVT_RING_STREAM, .rings = 1, .records = 3, .consumed = 1, .written = written};
    leave(&s);
    whole(&s, "stream");
  }
}

static void appended_records_are_whole_wherever_they_ended(void **state) {
  (void)state;
  for (unsigned count = 1; count <= 2; count++) {
    const long from = NVT_FILE_HEADER_BYTES + 2 * FRAME, to = NVT_FILE_HEADER_BYTES + 4 * FRAME;
    for (long written = from; written <= to; written += count) {
      const struct scene s = {
          .mode = NVT_RING_APPEND, .rings = count, .records = 6, .consumed = 2, .written = written};
      leave(&s);
      whole(&s, "append");
    }
  }
}

/* Cut at each byte of the last two frames, and whole. */
static void compressed_records_are_whole_wherever_they_ended(void **state) {
  (void)state;
  for (long missing = 0; missing < 105; missing += missing == 0 ? 1 : 3) {
    const struct scene s = {
        .mode = NVT_RING_APPEND_ZSTD, .rings = 2, .records = 6, .consumed = 2, .written = missing};
    leave(&s);
    whole(&s, "compressed");
  }
  unlink("plain.pcap");
}

static void an_empty_file_gets_its_header(void **state) {
  (void)state;
  const struct scene s = {.mode = NVT_RING_APPEND, .rings = 1, .records = 3, .written = 0};
  leave(&s);
  whole(&s, "empty");
  const struct scene packed = {
      .mode = NVT_RING_APPEND_ZSTD, .rings = 1, .records = 3, .written = 0};
  leave(&packed);
  assert_int_equal(truncate(trace, 0), 0);
  whole(&packed, "empty, compressed");
  unlink("plain.pcap");
}

static void a_recovery_that_was_cut_short_is_done_again(void **state) {
  (void)state;
  for (unsigned mode = NVT_RING_STREAM; mode <= NVT_RING_APPEND_ZSTD; mode++) {
    const struct scene s = {.mode = (enum nvt_ring_mode)mode,
                            .rings = mode == NVT_RING_STREAM ? 1 : 2,
                            .records = 6,
                            .consumed = 2,
                            .written = -1,
                            .lost = 7};
    leave(&s);
    const struct nvt_recover_options keep = {.keep = true};
    assert_int_equal(recover_how(&keep).error, 0);
    struct stat status;
    assert_int_equal(stat(trace, &status), 0);
    /* However much of it there was. */
    for (off_t length = status.st_size; length > status.st_size - 3 * FRAME; length -= 8) {
      assert_int_equal(truncate(trace, length), 0);
      assert_int_equal(recover_how(&keep).error, 0);
      struct stat now;
      assert_int_equal(stat(trace, &now), 0);
      if (mode != NVT_RING_APPEND_ZSTD) /* the time of recovery is in it, as text */
        assert_int_equal(now.st_size, status.st_size);
    }
    whole(&s, "again");
    assert_int_equal(recover().sessions, 0);
  }
  unlink("plain.pcap");
}

static void losses_are_told_once(void **state) {
  (void)state;
  for (unsigned told = 0; told < 2; told++)
    for (unsigned mode = NVT_RING_STREAM; mode <= NVT_RING_APPEND; mode++)
      for (unsigned records = 0; records < 3; records++) {
        const struct scene s = {.mode = (enum nvt_ring_mode)mode,
                                .rings = 1,
                                .records = records,
                                .written = -1,
                                .lost = 11,
                                .told = told};
        leave(&s);
        whole(&s, "losses");
      }
}

/* --- files that aren't there any more --- */

static void what_has_no_file_goes_apart(void **state) {
  (void)state;
  for (unsigned mode = NVT_RING_STREAM; mode <= NVT_RING_APPEND; mode++)
    for (unsigned replaced = 0; replaced < 2; replaced++) {
      const struct scene s = {
          .mode = (enum nvt_ring_mode)mode, .rings = 1, .records = 6, .consumed = 4, .written = -1};
      leave(&s);
      assert_int_equal(rename(trace, "elsewhere"), 0);
      if (replaced) {
        FILE *other = fopen(trace, "w");
        assert_non_null(other);
        fputs("somebody else's\n", other);
        fclose(other);
      }
      const struct nvt_recover_options shy = {.no_apart = true};
      assert_int_equal(recover_how(&shy).error, -ENOENT);
      struct outcome out = recover();
      assert_int_equal(out.error, 0);
      assert_true(out.r.apart);
      assert_string_equal(out.path, replaced ? "x.recovered-2.pcap" : "x.recovered.pcap");
      uint64_t lost;
      unsigned ends;
      /* What was consumed still stood in the ring. */
      assert_int_equal(read_trace(out.path, &lost, &ends), 6);
      assert_int_equal(ends, 1);
      struct stat status;
      assert_int_equal(stat(trace, &status), replaced ? 0 : -1);
      if (replaced) {
        assert_int_equal(status.st_size, 16);
        assert_int_equal(unlink("x.recovered-2.pcap") | unlink("x.recovered.pcap"), 0);
        unlink(trace);
      }
      unlink("elsewhere");
      assert_int_equal(files_in(rings), 0);
    }
}

/* The same file, written anew by somebody else: device and inode are the same. */
static void a_file_that_doesn_t_go_on_is_left_alone(void **state) {
  (void)state;
  for (unsigned mode = NVT_RING_STREAM; mode <= NVT_RING_APPEND; mode++) {
    const struct scene s = {
        .mode = (enum nvt_ring_mode)mode, .rings = 1, .records = 6, .consumed = 4, .written = -1};
    leave(&s);
    uint8_t other[4096];
    memset(other, 0x5a, sizeof(other));
    int fd = open(trace, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, other, sizeof(other)), sizeof(other));
    close(fd);
    struct outcome out = recover();
    assert_int_equal(out.error, 0);
    assert_true(out.r.apart);
    struct stat status;
    assert_int_equal(stat(trace, &status), 0);
    assert_int_equal(status.st_size, sizeof(other));
    unlink(out.path);
  }
}

static void output_takes_all_and_leaves_the_file(void **state) {
  (void)state;
  for (unsigned mode = NVT_RING_STREAM; mode <= NVT_RING_APPEND; mode++) {
    const struct scene s = {.mode = (enum nvt_ring_mode)mode,
                            .rings = 1,
                            .records = 6,
                            .consumed = 3,
                            .written = NVT_FILE_HEADER_BYTES + 3 * FRAME + 40};
    leave(&s);
    const struct nvt_recover_options options = {.output = "out.pcap"};
    struct outcome out = recover_how(&options);
    assert_int_equal(out.error, 0);
    uint64_t lost;
    unsigned ends;
    assert_int_equal(read_trace("out.pcap", &lost, &ends), 6);
    assert_int_equal(ends, 1);
    struct stat status;
    assert_int_equal(stat(trace, &status), 0);
    assert_int_equal(status.st_size, s.written);
    unlink("out.pcap");
  }
}

static void nothing_recorded_leaves_nothing(void **state) {
  (void)state;
  const struct scene s = {.mode = NVT_RING_APPEND, .rings = 1, .written = -1, .no_file = true};
  unlink(trace);
  leave(&s);
  struct outcome out = recover();
  assert_int_equal(out.error, 0);
  assert_int_equal(files_in(rings), 0);
  assert_int_equal(access(trace, F_OK), -1);
}

/* --- what isn't a dead recorder's ring --- */

static void only_ring_path(char path[160]) {
  DIR *stream = opendir(rings);
  assert_non_null(stream);
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
    if (entry->d_name[0] != '.')
      snprintf(path, 160, "%s/%.60s", rings, entry->d_name);
  closedir(stream);
}

static enum nvt_orphan_state state_of(const char *path) {
  struct nvt_orphan *o;
  assert_int_equal(nvt_orphan_open(path, &o), 0);
  enum nvt_orphan_state state = o->state;
  if (state == NVT_ORPHAN_UNREADABLE)
    assert_true(o->why[0] != '\0');
  nvt_orphan_close(o);
  return state;
}

static void poke(const char *path, size_t offset, uint64_t value, size_t length) {
  int fd = open(path, O_WRONLY);
  assert_int_equal(pwrite(fd, &value, length, (off_t)offset), length);
  close(fd);
}

#define FIELD(member) offsetof(struct nvt_ring_shared, member)

static void damaged_rings_are_left_alone(void **state) {
  (void)state;
  static const struct {
    size_t offset, length;
    uint64_t value;
    enum nvt_orphan_state wanted;
  } damages[] = {
      {FIELD(magic), 4, 0, NVT_ORPHAN_UNREADABLE},
      {FIELD(version), 4, NVT_RING_VERSION + 1, NVT_ORPHAN_UNREADABLE},
      {FIELD(data_offset), 8, NVT_RING_HEADER + 4096, NVT_ORPHAN_UNREADABLE},
      {FIELD(size), 8, SIZE / 2, NVT_ORPHAN_UNREADABLE},
      {FIELD(size), 8, SIZE * 2, NVT_ORPHAN_UNREADABLE},
      {FIELD(size), 8, SIZE + 1, NVT_ORPHAN_UNREADABLE},
      {FIELD(size), 8, UINT64_MAX, NVT_ORPHAN_UNREADABLE},
      {FIELD(size), 8, 0, NVT_ORPHAN_UNREADABLE},
      {FIELD(head), 8, SIZE - 1, NVT_ORPHAN_DEAD},
      {FIELD(head), 8, SIZE, NVT_ORPHAN_DEAD},
      {FIELD(head), 8, SIZE + 1, NVT_ORPHAN_UNREADABLE},
      {FIELD(tail), 8, UINT64_MAX, NVT_ORPHAN_UNREADABLE},
      {FIELD(output[1].mode), 4, NVT_RING_APPEND_ZSTD + 1, NVT_ORPHAN_UNREADABLE},
      {FIELD(output[1].path), 1, 'x', NVT_ORPHAN_UNREADABLE},
  };
  const struct scene s = {.mode = NVT_RING_APPEND, .rings = 1, .records = 3, .written = -1};
  for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
    char path[160];
    leave(&s);
    only_ring_path(path);
    assert_int_equal(state_of(path), NVT_ORPHAN_DEAD);
    poke(path, damages[i].offset, damages[i].value, damages[i].length);
    if (state_of(path) != damages[i].wanted)
      fail_msg("damage %zu", i);
    unlink(path);
  }
}

static void other_files_are_left_alone(void **state) {
  (void)state;
  const struct scene s = {.mode = NVT_RING_APPEND, .rings = 1, .records = 3, .written = -1};
  char path[160], other[192];
  leave(&s);
  only_ring_path(path);
  snprintf(other, sizeof(other), "%s/1-7.ring", rings);
  assert_int_equal(symlink(path, other), 0);
  assert_int_equal(state_of(other), NVT_ORPHAN_UNREADABLE);
  unlink(other);
  assert_int_equal(mkdir(other, 0700), 0);
  assert_int_equal(state_of(other), NVT_ORPHAN_UNREADABLE);
  rmdir(other);
  assert_int_equal(mkfifo(other, 0600), 0);
  assert_int_equal(state_of(other), NVT_ORPHAN_UNREADABLE);
  unlink(other);
  assert_int_equal(state_of(other), NVT_ORPHAN_GONE);
  assert_int_equal(chmod(path, 0640), 0);
  assert_int_equal(state_of(path), NVT_ORPHAN_UNREADABLE);
  assert_int_equal(chmod(path, 0600), 0);
  if (geteuid() == 0) {
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_int_equal(state_of(path), NVT_ORPHAN_UNREADABLE);
    assert_int_equal(chown(path, 0, 0), 0);
  }
  const off_t bytes = (off_t)nvt_ring_file_size(SIZE);
  for (off_t length = bytes + 1; length >= bytes - 1; length--) {
    assert_int_equal(truncate(path, length), 0);
    assert_int_equal(state_of(path), length == bytes ? NVT_ORPHAN_DEAD : NVT_ORPHAN_UNREADABLE);
  }
  for (off_t length = 0; length < 2 * NVT_RING_HEADER; length += 1000) {
    assert_int_equal(truncate(path, length), 0);
    assert_int_equal(state_of(path), NVT_ORPHAN_UNREADABLE);
  }
  assert_int_equal(recover().sessions, 0);
  assert_int_equal(files_in(rings), 1);
  unlink(path);
}

static void a_live_ring_is_left_alone(void **state) {
  (void)state;
  int ready[2], go[2];
  assert_int_equal(pipe(ready) | pipe(go), 0);
  const struct scene s = {.mode = NVT_RING_APPEND, .rings = 2, .records = 4, .written = -1};
  pid_t pid = fork();
  if (pid == 0) {
    char byte = 0;
    be_recorder(&s);
    /* A child of it doesn't hold it. */
    pid_t child = fork();
    if (child == 0) {
      sleep(60);
      _exit(0);
    }
    if (write(ready[1], &child, sizeof(child)) != sizeof(child) || read(go[0], &byte, 1) != 1)
      _exit(9);
    _exit(0);
  }
  pid_t child;
  assert_int_equal(read(ready[0], &child, sizeof(child)), sizeof(child));
  struct nvt_orphan **orphans;
  char why[512];
  assert_int_equal(nvt_orphans_find(&orphans, why, sizeof(why)), 2);
  for (unsigned i = 0; i < 2; i++) {
    assert_int_equal(orphans[i]->state, NVT_ORPHAN_LIVE);
    assert_int_equal(orphans[i]->pid, pid);
  }
  nvt_orphans_free(orphans, 2);
  assert_int_equal(recover().sessions, 0);
  assert_int_equal(files_in(rings), 2);
  assert_int_equal(write(go[1], "", 1), 1);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  whole(&s, "ended");
  kill(child, SIGKILL);
  for (unsigned i = 0; i < 2; i++)
    close(ready[i]), close(go[i]);
}

/* What was scribbled over isn't carried on. */
static void garbage_in_a_ring_ends_it(void **state) {
  (void)state;
  for (unsigned mode = NVT_RING_STREAM; mode <= NVT_RING_APPEND; mode++) {
    char path[160];
    const struct scene s = {
        .mode = (enum nvt_ring_mode)mode, .rings = 1, .records = 6, .consumed = 2, .written = -1};
    leave(&s);
    only_ring_path(path);
    size_t header = mode == NVT_RING_STREAM ? NVT_FILE_HEADER_BYTES : 0;
    poke(path, NVT_RING_HEADER + header + 4 * FRAME + 16, 0x41414141, 4);
    struct outcome out = recover();
    assert_int_equal(out.error, 0);
    assert_int_equal(out.r.damaged, 2 * FRAME);
    uint64_t lost;
    unsigned ends;
    assert_int_equal(read_trace(trace, &lost, &ends), 4);
    assert_int_equal(ends, 1);
  }
}

/* A long trace isn't read from its start: what stands there doesn't matter, here. */
static void a_stream_is_read_from_a_boundary(void **state) {
  (void)state;
  const struct scene s = {
      .mode = NVT_RING_STREAM, .rings = 1, .records = 8, .consumed = 6, .written = -1};
  for (unsigned wrong = 0; wrong <= 8; wrong += 8) {
    char path[160];
    leave(&s);
    only_ring_path(path);
    poke(path, FIELD(boundary[0]), NVT_FILE_HEADER_BYTES + 4 * FRAME + wrong, 8);
    poke(path, FIELD(boundaries), 1, 8);
    poke(trace, NVT_FILE_HEADER_BYTES + 2 * FRAME, UINT64_MAX, 8);
    poke(path, NVT_RING_HEADER + NVT_FILE_HEADER_BYTES + 2 * FRAME, UINT64_MAX, 8);
    struct outcome out = recover();
    assert_int_equal(out.error, 0);
    assert_false(out.r.apart);
    assert_int_equal(out.r.records, wrong ? 0 : 2); /* all behind what can't be read */
    assert_int_equal(out.r.damaged, wrong ? 6 * FRAME : 0);
  }
}

/* --- names --- */

static void the_directory_is_the_user_s_alone(void **state) {
  (void)state;
  char why[512], path[NVT_RING_DIRECTORY_PATH];
  struct nvt_ring *ring;
  assert_int_equal(nvt_ring_create_named(SIZE - 1, 1, &ring, why, sizeof(why)), -EINVAL);
  assert_int_equal(nvt_ring_create_named(SIZE, 1, &ring, why, sizeof(why)), 0);
  struct stat status;
  assert_int_equal(stat(ring->path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  assert_int_equal(status.st_size, nvt_ring_file_size(SIZE));
  nvt_ring_destroy(ring);
  assert_int_equal(files_in(rings), 0);
  assert_int_equal(chmod(rings, 0750), 0);
  assert_int_equal(nvt_ring_directory(path, why, sizeof(why)), -EPERM);
  assert_non_null(strstr(why, "0700"));
  assert_int_equal(nvt_ring_create_named(SIZE, 1, &ring, why, sizeof(why)), -EPERM);
  assert_null(ring);
  assert_int_equal(chmod(rings, 0700), 0);
  char link[128];
  snprintf(link, sizeof(link), "%s/link", base);
  assert_int_equal(symlink(rings, link), 0);
  setenv("NVMETAP_RINGS", link, 1);
  assert_true(nvt_ring_directory(path, why, sizeof(why)) < 0);
  unlink(link);
  setenv("NVMETAP_RINGS", rings, 1);
}

static void losses_of_many_controllers(void **state) {
  (void)state;
  struct nvt_ring *ring;
  assert_int_equal(nvt_ring_create(SIZE, &ring), 0);
  for (uint16_t id = 0; id < NVT_RING_LOSSES + 1; id++)
    nvt_ring_note_loss(ring,
                       &(struct nvt_ring_loss){.controller = id, .first_seq = id, .count = 1});
  for (uint16_t id = 0; id < NVT_RING_LOSSES; id++) {
    assert_int_equal(ring->shared->loss[id].controller, id);
    assert_int_equal(ring->shared->loss[id].first_seq, id);
    assert_int_equal(ring->shared->loss[id].used, 1);
  }
  nvt_ring_destroy(ring);
}

static void a_recovered_trace_is_put_aside(void **state) {
  (void)state;
  char why[512], name[128];
  for (unsigned n = 1; n <= 2; n++) {
    const struct scene s = {.mode = n == 1 ? NVT_RING_STREAM : NVT_RING_APPEND_ZSTD,
                            .rings = 1,
                            .records = 3,
                            .written = -1};
    leave(&s);
    assert_int_equal(nvt_recover_put_aside(trace, why, sizeof(why)), 0);
    assert_int_equal(access(trace, F_OK), 0); /* not yet one */
    nvt_recover_orphans();
    assert_int_equal(nvt_recover_put_aside(trace, why, sizeof(why)), 0);
    assert_int_equal(access(trace, F_OK), -1);
    snprintf(name, sizeof(name), "%s.before-%u", trace, n);
    assert_int_equal(access(name, F_OK), 0);
  }
  assert_int_equal(nvt_recover_put_aside(trace, why, sizeof(why)), 0);
  unlink(name);
  name[strlen(name) - 1] = '1';
  unlink(name);
}

static int set_up(void **state) {
  (void)state;
  strcpy(base, "/tmp/nvmetap-recover-XXXXXX");
  if (mkdtemp(base) == NULL || chdir(base) != 0)
    return -1;
  snprintf(rings, sizeof(rings), "%s/rings", base);
  snprintf(trace, sizeof(trace), "%s/x.pcap", base);
  setenv("NVMETAP_RINGS", rings, 1);
  nvt_log_set(NVT_LOG_QUIET);
  return mkdir(rings, 0700);
}

static int tear_down(void **state) {
  (void)state;
  unlink(trace);
  return rmdir(rings) | chdir("/") | rmdir(base);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_stream_is_whole_wherever_it_ended),
      cmocka_unit_test(appended_records_are_whole_wherever_they_ended),
      cmocka_unit_test(compressed_records_are_whole_wherever_they_ended),
      cmocka_unit_test(an_empty_file_gets_its_header),
      cmocka_unit_test(a_recovery_that_was_cut_short_is_done_again),
      cmocka_unit_test(losses_are_told_once),
      cmocka_unit_test(what_has_no_file_goes_apart),
      cmocka_unit_test(a_file_that_doesn_t_go_on_is_left_alone),
      cmocka_unit_test(output_takes_all_and_leaves_the_file),
      cmocka_unit_test(nothing_recorded_leaves_nothing),
      cmocka_unit_test(damaged_rings_are_left_alone),
      cmocka_unit_test(other_files_are_left_alone),
      cmocka_unit_test(a_live_ring_is_left_alone),
      cmocka_unit_test(a_stream_is_read_from_a_boundary),
      cmocka_unit_test(garbage_in_a_ring_ends_it),
      cmocka_unit_test(the_directory_is_the_user_s_alone),
      cmocka_unit_test(losses_of_many_controllers),
      cmocka_unit_test(a_recovered_trace_is_put_aside),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
