/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a controller has its PCI capabilities, learned from the configuration
 * reads of a trace, and whom its interrupts are for, from the MSI-X table's
 * writes. What was learned once stays, so that frames may be looked at in any
 * order. Uses nothing but nvme/ and libc; takes any records.
 */
#ifndef NVT_TRACE_CONFIG_SPACE_H
#define NVT_TRACE_CONFIG_SPACE_H

#include "nvme/pci.h"
#include "trace/record.h"

/* 48 dwords are left of the first 256 bytes, and more than 64 extended ones nobody has. */
#define NVT_CAPABILITIES_MAX 48u
#define NVT_EXTENDED_MAX 64u

struct nvt_config_capability {
  uint16_t offset;
  uint16_t number;
  bool extended;
};

struct nvt_config_space {
  uint8_t bytes[NVT_PCI_CONFIG_SIZE]; /* as first read */
  uint8_t known[NVT_PCI_CONFIG_SIZE / 8];
  struct nvt_config_capability capabilities[NVT_CAPABILITIES_MAX + NVT_EXTENDED_MAX];
  uint32_t count;
  uint32_t legacy;        /* of them in the first 256 bytes */
  uint16_t next;          /* where the list goes on; 0: at its end, or not known */
  uint16_t next_extended; /* likewise */
  bool ended;             /* the list: no more to come */
  bool ended_extended;
  enum nvt_msi_platform platform;
};

/* All zero but: */
void nvt_config_space_init(struct nvt_config_space *);
/* A configuration or MSI-X record; others are passed over. */
void nvt_config_space_record(struct nvt_config_space *, const struct nvt_record *);

/* What lies at an offset of configuration space. */
struct nvt_config_place {
  const struct nvt_pci_register *reg;             /* NULL: the tables don't have it */
  const struct nvt_config_capability *capability; /* NULL: the header, or not known */
  const struct nvt_pci_layout_info *layout;       /* NULL: a capability that they don't have */
  uint32_t base;                                  /* of header or capability */
  uint32_t start, end;                            /* of the register, or of the byte alone */
};
/* The space may be NULL: nothing is known but the header. False: not in configuration space. */
bool nvt_config_space_at(const struct nvt_config_space *, uint64_t offset,
                         struct nvt_config_place *);

#endif
