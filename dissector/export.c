/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File > Export Objects and tshark --export-objects: what each command that
 * completed transferred, as a file. While a file is read the first time its pieces
 * are all in memory at the completion; later a single piece stands in its own
 * frame alone, and is taken from there.
 */
#include "dissector/dissector_int.h"
#include "trace/text.h"
#include "trace/transfer.h"

#include <epan/export_object.h>

#include <inttypes.h>
#include <string.h>

static int tap = -1;

struct object {
  const struct nvt_exchange *exchange;
  struct nvt_transfer *transfer;
  /* All the bytes there are, in the frame: taps are called while it is there, but after our return.
   * NULL: the transfer keeps them. */
  const uint8_t *bytes;
  size_t size;
  uint32_t pci_address;
};

/* Letters and digits, all else as one '-': what any file system takes. */
static void add_safe(struct nvt_text *text, const char *words) {
  for (; *words != '\0'; words++) {
    char one[2] = {(char)g_ascii_tolower(*words), '\0'};
    if (g_ascii_isalnum(one[0]))
      nvt_text_add(text, one);
    else if (text->length > 0 && text->buffer[text->length - 1] != '-')
      nvt_text_add(text, "-");
  }
  if (text->length > 0 && text->buffer[text->length - 1] == '-')
    text->buffer[--text->length] = '\0';
}

static char *name_of(const struct object *object, const char *subject, bool whole) {
  const struct nvt_exchange *exchange = object->exchange;
  char name[200];
  struct nvt_text text;
  nvt_text_init(&text, name, sizeof(name));
  nvt_text_printf(&text, "c%u-e%u-q%u-cid%u-r%" PRIu64 "-", exchange->controller, exchange->epoch,
                  exchange->sqid, exchange->cid, exchange->reuse);
  add_safe(&text, subject);
  /* Both directions of one command have one subject. */
  const struct nvt_transfer *other = exchange->transfers;
  while (other != NULL && (other == object->transfer || other->kind != object->transfer->kind))
    other = other->next;
  if (other != NULL)
    nvt_text_add(&text, object->transfer->direction == NVT_V_data_direction_IN ? "-in" : "-out");
  if (NVT_CQE_STATUS(exchange->cqe.status) != NVT_SC_SUCCESS)
    nvt_text_add(&text, "-failed");
  nvt_text_add(&text, whole ? ".bin" : "-part.bin");
  return g_strdup(name);
}

static tap_packet_status packet(void *data, packet_info *pinfo _U_, epan_dissect_t *edt _U_,
                                const void *tapped, tap_flags_t flags _U_) {
  export_object_list_t *list = data;
  const struct object *object = tapped;
  struct nvt_transfer *transfer = object->transfer;
  size_t room = object->bytes != NULL ? object->size : transfer->kept;
  uint8_t *bytes = room > 0 ? g_try_malloc(room) : NULL;
  if (bytes == NULL)
    return TAP_PACKET_DONT_REDRAW;
  size_t size = room;
  if (object->bytes != NULL)
    memcpy(bytes, object->bytes, room);
  else
    size = nvt_transfer_copy(transfer, bytes, room);
  if (size == 0) {
    g_free(bytes);
    return TAP_PACKET_DONT_REDRAW;
  }
  char subject[128], pci[16];
  struct nvt_text text;
  nvt_text_init(&text, subject, sizeof(subject));
  nvt_text_transfer_subject(&text, object->exchange, transfer);
  bool whole = size == transfer->length;
  export_object_entry_t *entry = g_new0(export_object_entry_t, 1);
  entry->pkt_num = (uint32_t)object->exchange->completion.record;
  entry->hostname = g_strdup(nvt_pci_text(object->pci_address, pci));
  entry->content_type =
      whole ? g_strdup(subject)
            : g_strdup_printf("%s, the first of %" PRIu64 " bytes", subject, transfer->length);
  entry->filename = name_of(object, subject, whole);
  entry->payload_len = size;
  entry->payload_data = bytes;
  list->add_entry(list->gui_data, entry);
  return TAP_PACKET_REDRAW;
}

static void hand_out(const struct nvt_context *c, struct nvt_transfer *transfer,
                     const uint8_t *bytes, size_t size) {
  struct object *object = wmem_new(c->pinfo->pool, struct object);
  *object = (struct object){.exchange = c->frame->exchange,
                            .transfer = transfer,
                            .bytes = bytes,
                            .size = size,
                            .pci_address = c->record->header.pci_address};
  tap_queue_packet(tap, c->pinfo, object);
}

static bool is_data(const struct nvt_transfer *transfer) {
  return transfer->kind == NVT_V_data_kind_PAYLOAD || transfer->kind == NVT_V_data_kind_METADATA;
}

void nvt_export_frame(const struct nvt_context *c) {
  struct nvt_exchange *exchange = c->frame->exchange;
  bool later = PINFO_FD_VISITED(c->pinfo);
  if (!have_tap_listener(tap) || exchange == NULL || exchange->completion.record == 0 ||
      exchange->completion.record > UINT32_MAX)
    return;
  if (c->record->header.type == NVT_REC_COMPLETION) {
    for (struct nvt_transfer *t = exchange->transfers; t != NULL; t = t->next)
      if (is_data(t) && (t->count > 1 || t->kept > 0 || !later))
        hand_out(c, t, NULL, 0);
  } else if (c->record->header.type == NVT_REC_DATA && later && c->record->data.offset == 0) {
    for (struct nvt_transfer *t = exchange->transfers; t != NULL; t = t->next)
      if (is_data(t) && t->count == 1 && t->first_record == c->pinfo->num)
        hand_out(c, t, c->record->tail, c->record->tail_length);
  }
}

void nvt_export_register(int proto) {
  tap = register_export_object(proto, packet, NULL);
}
