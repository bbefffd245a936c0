/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading JSON that may be anything: objects by tables of keys, values with their limits,
 * and messages that say where. */
#ifndef FAULT_READER_H
#define FAULT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

struct fault_reader {
  char *why; /* of a refusal */
  size_t whylen;
  char rule[96]; /* "rule 3 (\"name\")"; "" outside of rules */
};

struct fault_key {
  const char *name;
  /* path: where the value stands, "match.lba"; out: what read_object() was given. */
  bool (*take)(struct fault_reader *, const char *path, struct json_object *, void *out);
};

/* Refuse what stands at path; returns false. */
bool fault_refuse(struct fault_reader *, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `value` has to be an object that has none but these keys; each is taken. keys ends with a
 * NULL name. */
bool fault_read_object(struct fault_reader *, const char *path, struct json_object *value,
                       const struct fault_key *keys, void *out);

/* A whole number, or a string of one: "0x1f". */
bool fault_read_number(struct fault_reader *, const char *path, struct json_object *value,
                       uint64_t least, uint64_t most, uint64_t *out);
/* The string is a number as a whole; for strings that may be names, too. */
bool fault_number_in(const char *text, uint64_t *out);
bool fault_read_bool(struct fault_reader *, const char *path, struct json_object *value, bool *out);
/* An action that is only there or not: true. */
bool fault_read_true(struct fault_reader *, const char *path, struct json_object *value);
/* Valid until the JSON goes. NULL: refused. */
const char *fault_read_string(struct fault_reader *, const char *path, struct json_object *value);
/* [first, last], first not over last. */
bool fault_read_pair(struct fault_reader *, const char *path, struct json_object *value,
                     uint64_t least, uint64_t most, uint64_t out[2]);
/* "10ms": ns, us, ms or s; 1 ns to FAULT_NS_MAX. */
bool fault_read_duration(struct fault_reader *, const char *path, struct json_object *value,
                         uint64_t *out);

#endif
