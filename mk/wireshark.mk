# SPDX-License-Identifier: BSD-2-Clause
# `make check-wireshark`: the plug-in's tests with Wireshark 4.4 and 4.6, in chroots of the Debians that
# have them, kept in build/wireshark. Needs root, and the network the first time.
.PHONY: check-wireshark
check-wireshark: check-deps
	@mk/install-packages debootstrap
	@BUILD=$(abspath $(BUILD)) tests/run --timeout 3600 $(sort $(wildcard tests/wireshark/*.test))
