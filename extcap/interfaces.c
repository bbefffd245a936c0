/* SPDX-License-Identifier: BSD-2-Clause */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/client.h"
#include "extcap/extcap_int.h"

/* For what is only shown: a recorder that is held up must not hold up Wireshark's start. */
#define PATIENCE_MS 500

/* The socket's file name without ".ctl", of which only what is safe in a name is kept. */
static void name_of(const char *path, char name[EXTCAP_NAME]) {
  const char *slash = strrchr(path, '/');
  const char *from = slash == NULL ? path : slash + 1;
  size_t length = strlen(from);
  if (length > 4 && strcmp(from + length - 4, ".ctl") == 0)
    length -= 4;
  (void)snprintf(name, EXTCAP_NAME, EXTCAP_GENERIC "-%.*s", (int)(length < 40 ? length : 40), from);
  for (char *at = name; *at != '\0'; at++)
    if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *at) == NULL)
      *at = '_';
}

void extcap_find(struct extcap_interfaces *out) {
  static struct nvt_runtime_list list;
  nvt_runtime_find(&list);
  out->count = 0;
  for (unsigned i = 0; i < list.count; i++) {
    char name[EXTCAP_NAME], plain[EXTCAP_NAME];
    name_of(list.paths[i], plain);
    memcpy(name, plain, sizeof(name));
    for (unsigned n = 2; extcap_socket_of(out, name) != NULL; n++)
      (void)snprintf(name, sizeof(name), "%.50s-%u", plain, n);
    memcpy(out->each[out->count].name, name, sizeof(name));
    memcpy(out->each[out->count++].socket, list.paths[i], sizeof(list.paths[i]));
  }
}

const char *extcap_socket_of(const struct extcap_interfaces *interfaces, const char *name) {
  for (unsigned i = 0; i < interfaces->count; i++)
    if (strcmp(interfaces->each[i].name, name) == 0)
      return interfaces->each[i].socket;
  return NULL;
}

static const char *text_in(struct json_object *from, const char *object, const char *name) {
  struct json_object *inner, *value;
  return json_object_object_get_ex(from, object, &inner) &&
                 json_object_object_get_ex(inner, name, &value) && value != NULL
             ? json_object_get_string(value)
             : "";
}

/* In a sentence of key-value pairs in braces. */
static void print_safe(const char *text) {
  for (; *text != '\0'; text++)
    putchar((unsigned char)*text < 0x20 || strchr("{}\x7f", *text) != NULL ? '_' : *text);
}

/* "NVMe recorder: SERIAL, pid N (TRACE)". False: nobody is there. */
static bool print_interface(const char *name, const char *socket) {
  struct nvt_client *client;
  if (nvt_client_connect(socket, PATIENCE_MS, &client) != 0)
    return false;
  nvt_client_send(client, "{\"command\":\"status\"}", -1);
  char *line = nvt_client_receive(client);
  struct json_object *status = line == NULL ? NULL : json_tokener_parse(line);
  const char *serial = text_in(status, "controller", "serial");
  const char *trace = text_in(status, "trace", "file");
  printf("interface {value=%s}{display=NVMe recorder: ", name);
  print_safe(serial);
  printf("%spid %ld", serial[0] == '\0' ? "" : ", ", (long)nvt_client_peer(client));
  if (trace[0] != '\0') {
    fputs(" (", stdout);
    print_safe(trace);
    putchar(')');
  }
  puts("}");
  json_object_put(status);
  free(line);
  nvt_client_close(client);
  return true;
}

void extcap_print_interfaces(void) {
  static struct extcap_interfaces interfaces;
  extcap_find(&interfaces);
  puts("extcap {version=1.0}{display=nvmetap: NVMe recorders that run}");
  for (unsigned i = 0; i < interfaces.count; i++)
    (void)print_interface(interfaces.each[i].name, interfaces.each[i].socket);
  puts("interface {value=" EXTCAP_GENERIC "}{display=NVMe recorder at a control socket}");
}
