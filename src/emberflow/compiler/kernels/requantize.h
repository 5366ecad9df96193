/* From a sum of products to the output's code.
 *
 *   code = clamp(zero_point + round(sum * mantissa * 2^(shift - 31)))
 *
 * TensorFlow Lite for Microcontrollers rounds twice, as gemmlowp's fixed point describes: the product to its high half, halves up; then at
 * the shift, halves away from zero. LiteRT's reference rounds once in some operators. Both are here; which one is called decides the bytes.
 */
#include "base.h"

/* sum * mantissa / 2^31 rounded, halves up; mantissa in [2^30, 2^31). */
EF_INLINE int32_t ef_high_product(int32_t sum, int32_t mantissa) {
  return (int32_t)(((int64_t)sum * mantissa + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^right rounded, halves away from zero; right from 0 to 31. */
EF_INLINE int32_t ef_shift_right(int32_t value, int32_t right) {
  if (right == 0) return value;
  int64_t half = (int64_t)1 << (right - 1);
  return (int32_t)((value + half - (value < 0)) >> right);
}

/* sum * mantissa * 2^(shift - 31), rounded twice; any shift from -31 to 30. */
EF_INLINE int32_t ef_requantize(int32_t sum, int32_t mantissa, int32_t shift) {
  int32_t left = shift > 0 ? shift : 0;
  return ef_shift_right(ef_high_product((int32_t)((uint32_t)sum << left), mantissa), left - shift);
}

/* The same, rounded once, halves up: what LiteRT's reference kernels of some operators do. */
EF_INLINE int32_t ef_requantize_once(int32_t sum, int32_t mantissa, int32_t shift) {
  int32_t right = 31 - shift;
  return (int32_t)(((int64_t)sum * mantissa + ((int64_t)1 << (right - 1))) >> right);
}
