/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For plug-ins of nvmetap: all that a plug-in needs, by FreeBSD's names.
 *
 * A plug-in is a shared library (gcc -shared -fPIC) with two functions:
 *
 *     int setup(void);      called once when it is loaded; 0, or anything else to refuse
 *     int teardown(void);   called once before it is unloaded
 *
 * setup() attaches callbacks to taps, named `module:component:stage`; `nvmetap taps`
 * lists them. All calls into a plug-in come from one thread, the controller's; a
 * callback must not block. What a callback is given belongs to the controller and is
 * valid until the callback returns.
 *
 * A callback returns one of NPLUGIN_CONTINUE (0), NPLUGIN_FINISH (1), NPLUGIN_HOLD (2)
 * and NPLUGIN_DROP (3); anything else counts as FINISH. What a tap doesn't allow counts
 * as CONTINUE. docs/plugins.md says what each means on each tap. A decode or execute
 * callback may change the command that is executed, a writeback callback the completion;
 * the ids, the SQ head and the phase bit stay as they are. What a plug-in does to
 * anything is written into the trace, with its name.
 *
 * Several plug-ins on one tap are called in ascending order, those of the same
 * order as they were loaded.
 *
 * Unless they say otherwise, functions return 0 or a negative errno value: -EPERM when
 * called from elsewhere than they allow, -ENODEV for a bdf that no controller has,
 * -ENOTSUP where an isolated plug-in (--plugin-isolated) can't have it.
 */
#ifndef NVMETAP_PLUGIN_H
#define NVMETAP_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this interface. A plug-in built with this header says so by itself; one that
 * was built with another major version is refused. */
#define NPLUGIN_VERSION 2
#ifndef NPLUGIN_NO_VERSION
extern const uint32_t nplugin_version;
__attribute__((weak, visibility("default"))) const uint32_t nplugin_version = NPLUGIN_VERSION;
#endif

/* What a callback returns. */
#define NPLUGIN_CONTINUE 0 /* go on */
#define NPLUGIN_FINISH 1   /* the plug-in has finished it: as it is now, no later plug-in sees it */
#define NPLUGIN_HOLD 2     /* nothing more happens until plugin_cmd_complete() or _continue() */
#define NPLUGIN_DROP 3     /* as if it had never been: not executed, completed, sent, written */

/* --- what a plug-in exports --- */
int setup(void);
int teardown(void);
/* May be missing: what `nvmetap ctl PATH plugin send NAME TEXT` brings. Called in the
 * controller's thread. The answer (at most `length` bytes with its final 0) goes back to
 * who asked, as an error when other than 0 is returned. */
int control(const char *text, char *answer, size_t length);

/* --- what it may call: in setup(), in teardown() and in callbacks --- */

/* Attach `cb`, of the tap's type below. 0; -ENOENT no tap of that name, -EINVAL,
 * -ENOSPC over 64 attachments, -ENOMEM, -EPERM when called from elsewhere. */
int plugin_tap_attach(const char *name, void *cb);
/* The same, at a place: plain plug-ins have 0, the lowest is called first. */
int plugin_tap_attach_order(const char *name, void *cb, int order);
/* Detach all that this plug-in has on the tap. -ENOENT when it has nothing there. */
int plugin_tap_detach(const char *name);
/* What stood after the comma in --plugin FILE,args; "" when nothing did. */
const char *plugin_args(void);

/* Submission queue entry: Base 2.1, section 4.1. */
struct nvme_command {
  uint8_t opc;
  uint8_t fuse; /* bits 1:0 fused, 7:6 PRP or SGL */
  uint16_t cid;
  uint32_t nsid;
  uint32_t rsvd2;
  uint32_t rsvd3;
  uint64_t mptr;
  uint64_t prp1;
  uint64_t prp2;
  uint32_t cdw10;
  uint32_t cdw11;
  uint32_t cdw12;
  uint32_t cdw13;
  uint32_t cdw14;
  uint32_t cdw15;
};

/* Completion queue entry: Base 2.1, section 4.2. */
struct nvme_completion {
  uint32_t cdw0;
  uint32_t rsvd1;
  uint16_t sqhd;
  uint16_t sqid;
  uint16_t cid;
  uint16_t status; /* 0 phase, 8:1 SC, 11:9 SCT, 13:12 CRD, 14 M, 15 DNR */
};

/* The command that is being decoded or completed in this callback; NULL for any other. */
struct nvme_command *find_cmd(uint32_t sqid, uint16_t cid);

/* --- values and data: in a callback of the kind that is named --- */

/* Register, configuration and MSI-X accesses: the host reads `value` instead; the controller
 * takes `value` as what was written. Bytes beyond the access size are cut off. */
int plugin_value_set(uint64_t value);
/* Memory: the bytes that this callback was given, to be changed on their way to the guest or
 * to the medium. NULL where they can't be (PRP lists, SGL segments). */
void *plugin_data_writable(void);

/* --- commands held, and completed later --- */

/* This plug-in, for the functions that any thread may call: in setup() and callbacks. */
struct nplugin;
struct nplugin *plugin_self(void);
/* The command of this decode, execute or writeback callback; never used twice. 0: none. */
uint64_t plugin_cmd_handle(void);
/* Any thread: complete a held command with this (ids, SQ head and phase are not heeded), or
 * let it go on as if it hadn't been held. Done by the controller's thread a moment later;
 * of a command that is gone by then (a reset took it) nothing happens. Each handle once. -EINVAL,
 * -ENOMEM, -ESHUTDOWN when the controller is being taken down. What a plug-in still holds
 * when it is unloaded goes on. */
int plugin_cmd_complete(struct nplugin *, uint64_t handle, const struct nvme_completion *);
int plugin_cmd_continue(struct nplugin *, uint64_t handle);
/* Copy from or to the data buffer that a command's PRPs or SGL describe, `offset` bytes in:
 * of the command of this callback, or of one held. -ENOENT no such command, -EFAULT it
 * isn't mapped so, -EINVAL they don't describe so much. */
int plugin_cmd_read(uint64_t handle, uint64_t offset, void *to, size_t length);
int plugin_cmd_write(uint64_t handle, uint64_t offset, const void *from, size_t length);
/* The same for guest memory at an address. */
int plugin_memory_read(uint32_t bdf, uint64_t address, void *to, size_t length);
int plugin_memory_write(uint32_t bdf, uint64_t address, const void *from, size_t length);

/* --- later: called in the controller's thread, never from within another callback --- */

/* Any thread. Until the plug-in is unloaded. */
int plugin_post(struct nplugin *, void (*call)(void *arg), void *arg);
/* Once, `ns` nanoseconds from now; *id (may be NULL) for plugin_timer_stop(). -ENOSPC over
 * 65536 timers. */
int plugin_timer_start(uint64_t ns, void (*call)(void *arg), void *arg, uint64_t *id);
/* -ENOENT: it has been called, or never was. */
int plugin_timer_stop(uint64_t id);

/* --- what a drive does that no driver asked for: setup() excepted, wherever -EPERM isn't --- */

/* Complete an Asynchronous Event Request: type 0 to 7, information, log page (Base 2.1,
 * figure 151). It waits for a request. -EAGAIN: 16 wait already. */
int plugin_event_raise(uint32_t bdf, uint8_t type, uint8_t information, uint8_t log_page);
/* Post this to a completion queue, whether or not there is such a command: ids and SQ head as
 * given, the phase is the queue's. -ENOENT no such queue, -EAGAIN it is full. */
int plugin_completion_post(uint32_t bdf, uint32_t cqid, const struct nvme_completion *);
/* The completion queue that a submission queue's completions go to. -ENOENT no such queue. */
int plugin_cqid(uint32_t bdf, uint32_t sqid);
/* Send an MSI-X message. -EINVAL no such vector. */
int plugin_interrupt_raise(uint32_t bdf, uint32_t vector);
/* CSTS.CFS = 1: nothing more is fetched or completed until a reset. */
int plugin_controller_fatal(uint32_t bdf);
/* Surprise removal: every read gives all ones, nothing is fetched, completed, written. And
 * back, as after power on. -EALREADY. */
int plugin_controller_remove(uint32_t bdf);
int plugin_controller_return(uint32_t bdf);

/* --- callbacks: static DECL_NPLUGIN_IO_DECODE(f); declares f --- */

/* bdf: domain 31:16, bus 15:8, device 7:3, function 2:0. */
#define NPLUGIN_ARGS_DECODE                                                                        \
  (uint32_t bdf, struct nvme_command * cmd, struct nvme_completion * cmp, uint32_t sqid)
#define NPLUGIN_ARGS_WRITEBACK (uint32_t bdf, struct nvme_completion * cmp, uint32_t sqid)
/* size in bytes; offset in the configuration space, BAR0, or the MSI-X table. */
#define NPLUGIN_ARGS_ACCESS (uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value)
#define NPLUGIN_ARGS_MSIX (uint32_t bdf, uint32_t vector, uint64_t address, uint32_t data)
/* kind: 0 payload, 1 PRP list, 2 SGL segment, 3 metadata; direction: 1 from the
 * host, 2 to the host; address: the guest's. */
#define NPLUGIN_ARGS_MEMORY                                                                        \
  (uint32_t bdf, uint32_t sqid, uint16_t cid, uint32_t kind, uint32_t direction, uint64_t address, \
   const void *bytes, size_t length)
#define NPLUGIN_ARGS_SHADOW                                                                        \
  (uint32_t bdf, uint32_t qid, bool is_cq, bool event_index, uint32_t value)
/* event: as in the trace format's table of device events. */
#define NPLUGIN_ARGS_EVENT                                                                         \
  (uint32_t bdf, uint32_t event, uint32_t qid, uint32_t code, uint64_t address, uint64_t size)
/* verdict: as in the trace format's table of verdicts; status: SCT << 8 | SC. */
#define NPLUGIN_ARGS_VERDICT                                                                       \
  (uint32_t bdf, const char *plugin, uint32_t verdict, uint32_t sqid, uint16_t cid, uint32_t status)
/* head: the slot; unacknowledged: entries of the completion queue that the host hasn't taken. */
#define NPLUGIN_ARGS_FETCH                                                                         \
  (uint32_t bdf, uint32_t sqid, uint32_t head, uint32_t tail, uint32_t unacknowledged)
#define NPLUGIN_ARGS_INTERRUPT (uint32_t bdf, uint32_t cqid, uint32_t vector)

typedef int nplugin_decode_fn NPLUGIN_ARGS_DECODE;
typedef int nplugin_writeback_fn NPLUGIN_ARGS_WRITEBACK;
typedef int nplugin_access_fn NPLUGIN_ARGS_ACCESS;
typedef int nplugin_msix_fn NPLUGIN_ARGS_MSIX;
typedef int nplugin_memory_fn NPLUGIN_ARGS_MEMORY;
typedef int nplugin_shadow_fn NPLUGIN_ARGS_SHADOW;
typedef int nplugin_event_fn NPLUGIN_ARGS_EVENT;
typedef int nplugin_verdict_fn NPLUGIN_ARGS_VERDICT;
typedef int nplugin_fetch_fn NPLUGIN_ARGS_FETCH;
typedef int nplugin_interrupt_fn NPLUGIN_ARGS_INTERRUPT;

#define DECL_NPLUGIN_PCI_REGREAD(f) nplugin_access_fn f        /* pci:regread:writeback */
#define DECL_NPLUGIN_PCI_REGWRITE(f) nplugin_access_fn f       /* pci:regwrite:decode */
#define DECL_NPLUGIN_PCI_MSIX(f) nplugin_msix_fn f             /* pci:msix:writeback */
#define DECL_NPLUGIN_REGREAD(f) nplugin_access_fn f            /* nvme:regread:writeback */
#define DECL_NPLUGIN_REGWRITE(f) nplugin_access_fn f           /* nvme:regwrite:decode */
#define DECL_NPLUGIN_MSIXREAD(f) nplugin_access_fn f           /* nvme:msixread:writeback */
#define DECL_NPLUGIN_MSIXWRITE(f) nplugin_access_fn f          /* nvme:msixwrite:decode */
#define DECL_NPLUGIN_ADMIN_DECODE(f) nplugin_decode_fn f       /* nvme:admin:decode */
#define DECL_NPLUGIN_ADMIN_WRITEBACK(f) nplugin_writeback_fn f /* nvme:admin:writeback */
#define DECL_NPLUGIN_IO_DECODE(f) nplugin_decode_fn f          /* nvme:io:decode */
#define DECL_NPLUGIN_IO_WRITEBACK(f) nplugin_writeback_fn f    /* nvme:io:writeback */
#define DECL_NPLUGIN_ADMIN_MEMORY(f) nplugin_memory_fn f       /* nvme:admin:memory */
#define DECL_NPLUGIN_IO_MEMORY(f) nplugin_memory_fn f          /* nvme:io:memory */
#define DECL_NPLUGIN_SHADOW(f) nplugin_shadow_fn f             /* nvme:shadow:decode */
#define DECL_NPLUGIN_DEVICE_EVENT(f) nplugin_event_fn f        /* device:event:notify */
#define DECL_NPLUGIN_VERDICT(f) nplugin_verdict_fn f           /* plugin:verdict:notify */
#define DECL_NPLUGIN_ADMIN_FETCH(f) nplugin_fetch_fn f         /* nvme:admin:fetch */
#define DECL_NPLUGIN_IO_FETCH(f) nplugin_fetch_fn f            /* nvme:io:fetch */
#define DECL_NPLUGIN_ADMIN_EXECUTE(f) nplugin_decode_fn f      /* nvme:admin:execute */
#define DECL_NPLUGIN_IO_EXECUTE(f) nplugin_decode_fn f         /* nvme:io:execute */
#define DECL_NPLUGIN_ADMIN_INTERRUPT(f) nplugin_interrupt_fn f /* nvme:admin:interrupt */
#define DECL_NPLUGIN_IO_INTERRUPT(f) nplugin_interrupt_fn f    /* nvme:io:interrupt */

/* --- NVMe's numbers. The project's tables are the source: tests hold these to them. --- */

#define NVME_STATUS_P_SHIFT 0
#define NVME_STATUS_P_MASK 0x1
#define NVME_STATUS_SC_SHIFT 1
#define NVME_STATUS_SC_MASK 0xFF
#define NVME_STATUS_SCT_SHIFT 9
#define NVME_STATUS_SCT_MASK 0x7
#define NVME_STATUS_CRD_SHIFT 12
#define NVME_STATUS_CRD_MASK 0x3
#define NVME_STATUS_M_SHIFT 14
#define NVME_STATUS_M_MASK 0x1
#define NVME_STATUS_DNR_SHIFT 15
#define NVME_STATUS_DNR_MASK 0x1
#define NVME_STATUS_GET_P(st) (((st) >> NVME_STATUS_P_SHIFT) & NVME_STATUS_P_MASK)
#define NVME_STATUS_GET_SC(st) (((st) >> NVME_STATUS_SC_SHIFT) & NVME_STATUS_SC_MASK)
#define NVME_STATUS_GET_SCT(st) (((st) >> NVME_STATUS_SCT_SHIFT) & NVME_STATUS_SCT_MASK)
#define NVME_STATUS_GET_CRD(st) (((st) >> NVME_STATUS_CRD_SHIFT) & NVME_STATUS_CRD_MASK)
#define NVME_STATUS_GET_M(st) (((st) >> NVME_STATUS_M_SHIFT) & NVME_STATUS_M_MASK)
#define NVME_STATUS_GET_DNR(st) (((st) >> NVME_STATUS_DNR_SHIFT) & NVME_STATUS_DNR_MASK)
/* Type and code; CRD, M and DNR become 0, the phase bit stays. */
#define NVME_STATUS_SET(st, sct, sc)                                                               \
  ((st) = (uint16_t)((NVME_STATUS_P_MASK & (st)) |                                                 \
                     ((NVME_STATUS_SC_MASK & (unsigned)(sc)) << NVME_STATUS_SC_SHIFT) |            \
                     ((NVME_STATUS_SCT_MASK & (unsigned)(sct)) << NVME_STATUS_SCT_SHIFT)))

enum nvme_status_code_type {
  NVME_SCT_GENERIC = 0x0,
  NVME_SCT_COMMAND_SPECIFIC = 0x1,
  NVME_SCT_MEDIA_ERROR = 0x2,
  NVME_SCT_PATH_RELATED = 0x3,
  NVME_SCT_VENDOR_SPECIFIC = 0x7,
};

enum nvme_generic_command_status_code {
  NVME_SC_SUCCESS = 0x00,
  NVME_SC_INVALID_OPCODE = 0x01,
  NVME_SC_INVALID_FIELD = 0x02,
  NVME_SC_COMMAND_ID_CONFLICT = 0x03,
  NVME_SC_DATA_TRANSFER_ERROR = 0x04,
  NVME_SC_ABORTED_POWER_LOSS = 0x05,
  NVME_SC_INTERNAL_DEVICE_ERROR = 0x06,
  NVME_SC_ABORTED_BY_REQUEST = 0x07,
  NVME_SC_ABORTED_SQ_DELETION = 0x08,
  NVME_SC_ABORTED_FAILED_FUSED = 0x09,
  NVME_SC_ABORTED_MISSING_FUSED = 0x0a,
  NVME_SC_INVALID_NAMESPACE_OR_FORMAT = 0x0b,
  NVME_SC_COMMAND_SEQUENCE_ERROR = 0x0c,
  NVME_SC_INVALID_SGL_SEGMENT_DESCR = 0x0d,
  NVME_SC_INVALID_NUMBER_OF_SGL_DESCR = 0x0e,
  NVME_SC_DATA_SGL_LENGTH_INVALID = 0x0f,
  NVME_SC_METADATA_SGL_LENGTH_INVALID = 0x10,
  NVME_SC_SGL_DESCRIPTOR_TYPE_INVALID = 0x11,
  NVME_SC_INVALID_USE_OF_CMB = 0x12,
  NVME_SC_PRP_OFFSET_INVALID = 0x13,
  NVME_SC_PRP_OFFET_INVALID = 0x13, /* so spelt by FreeBSD */
  NVME_SC_ATOMIC_WRITE_UNIT_EXCEEDED = 0x14,
  NVME_SC_OPERATION_DENIED = 0x15,
  NVME_SC_SGL_OFFSET_INVALID = 0x16,
  NVME_SC_HOST_ID_INCONSISTENT_FORMAT = 0x18,
  NVME_SC_KEEP_ALIVE_TIMEOUT_EXPIRED = 0x19,
  NVME_SC_KEEP_ALIVE_TIMEOUT_INVALID = 0x1a,
  NVME_SC_ABORTED_DUE_TO_PREEMPT = 0x1b,
  NVME_SC_SANITIZE_FAILED = 0x1c,
  NVME_SC_SANITIZE_IN_PROGRESS = 0x1d,
  NVME_SC_SGL_DATA_BLOCK_GRAN_INVALID = 0x1e,
  NVME_SC_NOT_ALLOWED_IN_CMB = 0x1f,
  NVME_SC_NAMESPACE_WRITE_PROTECTED = 0x20,
  NVME_SC_COMMAND_INTERRUPTED = 0x21,
  NVME_SC_TRANSIENT_TRANSPORT_ERROR = 0x22,
  NVME_SC_LBA_OUT_OF_RANGE = 0x80,
  NVME_SC_CAPACITY_EXCEEDED = 0x81,
  NVME_SC_NAMESPACE_NOT_READY = 0x82,
  NVME_SC_RESERVATION_CONFLICT = 0x83,
  NVME_SC_FORMAT_IN_PROGRESS = 0x84,
};

enum nvme_command_specific_status_code {
  NVME_SC_COMPLETION_QUEUE_INVALID = 0x00,
  NVME_SC_INVALID_QUEUE_IDENTIFIER = 0x01,
  NVME_SC_MAXIMUM_QUEUE_SIZE_EXCEEDED = 0x02,
  NVME_SC_ABORT_COMMAND_LIMIT_EXCEEDED = 0x03,
  NVME_SC_ASYNC_EVENT_REQUEST_LIMIT_EXCEEDED = 0x05,
  NVME_SC_INVALID_FIRMWARE_SLOT = 0x06,
  NVME_SC_INVALID_FIRMWARE_IMAGE = 0x07,
  NVME_SC_INVALID_INTERRUPT_VECTOR = 0x08,
  NVME_SC_INVALID_LOG_PAGE = 0x09,
  NVME_SC_INVALID_FORMAT = 0x0a,
  NVME_SC_FIRMWARE_REQUIRES_RESET = 0x0b,
  NVME_SC_INVALID_QUEUE_DELETION = 0x0c,
  NVME_SC_FEATURE_NOT_SAVEABLE = 0x0d,
  NVME_SC_FEATURE_NOT_CHANGEABLE = 0x0e,
  NVME_SC_FEATURE_NOT_NS_SPECIFIC = 0x0f,
  NVME_SC_OVERLAPPING_RANGE = 0x14,
  NVME_SC_NS_INSUFFICIENT_CAPACITY = 0x15,
  NVME_SC_NS_ID_UNAVAILABLE = 0x16,
  NVME_SC_NS_ALREADY_ATTACHED = 0x18,
  NVME_SC_NS_IS_PRIVATE = 0x19,
  NVME_SC_NS_NOT_ATTACHED = 0x1a,
  NVME_SC_THIN_PROV_NOT_SUPPORTED = 0x1b,
  NVME_SC_CTRLR_LIST_INVALID = 0x1c,
  NVME_SC_SELF_TEST_IN_PROGRESS = 0x1d,
  NVME_SC_BOOT_PART_WRITE_PROHIB = 0x1e,
  NVME_SC_INVALID_CTRLR_ID = 0x1f,
  NVME_SC_CONFLICTING_ATTRIBUTES = 0x80,
  NVME_SC_INVALID_PROTECTION_INFO = 0x81,
  NVME_SC_ATTEMPTED_WRITE_TO_RO_PAGE = 0x82,
};

enum nvme_media_error_status_code {
  NVME_SC_WRITE_FAULTS = 0x80,
  NVME_SC_UNRECOVERED_READ_ERROR = 0x81,
  NVME_SC_GUARD_CHECK_ERROR = 0x82,
  NVME_SC_APPLICATION_TAG_CHECK_ERROR = 0x83,
  NVME_SC_REFERENCE_TAG_CHECK_ERROR = 0x84,
  NVME_SC_COMPARE_FAILURE = 0x85,
  NVME_SC_ACCESS_DENIED = 0x86,
  NVME_SC_DEALLOCATED_OR_UNWRITTEN = 0x87,
};

enum nvme_admin_opcode {
  NVME_OPC_DELETE_IO_SQ = 0x00,
  NVME_OPC_CREATE_IO_SQ = 0x01,
  NVME_OPC_GET_LOG_PAGE = 0x02,
  NVME_OPC_DELETE_IO_CQ = 0x04,
  NVME_OPC_CREATE_IO_CQ = 0x05,
  NVME_OPC_IDENTIFY = 0x06,
  NVME_OPC_ABORT = 0x08,
  NVME_OPC_SET_FEATURES = 0x09,
  NVME_OPC_GET_FEATURES = 0x0a,
  NVME_OPC_ASYNC_EVENT_REQUEST = 0x0c,
  NVME_OPC_NAMESPACE_MANAGEMENT = 0x0d,
  NVME_OPC_FIRMWARE_ACTIVATE = 0x10,
  NVME_OPC_FIRMWARE_IMAGE_DOWNLOAD = 0x11,
  NVME_OPC_DEVICE_SELF_TEST = 0x14,
  NVME_OPC_NAMESPACE_ATTACHMENT = 0x15,
  NVME_OPC_KEEP_ALIVE = 0x18,
  NVME_OPC_DIRECTIVE_SEND = 0x19,
  NVME_OPC_DIRECTIVE_RECEIVE = 0x1a,
  NVME_OPC_VIRTUALIZATION_MANAGEMENT = 0x1c,
  NVME_OPC_NVME_MI_SEND = 0x1d,
  NVME_OPC_NVME_MI_RECEIVE = 0x1e,
  NVME_OPC_CAPACITY_MANAGEMENT = 0x20,
  NVME_OPC_LOCKDOWN = 0x24,
  NVME_OPC_DOORBELL_BUFFER_CONFIG = 0x7c,
  NVME_OPC_FABRICS_COMMANDS = 0x7f,
  NVME_OPC_FORMAT_NVM = 0x80,
  NVME_OPC_SECURITY_SEND = 0x81,
  NVME_OPC_SECURITY_RECEIVE = 0x82,
  NVME_OPC_SANITIZE = 0x84,
  NVME_OPC_GET_LBA_STATUS = 0x86,
};

enum nvme_nvm_opcode {
  NVME_OPC_FLUSH = 0x00,
  NVME_OPC_WRITE = 0x01,
  NVME_OPC_READ = 0x02,
  NVME_OPC_WRITE_UNCORRECTABLE = 0x04,
  NVME_OPC_COMPARE = 0x05,
  NVME_OPC_WRITE_ZEROES = 0x08,
  NVME_OPC_DATASET_MANAGEMENT = 0x09,
  NVME_OPC_VERIFY = 0x0c,
  NVME_OPC_RESERVATION_REGISTER = 0x0d,
  NVME_OPC_RESERVATION_REPORT = 0x0e,
  NVME_OPC_RESERVATION_ACQUIRE = 0x11,
  NVME_OPC_RESERVATION_RELEASE = 0x15,
  NVME_OPC_COPY = 0x19,
};

#ifdef __cplusplus
}
#endif

#endif
