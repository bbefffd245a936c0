/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "replay/qtest_int.h"

#define ANSWER_MS 10000

static int lost(struct nvt_qtest_link *link, int error) {
  if (link->fd >= 0)
    close(link->fd);
  link->fd = -1;
  return error;
}

static int send_line(struct nvt_qtest_link *link, const char *line, size_t length) {
  while (length > 0) {
    ssize_t n = send(link->fd, line, length, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -ECONNRESET;
    line += n;
    length -= (size_t)n;
  }
  return 0;
}

/* One line into `out`, without its newline. */
static int receive_line(struct nvt_qtest_link *link, char *out, size_t size) {
  for (;;) {
    char *end = memchr(link->line, '\n', link->have);
    if (end != NULL) {
      size_t length = (size_t)(end - link->line);
      snprintf(out, size, "%.*s", (int)length, link->line);
      link->have -= length + 1;
      memmove(link->line, end + 1, link->have);
      return 0;
    }
    if (link->have == sizeof(link->line))
      return -EPROTO;
    struct pollfd ready = {.fd = link->fd, .events = POLLIN};
    if (poll(&ready, 1, ANSWER_MS) == 0)
      return -ETIMEDOUT;
    ssize_t n = read(link->fd, link->line + link->have, sizeof(link->line) - link->have);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -ECONNRESET;
    link->have += (size_t)n;
  }
}

int nvt_qtest_ask(struct nvt_qtest_link *link, uint64_t *value, const char *format, ...) {
  char line[160];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(line, sizeof(line), format, args);
  va_end(args);
  if (link->fd < 0)
    return -ECONNRESET;
  if (length < 0 || (size_t)length >= sizeof(line))
    return -EINVAL;
  int failed = send_line(link, line, (size_t)length);
  do { /* interrupts are told in between */
    if (failed == 0)
      failed = receive_line(link, line, sizeof(line));
  } while (failed == 0 && strncmp(line, "IRQ ", 4) == 0);
  if (failed != 0)
    return lost(link, failed);
  if (strncmp(line, "OK", 2) != 0)
    return -EIO;
  if (value != NULL)
    *value = strtoull(line + 2, NULL, 0);
  return 0;
}
