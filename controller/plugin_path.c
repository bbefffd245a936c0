/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/plugin_path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS = 3 };

struct folders {
  char at[FOLDERS][PATH_MAX];
  unsigned count;
};

static bool is_file(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* A name too long for a path is nowhere. */
static void add(struct folders *folders, const char *folder, const char *below) {
  char *to = folders->at[folders->count];
  int n = snprintf(to, PATH_MAX, "%s%s", folder, below);
  if (n > 0 && n < PATH_MAX)
    folders->count++;
}

static void find_folders(struct folders *folders) {
  folders->count = 0;
  const char *told = getenv("NVMETAP_PLUGIN_DIR");
  if (told != NULL && *told != '\0')
    add(folders, told, "");
  char self[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  if (length <= 0)
    return;
  self[length] = '\0';
  char *slash = strrchr(self, '/');
  if (slash == NULL)
    return;
  *slash = '\0';
  add(folders, self, "/plugins");
  add(folders, self, "/../lib/nvmetap/plugins");
}

static bool find_in(const char *folder, const char *name, char found[PATH_MAX]) {
  static const char *const endings[] = {"", ".so"};
  for (unsigned i = 0; i < 2; i++) {
    int n = snprintf(found, PATH_MAX, "%s/%s%s", folder, name, endings[i]);
    if (n > 0 && n < PATH_MAX && is_file(found))
      return true;
  }
  return false;
}

static bool find(const char *name, char found[PATH_MAX], char *why, size_t whylen) {
  struct folders folders;
  find_folders(&folders);
  for (unsigned i = 0; i < folders.count; i++)
    if (find_in(folders.at[i], name, found))
      return true;
  int used = snprintf(why, whylen,
                      "plug-in %s: there is no such file here, and none of that name "
                      "or with .so in",
                      name);
  for (unsigned i = 0; i < folders.count && used > 0 && (size_t)used < whylen; i++)
    used += snprintf(why + used, whylen - (size_t)used, "%s %s", i == 0 ? "" : ",", folders.at[i]);
  if (used > 0 && (size_t)used < whylen)
    (void)snprintf(why + used, whylen - (size_t)used,
                   "; a path has a slash in it: ./%s; NVMETAP_PLUGIN_DIR is a folder of yours",
                   name);
  return false;
}

int nvt_plugin_path(const char *name, char path[PATH_MAX], char *why, size_t whylen) {
  char found[PATH_MAX];
  const char *file = name;
  struct stat status;
  if (strchr(name, '/') == NULL && !is_file(name)) {
    if (!find(name, found, why, whylen))
      return -ENOENT;
    file = found;
  }
  if (stat(file, &status) == 0 && !S_ISREG(status.st_mode)) {
    (void)snprintf(why, whylen, "plug-in %s: not a file; a shared library is wanted", name);
    return -EINVAL;
  }
  /* Without a slash dlopen() would look in the system's folders instead. */
  if (realpath(file, path) != NULL)
    return 0;
  int error = errno;
  (void)snprintf(why, whylen, "plug-in %s: %s", name, strerror(error));
  return -error;
}
