/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/vfio_user/capabilities.h"
#include "controller/vfio_user/message.h"
#include "tests/unit/vfio_client.h"

struct pipe_pair {
  int out;
  struct nvt_vfio_stream in;
};
static void pair_open(struct pipe_pair *p) {
  int fds[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  p->out = fds[0];
  assert_int_equal(nvt_vfio_stream_open(&p->in, fds[1]), 0);
}
static void pair_close(struct pipe_pair *p) {
  close(p->in.fd);
  nvt_vfio_stream_close(&p->in);
  close(p->out);
}

static void descriptors_stay_with_their_message(void **state) {
  (void)state;
  int before = count_fds();
  struct pipe_pair p;
  pair_open(&p);
  int event = eventfd(7, EFD_CLOEXEC);
  uint8_t bytes[64];
  /* Nine messages are waiting; the third, fourth and eighth carry descriptors. */
  for (uint16_t i = 0; i < 9; i++) {
    int two[2] = {event, event};
    size_t n = make_message(bytes, i, 9, 0, "abcdefgh", i % 8u);
    send_bytes(p.out, bytes, n, two, i == 2 || i == 3 ? 1 : i == 7 ? 2 : 0);
  }
  unsigned fills = 0;
  for (uint16_t i = 0; i < 9;) {
    struct nvt_vfio_message m;
    const char *why;
    int got = nvt_vfio_stream_next(&p.in, &m, &why);
    if (!got) {
      assert_true(nvt_vfio_stream_fill(&p.in) > 0);
      fills++;
      continue;
    }
    assert_int_equal(got, 1);
    assert_int_equal(m.header.id, i);
    assert_int_equal(m.length, i % 8);
    assert_int_equal(m.fd_count, i == 2 || i == 3 ? 1 : i == 7 ? 2 : 0);
    nvt_vfio_message_done(&m);
    i++;
  }
  /* As few receives as there are descriptors' borders. */
  assert_true(fills <= 4);
  assert_int_equal(nvt_vfio_stream_fill(&p.in), -EAGAIN);
  close(event);
  pair_close(&p);
  assert_int_equal(count_fds(), before);
}

static void a_message_may_come_byte_by_byte(void **state) {
  (void)state;
  struct pipe_pair p;
  pair_open(&p);
  int before = count_fds();
  int event = eventfd(0, EFD_CLOEXEC);
  uint8_t bytes[64];
  size_t n = make_message(bytes, 5, 2, 0, "0123456789", 10);
  struct nvt_vfio_message m;
  const char *why;
  for (size_t i = 0; i < n; i++) {
    assert_int_equal(nvt_vfio_stream_next(&p.in, &m, &why), 0);
    send_bytes(p.out, bytes + i, 1, &event, i == 0);
    assert_int_equal(nvt_vfio_stream_fill(&p.in), 1);
  }
  assert_int_equal(nvt_vfio_stream_next(&p.in, &m, &why), 1);
  assert_int_equal(m.fd_count, 1);
  assert_memory_equal(m.data, "0123456789", 10);
  nvt_vfio_message_done(&m);
  close(event);
  /* Descriptors of a message that never comes whole go with the stream. */
  event = eventfd(0, EFD_CLOEXEC);
  send_bytes(p.out, bytes, 3, &event, 1);
  assert_int_equal(nvt_vfio_stream_fill(&p.in), 3);
  close(event);
  assert_int_equal(count_fds(), before + 1);
  int out = p.out;
  pair_close(&p);
  (void)out;
  assert_int_equal(count_fds(), before - 2);
}

static int size_says(uint32_t size) {
  struct pipe_pair p;
  pair_open(&p);
  struct nvt_vfio_header h = {.size = size};
  send_bytes(p.out, &h, sizeof h, NULL, 0);
  assert_int_equal(nvt_vfio_stream_fill(&p.in), sizeof h);
  struct nvt_vfio_message m;
  const char *why = NULL;
  int got = nvt_vfio_stream_next(&p.in, &m, &why);
  if (got < 0)
    assert_non_null(why);
  pair_close(&p);
  return got;
}
static void sizes_are_bounded(void **state) {
  (void)state;
  uint32_t most = NVT_VFIO_MAX_MESSAGE;
  assert_int_equal(size_says(0), -EPROTO);
  assert_int_equal(size_says(15), -EPROTO);
  assert_int_equal(size_says(16), 1);
  assert_int_equal(size_says(17), 0);
  assert_int_equal(size_says(most - 1), 0);
  assert_int_equal(size_says(most), 0);
  assert_int_equal(size_says(most + 1), -EPROTO);
  assert_int_equal(size_says(UINT32_MAX), -EPROTO);
}

static void the_largest_message_fits(void **state) {
  (void)state;
  struct pipe_pair p;
  pair_open(&p);
  size_t length = NVT_VFIO_MAX_MESSAGE - 16;
  uint8_t *data = malloc(length), *bytes = malloc(length + 16);
  for (size_t i = 0; i < length; i++)
    data[i] = (uint8_t)(i * 7);
  size_t total = make_message(bytes, 1, 10, 0, data, length), sent = 0;
  unsigned seen = 0;
  fcntl(p.out, F_SETFL, O_NONBLOCK);
  /* Three of them, so that the second and third start in the middle of the buffer. */
  while (seen < 3) {
    ssize_t n = send(p.out, bytes + sent % total, total - sent % total, MSG_NOSIGNAL);
    if (n > 0)
      sent += (size_t)n;
    struct nvt_vfio_message m;
    const char *why;
    int got = nvt_vfio_stream_next(&p.in, &m, &why);
    if (!got) {
      nvt_vfio_stream_fill(&p.in);
      continue;
    }
    assert_int_equal(got, 1);
    assert_int_equal(m.length, length);
    assert_memory_equal(m.data, data, length);
    seen++;
  }
  free(data);
  free(bytes);
  pair_close(&p);
}

static bool parse(const char *text, struct nvt_vfio_capabilities *c) {
  const char *why = NULL;
  bool ok =
      nvt_vfio_capabilities_parse((const uint8_t *)text, text ? strlen(text) + 1 : 0, c, &why);
  assert_true(ok || why);
  return ok;
}
static void capabilities(void **state) {
  (void)state;
  struct nvt_vfio_capabilities c;
  assert_true(parse(NULL, &c));
  assert_int_equal(c.max_msg_fds, 1);
  assert_int_equal(c.max_data_xfer_size, 1048576);
  assert_int_equal(c.max_dma_maps, 65535);
  assert_int_equal(c.pgsizes, 4096);
  assert_false(c.write_multiple);
  assert_true(parse("{}", &c));
  assert_true(parse(QEMU_VERSION_DATA, &c));
  assert_int_equal(c.max_msg_fds, 16);
  assert_true(c.write_multiple);
  nvt_vfio_capabilities_limit(&c);
  char text[512];
  size_t n = nvt_vfio_capabilities_print(&c, text, sizeof text);
  assert_int_equal(n, strlen(text) + 1);
  assert_string_equal(text, "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
                            "\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true}}");
  assert_int_equal(nvt_vfio_capabilities_print(&c, text, n), n);
  assert_int_equal(nvt_vfio_capabilities_print(&c, text, n - 1), 0);
  assert_true(parse("{\"capabilities\":{\"max_msg_fds\":18446744073709551615}}", &c));
  nvt_vfio_capabilities_limit(&c);
  assert_int_equal(c.max_msg_fds, NVT_VFIO_MAX_FDS);
  const char *bad[] = {"",
                       "[",
                       "[]",
                       "null",
                       "12",
                       "{\"capabilities\":3}",
                       "{\"capabilities\":{\"max_msg_fds\":-1}}",
                       "{\"capabilities\":{\"max_msg_fds\":\"1\"}}",
                       "{\"capabilities\":{\"max_data_xfer_size\":0}}",
                       "{\"capabilities\":{\"pgsizes\":1.5}}",
                       "{\"capabilities\":{\"write_multiple\":1}}",
                       "{\"capabilities\":",
                       "{\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (parse(bad[i], &c))
      fail_msg("accepted: %s", bad[i]);
  const char *why;
  assert_false(nvt_vfio_capabilities_parse((const uint8_t *)"{}", 2, &c, &why));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(descriptors_stay_with_their_message),
      cmocka_unit_test(a_message_may_come_byte_by_byte),
      cmocka_unit_test(sizes_are_bounded),
      cmocka_unit_test(the_largest_message_fits),
      cmocka_unit_test(capabilities),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
