/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between profile.c and the profiles: one file and one row each (NVT_PROFILE). The table is
 * a linker section, as that of the subcommands is.
 */
#ifndef NVT_CONTROLLER_PROFILES_PROFILE_INT_H
#define NVT_CONTROLLER_PROFILES_PROFILE_INT_H

#include <time.h>

#include "controller/controller.h"
#include "controller/profiles/profile.h"
#include "controller/tap.h"

#define NVT_PROFILE_WORDS 2u
#define NVT_PROFILE_TAPS 6u

struct nvt_profile_word {
  const char *name; /* NULL: there are no more */
  uint64_t value;   /* when it isn't given */
  uint64_t low, high;
  const char *help;
};

struct nvt_profile_kind {
  const char *name, *summary, *trouble;
  struct nvt_profile_word words[NVT_PROFILE_WORDS];
  size_t state; /* bytes of its own, zeroed */
  /* What the controller has to be made with; NULL: nothing. */
  void (*options)(const struct nvt_profile *, struct nvt_controller_options *);
  /* Each is called with the struct nvt_profile as user. */
  struct {
    const char *tap;
    nvt_tap_fn called;
  } taps[NVT_PROFILE_TAPS];
};

struct nvt_profile {
  const struct nvt_profile_kind *kind;
  struct nvt_plugin_host *host;
  uint64_t words[NVT_PROFILE_WORDS];
  void *state;
  struct nvt_attachment *attachments[NVT_PROFILE_TAPS];
  uint32_t epoch; /* nvt_profile_renew(): the last one seen */
};

#define NVT_PROFILE(ident, ...)                                                                    \
  static const struct nvt_profile_kind nvt_profile_##ident = {__VA_ARGS__};                        \
  static const struct nvt_profile_kind *const nvt_profile_entry_##ident                            \
      __attribute__((used, section("nvt_profiles"))) = &nvt_profile_##ident

/* The i-th by name, NULL: there are no more. */
const struct nvt_profile_kind *nvt_profile_at(unsigned i);
/* A reset begins an epoch, and takes what the state knows with it: zeroed then. Returns the
 * state. */
void *nvt_profile_renew(struct nvt_profile *, const struct nvt_tap_event *);
uint64_t nvt_profile_now(void); /* ns */
/* For decode and execute: the command's answer is this. */
enum nvt_verdict nvt_profile_answer(const struct nvt_tap_event *, nvt_status);

#endif
