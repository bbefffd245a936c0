/* SPDX-License-Identifier: BSD-2-Clause */
/* SGLs: what the specification names of each descriptor, lists that mean harm, and many shapes
 * against a model: Base 2.1, section 4.3.2. */
#include "controller/inject.h"
#include "nvme/sgl.h"
#include "tests/unit/host.h"

enum { BLOCK, BUCKET, SEGMENT, LAST }; /* as enum nvt_sgl_type */
#define DESCRIPTORS 1024u              /* docs/controller.md, "SGLs" */
#define SGL1 0xffffffffu

static void describe(void *to, unsigned type, unsigned subtype, uint64_t address, uint32_t length) {
  uint8_t bytes[16] = {0};
  memcpy(bytes, &address, 8);
  memcpy(bytes + 8, &length, 4);
  bytes[15] = (uint8_t)(type << 4 | subtype);
  memcpy(to, bytes, 16);
}

static struct nvt_sqe sgl_sqe(uint8_t opcode, uint64_t slba, uint32_t blocks, const uint8_t *sgl1) {
  struct nvt_sqe sqe = io_sqe(opcode, slba, blocks, 0, 0);
  sqe.flags = 1 << 6;
  memcpy(&sqe.prp1, sgl1, 8);
  memcpy(&sqe.prp2, sgl1 + 8, 8);
  return sqe;
}

static void open_sgl(struct host *h) {
  host_open_with(h, "ram:1M", (struct nvt_controller_options){.serial = "TEST", .sgl = true});
  msix_on(h);
  enable(h);
  create_pair(h, 1, 16);
}

static void claimed_where_it_is_asked_for(void **state) {
  (void)state;
  for (unsigned sgl = 0; sgl < 2; sgl++) {
    struct host h;
    struct nvt_id_controller id;
    host_open_with(&h, "ram:1M",
                   (struct nvt_controller_options){.serial = "TEST", .sgl = sgl != 0});
    enable(&h);
    create_pair(&h, 1, 16);
    assert_status(identify(&h, NVT_CNS_CONTROLLER, 0, &id), NVT_SC_SUCCESS);
    assert_int_equal(id.sgls, sgl != 0 ? 0x10001 : 0);
    uint8_t sgl1[16];
    describe(sgl1, BLOCK, 0, DATA_AT, 512);
    for (unsigned psdt = 0; psdt < 4; psdt++) {
      struct nvt_sqe sqe = sgl_sqe(NVT_NVM_READ, 0, 1, sgl1);
      sqe.flags = (uint8_t)(psdt << 6);
      bool good = psdt == 0 || (sgl != 0 && psdt != 3);
      assert_status(status_of(run(&h, 1, sqe)), good ? NVT_SC_SUCCESS : NVT_SC_INVALID_FIELD);
      /* Over PCIe an admin command's data is described by PRPs. */
      describe(sgl1, BLOCK, 0, DATA_AT, 4096);
      sqe = (struct nvt_sqe){
          .opcode = NVT_ADMIN_IDENTIFY, .cdw10 = NVT_CNS_CONTROLLER, .prp1 = DATA_AT};
      sqe.flags = (uint8_t)(psdt << 6);
      assert_status(admin(&h, sqe), psdt == 0 ? NVT_SC_SUCCESS : NVT_SC_INVALID_FIELD);
      describe(sgl1, BLOCK, 0, DATA_AT, 512);
    }
    host_close(&h);
  }
}

/* --- each thing that can be wrong; reads and writes of 512 bytes --- */

struct row {
  uint32_t at; /* bytes from LIST_AT, or SGL1 */
  unsigned type, subtype;
  uint64_t address;
  uint32_t length;
};

static const struct wrong {
  const char *what;
  struct row rows[5];
  nvt_status read, write;
} wrongs[] = {
#define S(x) NVT_SC_##x
#define OK S(SUCCESS)
#define BAD_SEGMENT S(INVALID_SGL_SEGMENT_DESCRIPTOR)
#define BAD_NUMBER S(INVALID_NUMBER_OF_SGL_DESCRIPTORS)
#define BAD_LENGTH S(DATA_SGL_LENGTH_INVALID)
#define BAD_TYPE S(SGL_DESCRIPTOR_TYPE_INVALID)
#define FAULT S(DATA_TRANSFER_ERROR)
    {"one block", {{SGL1, BLOCK, 0, DATA_AT, 512}}, OK, OK},
    {"a byte less", {{SGL1, BLOCK, 0, DATA_AT, 511}}, BAD_LENGTH, BAD_LENGTH},
    {"a byte more", {{SGL1, BLOCK, 0, DATA_AT, 513}}, BAD_LENGTH, BAD_LENGTH},
    {"nothing", {{SGL1, BLOCK, 0, DATA_AT, 0}}, BAD_LENGTH, BAD_LENGTH},
    {"4 GiB", {{SGL1, BLOCK, 0, DATA_AT, UINT32_MAX}}, BAD_LENGTH, BAD_LENGTH},
    {"any alignment", {{SGL1, BLOCK, 0, DATA_AT + 1, 512}}, OK, OK},
    {"an offset", {{SGL1, BLOCK, 1, DATA_AT, 512}}, BAD_TYPE, BAD_TYPE},
    {"a transport's subtype", {{SGL1, BLOCK, 10, DATA_AT, 512}}, BAD_TYPE, BAD_TYPE},
    {"a bucket alone", {{SGL1, BUCKET, 0, 0, 512}}, OK, BAD_LENGTH},
    {"a bucket with a subtype", {{SGL1, BUCKET, 1, 0, 512}}, BAD_TYPE, BAD_TYPE},
    {"a keyed block", {{SGL1, 4, 0, DATA_AT, 512}}, BAD_TYPE, BAD_TYPE},
    {"a keyed block to be invalidated", {{SGL1, 4, 15, DATA_AT, 512}}, BAD_TYPE, BAD_TYPE},
    {"a transport's block", {{SGL1, 5, 10, 0, 512}}, BAD_TYPE, BAD_TYPE},
    {"reserved 6", {{SGL1, 6, 0, DATA_AT, 512}}, BAD_TYPE, BAD_TYPE},
    {"reserved 14", {{SGL1, 14, 0, DATA_AT, 512}}, BAD_TYPE, BAD_TYPE},
    {"a vendor's", {{SGL1, 15, 0, DATA_AT, 512}}, BAD_TYPE, BAD_TYPE},
    {"not mapped", {{SGL1, BLOCK, 0, 0x8000, 512}}, FAULT, FAULT},
    {"the end of memory", {{SGL1, BLOCK, 0, ARENA_IOVA + ARENA - 512, 512}}, OK, OK},
    {"beyond it", {{SGL1, BLOCK, 0, ARENA_IOVA + ARENA - 511, 512}}, FAULT, FAULT},
    {"the end of all", {{SGL1, BLOCK, 0, UINT64_MAX - 511, 512}}, FAULT, FAULT},
    {"it wraps", {{SGL1, BLOCK, 0, UINT64_MAX - 510, 512}}, BAD_LENGTH, BAD_LENGTH},
    {"last segment, 0 bytes", {{SGL1, LAST, 0, LIST_AT, 0}}, BAD_SEGMENT, BAD_SEGMENT},
    {"15 bytes", {{SGL1, LAST, 0, LIST_AT, 15}}, BAD_SEGMENT, BAD_SEGMENT},
    {"16 bytes", {{SGL1, LAST, 0, LIST_AT, 16}, {0, BLOCK, 0, DATA_AT, 512}}, OK, OK},
    {"17 bytes", {{SGL1, LAST, 0, LIST_AT, 17}}, BAD_SEGMENT, BAD_SEGMENT},
    {"segment, 0 bytes", {{SGL1, SEGMENT, 0, LIST_AT, 0}}, BAD_SEGMENT, BAD_SEGMENT},
    {"segment at a qword", {{SGL1, LAST, 0, LIST_AT + 8, 16}, {8, BLOCK, 0, DATA_AT, 512}}, OK, OK},
    {"segment at a dword", {{SGL1, LAST, 0, LIST_AT + 4, 16}}, BAD_SEGMENT, BAD_SEGMENT},
    {"segment by offset", {{SGL1, LAST, 1, LIST_AT, 16}}, BAD_TYPE, BAD_TYPE},
    {"segment, subtype", {{SGL1, SEGMENT, 1, LIST_AT, 16}}, BAD_TYPE, BAD_TYPE},
    {"segment not mapped", {{SGL1, LAST, 0, 0x8000, 16}}, FAULT, FAULT},
    {"segment over the end", {{SGL1, LAST, 0, ARENA_IOVA + ARENA - 16, 32}}, FAULT, FAULT},
    {"segment that wraps", {{SGL1, LAST, 0, UINT64_MAX - 15, 32}}, BAD_SEGMENT, BAD_SEGMENT},
    {"2^28 - 1 descriptors", {{SGL1, LAST, 0, LIST_AT, 0xfffffff0}}, BAD_NUMBER, BAD_NUMBER},
    {"two pieces",
     {{SGL1, LAST, 0, LIST_AT, 32},
      {0, BLOCK, 0, DATA_AT, 256},
      {16, BLOCK, 0, DATA_AT + 4097, 256}},
     OK,
     OK},
    {"two pieces, a byte more",
     {{SGL1, LAST, 0, LIST_AT, 32}, {0, BLOCK, 0, DATA_AT, 256}, {16, BLOCK, 0, DATA_AT, 257}},
     BAD_LENGTH,
     BAD_LENGTH},
    {"nothing behind the data",
     {{SGL1, LAST, 0, LIST_AT, 48},
      {0, BLOCK, 0, DATA_AT, 512},
      {16, BLOCK, 0, 0, 0},
      {32, BUCKET, 0, 0, 0}},
     OK,
     OK},
    {"a byte behind the data",
     {{SGL1, LAST, 0, LIST_AT, 32}, {0, BLOCK, 0, DATA_AT, 512}, {16, BLOCK, 0, DATA_AT, 1}},
     BAD_LENGTH,
     BAD_LENGTH},
    {"a bucket behind the data",
     {{SGL1, LAST, 0, LIST_AT, 32}, {0, BLOCK, 0, DATA_AT, 512}, {16, BUCKET, 0, 0, 1}},
     BAD_LENGTH,
     OK},
    {"segment, then last",
     {{SGL1, SEGMENT, 0, LIST_AT, 32},
      {0, BLOCK, 0, DATA_AT, 100},
      {16, LAST, 0, LIST_AT + 64, 16},
      {64, BLOCK, 0, DATA_AT + 512, 412}},
     OK,
     OK},
    {"a segment that leads nowhere",
     {{SGL1, SEGMENT, 0, LIST_AT, 16}, {0, BLOCK, 0, DATA_AT, 512}},
     BAD_SEGMENT,
     BAD_SEGMENT},
    {"a pointer that isn't the last",
     {{SGL1, SEGMENT, 0, LIST_AT, 32},
      {0, LAST, 0, LIST_AT + 64, 16},
      {16, BLOCK, 0, DATA_AT, 512},
      {64, BLOCK, 0, DATA_AT, 512}},
     BAD_NUMBER,
     BAD_NUMBER},
    {"a segment in the last one",
     {{SGL1, LAST, 0, LIST_AT, 16}, {0, SEGMENT, 0, LIST_AT + 64, 16}},
     BAD_SEGMENT,
     BAD_SEGMENT},
    {"a last one in the last one",
     {{SGL1, LAST, 0, LIST_AT, 32}, {0, BLOCK, 0, DATA_AT, 512}, {16, LAST, 0, LIST_AT + 64, 16}},
     BAD_SEGMENT,
     BAD_SEGMENT},
    {"keyed, deep inside",
     {{SGL1, LAST, 0, LIST_AT, 32}, {0, BLOCK, 0, DATA_AT, 256}, {16, 4, 0, DATA_AT, 256}},
     BAD_TYPE,
     BAD_TYPE},
    {"a loop of one",
     {{SGL1, SEGMENT, 0, LIST_AT, 16}, {0, SEGMENT, 0, LIST_AT, 16}},
     BAD_NUMBER,
     BAD_NUMBER},
    {"a loop of two, with empty ones",
     {{SGL1, SEGMENT, 0, LIST_AT, 32},
      {0, BUCKET, 0, 0, 0},
      {16, SEGMENT, 0, LIST_AT + 64, 16},
      {64, SEGMENT, 0, LIST_AT, 32}},
     BAD_NUMBER,
     BAD_NUMBER},
};

static void put_rows(struct host *h, const struct row *rows, uint8_t *sgl1) {
  memset(guest(h, LIST_AT), 0, 4096);
  for (unsigned i = 0; i < 5 && (rows[i].at | rows[i].length | rows[i].address | rows[i].type) != 0;
       i++)
    describe(rows[i].at == SGL1 ? (void *)sgl1 : guest(h, LIST_AT + rows[i].at), rows[i].type,
             rows[i].subtype, rows[i].address, rows[i].length);
}

static void every_error_has_its_status(void **state) {
  (void)state;
  struct host h;
  open_sgl(&h);
  for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
    const struct wrong *w = &wrongs[i];
    uint8_t sgl1[16];
    put_rows(&h, w->rows, sgl1);
    struct nvt_cqe read = run(&h, 1, sgl_sqe(NVT_NVM_READ, 0, 1, sgl1));
    struct nvt_cqe write = run(&h, 1, sgl_sqe(NVT_NVM_WRITE, 0, 1, sgl1));
    if (status_of(read) != w->read || status_of(write) != w->write)
      fail_msg("%s: read %xh, not %xh; write %xh, not %xh", w->what, status_of(read), w->read,
               status_of(write), w->write);
    bool hopeless = w->read != NVT_SC_SUCCESS && w->read != NVT_SC_DATA_TRANSFER_ERROR;
    assert_int_equal((read.status >> 1 & NVT_STATUS_DNR) != 0, hopeless);
  }
  assert_status(io(&h, NVT_NVM_READ, 0, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  host_close(&h);
}

/* In one segment, or in two: n - 1, n and n + 1 descriptors of which all but one are empty. */
static void so_many_descriptors(void **state) {
  (void)state;
  struct host h;
  open_sgl(&h);
  for (uint32_t count = DESCRIPTORS - 1; count <= DESCRIPTORS + 1; count++) {
    nvt_status wanted = count <= DESCRIPTORS ? NVT_SC_SUCCESS : BAD_NUMBER;
    uint8_t sgl1[16];
    memset(guest(&h, LIST_AT), 0, 0x10000);
    describe(guest(&h, LIST_AT + (uint64_t)(count - 1) * 16), BLOCK, 0, DATA_AT, 512);
    describe(sgl1, LAST, 0, LIST_AT, count * 16);
    assert_status(status_of(run(&h, 1, sgl_sqe(NVT_NVM_READ, 0, 1, sgl1))), wanted);
    describe(guest(&h, LIST_AT + 600 * 16), LAST, 0, LIST_AT + 0x8000, (count - 601) * 16);
    describe(guest(&h, LIST_AT + 0x8000), BLOCK, 0, DATA_AT, 512);
    describe(sgl1, SEGMENT, 0, LIST_AT, 601 * 16);
    assert_status(status_of(run(&h, 1, sgl_sqe(NVT_NVM_WRITE, 0, 1, sgl1))), wanted);
  }
  /* That many pieces of data, too: 1 byte each, no two of them adjoining. */
  for (uint32_t i = 0; i < DESCRIPTORS; i++)
    describe(guest(&h, LIST_AT + i * 16), BLOCK, 0, DATA_AT + i * 2, 1);
  uint8_t sgl1[16], medium[1024];
  describe(sgl1, LAST, 0, LIST_AT, DESCRIPTORS * 16);
  pattern(guest(&h, DATA_AT), 2048, 5);
  for (unsigned i = 0; i < 1024; i++)
    medium[i] = *(uint8_t *)guest(&h, DATA_AT + i * 2);
  assert_status(status_of(run(&h, 1, sgl_sqe(NVT_NVM_WRITE, 4, 2, sgl1))), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 4, 2, DATA_AT + 0x10000, 0), NVT_SC_SUCCESS);
  assert_memory_equal(guest(&h, DATA_AT + 0x10000), medium, sizeof(medium));
  host_close(&h);
}

/* --- many shapes against a model --- */

#define PLACES 24
#define PLACE 0x6000u
#define MOST (24u * 512)

static uint32_t seed;
static uint32_t below(uint32_t most) {
  seed = seed * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)(seed >> 8) * most >> 24);
}

struct model {
  uint32_t length; /* bytes of the transfer */
  struct {
    uint64_t address; /* 0: a bucket, or nothing */
    uint32_t at, length;
  } pieces[64];
  uint32_t count;
  uint8_t sgl1[16];
  uint32_t lists; /* segments */
  uint32_t list_at[16];
  uint64_t list_address[16];
};

/* Places in random order, sizes of any number, empty blocks, buckets, one to several segments. */
static void make(struct host *h, struct model *m, bool to_guest) {
  memset(m, 0, sizeof(*m));
  m->length = (1 + below(MOST / 512)) * 512;
  uint32_t place = below(PLACES), wanted = 1 + below(PLACES - 1), done = 0;
  uint8_t list[64][16];
  for (uint32_t used = 0; done < m->length; m->count++) {
    uint32_t left = m->length - done, kind = below(8);
    uint32_t size = used + 1 >= wanted || left == 1 ? left : 1 + below(left);
    bool bucket = kind == 0, empty = kind == 1 && m->count < 40;
    if (empty)
      size = 0;
    m->pieces[m->count].at = done;
    m->pieces[m->count].length = bucket && !to_guest ? 0 : size;
    if (bucket || empty) {
      describe(list[m->count], bucket ? BUCKET : BLOCK, 0, below(2) ? 0 : DATA_AT, size);
    } else {
      uint64_t address = DATA_AT + place * PLACE + below(PLACE - MOST);
      m->pieces[m->count].address = address;
      describe(list[m->count], BLOCK, 0, address, size);
      place = (place + 7) % PLACES;
    }
    used += !empty;
    done += m->pieces[m->count].length;
    if (m->count == 62)
      wanted = 0;
  }
  /* From the back: each segment's address has to be known by the one before. */
  uint32_t next = m->count;
  uint8_t pointer[16];
  bool any = false;
  m->lists = 0;
  while (next > 0 && !(next == 1 && !any && below(2))) {
    uint32_t size = m->lists == 13 ? next : 1 + below(next);
    uint64_t address = LIST_AT + m->lists * 0x1008 + below(8) * 8;
    uint32_t from = next - size;
    memcpy(guest(h, address), list[from], (size_t)size * 16);
    if (any)
      memcpy(guest(h, address + (uint64_t)size * 16), pointer, 16);
    describe(pointer, any ? SEGMENT : LAST, 0, address, (size + any) * 16);
    m->list_address[m->lists] = address;
    m->list_at[m->lists++] = m->pieces[from].at;
    any = true;
    next = from;
  }
  memcpy(m->sgl1, any ? pointer : list[0], 16);
}

static struct {
  uint32_t lists;
  uint64_t payload; /* bytes */
  const struct model *m;
  const uint8_t *medium;
  bool in;
} seen;

/* What the trace would have: each list with the place that it describes, each piece as it is. */
static enum nvt_verdict watch(void *user, const struct nvt_tap_event *event) {
  (void)user;
  const struct model *m = seen.m;
  if (m == NULL)
    return NVT_VERDICT_CONTINUE;
  if (event->data.kind == 2) {
    assert_true(seen.lists < m->lists);
    uint32_t i = m->lists - 1 - seen.lists++; /* made from the back */
    assert_int_equal(event->data.address, m->list_address[i]);
    assert_int_equal(event->data.offset, m->list_at[i]);
    assert_int_equal(event->data.direction, NVT_DIRECTION_OUT);
    return NVT_VERDICT_CONTINUE;
  }
  assert_int_equal(event->data.kind, 0);
  assert_int_equal(event->data.direction, seen.in ? NVT_DIRECTION_IN : NVT_DIRECTION_OUT);
  assert_memory_equal(event->data.bytes, seen.medium + event->data.offset, event->data.length);
  bool found = false;
  for (uint32_t i = 0; i < m->count; i++)
    found |= m->pieces[i].address != 0 && m->pieces[i].at == event->data.offset &&
             m->pieces[i].address == event->data.address;
  assert_true(found);
  seen.payload += event->data.length;
  return NVT_VERDICT_CONTINUE;
}

/* A plug-in that decides makes the data go by memory of the controller's own. */
static enum nvt_verdict decide(void *user, const struct nvt_tap_event *event) {
  (void)user;
  (void)event;
  return NVT_VERDICT_CONTINUE;
}

/* From a callback: a part of the data of the write that is about to be executed. */
static enum nvt_verdict ask(void *user, const struct nvt_tap_event *event) {
  struct host *h = user;
  static uint8_t part[MOST];
  if (event->command.sqe->opcode != NVT_NVM_WRITE || seen.m == NULL)
    return NVT_VERDICT_CONTINUE;
  uint32_t from = below(seen.m->length), size = below(seen.m->length - from + 1);
  assert_int_equal(nvt_command_data(h->c, event->command.handle, from, part, size, false), 0);
  assert_memory_equal(part, seen.medium + from, size);
  assert_int_equal(
      nvt_command_data(h->c, event->command.handle, seen.m->length - size, part, size + 1, false),
      -EINVAL);
  return NVT_VERDICT_CONTINUE;
}

static void look(const struct model *m) {
  uint32_t bytes = 0;
  for (uint32_t i = 0; i < m->count; i++)
    bytes += m->pieces[i].address != 0 ? m->pieces[i].length : 0;
  assert_int_equal(seen.lists, m->lists);
  assert_int_equal(seen.payload, bytes);
}

static void one_shape(struct host *h, bool in, bool watched) {
  static uint8_t medium[MOST], memory[PLACES * PLACE];
  struct model m;
  uint64_t slba = below(1000);
  make(h, &m, in);
  pattern(guest(h, DATA_AT), sizeof(memory), seed);
  memcpy(memory, guest(h, DATA_AT), sizeof(memory));
  if (in) {
    pattern(medium, m.length, seed + 1);
    assert_int_equal(nvt_controller_preload(h->c, 1, slba * 512, medium, m.length), 0);
  }
  for (uint32_t i = 0; i < m.count; i++)
    if (m.pieces[i].address != 0 && in)
      memcpy(memory + (m.pieces[i].address - DATA_AT), medium + m.pieces[i].at, m.pieces[i].length);
    else if (m.pieces[i].address != 0)
      memcpy(medium + m.pieces[i].at, memory + (m.pieces[i].address - DATA_AT), m.pieces[i].length);
  memset(&seen, 0, sizeof(seen));
  seen.m = &m;
  seen.medium = medium;
  seen.in = in;
  struct nvt_sqe sqe = sgl_sqe(in ? NVT_NVM_READ : NVT_NVM_WRITE, slba, m.length / 512, m.sgl1);
  sqe.flags = (uint8_t)((1 + below(2)) << 6);
  assert_status(status_of(run(h, 1, sqe)), NVT_SC_SUCCESS);
  if (watched)
    look(&m);
  seen.m = NULL;
  assert_memory_equal(guest(h, DATA_AT), memory, sizeof(memory)); /* no byte beside it */
  if (in)
    return;
  describe(m.sgl1, BLOCK, 0, DATA_AT, m.length); /* what is on the medium now */
  assert_status(status_of(run(h, 1, sgl_sqe(NVT_NVM_READ, slba, m.length / 512, m.sgl1))),
                NVT_SC_SUCCESS);
  assert_memory_equal(guest(h, DATA_AT), medium, m.length);
  assert_status(status_of(run(h, 1, sgl_sqe(NVT_NVM_COMPARE, slba, m.length / 512, m.sgl1))),
                NVT_SC_SUCCESS);
}

static void shapes(void **state) {
  (void)state;
  for (unsigned with = 0; with < 3; with++) { /* nobody; an observer; one that decides, too */
    struct host h;
    open_sgl(&h);
    if (with > 0) {
      assert_int_equal(
          nvt_tap_attach(h.plugins, "nvme:io:memory", NVT_TAP_FIRST, watch, NULL, "w", NULL), 0);
      assert_int_equal(nvt_tap_attach(h.plugins, "nvme:io:decode", 0, ask, &h, "a", NULL), 0);
    }
    if (with > 1)
      assert_int_equal(nvt_tap_attach(h.plugins, "nvme:io:memory", 0, decide, NULL, "d", NULL), 0);
    for (seed = 1; seed < 120; seed++) {
      uint32_t this = seed;
      one_shape(&h, this % 2 == 0, with > 0);
      seed = this;
    }
    host_close(&h);
  }
}

/* Dataset Management has its ranges by an SGL, too. */
static void ranges(void **state) {
  (void)state;
  struct host h;
  open_sgl(&h);
  uint8_t block[512], sgl1[16];
  pattern(block, sizeof(block), 3);
  assert_int_equal(nvt_controller_preload(h.c, 1, 7 * 512, block, 512), 0);
  struct nvt_dsm_range range = {.nlb = 1, .slba = 7};
  memcpy(guest(&h, DATA_AT + 1), &range, 9);
  memcpy(guest(&h, DATA_AT + 100), (uint8_t *)&range + 9, 7);
  describe(guest(&h, LIST_AT), BLOCK, 0, DATA_AT + 1, 9);
  describe(guest(&h, LIST_AT + 16), BLOCK, 0, DATA_AT + 100, 7);
  describe(sgl1, LAST, 0, LIST_AT, 32);
  struct nvt_sqe sqe = sgl_sqe(NVT_NVM_DATASET_MANAGEMENT, 0, 1, sgl1);
  sqe.cdw11 = 4;
  sqe.cdw12 = 0;
  assert_status(status_of(run(&h, 1, sqe)), NVT_SC_SUCCESS);
  assert_status(io(&h, NVT_NVM_READ, 7, 1, DATA_AT, 0), NVT_SC_SUCCESS);
  memset(block, 0, sizeof(block));
  assert_memory_equal(guest(&h, DATA_AT), block, sizeof(block));
  /* Where nothing is transferred nothing is looked at. */
  describe(sgl1, 15, 3, 1, 1);
  assert_status(status_of(run(&h, 1, sgl_sqe(NVT_NVM_WRITE_ZEROES, 0, 1, sgl1))), NVT_SC_SUCCESS);
  assert_status(status_of(run(&h, 1, sgl_sqe(NVT_NVM_FLUSH, 0, 1, sgl1))), NVT_SC_SUCCESS);
  host_close(&h);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(claimed_where_it_is_asked_for),
      cmocka_unit_test(every_error_has_its_status),
      cmocka_unit_test(so_many_descriptors),
      cmocka_unit_test(shapes),
      cmocka_unit_test(ranges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
