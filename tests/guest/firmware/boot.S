# SPDX-License-Identifier: BSD-2-Clause
# The boot sector's code: reads PAYLOAD_SECTORS sectors of the boot disk from
# PAYLOAD_LBA through the BIOS, prints the sum of their bytes, powers off. It
# stands at 3Eh in a sector whose start is a FAT16 parameter block.
	.include "serial.inc"
	.code16
sector:
	.org 0x3e
start:
	cli
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %ss
	mov $0x7c00, %sp
	sti
	cld
	mov $(0x7c00 + packet - sector), %si
	mov $0x42, %ah
	int $0x13
	mov $(0x7c00 + broken - sector), %si
	jc print
	mov $0x1000, %ax
	mov %ax, %ds
	xor %bx, %bx
	xor %si, %si
	xor %ah, %ah
	mov $(PAYLOAD_SECTORS * 512), %cx
1:	lodsb
	add %ax, %bx
	loop 1b
	xor %ax, %ax
	mov %ax, %ds
	mov $(0x7c00 + good - sector), %si
print:
	lodsb
	test %al, %al
	jz 2f
	PUT_AL
	jmp print
2:	PUT_BX
	POWER_OFF
good:	.asciz "nvmetap-boot: read through the BIOS, sum "
broken:	.asciz "nvmetap-boot: the BIOS cannot read, "
	.balign 4
packet:
	.byte 16, 0
	.word PAYLOAD_SECTORS
	.word 0, 0x1000
	.quad PAYLOAD_LBA
	.org 510
	.word 0xaa55
