/* FULLY_CONNECTED: sum[o] = bias'[o] + Σ in[k] * w[o, k], for each of `batches` inputs; bias' folds the input's zero point away.
 *
 * Four rows of weights are read side by side, so that each word of the input is expanded once for four outputs. Source: LiteRT 8-bit
 * specification.
 */
#include "channel.h"
#include "dsp.h"

typedef struct {
  const int8_t *weights; /* a row of `depth` bytes an output */
  ef_rescale rescale;
  uint16_t batches, depth, outputs;
} ef_dense;

EF_INLINE void ef_dot_rows(const int8_t *row, const int8_t *in, int32_t depth, int32_t stride, int32_t sums[4]) {
  int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
  const int8_t *row2 = row + 2 * stride;
  int32_t k = depth;
#ifdef EF_DSP
  for (; k >= 4; k -= 4, row += 4, row2 += 4, in += 4) {
    uint32_t word = ef_word(in), even = ef_even(word), odd = ef_odd(word);
    word = ef_word(row), sum0 = ef_dual(odd, ef_odd(word), ef_dual(even, ef_even(word), sum0));
    word = ef_word(row + stride), sum1 = ef_dual(odd, ef_odd(word), ef_dual(even, ef_even(word), sum1));
    word = ef_word(row2), sum2 = ef_dual(odd, ef_odd(word), ef_dual(even, ef_even(word), sum2));
    word = ef_word(row2 + stride), sum3 = ef_dual(odd, ef_odd(word), ef_dual(even, ef_even(word), sum3));
  }
#endif
  for (; k; --k, ++row, ++row2) {
    int32_t value = *in++;
    sum0 += value * row[0];
    sum1 += value * row[stride];
    sum2 += value * row2[0];
    sum3 += value * row2[stride];
  }
  sums[0] = sum0, sums[1] = sum1, sums[2] = sum2, sums[3] = sum3;
}

EF_KERNEL void ef_fully_connected(const ef_dense *p, const int8_t *in, int8_t *out) {
  int32_t depth = p->depth;
  for (int32_t batch = 0; batch < p->batches; ++batch, in += depth, out += p->outputs) {
    const int8_t *row = p->weights;
    for (int32_t o = 0; o < p->outputs; o += 4, row += 4 * depth) {
      int32_t count = p->outputs - o < 4 ? p->outputs - o : 4;
      /* with fewer than four rows left, the first of them is read in the place of those that aren't there */
      int32_t sums[4] = {0, 0, 0, 0};
      if (count == 4) {
        ef_dot_rows(row, in, depth, depth, sums);
      } else {
        for (int32_t i = 0; i < count; ++i) {
          int32_t single[4] = {0, 0, 0, 0};
          ef_dot_rows(row + i * depth, in, depth, 0, single);
          sums[i] = single[0];
        }
      }
      for (int32_t i = 0; i < count; ++i) {
        ef_channel channel = ef_channel_at(&p->rescale, o + i);
        out[o + i] = ef_rescale_sum(sums[i] + channel.bias, channel, &p->rescale);
      }
    }
  }
}
