/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "controller/vfio_user/sigbus_int.h"

/* Blocks are never freed, so that the handler may walk them without a lock. */
#define BLOCK 256u
struct range {
  _Atomic uintptr_t start;
  _Atomic size_t length; /* 0: free; stored last */
  _Atomic size_t granule;
};
struct block {
  struct range ranges[BLOCK];
  struct block *_Atomic next;
};

static struct block first;
static pthread_mutex_t writers = PTHREAD_MUTEX_INITIALIZER;
static bool installed;
static struct sigaction before;
static atomic_uint replaced;

static void handle(int signal, siginfo_t *info, void *context) {
  (void)context;
  int saved = errno;
  uintptr_t at = (uintptr_t)info->si_addr;
  for (struct block *b = &first; b; b = atomic_load(&b->next))
    for (unsigned i = 0; i < BLOCK; i++) {
      size_t length = atomic_load(&b->ranges[i].length);
      uintptr_t start = atomic_load(&b->ranges[i].start);
      if (!length || at < start || at - start >= length)
        continue;
      size_t granule = atomic_load(&b->ranges[i].granule);
      void *page = (void *)(at - at % granule);
      const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
      /* cppcheck-suppress invalidFunctionArg ; no file, no descriptor */
      void *zeroes = mmap(page, granule, PROT_READ | PROT_WRITE, flags, -1, 0);
      if (zeroes == page) {
        atomic_fetch_add(&replaced, 1);
        errno = saved;
        return;
      }
    }
  /* Not ours: as if we had never been there. The access faults again. */
  sigaction(signal, &before, NULL);
  errno = saved;
}

static void install(void) {
  struct sigaction ours = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigemptyset(&ours.sa_mask);
  sigaction(SIGBUS, &ours, &before);
  installed = true;
}

int nvt_sigbus_guard(void *start, size_t length, size_t granule) {
  int error = -ENOMEM;
  pthread_mutex_lock(&writers);
  if (!installed)
    install();
  struct block *b = &first;
  for (;;) {
    for (unsigned i = 0; i < BLOCK && error; i++)
      if (!atomic_load(&b->ranges[i].length)) {
        atomic_store(&b->ranges[i].start, (uintptr_t)start);
        atomic_store(&b->ranges[i].granule, granule);
        atomic_store(&b->ranges[i].length, length);
        error = 0;
      }
    if (!error)
      break;
    struct block *next = atomic_load(&b->next);
    if (!next) {
      next = calloc(1, sizeof *next);
      if (!next)
        break;
      atomic_store(&b->next, next);
    }
    b = next;
  }
  pthread_mutex_unlock(&writers);
  return error;
}

void nvt_sigbus_unguard(void *start) {
  pthread_mutex_lock(&writers);
  for (struct block *b = &first; b; b = atomic_load(&b->next))
    for (unsigned i = 0; i < BLOCK; i++)
      if (atomic_load(&b->ranges[i].length) &&
          atomic_load(&b->ranges[i].start) == (uintptr_t)start) {
        atomic_store(&b->ranges[i].length, 0);
        pthread_mutex_unlock(&writers);
        return;
      }
  pthread_mutex_unlock(&writers);
}

unsigned nvt_sigbus_count(void) {
  return atomic_load(&replaced);
}
