/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "trace/checks_int.h"
#include "trace/crc32c.h"
#include "trace/digest.h"
#include "trace/pages.h"

/*
 * Each block that was written is remembered by its CRC, out of recorded data or digests. What else
 * changes it, or may, is followed by the range that it works on, from its fetch to its completion:
 * of two that overlap in time either may come last. A read is judged by what was completely written
 * before it was fetched.
 */
#define SETS 512u
#define WAYS 3u
#define CHANGES 224u     /* under way, or since the oldest of those began */
#define DIFFERENT 8u     /* reads that differ and aren't completed yet */
#define WHOLE UINT64_MAX /* blocks: of all of the namespace */
#define ALL UINT32_MAX   /* namespaces */
#define BLOCK_MAX 65536u

struct block {
  uint64_t lba;
  uint64_t writer; /* record of the Write; 0: free */
  uint64_t done;   /* record of its completion; 0: what it wrote doesn't count yet */
  uint32_t nsid;
  uint32_t crc;
};

struct change {
  uint64_t first, count;
  uint64_t begun, done; /* records; done 0: under way */
  uint32_t nsid;
};

struct different {
  uint64_t read, writer; /* records; read 0: free */
  uint64_t lba;
  struct nvt_moment data;
};

struct state {
  struct block blocks[SETS * WAYS]; /* WAYS of a set, one set after another */
  struct change changes[CHANGES];
  uint32_t change_count;
  bool blind; /* too many changes at a time: nothing is known until the next reset */
  struct different different[DIFFERENT];
  /* The transfer whose data comes just now: one command's comes together. */
  uint64_t command; /* its record */
  struct nvt_digest_blocks put_together;
};
_Static_assert(sizeof(struct state) <= UINT16_MAX, "a rule's memory");

/* --- blocks --- */

static struct block *set_of(struct state *state, uint32_t nsid, uint64_t lba) {
  uint64_t hash = (lba ^ (uint64_t)nsid << 40) * 0x9e3779b97f4a7c15u;
  return &state->blocks[(hash >> 32 & (SETS - 1)) * WAYS];
}

static struct block *find(struct state *state, uint32_t nsid, uint64_t lba) {
  struct block *set = set_of(state, nsid, lba);
  for (unsigned i = 0; i < WAYS; i++)
    if (set[i].writer != 0 && set[i].lba == lba && set[i].nsid == nsid)
      return &set[i];
  return NULL;
}

static void remember(struct state *state, const struct block *block) {
  struct block *set = set_of(state, block->nsid, block->lba), *oldest = set;
  struct block *old = find(state, block->nsid, block->lba);
  for (unsigned i = 1; i < WAYS; i++)
    if (set[i].writer < oldest->writer)
      oldest = &set[i];
  *(old != NULL ? old : oldest) = *block;
}

static bool meets(const struct change *change, uint32_t nsid, uint64_t first, uint64_t count) {
  if (change->nsid != nsid && change->nsid != ALL && nsid != ALL)
    return false;
  if (change->count == WHOLE || count == WHOLE)
    return true;
  return change->first < first ? first - change->first < change->count
                               : change->first - first < count;
}

/* Blocks of this range that a Write other than `but` wrote. */
static void forget(struct state *state, const struct change *range, uint64_t but) {
  if (range->count < SETS) {
    for (uint64_t i = 0; i < range->count; i++) {
      struct block *block = find(state, range->nsid, range->first + i);
      if (block != NULL && block->writer != but)
        block->writer = 0;
    }
    return;
  }
  for (unsigned i = 0; i < SETS * WAYS; i++)
    if (state->blocks[i].writer != but &&
        meets(range, state->blocks[i].nsid, state->blocks[i].lba, 1))
      state->blocks[i].writer = 0;
}

/* --- what changes blocks --- */

/* False: nothing. */
static bool changes(const struct nvt_exchange *exchange, struct change *out) {
  const struct nvt_sqe *sqe = &exchange->sqe;
  *out = (struct change){.nsid = sqe->nsid, .count = WHOLE, .begun = exchange->command.record};
  if (exchange->sqid == 0) {
    out->nsid = ALL;
    return sqe->opcode >= 0x80 || sqe->opcode == NVT_ADMIN_NS_MANAGEMENT;
  }
  switch (exchange->set == NVT_SET_NVM ? sqe->opcode : NVT_NVM_DATASET_MANAGEMENT) {
  case NVT_NVM_FLUSH:
  case NVT_NVM_READ:
  case NVT_NVM_COMPARE:
  case NVT_NVM_VERIFY:
    return false;
  case NVT_NVM_WRITE:
  case NVT_NVM_WRITE_UNCORRECTABLE:
  case NVT_NVM_WRITE_ZEROES:
    (void)nvt_check_blocks((enum nvt_opcode_set)exchange->set, sqe, &out->first, &out->count);
    return true;
  default: /* where isn't in its entry, or what it does isn't known */
    return true;
  }
}

/* Those that were over before all that are under way began meet nothing any more. */
static void tidy(struct state *state) {
  uint64_t oldest = UINT64_MAX;
  for (uint32_t i = 0; i < state->change_count; i++)
    if (state->changes[i].done == 0 && state->changes[i].begun < oldest)
      oldest = state->changes[i].begun;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < state->change_count; i++)
    if (state->changes[i].done == 0 || state->changes[i].done > oldest)
      state->changes[kept++] = state->changes[i];
  state->change_count = kept;
}

static void command(struct nvt_check_run *run, struct state *state) {
  struct change change;
  if (!changes(run->view->exchange, &change))
    return;
  forget(state, &change, 0);
  if (state->change_count == CHANGES)
    state->blind = true;
  else
    state->changes[state->change_count++] = change;
}

/* It wrote what its data says, unless another one that met it was under way meanwhile. */
static void written(struct nvt_check_run *run, struct state *state, struct change *mine) {
  const struct nvt_exchange *exchange = run->view->exchange;
  bool good = exchange->sqe.opcode == NVT_NVM_WRITE && exchange->sqid != 0 &&
              NVT_CQE_STATUS(exchange->cqe.status) == NVT_SC_SUCCESS;
  for (uint32_t i = 0; good && i < state->change_count; i++) {
    const struct change *other = &state->changes[i];
    if (other != mine && (other->done == 0 || other->done > mine->begun) &&
        meets(other, mine->nsid, mine->first, mine->count))
      good = false;
  }
  if (!good) {
    forget(state, mine, 0);
    return;
  }
  for (uint64_t i = 0; i < mine->count && mine->count != WHOLE; i++) {
    struct block *block = find(state, mine->nsid, mine->first + i);
    if (block != NULL && block->writer == mine->begun)
      block->done = run->now.record;
  }
}

static void completion(struct nvt_check_run *run, struct state *state) {
  const struct nvt_exchange *exchange = run->view->exchange;
  for (uint32_t i = 0; i < state->change_count; i++) {
    if (state->changes[i].begun != exchange->command.record)
      continue;
    written(run, state, &state->changes[i]);
    state->changes[i].done = run->now.record;
    tidy(state);
    return;
  }
  for (unsigned i = 0; i < DIFFERENT; i++) {
    struct different *different = &state->different[i];
    if (different->read == 0 || different->read != exchange->command.record)
      continue;
    if (NVT_CQE_STATUS(exchange->cqe.status) == NVT_SC_SUCCESS)
      nvt_check_report_at(run, different->data, different->writer,
                          "block %llu of namespace %u isn't what was written to it last",
                          (unsigned long long)different->lba, exchange->sqe.nsid);
    different->read = 0;
  }
}

/* --- data --- */

static void differs(struct nvt_check_run *run, struct state *state, const struct block *block) {
  uint64_t read = run->view->exchange->command.record;
  struct different *free = NULL;
  for (unsigned i = 0; i < DIFFERENT; i++) {
    if (state->different[i].read == read)
      return; /* the first block is told */
    if (state->different[i].read == 0)
      free = &state->different[i];
  }
  if (free != NULL)
    *free = (struct different){read, block->writer, block->lba, run->now};
}

static void block_moved(struct nvt_check_run *run, struct state *state, uint64_t index,
                        uint32_t crc) {
  const struct nvt_exchange *exchange = run->view->exchange;
  struct block now = {.lba = (exchange->sqe.cdw10 | (uint64_t)exchange->sqe.cdw11 << 32) + index,
                      .writer = exchange->command.record,
                      .nsid = exchange->sqe.nsid,
                      .crc = crc};
  if (exchange->sqe.opcode == NVT_NVM_WRITE) {
    remember(state, &now);
    return;
  }
  const struct block *was = find(state, now.nsid, now.lba);
  if (was != NULL && was->done != 0 && was->done < now.writer && was->crc != crc)
    differs(run, state, was);
}

static void add_part(struct nvt_check_run *run, struct state *state,
                     const struct nvt_digest_part *part) {
  uint64_t first;
  uint32_t crc;
  if (nvt_digest_blocks_add(&state->put_together, part, &first, &crc))
    block_moved(run, state, first / state->put_together.block, crc);
}

/* Bytes, as parts that end with the blocks. */
static void add_bytes(struct nvt_check_run *run, struct state *state, uint64_t offset,
                      const uint8_t *bytes, uint32_t length) {
  const uint32_t block = state->put_together.block;
  for (uint32_t done = 0; done < length && offset <= UINT64_MAX - length;) {
    uint32_t room = block - (uint32_t)((offset + done) % block);
    struct nvt_digest_part part = {.offset = offset + done,
                                   .length = room < length - done ? room : length - done};
    part.crc = nvt_crc32c(0, bytes + done, part.length);
    add_part(run, state, &part);
    done += part.length;
  }
}

static void data(struct nvt_check_run *run, struct state *state) {
  const struct nvt_record *record = run->record;
  const struct nvt_exchange *exchange = run->view->exchange;
  const struct nvt_sqe *sqe = &exchange->sqe;
  uint64_t first, count;
  bool read = sqe->opcode == NVT_NVM_READ;
  if (exchange->sqid == 0 || exchange->set != NVT_SET_NVM ||
      record->data.kind != NVT_V_data_kind_PAYLOAD || (!read && sqe->opcode != NVT_NVM_WRITE) ||
      record->data.direction != (read ? NVT_V_data_direction_IN : NVT_V_data_direction_OUT) ||
      !exchange->size_known ||
      !nvt_check_blocks((enum nvt_opcode_set)exchange->set, sqe, &first, &count))
    return;
  uint64_t block = exchange->size / count;
  if (block < NVT_DIGEST_UNIT_MIN || block > BLOCK_MAX)
    return;
  if (state->command != exchange->command.record || state->put_together.block != block) {
    state->command = exchange->command.record;
    nvt_digest_blocks_start(&state->put_together, (uint32_t)block);
  }
  struct nvt_record known;
  struct nvt_digest_walk walk = {0};
  struct nvt_digest_part part;
  if (record->header.type == NVT_REC_DATA)
    add_bytes(run, state, record->data.offset, record->tail, record->tail_length);
  else if (nvt_pages_as_data(run->pages, record, &known))
    add_bytes(run, state, known.data.offset, known.tail, known.tail_length);
  else
    while (nvt_digest_part(record, &walk, &part))
      add_part(run, state, &part);
}

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  /* What may be under way from before isn't known, nor what null: returns. */
  if (exchange == NULL || exchange->command.record == 0 || exchange->duplicate_cid ||
      !run->controller->registers.enabled_here || run->controller->keeps_nothing)
    return;
  struct state *state = nvt_check_controller_state(run);
  if (state->blind)
    return;
  switch (run->record->header.type) {
  case NVT_REC_COMMAND:
    command(run, state);
    break;
  case NVT_REC_COMPLETION:
    completion(run, state);
    break;
  default:
    data(run, state);
    break;
  }
}

NVT_CHECK(read_data_differs,
          .info = {.id = "read-data-differs",
                   .severity = NVT_SEVERITY_WARNING,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_NVM("3.3.4"),
                   .title = "a read returns other data than was written"},
          .on = NVT_ON(COMMAND) | NVT_ON(COMPLETION) | NVT_ON(DATA) | NVT_ON(DIGEST),
          .record = record, .controller_state = sizeof(struct state));
