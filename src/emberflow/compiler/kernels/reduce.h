/* MEAN, SUM, REDUCE_MAX, REDUCE_MIN over any axes.
 *
 *   SUM, MEAN: code = clamp(zero_point + requantize(Σ in - n * in_zero_point)), the factor s_in / s_out, for MEAN divided by n
 *
 * The output is written in order; what is left of the input's axes are three nested loops over the kept ones, and three over those that go
 * (the compiler merges neighbours). Source: LiteRT 8-bit specification; for MEAN, TFLM divides the multiplier's mantissa by n.
 */
#include "requantize.h"
#include "taps.h"

typedef struct {
  ef_nest kept, gone;
  int32_t start; /* -n * in_zero_point */
  int32_t mantissa;
  int8_t shift, zero_point;
} ef_reduce;

EF_INLINE int8_t ef_reduced(const ef_reduce *p, int32_t sum) {
  int32_t value = ef_requantize(sum + p->start, p->mantissa, p->shift) + p->zero_point;
  return (int8_t)ef_clamp(value, -128, 127);
}

EF_KERNEL void ef_reduce_sum(const ef_reduce *p, const int8_t *in, int8_t *out) {
  for (int32_t i = 0; i < p->kept.count[0]; ++i) {
    for (int32_t j = 0; j < p->kept.count[1]; ++j) {
      const int8_t *from = in + i * p->kept.step[0] + j * p->kept.step[1];
      int32_t left = p->kept.count[2];
      for (; p->kept.step[2] == 1 && left >= 4; left -= 4, from += 4) {
        int32_t sums[4];
        ef_sum_four(&p->gone, from, sums);
        for (int32_t k = 0; k < 4; ++k) *out++ = ef_reduced(p, sums[k]);
      }
      for (; left; --left, from += p->kept.step[2]) *out++ = ef_reduced(p, ef_sum_one(&p->gone, from));
    }
  }
}

/* `flip`: 0 for the greatest, -1 for the least. */
EF_KERNEL void ef_reduce_max(const ef_reduce *p, const int8_t *in, int8_t *out, int32_t flip) {
  for (int32_t i = 0; i < p->kept.count[0]; ++i) {
    for (int32_t j = 0; j < p->kept.count[1]; ++j) {
      const int8_t *from = in + i * p->kept.step[0] + j * p->kept.step[1];
      int32_t left = p->kept.count[2];
      for (; p->kept.step[2] == 1 && left >= 4; left -= 4, from += 4, out += 4) {
        uint32_t word = ef_max_four(&p->gone, from, 0x80808080u, (uint32_t)flip) ^ (uint32_t)flip;
        EF_COPY(out, &word, 4);
      }
      for (; left; --left, from += p->kept.step[2]) *out++ = (int8_t)(ef_max_one(&p->gone, from, -128, flip) ^ flip);
    }
  }
}
