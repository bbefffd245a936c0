/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/pages.h"

struct nvt_transfers {
  struct nvt_pages *pages; /* what digest records stand for */
  struct nvt_transfer_limits limits;
  struct nvt_transfer *youngest;
  struct nvt_exchange *completed; /* by the record before: its single pieces go */
  size_t kept;
};

int nvt_transfers_create(const struct nvt_transfer_limits *limits, struct nvt_transfers **out) {
  struct nvt_transfers *all = calloc(1, sizeof(*all));
  if (all == NULL || nvt_pages_create(&all->pages) != 0) {
    free(all);
    return -ENOMEM;
  }
  if (limits != NULL)
    all->limits = *limits;
  if (all->limits.pieces == 0)
    all->limits.pieces = NVT_TRANSFER_PIECES_MAX;
  if (all->limits.bytes == 0)
    all->limits.bytes = NVT_TRANSFER_BYTES_MAX;
  if (all->limits.all == 0)
    all->limits.all = NVT_TRANSFERS_BYTES_MAX;
  *out = all;
  return 0;
}

static void drop_bytes(struct nvt_transfers *all, struct nvt_transfer *transfer) {
  for (uint32_t i = 0; i < transfer->count; i++) {
    free(transfer->pieces[i].bytes);
    transfer->pieces[i].bytes = NULL;
  }
  all->kept -= transfer->kept;
  transfer->kept = 0;
}

static void destroy(struct nvt_transfers *all, struct nvt_transfer *transfer) {
  drop_bytes(all, transfer);
  if (transfer->pieces != &transfer->one)
    free(transfer->pieces);
  if (transfer->older != NULL)
    transfer->older->younger = transfer->younger;
  if (transfer->younger != NULL)
    transfer->younger->older = transfer->older;
  else
    all->youngest = transfer->older;
  free(transfer);
}

void nvt_transfers_destroy(struct nvt_transfers *all) {
  if (all == NULL)
    return;
  while (all->youngest != NULL)
    destroy(all, all->youngest);
  nvt_pages_destroy(all->pages);
  free(all);
}

void nvt_transfers_forget(struct nvt_transfers *all, struct nvt_exchange *exchange) {
  while (exchange->transfers != NULL) {
    struct nvt_transfer *transfer = exchange->transfers;
    exchange->transfers = transfer->next;
    destroy(all, transfer);
  }
  if (all->completed == exchange)
    all->completed = NULL;
}

static bool is_list(unsigned kind) {
  return kind == NVT_V_data_kind_PRP_LIST || kind == NVT_V_data_kind_SGL_SEGMENT;
}

struct nvt_transfer *nvt_transfer_of(const struct nvt_exchange *exchange, unsigned kind,
                                     unsigned direction) {
  struct nvt_transfer *transfer = exchange->transfers;
  while (transfer != NULL && (transfer->kind != kind || transfer->direction != direction))
    transfer = transfer->next;
  return transfer;
}

struct nvt_transfer *nvt_transfer_payload(const struct nvt_exchange *exchange) {
  struct nvt_transfer *in =
      nvt_transfer_of(exchange, NVT_V_data_kind_PAYLOAD, NVT_V_data_direction_IN);
  struct nvt_transfer *out =
      nvt_transfer_of(exchange, NVT_V_data_kind_PAYLOAD, NVT_V_data_direction_OUT);
  if (in == NULL || out == NULL)
    return in != NULL ? in : out;
  return out->length > in->length ? out : in;
}

struct nvt_transfer *nvt_transfer_lists(const struct nvt_exchange *exchange) {
  unsigned kind = NVT_SQE_PSDT(exchange->sqe.flags) == 0 ? NVT_V_data_kind_PRP_LIST
                                                         : NVT_V_data_kind_SGL_SEGMENT;
  return nvt_transfer_of(exchange, kind, NVT_V_data_direction_OUT);
}

static struct nvt_transfer *need(struct nvt_transfers *all, struct nvt_exchange *exchange,
                                 unsigned kind, unsigned direction) {
  struct nvt_transfer *transfer = nvt_transfer_of(exchange, kind, direction);
  if (transfer != NULL)
    return transfer;
  transfer = calloc(1, sizeof(*transfer));
  if (transfer == NULL)
    return NULL;
  transfer->kind = (uint8_t)kind;
  transfer->direction = (uint8_t)direction;
  transfer->sorted = true;
  transfer->pieces = &transfer->one;
  transfer->room = 1;
  transfer->older = all->youngest;
  if (all->youngest != NULL)
    all->youngest->younger = transfer;
  all->youngest = transfer;
  transfer->next = exchange->transfers;
  exchange->transfers = transfer;
  return transfer;
}

/* Room for one more piece. */
static bool grow(struct nvt_transfer *transfer) {
  if (transfer->count < transfer->room)
    return true;
  uint32_t room = transfer->room * 2 < 4 ? 4 : transfer->room * 2;
  bool inside = transfer->pieces == &transfer->one;
  struct nvt_piece *more = realloc(inside ? NULL : transfer->pieces, room * sizeof(*more));
  if (more == NULL)
    return false;
  if (inside)
    more[0] = transfer->one;
  transfer->pieces = more;
  transfer->room = room;
  return true;
}

static int add_piece(struct nvt_transfers *all, struct nvt_transfer *transfer,
                     const struct nvt_record *record, enum nvt_piece_from from, uint64_t same) {
  const struct nvt_rec_data *data = &record->data;
  uint64_t end =
      data->offset > UINT64_MAX - data->true_length ? UINT64_MAX : data->offset + data->true_length;
  if (is_list(transfer->kind)) /* its offset is the data's */
    transfer->length += data->true_length;
  else if (transfer->length < end)
    transfer->length = end;
  transfer->captured += record->tail_length;
  transfer->last_record = record->number;
  if (transfer->first_record == 0)
    transfer->first_record = record->number;
  if (transfer->count >= all->limits.pieces) {
    transfer->cut = true;
    return 0;
  }
  if (!grow(transfer))
    return -ENOMEM;
  struct nvt_piece piece = {.record = record->number,
                            .offset = data->offset,
                            .address = data->address,
                            .length = data->true_length,
                            .captured = record->tail_length,
                            .from = (uint8_t)from,
                            .same_record = same};
  size_t size = record->tail_length;
  bool fits = size <= all->limits.bytes - transfer->kept && size <= all->limits.all - all->kept;
  if (size > 0 && fits)
    piece.bytes = malloc(size);
  if (piece.bytes != NULL) {
    memcpy(piece.bytes, record->tail, size);
    transfer->kept += size;
    all->kept += size;
  } else if (size > 0) {
    transfer->cut = true;
  }
  if (transfer->count > 0 && transfer->pieces[transfer->count - 1].offset > piece.offset)
    transfer->sorted = false;
  transfer->pieces[transfer->count++] = piece;
  return size > 0 && fits && piece.bytes == NULL ? -ENOMEM : 0;
}

/* A payload of one piece stands in its record; but for what a digest stands for. */
static void drop_single(struct nvt_transfers *all) {
  if (all->completed == NULL)
    return;
  for (struct nvt_transfer *t = all->completed->transfers; t != NULL; t = t->next)
    if (!is_list(t->kind) && t->count == 1 && t->pieces[0].from == NVT_PIECE_DATA)
      drop_bytes(all, t);
  all->completed = NULL;
}

static int take_piece(struct nvt_transfers *all, const struct nvt_record *record,
                      struct nvt_exchange *exchange) {
  struct nvt_record data;
  struct nvt_known known = {0};
  enum nvt_piece_from from = NVT_PIECE_DATA;
  if (record->header.type == NVT_REC_DIGEST) {
    from = record->digest.algorithm == NVT_V_digest_algorithm_CRC32C ? NVT_PIECE_DIGEST
                                                                     : NVT_PIECE_KNOWN;
    nvt_pages_known(all->pages, record, &known);
    if (!nvt_pages_as_data(all->pages, record, &data))
      nvt_record_digest_as_data(record, &data);
    record = &data;
  }
  if (record->header.type != NVT_REC_DATA || record->data.kind > NVT_V_data_kind_METADATA)
    return 0;
  bool in = record->data.direction == NVT_V_data_direction_IN && !is_list(record->data.kind);
  struct nvt_transfer *transfer = need(all, exchange, record->data.kind,
                                       in ? NVT_V_data_direction_IN : NVT_V_data_direction_OUT);
  return transfer != NULL ? add_piece(all, transfer, record, from, known.record) : -ENOMEM;
}

int nvt_transfers_record(struct nvt_transfers *all, const struct nvt_record *record,
                         const struct nvt_view *view) {
  drop_single(all);
  int error = nvt_pages_record(all->pages, record);
  if (view->exchange == NULL)
    return error;
  if (record->header.type == NVT_REC_COMPLETION) {
    if (view->exchange->transfers != NULL)
      all->completed = view->exchange;
    return error;
  }
  int piece_error = take_piece(all, record, view->exchange);
  return error != 0 ? error : piece_error;
}

const struct nvt_piece *nvt_transfer_piece(const struct nvt_exchange *exchange,
                                           const struct nvt_record *record) {
  bool list = record->header.type == NVT_REC_DATA && is_list(record->data.kind);
  bool in = record->data.direction == NVT_V_data_direction_IN && !list;
  const struct nvt_transfer *transfer = nvt_transfer_of(
      exchange, record->data.kind, in ? NVT_V_data_direction_IN : NVT_V_data_direction_OUT);
  if (transfer == NULL || transfer->count == 0)
    return NULL;
  const struct nvt_piece *pieces = transfer->pieces;
  if (pieces[transfer->count - 1].record == record->number) /* while a file is read */
    return &pieces[transfer->count - 1];
  uint32_t low = 0, high = transfer->sorted && !list ? transfer->count : 0;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (pieces[middle].offset < record->data.offset)
      low = middle + 1;
    else
      high = middle;
  }
  while (low < transfer->count && pieces[low].record != record->number)
    low++;
  return low < transfer->count ? &pieces[low] : NULL;
}

bool nvt_transfer_alone(const struct nvt_exchange *exchange, const struct nvt_record *record) {
  const struct nvt_rec_data *data = &record->data;
  bool in = data->direction == NVT_V_data_direction_IN;
  if (data->kind != NVT_V_data_kind_PAYLOAD || data->offset != 0)
    return false;
  const struct nvt_transfer *transfer = nvt_transfer_of(
      exchange, data->kind, in ? NVT_V_data_direction_IN : NVT_V_data_direction_OUT);
  return transfer != NULL && transfer->count == 1;
}

static int by_offset(const void *a, const void *b) {
  const struct nvt_piece *x = a, *y = b;
  if (x->offset != y->offset)
    return x->offset < y->offset ? -1 : 1;
  return x->record < y->record ? -1 : x->record > y->record;
}

void nvt_transfer_sort(struct nvt_transfer *transfer) {
  if (!transfer->sorted && !is_list(transfer->kind))
    qsort(transfer->pieces, transfer->count, sizeof(*transfer->pieces), by_offset);
  transfer->sorted = true;
}

size_t nvt_transfer_copy(struct nvt_transfer *transfer, uint8_t *out, size_t size) {
  nvt_transfer_sort(transfer);
  size_t done = 0;
  for (uint32_t i = 0; i < transfer->count && done < size; i++) {
    const struct nvt_piece *piece = &transfer->pieces[i];
    if (piece->offset > done)
      break;
    if (piece->bytes == NULL)
      continue;
    size_t skip = done - (size_t)piece->offset;
    if (skip >= piece->captured)
      continue;
    size_t more = piece->captured - skip;
    if (more > size - done)
      more = size - done;
    memcpy(out + done, piece->bytes + skip, more);
    done += more;
  }
  return done;
}

bool nvt_transfer_hole(struct nvt_transfer *transfer, struct nvt_hole_walk *walk, uint64_t *from,
                       uint64_t *to) {
  nvt_transfer_sort(transfer);
  while (walk->at < transfer->count) {
    const struct nvt_piece *piece = &transfer->pieces[walk->at++];
    if (piece->bytes == NULL)
      continue;
    uint64_t start = walk->end;
    uint64_t end =
        piece->offset > UINT64_MAX - piece->captured ? UINT64_MAX : piece->offset + piece->captured;
    if (end > walk->end)
      walk->end = end;
    if (piece->offset > start) {
      *from = start;
      *to = piece->offset;
      return true;
    }
  }
  if (walk->end >= transfer->length)
    return false;
  *from = walk->end;
  *to = transfer->length;
  walk->end = transfer->length;
  return true;
}
