/* SPDX-License-Identifier: BSD-2-Clause */
/* A person's own table of commands: any bytes are a table or are refused. */
#include <stdint.h>

#include "trace/text.h"
#include "trace/vendor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct nvt_vendor *vendor;
  char why[512], line[512];
  if (!nvt_vendor_parse("fuzz", (const char *)data, size, &vendor, why, sizeof(why)))
    return 0;
  nvt_vendor_use(nvt_vendor_table(vendor));
  for (unsigned set = 0; set < NVT_SET_COUNT; set++)
    for (unsigned opcode = 0; opcode < 256; opcode++) {
      const struct nvt_sqe sqe = {.opcode = (uint8_t)opcode, .cdw10 = ~0u, .cdw15 = ~0u};
      const struct nvt_cqe cqe = {.dw0 = ~0u, .dw1 = 1};
      struct nvt_text text;
      nvt_text_init(&text, line, sizeof(line));
      nvt_text_command(&text, (enum nvt_opcode_set)set, 1, &sqe);
      nvt_text_result(&text, (enum nvt_opcode_set)set, (uint8_t)opcode, &sqe, &cqe);
    }
  nvt_vendor_free(vendor);
  return 0;
}
