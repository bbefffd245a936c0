# SPDX-License-Identifier: BSD-2-Clause
# `make demo`: the main job on a fresh machine.
.PHONY: demo
demo: deps
	@$(MAKE) -s all
	@BUILD=$(abspath $(BUILD)) mk/demo
