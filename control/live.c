/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/live.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control/client.h"

#define LAST_WORDS_MS 5000 /* the recorder gives a reader that is slow two seconds */

static void fail(struct nvt_live_result *result, const char *why) {
  result->ok = false;
  (void)snprintf(result->error, sizeof(result->error), "%s", why);
}

static uint64_t number(struct json_object *from, const char *name) {
  struct json_object *value;
  return json_object_object_get_ex(from, name, &value) ? json_object_get_uint64(value) : 0;
}

/* One answer; false: it is none, or a refusal. */
static bool take(const char *line, struct nvt_live_result *result) {
  struct json_object *answer = json_tokener_parse(line), *value = NULL;
  if (!json_object_is_type(answer, json_type_object) ||
      !json_object_object_get_ex(answer, "ok", &value)) {
    fail(result, "that is no recorder's answer");
  } else if (!json_object_get_boolean(value)) {
    bool said = json_object_object_get_ex(answer, "error", &value) && value != NULL;
    fail(result, said ? json_object_get_string(value) : "the recorder refused");
  } else {
    result->ok = true;
  }
  if (json_object_object_get_ex(answer, "ended", &value) && value != NULL)
    (void)snprintf(result->ended, sizeof(result->ended), "%s", json_object_get_string(value));
  result->records = number(answer, "records");
  result->lost = number(answer, "lost");
  result->bytes = number(answer, "bytes");
  json_object_put(answer);
  return result->ok;
}

static void ask(struct nvt_client *client, const struct nvt_live_request *request, int fd) {
  struct json_object *json = json_object_new_object();
  const char *const texts[][2] = {{"command", "trace open"},
                                  {"data", request->data},
                                  {"filter", request->filter},
                                  {"ring", request->ring}};
  for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    if (texts[i][1] != NULL)
      json_object_object_add(json, texts[i][0], json_object_new_string(texts[i][1]));
  nvt_client_send(client, json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), fd);
  json_object_put(json);
}

/* Until it says something, or somebody says stop. */
static void wait_for_end(struct nvt_client *client, int signals) {
  struct pollfd fds[2] = {{.fd = nvt_client_fd(client), .events = POLLIN},
                          {.fd = signals, .events = POLLIN}};
  for (;;) {
    if (poll(fds, 2, -1) < 0)
      continue;
    if (fds[0].revents != 0)
      return;
    struct signalfd_siginfo taken;
    if (read(signals, &taken, sizeof(taken)) == (ssize_t)sizeof(taken)) {
      nvt_client_finish(client, LAST_WORDS_MS);
      return;
    }
  }
}

void nvt_live_run(struct nvt_client *client, const struct nvt_live_request *request, int fd,
                  struct nvt_live_result *result) {
  *result = (struct nvt_live_result){0};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int signals = signalfd(-1, &set, SFD_CLOEXEC);
  ask(client, request, fd);
  close(fd); /* else its reader would wait for us, too */
  char *line = nvt_client_receive(client);
  result->refused = true;
  if (line == NULL)
    fail(result, errno == EAGAIN ? "no answer: the recorder is held up" : strerror(errno));
  else if (take(line, result))
    result->refused = false;
  free(line);
  if (!result->refused) {
    wait_for_end(client, signals);
    line = nvt_client_receive(client);
    if (line == NULL)
      fail(result, errno == ECONNRESET ? "the recorder has gone" : strerror(errno));
    else
      (void)take(line, result);
    free(line);
  }
  if (signals >= 0)
    close(signals);
}
