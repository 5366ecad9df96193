/* LOG_SOFTMAX over the last axis: code = 127 + round(16 * (x - max - ln Σ e^(x - max))), as TFLM's fixed point gives it.
 *
 * The logarithm of a sum s: s = 2^k * 2^(1/4) * r with r in [2^(-1/2), 1), so that ln s = k * ln 2 + ln(r * 2^(1/4)). With m = 2^(-1/4), the
 * middle of that interval, q = 2 * (r - m) and p = (r + m) / 2, the rest is a quotient of polynomials (Padé):
 *
 *   ln(r / m) = (q * r + 11/240 * 2^(1/4) * q^3) / (1 + p * (2 m - 1/m + q + 1/20 * 2^(1/4) * q^2) + 1/4 * 2^(1/4) * q)
 *
 * Source: gemmlowp's and TensorFlow Lite's fixed point; scale 1/16 and zero point 127 of the output by specification.
 */
#include "exponential.h"

typedef struct {
  ef_softmax sum;
  int32_t mantissa; /* of one step of the input, with 26 fractional bits */
  uint8_t shift, reach; /* reach: beyond this difference to the greatest all codes are the lowest */
} ef_log_softmax;

/* The natural logarithm, with 26 fractional bits, of a sum with 19, which is at least 1. */
EF_INLINE int32_t ef_logarithm(int32_t sum) {
  const int32_t root = 1518500250, middle = 1805811301; /* 2^(-1/2) and 2^(-1/4); these and all below have 31 fractional bits */
  int32_t zeros = ef_leading_zeros((uint32_t)sum), r = (int32_t)((uint32_t)sum << (zeros - 1));
  int32_t power = (13 - zeros) * ((int32_t)1 << 25) - ((int32_t)1 << 23); /* k, with 25 fractional bits */
  if (ef_high_product(sum, root) >> (31 - zeros) == 0) r = ef_high_product(r, root) * 2, power -= (int32_t)1 << 24;
  int32_t p = (int32_t)(((uint32_t)r + (uint32_t)middle + 1) >> 1), q = (r - middle) * 2, square = ef_high_product(q, q);
  int32_t above = ef_high_product(q, r) + ef_high_product(ef_high_product(q, square), 117049297);
  int32_t below = ef_high_product(p, 1057819769 + q + ef_high_product(127690142, square)) + ef_high_product(638450708, q);
  int32_t reciprocal = ef_reciprocal((int32_t)(((uint32_t)below + 0x80000000u) >> 1));
  return (ef_high_product(power, 1488522236) + ef_high_product(ef_shift_right(above, 6), reciprocal)) * 2; /* ln 2 */
}

EF_KERNEL void ef_log_softmax_rows(const ef_log_softmax *p, const int8_t *in, int8_t *out) {
  int32_t depth = p->sum.depth;
  for (int32_t row = 0; row < p->sum.rows; ++row, in += depth, out += depth) {
    int32_t greatest = ef_greatest(in, depth), logarithm = ef_logarithm(ef_exponential_sum(&p->sum, in, greatest));
    for (int32_t i = 0; i < depth; ++i) {
      int32_t difference = in[i] - greatest;
      if (-difference > p->reach) {
        out[i] = -128;
        continue;
      }
      int32_t steps = ef_high_product((int32_t)((uint32_t)difference << p->shift), p->mantissa);
      out[i] = (int8_t)ef_clamp(127 + ef_shift_right(steps - logarithm, 22), -128, 127);
    }
  }
}
