/* SPDX-License-Identifier: BSD-2-Clause */
/* Live traces: what filters let through, what is written to a client's descriptor, and how one
 * ends. A thread of its own plays the client, while this one is the device's. */
#include "host.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/live.h"
#include "controller/host.h"
#include "trace/record.h"

/* Clients run in a thread that isn't cmocka's, whose assertions don't reach it: these end all. */
static void must(bool good, const char *what, int line) {
  if (good)
    return;
  fprintf(stderr, "test_live.c:%d: %s\n", line, what);
  abort();
}
#undef assert_true
#define assert_true(good) must(good, #good, __LINE__)
#undef assert_int_equal
#define assert_int_equal(a, b) must((long long)(a) == (long long)(b), #a " == " #b, __LINE__)
#undef assert_in_range
#define assert_in_range(a, low, high) must((a) >= (low) && (a) <= (high), #a, __LINE__)
#undef assert_non_null
#define assert_non_null(a) must((a) != NULL, #a, __LINE__)
#undef fail_msg
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), must(false, "", __LINE__))

/* --- filters: parsing --- */

static void filters_are_read_or_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *reason; /* NULL: it is good */
  } cases[] = {
      {"", NULL},
      {"all", NULL},
      {"commands", NULL},
      {"no-doorbells,no-interrupts", NULL},
      {"io,errors", NULL},
      {"queue=0+65535", NULL},
      {"opcode=0xff+Read+identify", NULL},
      {"opcode=Create I/O Submission Queue", NULL},
      {"nsid=0xffffffff", NULL},
      {"lba=0-18446744073709551615", NULL},
      {"lba=7+0x10-0x1f", NULL},
      {"slower=0ns", NULL},
      {"slower=18446744073709551615ns", NULL},
      {"slower=18446744073s,io", NULL},
      {"status=0+0x7ff", NULL},
      {"doorbells,queue=1", NULL},
      {"metadata,errors", NULL},
      {"lba=1-0", "neither a block's number"},
      {"lba=0-18446744073709551616", "neither a block's number"},
      {"lba=", "neither a block's number"},
      {"lba=1-2-3", "neither a block's number"},
      {"lba=-1", "neither a block's number"},
      {"lba=1-", "neither a block's number"},
      {"lba=000000000000000000000001", "neither a block's number"},
      {"slower=1", "no time"},
      {"slower=ms", "no time"},
      {"slower=1.5ms", "no time"},
      {"slower=18446744074s", "no time"},
      {"slower=18446744073709551616ns", "no time"},
      {"slower=100000000000000000000000ns", "no time"},
      {"status=0x800", "from 0 to 0x7ff"},
      {"status=", "from 0 to 0x7ff"},
      {"doorbells,errors", "nothing is left"},
      {"doorbells,lba=1", "nothing is left"},
      {"commands,doorbells", "nothing is left"},
      {"admin,io", "leave nothing"},
      {"everything", "no word 'everything'"},
      {"commands,", "no word ''"},
      {"Commands", "no word"},
      {"queue=", "no number from 0 to 65535"},
      {"queue=65536", "no number from 0 to 65535"},
      {"queue=1+", "no number"},
      {"queue=-1", "no number"},
      {"queue=0x", "no number"},
      {"opcode=256", "neither a number"},
      {"opcode=Reed", "neither a number"},
      {"opcode=", "neither a number"},
      {"nsid=4294967296", "no number"},
      {"nsid=1 ", "no number"},
  };
  struct nvt_trace_filter filter;
  char why[512];
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    bool good = nvt_trace_filter_parse(cases[i].text, &filter, why, sizeof(why));
    if (good != (cases[i].reason == NULL))
      fail_msg("'%s' was %s", cases[i].text, good ? "taken" : why);
    if (!good && strstr(why, cases[i].reason) == NULL)
      fail_msg("'%s': '%s' doesn't say '%s'", cases[i].text, why, cases[i].reason);
  }
}

static void filters_have_limits(void **state) {
  (void)state;
  struct nvt_trace_filter filter;
  char text[512] = "queue=0", why[512];
  for (unsigned queues = 1; queues <= 17; queues++) {
    assert_int_equal(nvt_trace_filter_parse(text, &filter, why, sizeof(why)), queues <= 16);
    strcat(text, "+1");
  }
  const char *const lists[] = {"lba=0", "status=0"};
  for (size_t i = 0; i < 2; i++) {
    strcpy(text, lists[i]);
    for (unsigned count = 1; count <= 17; count++) {
      assert_int_equal(nvt_trace_filter_parse(text, &filter, why, sizeof(why)), count <= 16);
      strcat(text, "+1");
    }
  }
  for (size_t length = 254; length <= 256; length++) {
    strcpy(text, length % 2 == 0 ? "opcode=1" : "opcode=10");
    while (strlen(text) < length)
      strcat(text, "+1");
    assert_int_equal(strlen(text), length);
    assert_int_equal(nvt_trace_filter_parse(text, &filter, why, sizeof(why)), length <= 255);
  }
}

/* --- a device, and its client --- */

struct stage {
  struct host h;
  struct nvt_live *live;
  atomic_bool done;
  const char *filter;
  enum nvt_trace_data data;
  void (*client)(struct stage *);
};

static int open_one(struct stage *s, int fd, uint32_t *id, char *why, size_t whylen) {
  struct nvt_control_open wanted = {
      .fd = fd, .data = s->data, .ring = NVT_CONTROL_RING_MIN, .head = 0};
  assert_true(nvt_trace_filter_parse(s->filter, &wanted.filter, why, whylen));
  return nvt_live_open(s->live, &wanted, id, why, whylen);
}

static void *run_client(void *arg) {
  struct stage *s = arg;
  s->client(s);
  s->done = true;
  return NULL;
}

static bool flood;

/* The client runs, while commands do: reads that are good, and one in 8 that isn't. */
static unsigned with(const char *filter, void (*client)(struct stage *)) {
  static struct stage s;
  memset(&s, 0, sizeof(s));
  s.filter = filter;
  s.client = client;
  host_open(&s.h, "ram:1M");
  enable(&s.h);
  create_pair(&s.h, 1, 16);
  create_pair(&s.h, 2, 16);
  assert_int_equal(nvt_live_create(s.h.plugins, &s.live), 0);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, run_client, &s), 0);
  unsigned commands = 0;
  while (!s.done) {
    uint16_t qid = (uint16_t)(1 + commands % 2);
    (void)io(&s.h, NVT_NVM_READ, commands % 8 == 7 ? 1u << 30 : 0, 8, DATA_AT, 0);
    (void)run(&s.h, qid,
              io_sqe(commands % 3 == 0 ? NVT_NVM_WRITE : NVT_NVM_READ, 0, 1, DATA_AT, 0));
    if (commands % 5 == 0)
      (void)identify(&s.h, NVT_CNS_CONTROLLER, 0, guest(&s.h, DATA_AT));
    commands++;
    if (!flood) /* a reader keeps up */
      nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
  }
  pthread_join(thread, NULL);
  nvt_host_close(s.h.plugins);
  nvt_live_destroy(s.live);
  host_close(&s.h);
  return commands;
}

static unsigned fds_open(void) {
  unsigned count = 0;
  DIR *directory = opendir("/proc/self/fd");
  while (readdir(directory) != NULL)
    count++;
  closedir(directory);
  return count;
}

/* Whether this process's descriptors come to this number within five seconds; the thread of one
 * that has ended is waited for when something else is asked. */
static bool fds_become(struct stage *s, unsigned wanted) {
  for (int i = 0; i < 5000 && fds_open() != wanted; i++) {
    assert_int_equal(nvt_live_close(s->live, 0), -ENOENT);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return fds_open() == wanted;
}

/* --- reading what came --- */

static bool read_all(int fd, void *to, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t n = read(fd, (uint8_t *)to + done, length - done);
    if (n <= 0)
      return false;
    done += (size_t)n;
  }
  return true;
}

struct seen {
  unsigned kinds[NVT_REC_COUNT], snapshots, failed, queue_1, reads;
  uint64_t next;
  uint8_t left_out;
};

/* One record; false: the end. Sequence numbers have no step. */
static bool next_record(int fd, struct seen *seen, struct nvt_record *record) {
  uint32_t frame[4];
  static uint8_t bytes[NVT_RECORD_MAX];
  if (!read_all(fd, frame, sizeof(frame)))
    return false;
  assert_in_range(frame[2], 32, NVT_RECORD_MAX);
  if (!read_all(fd, bytes, frame[2]))
    return false;
  assert_int_equal(nvt_record_parse(bytes, frame[2], record), NVT_PARSE_OK);
  assert_int_equal(record->header.seq, seen->next++);
  seen->kinds[record->header.type]++;
  seen->snapshots += record->header.flags & 1;
  if (record->header.type == NVT_REC_COMMAND) {
    seen->queue_1 += record->command.sqid == 1;
    seen->reads += record->command.sqid != 0 && record->command.sqe.opcode == NVT_NVM_READ;
  }
  if (record->header.type == NVT_REC_COMPLETION)
    seen->failed += NVT_CQE_STATUS(record->completion.cqe.status) != 0;
  return true;
}

static void read_records(int fd, struct seen *seen, unsigned count) {
  uint8_t header[24];
  struct nvt_record r;
  memset(seen, 0, sizeof(*seen));
  assert_true(read_all(fd, header, sizeof(header)));
  for (unsigned i = 0; i < count; i++) {
    assert_true(next_record(fd, seen, &r));
    if (i == 0) {
      assert_int_equal(r.header.type, NVT_REC_META);
      seen->left_out = r.meta.left_out_flags;
    } else if (i == 1) {
      assert_int_equal(r.header.flags, 1);
    }
  }
}

struct pipes {
  int trace[2], connection[2];
  uint32_t id;
};

static void begin(struct stage *s, struct pipes *p) {
  char why[256] = "";
  assert_int_equal(pipe2(p->trace, O_CLOEXEC), 0);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->connection), 0);
  if (open_one(s, p->trace[1], &p->id, why, sizeof(why)) != 0)
    fail_msg("%s", why);
  close(p->trace[1]);
  nvt_live_begin(s->live, p->id, p->connection[1]);
}

static void last_words(struct pipes *p, const char *wanted) {
  char line[512] = "";
  for (size_t used = 0; strchr(line, '\n') == NULL;) {
    ssize_t n = read(p->connection[0], line + used, sizeof(line) - 1 - used);
    assert_true(n > 0);
    used += (size_t)n;
  }
  if (strstr(line, wanted) == NULL)
    fail_msg("'%s' isn't in: %s", wanted, line);
  assert_int_equal(read(p->connection[0], line, sizeof(line)), 0);
}

static void close_both(struct pipes *p) {
  if (p->trace[0] >= 0)
    close(p->trace[0]);
  close(p->connection[0]);
}

/* Drain to the end of the file. */
static void read_rest(int fd, struct seen *seen) {
  struct nvt_record r;
  while (next_record(fd, seen, &r))
    continue;
}

/* --- cases --- */

static struct seen seen;

static void take_thousand(struct stage *s) {
  struct pipes p;
  begin(s, &p);
  read_records(p.trace[0], &seen, 1000);
  shutdown(p.connection[0], SHUT_WR);
  read_rest(p.trace[0], &seen);
  last_words(&p, "\"ended\":\"closed\"");
  close_both(&p);
}

static void everything_is_written(void **state) {
  (void)state;
  with("", take_thousand);
  assert_int_equal(seen.kinds[NVT_REC_META], 1);
  assert_int_equal(seen.kinds[NVT_REC_QUEUE_STATE], 6);
  assert_int_equal(seen.left_out, 0);
  assert_true(seen.snapshots >= 14);
  assert_true(seen.kinds[NVT_REC_REG_WRITE] > 100 && seen.kinds[NVT_REC_COMMAND] > 100);
  assert_int_equal(seen.kinds[NVT_REC_ANNOTATION], 2);
  assert_int_equal(seen.kinds[NVT_REC_LOSS], 0);
}

static void filters_leave_out_what_they_say(void **state) {
  (void)state;
  with("commands", take_thousand);
  assert_int_equal(seen.left_out, 3);
  assert_int_equal(seen.kinds[NVT_REC_REG_WRITE], 5); /* the snapshot's */
  assert_int_equal(seen.kinds[NVT_REC_INTERRUPT], 0);
  with("queue=1", take_thousand);
  assert_int_equal(seen.left_out, 20);
  assert_true(seen.kinds[NVT_REC_COMMAND] > 100);
  assert_int_equal(seen.queue_1, seen.kinds[NVT_REC_COMMAND]);
  assert_true(seen.kinds[NVT_REC_REG_WRITE] > 100);
  with("io,opcode=Read,nsid=1", take_thousand);
  assert_int_equal(seen.left_out, 7);
  assert_true(seen.reads > 100);
  assert_int_equal(seen.reads, seen.kinds[NVT_REC_COMMAND]);
  with("admin", take_thousand);
  assert_int_equal(seen.reads + seen.queue_1, 0);
  assert_true(seen.kinds[NVT_REC_COMMAND] > 10);
  with("doorbells", take_thousand);
  assert_int_equal(seen.left_out, 14);
  assert_int_equal(seen.kinds[NVT_REC_COMMAND] + seen.kinds[NVT_REC_COMPLETION], 0);
  assert_true(seen.kinds[NVT_REC_REG_WRITE] > 900);
  with("metadata", take_thousand);
  assert_int_equal(seen.left_out, 8);
  assert_true(seen.reads > 100);
}

static void take_failures(struct stage *s) {
  struct pipes p;
  uint8_t header[24];
  struct nvt_record r, command = {0};
  memset(&seen, 0, sizeof(seen));
  begin(s, &p);
  assert_true(read_all(p.trace[0], header, sizeof(header)));
  while (seen.failed < 50) {
    assert_true(next_record(p.trace[0], &seen, &r));
    if (r.header.type == NVT_REC_COMMAND)
      command = r;
    if (r.header.type != NVT_REC_COMPLETION)
      continue;
    assert_true(NVT_CQE_STATUS(r.completion.cqe.status) != 0);
    assert_int_equal(command.header.seq + 1, r.header.seq); /* right before it */
    assert_int_equal(command.command.sqe.cid, r.completion.cqe.cid);
    assert_true(command.command.sqe.cdw10 == 1u << 30);
  }
  close(p.trace[0]);
  p.trace[0] = -1;
  last_words(&p, "\"ended\":\"reader\"");
  close_both(&p);
}

static void failures_come_with_their_commands(void **state) {
  (void)state;
  with("errors", take_failures);
}

static unsigned at_first;

/* The client dies; its reader stays and sees the end. */
static void client_hangs_up(struct stage *s) {
  struct pipes p;
  begin(s, &p);
  read_records(p.trace[0], &seen, 100);
  close(p.connection[0]);
  read_rest(p.trace[0], &seen);
  close(p.trace[0]);
  assert_true(fds_become(s, at_first));
}

/* The reader goes while nothing is written, since nothing is recorded: it is noticed. */
static void reader_goes(struct stage *s) {
  struct pipes p;
  begin(s, &p);
  read_records(p.trace[0], &seen, 10);
  close(p.trace[0]);
  p.trace[0] = -1;
  last_words(&p, "\"ended\":\"reader\"");
  close_both(&p);
  assert_true(fds_become(s, at_first));
}

static void told_to_close(struct stage *s) {
  struct pipes p;
  begin(s, &p);
  read_records(p.trace[0], &seen, 100);
  assert_int_equal(nvt_live_close(s->live, p.id + 1), -ENOENT);
  assert_int_equal(nvt_live_close(s->live, 0), -ENOENT);
  assert_int_equal(nvt_live_close(s->live, p.id), 0);
  read_rest(p.trace[0], &seen);
  last_words(&p, "\"ended\":\"closed\"");
  close_both(&p);
  assert_true(fds_become(s, at_first));
}

/* fds_become() counts what the stage has open: what was there before the trace. */
static void (*inner)(struct stage *);
static void counted(struct stage *s) {
  at_first = fds_open();
  inner(s);
}

static void it_ends_in_every_way(void **state) {
  (void)state;
  void (*const ways[])(struct stage *) = {client_hangs_up, reader_goes, told_to_close};
  for (unsigned i = 0; i < 3; i++) {
    inner = ways[i];
    with("", counted);
  }
  inner = reader_goes; /* there is nothing to write that would tell */
  with("nsid=77,io", counted);
}

/* Nobody reads: the device goes on, what doesn't fit is lost, and told when there is room. */
static void reader_sleeps(struct stage *s) {
  struct pipes p;
  begin(s, &p);
  nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 500000000}, NULL);
  memset(&seen, 0, sizeof(seen));
  uint8_t header[24];
  struct nvt_record r;
  uint64_t lost = 0;
  assert_true(read_all(p.trace[0], header, sizeof(header)));
  while (lost == 0) {
    uint32_t frame[4];
    static uint8_t bytes[NVT_RECORD_MAX];
    assert_true(read_all(p.trace[0], frame, sizeof(frame)));
    assert_true(read_all(p.trace[0], bytes, frame[2]));
    assert_int_equal(nvt_record_parse(bytes, frame[2], &r), NVT_PARSE_OK);
    if (r.header.type == NVT_REC_LOSS) {
      lost = r.loss.count;
      assert_int_equal(r.loss.first_seq, seen.next);
      assert_int_equal(r.header.seq, r.loss.first_seq + lost);
    }
    seen.next = r.header.seq + 1;
  }
  close(p.trace[0]);
  p.trace[0] = -1;
  last_words(&p, "\"ended\":\"reader\"");
  close_both(&p);
}

static void a_reader_that_sleeps_holds_up_nobody(void **state) {
  (void)state;
  flood = true;
  unsigned commands = with("", reader_sleeps);
  flood = false;
  assert_true(commands > 2000);
}

static void as_many_as_there_may_be(struct stage *s) {
  struct pipes p[NVT_LIVE_MAX];
  uint32_t id;
  char why[256];
  for (unsigned i = 0; i < NVT_LIVE_MAX; i++)
    begin(s, &p[i]);
  assert_int_equal(open_one(s, STDOUT_FILENO, &id, why, sizeof(why)), -EBUSY);
  assert_non_null(strstr(why, "8 live traces"));
  for (unsigned i = 0; i < NVT_LIVE_MAX; i++) {
    read_records(p[i].trace[0], &seen, 60);
    assert_int_equal(nvt_live_close(s->live, p[i].id), 0);
    read_rest(p[i].trace[0], &seen);
    last_words(&p[i], "closed");
    close_both(&p[i]);
  }
  assert_true(fds_become(s, at_first));
  for (unsigned i = 0; i < 200; i++) {
    struct pipes one;
    begin(s, &one);
    if (i % 4 == 0)
      read_records(one.trace[0], &seen, 40);
    close_both(&one);
    if (i % 8 == 7)
      assert_true(fds_become(s, at_first));
  }
  assert_true(fds_become(s, at_first));
}

static void there_are_eight_at_most_and_nothing_is_left_of_two_hundred(void **state) {
  (void)state;
  inner = as_many_as_there_may_be;
  with("", counted);
}

static struct pipes lasting[3];

/* The recorder ends: one is read to its end, one isn't read, one was never begun. */
static void stay(struct stage *s) {
  char why[256];
  uint32_t id;
  begin(s, &lasting[0]);
  begin(s, &lasting[1]);
  assert_int_equal(pipe2(lasting[2].trace, O_CLOEXEC), 0);
  assert_int_equal(open_one(s, lasting[2].trace[1], &id, why, sizeof(why)), 0);
  close(lasting[2].trace[1]);
  read_records(lasting[0].trace[0], &seen, 100);
}

static void *read_to_the_end(void *arg) {
  static struct seen rest;
  struct nvt_record r;
  rest.next = seen.next;
  (void)arg;
  while (next_record(lasting[0].trace[0], &rest, &r))
    continue;
  return NULL;
}

static pthread_t reader;

static void stay_and_be_read(struct stage *s) {
  stay(s);
  assert_int_equal(pthread_create(&reader, NULL, read_to_the_end, NULL), 0);
}

static void the_recorder_ends_them(void **state) {
  (void)state;
  with("", stay_and_be_read);
  pthread_join(reader, NULL);
  last_words(&lasting[0], "\"ended\":\"recorder\"");
  last_words(&lasting[1], "\"ended\":\"recorder\"");
  close_both(&lasting[0]);
  close_both(&lasting[1]);
  char byte;
  assert_int_equal(read(lasting[2].trace[0], &byte, 1), 0);
  close(lasting[2].trace[0]);
}

static void odd_descriptors(struct stage *s) {
  uint32_t id;
  char why[256];
  int one[2], two[2], datagram[2];
  assert_int_equal(pipe2(one, O_CLOEXEC), 0);
  assert_int_equal(pipe2(two, O_CLOEXEC), 0);
  assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagram), 0);
  const struct {
    int fd;
    const char *why;
  } cases[] = {{one[0], "isn't open for writing"},
               {open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "isn't open for writing"},
               {open("/dev/null", O_PATH | O_CLOEXEC), "isn't open for writing"},
               {datagram[0], "neither a file nor a pipe"},
               {1 << 20, "Bad file descriptor"}};
  for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_true(open_one(s, cases[i].fd, &id, why, sizeof(why)) < 0);
    if (strstr(why, cases[i].why) == NULL)
      fail_msg("'%s' doesn't say '%s'", why, cases[i].why);
    close(cases[i].fd);
  }
  /* Its answer couldn't be sent: it ends without having written anything. */
  assert_int_equal(open_one(s, two[1], &id, why, sizeof(why)), 0);
  close(two[1]);
  nvt_live_begin(s->live, id, -1);
  assert_int_equal(read(two[0], why, 1), 0);
  close(two[0]);
  close(one[1]);
  close(datagram[1]);
  assert_true(fds_become(s, at_first));
}

static void odd_descriptors_are_refused(void **state) {
  (void)state;
  inner = odd_descriptors;
  with("", counted);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(filters_are_read_or_refused),
      cmocka_unit_test(filters_have_limits),
      cmocka_unit_test(everything_is_written),
      cmocka_unit_test(filters_leave_out_what_they_say),
      cmocka_unit_test(failures_come_with_their_commands),
      cmocka_unit_test(it_ends_in_every_way),
      cmocka_unit_test(a_reader_that_sleeps_holds_up_nobody),
      cmocka_unit_test(there_are_eight_at_most_and_nothing_is_left_of_two_hundred),
      cmocka_unit_test(the_recorder_ends_them),
      cmocka_unit_test(odd_descriptors_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
