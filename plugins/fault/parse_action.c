/* SPDX-License-Identifier: BSD-2-Clause */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "nvme/names.h"
#include "plugins/fault/parse_int.h"

#define STATUS_MAX 0x7ffu /* SCT << 8 | SC */

struct action_input {
  struct fault_action *action;
  bool kinds[FAULT_KINDS];
  bool executed, dnr, lasts, returns, later, mask;
};

static const char *const words[FAULT_KINDS] = {
    [FAULT_STATUS] = "status",
    [FAULT_DELAY] = "delay",
    [FAULT_DROP] = "drop",
    [FAULT_CORRUPT] = "corrupt",
    [FAULT_WRONG_ID] = "wrong_id",
    [FAULT_DUPLICATE] = "duplicate",
    [FAULT_LOSE_INTERRUPT] = "lose_interrupt",
    [FAULT_SPURIOUS_INTERRUPT] = "spurious_interrupt",
    [FAULT_READY] = "ready",
    [FAULT_FATAL] = "fatal",
    [FAULT_REMOVE] = "remove",
    [FAULT_EVENT] = "event",
    [FAULT_VALUE] = "value",
};

const char *fault_kind_word(enum fault_kind kind) {
  return words[kind];
}

static struct fault_action *chosen(void *out, enum fault_kind kind) {
  struct action_input *in = out;
  in->kinds[kind] = true;
  in->action->kind = kind;
  return in->action;
}

/* --- status --- */

static bool take_type(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  return fault_read_number(reader, path, value, 0, 7, &((uint64_t *)out)[0]);
}

static bool take_code(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  return fault_read_number(reader, path, value, 0, 255, &((uint64_t *)out)[1]);
}

static const struct fault_key status_keys[] = {{"sct", take_type}, {"sc", take_code}, {NULL, NULL}};

static bool take_status(struct fault_reader *reader, const char *path, struct json_object *value,
                        void *out) {
  struct fault_action *action = chosen(out, FAULT_STATUS);
  uint64_t status = STATUS_MAX + 1;
  if (json_object_is_type(value, json_type_object)) {
    uint64_t parts[2] = {UINT64_MAX, UINT64_MAX};
    if (!fault_read_object(reader, path, value, status_keys, parts))
      return false;
    if (parts[0] == UINT64_MAX || parts[1] == UINT64_MAX)
      return fault_refuse(reader, path, "{\"sct\": 0 to 7, \"sc\": 0 to 255} is wanted");
    status = parts[0] << 8 | parts[1];
  } else if (json_object_is_type(value, json_type_string)) {
    const char *text = json_object_get_string(value);
    if (!fault_number_in(text, &status))
      for (status = 0; status <= STATUS_MAX; status++) {
        const char *name = nvt_status_name((nvt_status)status);
        if (name != NULL && strcasecmp(name, text) == 0)
          break;
      }
  } else if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0) {
    status = json_object_get_uint64(value);
  }
  if (status > STATUS_MAX)
    return fault_refuse(reader, path,
                        "a status is wanted: its name such as \"Write Fault\", \"0x000\" to "
                        "\"0x7ff\" (SCT << 8 | SC), or {\"sct\": …, \"sc\": …}");
  action->status = (uint16_t)status;
  return true;
}

static bool take_dnr(struct fault_reader *reader, const char *path, struct json_object *value,
                     void *out) {
  struct action_input *in = out;
  in->dnr = true;
  return fault_read_bool(reader, path, value, &in->action->dnr);
}

static bool take_executed(struct fault_reader *reader, const char *path, struct json_object *value,
                          void *out) {
  struct action_input *in = out;
  in->executed = true;
  return fault_read_bool(reader, path, value, &in->action->executed);
}

static bool take_delay(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  return fault_read_duration(reader, path, value, &chosen(out, FAULT_DELAY)->ns);
}

static bool take_drop(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  (void)chosen(out, FAULT_DROP);
  return fault_read_true(reader, path, value);
}

/* --- corrupt --- */

static bool take_offset(struct fault_reader *reader, const char *path, struct json_object *value,
                        void *out) {
  return fault_read_number(reader, path, value, 0, UINT32_MAX,
                           &((struct fault_action *)out)->offset);
}

static bool take_bytes(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  uint64_t bytes;
  if (!fault_read_number(reader, path, value, 1, UINT32_MAX, &bytes))
    return false;
  ((struct fault_action *)out)->bytes = (uint32_t)bytes;
  return true;
}

static bool take_xor(struct fault_reader *reader, const char *path, struct json_object *value,
                     void *out) {
  uint64_t with;
  if (!fault_read_number(reader, path, value, 1, 255, &with))
    return false;
  ((struct fault_action *)out)->xor_with = (uint8_t)with;
  return true;
}

static bool take_direction(struct fault_reader *reader, const char *path, struct json_object *value,
                           void *out) {
  const char *text =
      json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
  uint8_t *directions = &((struct fault_action *)out)->directions;
  *directions = strcmp(text, "from-host") == 0 ? 1 : strcmp(text, "to-host") == 0 ? 2 : 0;
  return *directions != 0 || fault_refuse(reader, path, "\"from-host\" or \"to-host\" is wanted");
}

static const struct fault_key corrupt_keys[] = {{"offset", take_offset},
                                                {"bytes", take_bytes},
                                                {"xor", take_xor},
                                                {"direction", take_direction},
                                                {NULL, NULL}};

static bool take_corrupt(struct fault_reader *reader, const char *path, struct json_object *value,
                         void *out) {
  struct fault_action *action = chosen(out, FAULT_CORRUPT);
  action->bytes = 1;
  action->xor_with = 0xff;
  action->directions = 3;
  return fault_read_object(reader, path, value, corrupt_keys, action);
}

/* --- completions and interrupts --- */

static bool take_wrong_id(struct fault_reader *reader, const char *path, struct json_object *value,
                          void *out) {
  struct fault_action *action = chosen(out, FAULT_WRONG_ID);
  /* The one that is no command's: Base 2.1, section 4.1. */
  uint64_t id = UINT16_MAX;
  if (json_object_is_type(value, json_type_boolean)
          ? !fault_read_true(reader, path, value)
          : !fault_read_number(reader, path, value, 0, UINT16_MAX, &id))
    return false;
  action->id = (uint16_t)id;
  return true;
}

static bool take_duplicate(struct fault_reader *reader, const char *path, struct json_object *value,
                           void *out) {
  uint64_t times;
  if (!fault_read_number(reader, path, value, 1, 100, &times))
    return false;
  chosen(out, FAULT_DUPLICATE)->times = (uint32_t)times;
  return true;
}

static bool take_later(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  struct action_input *in = out;
  in->later = true;
  return fault_read_duration(reader, path, value, &in->action->ns);
}

static bool take_lose(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  (void)chosen(out, FAULT_LOSE_INTERRUPT);
  return fault_read_true(reader, path, value);
}

static bool take_spurious(struct fault_reader *reader, const char *path, struct json_object *value,
                          void *out) {
  uint64_t vector;
  if (!fault_read_number(reader, path, value, 0, 2047, &vector))
    return false;
  chosen(out, FAULT_SPURIOUS_INTERRUPT)->vector = (uint32_t)vector;
  return true;
}

/* --- the controller --- */

static bool take_ready(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  const char *text =
      json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
  struct fault_action *action = chosen(out, FAULT_READY);
  action->ready = strcmp(text, "stuck-1") == 0;
  return action->ready || strcmp(text, "stuck-0") == 0 ||
         fault_refuse(reader, path, "\"stuck-0\" or \"stuck-1\" is wanted");
}

static bool take_for(struct fault_reader *reader, const char *path, struct json_object *value,
                     void *out) {
  struct action_input *in = out;
  in->lasts = true;
  if (json_object_is_type(value, json_type_string) &&
      strcmp(json_object_get_string(value), "ever") == 0) {
    in->action->ns = FAULT_FOR_EVER;
    return true;
  }
  return fault_read_duration(reader, path, value, &in->action->ns);
}

static bool take_fatal(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  (void)chosen(out, FAULT_FATAL);
  return fault_read_true(reader, path, value);
}

static bool take_remove(struct fault_reader *reader, const char *path, struct json_object *value,
                        void *out) {
  (void)chosen(out, FAULT_REMOVE);
  return fault_read_true(reader, path, value);
}

static bool take_return(struct fault_reader *reader, const char *path, struct json_object *value,
                        void *out) {
  struct action_input *in = out;
  in->returns = true;
  return fault_read_duration(reader, path, value, &in->action->ns);
}

static bool take_byte(struct fault_reader *reader, const char *path, struct json_object *value,
                      uint64_t most, uint8_t *out) {
  uint64_t byte;
  if (!fault_read_number(reader, path, value, 0, most, &byte))
    return false;
  *out = (uint8_t)byte;
  return true;
}

static bool take_event_type(struct fault_reader *reader, const char *path,
                            struct json_object *value, void *out) {
  return take_byte(reader, path, value, 7, &((uint8_t *)out)[0]);
}

static bool take_event_info(struct fault_reader *reader, const char *path,
                            struct json_object *value, void *out) {
  return take_byte(reader, path, value, 255, &((uint8_t *)out)[1]);
}

static bool take_event_log(struct fault_reader *reader, const char *path, struct json_object *value,
                           void *out) {
  return take_byte(reader, path, value, 255, &((uint8_t *)out)[2]);
}

static const struct fault_key event_keys[] = {
    {"type", take_event_type}, {"info", take_event_info}, {"log", take_event_log}, {NULL, NULL}};

static bool take_event(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  return fault_read_object(reader, path, value, event_keys, chosen(out, FAULT_EVENT)->event);
}

static bool take_value(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  return fault_read_number(reader, path, value, 0, UINT64_MAX - 1,
                           &chosen(out, FAULT_VALUE)->value);
}

static bool take_mask(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  struct action_input *in = out;
  in->mask = true;
  return fault_read_number(reader, path, value, 1, UINT64_MAX - 1, &in->action->mask);
}

static const struct fault_key keys[] = {
    {"status", take_status},
    {"delay", take_delay},
    {"drop", take_drop},
    {"corrupt", take_corrupt},
    {"wrong_id", take_wrong_id},
    {"duplicate", take_duplicate},
    {"lose_interrupt", take_lose},
    {"spurious_interrupt", take_spurious},
    {"ready", take_ready},
    {"fatal", take_fatal},
    {"remove", take_remove},
    {"event", take_event},
    {"value", take_value},
    {"executed", take_executed},
    {"dnr", take_dnr},
    {"for", take_for},
    {"return", take_return},
    {"later", take_later},
    {"mask", take_mask},
    {NULL, NULL},
};

/* --- what goes together --- */

static bool is_completion_kind(enum fault_kind kind) {
  return kind == FAULT_WRONG_ID || kind == FAULT_DUPLICATE || kind == FAULT_LOSE_INTERRUPT;
}

static bool goes_with(const struct fault_match *match, enum fault_kind kind) {
  switch (kind) {
  case FAULT_STATUS:
  case FAULT_DELAY:
  case FAULT_CORRUPT:
  case FAULT_WRONG_ID:
  case FAULT_DUPLICATE:
    return match->on == FAULT_ON_COMMAND;
  case FAULT_DROP:
    return match->on == FAULT_ON_COMMAND || (match->on == FAULT_ON_REGISTER && match->write);
  case FAULT_LOSE_INTERRUPT:
    return match->on != FAULT_ON_REGISTER;
  case FAULT_VALUE:
    return match->on == FAULT_ON_REGISTER;
  default:
    return true;
  }
}

static bool agrees(struct fault_reader *reader, const struct action_input *in,
                   const struct fault_match *match) {
  struct fault_action *action = in->action;
  unsigned kinds = 0;
  for (unsigned i = 0; i < FAULT_KINDS; i++)
    kinds += in->kinds[i];
  if (kinds != 1)
    return fault_refuse(reader, "action",
                        "one of status, delay, drop, corrupt, wrong_id, "
                        "duplicate, lose_interrupt, spurious_interrupt, ready, "
                        "fatal, remove, event, value is wanted, and one only");
  if (!goes_with(match, action->kind))
    return fault_refuse(reader, "action", "\"%s\" doesn't go with a rule about %s",
                        words[action->kind],
                        match->on == FAULT_ON_COMMAND     ? "commands"
                        : match->on == FAULT_ON_INTERRUPT ? "interrupts"
                        : match->write                    ? "register writes"
                                                          : "register reads");
  if (in->dnr && action->kind != FAULT_STATUS)
    return fault_refuse(reader, "action.dnr", "it goes with \"status\"");
  if (in->lasts && action->kind != FAULT_READY)
    return fault_refuse(reader, "action.for", "it goes with \"ready\"");
  if (in->returns && action->kind != FAULT_REMOVE)
    return fault_refuse(reader, "action.return", "it goes with \"remove\"");
  if (in->later && action->kind != FAULT_DUPLICATE)
    return fault_refuse(reader, "action.later", "it goes with \"duplicate\"");
  if (in->mask && action->kind != FAULT_VALUE)
    return fault_refuse(reader, "action.mask", "it goes with \"value\"");
  uint64_t bits = match->width == 8 ? UINT64_MAX : UINT32_MAX;
  if (action->kind == FAULT_VALUE && ((action->value | action->mask) & ~bits) != 0)
    return fault_refuse(reader, "action", "the register has %u bytes, \"value\" or \"mask\" more",
                        match->width);
  if (in->executed && (match->on != FAULT_ON_COMMAND || action->kind == FAULT_CORRUPT ||
                       is_completion_kind(action->kind)))
    return fault_refuse(reader, "action.executed", "there is no choice with \"%s\" here",
                        words[action->kind]);
  if (is_completion_kind(action->kind))
    action->executed = true;
  if (action->kind == FAULT_VALUE && !in->mask)
    action->mask = bits;
  if (action->kind == FAULT_READY && !in->lasts)
    action->ns = FAULT_FOR_EVER;
  return true;
}

bool fault_read_action(struct fault_reader *reader, struct json_object *value,
                       const struct fault_match *match, struct fault_action *out) {
  *out = (struct fault_action){.kind = FAULT_KINDS};
  struct action_input in = {.action = out};
  return fault_read_object(reader, "action", value, keys, &in) && agrees(reader, &in, match);
}

bool fault_is_late(const struct fault_rule *rule) {
  return rule->action.executed;
}
