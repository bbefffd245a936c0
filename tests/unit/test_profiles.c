/* SPDX-License-Identifier: BSD-2-Clause */
/* What profiles need of the model, and starting and ending them. */
#include "controller/profiles/profile.h"
#include "tests/unit/host.h"

/* --- submission queue entries 128 bytes apart --- */

/* One at place `slot` of queue 1, whose entries are 2^shift bytes apart. */
static void put_at(struct host *h, unsigned slot, unsigned shift, struct nvt_sqe sqe) {
  memcpy(guest(h, SQ_AT(1) + ((uint64_t)slot << shift)), &sqe, sizeof(sqe));
}

static void entries_of_128_bytes(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.sqe_shift = 7});
  enable(&h); /* with IOSQES 6: the admin queue's entries are of 64 bytes in any case */
  struct nvt_id_controller id;
  assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
  assert_int_equal(id.sqes, 0x77);
  assert_status(create_cq_at(&h, 1, 4, CQ_AT(1), 1), NVT_SC_SUCCESS);
  assert_status(create_sq_at(&h, 1, 4, SQ_AT(1), 1), NVT_SC_INVALID_QUEUE_SIZE);
  set32(&h, NVT_REG_CC, (CC_ON & ~0x000f0000u) | 0x00070000u);
  assert_status(create_sq_at(&h, 1, 4, SQ_AT(1), 1), NVT_SC_SUCCESS);
  /* Twice around the ring; between the entries there is what must not be taken for one. */
  for (unsigned i = 0; i < 8; i++) {
    unsigned slot = i % 4;
    struct nvt_sqe sqe = io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0), wrong = {.opcode = 0xff, .cid = 0xbad};
    sqe.cid = (uint16_t)(0x100 + i);
    put_at(&h, slot, 7, sqe);
    memcpy(guest(&h, SQ_AT(1) + slot * 128 + 64), &wrong, sizeof(wrong));
    ring(&h, 1, false, (slot + 1) % 4);
    poll_idle(&h);
    struct nvt_cqe cqe;
    assert_true(reap(&h, 1, &cqe));
    assert_int_equal(cqe.cid, 0x100 + i);
    assert_status(status_of(cqe), NVT_SC_SUCCESS);
    assert_int_equal(cqe.sqhd, (slot + 1) % 4);
  }
  host_close(&h);
}

static void entry_sizes_that_are_there(void **state) {
  (void)state;
  struct nvt_controller *c;
  for (uint8_t shift = 5; shift <= 8; shift++) {
    int error = nvt_controller_create(&(struct nvt_controller_options){.sqe_shift = shift}, &c);
    assert_int_equal(error, shift == 6 || shift == 7 ? 0 : -EINVAL);
    if (error == 0)
      nvt_controller_destroy(c);
  }
  /* An ordinary controller takes 64 bytes alone, and an odd one nothing over its own. */
  for (uint32_t iosqes = 5; iosqes <= 8; iosqes++)
    for (uint8_t shift = 6; shift <= 7; shift++) {
      struct host h;
      host_open_with(&h, NULL, (struct nvt_controller_options){.sqe_shift = shift});
      enable_with(&h, ADMIN_ENTRIES, ADMIN_ENTRIES, (CC_ON & ~0x000f0000u) | iosqes << 16);
      bool good = iosqes >= 6 && iosqes <= shift;
      assert_int_equal(reg32(&h, NVT_REG_CSTS), good ? 1 : 2);
      host_close(&h);
    }
}

/* A ring that ends where memory does: 128 bytes an entry count, not 64. */
static void a_ring_of_128_bytes_at_the_end_of_memory(void **state) {
  (void)state;
  for (unsigned over = 0; over < 2; over++) {
    struct host h;
    host_open_with(&h, NULL, (struct nvt_controller_options){.sqe_shift = 7});
    enable_with(&h, ADMIN_ENTRIES, ADMIN_ENTRIES, (CC_ON & ~0x000f0000u) | 0x00070000u);
    uint64_t base = ARENA_IOVA + ARENA - 4096;
    uint32_t size = 32 + over;
    assert_status(create_cq_at(&h, 1, 64, CQ_AT(1), 1), NVT_SC_SUCCESS);
    assert_status(create_sq_at(&h, 1, size, base, 1), NVT_SC_SUCCESS);
    struct nvt_sqe sqe = io_sqe(NVT_NVM_FLUSH, 0, 1, 0, 0);
    for (unsigned slot = 0; slot < 32; slot++)
      memcpy(guest(&h, base + slot * 128), &sqe, sizeof(sqe));
    ring(&h, 1, false, over == 0 ? 31 : 32);
    poll_idle(&h);
    assert_int_equal(reg32(&h, NVT_REG_CSTS), 1);
    if (over == 1) { /* the 33rd isn't there */
      ring(&h, 1, false, 0);
      poll_idle(&h);
      assert_int_equal(reg32(&h, NVT_REG_CSTS), 3);
    }
    host_close(&h);
  }
}

/* --- no limit of transfers --- */

#define BIG_IOVA 0x100000000ull
#define MOST_BLOCKS 65536u

/* A PRP list for `pages` pages from `data` on, at `at`, of as many list pages as it takes. */
static void make_list(uint64_t *at, uint64_t at_iova, uint64_t data, unsigned pages) {
  unsigned place = 0;
  for (unsigned i = 0; i < pages; i++) {
    if (place % 512 == 511 && i + 1 < pages) {
      at[place] = at_iova + (place + 1) * 8;
      place++;
    }
    at[place++] = data + i * 4096ull;
  }
}

static void as_much_as_a_command_can_ask_for(void **state) {
  (void)state;
  static const uint32_t sizes[] = {512, 4096};
  for (unsigned s = 0; s < 2; s++) {
    struct host h;
    char ns[64];
    snprintf(ns, sizeof(ns), "ram:512M,block=%u", sizes[s]);
    host_open_with(&h, ns, (struct nvt_controller_options){.any_transfer = true});
    enable(&h);
    create_pair(&h, 1, 16);
    struct nvt_id_controller id;
    assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
    assert_int_equal(id.mdts, 0);
    assert_int_equal(NVT_GET(reg64(&h, NVT_REG_CAP), CAP_MPSMAX), 0);
    /* Data and list in one window of their own; untouched pages cost nothing. */
    size_t bytes = (size_t)MOST_BLOCKS * sizes[s], list = bytes / 4096 * 8 + (1 << 20);
    uint8_t *memory = calloc(1, bytes + list + 8192);
    assert_non_null(memory);
    uint8_t *aligned = (uint8_t *)(((uintptr_t)memory + 4095) & ~(uintptr_t)4095);
    assert_int_equal(nvt_controller_dma_map(h.c, BIG_IOVA, bytes + list, aligned, true, true), 0);
    make_list((uint64_t *)(void *)(aligned + bytes), BIG_IOVA + bytes, BIG_IOVA + 4096,
              (unsigned)(bytes / 4096) - 1);
    memset(aligned, 0x11, 4096);
    memset(aligned + bytes - 4096, 0x22, 4096);
    assert_status(io(&h, NVT_NVM_WRITE, 0, MOST_BLOCKS, BIG_IOVA, BIG_IOVA + bytes),
                  NVT_SC_SUCCESS);
    memset(aligned, 0, 4096);
    memset(aligned + bytes - 4096, 0, 4096);
    assert_status(io(&h, NVT_NVM_READ, 0, MOST_BLOCKS, BIG_IOVA, BIG_IOVA + bytes), NVT_SC_SUCCESS);
    assert_int_equal(aligned[0], 0x11);
    assert_int_equal(aligned[bytes - 1], 0x22);
    host_close(&h);
    free(memory);
  }
}

static void larger_pages_are_not_offered_then(void **state) {
  (void)state;
  struct host h;
  host_open_with(&h, NULL, (struct nvt_controller_options){.any_transfer = true});
  enable_with(&h, ADMIN_ENTRIES, ADMIN_ENTRIES, CC_ON | 1u << 7);
  assert_int_equal(reg32(&h, NVT_REG_CSTS), 2); /* fatal, as for any MPS that CAP doesn't have */
  host_close(&h);
}

/* --- profiles themselves --- */

static void every_profile_starts_and_ends(void **state) {
  (void)state;
  struct nvt_profile_info info;
  unsigned count = 0;
  char before[64] = "";
  for (; nvt_profile_info(count, &info); count++) {
    assert_true(strcmp(before, info.name) < 0); /* by name, and none twice */
    snprintf(before, sizeof(before), "%s", info.name);
    struct nvt_plugin_host *host;
    struct nvt_controller *c;
    struct nvt_profile *profile;
    char why[256] = "";
    assert_int_equal(nvt_plugin_host_create(&host), 0);
    struct nvt_controller_options options = {.plugins = host};
    assert_int_equal(nvt_profile_start(info.name, host, &options, &profile, why, sizeof(why)), 0);
    assert_string_equal(nvt_profile_trouble(profile), info.trouble);
    assert_int_equal(nvt_controller_create(&options, &c), 0);
    nvt_controller_destroy(c);
    nvt_profile_end(profile);
    for (unsigned tap = 0; tap < NVT_TAP_COUNT; tap++)
      assert_int_equal(nvt_tap_counts(host)[tap], 0); /* it has let go of all */
    nvt_plugin_host_destroy(host);
  }
  assert_true(count >= 16);
  nvt_profile_end(NULL);
}

static void texts_that_are_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      ",",
                                      "nonesuch",
                                      "buffer-reuse,",
                                      "buffer-reuse,last",
                                      "limits",
                                      "mdts-2",
                                      "mdts-2mm",
                                      "buffer-reuse,last=0",
                                      "buffer-reuse,last=65",
                                      "mdts-2m,",
                                      "mdts-2m,,",
                                      "buffer-reuse,=",
                                      "buffer-reuse,last=8,x",
                                      "buffer-reuse,last=8=8",
                                      "apple-like,n=1"};
  struct nvt_plugin_host *host;
  assert_int_equal(nvt_plugin_host_create(&host), 0);
  for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct nvt_controller_options options = {.plugins = host};
    struct nvt_profile *profile;
    char why[256] = "";
    assert_int_equal(nvt_profile_start(texts[i], host, &options, &profile, why, sizeof(why)),
                     -EINVAL);
    assert_true(why[0] != '\0');
  }
  nvt_plugin_host_destroy(host);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(entries_of_128_bytes),
      cmocka_unit_test(entry_sizes_that_are_there),
      cmocka_unit_test(a_ring_of_128_bytes_at_the_end_of_memory),
      cmocka_unit_test(as_much_as_a_command_can_ask_for),
      cmocka_unit_test(larger_pages_are_not_offered_then),
      cmocka_unit_test(every_profile_starts_and_ends),
      cmocka_unit_test(texts_that_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
