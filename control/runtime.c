/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/text_int.h"

#define SUFFIX ".ctl"
#define SOCKETS_OF_ONE 16u /* that a process may have at a time */

__attribute__((format(printf, 2, 3))) static bool form(char path[NVT_RUNTIME_PATH],
                                                       const char *format, ...) {
  va_list args;
  va_start(args, format);
  int length = vsnprintf(path, NVT_RUNTIME_PATH, format, args);
  va_end(args);
  return length > 0 && length < (int)NVT_RUNTIME_PATH;
}

/* A directory that nobody but its owner, this user, can write to: what is in it is ours. */
static bool private(const char *path, char *why, size_t whylen) {
  struct stat st;
  if (lstat(path, &st) != 0)
    return nvt_control_refuse(why, whylen, "%s: %s", path, strerror(errno));
  if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
    return nvt_control_refuse(
        why, whylen,
        "%s isn't a directory of user %u alone (mode 0700): control sockets aren't put "
        "there; remove it, or name a path",
        path, (unsigned)geteuid());
  return true;
}

/* The places where a user's recorders may be; the first one that is possible is where new ones
 * go. False: there is no i-th, or it is no place. */
static bool place(unsigned i, char path[NVT_RUNTIME_PATH]) {
  const char *given = getenv("XDG_RUNTIME_DIR");
  struct stat st;
  switch (i) {
  case 0: /* XDG Base Directory Specification 0.8: absolute, and the user's alone */
    return given != NULL && given[0] == '/' && stat(given, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid() && form(path, "%s/nvmetap", given);
  case 1: /* … which an su or sudo may have lost */
    return form(path, "/run/user/%u", (unsigned)geteuid()) && stat(path, &st) == 0 &&
           S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           form(path, "/run/user/%u/nvmetap", (unsigned)geteuid());
  case 2:
    return geteuid() == 0 && form(path, "/run/nvmetap");
  default:
    return form(path, "/tmp/nvmetap-%u", (unsigned)geteuid());
  }
}
enum { PLACES = 4 };

bool nvt_runtime_socket(char path[NVT_RUNTIME_PATH], char *why, size_t whylen) {
  char directory[NVT_RUNTIME_PATH];
  unsigned i = 0;
  while (!place(i, directory))
    i++;
  if (mkdir(directory, 0700) != 0 && errno != EEXIST)
    return nvt_control_refuse(why, whylen, "%s: %s", directory, strerror(errno));
  if (!private(directory, why, whylen))
    return false;
  for (unsigned n = 0; n < SOCKETS_OF_ONE; n++) {
    struct stat st;
    bool fits = n == 0 ? form(path, "%s/%ld" SUFFIX, directory, (long)getpid())
                       : form(path, "%s/%ld-%u" SUFFIX, directory, (long)getpid(), n);
    if (!fits)
      return nvt_control_refuse(why, whylen, "%s: too long a path for a socket", directory);
    if (lstat(path, &st) != 0 && errno == ENOENT)
      return true;
  }
  return nvt_control_refuse(why, whylen, "%s: there are %u sockets of process %ld", directory,
                            SOCKETS_OF_ONE, (long)getpid());
}

/* Nobody listens, and the process that it is named after is gone: of a recorder that is about to
 * listen the one is true, never the other. */
static bool left_behind(const char *path, const char *name) {
  char *rest;
  long pid = strtol(name, &rest, 10);
  if (pid <= 0 || (*rest != '.' && *rest != '-') || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
    return false;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
                 errno == ECONNREFUSED;
  if (fd >= 0)
    close(fd);
  return refused;
}

static void add(struct nvt_runtime_list *out, const char *path) {
  for (unsigned i = 0; i < out->count; i++)
    if (strcmp(out->paths[i], path) == 0)
      return;
  if (out->count < NVT_RUNTIME_SOCKETS)
    memcpy(out->paths[out->count++], path, strlen(path) + 1);
}

static int is_socket_name(const struct dirent *entry) {
  size_t length = strlen(entry->d_name), suffix = strlen(SUFFIX);
  return length > suffix && strcmp(entry->d_name + length - suffix, SUFFIX) == 0;
}

/* In a directory that others may write to as well, theirs aren't taken for this user's. */
static bool trusted(const struct stat *socket, const struct stat *directory) {
  return socket->st_uid == geteuid() || socket->st_uid == 0 ||
         ((directory->st_mode & 022) == 0 && socket->st_uid == directory->st_uid);
}

static void look_into(struct nvt_runtime_list *out, const char *directory, bool ours) {
  struct stat here;
  if (stat(directory, &here) != 0)
    return;
  struct dirent **entries;
  int count = scandir(directory, &entries, is_socket_name, versionsort);
  for (int i = 0; i < count; i++) {
    char path[NVT_RUNTIME_PATH];
    struct stat st;
    if (form(path, "%s/%s", directory, entries[i]->d_name) && lstat(path, &st) == 0 &&
        S_ISSOCK(st.st_mode) && trusted(&st, &here)) {
      if (ours && left_behind(path, entries[i]->d_name))
        (void)unlink(path);
      else
        add(out, path);
    }
    free(entries[i]);
  }
  if (count >= 0)
    free(entries);
}

static void look_at(struct nvt_runtime_list *out, const char *path) {
  struct stat st;
  if (path[0] == '\0' || strlen(path) >= NVT_RUNTIME_PATH || stat(path, &st) != 0)
    return;
  if (S_ISDIR(st.st_mode))
    look_into(out, path, false);
  else if (S_ISSOCK(st.st_mode))
    add(out, path);
}

void nvt_runtime_find(struct nvt_runtime_list *out) {
  *out = (struct nvt_runtime_list){0};
  const char *given = getenv("NVMETAP_CONTROL");
  char *copy = given == NULL ? NULL : strdup(given), *rest = copy;
  for (char *item; rest != NULL && (item = strsep(&rest, ":")) != NULL;)
    look_at(out, item);
  free(copy);
  char directory[NVT_RUNTIME_PATH], why[256];
  for (unsigned i = 0; i < PLACES; i++)
    if (place(i, directory) && private(directory, why, sizeof(why)))
      look_into(out, directory, true);
}
