/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where recorders' control sockets are, for who has no path: in a directory of the user's own,
 * named after the process, PID.ctl. docs/control.md, "Where".
 */
#ifndef NVT_CONTROL_RUNTIME_H
#define NVT_CONTROL_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#define NVT_RUNTIME_PATH 108u /* of a socket, with its zero byte: no longer one can be bound */
#define NVT_RUNTIME_SOCKETS 64u

/* The path that a recorder of this process is to listen at; the directory is made when it isn't
 * there. False with a reason in why: it can't be made, or it isn't ours alone. */
bool nvt_runtime_socket(char path[NVT_RUNTIME_PATH], char *why, size_t whylen);

struct nvt_runtime_list {
  unsigned count; /* at most NVT_RUNTIME_SOCKETS: what is beyond isn't seen */
  char paths[NVT_RUNTIME_SOCKETS][NVT_RUNTIME_PATH];
};
/* Sockets that may have a recorder: those that the environment's NVMETAP_CONTROL names, sockets and
 * directories with a colon between, then those in the user's directories, sorted. In a directory,
 * symbolic links aren't followed, and sockets are taken that belong to this user, to root, or to
 * the directory's owner where nobody else can write to it. Sockets that recorders of this user have
 * left behind when they died are removed. */
void nvt_runtime_find(struct nvt_runtime_list *);

#endif
