/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header's and the bodies' fields, made from trace/record.def. */
#include "dissector/dissector_int.h"
#include "trace/text.h"

#include <string.h>

enum { FORMAT_DEC, FORMAT_HEX };
enum kind { PLAIN, ENTRY, TEXT, FLAGS, TIME, ADDRESS }; /* ENTRY: commands.c takes it apart */

struct field {
  const char *record;
  const char *name;
  const char *title;
  uint8_t offset;
  uint8_t size;
  uint8_t format;
  bool array;
  bool reserved;
  enum kind kind;
  int hf;
  int ett;
  size_t first_value; /* FLAGS: its rows of values */
  size_t end_value;
};
static struct field fields[] = {
#define NVT_RECORD_FIELD(rec, type, field, off, form, title)                                       \
  {#rec, #field, (title), (off), sizeof(type), FORMAT_##form, false, false, PLAIN, -1, -1, 0, 0},
#define NVT_RECORD_ARRAY(rec, field, off, length, title)                                           \
  {#rec, #field, (title), (off), (length), FORMAT_HEX, true, false, ENTRY, -1, -1, 0, 0},
#include "trace/record.def"
};

struct value {
  const char *record;
  const char *field;
  const char *id;
  const char *name;
  uint32_t value;
  int hf;
};
static struct value values[] = {
#define NVT_RECORD_VALUE(rec, field, value, id, name) {#rec, #field, #id, (name), (value), -1},
#include "trace/record.def"
};

/* Of each record type: the name of its body, and its rows. */
struct body {
  const char *name;
  size_t first;
  size_t end;
};
static struct body bodies[NVT_REC_COUNT] = {
#define NVT_RECORD(value, id, name, size, title) [value] = {#name, 0, 0},
#include "trace/record.def"
};
static struct body header = {"header", 0, 0};

static const value_string type_names[] = {
#define NVT_RECORD(value, id, name, size, title) {(value), (title)},
#include "trace/record.def"
    {0, NULL}};

/* Published names: several bodies' fields share one. */
static const struct {
  const char *record;
  const char *field;
  const char *abbrev;
} published[] = {
    {"command", "sqid", "nvmetap.qid"},
    {"completion", "sqid", "nvmetap.qid"},
    {"data", "sqid", "nvmetap.qid"},
    {"digest", "sqid", "nvmetap.qid"},
    {"verdict", "sqid", "nvmetap.qid"},
    {"shadow", "qid", "nvmetap.qid"},
    {"queue", "qid", "nvmetap.qid"},
    {"command", "cqid", "nvmetap.cqid"},
    {"completion", "cqid", "nvmetap.cqid"},
    {"queue", "cqid", "nvmetap.cqid"},
    {"interrupt", "cqid", "nvmetap.cqid"},
    {"data", "cid", "nvmetap.cid"},
    {"digest", "cid", "nvmetap.cid"},
    {"verdict", "cid", "nvmetap.cid"},
    {"access", "offset", "nvmetap.reg.offset"},
    {"access", "value", "nvmetap.reg.value"},
    {"interrupt", "vector", "nvmetap.msix.vector"},
    {"queue", "vector", "nvmetap.msix.vector"},
    {"shadow", "value", "nvmetap.doorbell.value"},
};

static int hf_unknown = -1;
static int hf_reserved = -1;
static int hf_padding = -1;
static int ett_header = -1;

void nvt_register_field(int proto, int *id, const char *name, const char *abbrev, enum ftenum type,
                        int display, const void *strings, uint64_t mask, const char *blurb) {
  hf_register_info *info = wmem_new0(wmem_epan_scope(), hf_register_info);
  hf_register_info init = {id, {name, abbrev, type, display, strings, mask, blurb, HFILL}};
  memcpy(info, &init, sizeof(init));
  *id = -1;
  proto_register_field_array(proto, info, 1);
  nvt_wanted_field(*id);
}

char *nvt_abbrev(const char *a, const char *b, const char *c) {
  char *text = wmem_strdup_printf(wmem_epan_scope(), "nvmetap.%s%s%s%s%s", a, b != NULL ? "." : "",
                                  b != NULL ? b : "", c != NULL ? "." : "", c != NULL ? c : "");
  for (char *at = text; *at != '\0'; at++)
    *at = g_ascii_tolower(*at);
  return text;
}

const value_string *nvt_value_strings(enum nvt_values list) {
  static const value_string *made[NVT_VALUES_COUNT];
  if (list == NVT_VALUES_NONE || made[list] != NULL)
    return made[list];
  size_t count;
  const struct nvt_value_row *rows = nvt_value_rows(list, &count);
  value_string *strings = wmem_alloc0_array(wmem_epan_scope(), value_string, count + 1);
  for (size_t i = 0; i < count; i++)
    strings[i] = (value_string){rows[i].value, rows[i].name};
  return made[list] = strings;
}

const val64_string *nvt_value_strings64(enum nvt_values list) {
  if (list == NVT_VALUES_NONE)
    return NULL;
  size_t count;
  const struct nvt_value_row *rows = nvt_value_rows(list, &count);
  val64_string *strings = wmem_alloc0_array(wmem_epan_scope(), val64_string, count + 1);
  for (size_t i = 0; i < count; i++)
    strings[i] = (val64_string){rows[i].value, rows[i].name};
  return strings;
}

void nvt_subtree(int *ett) {
  *ett = -1;
  proto_register_subtree_array(&ett, 1);
}

/* Until the first file is opened: earlier Wireshark has no place to note it, and later it is the
 * user who says what is expanded. */
static wmem_list_t *expanded_at_first;

void nvt_subtree_open(int *ett) {
  nvt_subtree(ett);
  if (expanded_at_first == NULL)
    expanded_at_first = wmem_list_new(wmem_epan_scope());
  wmem_list_append(expanded_at_first, ett);
}

void nvt_expand_subtrees(void) {
  if (expanded_at_first == NULL)
    return;
  for (wmem_list_frame_t *at = wmem_list_head(expanded_at_first); at != NULL;
       at = wmem_list_frame_next(at))
    tree_expanded_set(*(int *)wmem_list_frame_data(at), TRUE);
  expanded_at_first = NULL;
}

proto_item *nvt_generated(proto_item *item) {
  proto_item_set_generated(item);
  return item;
}

const char *nvt_pci_text(uint32_t address, char out[static 16]) {
  struct nvt_text text;
  nvt_text_init(&text, out, 16);
  nvt_text_pci(&text, address);
  return out;
}

static const value_string *values_of(const struct field *field) {
  wmem_array_t *list = wmem_array_new(wmem_epan_scope(), sizeof(value_string));
  for (size_t i = 0; i < NVT_COUNT(values); i++)
    if (strcmp(values[i].record, field->record) == 0 && strcmp(values[i].field, field->name) == 0) {
      value_string row = {values[i].value, values[i].name};
      wmem_array_append_one(list, row);
    }
  if (wmem_array_get_count(list) == 0)
    return NULL;
  value_string end = {0, NULL};
  wmem_array_append_one(list, end);
  return wmem_array_get_raw(list);
}

static enum ftenum integer_type(unsigned size) {
  return size == 1 ? FT_UINT8 : size == 2 ? FT_UINT16 : size == 4 ? FT_UINT32 : FT_UINT64;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

static void register_flags(int proto, struct field *field) {
  nvt_subtree(&field->ett);
  for (size_t i = 0; i < NVT_COUNT(values); i++)
    if (strcmp(values[i].record, field->record) == 0 && strcmp(values[i].field, field->name) == 0) {
      if (field->end_value == 0)
        field->first_value = i;
      field->end_value = i + 1;
      nvt_register_field(proto, &values[i].hf, values[i].name,
                         nvt_abbrev(field->record, field->name, values[i].id), FT_BOOLEAN,
                         field->size * 8, NULL, values[i].value, NULL);
    }
}

static void register_one(int proto, struct field *field) {
  const char *abbrev = strcmp(field->record, "header") == 0
                           ? nvt_abbrev(field->name, NULL, NULL)
                           : nvt_abbrev(field->record, field->name, NULL);
  for (size_t i = 0; i < NVT_COUNT(published); i++)
    if (strcmp(published[i].record, field->record) == 0 &&
        strcmp(published[i].field, field->name) == 0)
      abbrev = published[i].abbrev;
  enum ftenum type = integer_type(field->size);
  int display = field->format == FORMAT_HEX ? BASE_HEX : BASE_DEC;
  const void *strings = NULL;
  field->reserved = g_str_has_prefix(field->name, "reserved");
  if (field->array) {
    field->kind = strcmp(field->name, "plugin") == 0 ? TEXT : ENTRY;
    type = field->kind == TEXT ? FT_STRINGZPAD : FT_BYTES;
    display = BASE_NONE;
  } else if (ends_with(field->name, "_ns")) {
    field->kind = TIME; /* nanoseconds since 1970 */
    type = FT_ABSOLUTE_TIME;
    display = ABSOLUTE_TIME_UTC;
  } else if (strcmp(field->name, "opcode") == 0) {
    field->kind = ENTRY; /* which table names it depends on the queue */
  } else if (strcmp(field->name, "pci_address") == 0) {
    field->kind = ADDRESS;
  } else if (strcmp(field->record, "header") == 0 && strcmp(field->name, "type") == 0) {
    strings = VALS(type_names);
  } else if (strcmp(field->name, "is_cq") == 0) {
    type = FT_BOOLEAN;
    display = BASE_NONE;
  } else if (ends_with(field->name, "flags")) {
    field->kind = FLAGS;
    register_flags(proto, field);
  } else {
    const value_string *named = values_of(field);
    strings = named == NULL ? NULL : VALS(named);
  }
  nvt_register_field(proto, &field->hf, field->title, abbrev, type, display, strings, 0, NULL);
}

static void find_rows(struct body *body) {
  for (size_t i = 0; i < NVT_COUNT(fields); i++)
    if (strcmp(fields[i].record, body->name) == 0) {
      if (body->end == 0)
        body->first = i;
      body->end = i + 1;
    }
}

void nvt_fields_register(int proto) {
  for (size_t i = 0; i < NVT_COUNT(fields); i++)
    register_one(proto, &fields[i]);
  find_rows(&header);
  for (size_t i = 0; i < NVT_REC_COUNT; i++)
    if (bodies[i].name != NULL)
      find_rows(&bodies[i]);
  nvt_register_field(proto, &hf_unknown, "Unknown Bytes", "nvmetap.unknown", FT_BYTES, BASE_NONE,
                     NULL, 0,
                     "Of a later version's record, of an unknown one, or of a field that was cut");
  nvt_register_field(proto, &hf_reserved, "Reserved", "nvmetap.reserved", FT_BYTES, BASE_NONE, NULL,
                     0, "Reserved bytes that are zero");
  nvt_register_field(proto, &hf_padding, "Padding", "nvmetap.padding", FT_BYTES, BASE_NONE, NULL, 0,
                     "Up to a multiple of 8 bytes");
  nvt_subtree(&ett_header);
}

/* Of bytes that are there. */
static uint64_t little(const struct nvt_context *c, int at, unsigned size) {
  uint64_t value = 0;
  memcpy(&value, c->bytes + at, size);
  return value;
}

static bool flags_asked(const struct nvt_context *c, const struct field *field) {
  bool asked = nvt_asked(c, field->hf);
  for (size_t i = field->first_value; i < field->end_value && !asked; i++)
    asked = nvt_asked(c, values[i].hf);
  return asked;
}

static void add_flags(const struct nvt_context *c, proto_tree *tree, const struct field *field,
                      int at) {
  uint64_t set = little(c, at, field->size);
  proto_item *item = nvt_add_field(c, tree, field->hf, at, field->size);
  proto_tree *bits = proto_item_add_subtree(item, field->ett);
  for (size_t i = field->first_value; i < field->end_value; i++)
    if (values[i].hf > 0) {
      nvt_add_field(c, bits, values[i].hf, at, field->size);
      if (c->visible && (set & values[i].value) != 0)
        proto_item_append_text(item, ", %s", values[i].name);
    }
}

static bool one_asked(const struct nvt_context *c, const struct field *field) {
  return field->kind == FLAGS ? flags_asked(c, field) : nvt_asked(c, field->hf);
}

static void add_one(const struct nvt_context *c, proto_tree *tree, const struct field *field,
                    int start) {
  if (!one_asked(c, field))
    return;
  int at = start + field->offset;
  switch (field->kind) {
  case PLAIN:
    nvt_add_field(c, tree, field->hf, at, field->size);
    break;
  case ENTRY:
    break;
  case TEXT:
    proto_tree_add_item(tree, field->hf, c->tvb, at, field->size, ENC_UTF_8);
    break;
  case FLAGS:
    add_flags(c, tree, field, at);
    break;
  case TIME: {
    uint64_t ns = little(c, at, 8);
    nstime_t span = {(time_t)(ns / 1000000000), (int)(ns % 1000000000)};
    proto_tree_add_time(tree, field->hf, c->tvb, at, 8, &span);
    break;
  }
  case ADDRESS: {
    char words[40];
    struct nvt_text text;
    uint32_t address = (uint32_t)little(c, at, 4);
    nvt_text_init(&text, words, sizeof(words));
    nvt_text_pci(&text, address);
    nvt_text_add(&text, " (");
    nvt_text_hex(&text, address, 8);
    nvt_text_add(&text, ")");
    nvt_add_uint_text(tree, field->hf, c->tvb, at, 4, address, words);
    break;
  }
  }
}

/* Bytes that no field has. */
static void add_rest(const struct nvt_context *c, proto_tree *tree, int hf, int at, int end) {
  if (at < end && nvt_asked(c, hf))
    proto_tree_add_item(tree, hf, c->tvb, at, end - at, ENC_NA);
}

/* Rows [first, end), from `start` on; where the last whole one ends. */
static int add_rows(const struct nvt_context *c, proto_tree *tree, size_t first, size_t end,
                    int start) {
  int done = start, zeroes = -1; /* where reserved bytes that are zero begin */
  for (size_t i = first; i < end; i++) {
    const struct field *field = &fields[i];
    int at = start + field->offset;
    if (at + field->size > c->captured)
      break;
    done = at + field->size;
    if (field->reserved && little(c, at, field->size) == 0) {
      zeroes = zeroes < 0 ? at : zeroes;
      continue;
    }
    add_rest(c, tree, hf_reserved, zeroes < 0 ? at : zeroes, at);
    zeroes = -1;
    add_one(c, tree, field, start);
  }
  add_rest(c, tree, hf_reserved, zeroes < 0 ? done : zeroes, done);
  return done;
}

void nvt_add_header(const struct nvt_context *c) {
  int length = c->captured < 32 ? c->captured : 32;
  proto_tree *tree =
      proto_tree_add_subtree(c->tree, c->tvb, 0, length, ett_header, NULL, "Record Header");
  int done = add_rows(c, tree, header.first, header.end, 0);
  int later =
      c->record->header.header_length < c->captured ? c->record->header.header_length : c->captured;
  add_rest(c, tree, hf_unknown, done, later > 32 ? later : length);
}

/* Of a record that can't be told: what add_rows() leaves to others, who don't come. */
static void add_entries(const struct nvt_context *c, size_t first, size_t end) {
  for (size_t i = first; i < end; i++)
    if (fields[i].kind == ENTRY && c->body + fields[i].offset + fields[i].size <= c->captured)
      add_rest(c, c->tree, hf_unknown, c->body + fields[i].offset,
               c->body + fields[i].offset + fields[i].size);
}

void nvt_add_body(const struct nvt_context *c, enum nvt_parse parse) {
  unsigned type = c->record->header.type;
  bool known = parse != NVT_PARSE_VERSION && type < NVT_REC_COUNT && bodies[type].name != NULL;
  int done = c->body;
  if (known)
    done = add_rows(c, c->tree, bodies[type].first, bodies[type].end, c->body);
  if (parse != NVT_PARSE_OK) {
    if (known)
      add_entries(c, bodies[type].first, bodies[type].end);
    add_rest(c, c->tree, hf_unknown, done < 32 ? 32 : done, c->captured);
  }
}

void nvt_add_rest(const struct nvt_context *c) {
  uint32_t at, length = 0;
  bool unknown;
  if (nvt_asked(c, hf_unknown) || nvt_asked(c, hf_padding))
    length = nvt_record_rest(c->record, c->bytes, &at, &unknown);
  if (length > 0)
    add_rest(c, c->tree, unknown ? hf_unknown : hf_padding, (int)at, (int)(at + length));
}
