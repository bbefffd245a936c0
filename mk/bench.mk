# SPDX-License-Identifier: BSD-2-Clause
# `make bench`: measures; a table, and build/bench.json. BENCH_OPTIONS=--json prints JSON.
# `make bench-dissector`: the dissector's part of it alone.
.PHONY: bench bench-dissector
bench: check-deps
	@mk/install-packages fio
	@$(MAKE) -s all tap-off $(BENCH_PROGRAMS)
	@BUILD=$(abspath $(BUILD)) tests/bench/run $(BENCH_OPTIONS)

bench-dissector: check-deps
	@$(MAKE) -s all
	@BUILD=$(abspath $(BUILD)) tests/bench/run --dissector $(BENCH_OPTIONS)
