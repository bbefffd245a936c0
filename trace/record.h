/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace records: structures made from record.def, and the parser that every
 * reader (command line, dissector, replay) uses. The format itself is described
 * in docs/trace-format.md.
 */
#ifndef NVT_TRACE_RECORD_H
#define NVT_TRACE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme.h"

#define NVT_RECORD_MAGIC 0x5054564eu /* "NVTP" */
#define NVT_RECORD_VERSION 1
#define NVT_LINKTYPE 159 /* LINKTYPE_USER12; the link type's one constant */
#define NVT_LINKTYPE_USER 12
/* Longest record that a writer makes and a reader takes, header included. A
 * longer payload is split over several data records. */
#define NVT_RECORD_MAX (256u * 1024u)

/* What a digest record stands for at most, bytes. */
#define NVT_DIGEST_BYTES_MAX (128u * 1024u)

enum nvt_record_type {
#define NVT_RECORD(value, id, name, size, title) NVT_REC_##id = (value),
#include "trace/record.def"
  NVT_REC_COUNT /* one past the last */
};

/* NVT_EVENT_ATTACH is NVT_V_event_event_ATTACH, and so on for each named value. */
enum nvt_record_value {
#define NVT_RECORD_VALUE(rec, field, value, id, name) NVT_V_##rec##_##field##_##id = (value),
#include "trace/record.def"
};

/* struct nvt_rec_header, nvt_rec_meta, nvt_rec_access, … as in the file. */
struct nvt_rec_header {
  uint32_t magic;
  uint8_t version;
  uint8_t type;
  uint8_t header_length; /* bytes from the record's start to its body; more than 32 in a later
                            version */
  uint8_t flags;
  uint32_t length; /* bytes of the whole record, padding included, as recorded */
  uint16_t controller;
  uint16_t thread;
  uint32_t epoch;       /* counts resets of the controller */
  uint32_t pci_address; /* domain 31:16, bus 15:8, device 7:3, function 2:0 */
  uint64_t seq;         /* gapless in one controller */
};
struct nvt_rec_meta {
  uint64_t cap;
  uint32_t vs;
  uint16_t vectors;
  uint16_t namespaces;
  uint8_t doorbells;
  uint8_t clock;
  uint8_t data_mode;
  uint8_t left_out_flags;
  uint32_t json_length; /* bytes of JSON after the fixed body, UTF-8, not terminated */
};
struct nvt_rec_access {
  uint64_t offset; /* in the space */
  uint64_t value;
  uint8_t size; /* bytes: 1, 2, 4, 8; a longer access is several records */
  uint8_t space;
  uint8_t access_flags;
  uint8_t reserved0;
  uint32_t reserved1;
};
struct nvt_rec_shadow {
  uint64_t address;
  uint32_t value;
  uint16_t qid;
  uint8_t is_cq;
  uint8_t reserved;
};
struct nvt_rec_interrupt {
  uint64_t address; /* 0 where the virtual machine monitor keeps the MSI-X table */
  uint32_t data;
  uint16_t vector;
  uint8_t state;
  uint8_t mode;
  uint16_t cqid; /* the completion queue that caused it */
  uint16_t reserved0;
  uint32_t reserved1;
};
struct nvt_rec_command {
  uint16_t sqid;
  uint16_t cqid;
  uint16_t slot; /* index in the submission queue */
  uint16_t head; /* submission queue head after this fetch */
  uint16_t tail; /* tail that the controller knew */
  uint16_t reserved0;
  uint32_t reserved1;
  struct nvt_sqe sqe;
};
struct nvt_rec_completion {
  uint16_t sqid;
  uint16_t cqid;
  uint16_t slot; /* index in the completion queue */
  uint16_t head; /* completion queue head, as the host last wrote it */
  uint8_t opcode;
  uint8_t reserved0;
  uint16_t reserved1;
  uint32_t reserved2;
  struct nvt_cqe cqe; /* with its phase bit */
};
struct nvt_rec_data {
  uint16_t sqid;
  uint16_t cid;
  uint8_t kind;
  uint8_t direction;
  uint16_t reserved;
  uint64_t address; /* guest address of the first byte */
  uint64_t offset; /* of the first byte in the command's transfer; of a list: of the first data byte
                      that it describes */
  uint32_t true_length;     /* bytes transferred here */
  uint32_t captured_length; /* bytes of them that follow */
};
/* Up to true_length, where nvt_rec_data has the same, but for algorithm. */
struct nvt_rec_digest {
  uint16_t sqid;
  uint16_t cid;
  uint8_t kind;
  uint8_t direction;
  uint8_t algorithm; /* NVT_V_digest_algorithm_… */
  uint8_t reserved;
  uint64_t address;
  uint64_t offset;
  uint32_t true_length;   /* bytes transferred here, at most NVT_DIGEST_BYTES_MAX */
  uint32_t digest_length; /* bytes of digests that follow, four each */
  uint64_t same_as;       /* SAME: sequence number of a data record of this controller */
  uint64_t fill;          /* FILL: the eight bytes */
  uint32_t same_offset;   /* SAME: byte of that record's data */
  uint32_t unit; /* CRC32C: a digest ends at each multiple of so many bytes of the transfer */
};
struct nvt_rec_event {
  uint16_t event;
  uint16_t qid;
  uint32_t code; /* DMA map: 1 readable, 2 writable; interrupt set-up: flags of the port; NS: nsid;
                    trigger: its number, 0 by hand */
  uint64_t address; /* trigger: the sequence number of the record that met its condition */
  uint64_t size;    /* trigger: how often it has fired */
};
struct nvt_rec_verdict {
  uint16_t sqid;
  uint16_t cid;
  uint8_t verdict;
  uint8_t tap; /* enum nvt_tap_id */
  uint16_t status;
  char plugin[24]; /* UTF-8, zero-padded */
};
struct nvt_rec_loss {
  uint64_t first_seq;
  uint64_t count;
  uint64_t first_ns; /* nanoseconds since 1970 */
  uint64_t last_ns;
  uint32_t reason;
  uint32_t reserved;
};
struct nvt_rec_annotation {
  uint32_t text_length; /* bytes of UTF-8 that follow */
  uint32_t reserved;
};
struct nvt_rec_queue {
  uint16_t qid;
  uint16_t cqid;
  uint16_t vector;
  uint8_t is_cq;
  uint8_t queue_flags;
  uint64_t base;
  uint32_t entries;
  uint16_t head;
  uint16_t tail;
  uint64_t reserved;
};

#define NVT_RECORD_FIELD(rec, type, field, offset, format, title)                                  \
  _Static_assert(offsetof(struct nvt_rec_##rec, field) == (offset) &&                              \
                     sizeof(((struct nvt_rec_##rec *)0)->field) == sizeof(type),                   \
                 #rec "." #field);
#define NVT_RECORD_ARRAY(rec, field, offset, length, title)                                        \
  _Static_assert(offsetof(struct nvt_rec_##rec, field) == (offset) &&                              \
                     sizeof(((struct nvt_rec_##rec *)0)->field) == (length),                       \
                 #rec "." #field);
#include "trace/record.def"
#define NVT_RECORD(value, id, name, size, title)                                                   \
  _Static_assert(sizeof(struct nvt_rec_##name) == (size), "size of " #name);
#include "trace/record.def"
_Static_assert(sizeof(struct nvt_rec_header) == 32, "header is 32 bytes");

/* A record taken apart. All is a copy but `tail`. */
struct nvt_record {
  uint64_t number;   /* 1 for the first in the file: Wireshark's frame number */
  uint64_t offset;   /* of the record's pcap header in the file, bytes; 0 where not known
                        (pcapng from a pipe) */
  uint64_t time_ns;  /* since 1970 */
  uint32_t captured; /* bytes that the file has of it */
  struct nvt_rec_header header;
  union {
    struct nvt_rec_meta meta;
    struct nvt_rec_access access;
    struct nvt_rec_shadow shadow;
    struct nvt_rec_interrupt interrupt;
    struct nvt_rec_command command;
    struct nvt_rec_completion completion;
    struct nvt_rec_data data;
    struct nvt_rec_digest digest;
    struct nvt_rec_event event;
    struct nvt_rec_verdict verdict;
    struct nvt_rec_loss loss;
    struct nvt_rec_annotation annotation;
    struct nvt_rec_queue queue;
  };
  const uint8_t *tail; /* JSON, data or text after the fixed body; borrowed from the bytes parsed */
  uint32_t tail_length; /* bytes of it present: never more than the body declares nor the capture
                           holds */
};

enum nvt_parse {
  NVT_PARSE_OK,
  NVT_PARSE_NOT_OURS,     /* no magic: somebody else's frame */
  NVT_PARSE_VERSION,      /* header parsed, version newer than ours */
  NVT_PARSE_UNKNOWN_TYPE, /* header parsed */
  NVT_PARSE_SHORT,        /* capture ends inside the header or the fixed body */
  NVT_PARSE_BAD_LENGTH,   /* length fields contradict each other */
};

/* Parse `captured` bytes. number, offset and time_ns are the caller's to set.
 * On VERSION, UNKNOWN_TYPE, SHORT and BAD_LENGTH the header is set as far as it
 * was there (zero beyond). A capture shorter than header.length (a snap length)
 * is OK as long as the fixed body is whole. */
enum nvt_parse nvt_record_parse(const void *bytes, size_t captured, struct nvt_record *out);
/* Bytes after all that the record declares, from *at on, as far as they were captured; 0: none.
 * They are padding (zero, to a multiple of 8) or *unknown: a later version's. */
uint32_t nvt_record_rest(const struct nvt_record *, const uint8_t *bytes, uint32_t *at,
                         bool *unknown);
/* A digest record as the data record whose place it has, without its bytes. */
void nvt_record_digest_as_data(const struct nvt_record *digest, struct nvt_record *data);
/* Why, for a person. Static string. */
const char *nvt_parse_reason(enum nvt_parse);

/* "Command", …; NULL for a type that the table doesn't have. */
const char *nvt_record_title(unsigned type);
/* Machine name, "command", "reg_write", …: the ID in lower case. NULL as above. */
const char *nvt_record_name(unsigned type);
/* The body's name in record.def: "access", "command", …; NULL as above. */
const char *nvt_record_body_name(unsigned type);
/* Whether an access touches one of `size` bytes at `offset` of BAR0. */
bool nvt_access_touches(const struct nvt_rec_access *, uint32_t offset, uint32_t size);
/* Whether a device event is about a queue: its qid says nothing otherwise. */
bool nvt_event_has_queue(unsigned event);
/* Whether what was known of the controller's state doesn't hold beyond a device event: the host
 * left, a migration, a removal or a return, or tracing was stopped. */
bool nvt_event_breaks(unsigned event);
/* Whether a record tells of records that the recorder meant to leave out: none was lost. */
bool nvt_record_left_out(const struct nvt_record *);
/* Bytes of the fixed body; 0 for an unknown type. */
size_t nvt_record_body_size(unsigned type);

/* The rows of record.def, for printers that go over all fields. */
enum nvt_field_format { NVT_FIELD_DEC, NVT_FIELD_HEX, NVT_FIELD_BYTES };
struct nvt_record_field {
  const char *record; /* body name, or "header" */
  const char *name;
  const char *title;
  uint16_t offset; /* in the body */
  uint16_t size;   /* bytes */
  enum nvt_field_format format;
};
/* The fields of a body ("header", "access", …), in order; *count is set, 0 for an unknown one. */
const struct nvt_record_field *nvt_record_fields(const char *record, size_t *count);
bool nvt_record_field_reserved(const struct nvt_record_field *);
/* The field's value out of its body's bytes; 0 for BYTES. */
uint64_t nvt_record_field_value(const struct nvt_record_field *, const void *body);
/* What a field's value is called; of a field of flags, one of its bits. NULL: no name. */
const char *nvt_record_value_name(const char *record, const char *field, uint64_t value);

#endif
