/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/listen.h"

#define BACKLOG 8

/* Make way for a socket at the address: only a dead server's is removed. */
static int clear_path(const struct sockaddr_un *address, char *why, size_t whylen) {
  struct stat st;
  if (lstat(address->sun_path, &st) < 0)
    return 0; /* bind tells what else is wrong */
  if (!S_ISSOCK(st.st_mode)) {
    snprintf(why, whylen, "%s: there is a file that isn't a socket; it won't be replaced",
             address->sun_path);
    return -EEXIST;
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -errno;
  int error = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
  close(fd);
  if (error == ECONNREFUSED) {
    unlink(address->sun_path);
    return 0;
  }
  /* Connected, or its queue is full: somebody listens. Else bind says what is wrong. */
  if (error == 0 || error == EAGAIN) {
    snprintf(why, whylen, "%s: a server is listening there already; stop it or choose another path",
             address->sun_path);
    return -EADDRINUSE;
  }
  return 0;
}

int nvt_listen(struct nvt_listener *l, const char *path, char *why, size_t whylen) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  *l = (struct nvt_listener){.fd = -1};
  size_t length = strlen(path);
  if (!length || length >= sizeof address.sun_path) {
    snprintf(why, whylen, "%s: a socket's path has 1 to %zu characters, this has %zu", path,
             sizeof address.sun_path - 1, length);
    return length ? -ENAMETOOLONG : -EINVAL;
  }
  memcpy(address.sun_path, path, length + 1);
  int error = clear_path(&address, why, whylen);
  if (error)
    return error;
  l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct stat st;
  /* The mode of the socket becomes the file's: it is never open to others. */
  if (l->fd < 0 || fchmod(l->fd, 0600) < 0 ||
      bind(l->fd, (struct sockaddr *)&address, sizeof address) < 0)
    error = -errno;
  if (!error) {
    memcpy(l->path, path, length + 1);
    if (lstat(path, &st) < 0)
      error = -errno;
  }
  if (!error) {
    l->device = st.st_dev;
    l->inode = st.st_ino;
    if (chmod(path, 0600) < 0 || listen(l->fd, BACKLOG) < 0)
      error = -errno;
  }
  if (error) {
    snprintf(why, whylen, "%s: making the socket: %s", path, strerror(-error));
    nvt_unlisten(l);
  }
  return error;
}

void nvt_unlisten(struct nvt_listener *l) {
  struct stat st;
  if (l->path[0] && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
    unlink(l->path);
  if (l->fd >= 0)
    close(l->fd);
  l->fd = -1;
}
