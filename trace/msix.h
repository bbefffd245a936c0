/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A controller's MSI-X as a trace shows it: whether it is enabled, which vectors are masked and
 * which are pending (PCI Express Base 6.0, sections 7.7.2 and 6.1.4). Uses nothing but nvme/ and
 * libc; takes any records.
 */
#ifndef NVT_TRACE_MSIX_H
#define NVT_TRACE_MSIX_H

#include "trace/config_space.h"

#define NVT_MSIX_VECTORS 2048u /* the most that a function has */
#define NVT_MSIX_WORDS (NVT_MSIX_VECTORS / 32)

struct nvt_msix_word { /* 32 vectors, a bit each; of those that aren't known 0 */
  uint32_t known;      /* whether they are masked */
  uint32_t masked;
  uint32_t pending;
};
struct nvt_msix { /* all zero: nothing is known */
  bool control_known;
  bool enabled;
  bool function_masked; /* all vectors are */
  uint16_t words_used;  /* words from here on are 0 */
  uint32_t changes;     /* another number after each change; may wrap */
  struct nvt_msix_word words[NVT_MSIX_WORDS];
};

/* Whether a record says anything of it: others cost no more than this question. */
bool nvt_msix_concerns(const struct nvt_record *);
/* The configuration space is the controller's, as far as it is known; NULL: nothing is.
 * A vector is masked as its table entry was last read or written; pending from a read of the
 * pending bits, or a message held back by its mask, until the message is sent or the controller
 * reset. Resets that reach configuration space disable MSI-X, and the masks aren't known then. */
void nvt_msix_record(struct nvt_msix *, const struct nvt_config_space *, const struct nvt_record *);
/* Nothing is known any longer. */
void nvt_msix_forget(struct nvt_msix *);

#endif
