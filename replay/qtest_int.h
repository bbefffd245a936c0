/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's own NVMe device, driven by the qtest protocol: no processor runs, we read and write its
 * ports and memory. QEMU's documentation, "QTest Device Emulation Testing Framework", has the
 * protocol: a line is asked, a line is answered.
 */
#ifndef NVT_REPLAY_QTEST_INT_H
#define NVT_REPLAY_QTEST_INT_H

#include "controller/driver/driver.h"
#include "trace/meta.h"

struct nvt_qtest_options {
  const char *program;            /* of QEMU */
  const struct nvt_meta *details; /* what the device is to be like; borrowed until it is open */
  uint32_t vectors;
};

/* Starts it. 0 or -errno, with a message for a person in why. close() ends it. */
int nvt_qtest_open(const struct nvt_qtest_options *, struct nvt_transport **out, char *why,
                   size_t whylen);
/* Put bytes onto the medium of a namespace. 0, -ENOENT, -EINVAL (beyond its end), -EIO. */
int nvt_qtest_preload(struct nvt_transport *, uint32_t nsid, uint64_t offset, const void *bytes,
                      size_t len);

/* qtest_link.c: the connection. */
struct nvt_qtest_link {
  int fd; /* -1: dead */
  size_t have;
  char line[512];
};
/* Ask, as printf() does, and wait for the answer: *value, if not NULL, is its number. 0 or -errno.
 */
int nvt_qtest_ask(struct nvt_qtest_link *, uint64_t *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
