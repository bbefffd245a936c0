/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows a record's body, and what a command transferred in all. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/sgl.h"
#include "trace/digest.h"
#include "trace/dump_int.h"
#include "trace/dump_structure.h"
#include "trace/text.h"
#include "trace/transfer.h"

#define PRP_BYTES 8u

void nvt_dump_sgl(FILE *to, const uint8_t *bytes) {
  struct nvt_sgl sgl;
  nvt_sgl_parse(bytes, &sgl);
  if (sgl.has_address)
    nvt_dump_number_hex(to, "Address", sgl.address, 16);
  else if (sgl.has_length)
    nvt_dump_bytes(to, "Reserved", bytes, 8);
  if (sgl.has_length)
    nvt_dump_number(to, "Length", sgl.length);
  if (sgl.has_key)
    nvt_dump_number_hex(to, "Key", sgl.key, 8);
  else if (sgl.has_length)
    nvt_dump_bytes(to, "Reserved", bytes + 12, 3);
  if (!sgl.has_length)
    nvt_dump_bytes(to, "Descriptor Specific", bytes, 15);
  nvt_dump_number_named(to, "Subtype", sgl.subtype,
                        nvt_value_name(NVT_VALUES_SGL_SUBTYPE, sgl.subtype));
  nvt_dump_number_named(to, "Type", sgl.type, nvt_value_name(NVT_VALUES_SGL_TYPE, sgl.type));
}

/* --- lists --- */

struct list {
  FILE *to;
  const struct nvt_record *record;
  uint32_t next; /* entry to print */
};

static void print_entry(struct list *list, const char *what) {
  const struct nvt_record *record = list->record;
  uint32_t i = list->next++;
  if (record->data.kind == NVT_V_data_kind_PRP_LIST) {
    uint64_t entry;
    memcpy(&entry, record->tail + (size_t)i * PRP_BYTES, sizeof(entry));
    fprintf(list->to, NVT_DUMP_LABEL "0x%016" PRIx64 "%s%s\n", "PRP Entry", entry,
            what[0] != '\0' ? ": " : "", what);
    return;
  }
  fprintf(list->to, NVT_DUMP_LABEL "%s\n", "SGL Descriptor", what);
  nvt_dump_sgl(list->to, record->tail + (size_t)i * NVT_SGL_BYTES);
}

static uint32_t entries(const struct nvt_record *record) {
  bool prp = record->data.kind == NVT_V_data_kind_PRP_LIST;
  return record->tail_length / (prp ? PRP_BYTES : NVT_SGL_BYTES);
}

static void print_place(void *ctx, const struct nvt_place *place) {
  struct list *list = ctx;
  char text[80];
  if (place->index != list->next || place->index >= entries(list->record))
    return;
  nvt_place_text(place, text, sizeof(text));
  print_entry(list, text);
}

static void print_list(FILE *to, const struct nvt_record *record, const struct nvt_view *view) {
  struct list list = {to, record, 0};
  if (view->exchange != NULL)
    nvt_transfer_places_in(view->exchange, record->number, print_place, &list);
  while (list.next < entries(record)) /* those whose place isn't known */
    print_entry(&list, "");
}

/* --- transfers --- */

static void print_told(void *ctx, enum nvt_told told, uint64_t value, const char *text) {
  fprintf(ctx, NVT_DUMP_LABEL "%" PRIu64 "%s\n", nvt_told_name(told), value, text);
}

/* What is kept from the first byte on. */
static void print_whole(FILE *to, const struct nvt_view *view, struct nvt_transfer *transfer) {
  uint8_t *bytes = transfer->kept > 0 ? malloc(transfer->kept) : NULL;
  if (bytes == NULL)
    return;
  size_t length = nvt_transfer_copy(transfer, bytes, transfer->kept);
  nvt_dump_structure(to, view->set, &view->exchange->sqe, (enum nvt_direction)transfer->direction,
                     bytes, length, 0);
  free(bytes);
}

void nvt_dump_transfers(FILE *to, const struct nvt_view *view) {
  if (view->exchange == NULL)
    return;
  for (struct nvt_transfer *t = view->exchange->transfers; t != NULL; t = t->next) {
    if (t->kind != NVT_V_data_kind_PAYLOAD && t->kind != NVT_V_data_kind_METADATA)
      continue;
    char title[128];
    struct nvt_text text;
    nvt_text_init(&text, title, sizeof(title));
    nvt_text_transfer(&text, t);
    fprintf(to, "    [%s]\n", title);
    nvt_transfer_tell(t, true, print_told, to);
    if (t->count > 1 && t->kind == NVT_V_data_kind_PAYLOAD && view->exchange->command.record != 0)
      print_whole(to, view, t);
  }
}

/* --- tails --- */

void nvt_dump_digest(FILE *to, const struct nvt_record *record, const struct nvt_known *known) {
  struct nvt_digest_walk walk = {0};
  struct nvt_digest_part part;
  while (nvt_digest_part(record, &walk, &part))
    fprintf(to, NVT_DUMP_LABEL "0x%08" PRIx32 " of %" PRIu32 " bytes from offset %" PRIu64 "\n",
            "CRC-32C", part.crc, part.length, part.offset);
  if (known->record != 0)
    nvt_dump_number(to, "[Same Data as in]", known->record);
  if (known->bytes != NULL)
    nvt_dump_hex(to, known->bytes, record->digest.true_length);
}

static void print_text(FILE *to, const struct nvt_record *record) {
  fprintf(to, NVT_DUMP_LABEL, record->header.type == NVT_REC_META ? "JSON" : "Text");
  for (uint32_t done = 0; done < record->tail_length;) {
    char buffer[2048];
    uint32_t left = record->tail_length - done;
    uint32_t part = left < 500 ? left : 500; /* a byte becomes four characters at most */
    while (part < left && part > 490 && (record->tail[done + part] & 0xc0) == 0x80)
      part--; /* between characters */
    struct nvt_text text;
    nvt_text_init(&text, buffer, sizeof(buffer));
    nvt_text_quote(&text, record->tail + done, part);
    fputs(buffer, to);
    done += part;
  }
  fputc('\n', to);
}

void nvt_dump_tail(FILE *to, const struct nvt_record *record, const struct nvt_view *view) {
  const struct nvt_exchange *exchange = view->exchange;
  if (record->tail_length == 0)
    return;
  if (record->header.type != NVT_REC_DATA) {
    print_text(to, record);
    return;
  }
  if (record->data.kind == NVT_V_data_kind_PRP_LIST ||
      record->data.kind == NVT_V_data_kind_SGL_SEGMENT)
    print_list(to, record, view);
  else if (exchange != NULL && exchange->command.record != 0 &&
           nvt_transfer_alone(exchange, record))
    nvt_dump_structure(to, view->set, &exchange->sqe, (enum nvt_direction)record->data.direction,
                       record->tail, record->tail_length, 0);
  nvt_dump_hex(to, record->tail, record->tail_length);
}
