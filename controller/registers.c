/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BAR0: the controller's properties (Base 2.1, section 3.1.4), and the way to
 * doorbells and MSI-X.
 */
#include <errno.h>
#include <string.h>

#include "controller/controller_int.h"

/* Settings that hold from enable to reset; IOSQES, IOCQES, SHN and EN may change. */
#define CC_FIXED                                                                                   \
  ((uint32_t)(NVT_PUT(~0ULL, CC_CSS) | NVT_PUT(~0ULL, CC_MPS) | NVT_PUT(~0ULL, CC_AMS)))
#define CC_DEFINED                                                                                 \
  ((uint32_t)(CC_FIXED | NVT_PUT(1, CC_EN) | NVT_PUT(3, CC_SHN) | NVT_PUT(15, CC_IOSQES) |         \
              NVT_PUT(15, CC_IOCQES)))
#define AQA_DEFINED ((uint32_t)(NVT_PUT(0xfff, AQA_ASQS) | NVT_PUT(0xfff, AQA_ACQS)))
#define SHST_COMPLETE 2u

/* The dword at a dword-aligned offset. */
static uint32_t read_dword(const struct nvt_controller *c, uint64_t offset) {
  switch (offset) {
  case NVT_REG_CAP:
    return (uint32_t)c->cap;
  case NVT_REG_CAP + 4:
    return (uint32_t)(c->cap >> 32);
  case NVT_REG_VS:
    return NVT_VERSION;
  case NVT_REG_INTMS:
  case NVT_REG_INTMC:
    return c->intms;
  case NVT_REG_CC:
    return c->cc;
  case NVT_REG_CSTS:
    return c->csts;
  case NVT_REG_AQA:
    return c->aqa;
  case NVT_REG_ASQ:
    return (uint32_t)c->asq;
  case NVT_REG_ASQ + 4:
    return (uint32_t)(c->asq >> 32);
  case NVT_REG_ACQ:
    return (uint32_t)c->acq;
  case NVT_REG_ACQ + 4:
    return (uint32_t)(c->acq >> 32);
  default:
    return 0; /* NSSR, reserved and what CAP doesn't claim */
  }
}

static bool can_enable(const struct nvt_controller *c) {
  uint64_t mps = NVT_GET(c->cc, CC_MPS);
  uint64_t sqes = NVT_GET(c->cc, CC_IOSQES), cqes = NVT_GET(c->cc, CC_IOCQES);
  uint64_t within_page = (1ULL << (12 + mps)) - 1;
  return NVT_GET(c->cc, CC_CSS) == 0 && mps <= NVT_GET(c->cap, CAP_MPSMAX) &&
         NVT_GET(c->cc, CC_AMS) == 0 &&
         /* Zero: the host sets them later, before it creates I/O queues. */
         (sqes == 0 || (sqes >= 6 && sqes <= c->sqe_shift)) && (cqes == 0 || cqes == 4) &&
         NVT_GET(c->aqa, AQA_ASQS) != 0 && NVT_GET(c->aqa, AQA_ACQS) != 0 &&
         (c->asq & within_page) == 0 && (c->acq & within_page) == 0;
}

static void enable(struct nvt_controller *c) {
  if (!can_enable(c)) {
    nvt_fatal(c, FATAL_CONFIGURATION);
    return;
  }
  c->page_shift = 12 + (unsigned)NVT_GET(c->cc, CC_MPS);
  c->csts &= ~(uint32_t)NVT_PUT(3, CSTS_SHST);
  nvt_cq_open(c, 0, c->acq, (uint32_t)NVT_GET(c->aqa, AQA_ACQS) + 1, true, 0);
  nvt_sq_open(c, 0, &c->cqs[0], c->asq, (uint32_t)NVT_GET(c->aqa, AQA_ASQS) + 1);
  c->ready = c->enabled_once = true;
  c->csts |= (uint32_t)NVT_PUT(1, CSTS_RDY);
  nvt_event(c, EVENT_READY, 0, 0, 0, 0);
}

static void flush_done(struct nvt_io *io, nvt_status status) {
  (void)io;
  (void)status; /* a shutdown has no way to report it */
}

/* Base 2.1, section 3.6.1. Everything is on stable media before it is complete. */
static void shut_down(struct nvt_controller *c) {
  nvt_enter(c);
  if (c->loop != NULL)
    nvt_backend_drain(c->loop);
  for (uint32_t i = 0; i < c->nn; i++) {
    if (c->ns[i].ns == NULL)
      continue;
    struct nvt_io io = {.kind = NVT_IO_FLUSH, .done = flush_done};
    nvt_namespace_submit(c->ns[i].ns, &io);
    if (c->loop != NULL)
      nvt_backend_drain(c->loop);
  }
  nvt_leave(c);
  c->csts =
      (c->csts & ~(uint32_t)NVT_PUT(3, CSTS_SHST)) | (uint32_t)NVT_PUT(SHST_COMPLETE, CSTS_SHST);
  nvt_event(c, EVENT_SHUTDOWN, 0, 0, 0, 0);
}

static void write_cc(struct nvt_controller *c, uint32_t value) {
  uint32_t old = c->cc;
  bool was = NVT_GET(old, CC_EN) != 0, on = NVT_GET(value, CC_EN) != 0;
  value &= CC_DEFINED;
  if (was && on)
    value = (value & ~CC_FIXED) | (old & CC_FIXED);
  if (was && !on)
    nvt_controller_reset(c, NVT_RESET_CONTROLLER);
  c->cc = value;
  if (!was && on)
    enable(c);
  uint64_t shn = NVT_GET(value, CC_SHN);
  if (shn != NVT_GET(old, CC_SHN) && (shn == 1 || shn == 2))
    shut_down(c);
}

static void write_dword(struct nvt_controller *c, uint64_t offset, uint32_t value) {
  switch (offset) {
  case NVT_REG_INTMS:
  case NVT_REG_INTMC:
    if (nvt_msix_enabled(c))
      return; /* PCIe Transport 1.1, section 3.1.1: reserved with MSI-X */
    c->intms = offset == NVT_REG_INTMS ? c->intms | value : c->intms & ~value;
    nvt_pin_update(c);
    return;
  case NVT_REG_CC:
    write_cc(c, value);
    return;
  case NVT_REG_CSTS:
    c->csts &= ~(value & (uint32_t)NVT_PUT(1, CSTS_NSSRO)); /* write one to clear */
    return;
  case NVT_REG_NSSR:
    if (value == NVT_NSSR_RESET)
      nvt_controller_reset(c, NVT_RESET_SUBSYSTEM);
    return;
  case NVT_REG_AQA:
    c->aqa = value & AQA_DEFINED;
    return;
  case NVT_REG_ASQ:
    c->asq = (c->asq & ~0xffffffffULL) | (value & ~0xfffu);
    return;
  case NVT_REG_ASQ + 4:
    c->asq = (c->asq & 0xffffffffULL) | (uint64_t)value << 32;
    return;
  case NVT_REG_ACQ:
    c->acq = (c->acq & ~0xffffffffULL) | (value & ~0xfffu);
    return;
  case NVT_REG_ACQ + 4:
    c->acq = (c->acq & 0xffffffffULL) | (uint64_t)value << 32;
    return;
  default:
    return; /* read only or reserved */
  }
}

/* Pieces are naturally aligned, of 1, 2, 4 or 8 bytes. */
static uint64_t read_piece(struct nvt_controller *c, uint64_t offset, unsigned size) {
  if (unlikely(c->removed))
    return nvt_removed_read(c, NVT_TAP_REGREAD, SPACE_BAR0, offset, size);
  if (offset >= NVT_BAR0_MSIX_TABLE)
    return nvt_msix_read(c, offset, size);
  uint64_t value = 0;
  if (offset < NVT_BAR0_DOORBELLS) {
    uint64_t base = offset & ~3ULL;
    value = read_dword(c, base);
    if (size == 8)
      value |= (uint64_t)read_dword(c, base + 4) << 32;
    value >>= (offset & 3) * 8;
    if (size < 8)
      value &= (1ULL << size * 8) - 1;
  }
  (void)nvt_access_event(c, NVT_TAP_REGREAD, SPACE_BAR0, offset, size, &value, 0);
  return value;
}

static void write_piece(struct nvt_controller *c, uint64_t offset, unsigned size, uint64_t value) {
  if (unlikely(c->removed)) {
    (void)nvt_access_event(c, NVT_TAP_REGWRITE, SPACE_BAR0, offset, size, &value, ACCESS_REFUSED);
    return;
  }
  if (offset >= NVT_BAR0_MSIX_TABLE) {
    nvt_msix_write(c, offset, size, value);
    return;
  }
  if (size < 4) { /* Base 2.1, section 3.1.4: no such access is defined */
    (void)nvt_access_event(c, NVT_TAP_REGWRITE, SPACE_BAR0, offset, size, &value, ACCESS_REFUSED);
    return;
  }
  if (offset >= NVT_BAR0_DOORBELLS) {
    nvt_doorbell_write(c, offset, (uint32_t)value, 0);
    return;
  }
  if (!nvt_access_event(c, NVT_TAP_REGWRITE, SPACE_BAR0, offset, size, &value, 0))
    return;
  write_dword(c, offset, (uint32_t)value);
  if (size == 8)
    write_dword(c, offset + 4, (uint32_t)(value >> 32));
}

static unsigned piece_size(uint64_t offset, size_t len) {
  /* Each doorbell is a register of its own. */
  bool doorbell = offset >= NVT_BAR0_DOORBELLS && offset < NVT_BAR0_MSIX_TABLE;
  unsigned size = doorbell ? 4 : 8;
  while ((offset & (size - 1)) != 0 || size > len)
    size /= 2;
  return size;
}

int nvt_controller_bar0_read(struct nvt_controller *c, uint64_t offset, void *buf, size_t len) {
  if (offset > NVT_BAR0_SIZE || len > NVT_BAR0_SIZE - offset) {
    memset(buf, 0xff, len);
    return -ERANGE;
  }
  uint8_t *to = buf;
  while (len != 0) {
    unsigned size = piece_size(offset, len);
    uint64_t value = read_piece(c, offset, size);
    memcpy(to, &value, size);
    to += size;
    offset += size;
    len -= size;
  }
  return 0;
}

int nvt_controller_bar0_write(struct nvt_controller *c, uint64_t offset, const void *buf,
                              size_t len) {
  if (offset > NVT_BAR0_SIZE || len > NVT_BAR0_SIZE - offset)
    return -ERANGE;
  const uint8_t *from = buf;
  while (len != 0) {
    unsigned size = piece_size(offset, len);
    uint64_t value = 0;
    memcpy(&value, from, size);
    write_piece(c, offset, size, value);
    from += size;
    offset += size;
    len -= size;
  }
  return 0;
}
