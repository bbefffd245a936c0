/* SPDX-License-Identifier: BSD-2-Clause */
/* Data structures that were scrubbed: nothing of a string is left, whatever pieces it came in. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "nvme/layouts.h"
#include "tests/unit/scrub_stage.h"

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

/* As many controllers as are remembered, and one more: each has its own stand-in, and what a
 * controller says is looked up among what it is known by. */
static void many_controllers(void **state) {
  (void)state;
  struct stage st;
  uint8_t id[4096], out[4096], uuid[NVT_UUID_BYTES];
  char serials[3][21], nqn[NVT_UUID_NQN_CHARS + 1], why[256];
  stage_open(&st, (struct nvt_scrub_options){0});
  for (uint16_t i = 0; i <= 256; i++) {
    struct nvt_meta m = meta(), now;
    snprintf(m.serial, sizeof(m.serial), "SERIAL%04u", i);
    assert_int_equal(stage_meta(&st, i, &m), 0);
    struct nvt_record record = stage_out(&st, st.count - 1);
    assert_true(nvt_meta_parse(record.tail, record.tail_length, &now, why, sizeof(why)));
    strcpy(serials[i == 0 ? 0 : i == 255 ? 1 : 2], now.serial);
    nvt_meta_clear(&now);
  }
  assert_string_not_equal(serials[1], serials[2]);
  for (int i = 1; i < 3; i++) { /* the first one is forgotten */
    memset(id, 0, sizeof(id));
    nvt_identity_uuid(i == 1 ? "SERIAL0255" : "SERIAL0256", uuid);
    nvt_identity_nqn(uuid, nqn);
    memcpy(id + 768, nqn, NVT_UUID_NQN_CHARS);
    transfer(&st, identify_command((uint16_t)i), IN, id, 4096, 0, out);
    nvt_identity_uuid(serials[i], uuid);
    nvt_identity_nqn(uuid, nqn);
    assert_memory_equal(out + 768, nqn, NVT_UUID_NQN_CHARS);
  }
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
  for (uint64_t i = 0; i + 8 <= part->length; i += 1 + part->length / 32)
    if (has(j->out, j->length, part->bytes + i, 8))
      fail_msg("%s.%s: 8 bytes of it are still there", part->structure->id, part->member->id);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_controller_is_nobodys),   cmocka_unit_test(many_controllers),
      cmocka_unit_test(pieces_make_no_difference), cmocka_unit_test(heads_are_heads_of_the_whole),
      cmocka_unit_test(digests_become_data),       cmocka_unit_test(no_structure_tells),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
