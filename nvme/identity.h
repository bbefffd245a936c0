/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the controller model's identifiers are, by its serial number: a host finds the same
 * namespace under the same name next time, and who replaces the serial number in a trace knows what
 * else has to be replaced. Pure.
 */
#ifndef NVT_NVME_IDENTITY_H
#define NVT_NVME_IDENTITY_H

#include <stdint.h>

#define NVT_UUID_BYTES 16
#define NVT_UUID_NQN_CHARS                                                                         \
  68 /* "nqn.2014-08.org.nvmexpress:uuid:" and a UUID: Base 2.1, section 4.7 */
#define NVT_UUID_NQN_PREFIX "nqn.2014-08.org.nvmexpress:uuid:"

/* The subsystem's: a UUID (RFC 9562, version 8), most significant byte first. */
void nvt_identity_uuid(const char *serial, uint8_t uuid[static NVT_UUID_BYTES]);
/* A namespace's, of the subsystem's. */
void nvt_identity_namespace(const uint8_t subsystem[static NVT_UUID_BYTES], uint32_t nsid,
                            uint8_t uuid[static NVT_UUID_BYTES]);
/* The NVMe Qualified Name that is made of a UUID; terminated. */
void nvt_identity_nqn(const uint8_t uuid[static NVT_UUID_BYTES],
                      char nqn[static NVT_UUID_NQN_CHARS + 1]);

#endif
