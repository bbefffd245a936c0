/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/vfio_user/session_int.h"

#define REGION_BAR0 0u
#define REGION_CONFIG 7u

static uint64_t region_size(uint32_t region) {
  return region == REGION_BAR0 ? NVT_BAR0_SIZE : region == REGION_CONFIG ? NVT_CONFIG_SIZE : 0;
}

static void release(struct nvt_vfio_session *s) {
  if (s->doorbell_fd < 0)
    return;
  munmap(s->doorbells, NVT_BAR0_DOORBELLS_SIZE);
  close(s->doorbell_fd);
  s->doorbell_fd = -1;
  s->doorbells = NULL;
}

/* A page of its own for each client: an earlier one may still have its own mapped.
 * Sealed, since a file cut short would fault us. */
int nvt_vfio_share_doorbells(struct nvt_vfio_session *s) {
  int fd = memfd_create("nvmetap-doorbells", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0)
    return -errno;
  void *page = MAP_FAILED;
  if (ftruncate(fd, NVT_BAR0_DOORBELLS + NVT_BAR0_DOORBELLS_SIZE) == 0 &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
    page = mmap(NULL, NVT_BAR0_DOORBELLS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                NVT_BAR0_DOORBELLS);
  if (page == MAP_FAILED) {
    int error = -errno;
    close(fd);
    return error;
  }
  nvt_controller_share_doorbells(s->device, page);
  release(s);
  s->doorbell_fd = fd;
  s->doorbells = page;
  return 0;
}

void nvt_vfio_unshare_doorbells(struct nvt_vfio_session *s) {
  if (s->doorbell_fd >= 0)
    nvt_controller_share_doorbells(s->device, NULL);
  release(s);
}

int nvt_vfio_get_region_info(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                             struct nvt_vfio_reply *r) {
  struct nvt_vfio_region_info info;
  memcpy(&info, m->data, sizeof info);
  uint32_t room = info.argsz;
  if (room < sizeof info || info.index >= NVT_VFIO_REGIONS)
    return -EINVAL;
  info = (struct nvt_vfio_region_info){
      .argsz = sizeof info, .index = info.index, .size = region_size(info.index)};
  if (info.size)
    info.flags = NVT_VFIO_REGION_READABLE | NVT_VFIO_REGION_WRITABLE;
  r->length = sizeof info;
  struct {
    struct nvt_vfio_sparse sparse;
    struct nvt_vfio_area area;
  } cap = {.sparse = {.cap = {.id = NVT_VFIO_CAP_SPARSE_MMAP, .version = 1}, .areas = 1},
           .area = {NVT_BAR0_DOORBELLS, NVT_BAR0_DOORBELLS_SIZE}};
  if (info.index == REGION_BAR0 && s->doorbell_fd >= 0 && s->caps.max_msg_fds) {
    info.flags |= NVT_VFIO_REGION_MMAP | NVT_VFIO_REGION_CAPS;
    info.argsz = sizeof info + sizeof cap;
    info.cap_offset = sizeof info;
    r->fd = s->doorbell_fd;
    if (room >= info.argsz) {
      memcpy(r->data + sizeof info, &cap, sizeof cap);
      r->length += sizeof cap;
    }
  }
  memcpy(r->data, &info, sizeof info);
  return 0;
}

/* No eventfd stands for a part of a region: none are listed. */
int nvt_vfio_get_region_io_fds(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                               struct nvt_vfio_reply *r) {
  (void)s;
  struct nvt_vfio_region_io_fds fds;
  memcpy(&fds, m->data, sizeof fds);
  if (fds.argsz < sizeof fds || fds.flags || fds.count || fds.index >= NVT_VFIO_REGIONS)
    return -EINVAL;
  fds.argsz = sizeof fds;
  memcpy(r->data, &fds, sizeof fds);
  r->length = sizeof fds;
  return 0;
}

static int check(const struct nvt_vfio_session *s, const struct nvt_vfio_access *a) {
  uint64_t size = region_size(a->region);
  if (!a->count || a->count > s->caps.max_data_xfer_size || a->offset > size ||
      a->count > size - a->offset)
    return -EINVAL;
  return 0;
}

int nvt_vfio_region_read(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                         struct nvt_vfio_reply *r) {
  struct nvt_vfio_access a;
  memcpy(&a, m->data, sizeof a);
  int error = check(s, &a);
  if (error)
    return error;
  memcpy(r->data, &a, sizeof a);
  r->length = sizeof a + a.count;
  uint8_t *data = r->data + sizeof a;
  return a.region == REGION_BAR0 ? nvt_controller_bar0_read(s->device, a.offset, data, a.count)
                                 : nvt_controller_config_read(s->device, a.offset, data, a.count);
}

static int write_one(struct nvt_vfio_session *s, const struct nvt_vfio_access *a,
                     const uint8_t *data) {
  int error = check(s, a);
  if (error)
    return error;
  if (a->region == REGION_CONFIG)
    return nvt_controller_config_write(s->device, a->offset, data, a->count);
  /* Where doorbells are shared the page is what counts, also for a client that
   * doesn't map it. */
  if (s->doorbells && a->count == sizeof(uint32_t) && a->offset % sizeof(uint32_t) == 0 &&
      a->offset >= NVT_BAR0_DOORBELLS && a->offset < NVT_BAR0_DOORBELLS + NVT_BAR0_DOORBELLS_SIZE) {
    uint32_t value;
    memcpy(&value, data, sizeof value);
    __atomic_store_n(&s->doorbells[(a->offset - NVT_BAR0_DOORBELLS) / sizeof value], value,
                     __ATOMIC_RELEASE);
    return 0;
  }
  return nvt_controller_bar0_write(s->device, a->offset, data, a->count);
}

int nvt_vfio_region_write(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                          struct nvt_vfio_reply *r) {
  struct nvt_vfio_access a;
  memcpy(&a, m->data, sizeof a);
  if (m->length - sizeof a != a.count)
    return -EINVAL;
  int error = write_one(s, &a, m->data + sizeof a);
  memcpy(r->data, &a, sizeof a);
  r->length = sizeof a;
  return error;
}

int nvt_vfio_region_write_multi(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                                struct nvt_vfio_reply *r) {
  struct nvt_vfio_write_multi multi;
  struct nvt_vfio_small_write w;
  memcpy(&multi, m->data, sizeof multi);
  if (!s->caps.write_multiple)
    return -ENOTSUP;
  if ((m->length - sizeof multi) % sizeof w || multi.count != (m->length - sizeof multi) / sizeof w)
    return -EINVAL;
  int error = 0;
  for (uint64_t i = 0; i < multi.count && !error; i++) {
    memcpy(&w, m->data + sizeof multi + i * sizeof w, sizeof w);
    struct nvt_vfio_access a = {.offset = w.offset, .region = w.region, .count = w.count};
    error = w.count > sizeof w.data ? -EINVAL : write_one(s, &a, w.data);
  }
  memcpy(r->data, &multi, sizeof multi);
  r->length = sizeof multi;
  return error;
}
