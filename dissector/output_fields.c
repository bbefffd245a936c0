/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tshark -T fields. Wireshark 4.0 makes all of a frame's tree for it, as for -V, and then looks for
 * the few fields that -e names; later ones say beforehand which, as a display filter does. Here the
 * same is done for 4.0: our part of the tree is made as for a filter that names these fields. Which
 * they are, the program's command line says, and nothing else does. Where it isn't plain what it
 * means, the whole tree is made.
 */
#include "dissector/dissector_int.h"

#include <string.h>

#include <epan/epan_dissect.h>
#include <epan/tap.h>

static int *wanted; /* fields, all that share a name that -e has */
static unsigned wanted_count;
static bool alone; /* nothing else than these is looked at */

/* The value of an option of one letter, in this argument or the next; NULL: there is none. */
static const char *value_of(char *const *argv, size_t *at) {
  if (argv[*at][2] != '\0')
    return argv[*at] + 2;
  return argv[++*at];
}

/* Every field of that name. What shows its text, not its value, needs the whole tree. */
static bool want(wmem_array_t *ids, const char *name) {
  if (g_str_has_prefix(name, "_ws.col."))
    return true;
  const header_field_info *info = proto_registrar_get_byname(name);
  if (info == NULL || info->type == FT_PROTOCOL || strcmp(name, "text") == 0)
    return false;
  while (info->same_name_prev_id != -1)
    info = proto_registrar_get_nth((unsigned)info->same_name_prev_id);
  for (; info != NULL; info = info->same_name_next)
    wmem_array_append_one(ids, info->id);
  return true;
}

/* False where the whole tree is needed. */
static bool read_arguments(char *const *argv, wmem_array_t *ids) {
  bool fields = false;
  for (size_t i = 1; argv[i] != NULL; i++) {
    const char *argument = argv[i];
    if (argument[0] != '-' || argument[1] == '-')
      continue;
    switch (argument[1]) {
    case 'T':
    case 'e': {
      const char *value = value_of(argv, &i);
      if (value == NULL || (argument[1] == 'T' ? strcmp(value, "fields") != 0 : !want(ids, value)))
        return false;
      fields |= argument[1] == 'T';
      break;
    }
    case 'X': /* a script may look at everything */
      return false;
    case 'E': /* what follows in the same argument is their value */
    case 'Y':
    case 'd':
    case 'o':
    case 'r':
    case 'w':
    case 'z':
      break;
    default:
      if (strpbrk(argument, "TeX") != NULL) /* among letters written together */
        return false;
      break;
    }
  }
  return fields;
}

static char **arguments(void) {
  char *text;
  size_t length;
  if (!g_file_get_contents("/proc/self/cmdline", &text, &length, NULL))
    return NULL;
  GPtrArray *list = g_ptr_array_new();
  for (size_t at = 0; at < length; at += strlen(text + at) + 1)
    g_ptr_array_add(list, g_strdup(text + at));
  g_ptr_array_add(list, NULL);
  g_free(text);
  return (char **)g_ptr_array_free(list, FALSE);
}

/* Scripts register fields after us: only now are all there. */
void nvt_output_fields_opened(void) {
  static bool read;
  if (read)
    return;
  read = true;
  char **argv = arguments();
  if (argv == NULL)
    return;
  wmem_array_t *ids = wmem_array_new(wmem_epan_scope(), sizeof(int));
  alone = argv[0] != NULL && read_arguments(argv, ids);
  wanted = wmem_array_get_raw(ids);
  wanted_count = wmem_array_get_count(ids);
  g_strfreev(argv);
}

bool nvt_output_fields_only(proto_tree *tree) {
  return alone && tree != NULL && PTREE_DATA(tree)->visible &&
         (union_of_tap_listener_flags() & TL_REQUIRES_PROTO_TREE) == 0;
}

void nvt_output_fields_ask(proto_tree *tree) {
  epan_dissect_t edt = {.tree = tree}; /* the one function that is exported wants it around it */
  for (unsigned i = 0; i < wanted_count; i++)
    epan_dissect_prime_with_hfid(&edt, wanted[i]);
}
