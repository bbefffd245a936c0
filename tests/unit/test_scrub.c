/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes out of a scrubber: nothing that tells of anybody, whatever the pieces that data is in.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>

#include "nvme/identity.h"
#include "nvme/layouts.h"
#include "nvme/pci.h"
#include "tests/unit/scrub_stage.h"

#define SERIAL "S4EVNX0R123456"
#define MODEL "Prototype Of Somebody"
#define FIRMWARE "1B2QEXM7"
#define IN NVT_V_data_direction_IN
#define OUT NVT_V_data_direction_OUT

static struct nvt_sqe io(uint8_t opcode, uint16_t cid) {
  return (struct nvt_sqe){.opcode = opcode, .cid = cid, .nsid = 1, .cdw10 = 100, .cdw12 = 7};
}

static struct nvt_meta meta(void) {
  struct nvt_meta m = {.format = 1, .mdts = 5};
  strcpy(m.serial, SERIAL);
  strcpy(m.model, MODEL);
  strcpy(m.firmware, FIRMWARE);
  strcpy(m.host, "Linux secret-host");
  strcpy(m.recorder, "acme recorder at /home/somebody");
  strcpy(m.filter, "lba=12345");
  strcpy(m.profile, "mdts-128k");
  strcpy(m.doorbells, "trap");
  strcpy(m.data, "full");
  strcpy(m.clock, "vdso");
  strcpy(m.started, "2026-01-31T12:00:00.123456789Z");
  return m;
}

static void put_text(uint8_t *to, size_t size, const char *text) {
  memset(to, ' ', size);
  memcpy(to, text, strlen(text));
}

/* Identify Controller as the controller of meta() has it. */
static void identify(uint8_t id[static 4096]) {
  uint8_t uuid[NVT_UUID_BYTES];
  char nqn[NVT_UUID_NQN_CHARS + 1];
  memset(id, 0, 4096);
  put_text(id + 4, 20, SERIAL);
  put_text(id + 24, 40, MODEL);
  put_text(id + 64, 8, FIRMWARE);
  id[77] = 5;
  nvt_identity_uuid(SERIAL, uuid);
  nvt_identity_nqn(uuid, nqn);
  memcpy(id + 768, nqn, NVT_UUID_NQN_CHARS);
  memset(id + 3072, 'V', 1024);
  memset(id + 140, 'r', 20); /* reserved */
}

static struct nvt_sqe identify_command(uint16_t cid) {
  return (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY, .cid = cid, .cdw10 = NVT_CNS_CONTROLLER};
}

/* Sends `length` bytes of data, cut after `cut` (0: not), with `sqe`; what comes out of them. */
static size_t transfer(struct stage *st, struct nvt_sqe sqe, uint8_t direction,
                       const uint8_t *bytes, size_t length, size_t cut, uint8_t *out) {
  size_t first = st->count, done = 0;
  assert_int_equal(stage_command(st, 0, sqe), 0);
  size_t head = cut != 0 && cut < length ? cut : length;
  assert_int_equal(stage_data(st, 0, sqe.cid, direction, 0, bytes, head), 0);
  if (head < length)
    assert_int_equal(stage_data(st, 0, sqe.cid, direction, head, bytes + head, length - head), 0);
  assert_int_equal(stage_completion(st, 0, sqe), 0);
  for (size_t i = first; i < st->count; i++) {
    struct nvt_record record = stage_out(st, i);
    if (record.header.type != NVT_REC_DATA)
      continue;
    memcpy(out + done, record.tail, record.tail_length);
    done += record.tail_length;
  }
  return done;
}

static bool has(const void *bytes, size_t length, const void *what, size_t size) {
  return memmem(bytes, length, what, size) != NULL;
}

static void a_controller_is_nobodys(void **state) {
  (void)state;
  struct stage st;
  struct nvt_meta m = meta(), now;
  struct nvt_meta_namespace ns[3] = {{.nsid = 1, .blocks = 9, .backend = "file:/home/me/disk.img"},
                                     {.nsid = 2, .blocks = 9, .backend = "null:1G"},
                                     {.nsid = 3, .blocks = 9, .backend = "tape:/dev/nst0"}};
  uint8_t id[4096], out[4096];
  char why[256];
  m.namespaces = ns;
  m.namespace_count = 3;
  stage_open(&st, (struct nvt_scrub_options){0});
  assert_int_equal(stage_meta(&st, 0, &m), 0);
  identify(id);
  assert_int_equal(transfer(&st, identify_command(1), IN, id, 4096, 0, out), 4096);
  assert_int_equal(nvt_scrub_finish(st.scrub), 0);
  static const char *const secrets[] = {SERIAL,         MODEL,       FIRMWARE,   "secret-host",
                                        "somebody",     "disk.img",  "/dev/nst", "lba=12345",
                                        "VVVVVVVVVVVV", "rrrrrrrrrr"};
  for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
    if (has(st.bytes, st.length, secrets[i], strlen(secrets[i])))
      fail_msg("%s is still there", secrets[i]);
  uint8_t uuid[NVT_UUID_BYTES];
  char nqn[NVT_UUID_NQN_CHARS + 1];
  nvt_identity_uuid(SERIAL, uuid);
  nvt_identity_nqn(uuid, nqn);
  assert_false(has(st.bytes, st.length, nqn + 36, 8));
  struct nvt_record record = stage_out(&st, 0);
  assert_true(nvt_meta_parse(record.tail, record.tail_length, &now, why, sizeof(why)));
  assert_int_equal(strlen(now.serial), strlen(SERIAL));
  assert_memory_equal(out + 4, now.serial, strlen(SERIAL));
  assert_memory_equal(out + 24, now.model, strlen(MODEL));
  assert_memory_equal(out + 64, now.firmware, 8);
  assert_int_equal(out[4 + strlen(SERIAL)], ' ');
  nvt_identity_uuid(now.serial, uuid); /* as the model will have it */
  nvt_identity_nqn(uuid, nqn);
  assert_memory_equal(out + 768, nqn, NVT_UUID_NQN_CHARS);
  assert_string_equal(now.profile, "mdts-128k");
  assert_string_equal(now.data, "head");
  assert_int_equal(record.meta.data_mode, NVT_V_meta_data_mode_HEAD);
  assert_string_equal(now.scrubbed, "data dropped, LBAs kept, times kept");
  assert_string_equal(now.namespaces[0].backend, "file:");
  assert_string_equal(now.namespaces[1].backend, "null:");
  assert_int_equal(now.namespaces[1].blocks, 9);
  assert_int_equal(out[77], 5);
  nvt_meta_clear(&now);
  stage_close(&st);
}

static void pieces_make_no_difference(void **state) {
  (void)state;
  struct stage st;
  struct nvt_meta m = meta();
  uint8_t id[4096], whole[4096], pieces[4096];
  identify(id);
  stage_open(&st, (struct nvt_scrub_options){0});
  assert_int_equal(stage_meta(&st, 0, &m), 0);
  transfer(&st, identify_command(1), IN, id, 4096, 0, whole);
  for (uint16_t cut = 1; cut < 900; cut++) {
    assert_int_equal(transfer(&st, identify_command(cut), IN, id, 4096, cut, pieces), 4096);
    if (memcmp(whole, pieces, 4096) != 0)
      fail_msg("cut after %u bytes it comes out otherwise", cut);
  }
  stage_close(&st);
}

/* Of a recording that has the first bytes alone (head:N): the first bytes of the same. */
static void heads_are_heads_of_the_whole(void **state) {
  (void)state;
  uint8_t id[4096], whole[4096], head[4096];
  struct nvt_meta m = meta();
  struct stage st;
  identify(id);
  stage_open(&st, (struct nvt_scrub_options){0});
  assert_int_equal(stage_meta(&st, 0, &m), 0);
  transfer(&st, identify_command(1), IN, id, 4096, 0, whole);
  for (uint16_t n = 1; n < 900; n++) {
    assert_int_equal(transfer(&st, identify_command(n), IN, id, n, 0, head), n);
    if (memcmp(whole, head, n) != 0)
      fail_msg("of the first %u bytes something else comes out", n);
  }
  stage_close(&st);
}

static int send_digest(struct stage *st, uint16_t sqid, uint16_t cid, struct nvt_rec_digest digest,
                       const void *tail, size_t length) {
  digest.sqid = sqid;
  digest.cid = cid;
  digest.direction = IN;
  digest.true_length = 4096;
  return stage_in(st, 0, NVT_REC_DIGEST, &digest, tail, length);
}

static struct nvt_record last_data(const struct stage *st) {
  for (size_t i = st->count; i-- > 0;) {
    struct nvt_record record = stage_out(st, i);
    if (record.header.type == NVT_REC_DATA)
      return record;
    assert_int_not_equal(record.header.type, NVT_REC_DIGEST);
  }
  fail_msg("no data record");
  return (struct nvt_record){0};
}

/* What a digest stands for comes out as if it had been there; CRCs and lists don't. */
static void digests_become_data(void **state) {
  (void)state;
  for (int zero = 0; zero < 2; zero++) {
    struct stage st;
    struct nvt_meta m = meta();
    uint8_t id[4096], out[4096], crcs[32];
    identify(id);
    memset(crcs, 0xab, sizeof(crcs));
    m.dedup_pages = 16;
    stage_open(&st, (struct nvt_scrub_options){.data = zero ? NVT_SCRUB_ZERO : NVT_SCRUB_DROP});
    assert_int_equal(stage_meta(&st, 0, &m), 0);
    uint64_t same_as = st.seq + 1;
    transfer(&st, identify_command(1), IN, id, 4096, 0, out);
    const struct nvt_rec_digest same = {.algorithm = NVT_V_digest_algorithm_SAME,
                                        .same_as = same_as};
    const struct nvt_rec_digest fill = {.algorithm = NVT_V_digest_algorithm_FILL,
                                        .fill = 0x7465726365736d79};
    const struct nvt_rec_digest crc = {.algorithm = NVT_V_digest_algorithm_CRC32C, .unit = 512};
    assert_int_equal(stage_command(&st, 0, identify_command(2)), 0);
    assert_int_equal(send_digest(&st, 0, 2, same, NULL, 0), 0);
    assert_int_equal(stage_completion(&st, 0, identify_command(2)), 0);
    assert_int_equal(last_data(&st).tail_length, 4096);
    assert_memory_equal(last_data(&st).tail, out, 4096);
    struct nvt_sqe sqe = io(NVT_NVM_READ, 3);
    assert_int_equal(stage_command(&st, 1, sqe), 0);
    assert_int_equal(send_digest(&st, 1, 3, fill, NULL, 0), 0);
    assert_int_equal(last_data(&st).data.true_length, 4096);
    assert_int_equal(last_data(&st).tail_length, zero ? 4096 : 0);
    assert_int_equal(send_digest(&st, 1, 3, same, NULL, 0), 0);
    assert_int_equal(last_data(&st).tail_length, zero ? 4096 : 0);
    assert_int_equal(send_digest(&st, 1, 3, crc, crcs, sizeof(crcs)), 0);
    assert_int_equal(last_data(&st).tail_length, 0);
    struct nvt_rec_digest list = same;
    list.kind = NVT_V_data_kind_PRP_LIST;
    assert_int_equal(send_digest(&st, 1, 3, list, NULL, 0), 0);
    assert_int_equal(stage_out(&st, st.count - 1).header.type, NVT_REC_ANNOTATION);
    assert_false(has(st.bytes, st.length, "mysecret", 8));
    assert_false(has(st.bytes, st.length, SERIAL, strlen(SERIAL)));
    assert_false(has(st.bytes, st.length, crcs, 4));
    struct nvt_record record = stage_out(&st, 0);
    assert_false(has(record.tail, record.tail_length, "dedup", 5));
    stage_close(&st);
  }
}

/* --- every structure that a command can have --- */

struct judged {
  const uint8_t *in;
  const uint8_t *out;
  size_t length;
};

static void judge(void *ctx, const struct nvt_part *part) {
  const struct judged *j = ctx;
  const uint8_t *now = j->out + part->offset;
  bool value = part->kind == NVT_PART_VALUE || part->kind == NVT_PART_CUT;
  if (part->kind == NVT_PART_GAP || part->kind == NVT_PART_BEYOND) {
    for (uint64_t i = 0; i < part->length; i++)
      assert_int_equal(now[i], 0);
    return;
  }
  if (!value)
    return;
  bool known = part->member->kind == NVT_MEMBER_VALUE || part->member->kind == NVT_MEMBER_LIST;
  enum nvt_privacy class = known ? nvt_member_privacy(part->member) : NVT_PRIVACY_DROP;
  if (class == NVT_PRIVACY_NONE || class == NVT_PRIVACY_KEEP || class == NVT_PRIVACY_LBA ||
      class == NVT_PRIVACY_PLACE || class == NVT_PRIVACY_TIME) {
    assert_memory_equal(now, part->bytes, part->length);
    return;
  }
  for (uint64_t i = 0; i + 8 <= part->length; i++)
    if (has(j->out, j->length, part->bytes + i, 8))
      fail_msg("%s.%s: 8 bytes of it are still there", part->structure->id, part->member->id);
}

static uint64_t random_state = 1;
static uint8_t random_byte(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint8_t)(random_state >> 33);
}

/* Bytes of all values, then some with small ones, so that counters and cases lead somewhere. */
static void random_bytes(uint8_t *bytes, size_t length, unsigned round) {
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = random_byte();
    bytes[i] = round == 0 ? byte : (i & 1) != 0 && i < 64 ? 0 : i < 64 ? byte % 12 : byte;
  }
}

static void try_command(struct stage *st, struct nvt_sqe sqe, uint8_t direction, bool seen[]) {
  static uint8_t in[4096], out[4096];
  struct nvt_layout layout = nvt_structure_of(NVT_SET_ADMIN, &sqe, (enum nvt_direction)direction);
  if (layout.structure == NVT_STRUCTURE_NONE || seen[layout.structure])
    return;
  seen[layout.structure] = true;
  bool nothing = nvt_structure_private(nvt_structure_info(layout.structure));
  for (unsigned round = 0; round < 6; round++) {
    random_bytes(in, sizeof(in), round);
    size_t length = round == 5 ? 1000 : sizeof(in);
    size_t got = transfer(st, sqe, direction, in, length, round >= 4 ? 37 : 0, out);
    assert_int_equal(got, nothing ? 0 : length);
    struct judged j = {in, out, length};
    if (!nothing)
      nvt_structure_walk(layout.structure, in, 0, length, judge, &j);
    st->count = 0; /* room for more */
    st->length = 0;
  }
}

static void no_structure_tells(void **state) {
  (void)state;
  struct stage st;
  bool seen[NVT_STRUCTURE_COUNT] = {false};
  stage_open(&st, (struct nvt_scrub_options){0});
  for (uint32_t i = 0; i < 256; i++) {
    for (uint32_t csi = 0; csi < 3; csi++)
      try_command(&st,
                  (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY, .cdw10 = i, .cdw11 = csi << 24},
                  IN, seen);
    try_command(&st, (struct nvt_sqe){.opcode = NVT_ADMIN_GET_LOG_PAGE, .cdw10 = i}, IN, seen);
    try_command(&st, (struct nvt_sqe){.opcode = NVT_ADMIN_GET_LOG_PAGE, .cdw10 = i | 0x100}, IN,
                seen);
    try_command(&st, (struct nvt_sqe){.opcode = NVT_ADMIN_SET_FEATURES, .cdw10 = i}, OUT, seen);
    try_command(&st, (struct nvt_sqe){.opcode = NVT_ADMIN_SET_FEATURES, .cdw10 = i, .cdw11 = 1},
                OUT, seen);
    try_command(&st, (struct nvt_sqe){.opcode = NVT_ADMIN_GET_FEATURES, .cdw10 = i}, IN, seen);
    try_command(&st, (struct nvt_sqe){.opcode = (uint8_t)i}, OUT, seen);
    try_command(&st, (struct nvt_sqe){.opcode = (uint8_t)i}, IN, seen);
  }
  unsigned count = 0;
  for (unsigned i = 0; i < NVT_STRUCTURE_COUNT; i++)
    count += seen[i];
  assert_in_range(count, 80, NVT_STRUCTURE_COUNT); /* it looked at something */
  stage_close(&st);
}

/* --- payload --- */

static struct nvt_record only_data(const struct stage *st, size_t from) {
  for (size_t i = from; i < st->count; i++) {
    struct nvt_record record = stage_out(st, i);
    if (record.header.type == NVT_REC_DATA)
      return record;
  }
  fail_msg("no data record");
  return (struct nvt_record){0};
}

static struct nvt_record send(struct stage *st, struct nvt_sqe sqe, uint8_t direction) {
  uint8_t content[4096];
  size_t from = st->count;
  random_bytes(content, sizeof(content), 0);
  assert_int_equal(stage_command(st, 1, sqe), 0);
  assert_int_equal(stage_data(st, 1, sqe.cid, direction, 0, content, sizeof(content)), 0);
  assert_int_equal(stage_completion(st, 1, sqe), 0);
  for (size_t i = 0; i + 8 <= sizeof(content); i++)
    assert_false(has(st->bytes, st->length, content + i, 8));
  return only_data(st, from);
}

static void content_goes(void **state) {
  (void)state;
  for (int zero = 0; zero < 2; zero++) {
    struct stage st;
    stage_open(&st, (struct nvt_scrub_options){.data = zero ? NVT_SCRUB_ZERO : NVT_SCRUB_DROP});
    struct nvt_record record = send(&st, io(NVT_NVM_WRITE, 1), OUT);
    assert_int_equal(record.data.true_length, 4096);
    assert_int_equal(record.data.captured_length, zero ? 4096 : 0);
    record = send(&st, io(NVT_NVM_READ, 2), IN);
    assert_int_equal(record.data.captured_length, zero ? 4096 : 0);
    record = send(&st, io(NVT_NVM_COMPARE, 3), OUT); /* zeroes would be equal where it wasn't */
    assert_int_equal(record.data.captured_length, 0);
    record = send(&st, io(0x99, 4), OUT); /* a vendor's */
    assert_int_equal(record.data.captured_length, 0);
    assert_int_equal(nvt_scrub_report(st.scrub)->counts[NVT_SCRUB_CONTENT], 8192);
    assert_int_equal(nvt_scrub_report(st.scrub)->counts[NVT_SCRUB_PAYLOAD], 8192);
    stage_close(&st);
  }
}

/* Data of a command that isn't in the trace is a structure of nothing. */
static void data_of_nobody_goes(void **state) {
  (void)state;
  struct stage st;
  uint8_t id[4096];
  identify(id);
  stage_open(&st, (struct nvt_scrub_options){0});
  assert_int_equal(stage_data(&st, 0, 1, IN, 0, id, 4096), 0);
  assert_int_equal(only_data(&st, 0).data.captured_length, 0);
  struct nvt_sqe far = {
      .opcode = NVT_ADMIN_GET_LOG_PAGE, .cid = 2, .cdw10 = NVT_LOG_SMART, .cdw13 = 0x20000000};
  assert_int_equal(stage_command(&st, 0, far), 0);
  size_t from = st.count;
  assert_int_equal(stage_data(&st, 0, 2, IN, 0, id, 4096), 0);
  assert_int_equal(stage_completion(&st, 0, far), 0);
  assert_int_equal(only_data(&st, from).data.captured_length, 0);
  assert_int_equal(stage_command(&st, 0, identify_command(3)), 0);
  from = st.count;
  assert_int_equal(stage_data(&st, 0, 3, IN, UINT64_MAX - 100, id, 4096), 0);
  assert_int_equal(stage_completion(&st, 0, identify_command(3)), 0);
  assert_int_equal(only_data(&st, from).data.captured_length, 0);
  stage_close(&st);
}

/* --- what else records have --- */

static void records_are_made_anew(void **state) {
  (void)state;
  struct stage st;
  uint8_t bytes[256];
  stage_open(&st, (struct nvt_scrub_options){0});
  struct nvt_rec_annotation note = {0};
  assert_int_equal(stage_in(&st, 0, NVT_REC_ANNOTATION, &note, "secret words", 12), 0);
  struct nvt_rec_verdict verdict = {.sqid = 3, .plugin = "acme_secret_plugin_24byt"};
  assert_int_equal(stage_in(&st, 0, NVT_REC_VERDICT, &verdict, NULL, 0), 0);
  struct nvt_rec_event event = {.event = 999, .code = 1, .address = 2, .size = 3};
  assert_int_equal(stage_in(&st, 0, NVT_REC_EVENT, &event, NULL, 0), 0);
  struct nvt_rec_interrupt interrupt = {.vector = 5, .reserved0 = 6, .reserved1 = 7};
  assert_int_equal(stage_in(&st, 0, NVT_REC_INTERRUPT, &interrupt, NULL, 0), 0);
  /* A longer header and a longer body, a type and flags that aren't known. */
  struct nvt_rec_header header = {.magic = NVT_RECORD_MAGIC,
                                  .version = 1,
                                  .header_length = 40,
                                  .type = NVT_REC_LOSS,
                                  .flags = 0xff,
                                  .length = 96,
                                  .seq = 77};
  memset(bytes, 's', sizeof(bytes));
  memcpy(bytes, &header, sizeof(header));
  assert_int_equal(stage_frame(&st, bytes, 96), 0);
  header.type = 200;
  memcpy(bytes, &header, sizeof(header));
  assert_int_equal(stage_frame(&st, bytes, 96), 0);
  bytes[0] = 'x'; /* not ours */
  assert_int_equal(stage_frame(&st, bytes, 96), 0);
  header.type = NVT_REC_LOSS;
  memcpy(bytes, &header, sizeof(header));
  assert_int_equal(stage_frame(&st, bytes, 50), 0); /* cut in the body */
  assert_int_equal(nvt_scrub_finish(st.scrub), 0);

  assert_int_equal(st.count, 6);
  assert_memory_equal(stage_out(&st, 0).tail, "(removed)", 9);
  assert_false(has(st.bytes, st.length, "secret", 6));
  assert_int_equal(stage_out(&st, 1).verdict.sqid, 3);
  assert_int_equal(stage_out(&st, 2).event.event, 999);
  assert_int_equal(stage_out(&st, 2).event.address, 0);
  assert_int_equal(stage_out(&st, 3).interrupt.vector, 5);
  assert_int_equal(stage_out(&st, 3).interrupt.reserved1, 0);
  assert_int_equal(stage_out(&st, 4).header.length, 72);
  assert_int_equal(stage_out(&st, 4).header.flags, NVT_V_header_flags_SNAPSHOT);
  assert_int_equal(stage_out(&st, 5).header.type, NVT_REC_ANNOTATION);
  assert_int_equal(stage_out(&st, 5).header.seq, 77);
  const struct nvt_scrub_report *report = nvt_scrub_report(st.scrub);
  assert_int_equal(report->counts[NVT_SCRUB_TYPE], 1);
  assert_int_equal(report->counts[NVT_SCRUB_FOREIGN], 2);
  assert_int_equal(report->counts[NVT_SCRUB_TEXT], 1);
  stage_close(&st);
}

static void vendors_and_keys(void **state) {
  (void)state;
  for (int keep = 0; keep < 2; keep++) {
    struct stage st;
    stage_open(&st, (struct nvt_scrub_options){.keep = keep ? NVT_SCRUB_KEEP_VENDOR : 0});
    struct nvt_sqe sqe = {.opcode = 0xc5, .cid = 9, .nsid = 4, .prp1 = 0x1000, .cdw10 = 0x55555555};
    struct nvt_rec_completion done = {.opcode = 0xc5, .cqe = {.cid = 9, .dw0 = 0x66666666}};
    assert_int_equal(stage_command(&st, 0, sqe), 0);
    assert_int_equal(stage_in(&st, 0, NVT_REC_COMPLETION, &done, NULL, 0), 0);
    struct nvt_sqe feature = {.opcode = NVT_ADMIN_SET_FEATURES, .cdw10 = 0xd1, .cdw11 = 7};
    assert_int_equal(stage_command(&st, 0, feature), 0);
    struct nvt_rec_access access = {
        .offset = 0x400, .value = 8, .size = 4, .space = NVT_V_access_space_BAR0};
    assert_int_equal(stage_in(&st, 0, NVT_REC_REG_READ, &access, NULL, 0), 0);
    access.offset = NVT_REG_CC;
    access.value = 0x4600019900000000; /* more than 4 bytes say */
    assert_int_equal(stage_in(&st, 0, NVT_REC_REG_READ, &access, NULL, 0), 0);
    assert_int_equal(stage_out(&st, 0).command.sqe.cdw10, keep ? 0x55555555 : 0);
    assert_int_equal(stage_out(&st, 0).command.sqe.prp1, 0x1000);
    assert_int_equal(stage_out(&st, 1).completion.cqe.dw0, keep ? 0x66666666 : 0);
    assert_int_equal(stage_out(&st, 2).command.sqe.cdw10, 0xd1);
    assert_int_equal(stage_out(&st, 2).command.sqe.cdw11, keep ? 7 : 0);
    assert_int_equal(stage_out(&st, 3).access.value, keep ? 8 : 0);
    assert_int_equal(stage_out(&st, 4).access.value, 0);
    stage_close(&st);
  }
}

/* PCI's Device Serial Number, where the host found it. */
static void devices_have_serial_numbers(void **state) {
  (void)state;
  struct stage st;
  static const struct {
    uint16_t offset;
    uint32_t value;
    bool kept;
  } reads[] = {{0, 0x00101b36, true},         {0x100, 0x14810003, true}, /* next at 148h */
               {0x104, 0x11223344, false},    {0x108, 0x55667788, false},
               {0x104, 0x11223344, false},    {0x10c, 0x99aabbcc, true},
               {NVT_PCI_CONFIG_SIZE, 7, true}};
  stage_open(&st, (struct nvt_scrub_options){0});
  for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
    struct nvt_rec_access access = {.offset = reads[i].offset,
                                    .value = reads[i].value,
                                    .size = 4,
                                    .space = NVT_V_access_space_CONFIG};
    assert_int_equal(stage_in(&st, 0, NVT_REC_CONFIG_READ, &access, NULL, 0), 0);
    assert_int_equal(stage_out(&st, i).access.value == reads[i].value, reads[i].kept);
    assert_in_range(stage_out(&st, i).access.value, 0, UINT32_MAX);
  }
  assert_int_equal(stage_out(&st, 2).access.value, stage_out(&st, 4).access.value);
  stage_close(&st);
}

/* A Copy's destination is as long as its sources together, and stays in one piece. */
static void copies_stay_whole(void **state) {
  (void)state;
  struct stage st;
  uint8_t ranges[2][32] = {{0}};
  const uint64_t from[2] = {50000, 70000};
  const uint16_t length[2] = {2999, 999}; /* zero-based */
  const struct nvt_sqe copy = {
      .opcode = NVT_NVM_COPY, .cid = 1, .nsid = 1, .cdw10 = 10000, .cdw12 = 1};
  for (int i = 0; i < 2; i++) {
    memcpy(&ranges[i][8], &from[i], 8);
    memcpy(&ranges[i][16], &length[i], 2);
  }
  struct nvt_meta m = meta();
  struct nvt_meta_namespace ns = {.nsid = 1, .blocks = 1 << 20, .block_size = 512};
  m.namespaces = &ns;
  m.namespace_count = 1;
  stage_open(&st, (struct nvt_scrub_options){.lba = true});
  for (int pass = 0; pass < 2; pass++) {
    assert_int_equal(stage_meta(&st, 0, &m), 0);
    assert_int_equal(stage_command(&st, 1, copy), 0);
    assert_int_equal(stage_data(&st, 1, 1, OUT, 0, ranges, sizeof(ranges)), 0);
    assert_int_equal(stage_completion(&st, 1, copy), 0);
    struct nvt_sqe read = io(NVT_NVM_READ, 2); /* the last blocks that were copied to */
    read.cdw10 = 10000 + 4000 - 8;
    assert_int_equal(stage_command(&st, 1, read), 0);
    if (pass == 0)
      assert_int_equal(nvt_scrub_learned(st.scrub), 0);
    st.learning = false;
  }
  uint32_t to = stage_out(&st, 1).command.sqe.cdw10;
  assert_int_not_equal(to, 10000);
  assert_int_equal(stage_out(&st, 4).command.sqe.cdw10, to + 4000 - 8);
  uint64_t source;
  memcpy(&source, stage_out(&st, 2).tail + 8, 8);
  assert_int_not_equal(source, 50000);
  stage_close(&st);
}

static void times_move(void **state) {
  (void)state;
  struct stage st;
  const uint64_t epoch = NVT_SCRUB_EPOCH_NS, most = UINT64_C(4294967296) * 1000000000u - 1;
  const uint64_t in[] = {
      STAGE_NS,  STAGE_NS - 5, STAGE_NS - epoch, STAGE_NS - epoch - 1, 0, most - epoch + STAGE_NS,
      UINT64_MAX};
  const uint64_t out[] = {epoch, epoch - 5, 0, 0, 0, most, most};
  stage_open(&st, (struct nvt_scrub_options){.time = true});
  for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
    struct nvt_rec_loss loss = {.count = 1, .first_ns = in[i], .last_ns = STAGE_NS};
    assert_int_equal(stage_in(&st, 0, NVT_REC_LOSS, &loss, NULL, 0), 0);
    assert_int_equal(stage_out(&st, i).loss.first_ns, out[i]);
    assert_int_equal(stage_out(&st, i).loss.last_ns, epoch);
    assert_int_equal(st.times[i], epoch + i * 1000);
  }
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_SET_FEATURES, .cdw10 = NVT_FEATURE_TIMESTAMP};
  uint64_t ms = STAGE_NS / 1000000 + 1234;
  uint8_t now[8];
  assert_int_equal(transfer(&st, sqe, OUT, (uint8_t *)&ms, 8, 0, now), 8);
  uint64_t then = epoch / 1000000 + 1234;
  assert_memory_equal(now, &then, 8);
  stage_close(&st);
}

static void lbas_move_everywhere(void **state) {
  (void)state;
  struct stage st;
  struct nvt_meta m = meta();
  struct nvt_meta_namespace ns = {.nsid = 1, .blocks = 1 << 20, .block_size = 512};
  m.namespaces = &ns;
  m.namespace_count = 1;
  stage_open(&st, (struct nvt_scrub_options){.lba = true});
  uint64_t ranges[2][2] = {{UINT64_C(8) << 32, 5000}, {UINT64_C(4) << 32, 100}};
  struct {
    uint64_t count;
    uint16_t ids[4];
    uint64_t lba;
    uint32_t nsid;
    uint8_t rest[36];
  } error = {.count = 1, .lba = 102, .nsid = 1};
  assert_int_equal(sizeof(error), 64);
  for (int pass = 0; pass < 2; pass++) {
    uint8_t out[64];
    assert_int_equal(stage_meta(&st, 0, &m), 0);
    assert_int_equal(stage_command(&st, 1, io(NVT_NVM_WRITE, 1)), 0);
    struct nvt_sqe dsm = {.opcode = NVT_NVM_DATASET_MANAGEMENT, .cid = 2, .nsid = 1, .cdw10 = 1};
    assert_int_equal(stage_command(&st, 1, dsm), 0);
    assert_int_equal(stage_data(&st, 1, 2, OUT, 0, ranges, sizeof(ranges)), 0);
    assert_int_equal(stage_completion(&st, 1, dsm), 0);
    struct nvt_sqe log = {.opcode = NVT_ADMIN_GET_LOG_PAGE,
                          .cid = 3,
                          .nsid = UINT32_MAX,
                          .cdw10 = 15 << 16 | NVT_LOG_ERROR_INFORMATION};
    assert_int_equal(transfer(&st, log, IN, (uint8_t *)&error, 64, 0, out), pass * 64);
    if (pass == 0)
      assert_int_equal(nvt_scrub_learned(st.scrub), 0);
    st.learning = false;
  }
  struct nvt_sqe write = stage_out(&st, 1).command.sqe;
  uint64_t now = write.cdw10 | (uint64_t)write.cdw11 << 32, value;
  assert_int_not_equal(now, 100);
  assert_in_range(now, 0, (1 << 20) - 8);
  struct nvt_record record = only_data(&st, 0);
  memcpy(&value, record.tail + 24, 8);
  assert_int_equal(value, now); /* the second range begins where the write does */
  memcpy(&value, record.tail + 8, 8);
  assert_int_not_equal(value, 5000);
  assert_int_equal(record.tail[4], 8);
  size_t last = st.count - 2;
  memcpy(&value, stage_out(&st, last).tail + 16, 8);
  assert_int_equal(value, now + 2);
  stage_close(&st);
  stage_open(&st, (struct nvt_scrub_options){.lba = true});
  assert_int_equal(stage_command(&st, 1, io(NVT_NVM_ZONE_APPEND, 1)), -EOPNOTSUPP);
  stage_close(&st);
}

/* A command that never ends makes what follows wait, but not for ever. */
static void waiting_is_limited(void **state) {
  (void)state;
  struct stage st;
  uint8_t id[4096];
  identify(id);
  stage_open(&st, (struct nvt_scrub_options){0});
  assert_int_equal(stage_command(&st, 0, identify_command(1)), 0);
  assert_int_equal(stage_data(&st, 0, 1, IN, 0, id, 4096), 0);
  size_t waiting = 4096 + 64, records = 1;
  while (st.count == 1) {
    assert_int_equal(stage_command(&st, 0, identify_command(2)), 0);
    assert_int_equal(stage_data(&st, 0, 2, IN, 0, id, 4096), 0);
    waiting += 4096 + 64 + 112;
    records += 2;
    assert_in_range(waiting, 0, NVT_SCRUB_WAITING_MAX + 3 * 4096);
  }
  assert_in_range(waiting, NVT_SCRUB_WAITING_MAX - 4096, NVT_SCRUB_WAITING_MAX + 3 * 4096);
  assert_int_equal(nvt_scrub_finish(st.scrub), 0);
  assert_int_equal(st.count, records + 1);
  for (size_t i = 0; i < st.count; i++)
    assert_int_equal(stage_out(&st, i).header.seq, i);
  assert_false(has(st.bytes, st.length, SERIAL, strlen(SERIAL)));
  stage_close(&st);
}

static int refuse(void *ctx, uint64_t time_ns, const void *record, size_t length) {
  (void)ctx, (void)time_ns, (void)record, (void)length;
  return -ENOSPC;
}

static void what_put_returns_is_returned(void **state) {
  (void)state;
  struct stage st;
  stage_open(&st, (struct nvt_scrub_options){0});
  nvt_scrub_destroy(st.scrub);
  const struct nvt_scrub_options options = {.key = (const uint8_t *)"k", .key_length = 1};
  assert_int_equal(nvt_scrub_create(&options, refuse, NULL, &st.scrub), 0);
  assert_int_equal(stage_command(&st, 0, identify_command(1)), -ENOSPC);
  stage_close(&st);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_controller_is_nobodys),
      cmocka_unit_test(pieces_make_no_difference),
      cmocka_unit_test(heads_are_heads_of_the_whole),
      cmocka_unit_test(digests_become_data),
      cmocka_unit_test(no_structure_tells),
      cmocka_unit_test(content_goes),
      cmocka_unit_test(data_of_nobody_goes),
      cmocka_unit_test(records_are_made_anew),
      cmocka_unit_test(vendors_and_keys),
      cmocka_unit_test(devices_have_serial_numbers),
      cmocka_unit_test(copies_stay_whole),
      cmocka_unit_test(times_move),
      cmocka_unit_test(lbas_move_everywhere),
      cmocka_unit_test(waiting_is_limited),
      cmocka_unit_test(what_put_returns_is_returned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
