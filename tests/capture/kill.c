/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kill --nvmetap PROGRAM --dir DIRECTORY [--kills N] [--drop] [--slow LIBRARY] [--kill-recover]
 *      [--longest MS] [--seed N] [--keep-every N] [-- RECORD-OPTION…]
 *
 * Kills a recorder at N random instants under load, recovers, and counts what the trace has against
 * what the host saw. One line of counts; exit status 1 when anything is missing.
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controller/log.h"
#include "tests/capture/kill.h"

struct options {
  const char *nvmetap, *dir, *slow;
  unsigned kills, longest, keep_every;
  bool drop, kill_recover;
  uint64_t seed;
  char **more; /* options of record */
};

struct totals {
  uint64_t seen, records, lost, in_gaps, recover_kills, idle, files;
};

static uint64_t state;
static uint64_t draw(uint64_t below) { /* splitmix64 */
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (z ^ z >> 31) % below;
}

static void sleep_us(uint64_t us) {
  nanosleep(
      &(struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000},
      NULL);
}

static pid_t start(const struct options *o, char *const *argv, const char *log, bool slow) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  if (freopen(log, "w", stderr) == NULL || freopen(log, "a", stdout) == NULL)
    _exit(126);
  if (slow && o->slow != NULL)
    setenv("LD_PRELOAD", o->slow, 1);
  execv(o->nvmetap, argv);
  _exit(127);
}

static pid_t start_recorder(const struct options *o, const char *socket, const char *trace,
                            const char *log) {
  char *argv[64] = {(char *)(uintptr_t)o->nvmetap,
                    "record",
                    "--socket",
                    NULL,
                    "--trace",
                    NULL,
                    "--on-full",
                    o->drop ? "drop" : "block",
                    "--ring",
                    NULL,
                    "--namespace",
                    "null:64M",
                    "--no-control",
                    "--doorbells",
                    NULL};
  argv[3] = (char *)(uintptr_t)socket;
  argv[5] = (char *)(uintptr_t)trace;
  argv[9] = draw(2) == 0 || o->drop || o->slow != NULL ? "512K" : "4M";
  argv[14] = draw(3) == 0 ? "trap" : "shared";
  size_t count = 15;
  if (draw(4) == 0) {
    argv[count++] = "--data";
    argv[count++] = "full";
  }
  for (char **more = o->more; *more != NULL && count < 63; more++)
    argv[count++] = *more;
  return start(o, argv, log, true);
}

struct killer {
  pid_t pid;
  bool early; /* any time from its start on; else from the first completion that the host saw */
  uint64_t us;
  struct host *host;
};

static void *kill_later(void *arg) {
  struct killer *k = arg;
  for (unsigned i = 0; !k->early && i < 100000 && !atomic_load(&k->host->begun); i++)
    sleep_us(200);
  sleep_us(k->us);
  kill(k->pid, SIGKILL);
  waitpid(k->pid, NULL, 0); /* what it was about to store it has stored */
  atomic_store(&k->host->dead, true);
  return NULL;
}

/* Its exit status, or -1 when it was killed. */
static int recover(const struct options *o, const char *log, bool shoot) {
  char *argv[] = {(char *)(uintptr_t)o->nvmetap, "recover", NULL};
  pid_t pid = start(o, argv, log, shoot && draw(2) == 0);
  if (shoot) {
    sleep_us(draw(6000));
    kill(pid, SIGKILL);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Files of a set one after another, and what is compressed isn't: *trace is the path of that. */
static void collect(const struct options *o, char trace[PATH_MAX], struct totals *totals) {
  char command[2 * PATH_MAX];
  glob_t files;
  if (o->more[0] == NULL)
    return;
  snprintf(command, sizeof(command), "%s/x*.pcap", o->dir);
  if (glob(command, 0, NULL, &files) == 0)
    totals->files += files.gl_pathc;
  globfree(&files);
  snprintf(command, sizeof(command),
           "cd '%s' && rm -f all && for f in x*.pcap; do [ -e $f ] || continue; "
           "{ zstd -dqc $f 2>/dev/null || cat $f; } | "
           "if [ -e all ]; then tail -c +25 >>all; else cat >all; fi; done",
           o->dir);
  if (system(command) == 0)
    snprintf(trace, PATH_MAX, "%s/all", o->dir);
}

static void remove_traces(const struct options *o) {
  char command[2 * PATH_MAX];
  snprintf(command, sizeof(command), "rm -f '%s'/x*.pcap '%s/all'", o->dir, o->dir);
  if (o->more[0] != NULL && system(command) != 0)
    exit(2);
}

/* One kill. False with a line on standard output: something is missing. */
static bool once(const struct options *o, unsigned n, struct host *host, struct totals *totals) {
  char socket[PATH_MAX], trace[PATH_MAX], log[PATH_MAX], kept[PATH_MAX + 32];
  snprintf(socket, sizeof(socket), "%s/s", o->dir);
  snprintf(trace, sizeof(trace), "%s/x.pcap", o->dir);
  snprintf(log, sizeof(log), "%s/log", o->dir);
  snprintf(kept, sizeof(kept), "%s/kept-%u.pcap", o->dir, n);
  unlink(trace);
  unlink(socket);
  remove_traces(o);
  struct note *notes = host->notes;
  *host = (struct host){.socket = socket, .notes = notes};
  struct killer killer = {.host = host, .early = draw(10) == 0, .us = draw(1000ull * o->longest)};
  killer.pid = start_recorder(o, socket, trace, log);
  pthread_t thread;
  if (killer.pid < 0 || pthread_create(&thread, NULL, kill_later, &killer) != 0)
    return false;
  host_run(host);
  pthread_join(thread, NULL);
  for (unsigned i = 0; o->kill_recover && i < 3; i++)
    totals->recover_kills += recover(o, log, true) == -1;
  int status = recover(o, log, false);
  struct verdict verdict;
  collect(o, trace, totals);
  judge(trace, host, o->drop, &verdict);
  if (verdict.wrong[0] == '\0' && (status < 0 || status > (o->drop ? 1 : 0)))
    snprintf(verdict.wrong, sizeof(verdict.wrong), "recover: exit status %d", status);
  if (verdict.wrong[0] == '\0' && verdict.records > 0 && !verdict.recovered)
    snprintf(verdict.wrong, sizeof(verdict.wrong), "the trace doesn't say that it was recovered");
  if (verdict.wrong[0] == '\0' && host->why[0] != '\0' && host->seen > 0)
    snprintf(verdict.wrong, sizeof(verdict.wrong), "host: %.200s", host->why);
  totals->seen += host->seen;
  totals->records += verdict.records;
  totals->lost += verdict.lost;
  totals->in_gaps += verdict.in_gaps;
  totals->idle += host->seen == 0;
  bool wrong = verdict.wrong[0] != '\0';
  if (wrong)
    printf("kill %u, after %llu us, %u completions seen: %s (%s)\n", n,
           (unsigned long long)killer.us, host->seen, verdict.wrong, kept);
  if (wrong || (o->keep_every > 0 && n % o->keep_every == 0 && verdict.records > 0))
    (void)rename(trace, kept);
  return !wrong;
}

static bool parse(int argc, char **argv, struct options *o) {
  static const struct option options[] = {
      {"nvmetap", 1, NULL, 'n'},    {"dir", 1, NULL, 'd'},
      {"kills", 1, NULL, 'k'},      {"drop", 0, NULL, 'D'},
      {"slow", 1, NULL, 's'},       {"kill-recover", 0, NULL, 'r'},
      {"longest", 1, NULL, 'l'},    {"seed", 1, NULL, 'S'},
      {"keep-every", 1, NULL, 'e'}, {0}};
  *o = (struct options){.kills = 10, .longest = 100, .seed = (uint64_t)time(NULL)};
  for (int option; (option = getopt_long(argc, argv, "+", options, NULL)) != -1;)
    switch (option) {
    case 'n':
      o->nvmetap = optarg;
      break;
    case 'd':
      o->dir = optarg;
      break;
    case 'k':
      o->kills = (unsigned)atoi(optarg);
      break;
    case 'D':
      o->drop = true;
      break;
    case 's':
      o->slow = optarg;
      break;
    case 'r':
      o->kill_recover = true;
      break;
    case 'l':
      o->longest = (unsigned)atoi(optarg);
      break;
    case 'S':
      o->seed = strtoull(optarg, NULL, 10);
      break;
    case 'e':
      o->keep_every = (unsigned)atoi(optarg);
      break;
    default:
      return false;
    }
  o->more = argv + optind;
  return o->nvmetap != NULL && o->dir != NULL && o->kills > 0 && o->longest > 0;
}

int main(int argc, char **argv) {
  struct options o;
  struct totals totals = {0};
  struct host host = {.notes = mmap(NULL, NOTES * sizeof(struct note), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
  char rings[PATH_MAX];
  if (!parse(argc, argv, &o) || host.notes == MAP_FAILED) {
    fprintf(stderr, "usage: kill --nvmetap PROGRAM --dir DIRECTORY …: see its source\n");
    return 2;
  }
  snprintf(rings, sizeof(rings), "/dev/shm/nvmetap-kill-%ld", (long)getpid());
  if (mkdir(rings, 0700) != 0) {
    perror(rings);
    return 2;
  }
  setenv("NVMETAP_RINGS", rings, 1);
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  nvt_log_set(NVT_LOG_QUIET);
  state = o.seed;
  unsigned bad = 0;
  for (unsigned n = 1; n <= o.kills && bad < 5; n++)
    bad += !once(&o, n, &host, &totals);
  bool left = rmdir(rings) != 0;
  if (left)
    printf("%s: rings were left behind\n", rings);
  printf("%u kills, %u wrong: the host saw %llu completions (none at %llu kills), %llu records, "
         "%llu lost (%llu completions in gaps), recover killed %llu times, %llu files, seed %llu\n",
         o.kills, bad, (unsigned long long)totals.seen, (unsigned long long)totals.idle,
         (unsigned long long)totals.records, (unsigned long long)totals.lost,
         (unsigned long long)totals.in_gaps, (unsigned long long)totals.recover_kills,
         (unsigned long long)totals.files, (unsigned long long)o.seed);
  return bad > 0 || left ? 1 : 0;
}
