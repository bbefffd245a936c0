/* SPDX-License-Identifier: BSD-2-Clause */
/* LD_PRELOAD: a disk that takes its time, and half of what it was given. */
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

static void wait_a_little(void) {
  nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* Blocks stay whole, or O_DIRECT refuses the next. */
static size_t half(size_t length) {
  return length >= 16384 ? length / 2 & ~(size_t)4095 : length < 4096 ? (length + 1) / 2 : length;
}

ssize_t pwrite64(int fd, const void *from, size_t length, off64_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (real == NULL)
    *(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
  wait_a_little();
  return real(fd, from, half(length), offset);
}

ssize_t pwrite(int fd, const void *from, size_t length, off_t offset) {
  return pwrite64(fd, from, length, offset);
}
