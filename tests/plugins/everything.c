/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls every function of plugin.h, in every place where it may be called, and keeps what came
 * out; `results` (control()) gives it as text. What it does depends on the I/O command that
 * it sees: cdw13 says what, so that the test asks step by step.
 */
#include "plugin.h"

#include <stdarg.h>
#include <string.h>

static DECL_NPLUGIN_IO_DECODE(decoded);
static DECL_NPLUGIN_IO_WRITEBACK(completed);
static DECL_NPLUGIN_IO_MEMORY(data);
static DECL_NPLUGIN_REGREAD(read_register);
static DECL_NPLUGIN_DEVICE_EVENT(happened);
static DECL_NPLUGIN_VERDICT(decided);
static DECL_NPLUGIN_PCI_MSIX(interrupted);

static char results[16384];
static struct nplugin *self;
static uint32_t device;
static uint64_t held;
static unsigned interrupts, events, verdicts;

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
  size_t used = strlen(results);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(results + used, sizeof(results) - used, format, args);
  va_end(args);
  used = strlen(results);
  (void)snprintf(results + used, sizeof(results) - used, "\n");
}

static unsigned sum(const void *bytes, size_t length) {
  unsigned total = 0;
  for (size_t i = 0; i < length; i++)
    total = total * 31 + ((const unsigned char *)bytes)[i];
  return total;
}

int setup(void) {
  self = plugin_self();
  note("setup: self %d args '%s'", self != NULL, plugin_args());
  note("setup: order %d", plugin_tap_attach_order("nvme:io:decode", decoded, INT32_MIN));
  note("setup: no callback %d", plugin_tap_attach("nvme:io:decode", NULL));
  note("setup: detach %d", plugin_tap_detach("nvme:io:decode"));
  note("setup: handle %d value %d writable %d", plugin_cmd_handle() != 0, plugin_value_set(1),
       plugin_data_writable() != NULL);
  note("setup: find_cmd %d", find_cmd(1, 0) != NULL);
  note("setup: fatal %d", plugin_controller_fatal(0x12345));
  return plugin_tap_attach("nvme:io:decode", decoded) |
         plugin_tap_attach_order("nvme:io:writeback", completed, 3) |
         plugin_tap_attach("nvme:io:memory", data) |
         plugin_tap_attach("nvme:regread:writeback", read_register) |
         plugin_tap_attach("device:event:notify", happened) |
         plugin_tap_attach("plugin:verdict:notify", decided) |
         plugin_tap_attach("pci:msix:writeback", interrupted);
}

int teardown(void) {
  return plugin_tap_detach("nvme:io:decode");
}

int control(const char *text, char *answer, size_t length) {
  if (strcmp(text, "results") != 0)
    return -22;
  (void)snprintf(answer, length, "%s", results);
  return 0;
}

static void later(void *arg) {
  static unsigned char zeroes[16];
  note("later %s: verdicts %u", (const char *)arg, verdicts);
  note("later: interrupt %d", plugin_interrupt_raise(device, 1));
  note("later: memory %d", plugin_memory_write(device, 0x10000 + 0x908000, zeroes, 16));
  note("later: handle %d value %d", plugin_cmd_handle() != 0, plugin_value_set(1));
  if (held != 0) {
    char bytes[512];
    note("later: read %d", plugin_cmd_read(held, 0, bytes, sizeof(bytes)));
    note("later: continue %d", plugin_cmd_continue(self, held));
    held = 0;
  }
}

static void timers(void) {
  uint64_t id = 0;
  note("timer %d", plugin_timer_start(3600000000000u, later, NULL, &id));
  note("timer id %d stop %d", id != 0, plugin_timer_stop(id));
  note("timer stop again %d", plugin_timer_stop(id));
  note("timer none %d", plugin_timer_stop(0));
  note("timer %d", plugin_timer_start(1000000, later, (void *)(uintptr_t) "by timer", NULL));
  note("post %d", plugin_post(self, later, (void *)(uintptr_t) "by post"));
}

static void memory(void) {
  unsigned char bytes[16];
  static unsigned char large[200000];
  note("memory read %d", plugin_memory_read(device, 0x10000 + 0x900000, bytes, 16));
  note("memory sum %x", sum(bytes, 16));
  note("memory write %d", plugin_memory_write(device, 0x10000 + 0x904000, bytes, 16));
  note("memory nowhere %d", plugin_memory_read(device, 0xfffffffffffffff0, bytes, 16));
  note("memory low %d", plugin_memory_write(device, 0x10, bytes, 16));
  note("memory of none %d", plugin_memory_read(device + 1, 0x10000, bytes, 16));
  note("memory nothing %d", plugin_memory_read(device, 0x10000, bytes, 0));
  for (size_t i = 0; i < sizeof(large); i++)
    large[i] = (unsigned char)(i * 7);
  note("memory large %d", plugin_memory_write(device, 0x10000 + 0xa00000, large, sizeof(large)));
  memset(large, 0, sizeof(large));
  note("memory large %d", plugin_memory_read(device, 0x10000 + 0xa00000, large, sizeof(large)));
  note("memory large sum %x", sum(large, sizeof(large)));
}

static void inject(void) {
  struct nvme_completion completion = {.sqid = 1, .cid = 0x77};
  note("event %d type %d", plugin_event_raise(device, 1, 0, 2),
       plugin_event_raise(device, 8, 0, 2));
  note("interrupt %d none %d", plugin_interrupt_raise(device, 1),
       plugin_interrupt_raise(device, 5000));
  note("queue %d", plugin_cqid(device, 1));
  note("queue of none %d %d", plugin_cqid(device, 77), plugin_cqid(device + 1, 1));
  note("completion none %d", plugin_completion_post(device, 77, &completion));
  note("of none %d %d %d %d", plugin_event_raise(device + 1, 1, 0, 2),
       plugin_controller_fatal(device + 1), plugin_controller_remove(device + 1),
       plugin_controller_return(device + 1));
}

static void of_command(struct nvme_command *cmd, uint32_t sqid) {
  unsigned char bytes[512];
  uint64_t handle = plugin_cmd_handle();
  note("handle %d find %d other %d", handle != 0, find_cmd(sqid, cmd->cid) == cmd,
       find_cmd(sqid + 1, cmd->cid) != NULL);
  note("read %d", plugin_cmd_read(handle, 0, bytes, 512));
  note("read sum %x", sum(bytes, 512));
  note("read beyond %d", plugin_cmd_read(handle, 1 << 20, bytes, 512));
  note("read of none %d", plugin_cmd_read(handle + 12345, 0, bytes, 512));
  memset(bytes, 0x5a, 512);
  note("write %d", plugin_cmd_write(handle, 0, bytes, 512));
  note("complete none %d continue none %d", plugin_cmd_complete(self, 0, NULL),
       plugin_cmd_continue(self, 0));
}

static int decoded(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                   uint32_t sqid) {
  device = bdf;
  switch (cmd->cdw13) {
  case 1:
    of_command(cmd, sqid);
    break;
  case 2:
    memory();
    break;
  case 3:
    timers();
    break;
  case 4:
    inject();
    break;
  case 5:
    NVME_STATUS_SET(cmp->status, NVME_SCT_MEDIA_ERROR, NVME_SC_WRITE_FAULTS);
    return NPLUGIN_FINISH;
  case 6:
    return NPLUGIN_DROP;
  case 7:
    held = plugin_cmd_handle();
    note("hold: timer %d", plugin_timer_start(1000, later, (void *)(uintptr_t) "held", NULL));
    return NPLUGIN_HOLD;
  case 8:
    cmd->cdw10 = 3; /* another block */
    break;
  case 9:
    note("detach %d", plugin_tap_detach("nvme:io:memory"));
    note("detach again %d", plugin_tap_detach("nvme:io:memory"));
    note("attach %d", plugin_tap_attach("nvme:io:memory", data));
    note("no tap %d", plugin_tap_attach("nvme:nothing:decode", decoded));
    break;
  case 10:
    note("remove %d", plugin_controller_remove(device));
    note("remove again %d", plugin_controller_remove(device));
    note("return %d", plugin_controller_return(device));
    note("return again %d", plugin_controller_return(device));
    break;
  default:
    break;
  }
  return NPLUGIN_CONTINUE;
}

static int completed(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid) {
  const struct nvme_command *cmd = find_cmd(sqid, cmp->cid);
  (void)bdf;
  note("writeback: status %x opcode %d", cmp->status >> 1, cmd == NULL ? -1 : cmd->opc);
  cmp->cdw0 = 0xabcd;
  return NPLUGIN_CONTINUE;
}

static int data(uint32_t bdf, uint32_t sqid, uint16_t cid, uint32_t kind, uint32_t direction,
                uint64_t address, const void *bytes, size_t length) {
  (void)bdf;
  (void)cid;
  note("data: sq %u kind %u direction %u address %llx length %zu sum %x", sqid, kind, direction,
       (unsigned long long)address, length, sum(bytes, length));
  unsigned char *writable = plugin_data_writable();
  note("data: writable %d", writable != NULL);
  if (writable != NULL && length > 0)
    writable[0] ^= 0xff;
  return NPLUGIN_CONTINUE;
}

static int read_register(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value) {
  (void)bdf;
  if (offset == 8)
    note("register: size %u value %llx set %d", size, (unsigned long long)value,
         plugin_value_set(0x1234567890));
  return NPLUGIN_CONTINUE;
}

static int happened(uint32_t bdf, uint32_t event, uint32_t qid, uint32_t code, uint64_t address,
                    uint64_t size) {
  (void)bdf;
  (void)address;
  (void)size;
  events++;
  note("event: %u queue %u code %u", event, qid, code);
  return NPLUGIN_CONTINUE;
}

static int decided(uint32_t bdf, const char *plugin, uint32_t verdict, uint32_t sqid, uint16_t cid,
                   uint32_t status) {
  (void)bdf;
  (void)cid;
  verdicts++;
  note("verdict: %s %u sq %u status %x", plugin, verdict, sqid, status);
  return NPLUGIN_CONTINUE;
}

static int interrupted(uint32_t bdf, uint32_t vector, uint64_t address, uint32_t number) {
  (void)bdf;
  (void)address;
  (void)number;
  interrupts++;
  note("interrupt: %u", vector);
  return NPLUGIN_CONTINUE;
}
