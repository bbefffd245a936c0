/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory that knows its content: what the host wrote, and nothing else but where a command
 * let the controller write. Windows are memfds, so that a target in another process has them,
 * and only pages that exist in them need be looked at.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nvme/sgl.h"
#include "replay/mutate_int.h"

#define PAGE 4096u
#define BUCKETS 4096u
#define WINDOWS 256u
#define LIST_ENTRIES 1024u /* of PRP lists and SGLs of a command that are followed */

struct page { /* one that the host wrote or the controller may write */
  struct page *next;
  uint64_t address;
  uint8_t bytes[PAGE];
  uint8_t allowed[PAGE / 8]; /* by byte */
};

struct window {
  uint64_t iova, len;
  struct nvt_memory_place place;
};

struct nvt_canary {
  struct nvt_memory *memory;
  struct window windows[WINDOWS];
  size_t count;
  struct page *pages[BUCKETS];
  bool broken; /* when memory was taken away */
  uint64_t where;
};

struct nvt_canary *nvt_canary_create(void) {
  struct nvt_canary *c = calloc(1, sizeof(*c));
  if (c != NULL && nvt_memory_create(true, &c->memory) == 0)
    return c;
  free(c);
  return NULL;
}

static void forget(struct nvt_canary *c, uint64_t first, uint64_t last) {
  for (unsigned i = 0; i < BUCKETS; i++)
    for (struct page **link = &c->pages[i]; *link != NULL;) {
      struct page *page = *link;
      if (page->address < first || page->address > last) {
        link = &page->next;
        continue;
      }
      *link = page->next;
      free(page);
    }
}

void nvt_canary_destroy(struct nvt_canary *c) {
  if (c == NULL)
    return;
  forget(c, 0, UINT64_MAX);
  nvt_memory_destroy(c->memory);
  free(c);
}

static struct page *page_at(const struct nvt_canary *c, uint64_t address) {
  uint64_t start = address & ~(uint64_t)(PAGE - 1);
  struct page *page = c->pages[start / PAGE % BUCKETS];
  while (page != NULL && page->address != start)
    page = page->next;
  return page;
}

static struct page *page_for(struct nvt_canary *c, uint64_t address) {
  struct page *page = page_at(c, address);
  if (page != NULL || (page = calloc(1, sizeof(*page))) == NULL)
    return page;
  page->address = address & ~(uint64_t)(PAGE - 1);
  page->next = c->pages[address / PAGE % BUCKETS];
  c->pages[address / PAGE % BUCKETS] = page;
  return page;
}

static const struct window *window_at(const struct nvt_canary *c, uint64_t iova) {
  for (size_t i = 0; i < c->count; i++)
    if (iova >= c->windows[i].iova && iova - c->windows[i].iova < c->windows[i].len)
      return &c->windows[i];
  return NULL;
}

bool nvt_canary_has(const struct nvt_canary *c, uint64_t iova) {
  return window_at(c, iova) != NULL;
}

int nvt_canary_map(struct nvt_canary *c, uint64_t iova, uint64_t len,
                   struct nvt_memory_place *out) {
  if (c->count == WINDOWS)
    return -1;
  int failed = nvt_memory_map(c->memory, iova, len, out);
  if (failed == 0)
    c->windows[c->count++] = (struct window){iova, len, *out};
  return failed;
}

/* --- host --- */

bool nvt_canary_write(struct nvt_canary *c, uint64_t iova, const void *bytes, size_t len) {
  const uint8_t *from = bytes;
  for (size_t done = 0; done < len;) {
    uint64_t at = iova + done;
    size_t offset = at % PAGE, here = PAGE - offset < len - done ? PAGE - offset : len - done;
    struct page *page = window_at(c, at) != NULL ? page_for(c, at) : NULL;
    if (page == NULL || !nvt_memory_write(c->memory, at, from + done, here))
      return false;
    memcpy(page->bytes + offset, from + done, here);
    done += here;
  }
  return true;
}

bool nvt_canary_read(const struct nvt_canary *c, uint64_t iova, void *bytes, size_t len) {
  const struct window *w = window_at(c, iova);
  if (w == NULL || w->len - (iova - w->iova) < len)
    return false;
  memcpy(bytes, (const uint8_t *)w->place.host + (iova - w->iova), len);
  return true;
}

/* --- controller --- */

void nvt_canary_allow(struct nvt_canary *c, uint64_t iova, uint64_t len) {
  for (uint64_t done = 0; done < len;) {
    uint64_t at = iova + done, offset = at % PAGE;
    uint64_t here = PAGE - offset < len - done ? PAGE - offset : len - done;
    struct page *page = window_at(c, at) != NULL ? page_for(c, at) : NULL;
    if (page == NULL)
      return; /* isn't memory: neither is what comes after it, of any command that works */
    if (here == PAGE)
      memset(page->allowed, 0xff, sizeof(page->allowed));
    for (uint64_t i = offset; i < offset + here && here < PAGE; i++)
      page->allowed[i / 8] |= (uint8_t)(1u << i % 8);
    done += here;
  }
}

static bool is_allowed(const struct page *page, uint64_t offset) {
  return page != NULL && (page->allowed[offset / 8] & 1u << offset % 8) != 0;
}

bool nvt_canary_allows(const struct nvt_canary *c, uint64_t iova, uint64_t len) {
  for (uint64_t i = 0; i < len; i++)
    if (!is_allowed(page_at(c, iova + i), (iova + i) % PAGE))
      return false;
  return true;
}

static bool page_broken(const struct nvt_canary *c, uint64_t address, const uint8_t *bytes,
                        size_t *where) {
  static const uint8_t zeroes[PAGE];
  const struct page *page = page_at(c, address);
  const uint8_t *expected = page != NULL ? page->bytes : zeroes;
  if (memcmp(bytes, expected, PAGE) == 0)
    return false;
  for (size_t i = 0; i < PAGE; i++)
    if (bytes[i] != expected[i] && !is_allowed(page, i)) {
      *where = i;
      return true;
    }
  return false;
}

static bool window_broken(const struct nvt_canary *c, const struct window *w, uint64_t *where) {
  const uint8_t *host = w->place.host;
  off_t at = 0, end;
  /* A window that isn't of whole pages is looked at as far as its pages are whole. */
  while ((at = lseek(w->place.fd, at, SEEK_DATA)) >= 0) {
    end = lseek(w->place.fd, at, SEEK_HOLE);
    for (at &= ~(off_t)(PAGE - 1); at < end; at += PAGE) {
      size_t offset;
      if (w->iova % PAGE != 0 || w->len - (uint64_t)at < PAGE)
        return false;
      if (page_broken(c, w->iova + (uint64_t)at, host + at, &offset)) {
        *where = w->iova + (uint64_t)at + offset;
        return true;
      }
    }
  }
  return false;
}

bool nvt_canary_broken(struct nvt_canary *c, uint64_t *where) {
  for (size_t i = 0; i < c->count && !c->broken; i++)
    c->broken = window_broken(c, &c->windows[i], &c->where);
  *where = c->where;
  return c->broken;
}

void nvt_canary_unmap(struct nvt_canary *c, uint64_t iova, uint64_t len) {
  if (len == 0)
    return;
  uint64_t end = iova > UINT64_MAX - (len - 1) ? UINT64_MAX : iova + (len - 1), where;
  (void)nvt_canary_broken(c, &where); /* the last moment to see it */
  size_t kept = 0;
  for (size_t i = 0; i < c->count; i++) {
    struct window w = c->windows[i];
    if (w.iova >= iova && w.iova + (w.len - 1) <= end)
      forget(c, w.iova, w.iova + (w.len - 1));
    else
      c->windows[kept++] = w;
  }
  c->count = kept;
  nvt_memory_unmap(c->memory, iova, len);
}

/* --- what a command names: Base 2.1, sections 4.3.1 and 4.3.2 --- */

/* More than it needs may be allowed: how long a transfer is isn't looked at, and what stands at
 * PRP2 is taken for a page and for a list both. */
static void allow_list(struct nvt_canary *c, uint64_t list, uint64_t page) {
  uint64_t entry, before = UINT64_MAX;
  for (unsigned i = 0; i < LIST_ENTRIES; i++) {
    if (!nvt_canary_read(c, list, &entry, sizeof(entry)))
      return;
    if (entry != before)
      nvt_canary_allow(c, entry & ~UINT64_C(3), page - (entry & ~UINT64_C(3)) % page);
    before = entry;
    list += sizeof(entry);
    if (list % page == 0) /* the last one may be the next list's address */
      list = entry & ~UINT64_C(7);
  }
}

static void allow_sgl(struct nvt_canary *c, const uint8_t bytes[static NVT_SGL_BYTES],
                      unsigned *left) {
  struct nvt_sgl sgl;
  nvt_sgl_parse(bytes, &sgl);
  if (!sgl.has_address || sgl.length == 0 || *left == 0)
    return;
  (*left)--;
  if (sgl.type != NVT_SGL_SEGMENT && sgl.type != NVT_SGL_LAST_SEGMENT) {
    nvt_canary_allow(c, sgl.address, sgl.length);
    return;
  }
  uint8_t next[NVT_SGL_BYTES];
  for (uint32_t at = 0; sgl.length - at >= NVT_SGL_BYTES && *left > 0; at += NVT_SGL_BYTES) {
    if (!nvt_canary_read(c, sgl.address + at, next, sizeof(next)))
      return;
    bool last = sgl.length - at < 2 * NVT_SGL_BYTES;
    uint8_t type = next[15] >> 4;
    if (last || (type != NVT_SGL_SEGMENT && type != NVT_SGL_LAST_SEGMENT))
      allow_sgl(c, next, left);
  }
}

void nvt_canary_allow_command(struct nvt_canary *c, uint16_t sqid, const struct nvt_sqe *sqe,
                              uint64_t page) {
  enum nvt_opcode_set set = nvt_set_of(sqid, sqe->opcode, NVT_SET_NVM);
  if (sqid == 0 && sqe->opcode == NVT_ADMIN_CREATE_IO_CQ && (sqe->cdw11 & 1) != 0) {
    nvt_canary_allow(c, sqe->prp1, UINT64_C(16) * ((sqe->cdw10 >> 16) + 1));
    return;
  }
  if (sqid == 0 && sqe->opcode == NVT_ADMIN_DOORBELL_BUFFER_CONFIG) {
    nvt_canary_allow(c, sqe->prp1, page);
    nvt_canary_allow(c, sqe->prp2, page);
    return;
  }
  if ((nvt_opcode_direction(set, nvt_command_code(set, sqe)) & NVT_DIRECTION_IN) == 0)
    return;
  if (NVT_SQE_PSDT(sqe->flags) != 0) {
    uint8_t sgl1[NVT_SGL_BYTES];
    unsigned left = LIST_ENTRIES;
    memcpy(sgl1, &sqe->prp1, 8);
    memcpy(sgl1 + 8, &sqe->prp2, 8);
    allow_sgl(c, sgl1, &left);
    return;
  }
  nvt_canary_allow(c, sqe->prp1, page - sqe->prp1 % page);
  nvt_canary_allow(c, sqe->prp2, page - sqe->prp2 % page);
  allow_list(c, sqe->prp2, page);
}
