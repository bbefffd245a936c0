/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A campaign: runs in batches, each batch in a child, which tells through shared memory what it is
 * at. What takes the child down, or holds it up, is a finding of the run that it was at; the next
 * batch goes on after that. Inputs are made again from seed and run, so nothing else need survive.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "replay/mutate_int.h"

#define BATCH 64u          /* runs of a child */
#define BATCH_FINDINGS 32u /* that it can tell of */
#define SAVED_OF_A_KIND 5u

/* Between a child and us. */
struct batch {
  volatile uint64_t run;  /* that it is at */
  volatile uint64_t step; /* of that run: it moves */
  volatile bool unopened; /* the target can't be opened: why */
  char why[256];
  uint64_t commands;
  uint64_t changes;
  uint64_t count;
  volatile uint32_t kept;
  struct nvt_mutate_finding findings[BATCH_FINDINGS];
};

struct campaign {
  const struct nvt_mutate_options *options;
  struct nvt_mutate_result *result;
  struct nvt_input *origin;
  struct batch *batch; /* shared */
  int said;            /* the child's standard error: a sanitizer's report */
  double start, shown;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- in the child --- */

static void add(struct batch *b, uint64_t step, const char *kind, const char *text) {
  b->count++;
  if (b->kept >= BATCH_FINDINGS)
    return;
  struct nvt_mutate_finding *f = &b->findings[b->kept];
  *f = (struct nvt_mutate_finding){.run = b->run, .step = step};
  snprintf(f->kind, sizeof(f->kind), "%s", kind);
  snprintf(f->text, sizeof(f->text), "%s", text);
  b->kept++;
}

static void on_found(void *ctx, uint64_t step, const char *kind, const char *text) {
  add(ctx, step, kind, text);
}

static off_t size_of(int fd) {
  struct stat s;
  return fstat(fd, &s) == 0 ? s.st_size : 0;
}

/* The line of a sanitizer's report that says what it is. */
static void summary(int fd, off_t from, char *out, size_t size) {
  char text[16384];
  ssize_t got = pread(fd, text, sizeof(text) - 1, from);
  text[got > 0 ? got : 0] = '\0';
  const char *at = strstr(text, "ERROR: ");
  if (at == NULL)
    at = strstr(text, "runtime error: ");
  if (at == NULL)
    at = text;
  while (at > text && at[-1] != '\n')
    at--;
  snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static bool run_one(struct campaign *c, uint64_t run) {
  struct batch *b = c->batch;
  struct nvt_run_report report = {.found = on_found, .ctx = b};
  unsigned changes;
  b->run = run;
  struct nvt_input *in = nvt_input_mutate(c->origin, c->options->seed, run, &changes);
  if (in == NULL) {
    snprintf(b->why, sizeof(b->why), "out of memory");
    b->unopened = true;
    return false;
  }
  off_t before = size_of(c->said);
  bool opened =
      nvt_input_run(in, c->options->target, c->options->address, &report, b->why, sizeof(b->why));
  nvt_input_destroy(in);
  b->unopened = !opened;
  b->commands += report.commands;
  b->changes += changes;
  if (size_of(c->said) > before) {
    char text[sizeof(b->findings[0].text)];
    summary(c->said, before, text, sizeof(text));
    if (strstr(text, "runtime error: ") != NULL || strstr(text, "ERROR: ") != NULL)
      add(b, 0, "sanitizer", text);
  }
  return opened;
}

static _Noreturn void child(struct campaign *c, uint64_t first, uint64_t last) {
  const struct rlimit none = {0};
  setrlimit(RLIMIT_CORE, &none);
  dup2(c->said, STDERR_FILENO);
  for (uint64_t run = first; run <= last && run_one(c, run); run++)
    ;
  _exit(0);
}

/* --- in the parent --- */

static bool save(struct campaign *c, struct nvt_mutate_finding *f) {
  const struct nvt_mutate_options *o = c->options;
  char title[640];
  unsigned changes, same = 0;
  for (size_t i = 0; i < c->result->kept; i++)
    same += strcmp(c->result->findings[i].kind, f->kind) == 0;
  if (o->save == NULL || same >= SAVED_OF_A_KIND)
    return true;
  snprintf(f->saved, sizeof(f->saved), "%.160s/%s-%" PRIu64 "-%" PRIu64 ".pcap", o->save, f->kind,
           o->seed, f->run);
  snprintf(title, sizeof(title),
           "nvmetap mutate: seed %" PRIu64 ", run %" PRIu64 ", target %s: %s: %.300s", o->seed,
           f->run, o->target->name, f->kind, f->text);
  struct nvt_input *in = nvt_input_mutate(c->origin, o->seed, f->run, &changes);
  bool saved = in != NULL && nvt_input_save(in, f->saved, title, &c->result->why);
  nvt_input_destroy(in);
  return saved;
}

static bool keep(struct campaign *c, const struct nvt_mutate_finding *finding) {
  struct nvt_mutate_result *r = c->result;
  if (r->kept >= NVT_MUTATE_FINDINGS_MAX)
    return true;
  struct nvt_mutate_finding f = *finding;
  if (!save(c, &f))
    return false;
  r->findings[r->kept++] = f;
  return true;
}

/* 0: it ended; else the signal, or -1 that it hung. */
static int await(struct campaign *c, pid_t pid, int *status) {
  unsigned patience =
      c->options->patience_ms != 0 ? c->options->patience_ms : NVT_MUTATE_PATIENCE_MS;
  uint64_t run = UINT64_MAX;
  double since = now();
  for (;;) {
    pid_t got = waitpid(pid, status, WNOHANG);
    if (got == pid)
      return 0;
    if (got < 0 && errno != EINTR)
      return 0;
    if (c->batch->run != run) {
      run = c->batch->run;
      since = now();
    }
    if (now() - since > patience / 1e3) {
      kill(pid, SIGKILL);
      while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
      return -1;
    }
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
}

static void died(struct campaign *c, int hung, int status) {
  char text[320], said[256];
  summary(c->said, 0, said, sizeof(said));
  if (hung != 0)
    snprintf(text, sizeof(text), "the run takes longer than %u ms",
             c->options->patience_ms != 0 ? c->options->patience_ms : NVT_MUTATE_PATIENCE_MS);
  else if (WIFSIGNALED(status))
    snprintf(text, sizeof(text), "%s%s%.250s", strsignal(WTERMSIG(status)),
             said[0] != '\0' ? ": " : "", said);
  else
    snprintf(text, sizeof(text), "exit status %d%s%.250s", WEXITSTATUS(status),
             said[0] != '\0' ? ": " : "", said);
  add(c->batch, 0, hung != 0 ? "hang" : "crash", text);
}

/* The next run to do, or UINT64_MAX: it's over. */
static uint64_t run_batch(struct campaign *c, uint64_t first, uint64_t last) {
  struct batch *b = c->batch;
  int status = 0;
  memset((void *)b, 0, sizeof(*b));
  b->run = first;
  if (ftruncate(c->said, 0) != 0 || lseek(c->said, 0, SEEK_SET) != 0)
    return UINT64_MAX;
  fflush(stdout);
  fflush(stderr);
  pid_t pid = fork();
  if (pid == 0)
    child(c, first, last);
  if (pid < 0) {
    c->result->failed = true;
    snprintf(c->result->why.text, sizeof(c->result->why.text), "fork: %s", strerror(errno));
    return UINT64_MAX;
  }
  int hung = await(c, pid, &status);
  if (hung != 0 || status != 0)
    died(c, hung, status);
  c->result->runs += b->run - first + (b->unopened ? 0 : 1);
  c->result->commands += b->commands;
  c->result->mutations += b->changes;
  c->result->count += b->count;
  for (uint32_t i = 0; i < b->kept; i++)
    if (!keep(c, &b->findings[i])) {
      c->result->failed = true;
      return UINT64_MAX;
    }
  if (b->unopened) {
    c->result->failed = true;
    snprintf(c->result->why.text, sizeof(c->result->why.text),
             "run %" PRIu64 ": the target can't be opened: %s", b->run, b->why);
    return UINT64_MAX;
  }
  return b->run + 1;
}

static void show_progress(struct campaign *c, bool end) {
  double at = now();
  if (end && c->shown > 0)
    fputs("\r\033[K", stderr);
  if (end || at - c->start < 2 || at - c->shown < 0.25)
    return;
  c->shown = at;
  fprintf(stderr, "\rmutate: %" PRIu64 " runs, %.0f a second, %" PRIu64 " findings\033[K",
          c->result->runs, (double)c->result->runs / (at - c->start), c->result->count);
  fflush(stderr);
}

static void run_all(struct campaign *c) {
  const struct nvt_mutate_options *o = c->options;
  uint64_t run = 0, runs = o->verbatim ? 1 : o->runs;
  while (run < runs && (o->seconds <= 0 || now() - c->start < o->seconds)) {
    uint64_t last = runs - run > BATCH ? run + BATCH - 1 : runs - 1;
    run = run_batch(c, run, last);
    if (o->progress)
      show_progress(c, false);
  }
  if (o->progress)
    show_progress(c, true);
}

static bool prepare(struct campaign *c) {
  struct nvt_mutate_result *r = c->result;
  if (!nvt_input_load(c->options->path, c->options->verbatim, &c->origin, &r->why))
    return false;
  r->steps = c->origin->count;
  r->shortened = c->origin->shortened;
  r->findings = calloc(NVT_MUTATE_FINDINGS_MAX, sizeof(*r->findings));
  c->said = memfd_create("nvmetap-mutate", MFD_CLOEXEC);
  c->batch =
      mmap(NULL, sizeof(*c->batch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const char *what = NULL;
  if (r->findings == NULL || c->said < 0 || c->batch == MAP_FAILED)
    what = "out of memory";
  else if (c->options->save != NULL && mkdir(c->options->save, 0777) != 0 && errno != EEXIST)
    what = strerror(errno);
  if (what == NULL)
    return true;
  snprintf(r->why.text, sizeof(r->why.text), "%.200s: %s",
           c->options->save != NULL ? c->options->save : c->options->path, what);
  return false;
}

void nvt_mutate(const struct nvt_mutate_options *options, struct nvt_mutate_result *result) {
  struct campaign c = {
      .options = options, .result = result, .start = now(), .said = -1, .batch = MAP_FAILED};
  memset(result, 0, sizeof(*result));
  if (prepare(&c))
    run_all(&c);
  else
    result->failed = true;
  if (c.batch != MAP_FAILED)
    munmap(c.batch, sizeof(*c.batch));
  if (c.said >= 0)
    close(c.said);
  nvt_input_destroy(c.origin);
  result->seconds = now() - c.start;
}

void nvt_mutate_clear(struct nvt_mutate_result *result) {
  free(result->findings);
  result->findings = NULL;
}
