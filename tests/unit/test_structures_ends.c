/* SPDX-License-Identifier: BSD-2-Clause */
/* Where structures end that libnvme hasn't: the last byte that the specification's figure names. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "nvme/structures.h"

static void beyond(void *ctx, const struct nvt_part *part) {
  if (part->kind == NVT_PART_BEYOND)
    *(uint64_t *)ctx = part->offset;
}

/* Walks 8 KiB that start with the bytes given; behind them all is 0xff, so that none ends early. */
static uint64_t end_of(enum nvt_structure_id id, const uint8_t *head, size_t length) {
  static uint8_t bytes[8192];
  memset(bytes, 0xff, sizeof(bytes));
  memcpy(bytes, head, length);
  uint64_t end = sizeof(bytes);
  assert_true(nvt_structure_walk(id, bytes, 0, sizeof(bytes), beyond, &end));
  return end;
}

#define ENDS(id, figure_end, ...)                                                                  \
  do {                                                                                             \
    const uint8_t head_[] = {__VA_ARGS__};                                                         \
    uint64_t end_ = end_of(NVT_STRUCTURE_##id, head_, sizeof(head_));                              \
    if (end_ != (figure_end))                                                                      \
      fail_msg(#id " ends before byte %zu", (size_t)end_);                                         \
  } while (0)
#define SIZE(id, size) assert_int_equal(end_of(NVT_STRUCTURE_##id, (const uint8_t[]){0}, 1), (size))

static void fixed(void **state) {
  (void)state;
  SIZE(UNDERLYING_NS_LIST, 4096); /* Identify: section 5.1.13.1 */
  SIZE(PORTS_LIST, 4096);
  SIZE(UNDERLYING_NS, 320);             /* figure 334 */
  SIZE(UNDERLYING_PORT, 576);           /* 336 */
  SIZE(HOST_ENTRY, 320);                /* 524 */
  SIZE(EXPORTED_SUBSYSTEM_ENTRY, 320);  /* 525 */
  SIZE(EXPORTED_PORT_CREATE, 320);      /* 530 */
  SIZE(EXPORTED_PORT_DELETE, 320);      /* 532 */
  SIZE(NS_ASSOCIATE, 576);              /* 518 */
  SIZE(NS_DISASSOCIATE, 320);           /* 519 */
  SIZE(LOG_MANAGEMENT_ADDRESSES, 4096); /* 271 */
  SIZE(MANAGEMENT_ADDRESS, 512);        /* 272 */
  SIZE(AVE_TRANSPORT, 20);              /* 303 */
  SIZE(ZONEGROUP_NAME, 254);            /* 698: 258 with its header */
  SIZE(ZONING_REQUEST, 258);            /* 706 */
  SIZE(ZONING_STATUS, 4);               /* 711: 8 with its header */
  SIZE(DISCOVERY_LOG_REQUEST, 4);       /* 717 */
  SIZE(IOSQ_STATE, 24);                 /* 360 */
  SIZE(IOCQ_STATE, 24);                 /* 361 */
  SIZE(MEMORY_RANGE, 12);               /* 469 */
  SIZE(MEMORY_CHANGE, 16);              /* 461 */
  SIZE(AUTH_PROTOCOL, 64);              /* 739 */
  SIZE(AUTH_FAILURE, 2);                /* 734: 8 with its header */
  SIZE(DATA_QUEUE_POINTERS, 512);       /* 427 */
  SIZE(EMBEDDED_ADDRESS, 512);          /* 428 */
  SIZE(HOST_AGENT_ADDRESS, 512);        /* 429 */
  SIZE(FEAT_DATA_QUEUE_STATE, 4);       /* 424 */
  SIZE(COPY_RANGE_4, 32);
  SIZE(PROGRAM_MEMORY_RANGE, 32);
}

static void counted(void **state) {
  (void)state;
  /* 329: ((NUUID) * 16) + ((NV + 1) * 2) */
  ENDS(CONTROLLER_STATE_FORMATS, 2 * 16 + 4 * 2, 3, 2);
  ENDS(CONTROLLER_STATE_FORMATS, 2, 0, 0);
  /* 359: NIOCQ * 24 + NIOSQ * 24 + 8 */
  ENDS(NVME_CONTROLLER_STATE, 1 * 24 + 2 * 24 + 8, 0, 0, 2, 0, 1, 0, 0, 0);
  /* 468: RNMRTD * 12 + 8; 460: NTMCD * 16 + 16 */
  ENDS(TRACK_MEMORY, 3 * 12 + 8, 0, 0, 0, 8, 3, 0, 0, 0);
  ENDS(TRACKED_MEMORY, 2 * 16 + 16, 0, 0, 7, 0, 2, 0, 0, 0);
  /* 523: 320 * N + (320 * M + 256) */
  uint8_t access[68] = {[64] = 2, [66] = 3};
  assert_int_equal(end_of(NVT_STRUCTURE_HOST_ACCESS, access, sizeof(access)),
                   320 * 3 + 320 * 2 + 256);
  /* 302: NUMATR * 20 + 232, and what TEL says */
  uint8_t ave[232] = {[0] = 232 + 40 - 256, [1] = 1, [228] = 2};
  assert_int_equal(end_of(NVT_STRUCTURE_AVE_ENTRY, ave, sizeof(ave)), 2 * 20 + 232);
  /* 299: TEL */
  uint8_t host[1040] = {[1024] = 0x10, [1025] = 4, [1028] = 1, [1032] = 1, [1034] = 4};
  assert_int_equal(end_of(NVT_STRUCTURE_HOST_DISCOVERY_ENTRY, host, sizeof(host)), 1040);
  assert_int_equal(end_of(NVT_STRUCTURE_DIM_ENTRY, host, sizeof(host)), 1040);
  /* 699: ZGFL + 16 */
  ENDS(ZONING_DATA, 5 + 16, 2, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0);
  ENDS(ZONING_DATA, 5 + 16, 7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0);
  ENDS(ZONING_DATA, 5 + 16, 9, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0);
  ENDS(ZONING_DATA, 258, 1);
  ENDS(ZONING_DATA, 8, 10);
  ENDS(LOG_PULL_MODEL, 258 + 8, 2);
  ENDS(LOG_PULL_MODEL, 4 + 8, 4);
}

static void messages(void **state) {
  (void)state;
  ENDS(AUTH_MESSAGE, 2 * 64 + 8, 0, 0, 0, 0, 1, 0, 0, 2); /* 731: NAPD * 64 + 8 */
  ENDS(AUTH_MESSAGE, 8, 0, 0xf1, 0, 0, 1, 0, 1, 1);       /* 734 */
  ENDS(AUTH_MESSAGE, 8, 0, 0xf0, 0, 0, 1, 0, 1, 1);
  ENDS(AUTH_MESSAGE, 16 + 4 + 6, 1, 1, 0, 0, 1, 0, 4, 0, 1, 1, 6, 0); /* 742: 16 + HL + DHVLEN */
  ENDS(AUTH_MESSAGE, 16 + 2 * 4 + 6, 1, 2, 0, 0, 1, 0, 4, 0, 1, 0, 6, 0); /* 743 */
  ENDS(AUTH_MESSAGE, 16 + 4, 1, 3, 0, 0, 1, 0, 4);                        /* 744 */
  ENDS(TCG_COMPACKET, 20 + 0x102, 0, 0, 0, 0, 7, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fixed),
      cmocka_unit_test(counted),
      cmocka_unit_test(messages),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
