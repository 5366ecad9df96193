/* L2_NORMALIZATION over the last axis: code = clamp(round(128 * d / √Σ d²)), d = code - zero point, as TFLM's fixed point gives it.
 *
 * The inverse root of a sum s: a = s * 4^n in [2^27, 2^29) is v = a / 2^29, and five steps of Newton's method, x = 3/2 x - v/2 x³ from 1, have
 * it with 28 fractional bits. A sum of 0 counts as 1, whose inverse root is the largest number below 1. Source: gemmlowp's fixed point; scale
 * 1/128 and zero point 0 of the output by specification.
 */
#include "requantize.h"

/* 1 / √v with 28 fractional bits, of v = a / 2^29 in [1/4, 1). */
EF_INLINE int32_t ef_inverse_root(int32_t a) {
  int32_t half = ((a >> 1) + 1) >> 1, x = (int32_t)1 << 28;
  for (int32_t i = 0; i < 5; ++i) {
    int32_t cube = ef_high_product(ef_high_product(x, x), x) * 64;
    x = (ef_high_product((int32_t)3 << 27, x) - ef_high_product(half, cube)) * 8;
  }
  return x;
}

/* in: (rows, depth); out: the same. */
EF_KERNEL void ef_l2_normalize(const int8_t *in, int8_t *out, int32_t rows, int32_t depth, int32_t zero) {
  for (; rows > 0; --rows, in += depth, out += depth) {
    int32_t sum = 0, mantissa = 0x7FFFFFFF, shift = 7;
    for (int32_t i = 0; i < depth; ++i) sum += (in[i] - zero) * (in[i] - zero);
    if (sum > 1) {
      int32_t pairs = (ef_leading_zeros((uint32_t)sum) - 1) / 2 - 1;
      mantissa = ef_high_product(ef_inverse_root(pairs < 0 ? sum >> 2 : sum << (2 * pairs)), 1518500250); /* times 2^(-1/2) */
      shift = pairs - 4;
    }
    for (int32_t i = 0; i < depth; ++i) {
      out[i] = (int8_t)ef_clamp(ef_requantize(in[i] - zero, mantissa, shift), -128, 127);
    }
  }
}
