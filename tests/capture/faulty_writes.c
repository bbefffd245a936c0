/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded: a disk that fails. What is written to files named *.pcap or *.zst goes wrong from
 * FAULT_AFTER bytes on with FAULT_ERRNO (a number); with FAULT_SHORT each write does half of what
 * is asked for, which a write may.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic long written;

static int ours(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof(path) - 1);
  if (n < 5)
    return 0;
  path[n] = '\0';
  return strcmp(path + n - 5, ".pcap") == 0 || strcmp(path + n - 4, ".zst") == 0;
}

/* How much of it is done; -1: none, with errno. */
static ssize_t allowed(int fd, size_t length) {
  const char *after = getenv("FAULT_AFTER"), *number = getenv("FAULT_ERRNO");
  if (length == 0 || !ours(fd))
    return (ssize_t)length;
  if (getenv("FAULT_SHORT") != NULL && length > 1)
    length /= 2;
  if (after == NULL || number == NULL)
    return (ssize_t)length;
  long room = atol(after) - written;
  if (room <= 0) {
    errno = atoi(number);
    return -1;
  }
  size_t part = (size_t)room < length ? (size_t)room : length;
  written += (long)part;
  return (ssize_t)part;
}

ssize_t write(int fd, const void *from, size_t length) {
  static ssize_t (*real)(int, const void *, size_t);
  if (real == NULL)
    real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  ssize_t part = allowed(fd, length);
  return part < 0 ? -1 : real(fd, from, (size_t)part);
}

ssize_t pwrite(int fd, const void *from, size_t length, off_t at) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (real == NULL)
    real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  ssize_t part = allowed(fd, length);
  return part < 0 ? -1 : real(fd, from, (size_t)part, at);
}
