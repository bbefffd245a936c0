/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vfio-user server: a guest attaches to the controller over a UNIX socket.
 * Protocol: "vfio-user Protocol Specification", version 0.9.x.
 */
#ifndef NVT_CONTROLLER_VFIO_USER_SERVER_H
#define NVT_CONTROLLER_VFIO_USER_SERVER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct nvt_controller;
struct nvt_vfio_server;

struct nvt_vfio_server_options {
  const char *path;              /* socket; made with mode 0600; removed at destroy */
  struct nvt_controller *device; /* borrowed; its port is set by the server */
  bool shared_doorbells;         /* offer the doorbell page for mapping, and poll it */
  bool once;                     /* run() returns when the first client has gone */
};

/* Binds and listens. -EADDRINUSE when a live server has the path (a dead one's
 * socket is replaced); on failure a message for a person in why. */
int nvt_vfio_server_create(const struct nvt_vfio_server_options *, struct nvt_vfio_server **out,
                           char *why, size_t whylen);
void nvt_vfio_server_destroy(struct nvt_vfio_server *); /* NULL is fine */
/* Serve clients, one at a time, in the calling thread, which becomes the device
 * thread, until *stop is non-zero (a signal handler may set it), or as `once`
 * says. 0 or -errno. */
int nvt_vfio_server_run(struct nvt_vfio_server *, const volatile sig_atomic_t *stop);

#endif
