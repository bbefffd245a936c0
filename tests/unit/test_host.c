/* SPDX-License-Identifier: BSD-2-Clause */
/* Work for the device thread: jobs of other threads, timers, descriptors; what wakes it. */
#include "host.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "controller/host.h"

static struct nvt_plugin_host *fresh(struct host *h) {
  host_open(h, "ram:1M");
  return h->plugins;
}

static bool readable(struct host *h) {
  struct pollfd p = {.fd = nvt_controller_event_fd(h->c), .events = POLLIN};
  return poll(&p, 1, 0) == 1;
}

static char order[128];
static void note(void *arg) {
  size_t length = strlen(order);
  if (length + 1 < sizeof(order))
    order[length] = *(const char *)arg;
}

static void jobs_run_in_order_and_wake(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  memset(order, 0, sizeof(order));
  assert_false(readable(&h));
  for (const char *at = "abcdef"; *at != '\0'; at++)
    assert_int_equal(nvt_host_post(host, order, note, (void *)(uintptr_t)at), 0);
  char letter = 'g';
  assert_int_equal(nvt_host_post_copy(host, order, note, &letter, 1), 0);
  letter = 'X'; /* it was copied */
  assert_true(readable(&h));
  assert_true(nvt_controller_poll(h.c, 0) >= 7);
  assert_string_equal(order, "abcdefg");
  assert_false(readable(&h));
  assert_int_equal(nvt_controller_poll(h.c, 0), 0);
  host_close(&h);
}

static void an_owners_jobs_are_forgotten_or_run(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  int one, two;
  memset(order, 0, sizeof(order));
  const char *letters = "abcd";
  for (int i = 0; i < 4; i++)
    nvt_host_post(host, i % 2 == 0 ? (void *)&one : (void *)&two, note,
                  (void *)(uintptr_t)&letters[i]);
  nvt_host_run(host, &two);
  assert_string_equal(order, "bd");
  nvt_host_forget(host, &one);
  nvt_controller_poll(h.c, 0);
  assert_string_equal(order, "bd");
  nvt_host_post(host, &one, note, (void *)(uintptr_t)&letters[0]);
  nvt_controller_poll(h.c, 0);
  assert_string_equal(order, "bda");
  host_close(&h);
}

static void poll_for(struct host *h, double seconds) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    nvt_controller_poll(h->c, 0);
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 <
           seconds);
}

static void timers_run_soonest_first(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  memset(order, 0, sizeof(order));
  uint64_t id[4], none;
  assert_int_equal(
      nvt_host_timer_start(host, order, 30000000, note, (void *)(uintptr_t) "c", &id[0]), 0);
  assert_int_equal(
      nvt_host_timer_start(host, order, 10000000, note, (void *)(uintptr_t) "a", &id[1]), 0);
  char letter = 'b';
  assert_int_equal(nvt_host_timer_start_copy(host, order, 20000000, note, &letter, 1, &id[2]), 0);
  assert_int_equal(
      nvt_host_timer_start(host, order, 15000000, note, (void *)(uintptr_t) "X", &id[3]), 0);
  assert_int_equal(
      nvt_host_timer_start_copy(host, order, 1, note, order, NVT_TIMER_COPY + 1, &none), -EINVAL);
  assert_int_equal(nvt_host_timer_stop(host, id[3]), 0);
  assert_int_equal(nvt_host_timer_stop(host, id[3]), -ENOENT);
  nvt_controller_poll(h.c, 0);
  assert_string_equal(order, "");
  poll_for(&h, 0.05);
  assert_string_equal(order, "abc");
  assert_int_equal(nvt_host_timer_stop(host, id[1]), -ENOENT);
  assert_false(readable(&h));
  host_close(&h);
}

/* Whoever sleeps on the descriptor is woken by a timer, and not for ever after. */
static void a_timer_wakes_who_waits(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  memset(order, 0, sizeof(order));
  assert_int_equal(nvt_host_timer_start(host, order, 5000000, note, (void *)(uintptr_t) "a", NULL),
                   0);
  struct pollfd p = {.fd = nvt_controller_event_fd(h.c), .events = POLLIN};
  assert_int_equal(poll(&p, 1, 5000), 1);
  nvt_controller_poll(h.c, 0);
  assert_string_equal(order, "a");
  assert_false(readable(&h));
  uint64_t id;
  assert_int_equal(nvt_host_timer_start(host, order, 1000000, note, (void *)(uintptr_t) "b", &id),
                   0);
  assert_int_equal(nvt_host_timer_stop(host, id), 0);
  usleep(3000);
  assert_false(readable(&h));
  nvt_host_timer_start(host, order, 1000000, note, (void *)(uintptr_t) "b", &id);
  nvt_host_timer_start(host, &h, 2000000, note, (void *)(uintptr_t) "c", &id);
  nvt_host_forget(host, order);
  poll_for(&h, 0.005);
  assert_string_equal(order, "ac");
  host_close(&h);
}

static void again(void *arg) {
  struct nvt_plugin_host *host = *(struct nvt_plugin_host **)arg;
  note((void *)(uintptr_t) "t");
  (void)nvt_host_timer_start_copy(host, arg, 0, again, &host, sizeof(host), NULL);
}

/* One that starts itself anew with no delay can't keep the device from its work. */
static void a_timer_without_end_doesnt_hold_up(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  memset(order, 0, sizeof(order));
  assert_int_equal(nvt_host_timer_start_copy(host, &h, 0, again, &host, sizeof(host), NULL), 0);
  for (int i = 0; i < 10; i++)
    nvt_controller_poll(h.c, 0);
  assert_in_range(strlen(order), 5, 10);
  host_close(&h);
}

static void timers_have_a_limit(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  for (unsigned i = 0; i < 65536; i++)
    assert_int_equal(nvt_host_timer_start(host, &h, UINT64_MAX, note, order, NULL), 0);
  assert_int_equal(nvt_host_timer_start(host, &h, 1, note, order, NULL), -ENOSPC);
  nvt_host_forget(host, &h);
  assert_int_equal(nvt_host_timer_start(host, &h, UINT64_MAX, note, order, NULL), 0);
  host_close(&h);
}

static int pipe_ends[2];
static void drain(void *arg) {
  char byte;
  if (read(pipe_ends[0], &byte, 1) == 1)
    note(arg);
}

static void descriptors_are_looked_at(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  memset(order, 0, sizeof(order));
  assert_int_equal(pipe(pipe_ends), 0);
  assert_int_equal(nvt_host_watch(host, &h, pipe_ends[0], drain, (void *)(uintptr_t) "r"), 0);
  poll_for(&h, 0.001);
  assert_string_equal(order, "");
  assert_int_equal(write(pipe_ends[1], "xy", 2), 2);
  assert_true(readable(&h));
  poll_for(&h, 0.002);
  assert_string_equal(order, "rr");
  assert_int_equal(nvt_host_unwatch(host, pipe_ends[0]), 0);
  assert_int_equal(nvt_host_unwatch(host, pipe_ends[0]), -ENOENT);
  assert_int_equal(write(pipe_ends[1], "z", 1), 1);
  assert_false(readable(&h));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  host_close(&h);
}

/* --- other threads --- */

enum { THREADS = 4, EACH = 2000 };
static unsigned long total;
static void add(void *arg) {
  total += *(unsigned long *)arg;
}

static void *poster(void *arg) {
  for (unsigned long i = 1; i <= EACH; i++) {
    if (i % 100 == 0)
      assert_int_equal(nvt_host_call(arg, add, &i), 0);
    else
      assert_int_equal(nvt_host_post_copy(arg, NULL, add, &i, sizeof(i)), 0);
  }
  return NULL;
}

static void many_threads_hand_over_work(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  pthread_t threads[THREADS];
  total = 0;
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, poster, host), 0);
  const unsigned long all = (unsigned long)THREADS * EACH * (EACH + 1) / 2;
  while (total < all)
    nvt_controller_poll(h.c, 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(total, all);
  host_close(&h);
}

static _Atomic int answer;
static void *waiter(void *arg) {
  atomic_store(&answer, nvt_host_call(arg, note, (void *)(uintptr_t) "w"));
  return NULL;
}

/* Nobody waits for ever on a device that has stopped. */
static void a_closed_host_answers_who_waits(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  memset(order, 0, sizeof(order));
  atomic_store(&answer, 1);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, waiter, host), 0);
  while (!readable(&h))
    usleep(100);
  nvt_host_close(host);
  pthread_join(thread, NULL);
  assert_int_equal(atomic_load(&answer), -ESHUTDOWN);
  assert_int_equal(nvt_host_call(host, note, order), -ESHUTDOWN);
  assert_int_equal(nvt_host_post(host, NULL, note, order), -ESHUTDOWN);
  assert_string_equal(order, "");
  host_close(&h);
}

static void controllers_are_found(void **state) {
  (void)state;
  struct host h;
  struct nvt_plugin_host *host = fresh(&h);
  assert_ptr_equal(nvt_host_controller(host, 0), h.c);
  assert_null(nvt_host_controller(host, 1));
  assert_ptr_equal(nvt_host_controller_at(host, 0), h.c);
  assert_null(nvt_host_controller_at(host, 8));
  struct nvt_controller *more[16];
  unsigned made = 0;
  for (; made < 16; made++) {
    const struct nvt_controller_options options = {
        .pci_address = 8 * (made + 1), .serial = "MORE", .io_queues = 1, .plugins = host};
    if (nvt_controller_create(&options, &more[made]) != 0)
      break;
  }
  assert_int_equal(made, 15);
  assert_ptr_equal(nvt_host_controller_at(host, 80), more[9]);
  while (made > 0)
    nvt_controller_destroy(more[--made]);
  assert_null(nvt_host_controller(host, 1));
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(jobs_run_in_order_and_wake),
      cmocka_unit_test(an_owners_jobs_are_forgotten_or_run),
      cmocka_unit_test(timers_run_soonest_first),
      cmocka_unit_test(a_timer_wakes_who_waits),
      cmocka_unit_test(a_timer_without_end_doesnt_hold_up),
      cmocka_unit_test(timers_have_a_limit),
      cmocka_unit_test(descriptors_are_looked_at),
      cmocka_unit_test(many_threads_hand_over_work),
      cmocka_unit_test(a_closed_host_answers_who_waits),
      cmocka_unit_test(controllers_are_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
