/* SPDX-License-Identifier: BSD-2-Clause */
/* Which controllers of several files are one: parts of one recording, as rotation and `nvmetap cut`
 * make them. */
#include <errno.h>
#include <stdlib.h>

#include "edit/merge_int.h"

#define IDS 65536u

/* In one recording, time and sequence numbers rise together. */
static bool in_order(const struct nvt_merge_member *a, const struct nvt_merge_member *b) {
  if (a->first_seq == b->first_seq || a->last_seq == b->last_seq)
    return a->first_seq == b->first_seq ? a->first_ns == b->first_ns : a->last_ns == b->last_ns;
  if (a->first_seq > b->first_seq)
    return in_order(b, a);
  /* a begins first: where b begins within it, it does so in time, too. */
  bool meets = b->first_seq <= a->last_seq;
  return a->first_ns <= b->first_ns &&
         (meets ? b->first_ns <= a->last_ns : b->first_ns >= a->last_ns);
}

static bool same_recording(const struct nvt_merge_member *a, const struct nvt_merge_member *b) {
  bool alike = a->identity == 0 || b->identity == 0 || a->identity == b->identity;
  if (a->id != b->id || a->pci_address != b->pci_address || !alike)
    return false;
  return !a->ordinary || !b->ordinary || in_order(a, b);
}

/* With all its members. */
static bool belongs(const struct nvt_merge *merge, size_t upto, size_t recording,
                    const struct nvt_merge_member *member) {
  for (size_t i = 0; i < upto; i++) {
    const struct nvt_merge_member *other = nvt_merge_member(&merge->inputs[i], member->id);
    if (other != NULL && other->recording == recording && !same_recording(other, member))
      return false;
  }
  return true;
}

static int add_recording(struct nvt_merge *merge, uint16_t id, size_t *head) {
  if (merge->recording_count == IDS)
    return -ENOSPC;
  struct nvt_merge_recording *bigger =
      reallocarray(merge->recordings, merge->recording_count + 1, sizeof(*bigger));
  if (bigger == NULL)
    return -ENOMEM;
  merge->recordings = bigger;
  bigger[merge->recording_count++] = (struct nvt_merge_recording){.in = id, .next = *head};
  *head = merge->recording_count;
  return 0;
}

/* `head`: the last recording of that number so far, plus one; 0: there is none. */
static int match_member(struct nvt_merge *merge, size_t input, struct nvt_merge_member *member,
                        size_t *head) {
  size_t at = *head;
  while (at != 0 && !belongs(merge, input, at - 1, member))
    at = merge->recordings[at - 1].next;
  int error = at == 0 ? add_recording(merge, member->id, head) : 0;
  member->recording = at != 0 ? at - 1 : merge->recording_count - 1;
  return error;
}

/* The first of each number keeps it; others get the lowest that nobody has. */
static int number(struct nvt_merge *merge) {
  bool *taken = calloc(IDS, sizeof(*taken));
  bool *kept = calloc(merge->recording_count + 1, sizeof(*kept));
  if (taken == NULL || kept == NULL) {
    free(taken);
    free(kept);
    return -ENOMEM;
  }
  for (size_t i = 0; i < merge->recording_count; i++) {
    struct nvt_merge_recording *recording = &merge->recordings[i];
    kept[i] = !taken[recording->in];
    recording->out = recording->in;
    taken[recording->in] = true;
  }
  uint32_t next = 0;
  for (size_t i = 0; i < merge->recording_count; i++) {
    if (kept[i])
      continue;
    while (taken[next])
      next++;
    taken[next] = true;
    merge->recordings[i].out = (uint16_t)next;
  }
  free(taken);
  free(kept);
  return 0;
}

int nvt_merge_match(struct nvt_merge *merge) {
  size_t *heads = calloc(IDS, sizeof(*heads));
  int error = heads != NULL ? 0 : -ENOMEM;
  for (size_t i = 0; error == 0 && i < merge->count; i++)
    for (size_t m = 0; error == 0 && m < merge->inputs[i].count; m++) {
      struct nvt_merge_member *member = &merge->inputs[i].members[m];
      error = match_member(merge, i, member, &heads[member->id]);
    }
  free(heads);
  return error != 0 ? error : number(merge);
}
