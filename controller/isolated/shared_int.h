/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the two processes of an isolated plug-in share.
 *
 * They take turns: the parent writes a message for the child and increments `down`; the
 * child writes one for the parent and sets `up` to the same number; never two in a row from
 * one side. The parent asks (a callback, setup(), …), the child answers, or first calls
 * for something that the parent has, gets a reply, goes on. While the child waits for such a
 * reply it may be asked again: what it called for can make taps fire.
 *
 * What the plug-in's other threads want goes over a socket, in datagrams, and isn't answered.
 *
 * The parent believes nothing that stands here: it keeps its own count, copies a message once,
 * checks the copy, and uses only that. The memory can't be made smaller under its feet
 * (F_SEAL_SHRINK). Guard words that the child has no business with tell of wild writes.
 */
#ifndef NVT_CONTROLLER_ISOLATED_SHARED_INT_H
#define NVT_CONTROLLER_ISOLATED_SHARED_INT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/tap.h"
#include "nvme/nvme.h"

/* Descriptors of the child, besides the standard three. */
#define NVT_ISOLATED_SOCKET 3
#define NVT_ISOLATED_MEMORY 4

/* Data of an event; a command's data can't be more (MDTS of at most 8 MiB). */
#define NVT_ISOLATED_DATA (8u << 20)
/* Data of a call; more is copied in pieces. */
#define NVT_ISOLATED_PIECE (64u << 10)
/* Questions within calls within questions. */
#define NVT_ISOLATED_DEPTH 8u

enum nvt_isolated_kind {
  /* parent to child */
  ISOLATED_REPLY, /* to a call */
  /* piece: path, args, name, each with a 0. Answer: as the kind's start(), its why in the piece */
  ISOLATED_START,
  ISOLATED_STOP,    /* answer: what teardown() said */
  ISOLATED_EVENT,   /* answer: the verdict, and what was changed */
  ISOLATED_RUN,     /* a timer or posted work: function, argument */
  ISOLATED_CONTROL, /* piece: text. arg[0]: room for the answer. Answer: control()'s, text in the
                       piece */
  /* child to parent */
  ISOLATED_ANSWER,
  ISOLATED_CALL_FIRST, /* calls: as the functions of plugin.h, arg[] in their order */
  ISOLATED_ATTACH = ISOLATED_CALL_FIRST, /* text, callback, order */
  ISOLATED_DETACH,                       /* text */
  ISOLATED_TIMER_START,                  /* ns, function, argument; reply: the id in arg[0] */
  ISOLATED_TIMER_STOP,
  ISOLATED_CMD_READ, /* handle, offset, length; the bytes in the piece */
  ISOLATED_CMD_WRITE,
  ISOLATED_MEMORY_READ, /* bdf, address, length; the bytes in the piece */
  ISOLATED_MEMORY_WRITE,
  ISOLATED_EVENT_RAISE,
  ISOLATED_COMPLETION_POST, /* bdf, cqid; cqe */
  ISOLATED_INTERRUPT_RAISE,
  ISOLATED_CQID, /* bdf, sqid */
  ISOLATED_FATAL,
  ISOLATED_REMOVE,
  ISOLATED_RETURN,
  ISOLATED_KINDS
};

/* `changed` of an answer. */
#define ISOLATED_CHANGED_VALUE 1u
#define ISOLATED_CHANGED_DATA 2u

struct isolated_down {
  uint32_t number; /* the value of `down` */
  uint16_t kind;
  uint16_t unused;
  int64_t result;  /* REPLY */
  uint64_t arg[4]; /* RUN: function, argument; EVENT: the callback; … */
  uint32_t data;   /* EVENT of a memory tap: where in data[] */
  uint32_t writable;
  uint32_t depth;
  /* Without its pointers, which the child sets to its own copies. */
  struct nvt_tap_event event;
  struct nvt_sqe sqe;
  struct nvt_cqe cqe;
  char plugin[64]; /* VERDICT: whose */
};

struct isolated_up {
  uint32_t number;
  uint16_t kind;
  uint16_t changed;
  int64_t result;
  uint64_t arg[5];
  uint64_t value;
  struct nvt_sqe sqe;
  struct nvt_cqe cqe;
  char text[64]; /* a tap's name */
  uint64_t sum;  /* nvt_isolated_sum() */
};

struct isolated_shared {
  uint64_t guard0[8];
  _Alignas(64) _Atomic uint32_t down; /* the parent's; a futex */
  _Atomic uint32_t child_sleeps;
  _Alignas(64) _Atomic uint32_t up; /* the child's */
  _Atomic uint32_t cpu;             /* where it ran last */
  _Alignas(64) _Atomic uint32_t parent_sleeps;
  _Alignas(64) struct isolated_down to_child;
  _Alignas(64) uint64_t guard1[8];
  _Alignas(64) struct isolated_up to_parent;
  _Alignas(64) uint64_t guard2[8];
  _Alignas(4096) uint8_t piece[NVT_ISOLATED_PIECE];
  uint8_t data[NVT_ISOLATED_DATA];
  _Alignas(64) uint64_t guard3[8];
};

/* Any number of threads of the child to the parent: datagrams of exactly this. */
enum nvt_isolated_note {
  ISOLATED_WAKE, /* look at `up` */
  ISOLATED_COMPLETE,
  ISOLATED_CONTINUE,
  ISOLATED_POST, /* function, argument */
  ISOLATED_NOTES
};
struct isolated_note {
  uint32_t kind;
  uint32_t unused;
  uint64_t arg[2];
  struct nvt_cqe cqe;
};

/* Odd factors: no change of a single word goes unnoticed. */
static inline uint64_t nvt_isolated_sum(const struct isolated_up *up) {
  uint64_t words[offsetof(struct isolated_up, sum) / sizeof(uint64_t)], sum = 0x6e76746170ull;
  _Static_assert(offsetof(struct isolated_up, sum) % sizeof(uint64_t) == 0, "whole words");
  __builtin_memcpy(words, up, sizeof(words));
  for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    sum += words[i] * (2 * i + 0x9e3779b97f4a7c15ull);
  return sum;
}

#endif
