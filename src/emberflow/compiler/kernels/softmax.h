/* SOFTMAX over the last axis: code = round(256 * e^(x - max) / Σ e^(x - max)) - 128, as TFLM's fixed point gives it.
 *
 * The sum's reciprocal is taken of the sum scaled to d in [1/2, 1). Source: gemmlowp's fixed point; the output's scale is 1/256 by specification.
 */
#include "exponential.h"

EF_KERNEL void ef_softmax_rows(const ef_softmax *p, const int8_t *in, int8_t *out) {
  for (int32_t row = 0; row < p->rows; ++row, in += p->depth, out += p->depth) {
    int32_t greatest = ef_greatest(in, p->depth), sum = ef_exponential_sum(p, in, greatest);
    int32_t headroom = ef_leading_zeros((uint32_t)sum), right = 35 - headroom;
    int32_t reciprocal = ef_reciprocal((int32_t)(((uint32_t)sum << headroom) >> 1));
    uint32_t half = 1u << ((right - 1) & 31);
    for (int32_t i = 0; i < p->depth; ++i) {
      uint32_t product = (uint32_t)ef_high_product(reciprocal, ef_exponential(p, greatest - in[i]));
      int32_t part = right > 31 ? 0 : (int32_t)((product + half) >> right); /* a sum above 2^28: all parts are below a half */
      out[i] = (int8_t)(part > 255 ? 127 : part - 128);
    }
  }
}
