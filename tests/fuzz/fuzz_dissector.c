/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plug-in inside libwireshark, as a window uses it: frames are read once, in order, with
 * columns, filter and tables of the Statistics menu; then each is looked at with all details, and
 * then with the tree that a filter for one field makes. The plug-in is linked in, with sanitizers;
 * Wireshark's memory comes from malloc(), so that they watch that as well.
 *
 * What must hold whatever comes: no dissector bug (they abort), no exception from our code, a text
 * for each item, and a filter finds a field where the tree shows it and nowhere else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <ws_version.h>

#include <epan/column-info.h>
#include <epan/column.h>
#include <epan/dfilter/dfilter.h>
#include <epan/epan.h>
#include <epan/epan_dissect.h>
#include <epan/packet.h>
#include <epan/prefs.h>
#include <epan/print.h>
#include <epan/proto.h>
#include <epan/stat_tap_ui.h>
#include <epan/tap.h>
#include <epan/timestamp.h>
#include <sanitizer/allocator_interface.h>
#include <wiretap/wtap.h>
#include <wsutil/filesystem.h>
#include <wsutil/privileges.h>
#include <wsutil/wslog.h>

#include "tests/fuzz/frames.h"
#include "tests/fuzz/mutate_frames.h"

/* Of the plug-in's, which is linked in. */
void plugin_register(void);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define NOBODY 65534
#define LINK_TYPE (WTAP_ENCAP_USER0 + 12)

/* The bits of an input's first byte. */
enum {
  FIRST_WITH_TREE = 1,
  FIRST_WITH_FILTER = 2,
  FIRST_WITH_TABLES = 4,
  THEN_WITH_TABLES = 8,
  ANY_FIELD = 16,
  BACKWARD = 32, /* frames are looked at from the last to the first */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const filter_texts[] = {
    "nvmetap.latency > 0",
    "nvmetap.prp == 0x1000 || nvmetap.slba == 8",
    "nvme.cmd.opc == 2",
    "nvmetap.check.rule",
    "_ws.expert",
    "nvmetap.status != 0 && nvmetap.opcode.name contains \"Id\"",
    "nvmetap.response_in || nvmetap.response_to || nvmetap.doorbell_in",
    "nvmetap",
};
static const char *const table_names[] = {"nvmetap,latency", "nvmetap,queues", "nvmetap,namespaces",
                                          "nvmetap,statuses"};

static dfilter_t *filters[COUNT(filter_texts)];
static column_info columns;
static int malformed, json, ours, builtin; /* protocols */
static int first_field;
static unsigned field_count;

/* --- the file that is open --- */

struct packet_provider_data {
  frame_data frames[FRAMES_MAX];
};

static struct packet_provider_data file;
static struct input_frames input;

static const nstime_t *frame_time(struct packet_provider_data *provider, guint32 number) {
  return number >= 1 && number <= input.count ? &provider->frames[number - 1].abs_ts : NULL;
}

/* --- one frame --- */

#define SHOWN_MAX 512u

struct look {
  int shown[SHOWN_MAX]; /* fields of ours, and of nvme.* */
  unsigned count;
  bool malformed, json;
};

struct visit {
  epan_dissect_t *edt;
  struct look *look;
};

static void look_at_item(proto_node *node, gpointer data) {
  struct visit *visit = data;
  struct look *look = visit->look;
  field_info *info = PNODE_FINFO(node);
  if (info != NULL) {
    char label[ITEM_LABEL_LENGTH];
    if (info->rep == NULL)
      proto_item_fill_label(info, label);
    g_free(get_node_field_value(info, visit->edt));
    if ((info->hfinfo->parent == ours || info->hfinfo->parent == builtin) &&
        look->count < SHOWN_MAX)
      look->shown[look->count++] = info->hfinfo->id;
    /* A hidden one comes with expert information of ours. */
    look->malformed |= info->hfinfo->id == malformed && !FI_GET_FLAG(info, FI_HIDDEN);
    look->json |= info->hfinfo->id == json;
  }
  proto_tree_children_foreach(node, look_at_item, visit);
}

/* The bytes are a copy of their very size, so that one too many that is read is seen. */
static void dissect(epan_dissect_t *edt, unsigned index, column_info *cinfo, bool tables) {
  const struct input_frame *in = &input.frames[index];
  frame_data *fd = &file.frames[index];
  wtap_rec rec;
  wtap_rec_init(&rec);
  rec.rec_type = REC_TYPE_PACKET;
  rec.presence_flags = WTAP_HAS_TS | WTAP_HAS_CAP_LEN;
  rec.ts = fd->abs_ts;
  rec.tsprec = WTAP_TSPREC_NSEC;
  rec.rec_header.packet_header.caplen = fd->cap_len;
  rec.rec_header.packet_header.len = fd->pkt_len;
  rec.rec_header.packet_header.pkt_encap = LINK_TYPE;
  uint8_t *copy = malloc(in->captured);
  if (copy == NULL && in->captured != 0)
    abort();
  if (in->captured != 0)
    memcpy(copy, in->bytes, in->captured);
  tvbuff_t *tvb = tvb_new_real_data(copy, fd->cap_len, (int)fd->pkt_len);
  tvb_set_free_cb(tvb, free);
  (tables ? epan_dissect_run_with_taps : epan_dissect_run)(edt, 0, &rec, tvb, fd, cinfo);
  if (cinfo != NULL)
    epan_dissect_fill_in_columns(edt, FALSE, TRUE);
  wtap_rec_cleanup(&rec);
}

static int64_t step_ns(uint8_t step) {
  return step == 255 ? -1000000 : (int64_t)step * step * step * step;
}

static void open_frames(epan_t *session, dfilter_t *filter) {
  int64_t now = 1800000000123456000;
  nstime_t elapsed = NSTIME_INIT_ZERO;
  const frame_data *reference = NULL, *previous = NULL;
  guint32 bytes = 0;
  bool tree = (input.head[0] & FIRST_WITH_TREE) != 0;
  bool filtered = (input.head[0] & FIRST_WITH_FILTER) != 0;
  for (unsigned i = 0; i < input.count; i++) {
    frame_data *fd = &file.frames[i];
    wtap_rec rec;
    wtap_rec_init(&rec);
    now += step_ns(input.frames[i].step);
    rec.rec_type = REC_TYPE_PACKET;
    rec.presence_flags = WTAP_HAS_TS | WTAP_HAS_CAP_LEN;
    rec.ts = (nstime_t){.secs = now / 1000000000, .nsecs = (int)(now % 1000000000)};
    rec.tsprec = WTAP_TSPREC_NSEC;
    rec.rec_header.packet_header.caplen = input.frames[i].captured;
    rec.rec_header.packet_header.len = input.frames[i].captured + input.frames[i].missing;
    frame_data_init(fd, i + 1, &rec, 0, bytes);
    wtap_rec_cleanup(&rec);
    frame_data_set_before_dissect(fd, &elapsed, &reference, previous);
    previous = fd;
    epan_dissect_t edt;
    epan_dissect_init(&edt, session, tree || filtered, FALSE);
    if (filtered)
      epan_dissect_prime_with_dfilter(&edt, filter);
    dissect(&edt, i, &columns, (input.head[0] & FIRST_WITH_TABLES) != 0);
    if (filtered)
      fd->passed_dfilter = dfilter_apply_edt(filter, &edt) != FALSE;
    frame_data_set_after_dissect(fd, &bytes);
    epan_dissect_cleanup(&edt);
  }
}

/* All details of a frame. */
static void look_at(epan_t *session, unsigned index, struct look *look) {
  epan_dissect_t edt;
  epan_dissect_init(&edt, session, TRUE, TRUE);
  dissect(&edt, index, &columns, (input.head[0] & THEN_WITH_TABLES) != 0);
  struct visit visit = {.edt = &edt, .look = look};
  look->count = 0;
  look->malformed = look->json = false;
  proto_tree_children_foreach(edt.tree, look_at_item, &visit);
  if (look->malformed && !look->json) {
    fprintf(stderr, "frame %u: an exception\n", index + 1);
    abort();
  }
  epan_dissect_cleanup(&edt);
}

static void filter_for(epan_t *session, unsigned index, int field, const struct look *look) {
  epan_dissect_t edt;
  epan_dissect_init(&edt, session, TRUE, FALSE);
  epan_dissect_prime_with_hfid(&edt, field);
  dissect(&edt, index, NULL, false);
  const GPtrArray *list = proto_get_finfo_ptr_array(edt.tree, field);
  unsigned found = list != NULL ? list->len : 0, shown = 0;
  for (unsigned i = 0; i < look->count; i++)
    shown += look->shown[i] == field;
  if (found != shown && look->count < SHOWN_MAX) {
    fprintf(stderr, "frame %u: %s is shown %u times and found %u times\n", index + 1,
            proto_registrar_get_nth((guint)field)->abbrev, shown, found);
    abort();
  }
  epan_dissect_cleanup(&edt);
}

/* One of the fields that the frame shows, or any other. */
static int field_to_find(unsigned index, const struct look *look) {
  unsigned number = input.head[2] + 61u * index;
  if (look->count == 0 || (input.head[0] & ANY_FIELD) != 0)
    return first_field + (int)((number + input.head[3] * 256u) % field_count);
  return look->shown[number % look->count];
}

static void run(const uint8_t *bytes, size_t length) {
  static const struct packet_provider_funcs functions = {.get_frame_ts = frame_time};
  frames_read(bytes, length, &input);
  memset(&file, 0, sizeof(file));
  epan_t *session = epan_new(&file, &functions);
  reset_tap_listeners();
  open_frames(session, filters[input.head[1] % COUNT(filters)]);
  reset_tap_listeners();
  for (unsigned i = 0; i < input.count; i++) {
    unsigned index = (input.head[0] & BACKWARD) != 0 ? input.count - 1 - i : i;
    static struct look look;
    look_at(session, index, &look);
    filter_for(session, index, field_to_find(index, &look), &look);
  }
  for (unsigned i = 0; i < input.count; i++)
    frame_data_destroy(&file.frames[i]);
  epan_free(session);
}

/* With NVT_TELL_KEPT in the environment it says what a file leaves in memory when it is closed. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static int tell = -1;
  if (tell < 0)
    tell = getenv("NVT_TELL_KEPT") != NULL;
  size_t before = __sanitizer_get_current_allocated_bytes();
  run(bytes, length);
  if (tell)
    fprintf(stderr, "kept %td bytes\n",
            (ptrdiff_t)(__sanitizer_get_current_allocated_bytes() - before));
  return 0;
}

/* --- Wireshark is started --- */

static void empty_table(void *data) {
  stat_data_t *table = data;
  reset_stat_table(table->stat_tap_data);
}

static void prefer(const char *text) {
  char *copy = g_strdup(text), *error = NULL;
  if (prefs_set_pref(copy, &error) != PREFS_SET_OK) {
    fprintf(stderr, "%s: %s\n", text, error != NULL ? error : "not set");
    exit(1);
  }
  g_free(copy);
}

static void open_table(stat_data_t *table, const char *name) {
  stat_tap_table_ui *ui = stat_tap_by_name(name);
  if (ui == NULL) {
    fprintf(stderr, "there is no table %s\n", name);
    exit(1);
  }
  table->stat_tap_data = ui;
  ui->stat_tap_init_cb(ui);
  GString *error =
      register_tap_listener(ui->tap_name, table, NULL, 0, empty_table, ui->packet_func, NULL, NULL);
  if (error != NULL) {
    fprintf(stderr, "%s: %s\n", name, error->str);
    exit(1);
  }
}

static void compile(const char *text, dfilter_t **filter) {
  gchar *error = NULL;
  if (!dfilter_compile(text, filter, &error) || *filter == NULL) {
    fprintf(stderr, "%s: %s\n", text, error != NULL ? error : "empty");
    exit(1);
  }
}

/* No person's settings, and no lists of vendors, which are read again, and kept, with each file
 * that is opened; bugs abort; each allocation is malloc()'s. */
static void start_wireshark(const char *program) {
  static const char *const settings[][2] = {{"HOME", "/nonexistent"},
                                            {"XDG_CONFIG_HOME", "/nonexistent"},
                                            {"WIRESHARK_DATA_DIR", "/nonexistent"},
                                            {"WIRESHARK_ABORT_ON_DISSECTOR_BUG", "1"},
                                            {"WIRESHARK_DEBUG_WMEM_OVERRIDE", "simple"}};
  for (size_t i = 0; i < COUNT(settings); i++)
    setenv(settings[i][0], settings[i][1], 1);
  ws_log_init("fuzz_dissector", NULL);
  /* It wouldn't follow these settings for root, and remembers who it was. */
  bool root = geteuid() == 0;
  if (root && (setresgid(NOBODY, NOBODY, 0) != 0 || setresuid(NOBODY, NOBODY, 0) != 0))
    abort();
  init_process_policies();
  if (root && (setresuid(0, 0, 0) != 0 || setresgid(0, 0, 0) != 0))
    abort();
  g_free(configuration_init(program, NULL));
  timestamp_set_type(TS_RELATIVE);
  timestamp_set_precision(TS_PREC_AUTO);
  timestamp_set_seconds_type(TS_SECONDS_DEFAULT);
  wtap_init(FALSE);
  plugin_register();
  if (!epan_init(NULL, NULL, FALSE)) {
    fprintf(stderr, "Wireshark doesn't start\n");
    exit(1);
  }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  static stat_data_t tables[COUNT(table_names)];
  (void)argc;
  start_wireshark((*argv)[0]);
  prefer("nvmetap.slow:1");
  prefer("nvmetap.clock_offset:-1.5");
  prefer("nvmetap.vendor_table:samples/vendor-table.json");
  prefs_apply_all();
  build_column_format_array(&columns, prefs.num_cols, TRUE);
  for (size_t i = 0; i < COUNT(filter_texts); i++)
    compile(filter_texts[i], &filters[i]);
  for (size_t i = 0; i < COUNT(table_names); i++)
    open_table(&tables[i], table_names[i]);
  malformed = proto_get_id_by_filter_name("_ws.malformed");
  json = proto_get_id_by_filter_name("json");
  ours = proto_get_id_by_filter_name("nvmetap");
  builtin = proto_get_id_by_filter_name("nvme");
  void *cookie;
  for (const header_field_info *field = proto_get_first_protocol_field(ours, &cookie);
       field != NULL; field = proto_get_next_protocol_field(ours, &cookie)) {
    first_field = field_count++ == 0 ? field->id : first_field;
  }
  return 0;
}
