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

/* "A-B", or one block. */
static bool add_range(struct nvt_trace_filter *out, const char *text, char *why, size_t whylen) {
  char low[24];
  const char *dash = strchr(text, '-');
  size_t length = dash == NULL ? strlen(text) : (size_t)(dash - text);
  struct nvt_filter_range range = {0};
  bool good = length < sizeof(low);
  if (good) {
    memcpy(low, text, length);
    low[length] = '\0';
    good = nvt_control_number(low, &range.first) &&
           nvt_control_number(dash == NULL ? low : dash + 1, &range.last) &&
           range.first <= range.last;
  }
  if (!good)
    return nvt_control_refuse(why, whylen,
                              "filter: lba '%.48s' is neither a block's number nor A-B, from the "
                              "first to the last block, such as 0-2047",
                              text);
  if (out->range_count == NVT_FILTER_QUEUES)
    return nvt_control_refuse(why, whylen, "filter: more than %u ranges of blocks",
                              NVT_FILTER_QUEUES);
  out->ranges[out->range_count++] = range;
  return true;
}

static bool add_status(struct nvt_trace_filter *out, const char *text, char *why, size_t whylen) {
  uint32_t status;
  if (!number_of(text, 0x7ff, &status))
    return nvt_control_refuse(why, whylen,
                              "filter: status '%.32s' is no number from 0 to 0x7ff: Status Code "
                              "Type * 256 + Status Code",
                              text);
  if (out->status_count == NVT_FILTER_QUEUES)
    return nvt_control_refuse(why, whylen, "filter: more than %u statuses", NVT_FILTER_QUEUES);
  out->statuses[out->status_count++] = (uint16_t)status;
  return true;
}

static bool set_slower(struct nvt_trace_filter *out, const char *text, char *why, size_t whylen) {
  static const struct {
    const char *name;
    uint64_t ns;
  } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
  size_t digits = strspn(text, "0123456789");
  char number[24];
  out->slower = true;
  for (size_t i = 0; digits < sizeof(number) && i < sizeof(units) / sizeof(units[0]); i++) {
    if (strcmp(text + digits, units[i].name) != 0)
      continue;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (nvt_control_number(number, &out->slower_ns) &&
        !__builtin_mul_overflow(out->slower_ns, units[i].ns, &out->slower_ns))
      return true;
  }
  return nvt_control_refuse(
      why, whylen,
      "filter: slower '%.32s' is no time: a number with ns, us, ms or s, such "
      "as 500us",
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
  } keys[] = {{"queue=", add_queue}, {"opcode=", add_opcodes}, {"nsid=", set_nsid},
              {"lba=", add_range},   {"status=", add_status},  {"slower=", set_slower}};
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
    if (strncmp(word, keys[i].name, strlen(keys[i].name)) == 0)
      return take_list(out, keys[i].add, word + strlen(keys[i].name), why, whylen);
  const struct {
    const char *name;
    bool *sets[2];
  } flags[] = {{"commands", {&out->no_doorbells, &out->no_interrupts}},
               {"doorbells", {&out->no_commands, &out->no_interrupts}},
               {"no-doorbells", {&out->no_doorbells, NULL}},
               {"no-interrupts", {&out->no_interrupts, NULL}},
               {"metadata", {&out->no_lists, NULL}},
               {"admin", {&out->admin, NULL}},
               {"io", {&out->io, NULL}},
               {"errors", {&out->errors, NULL}},
               {"all", {NULL, NULL}}};
  for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
    if (strcmp(word, flags[i].name) != 0)
      continue;
    for (unsigned n = 0; n < 2 && flags[i].sets[n] != NULL; n++)
      *flags[i].sets[n] = true;
    return true;
  }
  return nvt_control_refuse(
      why, whylen,
      "filter: there is no word '%.64s'; there are all, commands, doorbells, no-doorbells, "
      "no-interrupts, metadata, admin, io, queue=N, opcode=N, nsid=N, lba=A-B, status=N, "
      "slower=TIME and errors",
      word);
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
  if (nvt_trace_filter_looks(out) || nvt_trace_filter_waits(out))
    out->no_doorbells = out->no_interrupts = true;
  /* They go by before it is known whether the command is wanted. */
  if (nvt_trace_filter_waits(out) || out->no_commands)
    out->no_lists = true;
  if (out->no_commands && out->no_doorbells)
    return nvt_control_refuse(why, whylen,
                              "filter: 'doorbells' are no command's: with a word that chooses "
                              "commands, or leaves doorbells out, nothing is left");
  return true;
}

bool nvt_trace_filter_waits(const struct nvt_trace_filter *filter) {
  return filter->errors || filter->slower || filter->status_count > 0;
}

bool nvt_trace_filter_looks(const struct nvt_trace_filter *filter) {
  return filter->by_opcode || filter->by_nsid || filter->range_count > 0;
}

bool nvt_trace_filter_commands(const struct nvt_trace_filter *filter) {
  return filter->admin || filter->io || filter->queue_count > 0 || filter->no_commands ||
         nvt_trace_filter_looks(filter) || nvt_trace_filter_waits(filter);
}

bool nvt_trace_filter_queues(const struct nvt_trace_filter *filter) {
  return nvt_trace_filter_commands(filter) && !filter->no_commands &&
         !nvt_trace_filter_looks(filter) && !nvt_trace_filter_waits(filter);
}

bool nvt_trace_filter_any(const struct nvt_trace_filter *filter) {
  return filter->no_doorbells || filter->no_interrupts || filter->no_lists ||
         nvt_trace_filter_commands(filter);
}

bool nvt_trace_filter_agrees(const struct nvt_trace_filter *filter, enum nvt_trace_data data,
                             char *why, size_t whylen) {
  if (data == NVT_TRACE_DATA_NONE)
    return true;
  if (nvt_trace_filter_waits(filter))
    return nvt_control_refuse(why, whylen,
                              "data goes by before a command ends: with the filters 'errors', "
                              "'slower' and 'status' none can be recorded");
  if (filter->no_lists || filter->no_commands)
    return nvt_control_refuse(
        why, whylen, "the filter '%s' is for traces without data: leave out the one or the other",
        filter->no_commands ? "doorbells" : "metadata");
  return true;
}
