/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket: what requests are taken, what they do, and its thread. */
#include "host.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"
#include "control/request_int.h"
#include "controller/host.h"
#include "controller/log.h"

struct stage {
  struct host h;
  struct nvt_control_target target;
  atomic_int stopped;
  bool traced, on;
};

static void stop(void *ctx) {
  ((struct stage *)ctx)->stopped++;
}
static bool trace_state(void *ctx, struct nvt_control_trace *out) {
  struct stage *s = ctx;
  *out = (struct nvt_control_trace){.path = "x.pcap", .on = s->on, .records = 7, .lost = 1};
  return s->traced;
}
static int trace_switch(void *ctx, bool on) {
  struct stage *s = ctx;
  if (s->on == on)
    return -EALREADY;
  s->on = on;
  return 0;
}

/* Live traces: the last one's connection is kept. */
static atomic_int opened, connection = -1;
static int trace_open(void *ctx, const struct nvt_control_open *wanted, uint32_t *id, char *why,
                      size_t whylen) {
  (void)ctx;
  if (wanted->ring == 2u << 20) {
    snprintf(why, whylen, "not today");
    return -EBUSY;
  }
  *id = (uint32_t)++opened;
  return fcntl(wanted->fd, F_GETFD) < 0 ? -EBADF : 0;
}
static void trace_begin(void *ctx, uint32_t id, int fd) {
  (void)ctx;
  (void)id;
  connection = fd;
}
static int trace_close(void *ctx, uint32_t id) {
  (void)ctx;
  return id == 7 ? 0 : -ENOENT;
}
static bool trace_live(void *ctx, unsigned i, struct nvt_control_live *out) {
  (void)ctx;
  *out = (struct nvt_control_live){
      .id = 7, .pid = 1, .data = NVT_TRACE_DATA_HEAD, .filter = "errors", .records = 5, .lost = 2};
  return i == 0;
}

static void stage_open(struct stage *s) {
  host_open(&s->h, "ram:1M");
  s->stopped = 0;
  s->traced = s->on = true;
  s->target = (struct nvt_control_target){.host = s->h.plugins,
                                          .device = s->h.c,
                                          .ctx = s,
                                          .stop = stop,
                                          .trace = trace_state,
                                          .trace_switch = trace_switch,
                                          .trace_open = trace_open,
                                          .trace_begin = trace_begin,
                                          .trace_close = trace_close,
                                          .trace_live = trace_live};
}

/* --- what is taken --- */

static bool parses(const char *line, size_t length, char *why, size_t whylen) {
  struct control_request request;
  why[0] = '\0';
  bool good = nvt_control_parse(line, length, &request, why, whylen);
  nvt_control_clear(&request);
  return good;
}

static void good_requests_are_taken(void **state) {
  (void)state;
  static const char *const lines[] = {
      "{\"command\":\"status\"}",
      " {\"command\" : \"status\"}",
      "{\"command\":\"status\"} \t\r",
      "{\"command\":\"plugin load\",\"spec\":\"a,b\"}",
      "{\"command\":\"plugin load\",\"spec\":\"a\",\"isolated\":false}",
      "{\"isolated\":true,\"spec\":\"\",\"command\":\"plugin load\"}",
      "{\"command\":\"fault add\",\"rule\":{\"match\":{\"opcode\":[1,2]}}}",
      "{\"command\":\"fault add\",\"rule\":\"{}\"}",
      "{\"command\":\"namespace resize\",\"nsid\":1,\"size\":\"64M\"}",
      "{\"command\":\"namespace resize\",\"nsid\":\"0x1\",\"size\":512}",
      "{\"command\":\"inject event\",\"type\":7,\"info\":255,\"log\":\"0xFf\"}",
      "{\"command\":\"inject interrupt\",\"vector\":65535}",
      "{\"command\":\"inject interrupt\",\"vector\":0}",
  };
  char why[256];
  for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
    if (!parses(lines[i], strlen(lines[i]), why, sizeof(why)))
      fail_msg("%s: %s", lines[i], why);
}

static void bad_requests_are_refused_with_a_reason(void **state) {
  (void)state;
  static const struct {
    const char *line, *reason;
  } cases[] = {
      {"", "one JSON object"},
      {"status", "one JSON object"},
      {"{", "ends in the middle"},
      {"{\"command\":\"status\"", "ends in the middle"},
      {"{\"command\":\"status\"}}", "one JSON object"},
      {"{\"command\":\"status\"}{}", "one JSON object"},
      {"[\"status\"]", "something else"},
      {"null", "one JSON object"},
      {"7", "one JSON object"},
      {"{'command':'status'}", "one JSON object"},
      {"{\"command\":\"\xff\xfe\"}", "one JSON object"},
      {"{}", "'command' is missing"},
      {"{\"command\":7}", "'command' is missing"},
      {"{\"command\":null}", "'command' is missing"},
      {"{\"command\":\"status\\u0000\"}", "'command' is missing"},
      {"{\"command\":\"\"}", "no command ''"},
      {"{\"command\":\"Status\"}", "no command 'Status'"},
      {"{\"command\":\"plugin\"}", "no command"},
      {"{\"command\":\"status\",\"x\":1}", "'x' is no argument"},
      {"{\"command\":\"plugin load\"}", "needs 'spec'"},
      {"{\"command\":\"plugin load\",\"spec\":7}", "'spec' has to be a string"},
      {"{\"command\":\"plugin load\",\"spec\":\"a\\u0000b\"}", "without zero bytes"},
      {"{\"command\":\"plugin load\",\"spec\":\"a\",\"isolated\":1}", "true or false"},
      {"{\"command\":\"plugin send\",\"name\":\"a\"}", "needs 'text'"},
      {"{\"command\":\"inject interrupt\",\"vector\":65536}", "0 to 65535"},
      {"{\"command\":\"inject interrupt\",\"vector\":-1}", "0 to 65535"},
      {"{\"command\":\"inject interrupt\",\"vector\":1.5}", "0 to 65535"},
      {"{\"command\":\"inject interrupt\",\"vector\":1e400}", "0 to 65535"},
      {"{\"command\":\"inject interrupt\",\"vector\":\"\"}", "0 to 65535"},
      {"{\"command\":\"inject interrupt\",\"vector\":\"0x\"}", "0 to 65535"},
      {"{\"command\":\"inject interrupt\",\"vector\":\"0x1g\"}", "0 to 65535"},
      {"{\"command\":\"inject interrupt\",\"vector\":\"18446744073709551616\"}", "0 to 65535"},
      {"{\"command\":\"inject event\",\"type\":8,\"info\":0,\"log\":0}", "0 to 7"},
      {"{\"command\":\"inject event\",\"type\":0,\"info\":256,\"log\":0}", "0 to 255"},
      {"{\"command\":\"inject completion\",\"cqid\":1,\"sqid\":1,\"cid\":0,\"status\":2048}",
       "0 to 2047"},
      {"{\"command\":\"namespace resize\",\"nsid\":4294967296,\"size\":512}", "0 to 4294967295"},
      {"{\"command\":\"namespace resize\",\"nsid\":1,\"size\":\"64Q\"}", "has to be a size"},
      {"{\"command\":\"namespace resize\",\"nsid\":1,\"size\":\"0\"}", "has to be a size"},
      {"{\"command\":\"namespace resize\",\"nsid\":1,\"size\":[]}", "has to be a size"},
  };
  char why[1024];
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    if (parses(cases[i].line, strlen(cases[i].line), why, sizeof(why)))
      fail_msg("taken: %s", cases[i].line);
    if (strstr(why, cases[i].reason) == NULL)
      fail_msg("%s: '%s' doesn't say '%s'", cases[i].line, why, cases[i].reason);
  }
  /* What fits in no integer newer versions of json-c refuse themselves. */
  static const char *const huge[] = {
      "{\"command\":\"inject interrupt\",\"vector\":99999999999999999999999999}",
      "{\"command\":\"inject interrupt\",\"vector\":-99999999999999999999999999}"};
  for (size_t i = 0; i < 2; i++) {
    assert_false(parses(huge[i], strlen(huge[i]), why, sizeof(why)));
    if (strstr(why, "0 to 65535") == NULL && strstr(why, "number expected") == NULL)
      fail_msg("%s: '%s'", huge[i], why);
  }
  const char zero[] = "{\"command\":\"status\"}\0{}";
  assert_false(parses(zero, sizeof(zero) - 1, why, sizeof(why)));
}

static void a_request_has_a_longest_and_a_deepest(void **state) {
  (void)state;
  static char line[NVT_CONTROL_LINE + 2];
  char why[256];
  for (size_t length = NVT_CONTROL_LINE - 1; length <= NVT_CONTROL_LINE + 1; length++) {
    const char head[] = "{\"command\":\"fault add\",\"rule\":\"";
    memset(line, 'x', length);
    memcpy(line, head, sizeof(head) - 1);
    memcpy(line + length - 2, "\"}", 2);
    assert_int_equal(parses(line, length, why, sizeof(why)), length <= NVT_CONTROL_LINE);
  }
  /* 16 levels: the request's own object, the rule's, and 14 lists in it. */
  for (int depth = 1; depth < 40; depth++) {
    int at = snprintf(line, sizeof(line), "{\"command\":\"fault add\",\"rule\":{\"a\":");
    memset(line + at, '[', (size_t)depth);
    memset(line + at + depth, ']', (size_t)depth);
    at += 2 * depth;
    line[at++] = '}';
    line[at++] = '}';
    assert_int_equal(parses(line, (size_t)at, why, sizeof(why)), depth + 2 <= 16);
  }
  memset(line, '[', NVT_CONTROL_LINE);
  assert_false(parses(line, NVT_CONTROL_LINE, why, sizeof(why)));
}

/* --- what is done --- */

static struct json_object *ask(struct stage *s, const char *request) {
  char *text = nvt_control_answer(&s->target, request, strlen(request), -1);
  assert_non_null(text);
  assert_null(strchr(text, '\n'));
  struct json_object *answer = json_tokener_parse(text);
  assert_non_null(answer);
  free(text);
  return answer;
}
static struct json_object *member(struct json_object *object, const char *name) {
  struct json_object *value = NULL;
  if (!json_object_object_get_ex(object, name, &value))
    fail_msg("no '%s' in %s", name, json_object_to_json_string(object));
  return value;
}
static bool ok(struct stage *s, const char *request) {
  struct json_object *answer = ask(s, request);
  bool good = json_object_get_boolean(member(answer, "ok"));
  if (!good)
    assert_true(json_object_get_string_len(member(answer, "error")) > 0);
  json_object_put(answer);
  return good;
}
static uint64_t number(struct json_object *object, const char *name) {
  return json_object_get_uint64(member(object, name));
}

static void status_tells_what_is(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  create_pair(&s.h, 3, 16);
  submit(&s.h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(&s.h);
  put(&s.h, 3, io_sqe(NVT_NVM_READ, 0, 8, DATA_AT, 0)); /* no doorbell: not there yet */
  struct json_object *answer = ask(&s, "{\"command\":\"status\"}");
  struct json_object *controller = member(answer, "controller");
  assert_string_equal(json_object_get_string(member(controller, "serial")), "TEST");
  assert_string_equal(json_object_get_string(member(controller, "cc")), "0x00460001");
  assert_string_equal(json_object_get_string(member(controller, "csts")), "0x00000001");
  assert_true(json_object_get_boolean(member(controller, "ready")));
  assert_false(json_object_get_boolean(member(controller, "fatal")));
  struct json_object *queues = member(answer, "queues");
  assert_int_equal(json_object_array_length(queues), 4);
  unsigned seen = 0;
  for (size_t i = 0; i < 4; i++) {
    struct json_object *queue = json_object_array_get_idx(queues, i);
    bool submission = strcmp(json_object_get_string(member(queue, "kind")), "submission") == 0;
    if (submission && number(queue, "qid") == 0) {
      assert_int_equal(number(queue, "entries"), ADMIN_ENTRIES);
      assert_int_equal(number(queue, "outstanding"), 1);
      assert_int_equal(number(queue, "head"), s.h.sq[0].tail);
      seen++;
    } else if (submission) {
      assert_int_equal(number(queue, "qid"), 3);
      assert_int_equal(number(queue, "cqid"), 3);
      assert_int_equal(number(queue, "entries"), 16);
      assert_int_equal(number(queue, "tail"), 0);
      seen++;
    } else if (number(queue, "qid") == 3) {
      assert_int_equal(number(queue, "vector"), 3);
      seen++;
    }
  }
  assert_int_equal(seen, 3);
  struct json_object *ns = json_object_array_get_idx(member(answer, "namespaces"), 0);
  assert_int_equal(number(ns, "bytes"), 1 << 20);
  assert_int_equal(number(member(answer, "trace"), "records"), 7);
  assert_string_equal(json_object_get_string(member(answer, "log")), "normal");
  json_object_put(answer);
  s.traced = false;
  answer = ask(&s, "{\"command\":\"status\"}");
  assert_null(member(answer, "trace"));
  json_object_put(answer);
  host_close(&s.h);
}

static void namespaces_are_made_resized_and_removed(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  struct json_object *answer =
      ask(&s, "{\"command\":\"namespace add\",\"description\":\"null:2M,block=4096\"}");
  assert_int_equal(number(answer, "nsid"), 2);
  json_object_put(answer);
  assert_false(ok(&s, "{\"command\":\"namespace add\",\"description\":\"tape:2M\"}"));
  assert_true(ok(&s, "{\"command\":\"namespace resize\",\"nsid\":2,\"size\":\"4M\"}"));
  struct nvt_id_namespace id;
  assert_status(identify(&s.h, NVT_CNS_NAMESPACE, 2, &id), NVT_SC_SUCCESS);
  assert_int_equal(id.nsze, 1024);
  assert_false(ok(&s, "{\"command\":\"namespace resize\",\"nsid\":2,\"size\":4097}"));
  assert_false(ok(&s, "{\"command\":\"namespace resize\",\"nsid\":2,\"size\":0}"));
  assert_false(ok(&s, "{\"command\":\"namespace resize\",\"nsid\":3,\"size\":4096}"));
  assert_true(ok(&s, "{\"command\":\"namespace remove\",\"nsid\":2}"));
  assert_false(ok(&s, "{\"command\":\"namespace remove\",\"nsid\":2}"));
  assert_false(ok(&s, "{\"command\":\"namespace remove\",\"nsid\":0}"));
  assert_false(ok(&s, "{\"command\":\"namespace remove\",\"nsid\":4294967295}"));
  host_close(&s.h);
}

static int trace_fire(void *ctx, bool dump, const char *path, struct nvt_control_piece *out) {
  struct stage *s = ctx;
  if (!s->on)
    return -ENOTSUP;
  if (path != NULL && strcmp(path, "/full") == 0)
    return -ENOSPC;
  snprintf(out->path, sizeof(out->path), "%s", path != NULL ? path : dump ? "" : "x_1.pcap");
  out->bytes = 77;
  return 0;
}

static void the_past_is_asked_for(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  assert_false(ok(&s, "{\"command\":\"trace dump\"}")); /* nobody can */
  s.target.trace_fire = trace_fire;
  assert_true(ok(&s, "{\"command\":\"trace trigger\"}"));
  assert_true(ok(&s, "{\"command\":\"trace dump\"}"));
  assert_true(ok(&s, "{\"command\":\"trace dump\",\"file\":\"/tmp/x\"}"));
  assert_false(ok(&s, "{\"command\":\"trace dump\",\"file\":\"x\"}")); /* from which directory? */
  assert_false(ok(&s, "{\"command\":\"trace dump\",\"file\":\"\"}"));
  assert_false(ok(&s, "{\"command\":\"trace dump\",\"file\":\"/full\"}"));
  assert_false(ok(&s, "{\"command\":\"trace trigger\",\"file\":\"/tmp/x\"}"));
  s.on = false;
  assert_false(ok(&s, "{\"command\":\"trace trigger\"}"));
  host_close(&s.h);
}

static void tracing_and_messages_are_switched(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  assert_false(ok(&s, "{\"command\":\"trace start\"}"));
  assert_true(ok(&s, "{\"command\":\"trace stop\"}"));
  assert_false(s.on);
  assert_false(ok(&s, "{\"command\":\"trace stop\"}"));
  assert_true(ok(&s, "{\"command\":\"trace start\"}"));
  s.traced = false;
  assert_false(ok(&s, "{\"command\":\"trace stop\"}"));
  assert_true(ok(&s, "{\"command\":\"log\",\"level\":\"quiet\"}"));
  assert_int_equal(nvt_log_get(), NVT_LOG_QUIET);
  assert_false(ok(&s, "{\"command\":\"log\",\"level\":\"loud\"}"));
  assert_int_equal(nvt_log_get(), NVT_LOG_QUIET);
  nvt_log_set(NVT_LOG_NORMAL);
  assert_true(ok(&s, "{\"command\":\"stop\"}"));
  assert_int_equal(s.stopped, 1);
  host_close(&s.h);
}

static void faults_are_injected(void **state) {
  (void)state;
  static struct stage s;
  struct nvt_cqe cqe;
  stage_open(&s);
  submit(&s.h, 0, (struct nvt_sqe){.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST});
  poll_idle(&s.h);
  assert_true(ok(&s, "{\"command\":\"inject event\",\"type\":1,\"info\":2,\"log\":2}"));
  poll_idle(&s.h);
  assert_true(reap(&s.h, 0, &cqe));
  assert_int_equal(cqe.dw0, 0x020201);
  create_pair(&s.h, 1, 16);
  assert_true(ok(&s, "{\"command\":\"inject completion\",\"cqid\":1,\"sqid\":1,\"cid\":4660,"
                     "\"status\":\"0x281\",\"dw0\":99}"));
  poll_idle(&s.h);
  assert_true(reap(&s.h, 1, &cqe));
  assert_int_equal(cqe.cid, 0x1234);
  assert_status(status_of(cqe), 0x281);
  assert_int_equal(cqe.dw0, 99);
  assert_false(ok(&s, "{\"command\":\"inject completion\",\"cqid\":9,\"sqid\":1,\"cid\":1,"
                      "\"status\":0}"));
  unsigned fired = s.h.fired[1];
  assert_true(ok(&s, "{\"command\":\"inject interrupt\",\"vector\":1}"));
  poll_idle(&s.h);
  assert_int_equal(s.h.fired[1], fired + 1);
  assert_false(ok(&s, "{\"command\":\"inject interrupt\",\"vector\":65}"));
  assert_true(ok(&s, "{\"command\":\"inject fatal\"}"));
  assert_false(ok(&s, "{\"command\":\"inject fatal\"}"));
  assert_int_equal(reg32(&s.h, NVT_REG_CSTS) & 2, 2);
  assert_true(ok(&s, "{\"command\":\"inject remove\"}"));
  assert_int_equal(reg32(&s.h, NVT_REG_CSTS), 0xffffffffu);
  assert_true(ok(&s, "{\"command\":\"inject return\"}"));
  assert_int_equal(reg32(&s.h, NVT_REG_CSTS), 0);
  host_close(&s.h);
}

static void plugins_that_are_not_there_are_told(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  assert_false(ok(&s, "{\"command\":\"plugin load\",\"spec\":\"/nonexistent.so\"}"));
  assert_false(ok(&s, "{\"command\":\"plugin load\",\"spec\":\"\"}"));
  assert_false(ok(&s, "{\"command\":\"plugin unload\",\"name\":\"nobody\"}"));
  assert_false(ok(&s, "{\"command\":\"plugin enable\",\"name\":\"nobody\"}"));
  assert_false(ok(&s, "{\"command\":\"plugin disable\",\"name\":\"nobody\"}"));
  assert_false(ok(&s, "{\"command\":\"plugin send\",\"name\":\"nobody\",\"text\":\"x\"}"));
  assert_false(ok(&s, "{\"command\":\"fault list\"}"));
  struct json_object *answer = ask(&s, "{\"command\":\"plugin list\"}");
  assert_int_equal(json_object_array_length(member(answer, "plugins")), 0);
  json_object_put(answer);
  host_close(&s.h);
}

static void what_is_no_utf8_is_replaced(void **state) {
  (void)state;
  struct json_object *object = json_object_new_object();
  static const char *const cases[][2] = {
      {"plain", "plain"},
      {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82"},
      {"a\xff", "a?"},
      {"\xc3", "?"},
      {"\xe2\x82", "??"},
      {"\xc0\xaf\xed\xa0\x80", "?????"},
      {"\xf4\x90\x80\x80", "????"},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    nvt_control_add_text(object, "t", cases[i][0]);
    assert_string_equal(json_object_get_string(member(object, "t")), cases[i][1]);
  }
  json_object_put(object);
}

/* --- the socket --- */

static char path[108];

/* For threads that aren't the test's: a failed assertion there would jump out of it. */
#define require(x)                                                                                 \
  do {                                                                                             \
    if (!(x)) {                                                                                    \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                      \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

static int connected(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(fd >= 0);
  require(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
  return fd;
}
static void say(int fd, const char *text, size_t length) {
  while (length > 0) {
    ssize_t n = send(fd, text, length, MSG_NOSIGNAL);
    if (n <= 0)
      return; /* it was thrown out: that is the test's to find */
    text += n;
    length -= (size_t)n;
  }
}
/* One line, within 15 s; its length, 0 when the other end has gone. */
static size_t hear(int fd, char *text, size_t room) {
  size_t used = 0;
  while (used + 1 < room) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 15000) != 1)
      return 0;
    if (recv(fd, text + used, 1, 0) <= 0)
      return 0;
    if (text[used++] == '\n')
      break;
  }
  text[used] = '\0';
  return used;
}
static bool answered(int fd, const char *want) {
  static __thread char text[65536];
  return hear(fd, text, sizeof(text)) > 0 && strstr(text, want) != NULL;
}
#define STATUS "{\"command\":\"status\"}\n"

/* The device's thread here is the test's; the host's work is done by another. */
struct talk {
  void (*clients)(void);
  atomic_bool done;
};
static void *talk(void *arg) {
  struct talk *t = arg;
  t->clients();
  t->done = true;
  return NULL;
}
static void serve_while(struct stage *s, void (*clients)(void)) {
  struct nvt_control *control;
  char why[256] = "";
  snprintf(path, sizeof(path), "/tmp/nvmetap-control-%d", (int)getpid());
  assert_int_equal(nvt_control_start(path, &s->target, &control, why, sizeof(why)), 0);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  /* A second one there. */
  struct nvt_control *second;
  assert_int_equal(nvt_control_start(path, &s->target, &second, why, sizeof(why)), -EADDRINUSE);
  assert_non_null(strstr(why, "listening there already"));
  struct talk t = {.clients = clients};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, talk, &t), 0);
  while (!t.done)
    nvt_controller_poll(s->h.c, 0);
  pthread_join(thread, NULL);
  nvt_host_close(s->h.plugins);
  nvt_control_end(control);
  assert_int_not_equal(stat(path, &st), 0);
}

static void say_with(int to, const char *text, const int *fds, unsigned count) {
  struct iovec part = {.iov_base = (void *)text, .iov_len = strlen(text)};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(8 * sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  control.header = (struct cmsghdr){
      .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
  require(sendmsg(to, &message, MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* The highest descriptor that is free, as dup() would give it, tells whether any was kept. */
static int lowest_free(void) {
  int fd = dup(0), number = fd;
  close(fd);
  return number;
}

#define OPEN "{\"command\":\"trace open\"}\n"

static void clients_with_descriptors(void) {
  int out[2], fd = connected();
  require(pipe2(out, O_CLOEXEC) == 0);
  say(fd, STATUS, strlen(STATUS)); /* it is taken */
  require(answered(fd, "\"live\":[{\"id\":7,\"pid\":1,\"data\":\"head\",\"filter\":\"errors\""));
  const int free_before = lowest_free();
  const int eight[8] = {out[1], out[1], out[1], out[1], out[1], out[1], out[1], out[1]};
  say(fd, OPEN, strlen(OPEN));
  require(answered(fd, "descriptor that the trace is to be written to is missing"));
  for (unsigned count = 2; count <= 8; count++) {
    say_with(fd, OPEN, eight, count);
    require(answered(fd, "more than one descriptor"));
    require(lowest_free() == free_before);
  }
  say_with(fd, STATUS, eight, 1);
  require(answered(fd, "takes no descriptor"));
  say_with(fd, "nonsense\n", eight, 1);
  require(answered(fd, "one JSON object"));
  static const struct {
    const char *arguments, *why;
  } bad[] = {{"\"data\":\"some\"", "crc, none, head:N or full"},
             {"\"data\":\"head:\"", "crc, none, head:N or full"},
             {"\"data\":\"head:4294967296\"", "crc, none, head:N or full"},
             {"\"data\":7", "has to be a string"},
             {"\"filter\":\"reads\"", "no word 'reads'"},
             {"\"filter\":\"errors\",\"data\":\"full\"", "none can be recorded"},
             {"\"filter\":\"slower=1s\",\"data\":\"head:1\"", "none can be recorded"},
             {"\"filter\":\"metadata\",\"data\":\"full\"", "without data"},
             {"\"filter\":\"doorbells\",\"data\":\"full\"", "without data"},
             {"\"ring\":1048575", "1M to 1G"},
             {"\"ring\":1073741825", "1M to 1G"},
             {"\"ring\":\"2M\"", "not today"},
             {"\"path\":\"/tmp/x\"", "no argument"}};
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    char line[256];
    snprintf(line, sizeof(line), "{\"command\":\"trace open\",%s}\n", bad[i].arguments);
    say_with(fd, line, eight, 1);
    require(answered(fd, bad[i].why));
    require(lowest_free() == free_before);
  }
  static const char none[] = "{\"command\":\"trace close\",\"id\":8}\n";
  say(fd, none, strlen(none));
  require(answered(fd, "no live trace 8"));
  /* In two parts, the descriptor with the first; then in pieces of good sizes. */
  say_with(fd, "{\"command\":\"trace open\",", eight, 1);
  static const char rest[] = "\"ring\":1048576,\"data\":\"head:4294967295\"}\n";
  say(fd, rest, strlen(rest));
  require(answered(fd, "{\"ok\":true,\"id\":1}"));
  for (int i = 0; i < 5000 && connection < 0; i++)
    usleep(1000);
  require(connection >= 0); /* it was handed over: only who has it hangs up */
  close(connection);
  require(!answered(fd, ""));
  close(fd);
  /* A client that goes with its descriptor sent and its line not ended. */
  fd = connected();
  say_with(fd, "{", eight, 1);
  close(fd);
  close(out[1]);
  char byte;
  require(read(out[0], &byte, 1) == 0); /* nobody has it any more */
  close(out[0]);
}

static void good_clients(void) {
  int fd = connected();
  say(fd, STATUS, strlen(STATUS));
  require(answered(fd, "\"ok\":true"));
  /* In pieces, and several at once: answered in order. */
  say(fd, "{\"comm", 6);
  usleep(10000);
  const char rest_of_it[] = "and\":\"status\"}\n{\"command\":\"x\"}\n" STATUS;
  say(fd, rest_of_it, strlen(rest_of_it));
  require(answered(fd, "\"ok\":true"));
  require(answered(fd, "no command 'x'"));
  require(answered(fd, "\"ok\":true"));
  /* What stands before the end is answered. */
  say(fd, STATUS STATUS, 2 * strlen(STATUS));
  shutdown(fd, SHUT_WR);
  require(answered(fd, "\"ok\":true"));
  require(answered(fd, "\"ok\":true"));
  char rest[8];
  require(hear(fd, rest, sizeof(rest)) == 0);
  close(fd);
}

static void bad_clients(void) {
  static char junk[NVT_CONTROL_LINE * 2];
  pattern(junk, sizeof(junk), 1);
  for (int i = 0; i < 20; i++) {
    int fd = connected();
    say(fd, junk, sizeof(junk) / (size_t)(i + 1));
    close(fd);
  }
  memset(junk, 'x', sizeof(junk));
  int fd = connected();
  say(fd, junk, NVT_CONTROL_LINE + 1);
  require(answered(fd, "at most 65536 bytes"));
  close(fd);
  /* The longest that is taken. */
  fd = connected();
  say(fd, junk, NVT_CONTROL_LINE);
  say(fd, "\n", 1);
  require(answered(fd, "one JSON object"));
  say(fd, STATUS, strlen(STATUS));
  require(answered(fd, "\"ok\":true"));
  close(fd);
  /* Seven in the middle of a line, one that works, and a ninth. */
  int held[7];
  for (int i = 0; i < 7; i++) {
    held[i] = connected();
    say(held[i], "{\"command\":", 11);
  }
  fd = connected();
  say(fd, STATUS, strlen(STATUS));
  require(answered(fd, "\"ok\":true"));
  int ninth = connected();
  require(answered(ninth, "8 clients are connected already"));
  close(ninth);
  close(held[0]);
  usleep(50000);
  ninth = connected();
  say(ninth, STATUS, strlen(STATUS));
  require(answered(ninth, "\"ok\":true"));
  for (int i = 1; i < 7; i++)
    close(held[i]);
  close(ninth);
  close(fd);
}

static void a_slow_client(void) {
  int slow = connected(), deaf = connected(), fd = connected();
  say(slow, "{\"command\":", 11);
  /* Asks, and takes no answer. */
  struct timeval wait = {.tv_usec = 200000};
  setsockopt(deaf, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
  for (int i = 0; i < 2000; i++)
    if (send(deaf, STATUS, strlen(STATUS), MSG_NOSIGNAL) != (ssize_t)strlen(STATUS))
      break;
  for (int i = 0; i < 100; i++) {
    say(fd, STATUS, strlen(STATUS));
    require(answered(fd, "\"ok\":true"));
  }
  require(answered(slow, "begun and not ended"));
  close(slow);
  close(deaf);
  close(fd);
}

static void clients_are_served(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  serve_while(&s, good_clients);
  host_close(&s.h);
}
static void descriptors_come_with_requests(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  serve_while(&s, clients_with_descriptors);
  host_close(&s.h);
}
static void bad_clients_disturb_nobody(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  serve_while(&s, bad_clients);
  host_close(&s.h);
}
static void slow_clients_hold_up_nobody(void **state) {
  (void)state;
  static struct stage s;
  stage_open(&s);
  s.target.patience_ms = 1000;
  serve_while(&s, a_slow_client);
  host_close(&s.h);
}

/* A device thread that doesn't poll: who waits for it is told when it ends. */
static void *ask_and_wait(void *arg) {
  (void)arg;
  int fd = connected();
  say(fd, STATUS, strlen(STATUS));
  static bool good;
  good = answered(fd, "about to end");
  close(fd);
  return &good;
}
static void who_waits_at_the_end_is_told(void **state) {
  (void)state;
  static struct stage s;
  struct nvt_control *control;
  char why[256];
  stage_open(&s);
  snprintf(path, sizeof(path), "/tmp/nvmetap-control-%d", (int)getpid());
  assert_int_equal(nvt_control_start(path, &s.target, &control, why, sizeof(why)), 0);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, ask_and_wait, NULL), 0);
  usleep(200000);
  nvt_host_close(s.h.plugins);
  void *good;
  pthread_join(thread, &good);
  assert_true(*(bool *)good);
  nvt_control_end(control);
  host_close(&s.h);
}

static void a_dead_ones_socket_is_replaced(void **state) {
  (void)state;
  static struct stage s;
  struct nvt_control *control;
  char why[256] = "";
  stage_open(&s);
  snprintf(path, sizeof(path), "/tmp/nvmetap-control-%d", (int)getpid());
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, path);
  int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
  close(dead);
  assert_int_equal(nvt_control_start(path, &s.target, &control, why, sizeof(why)), 0);
  nvt_host_close(s.h.plugins);
  nvt_control_end(control);
  /* Another kind of file stays. */
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
  assert_int_equal(nvt_control_start(path, &s.target, &control, why, sizeof(why)), -EEXIST);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(nvt_control_start("", &s.target, &control, why, sizeof(why)), -EINVAL);
  host_close(&s.h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_requests_are_taken),
      cmocka_unit_test(bad_requests_are_refused_with_a_reason),
      cmocka_unit_test(a_request_has_a_longest_and_a_deepest),
      cmocka_unit_test(status_tells_what_is),
      cmocka_unit_test(namespaces_are_made_resized_and_removed),
      cmocka_unit_test(tracing_and_messages_are_switched),
      cmocka_unit_test(the_past_is_asked_for),
      cmocka_unit_test(faults_are_injected),
      cmocka_unit_test(plugins_that_are_not_there_are_told),
      cmocka_unit_test(what_is_no_utf8_is_replaced),
      cmocka_unit_test(clients_are_served),
      cmocka_unit_test(descriptors_come_with_requests),
      cmocka_unit_test(bad_clients_disturb_nobody),
      cmocka_unit_test(slow_clients_hold_up_nobody),
      cmocka_unit_test(who_waits_at_the_end_is_told),
      cmocka_unit_test(a_dead_ones_socket_is_replaced),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
