/* SPDX-License-Identifier: BSD-2-Clause */
/* A first reading of a file: which controllers it has, from where to where. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "edit/files_int.h"
#include "edit/merge_int.h"
#include "trace/meta.h"

static size_t place_of(const struct nvt_merge_input *input, uint16_t id) {
  size_t from = 0, to = input->count;
  while (from < to) {
    size_t middle = from + (to - from) / 2;
    if (input->members[middle].id < id)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

struct nvt_merge_member *nvt_merge_member(const struct nvt_merge_input *input, uint16_t id) {
  size_t at = place_of(input, id);
  return at < input->count && input->members[at].id == id ? &input->members[at] : NULL;
}

static struct nvt_merge_member *need_member(struct nvt_merge_input *input, uint16_t id) {
  size_t at = place_of(input, id);
  if (at < input->count && input->members[at].id == id)
    return &input->members[at];
  if ((input->count & (input->count + 1)) == 0) { /* full: it doubles at each power of two */
    size_t space = 2 * (input->count + 1);
    struct nvt_merge_member *bigger = reallocarray(input->members, space, sizeof(*bigger));
    if (bigger == NULL)
      return NULL;
    input->members = bigger;
  }
  memmove(&input->members[at + 1], &input->members[at],
          (input->count - at) * sizeof(*input->members));
  input->count++;
  input->members[at] = (struct nvt_merge_member){.id = id};
  return &input->members[at];
}

/* What stays the same from one meta-record of a recording to the next. */
static void identify(struct nvt_merge_member *member, const struct nvt_record *record) {
  struct nvt_meta meta;
  char why[128];
  if (!nvt_meta_parse(record->tail, record->tail_length, &meta, why, sizeof(why)))
    return;
  const char *const words[] = {meta.serial, meta.model,    meta.firmware,
                               meta.host,   meta.recorder, meta.profile};
  uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    for (const char *at = words[i];; at++) {
      hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
      if (*at == '\0')
        break;
    }
  member->identity = hash != 0 ? hash : 1;
  nvt_meta_clear(&meta);
}

static void note_leading(struct nvt_merge_member *member, const struct nvt_record *record) {
  uint64_t seq = record->header.seq;
  if (member->leading == 0)
    member->leading_seq = seq;
  if (member->leading == 0 || seq != member->leading_last)
    member->numbers++;
  member->leading++;
  member->leading_last = seq;
  member->snapshot |= (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
}

static void note_ordinary(struct nvt_merge_member *member, const struct nvt_record *record,
                          uint64_t key) {
  if (!member->ordinary) {
    member->ordinary = true;
    member->first_seq = member->last_seq = record->header.seq;
    member->first_ns = key;
  }
  if (record->header.seq > member->last_seq)
    member->last_seq = record->header.seq;
  member->last_ns = key;
}

static bool note(struct nvt_merge_input *input, const struct nvt_record *record, bool foreign) {
  bool leading = !foreign && nvt_merge_is_leading(record);
  input->records++;
  if (input->records == 1)
    input->start_ns = record->time_ns;
  if (record->time_ns > input->key)
    input->key = record->time_ns;
  bool snapshot = !foreign && (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
  input->snapshot |= snapshot && !input->started;
  /* A snapshot may have times that were long before: they mean nothing here. */
  if (!leading && !input->started) {
    input->started = true;
    if (input->snapshot)
      input->key = input->start_ns = record->time_ns;
  }
  if (foreign)
    return true;
  struct nvt_merge_member *member = need_member(input, record->header.controller);
  if (member == NULL)
    return false;
  member->pci_address = record->header.pci_address;
  if (record->header.type == NVT_REC_META && member->identity == 0)
    identify(member, record);
  if (leading && !member->ordinary)
    note_leading(member, record);
  else
    note_ordinary(member, record, input->key);
  return true;
}

bool nvt_merge_scan(struct nvt_merge_input *input, struct nvt_reason *why) {
  struct stat status;
  struct nvt_edit_progress progress;
  struct nvt_reader *reader;
  struct nvt_record record;
  if (stat(input->path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    snprintf(why->text, sizeof(why->text),
             "%s: is no regular file, and each file is read twice; write it into one first",
             input->path);
    return false;
  }
  if (!nvt_reader_open(input->path, &reader, why))
    return false;
  enum nvt_read read;
  bool fine = true;
  nvt_edit_progress_start(&progress, "merge: looking");
  while (fine && ((read = nvt_reader_next(reader, &record, why)) == NVT_READ_OK ||
                  read == NVT_READ_FOREIGN)) {
    fine = note(input, &record, read == NVT_READ_FOREIGN);
    nvt_edit_progress(&progress, reader, input->records);
  }
  nvt_edit_progress_end(&progress);
  nvt_reader_close(reader);
  if (!fine) {
    snprintf(why->text, sizeof(why->text), "%s: out of memory", input->path);
    return false;
  }
  if (!input->started && input->snapshot)
    input->start_ns = input->key; /* nothing but a snapshot */
  input->key = 0;
  input->cut = read == NVT_READ_CUT;
  input->why = *why;
  return read != NVT_READ_ERROR;
}
