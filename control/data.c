/* SPDX-License-Identifier: BSD-2-Clause */
/* How much of the data goes into a trace, in words. */
#include <string.h>

#include "control/filter.h"
#include "controller/namespace.h"

#define PAGE 4096u

/* ",dedup" or ",dedup:SIZE". */
static bool dedup_parse(const char *text, uint32_t *pages) {
  uint64_t size = (uint64_t)NVT_TRACE_DEDUP_DEFAULT * PAGE;
  if (strncmp(text, ",dedup", 6) != 0 ||
      (text[6] != '\0' && (text[6] != ':' || !nvt_parse_size(text + 7, &size))) ||
      size % PAGE != 0 || size / PAGE < NVT_TRACE_DEDUP_MIN || size / PAGE > NVT_TRACE_DEDUP_MAX)
    return false;
  *pages = (uint32_t)(size / PAGE);
  return true;
}

bool nvt_trace_data_parse(const char *text, enum nvt_trace_data *mode, uint32_t *head,
                          uint32_t *dedup_pages) {
  *mode = NVT_TRACE_DATA_NONE;
  *head = *dedup_pages = 0;
  char word[32];
  size_t length = strcspn(text, ",");
  uint64_t size;
  if (length >= sizeof(word))
    return false;
  memcpy(word, text, length);
  word[length] = '\0';
  if (strcmp(word, "full") == 0) {
    *mode = NVT_TRACE_DATA_FULL;
  } else if (strncmp(word, "head:", 5) == 0 && nvt_parse_size(word + 5, &size) &&
             size <= UINT32_MAX) {
    *mode = NVT_TRACE_DATA_HEAD;
    *head = (uint32_t)size;
  } else {
    if (strcmp(word, "crc") == 0)
      *mode = NVT_TRACE_DATA_CRC;
    return text[length] == '\0' && (*mode == NVT_TRACE_DATA_CRC || strcmp(word, "none") == 0);
  }
  return text[length] == '\0' || dedup_parse(text + length, dedup_pages);
}

const char *nvt_trace_data_name(enum nvt_trace_data mode) {
  static const char *const names[] = {[NVT_TRACE_DATA_NONE] = "none",
                                      [NVT_TRACE_DATA_HEAD] = "head",
                                      [NVT_TRACE_DATA_FULL] = "full",
                                      [NVT_TRACE_DATA_CRC] = "crc"};
  return names[mode];
}
