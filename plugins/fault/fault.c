/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fault plug-in: does to a controller what its rules say. docs/faults.md describes it.
 *
 *     --plugin fault,RULES.json      --plugin 'fault,{"rules": […]}'
 */
#include <errno.h>
#include <string.h>

#include "plugins/fault/fault_int.h"

#define EXPORTED __attribute__((visibility("default")))

struct fault_plugin fault;

struct fault_device *fault_device(uint32_t bdf) {
  for (unsigned i = 0; i < FAULT_DEVICES; i++) {
    struct fault_device *device = &fault.devices[i];
    if (!device->used)
      *device = (struct fault_device){.bdf = bdf, .used = true};
    if (device->bdf == bdf)
      return device;
  }
  return NULL;
}

void fault_failed(unsigned rule_number) {
  for (unsigned i = 0; i < fault.set.count; i++)
    if (fault.set.rules[i].number == rule_number)
      fault.set.rules[i].failed++;
}

/* The rules have changed. */
static bool update(void) {
  bool made = fault_index_make(&fault.index, &fault.set);
  return fault_taps_update() && made;
}

static void end(void) {
  fault_later_free();
  fault_index_free(&fault.index);
  fault_marks_free(&fault.marks);
  fault_rules_free(&fault.set);
}

EXPORTED int setup(void) {
  const char *args = plugin_args();
  char why[600] = "";
  fault = (struct fault_plugin){.self = plugin_self()};
  const char *text = args + strspn(args, " \t\n");
  bool good = *text == '\0' /* rules come by control() */
              || (*text == '{' ? fault_rules_parse(&fault.set, args, strlen(args), why, sizeof(why))
                               : fault_rules_read(&fault.set, args, why, sizeof(why)));
  if (!good) {
    fprintf(stderr, "nvmetap: plug-in fault: %s\n", why);
    end();
    return -EINVAL;
  }
  if (!update()) {
    fprintf(stderr, "nvmetap: plug-in fault: it can't attach to its taps\n");
    end();
    return -ENOMEM;
  }
  return 0;
}

EXPORTED int teardown(void) {
  end();
  return 0;
}

static int say(char *answer, size_t length, int error, const char *text) {
  if (length > 0)
    (void)snprintf(answer, length, "%s", text);
  return error;
}

static int add(const char *text, char *answer, size_t length) {
  char why[600] = "";
  if (!fault_rule_parse(&fault.set, text, strlen(text), why, sizeof(why))) {
    /* What was there may have moved. */
    (void)update();
    return say(answer, length, -EINVAL, why);
  }
  if (!update())
    return say(answer, length, -ENOMEM, "out of memory");
  (void)snprintf(why, sizeof(why), "rule %u", fault.set.last_number);
  return say(answer, length, 0, why);
}

static int list(const char *from, char *answer, size_t length) {
  unsigned long first = 0;
  char *rest = NULL;
  if (*from != '\0') {
    first = strtoul(from, &rest, 10);
    if (*from < '0' || *from > '9' || *rest != '\0' || first > FAULT_RULES_MAX)
      return say(answer, length, -EINVAL,
                 "list is followed by nothing, or by a number of rules "
                 "to leave out");
  }
  fault_rules_list(&fault.set, (unsigned)first, answer, length);
  return 0;
}

static int clear(char *answer, size_t length) {
  fault_rules_free(&fault.set);
  fault_marks_free(&fault.marks);
  for (unsigned i = 0; i < FAULT_DEVICES; i++) {
    struct fault_device *device = &fault.devices[i];
    if (device->stuck && device->stuck_timer != 0)
      (void)plugin_timer_stop(device->stuck_timer);
    device->stuck = false;
    device->lost_count = 0;
  }
  return update() ? say(answer, length, 0, "no rules") : say(answer, length, -ENOMEM, "taps");
}

/* "add {rule}", "list", "list N", "clear". */
EXPORTED int control(const char *text, char *answer, size_t length) {
  size_t word = strcspn(text, " \t\n");
  const char *rest = text + word + strspn(text + word, " \t\n");
  if (word == 3 && memcmp(text, "add", word) == 0)
    return add(rest, answer, length);
  if (word == 4 && memcmp(text, "list", word) == 0)
    return list(rest, answer, length);
  if (word == 5 && memcmp(text, "clear", word) == 0 && *rest == '\0')
    return clear(answer, length);
  return say(answer, length, -EINVAL,
             "it is 'add {\"match\": {…}, \"action\": {…}}', 'list', 'list N' or 'clear'");
}
