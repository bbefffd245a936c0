/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/recover.h"
#include "capture/recover_int.h"
#include "capture/refuse_int.h"
#include "controller/log.h"
#include "trace/writer.h"

static int by_session(const void *a, const void *b) {
  const struct nvt_orphan *x = *(struct nvt_orphan *const *)a, *y = *(struct nvt_orphan *const *)b;
  if (x->state != y->state)
    return x->state < y->state ? -1 : 1;
  if (x->state == NVT_ORPHAN_DEAD && x->shared.session != y->shared.session)
    return x->shared.session < y->shared.session ? -1 : 1;
  return strverscmp(x->path, y->path);
}

void nvt_orphans_sort(struct nvt_orphan **orphans, size_t count) {
  if (count > 0)
    qsort(orphans, count, sizeof(struct nvt_orphan *), by_session);
}

bool nvt_orphans_next(struct nvt_orphan **orphans, size_t count, struct nvt_recovery *out) {
  size_t at = out->rings == NULL ? 0 : (size_t)(out->rings - orphans) + out->count, end = at;
  while (end < count && orphans[end]->state == NVT_ORPHAN_DEAD &&
         orphans[end]->shared.session == orphans[at]->shared.session)
    end++;
  *out = (struct nvt_recovery){.rings = &orphans[at], .count = end - at};
  return end > at;
}

static void recover_one(struct nvt_recovery *r) {
  const struct nvt_recover_options options = {.no_apart = true};
  long pid = (long)r->rings[0]->shared.pid;
  int error = nvt_recover_session(r, &options);
  if (error == -ENOENT)
    nvt_log(NVT_LOG_NORMAL,
            "process %ld left %zu ring%s, and its trace isn't there any more: 'nvmetap recover' "
            "puts what they hold into another one",
            pid, r->count, r->count == 1 ? "" : "s");
  else if (error != 0)
    nvt_log(NVT_LOG_QUIET, "what process %ld left can't be recovered: %s", pid, r->why);
  else if (r->path != NULL)
    nvt_log(NVT_LOG_NORMAL,
            "%s: recovered: %llu records of process %ld, which ended without writing them, %llu "
            "more were lost",
            r->path, (unsigned long long)r->records, pid,
            (unsigned long long)(r->lost + r->missing));
}

void nvt_recover_orphans(void) {
  char why[512];
  struct nvt_orphan **orphans;
  int count = nvt_orphans_find(&orphans, why, sizeof(why));
  if (count < 0) {
    nvt_log(NVT_LOG_VERBOSE, "no look at what others may have left: %s", why);
    return;
  }
  nvt_orphans_sort(orphans, (size_t)count);
  for (struct nvt_recovery r = {0}; nvt_orphans_next(orphans, (size_t)count, &r);) {
    recover_one(&r);
    nvt_recovery_free(&r);
  }
  for (int i = 0; i < count; i++)
    if (orphans[i]->state == NVT_ORPHAN_UNREADABLE)
      nvt_log(NVT_LOG_VERBOSE, "%s: %s: left alone", orphans[i]->path, orphans[i]->why);
  nvt_orphans_free(orphans, (size_t)count);
}

/* Its last record is the event: 16 + 32 + 24 bytes. */
static bool was_recovered(const char *path) {
  struct {
    uint8_t frame[NVT_FRAME_HEADER_BYTES];
    struct nvt_rec_header header;
    struct nvt_rec_event event;
  } last;
  _Static_assert(sizeof(last) == 72, "as in the file");
  struct stat status;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  bool file = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  bool plain =
      file && status.st_size > (off_t)sizeof(last) &&
      pread(fd, &last, sizeof(last), status.st_size - (off_t)sizeof(last)) == sizeof(last) &&
      last.header.magic == NVT_RECORD_MAGIC;
  bool yes = (plain || (file && nvt_packed_ends_with(fd, (uint8_t *)&last, sizeof(last)))) &&
             last.header.magic == NVT_RECORD_MAGIC && last.header.type == NVT_REC_EVENT &&
             last.event.event == NVT_V_event_event_RECOVERED;
  if (fd >= 0)
    close(fd);
  return yes;
}

int nvt_recover_put_aside(const char *path, char *why, size_t whylen) {
  if (!was_recovered(path))
    return 0;
  for (unsigned n = 1; n < 1000000; n++) {
    char *name;
    if (asprintf(&name, "%s.before-%u", path, n) < 0)
      return nvt_capture_refuse(-ENOMEM, why, whylen, "%s: out of memory", path);
    int error = renameat2(AT_FDCWD, path, AT_FDCWD, name, RENAME_NOREPLACE) == 0 ? 0 : -errno;
    if (error == 0)
      nvt_log(NVT_LOG_NORMAL, "%s was recovered, and is now %s", path, name);
    free(name);
    if (error == 0)
      return 0;
    if (error != -EEXIST)
      return nvt_capture_refuse(error, why, whylen,
                                "%s was recovered, and can't be put aside: %s; name another file",
                                path, strerror(-error));
  }
  return nvt_capture_refuse(-EEXIST, why, whylen, "%s was recovered, and can't be put aside", path);
}
