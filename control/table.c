/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands: docs/control.md tells what each does. */
#include <string.h>

#include "control/request_int.h"

/* clang-format off */
#define TEXT(n) {.name = (n), .kind = ARGUMENT_TEXT}
#define REST(n) {.name = (n), .kind = ARGUMENT_REST}
#define SIZE(n) {.name = (n), .kind = ARGUMENT_SIZE}
#define FLAG(n) {.name = (n), .kind = ARGUMENT_FLAG, .optional = true}
#define NUMBER(n, most) {.name = (n), .kind = ARGUMENT_NUMBER, .max = (most)}
#define MAYBE(n, most) {.name = (n), .kind = ARGUMENT_NUMBER, .max = (most), .optional = true}

const struct control_command control_commands[] = {
    {"status", control_status, false, {{0}}},
    {"plugin load", control_plugin_load, false, {TEXT("spec"), FLAG("isolated")}},
    {"plugin unload", control_plugin_unload, false, {TEXT("name")}},
    {"plugin enable", control_plugin_enable, false, {TEXT("name")}},
    {"plugin disable", control_plugin_disable, false, {TEXT("name")}},
    {"plugin list", control_plugin_list, false, {{0}}},
    {"plugin send", control_plugin_send, false, {TEXT("name"), REST("text")}},
    {"fault add", control_fault_add, false, {REST("rule")}},
    {"fault list", control_fault_list, false, {{0}}},
    {"fault clear", control_fault_clear, false, {{0}}},
    {"namespace add", control_namespace_add, false, {TEXT("description")}},
    {"namespace remove", control_namespace_remove, false, {NUMBER("nsid", UINT32_MAX)}},
    {"namespace resize", control_namespace_resize, false,
     {NUMBER("nsid", UINT32_MAX), SIZE("size")}},
    {"inject fatal", control_inject_fatal, false, {{0}}},
    {"inject remove", control_inject_remove, false, {{0}}},
    {"inject return", control_inject_return, false, {{0}}},
    {"inject interrupt", control_inject_interrupt, false, {NUMBER("vector", 65535)}},
    {"inject event", control_inject_event, false,
     {NUMBER("type", 7), NUMBER("info", 255), NUMBER("log", 255)}},
    {"inject completion", control_inject_completion, false,
     {NUMBER("cqid", 65535), NUMBER("sqid", 65535), NUMBER("cid", 65535), NUMBER("status", 0x7ff),
      MAYBE("dw0", UINT32_MAX), MAYBE("dw1", UINT32_MAX), MAYBE("sqhd", 65535),
      MAYBE("opcode", 255)}},
    {"trace start", control_trace_start, false, {{0}}},
    {"trace stop", control_trace_stop, false, {{0}}},
    {"log", control_log, true, {TEXT("level")}},
    {"stop", control_stop, true, {{0}}},
};
/* clang-format on */
const size_t control_command_count = sizeof(control_commands) / sizeof(control_commands[0]);

const struct control_command *control_find(const char *name) {
  for (size_t i = 0; i < control_command_count; i++)
    if (strcmp(control_commands[i].name, name) == 0)
      return &control_commands[i];
  return NULL;
}
