/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A person's own table of commands, as the preference names it. */
#include "dissector/dissector_int.h"

#include <string.h>
#include <wsutil/report_message.h>

#include "trace/vendor.h"

static struct nvt_vendor *current;
static char *current_path;

void nvt_commands_vendor_table(const char *path) {
  if (path == NULL)
    path = "";
  if (strcmp(path, current_path != NULL ? current_path : "") == 0)
    return;
  g_free(current_path); /* told once, also when it can't be read */
  current_path = g_strdup(path);
  struct nvt_vendor *vendor = NULL;
  char why[512];
  if (path[0] != '\0' && !nvt_vendor_load(path, &vendor, why, sizeof(why))) {
    report_failure("NVMe Trace: vendor table: %s", why);
    return;
  }
  nvt_vendor_use(vendor != NULL ? nvt_vendor_table(vendor) : NULL);
  nvt_vendor_free(current);
  current = vendor;
}
