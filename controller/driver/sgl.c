/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SGLs in the shapes that hosts make them, and that a controller may get wrong: Base 2.1, section
 * 4.3.2. The data is one piece of memory; what differs is how it is described.
 */
#include <string.h>

#include "controller/driver/driver_int.h"
#include "nvme/sgl.h"

struct list {
  uint8_t *at; /* of the next descriptor */
  uint64_t data;
};

static void put(uint8_t *at, unsigned type, uint64_t address, uint32_t length) {
  memset(at, 0, NVT_SGL_BYTES);
  memcpy(at, &address, sizeof(address));
  memcpy(at + 8, &length, sizeof(length));
  at[15] = (uint8_t)(type << 4);
}

static void add(struct list *list, unsigned type, uint64_t address, uint32_t length) {
  put(list->at, type, address, length);
  list->at += NVT_SGL_BYTES;
}

/* The next `length` bytes of the data. */
static void add_data(struct list *list, uint32_t length) {
  add(list, NVT_SGL_DATA_BLOCK, list->data, length);
  list->data += length;
}

/* One segment: pieces of sizes that no page has, one of them empty. */
static void one_segment(uint8_t *sgl1, uint64_t data, uint32_t bytes, uint8_t *lists,
                        uint64_t lists_iova) {
  struct list list = {.at = lists, .data = data};
  uint32_t left = bytes - 1 - 3 - 500, part = left / 13;
  add_data(&list, 1);
  add_data(&list, 3);
  add_data(&list, 0);
  for (unsigned i = 0; i < 12; i++)
    add_data(&list, part);
  add_data(&list, left - 12 * part);
  add_data(&list, 500);
  put(sgl1, NVT_SGL_LAST_SEGMENT, lists_iova, (uint32_t)(list.at - lists));
}

/* Three, not in the order of their addresses; a bit bucket that takes a fifth, or nothing. */
static void three_segments(uint8_t *sgl1, uint64_t data, uint32_t bytes, bool discard,
                           uint8_t *lists, uint64_t lists_iova) {
  enum { FIRST = 0x400, SECOND = 0x800, THIRD = 0 };
  uint32_t part = bytes / 5;
  struct list list = {.at = lists + FIRST, .data = data};
  add_data(&list, part);
  add_data(&list, part);
  add(&list, NVT_SGL_SEGMENT, lists_iova + SECOND, 3 * NVT_SGL_BYTES);
  list.at = lists + SECOND;
  add_data(&list, part);
  add(&list, NVT_SGL_BIT_BUCKET, 0, discard ? part : 0);
  add(&list, NVT_SGL_LAST_SEGMENT, lists_iova + THIRD, 2 * NVT_SGL_BYTES);
  list.at = lists + THIRD;
  add_data(&list, part);
  add_data(&list, bytes - (discard ? 5 : 4) * part);
  put(sgl1, NVT_SGL_SEGMENT, lists_iova + FIRST, 3 * NVT_SGL_BYTES);
}

void nvt_sgl_make(struct nvt_sqe *sqe, unsigned shape, uint64_t data_iova, uint32_t bytes,
                  bool discard, uint8_t *lists, uint64_t lists_iova) {
  uint8_t sgl1[NVT_SGL_BYTES];
  switch (shape % 3) {
  case 0:
    put(sgl1, NVT_SGL_DATA_BLOCK, data_iova, bytes);
    break;
  case 1:
    one_segment(sgl1, data_iova, bytes, lists, lists_iova);
    break;
  default:
    three_segments(sgl1, data_iova, bytes, discard, lists, lists_iova);
    break;
  }
  sqe->flags = (uint8_t)((1 + shape / 3 % 2) << 6); /* PSDT 01b, 10b: the same without metadata */
  memcpy(&sqe->prp1, sgl1, 8);
  memcpy(&sqe->prp2, sgl1 + 8, 8);
}
