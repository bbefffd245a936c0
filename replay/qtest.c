/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transport to QEMU's NVMe device. Its memory is a file that both have mapped, the host's windows
 * among it; its messages go to a page there that nobody else uses.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nvme/nvme.h"
#include "replay/qtest_int.h"

/* QEMU's q35 has this much below 4 GiB when there is more in all, and the rest from there on. */
#define RAM_LOW (UINT64_C(2) << 30)
#define RAM_HIGH_AT (UINT64_C(4) << 30)
#define RAM_ALL (UINT64_C(64) << 30) /* takes room where it is touched only */
#define MESSAGES (RAM_LOW - (UINT64_C(1) << 20))
#define BAR UINT64_C(0xe0000000)
#define SLOT 5u
#define VECTORS_MAX 2048u
#define BIOS_BYTES 65536
#define NAMESPACES_MAX 256u

struct image {
  uint32_t nsid;
  uint64_t bytes;
  int fd;
};

struct qtest {
  struct nvt_transport transport; /* first: the two are cast into each other */
  struct nvt_qtest_link link;
  pid_t pid;
  char directory[64];
  int ram, bios;
  uint32_t *messages; /* by vector: not 0, one came */
  uint32_t vectors;
  uint64_t table; /* in BAR0 */
  uint8_t shadow[VECTORS_MAX * 16];
  struct image images[NAMESPACES_MAX];
  uint32_t image_count;
};

static struct qtest *of(struct nvt_transport *t) {
  return (struct qtest *)t;
}

static char letter(size_t len) {
  return len == 1 ? 'b' : len == 2 ? 'w' : len == 4 ? 'l' : 'q';
}

/* --- configuration space: by its two ports --- */

static int config_read(struct qtest *q, uint64_t offset, size_t len, uint64_t *value) {
  if (offset > 0xff || len > 4) /* what is beyond isn't reached by ports */
    return -ERANGE;
  int failed = nvt_qtest_ask(&q->link, NULL, "outl 0xcf8 0x%x\n",
                             0x80000000u | SLOT << 11 | ((unsigned)offset & 0xfcu));
  return failed ? failed
                : nvt_qtest_ask(&q->link, value, "in%c 0x%x\n", letter(len),
                                0xcfcu + ((unsigned)offset & 3u));
}

static int config_write(struct qtest *q, uint64_t offset, size_t len, uint64_t value) {
  if (offset > 0xff || len > 4)
    return -ERANGE;
  int failed = nvt_qtest_ask(&q->link, NULL, "outl 0xcf8 0x%x\n",
                             0x80000000u | SLOT << 11 | ((unsigned)offset & 0xfcu));
  return failed ? failed
                : nvt_qtest_ask(&q->link, NULL, "out%c 0x%x 0x%" PRIx64 "\n", letter(len),
                                0xcfcu + ((unsigned)offset & 3u), value);
}

/* --- BAR0 --- */

static bool in_table(const struct qtest *q, uint64_t offset) {
  return offset >= q->table && offset - q->table < 16u * q->vectors && q->table != 0;
}

static int bar_read(struct qtest *q, uint64_t offset, size_t len, uint64_t *value) {
  if (in_table(q, offset) && (offset & 15) + len <= 16) {
    memcpy(value, q->shadow + (offset - q->table), len);
    return 0;
  }
  return nvt_qtest_ask(&q->link, value, "read%c 0x%" PRIx64 "\n", letter(len), BAR + offset);
}

/* Where the messages go is ours to say; whether they do, the host's. */
static int table_write(struct qtest *q, uint64_t offset, size_t len, uint64_t value) {
  uint64_t at = offset - q->table;
  if ((offset & 15) + len > 16)
    return -EINVAL;
  memcpy(q->shadow + at, &value, len);
  if ((at & 15) + len <= 12)
    return 0;
  uint32_t control;
  memcpy(&control, q->shadow + (at & ~UINT64_C(15)) + 12, sizeof(control));
  return nvt_qtest_ask(&q->link, NULL, "writel 0x%" PRIx64 " 0x%x\n",
                       BAR + q->table + (at & ~UINT64_C(15)) + 12, control);
}

static int transport_read(struct nvt_transport *t, unsigned region, uint64_t offset, void *buf,
                          size_t len) {
  uint64_t value = 0;
  if (len != 1 && len != 2 && len != 4 && len != 8)
    return -EINVAL;
  int failed = region == NVT_REGION_CONFIG ? config_read(of(t), offset, len, &value)
                                           : bar_read(of(t), offset, len, &value);
  memcpy(buf, &value, len);
  return failed;
}

static int transport_write(struct nvt_transport *t, unsigned region, uint64_t offset,
                           const void *buf, size_t len) {
  struct qtest *q = of(t);
  uint64_t value = 0;
  if (len != 1 && len != 2 && len != 4 && len != 8)
    return -EINVAL;
  memcpy(&value, buf, len);
  /* Its configuration space is another than the recorded one: it was set up at the start. */
  if (region == NVT_REGION_CONFIG)
    return 0;
  if (in_table(q, offset))
    return table_write(q, offset, len, value);
  return nvt_qtest_ask(&q->link, NULL, "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", letter(len),
                       BAR + offset, value);
}

/* --- memory --- */

/* The part of [iova, iova + len) that lies in [start, end) becomes the file's, from `at` on. */
static int share(struct qtest *q, uint64_t iova, uint8_t *memory, uint64_t len, uint64_t start,
                 uint64_t end, uint64_t at) {
  uint64_t first = iova > start ? iova : start, last = iova + len < end ? iova + len : end;
  if (first >= last)
    return 0;
  return mmap(memory + (first - iova), (size_t)(last - first), PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_FIXED | MAP_NORESERVE, q->ram,
              (off_t)(at + (first - start))) == MAP_FAILED
             ? -errno
             : 0;
}

static int dma_map(struct nvt_transport *t, uint64_t iova, void *memory, size_t len, int fd,
                   uint64_t fd_offset) {
  (void)fd, (void)fd_offset; /* what is there already isn't needed: the engine writes later */
  if ((iova | len) % 4096 != 0 || iova + len < iova)
    return -EINVAL;
  int failed = share(of(t), iova, memory, len, 0, RAM_LOW, 0);
  return failed ? failed
                : share(of(t), iova, memory, len, RAM_HIGH_AT, RAM_HIGH_AT + RAM_ALL - RAM_LOW,
                        RAM_LOW);
}

/* The machine's memory is always there. */
static int dma_unmap(struct nvt_transport *t, uint64_t iova, size_t len) {
  (void)t, (void)iova, (void)len;
  return 0;
}

/* --- interrupts, reset --- */

static int enable(struct qtest *q) {
  uint64_t at = 0, head = 0;
  int failed = config_write(q, 0x10, 4, BAR);
  failed = failed ? failed : config_write(q, 0x14, 4, 0);
  failed = failed ? failed : config_write(q, 0x04, 2, 0x0006); /* memory, bus master */
  failed = failed ? failed : config_read(q, 0x34, 1, &at);
  for (unsigned n = 0; failed == 0 && n < 48 && at >= 0x40; n++, at = head >> 8 & 0xfc) {
    failed = config_read(q, at, 2, &head);
    if (failed != 0 || (head & 0xff) != 0x11)
      continue;
    uint64_t control = 0, table = 0;
    failed = config_read(q, at + 2, 2, &control);
    failed = failed ? failed : config_read(q, at + 4, 4, &table);
    failed = failed ? failed : config_write(q, at + 2, 2, control | 0x8000);
    q->vectors = (uint32_t)(control & 0x7ff) + 1;
    q->table = (table & 7) == 0 ? table : 0;
  }
  for (uint32_t v = 0; failed == 0 && q->table != 0 && v < q->vectors; v++) {
    uint64_t entry = BAR + q->table + 16u * v;
    failed = nvt_qtest_ask(&q->link, NULL, "writeq 0x%" PRIx64 " 0x%" PRIx64 "\n", entry,
                           MESSAGES + 4u * v);
    failed =
        failed ? failed : nvt_qtest_ask(&q->link, NULL, "writeq 0x%" PRIx64 " 0x1\n", entry + 8);
  }
  return failed;
}

static int irq_enable(struct nvt_transport *t, unsigned count) {
  (void)count; /* all are, from the start */
  return of(t)->table != 0 ? 0 : -ENOTSUP;
}

static bool irq_take(struct nvt_transport *t, unsigned vector) {
  struct qtest *q = of(t);
  if (vector >= q->vectors)
    return false;
  return __atomic_exchange_n(&q->messages[vector], 0, __ATOMIC_ACQ_REL) != 0;
}

static int reset(struct nvt_transport *t) {
  struct qtest *q = of(t);
  uint32_t off = 0;
  int failed = transport_write(t, NVT_REGION_BAR0, NVT_REG_CC, &off, sizeof(off));
  return failed ? failed : enable(q);
}

static void relax(struct nvt_transport *t) {
  (void)t;
  sched_yield();
}

/* --- life --- */

static void close_transport(struct nvt_transport *t) {
  struct qtest *q = of(t);
  if (q->link.fd >= 0)
    close(q->link.fd);
  if (q->pid > 0) {
    kill(q->pid, SIGTERM);
    for (unsigned i = 0; i < 200 && waitpid(q->pid, NULL, WNOHANG) == 0; i++) {
      nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
      if (i == 100)
        kill(q->pid, SIGKILL);
    }
  }
  for (uint32_t i = 0; i < q->image_count; i++)
    close(q->images[i].fd);
  if (q->messages != MAP_FAILED)
    munmap(q->messages, VECTORS_MAX * 4);
  if (q->ram >= 0)
    close(q->ram);
  if (q->bios >= 0)
    close(q->bios);
  free(q);
}

int nvt_qtest_preload(struct nvt_transport *t, uint32_t nsid, uint64_t offset, const void *bytes,
                      size_t len) {
  const struct qtest *q = of(t);
  for (uint32_t i = 0; i < q->image_count; i++) {
    const struct image *image = &q->images[i];
    if (image->nsid != nsid)
      continue;
    if (offset > image->bytes || len > image->bytes - offset)
      return -EINVAL;
    return pwrite(image->fd, bytes, len, (off_t)offset) == (ssize_t)len ? 0 : -EIO;
  }
  return -ENOENT;
}

static int make_file(uint64_t bytes) {
  int fd = memfd_create("nvmetap-qtest", 0); /* QEMU opens it by its number */
  if (fd >= 0 && ftruncate(fd, (off_t)bytes) != 0) {
    close(fd);
    fd = -1;
  }
  return fd;
}

/* Distributions build QEMU without the accelerator that runs nothing. So a processor runs, and its
 * whole firmware is to halt, at the address where it starts. */
static int make_bios(void) {
  static const uint8_t halt[] = {0xfa, 0xf4, 0xeb, 0xfd}; /* cli; hlt; jmp back to hlt */
  int fd = make_file(BIOS_BYTES);
  if (fd >= 0 && pwrite(fd, halt, sizeof(halt), BIOS_BYTES - 16) != (ssize_t)sizeof(halt)) {
    close(fd);
    fd = -1;
  }
  return fd;
}

static bool make_images(struct qtest *q, const struct nvt_meta *meta) {
  for (uint32_t i = 0; i < meta->namespace_count && i < NAMESPACES_MAX; i++) {
    const struct nvt_meta_namespace *ns = &meta->namespaces[i];
    uint64_t bytes;
    if (__builtin_mul_overflow(ns->blocks, ns->block_size, &bytes) || bytes > INT64_MAX)
      return false;
    struct image image = {.nsid = ns->nsid, .bytes = bytes, .fd = make_file(bytes)};
    if (image.fd < 0)
      return false;
    q->images[q->image_count++] = image;
  }
  return true;
}

enum { ARGUMENTS = 32 + 4 * NAMESPACES_MAX };

struct arguments {
  char *list[ARGUMENTS + 1];
  unsigned count;
  bool failed;
};

static void __attribute__((format(printf, 2, 3)))
argument(struct arguments *a, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (a->count == ARGUMENTS || vasprintf(&a->list[a->count], format, args) < 0)
    a->failed = true;
  else
    a->count++;
  va_end(args);
}

static void make_arguments(struct arguments *a, const struct qtest *q,
                           const struct nvt_qtest_options *options, int socket) {
  const struct nvt_meta *meta = options->details;
  argument(a, "%s", options->program);
  argument(a, "-nodefaults");
  argument(a, "-display");
  argument(a, "none");
  argument(a, "-machine");
  argument(a, "q35,accel=tcg,memory-backend=ram,max-ram-below-4g=2G");
  argument(a, "-bios");
  argument(a, "/proc/self/fd/%d", q->bios);
  argument(a, "-m");
  argument(a, "%" PRIu64 "M", RAM_ALL >> 20);
  argument(a, "-object");
  argument(a, "memory-backend-file,id=ram,size=%" PRIu64 "M,share=on,mem-path=/proc/self/fd/%d",
           RAM_ALL >> 20, q->ram);
  argument(a, "-chardev");
  argument(a, "socket,id=qtest,fd=%d", socket);
  argument(a, "-qtest");
  argument(a, "chardev:qtest");
  argument(a, "-qtest-log");
  argument(a, "none");
  argument(a, "-device");
  argument(a, "nvme,id=nvme,addr=%02x.0,serial=%s,mdts=%u,max_ioqpairs=%u,msix_qsize=%u", SLOT,
           meta->serial[0] != '\0' ? meta->serial : "nvmetap", meta->mdts,
           meta->io_queues > 0 ? meta->io_queues : 64,
           options->vectors > 0 && options->vectors <= VECTORS_MAX ? options->vectors : 65);
  for (uint32_t i = 0; i < q->image_count; i++) {
    argument(a, "-drive");
    argument(a, "if=none,id=disk%u,format=raw,discard=unmap,file=/proc/self/fd/%d", i,
             q->images[i].fd);
    argument(a, "-device");
    argument(a,
             "nvme-ns,bus=nvme,nsid=%u,drive=disk%u,logical_block_size=%u,physical_block_size=%u",
             q->images[i].nsid, i, meta->namespaces[i].block_size, meta->namespaces[i].block_size);
  }
}

/* A comma would begin an option of its own. */
static bool plain(const char *text) {
  return strpbrk(text, ",\"'\\\n") == NULL;
}

static int start(struct qtest *q, const struct nvt_qtest_options *options) {
  int pair[2];
  struct arguments a = {.count = 0};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
    return -errno;
  make_arguments(&a, q, options, pair[1]);
  q->pid = a.failed ? -1 : fork();
  if (q->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(pair[0]);
    execvp(a.list[0], a.list);
    _exit(127);
  }
  for (unsigned i = 0; i < a.count; i++)
    free(a.list[i]);
  close(pair[1]);
  q->link.fd = pair[0];
  (void)fcntl(pair[0], F_SETFD, FD_CLOEXEC);
  return q->pid < 0 ? -ENOMEM : 0;
}

/* After it has hung up: was there nothing to run? */
static bool is_missing(struct qtest *q) {
  int status = 0;
  for (unsigned i = 0; q->pid > 0 && q->link.fd < 0 && i < 100; i++) {
    if (waitpid(q->pid, &status, WNOHANG) == q->pid) {
      q->pid = 0;
      return WIFEXITED(status) && WEXITSTATUS(status) == 127;
    }
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  }
  return false;
}

int nvt_qtest_open(const struct nvt_qtest_options *options, struct nvt_transport **out, char *why,
                   size_t whylen) {
  struct qtest *q = calloc(1, sizeof(*q));
  if (q == NULL) {
    snprintf(why, whylen, "out of memory");
    return -ENOMEM;
  }
  *q = (struct qtest){.transport = {.read = transport_read,
                                    .write = transport_write,
                                    .dma_map = dma_map,
                                    .dma_unmap = dma_unmap,
                                    .irq_enable = irq_enable,
                                    .irq_take = irq_take,
                                    .reset = reset,
                                    .relax = relax,
                                    .close = close_transport},
                      .link = {.fd = -1},
                      .messages = MAP_FAILED,
                      .ram = -1,
                      .bios = -1};
  int failed = plain(options->details->serial) ? 0 : -EINVAL;
  if (failed == 0) {
    q->ram = make_file(RAM_ALL);
    q->bios = make_bios();
    if (q->ram < 0 || q->bios < 0 || !make_images(q, options->details))
      failed = -ENOMEM;
  }
  if (failed == 0) {
    q->messages = mmap(NULL, VECTORS_MAX * 4, PROT_READ | PROT_WRITE, MAP_SHARED, q->ram, MESSAGES);
    failed = q->messages == MAP_FAILED ? -ENOMEM : start(q, options);
  }
  if (failed == 0)
    failed = enable(q);
  if (failed == 0) {
    *out = &q->transport;
    return 0;
  }
  if (is_missing(q))
    snprintf(why, whylen,
             "%s can't be run: install Debian's qemu-system-x86, or name another with "
             "--target qtest:PROGRAM",
             options->program);
  else
    snprintf(why, whylen, "%s doesn't do as a qtest: %s; what it said stands above",
             options->program, strerror(-failed));
  close_transport(&q->transport);
  return failed;
}
