# SPDX-License-Identifier: BSD-2-Clause
# What a Debian machine needs; `make deps` installs what is missing, after saying so.
BUILD_PACKAGES := gcc make pkg-config libpcap-dev libjson-c-dev liburing-dev libnvme-dev libzstd-dev nettle-dev \
                  wireshark-dev tshark
CHECK_PACKAGES := libcmocka-dev clang clang-format clang-tidy cppcheck wireshark-common tcpdump valgrind \
                  wireshark xvfb xdotool imagemagick qemu-system-x86 \
                  python3 perl binutils man-db pciutils procps debian-archive-keyring zstd
.PHONY: deps check-deps
deps:
	@mk/install-packages $(BUILD_PACKAGES)
check-deps:
	@mk/install-packages $(BUILD_PACKAGES) $(CHECK_PACKAGES)
	@mk/install-packages libclang-rt-$$(clang -dumpversion | cut -d. -f1)-dev
