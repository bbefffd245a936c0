/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands: docs/control.md tells what each does. */
#include <string.h>

#include "control/request_int.h"

/* clang-format off */
#define TEXT(n) {.name = (n), .kind = ARGUMENT_TEXT}
#define WORD(n) {.name = (n), .kind = ARGUMENT_TEXT, .optional = true}
#define REST(n) {.name = (n), .kind = ARGUMENT_REST}
#define SIZE(n) {.name = (n), .kind = ARGUMENT_SIZE}
#define FLAG(n) {.name = (n), .kind = ARGUMENT_FLAG, .optional = true}
#define NUMBER(n, most) {.name = (n), .kind = ARGUMENT_NUMBER, .max = (most)}
#define MAYBE(n, most) {.name = (n), .kind = ARGUMENT_NUMBER, .max = (most), .optional = true}

const struct control_command nvt_control_commands[] = {
    {"status", nvt_control_status, false, {{0}}},
    {"plugin load", nvt_control_plugin_load, false, {TEXT("spec"), FLAG("isolated")}},
    {"plugin unload", nvt_control_plugin_unload, false, {TEXT("name")}},
    {"plugin enable", nvt_control_plugin_enable, false, {TEXT("name")}},
    {"plugin disable", nvt_control_plugin_disable, false, {TEXT("name")}},
    {"plugin list", nvt_control_plugin_list, false, {{0}}},
    {"plugin send", nvt_control_plugin_send, false, {TEXT("name"), REST("text")}},
    {"fault add", nvt_control_fault_add, false, {REST("rule")}},
    {"fault list", nvt_control_fault_list, false, {{0}}},
    {"fault clear", nvt_control_fault_clear, false, {{0}}},
    {"namespace add", nvt_control_namespace_add, false, {TEXT("description")}},
    {"namespace remove", nvt_control_namespace_remove, false, {NUMBER("nsid", UINT32_MAX)}},
    {"namespace resize", nvt_control_namespace_resize, false,
     {NUMBER("nsid", UINT32_MAX), SIZE("size")}},
    {"inject fatal", nvt_control_inject_fatal, false, {{0}}},
    {"inject remove", nvt_control_inject_remove, false, {{0}}},
    {"inject return", nvt_control_inject_return, false, {{0}}},
    {"inject interrupt", nvt_control_inject_interrupt, false, {NUMBER("vector", 65535)}},
    {"inject event", nvt_control_inject_event, false,
     {NUMBER("type", 7), NUMBER("info", 255), NUMBER("log", 255)}},
    {"inject completion", nvt_control_inject_completion, false,
     {NUMBER("cqid", 65535), NUMBER("sqid", 65535), NUMBER("cid", 65535), NUMBER("status", 0x7ff),
      MAYBE("dw0", UINT32_MAX), MAYBE("dw1", UINT32_MAX), MAYBE("sqhd", 65535),
      MAYBE("opcode", 255)}},
    {"trace start", nvt_control_trace_start, false, {{0}}},
    {"trace open", nvt_control_trace_open, true,
     {WORD("data"), WORD("filter"), {.name = "ring", .kind = ARGUMENT_SIZE, .optional = true}}},
    {"trace close", nvt_control_trace_close, true, {NUMBER("id", UINT32_MAX)}},
    {"trace stop", nvt_control_trace_stop, false, {{0}}},
    {"trace trigger", nvt_control_trace_trigger, true, {{0}}},
    {"trace dump", nvt_control_trace_dump, true, {WORD("file")}},
    {"log", nvt_control_log, true, {TEXT("level")}},
    {"stop", nvt_control_stop, true, {{0}}},
};
/* clang-format on */
const size_t nvt_control_command_count =
    sizeof(nvt_control_commands) / sizeof(nvt_control_commands[0]);

const struct control_command *nvt_control_find(const char *name) {
  for (size_t i = 0; i < nvt_control_command_count; i++)
    if (strcmp(nvt_control_commands[i].name, name) == 0)
      return &nvt_control_commands[i];
  return NULL;
}
