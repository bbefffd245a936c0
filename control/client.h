/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's end of a control socket: lines out, lines in. docs/control.md has the protocol. */
#ifndef NVT_CONTROL_CLIENT_H
#define NVT_CONTROL_CLIENT_H

#include <stddef.h>
#include <sys/types.h>

struct nvt_client; /* opaque; one thread's */

/* Connect to a recorder's socket; whatever is waited for afterwards takes at most wait_ms.
 * 0 or -errno. */
int nvt_client_connect(const char *path, unsigned wait_ms, struct nvt_client **out);
void nvt_client_close(struct nvt_client *); /* NULL is fine */
/* Send a line, its newline is added, and with it a descriptor (-1: none). What can't be sent is no
 * failure: a recorder that refuses has answered before it reads. */
void nvt_client_send(struct nvt_client *, const char *line, int fd);
/* The next line, without its newline; free() it. NULL: none came, the reason in errno:
 * ECONNRESET the recorder hung up, EAGAIN it took too long, EINTR a signal, EMSGSIZE, ENOMEM. */
char *nvt_client_receive(struct nvt_client *);
/* Nothing more is sent: a live trace ends, and its last line follows. */
void nvt_client_finish(struct nvt_client *, unsigned wait_ms);
int nvt_client_fd(const struct nvt_client *); /* to poll */
/* The recorder's process; 0: not known. */
pid_t nvt_client_peer(const struct nvt_client *);

#endif
