# SPDX-License-Identifier: BSD-2-Clause
# `make golden`: writes the files anew that tests compare with what they see. Look at the difference
# before you commit it: `tests/dissector/golden.test` prints that of a compressed one.
.PHONY: golden
golden:
	@$(MAKE) -s all $(BUILD)/tests/test_reader
	@BUILD=$(abspath $(BUILD)) UPDATE=1 UPDATE_GOLDEN=1 tests/run $(BUILD)/tests/test_reader tests/golden/dump.test \
	  tests/golden/stats.test tests/dissector/golden.test
	@git diff --stat tests/golden tests/dissector/golden
