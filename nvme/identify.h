/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data structures of Identify: NVM Express Base Specification 1.4, section 5.15.
 */
#ifndef NVT_NVME_IDENTIFY_H
#define NVT_NVME_IDENTIFY_H

#include <stddef.h>
#include <stdint.h>

#define NVT_IDENTIFY_SIZE 4096u

/* Power State Descriptor: figure 252. */
struct nvt_power_state {
  uint16_t mp; /* Maximum Power, 0.01 W or as MXPS says */
  uint8_t reserved2;
  uint8_t flags; /* MXPS bit 0, NOPS bit 1 */
  uint32_t enlat;
  uint32_t exlat;
  uint8_t rrt, rrl, rwt, rwl;
  uint16_t idlp;
  uint8_t ips, reserved19;
  uint16_t actp;
  uint8_t apw, reserved23[9];
};
_Static_assert(sizeof(struct nvt_power_state) == 32, "a power state is 32 bytes");

/* Identify Controller, CNS 01h: figure 251. */
struct nvt_id_controller {
  uint16_t vid;
  uint16_t ssvid;
  char sn[20]; /* text is padded with spaces, never terminated */
  char mn[40];
  char fr[8];
  uint8_t rab;     /* Recommended Arbitration Burst, a power of two */
  uint8_t ieee[3]; /* OUI, least significant byte first */
  uint8_t cmic;
  uint8_t mdts;
  uint16_t cntlid;
  uint32_t ver;
  uint32_t rtd3r; /* microseconds */
  uint32_t rtd3e;
  uint32_t oaes;
  uint32_t ctratt;
  uint16_t rrls;
  uint8_t reserved102[9];
  uint8_t cntrltype;
  uint8_t fguid[16];
  uint16_t crdt[3];
  uint8_t reserved134[119];
  uint8_t nvmsr;
  uint8_t vwci;
  uint8_t mec;
  uint16_t oacs; /* 256 */
  uint8_t acl;   /* zero-based */
  uint8_t aerl;  /* zero-based */
  uint8_t frmw;
  uint8_t lpa;
  uint8_t elpe; /* zero-based */
  uint8_t npss; /* zero-based */
  uint8_t avscc;
  uint8_t apsta;
  uint16_t wctemp; /* kelvin */
  uint16_t cctemp;
  uint16_t mtfa;
  uint32_t hmpre;
  uint32_t hmmin;
  uint8_t tnvmcap[16];
  uint8_t unvmcap[16];
  uint32_t rpmbs;
  uint16_t edstt;
  uint8_t dsto;
  uint8_t fwug;
  uint16_t kas; /* 100 ms units */
  uint16_t hctma;
  uint16_t mntmt;
  uint16_t mxtmt;
  uint32_t sanicap;
  uint32_t hmminds;
  uint16_t hmmaxd;
  uint16_t nsetidmax;
  uint16_t endgidmax;
  uint8_t anatt;
  uint8_t anacap;
  uint32_t anagrpmax;
  uint32_t nanagrpid;
  uint32_t pels;
  uint8_t reserved356[156];
  uint8_t sqes; /* 512 */
  uint8_t cqes;
  uint16_t maxcmd;
  uint32_t nn;
  uint16_t oncs;
  uint16_t fuses;
  uint8_t fna;
  uint8_t vwc;
  uint16_t awun;
  uint16_t awupf;
  uint8_t nvscc;
  uint8_t nwpc;
  uint16_t acwu;
  uint16_t reserved534;
  uint32_t sgls;
  uint32_t mnan;
  uint8_t reserved544[224];
  char subnqn[256]; /* NUL-terminated */
  uint8_t reserved1024[1024];
  struct nvt_power_state psd[32];
  uint8_t vendor[1024];
};
_Static_assert(sizeof(struct nvt_id_controller) == NVT_IDENTIFY_SIZE, "Identify is 4096 bytes");
_Static_assert(offsetof(struct nvt_id_controller, ver) == 80, "VER is at 80");
_Static_assert(offsetof(struct nvt_id_controller, cntrltype) == 111, "CNTRLTYPE is at 111");
_Static_assert(offsetof(struct nvt_id_controller, oacs) == 256, "OACS is at 256");
_Static_assert(offsetof(struct nvt_id_controller, wctemp) == 266, "WCTEMP is at 266");
_Static_assert(offsetof(struct nvt_id_controller, kas) == 320, "KAS is at 320");
_Static_assert(offsetof(struct nvt_id_controller, sqes) == 512, "SQES is at 512");
_Static_assert(offsetof(struct nvt_id_controller, nn) == 516, "NN is at 516");
_Static_assert(offsetof(struct nvt_id_controller, vwc) == 525, "VWC is at 525");
_Static_assert(offsetof(struct nvt_id_controller, sgls) == 536, "SGLS is at 536");
_Static_assert(offsetof(struct nvt_id_controller, subnqn) == 768, "SUBNQN is at 768");
_Static_assert(offsetof(struct nvt_id_controller, psd) == 2048, "PSD0 is at 2048");

struct nvt_lba_format {
  uint16_t ms;
  uint8_t lbads; /* log2 of the block size */
  uint8_t rp;
};

/* The index of the format in use, in the LBA Format table, by the field FLBAS. */
static inline unsigned nvt_flbas_format(uint8_t flbas) {
  return (flbas & 0xfu) | (flbas >> 5 & 3u) << 4;
}

/* Identify Namespace, CNS 00h: figure 249. */
struct nvt_id_namespace {
  uint64_t nsze;
  uint64_t ncap;
  uint64_t nuse;
  uint8_t nsfeat;
  uint8_t nlbaf; /* zero-based */
  uint8_t flbas;
  uint8_t mc;
  uint8_t dpc;
  uint8_t dps;
  uint8_t nmic;
  uint8_t rescap;
  uint8_t fpi;
  uint8_t dlfeat;
  uint16_t nawun;
  uint16_t nawupf;
  uint16_t nacwu;
  uint16_t nabsn;
  uint16_t nabo;
  uint16_t nabspf;
  uint16_t noiob;
  uint8_t nvmcap[16];
  uint16_t npwg, npwa, npdg, npda, nows;
  uint8_t reserved74[18];
  uint32_t anagrpid;
  uint8_t reserved96[3];
  uint8_t nsattr;
  uint16_t nvmsetid;
  uint16_t endgid;
  uint8_t nguid[16];
  uint8_t eui64[8];
  struct nvt_lba_format lbaf[16];
  uint8_t reserved192[192];
  uint8_t vendor[3712];
};
_Static_assert(sizeof(struct nvt_id_namespace) == NVT_IDENTIFY_SIZE, "Identify is 4096 bytes");
_Static_assert(offsetof(struct nvt_id_namespace, dlfeat) == 33, "DLFEAT is at 33");
_Static_assert(offsetof(struct nvt_id_namespace, nsattr) == 99, "NSATTR is at 99");
_Static_assert(offsetof(struct nvt_id_namespace, lbaf) == 128, "LBAF0 is at 128");

/* One descriptor of CNS 03h: figure 253. */
struct nvt_ns_id_descriptor {
  uint8_t nidt; /* NVT_NIDT_… */
  uint8_t nidl; /* bytes in nid */
  uint16_t reserved;
  uint8_t nid[16];
};
_Static_assert(sizeof(struct nvt_ns_id_descriptor) == 20, "descriptor of a UUID is 20 bytes");
#define NVT_NIDT_EUI64 1u
#define NVT_NIDT_NGUID 2u
#define NVT_NIDT_UUID 3u

/* One range of Dataset Management: NVM Command Set 1.1, figure 47. */
struct nvt_dsm_range {
  uint32_t attributes;
  uint32_t nlb; /* not zero-based */
  uint64_t slba;
};
_Static_assert(sizeof(struct nvt_dsm_range) == 16, "a range is 16 bytes");

#endif
