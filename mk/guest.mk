# SPDX-License-Identifier: BSD-2-Clause
# `make guest`: real guests on a recorded controller. See tests/guest/README.md.
.PHONY: guest
guest: check-deps
	@$(MAKE) -s $(BUILD)/nvmetap plugins
	@BUILD=$(abspath $(BUILD)) tests/guest/provision
	@BUILD=$(abspath $(BUILD)) tests/run $(sort $(wildcard tests/guest/*.test))
