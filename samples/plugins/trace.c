/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace: attaches to all of the talk's taps and writes everything down, in the talk's record
 * bytes. nvmetap's own trace has more; this one shows how little a tracer needs.
 * --plugin trace.so,FILE; without a name /tmp/ptrace, as on the slide. Load it first: of a
 * command that an earlier plug-in finishes, a later one sees nothing.
 *
 * FILE is nanosecond pcap of link type USER0. Each frame is one record, little-endian:
 *
 *     0      type: 1 register access, 2 command, 3 completion; not on the slides: 4 MSI-X
 *            message (or the interrupt pin: zeroes), 5 loss
 *     1-7    PCI domain (4 bytes), bus, device, function
 *     8-11   size of the access in bytes; submission queue of the command or completion; vector
 *     12     of an access: 0 write, 1 read           (the slides show writes to BAR0,
 *     13     0 BAR0, 1 configuration space, 2 MSI-X   so there these two are 0)
 *     16     address and value, 8 bytes each; the 64 or 16 bytes of the queue entry
 *
 * Nothing is buffered here: each record is one write(). Those that fail are counted, the count is
 * in a loss record (bytes 8-15) as soon as writing works again, and told at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "plugin.h"

static DECL_NPLUGIN_PCI_REGREAD(cfgrd);
static DECL_NPLUGIN_PCI_REGWRITE(cfgwr);
static DECL_NPLUGIN_PCI_MSIX(msix);
static DECL_NPLUGIN_REGREAD(regrd);
static DECL_NPLUGIN_REGWRITE(regwr);
static DECL_NPLUGIN_MSIXREAD(msixrd);
static DECL_NPLUGIN_MSIXWRITE(msixwr);
static DECL_NPLUGIN_ADMIN_DECODE(cmd);
static DECL_NPLUGIN_ADMIN_WRITEBACK(cpl);

enum { REGISTER = 1, COMMAND, COMPLETION, MESSAGE, LOSS };
#define READ (UINT64_C(1) << 32)
#define CONFIGURATION (UINT64_C(1) << 40)
#define MSIX (UINT64_C(2) << 40)

struct __attribute__((packed)) record {
  struct {
    uint32_t seconds, nanoseconds, captured, length;
  } frame; /* pcap's */
  uint8_t type;
  uint32_t domain;
  uint8_t bus, device, function;
  uint64_t what; /* bytes 8 to 15 */
  uint8_t body[64];
};
#define FRAME sizeof(((struct record *)0)->frame)

static const char *name = "/tmp/ptrace";
static int out = -1;
static off_t end; /* of the last whole record */
static uint64_t written, lost, unsaid;

static bool save(const void *bytes, size_t size) {
  ssize_t did = write(out, bytes, size);
  if (did == (ssize_t)size) {
    end += (off_t)size;
    return true;
  }
  /* The rest of a torn record would be read as the next frame. */
  if (did > 0 && ftruncate(out, end) != 0) {
    close(out);
    out = -1;
  }
  return false;
}

static bool save_record(struct record *r, uint32_t bdf, size_t length) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  r->domain = bdf >> 16;
  r->bus = (uint8_t)(bdf >> 8);
  r->device = bdf >> 3 & 31;
  r->function = bdf & 7;
  size_t size = offsetof(struct record, body) + length;
  r->frame.seconds = (uint32_t)now.tv_sec;
  r->frame.nanoseconds = (uint32_t)now.tv_nsec;
  r->frame.captured = r->frame.length = (uint32_t)(size - FRAME);
  return save(r, size);
}

static int put(uint8_t type, uint32_t bdf, uint64_t what, const void *body, size_t length) {
  struct record record = {.type = type, .what = what};
  struct record loss = {.type = LOSS, .what = unsaid};
  memcpy(record.body, body, length);
  if (unsaid != 0 && save_record(&loss, bdf, 0))
    unsaid = 0;
  if (unsaid == 0 && save_record(&record, bdf, length)) {
    written++;
  } else {
    unsaid++;
    lost++;
  }
  return 0;
}

static int access_put(uint8_t type, uint32_t bdf, uint64_t what, uint64_t address, uint64_t value) {
  return put(type, bdf, what, (uint64_t[]){address, value}, 16);
}

static int cfgrd(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  return access_put(REGISTER, bdf, size | READ | CONFIGURATION, offset, value);
}
static int cfgwr(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  return access_put(REGISTER, bdf, size | CONFIGURATION, offset, value);
}
static int msix(uint32_t bdf, uint32_t vector, uint64_t address, uint32_t data) {
  return access_put(MESSAGE, bdf, vector, address, data);
}
static int regrd(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  return access_put(REGISTER, bdf, size | READ, offset, value);
}
static int regwr(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  return access_put(REGISTER, bdf, size, offset, value);
}
static int msixrd(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  return access_put(REGISTER, bdf, size | READ | MSIX, offset, value);
}
static int msixwr(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  return access_put(REGISTER, bdf, size | MSIX, offset, value);
}
static int cmd(uint32_t bdf, struct nvme_command *entry, struct nvme_completion *cmp,
               uint32_t sqid) {
  (void)cmp;
  return put(COMMAND, bdf, sqid, entry, sizeof(*entry));
}
static int cpl(uint32_t bdf, struct nvme_completion *entry, uint32_t sqid) {
  return put(COMPLETION, bdf, sqid, entry, sizeof(*entry));
}

int setup(void) {
  static const struct {
    const char *tap;
    void *callback;
  } taps[] = {
      {"pci:regread:writeback", cfgrd},  {"pci:regwrite:decode", cfgwr},
      {"pci:msix:writeback", msix},      {"nvme:regread:writeback", regrd},
      {"nvme:regwrite:decode", regwr},   {"nvme:msixread:writeback", msixrd},
      {"nvme:msixwrite:decode", msixwr}, {"nvme:admin:decode", cmd},
      {"nvme:admin:writeback", cpl},     {"nvme:io:decode", cmd},
      {"nvme:io:writeback", cpl},
  };
  static const struct {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, precision, longest, link;
  } pcap = {0xa1b23c4d, 2, 4, 0, 0, sizeof(struct record) - FRAME, 147};
  if (*plugin_args() != '\0')
    name = plugin_args();
  /* In /tmp anybody could have put a link there, to a file that isn't theirs. */
  out = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (out < 0 || !save(&pcap, sizeof(pcap))) {
    fprintf(stderr, "trace: %s: %s\n", name, strerror(errno));
    return 1;
  }
  for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++)
    if (plugin_tap_attach(taps[i].tap, taps[i].callback) != 0) {
      close(out);
      return 1;
    }
  return 0;
}

int teardown(void) {
  fprintf(stderr, "trace: %" PRIu64 " records, %" PRIu64 " lost: %s\n", written, lost, name);
  return (out < 0 || close(out) != 0 || lost != 0) ? 1 : 0;
}
