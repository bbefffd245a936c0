/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's answers to a client, one command after the other. */
#include "tests/unit/vfio_client.h"

static int with_server(void **state) {
  struct rig *rig = malloc(sizeof *rig);
  rig_start(rig, false);
  *state = rig;
  return 0;
}
static int with_shared_server(void **state) {
  struct rig *rig = malloc(sizeof *rig);
  rig_start(rig, true);
  *state = rig;
  return 0;
}
static int without_server(void **state) {
  rig_end(*state);
  free(*state);
  return 0;
}
static const char *path_of(void **state) {
  return ((struct rig *)*state)->path;
}
static bool hung_up(struct client *c) {
  char byte;
  errno = 0;
  return recv(c->fd, &byte, 1, 0) <= 0;
}

static void version_is_negotiated(void **state) {
  struct client c;
  char json[512];
  client_connect(&c, path_of(state));
  assert_int_equal(client_version(&c, 0, QEMU_VERSION_DATA, json, sizeof json), 0);
  assert_string_equal(json, "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
                            "\"max_dma_maps\":65535,\"pgsizes\":4096,\"write_multiple\":true}}");
  assert_int_equal(client_version(&c, 0, QEMU_VERSION_DATA, NULL, 0), -EINVAL);
  assert_alive(&c);
  client_close(&c);

  /* A client that names nothing is told nothing. */
  client_connect(&c, path_of(state));
  assert_int_equal(client_version(&c, 0, NULL, json, sizeof json), 0);
  assert_string_equal(json, "{\"capabilities\":{}}");
  assert_alive(&c);
  client_close(&c);

  client_connect(&c, path_of(state));
  assert_int_equal(client_version(&c, 1, QEMU_VERSION_DATA, NULL, 0), -EPROTONOSUPPORT);
  assert_true(hung_up(&c));
  client_close(&c);

  client_connect(&c, path_of(state));
  assert_int_equal(client_version(&c, 0, "{\"capabilities\":{\"max_msg_fds\":-1}}", NULL, 0),
                   -EINVAL);
  assert_true(hung_up(&c));
  client_close(&c);

  client_connect(&c, path_of(state));
  assert_int_equal(client_call(&c, NVT_VFIO_RESET, NULL, 0, NULL, 0), -EINVAL);
  assert_true(hung_up(&c));
  client_close(&c);
}

static void device_is_described(void **state) {
  struct client c;
  client_attach(&c, path_of(state));
  for (uint32_t argsz = 15; argsz <= 17; argsz++) {
    struct nvt_vfio_info info = {.argsz = argsz};
    int error = client_call(&c, NVT_VFIO_GET_INFO, &info, sizeof info, &info, sizeof info);
    assert_int_equal(error, argsz < 16 ? -EINVAL : 0);
    if (error)
      continue;
    assert_int_equal(info.argsz, 16);
    assert_int_equal(info.flags, NVT_VFIO_DEVICE_RESETS | NVT_VFIO_DEVICE_PCI);
    assert_int_equal(info.regions, 9);
    assert_int_equal(info.irqs, 5);
  }
  for (uint32_t i = 0; i <= 9; i++) {
    struct nvt_vfio_region_info info = {.argsz = sizeof info, .index = i};
    int error = client_call(&c, NVT_VFIO_GET_REGION_INFO, &info, sizeof info, &info, sizeof info);
    assert_int_equal(error, i < 9 ? 0 : -EINVAL);
    if (error)
      continue;
    assert_int_equal(info.argsz, 32);
    assert_int_equal(info.index, i);
    assert_int_equal(info.size, i == 0 ? NVT_BAR0_SIZE : i == 7 ? NVT_CONFIG_SIZE : 0);
    assert_int_equal(info.flags, i == 0 || i == 7 ? 3 : 0);
  }
  static const uint32_t counts[] = {1, 0, 9, 1, 1};
  for (uint32_t i = 0; i <= 5; i++) {
    struct nvt_vfio_irq_info info = {.argsz = sizeof info, .index = i};
    int error = client_call(&c, NVT_VFIO_GET_IRQ_INFO, &info, sizeof info, &info, sizeof info);
    assert_int_equal(error, i < 5 ? 0 : -EINVAL);
    if (error)
      continue;
    assert_int_equal(info.count, counts[i]);
    assert_int_equal(info.flags & NVT_VFIO_IRQ_EVENTFD, counts[i] ? 1 : 0);
  }
  struct nvt_vfio_region_io_fds fds = {.argsz = sizeof fds, .index = 0, .count = 0};
  assert_int_equal(client_call(&c, NVT_VFIO_GET_REGION_IO_FDS, &fds, sizeof fds, &fds, sizeof fds),
                   0);
  assert_int_equal(fds.count, 0);
  assert_int_equal(client_call(&c, NVT_VFIO_RESET, NULL, 0, NULL, 0), 0);
  assert_alive(&c);
  client_close(&c);
}

/* Messages shorter and longer than their command has, and commands that aren't there. */
static void payload_sizes_are_checked(void **state) {
  static const struct {
    uint16_t command;
    size_t min, max;
  } rows[] = {{NVT_VFIO_DMA_MAP, 32, 32},
              {NVT_VFIO_DMA_UNMAP, 24, 24},
              {NVT_VFIO_GET_INFO, 16, 16},
              {NVT_VFIO_GET_REGION_INFO, 32, 32},
              {NVT_VFIO_GET_REGION_IO_FDS, 16, 16},
              {NVT_VFIO_GET_IRQ_INFO, 16, 16},
              {NVT_VFIO_SET_IRQS, 20, 148},
              {NVT_VFIO_REGION_READ, 16, 16},
              {NVT_VFIO_REGION_WRITE, 16, NVT_VFIO_MAX_TRANSFER + 16},
              {NVT_VFIO_RESET, 0, 0},
              {NVT_VFIO_REGION_WRITE_MULTI, 8, NVT_VFIO_MAX_TRANSFER}};
  struct client c;
  uint8_t *zeroes = calloc(1, NVT_VFIO_MAX_TRANSFER + 64), out[64];
  client_attach(&c, path_of(state));
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (size_t n = 0; n < rows[i].min; n++)
      assert_int_equal(client_call(&c, rows[i].command, zeroes, n, out, sizeof out), -EINVAL);
    int error = client_call(&c, rows[i].command, zeroes, rows[i].min, out, sizeof out);
    assert_int_not_equal(error, -ECONNRESET);
    error = client_call(&c, rows[i].command, zeroes, rows[i].max, out, sizeof out);
    assert_int_not_equal(error, -ECONNRESET);
    if (rows[i].max < NVT_VFIO_MAX_TRANSFER + 16)
      assert_int_equal(client_call(&c, rows[i].command, zeroes, rows[i].max + 1, out, sizeof out),
                       -EINVAL);
  }
  static const uint16_t absent[] = {0, 11, 12, 14, 16, 17, 18, 255, 65535};
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
    assert_int_equal(client_call(&c, absent[i], zeroes, 16, NULL, 0), -ENOTSUP);
  assert_alive(&c);
  free(zeroes);
  client_close(&c);
}

static void broken_streams_end_their_client(void **state) {
  static const struct nvt_vfio_header broken[] = {
      {.command = 4, .size = 15},
      {.command = 4, .size = 0},
      {.command = 4, .size = NVT_VFIO_MAX_MESSAGE + 1},
      {.command = 4, .size = 16, .flags = NVT_VFIO_TYPE_REPLY},
      {.command = 4, .size = 16, .flags = 2},
  };
  struct client c;
  int before = count_fds();
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    client_attach(&c, path_of(state));
    send_bytes(c.fd, &broken[i], sizeof broken[i], NULL, 0);
    assert_true(hung_up(&c));
    client_close(&c);
  }
  /* The middle of a message is no place to hang up, and no harm either. */
  client_attach(&c, path_of(state));
  struct nvt_vfio_header h = {.command = NVT_VFIO_DMA_MAP, .size = 48};
  int memory = make_memory(4096);
  send_bytes(c.fd, &h, sizeof h, &memory, 1);
  client_close(&c);
  close(memory);
  client_attach(&c, path_of(state));
  assert_alive(&c);
  client_close(&c);
  assert_fds(before);
}

static void regions_have_borders(void **state) {
  struct client c;
  uint8_t bytes[16384];
  client_attach(&c, path_of(state));
  static const struct {
    uint32_t region, size;
  } regions[] = {{0, NVT_BAR0_SIZE}, {7, NVT_CONFIG_SIZE}};
  for (unsigned i = 0; i < 2; i++) {
    uint32_t r = regions[i].region, size = regions[i].size;
    assert_int_equal(client_read(&c, r, 0, bytes, 0), -EINVAL);
    assert_int_equal(client_read(&c, r, size - 4, bytes, 4), 0);
    assert_int_equal(client_read(&c, r, size - 3, bytes, 4), -EINVAL);
    assert_int_equal(client_read(&c, r, size, bytes, 1), -EINVAL);
    assert_int_equal(client_read(&c, r, size, bytes, 0), -EINVAL);
    assert_int_equal(client_read(&c, r, UINT64_MAX, bytes, 4), -EINVAL);
    assert_int_equal(client_read(&c, r, UINT64_MAX - 3, bytes, 4), -EINVAL);
    assert_int_equal(client_read(&c, r, 0, bytes, UINT32_MAX), -EINVAL);
    assert_int_equal(client_read(&c, r, 0, bytes, size), 0);
    assert_int_equal(client_read(&c, r, 0, bytes, size + 1), -EINVAL);
    assert_int_equal(client_write(&c, 0, r, size, bytes, 4), -EINVAL);
    assert_int_equal(client_write(&c, 0, r, size - 3, bytes, 4), -EINVAL);
    assert_int_equal(client_write(&c, 0, r, UINT64_MAX, bytes, 4), -EINVAL);
    assert_int_equal(client_write(&c, 0, r, 0, bytes, 0), -EINVAL);
  }
  static const uint32_t absent[] = {1, 2, 3, 4, 5, 6, 8, 9, UINT32_MAX};
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
    assert_int_equal(client_read(&c, absent[i], 0, bytes, 1), -EINVAL);
    assert_int_equal(client_write(&c, 0, absent[i], 0, bytes, 1), -EINVAL);
  }
  /* A write with more or less data than it says. */
  struct nvt_vfio_access a = {.offset = 0x14, .region = 0, .count = 4};
  memset(bytes, 0, sizeof bytes);
  memcpy(bytes, &a, sizeof a);
  for (size_t n = 16; n <= 24; n++) {
    uint8_t reply[64];
    assert_int_equal(client_call(&c, NVT_VFIO_REGION_WRITE, bytes, n, reply, sizeof reply),
                     n == 20 ? 0 : -EINVAL);
  }
  client_close(&c);
}

#define AQA 0x24u
static void writes_are_done_in_order(void **state) {
  struct client c;
  client_attach(&c, path_of(state));
  uint32_t value = 0x001f001f, back = 0;
  assert_int_equal(client_write(&c, 0, 0, AQA, &value, 4), 0);
  assert_int_equal(client_read(&c, 0, AQA, &back, 4), 0);
  assert_int_equal(back, value);
  /* Posted writes get no answer, not even a bad one's; a read behind them sees them all. */
  for (uint32_t i = 0; i < 5000; i++) {
    value = 0x00010001u * (1 + i % 100);
    client_write(&c, NVT_VFIO_NO_REPLY, 0, AQA, &value, 4);
    if (i % 10 == 0)
      client_write(&c, NVT_VFIO_NO_REPLY, 0, NVT_BAR0_SIZE, &value, 4);
  }
  assert_int_equal(client_read(&c, 0, AQA, &back, 4), 0);
  assert_int_equal(back, value);

  struct {
    struct nvt_vfio_write_multi multi;
    struct nvt_vfio_small_write writes[3];
  } m = {.multi.count = 2};
  for (unsigned i = 0; i < 3; i++) {
    m.writes[i] = (struct nvt_vfio_small_write){.offset = AQA, .count = 4};
    uint32_t v = 0x00050004 + i;
    memcpy(m.writes[i].data, &v, sizeof v);
  }
  uint64_t done = 0;
  assert_int_equal(client_call(&c, NVT_VFIO_REGION_WRITE_MULTI, &m, 8 + 2 * 24, &done, 8), 0);
  assert_int_equal(done, 2);
  assert_int_equal(client_read(&c, 0, AQA, &back, 4), 0);
  assert_int_equal(back, 0x00050005);
  assert_int_equal(client_call(&c, NVT_VFIO_REGION_WRITE_MULTI, &m, 8 + 3 * 24, &done, 8), -EINVAL);
  assert_int_equal(client_call(&c, NVT_VFIO_REGION_WRITE_MULTI, &m, 8 + 1 * 24, &done, 8), -EINVAL);
  assert_int_equal(client_call(&c, NVT_VFIO_REGION_WRITE_MULTI, &m, 8 + 2 * 24 - 1, &done, 8),
                   -EINVAL);
  m.writes[0].count = 9;
  assert_int_equal(client_call(&c, NVT_VFIO_REGION_WRITE_MULTI, &m, 8 + 2 * 24, &done, 8), -EINVAL);
  m.multi.count = UINT64_MAX / 24 + 3;
  assert_int_equal(client_call(&c, NVT_VFIO_REGION_WRITE_MULTI, &m, 8 + 2 * 24, &done, 8), -EINVAL);
  client_close(&c);

  /* Not negotiated: not there. */
  client_connect(&c, path_of(state));
  assert_int_equal(client_version(&c, 0, NULL, NULL, 0), 0);
  m.multi.count = 2;
  assert_int_equal(client_call(&c, NVT_VFIO_REGION_WRITE_MULTI, &m, 8 + 2 * 24, &done, 8),
                   -ENOTSUP);
  client_close(&c);
}

#define PAGE 4096u
static void memory_is_mapped(void **state) {
  struct client c;
  client_attach(&c, path_of(state));
  int memory = make_memory(16 * PAGE);
  assert_int_equal(client_map(&c, 0, 4 * PAGE, 0, 3, memory), 0);
  assert_int_equal(client_map(&c, 8 * PAGE, 4 * PAGE, 0, 3, memory), 0);
  /* Over one that is there: before, at, in and behind its borders. */
  assert_int_equal(client_map(&c, 4 * PAGE, 5 * PAGE, 0, 3, memory), -EEXIST);
  assert_int_equal(client_map(&c, 8 * PAGE, 4 * PAGE, 0, 3, memory), -EEXIST);
  assert_int_equal(client_map(&c, 11 * PAGE, PAGE, 0, 3, memory), -EEXIST);
  assert_int_equal(client_map(&c, 0, 16 * PAGE, 0, 3, memory), -EEXIST);
  assert_int_equal(client_map(&c, 12 * PAGE, PAGE, 0, 3, memory), 0);
  assert_int_equal(client_map(&c, 7 * PAGE, PAGE, 0, 1, memory), 0);
  /* A file that ends before the mapping does. */
  uint64_t at = 1u << 30;
  assert_int_equal(client_map(&c, at, 15 * PAGE, 0, 3, memory), 0);
  assert_int_equal(client_map(&c, 2 * at, 16 * PAGE, 0, 3, memory), 0);
  assert_int_equal(client_map(&c, 3 * at, 17 * PAGE, 0, 3, memory), -EINVAL);
  assert_int_equal(client_map(&c, 3 * at, PAGE, 15 * PAGE, 3, memory), 0);
  assert_int_equal(client_map(&c, 4 * at, PAGE, 16 * PAGE, 3, memory), -EINVAL);
  assert_int_equal(client_map(&c, 4 * at, PAGE, UINT64_MAX - PAGE + 1, 3, memory), -EINVAL);
  assert_int_equal(client_map(&c, 4 * at, PAGE, INT64_MAX - PAGE + 1, 3, memory), -EINVAL);
  /* Sizes, addresses and flags that can't be. */
  assert_int_equal(client_map(&c, 4 * at, 0, 0, 3, memory), -EINVAL);
  assert_int_equal(client_map(&c, 4 * at, PAGE - 1, 0, 3, memory), -EINVAL);
  assert_int_equal(client_map(&c, 4 * at, PAGE + 1, 0, 3, memory), -EINVAL);
  assert_int_equal(client_map(&c, 4 * at + 1, PAGE, 0, 3, memory), -EINVAL);
  assert_int_equal(client_map(&c, 4 * at, PAGE, 0, 0, memory), -EINVAL);
  assert_int_equal(client_map(&c, 4 * at, PAGE, 0, 4, memory), -EINVAL);
  assert_int_equal(client_map(&c, UINT64_MAX - PAGE + 1, PAGE, 0, 3, memory), 0);
  assert_int_equal(client_map(&c, UINT64_MAX - 3 * PAGE + 1, 4 * PAGE, 0, 3, memory), -EINVAL);
  /* Things that aren't memory, or not writable. */
  int pipes[2];
  assert_int_equal(pipe(pipes), 0);
  assert_int_equal(client_map(&c, 4 * at, PAGE, 0, 3, pipes[0]), -EINVAL);
  close(pipes[0]);
  close(pipes[1]);
  int readonly = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  assert_int_equal(client_map(&c, 4 * at, PAGE, 0, 3, readonly), -EACCES);
  assert_int_equal(client_map(&c, 4 * at, PAGE, 0, 1, readonly), 0);
  close(readonly);
  close(memory);
  assert_alive(&c);
  client_close(&c);
}

static void memory_is_unmapped_as_it_was_mapped(void **state) {
  struct client c;
  client_attach(&c, path_of(state));
  int memory = make_memory(16 * PAGE);
  assert_int_equal(client_unmap(&c, 0, PAGE, 0), -ENOENT);
  assert_int_equal(client_map(&c, 4 * PAGE, 4 * PAGE, 0, 3, memory), 0);
  assert_int_equal(client_map(&c, 8 * PAGE, 4 * PAGE, 0, 3, memory), 0);
  /* A ROM: without a descriptor. */
  assert_int_equal(client_map(&c, 16 * PAGE, 4 * PAGE, 0, 1, -1), 0);
  assert_int_equal(client_map(&c, 16 * PAGE, 4 * PAGE, 0, 1, -1), -EEXIST);
  assert_int_equal(client_unmap(&c, 4 * PAGE, 3 * PAGE, 0), -ENOENT);
  assert_int_equal(client_unmap(&c, 4 * PAGE, 5 * PAGE, 0), -ENOENT);
  assert_int_equal(client_unmap(&c, 5 * PAGE, 4 * PAGE, 0), -ENOENT);
  assert_int_equal(client_unmap(&c, 4 * PAGE, 8 * PAGE, 0), -ENOENT);
  assert_int_equal(client_unmap(&c, 0, UINT64_MAX, 0), -ENOENT);
  assert_int_equal(client_unmap(&c, UINT64_MAX, UINT64_MAX, 0), -ENOENT);
  assert_int_equal(client_unmap(&c, 4 * PAGE, 4 * PAGE, 1), -EINVAL);
  assert_int_equal(client_unmap(&c, 4 * PAGE, 4 * PAGE, 0), 0);
  assert_int_equal(client_unmap(&c, 4 * PAGE, 4 * PAGE, 0), -ENOENT);
  assert_int_equal(client_unmap(&c, 16 * PAGE, 4 * PAGE, 0), 0);
  assert_int_equal(client_map(&c, 4 * PAGE, 4 * PAGE, 0, 3, memory), 0);
  assert_int_equal(client_unmap(&c, 4 * PAGE, 0, NVT_VFIO_UNMAP_ALL), -EINVAL);
  assert_int_equal(client_unmap(&c, 0, 0, NVT_VFIO_UNMAP_ALL), 0);
  assert_int_equal(client_unmap(&c, 4 * PAGE, 4 * PAGE, 0), -ENOENT);
  assert_int_equal(client_unmap(&c, 0, 0, NVT_VFIO_UNMAP_ALL), 0);
  assert_int_equal(client_map(&c, 0, 16 * PAGE, 0, 3, memory), 0);
  close(memory);
  client_close(&c);
}

/* Of make_memory()'s files. */
static int count_maps(void) {
  int n = 0;
  char line[512];
  FILE *f = fopen("/proc/self/maps", "r");
  assert_non_null(f);
  while (fgets(line, sizeof line, f))
    n += strstr(line, "/memfd:test") != NULL;
  fclose(f);
  return n;
}
static void a_thousand_windows(void **state) {
  struct client c;
  int fds = count_fds();
  client_attach(&c, path_of(state));
  int memory = make_memory(PAGE);
  /* In no order at all, so that windows come before, between and behind each other. */
  for (uint64_t i = 0; i < 1000; i++)
    assert_int_equal(client_map(&c, i * 7919 % 1000 * 2 * PAGE, PAGE, 0, 3, memory), 0);
  assert_int_equal(count_maps(), 1000);
  for (uint64_t i = 0; i < 1000; i++)
    assert_int_equal(client_map(&c, i * 2 * PAGE, PAGE, 0, 3, memory), -EEXIST);
  for (uint64_t i = 0; i < 999; i++)
    assert_int_equal(client_unmap(&c, i * 3571 % 1000 * 2 * PAGE, PAGE, 0), 0);
  assert_int_equal(client_unmap(&c, 999 * 3571 % 1000 * 2 * PAGE, PAGE, 0), 0);
  assert_int_equal(client_unmap(&c, 0, PAGE, 0), -ENOENT);
  assert_int_equal(count_maps(), 0);
  for (uint64_t i = 0; i < 1000; i++)
    assert_int_equal(client_map(&c, i * 2 * PAGE, PAGE, 0, 3, memory), 0);
  close(memory);
  client_close(&c);
  /* Those were never unmapped by the client. */
  client_attach(&c, path_of(state));
  assert_alive(&c);
  assert_int_equal(count_maps(), 0);
  client_close(&c);
  assert_fds(fds);
}

static uint64_t taken(int event) {
  uint64_t n = 0;
  return read(event, &n, sizeof n) == sizeof n ? n : 0;
}
static void interrupts_are_armed(void **state) {
  struct client c;
  client_attach(&c, path_of(state));
  enum { NONE = 1, BOOL = 2, EVENT = 4, MASK = 8, UNMASK = 16, TRIGGER = 32 };
  int events[10];
  for (int i = 0; i < 10; i++)
    events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  static const uint32_t kinds[] = {NVT_VFIO_IRQ_INTX, NVT_VFIO_IRQ_ERR, NVT_VFIO_IRQ_REQ};
  for (unsigned i = 0; i < 3; i++) {
    assert_int_equal(client_irqs(&c, kinds[i], EVENT | TRIGGER, 0, 1, events, 1), 0);
    assert_int_equal(client_irqs(&c, kinds[i], NONE | TRIGGER, 0, 1, NULL, 0), 0);
    assert_int_equal(taken(events[0]), 1);
    assert_int_equal(client_irqs(&c, kinds[i], EVENT | TRIGGER, 0, 2, events, 2), -EINVAL);
    assert_int_equal(client_irqs(&c, kinds[i], EVENT | TRIGGER, 1, 1, events, 1), -EINVAL);
    assert_int_equal(client_irqs(&c, kinds[i], NONE | TRIGGER, 0, 0, NULL, 0), 0);
    assert_int_equal(client_irqs(&c, kinds[i], NONE | TRIGGER, 0, 1, NULL, 0), 0);
    assert_int_equal(taken(events[0]), 0);
  }
  /* MSI-X, nine vectors: all, by parts, from ranges that reach beyond them. */
  const uint32_t x = NVT_VFIO_IRQ_MSIX;
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 0, 8, events, 8), 0);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 8, 1, events + 8, 1), 0);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 0, 9, events, 9), 0);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 0, 10, events, 10), -EINVAL);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 9, 1, events, 1), -EINVAL);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 8, 2, events, 2), -EINVAL);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, UINT32_MAX, 1, events, 1), -EINVAL);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 1, UINT32_MAX, events, 1), -EINVAL);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 0, 3, events, 2), -EINVAL);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 0, 2, events, 3), -EINVAL);
  assert_int_equal(client_irqs(&c, x, NONE | TRIGGER, 1, 0, NULL, 0), -EINVAL);
  assert_int_equal(client_irqs(&c, x, NONE | MASK, 0, 0, NULL, 0), -EINVAL);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 0, 0, NULL, 0), -EINVAL);
  assert_int_equal(client_irqs(&c, x, NONE | TRIGGER, 0, 9, NULL, 0), 0);
  for (int i = 0; i < 9; i++)
    assert_int_equal(taken(events[i]), 1);
  /* Masked ones stay silent. */
  assert_int_equal(client_irqs(&c, x, NONE | MASK, 2, 3, NULL, 0), 0);
  assert_int_equal(client_irqs(&c, x, NONE | TRIGGER, 0, 9, NULL, 0), 0);
  for (int i = 0; i < 9; i++)
    assert_int_equal(taken(events[i]), i >= 2 && i < 5 ? 0 : 1);
  assert_int_equal(client_irqs(&c, x, NONE | UNMASK, 2, 3, NULL, 0), 0);
  /* By booleans: every third. */
  struct {
    struct nvt_vfio_irq_set set;
    uint8_t bools[10];
  } b = {.set = {.argsz = 29, .flags = BOOL | TRIGGER, .index = x, .start = 0, .count = 9},
         .bools = {1, 0, 0, 1, 0, 0, 255, 0, 0}};
  assert_int_equal(client_call(&c, NVT_VFIO_SET_IRQS, &b, 28, NULL, 0), -EINVAL);
  assert_int_equal(client_call(&c, NVT_VFIO_SET_IRQS, &b, 30, NULL, 0), -EINVAL);
  assert_int_equal(client_call(&c, NVT_VFIO_SET_IRQS, &b, 29, NULL, 0), 0);
  for (int i = 0; i < 9; i++)
    assert_int_equal(taken(events[i]), i % 3 == 0);
  /* Without a descriptor a vector is put out of use, others stay. */
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 3, 2, NULL, 0), 0);
  assert_int_equal(client_irqs(&c, x, NONE | TRIGGER, 0, 9, NULL, 0), 0);
  for (int i = 0; i < 9; i++)
    assert_int_equal(taken(events[i]), i == 3 || i == 4 ? 0 : 1);
  /* Flags: one of each kind, no others. */
  static const uint32_t flags[] = {0,
                                   NONE,
                                   TRIGGER,
                                   NONE | BOOL | TRIGGER,
                                   NONE | MASK | UNMASK,
                                   NONE | TRIGGER | 0x40,
                                   NONE | TRIGGER | 0x80000000u};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
    assert_int_equal(client_irqs(&c, x, flags[i], 0, 1, NULL, 0), -EINVAL);
  assert_int_equal(client_irqs(&c, x, EVENT | MASK, 0, 1, events, 1), -ENOTSUP);
  assert_int_equal(client_irqs(&c, NVT_VFIO_IRQ_MSI, EVENT | TRIGGER, 0, 1, events, 1), -EINVAL);
  assert_int_equal(client_irqs(&c, NVT_VFIO_IRQ_MSI, NONE | TRIGGER, 0, 0, NULL, 0), 0);
  assert_int_equal(client_irqs(&c, 5, NONE | TRIGGER, 0, 0, NULL, 0), -EINVAL);
  /* What isn't an eventfd would be written to. */
  int memory = make_memory(PAGE);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 0, 1, &memory, 1), -EINVAL);
  close(memory);
  /* An eventfd that is full, and whose writers wait, holds up nobody. */
  int full = eventfd(0, EFD_CLOEXEC);
  uint64_t most = UINT64_MAX - 1;
  assert_int_equal(write(full, &most, sizeof most), sizeof most);
  assert_int_equal(client_irqs(&c, x, EVENT | TRIGGER, 0, 1, &full, 1), 0);
  assert_int_equal(client_irqs(&c, x, NONE | TRIGGER, 0, 1, NULL, 0), 0);
  close(full);
  assert_int_equal(client_irqs(&c, x, NONE | TRIGGER, 0, 0, NULL, 0), 0);
  assert_int_equal(client_irqs(&c, x, NONE | TRIGGER, 0, 9, NULL, 0), 0);
  for (int i = 0; i < 10; i++) {
    assert_int_equal(taken(events[i]), 0);
    close(events[i]);
  }
  client_close(&c);
}

static void descriptors_nobody_asked_for_are_closed(void **state) {
  struct client c;
  int before = count_fds();
  client_attach(&c, path_of(state));
  int event = eventfd(0, EFD_CLOEXEC), many[253];
  for (int i = 0; i < 253; i++)
    many[i] = event;
  int with = count_fds();
  struct nvt_vfio_access a = {.offset = 8, .count = 4};
  uint8_t out[64];
  struct nvt_vfio_info info = {.argsz = sizeof info};
  static const unsigned counts[] = {1, 2, 64, 65, 252, 253};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    unsigned n = counts[i];
    assert_int_equal(
        client_call_fds(&c, NVT_VFIO_REGION_READ, &a, sizeof a, many, n, out, sizeof out), -EINVAL);
    assert_int_equal(
        client_call_fds(&c, NVT_VFIO_GET_INFO, &info, sizeof info, many, n, out, sizeof out),
        -EINVAL);
    assert_int_equal(client_call_fds(&c, 200, NULL, 0, many, n, out, sizeof out), -ENOTSUP);
    if (n > 9)
      assert_int_equal(client_irqs(&c, 2, 0x24, 0, 9, many, n), -EINVAL);
    struct nvt_vfio_dma_map map = {.argsz = sizeof map, .flags = 3, .size = PAGE};
    if (n > 1)
      assert_int_equal(client_call_fds(&c, NVT_VFIO_DMA_MAP, &map, sizeof map, many, n, NULL, 0),
                       -EINVAL);
    assert_fds(with);
  }
  /* The server keeps nine, and replaces them rather than adding more. */
  for (int i = 0; i < 100; i++)
    assert_int_equal(client_irqs(&c, 2, 0x24, 0, 9, many, 9), 0);
  assert_fds(with + 9);
  assert_int_equal(client_irqs(&c, 2, 0x21, 0, 0, NULL, 0), 0);
  assert_fds(with);
  close(event);
  client_close(&c);
  assert_fds(before);
}

static void a_second_client_is_told(void **state) {
  struct client first, second;
  int before = count_fds();
  client_attach(&first, path_of(state));
  for (int i = 0; i < 20; i++) {
    client_connect(&second, path_of(state));
    assert_int_equal(client_version(&second, 0, QEMU_VERSION_DATA, NULL, 0), -EBUSY);
    assert_true(hung_up(&second));
    client_close(&second);
    assert_alive(&first);
  }
  /* Those that say nothing don't pile up. */
  struct client silent[20];
  for (int i = 0; i < 20; i++) {
    client_connect(&silent[i], path_of(state));
    assert_alive(&first);
  }
  for (int i = 0; i < 20; i++)
    client_close(&silent[i]);
  assert_alive(&first);
  client_close(&first);
  for (int i = 0; i < 50; i++) {
    client_attach(&first, path_of(state));
    assert_alive(&first);
    client_close(&first);
  }
  assert_fds(before);
}

static void a_client_that_reads_no_replies_is_dropped(void **state) {
  struct client c;
  client_attach(&c, path_of(state));
  struct nvt_vfio_access a = {.region = 7, .count = 4096};
  uint8_t bytes[64];
  size_t n = make_message(bytes, 1, NVT_VFIO_REGION_READ, 0, &a, sizeof a);
  ssize_t sent = 0;
  struct timeval limit = {.tv_sec = 10};
  setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  for (int i = 0; i < 100000 && sent >= 0; i++)
    sent = send(c.fd, bytes, n, MSG_NOSIGNAL);
  assert_int_equal(sent, -1);
  assert_true(errno == EPIPE || errno == ECONNRESET);
  client_close(&c);
  client_attach(&c, path_of(state));
  assert_alive(&c);
  client_close(&c);
}

static void a_client_that_says_nothing_is_dropped(void **state) {
  struct client silent, next;
  client_connect(&silent, path_of(state));
  assert_true(hung_up(&silent)); /* within the 10 s that a test's client waits */
  assert_int_not_equal(errno, EAGAIN);
  client_attach(&next, path_of(state));
  assert_alive(&next);
  client_close(&silent);
  client_close(&next);
}

static void doorbells_are_shared(void **state) {
  struct client c;
  int before = count_fds();
  client_attach(&c, path_of(state));
  struct {
    struct nvt_vfio_region_info info;
    struct nvt_vfio_sparse sparse;
    struct nvt_vfio_area area;
  } got;
  for (uint32_t argsz = 31; argsz <= 65; argsz++) {
    struct nvt_vfio_region_info info = {.argsz = argsz};
    memset(&got, 0, sizeof got);
    size_t length = 0;
    int fd = -1;
    client_send(&c, NVT_VFIO_GET_REGION_INFO, 0, &info, sizeof info, NULL, 0);
    int error = client_reply(&c, NVT_VFIO_GET_REGION_INFO, &got, sizeof got, &length, &fd);
    assert_int_equal(error, argsz < 32 ? -EINVAL : 0);
    if (error)
      continue;
    assert_int_equal(length, argsz < 64 ? 32 : 64);
    assert_int_equal(got.info.argsz, 64);
    assert_int_equal(got.info.flags, 15);
    assert_int_equal(got.info.cap_offset, 32);
    assert_true(fd >= 0);
    if (length == 64) {
      assert_int_equal(got.sparse.cap.id, 1);
      assert_int_equal(got.sparse.cap.version, 1);
      assert_int_equal(got.sparse.cap.next, 0);
      assert_int_equal(got.sparse.areas, 1);
      assert_int_equal(got.area.offset, NVT_BAR0_DOORBELLS);
      assert_int_equal(got.area.size, NVT_BAR0_DOORBELLS_SIZE);
    }
    /* The client can't take the page from under the server. */
    assert_int_equal(ftruncate(fd, 0), -1);
    uint32_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                          (off_t)(got.info.offset + NVT_BAR0_DOORBELLS));
    assert_true(page != MAP_FAILED);
    page[0] = argsz;
    munmap(page, PAGE);
    close(fd);
  }
  assert_alive(&c);
  client_close(&c);
  /* The next client gets a page that the last one hasn't. */
  client_attach(&c, path_of(state));
  struct nvt_vfio_region_info info = {.argsz = 64};
  int fd = -1;
  client_send(&c, NVT_VFIO_GET_REGION_INFO, 0, &info, sizeof info, NULL, 0);
  assert_int_equal(client_reply(&c, NVT_VFIO_GET_REGION_INFO, &got, sizeof got, NULL, &fd), 0);
  uint32_t *page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, NVT_BAR0_DOORBELLS);
  assert_int_equal(page[0], 0);
  munmap(page, PAGE);
  close(fd);
  client_close(&c);
  /* One that can take no descriptor isn't offered any. */
  client_connect(&c, path_of(state));
  assert_int_equal(client_version(&c, 0, "{\"capabilities\":{\"max_msg_fds\":0}}", NULL, 0), 0);
  info = (struct nvt_vfio_region_info){.argsz = 64};
  assert_int_equal(client_call(&c, NVT_VFIO_GET_REGION_INFO, &info, 32, &got, sizeof got), 0);
  assert_int_equal(got.info.flags, 3);
  client_close(&c);
  assert_fds(before);
}

int main(void) {
#define ON(server, f) cmocka_unit_test_setup_teardown(f, server, without_server)
  const struct CMUnitTest tests[] = {
      ON(with_server, version_is_negotiated),
      ON(with_server, device_is_described),
      ON(with_server, payload_sizes_are_checked),
      ON(with_server, broken_streams_end_their_client),
      ON(with_server, regions_have_borders),
      ON(with_server, writes_are_done_in_order),
      ON(with_server, memory_is_mapped),
      ON(with_server, memory_is_unmapped_as_it_was_mapped),
      ON(with_server, a_thousand_windows),
      ON(with_server, interrupts_are_armed),
      ON(with_server, descriptors_nobody_asked_for_are_closed),
      ON(with_server, a_second_client_is_told),
      ON(with_server, a_client_that_reads_no_replies_is_dropped),
      ON(with_server, a_client_that_says_nothing_is_dropped),
      ON(with_shared_server, doorbells_are_shared),
      ON(with_shared_server, a_second_client_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
