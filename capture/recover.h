/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recovery: what a recorder that was killed had in its ring gets into its trace. docs/recording.md,
 * "Crashes".
 */
#ifndef NVT_CAPTURE_RECOVER_H
#define NVT_CAPTURE_RECOVER_H

#include <stddef.h>

/* What a recorder does before it begins: recover what dead recorders of this user left, as far as
 * their files are still there, and say so by nvt_log(). It isn't to fail for theirs. */
void nvt_recover_orphans(void);

/* When the file `path` is a trace that was recovered, give it the name PATH.before-N, with the
 * first N that is free, and say so. 0, or -errno with a reason in why. */
int nvt_recover_put_aside(const char *path, char *why, size_t whylen);

#endif
