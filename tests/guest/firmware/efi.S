# SPDX-License-Identifier: BSD-2-Clause
# An EFI application, headers and all (PE32+, Microsoft PE format): prints the
# sum of the PAYLOAD_SIZE bytes that follow its code, powers off.
	.include "serial.inc"
	.code64
	.set code, 0x200
	.set payload, 0x400
	.set image_size, payload + PAYLOAD_SIZE
	.ascii "MZ"
	.org 0x3c
	.long 0x40
	.ascii "PE\0\0"
	.word 0x8664		# machine: x86-64
	.word 1			# sections
	.long 0, 0, 0
	.word optional_end - optional
	.word 0x2e		# executable, stripped, large addresses
optional:
	.word 0x20b
	.byte 1, 0
	.long image_size - code, 0, 0
	.long code		# entry point
	.long code
	.quad 0			# image base
	.long 0x200, 0x200	# alignment in memory, in the file
	.word 0, 0, 0, 0, 0, 0
	.long 0
	.long image_size
	.long code		# size of headers
	.long 0
	.word 10		# EFI application
	.word 0
	.quad 0x10000, 0x1000, 0x10000, 0
	.long 0, 16
	.fill 16, 8, 0
optional_end:
	.ascii ".text\0\0\0"
	.long image_size - code, code, image_size - code, code
	.long 0, 0
	.word 0, 0
	.long 0x60000020	# code, execute, read
	.org code
	cli
	cld
	lea text(%rip), %rsi
1:	lodsb
	test %al, %al
	jz 2f
	PUT_AL
	jmp 1b
2:	lea end_of_code(%rip), %rsi
	xor %ebx, %ebx
	xor %eax, %eax
	mov $PAYLOAD_SIZE, %ecx
3:	lodsb
	add %ax, %bx
	dec %ecx
	jnz 3b
	PUT_BX
	POWER_OFF
text:	.asciz "nvmetap-efi: read through UEFI, sum "
	.org payload
end_of_code:
