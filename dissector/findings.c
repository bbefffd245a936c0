/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What trace/checks/ finds, as expert information. The rules run once, while the file is read;
 * what they find is kept by the frame that it is about, which may be an earlier one: the second
 * pass shows it there.
 */
#include "dissector/dissector_int.h"
#include "trace/checks.h"

#include <string.h>

struct found {
  struct found *next;
  uint32_t rule; /* index */
  uint32_t related;
  char text[];
};

static int hf_rule = -1;
static int hf_related = -1;
static expert_field *experts; /* by rule */
static struct nvt_checks *checks;
static wmem_map_t *by_frame; /* frame number: the first of its list */
/* While a command that is open is looked at: where its findings go. */
static struct found **opening;
static wmem_allocator_t *opening_pool;

/* "nvmetap.check.doorbell_out_of_range": a hyphen would be a minus in a filter. */
static const char *field_name(const char *id) {
  char *name = wmem_strdup_printf(wmem_epan_scope(), "nvmetap.check.%s", id);
  for (char *c = name; *c != '\0'; c++)
    if (*c == '-')
      *c = '_';
  return name;
}

static int severity_of(enum nvt_severity severity) {
  switch (severity) {
  case NVT_SEVERITY_NOTE:
    return PI_NOTE;
  case NVT_SEVERITY_WARNING:
    return PI_WARN;
  default:
    return PI_ERROR;
  }
}

void nvt_findings_register(int proto) {
  nvt_register_field(proto, &hf_rule, "Rule", "nvmetap.check.rule", FT_STRING, BASE_NONE, NULL, 0,
                     "Rule that found something, as nvmetap check names it");
  nvt_register_field(proto, &hf_related, "See also", "nvmetap.check.related", FT_FRAMENUM,
                     BASE_NONE, NULL, 0, "Another record that a finding has to do with");
  size_t count = nvt_check_count();
  experts = wmem_alloc_array(wmem_epan_scope(), expert_field, count);
  ei_register_info *rows = wmem_alloc0_array(wmem_epan_scope(), ei_register_info, count);
  for (size_t i = 0; i < count; i++) {
    const struct nvt_check_info *rule = nvt_check_at(i);
    experts[i] = (expert_field)EI_INIT;
    rows[i] = (ei_register_info){&experts[i],
                                 {field_name(rule->id), rule->sequence ? PI_SEQUENCE : PI_PROTOCOL,
                                  severity_of(rule->severity), rule->title, EXPFILL}};
  }
  expert_register_field_array(expert_register_protocol(proto), rows, (int)count);
}

static void on_found(void *ctx _U_, const struct nvt_finding *finding) {
  size_t size = strlen(finding->text) + 1;
  wmem_allocator_t *pool = opening != NULL ? opening_pool : wmem_file_scope();
  struct found *found = wmem_alloc(pool, sizeof(*found) + size);
  found->next = NULL;
  found->rule = (uint32_t)finding->index;
  found->related = finding->related <= UINT32_MAX ? (uint32_t)finding->related : 0;
  memcpy(found->text, finding->text, size);
  if (opening != NULL) {
    found->next = *opening;
    *opening = found;
    return;
  }
  void *key = GUINT_TO_POINTER((uint32_t)finding->at.record);
  struct found *last = wmem_map_lookup(by_frame, key);
  if (last == NULL) {
    wmem_map_insert(by_frame, key, found);
    return;
  }
  while (last->next != NULL) /* as many as there are rules, mostly one */
    last = last->next;
  last->next = found;
}

void nvt_findings_start(const struct nvt_session *session) {
  const struct nvt_checks_options options = {.found = on_found};
  by_frame = wmem_map_new(wmem_file_scope(), g_direct_hash, g_direct_equal);
  if (nvt_checks_create(&options, session, &checks) != 0)
    checks = NULL;
}

void nvt_findings_stop(void) {
  nvt_checks_destroy(checks);
  checks = NULL;
  by_frame = NULL; /* the file's memory goes with the file */
}

void nvt_findings_record(const struct nvt_record *record, const struct nvt_view *view) {
  if (checks != NULL)
    nvt_checks_record(checks, record, view);
}

void nvt_findings_ended(void *ctx _U_, struct nvt_exchange *exchange) {
  if (checks != NULL)
    nvt_checks_ended(checks, exchange);
}

/* Commands that are still outstanding where the trace ends so far. */
static struct found *findings_of(const struct nvt_context *c) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  struct found *list =
      by_frame != NULL ? wmem_map_lookup(by_frame, GUINT_TO_POINTER(c->pinfo->num)) : NULL;
  if (checks == NULL || exchange == NULL || !PINFO_FD_VISITED(c->pinfo) ||
      exchange->command.record != c->pinfo->num || exchange->end != NVT_EXCHANGE_OPEN)
    return list;
  struct found *open = NULL;
  opening = &open;
  opening_pool = c->pinfo->pool;
  nvt_checks_open(checks, exchange);
  opening = NULL;
  if (open == NULL)
    return list;
  struct found *last = open;
  while (last->next != NULL)
    last = last->next;
  last->next = list; /* the open ones live as long as the packet */
  return open;
}

void nvt_add_findings(const struct nvt_context *c) {
  for (const struct found *found = findings_of(c); found != NULL; found = found->next) {
    const struct nvt_check_info *rule = nvt_check_at(found->rule);
    char spec[96];
    nvt_check_spec_text(rule, spec, sizeof(spec));
    expert_add_info_format(c->pinfo, c->item, &experts[found->rule], "%s (%s)", found->text, spec);
    nvt_generated(proto_tree_add_string(c->tree, hf_rule, c->tvb, 0, 0, rule->id));
    if (found->related != 0)
      nvt_generated(proto_tree_add_uint(c->tree, hf_related, c->tvb, 0, 0, found->related));
  }
}

void nvt_expert_or_finding(const struct nvt_context *c, expert_field *expert, const char *rules) {
  for (const struct found *found = findings_of(c); found != NULL; found = found->next) {
    const char *id = nvt_check_at(found->rule)->id;
    const char *at = strstr(rules, id);
    size_t length = strlen(id);
    if (at == NULL || (at[length] != '\0' && at[length] != ' ') || (at != rules && at[-1] != ' '))
      continue;
    /* The finding says it better; filters on the older name go on to find it. */
    proto_item_set_hidden(proto_tree_add_item(c->tree, expert->hf, c->tvb, 0, 0, ENC_NA));
    return;
  }
  expert_add_info(c->pinfo, c->item, expert);
}
