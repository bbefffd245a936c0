/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fault plug-in's rules: what docs/faults.md describes, parsed. No behaviour of a
 * plug-in stands here: all of it runs without a controller.
 */
#ifndef FAULT_RULES_H
#define FAULT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_RULES_MAX 1000u         /* of one plug-in, those added later too */
#define FAULT_TEXT_MAX (1u << 20)     /* bytes of JSON */
#define FAULT_DEPTH_MAX 8             /* objects and arrays in each other */
#define FAULT_QUEUES_MAX 32u          /* in one "queue" list */
#define FAULT_NAME_MAX 63u            /* characters */
#define FAULT_NS_MAX 3600000000000ull /* an hour: of each duration */
#define FAULT_FOR_EVER UINT64_MAX

struct json_object;

/* What a rule looks at. */
enum fault_on { FAULT_ON_COMMAND, FAULT_ON_REGISTER, FAULT_ON_INTERRUPT };

struct fault_match {
  enum fault_on on;
  /* a command */
  bool admin;
  uint64_t opcodes[4]; /* a bit each */
  uint16_t queues[FAULT_QUEUES_MAX];
  unsigned queue_count; /* 0: any */
  bool by_namespace, by_lba, by_size;
  uint32_t nsid;
  uint64_t lba[2];  /* first and last */
  uint32_t size[2]; /* blocks */
  /* a register: bytes of BAR0 */
  uint32_t offset, width;
  bool write; /* else reads */
  bool by_value;
  uint64_t value, mask; /* value & mask is compared */
  /* which of those that match */
  uint64_t after;     /* the first so many aren't hit */
  uint64_t every;     /* of the rest each so-manieth; 1: all */
  uint64_t count;     /* hit at most so often; UINT64_MAX: no limit */
  double probability; /* 0 to 1 */
};

enum fault_kind {
  FAULT_STATUS,
  FAULT_DELAY,
  FAULT_DROP,
  FAULT_CORRUPT,
  FAULT_WRONG_ID,
  FAULT_DUPLICATE,
  FAULT_LOSE_INTERRUPT,
  FAULT_SPURIOUS_INTERRUPT,
  FAULT_READY,
  FAULT_FATAL,
  FAULT_REMOVE,
  FAULT_EVENT,
  FAULT_VALUE,
  FAULT_KINDS
};

struct fault_action {
  enum fault_kind kind;
  bool executed;        /* the command is executed before */
  uint16_t status;      /* SCT << 8 | SC */
  bool dnr;             /* Do Not Retry */
  uint64_t ns;          /* of the delay; RDY sticks so long; the device, a duplicate comes then */
  uint64_t offset;      /* corrupt: bytes into the command's data */
  uint32_t bytes;       /* corrupt: how many */
  uint8_t xor_with;     /* corrupt */
  uint8_t directions;   /* corrupt: bit 0 from the host, bit 1 to the host */
  uint16_t id;          /* of a completion for a command that isn't there */
  uint32_t times;       /* duplicate: so many more */
  uint32_t vector;      /* spurious interrupt */
  bool ready;           /* what RDY sticks at */
  uint64_t value, mask; /* of a register: these bits of it */
  uint8_t event[3];     /* type, information, log page */
};

struct fault_rule {
  unsigned number; /* from 1, never used twice */
  char name[FAULT_NAME_MAX + 1];
  char *text; /* as it was given, without blanks; owned */
  struct fault_match match;
  struct fault_action action;
  uint64_t random;  /* state of its generator */
  uint64_t matches; /* so often was it what the rule looks at */
  uint64_t hits;    /* so often it was hit */
  uint64_t failed;  /* hits where it couldn't be done */
};

struct fault_set {
  uint64_t seed;
  struct fault_rule *rules;
  unsigned count;
  unsigned last_number;
};

/* Append to `set` (zeroed at first) the rules of a JSON text: {"seed": …, "rules": [ … ]}.
 * On false nothing was appended, and `why` tells a person what is wrong, where, and what is
 * wanted. The text needs no 0 at its end. */
bool fault_rules_parse(struct fault_set *, const char *text, size_t length, char *why,
                       size_t whylen);
/* The same of one rule: {"match": …, "action": …}. */
bool fault_rule_parse(struct fault_set *, const char *text, size_t length, char *why,
                      size_t whylen);
/* Read a file of rules: at most FAULT_TEXT_MAX bytes. */
bool fault_rules_read(struct fault_set *, const char *path, char *why, size_t whylen);
void fault_rules_free(struct fault_set *);

/* The word for a kind in JSON, "drop". */
const char *fault_kind_word(enum fault_kind);
/* Does the action take place once the command has been executed? Else before. */
bool fault_is_late(const struct fault_rule *);

/* All rules from the one at place `from` on that fit into length - 1 bytes of `out`, with
 * their counts, as a JSON object; "next": where to go on, when not all did. */
void fault_rules_list(const struct fault_set *, unsigned from, char *out, size_t length);

#endif
