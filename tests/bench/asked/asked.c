/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells at the end how often the controller asked whether somebody listens: mk/tap_off.mk. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

uint64_t nvt_taps_asked;

__attribute__((destructor)) static void tell(void) {
  fprintf(stderr, "asked %" PRIu64 "\n", nvt_taps_asked);
}
