/* SPDX-License-Identifier: BSD-2-Clause */
/* A request: parsed by one table, which the client uses too, and carried out by its function. */
#ifndef NVT_CONTROL_REQUEST_INT_H
#define NVT_CONTROL_REQUEST_INT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/control.h"
#include "control/text_int.h"

#define CONTROL_ARGUMENTS 8u

enum argument_kind {
  ARGUMENT_NONE,
  ARGUMENT_TEXT,
  ARGUMENT_REST,   /* text; on the command line all words that are left */
  ARGUMENT_NUMBER, /* 0 to max: a number, or a string with one, decimal or 0x… */
  ARGUMENT_SIZE,   /* a number of bytes, or a string as nvt_parse_size() takes it */
  ARGUMENT_FLAG,   /* true or false; on the command line the argument's name */
};

struct control_argument {
  const char *name;
  enum argument_kind kind;
  bool optional;
  uint64_t max; /* of a number */
};

struct control_request;

/* False: refused, with the reason in why. What is added to `answer` goes with it. */
typedef bool nvt_control_fn(const struct nvt_control_target *, const struct control_request *,
                            struct json_object *answer, char *why, size_t whylen);

struct control_command {
  const char *name; /* words with a space between */
  nvt_control_fn *run;
  bool anywhere; /* isn't run in the device thread, which it may wait for */
  struct control_argument arguments[CONTROL_ARGUMENTS];
};

struct control_value {
  bool given;
  const char *text;
  uint64_t number; /* of a flag: 1 */
};

struct control_request {
  const struct control_command *command;
  struct control_value values[CONTROL_ARGUMENTS]; /* as the command's arguments */
  struct json_object *json;                       /* owns the texts */
  int fd;                                         /* that came with it, borrowed; -1: none */
};

/* What came with a request. */
struct control_descriptors {
  int fd; /* the first; -1: none */
  unsigned count;
  bool cut; /* there were more, or no room in this process */
};
/* recv() without waiting, with the descriptors that come along. */
ssize_t nvt_control_receive(int socket, void *to, size_t length, struct control_descriptors *);
/* Whether they go with the request. */
bool nvt_control_descriptors_good(const struct control_descriptors *,
                                  const struct control_request *, char *why, size_t whylen);
void nvt_control_descriptors_drop(struct control_descriptors *);

extern const struct control_command nvt_control_commands[];
extern const size_t nvt_control_command_count;

/* By name; NULL: there is none. */
const struct control_command *nvt_control_find(const char *name);
/* One line. False with a reason in why. nvt_control_clear() in either case. */
bool nvt_control_parse(const char *line, size_t length, struct control_request *out, char *why,
                       size_t whylen);
void nvt_control_clear(struct control_request *);
/* Carry it out, here and now: the answer, or NULL without memory. */
struct json_object *nvt_control_run(const struct nvt_control_target *,
                                    const struct control_request *);
/* {"ok":false,"error":why} */
struct json_object *nvt_control_refusal(const char *why);
/* In one line; free() it. Takes the object. NULL: out of memory. */
char *nvt_control_text(struct json_object *answer);

/* Add to an object; a string that isn't UTF-8 gets question marks. */
void nvt_control_add_text(struct json_object *, const char *name, const char *text);
void nvt_control_add_number(struct json_object *, const char *name, uint64_t);
void nvt_control_add_hex(struct json_object *, const char *name, uint64_t, int digits);
void nvt_control_add_flag(struct json_object *, const char *name, bool);

nvt_control_fn nvt_control_status;
nvt_control_fn nvt_control_plugin_load, nvt_control_plugin_unload, nvt_control_plugin_enable,
    nvt_control_plugin_disable, nvt_control_plugin_list, nvt_control_plugin_send;
nvt_control_fn nvt_control_fault_add, nvt_control_fault_list, nvt_control_fault_clear;
nvt_control_fn nvt_control_namespace_add, nvt_control_namespace_remove,
    nvt_control_namespace_resize;
nvt_control_fn nvt_control_inject_fatal, nvt_control_inject_remove, nvt_control_inject_return,
    nvt_control_inject_interrupt, nvt_control_inject_event, nvt_control_inject_completion;
nvt_control_fn nvt_control_trace_start, nvt_control_trace_stop, nvt_control_trace_open,
    nvt_control_trace_close, nvt_control_trace_trigger, nvt_control_trace_dump, nvt_control_log,
    nvt_control_stop;

/* The live traces as a list. Device thread, or one that the device thread isn't at work beside. */
struct json_object *nvt_control_live(const struct nvt_control_target *);
/* The plug-ins as a list. */
struct json_object *nvt_control_plugins(const struct nvt_control_target *);

#endif
