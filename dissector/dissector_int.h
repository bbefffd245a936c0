/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the plug-in: who registers what, and what a frame's parts hand to each other. */
#ifndef NVT_DISSECTOR_DISSECTOR_INT_H
#define NVT_DISSECTOR_DISSECTOR_INT_H

#include "dissector/compat.h"
#include "nvme/names.h"
#include "trace/record.h"
#include "trace/session.h"

/* --- links.c: the session, and what it said of each frame --- */

struct nvt_frame {
  struct nvt_exchange *exchange;
  union {
    struct nvt_signal *signal; /* or NULL */
    struct nvt_change *change; /* where has_change is set */
  };
  uint64_t missing;
  struct nvt_doorbell_id doorbell;
  uint8_t set;  /* enum nvt_opcode_set of its command */
  bool fed : 1; /* the session took it */
  bool is_doorbell : 1;
  bool seq_gap : 1;
  bool has_change : 1;
};

void nvt_links_init(void);    /* a file is opened or redissected */
void nvt_links_cleanup(void); /* and closed */
/* The frame's part in the story; feeds the session when the frame is new. Never NULL. */
const struct nvt_frame *nvt_links_frame(packet_info *pinfo, const struct nvt_record *record);

/* Of a frame by its number, as far as the file was read; NULL: there is none, or it isn't ours. */
const struct nvt_frame *nvt_links_at(uint64_t number);

/* Who met which blocks is found now: it takes time, which most runs needn't spend. */
void nvt_links_ranges(void);

/* What is known of a controller's configuration space; NULL: nothing. */
const struct nvt_config_space *nvt_links_config(uint16_t controller);

/* The state as of a record that the session took; false: nothing is known of it. */
struct nvt_state;
bool nvt_links_state(const struct nvt_record *, const struct nvt_view *, struct nvt_state *out);

/* The session's view of a frame that it took, put together again. */
struct nvt_view nvt_links_view(const struct nvt_frame *);

/* --- one dissected frame --- */

/* Fields that are asked for together or not at all, mostly. To Wireshark each group is a protocol,
 * which no frame has: so it keeps account whether any field of the group is asked for. */
enum nvt_group {
  NVT_GROUP_RECORD, /* header and bodies, as in trace/record.def */
  NVT_GROUP_ACCESS,
  NVT_GROUP_ENTRY, /* of all queue entries */
  NVT_GROUP_ROWS,  /* of some commands */
  NVT_GROUP_DATA,
  NVT_GROUP_LINKS,
  NVT_GROUP_STATE,
  NVT_GROUP_OTHER, /* the protocol itself */
  NVT_GROUP_COUNT
};

/* Source and destination, beside PCI addresses. */
#define NVT_HOST "host"
#define NVT_RECORDER "recorder"

struct nvt_context {
  tvbuff_t *tvb;
  packet_info *pinfo;
  proto_item *item; /* the protocol's */
  proto_tree *tree;
  const struct nvt_record *record;
  const struct nvt_frame *frame;
  int body; /* offset of the fixed body */
  int captured;
  const uint8_t *bytes; /* tvb's, `captured` of them */
  /* What a tree is to hold. Expert information is given in any case: it is what colours the list.
   */
  bool visible;                 /* everything, with its text */
  bool ours;                    /* some of our fields, see nvt_asked() */
  bool groups[NVT_GROUP_COUNT]; /* some of these of them */
  bool builtin;                 /* some of Wireshark's own nvme.* fields */
};

/* --- wanted.c: what nobody asked for costs nothing --- */

extern const header_field_info **nvt_infos; /* of our fields, by id less nvt_first_field */
extern int nvt_first_field;
extern unsigned nvt_field_count;

void nvt_wanted_field(int hf); /* nvt_register_field() says so of each */
void nvt_wanted_find(void);    /* at the handoff */
/* The protocol; the id that a group's fields are to be registered under. */
void nvt_groups_register(int proto);
int nvt_group_proto(enum nvt_group);
/* Sets the context's visible, ours, groups and builtin. */
void nvt_wanted(struct nvt_context *, proto_tree *);
/* Is expert information to be given although there is no tree? */
void nvt_wanted_opened(void); /* a file is opened or redissected */
bool nvt_wanted_without_tree(const packet_info *);
/* Is this field to be added? */
static inline bool nvt_asked(const struct nvt_context *c, int hf) {
  unsigned at = (unsigned)(hf - nvt_first_field);
  return c->visible || at >= nvt_field_count || nvt_infos[at]->ref_type != HF_REF_TYPE_NONE;
}
/* The same as proto_tree_add_item(), little-endian, for a number in the record, in a third less
 * time: each record has some fifty. */
proto_item *nvt_add_number(const struct nvt_context *, proto_tree *, const header_field_info *,
                           int at, int size);
/* A field of ours in the record, if it is asked for; otherwise the tree, as Wireshark gives for
 * what it drops. */
static inline proto_item *nvt_add_field(const struct nvt_context *c, proto_tree *tree, int hf,
                                        int at, int size) {
  if (!nvt_asked(c, hf))
    return tree;
  unsigned row = (unsigned)(hf - nvt_first_field);
  if (row >= nvt_field_count)
    return proto_tree_add_item(tree, hf, c->tvb, at, size, ENC_LITTLE_ENDIAN);
  return nvt_add_number(c, tree, nvt_infos[row], at, size);
}

/* --- output_fields.c: tshark -T fields --- */

void nvt_output_fields_opened(void); /* a file is opened or redissected */
/* Does a tree that is visible serve nothing else than the fields that -e names? */
bool nvt_output_fields_only(proto_tree *);
/* Asks for them, as a display filter does; of each frame anew. */
void nvt_output_fields_ask(proto_tree *);

/* --- fields.c: fields made from the tables --- */

void nvt_fields_register(int proto);
/* The header's and the body's rows, as far as the capture has them, and what no row has: each byte
 * has an item, but those of tails and queue entries of a record that is OK. */
void nvt_add_header(const struct nvt_context *);
void nvt_add_body(const struct nvt_context *, enum nvt_parse);
/* What comes after the tail of a record that is OK. */
void nvt_add_rest(const struct nvt_context *);

/* --- registers.c: accesses, shadow doorbells, messages, by trace/access.h --- */

void nvt_registers_register(int proto);
void nvt_add_access(const struct nvt_context *);
void nvt_add_shadow(const struct nvt_context *);
void nvt_add_interrupt(const struct nvt_context *);
void nvt_add_event_queue(const struct nvt_context *); /* of an event that has one */

/* A walk over the parts of an access. */
struct nvt_access_part;
struct nvt_access_show {
  const struct nvt_context *c;
  proto_tree *top;   /* of the access */
  proto_tree *under; /* of the register begun last, where it is one */
};
/* Where the part's bytes stand in the tvb. */
static inline int nvt_part_at(const struct nvt_access_show *s, unsigned at) {
  return s->c->body + (int)at;
}
/* The label that trace/access.h has for this kind and row, for the program's life. */
const char *nvt_access_label(unsigned kind, size_t row);

/* --- config.c: PCI configuration space --- */

void nvt_config_register(int proto);
void nvt_config_part(struct nvt_access_show *, const struct nvt_access_part *);

/* --- msix.c: MSI-X table entries, pending bits, messages --- */

void nvt_msix_register(int proto);
void nvt_msix_part(struct nvt_access_show *, const struct nvt_access_part *);

/* --- commands.c --- */

void nvt_commands_register(int proto, int row_proto);
bool nvt_entry_asked(const struct nvt_context *); /* anything in a queue entry, features too */
void nvt_add_sqe(const struct nvt_context *);
void nvt_add_cqe(const struct nvt_context *);
/* A person's own table of commands: NULL or "" for none. One that can't be read is told, once, and
 * is none. Called when the preference or the file may have changed. */
void nvt_commands_vendor_table(const char *path);
extern int nvt_hf_prp, nvt_hf_sgl_address; /* of lists and pages too */
/* A descriptor of 16 bytes at `at`. */
proto_item *nvt_add_sgl(const struct nvt_context *, proto_tree *, int at);

/* --- data.c: payload, PRP lists, SGL segments; what a command transferred, put together --- */

extern int nvt_hf_payload; /* of one record, and of all together */
void nvt_data_register(int proto);
void nvt_add_data(const struct nvt_context *);
void nvt_add_digest(const struct nvt_context *);

/* --- transfers.c: on a command and its completion: its data, and where in memory it lay --- */

struct nvt_transfer;
void nvt_transfers_register(int proto);
void nvt_add_transfers(const struct nvt_context *);
/* The transfer's bytes from its first on, as far as they are kept without a hole; NULL: none. */
tvbuff_t *nvt_transfer_tvb(const struct nvt_context *, struct nvt_transfer *);

/* --- export.c: what commands transferred, as files --- */

void nvt_export_register(int proto);
/* Hands the frame's objects to those that listen; costs a look if nobody does. */
void nvt_export_frame(const struct nvt_context *);

/* --- structures.c: data whose layout the tables know --- */

void nvt_structures_register(int proto);
/* What the command transferred in this direction, from its first byte; false: the tables don't know
 * it, and nothing was added. */
bool nvt_add_structure(const struct nvt_context *, proto_tree *, tvbuff_t *data,
                       const struct nvt_exchange *, enum nvt_direction);
/* The feature's value in an entry at `entry`: of Set Features from dword 11 on; of a completion of
 * Get or Set Features in dword 0. Nothing is added for other commands. */
void nvt_add_feature(const struct nvt_context *, proto_tree *, int entry);
void nvt_add_feature_result(const struct nvt_context *, proto_tree *, int entry);

/* --- findings.c: what trace/checks/ finds, as expert information --- */

void nvt_findings_register(int proto);
void nvt_add_findings(const struct nvt_context *);
/* From links.c: a session begins, takes a record, reports an exchange's end, and goes. */
void nvt_findings_start(const struct nvt_session *);
void nvt_findings_record(const struct nvt_record *, const struct nvt_view *);
void nvt_findings_ended(void *ctx, struct nvt_exchange *);
void nvt_findings_stop(void);
/* The expert information, unless the frame has a finding of one of these rules (names with spaces
 * between them), which says the same: then only its filter's name is there. */
void nvt_expert_or_finding(const struct nvt_context *, expert_field *, const char *rules);

/* --- statistics.c: tables of the Statistics menu and tshark -z --- */

void nvt_statistics_register(int proto);
/* Hands the frame to those that listen. */
void nvt_tap_frame(const struct nvt_context *);
/* The session's `measured`. */
void nvt_statistics_measured(void *ctx, struct nvt_exchange *, enum nvt_stage);
/* Source and destination as fields, where a filter asks for them: conversations.c. */
void nvt_add_addresses(const struct nvt_context *);

/* --- preferences.c --- */

struct nvt_preferences {
  unsigned link_type;       /* n of USERn */
  const char *clock_offset; /* to add to the time stamps: seconds with a fraction, or empty */
  unsigned slow_us;         /* a latency from here on is slow; 0: none is */
  const char *vendor_table; /* file of a person's own commands, or empty */
};
extern struct nvt_preferences nvt_preferences;
void nvt_preferences_register(int proto, void (*changed)(void));
/* What they make of a frame: its time on another's clock, and whether it is slow. */
void nvt_add_preferred(const struct nvt_context *);

/* --- builtin.c: Wireshark's own nvme.* fields --- */

/* The built-in field's id, or -1 when there is none of that name and type. */
int nvt_builtin_id(const char *name, enum ftenum type);
void nvt_builtin_find(void);
void nvt_builtin_sqe(const struct nvt_context *);
void nvt_builtin_cqe(const struct nvt_context *);

/* --- relations.c: links between frames and latencies --- */

void nvt_relations_register(int proto);
void nvt_relations_find_builtin(void);
void nvt_add_relations(const struct nvt_context *);

/* --- state.c: the state of the controller as of the frame --- */

void nvt_state_register(int proto);
void nvt_add_state(const struct nvt_context *);

/* --- relations_links.c: the rows of trace/links.def --- */

void nvt_link_rows_register(int proto);
void nvt_add_link_rows(const struct nvt_context *);

/* --- relations_lists.c: each command of a doorbell, each completion of an interrupt --- */

void nvt_link_lists_register(int proto);
void nvt_add_signal_list(const struct nvt_context *); /* of a frame with a signal */
void nvt_add_queue_list(const struct nvt_context *);  /* of Create I/O Completion Queue */

/* --- shared helpers --- */

/* Register one field; abbreviation and strings are kept for the program's life. */
void nvt_register_field(int proto, int *id, const char *name, const char *abbrev, enum ftenum type,
                        int display, const void *strings, uint64_t mask, const char *blurb);
/* "nvmetap." and the parts, in lower case, joined by dots; NULL parts are left out. */
char *nvt_abbrev(const char *a, const char *b, const char *c);
void nvt_subtree(int *ett);
/* The names of a list of nvme/values.def for a field of at most 32 bits, of up to 64 bits (with
 * BASE_VAL64_STRING); NULL for NONE. */
const value_string *nvt_value_strings(enum nvt_values);
const val64_string *nvt_value_strings64(enum nvt_values);
void nvt_subtree_open(int *ett); /* one that a window shows expanded at first */
void nvt_expand_subtrees(void);  /* when a file is opened */
/* The field's mask is of a little-endian number: so the right bits are marked among the bytes. */
static inline proto_item *nvt_little(proto_item *item) {
  if (item != NULL)
    FI_SET_FLAG(PITEM_FINFO(item), FI_LITTLE_ENDIAN);
  return item;
}
/* A value that stands nowhere in the bytes. */
proto_item *nvt_generated(proto_item *);
const char *nvt_pci_text(uint32_t address, char out[static 16]);

/* Expert information; registered by plugin.c. */
struct nvt_experts {
  expert_field malformed, truncated, version, unknown_type, loss, gap, status, retry, doorbell,
      open, reset, duplicate, refused, fault, plugin;
};
extern struct nvt_experts nvt_expert;

#endif
