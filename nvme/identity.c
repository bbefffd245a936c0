/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/identity.h"

#include <stdio.h>
#include <string.h>

/* FNV-1a, twice. */
void nvt_identity_uuid(const char *serial, uint8_t uuid[static NVT_UUID_BYTES]) {
  for (unsigned half = 0; half < 2; half++) {
    uint64_t hash = 0xcbf29ce484222325ULL + half;
    for (const char *at = serial; *at != '\0'; at++)
      hash = (hash ^ (uint8_t)*at) * 0x100000001b3ULL;
    memcpy(&uuid[half * 8], &hash, 8);
  }
  uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
  uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

void nvt_identity_namespace(const uint8_t subsystem[static NVT_UUID_BYTES], uint32_t nsid,
                            uint8_t uuid[static NVT_UUID_BYTES]) {
  memcpy(uuid, subsystem, NVT_UUID_BYTES);
  for (unsigned i = 0; i < 4; i++)
    uuid[12 + i] ^= (uint8_t)(nsid >> (24 - 8 * i));
}

void nvt_identity_nqn(const uint8_t uuid[static NVT_UUID_BYTES],
                      char nqn[static NVT_UUID_NQN_CHARS + 1]) {
  char *to = stpcpy(nqn, NVT_UUID_NQN_PREFIX);
  for (unsigned i = 0; i < NVT_UUID_BYTES; i++)
    to += sprintf(to, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}
