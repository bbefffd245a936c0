/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a plug-in's file is. */
#ifndef NVT_CONTROLLER_PLUGIN_PATH_H
#define NVT_CONTROLLER_PLUGIN_PATH_H

#include <limits.h>
#include <stddef.h>

/*
 * The file of the plug-in called `name`, absolute, in path. With a slash in it that very file.
 * Without, the first that is there of: that file in the current folder; name or name.so in
 * the folder NVMETAP_PLUGIN_DIR, in plugins/ beside the executable, and in
 * ../lib/nvmetap/plugins seen from there. 0, or -errno with a message for a person in why.
 */
int nvt_plugin_path(const char *name, char path[PATH_MAX], char *why, size_t whylen);

#endif
