/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an access to registers, configuration space or the MSI-X table says, and a
 * message: every register and field that it touches, for all that print them.
 * Pure; takes any record.
 */
#ifndef NVT_TRACE_ACCESS_H
#define NVT_TRACE_ACCESS_H

#include "trace/config_space.h"
#include "trace/session.h"
#include "trace/text.h"

enum nvt_access_kind {
  NVT_ACCESS_DOORBELL_QUEUE,
  NVT_ACCESS_DOORBELL_KIND, /* 0: submission queue tail, 1: completion queue head */
  NVT_ACCESS_DOORBELL_VALUE,
  NVT_ACCESS_REGISTER,     /* of BAR0, where the access isn't to bytes of this one alone */
  NVT_ACCESS_FIELD,        /* of the register; row: of nvt_register_fields() */
  NVT_ACCESS_FIELD_PART,   /* the same, some of whose bits aren't in the bytes accessed */
  NVT_ACCESS_CAPABILITY,   /* that what follows lies in */
  NVT_ACCESS_PCI_REGISTER, /* row: of nvt_pci_registers() */
  NVT_ACCESS_PCI_FIELD,    /* of the register before; row: of nvt_pci_fields() */
  NVT_ACCESS_PCI_BYTES,    /* of no register that the tables have */
  NVT_ACCESS_VECTOR,       /* that the table's entry is for */
  NVT_ACCESS_MESSAGE,      /* of an interrupt record: its parts follow */
  NVT_ACCESS_MSIX_PART,    /* row: enum nvt_msix_part */
  NVT_ACCESS_MSIX_FIELD,   /* of the part before; row: of nvt_msix_fields() */
  NVT_ACCESS_PENDING,      /* value: a vector whose bit is set */
  NVT_ACCESS_NOTE,         /* what can't be told of a message, and why */
};

struct nvt_access_part {
  enum nvt_access_kind kind;
  unsigned at; /* byte in the record's body, with `bytes` after it, that say this */
  unsigned bytes;
  size_t row;
  uint64_t value;       /* the field's, or the register's as far as it was accessed */
  uint64_t whole;       /* FIELD, PCI_FIELD, MSIX_FIELD: the bits in their register's place */
  unsigned first, last; /* FIELD_PART, and PCI_REGISTER of which only a part was accessed: bits of
                           the register */
  bool partial;         /* first and last are set */
  const struct nvt_register_info *reg;  /* REGISTER, FIELD, FIELD_PART */
  const struct nvt_config_place *place; /* CAPABILITY; borrowed */
  const uint8_t *raw;                   /* PCI_BYTES; borrowed */
  enum nvt_msi_platform platform;       /* NOTE */
};
typedef void nvt_access_visitor(void *ctx, const struct nvt_access_part *);

/* Every part in order, of an access, a shadow doorbell, an event index or an interrupt record; of
 * others none. */
void nvt_access_walk(const struct nvt_record *, const struct nvt_view *, nvt_access_visitor *,
                     void *ctx);

/* --- access_text.c --- */

/* "CC", "SQ 1 Tail Doorbell", "MSI-X Vector 3 Message Data": what an access touched. */
void nvt_text_access(struct nvt_text *, const struct nvt_record *, const struct nvt_view *);
/* "Controller Configuration"; NULL: the name says it, or no register is there. */
const char *nvt_access_title(const struct nvt_record *, const struct nvt_view *);
/* "Enable (EN)", "MSI-X Message Control": of each part of this kind and row the same. Of REGISTER
 * nothing: the value says it. */
void nvt_text_access_label(struct nvt_text *, enum nvt_access_kind, size_t row);
/* "1 (shutdown complete)". Of REGISTER "VS, Version"; of MESSAGE nothing. */
void nvt_text_access_value(struct nvt_text *, const struct nvt_access_part *);
/* "of which only bits 15:8 were accessed"; nothing where all were. */
void nvt_text_access_partial(struct nvt_text *, const struct nvt_access_part *);
/* What the two kinds of doorbells are called. */
const char *nvt_doorbell_kind_name(bool is_cq);

#endif
