/* SPDX-License-Identifier: BSD-2-Clause */
/* The process of an isolated plug-in: how it is started, and what is left of it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controller/isolated/isolated_int.h"
#include "controller/isolated/spin_int.h"

/* Above all that a file action names, so that none overwrites another's source. */
enum { HIGH = 16 };

uint64_t nvt_isolated_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int nvt_isolated_memory(struct nvt_isolated *s, int *out) {
  int fd = memfd_create("nvmetap-plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return -errno;
  /* A child that made it smaller would have us killed by SIGBUS. */
  if (ftruncate(fd, sizeof(*s->shared)) != 0 ||
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    goto failed;
  void *memory = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED)
    goto failed;
  s->shared = memory;
  if (getrandom(&s->guard, sizeof(s->guard), 0) != sizeof(s->guard))
    s->guard = nvt_isolated_clock() * 0x9e3779b97f4a7c15ull;
  nvt_isolated_guard(s);
  *out = fd;
  return 0;
failed:;
  int error = -errno;
  close(fd);
  return error;
}

static int file_actions(posix_spawn_file_actions_t *actions, int socket, int memory) {
  int error = posix_spawn_file_actions_adddup2(actions, socket, NVT_ISOLATED_SOCKET);
  if (error == 0)
    error = posix_spawn_file_actions_adddup2(actions, memory, NVT_ISOLATED_MEMORY);
  /* Standard output may be the trace. */
  if (error == 0)
    error =
        fcntl(STDERR_FILENO, F_GETFD) >= 0
            ? posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO)
            : posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (error == 0)
    error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (error == 0)
    error = posix_spawn_file_actions_addclosefrom_np(actions, NVT_ISOLATED_MEMORY + 1);
  return error;
}

/* Signals as at a fresh start; a process group of its own, so that Ctrl-C at the terminal
 * ends the recorder, which then ends the plug-in in good order. */
static int attributes(posix_spawnattr_t *attr) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                 POSIX_SPAWN_SETPGROUP);
  if (error == 0)
    error = posix_spawnattr_setsigmask(attr, &none);
  if (error == 0)
    error = posix_spawnattr_setsigdefault(attr, &all);
  if (error == 0)
    error = posix_spawnattr_setpgroup(attr, 0);
  return error;
}

static int spawn(struct nvt_isolated *s, const char *program, int socket, int memory) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  int error = posix_spawn_file_actions_init(&actions);
  if (error != 0)
    return -error;
  error = posix_spawnattr_init(&attr);
  if (error != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return -error;
  }
  error = file_actions(&actions, socket, memory);
  if (error == 0)
    error = attributes(&attr);
  char name[] = "nvmetap", command[] = NVT_ISOLATED_COMMAND, number[] = "3";
  char *const argv[] = {name, command, number, NULL};
  if (error == 0)
    error = posix_spawn(&s->pid, program, &actions, &attr, argv, environ);
  if (error != 0)
    s->pid = 0;
  posix_spawnattr_destroy(&attr);
  posix_spawn_file_actions_destroy(&actions);
  return -error;
}

static int duplicate(int *fd) {
  int high = fcntl(*fd, F_DUPFD_CLOEXEC, HIGH);
  if (high < 0)
    return -errno;
  close(*fd);
  *fd = high;
  return 0;
}

static int open_both(struct nvt_isolated *s, int *theirs, int *memory) {
  int pair[2];
  int error = nvt_isolated_memory(s, memory);
  if (error != 0)
    return error;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return -errno;
  s->socket = pair[0];
  *theirs = pair[1];
  error = duplicate(theirs);
  return error == 0 ? duplicate(memory) : error;
}

int nvt_isolated_spawn(struct nvt_isolated *s, const char *name, char *why, size_t whylen) {
  const char *program = s->program == NULL ? "/proc/self/exe" : s->program;
  int theirs = -1, memory = -1;
  int error = open_both(s, &theirs, &memory);
  if (error == 0)
    error = spawn(s, program, theirs, memory);
  if (theirs >= 0)
    close(theirs);
  if (memory >= 0)
    close(memory);
  if (error == 0) {
    s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (s->pidfd < 0)
      error = -errno;
  }
  s->spin = nvt_isolated_may_spin();
  return error == 0 ? 0
                    : nvt_plugin_refuse(error, why, whylen,
                                        "plug-in %s: no process for it can be started from %s: %s",
                                        name, program, strerror(-error));
}

static uint16_t remains(const struct nvt_isolated *s, int status) {
  if (WIFSIGNALED(status))
    return NVT_DIED_SIGNAL(WTERMSIG(status));
  /* Our part of the child ends it when it finds nonsense, which the plug-in wrote. */
  if (!nvt_isolated_guarded(s))
    return NVT_DIED_SCRIBBLE;
  return NVT_DIED_EXIT(WEXITSTATUS(status));
}

void nvt_isolated_end(struct nvt_isolated *s, uint16_t cause) {
  if (s->pid != 0) {
    int status = 0;
    if (cause != 0)
      kill(s->pid, SIGKILL);
    /* What it started, too; until it is waited for nobody else can have its number. */
    kill(-s->pid, SIGKILL);
    while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
      ;
    s->pid = 0;
    if (cause == 0)
      cause = remains(s, status);
  }
  if (s->cause == 0)
    s->cause = cause == 0 ? NVT_DIED_EXIT(0) : cause;
}

void nvt_isolated_close(struct nvt_isolated *s) {
  if (s->socket >= 0)
    close(s->socket);
  if (s->pidfd >= 0)
    close(s->pidfd);
  if (s->shared != NULL)
    munmap(s->shared, sizeof(*s->shared));
  s->socket = s->pidfd = -1;
  s->shared = NULL;
}

void nvt_isolated_cause(const struct nvt_isolated *s, char *text, size_t length) {
  unsigned number = s->cause & 0xffu;
  switch (s->cause & 0xff00u) {
  case NVT_DIED_SIGNAL(0):
    snprintf(text, length, "ended by signal %u (%s)", number, strsignal((int)number));
    break;
  case NVT_DIED_EXIT(0):
    snprintf(text, length, "ended itself by exit(%u)", number);
    break;
  case NVT_DIED_HANG:
    snprintf(text, length, "didn't return within %llu ms, and was killed",
             (unsigned long long)(s->allowed / 1000000));
    break;
  default:
    snprintf(text, length, "%s, and was killed",
             s->closed ? "closed the descriptors by which nvmetap talks to it"
                       : "wrote over the memory that it shares with nvmetap");
    break;
  }
}

void nvt_isolated_printable(char *text) {
  for (; *text != '\0'; text++)
    if (((unsigned char)*text < ' ' && *text != '\n' && *text != '\t') || *text == 0x7f)
      *text = '?';
}
