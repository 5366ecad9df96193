/* From a small number, below 2^16, to the output's steps: the formula of requantize.h in a few instructions.
 *
 *   v = high half of (number << left) * mantissa, halves up      result = v / 2^right, halves away from zero
 *
 * The compiler makes `left` one more than a positive shift, and `right` the opposite of a negative one.
 */
#include "base.h"

typedef struct {
  int32_t mantissa;
  uint8_t left, right;
} ef_scale;

/* The high word of a 64-bit product, rounded, halves up. With the DSP extension one instruction, SMMULR. */
EF_INLINE int32_t ef_high_word(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b + 0x80000000LL) >> 32); }

/* number * 2^left; the product must fit. */
EF_INLINE int32_t ef_shift_left(int32_t number, int32_t left) { return (int32_t)((uint32_t)number << left); }

/* value / 2^right, halves away from zero, for a right from 1 to 31 and |value| < 2^30. */
EF_INLINE int32_t ef_round_shift(int32_t value, int32_t right) {
  return (value + (int32_t)(1u << (right - 1)) + (value >> 31)) >> right;
}

EF_INLINE int32_t ef_scaled(int32_t number, const ef_scale *p) {
  int32_t value = ef_high_word(ef_shift_left(number, p->left), p->mantissa);
  return p->right ? ef_round_shift(value, p->right) : value;
}
