/* Exponentials of differences of codes, and a reciprocal: what SOFTMAX and LOG_SOFTMAX share.
 *
 * x - max is one of 256 differences of codes; their exponentials, with 31 fractional bits, are a table that the compiler made. Their sum
 * has 19 fractional bits, each of them rounded, halves up. Source: gemmlowp's fixed point.
 */
#include "requantize.h"

typedef struct {
  const int32_t *exponentials; /* of -difference; 0 beyond `count` */
  int32_t rows;
  uint16_t depth, count;
} ef_softmax;

EF_INLINE int32_t ef_exponential(const ef_softmax *p, int32_t difference) { return difference < p->count ? p->exponentials[difference] : 0; }

EF_INLINE int32_t ef_greatest(const int8_t *in, int32_t length) {
  int32_t greatest = -128;
  for (int32_t i = 0; i < length; ++i) greatest = in[i] > greatest ? in[i] : greatest;
  return greatest;
}

EF_INLINE int32_t ef_exponential_sum(const ef_softmax *p, const int8_t *in, int32_t greatest) {
  int32_t sum = 0;
  for (int32_t i = 0; i < p->depth; ++i) sum += (int32_t)(((uint32_t)ef_exponential(p, greatest - in[i]) + (1u << 11)) >> 12);
  return sum;
}

/* 2^30 / d with 31 fractional bits, d with 31 and in [1/2, 1): three steps of Newton's method, r += r * (1 - d * r), from 48/17 - 32/17 * d,
 * whose error is least on that interval. */
EF_INLINE int32_t ef_reciprocal(int32_t d) {
  int32_t r = 1515870810 + ef_high_product(d, -1010580540); /* 48/17 and -32/17 with 29 fractional bits */
  for (int32_t i = 0; i < 3; ++i) r += ef_high_product(r, ((int32_t)1 << 29) - ef_high_product(d, r)) * 4;
  return r < (int32_t)1 << 30 ? r * 2 : 0x7FFFFFFF;
}
