# SPDX-License-Identifier: BSD-2-Clause
# Starts the kernel's own account of its NVMe commands, which ftrace.sh sends
# later. The driver has no device while it is started, so that the account is
# complete from the controller's next reset on. (The kernel parameter
# trace_event= takes effect too late for the driver's first commands.)
. /job/lib.sh
await $disk
t=/sys/kernel/tracing
pci=$(basename "$(readlink -f /sys/class/nvme/$ctrl/device)")
echo $pci >/sys/bus/pci/drivers/nvme/unbind || fail "unbind"
echo ${ACCOUNT_KB:-16384} >$t/buffer_size_kb
echo 0 >$t/options/overwrite
echo 1 >$t/events/nvme/nvme_setup_cmd/enable
echo 1 >$t/events/nvme/nvme_complete_rq/enable
echo 1 >$t/tracing_on
echo $pci >/sys/bus/pci/drivers/nvme/bind || fail "bind"
await $disk
check_log
