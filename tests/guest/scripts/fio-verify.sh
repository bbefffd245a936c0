# SPDX-License-Identifier: BSD-2-Clause
# Random reads and writes, depth 32, one job a queue on its own processor, every
# block verified by its checksum when it is read back.
# Settings: FIO_SIZE (bytes a job), FIO_BS, FIO_JOBS.
. /job/lib.sh
await $disk
jobs=${FIO_JOBS:-4}
block=$(cat /sys/block/${disk#/dev/}/queue/logical_block_size)
echo "queues: $(queues)"
[ "$(queues)" -ge "$jobs" ] || fail "only $(queues) queues for $jobs jobs"
fio --name=verify --filename=$disk --direct=1 --ioengine=libaio --iodepth=32 \
	--numjobs=$jobs --cpus_allowed=0-$((jobs - 1)) --cpus_allowed_policy=split \
	--size=${FIO_SIZE:-4M} --offset_increment=${FIO_SIZE:-4M} \
	--rw=randwrite --bs=${FIO_BS:-4k} --verify=crc32c --verify_fatal=1 --do_verify=1 \
	--randrepeat=1 --group_reporting --output-format=terse --terse-version=3 >/tmp/fio 2>&1 ||
	{ cat /tmp/fio; fail "fio --rw=randwrite"; }
awk -F\; 'NF > 50 { print "fio randwrite+verify: read " $6 " KiB, " $8 " IOPS; write " $47 " KiB, " $49 " IOPS" }' /tmp/fio
fio --name=mixed --filename=$disk --direct=1 --ioengine=libaio --iodepth=32 \
	--numjobs=$jobs --cpus_allowed=0-$((jobs - 1)) --cpus_allowed_policy=split \
	--size=${FIO_SIZE:-4M} --offset_increment=${FIO_SIZE:-4M} \
	--rw=randrw --bsrange=$block-128k --blockalign=4k --bs_unaligned=0 --io_size=${FIO_SIZE:-4M} \
	--verify=crc32c --verify_fatal=1 --do_verify=1 --randseed=7 \
	--group_reporting --output-format=terse --terse-version=3 >/tmp/fio 2>&1 ||
	{ cat /tmp/fio; fail "fio --rw=randrw"; }
awk -F\; 'NF > 50 { print "fio randrw+verify: read " $6 " KiB, " $8 " IOPS; write " $47 " KiB, " $49 " IOPS" }' /tmp/fio
check_log
