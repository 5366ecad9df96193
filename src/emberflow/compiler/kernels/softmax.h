/* SOFTMAX over the last axis: code = round(256 * e^(x - max) / Σ e^(x - max)) - 128, as TFLM's fixed point gives it.
 *
 * x - max is one of 256 differences of codes; their exponentials, with 31 fractional bits, are a table that the compiler made. The sum
 * has 19 fractional bits. Its reciprocal: with the sum scaled to d in [1/2, 1), three steps of Newton's method, r += r * (1 - d * r), from
 * 48/17 - 32/17 * d, whose error is least on that interval. Source: gemmlowp's fixed point; the output's scale is 1/256 by specification.
 */
#include "requantize.h"

typedef struct {
  const int32_t *exponentials; /* of -difference; 0 beyond `count` */
  int32_t rows;
  uint16_t depth, count;
} ef_softmax;

EF_INLINE int32_t ef_exponential(const ef_softmax *p, int32_t difference) { return difference < p->count ? p->exponentials[difference] : 0; }

/* 2^30 / d with 31 fractional bits, d with 31. */
EF_INLINE int32_t ef_reciprocal(int32_t d) {
  int32_t r = 1515870810 + ef_high_product(d, -1010580540); /* 48/17 and -32/17 with 29 fractional bits */
  for (int32_t i = 0; i < 3; ++i) r += ef_high_product(r, ((int32_t)1 << 29) - ef_high_product(d, r)) * 4;
  return r < (int32_t)1 << 30 ? r * 2 : 0x7FFFFFFF;
}

EF_KERNEL void ef_softmax_rows(const ef_softmax *p, const int8_t *in, int8_t *out) {
  for (int32_t row = 0; row < p->rows; ++row, in += p->depth, out += p->depth) {
    int32_t greatest = -128, sum = 0;
    for (int32_t i = 0; i < p->depth; ++i) greatest = in[i] > greatest ? in[i] : greatest;
    for (int32_t i = 0; i < p->depth; ++i) sum += (int32_t)(((uint32_t)ef_exponential(p, greatest - in[i]) + (1u << 11)) >> 12);
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
