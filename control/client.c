/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX (64u << 20)

struct nvt_client {
  int fd;
  char *text;
  size_t used, room;
};

static void set_wait(int fd, unsigned ms) {
  struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

int nvt_client_connect(const char *path, unsigned wait_ms, struct nvt_client **out) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  *out = NULL;
  if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
    return -ENAMETOOLONG;
  memcpy(address.sun_path, path, strlen(path) + 1);
  struct nvt_client *client = calloc(1, sizeof(*client));
  if (client == NULL)
    return -ENOMEM;
  client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client->fd >= 0) {
    set_wait(client->fd, wait_ms);
    if (connect(client->fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
      *out = client;
      return 0;
    }
  }
  int error = -errno;
  nvt_client_close(client);
  return error;
}

void nvt_client_close(struct nvt_client *client) {
  if (client == NULL)
    return;
  if (client->fd >= 0)
    close(client->fd);
  free(client->text);
  free(client);
}

/* True while there is more to send. */
static int send_some(int socket, const char *text, size_t length, int fd, size_t *sent) {
  struct iovec part = {.iov_base = (void *)(text + *sent), .iov_len = length - *sent};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fd >= 0 && *sent == 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof(control.bytes);
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
  }
  ssize_t n = sendmsg(socket, &message, MSG_NOSIGNAL);
  if (n < 0)
    return errno == EINTR;
  *sent += (size_t)n;
  return *sent < length;
}

void nvt_client_send(struct nvt_client *client, const char *line, int fd) {
  size_t length = strlen(line), sent = 0, ended = 0;
  while (length > 0 && send_some(client->fd, line, length, fd, &sent))
    continue;
  while (sent == length && send_some(client->fd, "\n", 1, -1, &ended))
    continue;
}

static int make_room(struct nvt_client *client) {
  if (client->used + 1 < client->room)
    return 0;
  size_t room = client->room == 0 ? 65536 : client->room * 2;
  char *bigger = room > ANSWER_MAX ? NULL : realloc(client->text, room);
  if (bigger == NULL)
    return room > ANSWER_MAX ? -EMSGSIZE : -ENOMEM;
  client->text = bigger;
  client->room = room;
  return 0;
}

char *nvt_client_receive(struct nvt_client *client) {
  size_t looked = 0;
  for (;;) {
    char *end =
        client->used > looked ? memchr(client->text + looked, '\n', client->used - looked) : NULL;
    if (end != NULL) {
      size_t length = (size_t)(end - client->text);
      char *line = strndup(client->text, length);
      client->used -= length + 1;
      memmove(client->text, end + 1, client->used);
      return line;
    }
    looked = client->used;
    int error = make_room(client);
    ssize_t n = 0;
    if (error == 0) {
      n = recv(client->fd, client->text + client->used, client->room - client->used - 1, 0);
      error = n < 0 ? -errno : n == 0 ? -ECONNRESET : 0;
    }
    if (error != 0) {
      errno = -error;
      return NULL;
    }
    client->used += (size_t)n;
  }
}

void nvt_client_finish(struct nvt_client *client, unsigned wait_ms) {
  set_wait(client->fd, wait_ms);
  (void)shutdown(client->fd, SHUT_WR);
}

int nvt_client_fd(const struct nvt_client *client) {
  return client->fd;
}

pid_t nvt_client_peer(const struct nvt_client *client) {
  struct ucred peer = {0};
  socklen_t length = sizeof(peer);
  return getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}
