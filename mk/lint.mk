# SPDX-License-Identifier: BSD-2-Clause
# `make lint`: format, gcc and clang warnings, cppcheck, headers alone, dependency direction.
.PHONY: lint
lint: check-deps
	@tests/lint/lint.test
