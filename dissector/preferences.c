/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preferences, and the two fields that come from them. */
#include "dissector/dissector_int.h"

#include <epan/prefs.h>
#include <wsutil/report_message.h>

#define OFFSET_SECONDS_MAX 4294967295u /* what a time stamp can be */
#define NS 1000000000u

struct nvt_preferences nvt_preferences = {
    .link_type = NVT_LINKTYPE_USER, .clock_offset = "", .vendor_table = ""};

static int hf_time = -1;
static int hf_slow = -1;
static void (*on_change)(void);
static nstime_t offset; /* both parts of one sign */
static bool offset_set;

/* Digits, at most `most` of them; *value is what they are, padded with zeros to `width` digits. */
static const char *digits(const char *at, unsigned most, unsigned width, uint64_t *value) {
  unsigned count = 0;
  *value = 0;
  for (; g_ascii_isdigit(*at); at++) {
    if (++count > most)
      return NULL;
    *value = *value * 10 + (uint64_t)(*at - '0');
  }
  for (unsigned i = count; i < width; i++)
    *value *= 10;
  return count != 0 ? at : NULL;
}

/* "-12.000000345". NULL, or what is wrong with it. */
static const char *parse_offset(const char *text, nstime_t *out) {
  bool negative = *text == '-';
  uint64_t seconds, fraction = 0;
  const char *at = digits(text + (negative || *text == '+'), 19, 0, &seconds);
  if (at == NULL)
    return "write seconds, like -12.000000345";
  if (*at == '.') {
    at = digits(at + 1, 9, 9, &fraction);
    if (at == NULL)
      return "a fraction has one to nine digits";
  }
  if (*at != '\0')
    return "write seconds and nothing else, like -12.000000345";
  if (seconds > OFFSET_SECONDS_MAX)
    return "that is more than time stamps can hold, 4294967295 seconds";
  out->secs = negative ? -(time_t)seconds : (time_t)seconds;
  out->nsecs = negative ? -(int)fraction : (int)fraction;
  return NULL;
}

static void apply(void) {
  const char *text = nvt_preferences.clock_offset;
  offset_set = false;
  if (text != NULL && *text != '\0') {
    const char *why = parse_offset(text, &offset);
    if (why != NULL)
      report_failure("NVMeTap: clock offset '%s' isn't used: %s", text, why);
    offset_set = why == NULL;
  }
  on_change();
}

static void add_time(const struct nvt_context *c) {
  nstime_t shifted = c->pinfo->abs_ts;
  nstime_add(&shifted, &offset);
  nvt_generated(proto_tree_add_time(c->tree, hf_time, c->tvb, 0, 0, &shifted));
}

static void add_slow(const struct nvt_context *c) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  uint64_t ns;
  bool one_of_both =
      c->record->header.type == NVT_REC_COMMAND || c->record->header.type == NVT_REC_COMPLETION;
  if (!one_of_both || exchange == NULL || !nvt_exchange_stage(exchange, NVT_STAGE_TOTAL, &ns) ||
      ns / 1000 < nvt_preferences.slow_us)
    return;
  nvt_generated(proto_tree_add_boolean(c->tree, hf_slow, c->tvb, 0, 0, TRUE));
}

void nvt_add_preferred(const struct nvt_context *c) {
  if (offset_set)
    add_time(c);
  if (nvt_preferences.slow_us != 0)
    add_slow(c);
}

void nvt_preferences_register(int proto, void (*changed)(void)) {
  static enum_val_t link_types[17];
  for (int i = 0; i < 16; i++)
    link_types[i] =
        (enum_val_t){wmem_strdup_printf(wmem_epan_scope(), "user%d", i),
                     wmem_strdup_printf(wmem_epan_scope(), "USER %d (%d)", i, 147 + i), i};
  on_change = changed;
  module_t *module = prefs_register_protocol(proto, apply);
  prefs_register_enum_preference(
      module, "link_type", "Link type",
      "The link type of the frames. What doesn't start with the magic number of a record is left"
      " to Wireshark's own handling of it.",
      (gint *)&nvt_preferences.link_type, link_types, FALSE);
  prefs_register_string_preference(
      module, "clock_offset", "Clock offset (seconds)",
      "What to add to the time stamps so that they are another clock's: seconds with at most nine"
      " digits of fraction, like -12.000000345. The field nvmetap.time is the sum.",
      &nvt_preferences.clock_offset);
  prefs_register_uint_preference(
      module, "slow", "Slow from (µs)",
      "Commands and completions whose latency is at least this many microseconds have the field"
      " nvmetap.slow, which colours them. 0: none has.",
      10, &nvt_preferences.slow_us);
  prefs_register_filename_preference(
      module, "vendor_table", "Vendor table",
      "A file with the names and fields of a drive's own commands, as 'nvmetap dump"
      " --vendor-table' reads it.",
      &nvt_preferences.vendor_table, FALSE);
  nvt_register_field(proto, &hf_time, "Time on the Other Clock", "nvmetap.time", FT_ABSOLUTE_TIME,
                     ABSOLUTE_TIME_UTC, NULL, 0, "Time stamp and the preference 'Clock offset'");
  nvt_register_field(proto, &hf_slow, "Slow", "nvmetap.slow", FT_BOOLEAN, BASE_NONE, NULL, 0,
                     "The latency has reached the preference 'Slow from'");
}
