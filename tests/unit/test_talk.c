/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The talk's sum and trace plug-ins on a controller, by a host that sends what the talk's
 * slides show: 10 + 5 = 15, and the frames 460 to 463.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/compile_plugin.h"
#include "tests/unit/host.h"

/* Compile a plug-in's source, and load it with its arguments. */
static void load(struct host *h, const char *source, const char *args) {
  char name[16], spec[200], why[300] = "";
  static unsigned number;
  snprintf(name, sizeof(name), "%u", ++number);
  snprintf(spec, sizeof(spec), "%s,%s", compile_file(name, source, ""), args);
  if (nvt_plugin_load(h->plugins, spec, why, sizeof(why)) != 0)
    fail_msg("%s", why);
}

static struct nvt_sqe numbers(uint8_t opcode, uint32_t a, uint32_t b) {
  return (struct nvt_sqe){.opcode = opcode, .cdw10 = a, .cdw11 = b};
}

static void adds(const char *source) {
  struct host h;
  host_open(&h, "ram:1M");
  pattern(guest(&h, DATA_AT), 4096, 1);
  create_pair(&h, 1, 8);
  assert_status(io(&h, NVT_NVM_WRITE, 0, 8, DATA_AT, 0), NVT_SC_SUCCESS);
  assert_true(admin(&h, numbers(0x80, 10, 5)) != NVT_SC_SUCCESS);

  load(&h, source, "");
  struct nvt_cqe cqe = run(&h, 0, numbers(0x80, 10, 5));
  assert_status(status_of(cqe), NVT_SC_SUCCESS);
  assert_int_equal(cqe.status & ~1u, 0); /* neither More nor Do Not Retry */
  assert_int_equal(cqe.dw0, 15);
  assert_int_equal(run(&h, 0, numbers(0x80, 0xffffffffu, 1)).dw0, 0);
  assert_int_equal(run(&h, 0, numbers(0x80, 0xffffffffu, 0)).dw0, 0xffffffffu);
  /* Other commands, and the same opcode on an I/O queue, aren't its business. */
  assert_status(admin(&h, numbers(0x7e, 10, 5)), NVT_SC_INVALID_OPCODE);
  cqe = run(&h, 1, numbers(0x80, 10, 5));
  assert_status(status_of(cqe), NVT_SC_INVALID_OPCODE);
  assert_int_equal(cqe.dw0, 0);
  assert_status(identify(&h, 1, 0, NULL), NVT_SC_SUCCESS);
  /* Nothing was formatted. */
  memset(guest(&h, DATA_AT + 4096), 0, 4096);
  assert_status(io(&h, NVT_NVM_READ, 0, 8, DATA_AT + 4096, 0), NVT_SC_SUCCESS);
  pattern(guest(&h, DATA_AT), 4096, 1);
  assert_memory_equal(guest(&h, DATA_AT), guest(&h, DATA_AT + 4096), 4096);
  host_close(&h);
}

static void sum(void **state) {
  (void)state;
  adds("samples/plugins/sum.c");
  adds("tests/plugins/slides/sum.c");
}

struct file {
  uint8_t bytes[1 << 20];
  size_t size, at;
};

static struct file *read_file(const char *path) {
  struct file *f = calloc(1, sizeof(*f));
  FILE *in = fopen(path, "rb");
  assert_non_null(f);
  assert_non_null(in);
  f->size = fread(f->bytes, 1, sizeof(f->bytes), in);
  assert_int_equal(fclose(in), 0);
  assert_true(f->size >= 24 && f->size < sizeof(f->bytes));
  f->at = 24;
  return f;
}

/* The next frame's record; NULL at the end, which must be a frame's. */
static const uint8_t *next_frame(struct file *f, size_t *length) {
  if (f->at == f->size)
    return NULL;
  uint32_t captured;
  assert_true(f->at + 16 <= f->size);
  memcpy(&captured, f->bytes + f->at + 8, 4);
  const uint8_t *record = f->bytes + f->at + 16;
  f->at += 16 + captured;
  assert_true(f->at <= f->size);
  *length = captured;
  return record;
}

#define FRAME_IS(f, n, ...)                                                                        \
  do {                                                                                             \
    static const uint8_t wanted_[] = {__VA_ARGS__};                                                \
    size_t length_ = 0;                                                                            \
    const uint8_t *record_ = next_frame(f, &length_);                                              \
    assert_non_null(record_);                                                                      \
    assert_int_equal(length_, n);                                                                  \
    assert_memory_equal(record_, wanted_, sizeof(wanted_));                                        \
  } while (0)

/* A write that is the 21h-th entry of queue 2, of id 7fh, at block 2000h, of 00:05.0. */
static void frames_of_the_slides(void **state) {
  (void)state;
  struct host h;
  char path[100];
  snprintf(path, sizeof(path), "%s/ptrace", folder);
  host_open_with(&h, "ram:8M", (struct nvt_controller_options){.serial = "T", .pci_address = 0x28});
  load(&h, "samples/plugins/trace.c", path);
  msix_on(&h);
  enable(&h);
  create_pair(&h, 2, 64);
  h.cid = 0x7f - 0x20;
  for (unsigned i = 0; i < 0x21; i++)
    assert_status(status_of(run(&h, 2, io_sqe(NVT_NVM_WRITE, 0x2000, 8, DATA_AT, 0))),
                  NVT_SC_SUCCESS);
  host_close(&h);

  struct file *f = read_file(path);
  uint8_t tail[] = {1, 0, 0, 0,    0,    0, 5, 0, 4, 0, 0, 0,   0,
                    0, 0, 0, 0x10, 0x10, 0, 0, 0, 0, 0, 0, 0x21};
  size_t length;
  for (const uint8_t *r; (r = next_frame(f, &length)) != NULL;)
    if (length == 32 && memcmp(r, tail, sizeof(tail)) == 0) {
      f->at = (size_t)(r - f->bytes) - 16;
      break;
    }
  /* Whole, as on the slides. */
  FRAME_IS(f, 32, 0x01, 0, 0, 0, 0, 0, 0x05, 0, 0x04, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x10, 0, 0, 0, 0,
           0, 0, 0x21, 0, 0, 0, 0, 0, 0, 0);
  FRAME_IS(f, 80, 0x02, 0, 0, 0, 0, 0, 0x05, 0, 0x02, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x00, 0x7f, 0x00,
           0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  FRAME_IS(f, 32, 0x03, 0, 0, 0, 0, 0, 0x05, 0, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
           0x21, 0x00, 0x02, 0x00, 0x7f, 0x00, 0x01, 0x00);
  /* The message, which the slides don't have: vector 2, whose table entry is empty here. */
  FRAME_IS(f, 32, 0x04, 0, 0, 0, 0, 0, 0x05, 0, 0x02, 0, 0, 0, 0, 0, 0, 0);
  FRAME_IS(f, 32, 0x01, 0, 0, 0, 0, 0, 0x05, 0, 0x04, 0, 0, 0, 0, 0, 0, 0, 0x14, 0x10, 0, 0, 0, 0,
           0, 0, 0x21, 0, 0, 0, 0, 0, 0, 0);
  assert_null(next_frame(f, &length));
  free(f);
}

/* Domain, bus, device and function; reads and other spaces are marked. */
static void addresses_and_spaces(void **state) {
  (void)state;
  struct host h;
  char path[100];
  snprintf(path, sizeof(path), "%s/spaces", folder);
  host_open_with(&h, "ram:1M",
                 (struct nvt_controller_options){.serial = "T", .pci_address = 0x123456ffu});
  load(&h, "samples/plugins/trace.c", path);
  config32(&h, 0x10);
  set_config32(&h, 0x10, 0xfe000000u);
  reg64(&h, NVT_REG_CAP);
  host_close(&h);
  struct file *f = read_file(path);
  FRAME_IS(f, 32, 1, 0x34, 0x12, 0, 0, 0x56, 0x1f, 7, 4, 0, 0, 0, 1, 1, 0, 0, 0x10, 0);
  FRAME_IS(f, 32, 1, 0x34, 0x12, 0, 0, 0x56, 0x1f, 7, 4, 0, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 0, 0, 0,
           0, 0, 0, 0, 0, 0xfe, 0, 0, 0, 0);
  FRAME_IS(f, 32, 1, 0x34, 0x12, 0, 0, 0x56, 0x1f, 7, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0);
  size_t length;
  assert_null(next_frame(f, &length));
  free(f);
}

/* A file that can't grow for a while: whole frames, and a record of how many are missing. */
static void loss_is_in_the_file(void **state) {
  (void)state;
  struct host h;
  char path[100];
  snprintf(path, sizeof(path), "%s/loss", folder);
  host_open_with(&h, "ram:1M", (struct nvt_controller_options){.serial = "T"});
  load(&h, "samples/plugins/trace.c", path);
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit full, was;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
  full = was;
  full.rlim_cur = 24 + 48 + 20; /* the second frame ends inside */
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
  for (unsigned i = 0; i < 4; i++)
    reg32(&h, NVT_REG_VS);
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_size, 24 + 48);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
  reg32(&h, NVT_REG_CSTS);
  host_close(&h);
  struct file *f = read_file(path);
  FRAME_IS(f, 32, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, NVT_REG_VS);
  FRAME_IS(f, 16, 5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0);
  FRAME_IS(f, 32, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, NVT_REG_CSTS);
  size_t length;
  assert_null(next_frame(f, &length));
  free(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sum),
      cmocka_unit_test(frames_of_the_slides),
      cmocka_unit_test(addresses_and_spaces),
      cmocka_unit_test(loss_is_in_the_file),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
