/* SPDX-License-Identifier: BSD-2-Clause */
/* Plug-ins, and the one that makes faults. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/request_int.h"
#include "controller/isolated/isolated.h"
#include "controller/tap.h"

#define FAULT "fault"
#define ANSWER 65536u /* bytes of a plug-in's */

bool nvt_control_plugin_load(const struct nvt_control_target *target,
                             const struct control_request *request, struct json_object *answer,
                             char *why, size_t whylen) {
  const char *spec = request->values[0].text;
  int error = request->values[1].number != 0
                  ? nvt_plugin_load_isolated(target->host, spec, target->isolation, why, whylen)
                  : nvt_plugin_load(target->host, spec, why, whylen);
  if (error != 0)
    return false;
  struct nvt_plugin_info plugin, last = {.name = ""};
  for (unsigned i = 0; nvt_plugin_info(target->host, i, &plugin); i++)
    last = plugin;
  nvt_control_add_text(answer, "name", last.name);
  return true;
}

/* 0, or why not. */
static bool done(int error, const char *name, char *why, size_t whylen) {
  switch (error) {
  case 0:
    return true;
  case -ENOENT:
    return nvt_control_refuse(why, whylen, "there is no plug-in '%.64s'; 'plugin list' lists them",
                              name);
  case -ESRCH:
    return nvt_control_refuse(why, whylen,
                              "the plug-in '%.64s' has died; unload it and load it again", name);
  case -ENOTSUP:
    return nvt_control_refuse(why, whylen, "the plug-in '%.64s' takes no messages", name);
  default:
    return nvt_control_refuse(why, whylen, "plug-in '%.64s': %s", name,
                              error < 0 ? strerror(-error) : "refused");
  }
}

bool nvt_control_plugin_unload(const struct nvt_control_target *target,
                               const struct control_request *request, struct json_object *answer,
                               char *why, size_t whylen) {
  (void)answer;
  const char *name = request->values[0].text;
  return done(nvt_plugin_unload(target->host, name), name, why, whylen);
}

bool nvt_control_plugin_enable(const struct nvt_control_target *target,
                               const struct control_request *request, struct json_object *answer,
                               char *why, size_t whylen) {
  (void)answer;
  const char *name = request->values[0].text;
  return done(nvt_plugin_enable(target->host, name, true), name, why, whylen);
}

bool nvt_control_plugin_disable(const struct nvt_control_target *target,
                                const struct control_request *request, struct json_object *answer,
                                char *why, size_t whylen) {
  (void)answer;
  const char *name = request->values[0].text;
  return done(nvt_plugin_enable(target->host, name, false), name, why, whylen);
}

bool nvt_control_plugin_list(const struct nvt_control_target *target,
                             const struct control_request *request, struct json_object *answer,
                             char *why, size_t whylen) {
  (void)request;
  (void)why;
  (void)whylen;
  json_object_object_add(answer, "plugins", nvt_control_plugins(target));
  return true;
}

/* The plug-in's own words go back, as an error where it says that it is one. */
static bool tell(const struct nvt_control_target *target, const char *name, const char *text,
                 struct json_object *answer, char *why, size_t whylen) {
  char *words = calloc(1, ANSWER);
  if (words == NULL)
    return nvt_control_refuse(why, whylen, "out of memory");
  int error = nvt_plugin_control(target->host, name, text, words, ANSWER);
  words[ANSWER - 1] = '\0';
  bool good = error == 0;
  if (good)
    nvt_control_add_text(answer, "answer", words);
  else if (words[0] != '\0')
    (void)snprintf(why, whylen, "%s", words);
  else
    (void)done(error, name, why, whylen);
  free(words);
  return good;
}

bool nvt_control_plugin_send(const struct nvt_control_target *target,
                             const struct control_request *request, struct json_object *answer,
                             char *why, size_t whylen) {
  return tell(target, request->values[0].text, request->values[1].text, answer, why, whylen);
}

static bool is_loaded(const struct nvt_control_target *target, const char *name) {
  struct nvt_plugin_info plugin;
  for (unsigned i = 0; nvt_plugin_info(target->host, i, &plugin); i++)
    if (strcmp(plugin.name, name) == 0)
      return true;
  return false;
}

bool nvt_control_fault_add(const struct nvt_control_target *target,
                           const struct control_request *request, struct json_object *answer,
                           char *why, size_t whylen) {
  if (!is_loaded(target, FAULT) && nvt_plugin_load(target->host, FAULT, why, whylen) != 0)
    return false;
  char *text = NULL;
  if (asprintf(&text, "add %s", request->values[0].text) < 0)
    return nvt_control_refuse(why, whylen, "out of memory");
  bool good = tell(target, FAULT, text, answer, why, whylen);
  free(text);
  return good;
}

bool nvt_control_fault_list(const struct nvt_control_target *target,
                            const struct control_request *request, struct json_object *answer,
                            char *why, size_t whylen) {
  (void)request;
  return tell(target, FAULT, "list", answer, why, whylen);
}

bool nvt_control_fault_clear(const struct nvt_control_target *target,
                             const struct control_request *request, struct json_object *answer,
                             char *why, size_t whylen) {
  (void)request;
  return tell(target, FAULT, "clear", answer, why, whylen);
}
