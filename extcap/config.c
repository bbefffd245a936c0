/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "control/filter.h"
#include "extcap/extcap_int.h"

static const char config[] =
    "arg {number=0}{call=--data}{display=Data of the commands}{type=selector}"
    "{tooltip=How much of what commands carry is recorded}{group=Data}\n"
    "value {arg=0}{value=none}{display=None}{default=true}\n"
    "value {arg=0}{value=head}{display=The first bytes of each command}{default=false}\n"
    "value {arg=0}{value=full}{display=All}{default=false}\n"
    "value {arg=0}{value=dedup}{display=All, repeated pages once}{default=false}\n"
    "value {arg=0}{value=crc}{display=A checksum of each block}{default=false}\n"
    "arg {number=1}{call=--data-bytes}{display=The first bytes: how many}{type=unsigned}"
    "{range=1,4294967295}{default=512}{tooltip=Where the first bytes of each command are "
    "recorded}{group=Data}\n"
    "arg {number=2}{call=--records}{display=Records}{type=selector}"
    "{tooltip=What is recorded beside commands and completions}{group=Filter}\n"
    "value {arg=2}{value=all}{display=All}{default=true}\n"
    "value {arg=2}{value=no-doorbells}{display=No doorbells}{default=false}\n"
    "value {arg=2}{value=commands}{display=No doorbells and no interrupts}{default=false}\n"
    "value {arg=2}{value=doorbells}{display=Doorbells alone}{default=false}\n"
    "arg {number=3}{call=--queues}{display=Queues}{type=string}"
    "{validation=^(admin|io|[0-9]+([+][0-9]+)*)?$}{placeholder=all}"
    "{tooltip=admin, io, or queue identifiers with + between}{group=Filter}\n"
    "arg {number=4}{call=--opcodes}{display=Opcodes}{type=string}{placeholder=all}"
    "{tooltip=Numbers or the specification's names with + between, such as Read+Write}"
    "{group=Filter}\n"
    "arg {number=5}{call=--nsid}{display=Namespace}{type=string}"
    "{validation=^(0x[0-9a-fA-F]+|[0-9]+)?$}{placeholder=all}"
    "{tooltip=A namespace identifier}{group=Filter}\n"
    "arg {number=8}{call=--blocks}{display=Logical blocks}{type=string}"
    "{validation=^([0-9]+(-[0-9]+)?([+][0-9]+(-[0-9]+)?)*)?$}{placeholder=all}"
    "{tooltip=From-to, with + between: commands that work on one of them}{group=Filter}\n"
    "arg {number=9}{call=--slower}{display=Only commands slower than}{type=string}"
    "{validation=^([0-9]+(ns|us|ms|s))?$}{placeholder=500us}"
    "{tooltip=Without data: a command is recorded when it has ended}{group=Filter}\n"
    "arg {number=6}{call=--errors}{display=Only commands that fail}{type=boolflag}{default=false}"
    "{tooltip=Without data: a command is recorded when it has failed}{group=Filter}\n"
    "arg {number=10}{call=--metadata}{display=No lists of data either}{type=boolflag}"
    "{default=false}{tooltip=Neither PRP lists nor SGL segments}{group=Data}\n"
    "arg {number=7}{call=--ring}{display=Buffer in MiB}{type=unsigned}{range=1,1024}{default=8}"
    "{tooltip=Between the recorder and Wireshark: when it is full records are left out, and "
    "counted}{group=Data}\n";

void extcap_print_config(const char *interface) {
  fputs(config, stdout);
  if (strcmp(interface, EXTCAP_GENERIC) == 0)
    puts("arg {number=11}{call=--socket}{display=Control socket}{type=string}{required=true}"
         "{placeholder=/path/to/socket}{tooltip=As nvmetap record --control PATH says}"
         "{group=Data}");
}

static bool add(char *text, size_t size, const char *key, const char *value) {
  size_t used = strlen(text);
  int length = snprintf(text + used, size - used, "%s%s%s", used > 0 ? "," : "", key, value);
  return length >= 0 && (size_t)length < size - used;
}

static bool given(const char *text) {
  return text != NULL && text[0] != '\0';
}

bool extcap_filter(const struct extcap_options *o, char *text, size_t size, char *why,
                   size_t whylen) {
  bool fits = true,
       word = given(o->queues) && (strcmp(o->queues, "admin") == 0 || strcmp(o->queues, "io") == 0);
  text[0] = '\0';
  if (given(o->capture_filter))
    fits &= add(text, size, "", o->capture_filter);
  if (given(o->records) && strcmp(o->records, "all") != 0)
    fits &= add(text, size, "", o->records);
  if (given(o->queues))
    fits &= add(text, size, word ? "" : "queue=", o->queues);
  if (given(o->opcodes))
    fits &= add(text, size, "opcode=", o->opcodes);
  if (given(o->nsid))
    fits &= add(text, size, "nsid=", o->nsid);
  if (given(o->blocks))
    fits &= add(text, size, "lba=", o->blocks);
  if (given(o->slower))
    fits &= add(text, size, "slower=", o->slower);
  if (o->metadata)
    fits &= add(text, size, "", "metadata");
  if (o->errors)
    fits &= add(text, size, "", "errors");
  if (!fits) {
    (void)snprintf(why, whylen, "filter: more than %u characters", NVT_FILTER_TEXT);
    return false;
  }
  struct nvt_trace_filter ignored;
  return nvt_trace_filter_parse(text, &ignored, why, whylen);
}
