/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trace/when.h"

#define NS 1000000000u

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Digits up to the first other character, which *text is left at. False: none, or too many. */
static bool take_number(const char **text, uint64_t most, uint64_t *out) {
  const char *at = *text;
  uint64_t value = 0;
  if (!is_digit(*at))
    return false;
  for (; is_digit(*at); at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (value > (most - digit) / 10)
      return false;
    value = value * 10 + digit;
  }
  *text = at;
  *out = value;
  return true;
}

/* ".25", or nothing; digits after the ninth say nothing. */
static bool take_fraction(const char **text, uint64_t *ns) {
  *ns = 0;
  if (**text != '.')
    return true;
  const char *at = *text + 1;
  uint64_t unit = NS;
  if (!is_digit(*at))
    return false;
  for (; is_digit(*at); at++) {
    unit /= 10;
    *ns += unit * (uint64_t)(*at - '0');
  }
  *text = at;
  return true;
}

static bool parse_seconds(const char *text, uint64_t *ns) {
  uint64_t seconds, fraction;
  if (!take_number(&text, UINT64_MAX / NS - 1, &seconds) || !take_fraction(&text, &fraction) ||
      *text != '\0')
    return false;
  *ns = seconds * NS + fraction;
  return true;
}

static bool take_two(const char **text, char before, uint64_t least, uint64_t most, int *out) {
  const char *at = *text;
  if (before != '\0' && *at++ != before)
    return false;
  if (!is_digit(at[0]) || !is_digit(at[1]))
    return false;
  uint64_t value = (uint64_t)(at[0] - '0') * 10 + (uint64_t)(at[1] - '0');
  *text = at + 2;
  *out = (int)value;
  return value >= least && value <= most;
}

/* "Z", "+01:00", "-0530", or nothing: UTC. Seconds to be taken off. */
static bool take_zone(const char **text, int64_t *offset) {
  *offset = 0;
  if (**text == 'Z') {
    ++*text;
    return true;
  }
  if (**text != '+' && **text != '-')
    return true;
  int64_t sign = *(*text)++ == '+' ? 1 : -1;
  int hours, minutes;
  if (!take_two(text, '\0', 0, 23, &hours) ||
      !take_two(text, **text == ':' ? ':' : '\0', 0, 59, &minutes))
    return false;
  *offset = sign * (hours * 3600 + minutes * 60);
  return true;
}

static bool parse_iso(const char *text, uint64_t *ns) {
  struct tm tm = {0};
  uint64_t year, fraction;
  int64_t offset;
  if (!take_number(&text, 9999, &year) || year < 1970 || !take_two(&text, '-', 1, 12, &tm.tm_mon) ||
      !take_two(&text, '-', 1, 31, &tm.tm_mday) || (*text != 'T' && *text != ' '))
    return false;
  text++;
  if (!take_two(&text, '\0', 0, 23, &tm.tm_hour) || !take_two(&text, ':', 0, 59, &tm.tm_min) ||
      !take_two(&text, ':', 0, 60, &tm.tm_sec) || !take_fraction(&text, &fraction) ||
      !take_zone(&text, &offset) || *text != '\0')
    return false;
  int month = tm.tm_mon - 1, day = tm.tm_mday;
  tm.tm_year = (int)year - 1900;
  tm.tm_mon = month;
  time_t seconds = timegm(&tm);
  if (tm.tm_mon != month || tm.tm_mday != day || seconds < offset)
    return false; /* the 31st of a month that has none */
  *ns = (uint64_t)(seconds - offset) * NS + fraction;
  return true;
}

bool nvt_parse_when(const char *text, struct nvt_when *out) {
  *out = (struct nvt_when){.given = true};
  if (text[0] == '@')
    return parse_seconds(text + 1, &out->ns);
  if (parse_iso(text, &out->ns))
    return true;
  out->relative = true;
  return parse_seconds(text, &out->ns);
}

uint64_t nvt_when_absolute(const struct nvt_when *time, uint64_t start_ns) {
  uint64_t sum = time->ns;
  if (time->relative && __builtin_add_overflow(time->ns, start_ns, &sum))
    return UINT64_MAX;
  return sum;
}

bool nvt_parse_records(const char *text, uint64_t *first, uint64_t *last) {
  bool open = *text == '-';
  *first = 1;
  *last = 0;
  if (!open && (!take_number(&text, UINT64_MAX, first) || *first == 0))
    return false;
  if (*text == '\0') {
    *last = *first;
    return true;
  }
  if (*text++ != '-')
    return false;
  if (*text == '\0')
    return !open; /* a hyphen alone says nothing */
  return take_number(&text, UINT64_MAX, last) && *text == '\0' && *last >= *first;
}
