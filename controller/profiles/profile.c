/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/profiles/profile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/host.h"
#include "controller/namespace.h"
#include "controller/profiles/profile_int.h"

extern const struct nvt_profile_kind *const __start_nvt_profiles[];
extern const struct nvt_profile_kind *const __stop_nvt_profiles[];

const struct nvt_profile_kind *nvt_profile_at(unsigned index) {
  /* The linker's order is that of the object files. Both bounds are of one section. */
  // cppcheck-suppress [comparePointers, subtractPointers]
  size_t count = (size_t)(__stop_nvt_profiles - __start_nvt_profiles);
  for (size_t i = 0; i < count; i++) {
    size_t before = 0;
    for (size_t j = 0; j < count; j++)
      before += strcmp(__start_nvt_profiles[j]->name, __start_nvt_profiles[i]->name) < 0;
    if (before == index)
      return __start_nvt_profiles[i];
  }
  return NULL;
}

bool nvt_profile_info(unsigned i, struct nvt_profile_info *info) {
  const struct nvt_profile_kind *kind = nvt_profile_at(i);
  if (kind != NULL)
    *info = (struct nvt_profile_info){kind->name, kind->summary, kind->trouble};
  return kind != NULL;
}

const char *nvt_profile_trouble(const struct nvt_profile *profile) {
  return profile->kind->trouble;
}

void *nvt_profile_renew(struct nvt_profile *profile, const struct nvt_tap_event *event) {
  if (profile->epoch != event->epoch)
    memset(profile->state, 0, profile->kind->state);
  profile->epoch = event->epoch;
  return profile->state;
}

uint64_t nvt_profile_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum nvt_verdict nvt_profile_answer(const struct nvt_tap_event *event, nvt_status status) {
  uint16_t full = status == NVT_SC_SUCCESS ? 0 : (uint16_t)(status | NVT_STATUS_DNR);
  event->command.cqe->status = (uint16_t)(full << 1);
  return NVT_VERDICT_COMPLETE;
}

/* --- its text --- */

static const struct nvt_profile_kind *find(const char *name) {
  const struct nvt_profile_kind *kind;
  for (unsigned i = 0; (kind = nvt_profile_at(i)) != NULL; i++)
    if (strcmp(kind->name, name) == 0)
      return kind;
  return NULL;
}

/* One "word=value", in place. */
static bool take_word(struct nvt_profile *profile, char *text, char *why, size_t whylen) {
  const struct nvt_profile_word *words = profile->kind->words;
  char *equals = strchr(text, '=');
  if (equals != NULL)
    *equals = '\0';
  for (unsigned i = 0; i < NVT_PROFILE_WORDS && words[i].name != NULL; i++) {
    if (strcmp(words[i].name, text) != 0)
      continue;
    uint64_t value = 0;
    const char *given = equals == NULL ? "" : equals + 1;
    bool good = strcmp(given, "0") == 0 || nvt_parse_size(given, &value);
    if (good && value >= words[i].low && value <= words[i].high) {
      profile->words[i] = value;
      return true;
    }
    snprintf(why, whylen, "%s: %s=%s: %s, %" PRIu64 " to %" PRIu64, profile->kind->name, text,
             given, words[i].help, words[i].low, words[i].high);
    return false;
  }
  snprintf(why, whylen, "the profile %s has no word '%s'; 'nvmetap profiles' lists them",
           profile->kind->name, text);
  return false;
}

static int take_words(struct nvt_profile *profile, char *next, char *why, size_t whylen) {
  while (next != NULL) {
    char *word = next;
    next = strchr(word, ',');
    if (next != NULL)
      *next++ = '\0';
    if (!take_word(profile, word, why, whylen))
      return -EINVAL;
  }
  return 0;
}

static int attach(struct nvt_profile *profile, char *why, size_t whylen) {
  const struct nvt_profile_kind *kind = profile->kind;
  for (unsigned i = 0; i < NVT_PROFILE_TAPS && kind->taps[i].tap != NULL; i++) {
    int error = nvt_tap_attach(profile->host, kind->taps[i].tap, 0, kind->taps[i].called, profile,
                               kind->name, &profile->attachments[i]);
    if (error != 0) {
      snprintf(why, whylen, "%s: %s: %s", kind->name, kind->taps[i].tap, strerror(-error));
      return error;
    }
  }
  return 0;
}

/* Which profile, and its words: "NAME[,word=value]…", in place. */
static int read_text(struct nvt_profile *profile, char *text, char *why, size_t whylen) {
  char *words = strchr(text, ',');
  if (words != NULL)
    *words++ = '\0';
  const struct nvt_profile_kind *kind = profile->kind = find(text);
  if (kind == NULL) {
    snprintf(why, whylen, "there is no profile '%s'; 'nvmetap profiles' lists them", text);
    return -EINVAL;
  }
  for (unsigned i = 0; i < NVT_PROFILE_WORDS; i++)
    profile->words[i] = kind->words[i].value;
  return take_words(profile, words, why, whylen);
}

static void set_options(const struct nvt_profile *profile, const char *text,
                        struct nvt_controller_options *options) {
  options->profile = text;
  if (profile->kind->options != NULL)
    profile->kind->options(profile, options);
}

int nvt_profile_start(const char *text, struct nvt_plugin_host *host,
                      struct nvt_controller_options *options, struct nvt_profile **out, char *why,
                      size_t whylen) {
  struct nvt_profile *profile = calloc(1, sizeof(*profile));
  char *copy = strdup(text);
  int error = -ENOMEM;
  snprintf(why, whylen, "out of memory");
  if (profile != NULL)
    profile->host = host;
  if (profile != NULL && copy != NULL)
    error = read_text(profile, copy, why, whylen);
  if (error == 0) {
    profile->state = calloc(1, profile->kind->state + 1);
    error = profile->state == NULL ? -ENOMEM : attach(profile, why, whylen);
  }
  free(copy);
  if (error != 0) {
    nvt_profile_end(profile);
    return error;
  }
  set_options(profile, text, options);
  *out = profile;
  return 0;
}

bool nvt_profile_options(const char *text, struct nvt_controller_options *options) {
  struct nvt_profile profile = {0};
  char *copy = strdup(text), why[256];
  bool good = copy != NULL && read_text(&profile, copy, why, sizeof(why)) == 0;
  if (good)
    set_options(&profile, text, options);
  free(copy);
  return good;
}

void nvt_profile_end(struct nvt_profile *profile) {
  if (profile == NULL)
    return;
  for (unsigned i = 0; i < NVT_PROFILE_TAPS; i++)
    nvt_tap_detach(profile->host, profile->attachments[i]);
  nvt_host_forget(profile->host, profile);
  free(profile->state);
  free(profile);
}
