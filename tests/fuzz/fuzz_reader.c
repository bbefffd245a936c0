/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a file: read, followed by the session, and printed in every form. */
#include <stdio.h>
#include <stdlib.h>

#include "trace/dump_int.h"
#include "trace/reader.h"
#include "trace/session.h"
#include "trace/summary.h"
#include "trace/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static FILE *nowhere;

static struct nvt_pages *pages;

static void print(const struct nvt_record *record, const uint8_t *bytes,
                  const struct nvt_view *view, const struct nvt_session *session) {
  struct nvt_known known;
  nvt_pages_known(pages, record, &known);
  char buffer[256]; /* short, so that cutting is tried too */
  struct nvt_text text;
  nvt_text_init(&text, buffer, sizeof(buffer));
  nvt_summary(&text, record, view);
  nvt_summary(&text, record, NULL);
  if (text.length >= sizeof(buffer) || buffer[text.length] != '\0')
    abort();
  nvt_dump_fields(nowhere, record, bytes, view, session, &known);
  nvt_dump_json(nowhere, record, view, true, session, &known);
}

static struct nvt_transfers *transfers;

static void forget(void *ctx, struct nvt_exchange *exchange) {
  (void)ctx;
  nvt_transfers_forget(transfers, exchange);
}

static void read_all(const uint8_t *bytes, size_t length, bool keep) {
  FILE *file = fmemopen((void *)(uintptr_t)bytes, length, "rb");
  struct nvt_reader *reader;
  struct nvt_reason why;
  if (file == NULL || !nvt_reader_open_file(file, "fuzz", &reader, &why))
    return;
  struct nvt_session *session;
  struct nvt_session_options options = {.keep = keep, .ended = keep ? NULL : forget};
  if (nvt_session_create(&options, &session) != 0 || nvt_transfers_create(NULL, &transfers) != 0 ||
      nvt_pages_create(&pages) != 0)
    abort();
  struct nvt_record record;
  struct nvt_view view;
  enum nvt_read read;
  while ((read = nvt_reader_next(reader, &record, &why)) == NVT_READ_OK ||
         read == NVT_READ_FOREIGN) {
    if (record.captured > NVT_RECORD_MAX)
      abort();
    bool followed = read == NVT_READ_OK && nvt_pages_record(pages, &record) == 0 &&
                    nvt_session_record(session, &record, &view) == 0;
    if (keep)
      continue; /* printing takes most of the time, and is the same */
    if (followed && nvt_transfers_record(transfers, &record, &view) == 0)
      print(&record, nvt_reader_bytes(reader), &view, session);
    else
      nvt_dump_json_foreign(nowhere, &record, &why);
  }
  nvt_session_finish(session);
  nvt_transfers_destroy(transfers);
  nvt_pages_destroy(pages);
  nvt_session_destroy(session);
  nvt_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (nowhere == NULL)
    nowhere = fopen("/dev/null", "w");
  if (length == 0 || nowhere == NULL)
    return 0;
  read_all(bytes, length, false);
  read_all(bytes, length, true);
  return 0;
}
