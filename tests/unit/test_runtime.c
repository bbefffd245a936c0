/* SPDX-License-Identifier: BSD-2-Clause */
/* Where recorders are looked for: what isn't a socket of this user's isn't taken for one. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/runtime.h"

#define GONE 4194305L /* no process has that number */

static char base[64], runtime[96], shared[96];
static struct nvt_runtime_list list;

static const char *in(const char *directory, const char *name) {
  static char path[2][NVT_RUNTIME_PATH];
  static unsigned turn;
  turn ^= 1;
  int length = snprintf(path[turn], sizeof(path[turn]), "%s/%s", directory, name);
  assert_in_range(length, 1, NVT_RUNTIME_PATH - 1);
  return path[turn];
}

/* A socket there; the descriptor listens, or -1 that nobody does. */
static int make_socket(const char *path, bool listens) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
  if (listens) {
    assert_int_equal(listen(fd, 4), 0);
    return fd;
  }
  close(fd);
  return -1;
}

static bool found(const char *path) {
  nvt_runtime_find(&list);
  for (unsigned i = 0; i < list.count; i++)
    if (strcmp(list.paths[i], path) == 0)
      return true;
  return false;
}

static bool there(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0;
}

static int set_up(void **state) {
  (void)state;
  snprintf(base, sizeof(base), "/tmp/nvt-runtime.XXXXXX");
  if (mkdtemp(base) == NULL)
    return -1;
  snprintf(runtime, sizeof(runtime), "%s/nvmetap", base);
  snprintf(shared, sizeof(shared), "%s/shared", base);
  setenv("XDG_RUNTIME_DIR", base, 1);
  unsetenv("NVMETAP_CONTROL");
  return mkdir(runtime, 0700) | mkdir(shared, 0700);
}

static int tear_down(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof(command), "rm -rf %s", base);
  return system(command); // NOLINT: a path of our own
}

static void sockets_of_ours(void **state) {
  (void)state;
  const char *path = in(runtime, "7.ctl");
  int fd = make_socket(path, true);
  assert_true(found(path));
  close(fd);
  unlink(path);
  char why[256], mine[NVT_RUNTIME_PATH];
  assert_true(nvt_runtime_socket(mine, why, sizeof(why)));
  assert_memory_equal(mine, runtime, strlen(runtime));
}

/* Only sockets of dead processes that nobody listens at go, and nothing that is no socket. */
static void what_is_left_behind(void **state) {
  (void)state;
  char dead[32], living[32];
  snprintf(dead, sizeof(dead), "%ld.ctl", GONE);
  snprintf(living, sizeof(living), "%ld.ctl", (long)getpid());
  make_socket(in(runtime, dead), false);
  assert_false(found(in(runtime, dead)));
  assert_false(there(in(runtime, dead)));
  int fd = make_socket(in(runtime, dead), true);
  assert_true(found(in(runtime, dead)));
  close(fd);
  unlink(in(runtime, dead));
  make_socket(in(runtime, living), false);
  assert_true(found(in(runtime, living)));
  unlink(in(runtime, living));
  fd = open(in(runtime, dead), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  close(fd);
  assert_false(found(in(runtime, dead)));
  assert_true(there(in(runtime, dead)));
  unlink(in(runtime, dead));
}

/* A link to a socket elsewhere is neither taken nor removed, nor is what it points to. */
static void links_to_sockets(void **state) {
  (void)state;
  char link[32];
  snprintf(link, sizeof(link), "%ld.ctl", GONE);
  make_socket(in(shared, "target"), false);
  assert_int_equal(symlink(in(shared, "target"), in(runtime, link)), 0);
  assert_false(found(in(runtime, link)));
  assert_true(there(in(runtime, link)) && there(in(shared, "target")));
  unlink(in(runtime, link));
  unlink(in(shared, "target"));
}

/* The directory itself: a link, or one that others can look into, is none of ours. */
static void directories_that_are_not_ours(void **state) {
  (void)state;
  char why[256], path[NVT_RUNTIME_PATH];
  int fd = make_socket(in(shared, "7.ctl"), true);
  assert_int_equal(rmdir(runtime), 0);
  assert_int_equal(symlink(shared, runtime), 0);
  assert_false(found(in(runtime, "7.ctl")));
  assert_false(nvt_runtime_socket(path, why, sizeof(why)));
  assert_non_null(strstr(why, "isn't a directory of user"));
  assert_int_equal(unlink(runtime), 0);
  assert_int_equal(mkdir(runtime, 0700), 0);
  int own = make_socket(in(runtime, "8.ctl"), true);
  for (unsigned mode = 0700; mode <= 0777; mode++) {
    assert_int_equal(chmod(runtime, mode), 0);
    assert_int_equal(found(in(runtime, "8.ctl")), mode == 0700);
    assert_int_equal(nvt_runtime_socket(path, why, sizeof(why)), mode == 0700);
  }
  assert_int_equal(chmod(runtime, 0700), 0);
  close(own);
  close(fd);
  unlink(in(runtime, "8.ctl"));
  unlink(in(shared, "7.ctl"));
}

/* Of directories that NVMETAP_CONTROL names: there may be others' sockets in them. A process that
 * may give a socket to another user shows that; any can show that its own is found. */
static void named_directories(void **state) {
  (void)state;
  const char *path = in(shared, "7.ctl");
  int fd = make_socket(path, true);
  setenv("NVMETAP_CONTROL", shared, 1);
  assert_true(found(path));
  if (geteuid() == 0) {
    assert_int_equal(lchown(path, 65534, 65534), 0);
    assert_false(found(path)); /* ours, and theirs in it */
    assert_int_equal(chown(shared, 65534, 65534), 0);
    assert_true(found(path)); /* theirs, all of it: we were told to look there */
    assert_int_equal(chmod(shared, 0777 | S_ISVTX), 0);
    assert_false(found(path)); /* as /tmp */
    assert_int_equal(chown(shared, 0, 0), 0);
    assert_false(found(path));
    assert_int_equal(lchown(path, 0, 0), 0);
    assert_true(found(path));
  }
  setenv("NVMETAP_CONTROL", path, 1);
  assert_int_equal(symlink(path, in(base, "link.ctl")), 0);
  assert_true(found(path)); /* by its name */
  setenv("NVMETAP_CONTROL", base, 1);
  assert_false(found(in(base, "link.ctl")));
  unsetenv("NVMETAP_CONTROL");
  close(fd);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sockets_of_ours),   cmocka_unit_test(what_is_left_behind),
      cmocka_unit_test(links_to_sockets),  cmocka_unit_test(directories_that_are_not_ours),
      cmocka_unit_test(named_directories),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
