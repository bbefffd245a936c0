/* SPDX-License-Identifier: BSD-2-Clause */
/* What a target says of itself against what a trace needs: each limit one below, at, and one above.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nvme/identify.h"
#include "replay/limits.h"

static char why[384];

static void entries(void **state) {
  (void)state;
  for (uint32_t mqes = 1; mqes < 65536; mqes = mqes * 3 + 1)
    for (int more = -1; more <= 1; more++) {
      const struct nvt_plan_controller needs = {.entries = mqes + 1 + (uint32_t)more};
      assert_int_equal(nvt_limits_cap(&needs, NVT_PUT(mqes, CAP_MQES), why, sizeof(why)),
                       more <= 0);
    }
}

static void doorbells(void **state) {
  (void)state;
  struct nvt_plan_controller needs = {.details.cap = NVT_PUT(1, CAP_DSTRD) | 1};
  for (unsigned stride = 0; stride < 3; stride++)
    assert_int_equal(nvt_limits_cap(&needs, NVT_PUT(stride, CAP_DSTRD), why, sizeof(why)),
                     stride == 1);
  needs.details.cap = 0; /* not known */
  assert_true(nvt_limits_cap(&needs, NVT_PUT(2, CAP_DSTRD), why, sizeof(why)));
}

static void pages(void **state) {
  (void)state;
  const uint64_t cap = NVT_PUT(1, CAP_MPSMIN) | NVT_PUT(3, CAP_MPSMAX);
  for (unsigned mps = 0; mps < 16; mps++) {
    const struct nvt_plan_controller needs = {.pages = (uint16_t)(1u << mps)},
                                     both = {.pages = (uint16_t)(1u << mps | 1u << 2)};
    assert_int_equal(nvt_limits_cap(&needs, cap, why, sizeof(why)), mps >= 1 && mps <= 3);
    assert_int_equal(nvt_limits_cap(&both, cap, why, sizeof(why)), mps >= 1 && mps <= 3);
  }
  const struct nvt_plan_controller largest = {.pages = 1u << 15};
  assert_false(nvt_limits_cap(&largest, cap, why, sizeof(why)));
  assert_non_null(strstr(why, "8 to 32 KiB"));
  assert_non_null(strstr(why, "131072"));
}

static void vectors(void **state) {
  (void)state;
  for (uint32_t uses = 4; uses <= 6; uses++) {
    const struct nvt_plan_controller needs = {.vectors = uses};
    assert_int_equal(nvt_limits_vectors(&needs, 5, why, sizeof(why)), uses <= 5);
  }
  for (uint32_t uses = 0; uses <= 2; uses++) { /* the pin is one */
    const struct nvt_plan_controller needs = {.vectors = uses};
    assert_int_equal(nvt_limits_vectors(&needs, 0, why, sizeof(why)), uses <= 1);
  }
}

static void queues(void **state) {
  (void)state;
  for (unsigned is = 4; is <= 6; is++) {
    const struct nvt_plan_controller submission = {.highest = (uint16_t)is},
                                     completion = {.highest_cq = (uint16_t)is};
    assert_int_equal(nvt_limits_queues(&submission, 0xffff0004, why, sizeof(why)), is <= 5);
    assert_int_equal(nvt_limits_queues(&completion, 0x0004ffff, why, sizeof(why)), is <= 5);
  }
}

static bool identified(const struct nvt_plan_controller *needs, uint32_t cns, const void *answer,
                       uint64_t first, uint32_t length) {
  const struct nvt_sqe sqe = {.nsid = 1, .cdw10 = cns};
  const struct nvt_rec_data data = {.offset = first, .true_length = length};
  return nvt_limits_identify(needs, 0, &sqe, &data, (const uint8_t *)answer + first, why,
                             sizeof(why));
}

static void transfers(void **state) {
  (void)state;
  struct nvt_id_controller id = {.mdts = 5}; /* 128 KiB */
  const uint64_t at = offsetof(struct nvt_id_controller, mdts);
  for (int more = -1; more <= 1; more++) {
    struct nvt_plan_controller needs = {.transfer = 131072u + (uint64_t)more};
    id.mdts = 5;
    assert_int_equal(identified(&needs, NVT_CNS_CONTROLLER, &id, 0, sizeof(id)), more <= 0);
    assert_int_equal(identified(&needs, NVT_CNS_CONTROLLER, &id, at, 1), more <= 0);
    /* A piece that ends before it, or begins behind it, says nothing. */
    assert_true(identified(&needs, NVT_CNS_CONTROLLER, &id, 0, (uint32_t)at));
    assert_true(identified(&needs, NVT_CNS_CONTROLLER, &id, at + 1, 100));
    id.mdts = 0;
    assert_true(identified(&needs, NVT_CNS_CONTROLLER, &id, 0, sizeof(id)));
    id.mdts = 255;
    assert_true(identified(&needs, NVT_CNS_CONTROLLER, &id, 0, sizeof(id)));
  }
}

static void blocks(void **state) {
  (void)state;
  struct nvt_plan_namespace ns = {.nsid = 1, .block_size = 4096, .end = 1000};
  const struct nvt_plan_controller needs = {.namespaces = &ns, .namespace_count = 1};
  struct nvt_id_namespace id = {.nlbaf = 1, .flbas = 1, .lbaf = {{.lbads = 9}, {.lbads = 12}}};
  for (id.nsze = 999; id.nsze <= 1001; id.nsze++)
    assert_int_equal(identified(&needs, NVT_CNS_NAMESPACE, &id, 0, sizeof(id)), id.nsze >= 1000);
  for (unsigned shift = 0; shift < 256; shift++) {
    id.lbaf[1].lbads = (uint8_t)shift;
    assert_int_equal(identified(&needs, NVT_CNS_NAMESPACE, &id, 0, sizeof(id)), shift == 12);
  }
  id.nsze = 0;
  assert_false(identified(&needs, NVT_CNS_NAMESPACE, &id, 0, sizeof(id)));
  assert_non_null(strstr(why, "no namespace 1"));
  ns.end = 0; /* nothing works on it */
  assert_true(identified(&needs, NVT_CNS_NAMESPACE, &id, 0, sizeof(id)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(entries),   cmocka_unit_test(pages),  cmocka_unit_test(vectors),
      cmocka_unit_test(doorbells), cmocka_unit_test(queues), cmocka_unit_test(transfers),
      cmocka_unit_test(blocks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
