/* SPDX-License-Identifier: BSD-2-Clause */
/* PRP lists and SGL segments followed: Base 2.1, sections 4.3.1 and 4.3.2. */
#include "trace/transfer.h"

#include <string.h>

#define PRP_BYTES 8u
#define SGL_BYTES 16u

struct walk {
  bool (*each)(void *, const struct nvt_place *);
  void *ctx;
  uint64_t page;   /* bytes */
  uint64_t offset; /* in the transfer, of the next byte */
  uint64_t length; /* of the transfer; UINT64_MAX: not known */
};

static uint64_t add_capped(uint64_t a, uint64_t b) {
  return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* One entry; what is data moves on in the transfer. */
static bool tell(struct walk *walk, struct nvt_place *place) {
  bool data = place->kind == NVT_PLACE_PAGE || place->kind == NVT_PLACE_PAGE_LIST ||
              place->kind == NVT_PLACE_BLOCK;
  place->offset = walk->offset;
  if (data && walk->length != UINT64_MAX) {
    uint64_t left = walk->length > walk->offset ? walk->length - walk->offset : 0;
    if (place->length > left)
      place->length = left;
  }
  bool more = walk->each(walk->ctx, place);
  if (data)
    walk->offset = add_capped(walk->offset, place->length);
  return more;
}

static bool in_list(struct walk *walk, const struct nvt_piece *list, const struct nvt_piece *next) {
  uint32_t entries = list->bytes != NULL ? list->captured / PRP_BYTES : 0;
  bool whole = list->captured == list->length;
  for (uint32_t i = 0; i < entries; i++) {
    struct nvt_place place = {
        .kind = NVT_PLACE_PAGE, .record = list->record, .index = i, .length = walk->page};
    memcpy(&place.address, list->bytes + (size_t)i * PRP_BYTES, PRP_BYTES);
    bool ends_page = ((list->address + (i + 1) * PRP_BYTES) & (walk->page - 1)) == 0;
    if (i + 1 == entries && whole) {
      if (next != NULL && next->address == place.address)
        place.kind = NVT_PLACE_LIST;
      else if (next == NULL && ends_page && walk->length == UINT64_MAX)
        place.kind = NVT_PLACE_PAGE_LIST;
    }
    if (!tell(walk, &place))
      return false;
  }
  return true;
}

static void by_prp(struct walk *walk, const struct nvt_exchange *exchange) {
  struct nvt_place place = {.record = exchange->command.record,
                            .address = exchange->sqe.prp1,
                            .length = walk->page - (exchange->sqe.prp1 & (walk->page - 1))};
  const struct nvt_transfer *lists = nvt_transfer_lists(exchange);
  if (!tell(walk, &place))
    return;
  place = (struct nvt_place){.record = exchange->command.record,
                             .index = 1,
                             .address = exchange->sqe.prp2,
                             .length = walk->page};
  if (lists == NULL) {
    bool used = walk->length == UINT64_MAX ? exchange->sqe.prp2 != 0 : walk->offset < walk->length;
    if (used)
      tell(walk, &place);
    return;
  }
  place.kind = NVT_PLACE_LIST;
  place.length = 0;
  if (!tell(walk, &place))
    return;
  for (uint32_t i = 0; i < lists->count; i++)
    if (!in_list(walk, &lists->pieces[i], i + 1 < lists->count ? &lists->pieces[i + 1] : NULL))
      return;
}

/* A descriptor of 16 bytes: Base 2.1, section 4.3.2.1. */
static bool descriptor(struct walk *walk, const uint8_t *bytes, uint64_t record, uint32_t index) {
  struct nvt_place place = {.kind = NVT_PLACE_BLOCK, .record = record, .index = index};
  uint32_t length;
  memcpy(&place.address, bytes, sizeof(place.address));
  memcpy(&length, bytes + 8, sizeof(length));
  place.sgl = bytes[15];
  place.length = length;
  unsigned type = place.sgl >> 4;
  if (type == 2 || type == 3)
    place.kind = NVT_PLACE_SEGMENT;
  else if (type == 4)
    place.length &= 0xffffffu; /* keyed: a key follows three bytes of length */
  return tell(walk, &place);
}

static void by_sgl(struct walk *walk, const struct nvt_exchange *exchange) {
  uint8_t first[SGL_BYTES];
  memcpy(first, &exchange->sqe.prp1, PRP_BYTES);
  memcpy(first + PRP_BYTES, &exchange->sqe.prp2, PRP_BYTES);
  const struct nvt_transfer *lists = nvt_transfer_lists(exchange);
  if (!descriptor(walk, first, exchange->command.record, 0) || lists == NULL)
    return;
  for (uint32_t i = 0; i < lists->count; i++) {
    const struct nvt_piece *list = &lists->pieces[i];
    uint32_t count = list->bytes != NULL ? list->captured / SGL_BYTES : 0;
    for (uint32_t j = 0; j < count; j++)
      if (!descriptor(walk, list->bytes + (size_t)j * SGL_BYTES, list->record, j))
        return;
  }
}

void nvt_transfer_places(const struct nvt_exchange *exchange,
                         bool (*each)(void *, const struct nvt_place *), void *ctx) {
  const struct nvt_transfer *payload = nvt_transfer_payload(exchange);
  bool sgl = NVT_SQE_PSDT(exchange->sqe.flags) != 0;
  unsigned shift = exchange->page_shift >= 12 && exchange->page_shift <= 27 ? exchange->page_shift
                                                                            : 12; /* CC.MPS: 0-15 */
  struct walk walk = {.each = each,
                      .ctx = ctx,
                      .page = 1ULL << shift,
                      .length = payload != NULL ? payload->length : UINT64_MAX};
  if (exchange->command.record == 0)
    return;
  if (sgl)
    by_sgl(&walk, exchange);
  else
    by_prp(&walk, exchange);
}

struct in_record {
  uint64_t record;
  void (*each)(void *, const struct nvt_place *);
  void *ctx;
};

static bool if_in_record(void *ctx, const struct nvt_place *place) {
  const struct in_record *in = ctx;
  if (place->record == in->record)
    in->each(in->ctx, place);
  return place->record <= in->record; /* lists come in the order of records */
}

void nvt_transfer_places_in(const struct nvt_exchange *exchange, uint64_t record,
                            void (*each)(void *, const struct nvt_place *), void *ctx) {
  struct in_record in = {record, each, ctx};
  const struct nvt_transfer *lists = nvt_transfer_lists(exchange);
  if (lists != NULL && lists->count <= NVT_LISTS_FOLLOWED)
    nvt_transfer_places(exchange, if_in_record, &in);
}
