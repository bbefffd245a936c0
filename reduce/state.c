/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far the search came, beside OUT, for --resume: text of numbers.
 *   nvmetap reduce 1 / trace BYTES RECORDS CRC / tries N / end N / msix 0|1 / keep FIRST LAST … /
 *   cut RECORD BYTES …
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reduce/reduce_int.h"

static bool name_of(const struct nvt_search *s, const char *end, char *path, size_t size) {
  int length = snprintf(path, size, "%s.state%s", s->out, end);
  return length > 0 && (size_t)length < size;
}

static void put_choice(const struct nvt_search *s, FILE *to) {
  const struct nvt_trace *t = s->trace;
  fprintf(to, "end %u\nmsix %d\n", s->best.end, s->best.no_msix ? 0 : 1);
  for (uint32_t i = 0; i < t->unit_count; i++) {
    uint32_t last = i;
    if (!s->best.keep[i])
      continue;
    while (last + 1 < t->unit_count && s->best.keep[last + 1])
      last++;
    fprintf(to, "keep %u %u\n", i, last);
    i = last;
  }
  for (uint32_t i = 0; i < t->item_count; i++)
    if (s->best.cuts[i] != NVT_CUT_NOTHING)
      fprintf(to, "cut %u %u\n", i, s->best.cuts[i]);
}

int nvt_state_save(const struct nvt_search *s) {
  char path[4096], whole[4096];
  if (!name_of(s, ".tmp", path, sizeof(path)) || !name_of(s, "", whole, sizeof(whole)))
    return -ENAMETOOLONG;
  FILE *to = fopen(path, "we");
  if (to == NULL)
    return -errno;
  const struct nvt_trace *t = s->trace;
  fprintf(to, "nvmetap reduce 1\ntrace %" PRIu64 " %u %08x\ntries %" PRIu64 "\n", t->bytes,
          t->item_count, t->crc, s->judge->tries);
  put_choice(s, to);
  fputs("whole\n", to);
  int error = ferror(to) != 0 ? -EIO : 0;
  if (fclose(to) != 0 && error == 0)
    error = -errno;
  if (error == 0 && rename(path, whole) != 0)
    error = -errno;
  if (error != 0)
    unlink(path);
  return error;
}

void nvt_state_remove(const struct nvt_search *s) {
  char path[4096];
  if (name_of(s, "", path, sizeof(path)))
    unlink(path);
}

/* False: a line that can't be. */
static bool take_line(struct nvt_search *s, const char *line, bool *whole) {
  const struct nvt_trace *t = s->trace;
  uint32_t a, b;
  uint64_t tries;
  if (sscanf(line, "tries %" SCNu64, &tries) == 1) {
    s->judge->tries = tries;
  } else if (sscanf(line, "end %u", &a) == 1 && a <= t->item_count) {
    s->best.end = a;
  } else if (sscanf(line, "msix %u", &a) == 1 && a <= 1) {
    s->best.no_msix = a == 0;
  } else if (sscanf(line, "keep %u %u", &a, &b) == 2 && a <= b && b < t->unit_count) {
    memset(s->best.keep + a, 1, b - a + 1);
  } else if (sscanf(line, "cut %u %u", &a, &b) == 2 && a < t->item_count) {
    s->best.cuts[a] = b;
  } else if (strcmp(line, "whole\n") == 0) {
    *whole = true;
  } else {
    return false;
  }
  return true;
}

bool nvt_state_load(struct nvt_search *s, struct nvt_reason *why) {
  char path[4096], line[128];
  const struct nvt_trace *t = s->trace;
  uint64_t bytes;
  uint32_t records, crc;
  bool whole = false, good;
  FILE *from = name_of(s, "", path, sizeof(path)) ? fopen(path, "re") : NULL;
  if (from == NULL) {
    snprintf(why->text, sizeof(why->text), "--resume: %.300s.state: %s; begin without --resume",
             s->out, strerror(errno));
    return false;
  }
  good = fgets(line, sizeof(line), from) != NULL && strcmp(line, "nvmetap reduce 1\n") == 0 &&
         fgets(line, sizeof(line), from) != NULL &&
         sscanf(line, "trace %" SCNu64 " %u %x", &bytes, &records, &crc) == 3 &&
         bytes == t->bytes && records == t->item_count && crc == t->crc;
  if (good)
    memset(s->best.keep, 0, t->unit_count);
  while (good && fgets(line, sizeof(line), from) != NULL)
    good = take_line(s, line, &whole);
  fclose(from);
  if (good && whole)
    return true;
  snprintf(why->text, sizeof(why->text),
           "--resume: %.300s isn't what a reduction of this trace left; begin without --resume",
           path);
  return false;
}
