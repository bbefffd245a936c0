/* SPDX-License-Identifier: BSD-2-Clause */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "nvme/names.h"
#include "plugins/fault/parse_int.h"

#define OFTEN_MAX (1ull << 53) /* of counts: what every JSON library can write */

struct match_input {
  struct fault_match *match;
  struct json_object *opcode; /* looked at when the command set is known */
  /* keys that were there, by what they are about */
  const char *command, *reg, *interrupt, *queue;
  bool has_opcode, write, mask;
};

static bool take_admin(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  struct match_input *in = out;
  in->command = "admin";
  return fault_read_bool(reader, path, value, &in->match->admin);
}

static bool take_opcode(struct fault_reader *reader, const char *path, struct json_object *value,
                        void *out) {
  struct match_input *in = out;
  (void)reader;
  (void)path;
  in->command = "opcode";
  in->has_opcode = true;
  in->opcode = value;
  return true;
}

static bool take_queue(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  struct match_input *in = out;
  struct fault_match *match = in->match;
  bool list = json_object_is_type(value, json_type_array);
  size_t count = list ? json_object_array_length(value) : 1;
  in->queue = "queue";
  if (count < 1 || count > FAULT_QUEUES_MAX)
    return fault_refuse(reader, path, "a queue's id or a list of 1 to %u is wanted",
                        FAULT_QUEUES_MAX);
  for (size_t i = 0; i < count; i++) {
    uint64_t id;
    if (!fault_read_number(reader, path, list ? json_object_array_get_idx(value, i) : value, 0,
                           UINT16_MAX, &id))
      return false;
    match->queues[i] = (uint16_t)id;
  }
  match->queue_count = (unsigned)count;
  return true;
}

static bool take_namespace(struct fault_reader *reader, const char *path, struct json_object *value,
                           void *out) {
  struct match_input *in = out;
  uint64_t nsid;
  in->command = "namespace";
  in->match->by_namespace = true;
  if (!fault_read_number(reader, path, value, 0, UINT32_MAX, &nsid))
    return false;
  in->match->nsid = (uint32_t)nsid;
  return true;
}

static bool take_lba(struct fault_reader *reader, const char *path, struct json_object *value,
                     void *out) {
  struct match_input *in = out;
  in->command = "lba";
  in->match->by_lba = true;
  return fault_read_pair(reader, path, value, 0, UINT64_MAX - 1, in->match->lba);
}

static bool take_size(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  struct match_input *in = out;
  uint64_t size[2];
  in->command = "size";
  in->match->by_size = true;
  if (!fault_read_pair(reader, path, value, 1, 65536, size))
    return false;
  in->match->size[0] = (uint32_t)size[0];
  in->match->size[1] = (uint32_t)size[1];
  return true;
}

static bool take_register(struct fault_reader *reader, const char *path, struct json_object *value,
                          void *out) {
  struct match_input *in = out;
  in->reg = "register";
  if (!json_object_is_type(value, json_type_string))
    return fault_refuse(reader, path, "a register's name is wanted, such as \"CC\"");
  const char *name = json_object_get_string(value);
  for (uint32_t at = 0; at < NVT_REG_DOORBELLS; at += 4) {
    const struct nvt_register_info *info = nvt_register_at(at);
    if (info == NULL || info->offset != at || strcasecmp(info->name, name) != 0)
      continue;
    in->match->offset = info->offset;
    in->match->width = info->size;
    return true;
  }
  return fault_refuse(reader, path,
                      "there is no register of that name; such as CC, CSTS, AQA, ASQ "
                      "are wanted");
}

static bool take_write(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  struct match_input *in = out;
  in->write = true;
  return fault_read_bool(reader, path, value, &in->match->write);
}

static bool take_value(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  struct match_input *in = out;
  in->match->by_value = true;
  return fault_read_number(reader, path, value, 0, UINT64_MAX - 1, &in->match->value);
}

static bool take_mask(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  struct match_input *in = out;
  in->mask = true;
  return fault_read_number(reader, path, value, 1, UINT64_MAX - 1, &in->match->mask);
}

static bool take_interrupt(struct fault_reader *reader, const char *path, struct json_object *value,
                           void *out) {
  struct match_input *in = out;
  in->interrupt = "interrupt";
  return fault_read_true(reader, path, value);
}

static bool take_after(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  return fault_read_number(reader, path, value, 0, OFTEN_MAX,
                           &((struct match_input *)out)->match->after);
}

static bool take_count(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  return fault_read_number(reader, path, value, 1, OFTEN_MAX,
                           &((struct match_input *)out)->match->count);
}

static bool take_every(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  return fault_read_number(reader, path, value, 1, OFTEN_MAX,
                           &((struct match_input *)out)->match->every);
}

static bool take_probability(struct fault_reader *reader, const char *path,
                             struct json_object *value, void *out) {
  double *probability = &((struct match_input *)out)->match->probability;
  if (json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int))
    *probability = json_object_get_double(value);
  else
    *probability = -1;
  return (*probability >= 0 && *probability <= 1) ||
         fault_refuse(reader, path, "a number from 0 to 1 is wanted");
}

static const struct fault_key keys[] = {
    {"admin", take_admin},
    {"opcode", take_opcode},
    {"queue", take_queue},
    {"namespace", take_namespace},
    {"lba", take_lba},
    {"size", take_size},
    {"register", take_register},
    {"write", take_write},
    {"value", take_value},
    {"mask", take_mask},
    {"interrupt", take_interrupt},
    {"after", take_after},
    {"count", take_count},
    {"every", take_every},
    {"probability", take_probability},
    {NULL, NULL},
};

/* A number, "0x01", or the specification's name. */
static bool add_opcode(struct fault_reader *reader, struct json_object *value,
                       struct fault_match *match) {
  enum nvt_opcode_set set = match->admin ? NVT_SET_ADMIN : NVT_SET_NVM;
  uint64_t opcode = 256;
  if (json_object_is_type(value, json_type_string)) {
    const char *text = json_object_get_string(value);
    if (!fault_number_in(text, &opcode))
      for (opcode = 0; opcode < 256; opcode++) {
        const char *name = nvt_opcode_name(set, (uint8_t)opcode);
        if (name != NULL && strcasecmp(name, text) == 0)
          break;
      }
  } else if (json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0) {
    opcode = json_object_get_uint64(value);
  }
  if (opcode > 255)
    return fault_refuse(reader, "match.opcode",
                        "the name of an %s command is wanted, such as \"%s\", a number from 0 to "
                        "255 or \"0x…\", or a list of them (admin commands: with \"admin\": true)",
                        match->admin ? "admin" : "I/O", match->admin ? "Identify" : "Write");
  match->opcodes[opcode / 64] |= 1ull << opcode % 64;
  return true;
}

static bool read_opcodes(struct fault_reader *reader, const struct match_input *in) {
  struct fault_match *match = in->match;
  if (!in->has_opcode) {
    memset(match->opcodes, 0xff, sizeof(match->opcodes));
    return true;
  }
  if (!json_object_is_type(in->opcode, json_type_array))
    return add_opcode(reader, in->opcode, match);
  size_t count = json_object_array_length(in->opcode);
  if (count < 1 || count > 256)
    return fault_refuse(reader, "match.opcode", "a list has 1 to 256 opcodes");
  for (size_t i = 0; i < count; i++)
    if (!add_opcode(reader, json_object_array_get_idx(in->opcode, i), match))
      return false;
  return true;
}

static bool command_agrees(struct fault_reader *reader, const struct match_input *in) {
  const struct fault_match *match = in->match;
  if (in->write || match->by_value || in->mask)
    return fault_refuse(reader, "match", "\"write\", \"value\" and \"mask\" go with \"register\"");
  if (match->admin && (match->by_lba || match->by_size))
    return fault_refuse(reader, "match", "admin commands have no \"lba\" and no \"size\"");
  for (unsigned i = 0; i < match->queue_count; i++)
    if ((match->queues[i] == 0) != match->admin)
      return fault_refuse(
          reader, "match.queue",
          "another is wanted: queue 0 has the admin commands (\"admin\": true), the "
          "others the rest");
  return read_opcodes(reader, in);
}

static bool register_agrees(struct fault_reader *reader, const struct match_input *in) {
  struct fault_match *match = in->match;
  uint64_t bits = match->width == 8 ? UINT64_MAX : UINT32_MAX;
  if (in->queue != NULL)
    return fault_refuse(reader, "match", "a register has no \"queue\"");
  if (in->mask && !match->by_value)
    return fault_refuse(reader, "match", "\"mask\" goes with \"value\"");
  if (!in->mask)
    match->mask = bits;
  return ((match->value | match->mask) & ~bits) == 0 ||
         fault_refuse(reader, "match", "the register has %u bytes, \"value\" or \"mask\" more",
                      match->width);
}

static bool agrees(struct fault_reader *reader, const struct match_input *in) {
  struct fault_match *match = in->match;
  if ((in->command != NULL) + (in->reg != NULL) + (in->interrupt != NULL) > 1)
    return fault_refuse(reader, "match",
                        "\"%s\" and \"%s\" don't go together: a rule is about "
                        "commands, a register or interrupts",
                        in->interrupt != NULL ? in->interrupt : in->reg,
                        in->command != NULL ? in->command : in->reg);
  if (in->reg != NULL) {
    match->on = FAULT_ON_REGISTER;
    return register_agrees(reader, in);
  }
  if (in->interrupt != NULL) {
    match->on = FAULT_ON_INTERRUPT;
    return !(in->write || match->by_value || in->mask) ||
           fault_refuse(reader, "match", "\"write\", \"value\" and \"mask\" go with \"register\"");
  }
  match->on = FAULT_ON_COMMAND;
  return command_agrees(reader, in);
}

bool fault_read_match(struct fault_reader *reader, struct json_object *value,
                      struct fault_match *out) {
  struct match_input in = {.match = out};
  *out = (struct fault_match){
      .every = 1, .count = UINT64_MAX, .probability = 1, .mask = UINT64_MAX, .write = false};
  return fault_read_object(reader, "match", value, keys, &in) && agrees(reader, &in);
}
