/* SPDX-License-Identifier: BSD-2-Clause */
/* The parent's side of an isolated plug-in. All of it: device thread. */
#ifndef NVT_CONTROLLER_ISOLATED_ISOLATED_INT_H
#define NVT_CONTROLLER_ISOLATED_ISOLATED_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "controller/isolated/isolated.h"
#include "controller/isolated/shared_int.h"
#include "controller/plugin_int.h"

struct nvt_isolated {
  struct nvt_plugin *plugin;
  struct isolated_shared *shared;
  int socket; /* -1: none */
  int pidfd;
  pid_t pid; /* 0: none, or reaped */
  bool started;
  bool told;      /* its end was */
  bool closed;    /* it shut its end of the socket */
  uint16_t cause; /* NVT_DIED_…; 0: it lives */
  uint32_t number;
  unsigned depth;
  uint32_t data_used; /* of shared->data, by the questions under way */
  uint64_t guard;
  uint64_t deadline; /* of the outermost question, by nvt_isolated_clock(); 0: not yet looked at */
  uint64_t allowed;  /* ns for it */
  struct nvt_isolation_options options;
  char *program;
  bool spin;                         /* there is another processor that the child may be on */
  unsigned noted;                    /* notes taken since the last question began */
  unsigned posts;                    /* that wait for the device thread */
  const struct nvt_tap_event *asked; /* innermost: what it is deciding; NULL: none */
  /* Until `up` is `number`: false when the child came to its end. A test of the decoder
   * puts its own here. */
  bool (*wait)(struct nvt_isolated *);
};

/* --- process.c --- */
uint64_t nvt_isolated_clock(void); /* CLOCK_MONOTONIC in ns */
/* Shared memory, socket, process. -errno with a message in why. */
int nvt_isolated_spawn(struct nvt_isolated *, const char *name, char *why, size_t whylen);
/* The shared memory alone. 0 or -errno; *fd is the caller's. */
int nvt_isolated_memory(struct nvt_isolated *, int *fd);
/* End the process if it hasn't ended, and take its remains. cause 0: what they say. The first
 * cause stays. */
void nvt_isolated_end(struct nvt_isolated *, uint16_t cause);
/* Give back descriptors and memory. */
void nvt_isolated_close(struct nvt_isolated *);
/* "signal 11 (Segmentation fault)", … */
void nvt_isolated_cause(const struct nvt_isolated *, char *text, size_t length);

/* What the child says may go to a person's terminal: nothing that moves the cursor. */
void nvt_isolated_printable(char *text);

/* --- channel.c --- */
/* What is in shared->to_child goes to the child as this kind of question; serve it until
 * it answers. False: it came to its end, ->cause says how. */
bool nvt_isolated_ask(struct nvt_isolated *, enum nvt_isolated_kind, uint64_t allowed,
                      struct isolated_up *answer);
/* ->wait of a real child. */
bool nvt_isolated_wait(struct nvt_isolated *);
/* Set the guard words, or see whether they are as they were set. */
void nvt_isolated_guard(struct nvt_isolated *);
bool nvt_isolated_guarded(const struct nvt_isolated *);

/* --- serve.c --- */
/* Do what a call wants; the reply is left in shared->to_child. */
void nvt_isolated_serve(struct nvt_isolated *, const struct isolated_up *call);
/* Take what its threads sent. */
void nvt_isolated_notes(struct nvt_isolated *);
/* One datagram of `length` bytes (as it was sent: it may be more than a note). False: no
 * child of ours sends that. */
bool nvt_isolated_note(struct nvt_isolated *, const struct isolated_note *, size_t length);

/* --- isolated.c --- */
extern const struct nvt_plugin_kind nvt_plugin_isolated;
/* Tell of its end and detach it, once; event: what it was asked about, or NULL. */
void nvt_isolated_died(struct nvt_isolated *, const struct nvt_tap_event *event);

#endif
