/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for people, put together in a buffer: how opcodes, statuses, registers,
 * times and addresses are written everywhere. Needs no library.
 */
#ifndef NVT_TRACE_TEXT_H
#define NVT_TRACE_TEXT_H

#include "nvme/names.h"

/* What doesn't fit is left out; always terminated. */
struct nvt_text {
  char *buffer;
  size_t size; /* of the buffer, at least 1 */
  size_t length;
};
void nvt_text_init(struct nvt_text *, char *buffer, size_t size);

void nvt_text_add(struct nvt_text *, const char *);
void nvt_text_dec(struct nvt_text *, uint64_t);
void nvt_text_hex(struct nvt_text *, uint64_t,
                  unsigned digits); /* "0x…", at least so many digits */
void nvt_text_printf(struct nvt_text *, const char *, ...) __attribute__((format(printf, 2, 3)));
/* Bytes from outside, `length` of them: what isn't printable ASCII or well-formed UTF-8 as \xNN. */
void nvt_text_quote(struct nvt_text *, const void *, size_t length);

/* "Read", or "opcode 0x99"; the code is nvt_command_code()'s. */
void nvt_text_opcode(struct nvt_text *, enum nvt_opcode_set, uint8_t code);
/* "Invalid Field in Command", or "status 1/0x7f". */
void nvt_text_status(struct nvt_text *, nvt_status);
void nvt_text_status_in(struct nvt_text *, enum nvt_opcode_set, nvt_status);
/* "12.345 µs": four to six significant digits. */
void nvt_text_duration(struct nvt_text *, uint64_t ns);
/* "0000:01:00.0" of a record header's pci_address. */
void nvt_text_pci(struct nvt_text *, uint32_t pci_address);
/* "CC", "CAP+4", or "offset 0x123". */
void nvt_text_register(struct nvt_text *, uint64_t offset);
/* The same of an access of `size` bytes to PCI configuration space: "Command", "Class Code+1",
 * "MSI-X Message Control", "Vendor ID, …", or "0x52". What isn't known of the space may be NULL. */
struct nvt_config_space;
void nvt_text_pci_register(struct nvt_text *, const struct nvt_config_space *, uint64_t offset,
                           unsigned size);
/* " EN IOSQES=6": fields of the register at offset that aren't 0. */
void nvt_text_register_fields(struct nvt_text *, uint64_t offset, uint64_t value, unsigned size);
/* "Read sq 1 cid 0x007f nsid 1 lba 8192+8 prp 0x…": a command's one line. */
void nvt_text_command(struct nvt_text *, enum nvt_opcode_set, uint16_t sqid,
                      const struct nvt_sqe *);
/* " lba 8192 cns 0x01 (Identify Controller)": a field's part of that line. Of a result: all its
 * fields, if any of it applies; sqe may be NULL. */
void nvt_text_field(struct nvt_text *, const struct nvt_command_field *, uint64_t value);
void nvt_text_result(struct nvt_text *, enum nvt_opcode_set, uint8_t code, const struct nvt_sqe *,
                     const struct nvt_cqe *);
/* "0x01 (Identify Controller)", "8 (0x7, zero-based)", "12": a field's value alone. */
void nvt_text_field_value(struct nvt_text *, const struct nvt_command_field *, uint64_t value);

/* Rows of nvme/registers.def's fields, for printers that show each bit field. */
struct nvt_register_field_info {
  uint32_t offset; /* of the register */
  uint8_t lsb;
  uint8_t width; /* bits */
  const char *name;
  const char *title;
};
const struct nvt_register_field_info *nvt_register_fields(size_t *count);
/* What an access of `size` bytes at `offset` says of a field: false when the field isn't the
 * register's at offset, or doesn't lie in the accessed part of it. */
bool nvt_register_field_bits(const struct nvt_register_field_info *, uint64_t offset, unsigned size,
                             uint64_t value, uint64_t *bits);

#endif
