/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/refuse_int.h"
#include "capture/ring.h"

enum { RINGS_OF_ONE = 1000 }; /* that a process may have at a time */

int nvt_ring_directory(char path[NVT_RING_DIRECTORY_PATH], char *why, size_t whylen) {
  const char *given = getenv("NVMETAP_RINGS");
  int length = given != NULL && given[0] == '/'
                   ? snprintf(path, NVT_RING_DIRECTORY_PATH, "%s", given)
                   : snprintf(path, NVT_RING_DIRECTORY_PATH, "/dev/shm/nvmetap-%u", geteuid());
  if (length < 0 || length >= (int)NVT_RING_DIRECTORY_PATH)
    return nvt_capture_refuse(-ENAMETOOLONG, why, whylen, "NVMETAP_RINGS: too long a path");
  if (mkdir(path, 0700) != 0 && errno != EEXIST)
    return nvt_capture_refuse(-errno, why, whylen, "%s: %s", path, strerror(errno));
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return nvt_capture_refuse(-errno, why, whylen, "%s: %s", path, strerror(errno));
  struct stat status;
  if (fstat(fd, &status) == 0 && status.st_uid == geteuid() && (status.st_mode & 077) == 0)
    return fd;
  close(fd);
  return nvt_capture_refuse(-EPERM, why, whylen,
                            "%s isn't a directory of user %u alone (mode 0700): rings aren't put "
                            "there; remove it, or name another by NVMETAP_RINGS",
                            path, (unsigned)geteuid());
}

uint64_t nvt_ring_session(void) {
  uint64_t session = 0;
  if (getrandom(&session, sizeof(session), 0) != sizeof(session))
    session = (uint64_t)getpid() << 32 ^ (uint64_t)time(NULL);
  return session;
}

/* A file without a name as yet: whoever looks into the directory finds whole rings only. 0 or
 * -errno. */
static int open_unnamed(int directory, uint64_t bytes) {
  int fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    return -errno;
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int error = posix_fallocate(fd, 0, (off_t)bytes);
  if (error == 0 && fcntl(fd, F_SETLK, &lock) != 0)
    error = errno;
  if (error == 0)
    return fd;
  close(fd);
  return -error;
}

static int give_name(struct nvt_ring *ring, int directory, const char *path) {
  char self[64];
  snprintf(self, sizeof(self), "/proc/self/fd/%d", ring->fd);
  for (unsigned n = 0; n < RINGS_OF_ONE; n++) {
    char *name;
    if (asprintf(&name, "%s/%ld-%u" NVT_RING_SUFFIX, path, (long)getpid(), n) < 0)
      return -ENOMEM;
    if (linkat(AT_FDCWD, self, directory, strrchr(name, '/') + 1, AT_SYMLINK_FOLLOW) == 0) {
      ring->path = name;
      return 0;
    }
    int error = errno;
    free(name);
    if (error != EEXIST)
      return -error;
  }
  return -EEXIST;
}

static int create(int directory, const char *path, uint64_t size, uint64_t session,
                  struct nvt_ring **out) {
  int fd = open_unnamed(directory, nvt_ring_file_size(size));
  if (fd < 0)
    return fd;
  int error = nvt_ring_create_on(fd, size, out);
  if (error != 0)
    return error;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  (*out)->shared->session = session;
  (*out)->shared->created_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  (*out)->shared->pid = (uint32_t)getpid();
  error = give_name(*out, directory, path);
  if (error != 0) {
    nvt_ring_destroy(*out);
    *out = NULL;
  }
  return error;
}

int nvt_ring_create_named(uint64_t size, uint64_t session, struct nvt_ring **out, char *why,
                          size_t whylen) {
  *out = NULL;
  if (nvt_ring_file_size(size) == 0)
    return -EINVAL;
  char path[NVT_RING_DIRECTORY_PATH];
  int directory = nvt_ring_directory(path, why, whylen);
  if (directory < 0)
    return directory;
  int error = create(directory, path, size, session, out);
  close(directory);
  if (error != 0)
    (void)nvt_capture_refuse(error, why, whylen, "%s: no room for a ring of %llu MiB: %s", path,
                             (unsigned long long)(nvt_ring_file_size(size) >> 20),
                             strerror(-error));
  return error;
}
