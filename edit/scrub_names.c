/* SPDX-License-Identifier: BSD-2-Clause */
#include "edit/scrub_names.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "nvme/identity.h"

#define FIXED_BYTES 12u /* of a namespace's UUID, in which its number isn't */

struct known {
  uint16_t controller;
  char text[3][41]; /* serial number, model, firmware: as they were */
  uint8_t uuid[NVT_UUID_BYTES];
  uint8_t uuid_now[NVT_UUID_BYTES];
};

struct nvt_names {
  struct hmac_sha256_ctx keyed;
  bool keep_model;
  unsigned count;
  unsigned next; /* the one to forget next, when all are in use */
  struct known known[NVT_NAMES_KNOWN_MAX];
};

int nvt_names_create(const uint8_t *key, size_t length, bool keep_model, struct nvt_names **out) {
  struct nvt_names *names = calloc(1, sizeof(*names));
  if (names == NULL)
    return -ENOMEM;
  hmac_sha256_set_key(&names->keyed, length, key);
  names->keep_model = keep_model;
  *out = names;
  return 0;
}

void nvt_names_destroy(struct nvt_names *names) {
  free(names);
}

/* As many bytes as are asked for, of (label, original). */
static void derive(const struct nvt_names *names, const char *label, const void *from,
                   size_t length, uint8_t *out, size_t size) {
  for (uint32_t block = 0; size > 0; block++) {
    struct hmac_sha256_ctx keyed = names->keyed;
    uint8_t digest[SHA256_DIGEST_SIZE];
    hmac_sha256_update(&keyed, strlen(label) + 1, (const uint8_t *)label);
    hmac_sha256_update(&keyed, sizeof(block), (const uint8_t *)&block);
    hmac_sha256_update(&keyed, length, from);
    hmac_sha256_digest(&keyed, sizeof(digest), digest);
    size_t more = size < sizeof(digest) ? size : sizeof(digest);
    memcpy(out, digest, more);
    out += more;
    size -= more;
  }
}

uint64_t nvt_names_number(const struct nvt_names *names, const char *label, const void *bytes,
                          size_t length) {
  uint64_t number;
  derive(names, label, bytes, length, (uint8_t *)&number, sizeof(number));
  return number;
}

/* Letters and digits that nobody takes for one another. */
static void stand_in_text(const struct nvt_names *names, const char *label, const uint8_t *from,
                          size_t length, uint8_t *out) {
  static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  derive(names, label, from, length, out, length);
  for (size_t i = 0; i < length; i++)
    out[i] = (uint8_t)letters[out[i] % 32];
}

static const char *label_of(enum nvt_privacy class) {
  switch (class) {
  case NVT_PRIVACY_SERIAL:
    return "serial";
  case NVT_PRIVACY_MODEL:
    return "model";
  case NVT_PRIVACY_FIRMWARE:
    return "firmware";
  case NVT_PRIVACY_NQN:
    return "nqn";
  default:
    return "text";
  }
}

/* Without the padding behind it. */
static size_t trimmed(const uint8_t *bytes, size_t length) {
  while (length > 0 && (bytes[length - 1] == ' ' || bytes[length - 1] == '\0'))
    length--;
  return length;
}

/* What is remembered, one after another from *at = 0 on, of the controller first; NULL: no more. */
static const struct known *next_known(const struct nvt_names *names, uint16_t controller,
                                      unsigned *at) {
  while (*at < 2 * names->count) {
    const struct known *known = &names->known[*at % names->count];
    bool first = (*at)++ < names->count;
    if ((known->controller == controller) == first)
      return known;
  }
  return NULL;
}

/* --- identifiers --- */

/* `length` first bytes of a UUID that follows from a serial number. */
static bool follows(const struct nvt_names *names, uint16_t controller, uint8_t *bytes,
                    size_t length) {
  size_t fixed = length < FIXED_BYTES ? length : FIXED_BYTES;
  if (length < 4 || length > NVT_UUID_BYTES)
    return false;
  const struct known *known;
  for (unsigned i = 0; (known = next_known(names, controller, &i)) != NULL;) {
    if (memcmp(known->uuid, bytes, fixed) != 0)
      continue;
    for (size_t k = 0; k < length; k++)
      bytes[k] ^= known->uuid[k] ^ known->uuid_now[k];
    return true;
  }
  return false;
}

static bool all_alike(const uint8_t *bytes, size_t length, uint8_t value) {
  while (length > 0 && *bytes == value)
    bytes++, length--;
  return length == 0;
}

static bool replace_id(const struct nvt_names *names, uint16_t controller, uint8_t *bytes,
                       size_t length) {
  if (all_alike(bytes, length, 0) || all_alike(bytes, length, 0xff))
    return false;
  if (follows(names, controller, bytes, length))
    return true;
  uint8_t now[64];
  for (size_t done = 0; done < length; done += sizeof(now)) {
    size_t more = length - done < sizeof(now) ? length - done : sizeof(now);
    derive(names, "id", bytes + done, more, now, more);
    if (length == NVT_UUID_BYTES) {
      now[6] = (uint8_t)((now[6] & 0x0f) | 0x80);
      now[8] = (uint8_t)((now[8] & 0x3f) | 0x80);
    }
    memcpy(bytes + done, now, more);
  }
  return true;
}

/* --- NVMe Qualified Names --- */

static int digit(uint8_t c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The UUID in the name; false: it has none. */
static bool uuid_of(const uint8_t *name, size_t length, uint8_t uuid[static NVT_UUID_BYTES]) {
  size_t at = sizeof(NVT_UUID_NQN_PREFIX) - 1;
  if (length != NVT_UUID_NQN_CHARS || memcmp(name, NVT_UUID_NQN_PREFIX, at) != 0)
    return false;
  for (size_t i = 0; i < NVT_UUID_BYTES; i++, at += 2) {
    if ((i == 4 || i == 6 || i == 8 || i == 10) && name[at++] != '-')
      return false;
    int high = digit(name[at]), low = digit(name[at + 1]);
    if (high < 0 || low < 0)
      return false;
    uuid[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

/* The name's first bytes alone: what all names begin with stays. */
static bool replace_cut_nqn(const struct nvt_names *names, uint16_t controller, uint8_t *bytes,
                            size_t length) {
  char was[NVT_UUID_NQN_CHARS + 1], now[NVT_UUID_NQN_CHARS + 1];
  const struct known *known;
  for (unsigned i = 0; (known = next_known(names, controller, &i)) != NULL;) {
    nvt_identity_nqn(known->uuid, was);
    nvt_identity_nqn(known->uuid_now, now);
    if (length <= NVT_UUID_NQN_CHARS && memcmp(was, bytes, length) == 0) {
      memcpy(bytes, now, length);
      return true;
    }
  }
  size_t same = 0;
  while (same < length && same < sizeof(NVT_UUID_NQN_PREFIX) - 1 &&
         bytes[same] == (uint8_t)NVT_UUID_NQN_PREFIX[same])
    same++;
  if (same == length)
    return false;
  uint8_t copy[256];
  for (size_t at = same; at < length; at += sizeof(copy)) {
    size_t more = length - at < sizeof(copy) ? length - at : sizeof(copy);
    memcpy(copy, bytes + at, more);
    stand_in_text(names, "nqn", copy, more, bytes + at);
  }
  return true;
}

static bool replace_nqn(const struct nvt_names *names, uint16_t controller, uint8_t *bytes,
                        size_t length, bool whole) {
  static const char discovery[] = "nqn.2014-08.org.nvmexpress.discovery";
  size_t used = trimmed(bytes, length);
  if (used == 0 || (used == sizeof(discovery) - 1 && memcmp(bytes, discovery, used) == 0))
    return false;
  if (!whole)
    return replace_cut_nqn(names, controller, bytes, used);
  uint8_t uuid[NVT_UUID_BYTES];
  char now[NVT_UUID_NQN_CHARS + 1];
  if (!uuid_of(bytes, used, uuid)) {
    derive(names, "nqn", bytes, used, uuid, sizeof(uuid));
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
  } else if (!replace_id(names, controller, uuid, sizeof(uuid))) {
    return false;
  }
  nvt_identity_nqn(uuid, now);
  memset(bytes, 0, used);
  memcpy(bytes, now, length < NVT_UUID_NQN_CHARS ? length : NVT_UUID_NQN_CHARS);
  return true;
}

/* --- text --- */

static bool begins(const char *text, const uint8_t *bytes, size_t length) {
  size_t whole = strlen(text), same = length < whole ? length : whole;
  return memcmp(text, bytes, same) == 0 && trimmed(bytes + same, length - same) == 0;
}

/* The first bytes of a text that a meta-record has whole: of its stand-in as many. */
static bool replace_piece(const struct nvt_names *names, enum nvt_privacy class,
                          uint16_t controller, uint8_t *bytes, size_t length) {
  unsigned which = class - NVT_PRIVACY_SERIAL;
  const struct known *known;
  for (unsigned i = 0; which < 3 && (known = next_known(names, controller, &i)) != NULL;) {
    size_t whole = strlen(known->text[which]);
    uint8_t now[sizeof(known->text[which])];
    if (whole == 0 || !begins(known->text[which], bytes, length))
      continue;
    stand_in_text(names, label_of(class), (const uint8_t *)known->text[which], whole, now);
    memcpy(bytes, now, length < whole ? length : whole);
    return true;
  }
  return false;
}

static bool replace_text(const struct nvt_names *names, enum nvt_privacy class, uint16_t controller,
                         uint8_t *bytes, size_t length, bool whole) {
  size_t used = trimmed(bytes, length);
  if (used == 0)
    return false;
  if (!whole && replace_piece(names, class, controller, bytes, length))
    return true;
  uint8_t *copy = malloc(used);
  if (copy == NULL) { /* better no name than the true one */
    memset(bytes, 'X', used);
    return true;
  }
  memcpy(copy, bytes, used);
  stand_in_text(names, label_of(class), copy, used, bytes);
  free(copy);
  return true;
}

bool nvt_names_replace(struct nvt_names *names, enum nvt_privacy class, uint16_t controller,
                       uint8_t *bytes, size_t length, bool whole) {
  switch (class) {
  case NVT_PRIVACY_ID:
    return replace_id(names, controller, bytes, length);
  case NVT_PRIVACY_NQN:
    return replace_nqn(names, controller, bytes, length, whole);
  case NVT_PRIVACY_MODEL:
  case NVT_PRIVACY_FIRMWARE:
    return !names->keep_model && replace_text(names, class, controller, bytes, length, whole);
  default:
    return replace_text(names, class, controller, bytes, length, whole);
  }
}

static struct known *remember(struct nvt_names *names, uint16_t controller,
                              const struct nvt_meta *meta) {
  struct known new = {.controller = controller};
  memcpy(new.text[0], meta->serial, sizeof(meta->serial));
  memcpy(new.text[1], meta->model, sizeof(meta->model));
  memcpy(new.text[2], meta->firmware, sizeof(meta->firmware));
  for (unsigned i = 0; i < names->count; i++)
    if (names->known[i].controller == controller &&
        memcmp(names->known[i].text, new.text, sizeof(new.text)) == 0)
      return &names->known[i];
  struct known *known = &names->known[names->next];
  names->next = (names->next + 1) % NVT_NAMES_KNOWN_MAX;
  if (names->count < NVT_NAMES_KNOWN_MAX)
    names->count++;
  *known = new;
  return known;
}

void nvt_names_meta(struct nvt_names *names, uint16_t controller, struct nvt_meta *meta) {
  struct known *known = remember(names, controller, meta);
  nvt_identity_uuid(meta->serial, known->uuid);
  nvt_names_replace(names, NVT_PRIVACY_SERIAL, controller, (uint8_t *)meta->serial,
                    strlen(meta->serial), true);
  nvt_names_replace(names, NVT_PRIVACY_MODEL, controller, (uint8_t *)meta->model,
                    strlen(meta->model), true);
  nvt_names_replace(names, NVT_PRIVACY_FIRMWARE, controller, (uint8_t *)meta->firmware,
                    strlen(meta->firmware), true);
  nvt_identity_uuid(meta->serial, known->uuid_now);
}
