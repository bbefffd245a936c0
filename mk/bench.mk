# SPDX-License-Identifier: BSD-2-Clause
# `make bench`: measures; a table, and build/bench.json. BENCH_OPTIONS=--json prints JSON.
.PHONY: bench
bench: check-deps
	@$(MAKE) -s all $(BENCH_PROGRAMS)
	@BUILD=$(abspath $(BUILD)) tests/bench/run $(BENCH_OPTIONS)
