/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/crc32c.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

/* table[n][b]: what byte b does to the CRC when n bytes follow it. */
static uint32_t table[8][256];
static uint32_t (*chosen)(uint32_t, const uint8_t *, size_t);

static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t length) {
  for (; length >= 8; at += 8, length -= 8) {
    uint32_t low, high;
    memcpy(&low, at, sizeof(low));
    memcpy(&high, at + 4, sizeof(high));
    low ^= crc;
    crc = 0;
    for (unsigned i = 0; i < 4; i++)
      crc ^= table[7 - i][low >> (8 * i) & 0xff] ^ table[3 - i][high >> (8 * i) & 0xff];
  }
  while (length-- > 0)
    crc = crc >> 8 ^ table[0][(crc ^ *at++) & 0xff];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at,
                                                                 size_t length) {
  uint64_t wide = crc;
  for (; length >= 8; at += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = (uint32_t)wide;
  while (length-- > 0)
    crc = __builtin_ia32_crc32qi(crc, *at++);
  return crc;
}

static bool has_instruction(void) {
  return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t length) {
  return by_table(crc, at, length);
}

static bool has_instruction(void) {
  return false;
}
#endif

/* Before any thread starts. */
__attribute__((constructor)) static void prepare(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (unsigned bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
    table[0][byte] = crc;
  }
  for (unsigned n = 1; n < 8; n++)
    for (unsigned byte = 0; byte < 256; byte++)
      table[n][byte] = table[n - 1][byte] >> 8 ^ table[0][table[n - 1][byte] & 0xff];
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  chosen = has_instruction() ? by_instruction : by_table;
}

uint32_t nvt_crc32c(uint32_t before, const void *bytes, size_t length) {
  return ~chosen(~before, bytes, length);
}

uint32_t nvt_crc32c_by_table(uint32_t before, const void *bytes, size_t length) {
  return ~by_table(~before, bytes, length);
}

bool nvt_crc32c_by_instruction(uint32_t *crc, const void *bytes, size_t length) {
  if (!has_instruction())
    return false;
  *crc = ~by_instruction(~*crc, bytes, length);
  return true;
}

/* Polynomials of degree below 32, reflected: bit 31 is the constant term. Their product, reduced.
 */
static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0)
      product ^= b;
    b = b >> 1 ^ ((b & 1) != 0 ? POLYNOMIAL : 0);
  }
  return product;
}

uint32_t nvt_crc32c_join(uint32_t first, uint32_t second, uint64_t second_length) {
  /* Bytes that follow multiply by x^8 each; the inversions at both ends cancel out. */
  uint32_t shift = 1u << 31, power = 1u << 23; /* 1, and x^8 */
  for (; second_length != 0; second_length >>= 1) {
    if ((second_length & 1) != 0)
      shift = multiply(shift, power);
    power = multiply(power, power);
  }
  return multiply(shift, first) ^ second;
}
