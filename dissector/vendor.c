/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A person's own table of commands, as the preference names it. */
#include "dissector/dissector_int.h"

#include <string.h>

#include <glib/gstdio.h>
#include <wsutil/report_message.h>

#include "trace/vendor.h"

static struct nvt_vendor *current;
static char *current_path;
static GStatBuf current_file; /* as it was when it was read; zero: it isn't there */

static bool is_current(const char *path, const GStatBuf *file) {
  return strcmp(path, current_path != NULL ? current_path : "") == 0 &&
         file->st_ino == current_file.st_ino && file->st_size == current_file.st_size &&
         file->st_mtim.tv_sec == current_file.st_mtim.tv_sec &&
         file->st_mtim.tv_nsec == current_file.st_mtim.tv_nsec;
}

void nvt_commands_vendor_table(const char *path) {
  if (path == NULL)
    path = "";
  GStatBuf file;
  if (path[0] == '\0' || g_stat(path, &file) != 0)
    memset(&file, 0, sizeof(file));
  if (is_current(path, &file))
    return;
  char *copy = g_strdup(path);
  g_free(current_path);
  current_path = copy;
  current_file = file;
  struct nvt_vendor *vendor = NULL;
  char why[512];
  if (path[0] != '\0' && !nvt_vendor_load(path, &vendor, why, sizeof(why)))
    report_failure("NVMe Trace: vendor table: %s", why); /* and its names aren't used */
  nvt_vendor_use(vendor != NULL ? nvt_vendor_table(vendor) : NULL);
  nvt_vendor_free(current);
  current = vendor;
}
