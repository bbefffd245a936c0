/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/meta_numbers.h"

/* A page of a data record. In the ring of a controller they stand in the order of seq and offset:
 * a record with a lower number than the one before is a recorder's new start. */
struct page {
  uint64_t record;
  uint8_t bytes[NVT_PAGE_BYTES];
};
/* Apart from the pages: who looks for one touches no other. */
struct place {
  uint64_t seq;
  uint32_t offset;
};

struct ring {
  uint16_t controller;
  uint32_t room;       /* pages that may be referred to */
  uint32_t made;       /* slots that have memory */
  uint64_t first, end; /* page n is in slot n % room */
  struct page **slots;
  struct place *places; /* of the same slots */
};

struct nvt_pages {
  struct ring *rings; /* of controllers with such references */
  uint32_t count;
  uint8_t bytes[NVT_DIGEST_BYTES_MAX]; /* of the last answer */
};

int nvt_pages_create(struct nvt_pages **out) {
  *out = calloc(1, sizeof(**out));
  return *out != NULL ? 0 : -ENOMEM;
}

static void clear(struct ring *ring) {
  for (uint32_t i = 0; i < ring->made; i++)
    free(ring->slots[i]);
  free(ring->slots);
  free(ring->places);
  *ring = (struct ring){.controller = ring->controller};
}

void nvt_pages_destroy(struct nvt_pages *pages) {
  if (pages == NULL)
    return;
  for (uint32_t i = 0; i < pages->count; i++)
    clear(&pages->rings[i]);
  free(pages->rings);
  free(pages);
}

static struct ring *find(const struct nvt_pages *pages, uint16_t controller) {
  for (uint32_t i = 0; i < pages->count; i++)
    if (pages->rings[i].controller == controller)
      return &pages->rings[i];
  return NULL;
}

static struct ring *need(struct nvt_pages *pages, uint16_t controller) {
  struct ring *ring = find(pages, controller);
  if (ring != NULL || pages->count == NVT_PAGES_CONTROLLERS_MAX)
    return ring;
  struct ring *more = realloc(pages->rings, (pages->count + 1) * sizeof(*more));
  if (more == NULL)
    return NULL;
  pages->rings = more;
  more[pages->count] = (struct ring){.controller = controller};
  return &more[pages->count++];
}

static int begin(struct nvt_pages *pages, const struct nvt_record *meta) {
  uint64_t most = 0;
  size_t at = 0;
  if (!nvt_meta_number(meta, "\"dedup_pages\"", &at, &most))
    most = 0;
  struct ring *ring =
      most > 0 ? need(pages, meta->header.controller) : find(pages, meta->header.controller);
  if (ring == NULL)
    return 0;
  if (most > NVT_PAGES_MAX)
    most = NVT_PAGES_MAX;
  if (most != ring->room) {
    clear(ring);
    ring->slots = most > 0 ? calloc(most, sizeof(struct page *)) : NULL;
    ring->places = most > 0 ? calloc(most, sizeof(*ring->places)) : NULL;
    if (most > 0 && (ring->slots == NULL || ring->places == NULL))
      return -ENOMEM;
    ring->room = (uint32_t)most;
  }
  ring->first = ring->end = 0;
  return 0;
}

static int keep(struct ring *ring, const struct nvt_record *data) {
  for (uint32_t at = 0; data->tail_length - at >= NVT_PAGE_BYTES; at += NVT_PAGE_BYTES) {
    uint32_t slot = (uint32_t)(ring->end % ring->room);
    if (slot == ring->made) {
      ring->slots[slot] = malloc(sizeof(struct page));
      if (ring->slots[slot] == NULL)
        return -ENOMEM;
      ring->made++;
    }
    struct page *page = ring->slots[slot];
    ring->places[slot] = (struct place){.seq = data->header.seq, .offset = at};
    page->record = data->number;
    memcpy(page->bytes, data->tail + at, NVT_PAGE_BYTES);
    ring->end++;
    if (ring->end - ring->first > ring->room)
      ring->first++;
  }
  return 0;
}

int nvt_pages_record(struct nvt_pages *pages, const struct nvt_record *record) {
  if (record->header.type == NVT_REC_META)
    return begin(pages, record);
  if (record->header.type != NVT_REC_DATA || record->data.kind != NVT_V_data_kind_PAYLOAD ||
      record->tail_length < NVT_PAGE_BYTES || pages->count == 0)
    return 0;
  struct ring *ring = find(pages, record->header.controller);
  return ring != NULL && ring->room != 0 ? keep(ring, record) : 0;
}

/* Of two places, which is first. */
static int compare(const struct place *place, uint64_t seq, uint32_t offset) {
  if (place->seq != seq)
    return place->seq < seq ? -1 : 1;
  return place->offset < offset ? -1 : place->offset > offset;
}

static const struct page *look_up(const struct ring *ring, uint64_t seq, uint32_t offset) {
  if (ring->end == ring->first)
    return NULL;
  uint32_t base = (uint32_t)(ring->first % ring->room), low = 0,
           high = (uint32_t)(ring->end - ring->first);
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    uint32_t slot = middle < ring->room - base ? base + middle : middle - (ring->room - base);
    int order = compare(&ring->places[slot], seq, offset);
    if (order == 0)
      return ring->slots[slot];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

static void same(struct nvt_pages *pages, const struct nvt_record *record, struct nvt_known *out) {
  const struct nvt_rec_digest *digest = &record->digest;
  const struct ring *ring = find(pages, record->header.controller);
  if (ring == NULL || ring->room == 0 || digest->true_length % NVT_PAGE_BYTES != 0 ||
      digest->true_length > NVT_DIGEST_BYTES_MAX || digest->same_offset % NVT_PAGE_BYTES != 0 ||
      digest->same_offset > NVT_RECORD_MAX)
    return;
  for (uint32_t at = 0; at < digest->true_length; at += NVT_PAGE_BYTES) {
    const struct page *page = look_up(ring, digest->same_as, digest->same_offset + at);
    if (page == NULL)
      return;
    memcpy(pages->bytes + at, page->bytes, NVT_PAGE_BYTES);
    out->record = page->record;
  }
  out->bytes = digest->true_length > 0 ? pages->bytes : NULL;
}

static void fill(struct nvt_pages *pages, const struct nvt_rec_digest *digest,
                 struct nvt_known *out) {
  if (digest->true_length == 0 || digest->true_length > NVT_DIGEST_BYTES_MAX)
    return;
  uint32_t length = digest->true_length, done = sizeof(digest->fill);
  memcpy(pages->bytes, &digest->fill, length < done ? length : done);
  /* What is there once more behind it. */
  for (; done < length; done *= 2)
    memcpy(pages->bytes + done, pages->bytes, length - done < done ? length - done : done);
  out->bytes = pages->bytes;
}

void nvt_pages_known(struct nvt_pages *pages, const struct nvt_record *digest,
                     struct nvt_known *out) {
  *out = (struct nvt_known){0};
  if (digest->header.type != NVT_REC_DIGEST)
    return;
  if (digest->digest.algorithm == NVT_V_digest_algorithm_SAME)
    same(pages, digest, out);
  else if (digest->digest.algorithm == NVT_V_digest_algorithm_FILL)
    fill(pages, &digest->digest, out);
}

bool nvt_pages_as_data(struct nvt_pages *pages, const struct nvt_record *digest,
                       struct nvt_record *data) {
  struct nvt_known known;
  nvt_pages_known(pages, digest, &known);
  if (known.bytes == NULL)
    return false;
  nvt_record_digest_as_data(digest, data);
  data->data.captured_length = data->data.true_length;
  data->tail = known.bytes;
  data->tail_length = data->data.true_length;
  return true;
}
