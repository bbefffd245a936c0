/* SPDX-License-Identifier: BSD-2-Clause */
/* The JSON of a meta-record is made anew, of what is known to be harmless. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "edit/scrub_int.h"

#define REMOVED "(removed)"

int nvt_scrub_learn_meta(struct nvt_scrub *s, const struct nvt_record *record) {
  struct nvt_meta meta;
  char why[256];
  int error = 0;
  if (!nvt_meta_parse(record->tail, record->tail_length, &meta, why, sizeof(why)))
    return 0;
  for (uint32_t i = 0; i < meta.namespace_count && error == 0; i++) {
    const struct nvt_meta_namespace *ns = &meta.namespaces[i];
    error = nvt_lba_size(s->lbas, nvt_lba_space(record->header.controller, ns->nsid), ns->blocks,
                         ns->block_size);
  }
  nvt_meta_clear(&meta);
  return error;
}

static bool only(const char *text, const char *characters) {
  return text[strspn(text, characters)] == '\0';
}

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static void replace(struct nvt_scrub *s, char *text, size_t size, const char *with) {
  if (text[0] == '\0' || strcmp(text, with) == 0)
    return;
  snprintf(text, size, "%s", with);
  nvt_scrub_add(s, NVT_SCRUB_DESCRIPTION, 1);
}

/* What it is, not where: replay asks for that alone. */
static void backend(struct nvt_scrub *s, char text[256]) {
  static const char *const kinds[] = {"ram:", "null:", "file:"};
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    if (strncmp(text, kinds[i], strlen(kinds[i])) == 0) {
      replace(s, text, 256, kinds[i]);
      return;
    }
  replace(s, text, 256, REMOVED);
}

static void one_of(struct nvt_scrub *s, char *text, size_t size, const char *const *words) {
  while (*words != NULL && strcmp(text, *words) != 0)
    words++;
  if (*words == NULL)
    replace(s, text, size, REMOVED);
}

static void started(const struct nvt_scrub *s, const struct nvt_record *record,
                    struct nvt_meta *meta) {
  if (!s->options.time || meta->started[0] == '\0')
    return;
  uint64_t ns = nvt_scrub_time(s, record->time_ns);
  time_t seconds = (time_t)(ns / 1000000000u);
  struct tm utc;
  char date[24] = "";
  if (gmtime_r(&seconds, &utc) != NULL)
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
  (void)snprintf(meta->started, sizeof(meta->started), "%s.%09uZ", date,
                 (unsigned)(ns % 1000000000u));
}

/* Text of a form that no date of ours has isn't one. */
static void descriptions(struct nvt_scrub *s, const struct nvt_record *record,
                         struct nvt_meta *meta) {
  static const char *const data[] = {"", "none", "head", "full", "crc", NULL};
  static const char *const doorbells[] = {"", "trap", "shared", NULL};
  static const char *const clocks[] = {"", "vdso", "tsc", NULL};
  one_of(s, meta->data, sizeof(meta->data), data);
  one_of(s, meta->doorbells, sizeof(meta->doorbells), doorbells);
  one_of(s, meta->clock, sizeof(meta->clock), clocks);
  if (strcmp(meta->recorder, "nvmetap record") != 0)
    replace(s, meta->recorder, sizeof(meta->recorder), REMOVED);
  if (!only(meta->started, DIGITS "-:.TZ"))
    replace(s, meta->started, sizeof(meta->started), "");
  if (!only(meta->profile, LETTERS DIGITS "-,=.")) /* replay needs its words */
    replace(s, meta->profile, sizeof(meta->profile), "");
  if ((s->options.keep & NVT_SCRUB_KEEP_FILTER) == 0)
    replace(s, meta->filter, sizeof(meta->filter), REMOVED);
  replace(s, meta->host, sizeof(meta->host), "");
  for (uint32_t i = 0; i < meta->namespace_count; i++)
    backend(s, meta->namespaces[i].backend);
  started(s, record, meta);
  snprintf(meta->scrubbed, sizeof(meta->scrubbed), "data %s, LBAs %s, times %s",
           s->options.data == NVT_SCRUB_ZERO ? "zeroed" : "dropped",
           s->options.lba ? "mapped" : "kept", s->options.time ? "moved" : "kept");
}

/* Content is gone, and CRCs in any case, but structures are there: "head" comes nearest. */
static void data_mode(const struct nvt_scrub *s, struct nvt_rec_meta *body, struct nvt_meta *meta) {
  meta->dedup_pages = 0;
  if (body->data_mode == NVT_V_meta_data_mode_NONE ||
      (s->options.data == NVT_SCRUB_ZERO && body->data_mode != NVT_V_meta_data_mode_CRC))
    return;
  body->data_mode = NVT_V_meta_data_mode_HEAD;
  snprintf(meta->data, sizeof(meta->data), "head");
  meta->data_head = 0;
}

int nvt_scrub_meta(struct nvt_scrub *s, const struct nvt_record *record, struct nvt_rec_meta *body,
                   char **json, size_t *length) {
  struct nvt_meta meta;
  char why[256];
  *json = NULL;
  *length = 0;
  bool parsed = nvt_meta_parse(record->tail, record->tail_length, &meta, why, sizeof(why));
  if (!parsed && record->tail_length > 0)
    nvt_scrub_add(s, NVT_SCRUB_DESCRIPTION, 1);
  struct nvt_meta before = meta;
  if (parsed) {
    nvt_names_meta(s->names, record->header.controller, &meta);
    nvt_scrub_add(s, NVT_SCRUB_SERIAL, strcmp(before.serial, meta.serial) != 0);
    nvt_scrub_add(s, NVT_SCRUB_MODEL, strcmp(before.model, meta.model) != 0);
    nvt_scrub_add(s, NVT_SCRUB_FIRMWARE, strcmp(before.firmware, meta.firmware) != 0);
    descriptions(s, record, &meta);
  }
  data_mode(s, body, &meta);
  if (!parsed)
    return 0;
  int error = nvt_meta_build(&meta, json, length);
  nvt_meta_clear(&meta);
  return error;
}
