/* SPDX-License-Identifier: BSD-2-Clause */
/* Which structure a command's data is, and how its members are written. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "nvme/layouts.h"
#include "trace/text_structure.h"

static void is(enum nvt_opcode_set set, struct nvt_sqe sqe, enum nvt_direction direction,
               enum nvt_structure_id want) {
  assert_int_equal(nvt_structure_of(set, &sqe, direction).structure, want);
}

#define ADMIN(op, ...) ((struct nvt_sqe){.opcode = NVT_ADMIN_##op, __VA_ARGS__})
#define NVM(op, ...) ((struct nvt_sqe){.opcode = NVT_NVM_##op, __VA_ARGS__})

static void by_dwords(void **state) {
  (void)state;
  const enum nvt_direction in = NVT_DIRECTION_IN, out = NVT_DIRECTION_OUT;
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 1), in, NVT_STRUCTURE_ID_CTRL);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 1 | 7u << 16), in, NVT_STRUCTURE_ID_CTRL);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 1), out, NVT_STRUCTURE_NONE);
  is(NVT_SET_NVM, ADMIN(IDENTIFY, .cdw10 = 1), in, NVT_STRUCTURE_NONE);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 5), in, NVT_STRUCTURE_ID_NS_NVM);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 5, .cdw11 = 2u << 24), in, NVT_STRUCTURE_ID_NS_ZNS);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 5, .cdw11 = 3u << 24), in, NVT_STRUCTURE_NONE);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 0xff), in, NVT_STRUCTURE_NONE);
  is(NVT_SET_ADMIN, ADMIN(SET_FEATURES, .cdw10 = 0x0c), out, NVT_STRUCTURE_APST_DATA);
  is(NVT_SET_ADMIN, ADMIN(SET_FEATURES, .cdw10 = 0x81), out, NVT_STRUCTURE_HOST_ID);
  is(NVT_SET_ADMIN, ADMIN(GET_FEATURES, .cdw10 = 0x81, .cdw11 = 1), in,
     NVT_STRUCTURE_HOST_ID_EXTENDED);
  is(NVT_SET_ADMIN, ADMIN(GET_FEATURES, .cdw10 = 0x1e), in, NVT_STRUCTURE_FDP_EVENT_DESCRIPTORS);
  is(NVT_SET_ADMIN, ADMIN(SECURITY_RECEIVE), in, NVT_STRUCTURE_SECURITY_PROTOCOLS);
  is(NVT_SET_ADMIN, ADMIN(SECURITY_RECEIVE, .cdw10 = 0x01000100), in, NVT_STRUCTURE_TCG_DISCOVERY);
  is(NVT_SET_NVM, NVM(COPY, .cdw12 = 0x0307), out, NVT_STRUCTURE_COPY_RANGES_3);
  is(NVT_SET_NVM, NVM(COPY, .cdw12 = 0x0407), out, NVT_STRUCTURE_COPY_RANGES_4);
  is(NVT_SET_NVM, NVM(COPY, .cdw12 = 0x0507), out, NVT_STRUCTURE_NONE);
  is(NVT_SET_NVM, NVM(DATASET_MANAGEMENT), out, NVT_STRUCTURE_DSM_RANGES);
  is(NVT_SET_NVM, NVM(READ), in, NVT_STRUCTURE_NONE);
  is(NVT_SET_NVM, NVM(RESERVATION_REPORT, .cdw11 = 1), in,
     NVT_STRUCTURE_RESERVATION_STATUS_EXTENDED);
  is(NVT_SET_NVM, NVM(ZONE_MANAGEMENT_RECEIVE), in, NVT_STRUCTURE_ZONE_REPORT);
  is(NVT_SET_NVM, (struct nvt_sqe){.opcode = 0x7f, .nsid = 1}, out, NVT_STRUCTURE_CONNECT_DATA);
  is(NVT_SET_KV, (struct nvt_sqe){.opcode = 6}, in, NVT_STRUCTURE_KV_KEYS);
  is(NVT_SET_NVM, (struct nvt_sqe){.opcode = 6}, in, NVT_STRUCTURE_NONE);
}

/* Manageable by a number in dword 10: each operation's data, and none where the figures have none.
 */
static void operations_by_select(void **state) {
  (void)state;
  const enum nvt_direction in = NVT_DIRECTION_IN, out = NVT_DIRECTION_OUT;
  static const enum nvt_structure_id subsystem[] = {
      NVT_STRUCTURE_NONE,        NVT_STRUCTURE_EXPORTED_SUBSYSTEM, NVT_STRUCTURE_EXPORTED_SUBSYSTEM,
      NVT_STRUCTURE_HOST_ACCESS, NVT_STRUCTURE_HOST_ACCESS,        NVT_STRUCTURE_NONE};
  for (uint32_t sel = 0; sel < 6; sel++)
    is(NVT_SET_ADMIN, ADMIN(MANAGE_EXPORTED_NVM_SUBSYSTEM, .cdw10 = sel | 0x100), out,
       subsystem[sel]);
  is(NVT_SET_ADMIN, ADMIN(CREATE_EXPORTED_NVM_SUBSYSTEM), in, NVT_STRUCTURE_EXPORTED_SUBSYSTEM);
  is(NVT_SET_ADMIN, ADMIN(MANAGE_EXPORTED_NS), out, NVT_STRUCTURE_NONE);
  is(NVT_SET_ADMIN, ADMIN(MANAGE_EXPORTED_NS, .cdw10 = 1), out, NVT_STRUCTURE_NS_ASSOCIATE);
  is(NVT_SET_ADMIN, ADMIN(MANAGE_EXPORTED_NS, .cdw10 = 2), out, NVT_STRUCTURE_NS_DISASSOCIATE);
  is(NVT_SET_ADMIN, ADMIN(MANAGE_EXPORTED_PORT, .cdw10 = 0x101), out,
     NVT_STRUCTURE_EXPORTED_PORT_CREATE);
  is(NVT_SET_ADMIN, ADMIN(MANAGE_EXPORTED_PORT, .cdw10 = 2), out,
     NVT_STRUCTURE_EXPORTED_PORT_DELETE);
  is(NVT_SET_ADMIN, ADMIN(TRACK_SEND), out, NVT_STRUCTURE_NONE);
  is(NVT_SET_ADMIN, ADMIN(TRACK_SEND, .cdw10 = 1), out, NVT_STRUCTURE_TRACK_MEMORY);
  is(NVT_SET_ADMIN, ADMIN(TRACK_RECEIVE), in, NVT_STRUCTURE_TRACKED_MEMORY);
  is(NVT_SET_ADMIN, ADMIN(FABRIC_ZONING_LOOKUP), out, NVT_STRUCTURE_ZONING_DATA);
  is(NVT_SET_ADMIN, ADMIN(FABRIC_ZONING_RECEIVE), in, NVT_STRUCTURE_ZONING_DATA);
  is(NVT_SET_ADMIN, ADMIN(MEMORY_RANGE_SET_MANAGEMENT), out, NVT_STRUCTURE_PROGRAM_MEMORY_RANGES);
  is(NVT_SET_ADMIN, ADMIN(MEMORY_RANGE_SET_MANAGEMENT, .cdw10 = 1), out, NVT_STRUCTURE_NONE);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 0x1d), in, NVT_STRUCTURE_UNDERLYING_NS_LIST);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 0x1e), in, NVT_STRUCTURE_PORTS_LIST);
  is(NVT_SET_ADMIN, ADMIN(IDENTIFY, .cdw10 = 0x20), in, NVT_STRUCTURE_CONTROLLER_STATE_FORMATS);
}

static void security_by_protocol(void **state) {
  (void)state;
  const enum nvt_direction in = NVT_DIRECTION_IN, out = NVT_DIRECTION_OUT;
  is(NVT_SET_ADMIN, ADMIN(SECURITY_SEND, .cdw10 = 0x0107fe00), out, NVT_STRUCTURE_TCG_COMPACKET);
  is(NVT_SET_ADMIN, ADMIN(SECURITY_RECEIVE, .cdw10 = 0x0107fe00), in, NVT_STRUCTURE_TCG_COMPACKET);
  is(NVT_SET_ADMIN, ADMIN(SECURITY_SEND, .cdw10 = 0x0207fe00), out, NVT_STRUCTURE_NONE);
  is(NVT_SET_ADMIN, ADMIN(SECURITY_SEND, .cdw10 = 0xea000102), out, NVT_STRUCTURE_RPMB_FRAME);
  is(NVT_SET_ADMIN, ADMIN(SECURITY_RECEIVE, .cdw10 = 0xea000102), in, NVT_STRUCTURE_RPMB_FRAME);
  struct nvt_sqe authenticate = {.opcode = 0x7f, .nsid = 5, .cdw10 = 0xe9010100};
  is(NVT_SET_FABRICS, authenticate, out, NVT_STRUCTURE_AUTH_MESSAGE);
  is(NVT_SET_FABRICS, authenticate, in, NVT_STRUCTURE_NONE);
  authenticate.nsid = 6;
  is(NVT_SET_FABRICS, authenticate, in, NVT_STRUCTURE_AUTH_MESSAGE);
  authenticate.cdw10 = 0xe8010100;
  is(NVT_SET_FABRICS, authenticate, in, NVT_STRUCTURE_NONE);
}

/* State is sent in pieces: the offset says which one it is. */
static void pieces_start_where_they_say(void **state) {
  (void)state;
  struct nvt_sqe sqe = ADMIN(MIGRATION_SEND, .cdw10 = 2, .cdw11 = 0x00010007, .cdw12 = 0x40);
  struct nvt_layout layout = nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_OUT);
  assert_int_equal(layout.structure, NVT_STRUCTURE_CONTROLLER_STATE);
  assert_int_equal(layout.offset, 0x40);
  sqe.cdw11 = 7; /* no version: vendor's data alone */
  assert_int_equal(nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_OUT).structure,
                   NVT_STRUCTURE_CONTROLLER_STATE_VENDOR);
  sqe = ADMIN(MIGRATION_RECEIVE, .cdw10 = 0x00010000, .cdw11 = 7, .cdw13 = 1);
  layout = nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_IN);
  assert_int_equal(layout.structure, NVT_STRUCTURE_CONTROLLER_STATE);
  assert_true(layout.offset == 0x100000000);
  sqe.cdw10 = 0;
  assert_int_equal(nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_IN).structure,
                   NVT_STRUCTURE_CONTROLLER_STATE_VENDOR);
  sqe = ADMIN(SEND_DISCOVERY_LOG_PAGE, .cdw10 = 0x71, .cdw12 = 1024);
  layout = nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_OUT);
  assert_int_equal(layout.structure, NVT_STRUCTURE_LOG_HOST_DISCOVERY);
  assert_int_equal(layout.offset, 1024);
  is(NVT_SET_ADMIN, ADMIN(SEND_DISCOVERY_LOG_PAGE, .cdw10 = 0x70), NVT_DIRECTION_OUT,
     NVT_STRUCTURE_LOG_DISCOVERY);
  is(NVT_SET_ADMIN, ADMIN(SEND_DISCOVERY_LOG_PAGE, .cdw10 = 0x170), NVT_DIRECTION_OUT,
     NVT_STRUCTURE_LOG_DISCOVERY_EXTENDED);
  is(NVT_SET_ADMIN, ADMIN(SEND_DISCOVERY_LOG_PAGE, .cdw10 = 0x02), NVT_DIRECTION_OUT,
     NVT_STRUCTURE_NONE);
}

static void log_pages_start_where_they_say(void **state) {
  (void)state;
  struct nvt_sqe sqe = ADMIN(GET_LOG_PAGE, .cdw10 = 2, .cdw12 = 0x40, .cdw13 = 1);
  struct nvt_layout layout = nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_IN);
  assert_int_equal(layout.structure, NVT_STRUCTURE_LOG_SMART);
  assert_true(layout.offset == 0x100000040);
  sqe.cdw14 = 1u << 23; /* an index: how long an entry is isn't told */
  assert_int_equal(nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_IN).structure,
                   NVT_STRUCTURE_NONE);
  sqe.cdw12 = sqe.cdw13 = 0;
  assert_int_equal(nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_IN).structure,
                   NVT_STRUCTURE_LOG_SMART);
  is(NVT_SET_ADMIN, ADMIN(GET_LOG_PAGE, .cdw10 = 0x70), NVT_DIRECTION_IN,
     NVT_STRUCTURE_LOG_DISCOVERY);
  is(NVT_SET_ADMIN, ADMIN(GET_LOG_PAGE, .cdw10 = 0x170), NVT_DIRECTION_IN,
     NVT_STRUCTURE_LOG_DISCOVERY_EXTENDED);
}

static void features_have_values(void **state) {
  (void)state;
  struct nvt_sqe set = ADMIN(SET_FEATURES, .cdw10 = 7);
  assert_int_equal(nvt_feature_set(NVT_SET_ADMIN, &set), NVT_STRUCTURE_FEAT_QUEUES);
  assert_int_equal(nvt_feature_result(NVT_SET_ADMIN, &set), NVT_STRUCTURE_FEAT_QUEUES_ALLOCATED);
  assert_int_equal(nvt_feature_set(NVT_SET_NVM, &set), NVT_STRUCTURE_NONE);
  set.cdw10 = 6;
  assert_int_equal(nvt_feature_result(NVT_SET_ADMIN, &set), NVT_STRUCTURE_NONE);
  struct nvt_sqe get = ADMIN(GET_FEATURES, .cdw10 = 4);
  assert_int_equal(nvt_feature_set(NVT_SET_ADMIN, &get), NVT_STRUCTURE_NONE);
  get.cdw11 = 1u << 20;
  assert_int_equal(nvt_feature_set(NVT_SET_ADMIN, &get), NVT_STRUCTURE_FEAT_TEMPERATURE);
  assert_int_equal(nvt_feature_result(NVT_SET_ADMIN, &get), NVT_STRUCTURE_FEAT_TEMPERATURE);
  get.cdw10 |= 3u << 8;
  assert_int_equal(nvt_feature_result(NVT_SET_ADMIN, &get), NVT_STRUCTURE_FEATURE_CAPABILITIES);
}

/* What the specification defines has a structure; user data, images and others' messages have none.
 */
static void nothing_is_without(void **state) {
  (void)state;
#define NVT_CNS(value, id, name)                                                                   \
  {                                                                                                \
    struct nvt_sqe sqe = ADMIN(IDENTIFY, .cdw10 = (value));                                        \
    if (nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_IN).structure == NVT_STRUCTURE_NONE)   \
      fail_msg("CNS %02x has no structure", (value));                                              \
  }
#include "nvme/identify_cns.def"
#define NVT_LOG_PAGE(value, id, name)                                                              \
  {                                                                                                \
    struct nvt_sqe sqe = ADMIN(GET_LOG_PAGE, .cdw10 = (value));                                    \
    if (nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_IN).structure == NVT_STRUCTURE_NONE)   \
      fail_msg("log page %02x has no structure", (value));                                         \
  }
#include "nvme/logpages.def"
#define NVT_FEATURE(value, id, name)                                                               \
  {                                                                                                \
    struct nvt_sqe sqe = ADMIN(SET_FEATURES, .cdw10 = (value), .cdw11 = 2);                        \
    if (nvt_feature_set(NVT_SET_ADMIN, &sqe) == NVT_STRUCTURE_NONE &&                              \
        nvt_structure_of(NVT_SET_ADMIN, &sqe, NVT_DIRECTION_OUT).structure == NVT_STRUCTURE_NONE)  \
      fail_msg("feature %02x has no structure", (value));                                          \
  }
#include "nvme/features.def"
}

/* Whether any value of the dwords that say what data it is makes it a structure. */
static bool has_structure(enum nvt_opcode_set set, uint8_t code, enum nvt_direction direction) {
  for (uint32_t value = 0; value < 256; value++) {
    struct nvt_sqe sqe = {.opcode = set == NVT_SET_FABRICS ? 0x7f : code,
                          .nsid = set == NVT_SET_FABRICS ? code : 0,
                          .cdw10 = value | value << 24,
                          .cdw11 = value,
                          .cdw12 = value << 8,
                          .cdw13 = value};
    if (nvt_structure_of(set, &sqe, direction).structure != NVT_STRUCTURE_NONE)
      return true;
  }
  return false;
}

static void data_of_commands(void **state) {
  (void)state;
  static const struct {
    enum nvt_opcode_set set;
    uint8_t code;
  } without[] = {
      {NVT_SET_ADMIN, NVT_ADMIN_CREATE_IO_SQ}, /* a queue, not data */
      {NVT_SET_ADMIN, NVT_ADMIN_CREATE_IO_CQ},
      {NVT_SET_ADMIN, NVT_ADMIN_CONTROLLER_DATA_QUEUE},
      {NVT_SET_ADMIN, NVT_ADMIN_FIRMWARE_IMAGE_DOWNLOAD},
      {NVT_SET_ADMIN, NVT_ADMIN_LOAD_PROGRAM},
      {NVT_SET_ADMIN, NVT_ADMIN_DIRECTIVE_SEND}, /* no operation of Base 2.1 has data */
      {NVT_SET_ADMIN, NVT_ADMIN_NVME_MI_SEND},   /* the Management Interface's */
      {NVT_SET_ADMIN, NVT_ADMIN_NVME_MI_RECEIVE},
      {NVT_SET_NVM, NVT_NVM_WRITE},
      {NVT_SET_NVM, NVT_NVM_READ},
      {NVT_SET_NVM, NVT_NVM_COMPARE},
      {NVT_SET_NVM, NVT_NVM_ZONE_APPEND},
      {NVT_SET_KV, NVT_KV_STORE},
      {NVT_SET_KV, NVT_KV_RETRIEVE},
  };
#define NVT_OPCODE(set_, value, id, name, direction_)                                              \
  {                                                                                                \
    const enum nvt_direction direction = NVT_DIRECTION_##direction_;                               \
    bool none = direction != NVT_DIRECTION_IN && direction != NVT_DIRECTION_OUT;                   \
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)                              \
      none |= without[i].set == NVT_SET_##set_ && without[i].code == (value);                      \
    if (has_structure(NVT_SET_##set_, (value), direction) == none)                                 \
      fail_msg(name ": whether it has a structure");                                               \
  }
#include "nvme/opcodes.def"
}

/* The lines of a structure, as dump prints them. */
struct page {
  char text[65536];
  struct nvt_text out;
};

static void line(void *ctx, const struct nvt_part *part) {
  struct page *page = ctx;
  if (part->kind == NVT_PART_END)
    return;
  nvt_text_part_label(&page->out, part);
  nvt_text_add(&page->out, ": ");
  nvt_text_part_value(&page->out, part);
  nvt_text_add(&page->out, "\n");
}

static void says(enum nvt_structure_id id, const void *bytes, size_t length, const char *want) {
  static struct page page;
  nvt_text_init(&page.out, page.text, sizeof(page.text));
  assert_true(nvt_structure_walk(id, bytes, 0, length, line, &page));
  if (strstr(page.text, want) == NULL)
    fail_msg("no \"%s\" in\n%s", want, page.text);
}

static void values_are_written_for_people(void **state) {
  (void)state;
  uint8_t smart[512] = {0};
  smart[1] = 0x36, smart[2] = 0x01;
  memset(smart + 32, 0xff, 16);
  says(NVT_STRUCTURE_LOG_SMART, smart, 512, "Composite Temperature (CTEMP): 310 K (37 °C)\n");
  says(NVT_STRUCTURE_LOG_SMART, smart, 512, ": 340282366920938463463374607431768211455\n");
  says(NVT_STRUCTURE_LOG_SMART, smart, 512, "Reserved: 25 bytes, all zero\n");
  says(NVT_STRUCTURE_LOG_SMART, smart, 512, "Temperature Sensor (TSEN) [0 to 7]: all zero\n");
  uint8_t controller[4096] = {0};
  memcpy(controller + 4, "S1\xff                 ", 20);
  controller[77] = 5, controller[82] = 2, controller[81] = 1, controller[258] = 3;
  says(NVT_STRUCTURE_ID_CTRL, controller, 4096, "Serial Number (SN): S1\\xff\n");
  says(NVT_STRUCTURE_ID_CTRL, controller, 4096, "(MDTS): 5 (32)\n");
  says(NVT_STRUCTURE_ID_CTRL, controller, 4096, "Version (VER): 2.1.0\n");
  says(NVT_STRUCTURE_ID_CTRL, controller, 4096, "(ACL): 4 (0x3, zero-based)\n");
  controller[77] = 0;
  says(NVT_STRUCTURE_ID_CTRL, controller, 4096, "(MDTS): 0 (no limit)\n");
  uint64_t ms = 951827696789; /* a leap year's 29 February */
  says(NVT_STRUCTURE_TIMESTAMP, &ms, 8, "2000-02-29 12:34:56.789 UTC\n");
  ms = 0;
  says(NVT_STRUCTURE_TIMESTAMP, &ms, 8, "1970-01-01 00:00:00.000 UTC\n");
  uint32_t queues = 0xffff0003;
  says(NVT_STRUCTURE_FEAT_QUEUES_ALLOCATED, &queues, 4, "(NSQA): 4 (0x3, zero-based)\n");
  says(NVT_STRUCTURE_FEAT_QUEUES_ALLOCATED, &queues, 4, "(NCQA): 65536 (0xffff, zero-based)\n");
  uint32_t effects[2048 / 4] = {[6] = 1};
  says(NVT_STRUCTURE_LOG_EFFECTS, effects, 2048, "Admin Command (ACS) [06h] Identify");
}

static void descriptors_by_their_type(void **state) {
  (void)state;
  uint8_t list[4096] = {3, 16, 0, 0, 0x12, 0x34};
  list[20] = 4, list[21] = 1, list[24] = 2;
  says(NVT_STRUCTURE_NS_DESCRIPTORS, list, 4096,
       "UUID (NID): 12340000-0000-0000-0000-000000000000");
  says(NVT_STRUCTURE_NS_DESCRIPTORS, list, 4096, "(NID): 2 (Zoned Namespace)\n");
  says(NVT_STRUCTURE_NS_DESCRIPTORS, list, 4096, "Reserved: 4071 bytes, all zero\n");
  /* Keys of a KV list begin at multiples of four. */
  uint8_t keys[] = {2, 0, 0, 0, 5, 0, 1, 2, 3, 4, 5, 0, 1, 0, 9, 0};
  says(NVT_STRUCTURE_KV_KEYS, keys, sizeof(keys), "Key (KEY): 0102030405\n");
  says(NVT_STRUCTURE_KV_KEYS, keys, sizeof(keys), "Key (KEY): 09\n");
  uint8_t protocols[11] = {[7] = 3, [9] = 1, [10] = 0xea};
  says(NVT_STRUCTURE_SECURITY_PROTOCOLS, protocols, 11, "(PROTOCOL) [1]: 0x01 (TCG)\n");
  says(NVT_STRUCTURE_SECURITY_PROTOCOLS, protocols, 11, "(PROTOCOL) [2]: 0xea (NVMe)\n");
  uint8_t event[512 + 26] = {[4] = 1, [512] = 0x0d, [514] = 21, [534] = 2, [536] = 9, [537] = 7};
  says(NVT_STRUCTURE_LOG_PERSISTENT, event, sizeof(event), "Over Temperature (OTEMP): 9\n");
}

static void no_byte_too_many_for_an_element(void **state) {
  (void)state;
  uint8_t report[64 + 64] = {1, [64] = 2, [65] = 0xe0};
  for (size_t length = 127; length <= 128; length++)
    says(NVT_STRUCTURE_ZONE_REPORT, report, length, "Zone State (ZS): 0xe (full)\n");
  says(NVT_STRUCTURE_ZONE_REPORT, report, 65 + 0,
       "Zone Type (ZT): 2 (sequential write required)\n");
  says(NVT_STRUCTURE_ZONE_REPORT, report, 64 + 12,
       "Zone Capacity, logical blocks (ZCAP): 00000000 [cut]\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(by_dwords),
      cmocka_unit_test(operations_by_select),
      cmocka_unit_test(security_by_protocol),
      cmocka_unit_test(pieces_start_where_they_say),
      cmocka_unit_test(log_pages_start_where_they_say),
      cmocka_unit_test(features_have_values),
      cmocka_unit_test(nothing_is_without),
      cmocka_unit_test(data_of_commands),
      cmocka_unit_test(values_are_written_for_people),
      cmocka_unit_test(descriptors_by_their_type),
      cmocka_unit_test(no_byte_too_many_for_an_element),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
