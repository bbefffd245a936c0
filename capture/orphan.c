/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/orphan_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/ring_file.h"

__attribute__((format(printf, 2, 3))) static void unreadable(struct nvt_orphan *o,
                                                             const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(o->why, sizeof(o->why), format, args);
  va_end(args);
  o->state = NVT_ORPHAN_UNREADABLE;
}

/* All of the header, from the file. */
static bool read_header(struct nvt_orphan *o) {
  uint8_t *to = (uint8_t *)&o->shared;
  for (size_t have = 0; have < sizeof(o->shared);) {
    ssize_t n = pread(o->fd, to + have, sizeof(o->shared) - have, (off_t)have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      unreadable(o, "%s", n == 0 ? "it is too short to be a ring" : strerror(errno));
      return false;
    }
    have += (size_t)n;
  }
  return true;
}

static void check_output(struct nvt_orphan *o) {
  static const struct nvt_ring_output none = {.mode = NVT_RING_NO_FILE};
  uint32_t turn = atomic_load(&o->shared.turn);
  o->out = turn == 0 ? &none : &o->shared.output[turn % 2];
  if (o->out->mode > NVT_RING_APPEND_ZSTD ||
      (o->out->mode != NVT_RING_NO_FILE &&
       (o->out->path[0] != '/' || memchr(o->out->path, 0, NVT_RING_PATH) == NULL)))
    unreadable(o, "damaged: it doesn't say what file it belongs to");
}

/* The header against the file's size, and against itself. */
static void check_header(struct nvt_orphan *o, uint64_t bytes) {
  const struct nvt_ring_shared *s = &o->shared;
  o->head = atomic_load(&s->head);
  o->tail = atomic_load(&s->tail);
  o->pid = (pid_t)s->pid;
  if (s->magic != NVT_RING_MAGIC)
    unreadable(o, "it is no ring");
  else if (s->version != NVT_RING_VERSION)
    unreadable(o, "a ring of version %u, of another nvmetap: this one knows version %d", s->version,
               NVT_RING_VERSION);
  else if (s->data_offset != NVT_RING_HEADER || s->size < NVT_RING_SIZE_MIN ||
           s->size > NVT_RING_SIZE_MAX || (s->size & (s->size - 1)) != 0)
    unreadable(o, "damaged: a size of %llu bytes", (unsigned long long)s->size);
  else if (bytes != NVT_RING_HEADER + s->size)
    unreadable(o, "damaged: it has %llu bytes, and should have %llu", (unsigned long long)bytes,
               (unsigned long long)(NVT_RING_HEADER + s->size));
  else if (o->head < o->tail || o->head - o->tail > s->size || o->head > INT64_MAX)
    unreadable(o, "damaged: its positions contradict each other");
  else
    check_output(o);
}

/* Whoever holds it; or it is ours from now on. */
static bool lock(struct nvt_orphan *o) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET}, holder = lock;
  if (fcntl(o->fd, F_SETLK, &lock) == 0)
    return true;
  if (errno != EACCES && errno != EAGAIN) {
    unreadable(o, "it can't be locked: %s", strerror(errno));
    return false;
  }
  o->state = NVT_ORPHAN_LIVE;
  if (fcntl(o->fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK)
    o->pid = holder.l_pid;
  return false;
}

static void examine(struct nvt_orphan *o) {
  /* Who may write to it may make us write: into what file, and what. */
  o->fd = open(o->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat status;
  if (o->fd < 0 && errno == ENOENT) {
    o->state = NVT_ORPHAN_GONE;
    return;
  }
  if (o->fd < 0 || fstat(o->fd, &status) != 0) {
    unreadable(o, "%s", errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    return;
  }
  if (!S_ISREG(status.st_mode))
    unreadable(o, "it is no file");
  else if (status.st_uid != geteuid())
    unreadable(o, "it belongs to user %u, and you are user %u", status.st_uid, geteuid());
  else if ((status.st_mode & 077) != 0)
    unreadable(o, "others than its owner may use it (mode %o, wanted 600)", status.st_mode & 0777u);
  else if (status.st_size < (off_t)NVT_RING_HEADER)
    unreadable(o, "it is too short to be a ring");
  else if (lock(o) && fstat(o->fd, &status) == 0) {
    if (status.st_nlink == 0)
      o->state = NVT_ORPHAN_GONE;
    else if (read_header(o))
      check_header(o, (uint64_t)status.st_size);
  }
}

int nvt_orphan_open(const char *path, struct nvt_orphan **out) {
  struct nvt_orphan *o = aligned_alloc(_Alignof(struct nvt_orphan), sizeof(*o));
  if (o != NULL) {
    memset(o, 0, sizeof(*o));
    o->path = strdup(path);
  }
  if (o == NULL || o->path == NULL) {
    free(o);
    return -ENOMEM;
  }
  o->fd = -1;
  o->state = NVT_ORPHAN_DEAD;
  examine(o);
  *out = o;
  return 0;
}

void nvt_orphan_close(struct nvt_orphan *o) {
  if (o == NULL)
    return;
  if (o->fd >= 0)
    close(o->fd);
  free(o->path);
  free(o);
}

struct nvt_place nvt_orphan_span(const struct nvt_orphan *o) {
  return (struct nvt_place){.fd = o->fd, .origin = NVT_RING_HEADER, .mask = o->shared.size - 1};
}

static int note(struct nvt_orphan *o, size_t offset, uint64_t value) {
  return nvt_write_at(o->fd, (const uint8_t *)&value, sizeof(value), offset);
}

int nvt_orphan_note_resume(struct nvt_orphan *o, uint64_t offset) {
  o->shared.resume = offset;
  return note(o, offsetof(struct nvt_ring_shared, resume), offset);
}

int nvt_orphan_note_done(struct nvt_orphan *o) {
  o->shared.done = 1;
  return note(o, offsetof(struct nvt_ring_shared, done), 1);
}

/* --- finding --- */

static int is_ring_name(const struct dirent *entry) {
  size_t length = strlen(entry->d_name), suffix = strlen(NVT_RING_SUFFIX);
  /* Opening and closing one of this process would lose its lock. */
  return length > suffix && strcmp(entry->d_name + length - suffix, NVT_RING_SUFFIX) == 0 &&
         strtol(entry->d_name, NULL, 10) != (long)getpid();
}

void nvt_orphans_free(struct nvt_orphan **orphans, size_t count) {
  for (size_t i = 0; i < count; i++)
    nvt_orphan_close(orphans[i]);
  free(orphans);
}

/* One array entry for each name; frees the names. */
static int open_all(const char *directory, struct dirent **entries, int count,
                    struct nvt_orphan **orphans) {
  int opened = 0, error = 0;
  for (int i = 0; i < count; i++) {
    char *path;
    if (error == 0 && asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0)
      error = -ENOMEM;
    if (error == 0) {
      error = nvt_orphan_open(path, &orphans[opened]);
      opened += error == 0;
      free(path);
    }
    free(entries[i]);
  }
  if (error != 0)
    while (opened > 0)
      nvt_orphan_close(orphans[--opened]);
  return error != 0 ? error : opened;
}

int nvt_orphans_find(struct nvt_orphan ***out, char *why, size_t whylen) {
  *out = NULL;
  char directory[NVT_RING_DIRECTORY_PATH];
  int fd = nvt_ring_directory(directory, why, whylen);
  if (fd < 0)
    return fd;
  struct dirent **entries = NULL;
  int count = scandirat(fd, ".", &entries, is_ring_name, versionsort);
  int error = count < 0 ? -errno : 0;
  close(fd);
  size_t room = count > 0 ? (size_t)count : 1;
  struct nvt_orphan **orphans = NULL;
  if (error == 0)
    orphans = calloc(room, sizeof(struct nvt_orphan *));
  if (error == 0 && orphans == NULL) {
    for (int i = 0; i < count; i++)
      free(entries[i]);
    error = -ENOMEM;
  } else if (error == 0) {
    error = open_all(directory, entries, count, orphans);
  }
  free(entries);
  if (error < 0) {
    free(orphans);
    snprintf(why, whylen, "%s: %s", directory, strerror(-error));
    return error;
  }
  *out = orphans;
  return error;
}
