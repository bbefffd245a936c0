/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Target: a drive of this machine, by the kernel's passthrough. Whole commands go there, and
 * nothing else does: registers, queues and interrupts are the kernel driver's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <libnvme.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/remap.h"
#include "replay/target_int.h"

#define NAMESPACES_MAX 1024u /* of one drive: each is held open */
#define COMMAND_MS 30000u

struct nvt_target {
  struct nvt_remap remap;
  const struct nvt_meta *details; /* the engine's, which outlives the target */
  int admin;                      /* where admin commands go */
  struct {
    unsigned drive, instance; /* X and Y of its name */
    uint32_t nsid;
    int generic; /* /dev/ngXnY */
    int block;   /* /dev/nvmeXnY, held so that nobody mounts it meanwhile; -1: there is none */
  } * spaces;
  size_t count;
};

static void device_close(struct nvt_target *t) {
  for (size_t i = 0; i < t->count; i++) {
    close(t->spaces[i].generic);
    if (t->spaces[i].block >= 0)
      close(t->spaces[i].block);
  }
  if (t->admin >= 0)
    close(t->admin);
  free(t->spaces);
  free(t);
}

/* The block device: in use is what the kernel says is in use, partitions and all. */
static bool hold(unsigned drive, unsigned instance, int *fd, char *why, size_t whylen) {
  char path[64];
  snprintf(path, sizeof(path), "/dev/nvme%un%u", drive, instance);
  *fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
  int error = errno;
  char known[64];
  snprintf(known, sizeof(known), "/sys/class/block/nvme%un%u", drive, instance);
  if (*fd >= 0 || (error == ENOENT && access(known, F_OK) != 0))
    return true;
  if (error == EBUSY)
    snprintf(why, whylen,
             "%s is in use: it or a partition of it is mounted, is swap, or belongs to another "
             "device; a trace is never replayed there. Unmount it first",
             path);
  else
    snprintf(why, whylen, "%s: %s; without it nobody can tell whether it is in use", path,
             strerror(error));
  return false;
}

static bool add(struct nvt_target *t, unsigned drive, unsigned instance, char *why, size_t whylen) {
  char path[64];
  if (t->count == NAMESPACES_MAX) {
    snprintf(why, whylen, "the drive has more than %u namespaces; name one of them: /dev/ngXnY",
             NAMESPACES_MAX);
    return false;
  }
  snprintf(path, sizeof(path), "/dev/ng%un%u", drive, instance);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  int nsid = fd >= 0 ? ioctl(fd, NVME_IOCTL_ID) : -1;
  if (nsid <= 0) {
    snprintf(why, whylen, "%s: %s", path, strerror(errno));
    if (fd >= 0)
      close(fd);
    return false;
  }
  t->spaces[t->count].drive = drive;
  t->spaces[t->count].instance = instance;
  t->spaces[t->count].nsid = (uint32_t)nsid;
  t->spaces[t->count].generic = fd;
  t->spaces[t->count].block = -1;
  t->count++;
  return hold(drive, instance, &t->spaces[t->count - 1].block, why, whylen);
}

/* By its name as a block device; a path of one that several controllers lead to ("nvme0c1n1") has
 * none of its own. */
static bool add_named(struct nvt_target *t, nvme_ns_t ns, char *why, size_t whylen) {
  unsigned drive, instance;
  int end = 0;
  const char *name = nvme_ns_get_name(ns);
  if (sscanf(name, "nvme%un%u%n", &drive, &instance, &end) != 2 || name[end] != '\0')
    return true;
  for (size_t i = 0; i < t->count; i++)
    if (t->spaces[i].drive == drive && t->spaces[i].instance == instance)
      return true;
  return add(t, drive, instance, why, whylen);
}

/* Namespaces are the controller's, or its subsystem's: then their names may begin with another
 * number than the controller's. */
static bool add_all(struct nvt_target *t, const char *controller, char *why, size_t whylen) {
  nvme_root_t root = nvme_scan(NULL);
  nvme_host_t host;
  nvme_subsystem_t subsystem;
  nvme_ctrl_t found;
  nvme_ns_t ns;
  bool good = true;
  if (root == NULL) {
    snprintf(why, whylen, "this machine's NVMe drives can't be looked at: %s", strerror(errno));
    return false;
  }
  nvme_for_each_host(root, host) {
    nvme_for_each_subsystem(host, subsystem) {
      nvme_subsystem_for_each_ctrl(subsystem, found) {
        if (strcmp(nvme_ctrl_get_name(found), controller) != 0)
          continue;
        nvme_ctrl_for_each_ns(found, ns) good = good && add_named(t, ns, why, whylen);
        nvme_subsystem_for_each_ns(subsystem, ns) good = good && add_named(t, ns, why, whylen);
      }
    }
  }
  nvme_free_tree(root);
  return good;
}

/* /dev/ngXnY, or /dev/nvmeX and all its namespaces. */
static bool open_all(struct nvt_target *t, const char *address, char *why, size_t whylen) {
  unsigned drive, instance;
  struct stat st;
  int end = 0;
  t->admin = open(address, O_RDWR | O_CLOEXEC);
  if (t->admin < 0 || fstat(t->admin, &st) != 0 || !S_ISCHR(st.st_mode)) {
    snprintf(why, whylen, "%s: %s", address,
             t->admin < 0 ? strerror(errno)
                          : "not a character device; give /dev/ngXnY or /dev/nvmeX");
    return false;
  }
  if (sscanf(address, "/dev/ng%un%u%n", &drive, &instance, &end) == 2 && address[end] == '\0')
    return add(t, drive, instance, why, whylen);
  if (sscanf(address, "/dev/nvme%u%n", &drive, &end) != 1 || address[end] != '\0') {
    snprintf(why, whylen, "%s: give /dev/ngXnY (a namespace) or /dev/nvmeX (a drive)", address);
    return false;
  }
  return add_all(t, address + strlen("/dev/"), why, whylen);
}

static bool device_open(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                        size_t whylen) {
  struct nvt_target *t = calloc(1, sizeof(*t));
  snprintf(why, whylen, "out of memory");
  if (t == NULL)
    return false;
  t->admin = -1;
  t->spaces = calloc(NAMESPACES_MAX, sizeof(*t->spaces));
  if (t->spaces == NULL || !open_all(t, setup->address, why, whylen)) {
    device_close(t);
    return false;
  }
  t->details = setup->details;
  if (setup->remap != NULL)
    t->remap = *setup->remap;
  *out = t;
  return true;
}

static int device_pass(struct nvt_target *t, bool admin, const struct nvt_sqe *recorded, void *data,
                       uint32_t length, nvt_status *status, uint32_t *dw0) {
  const struct nvt_sqe here = nvt_remap_command(&t->remap, admin, recorded, data, length),
                       *sqe = &here;
  struct nvme_passthru_cmd64 command = {
      .opcode = sqe->opcode,
      .nsid = sqe->nsid,
      .cdw2 = sqe->cdw2,
      .cdw3 = sqe->cdw3,
      .addr = (uint64_t)(uintptr_t)(length > 0 ? data : NULL),
      .data_len = length,
      .cdw10 = sqe->cdw10,
      .cdw11 = sqe->cdw11,
      .cdw12 = sqe->cdw12,
      .cdw13 = sqe->cdw13,
      .cdw14 = sqe->cdw14,
      .cdw15 = sqe->cdw15,
      .timeout_ms = COMMAND_MS,
  };
  __u64 result = 0;
  int fd = admin ? t->admin : -1;
  for (size_t i = 0; !admin && i < t->count; i++)
    if (t->spaces[i].nsid == sqe->nsid)
      fd = t->spaces[i].generic;
  if (fd < 0)
    return -ENXIO;
  int answer = admin ? nvme_submit_admin_passthru64(fd, &command, &result)
                     : nvme_submit_io_passthru64(fd, &command, &result);
  if (answer < 0)
    return -errno;
  *status = (nvt_status)(answer & 0x7ff); /* SCT and SC */
  *dw0 = (uint32_t)result;
  return 0;
}

static int device_preload(struct nvt_target *t, uint32_t nsid, uint64_t offset, const void *bytes,
                          size_t len) {
  /* The drive's blocks were compared with the trace's. */
  return nvt_preload_by_writes(t, device_pass, nsid, nvt_block_size(t->details, nsid), offset,
                               bytes, len);
}

const struct nvt_target_ops nvt_target_device = {
    .name = "device",
    .address = "/dev/ngXnY|/dev/nvmeX",
    .summary = "a drive of this machine, by the kernel's passthrough: commands alone",
    .open = device_open,
    .close = device_close,
    .pass = device_pass,
    .preload = device_preload,
};
