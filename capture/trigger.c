/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/trigger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/refuse_int.h"
#include "controller/namespace.h"
#include "nvme/names.h"
#include "trace/record.h"

#define REFUSE(...) (nvt_capture_refuse(-EINVAL, why, whylen, __VA_ARGS__) == 0)

/* All of the text, decimal or 0x…. */
static bool number(const char *text, uint64_t max, uint64_t *out) {
  char *rest;
  if (*text < '0' || *text > '9')
    return false;
  errno = 0;
  bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  unsigned long long value = strtoull(text, &rest, hex ? 16 : 10);
  if (errno != 0 || *rest != '\0' || value > max)
    return false;
  *out = value;
  return true;
}

bool nvt_time_parse(const char *text, uint64_t *ns) {
  static const struct {
    const char *name;
    double ns;
  } units[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {"min", 6e10}};
  size_t digits = strspn(text, "0123456789.");
  if (*text < '0' || *text > '9' || digits > 15)
    return false;
  char *rest;
  double value = strtod(text, &rest);
  if (rest != text + digits)
    return false;
  for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
    if (strcmp(rest, units[i].name) == 0 && value * units[i].ns <= (double)NVT_SPAN_NS_MAX) {
      *ns = (uint64_t)(value * units[i].ns);
      return true;
    }
  return false;
}

bool nvt_span_parse(const char *text, struct nvt_span *out) {
  *out = (struct nvt_span){0};
  if (number(text, UINT32_MAX, &out->records) || nvt_time_parse(text, &out->ns))
    return true;
  size_t length = strlen(text);
  char copy[32];
  if (length < 2 || length >= sizeof(copy) || (text[length - 1] >= '0' && text[length - 1] <= '9'))
    return false; /* a number alone is records */
  memcpy(copy, text, length + 1);
  if (copy[length - 1] == 'B')
    copy[length - 1] = '\0';
  return nvt_parse_size(copy, &out->bytes) && out->bytes <= NVT_SPAN_BYTES_MAX;
}

/* --- the parts of a condition --- */

struct parts {
  struct nvt_trigger *out;
  char filter[NVT_TRIGGER_TEXT + 1]; /* those that a filter has as well, in its words */
  bool command, event, other;
};

typedef bool part_fn(struct parts *, const char *text, char *why, size_t whylen);

static bool add_word(struct parts *parts, const char *between, const char *key, const char *text,
                     char *why, size_t whylen) {
  size_t used = strlen(parts->filter), room = sizeof(parts->filter) - used;
  parts->command = true;
  int more = snprintf(parts->filter + used, room, "%s%s%s", used > 0 ? between : "", key, text);
  return (more >= 0 && (size_t)more < room) || REFUSE("more than %u characters", NVT_TRIGGER_TEXT);
}

/* TYPE/CODE or a name, where a filter has numbers. */
static bool status_of(const char *text, unsigned *out) {
  static const enum nvt_opcode_set sets[] = {NVT_SET_ADMIN, NVT_SET_NVM, NVT_SET_KV};
  const char *slash = strchr(text, '/');
  char copy[16];
  uint64_t type, code;
  if (slash != NULL && (size_t)(slash - text) < sizeof(copy)) {
    memcpy(copy, text, (size_t)(slash - text));
    copy[slash - text] = '\0';
    if (number(copy, 7, &type) && number(slash + 1, 0xff, &code)) {
      *out = (unsigned)(type << 8 | code);
      return true;
    }
  }
  for (unsigned status = 0; status < 0x800; status++)
    for (unsigned set = 0; set < sizeof(sets) / sizeof(sets[0]); set++) {
      const char *name = nvt_status_name_in(sets[set], (nvt_status)status);
      if (name != NULL && strcasecmp(name, text) == 0) {
        *out = status;
        return true;
      }
    }
  return false;
}

static bool add_status(struct parts *parts, const char *between, const char *key, const char *text,
                       char *why, size_t whylen) {
  char digits[8];
  unsigned status;
  if (!status_of(text, &status))
    return REFUSE("status '%.64s' is neither TYPE/CODE, such as 2/0x81, nor a status' name", text);
  (void)snprintf(digits, sizeof(digits), "%u", status);
  return add_word(parts, between, key, digits, why, whylen);
}

static bool take_status(struct parts *parts, const char *text, char *why, size_t whylen) {
  return add_status(parts, ",", "status=", text, why, whylen);
}

static bool more_status(struct parts *parts, const char *text, char *why, size_t whylen) {
  return add_status(parts, "+", "", text, why, whylen);
}

/* "fatal", "dma-fault", …: the names of record.def's table; "reset" is all of them. */
static uint64_t events_of(const char *text) {
  static const struct {
    const char *rec, *field, *id;
    unsigned value;
  } rows[] = {
#define NVT_RECORD_VALUE(rec, field, value, id, name) {#rec, #field, #id, value},
#include "trace/record.def"
  };
  uint64_t found = 0;
  for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    if (strcmp(rows[i].rec, "event") != 0 || strcmp(rows[i].field, "event") != 0)
      continue;
    char id[32] = "";
    for (unsigned c = 0; rows[i].id[c] != '\0' && c + 1 < sizeof(id); c++)
      id[c] = rows[i].id[c] == '_' ? '-' : rows[i].id[c];
    bool any_reset = strcasecmp(text, "reset") == 0 && strstr(id, "RESET") != NULL;
    if ((any_reset || strcasecmp(text, id) == 0) && rows[i].value != NVT_V_event_event_TRIGGER)
      found |= UINT64_C(1) << rows[i].value;
  }
  return found;
}

static bool take_event(struct parts *parts, const char *text, char *why, size_t whylen) {
  uint64_t events = events_of(text);
  parts->out->kind = NVT_TRIGGER_EVENT;
  parts->out->events |= events;
  parts->event = true;
  return events != 0 || REFUSE("event '%.32s': there is none of that name; there are reset, fatal, "
                               "shutdown, removed, dma-fault, doorbell-fault, attach and more",
                               text);
}

static bool take_register(struct parts *parts, const char *text, char *why, size_t whylen) {
  struct nvt_trigger *out = parts->out;
  size_t count;
  const struct nvt_register_info *rows = nvt_registers(&count);
  uint64_t offset;
  out->kind = NVT_TRIGGER_REGISTER;
  parts->other = true;
  out->size = 4;
  if (number(text, UINT32_MAX - 3, &offset)) {
    out->offset = (uint32_t)offset;
    return true;
  }
  for (size_t i = 0; i < count; i++)
    if (strcasecmp(rows[i].name, text) == 0) {
      out->offset = rows[i].offset;
      out->size = rows[i].size;
      return true;
    }
  return REFUSE("reg '%.32s' is neither a register's name, such as CC, nor an offset", text);
}

static bool take_record(struct parts *parts, const char *text, char *why, size_t whylen) {
  parts->out->kind = NVT_TRIGGER_RECORD;
  parts->other = true;
  return (number(text, UINT64_MAX, &parts->out->record) && parts->out->record > 0) ||
         REFUSE("record '%.32s': a number from 1 is wanted", text);
}

static bool more_words(struct parts *parts, const char *text, char *why, size_t whylen) {
  return add_word(parts, "+", "", text, why, whylen);
}

/* Those that a filter has as they are. */
static bool take_word(struct parts *parts, const char *part, part_fn **more, char *why,
                      size_t whylen) {
  static const char *const lists[] = {"opcode=", "nsid=", "queue=", "lba="};
  *more = NULL;
  for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
    if (strncmp(part, lists[i], strlen(lists[i])) == 0)
      *more = more_words;
  return add_word(parts, ",", "", strcmp(part, "error") == 0 ? "errors" : part, why, whylen);
}

static bool is_word(const char *part) {
  static const char *const words[] = {"opcode=", "nsid=", "queue=", "lba=", "slower="};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (strncmp(part, words[i], strlen(words[i])) == 0)
      return true;
  return strcmp(part, "error") == 0 || strcmp(part, "admin") == 0 || strcmp(part, "io") == 0;
}

/* *more: how the list that came last goes on. */
static bool take_part(struct parts *parts, const char *part, part_fn **more, char *why,
                      size_t whylen) {
  static const struct {
    const char *name;
    part_fn *take, *more;
  } keys[] = {{"status=", take_status, more_status},
              {"event=", take_event, take_event},
              {"reg=", take_register, NULL},
              {"record=", take_record, NULL}};
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
    if (strncmp(part, keys[i].name, strlen(keys[i].name)) == 0) {
      *more = keys[i].more;
      return keys[i].take(parts, part + strlen(keys[i].name), why, whylen);
    }
  if (is_word(part))
    return take_word(parts, part, more, why, whylen);
  if (*more != NULL)
    return (*more)(parts, part, why, whylen);
  return REFUSE(
      "'%.48s' is no condition; there are error, status=, slower=, opcode=, queue=, nsid=, "
      "lba=, admin, io, event=, reg= and record=, with + between those that must hold "
      "together",
      part);
}

static bool take_condition(struct nvt_trigger *out, char *text, char *why, size_t whylen) {
  struct parts parts = {.out = out};
  part_fn *more = NULL;
  char *rest = text;
  for (char *part; (part = strsep(&rest, "+")) != NULL;)
    if (!take_part(&parts, part, &more, why, whylen))
      return false;
  if (parts.command + parts.event + parts.other > 1)
    return REFUSE("'%.64s': no record is all of this; give several triggers, any of which fires",
                  out->text);
  if (!nvt_trace_filter_parse(parts.filter, &out->commands, why, whylen))
    return false;
  if (parts.command && nvt_trace_filter_waits(&out->commands))
    out->kind = NVT_TRIGGER_COMPLETION;
  return true;
}

static bool take_option(struct nvt_trigger *out, const char *word, char *why, size_t whylen) {
  static const char wanted[] = "records (1000), a size (64K) or a time (10ms) are wanted";
  uint64_t times;
  if (strncmp(word, "before=", 7) == 0) {
    out->before_given = true;
    return nvt_span_parse(word + 7, &out->before) || REFUSE("%.32s: %s", word, wanted);
  }
  if (strncmp(word, "after=", 6) == 0) {
    out->after_given = true;
    return nvt_span_parse(word + 6, &out->after) || REFUSE("%.32s: %s", word, wanted);
  }
  if (strncmp(word, "times=", 6) == 0) {
    if (!number(word + 6, UINT32_MAX, &times))
      return REFUSE("%.32s: a number is wanted, 0 for no end", word);
    out->times = (uint32_t)times;
    return true;
  }
  return REFUSE("'%.32s': after the condition there may be before=, after= and times=", word);
}

bool nvt_trigger_parse(const char *text, struct nvt_trigger *out, char *why, size_t whylen) {
  *out = (struct nvt_trigger){.before = {.records = NVT_SPAN_RECORDS},
                              .after = {.records = NVT_SPAN_RECORDS},
                              .times = NVT_TRIGGER_TIMES};
  if (strlen(text) > NVT_TRIGGER_TEXT)
    return REFUSE("more than %u characters", NVT_TRIGGER_TEXT);
  memcpy(out->text, text, strlen(text) + 1);
  char copy[NVT_TRIGGER_TEXT + 1], *rest = copy;
  memcpy(copy, out->text, sizeof(copy));
  char *condition = strsep(&rest, ",");
  if (!take_condition(out, condition, why, whylen))
    return false;
  for (char *word; (word = strsep(&rest, ",")) != NULL;)
    if (!take_option(out, word, why, whylen))
      return false;
  return true;
}
