/* SPDX-License-Identifier: BSD-2-Clause */
/* Log pages: NVM Express Base Specification 1.4, section 5.14.1. */
#ifndef NVT_NVME_LOGS_H
#define NVT_NVME_LOGS_H

#include <stddef.h>
#include <stdint.h>

/* Error Information, LID 01h: figure 197. */
struct nvt_log_error {
  uint64_t count; /* 0: the entry is not used */
  uint16_t sqid;
  uint16_t cid;
  uint16_t status; /* as in a completion, phase included */
  uint16_t location;
  uint64_t lba;
  uint32_t nsid;
  uint8_t vendor;
  uint8_t trtype;
  uint16_t reserved30;
  uint64_t specific;
  uint16_t transport;
  uint8_t reserved42[22];
};
_Static_assert(sizeof(struct nvt_log_error) == 64, "an error entry is 64 bytes");
_Static_assert(offsetof(struct nvt_log_error, nsid) == 24, "NSID is at 24");

/* SMART / Health Information, LID 02h: figure 198. */
struct nvt_log_smart {
  uint8_t critical_warning;
  uint8_t temperature[2]; /* kelvin */
  uint8_t spare;
  uint8_t spare_threshold;
  uint8_t used;
  uint8_t reserved6[26];
  uint8_t data_units_read[16]; /* thousands of 512-byte units, rounded up */
  uint8_t data_units_written[16];
  uint8_t host_reads[16];
  uint8_t host_writes[16];
  uint8_t busy_minutes[16];
  uint8_t power_cycles[16];
  uint8_t power_on_hours[16];
  uint8_t unsafe_shutdowns[16];
  uint8_t media_errors[16];
  uint8_t error_entries[16];
  uint32_t warning_minutes;
  uint32_t critical_minutes;
  uint16_t sensors[8];
  uint8_t reserved216[296];
};
_Static_assert(sizeof(struct nvt_log_smart) == 512, "SMART is 512 bytes");
_Static_assert(offsetof(struct nvt_log_smart, warning_minutes) == 192, "WCTT is at 192");

/* Firmware Slot Information, LID 03h: figure 199. */
struct nvt_log_firmware {
  uint8_t afi;
  uint8_t reserved1[7];
  char frs[7][8];
  uint8_t reserved64[448];
};
_Static_assert(sizeof(struct nvt_log_firmware) == 512, "firmware slots are 512 bytes");

/* Changed Namespace List, LID 04h: section 5.14.1.4. */
#define NVT_LOG_CHANGED_ENTRIES 1024u

/* Commands Supported and Effects, LID 05h: figure 202. */
struct nvt_log_effects {
  uint32_t admin[256];
  uint32_t io[256];
  uint8_t reserved2048[2048];
};
_Static_assert(sizeof(struct nvt_log_effects) == 4096, "effects are 4096 bytes");
#define NVT_EFFECT_SUPPORTED (1u << 0)
#define NVT_EFFECT_CONTENT (1u << 1)       /* LBCC */
#define NVT_EFFECT_NS (1u << 2)            /* NCC */
#define NVT_EFFECT_INVENTORY (1u << 3)     /* NIC */
#define NVT_EFFECT_CONTROLLER (1u << 4)    /* CCC */
#define NVT_EFFECT_EXCLUSIVE_NS (1u << 16) /* CSE: no other command on the namespace meanwhile */

#endif
