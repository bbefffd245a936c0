/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads beside the main one, whose all signals are. */
#ifndef NVT_CONTROLLER_THREAD_H
#define NVT_CONTROLLER_THREAD_H

#include <pthread.h>

/* A thread in which every signal is blocked. 0 or -errno. */
int nvt_thread_start(pthread_t *out, void *(*run)(void *), void *arg);

#endif
