/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers that send garbage, cut their memory short, or don't answer; and socket files. */
#include <sys/wait.h>

#include "controller/driver/driver.h"
#include "controller/vfio_user/sigbus_int.h"
#include "tests/unit/vfio_client.h"

#define PAGE 4096u

static uint64_t dice = 88172645463325252ull;
static uint32_t roll(uint32_t sides) {
  dice ^= dice << 13;
  dice ^= dice >> 7;
  dice ^= dice << 17;
  return (uint32_t)(dice >> 32) % sides;
}

static void bytes_without_sense(void **state) {
  (void)state;
  struct rig rig;
  struct client c;
  rig_start(&rig, false);
  int before = count_fds();
  for (int i = 0; i < 300; i++) {
    uint8_t bytes[2048];
    uint32_t n = 1 + roll(sizeof bytes);
    for (uint32_t k = 0; k < n; k++)
      bytes[k] = (uint8_t)roll(256);
    if (i % 2)
      client_attach(&c, rig.path);
    else
      client_connect(&c, rig.path);
    (void)!send(c.fd, bytes, n, MSG_NOSIGNAL);
    client_close(&c);
  }
  client_attach(&c, rig.path);
  assert_alive(&c);
  client_close(&c);
  assert_fds(before);
  rig_end(&rig);
}

/* Whole messages of known commands, each field likely to be near something that matters. */
static void messages_without_sense(void **state) {
  (void)state;
  struct rig rig;
  struct client c;
  rig_start(&rig, false);
  int before = count_fds();
  int memory = make_memory(64 * PAGE), event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  for (int round = 0; round < 20; round++) {
    client_attach(&c, rig.path);
    for (int i = 0; i < 500; i++) {
      static const uint32_t likely[] = {0,  1,  2,    3,    4,    7,         9,
                                        16, 32, 0x24, 0x21, PAGE, 16 * PAGE, UINT32_MAX};
      uint32_t fields[16];
      for (unsigned k = 0; k < 16; k++)
        fields[k] = roll(4) ? likely[roll(sizeof likely / sizeof likely[0])] : roll(UINT32_MAX);
      fields[0] = roll(8) ? 64 : fields[0];
      static const size_t lengths[] = {0, 16, 32, 24, 16, 32, 16, 16, 20, 16, 20, 16, 16, 0, 0, 32};
      uint16_t command = (uint16_t)roll(16);
      if (command == NVT_VFIO_REGION_READ || command == NVT_VFIO_REGION_WRITE) {
        fields[0] = roll(NVT_BAR0_SIZE);
        fields[1] = 0;
        fields[2] = roll(2) * 7;
        fields[3] = 1 + roll(8);
      }
      size_t length = roll(10) ? lengths[command] : roll(64);
      uint8_t out[8192];
      int fd = roll(2) ? memory : event;
      int error = client_call_fds(&c, command, fields, length, &fd, roll(3) == 0, out, sizeof out);
      assert_int_not_equal(error, -ECONNRESET);
    }
    client_close(&c);
  }
  client_attach(&c, rig.path);
  assert_alive(&c);
  client_close(&c);
  close(memory);
  close(event);
  assert_fds(before);
  rig_end(&rig);
}

/* The admin queues lie in a file that is cut to nothing before the first command. */
static void memory_that_is_cut_short(void **state) {
  (void)state;
  struct rig rig;
  struct client c;
  rig_start(&rig, false);
  client_attach(&c, rig.path);
  unsigned faults = nvt_sigbus_count();
  int memory = make_memory(16 * PAGE);
  assert_int_equal(client_map(&c, 0, 16 * PAGE, 0, 3, memory), 0);
  uint16_t bus_master = 6;
  uint32_t aqa = 0x001f001f, cc = 0x00460001, csts = 0, tail = 4;
  uint64_t asq = 0, acq = PAGE;
  assert_int_equal(client_write(&c, 0, 7, 4, &bus_master, 2), 0);
  assert_int_equal(client_write(&c, 0, 0, 0x24, &aqa, 4), 0);
  assert_int_equal(client_write(&c, 0, 0, 0x28, &asq, 8), 0);
  assert_int_equal(client_write(&c, 0, 0, 0x30, &acq, 8), 0);
  assert_int_equal(client_write(&c, 0, 0, 0x14, &cc, 4), 0);
  for (int i = 0; i < 1000 && !(csts & 1); i++) {
    assert_int_equal(client_read(&c, 0, 0x1c, &csts, 4), 0);
    usleep(1000);
  }
  assert_int_equal(csts & 3, 1);
  assert_int_equal(ftruncate(memory, 0), 0);
  assert_int_equal(client_write(&c, 0, 0, 0x1000, &tail, 4), 0);
  for (int i = 0; i < 1000 && nvt_sigbus_count() < faults + 2; i++)
    usleep(1000);
  assert_int_equal(nvt_sigbus_count(), faults + 2); /* a page of each queue */
  assert_alive(&c);
  client_close(&c);
  close(memory);
  client_attach(&c, rig.path);
  assert_alive(&c);
  client_close(&c);
  rig_end(&rig);
}

static volatile sig_atomic_t earlier_handler_ran;
static void earlier_handler(int number) {
  (void)number;
  earlier_handler_ran = 1;
  _exit(42);
}
static int exit_of_child(bool guarded, bool own_handler) {
  pid_t child = fork();
  if (child == 0) {
    signal(SIGBUS, own_handler ? earlier_handler : SIG_DFL);
    int fd = memfd_create("t", 0);
    if (ftruncate(fd, 4 * PAGE) < 0)
      _exit(1);
    volatile uint8_t *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile uint8_t *other = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (nvt_sigbus_guard((void *)(uintptr_t)m, 4 * PAGE, PAGE))
      _exit(1);
    m[2 * PAGE] = 9;
    if (ftruncate(fd, PAGE) < 0)
      _exit(1);
    if (!guarded)
      other[2 * PAGE] = 1; /* ends us */
    if (m[2 * PAGE] != 0 || nvt_sigbus_count() != 1)
      _exit(2);
    m[2 * PAGE + 5] = 7;
    if (m[2 * PAGE + 5] != 7 || nvt_sigbus_count() != 1)
      _exit(3);
    m[4 * PAGE - 1] = 1;
    if (nvt_sigbus_count() != 2 || m[0] != 0)
      _exit(4);
    nvt_sigbus_unguard((void *)(uintptr_t)m);
    m[PAGE] = 1; /* no longer guarded: ends us */
    _exit(5);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
static void sigbus_is_ours_only_where_guarded(void **state) {
  (void)state;
  assert_int_equal(exit_of_child(true, true), 42);
  assert_int_equal(exit_of_child(false, true), 42);
#ifndef __SANITIZE_ADDRESS__ /* its own handler reports the signal, and exits */
  assert_int_equal(exit_of_child(true, false), -SIGBUS);
  assert_int_equal(exit_of_child(false, false), -SIGBUS);
#endif
}

static void socket_files(void **state) {
  (void)state;
  struct rig rig;
  rig_start(&rig, false);
  rig_halt(&rig);
  struct stat st;
  assert_int_equal(stat(rig.path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  assert_true(S_ISSOCK(st.st_mode));
  char why[256] = "", path[300];
  struct nvt_vfio_server *other = NULL;
  struct nvt_vfio_server_options options = {.path = rig.path, .device = rig.device};
  /* A live one stays. */
  assert_int_equal(nvt_vfio_server_create(&options, &other, why, sizeof why), -EADDRINUSE);
  assert_null(other);
  assert_non_null(strstr(why, rig.path));
  /* A dead one is replaced, whatever the umask. */
  snprintf(path, sizeof path, "%s/dead", rig.dir);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, strlen(path) + 1);
  int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
  close(dead);
  assert_int_equal(access(path, F_OK), 0);
  options.path = path;
  mode_t mask = umask(0777);
  assert_int_equal(nvt_vfio_server_create(&options, &other, why, sizeof why), 0);
  umask(mask);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0600);
  /* A file that has come to its place since isn't removed. */
  assert_int_equal(unlink(path), 0);
  int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  close(fd);
  nvt_vfio_server_destroy(other);
  assert_int_equal(access(path, F_OK), 0);
  assert_int_equal(nvt_vfio_server_create(&options, &other, why, sizeof why), -EEXIST);
  assert_int_equal(unlink(path), 0);
  /* Paths: 107 characters fit, 108 don't. */
  static const struct {
    size_t length;
    int want;
  } lengths[] = {{0, -EINVAL}, {107, 0}, {108, -ENAMETOOLONG}, {250, -ENAMETOOLONG}};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    memset(path, 'x', sizeof path);
    memcpy(path, rig.dir, strlen(rig.dir));
    path[strlen(rig.dir)] = '/';
    path[lengths[i].length] = 0;
    assert_int_equal(nvt_vfio_server_create(&options, &other, why, sizeof why), lengths[i].want);
    nvt_vfio_server_destroy(other);
  }
  snprintf(path, sizeof path, "%s/not/there", rig.dir);
  assert_int_equal(nvt_vfio_server_create(&options, &other, why, sizeof why), -ENOENT);
  rig_end(&rig);
}

/* With `once` the first client that has spoken ends the server as it leaves; one that
 * only looked whether somebody listens doesn't. */
static void served_once(void **state) {
  (void)state;
  struct rig rig;
  struct client c;
  rig_start(&rig, false);
  rig_halt(&rig);
  nvt_vfio_server_destroy(rig.server);
  char why[256] = "";
  struct nvt_vfio_server_options options = {.path = rig.path, .device = rig.device, .once = true};
  assert_int_equal(nvt_vfio_server_create(&options, &rig.server, why, sizeof why), 0);
  rig_stop = 0;
  assert_int_equal(pthread_create(&rig.thread, NULL, rig_thread, &rig), 0);
  client_connect(&c, rig.path);
  client_close(&c);
  client_attach(&c, rig.path);
  assert_alive(&c);
  client_close(&c);
  pthread_join(rig.thread, NULL);
  rig.running = false;
  rig_end(&rig);
}

/* Memory taken away again and again: the device isn't held up, nor the way out. */
static size_t unmap_message(uint8_t *bytes) {
  struct nvt_vfio_dma_unmap all = {.argsz = sizeof all, .flags = NVT_VFIO_UNMAP_ALL};
  return make_message(bytes, 1, NVT_VFIO_DMA_UNMAP, NVT_VFIO_NO_REPLY, &all, sizeof all);
}
static void *unmap_for_ever(void *arg) {
  struct client *c = arg;
  uint8_t bytes[64];
  size_t n = unmap_message(bytes);
  while (send(c->fd, bytes, n, MSG_NOSIGNAL) > 0)
    ;
  return NULL;
}
static void unmapping_without_end(void **state) {
  (void)state;
  struct rig rig;
  struct client c;
  rig_start(&rig, false);
  client_attach(&c, rig.path);
  uint8_t bytes[64];
  size_t n = unmap_message(bytes);
  for (int i = 0; i < 20000; i++)
    send_bytes(c.fd, bytes, n, NULL, 0);
  assert_alive(&c);
  pthread_t sender;
  assert_int_equal(pthread_create(&sender, NULL, unmap_for_ever, &c), 0);
  for (int i = 0; i < 5; i++) {
    struct client second;
    client_connect(&second, rig.path);
    struct timeval limit = {.tv_sec = 1};
    setsockopt(second.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(client_version(&second, 0, NULL, NULL, 0), -EBUSY);
    client_close(&second);
  }
  rig_halt(&rig); /* comes back, and hangs up */
  pthread_join(sender, NULL);
  client_close(&c);
  rig_end(&rig);
}

/* The driver as a client: all of bring-up, I/O with its data compared, shutdown. */
static void drive(const char *path, const char *words) {
  struct nvt_transport *t = NULL;
  struct nvt_workload w;
  struct nvt_drive_result result;
  char why[256] = "";
  assert_true(nvt_workload_parse(words, &w, why, sizeof why));
  if (nvt_transport_vfio(path, &t, why, sizeof why) != 0)
    fail_msg("%s", why);
  int error = nvt_drive(t, &w, NULL, &result);
  if (error)
    fail_msg("%s", result.error);
  assert_int_equal(result.errors, 0);
  assert_int_equal(result.verify_errors, 0);
  assert_true(result.ios >= w.count);
  t->close(t);
}
static void the_driver_connects(void **state) {
  (void)state;
  for (int shared = 0; shared < 2; shared++) {
    struct rig rig;
    rig_start(&rig, shared);
    int before = count_fds();
    for (int i = 0; i < 3; i++) {
      drive(rig.path, "rw=randrw,count=2000,depth=16,queues=4,verify=on");
      drive(rig.path, "rw=randrw,count=2000,depth=8,queues=2,verify=on,interrupts=off");
    }
    struct client c;
    client_attach(&c, rig.path);
    struct nvt_transport *t = NULL;
    char why[256] = "";
    assert_int_equal(nvt_transport_vfio(rig.path, &t, why, sizeof why), -EBUSY);
    assert_null(t);
    assert_non_null(strstr(why, "another client"));
    assert_alive(&c);
    client_close(&c);
    assert_fds(before);
    rig_end(&rig);
  }
}

/* A device that says nothing, or hangs up, or nonsense. */
enum kind { SILENT, HANGS_UP, NONSENSE };
struct impostor {
  int listener;
  enum kind kind;
};
static void *impostor_run(void *arg) {
  struct impostor *me = arg;
  int fd = accept(me->listener, NULL, NULL);
  char bytes[256];
  struct nvt_vfio_header h = {.id = 77, .command = 1, .size = 16, .flags = 1};
  if (me->kind != SILENT && recv(fd, bytes, sizeof bytes, 0) > 0 && me->kind == NONSENSE)
    (void)!send(fd, &h, sizeof h, MSG_NOSIGNAL);
  if (me->kind != HANGS_UP)
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
      ;
  close(fd);
  return NULL;
}
static void devices_that_do_not_answer(void **state) {
  (void)state;
  char dir[] = "/tmp/nvmetap-vfio-XXXXXX", why[256];
  assert_non_null(mkdtemp(dir));
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/s", dir);
  struct nvt_transport *t = NULL;
  assert_int_equal(nvt_transport_vfio(address.sun_path, &t, why, sizeof why), -ENOENT);
  int before = count_fds();
  static const struct {
    enum kind kind;
    int want;
  } kinds[] = {{HANGS_UP, -ECONNRESET}, {NONSENSE, -EPROTO}, {SILENT, -ETIMEDOUT}};
  for (unsigned i = 0; i < 3; i++) {
    struct impostor me = {.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                          .kind = kinds[i].kind};
    assert_int_equal(bind(me.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(me.listener, 1), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, impostor_run, &me), 0);
    why[0] = 0;
    assert_int_equal(nvt_transport_vfio(address.sun_path, &t, why, sizeof why), kinds[i].want);
    assert_null(t);
    assert_non_null(strstr(why, address.sun_path));
    pthread_join(thread, NULL);
    close(me.listener);
    /* Nobody listens any more. */
    assert_int_equal(nvt_transport_vfio(address.sun_path, &t, why, sizeof why), -ECONNREFUSED);
    unlink(address.sun_path);
  }
  assert_int_equal(count_fds(), before);
  assert_int_equal(rmdir(dir), 0);
}

/* A server that ends while it is used: every call says so, none waits. */
static void a_server_that_ends(void **state) {
  (void)state;
  struct rig rig;
  rig_start(&rig, true);
  struct nvt_transport *t = NULL;
  char why[256] = "";
  assert_int_equal(nvt_transport_vfio(rig.path, &t, why, sizeof why), 0);
  assert_non_null(t->doorbells);
  uint32_t vs = 0;
  assert_int_equal(t->read(t, NVT_REGION_BAR0, 8, &vs, 4), 0);
  assert_int_not_equal(vs, 0);
  assert_int_equal(t->read(t, NVT_REGION_BAR0, NVT_BAR0_SIZE, &vs, 4), -EINVAL);
  assert_int_equal(t->irq_enable(t, 9), 0);
  assert_int_equal(t->irq_enable(t, 10), -ENOSPC);
  assert_int_equal(t->irq_enable(t, 2), 0);
  assert_false(t->irq_take(t, 0));
  assert_false(t->irq_take(t, 2));
  assert_int_equal(t->reset(t), 0);
  rig_end(&rig);
  assert_int_equal(t->read(t, NVT_REGION_BAR0, 8, &vs, 4), -ECONNRESET);
  assert_int_not_equal(t->write(t, NVT_REGION_BAR0, 0x14, &vs, 4), 0);
  assert_int_not_equal(t->reset(t), 0);
  t->doorbells[0] = 1; /* the page is ours as long as we have it mapped */
  t->close(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_without_sense),
      cmocka_unit_test(messages_without_sense),
      cmocka_unit_test(memory_that_is_cut_short),
      cmocka_unit_test(sigbus_is_ours_only_where_guarded),
      cmocka_unit_test(socket_files),
      cmocka_unit_test(served_once),
      cmocka_unit_test(unmapping_without_end),
      cmocka_unit_test(the_driver_connects),
      cmocka_unit_test(devices_that_do_not_answer),
      cmocka_unit_test(a_server_that_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
