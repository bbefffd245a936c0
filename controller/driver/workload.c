/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/driver.h"
#include "controller/namespace.h"

#define WORDS                                                                                      \
  "rw, bs, depth, queues, count, seconds, verify, seed, interrupts, sgl, batch, timeout, host, "   \
  "trouble"

static bool number(const char *text, uint64_t low, uint64_t high, uint64_t *out) {
  uint64_t value;
  if (strcmp(text, "0") == 0)
    value = 0;
  else if (!nvt_parse_size(text, &value))
    return false;
  if (value < low || value > high)
    return false;
  *out = value;
  return true;
}

static bool on_off(const char *text, bool *out) {
  *out = strcmp(text, "on") == 0 || strcmp(text, "1") == 0;
  return *out || strcmp(text, "off") == 0 || strcmp(text, "0") == 0;
}

static bool seconds(const char *text, double *out) {
  /* strtod also takes hexadecimal, infinity and white space. */
  if (text[strspn(text, "0123456789.")] != '\0')
    return false;
  char *end;
  *out = strtod(text, &end);
  return end != text && *end == '\0' && *out > 0 && *out <= 86400;
}

static bool set_rw(const char *value, enum nvt_workload_rw *out) {
  static const char *const names[] = {
      [NVT_RW_READ] = "read",           [NVT_RW_WRITE] = "write",   [NVT_RW_RANDREAD] = "randread",
      [NVT_RW_RANDWRITE] = "randwrite", [NVT_RW_RANDRW] = "randrw",
  };
  for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (strcmp(value, names[i]) == 0) {
      *out = (enum nvt_workload_rw)i;
      return true;
    }
  return false;
}

static bool set_sgl(const char *value, enum nvt_workload_sgl *out) {
  bool off = strcmp(value, "off") == 0, on = strcmp(value, "on") == 0;
  *out = off ? NVT_SGL_OFF : on ? NVT_SGL_ON : NVT_SGL_MIXED;
  return off || on || strcmp(value, "mixed") == 0;
}

static bool set_host(const char *value, enum nvt_host *out) {
  bool naive = strcmp(value, "naive") == 0;
  *out = naive ? NVT_HOST_NAIVE : NVT_HOST_CAREFUL;
  return naive || strcmp(value, "careful") == 0;
}

static bool set_trouble(const char *value, const char **out) {
  const char *name;
  for (unsigned i = 0; (name = nvt_trouble_name(i, NULL)) != NULL; i++)
    if (strcmp(value, name) == 0) {
      *out = name;
      return true;
    }
  return false;
}

/* NULL: taken; "": no such word; else what the value has to be. */
static const char *set(struct nvt_workload *w, const char *key, const char *value) {
  uint64_t n;
  if (strcmp(key, "rw") == 0)
    return set_rw(value, &w->rw) ? NULL : "read, write, randread, randwrite or randrw";
  if (strcmp(key, "bs") == 0) {
    if (!number(value, 512, 32u << 20, &n) || n % 512 != 0)
      return "a multiple of 512, up to 32M";
    w->bs = (uint32_t)n;
    return NULL;
  }
  if (strcmp(key, "depth") == 0 || strcmp(key, "iodepth") == 0) {
    if (!number(value, 1, 1023, &n))
      return "1 to 1023";
    w->depth = (uint32_t)n;
    return NULL;
  }
  if (strcmp(key, "queues") == 0) {
    if (!number(value, 1, 64, &n))
      return "1 to 64";
    w->queues = (uint32_t)n;
    return NULL;
  }
  if (strcmp(key, "count") == 0)
    return number(value, 1, INT64_MAX, &w->count) ? NULL : "a number of I/Os, at least 1";
  if (strcmp(key, "seconds") == 0)
    return seconds(value, &w->seconds) ? NULL : "above 0, up to 86400";
  if (strcmp(key, "verify") == 0)
    return on_off(value, &w->verify) ? NULL : "on or off";
  if (strcmp(key, "seed") == 0)
    return number(value, 0, INT64_MAX, &w->seed) ? NULL : "a number";
  if (strcmp(key, "interrupts") == 0)
    return on_off(value, &w->interrupts) ? NULL : "on or off";
  if (strcmp(key, "sgl") == 0)
    return set_sgl(value, &w->sgl) ? NULL : "off, on or mixed";
  if (strcmp(key, "batch") == 0) {
    if (!number(value, 1, 1023, &n))
      return "1 to 1023";
    w->batch = (uint32_t)n;
    return NULL;
  }
  if (strcmp(key, "timeout") == 0)
    return seconds(value, &w->timeout) ? NULL : "seconds, above 0, up to 86400";
  if (strcmp(key, "host") == 0)
    return set_host(value, &w->host) ? NULL : "naive or careful";
  if (strcmp(key, "trouble") == 0)
    return set_trouble(value, &w->trouble) ? NULL : "one that 'nvmetap profiles' names";
  return "";
}

/* One "key=value", in place. */
static bool take_word(struct nvt_workload *w, char *word, char *why, size_t whylen) {
  char *equals = strchr(word, '=');
  if (equals != NULL)
    *equals = '\0';
  const char *wanted = set(w, word, equals == NULL ? "" : equals + 1);
  if (wanted == NULL)
    return true;
  if (wanted[0] == '\0')
    snprintf(why, whylen, "unknown word '%s' in the workload; there are " WORDS, word);
  else if (equals == NULL)
    snprintf(why, whylen, "%s needs a value: %s=… (%s)", word, word, wanted);
  else
    snprintf(why, whylen, "%s=%s: must be %s", word, equals + 1, wanted);
  return false;
}

bool nvt_workload_parse(const char *text, struct nvt_workload *out, char *why, size_t whylen) {
  struct nvt_workload w = {.rw = NVT_RW_RANDREAD,
                           .bs = 4096,
                           .depth = 32,
                           .queues = 1,
                           .seed = 1,
                           .interrupts = true,
                           .timeout = 30};
  char *copy = strdup(text == NULL ? "" : text);
  if (copy == NULL) {
    snprintf(why, whylen, "out of memory");
    return false;
  }
  bool good = true;
  char *next = copy;
  while (good && next != NULL && copy[0] != '\0') {
    char *word = next;
    next = strchr(word, ',');
    if (next != NULL)
      *next++ = '\0';
    good = take_word(&w, word, why, whylen);
  }
  free(copy);
  if (!good)
    return false;
  if (w.count != 0 && w.seconds > 0) {
    snprintf(why, whylen, "count and seconds exclude each other; give one of them");
    return false;
  }
  if (w.count == 0 && w.seconds == 0)
    w.count = 10000;
  if (w.trouble != NULL && w.host == NVT_HOST_USUAL) {
    snprintf(why, whylen, "trouble=%s is for host=naive or host=careful", w.trouble);
    return false;
  }
  if (w.sgl != NVT_SGL_OFF && w.host != NVT_HOST_USUAL) {
    snprintf(why, whylen,
             "sgl is for the usual host; the others' habits are those of hosts with PRPs");
    return false;
  }
  *out = w;
  return true;
}
