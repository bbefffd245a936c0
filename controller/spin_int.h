/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NVT_CONTROLLER_SPIN_INT_H
#define NVT_CONTROLLER_SPIN_INT_H

/* Tell the processor that this is a loop that waits for memory to change. */
static inline void nvt_spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield" ::: "memory");
#else
  __asm__ volatile("" ::: "memory");
#endif
}

#endif
