/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket and its thread. A client that sends garbage, stops in the middle of a line, or
 * doesn't take its answers, hurts nobody but itself: one line of each in turn, all reads and
 * writes without waiting, and a time limit.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/request_int.h"
#include "controller/host.h"
#include "controller/listen.h"
#include "controller/log.h"
#include "controller/thread.h"

#define PATIENCE_MS 10000 /* for the rest of a line, and for an answer to be taken */
#define NO_ROOM_US 10000  /* where the process has no descriptor left */

struct client {
  int fd; /* -1: free */
  char *in;
  size_t used;
  char *out; /* the answer that isn't sent yet */
  size_t length, sent;
  struct control_descriptors with; /* of the next line */
  bool last;                       /* close it when the answer is sent */
  bool ended;                      /* it sends nothing more, but what is here is answered */
  uint64_t since_ms; /* in the middle of a line, or of an answer, since then; 0: it isn't */
};

struct nvt_control {
  struct nvt_control_target target;
  struct nvt_listener listener;
  int wake; /* eventfd: the end */
  bool started;
  pthread_t thread;
  struct client clients[NVT_CONTROL_CLIENTS];
};

static uint64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void drop(struct client *client) {
  nvt_control_descriptors_drop(&client->with);
  if (client->fd >= 0)
    close(client->fd);
  free(client->in);
  free(client->out);
  *client = (struct client){.fd = -1, .with = {.fd = -1}};
}

/* Send what can be sent. */
static void flush(struct client *client) {
  while (client->out != NULL) {
    ssize_t n = send(client->fd, client->out + client->sent, client->length - client->sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return;
    if (n < 0) {
      drop(client);
      return;
    }
    client->sent += (size_t)n;
    if (client->sent < client->length)
      continue;
    free(client->out);
    client->out = NULL;
    client->since_ms = client->used > 0 ? now_ms() : 0;
    if (client->last)
      drop(client);
  }
}

/* Takes the object. */
static void answer(struct client *client, struct json_object *object) {
  char *text = nvt_control_text(object);
  if (text == NULL) {
    drop(client);
    return;
  }
  client->length = strlen(text) + 1;
  text[client->length - 1] = '\n'; /* it is as long as its bytes from here on */
  client->out = text;
  client->sent = 0;
  client->since_ms = now_ms();
  flush(client);
}

static void refuse_last(struct client *client, const char *why) {
  client->last = true;
  answer(client, nvt_control_refusal(why));
}

struct job {
  const struct nvt_control_target *target;
  const struct control_request *request;
  struct json_object *answer;
};

static void run_job(void *arg) {
  struct job *job = arg;
  job->answer = nvt_control_run(job->target, job->request);
}

/* *opened: the number of a live trace that it has made, which waits for its beginning. */
static struct json_object *carry_out(struct nvt_control *control, const char *line, size_t length,
                                     const struct control_descriptors *with, int64_t *opened) {
  char why[1024];
  struct control_request request;
  struct json_object *out, *id;
  *opened = -1;
  if (!nvt_control_parse(line, length, &request, why, sizeof(why)) ||
      !nvt_control_descriptors_good(with, &request, why, sizeof(why))) {
    nvt_log(NVT_LOG_VERBOSE, "control: refused: %s", why);
    out = nvt_control_refusal(why);
  } else {
    nvt_log(NVT_LOG_VERBOSE, "control: %s", request.command->name);
    request.fd = with->fd;
    struct job job = {.target = &control->target, .request = &request};
    int error = 0;
    if (request.command->anywhere)
      run_job(&job);
    else
      error = nvt_host_call(control->target.host, run_job, &job);
    out = error == 0            ? job.answer
          : error == -ESHUTDOWN ? nvt_control_refusal("the recorder is about to end")
                                : nvt_control_refusal(strerror(-error));
    if (request.command->run == nvt_control_trace_open && json_object_object_get_ex(out, "id", &id))
      *opened = json_object_get_int64(id);
  }
  nvt_control_clear(&request);
  return out;
}

/* The connection of a client that has its answer goes with its live trace; else the trace goes. */
static void begin(struct nvt_control *control, struct client *client, uint32_t id) {
  int connection = client->out == NULL ? client->fd : -1;
  if (connection >= 0)
    client->fd = -1;
  control->target.trace_begin(control->target.ctx, id, connection);
  if (connection >= 0 || client->fd >= 0)
    drop(client);
}

/* The first line of what it sent, when there is a whole one. False: there is none. */
static bool take_line(struct nvt_control *control, struct client *client) {
  char *end =
      client->out == NULL && client->used > 0 ? memchr(client->in, '\n', client->used) : NULL;
  if (end == NULL)
    return false;
  int64_t opened;
  struct json_object *out =
      carry_out(control, client->in, (size_t)(end - client->in), &client->with, &opened);
  nvt_control_descriptors_drop(&client->with);
  size_t taken = (size_t)(end + 1 - client->in);
  client->used -= taken;
  memmove(client->in, end + 1, client->used);
  client->since_ms = client->used > 0 ? now_ms() : 0;
  answer(client, out);
  if (opened >= 0)
    begin(control, client, (uint32_t)opened);
  return true;
}

static void receive(struct client *client) {
  ssize_t n = nvt_control_receive(client->fd, client->in + client->used,
                                  NVT_CONTROL_LINE + 1 - client->used, &client->with);
  if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
    return;
  if (n < 0) {
    drop(client);
    return;
  }
  client->ended = n == 0;
  if (client->used == 0)
    client->since_ms = now_ms();
  client->used += (size_t)n;
  if (client->used > NVT_CONTROL_LINE && memchr(client->in, '\n', client->used) == NULL)
    refuse_last(client, "a request has at most 65536 bytes");
}

static bool allowed(int fd, char *why, size_t whylen) {
  struct ucred peer;
  socklen_t length = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
    return nvt_control_refuse(why, whylen, "who are you? %s", strerror(errno));
  if (peer.uid == geteuid() || peer.uid == 0)
    return true;
  nvt_log(NVT_LOG_NORMAL, "control: user %u was refused", (unsigned)peer.uid);
  return nvt_control_refuse(why, whylen,
                            "this recorder belongs to user %u, and you are user %u: only its owner "
                            "and root may control it",
                            (unsigned)geteuid(), (unsigned)peer.uid);
}

static void accept_one(struct nvt_control *control) {
  int fd = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
      usleep(NO_ROOM_US);
    return;
  }
  struct client *client = control->clients, spare = {.fd = fd, .with = {.fd = -1}};
  while (client < control->clients + NVT_CONTROL_CLIENTS && client->fd >= 0)
    client++;
  char why[200];
  if (!allowed(fd, why, sizeof(why))) {
    refuse_last(&spare, why);
  } else if (client == control->clients + NVT_CONTROL_CLIENTS) {
    refuse_last(&spare, "8 clients are connected already; try again when one has gone");
  } else if ((spare.in = malloc(NVT_CONTROL_LINE + 1)) == NULL) {
    refuse_last(&spare, "out of memory");
  } else {
    *client = spare;
    return;
  }
  if (spare.fd >= 0)
    drop(&spare); /* it didn't take a line: that was its chance */
}

/* Who has waited too long goes. Milliseconds until the next one has; -1: nobody waits. */
static int check_time(struct nvt_control *control) {
  uint64_t now = now_ms();
  int next = -1;
  for (unsigned i = 0; i < NVT_CONTROL_CLIENTS; i++) {
    struct client *client = &control->clients[i];
    if (client->fd < 0 || client->since_ms == 0)
      continue;
    uint64_t waited = now - client->since_ms;
    if (waited >= control->target.patience_ms) {
      if (client->out == NULL)
        refuse_last(client, "a request was begun and not ended for too long");
      if (client->fd >= 0)
        drop(client);
      continue;
    }
    int left = (int)(control->target.patience_ms - waited);
    next = next < 0 || left < next ? left : next;
  }
  return next;
}

static void *serve(void *arg) {
  struct nvt_control *control = arg;
  bool more = false; /* a whole line waits in a buffer */
  for (;;) {
    int patience = check_time(control);
    struct pollfd fds[NVT_CONTROL_CLIENTS + 2] = {{.fd = control->wake, .events = POLLIN},
                                                  {.fd = control->listener.fd, .events = POLLIN}};
    for (unsigned i = 0; i < NVT_CONTROL_CLIENTS; i++) {
      const struct client *client = &control->clients[i];
      fds[2 + i].fd = client->fd; /* -1 is passed over */
      bool room = client->used <= NVT_CONTROL_LINE && !client->ended;
      fds[2 + i].events = client->out != NULL ? POLLOUT : room ? POLLIN : 0;
    }
    if (poll(fds, NVT_CONTROL_CLIENTS + 2, more ? 0 : patience) < 0)
      continue;
    if (fds[0].revents != 0)
      return NULL;
    more = false;
    for (unsigned i = 0; i < NVT_CONTROL_CLIENTS; i++) {
      struct client *client = &control->clients[i];
      if (client->fd < 0)
        continue;
      if (fds[2 + i].revents != 0) {
        if (client->out != NULL)
          flush(client);
        else if (!client->ended)
          receive(client);
      }
      if (client->fd < 0)
        continue;
      bool took = take_line(control, client);
      more |= took;
      if (client->fd >= 0 && client->ended && !took && client->out == NULL)
        drop(client);
    }
    if (fds[1].revents != 0)
      accept_one(control);
  }
}

static int start_thread(struct nvt_control *control) {
  int error = nvt_thread_start(&control->thread, serve, control);
  control->started = error == 0;
  return error;
}

int nvt_control_start(const char *path, const struct nvt_control_target *target,
                      struct nvt_control **out, char *why, size_t whylen) {
  *out = NULL;
  struct nvt_control *control = calloc(1, sizeof(*control));
  if (control == NULL) {
    (void)nvt_control_refuse(why, whylen, "%s: out of memory", path);
    return -ENOMEM;
  }
  control->target = *target;
  if (control->target.patience_ms == 0)
    control->target.patience_ms = PATIENCE_MS;
  control->listener.fd = control->wake = -1;
  for (unsigned i = 0; i < NVT_CONTROL_CLIENTS; i++)
    control->clients[i].fd = control->clients[i].with.fd = -1;
  int error = nvt_listen(&control->listener, path, why, whylen);
  if (error == 0) {
    control->wake = eventfd(0, EFD_CLOEXEC);
    error = control->wake < 0 ? -errno : start_thread(control);
    if (error != 0)
      (void)nvt_control_refuse(why, whylen, "%s: %s", path, strerror(-error));
  }
  if (error != 0) {
    nvt_control_end(control);
    return error;
  }
  *out = control;
  return 0;
}

void nvt_control_end(struct nvt_control *control) {
  if (control == NULL)
    return;
  if (control->started) {
    uint64_t one = 1;
    ssize_t written = write(control->wake, &one, sizeof(one));
    (void)written; /* a counter at 0 takes it */
    pthread_join(control->thread, NULL);
  }
  for (unsigned i = 0; i < NVT_CONTROL_CLIENTS; i++)
    if (control->clients[i].fd >= 0)
      drop(&control->clients[i]);
  if (control->wake >= 0)
    close(control->wake);
  nvt_unlisten(&control->listener);
  free(control);
}
