/* SPDX-License-Identifier: BSD-2-Clause */
/* The session finds out which opcode set an I/O command is in. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "trace/session.h"

static struct nvt_session *session;
static uint64_t number;
static struct nvt_view view;

static void put(unsigned type, struct nvt_record *r) {
  r->number = r->header.seq = ++number;
  r->header.type = (uint8_t)type;
  assert_int_equal(nvt_session_record(session, r, &view), 0);
}

static enum nvt_opcode_set command(uint16_t sqid, struct nvt_sqe sqe) {
  struct nvt_record r = {.command = {.sqid = sqid, .cqid = sqid, .sqe = sqe}};
  put(NVT_REC_COMMAND, &r);
  return view.set;
}

static enum nvt_opcode_set complete(uint16_t sqid, uint16_t cid, nvt_status status, uint32_t dw0) {
  struct nvt_record r = {
      .completion = {.sqid = sqid, .cqid = sqid, .cqe = {.cid = cid, .dw0 = dw0}}};
  r.completion.cqe.status = (uint16_t)(status << 1);
  put(NVT_REC_COMPLETION, &r);
  return view.set;
}

static enum nvt_opcode_set read_of(uint32_t nsid) {
  enum nvt_opcode_set set = command(1, (struct nvt_sqe){.opcode = 2, .cid = 9, .nsid = nsid});
  assert_int_equal(complete(1, 9, 0, 0), set); /* its completion is in the same */
  return set;
}

static void identify_cs(uint32_t nsid, uint8_t csi, nvt_status status) {
  command(0, (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY,
                              .cid = 1,
                              .nsid = nsid,
                              .cdw10 = NVT_CNS_CS_NAMESPACE,
                              .cdw11 = (uint32_t)csi << 24});
  complete(0, 1, status, 0);
}

static void descriptors(uint32_t nsid, const uint8_t *list, uint32_t length) {
  command(0, (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY,
                              .cid = 1,
                              .nsid = nsid,
                              .cdw10 = NVT_CNS_NS_ID_DESCRIPTORS});
  struct nvt_record r = {.data = {.cid = 1, .direction = NVT_V_data_direction_IN}};
  r.tail = list;
  r.tail_length = length;
  put(NVT_REC_DATA, &r);
  complete(0, 1, 0, 0);
}

static void set_cc(uint32_t cc) {
  struct nvt_record r = {.access = {.offset = NVT_REG_CC, .value = cc, .size = 4, .space = 1}};
  put(NVT_REC_REG_WRITE, &r);
}

static void a_namespace_has_its_set(void **state) {
  (void)state;
  assert_int_equal(nvt_session_create(NULL, &session), 0);
  assert_int_equal(read_of(1), NVT_SET_NVM);
  identify_cs(1, 1, NVT_SC_INVALID_IO_COMMAND_SET);
  assert_int_equal(read_of(1), NVT_SET_NVM); /* it failed */
  identify_cs(1, 1, 0);
  assert_int_equal(read_of(1), NVT_SET_KV);
  assert_int_equal(read_of(2), NVT_SET_NVM);
  identify_cs(1, 2, 0); /* zoned: NVM's table */
  assert_int_equal(read_of(1), NVT_SET_NVM);
  static const uint8_t list[] = {2,  16, 0,  0,  1,  2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                 12, 13, 14, 15, 16, 4, 1, 0, 0, 1, 0, 0, 0, 0};
  for (uint32_t length = 0; length < 25; length++) {
    descriptors(3, list, length);
    assert_int_equal(read_of(3), NVT_SET_NVM); /* cut before it tells */
  }
  descriptors(3, list, 25);
  assert_int_equal(read_of(3), NVT_SET_KV);
  command(0, (struct nvt_sqe){.opcode = NVT_ADMIN_NS_MANAGEMENT, .cid = 1, .cdw11 = 1u << 24});
  complete(0, 1, 0, 7);
  assert_int_equal(read_of(7), NVT_SET_KV);
  set_cc(0x00460061); /* all I/O command sets */
  assert_int_equal(read_of(7), NVT_SET_KV);
  set_cc(0x00460001); /* NVM alone */
  assert_int_equal(read_of(7), NVT_SET_NVM);
  nvt_session_destroy(session);
}

static void fabrics_commands_are_fabrics(void **state) {
  (void)state;
  assert_int_equal(nvt_session_create(NULL, &session), 0);
  for (uint16_t queue = 0; queue < 2; queue++) {
    assert_int_equal(command(queue, (struct nvt_sqe){.opcode = 0x7f, .cid = 5, .nsid = 1}),
                     NVT_SET_FABRICS);
    assert_int_equal(complete(queue, 5, 0, 0), NVT_SET_FABRICS);
    assert_int_equal(nvt_exchange_code(view.exchange), NVT_FABRICS_CONNECT);
    assert_int_equal(complete(queue, 6, 0, 0), queue == 0 ? NVT_SET_ADMIN : NVT_SET_NVM);
  }
  nvt_session_destroy(session);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_namespace_has_its_set),
      cmocka_unit_test(fabrics_commands_are_fabrics),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
