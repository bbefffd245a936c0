/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/corpus.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH 32u /* directories in directories */

struct nvt_corpus {
  char **paths;
  size_t count, room;
};

int nvt_corpus_create(struct nvt_corpus **out) {
  *out = calloc(1, sizeof(**out));
  return *out != NULL ? 0 : -ENOMEM;
}

void nvt_corpus_destroy(struct nvt_corpus *corpus) {
  for (size_t i = 0; corpus != NULL && i < corpus->count; i++)
    free(corpus->paths[i]);
  if (corpus != NULL)
    free(corpus->paths);
  free(corpus);
}

size_t nvt_corpus_count(const struct nvt_corpus *corpus) {
  return corpus->count;
}

const char *nvt_corpus_path(const struct nvt_corpus *corpus, size_t index) {
  return corpus->paths[index];
}

/* Takes the path over. */
static int add_path(struct nvt_corpus *corpus, char *path) {
  int error = path == NULL ? -ENOMEM : corpus->count == NVT_CORPUS_TRACES ? -E2BIG : 0;
  if (error == 0 && corpus->count == corpus->room) {
    size_t room = corpus->room == 0 ? 64 : corpus->room * 2;
    char **more = reallocarray(corpus->paths, room, sizeof(*more));
    if (more != NULL) {
      corpus->paths = more;
      corpus->room = room;
    } else {
      error = -ENOMEM;
    }
  }
  if (error == 0)
    corpus->paths[corpus->count++] = path;
  else
    free(path);
  return error;
}

static bool is_trace(const char *name) {
  static const char *const ends[] = {".pcap", ".pcapng", ".zst"};
  size_t length = strlen(name);
  for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
    if (length > strlen(ends[i]) && strcmp(name + length - strlen(ends[i]), ends[i]) == 0)
      return true;
  return false;
}

static int hidden(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

static int add_directory(struct nvt_corpus *corpus, const char *path, unsigned depth) {
  struct dirent **entries;
  int count = depth == DEPTH ? 0 : scandir(path, &entries, hidden, alphasort);
  int error = count < 0 ? -errno : 0;
  for (int i = 0; i < count; i++) {
    char *inside = NULL;
    struct stat st;
    if (error == 0 && asprintf(&inside, "%s/%s", path, entries[i]->d_name) < 0)
      error = -ENOMEM;
    if (error == 0 && lstat(inside, &st) == 0 && S_ISDIR(st.st_mode))
      error = add_directory(corpus, inside, depth + 1);
    else if (error == 0 && is_trace(inside)) {
      error = add_path(corpus, inside);
      inside = NULL;
    }
    free(inside);
    free(entries[i]);
  }
  if (count > 0)
    free(entries);
  return error;
}

int nvt_corpus_add(struct nvt_corpus *corpus, const char *path) {
  struct stat st;
  if (strcmp(path, "-") != 0 && stat(path, &st) != 0)
    return -errno;
  if (strcmp(path, "-") == 0 || !S_ISDIR(st.st_mode))
    return add_path(corpus, strdup(path));
  size_t before = corpus->count;
  int error = add_directory(corpus, path, 0);
  return error == 0 && corpus->count == before ? -ENODATA : error;
}

/* --- replaying --- */

struct job {
  pid_t pid; /* 0: none */
  size_t index;
  int fd; /* where it writes its result */
};

static void child(const struct nvt_replay_options *options, int fd) {
  struct nvt_replay_result result;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  nvt_replay(options, &result);
  json_object *report = nvt_report_json(options, &result);
  FILE *file = fdopen(fd, "w");
  if (report == NULL || file == NULL)
    _exit(3);
  fputs(json_object_to_json_string(report), file);
  _exit(fclose(file) == 0 ? 0 : 3);
}

static int start(const struct nvt_corpus *corpus, const struct nvt_replay_options *options,
                 size_t index, struct job *job) {
  struct nvt_replay_options own = *options;
  own.path = corpus->paths[index];
  own.progress = false;
  *job = (struct job){.index = index, .fd = memfd_create("nvmetap-replay", MFD_CLOEXEC)};
  if (job->fd < 0)
    return -errno;
  fflush(NULL);
  job->pid = fork();
  if (job->pid == 0)
    child(&own, job->fd);
  if (job->pid > 0)
    return 0;
  int error = -errno;
  close(job->fd);
  job->pid = 0;
  return error;
}

/* What the process left: its result, or how it ended. */
static json_object *collect(const struct job *job, const char *path, int status) {
  char why[128];
  struct stat st;
  json_object *result = NULL;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && fstat(job->fd, &st) == 0 && st.st_size > 0) {
    void *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, job->fd, 0);
    if (text != MAP_FAILED) {
      struct json_tokener *tokener = json_tokener_new_ex(16);
      if (tokener != NULL)
        result = json_tokener_parse_ex(tokener, text, (int)st.st_size);
      json_tokener_free(tokener);
      munmap(text, (size_t)st.st_size);
    }
  }
  if (result != NULL)
    return result;
  result = json_object_new_object();
  if (WIFSIGNALED(status))
    snprintf(why, sizeof(why), "%.60s: its replay was ended by signal %d", path, WTERMSIG(status));
  else
    snprintf(why, sizeof(why), "%.60s: its replay gave no result", path);
  json_object_object_add(result, "trace", json_object_new_string(path));
  json_object_object_add(result, "differences", json_object_new_int(0));
  json_object_object_add(result, "findings", json_object_new_array());
  json_object_object_add(result, "error", json_object_new_string(why));
  json_object_object_add(result, "seconds", json_object_new_double(0));
  return result;
}

struct running {
  const struct nvt_corpus *corpus;
  json_object **results;
  struct job jobs[NVT_CORPUS_JOBS];
  unsigned count;
};

static bool reap(struct running *r) {
  int status;
  pid_t pid = waitpid(-1, &status, 0);
  for (unsigned i = 0; pid > 0 && i < NVT_CORPUS_JOBS; i++) {
    struct job *job = &r->jobs[i];
    if (job->pid != pid)
      continue;
    r->results[job->index] = collect(job, r->corpus->paths[job->index], status);
    close(job->fd);
    job->pid = 0;
    r->count--;
    break;
  }
  return pid > 0;
}

static bool start_next(struct running *r, const struct nvt_replay_options *options, size_t index) {
  for (unsigned i = 0; i < NVT_CORPUS_JOBS; i++)
    if (r->jobs[i].pid == 0) {
      r->count++;
      return start(r->corpus, options, index, &r->jobs[i]) == 0;
    }
  return false;
}

json_object *nvt_corpus_replay(const struct nvt_corpus *corpus,
                               const struct nvt_replay_options *options, unsigned jobs,
                               void (*done)(json_object *result, size_t through, size_t all)) {
  struct running *r = calloc(1, sizeof(*r));
  json_object *list = json_object_new_array();
  size_t next = 0, told = 0;
  if (r != NULL) {
    r->corpus = corpus;
    r->results = calloc(corpus->count + 1, sizeof(json_object *));
  }
  bool good = r != NULL && r->results != NULL && list != NULL;
  while (good && told < corpus->count) {
    while (good && next < corpus->count && r->count < jobs)
      good = start_next(r, options, next++);
    good = good && reap(r);
    for (; good && told < next && r->results[told] != NULL; told++) {
      json_object_array_add(list, r->results[told]);
      if (done != NULL)
        done(r->results[told], told + 1, corpus->count);
    }
  }
  if (!good) {
    json_object_put(list);
    list = NULL;
  }
  if (r != NULL)
    free(r->results);
  free(r);
  return list;
}
