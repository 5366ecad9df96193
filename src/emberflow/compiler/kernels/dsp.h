/* The DSP extension of Armv7E-M and Armv8-M (Cortex-M4, M7, M33): two 16-bit products in one instruction.
 *
 * EF_DSP is defined where it can be used, by the compiler's own macro (ACLE, section 5.4.8). With EF_EMULATE_DSP the same functions are
 * plain C, so that code written for the extension can be tested anywhere.
 */
#include "base.h"

/* Two 16-bit numbers in a word. */
EF_INLINE uint32_t ef_halves(int32_t low, int32_t high) { return ((uint32_t)low & 0xFFFFu) | ((uint32_t)high << 16); }

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define EF_DSP 1
#include <arm_acle.h>

/* Bytes 0 and 2 of a word, each extended to 16 bits. */
EF_INLINE uint32_t ef_even(uint32_t word) { return (uint32_t)__sxtb16((int8x4_t)word); }

/* Bytes 1 and 3 of a word, each extended to 16 bits. GCC 12's arm_acle.h has no __ror; compilers know this form, and SXTB16 turns its word itself. */
EF_INLINE uint32_t ef_odd(uint32_t word) { return (uint32_t)__sxtb16((int8x4_t)(word >> 8 | word << 24)); }

/* sum + low(a) * low(b) + high(a) * high(b) */
EF_INLINE int32_t ef_dual(uint32_t a, uint32_t b, int32_t sum) { return __smlad((int16x2_t)a, (int16x2_t)b, sum); }

/* sum + low(a) * low(b) */
EF_INLINE int32_t ef_low(uint32_t a, uint32_t b, int32_t sum) { return __smlabb((int32_t)a, (int32_t)b, sum); }

/* sum + high(a) * high(b) */
EF_INLINE int32_t ef_high(uint32_t a, uint32_t b, int32_t sum) { return __smlatt((int32_t)a, (int32_t)b, sum); }

/* The greater of each of four pairs of signed bytes: SSUB8 notes which of them, SEL takes them. */
EF_INLINE uint32_t ef_max_bytes(uint32_t a, uint32_t b) {
  (void)__ssub8((int8x4_t)a, (int8x4_t)b);
  return (uint32_t)__sel((uint8x4_t)a, (uint8x4_t)b);
}

/* sum + low(a) * high(b) */
EF_INLINE int32_t ef_low_high(uint32_t a, uint32_t b, int32_t sum) { return __smlabt((int32_t)a, (int32_t)b, sum); }

/* sum + high(a) * low(b) */
EF_INLINE int32_t ef_high_low(uint32_t a, uint32_t b, int32_t sum) { return __smlatb((int32_t)a, (int32_t)b, sum); }

#elif defined(EF_EMULATE_DSP)
#define EF_DSP 1

EF_INLINE uint32_t ef_even(uint32_t word) { return ef_halves((int8_t)word, (int8_t)(word >> 16)); }
EF_INLINE uint32_t ef_odd(uint32_t word) { return ef_halves((int8_t)(word >> 8), (int8_t)(word >> 24)); }
EF_INLINE int32_t ef_low(uint32_t a, uint32_t b, int32_t sum) { return sum + (int16_t)a * (int16_t)b; }
EF_INLINE int32_t ef_high(uint32_t a, uint32_t b, int32_t sum) { return sum + (int16_t)(a >> 16) * (int16_t)(b >> 16); }
EF_INLINE int32_t ef_low_high(uint32_t a, uint32_t b, int32_t sum) { return sum + (int16_t)a * (int16_t)(b >> 16); }
EF_INLINE int32_t ef_high_low(uint32_t a, uint32_t b, int32_t sum) { return sum + (int16_t)(a >> 16) * (int16_t)b; }
EF_INLINE int32_t ef_dual(uint32_t a, uint32_t b, int32_t sum) { return ef_high(a, b, ef_low(a, b, sum)); }

#endif

#if !(defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP)
EF_INLINE uint32_t ef_max_bytes(uint32_t a, uint32_t b) {
  uint32_t greater = 0;
  for (int32_t shift = 0; shift < 32; shift += 8) {
    uint32_t byte = (int8_t)(a >> shift) > (int8_t)(b >> shift) ? a : b;
    greater |= byte & (0xFFu << shift);
  }
  return greater;
}
#endif

#ifdef EF_DSP
typedef struct {
  uint32_t even, odd;
} ef_pair;

/* Words `at` and `at + 1` of an array of eight. One instruction, LDRD, which compilers seldom make of two loads when registers are scarce. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
#define EF_LOAD_PAIR(pair, array, at)                               \
  __asm__("ldrd %0, %1, [%2, #%c3]"                                 \
          : "=r"((pair).even), "=r"((pair).odd)                     \
          : "r"(array), "i"(4 * (at)), "m"(*(const uint32_t(*)[8])(array)))
#else
#define EF_LOAD_PAIR(pair, array, at) ((pair).even = (array)[at], (pair).odd = (array)[(at) + 1])
#endif
#endif

/* Four bytes from any address, in the chip's byte order, which is little-endian on every Cortex-M that is sold. */
EF_INLINE uint32_t ef_word(const void *from) {
  uint32_t word;
  EF_COPY(&word, from, sizeof word);
  return word;
}
