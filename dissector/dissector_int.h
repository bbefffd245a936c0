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
  struct nvt_signal *signal;
  uint64_t missing;
  struct nvt_doorbell_id doorbell;
  uint8_t set; /* enum nvt_opcode_set of its command */
  bool fed;    /* the session took it */
  bool is_doorbell;
  bool seq_gap;
};

void nvt_links_init(void);    /* a file is opened or redissected */
void nvt_links_cleanup(void); /* and closed */
/* The frame's part in the story; feeds the session when the frame is new. Never NULL. */
const struct nvt_frame *nvt_links_frame(packet_info *pinfo, const struct nvt_record *record);

/* What is known of a controller's configuration space; NULL: nothing. */
const struct nvt_config_space *nvt_links_config(uint16_t controller);

/* The session's view of a frame that it took, put together again. */
struct nvt_view nvt_links_view(const struct nvt_frame *);

/* --- one dissected frame --- */

struct nvt_context {
  tvbuff_t *tvb;
  packet_info *pinfo;
  proto_item *item; /* the protocol's */
  proto_tree *tree;
  const struct nvt_record *record;
  const struct nvt_frame *frame;
  int body; /* offset of the fixed body */
  int captured;
};

/* --- fields.c: fields made from the tables --- */

void nvt_fields_register(int proto);
/* The header's or a body's rows, as far as the capture has them. `start` is where it starts. */
void nvt_add_header(const struct nvt_context *);
void nvt_add_body(const struct nvt_context *);

/* --- registers.c --- */

void nvt_registers_register(int proto);
/* What an access touched: "CC", "SQ 1 Tail Doorbell", "Vector 3 Message Data". Written to out. */
void nvt_access_name(const struct nvt_record *, const struct nvt_frame *, char *out, size_t size);
void nvt_add_access(const struct nvt_context *);
void nvt_add_shadow(const struct nvt_context *);
void nvt_add_interrupt(const struct nvt_context *);
void nvt_add_event_queue(const struct nvt_context *); /* of an event that has one */

/* --- config.c: PCI configuration space --- */

void nvt_config_register(int proto);
void nvt_add_config(const struct nvt_context *, proto_tree *);

/* --- msix.c: MSI-X table entries, pending bits, messages --- */

void nvt_msix_register(int proto);
void nvt_add_msix_entry(const struct nvt_context *, proto_tree *);
void nvt_add_msix_pending(const struct nvt_context *, proto_tree *);
void nvt_add_message(const struct nvt_context *); /* of an interrupt record */

/* --- values.c --- */

/* nvme/values.def's list for a field's `strings`; NULL: NONE. */
const value_string *nvt_value_strings(enum nvt_values);

/* --- commands.c --- */

void nvt_commands_register(int proto);
void nvt_add_sqe(const struct nvt_context *);
void nvt_add_cqe(const struct nvt_context *);
/* A descriptor of 16 bytes at `at`. */
proto_item *nvt_add_sgl(const struct nvt_context *, proto_tree *, int at);

/* --- data.c: payload, PRP lists, SGL segments; what a command transferred, put together --- */

void nvt_data_register(int proto);
void nvt_data_handoff(void);
void nvt_add_data(const struct nvt_context *);

/* --- transfers.c: on a command and its completion: its data, and where in memory it lay --- */

struct nvt_transfer;
void nvt_transfers_register(int proto);
void nvt_add_transfers(const struct nvt_context *);
/* The transfer's bytes from its first on, as far as they are kept without a hole; NULL: none. */
tvbuff_t *nvt_transfer_tvb(const struct nvt_context *, struct nvt_transfer *);

/* --- structures.c: data whose layout the tables know --- */

void nvt_structures_register(int proto);
/* What the command transferred in this direction, from its first byte; false: the tables don't know
 * it, and nothing was added. */
bool nvt_add_structure(const struct nvt_context *, proto_tree *, tvbuff_t *data,
                       const struct nvt_exchange *, enum nvt_direction);

/* --- state.c: the controller and its queues as of this packet --- */

void nvt_state_register(int proto);
void nvt_add_state(const struct nvt_context *);

/* --- findings.c: what trace/checks/ finds, as expert information --- */

void nvt_findings_register(int proto);
void nvt_add_findings(const struct nvt_context *);

/* --- statistics.c: tables of the Statistics menu and tshark -z --- */

void nvt_statistics_register(int proto);
/* Hands the frame to those that listen. */
void nvt_tap_frame(const struct nvt_context *);

/* --- preferences.c --- */

struct nvt_preferences {
  unsigned link_type;       /* n of USERn */
  const char *clock_offset; /* to add to the time stamps: seconds with a fraction, or empty */
  unsigned slow_us;         /* a latency from here on is slow; 0: none is */
  const char *vendor_table; /* file of a person's own commands, or empty */
};
extern struct nvt_preferences nvt_preferences;
void nvt_preferences_register(int proto, void (*changed)(void));

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

/* --- shared helpers --- */

/* Register one field; abbreviation and strings are kept for the program's life. */
void nvt_register_field(int proto, int *id, const char *name, const char *abbrev, enum ftenum type,
                        int display, const void *strings, uint64_t mask, const char *blurb);
/* "nvmetap." and the parts, in lower case, joined by dots; NULL parts are left out. */
char *nvt_abbrev(const char *a, const char *b, const char *c);
void nvt_subtree(int *ett);
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
