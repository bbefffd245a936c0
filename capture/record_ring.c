/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring of `nvmetap record`, and what recorders before it left. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/record_int.h"
#include "capture/recover.h"
#include "capture/ring.h"
#include "capture/ring_file.h"
#include "cli/command.h"
#include "controller/log.h"

enum { RING_LEAST = 8 << 20 }; /* that is used where less room than for the default is */

/* What goes into a pipe can't be continued by anybody. */
static bool is_file(const char *path) {
  struct stat status;
  return strcmp(path, "-") != 0 && (stat(path, &status) != 0 || S_ISREG(status.st_mode));
}

static int plain_ring(const struct record_options *o, struct nvt_ring **out) {
  int error = nvt_ring_create(o->ring, out);
  if (error == 0)
    return NVT_EXIT_OK;
  return nvt_usage_error("record", "a ring of %llu bytes: %s", (unsigned long long)o->ring,
                         strerror(-error));
}

int nvt_record_ring(const struct record_options *o, struct nvt_ring **out) {
  char why[512] = "";
  *out = NULL;
  if (o->trace == NULL)
    return NVT_EXIT_OK;
  if (o->no_recover || !is_file(o->trace))
    return plain_ring(o, out);
  nvt_recover_orphans();
  uint64_t session = nvt_ring_session(), size = o->ring;
  int error = nvt_ring_create_named(size, session, out, why, sizeof(why));
  if (error == -ENOSPC && (o->ring_given || nvt_record_by_pieces(o)))
    return nvt_usage_error("record",
                           "%s; a smaller --ring, more shared memory, or --no-recover (a ring that "
                           "ends with its process) helps",
                           why);
  while (error == -ENOSPC && size / 2 >= RING_LEAST)
    error = nvt_ring_create_named(size /= 2, session, out, why, sizeof(why));
  if (error == 0 && size < o->ring)
    nvt_log(NVT_LOG_VERBOSE, "a ring of %llu MiB: shared memory has no room for more",
            (unsigned long long)(size >> 20));
  if (error == 0)
    return NVT_EXIT_OK;
  nvt_log(error == -ENOSPC ? NVT_LOG_NORMAL : NVT_LOG_VERBOSE,
          "should this process be killed, its newest records will be lost: %s", why);
  return plain_ring(o, out);
}

int nvt_record_put_aside(const struct record_options *o) {
  char why[512];
  if (o->trace == NULL || o->no_recover || nvt_recover_put_aside(o->trace, why, sizeof(why)) == 0)
    return NVT_EXIT_OK;
  return nvt_usage_error("record", "--trace: %s", why);
}
