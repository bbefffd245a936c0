/* SPDX-License-Identifier: BSD-2-Clause */
/* A UNIX stream socket that clients find by its path, for a server of this process. */
#ifndef NVT_CONTROLLER_LISTEN_H
#define NVT_CONTROLLER_LISTEN_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

struct nvt_listener {
  int fd;
  dev_t device; /* with inode: the file is ours, not somebody's who replaced it */
  ino_t inode;
  char path[sizeof((struct sockaddr_un *)0)->sun_path];
};

/* Binds with mode 0600 and listens. A dead server's socket is replaced; a live one's:
 * -EADDRINUSE; another kind of file: -EEXIST. On failure a message in why. */
int nvt_listen(struct nvt_listener *, const char *path, char *why, size_t whylen);
/* Closes, and removes the file if it is still ours. */
void nvt_unlisten(struct nvt_listener *);

#endif
