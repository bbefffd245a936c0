/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules out of JSON: the text, the list, one rule. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/fault/match.h"
#include "plugins/fault/parse_int.h"

/* The text as JSON, or NULL. */
static struct json_object *parse_text(struct fault_reader *reader, const char *text,
                                      size_t length) {
  if (length > FAULT_TEXT_MAX) {
    fault_refuse(reader, "", "the rules have more than %u bytes", FAULT_TEXT_MAX);
    return NULL;
  }
  struct json_tokener *tokener = json_tokener_new_ex(FAULT_DEPTH_MAX);
  if (tokener == NULL) {
    fault_refuse(reader, "", "out of memory");
    return NULL;
  }
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *root = json_tokener_parse_ex(tokener, text, (int)length);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  if (error == json_tokener_continue) {
    fault_refuse(reader, "", "this is no whole JSON object: it ends too early");
  } else if (error != json_tokener_success) {
    size_t end = json_tokener_get_parse_end(tokener), line = 1, column = 1;
    for (size_t i = 0; i < end && i < length; i++) {
      line += text[i] == '\n';
      column = text[i] == '\n' ? 1 : column + 1;
    }
    fault_refuse(reader, "", "this is no JSON: line %zu, column %zu: %s", line, column,
                 json_tokener_error_desc(error));
  } else if (root == NULL) {
    fault_refuse(reader, "", "an object {…} is wanted");
  }
  if (error != json_tokener_success) {
    json_object_put(root);
    root = NULL;
  }
  json_tokener_free(tokener);
  return root;
}

/* --- one rule --- */

struct rule_input {
  struct fault_rule *rule;
  struct json_object *match, *action;
  bool has_match, has_action;
};

static bool take_match(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  (void)reader;
  (void)path;
  ((struct rule_input *)out)->match = value;
  ((struct rule_input *)out)->has_match = true;
  return true;
}

static bool take_action(struct fault_reader *reader, const char *path, struct json_object *value,
                        void *out) {
  (void)reader;
  (void)path;
  ((struct rule_input *)out)->action = value;
  ((struct rule_input *)out)->has_action = true;
  return true;
}

static bool take_name(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  struct fault_rule *rule = ((struct rule_input *)out)->rule;
  const char *text = fault_read_string(reader, path, value);
  if (text == NULL)
    return false;
  size_t length = strlen(text);
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)text[i] < ' ' || text[i] == 0x7f || text[i] == '"')
      length = 0;
  if (length < 1 || length > FAULT_NAME_MAX)
    return fault_refuse(reader, path, "1 to %u bytes without control characters are wanted",
                        FAULT_NAME_MAX);
  memcpy(rule->name, text, length + 1);
  return true;
}

static const struct fault_key rule_keys[] = {
    {"name", take_name}, {"match", take_match}, {"action", take_action}, {NULL, NULL}};

static bool read_rule(struct fault_reader *reader, struct json_object *value, uint64_t seed,
                      unsigned number, struct fault_rule *out) {
  struct rule_input in = {.rule = out};
  *out = (struct fault_rule){.number = number, .random = fault_random_start(seed, number)};
  (void)snprintf(reader->rule, sizeof(reader->rule), "rule %u", number);
  if (!fault_read_object(reader, "", value, rule_keys, &in))
    return false;
  if (out->name[0] != '\0')
    (void)snprintf(reader->rule, sizeof(reader->rule), "rule %u (\"%s\")", number, out->name);
  if (!in.has_match || !in.has_action)
    return fault_refuse(reader, "", "it has no \"%s\"; a rule is {\"match\": {…}, \"action\": {…}}",
                        in.has_match ? "action" : "match");
  if (!fault_read_match(reader, in.match, &out->match) ||
      !fault_read_action(reader, in.action, &out->match, &out->action))
    return false;
  out->text = strdup(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
  return out->text != NULL || fault_refuse(reader, "", "out of memory");
}

/* --- the set --- */

struct set_input {
  uint64_t seed;
  struct json_object *rules;
};

static bool take_seed(struct fault_reader *reader, const char *path, struct json_object *value,
                      void *out) {
  struct set_input *in = out;
  return fault_read_number(reader, path, value, 0, UINT64_MAX - 1, &in->seed);
}

static bool take_rules(struct fault_reader *reader, const char *path, struct json_object *value,
                       void *out) {
  ((struct set_input *)out)->rules = value;
  return json_object_is_type(value, json_type_array) ||
         fault_refuse(reader, path, "a list […] of rules is wanted");
}

static const struct fault_key set_keys[] = {
    {"seed", take_seed}, {"rules", take_rules}, {NULL, NULL}};

/* Append `count` rules; values(i) of `list`, or `single`. */
static bool append(struct fault_reader *reader, struct fault_set *set, uint64_t seed,
                   struct json_object *list, struct json_object *single) {
  size_t count = list == NULL ? 1 : json_object_array_length(list);
  if (count > FAULT_RULES_MAX - set->count)
    return fault_refuse(reader, list == NULL ? "" : "rules",
                        "%zu more would be over the %u rules that there may be", count,
                        FAULT_RULES_MAX);
  struct fault_rule *more = realloc(set->rules, (set->count + count + 1) * sizeof(*more));
  if (more == NULL)
    return fault_refuse(reader, "", "out of memory");
  set->rules = more;
  size_t done = 0;
  while (done < count &&
         read_rule(reader, list == NULL ? single : json_object_array_get_idx(list, done), seed,
                   set->last_number + (unsigned)done + 1, &more[set->count + done]))
    done++;
  if (done < count) {
    while (done-- > 0)
      free(more[set->count + done].text);
    return false;
  }
  set->seed = seed;
  set->count += (unsigned)count;
  set->last_number += (unsigned)count;
  return true;
}

bool fault_rules_parse(struct fault_set *set, const char *text, size_t length, char *why,
                       size_t whylen) {
  struct fault_reader reader = {.why = why, .whylen = whylen};
  struct json_object *root = parse_text(&reader, text, length);
  if (root == NULL)
    return false;
  struct set_input in = {.seed = set->seed};
  bool good = fault_read_object(&reader, "", root, set_keys, &in);
  if (good && in.rules == NULL)
    good = fault_refuse(&reader, "",
                        "there is no \"rules\": it is written {\"seed\": …, "
                        "\"rules\": [{\"match\": {…}, \"action\": {…}}, …]}");
  good = good && append(&reader, set, in.seed, in.rules, NULL);
  json_object_put(root);
  return good;
}

bool fault_rule_parse(struct fault_set *set, const char *text, size_t length, char *why,
                      size_t whylen) {
  struct fault_reader reader = {.why = why, .whylen = whylen};
  struct json_object *root = parse_text(&reader, text, length);
  if (root == NULL)
    return false;
  bool good = append(&reader, set, set->seed, NULL, root);
  json_object_put(root);
  return good;
}

/* All of a file, at most one byte over what is allowed. -errno. */
static ssize_t read_whole(const char *path, char *to) {
  /* A FIFO without a writer must not hang the start. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return -errno;
  struct stat status;
  ssize_t all = fstat(fd, &status) != 0 ? -errno : 0;
  if (all == 0 && !S_ISREG(status.st_mode))
    all = S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
  while (all >= 0 && all <= (ssize_t)FAULT_TEXT_MAX) {
    ssize_t got = read(fd, to + all, FAULT_TEXT_MAX + 1 - (size_t)all);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      all = got < 0 ? -errno : all;
      break;
    }
    all += got;
  }
  close(fd);
  return all;
}

bool fault_rules_read(struct fault_set *set, const char *path, char *why, size_t whylen) {
  struct fault_reader reader = {.why = why, .whylen = whylen};
  char *text = malloc(FAULT_TEXT_MAX + 1);
  if (text == NULL)
    return fault_refuse(&reader, path, "out of memory");
  ssize_t length = read_whole(path, text);
  bool good = length >= 0;
  char inner[400] = "";
  if (length < 0)
    fault_refuse(&reader, path, "%s",
                 length == -EINVAL ? "this is no file" : strerror((int)-length));
  else
    good = fault_rules_parse(set, text, (size_t)length, inner, sizeof(inner));
  if (inner[0] != '\0' && whylen > 0)
    (void)snprintf(why, whylen, "%s: %s", path, inner);
  free(text);
  return good;
}

void fault_rules_free(struct fault_set *set) {
  for (unsigned i = 0; i < set->count; i++)
    free(set->rules[i].text);
  free(set->rules);
  set->rules = NULL;
  set->count = 0;
}
