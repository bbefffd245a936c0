/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of nvmetap-extcap. */
#ifndef NVT_EXTCAP_EXTCAP_INT_H
#define NVT_EXTCAP_EXTCAP_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "control/runtime.h"

#define EXTCAP_GENERIC "nvmetap" /* the interface whose recorder is named by --socket */
#define EXTCAP_NAME 64u          /* bytes of an interface's name, with its zero byte */

struct extcap_options {
  bool interfaces, dlts, config, capture;
  const char *interface, *fifo, *capture_filter, *socket;
  const char *data, *data_bytes, *records, *queues, *opcodes, *nsid, *blocks, *slower, *ring;
  bool errors, metadata;
};

struct extcap_interfaces {
  unsigned count;
  struct {
    char name[EXTCAP_NAME];
    char socket[NVT_RUNTIME_PATH];
  } each[NVT_RUNTIME_SOCKETS];
};

/* interfaces.c: the recorders that are there, and what Wireshark is told of them. */
void extcap_find(struct extcap_interfaces *);
void extcap_print_interfaces(void);
/* The socket of an interface; NULL: there is none of that name (any more). */
const char *extcap_socket_of(const struct extcap_interfaces *, const char *name);
/* config.c: the options that Wireshark asks for. */
void extcap_print_config(const char *interface);
/* The filter in the recorder's words. False with a reason in why. */
bool extcap_filter(const struct extcap_options *, char *text, size_t size, char *why,
                   size_t whylen);

#endif
