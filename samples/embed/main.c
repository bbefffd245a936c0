/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * toy TRACE [DEVICES [COUNT]]: so many toy devices, each with a host in a thread of its own, write
 * and read COUNT times, all recorded in one trace. Exit status 0: all went well, and nothing was
 * lost.
 */
#include "device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEVICES_MAX = 16, MEMORY = 1 << 20 };

struct machine {
  struct device device;
  unsigned count;
  bool good;
};

static void *run(void *arg) {
  struct machine *m = arg;
  m->good = host_run(&m->device, m->count);
  return NULL;
}

int main(int argc, char **argv) {
  static struct machine machines[DEVICES_MAX];
  pthread_t threads[DEVICES_MAX];
  unsigned devices = argc > 2 ? (unsigned)atoi(argv[2]) : 1,
           count = argc > 3 ? (unsigned)atoi(argv[3]) : 100;
  struct nvmetap_options options = {.size = sizeof(options),
                                    .recorder = "toy 1.0",
                                    .crash_safe = true,
                                    .data = NVMETAP_DATA_FULL,
                                    .threads = devices};
  struct nvmetap_recorder *recorder = NULL;
  struct nvmetap_counts counts;
  int bad = 0;
  if (argc < 2 || devices < 1 || devices > DEVICES_MAX) {
    fprintf(stderr, "usage: toy TRACE [DEVICES [COUNT]]\n");
    return 2;
  }
  if (nvmetap_create(argv[1], &options, &recorder) != 0) {
    fprintf(stderr, "toy: %s\n", nvmetap_error());
    return 2;
  }
  for (unsigned i = 0; i < devices; i++) {
    struct machine *m = &machines[i];
    m->count = count;
    m->device.memory_size = MEMORY;
    m->device.memory = calloc(1, MEMORY);
    m->device.medium = calloc(BLOCKS, BLOCK);
    if (m->device.memory == NULL || m->device.medium == NULL ||
        device_trace(&m->device, recorder, (uint16_t)i) != 0 ||
        pthread_create(&threads[i], NULL, run, m) != 0) {
      fprintf(stderr, "toy: device %u: %s\n", i, nvmetap_error());
      return 2;
    }
  }
  for (unsigned i = 0; i < devices; i++) {
    pthread_join(threads[i], NULL);
    bad |= !machines[i].good;
    free(machines[i].device.memory);
    free(machines[i].device.medium);
  }
  if (nvmetap_close(recorder, &counts) != 0) {
    fprintf(stderr, "toy: %s\n", nvmetap_error());
    return 1;
  }
  printf("%llu records, %llu lost\n", (unsigned long long)counts.records,
         (unsigned long long)counts.lost);
  return bad != 0 || counts.lost != 0 ? 1 : 0;
}
