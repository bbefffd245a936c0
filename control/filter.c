/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/filter.h"

#include <string.h>
#include <strings.h>

#include "control/text_int.h"
#include "nvme/names.h"

/* Decimal or 0x…, all of the text. */
static bool number_of(const char *text, uint32_t max, uint32_t *out) {
  uint64_t value;
  if (strlen(text) > 12 || !nvt_control_number(text, &value) || value > max)
    return false;
  *out = (uint32_t)value;
  return true;
}

static bool add_queue(struct nvt_trace_filter *out, const char *text, char *why, size_t whylen) {
  uint32_t qid;
  if (!number_of(text, UINT16_MAX, &qid))
    return nvt_control_refuse(why, whylen, "filter: queue '%.32s' is no number from 0 to 65535",
                              text);
  if (out->queue_count == NVT_FILTER_QUEUES)
    return nvt_control_refuse(why, whylen, "filter: more than %u queues", NVT_FILTER_QUEUES);
  out->queues[out->queue_count++] = (uint16_t)qid;
  return true;
}

static void add_opcode(struct nvt_trace_filter *out, unsigned set, unsigned opcode) {
  out->opcodes[set][opcode / 8] |= (uint8_t)(1u << opcode % 8);
}

/* By number: of both sets; by the specification's name: where there is one of that name. */
static bool add_opcodes(struct nvt_trace_filter *out, const char *text, char *why, size_t whylen) {
  static const enum nvt_opcode_set sets[] = {NVT_SET_ADMIN, NVT_SET_NVM, NVT_SET_KV};
  uint32_t number;
  bool found = false;
  out->by_opcode = true;
  if (number_of(text, UINT8_MAX, &number)) {
    add_opcode(out, 0, number);
    add_opcode(out, 1, number);
    return true;
  }
  for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
    for (unsigned opcode = 0; opcode <= UINT8_MAX; opcode++) {
      const char *name = nvt_opcode_name(sets[i], (uint8_t)opcode);
      if (name == NULL || strcasecmp(name, text) != 0)
        continue;
      add_opcode(out, sets[i] == NVT_SET_ADMIN ? 0 : 1, opcode);
      found = true;
    }
  return found ||
         nvt_control_refuse(
             why, whylen,
             "filter: opcode '%.64s' is neither a number from 0 to 255 nor a command's name, "
             "such as Read",
             text);
}

static bool set_nsid(struct nvt_trace_filter *out, const char *text, char *why, size_t whylen) {
  out->by_nsid = true;
  return number_of(text, UINT32_MAX, &out->nsid) ||
         nvt_control_refuse(why, whylen, "filter: nsid '%.32s' is no number from 0 to 4294967295",
                            text);
}

typedef bool add_fn(struct nvt_trace_filter *, const char *text, char *why, size_t whylen);

static bool take_list(struct nvt_trace_filter *out, add_fn *add, char *list, char *why,
                      size_t whylen) {
  for (char *item; (item = strsep(&list, "+")) != NULL;)
    if (!add(out, item, why, whylen))
      return false;
  return true;
}

static bool take_word(struct nvt_trace_filter *out, char *word, char *why, size_t whylen) {
  static const struct {
    const char *name;
    add_fn *add;
  } keys[] = {{"queue=", add_queue}, {"opcode=", add_opcodes}, {"nsid=", set_nsid}};
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
    if (strncmp(word, keys[i].name, strlen(keys[i].name)) == 0)
      return take_list(out, keys[i].add, word + strlen(keys[i].name), why, whylen);
  if (strcmp(word, "commands") == 0)
    out->no_doorbells = out->no_interrupts = true;
  else if (strcmp(word, "no-doorbells") == 0)
    out->no_doorbells = true;
  else if (strcmp(word, "no-interrupts") == 0)
    out->no_interrupts = true;
  else if (strcmp(word, "admin") == 0)
    out->admin = true;
  else if (strcmp(word, "io") == 0)
    out->io = true;
  else if (strcmp(word, "errors") == 0)
    out->errors = true;
  else if (strcmp(word, "all") != 0)
    return nvt_control_refuse(
        why, whylen,
        "filter: there is no word '%.64s'; there are all, commands, no-doorbells, "
        "no-interrupts, admin, io, queue=N, opcode=N, nsid=N and errors",
        word);
  return true;
}

bool nvt_trace_filter_parse(const char *text, struct nvt_trace_filter *out, char *why,
                            size_t whylen) {
  *out = (struct nvt_trace_filter){0};
  if (strlen(text) > NVT_FILTER_TEXT)
    return nvt_control_refuse(why, whylen, "filter: more than %u characters", NVT_FILTER_TEXT);
  memcpy(out->text, text, strlen(text) + 1);
  char copy[NVT_FILTER_TEXT + 1], *rest = copy;
  memcpy(copy, out->text, sizeof(copy));
  for (char *word; text[0] != '\0' && (word = strsep(&rest, ",")) != NULL;)
    if (!take_word(out, word, why, whylen))
      return false;
  if (out->admin && out->io)
    return nvt_control_refuse(why, whylen, "filter: 'admin' and 'io' together leave nothing");
  /* A doorbell or an interrupt is no single command's. */
  if (out->by_opcode || out->by_nsid || out->errors)
    out->no_doorbells = out->no_interrupts = true;
  return true;
}

bool nvt_trace_filter_commands(const struct nvt_trace_filter *filter) {
  return filter->admin || filter->io || filter->errors || filter->by_opcode || filter->by_nsid ||
         filter->queue_count > 0;
}

bool nvt_trace_filter_any(const struct nvt_trace_filter *filter) {
  return filter->no_doorbells || filter->no_interrupts || nvt_trace_filter_commands(filter);
}
