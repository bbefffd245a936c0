/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Profiles: a controller that behaves as a drive does that hosts are known to get into
 * trouble with. What a profile does to a command, an access or a message it does by taps,
 * so that the trace says what it was, under the profile's name.
 */
#ifndef NVT_CONTROLLER_PROFILES_PROFILE_H
#define NVT_CONTROLLER_PROFILES_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_controller_options;
struct nvt_plugin_host;
struct nvt_profile; /* opaque; of one controller, and its device thread's */

/* What the apple-like profile wants, and a host that knows it does: an admin command of this
 * opcode before I/O queues are made, and this of the reserved bits in the second byte of
 * each I/O command. */
#define NVT_APPLE_COMMAND 0xc0u
#define NVT_APPLE_FLAG 0x04u

struct nvt_profile_info {
  const char *name;
  const char *summary; /* one line */
  const char *trouble; /* of nvt_trouble_name(): the host's side of it */
};
/* The i-th from 0, by name; false: there are no more. */
bool nvt_profile_info(unsigned i, struct nvt_profile_info *);

/* List them on standard output, as `nvmetap profiles` does; an exit status. */
int nvt_profiles_print(void);

/* What the controller has to be made with alone, for a replay: there the trace says what the
 * profile did. False: no such profile, *options is as it was. */
bool nvt_profile_options(const char *text, struct nvt_controller_options *);

/* Start "NAME[,word=value]…": sets in *options what the controller has to be made with, and
 * attaches to the host's taps. Call it before nvt_controller_create(), which takes text from
 * *options, too. -EINVAL (no such
 * profile or word, a value out of range) or -ENOMEM, with a message for a person in why. */
int nvt_profile_start(const char *text, struct nvt_plugin_host *, struct nvt_controller_options *,
                      struct nvt_profile **out, char *why, size_t whylen);
/* Once its controller is gone, and before the host is. NULL is fine. */
void nvt_profile_end(struct nvt_profile *);
const char *nvt_profile_trouble(const struct nvt_profile *);

#endif
