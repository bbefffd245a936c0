/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nvmetap taps: what there is to attach to. Names, powers and times are taps.def's rows, the
 * signatures are plugin.h's own text: what is listed is what is compiled.
 */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NPLUGIN_NO_VERSION
#include "cli/command.h"
#include "controller/plugin.h"
#include "controller/tap.h"

/* A callback's type and its arguments are two names in plugin.h; that they are the same is
 * checked here, before the type's name is made to stand for the arguments' text. */
#define SAME(type, args)                                                                           \
  _Static_assert(__builtin_types_compatible_p(nplugin_##type##_fn, int NPLUGIN_ARGS_##args), #type)
SAME(decode, DECODE);
SAME(writeback, WRITEBACK);
SAME(access, ACCESS);
SAME(msix, MSIX);
SAME(memory, MEMORY);
SAME(shadow, SHADOW);
SAME(event, EVENT);
SAME(verdict, VERDICT);
SAME(fetch, FETCH);
SAME(interrupt, INTERRUPT);
#define nplugin_decode_fn NPLUGIN_ARGS_DECODE
#define nplugin_writeback_fn NPLUGIN_ARGS_WRITEBACK
#define nplugin_access_fn NPLUGIN_ARGS_ACCESS
#define nplugin_msix_fn NPLUGIN_ARGS_MSIX
#define nplugin_memory_fn NPLUGIN_ARGS_MEMORY
#define nplugin_shadow_fn NPLUGIN_ARGS_SHADOW
#define nplugin_event_fn NPLUGIN_ARGS_EVENT
#define nplugin_verdict_fn NPLUGIN_ARGS_VERDICT
#define nplugin_fetch_fn NPLUGIN_ARGS_FETCH
#define nplugin_interrupt_fn NPLUGIN_ARGS_INTERRUPT

#define TEXT(...) #__VA_ARGS__
#define TEXT_OF(...) TEXT(__VA_ARGS__)
/* Only the arguments: the callback's name is the plug-in's. */
#define ARGUMENTS(decl) TEXT_OF(DECL_NPLUGIN_##decl())

enum { CHANGE = NVT_POWER_CHANGE, FINISH = NVT_POWER_FINISH, HOLD = NVT_POWER_HOLD };
enum { DROP = NVT_POWER_DROP };

static const struct row {
  const char *name, *declaration, *arguments, *when;
  unsigned powers;
} rows[] = {
#define NVT_TAP(id, name, member, decl, powers, when)                                              \
  {name, "DECL_NPLUGIN_" #decl, ARGUMENTS(decl), when, (powers)},
#include "controller/taps.def"
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct {
  unsigned power;
  const char *word;
} powers[] = {{CHANGE, "change"}, {FINISH, "finish"}, {HOLD, "hold"}, {DROP, "drop"}};
enum { POWERS = sizeof(powers) / sizeof(powers[0]) };

/* The preprocessor's text without the blank that a formatter leaves after a star. */
static const char *tidy(const char *text, char *out, size_t length) {
  size_t n = 0;
  for (; *text != '\0' && n + 1 < length; text++)
    if (*text != ' ' || n == 0 || out[n - 1] != '*')
      out[n++] = *text;
  out[n] = '\0';
  return out;
}

static const char *signature(const struct row *row, char out[400]) {
  char arguments[300];
  (void)snprintf(out, 400, "int f%s", tidy(row->arguments, arguments, sizeof(arguments)));
  return out;
}

static void print_text(void) {
  char text[400];
  for (unsigned i = 0; i < ROWS; i++) {
    const struct row *row = &rows[i];
    printf("%s%s\n    called  %s\n    may     ", i == 0 ? "" : "\n", row->name, row->when);
    const char *between = "";
    for (unsigned p = 0; p < POWERS; p++)
      if ((row->powers & powers[p].power) != 0) {
        printf("%s%s", between, powers[p].word);
        between = ", ";
      }
    printf("%s\n    static %s(f);\n    %s\n", row->powers == 0 ? "see only" : "", row->declaration,
           signature(row, text));
  }
}

static bool print_json(void) {
  char text[400];
  struct json_object *list = json_object_new_array();
  for (unsigned i = 0; i < ROWS; i++) {
    struct json_object *tap = json_object_new_object(), *may = json_object_new_array();
    for (unsigned p = 0; p < POWERS; p++)
      if ((rows[i].powers & powers[p].power) != 0)
        json_object_array_add(may, json_object_new_string(powers[p].word));
    json_object_object_add(tap, "name", json_object_new_string(rows[i].name));
    json_object_object_add(tap, "when", json_object_new_string(rows[i].when));
    json_object_object_add(tap, "may", may);
    json_object_object_add(tap, "declaration", json_object_new_string(rows[i].declaration));
    json_object_object_add(tap, "signature", json_object_new_string(signature(&rows[i], text)));
    json_object_array_add(list, tap);
  }
  const char *out =
      json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  bool good = out != NULL && puts(out) >= 0;
  json_object_put(list);
  return good;
}

static int taps(int argc, char **argv) {
  bool json = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") != 0)
      return nvt_usage_error("taps",
                             argv[i][0] == '-' ? "unknown option '%s'; --help lists them"
                                               : "'%s' is no option; --help lists them",
                             argv[i]);
    json = true;
  }
  if (!json)
    print_text();
  else if (!print_json())
    return NVT_EXIT_DIFFERS;
  return NVT_EXIT_OK;
}

NVT_COMMAND(taps, .name = "taps", .summary = "list the taps that plug-ins attach to",
            .usage =
                "usage: nvmetap taps [--json]\n"
                "\n"
                "Lists every tap: when its callbacks are called, what they may do (by what they\n"
                "return, and by changing what they are given), how they are declared, and the C\n"
                "signature that this gives.\n"
                "\n"
                "  --json   a list of objects with name, when, may, declaration, signature\n"
                "\n"
                "Exit status: 0 done; 2 usage.\n"
                "\n"
                "example: nvmetap taps\n",
            .run = taps, .order = 40);
