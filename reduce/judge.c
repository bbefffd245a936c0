/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a candidate still shows the difference: asked of a command, or of a replay in here. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nvme/names.h"
#include "reduce/reduce_int.h"

volatile sig_atomic_t nvt_reduce_interrupted;

#define FINDINGS 4096u /* looked at for the one of --finding */

/* --- which finding it is --- */

/* Where commands stand in their queues is worked out anew: such numbers may change. */
static bool numbers_move(const char *field) {
  static const char *const fields[] = {"command.slot",
                                       "command.head",
                                       "completion.slot",
                                       "completion.head",
                                       "completion.sqhd",
                                       "completion.phase",
                                       "seq",
                                       "completion.order",
                                       "data",
                                       "data.crc"};
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
    if (strcmp(field, fields[i]) == 0)
      return true;
  return false;
}

/* The record's type and its command's opcode: what the finding is about. */
static void describe(struct nvt_trace *t, const struct nvt_finding *finding, uint8_t *type,
                     uint16_t *code) {
  *type = 0;
  *code = UINT16_MAX;
  if (finding->record == 0 || finding->record > t->written_count)
    return;
  uint32_t item = t->written[finding->record - 1];
  *type = t->items[item].type;
  uint32_t unit = t->items[item].unit;
  if (unit != NVT_REDUCE_NONE && t->units[unit].kind == NVT_UNIT_COMMAND)
    *code = (uint16_t)((t->units[unit].sqid == 0) << 8 | t->units[unit].opcode);
}

/* "none" and the like say what kind it is; numbers, what was answered. An interrupt's state is
 * another where messages aren't set up. */
static bool same_words(const char *was, const char *is, const char *field) {
  bool word = strcmp(was, "none") == 0 || strcmp(is, "none") == 0;
  const char *was_state = strstr(was, " state "), *is_state = strstr(is, " state ");
  if (was_state != NULL && is_state != NULL)
    return was_state - was == is_state - is && strncmp(was, is, (size_t)(was_state - was)) == 0;
  return (numbers_move(field) && !word) || strcmp(was, is) == 0;
}

static const struct nvt_finding *first_of(const struct nvt_findings *findings, const char *field) {
  for (size_t i = 0; i < findings->kept; i++)
    if (field == NULL || strcmp(findings->list[i].field, field) == 0)
      return &findings->list[i];
  return NULL;
}

/* Differences that the whole trace hasn't are of the candidate's making. */
static bool nothing_new(struct nvt_judge *j, const struct nvt_findings *findings,
                        enum nvt_ask how) {
  for (size_t i = 0; i < findings->kept; i++) {
    const char *field = findings->list[i].field;
    unsigned at = 0;
    while (at < j->field_count && strcmp(j->fields[at], field) != 0)
      at++;
    if (at < j->field_count)
      continue;
    if (how == NVT_ASK)
      return false;
    if (j->field_count < NVT_REDUCE_FIELDS)
      j->fields[j->field_count++] = field; /* static */
  }
  return true;
}

static bool compare(struct nvt_judge *j, struct nvt_trace *t, const struct nvt_findings *findings,
                    enum nvt_ask how) {
  const struct nvt_finding *finding = first_of(findings, j->field);
  uint8_t type;
  uint16_t code;
  if (finding == NULL)
    return false;
  describe(t, finding, &type, &code);
  if (how == NVT_ASK_FIRST) {
    j->wanted = *finding;
    j->wanted_type = type;
    j->wanted_code = code;
  }
  bool written = finding->record > 0 && finding->record <= t->written_count;
  j->asked = *finding;
  j->asked_item = t->written[written ? finding->record - 1 : 0];
  return strcmp(finding->field, j->wanted.field) == 0 && type == j->wanted_type &&
         code == j->wanted_code &&
         same_words(j->wanted.expected, finding->expected, finding->field) &&
         same_words(j->wanted.actual, finding->actual, finding->field) &&
         nothing_new(j, findings, how);
}

/* --- in here --- */

static enum nvt_verdict_word replay(struct nvt_judge *j, struct nvt_trace *t,
                                    const struct nvt_choice *choice, enum nvt_ask how,
                                    struct nvt_reason *why) {
  char path[64];
  int fd = memfd_create("nvmetap-reduce", MFD_CLOEXEC);
  FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
  int error = file != NULL ? nvt_reduce_write_stream(t, choice, file) : -errno;
  struct nvt_replay_result result = {0};
  if (error == 0) {
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const struct nvt_replay_options options = {
        .path = path,
        .target = j->target,
        .address = j->address,
        .max_findings = how == NVT_ASK ? FINDINGS : NVT_REPLAY_FINDINGS_MAX};
    nvt_replay(&options, &result);
  }
  if (file != NULL)
    fclose(file);
  else if (fd >= 0)
    close(fd);
  enum nvt_verdict_word word = NVT_SHOWS_NOT;
  if (error != 0)
    snprintf(why->text, sizeof(why->text), "a candidate can't be made: %s", strerror(-error));
  else if (how == NVT_ASK_FIRST && !result.readable)
    *why = result.why;
  if (error != 0 || (how == NVT_ASK_FIRST && !result.readable))
    word = NVT_JUDGE_FAILED;
  else if (result.readable && compare(j, t, &result.totals.findings, how))
    word = NVT_SHOWS;
  nvt_replay_clear(&result);
  return nvt_reduce_interrupted ? NVT_STOPPED : word;
}

/* --- by a command --- */

void nvt_put_quoted(FILE *to, const char *path) {
  fputc('\'', to);
  for (; *path != '\0'; path++)
    if (*path == '\'')
      fputs("'\\''", to);
    else
      fputc(*path, to);
  fputc('\'', to);
}

/* The command with the path in the place of each {}, or behind it. free() it. */
static char *with_path(const char *command, const char *path) {
  char *text = NULL;
  size_t size = 0;
  FILE *to = open_memstream(&text, &size);
  if (to == NULL)
    return NULL;
  bool put = false;
  for (const char *at = command; *at != '\0'; at++)
    if (at[0] == '{' && at[1] == '}') {
      nvt_put_quoted(to, path);
      put = true;
      at++;
    } else {
      fputc(*at, to);
    }
  if (!put) {
    fputc(' ', to);
    nvt_put_quoted(to, path);
  }
  if (fclose(to) != 0) {
    free(text);
    return NULL;
  }
  return text;
}

/* Exit status as a shell tells it: 128 and the signal's number for one that a signal ended. */
static int run_command(const char *text) {
  pid_t pid = fork();
  if (pid < 0)
    return -errno;
  if (pid == 0) {
    int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
      dup2(null, STDIN_FILENO);
      dup2(null, STDOUT_FILENO);
      dup2(null, STDERR_FILENO);
    }
    signal(SIGINT, SIG_DFL);
    execl("/bin/sh", "sh", "-c", text, (char *)NULL);
    _exit(127);
  }
  int status;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return -errno;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static enum nvt_verdict_word shell(struct nvt_judge *j, struct nvt_trace *t,
                                   const struct nvt_choice *choice, enum nvt_ask how,
                                   struct nvt_reason *why) {
  FILE *file = fopen(j->candidate, "we");
  int error = file != NULL ? nvt_reduce_write_stream(t, choice, file) : -errno;
  if (file != NULL && fclose(file) != 0 && error == 0)
    error = -errno;
  char *text = error == 0 ? with_path(j->command, j->candidate) : NULL;
  if (text == NULL) {
    snprintf(why->text, sizeof(why->text), "%.400s: can't write: %s", j->candidate,
             strerror(error != 0 ? -error : ENOMEM));
    return NVT_JUDGE_FAILED;
  }
  int status = run_command(text);
  free(text);
  if (nvt_reduce_interrupted)
    return NVT_STOPPED;
  if (status < 0 || (how == NVT_ASK_FIRST && status == 127 && j->status != 127)) {
    snprintf(why->text, sizeof(why->text), "the shell can't run '%s'%s%s", j->command,
             status < 0 ? ": " : "", status < 0 ? strerror(-status) : "");
    return NVT_JUDGE_FAILED;
  }
  if (how == NVT_ASK_FIRST && status != j->status)
    snprintf(why->text, sizeof(why->text), "it exits with %d, not with %d; see --status", status,
             j->status);
  return status == j->status ? NVT_SHOWS : NVT_SHOWS_NOT;
}

static bool is_sound(struct nvt_judge *j, struct nvt_trace *t, const struct nvt_choice *choice) {
  return nvt_sound_begin(j->sound) == 0 &&
         nvt_reduce_write(t, choice, nvt_sound_put, j->sound) == 0 && nvt_sound_end(j->sound);
}

enum nvt_verdict_word nvt_judge_ask(struct nvt_judge *j, struct nvt_trace *t,
                                    const struct nvt_choice *choice, enum nvt_ask how,
                                    struct nvt_reason *why) {
  j->tries++;
  if (j->sound == NULL && nvt_sound_create(&j->sound) != 0) {
    snprintf(why->text, sizeof(why->text), "out of memory");
    return NVT_JUDGE_FAILED;
  }
  enum nvt_verdict_word word =
      j->command != NULL ? shell(j, t, choice, how, why) : replay(j, t, choice, how, why);
  if (how == NVT_ASK_UPTO)
    return word;
  if (word != NVT_SHOWS || !is_sound(j, t, choice))
    return word == NVT_SHOWS ? NVT_SHOWS_NOT : word;
  j->found = j->asked;
  j->found_item = j->asked_item;
  return word;
}

void nvt_judge_clear(struct nvt_judge *j) {
  if (j->command != NULL)
    unlink(j->candidate);
  nvt_sound_destroy(j->sound);
}
