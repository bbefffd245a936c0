/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "control/request_int.h"
#include "controller/namespace.h"

#define DEPTH 16 /* of nested objects and lists: a fault's rule has the most */

/* A string without a zero byte inside; NULL: it isn't one. */
static const char *text_of(struct json_object *value) {
  if (!json_object_is_type(value, json_type_string))
    return NULL;
  const char *text = json_object_get_string(value);
  return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static bool take_number(const struct control_argument *argument, struct json_object *value,
                        uint64_t *out) {
  const char *text = text_of(value);
  bool size = argument->kind == ARGUMENT_SIZE;
  if (text != NULL)
    return size ? nvt_parse_size(text, out) : nvt_control_number(text, out);
  if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
    return false;
  *out = json_object_get_uint64(value);
  return true;
}

static bool take_value(const struct control_argument *argument, struct json_object *value,
                       struct control_value *out, char *why, size_t whylen) {
  out->given = true;
  switch (argument->kind) {
  case ARGUMENT_TEXT:
  case ARGUMENT_REST:
    out->text = text_of(value);
    /* A rule may come as the object that it is. */
    if (out->text == NULL && argument->kind == ARGUMENT_REST &&
        json_object_is_type(value, json_type_object))
      out->text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    if (out->text != NULL)
      return true;
    return nvt_control_refuse(why, whylen, "'%s' has to be a string without zero bytes",
                              argument->name);
  case ARGUMENT_NUMBER:
    if (take_number(argument, value, &out->number) && out->number <= argument->max)
      return true;
    return nvt_control_refuse(why, whylen, "'%s' has to be a number from 0 to %llu", argument->name,
                              (unsigned long long)argument->max);
  case ARGUMENT_SIZE:
    if (take_number(argument, value, &out->number))
      return true;
    return nvt_control_refuse(why, whylen,
                              "'%s' has to be a size: bytes, or K, M, G or T of them as in \"64M\"",
                              argument->name);
  case ARGUMENT_FLAG:
    if (!json_object_is_type(value, json_type_boolean))
      return nvt_control_refuse(why, whylen, "'%s' has to be true or false", argument->name);
    out->number = json_object_get_boolean(value) ? 1 : 0;
    return true;
  case ARGUMENT_NONE:
    break;
  }
  return false;
}

static bool take_member(struct control_request *request, const char *name,
                        struct json_object *value, char *why, size_t whylen) {
  const struct control_argument *arguments = request->command->arguments;
  for (unsigned i = 0; i < CONTROL_ARGUMENTS && arguments[i].kind != ARGUMENT_NONE; i++)
    if (strcmp(arguments[i].name, name) == 0)
      return take_value(&arguments[i], value, &request->values[i], why, whylen);
  return nvt_control_refuse(why, whylen, "'%.64s' is no argument of '%s'", name,
                            request->command->name);
}

static struct json_object *read_json(const char *line, size_t length, char *why, size_t whylen) {
  struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
  if (tokener == NULL) {
    nvt_control_refuse(why, whylen, "out of memory");
    return NULL;
  }
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *json = json_tokener_parse_ex(tokener, line, (int)length);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  size_t end = json_tokener_get_parse_end(tokener);
  json_tokener_free(tokener);
  if (error == json_tokener_success && json != NULL && end == length &&
      json_object_is_type(json, json_type_object))
    return json;
  json_object_put(json);
  const char *problem = error == json_tokener_continue  ? "it ends in the middle"
                        : error != json_tokener_success ? json_tokener_error_desc(error)
                        : end < length                  ? "something follows it"
                                                        : "it is something else";
  nvt_control_refuse(why, whylen,
                     "a request is one JSON object, as in {\"command\":\"status\"}: %s", problem);
  return NULL;
}

bool nvt_control_parse(const char *line, size_t length, struct control_request *out, char *why,
                       size_t whylen) {
  *out = (struct control_request){.fd = -1};
  if (length > NVT_CONTROL_LINE)
    return nvt_control_refuse(why, whylen, "a request has at most %u bytes", NVT_CONTROL_LINE);
  while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL && line[length - 1] != '\0')
    length--;
  out->json = read_json(line, length, why, whylen);
  if (out->json == NULL)
    return false;
  struct json_object *name = NULL;
  const char *text = json_object_object_get_ex(out->json, "command", &name) ? text_of(name) : NULL;
  if (text == NULL)
    return nvt_control_refuse(why, whylen, "'command' is missing, or no string");
  out->command = nvt_control_find(text);
  if (out->command == NULL)
    return nvt_control_refuse(why, whylen,
                              "there is no command '%.64s'; 'nvmetap ctl --help' lists "
                              "them",
                              text);
  json_object_object_foreach(out->json, key, value) {
    if (strcmp(key, "command") != 0 && !take_member(out, key, value, why, whylen))
      return false;
  }
  const struct control_argument *arguments = out->command->arguments;
  for (unsigned i = 0; i < CONTROL_ARGUMENTS && arguments[i].kind != ARGUMENT_NONE; i++)
    if (!arguments[i].optional && !out->values[i].given)
      return nvt_control_refuse(why, whylen, "'%s' needs '%s'", out->command->name,
                                arguments[i].name);
  return true;
}

void nvt_control_clear(struct control_request *request) {
  json_object_put(request->json);
  request->json = NULL;
}

struct json_object *nvt_control_refusal(const char *why) {
  struct json_object *answer = json_object_new_object();
  if (answer == NULL)
    return NULL;
  nvt_control_add_flag(answer, "ok", false);
  nvt_control_add_text(answer, "error", why);
  return answer;
}

struct json_object *nvt_control_run(const struct nvt_control_target *target,
                                    const struct control_request *request) {
  char why[1024] = "it failed";
  struct json_object *answer = json_object_new_object();
  if (answer == NULL)
    return NULL;
  nvt_control_add_flag(answer, "ok", true);
  if (request->command->run(target, request, answer, why, sizeof(why)))
    return answer;
  json_object_put(answer);
  return nvt_control_refusal(why);
}

char *nvt_control_text(struct json_object *answer) {
  const char *text = answer == NULL
                         ? NULL
                         : json_object_to_json_string_ext(
                               answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  char *copy = text == NULL ? NULL : strdup(text);
  json_object_put(answer);
  return copy;
}

char *nvt_control_answer(const struct nvt_control_target *target, const char *line, size_t length,
                         int fd) {
  char why[1024];
  struct control_request request;
  bool good = nvt_control_parse(line, length, &request, why, sizeof(why));
  request.fd = fd;
  char *text =
      nvt_control_text(good ? nvt_control_run(target, &request) : nvt_control_refusal(why));
  nvt_control_clear(&request);
  return text;
}
