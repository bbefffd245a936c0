/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What passes over a vfio-user socket: "vfio-user Protocol Specification", 0.9.x.
 * All fields are in the byte order of the host. Messages lie unaligned in a
 * buffer: copy a struct out before use.
 */
#ifndef NVT_CONTROLLER_VFIO_USER_PROTOCOL_H
#define NVT_CONTROLLER_VFIO_USER_PROTOCOL_H

#include <assert.h>
#include <stdint.h>

#define NVT_VFIO_MAJOR 0u
#define NVT_VFIO_MINOR 0u

enum nvt_vfio_command {
  NVT_VFIO_VERSION = 1,
  NVT_VFIO_DMA_MAP = 2,
  NVT_VFIO_DMA_UNMAP = 3,
  NVT_VFIO_GET_INFO = 4,
  NVT_VFIO_GET_REGION_INFO = 5,
  NVT_VFIO_GET_REGION_IO_FDS = 6,
  NVT_VFIO_GET_IRQ_INFO = 7,
  NVT_VFIO_SET_IRQS = 8,
  NVT_VFIO_REGION_READ = 9,
  NVT_VFIO_REGION_WRITE = 10,
  NVT_VFIO_DMA_READ = 11,
  NVT_VFIO_DMA_WRITE = 12,
  NVT_VFIO_RESET = 13,
  NVT_VFIO_REGION_WRITE_MULTI = 15,
  NVT_VFIO_COMMANDS /* one beyond the last that is served */
};

#define NVT_VFIO_TYPE_MASK 0xfu
#define NVT_VFIO_TYPE_COMMAND 0u
#define NVT_VFIO_TYPE_REPLY 1u
#define NVT_VFIO_NO_REPLY 0x10u
#define NVT_VFIO_ERROR 0x20u

struct nvt_vfio_header {
  uint16_t id;
  uint16_t command;
  uint32_t size; /* of the whole message */
  uint32_t flags;
  uint32_t error; /* errno */
};
static_assert(sizeof(struct nvt_vfio_header) == 16, "header");

struct nvt_vfio_version {
  uint16_t major;
  uint16_t minor;
  /* JSON, NUL-terminated */
};
static_assert(sizeof(struct nvt_vfio_version) == 4, "version");

#define NVT_VFIO_DMA_READABLE 1u
#define NVT_VFIO_DMA_WRITABLE 2u
struct nvt_vfio_dma_map {
  uint32_t argsz;
  uint32_t flags;
  uint64_t offset;
  uint64_t address;
  uint64_t size;
};
static_assert(sizeof(struct nvt_vfio_dma_map) == 32, "dma map");

#define NVT_VFIO_UNMAP_ALL 2u
struct nvt_vfio_dma_unmap {
  uint32_t argsz;
  uint32_t flags;
  uint64_t address;
  uint64_t size;
};
static_assert(sizeof(struct nvt_vfio_dma_unmap) == 24, "dma unmap");

#define NVT_VFIO_DEVICE_RESETS 1u
#define NVT_VFIO_DEVICE_PCI 2u
struct nvt_vfio_info {
  uint32_t argsz;
  uint32_t flags;
  uint32_t regions;
  uint32_t irqs;
};
static_assert(sizeof(struct nvt_vfio_info) == 16, "device info");

/* PCI regions: BAR0 to BAR5, ROM, configuration space, VGA. */
#define NVT_VFIO_REGIONS 9u
#define NVT_VFIO_REGION_READABLE 1u
#define NVT_VFIO_REGION_WRITABLE 2u
#define NVT_VFIO_REGION_MMAP 4u
#define NVT_VFIO_REGION_CAPS 8u
struct nvt_vfio_region_info {
  uint32_t argsz;
  uint32_t flags;
  uint32_t index;
  uint32_t cap_offset;
  uint64_t size;
  uint64_t offset;
};
static_assert(sizeof(struct nvt_vfio_region_info) == 32, "region info");

#define NVT_VFIO_CAP_SPARSE_MMAP 1u
struct nvt_vfio_cap {
  uint16_t id;
  uint16_t version;
  uint32_t next;
};
static_assert(sizeof(struct nvt_vfio_cap) == 8, "capability");

struct nvt_vfio_area {
  uint64_t offset;
  uint64_t size;
};
struct nvt_vfio_sparse {
  struct nvt_vfio_cap cap;
  uint32_t areas;
  uint32_t reserved;
  /* struct nvt_vfio_area[areas] */
};
static_assert(sizeof(struct nvt_vfio_area) == 16, "sparse area");
static_assert(sizeof(struct nvt_vfio_sparse) == 16, "sparse capability");

struct nvt_vfio_region_io_fds {
  uint32_t argsz;
  uint32_t flags;
  uint32_t index;
  uint32_t count;
};
static_assert(sizeof(struct nvt_vfio_region_io_fds) == 16, "region io fds");

enum nvt_vfio_irq {
  NVT_VFIO_IRQ_INTX,
  NVT_VFIO_IRQ_MSI,
  NVT_VFIO_IRQ_MSIX,
  NVT_VFIO_IRQ_ERR,
  NVT_VFIO_IRQ_REQ,
  NVT_VFIO_IRQS
};
#define NVT_VFIO_IRQ_EVENTFD 1u
#define NVT_VFIO_IRQ_MASKABLE 2u
#define NVT_VFIO_IRQ_AUTOMASKED 4u
struct nvt_vfio_irq_info {
  uint32_t argsz;
  uint32_t flags;
  uint32_t index;
  uint32_t count;
};
static_assert(sizeof(struct nvt_vfio_irq_info) == 16, "irq info");

#define NVT_VFIO_SET_NONE 0x01u
#define NVT_VFIO_SET_BOOL 0x02u
#define NVT_VFIO_SET_EVENTFD 0x04u
#define NVT_VFIO_SET_DATA 0x07u
#define NVT_VFIO_SET_MASK 0x08u
#define NVT_VFIO_SET_UNMASK 0x10u
#define NVT_VFIO_SET_TRIGGER 0x20u
#define NVT_VFIO_SET_ACTION 0x38u
struct nvt_vfio_irq_set {
  uint32_t argsz;
  uint32_t flags;
  uint32_t index;
  uint32_t start;
  uint32_t count;
  /* uint8_t bools[count] with NVT_VFIO_SET_BOOL */
};
static_assert(sizeof(struct nvt_vfio_irq_set) == 20, "irq set");

struct nvt_vfio_access {
  uint64_t offset;
  uint32_t region;
  uint32_t count;
  /* data */
};
static_assert(sizeof(struct nvt_vfio_access) == 16, "region access");

struct nvt_vfio_write_multi {
  uint64_t count;
  /* struct nvt_vfio_small_write[count] */
};
struct nvt_vfio_small_write {
  uint64_t offset;
  uint32_t region;
  uint32_t count; /* at most 8 */
  uint8_t data[8];
};
static_assert(sizeof(struct nvt_vfio_write_multi) == 8, "write multi");
static_assert(sizeof(struct nvt_vfio_small_write) == 24, "small write");

/* Defaults of capabilities that a peer doesn't name. */
#define NVT_VFIO_DEFAULT_FDS 1u
#define NVT_VFIO_DEFAULT_TRANSFER (1u << 20)
#define NVT_VFIO_DEFAULT_MAPS 65535u
#define NVT_VFIO_DEFAULT_PAGES 4096u

/* Our own limits. */
#define NVT_VFIO_MAX_FDS 64u
#define NVT_VFIO_MAX_TRANSFER (1u << 20)
#define NVT_VFIO_MAX_MAPS 65535u
#define NVT_VFIO_MAX_MESSAGE                                                                       \
  (sizeof(struct nvt_vfio_header) + sizeof(struct nvt_vfio_access) + NVT_VFIO_MAX_TRANSFER)

#endif
