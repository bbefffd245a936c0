/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does a rule look at this, and is it hit? The first is a pure function; the second counts,
 * and draws from the rule's own generator, so that one rule's luck doesn't depend on what
 * others see.
 */
#ifndef FAULT_MATCH_H
#define FAULT_MATCH_H

#include "plugins/fault/rules.h"

struct nvme_command;

/* A rule on commands. The command's set (admin or I/O) and opcode have been compared: the
 * index is by them. */
bool fault_matches_command(const struct fault_match *, uint32_t sqid, const struct nvme_command *);
/* A rule on registers: an access of BAR0. */
bool fault_matches_access(const struct fault_match *, bool write, uint64_t offset, uint32_t size,
                          uint64_t value);
/* What the access's value becomes where these bits of the register become `bits`. */
uint64_t fault_changed_access(const struct fault_match *, uint64_t offset, uint32_t size,
                              uint64_t value, uint64_t mask, uint64_t bits);
/* A rule on interrupts. */
bool fault_matches_interrupt(const struct fault_match *, uint32_t cqid);

/* It matches: is this one hit? */
bool fault_hit(struct fault_rule *);

/* The start of a rule's generator. */
uint64_t fault_random_start(uint64_t seed, unsigned number);

#endif
